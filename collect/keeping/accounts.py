"""Keeps beside the registry who may send and which forms are closed, so that a lost registry shuts nobody out or in.

The file ``people.json`` holds what the registry holds of them: hashes, and hashes enciphered, never a secret. It is
written before the registry commits, so that nobody who was revoked comes back with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from collect.migrations import alone
from collect.problems import StoreError
from collect.registry import CLOSED, PEOPLE
from collect.store import Store, written_whole

COPY = "people.json"
TABLES = {"people": PEOPLE, "closed": CLOSED}


@contextmanager
def changing(engine: Engine, folder: Path) -> Iterator[Connection]:
    """A transaction in which accounts change; the copy is written with it. Raises StoreError STO-03."""
    with alone(engine) as connection:
        yield connection
        _write(connection, folder)


def _write(connection: Connection, folder: Path) -> None:
    kept = {
        name: [dict(row._mapping) for row in connection.execute(sa.select(table))] for name, table in TABLES.items()
    }
    with written_whole(folder / COPY) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")


def restore(store: Store) -> int:
    """Put what the copy holds into a registry that knows nobody and no closed form; returns how many people.

    Raises StoreError STO-22 when the copy cannot be read.
    """
    path = store.folder / COPY
    if not path.is_file():
        return 0
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        rows = {name: [{column.name: row[column.name] for column in table.columns} for row in kept[name]]
                for name, table in TABLES.items()}  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError("STO-22", file=COPY) from error
    with alone(store.engine) as connection:
        if any(connection.execute(sa.select(table).limit(1)).first() for table in TABLES.values()):
            return 0
        for name, table in TABLES.items():
            if rows[name]:
                connection.execute(table.insert(), rows[name])
    return len(rows["people"])
