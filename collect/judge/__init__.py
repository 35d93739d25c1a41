"""Estimates and targets become verdicts, and verdicts become the list of gaps to close."""
