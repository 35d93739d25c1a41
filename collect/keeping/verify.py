"""Finds out whether what is stored is still what was stored; looks only, and says of each damage what mends it.

The registry is read whole (and asks itself, where it can), the ledger must be an unbroken chain that its copy and every
run agree with, each original must have its SHA-256, each Parquet part the one it was written with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from collect import registry
from collect.keeping import attachments, ledger, sent
from collect.problems import StoreError
from collect.store import Store, kept, sha256_of

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it was stored. ``kind`` has its words under ``verify.KIND`` in the catalogue."""

    kind: str
    where: str


@dataclass(frozen=True, slots=True)
class Soundness:
    """What was looked at, and what is wrong with it."""

    uploads: int
    parts: int
    entries: int
    damage: tuple[Damage, ...]
    head: str = ""  # digest of the last decision, to be kept where nobody who reaches the data folder does


def verify(store: Store, progress: Progress = lambda _step, _share: None, noted: Sequence[str] = ()) -> Soundness:
    """Look at everything stored. A registry that cannot be read at all is the only damage found then.

    ``noted``: heads of the ledger that somebody kept from earlier looks; it must still hold them.
    """
    progress("step.verify", 0.0)
    wrong = list(registry_damage(store))
    if wrong:
        return Soundness(0, 0, 0, tuple(wrong))
    chain = ledger.entries(store)
    wrong += _ledger(store, chain)
    digests = {entry.digest for entry in chain}
    wrong += (Damage("ledger_noted", digest) for digest in noted if digest not in digests)
    originals = registry.uploads(store.engine)
    progress("step.verify", 0.1)
    wrong += _originals(store)
    progress("step.verify", 0.5)
    parts = registry.files(store.engine)
    wrong += _parts(store)
    wrong += (Damage("sent_gone", instance) for instance in sent.damage(store))
    wrong += (Damage("attachment_gone", where) for where in attachments.damage(store))
    progress("step.verify", 1.0)
    head = chain[-1].digest if chain else ledger.BEGINNING
    return Soundness(len(originals), len(parts), len(chain), tuple(wrong), head)


def registry_damage(store: Store) -> Iterator[Damage]:
    """What the registry's own database finds wrong with it, and whether all of it can be read."""
    try:
        with store.engine.connect() as connection:
            if store.engine.dialect.name == "sqlite":
                for check in ("integrity_check", "foreign_key_check"):
                    said = [str(row[0]) for row in connection.exec_driver_sql(f"PRAGMA {check}")]
                    if said not in ([], ["ok"]):
                        yield Damage("registry", said[0].splitlines()[0])
                        return
            for table in registry.METADATA.sorted_tables:
                for _ in connection.execute(sa.select(table)).partitions(10_000):
                    pass
    except StoreError as error:
        yield Damage("registry", str(error.values.get("reason", error.code)))


def _ledger(store: Store, chain: list[ledger.Entry]) -> Iterator[Damage]:
    broken = ledger.first_break(chain)
    if broken is not None:
        yield Damage("ledger", str(broken))
    try:
        copy = ledger.copied(store.folder)
    except StoreError:
        yield Damage("ledger_copy", ledger.COPY)
        return
    if chain and not (store.folder / ledger.COPY).is_file():
        yield Damage("ledger_copy_gone", ledger.COPY)
    differs = next((old.number for old, new in zip(copy, chain, strict=False) if old != new), None)
    if differs is not None:
        yield Damage("ledger_differs", str(differs))
    elif len(copy) > len(chain):
        yield Damage("ledger_short", str(len(chain) + 1))
    digests = {entry.digest for entry in chain} | {ledger.BEGINNING}
    heads = [(run["run_id"], run["ledger_head"]) for run in registry.every_run(store.engine)]
    for run_id in sorted({run_id for run_id, head in {*heads, *_heads_in_runs(store)} if head not in digests}):
        yield Damage("ledger_unknown", run_id)


def _heads_in_runs(store: Store) -> Iterator[tuple[str, str]]:
    """What each run on disk says it knew; they outlive the registry."""
    for path in (store.folder / "runs").glob("*/run.json"):
        try:
            yield path.parent.name, str(json.loads(path.read_text(encoding="utf-8")).get("ledger_head", ""))
        except (OSError, ValueError, AttributeError):
            continue  # a damaged run is told by whoever opens it, and made again


def _originals(store: Store) -> Iterator[Damage]:
    there = {stored.sha256: stored for stored in kept(store)}
    for upload in registry.uploads(store.engine):
        stored = there.get(upload["sha256"])
        where = f"{upload['upload_id']} ({upload['file_name']})"
        if stored is None:
            yield Damage("original_gone", where)
        elif sha256_of(stored.path) != stored.sha256:
            yield Damage("original_altered", where)


def _parts(store: Store) -> Iterator[Damage]:
    recorded = set()
    for part in registry.files(store.engine):
        recorded.add(part["upload_id"])
        path = store.folder / part["path"]
        if not path.is_file():
            yield Damage("part_gone", part["path"])
        elif path.stat().st_size != part["size_bytes"] or sha256_of(path) != part["sha256"]:
            yield Damage("part_altered", part["path"])
    for upload_id in sorted({part["upload_id"] for part in registry.parts_of(store.engine)} - recorded):
        yield Damage("part_unrecorded", upload_id)
