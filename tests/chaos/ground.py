"""The ground a fault is tried on: a data folder, files that hands bring to it, and what must hold when all is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from field_office import submission, the_form

from collect import registry
from collect.intake import Asked, add_file
from collect.journey import Definitions
from collect.keeping.mending import open_mended
from collect.keeping.verify import verify
from collect.problems import CollectError
from collect.rebuild import rebuild
from collect.settings import Settings, settings_from
from collect.store import Store, open_store, sha256_of

FORM = "hh"


def definitions() -> Definitions:
    """One short form, without places."""
    return Definitions((the_form(),), (), ())


@dataclass(frozen=True)
class Ground:
    """``folder`` holds the data folder and the files to bring; ``database`` is an SQLAlchemy URL, "" for SQLite."""

    folder: Path
    database: str = ""

    @property
    def settings(self) -> Settings:
        """Files are read in the writer's own process: what is tried here is the store."""
        return settings_from(
            {"COLLECT_DATA": str(self.folder / "data"), "COLLECT_DATABASE": self.database, "COLLECT_WORKER": "off"}
        )

    @contextmanager
    def store(self) -> Iterator[Store]:
        opened = open_store(self.settings)
        try:
            yield opened
        finally:
            opened.engine.dispose()

    def file(self, name: str) -> Path:
        """A file with one submission of that name."""
        path = self.folder / "brought" / f"{name}.xml"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(submission({"id": name, "size": "2", "remark": f"remark of {name}"}), encoding="utf-8")
        return path

    def bring(self, name: str, store: Store | None = None) -> str:
        """Bring one submission: "" when it is acknowledged, or the code of why it is not."""
        try:
            if store is not None:
                add_file(store, self.file(name), definitions(), Asked(by="chaos"))
            else:
                with self.store() as opened:
                    add_file(opened, self.file(name), definitions(), Asked(by="chaos"))
        except CollectError as error:
            return error.code
        return ""


@contextmanager
def ground(database: str = "", inside: Path | None = None) -> Iterator[Ground]:
    with TemporaryDirectory(prefix="chaos-", dir=inside) as folder:
        yield Ground(Path(folder), database)


@dataclass(frozen=True)
class Verdict:
    """What was found after a fault: ``lost`` and ``twice`` count acknowledged submissions, ``differ`` tables."""

    acknowledged: int
    lost: int
    twice: int
    tables: int
    differ: int
    damage: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not (self.lost or self.twice or self.differ or self.damage)

    def words(self) -> str:
        said = f"{self.acknowledged:,} acknowledged, {self.lost} lost, {self.twice} twice"
        tables = f"{self.tables - self.differ:,} of {self.tables:,} tables equal to a rebuild"
        return "; ".join([said, tables, *(f"damage: {one}" for one in self.damage)])


def judged(where: Ground, acknowledged: set[str]) -> Verdict:
    """Look for every acknowledged submission, verify what is stored, make all of it again and compare.

    Bytes that nobody was told are received may be there or not: they are told, and a rebuild takes them up.
    """
    store = open_mended(where.settings)
    try:
        damage = tuple(f"{one.kind} {one.where}" for one in verify(store).damage)
        before = _tables(store)
        counts = found_in_tables(store)
        damage += taken_up(store)[1]
        after = _tables(store)
        again = found_in_tables(store)
        damage += tuple(f"after rebuild: {one.kind}" for one in verify(store).damage)
    finally:
        store.engine.dispose()
    names = {f"uuid:{name}" for name in acknowledged}
    return Verdict(
        len(names),
        sum(1 for name in names if not counts[name] or not again[name]),
        sum(1 for name in names if counts[name] > 1 or again[name] > 1),
        len(before),
        sum(1 for path, digest in before.items() if after.get(path) != digest),
        damage,
    )


def in_no_upload(store: Store) -> set[str]:
    """What lies in the inbox and on no row of the registry, by SHA-256: found without the code that tells it."""
    with store.engine.connect() as connection:
        known = set(connection.execute(sa.select(registry.UPLOADS.c.sha256)).scalars())
    inbox = store.folder / "inbox"
    return {path.parent.name for path in inbox.glob("*/*/*") if not path.name.startswith(".")} - known


def taken_up(store: Store) -> tuple[int, tuple[str, ...]]:
    """Have a rebuild take up what lies in no upload: how many files, and what of it was told or done wrongly."""
    there = {sha256[:16] for sha256 in in_no_upload(store)}
    told = {one.upload_id for one in verify(store).unrecorded}
    done = rebuild(store, definitions())
    wrong = [f"left by a rebuild: {one.code}" for one in done.left]
    wrong += ["not told as it is"] if told != there else []
    wrong += ["not taken up as told"] if {one.upload_id for one in done.taken_up} != there else []
    wrong += ["not in an upload after that"] if in_no_upload(store) or verify(store).unrecorded else []
    return len(there), tuple(wrong)


def found_in_tables(store: Store) -> Counter[str]:
    """How often each submission stands in the tables of uploads on record."""
    uploads = {part["upload_id"] for part in registry.parts_of(store.engine)}
    parts = (store.read_part(FORM, "answers", upload)["submission_id"].to_list() for upload in sorted(uploads))
    return Counter(name for part in parts for name in part)


def _tables(store: Store) -> Mapping[str, str]:
    """SHA-256 of every Parquet part on record."""
    return {one["path"]: sha256_of(store.folder / one["path"]) for one in registry.files(store.engine)}
