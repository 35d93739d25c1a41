"""Lists to which lines are only ever added, each with the digest of the one before, so that a changed past shows.

A copy lies beside the tables, line by line: from it a lost registry is made again, and a line cut off the end, which a
chain alone cannot show, is missed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import Field, asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Generic, Protocol, TypeVar

import sqlalchemy as sa

from collect.harmless import storable
from collect.migrations import alone
from collect.problems import StoreError
from collect.store import Store

BEGINNING = ""  # what the first line names as its predecessor


class Chained(Protocol):
    """One line: a frozen dataclass with its number (1, 2, 3 ...), its moment (UTC) and its place in the chain."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def number(self) -> int:
        """Its place; a gap is damage."""

    @property
    def at(self) -> str:
        """When it was written, never before the line before it."""

    @property
    def previous(self) -> str:
        """The digest of the line before."""

    @property
    def digest(self) -> str:
        """What `right_digest` gives, while nobody changed the line."""


Line = TypeVar("Line", bound=Chained)


def right_digest(line: Mapping[str, Any]) -> str:
    """SHA-256 over everything but the digest itself, as JSON with its keys in order."""
    said = {name: value for name, value in line.items() if name != "digest"}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Chain(Generic[Line]):
    """One such list: its table in the registry, the class of its lines, the file of its copy."""

    table: sa.Table
    line: type[Line]
    copy: str

    def append(self, store: Store, said: Sequence[Mapping[str, Any]]) -> list[Line]:
        """Write lines down, all or none, and return them with their numbers; two writers wait for one another."""
        if not said:
            return []
        with alone(store.engine) as connection:
            with suppress(StoreError):  # a copy that cannot be read is said below, once the lines are written
                self._catch_up(connection, store.folder)
            written = list(self._chained(self.last(connection), said))
            connection.execute(self.table.insert(), [asdict(line) for line in written])
        self.copy_out(store)
        return written

    def _line(self, **values: Any) -> Line:
        made: Callable[..., Line] = self.line  # a protocol says nothing of how its classes are made
        return made(**values)

    def _chained(self, last: Line | None, said: Iterable[Mapping[str, Any]]) -> Iterator[Line]:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        at = max(now, last.at) if last else now  # a clock that jumped back must not undo the order
        number, previous = (last.number, last.digest) if last else (0, BEGINNING)
        for one in said:
            number += 1
            texts = {name: storable(value) if isinstance(value, str) else value for name, value in one.items()}
            bare = {**texts, "number": number, "at": at, "previous": previous}
            previous = right_digest(bare)
            yield self._line(**bare, digest=previous)

    def last(self, connection: sa.Connection) -> Line | None:
        """The line written last; None before the first."""
        row = connection.execute(self.table.select().order_by(self.table.c.number.desc()).limit(1)).one_or_none()
        return self._line(**row._mapping) if row else None

    def lines(self, store: Store, query: sa.Select[Any] | None = None) -> list[Line]:
        """All of them in order, or those of a query of the table."""
        asked = self.table.select().order_by(self.table.c.number) if query is None else query
        with store.engine.connect() as connection:
            return [self._line(**row._mapping) for row in connection.execute(asked)]

    def head(self, store: Store, until: datetime | None = None) -> str:
        """The digest of the last line (up to a moment): one word for everything so far; "" before the first."""
        query = sa.select(self.table.c.digest).order_by(self.table.c.number.desc()).limit(1)
        if until is not None:
            query = query.where(self.table.c.at <= until.astimezone(UTC).isoformat(timespec="microseconds"))
        with store.engine.connect() as connection:
            return connection.execute(query).scalar() or BEGINNING

    @staticmethod
    def head_of(lines: Sequence[Line]) -> str:
        """The same of lines that were read."""
        return lines[-1].digest if lines else BEGINNING

    @staticmethod
    def first_break(lines: Iterable[Line]) -> int | None:
        """The number of the first line that was changed, or that follows a gap; None where the chain holds."""
        previous = BEGINNING
        for number, line in enumerate(lines, 1):
            if (line.number, line.previous, line.digest) != (number, previous, right_digest(asdict(line))):
                return number
            previous = line.digest
        return None

    def copy_out(self, store: Store) -> None:
        """Bring the copy beside the tables up to date: what it lacks is added and synced, what it has stays.

        Raises StoreError STO-10 when its last line cannot be read: then the registry alone holds what was written.
        """
        with alone(store.engine) as connection, (store.folder / self.copy).open("a+b") as file:
            try:
                whole, known = _end_of(file)
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError("STO-10", file=self.copy) from error
            query = self.table.select().where(self.table.c.number > known).order_by(self.table.c.number)
            lines = [json.dumps(dict(row._mapping), ensure_ascii=False) + "\n" for row in connection.execute(query)]
            file.truncate(whole)  # a line torn by a power cut is written again
            file.write("".join(lines).encode("utf-8", "surrogatepass"))
            file.flush()
            os.fsync(file.fileno())

    def copied(self, folder: Path) -> list[Line]:
        """The lines in the copy; a last one torn by a power cut is left out.

        Raises
        ------
        StoreError
            STO-10 when a line cannot be read.
        """
        path = folder / self.copy
        if not path.is_file():
            return []
        text, names = path.read_bytes(), [field.name for field in fields(self.line)]
        try:
            rows: list[Mapping[str, Any]] = [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]
            return [self._line(**{name: row[name] for name in names}) for row in rows]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError("STO-10", file=self.copy) from error

    def restore(self, store: Store) -> int:
        """Take over what the copy holds beyond the table: a registry lost, or put back from a backup; returns how many.

        Nothing is taken where the two part ways. Raises StoreError STO-10 when the copy cannot be read.
        """
        with alone(store.engine) as connection:
            return self._catch_up(connection, store.folder)

    def _catch_up(self, connection: sa.Connection, folder: Path) -> int:
        last = self.last(connection)
        if not (folder / self.copy).is_file() or (last is not None and self._ends_at(folder) <= last.number):
            return 0
        rows = connection.execute(self.table.select().order_by(self.table.c.number))
        lines, copy = [self._line(**row._mapping) for row in rows], self.copied(folder)
        if lines and (self.parted_at(lines, copy) is not None or self.first_break(copy) is not None):
            return 0
        more = [asdict(line) for line in copy[len(lines) :]]
        if more:
            connection.execute(self.table.insert(), more)
        return len(more)

    def _ends_at(self, folder: Path) -> int:
        """The number of the copy's last line. Raises StoreError STO-10."""
        with (folder / self.copy).open("rb") as file:
            try:
                return _end_of(file)[1]
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError("STO-10", file=self.copy) from error

    def parted(self, store: Store) -> int | None:
        """`parted_at` of the ledger and its copy as they are now. Raises StoreError STO-10."""
        return self.parted_at(self.lines(store), self.copied(store.folder))

    @staticmethod
    def parted_at(lines: Sequence[Line], copy: Sequence[Line]) -> int | None:
        """The number at which the ledger and its copy say different things; None where one begins the other."""
        return next((old.number for old, new in zip(copy, lines, strict=False) if old != new), None)


def _end_of(file: BinaryIO) -> tuple[int, int]:
    """How many bytes are whole lines, and the number of the last one among them."""
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
