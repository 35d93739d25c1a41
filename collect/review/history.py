"""Everything that happened to one interview: what came when and from whom, what it replaced, what was decided and why.

Also of one that is in no table yet: a phone may have sent its answers and not all of its files. The table holds
corrected answers and stays inside the data folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from collect import registry
from collect.keeping import attachments, sent
from collect.keeping.ledger import Entry, entries
from collect.problems import CollectError
from collect.review.identity import counting, found_in, versions
from collect.review.standing import FINAL
from collect.store import Store

HISTORY = {
    "at": pl.String(),
    "by": pl.String(),
    "event": pl.String(),
    "submission_id": pl.String(),
    "row_id": pl.String(),
    "question": pl.String(),
    "old": pl.String(),
    "new": pl.String(),
    "why": pl.String(),
    "number": pl.Int64(),
}
NOT_IN_FORCE = (None, "received", *FINAL)  # decisions that no other version undoes
Event = dict[str, Any]  # a row of HISTORY; what is left out is empty


def history(store: Store, submission_id: str) -> pl.DataFrame:
    """Everything that happened to one interview, all its versions together, in order.

    Returns
    -------
    DataFrame
        ``event`` says what ``old`` and ``new`` are. By phone: in_tables, waiting, incomplete, sealed or unreadable
        (as `collect.keeping.sent` says where it stands; ``new``: the interviewer), files (``new``: their names). As an
        upload (``new``: the file): received, again (no other answers), changed, edited (``old``: the id it replaces).
        lapsed and holds (``old``: the decision, ``new``: who made it, ``number``: its entry): other answers came, or
        those it was made on came back. Of the ledger, with their ``number``: review (``old`` and ``new``: states),
        correction (answers to ``question`` in ``row_id``), pair (``old``: the other id; ``new``: same or different).

    Raises
    ------
    CollectError
        USE-01 for an id nobody sent.
    """
    form, own, ids = _interview(store, submission_id)
    received = {one["upload_id"]: one for one in registry.uploads(store.engine)}
    said = [one for one in entries(store, form=form) if ids & _named(one)]
    found: list[tuple[datetime, Event | Entry]] = [(_moment(one["at"]), one) for one in _by_phone(store, form, ids)]
    found += [(row["received_at"], {**row, **received[row["upload_id"]]}) for row in own.iter_rows(named=True)]
    found += [(_moment(one.at), one) for one in said]
    told = _told([one for _, one in sorted(found, key=lambda pair: pair[0])], own)
    texts = dict.fromkeys(("row_id", "question", "why"), "")
    return pl.DataFrame([{**texts, **row} for row in told], schema=HISTORY)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _named(one: Entry) -> set[str]:
    return {one.submission_id, one.other} if one.kind == "pair" else {one.submission_id}


def _interview(store: Store, submission_id: str) -> tuple[str, pl.DataFrame, set[str]]:
    """Its form, its versions in the tables (perhaps none), and all of its ids, of those that wait for a piece too."""
    try:
        form, every = found_in(store, submission_id)
    except CollectError:
        by_phone = sent.form_of(store, submission_id)
        if by_phone is None:
            raise
        form, every = by_phone, versions(store, by_phone)
    ids, before = {submission_id}, set[str]()
    while ids != before:
        before = set(ids)
        interviews = every.filter(pl.col("submission_id").is_in(list(ids)))["interview"]
        ids |= set(every.filter(pl.col("interview").is_in(interviews.implode()))["submission_id"])
        for row in sent.standing_of(store, form, ids):
            ids |= {row["instance_id"], row["replaces"]} - {""}
    return form, every.filter(pl.col("submission_id").is_in(list(ids))), ids


def _by_phone(store: Store, form: str, ids: set[str]) -> Iterator[Event]:
    """What phones sent, and which files came with it or after it."""
    rows = {row["instance_id"]: row for row in sent.standing_of(store, form, ids)}
    for name, row in rows.items():
        yield {
            "at": row["received_at"], "by": row["received_by"], "event": row["state"], "submission_id": name,
            "old": row["replaces"] or None, "new": row["person"], "why": row["refused"],
        }  # fmt: skip
    for (name, at), files in attachments.arrivals(store, form, ids).items():
        by = rows[name]["received_by"] if name in rows else ""
        yield {"at": at, "by": by, "event": "files", "submission_id": name, "new": ", ".join(files)}


def _told(found: Sequence[Event | Entry], own: pl.DataFrame) -> Iterator[Event]:
    """The events in order, those that follow from others among them."""
    there, content = own.head(0), None
    decision: Entry | None = None
    holds = True
    for one in found:
        if isinstance(one, Entry):
            yield _of_ledger(one)
            if one.kind == "review":
                decision, holds, about = one, True, content
            continue
        if "upload_id" not in one:
            yield one
            continue
        yield _of_upload(one, there)
        there = pl.concat([there, own.filter(upload_id=one["upload_id"], submission_id=one["submission_id"])])
        content = counting(there)["content"][0]
        if decision is not None and decision.new not in NOT_IN_FORCE and holds != (content == about):
            holds = content == about
            yield {
                "at": one["received_at"], "by": one["received_by"], "event": "holds" if holds else "lapsed",
                "submission_id": one["submission_id"], "old": decision.new, "new": decision.by,
                "number": decision.number,
            }  # fmt: skip


def _of_upload(row: Event, there: pl.DataFrame) -> Event:
    """One version as an upload brought it, after those that were ``there``."""
    event, same = "edited" if row["replaces"] else "received", there.filter(submission_id=row["submission_id"])
    if not same.is_empty():
        event = "again" if row["content"] in same["content"] else "changed"
    return {
        "at": row["received_at"], "by": row["received_by"], "event": event, "submission_id": row["submission_id"],
        "old": row["replaces"] if event == "edited" else None, "new": row["file_name"],
    }  # fmt: skip


def _of_ledger(one: Entry) -> Event:
    return {
        "at": one.at, "by": one.by, "event": one.kind, "submission_id": one.submission_id, "row_id": one.row_id,
        "question": one.question, "old": one.other if one.kind == "pair" else one.old, "new": one.new, "why": one.why,
        "number": one.number,
    }  # fmt: skip
