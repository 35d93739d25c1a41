"""The screens: each page filters, sorts and draws finished tables, in three languages."""
