"""Where the photos and other files of submissions lie, whether they are still what came, and whose they are.

Each submission has a folder, named by a hash of its id; a file's name begins with its own SHA-256. So another file
under the same name takes nothing away, and a registry that was lost learns from the folders what belongs to what.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from collect.registry import ATTACHMENTS, SENT, in_parts
from collect.store import Store, safe_name, sha256_of

FOLDER = "attachments"
ENCRYPTED = ".enc"  # how the name of a file ends that only the project's key opens
DIGITS = 16  # of the SHA-256 in a file's name


def folder_of(folder: Path, form: str, instance_id: str) -> Path:
    """The folder of one submission's attachments."""
    owner = hashlib.sha256(f"{form}\0{instance_id}".encode()).hexdigest()
    return folder / FOLDER / owner[:2] / owner


def path_of(folder: Path, form: str, instance_id: str, name: str, sha256: str) -> Path:
    """Where an attachment lies."""
    return folder_of(folder, form, instance_id) / f"{sha256[:DIGITS]}-{safe_name(name)}"


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
    with store.engine.connect() as connection:
        if connection.execute(sa.select(ATTACHMENTS.c.name).limit(1)).scalar() is not None:
            return 0
        known = connection.execute(sa.select(SENT.c.form, SENT.c.instance_id)).all()
    rows = [row for form, instance_id in known for row in _in_folder(store, form, instance_id)]
    with store.engine.begin() as connection:
        for part in in_parts(rows):
            connection.execute(ATTACHMENTS.insert(), part)
    return len(rows)


def _in_folder(store: Store, form: str, instance_id: str) -> Sequence[dict[str, object]]:
    found = []
    for path in sorted(folder_of(store.folder, form, instance_id).glob("*-*")):
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
