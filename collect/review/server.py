"""What the server a form is pulled from has decided: it is written down as the server's, and overrules nobody here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from collect.keeping.ledger import Said, append
from collect.review.identity import versions
from collect.review.standing import standing
from collect.store import Store

ADDRESS = ("https://", "http://")  # how a server signs in the ledger; people sign with names
GONE, BACK = "deleted on the server", "on the server again"


class Moved(Protocol):
    """Names that left a server, and names that are back: see `collect.pull.gone`."""

    @property
    def gone(self) -> Sequence[str]:
        """No longer there."""

    @property
    def back(self) -> Sequence[str]:
        """There again."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Interviews by what became of them: ``deleted``, ``restored``, or ``kept`` because somebody here decided."""

    deleted: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def is_server(by: str | None) -> bool:
    """Whether a decision is a server's and not a person's."""
    return (by or "").startswith(ADDRESS)


def follow(store: Store, form: str, moved: Moved, still: Collection[str], server: str) -> Followed:
    """Delete what a server deleted, and take that back for what it restored; ``server`` is its address.

    Where a person here decided on an interview, or it counts by a version that never was on the server, nothing is
    changed: it is among ``kept``. One that counts by a name that is ``still`` there was edited and not deleted.
    """
    said, deleted, restored, kept = list[Said](), list[str](), list[str](), list[str]()
    gone, there = set(moved.gone), set(still)
    for row in _rows(store, form, [*moved.gone, *moved.back]):
        name, leaves = row["submission_id"], row["name"] in gone
        mine = name in gone and (row["last_decision"] is None or is_server(row["decided_by"]))
        if leaves and name in there:
            continue
        if leaves and mine and row["decision"] != "deleted":
            said.append(_said(form, row, "deleted", GONE))
            deleted.append(name)
        elif leaves and row["decision"] != "deleted":
            kept.append(name)
        elif not leaves and row["decision"] == "deleted" and is_server(row["decided_by"]):
            said.append(_said(form, row, "received", BACK))
            restored.append(name)
    append(store, said, server)
    return Followed(tuple(deleted), tuple(restored), tuple(kept))


def _said(form: str, row: Mapping[str, Any], new: str, why: str) -> Said:
    return Said("review", form, row["submission_id"], row["decision"] or "received", new, why, content=row["content"])


def _rows(store: Store, form: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """The interviews that ``names`` are versions of, as they stand, each once."""
    if not names:
        return []
    ties = versions(store, form).select("interview", name="submission_id").unique()
    named = ties.filter(pl.col("name").is_in(list(names)))
    rows = standing(store, form).join(named, on="interview", how="inner", maintain_order="left")
    return rows.unique("interview", keep="first", maintain_order=True).to_dicts()
