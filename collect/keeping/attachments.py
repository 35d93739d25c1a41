"""Where the photos and other files of submissions lie, whether they are still what came, and whose they are.

Each submission has a folder, named by a hash of its id; a file's name begins with its own SHA-256. So another file
under the same name takes nothing away, and a registry that was lost learns from the folders what belongs to what: by
the ids of submissions that phones sent, and by a note in the folders of those that a server gave.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa

from collect.registry import ATTACHMENTS, SENT, in_parts
from collect.store import CHUNK_BYTES, Store, cannot_write, safe_name, sha256_of, sync_up, written_whole

FOLDER = "attachments"
OWNER = ".owner.json"  # whose files these are, where no phone sent them
ENCRYPTED = ".enc"  # how the name of a file ends that only the project's key opens
DIGITS = 16  # of the SHA-256 in a file's name


@dataclass(frozen=True, slots=True)
class Piece:
    """A file that came with a submission and already lies on disk under its SHA-256."""

    name: str
    sha256: str
    size_bytes: int


def folder_of(folder: Path, form: str, instance_id: str) -> Path:
    """The folder of one submission's attachments."""
    owner = hashlib.sha256(f"{form}\0{instance_id}".encode()).hexdigest()
    return folder / FOLDER / owner[:2] / owner


def path_of(folder: Path, form: str, instance_id: str, name: str, sha256: str) -> Path:
    """Where an attachment lies."""
    return folder_of(folder, form, instance_id) / f"{sha256[:DIGITS]}-{safe_name(name)}"


def keep(folder: Path, form: str, instance_id: str, files: Iterable[tuple[str, BinaryIO]]) -> tuple[Piece, ...]:
    """Write files that came with a submission; come back when they and every folder above them are on disk.

    Raises StoreError STO-03 when the disk takes no more.
    """
    place = folder_of(folder, form, instance_id)
    try:
        kept = tuple(_keep(place, folder / FOLDER, safe_name(name), file) for name, file in files)
        if kept:
            sync_up(place, folder)
    except OSError as error:
        raise cannot_write(place, error) from error
    return kept


def _keep(place: Path, waiting: Path, name: str, file: BinaryIO) -> Piece:
    digest, size = hashlib.sha256(), 0
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=waiting, prefix=".incoming-", delete=False) as temporary:
        path = Path(temporary.name)
        try:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                temporary.write(chunk)
            temporary.flush()
            os.fsync(temporary.fileno())
            path.replace(place / f"{digest.hexdigest()[:DIGITS]}-{name}")
        finally:
            path.unlink(missing_ok=True)
    return Piece(name, digest.hexdigest(), size)


def record(connection: sa.Connection, form: str, instance_id: str, pieces: Iterable[Piece], at: str) -> None:
    """Note files that lie on disk; of one name the latest to come is the one that counts."""
    for piece in {(one.name, one.sha256): one for one in pieces}.values():
        row: dict[str, Any] = {"form": form, "instance_id": instance_id, **asdict(piece), "received_at": at}
        same = sa.and_(*(ATTACHMENTS.c[name] == row[name] for name in ("form", "instance_id", "name", "sha256")))
        connection.execute(ATTACHMENTS.delete().where(same))
        connection.execute(ATTACHMENTS.insert().values(**row))


def keep_given(store: Store, form: str, instance_id: str, name: str, file: BinaryIO) -> None:
    """Keep and note a file that a server gave with a submission. Raises StoreError STO-03 or STO-09."""
    note = folder_of(store.folder, form, instance_id) / OWNER
    if not note.is_file():
        with written_whole(note) as temporary:
            temporary.write_text(json.dumps({"form": form, "instance_id": instance_id}), encoding="utf-8")
    pieces = keep(store.folder, form, instance_id, [(name, file)])
    with store.engine.begin() as connection:
        record(connection, form, instance_id, pieces, datetime.now(UTC).isoformat(timespec="milliseconds"))


def files_of(store: Store, form: str, instance_id: str | None = None) -> dict[str, dict[str, Path]]:
    """By submission of a form, or of one: the files that came with it by name; of one name the last to come."""
    chosen = ATTACHMENTS.c.form == form
    if instance_id is not None:
        chosen &= ATTACHMENTS.c.instance_id == instance_id
    found: dict[str, dict[str, Path]] = {}
    with store.engine.connect() as connection:
        rows = connection.execute(ATTACHMENTS.select().where(chosen).order_by(ATTACHMENTS.c.received_at)).mappings()
        for row in rows:
            path = path_of(store.folder, form, row["instance_id"], row["name"], row["sha256"])
            found.setdefault(row["instance_id"], {})[row["name"]] = path
    return found


def arrivals(store: Store, form: str, ids: Collection[str]) -> dict[tuple[str, str], list[str]]:
    """The names of files that came with submissions, by the submission and the moment of their post."""
    chosen = (ATTACHMENTS.c.form == form) & ATTACHMENTS.c.instance_id.in_(list(ids))
    query = ATTACHMENTS.select().where(chosen).order_by(ATTACHMENTS.c.received_at, ATTACHMENTS.c.name)
    found: dict[tuple[str, str], list[str]] = {}
    with store.engine.connect() as connection:
        for row in connection.execute(query).mappings():
            found.setdefault((row["instance_id"], row["received_at"]), []).append(row["name"])
    return found


def damage(store: Store) -> Iterator[str]:
    """The attachments that are gone or are not what came, as the id of their submission and their name."""
    with store.engine.connect() as connection:
        rows = connection.execute(ATTACHMENTS.select()).mappings().all()
    for row in rows:
        path = path_of(store.folder, row["form"], row["instance_id"], row["name"], row["sha256"])
        if not path.is_file() or sha256_of(path) != row["sha256"]:
            yield f"{row['instance_id']} {row['name']}"


def restore(store: Store) -> int:
    """Put the attachments of all known submissions into a registry that knows none; returns how many."""
    if not (store.folder / FOLDER).is_dir():
        return 0
    with store.engine.connect() as connection:
        if connection.execute(sa.select(ATTACHMENTS.c.name).limit(1)).scalar() is not None:
            return 0
        sent = connection.execute(sa.select(SENT.c.form, SENT.c.instance_id))
        known = {*((form, instance_id) for form, instance_id in sent), *_noted(store)}
    rows = [row for form, instance_id in known for row in _in_folder(store, form, instance_id)]
    with store.engine.begin() as connection:
        for part in in_parts(rows):
            connection.execute(ATTACHMENTS.insert(), part)
    return len(rows)


def _noted(store: Store) -> Iterator[tuple[str, str]]:
    """The submissions that a server gave files with."""
    for path in (store.folder / FOLDER).glob(f"??/*/{OWNER}"):
        with suppress(ValueError, KeyError, TypeError):  # damaged: the next pull of everything brings them again
            owner = json.loads(path.read_text(encoding="utf-8"))
            yield owner["form"], owner["instance_id"]


def _in_folder(store: Store, form: str, instance_id: str) -> Sequence[dict[str, object]]:
    found = []
    for path in sorted(folder_of(store.folder, form, instance_id).glob("[!.]*-*")):
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="milliseconds")
        found.append(
            {
                "form": form,
                "instance_id": instance_id,
                "name": path.name[DIGITS + 1 :],
                "sha256": sha256_of(path),
                "size_bytes": path.stat().st_size,
                "received_at": at,
            }
        )
    return found
