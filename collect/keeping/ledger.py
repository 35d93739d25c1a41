"""What people decided, as a chain (`collect.keeping.chain`): a changed past shows.

One table for reviews, corrections and judgements of duplicates, because they answer the same questions: who, when,
about which submission, what it was, what it is now, why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from collect.keeping.chain import Chain
from collect.registry import LEDGER
from collect.store import Store

Kind = Literal["review", "correction", "pair"]


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody wants written down.

    A review: ``old`` and ``new`` are states, ``content`` the hash of the version it was about. A correction: ``old``
    and ``new`` are answers (None: blank) to ``question`` in the row ``row_id``, ``other`` the interview's first id.
    A pair: ``submission_id`` and ``other`` are the two, ``new`` is "same" or "different"; of the same,
    ``submission_id`` is the one kept.
    """

    kind: Kind
    form: str
    submission_id: str
    old: str | None
    new: str | None
    why: str
    other: str = ""
    row_id: str = ""
    question: str = ""
    content: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger: a `Said` with its number, moment (UTC), author, and its place in the chain."""

    number: int
    at: str
    by: str
    kind: str
    form: str
    submission_id: str
    other: str
    row_id: str
    question: str
    old: str | None
    new: str | None
    why: str
    content: str
    previous: str
    digest: str


CHAIN = Chain(LEDGER, Entry, "ledger.jsonl")


def append(store: Store, said: Sequence[Said], by: str) -> list[Entry]:
    """Write entries down, all or none, and return them with their numbers; two writers wait for one another."""
    return CHAIN.append(store, [{**asdict(one), "by": by} for one in said])


def entries(
    store: Store, *, form: str | None = None, kind: Kind | None = None, until: datetime | None = None
) -> list[Entry]:
    """The entries in order: of one form, of one kind, written up to a moment."""
    query = LEDGER.select().order_by(LEDGER.c.number)
    if form is not None:
        query = query.where(LEDGER.c.form == form)
    if kind is not None:
        query = query.where(LEDGER.c.kind == kind)
    if until is not None:
        query = query.where(LEDGER.c.at <= until.astimezone(UTC).isoformat(timespec="microseconds"))
    return CHAIN.lines(store, query)


def head(store: Store, until: datetime | None = None) -> str:
    """The digest of the last entry (up to a moment): one word for everything decided so far; "" before the first."""
    return CHAIN.head(store, until)
