"""Where submissions wait on disk from the moment a phone sends them until they become an upload.

Waiting for the disk once for each submission would be slow, so many are written one after another into a file that is
synced once for all of them. Each record is a line of JSON and the submission's bytes as they came; a record torn by a
power cut is told by its length or its SHA-256, and everything before it stands. A file belongs to one writer, who holds
a lock on it for as long as it may grow.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from collect.problems import StoreError
from collect.store import sync

FOLDER = "journal"
SUFFIX = ".journal"
FULL_BYTES = 64 << 20  # a file longer than this is followed by another


@dataclass(frozen=True, slots=True)
class Record:
    """One submission in the journal: what is known of it, and where its bytes are."""

    facts: Mapping[str, Any]
    segment: str
    start: int


class Journal:
    """The end of the journal to which one process adds; not to be shared between threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._file: BinaryIO | None = None
        self._name = ""

    def append(self, records: Sequence[tuple[Mapping[str, Any], bytes]]) -> list[tuple[str, int]]:
        """Add submissions and come back when all are on disk; for each the file's name and where its bytes begin.

        Raises OSError when they may not be: then none counts, and the file is not written to again.
        """
        if not records:
            return []
        file = self._open()
        places = []
        try:
            for facts, data in records:
                file.write(json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
                places.append((self._name, file.tell()))
                file.write(data + b"\n")
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            self.close()  # what the system still held back is unknown after a failed sync
            raise
        if file.tell() > FULL_BYTES:
            self.close()
        return places

    def close(self) -> None:
        """End the file; the next submission begins another."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def _open(self) -> BinaryIO:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(6)}{SUFFIX}"
            path = self._folder / self._name
            self._file = path.open("xb")
            _lock(self._file)
            sync(self._folder)
            sync(self._folder.parent)
        return self._file


def _lock(file: BinaryIO) -> bool:
    """Hold a file as its only writer; False where another does. Where there are no such locks, nobody is asked."""
    try:
        import fcntl
    except ImportError:
        return True  # Windows itself refuses to delete what somebody has open
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def segments(folder: Path) -> list[str]:
    """The names of the journal's files, the oldest first."""
    return sorted(path.name for path in (folder / FOLDER).glob(f"*{SUFFIX}"))


def records(folder: Path, segment: str) -> Iterator[Record]:
    """Every whole record of one file, in order."""
    with (folder / FOLDER / segment).open("rb") as file:
        while line := file.readline():
            start = file.tell()
            try:
                facts = json.loads(line)
                data = file.read(facts["size_bytes"])
                file.read(1)  # the end of the line
                whole = hashlib.sha256(data).hexdigest() == facts["sha256"]
            except (ValueError, KeyError, TypeError):
                return
            if not whole:
                return
            yield Record(facts, segment, start)


def bytes_of(folder: Path, row: Mapping[str, Any]) -> bytes:
    """A submission as it came. Raises StoreError STO-20 when the journal no longer holds it."""
    try:
        with (folder / FOLDER / row["segment"]).open("rb") as file:
            file.seek(row["start"])
            data: bytes = file.read(row["size_bytes"])
    except OSError as error:
        raise StoreError("STO-20", segment=row["segment"]) from error
    if hashlib.sha256(data).hexdigest() != row["sha256"]:
        raise StoreError("STO-20", segment=row["segment"])
    return data


def discard(folder: Path, segment: str) -> bool:
    """Delete a file whose submissions all lie elsewhere; False where somebody still writes to it."""
    path = folder / FOLDER / segment
    try:
        with path.open("r+b") as file:
            if not _lock(file):
                return False
            path.unlink()
    except OSError:
        return False
    return True
