"""Finds out whether what is stored is still what was stored; looks only, and says of each damage what mends it.

The registry is read whole (and asks itself, where it can); the ledgers of decisions and of downloads must be unbroken
chains that end as their copies end, and hold every line that a run knew or that somebody noted; each original must have
its SHA-256, each Parquet part the one it was written with. Originals in no upload are no damage, and are told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from collect import registry
from collect.keeping import attachments, downloads, ledger, sent
from collect.keeping.chain import BEGINNING, Chain, Line
from collect.problems import StoreError
from collect.store import Store, Stored, in_hands, kept, once_recorded, sha256_of

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it was stored. ``kind`` has its words under ``verify.KIND`` in the catalogue."""

    kind: str
    where: str


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """An original in no upload: whoever brought it was cut off, or (``code``) it could not be read.

    ``path``: below the data folder.
    """

    upload_id: str
    file_name: str
    path: str
    size_bytes: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class Soundness:
    """What was looked at, and what is wrong with it."""

    uploads: int
    parts: int
    entries: int
    handed: int  # lines in the ledger of downloads
    damage: tuple[Damage, ...]
    heads: Mapping[str, str] = field(default_factory=dict)  # digest of each ledger's last line, for keeping elsewhere
    unrecorded: tuple[Unrecorded, ...] = ()


def verify(store: Store, progress: Progress = lambda _step, _share: None, noted: Sequence[str] = ()) -> Soundness:
    """Look at everything stored. A registry that cannot be read at all is the only damage found then.

    ``noted``: heads of ledgers that somebody kept from earlier looks; one of the ledgers must still hold each.
    """
    progress("step.verify", 0.0)
    wrong = list(registry_damage(store))
    if wrong:
        return Soundness(0, 0, 0, 0, tuple(wrong))
    decided, handed = ledger.CHAIN.lines(store), downloads.CHAIN.lines(store)
    wrong += _chain(store, ledger.CHAIN, decided, "ledger")
    wrong += _chain(store, downloads.CHAIN, handed, "downloads")
    wrong += _ends(store, decided, handed, noted)
    originals = registry.uploads(store.engine)  # before the inbox is looked at: others may be bringing files
    progress("step.verify", 0.1)
    there = kept(store)
    wrong += _originals(originals, there)
    others = list(_in_no_upload(store, originals, there))
    wrong += _unknown(originals, others)
    unrecorded = tuple(_unrecorded(store, others))
    progress("step.verify", 0.5)
    parts = registry.files(store.engine)
    wrong += _parts(store, originals)
    wrong += (Damage("sent_gone", instance) for instance in sent.damage(store))
    wrong += (Damage("attachment_gone", where) for where in attachments.damage(store))
    progress("step.verify", 1.0)
    heads = {"ledger": ledger.CHAIN.head_of(decided), "downloads": downloads.CHAIN.head_of(handed)}
    return Soundness(len(originals), len(parts), len(decided), len(handed), tuple(wrong), heads, unrecorded)


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


def _chain(store: Store, chain: Chain[Line], lines: Sequence[Line], kind: str) -> Iterator[Damage]:
    """What is wrong with one ledger: a link, its copy, or what the two say of one another."""
    broken = chain.first_break(lines)
    if broken is not None:
        yield Damage(kind, str(broken))
    try:
        copy = chain.copied(store.folder)
    except StoreError:
        yield Damage(f"{kind}_copy", chain.copy)
        return
    differs = chain.parted_at(lines, copy)
    if differs is not None:
        yield Damage(f"{kind}_differs", str(differs))
    elif len(copy) != len(lines):
        behind = len(copy) < len(lines)
        yield Damage(f"{kind}_behind" if behind else f"{kind}_short", str(min(len(copy), len(lines)) + 1))


def _ends(
    store: Store, decided: Sequence[ledger.Entry], handed: Sequence[downloads.Download], noted: Sequence[str]
) -> Iterator[Damage]:
    """What no chain shows, a line cut off its end, copy and all: a run knew it, or somebody noted it."""
    known = {line.digest for line in decided} | {BEGINNING}
    heads = {(run["run_id"], run["ledger_head"]) for run in registry.every_run(store.engine)}
    for run_id in sorted({run_id for run_id, head in heads.union(_heads_in_runs(store)) if head not in known}):
        yield Damage("ledger_unknown", run_id)
    known |= {line.digest for line in handed}
    yield from (Damage("noted", digest) for digest in noted if digest not in known)


def _heads_in_runs(store: Store) -> Iterator[tuple[str, str]]:
    """What each run on disk says it knew; they outlive the registry."""
    for path in (store.folder / "runs").glob("*/run.json"):
        try:
            yield path.parent.name, str(json.loads(path.read_text(encoding="utf-8")).get("ledger_head") or "")
        except (OSError, ValueError, AttributeError):
            continue  # a damaged run is told by whoever opens it, and made again


def _originals(uploads: Sequence[Mapping[str, Any]], inbox: Sequence[Stored]) -> Iterator[Damage]:
    there = {stored.sha256: stored for stored in inbox}
    for upload in uploads:
        stored = there.get(upload["sha256"])
        where = f"{upload['upload_id']} ({upload['file_name']})"
        if stored is None:
            yield Damage("original_gone", where)
        elif sha256_of(stored.path) != stored.sha256:
            yield Damage("original_altered", where)


def _in_no_upload(store: Store, uploads: Sequence[Mapping[str, Any]], inbox: Sequence[Stored]) -> Iterator[Stored]:
    """What lies in the inbox and in no upload, and in nobody's hands either."""
    known = {upload["sha256"] for upload in uploads}
    for stored in inbox:
        if stored.sha256 in known or in_hands(stored.path.parent) or not stored.path.is_file():
            continue
        if registry.find_upload(store.engine, stored.sha256) is None:  # nor did it come into one while we looked
            yield stored


def _unknown(uploads: Sequence[Mapping[str, Any]], others: Sequence[Stored]) -> Iterator[Damage]:
    """Originals that a registry knew and this one does not: it is a new one, or comes from a backup."""
    once = [stored for stored in others if once_recorded(stored)]
    if once and not uploads:
        yield Damage("registry_lost", str(len(once)))
    else:
        yield from (Damage("original_unknown", f"{stored.upload_id} ({stored.name})") for stored in once)


def _unrecorded(store: Store, others: Sequence[Stored]) -> Iterator[Unrecorded]:
    """Originals that nobody came to record."""
    marks = {row["sha256"]: str(row["code"]) for row in registry.refused(store.engine)}
    for stored in others:
        if not once_recorded(stored):
            path = stored.path.relative_to(store.folder).as_posix()
            yield Unrecorded(stored.upload_id, stored.name, path, stored.size_bytes, marks.get(stored.sha256, ""))


def _parts(store: Store, uploads: Sequence[Mapping[str, Any]]) -> Iterator[Damage]:
    recorded = set()
    for part in registry.files(store.engine):
        recorded.add(part["upload_id"])
        path = store.folder / part["path"]
        if not path.is_file():
            yield Damage("part_gone", part["path"])
        elif path.stat().st_size != part["size_bytes"] or sha256_of(path) != part["sha256"]:
            yield Damage("part_altered", part["path"])
    made = {part["upload_id"] for part in registry.parts_of(store.engine)}
    for upload in uploads:
        if upload["upload_id"] not in made:
            yield Damage("parts_missing", f"{upload['upload_id']} ({upload['file_name']})")
    for upload_id in sorted(made - recorded):
        yield Damage("part_unrecorded", upload_id)
