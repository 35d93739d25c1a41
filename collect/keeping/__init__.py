"""What keeps the store true: the ledger of decisions, verifying, mending."""
