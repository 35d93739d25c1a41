"""Estimates and targets become verdicts and changes, and verdicts become the list of gaps to close."""

from collect.judge.change import changes
from collect.judge.gaps import gaps
from collect.judge.interviews import Chances
from collect.judge.verdicts import judge, tally

__all__ = ["Chances", "changes", "gaps", "judge", "tally"]
