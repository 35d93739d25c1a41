"""What people decided, as a chain: each entry holds the digest of the one before, so a changed past shows.

One table for reviews, corrections and judgements of duplicates, because they answer the same questions: who, when,
about which submission, what it was, what it is now, why. Entries are added, never changed. A copy lies beside the
tables in ``ledger.jsonl``, line by line: from it a lost registry is made again, and an entry cut off the end is missed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

import sqlalchemy as sa

from collect.migrations import alone
from collect.problems import StoreError
from collect.registry import LEDGER
from collect.store import Store

Kind = Literal["review", "correction", "pair"]
COPY = "ledger.jsonl"
BEGINNING = ""  # what the first entry names as its predecessor


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

    def right_digest(self) -> str:
        """What ``digest`` must be: SHA-256 over everything else, as JSON with its keys in order."""
        said = {name: value for name, value in asdict(self).items() if name != "digest"}
        text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


NAMES = tuple(field.name for field in fields(Entry))


def append(store: Store, said: Sequence[Said], by: str) -> list[Entry]:
    """Write entries down, all or none, and return them with their numbers; two writers wait for one another."""
    if not said:
        return []
    with alone(store.engine) as connection:
        written = _chained(_last(connection), said, by)
        connection.execute(LEDGER.insert(), [asdict(entry) for entry in written])
    copy_out(store)
    return written


def _chained(last: Entry | None, said: Sequence[Said], by: str) -> list[Entry]:
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    at = max(now, last.at) if last else now  # a clock that jumped back must not undo the order
    number, previous, entries = (last.number if last else 0), (last.digest if last else BEGINNING), []
    for one in said:
        number += 1
        bare = Entry(number=number, at=at, by=by, previous=previous, digest="", **asdict(one))
        entries.append(Entry(**{**asdict(bare), "digest": bare.right_digest()}))
        previous = entries[-1].digest
    return entries


def _last(connection: sa.Connection) -> Entry | None:
    row = connection.execute(LEDGER.select().order_by(LEDGER.c.number.desc()).limit(1)).one_or_none()
    return Entry(**row._mapping) if row else None


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
    with store.engine.connect() as connection:
        return [Entry(**row._mapping) for row in connection.execute(query)]


def head(store: Store, until: datetime | None = None) -> str:
    """The digest of the last entry (up to a moment): one word for everything decided so far; "" before the first."""
    query = sa.select(LEDGER.c.digest).order_by(LEDGER.c.number.desc()).limit(1)
    if until is not None:
        query = query.where(LEDGER.c.at <= until.astimezone(UTC).isoformat(timespec="microseconds"))
    with store.engine.connect() as connection:
        return connection.execute(query).scalar() or BEGINNING


def first_break(chain: Iterable[Entry]) -> int | None:
    """The number of the first entry that was changed, or that follows a gap; None where the chain holds."""
    previous = BEGINNING
    for number, entry in enumerate(chain, 1):
        if (entry.number, entry.previous, entry.digest) != (number, previous, entry.right_digest()):
            return number
        previous = entry.digest
    return None


def copy_out(store: Store) -> None:
    """Bring the copy beside the tables up to the ledger: what it lacks is added and synced, what it has stays."""
    with alone(store.engine) as connection, (store.folder / COPY).open("a+b") as file:
        whole, known = _end_of(file)
        query = LEDGER.select().where(LEDGER.c.number > known).order_by(LEDGER.c.number)
        lines = [json.dumps(dict(row._mapping), ensure_ascii=False) + "\n" for row in connection.execute(query)]
        file.truncate(whole)  # a line torn by a power cut is written again
        file.write("".join(lines).encode("utf-8", "surrogatepass"))
        file.flush()
        os.fsync(file.fileno())


def _end_of(file: BinaryIO) -> tuple[int, int]:
    """How many bytes are whole lines, and the number of the last entry among them."""
    size, take = file.seek(0, os.SEEK_END), 1 << 16
    while True:
        begin = max(0, size - take)
        file.seek(begin)
        text = file.read(size - begin)
        end = text.rfind(b"\n")
        start = text.rfind(b"\n", 0, max(end, 0))
        if end >= 0 and (start >= 0 or begin == 0):
            return begin + end + 1, int(json.loads(text[start + 1 : end])["number"])
        if begin == 0:
            return 0, 0
        take *= 4


def copied(folder: Path) -> list[Entry]:
    """The entries in the copy; a last line torn by a power cut is left out.

    Raises
    ------
    StoreError
        STO-10 when a line cannot be read.
    """
    path = folder / COPY
    if not path.is_file():
        return []
    text = path.read_bytes()
    try:
        rows: list[Mapping[str, Any]] = [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]
        return [Entry(**{name: row[name] for name in NAMES}) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError("STO-10", file=COPY) from error


def restore(store: Store) -> int:
    """Put what the copy holds into an empty ledger; returns how many. A registry lost is made again from it."""
    with store.engine.begin() as connection:
        if _last(connection) is not None:
            return 0
        rows = [asdict(entry) for entry in copied(store.folder)]
        if rows:
            connection.execute(LEDGER.insert(), rows)
    return len(rows)
