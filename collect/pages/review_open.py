"""What is open on the review page, an interview or a pair: kept by its id, because other windows move the lists' rows.

A row's place says nothing lasting: who accepts the first row in one window moves every row of another. What is open
stays open there, also where the list no longer shows it, with what is typed beside it and a word of who changed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

STANDING = ("state", "upload_id", "last_decision", "reason", "decided_at", "corrections", "changed")
INTERVIEWS, PAIRS = "review", "pair"  # the two lists


@dataclass(slots=True)
class Open:
    """What is open in one list; ``ident``: None before anything is, "" where somebody took the tick away."""

    of: str  # the list
    asked: str | None = None  # by the address
    ident: str | None = None
    stood: object = None  # as it was drawn last; None: what it is by now is this window's own doing
    elsewhere: bool = False  # changed in another window while it was open
    listed: Sequence[str] = ()  # the list it was last in
    drawn: Sequence[str] = ()  # the list on screen
    rows: list[int] = field(default_factory=list)  # and what is ticked in it
    turn: int = 0  # another table wherever its tick must move: one on its way from the browser is then of the old one

    @property
    def key(self) -> str:
        """The key of the list."""
        return f"{self.of}-rows-{self.turn}"


def standing(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """How an interview stands: what another window changes of it."""
    return tuple(row[name] for name in STANDING)


def pair_of(row: Mapping[str, Any]) -> str:
    """What names a pair, whichever of the two was received first."""
    return " ".join(sorted((row["one"], row["other"])))


def own(of: str, idents: Sequence[str]) -> None:
    """Note that this window changed some interviews or pairs, so that nobody is told of it as news."""
    kept = st.session_state.get(f"{of}-open")
    if kept is not None and kept.ident in idents:
        kept.stood, kept.elsewhere = None, False


def settle(of: str, stands: Callable[[str], object], shown: Sequence[str]) -> Open:
    """What is open now: what was ticked since, else what was open, else what follows it in the list ``shown``.

    ``stands``: how what they may see stands now, by its id; None for what is there no more.
    """
    asked = st.query_params.get("interview") if of == INTERVIEWS else None
    kept: Open = st.session_state.setdefault(f"{of}-open", Open(of))
    if asked and asked != kept.asked:
        kept = st.session_state[f"{of}-open"] = Open(of, asked, asked if asked in shown else "", turn=kept.turn + 1)
    _ticked(kept)
    now = stands(kept.ident or "")
    kept.elsewhere = now is not None and (kept.elsewhere or kept.stood not in (None, now))
    if kept.ident != "" and kept.ident not in shown and not kept.elsewhere:
        kept.ident = _following(kept, shown)
        now = stands(kept.ident or "")
    kept.stood = now
    if kept.ident in shown:
        kept.listed = shown
    place = [shown.index(kept.ident)] if kept.ident in shown else []
    if kept.rows != place:
        kept.turn += 1
    kept.drawn, kept.rows = shown, place
    return kept


def _ticked(kept: Open) -> None:
    """Take up a tick set or taken away since the list was drawn."""
    held = st.session_state.get(kept.key)
    ticked = list(held["selection"]["rows"]) if held else kept.rows
    if ticked != kept.rows and all(at < len(kept.drawn) for at in ticked):
        kept.ident = kept.drawn[ticked[0]] if ticked else ""
        kept.stood, kept.elsewhere, kept.rows = None, False, ticked


def _following(kept: Open, shown: Sequence[str]) -> str | None:
    """What comes after the one that was open, else before it, else the first."""
    left, was = set(shown), list(kept.listed)
    at = was.index(kept.ident) if kept.ident in was else len(was)
    order = [*was[at + 1 :], *reversed(was[:at]), *shown[:1]]
    return next((one for one in order if one in left), None)
