"""What is known of an upload beside its answers: how it writes what can be read two ways, and what it left out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spelling:
    """``dates``: "dmy" or "mdy", how 12/7/2026 is meant. ``decimals``: "comma" or "point", how 1,234 is meant."""

    dates: str = ""
    decimals: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What an export does not hold: what that would say is held against nobody.

    ``rows``: submissions whose rows of repeats were left out. ``columns``: questions that have no column in the file.
    """

    rows: frozenset[str] = frozenset()
    columns: frozenset[str] = frozenset()


UNTOLD, WHOLE = Spelling(), LeftOut()
