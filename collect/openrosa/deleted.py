"""Which submissions a reviewer deleted: they stay so, and phones that send them again are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from collect.registry import LEDGER, SENT


def deleted_among(
    connection: sa.Connection, names: Iterable[str], found: Sequence[Mapping[str, Any]]
) -> set[tuple[str, str]]:
    """The (form, id) of every version of an interview of which the last word of a reviewer was that it is deleted.

    A reviewer decides on the version that counts, so the word may stand at an edit of what is sent here.
    """
    groups = _versions_of(connection, names, found)
    query = sa.select(LEDGER.c.form, LEDGER.c.submission_id, LEDGER.c.new).order_by(LEDGER.c.number)
    said = query.where(LEDGER.c.kind == "review", LEDGER.c.submission_id.in_(groups))
    last = {(form, groups[name]): new for form, name, new in connection.execute(said)}
    gone = {key for key, new in last.items() if new == "deleted"}
    return {(form, name) for form, group in gone for name, other in groups.items() if other == group}


def _versions_of(connection: sa.Connection, names: Iterable[str], found: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Every id tied to one of ``names`` by edits that phones sent, and the id that stands for all of them."""
    groups = {name: name for name in names}
    ties = [(row["instance_id"], row["replaces"]) for row in found if row["replaces"]]
    while ties:
        fresh = set()
        for pair in ties:
            fresh |= {name for name in pair if name not in groups}
            known = [groups.setdefault(name, name) for name in pair]
            groups = {name: known[0] if group == known[1] else group for name, group in groups.items()}
        near = SENT.c.instance_id.in_(fresh) | SENT.c.replaces.in_(fresh)
        query = sa.select(SENT.c.instance_id, SENT.c.replaces).where(SENT.c.replaces != "", near)
        ties = [(one, other) for one, other in connection.execute(query)] if fresh else []
    return groups
