"""Brings an older registry up to what this version needs, step by step, whoever opens it first.

The table ``schema`` holds one row: the number of the last step taken. A table that is missing is simply made; a step is
written only where something that exists must change. Steps are never edited or removed: the next change is a new one.
All of it happens in one transaction that others wait for, so a registry is never seen half way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from collect.problems import StoreError

SCHEMA = sa.Table("schema", sa.MetaData(), sa.Column("version", sa.Integer, nullable=False))
WAITING_ROOM = 7_248_620  # PostgreSQL's advisory lock: any number nobody else uses


def _runs_know_the_ledger(connection: Connection) -> None:
    connection.execute(sa.text("ALTER TABLE runs ADD COLUMN ledger_head VARCHAR(64) DEFAULT '' NOT NULL"))


def _uploads_know_their_letters(connection: Connection) -> None:
    for name in ("forced_encoding", "forced_dates"):
        connection.execute(sa.text(f"ALTER TABLE uploads ADD COLUMN {name} VARCHAR(32) DEFAULT '' NOT NULL"))


def _downloads_are_a_chain(connection: Connection) -> None:
    """Lines noted until now are numbered from one and chained in their order, as `collect.keeping.chain` chains."""
    if "downloads" not in sa.inspect(connection).get_table_names():
        return
    connection.execute(sa.text("ALTER TABLE downloads RENAME COLUMN sequence TO number"))
    for name in ("previous", "digest"):
        connection.execute(sa.text(f"ALTER TABLE downloads ADD COLUMN {name} VARCHAR(64) DEFAULT '' NOT NULL"))
    previous = ""
    rows = connection.execute(sa.text("SELECT * FROM downloads ORDER BY number")).mappings().all()
    for number, row in enumerate(rows, 1):
        line = {**row, "number": number, "previous": previous}
        del line["digest"]
        text = json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        change = "UPDATE downloads SET number = :number, previous = :previous, digest = :digest WHERE number = :old"
        new = {"number": number, "previous": previous, "digest": digest, "old": row["number"]}
        connection.execute(sa.text(change), new)
        previous = digest


def _uploads_know_their_numbers(connection: Connection) -> None:
    connection.execute(sa.text("ALTER TABLE uploads ADD COLUMN forced_decimals VARCHAR(32) DEFAULT '' NOT NULL"))


# step n leads to version n + 1
STEPS: tuple[Callable[[Connection], None], ...] = (
    _runs_know_the_ledger,
    _uploads_know_their_letters,
    _downloads_are_a_chain,
    _uploads_know_their_numbers,
)
LATEST = len(STEPS) + 1  # version 1 had no table `schema` at all


def bring_up(engine: Engine, metadata: sa.MetaData) -> None:
    """Make the tables that are missing and take the steps that were not taken yet.

    Raises
    ------
    StoreError
        STO-08 when a newer version of this program has been at work here.
    """
    with engine.connect() as connection:
        if _is_up(connection, metadata):
            return
    with alone(engine) as connection:
        known = set(sa.inspect(connection).get_table_names())
        before = _version(connection, known)
        for step in STEPS[before - 1 :] if before else ():
            step(connection)
        metadata.create_all(connection)
        SCHEMA.create(connection, checkfirst=True)
        connection.execute(SCHEMA.delete())
        connection.execute(SCHEMA.insert().values(version=LATEST))


def _is_up(connection: Connection, metadata: sa.MetaData) -> bool:
    known = set(sa.inspect(connection).get_table_names())
    return metadata.tables.keys() <= known and _version(connection, known) == LATEST


def _version(connection: Connection, known: set[str]) -> int:
    """0 for an empty database, 1 for one from before versions were counted."""
    if SCHEMA.name not in known:
        return 1 if "uploads" in known else 0
    version = int(connection.execute(sa.select(SCHEMA.c.version)).scalar_one())
    if version > LATEST:
        raise StoreError("STO-08", version=version, known=LATEST)
    return version


@contextmanager
def alone(engine: Engine) -> Iterator[Connection]:
    """A transaction that every other one of its kind waits for; committed at the end, undone on an error."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver itself would begin only at the first change
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WAITING_ROOM)))
        yield connection
        connection.commit()
