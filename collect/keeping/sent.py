"""What phones sent, from the journal to the upload that takes it to the tables, and back into a registry that was lost.

An upload of this kind is a zip: each submission a member, byte for byte as it came, with what the registry knows of it
as the member's comment. The same submissions make the same zip.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from collect import registry
from collect.keeping.journal import bytes_of, records, segments
from collect.problems import StoreError
from collect.registry import SENT, UPLOADS, in_parts
from collect.store import Store, kept, safe_name

PREFIX = "phones-"  # how the name of such an upload begins
SEALED = "IN-16"  # why a submission that was encrypted for the project's key is in no table yet
NOTED = ("form", "instance_id", "form_version", "replaces", "sha256", "size_bytes", "received_at", "received_by",
         "person", "complete")  # fmt: skip


def pack(folder: Path, rows: Sequence[Mapping[str, Any]], beside: Mapping[str, bytes]) -> bytes:
    """The zip of some submissions, and of the lists of choices that their forms read, by name.

    Raises StoreError STO-20 when the journal no longer holds one as it came.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for row in rows:
            entry = zipfile.ZipInfo(f"{row['sequence']:09d}-{safe_name(row['instance_id'])}.xml")
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.comment = _facts(row)
            archive.writestr(entry, bytes_of(folder, row))
        for name, data in beside.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return made.getvalue()


def pack_sealed(folder: Path, rows: Sequence[Mapping[str, Any]], beside: Mapping[str, bytes]) -> bytes:
    """The zip of some encrypted submissions: a folder each, with its ``files``: bytes by name.

    Raises StoreError STO-20 when the journal no longer holds one as it came.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:  # what is encrypted grows no smaller
        for row in rows:
            place = f"{row['sequence']:09d}"
            entry = zipfile.ZipInfo(f"{place}/submission.xml")
            entry.comment = _facts(row)
            archive.writestr(entry, bytes_of(folder, row))
            for name, content in row["files"].items():
                archive.writestr(zipfile.ZipInfo(f"{place}/{name}"), content)
        for name, data in beside.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return made.getvalue()


def _facts(row: Mapping[str, Any]) -> bytes:
    return json.dumps({name: row[name] for name in NOTED}, ensure_ascii=False).encode()


def holds(store: Store, form: str, instance_id: str) -> bool:
    """Whether a submission came by phone."""
    query = sa.select(SENT.c.sequence).where(SENT.c.form == form, SENT.c.instance_id == instance_id)
    with store.engine.connect() as connection:
        return connection.execute(query).scalar() is not None


def standing_of(store: Store, form: str, ids: Collection[str]) -> list[dict[str, Any]]:
    """What phones sent under these ids or as edits of them, in order, each with its ``state``.

    A state is "in_tables", or one of those that `Counts` counts.
    """
    named = SENT.c.instance_id.in_(list(ids)) | SENT.c.replaces.in_(list(ids))
    query = SENT.select().where(SENT.c.form == form, named).order_by(SENT.c.sequence)
    with store.engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
        received = set(connection.execute(sa.select(UPLOADS.c.upload_id)).scalars()) if rows else set()
    return [{**row, "state": _state(row, in_tables=row["upload_id"] in received)} for row in rows]


def _state(row: Mapping[str, Any], *, in_tables: bool) -> str:
    if in_tables:
        return "in_tables"
    if row["refused"]:
        return "sealed" if row["refused"] == SEALED else "unreadable"
    return "waiting" if row["complete"] else "incomplete"


def form_of(store: Store, instance_id: str) -> str | None:
    """The form of a submission that came by phone; None for one that did not."""
    query = sa.select(SENT.c.form).where(SENT.c.instance_id == instance_id).limit(1)
    with store.engine.connect() as connection:
        return connection.execute(query).scalar()


def unfolded(store: Store) -> sa.Select[Any]:
    """The query for submissions that are in no upload, for whatever reason."""
    return SENT.select().where(SENT.c.upload_id.not_in(sa.select(UPLOADS.c.upload_id))).order_by(SENT.c.sequence)


def sealed(store: Store) -> sa.Select[Any]:
    """The query for submissions that wait for the project's key."""
    return unfolded(store).where(SENT.c.refused == SEALED)


@dataclass(frozen=True, slots=True)
class Counts:
    """Where what phones sent stands, in submissions: ``sealed`` ones wait for the key, ``incomplete`` for a piece."""

    in_tables: int
    waiting: int
    incomplete: int
    sealed: int
    unreadable: int

    @property
    def all(self) -> int:
        """Everything that was acknowledged."""
        return self.in_tables + self.waiting + self.incomplete + self.sealed + self.unreadable


def counts(store: Store) -> Counts:
    """Count what phones sent by where it stands."""
    open_, closed = SENT.c.refused == "", SENT.c.refused == SEALED
    rows = unfolded(store).order_by(None).subquery()
    asked = {"waiting": open_ & SENT.c.complete, "incomplete": open_ & ~SENT.c.complete, "sealed": closed,
             "unreadable": ~open_ & ~closed}  # fmt: skip
    with store.engine.connect() as connection:
        number = sa.select(sa.func.count()).select_from(SENT)
        left = SENT.c.sequence.in_(sa.select(rows.c.sequence))
        found = {name: connection.execute(number.where(left, which)).scalar_one() for name, which in asked.items()}
        return Counts(connection.execute(number).scalar_one() - sum(found.values()), **found)


def pending(store: Store) -> sa.Select[Any]:
    """The query for submissions that are in no upload yet and were not refused."""
    return unfolded(store).where(SENT.c.refused == "")


def damage(store: Store) -> Iterator[str]:
    """The ids of submissions that were acknowledged and lie neither in the journal nor in an upload."""
    with store.engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(unfolded(store))]
    for row in rows:
        try:
            bytes_of(store.folder, row)
        except StoreError:
            yield str(row["instance_id"])


def restore(store: Store) -> int:
    """Put what uploads and the journal hold into an empty registry of what phones sent; returns how many."""
    with store.engine.connect() as connection:
        if connection.execute(sa.select(SENT.c.sequence).limit(1)).scalar() is not None:
            return 0
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in (*_in_uploads(store), *_in_journal(store)):
        found.setdefault((row["form"], row["instance_id"]), row)
    rows = sorted(found.values(), key=lambda row: str(row["received_at"]))
    with store.engine.begin() as connection:
        for part in in_parts(rows):
            connection.execute(SENT.insert(), part)
    return len(rows)


def _in_uploads(store: Store) -> Iterator[dict[str, Any]]:
    by_sha = {stored.sha256: stored for stored in kept(store) if stored.name.startswith(PREFIX)}
    for upload in registry.uploads(store.engine):
        stored = by_sha.get(upload["sha256"])
        if stored is None:
            continue
        with zipfile.ZipFile(stored.path) as archive:
            for entry in archive.infolist():
                if entry.comment:
                    facts = json.loads(entry.comment)
                    where = {"segment": "", "start": 0, "upload_id": upload["upload_id"], "refused": ""}
                    yield {**{name: facts[name] for name in NOTED}, **where}


def _in_journal(store: Store) -> Iterator[dict[str, Any]]:
    for segment in segments(store.folder):
        for record in records(store.folder, segment):
            where = {"segment": segment, "start": record.start, "upload_id": ""}
            where["refused"] = record.facts.get("refused", "")
            yield {**{name: record.facts[name] for name in NOTED}, **where}
