"""The groups of commands that `collect.cli` joins, a module each."""
