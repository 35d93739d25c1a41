"""A release: the gap list of one run, as far as somebody may see it, in files that are written once and never change.

A partner's release is a part of the rows published to all, so what was withheld there is withheld here. Its name is the
run's, with a digest of the scope behind it: another scope is another release.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

import geo
from collect import registry
from collect.access import EVERYWHERE, Forbidden, Scope, Who, require
from collect.i18n import LANGUAGES
from collect.keeping import downloads
from collect.places import ONE_AT_A_TIME, places_of
from collect.problems import CollectError
from collect.publish import has_outlines, write_gaps
from collect.publish.gaps import OUTLINED, kind_of
from collect.publish.release import release_of
from collect.runs import Run, read_run
from collect.sharing.vintages import scope_in
from collect.store import Store, sha256_of, written_whole
from collect.tables import Gaps

TYPES = {
    "gaps.parquet": "application/vnd.apache.parquet",
    "gaps.geo.parquet": "application/vnd.apache.parquet",  # with outlines, or refused; without it has none, ever
    "gaps.csv": "text/csv; charset=utf-8",
    "gaps.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "communes.geojson": "application/geo+json",
}
SPOKEN = frozenset(TYPES) - {"communes.geojson"}  # in one language each; outlines hold all three
SOME = "gaps-some"  # what a gap list is called that leaves out rows of its release
MAKING = threading.Lock()  # two who ask at the same time get the same file, made once


@dataclass(frozen=True, slots=True)
class File:
    """One file of a release: where it lies, and the SHA-256 of its bytes."""

    release: str
    name: str
    path: Path
    sha256: str

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return self.path.stat().st_size


def name_of(run_id: str, scope: Scope) -> str:
    """Name of a run's release for this scope."""
    if scope == EVERYWHERE:
        return run_id
    limits = {name: sorted(values) for name in scope.__slots__ if (values := getattr(scope, name)) is not None}
    return f"{run_id}.{hashlib.sha256(json.dumps(limits, sort_keys=True).encode()).hexdigest()[:8]}"


def rows_for(run: Run, who: Who) -> Gaps:
    """The published gaps somebody may see. Raises Forbidden."""
    return inside(require(who, "gap_files").scope, run.gaps, run.vintage)


def inside(scope: Scope, gaps: pl.DataFrame, vintage: str) -> Gaps:
    """The rows of a gap list of ``vintage`` on the ground of a scope."""
    return Gaps(scope_in(scope, vintage).of_gaps(gaps))


def listed(store: Store, who: Who) -> list[dict[str, Any]]:
    """Every release somebody may have, with the names of its files, the latest first. Raises Forbidden."""
    scope = require(who, "gap_files").scope
    runs = [run for run in registry.runs(store.engine) if (store.run_folder(run["run_id"]) / "run.json").is_file()]
    last = registry.shown_run(store.engine)
    return [
        {
            "release": name_of(run["run_id"], scope),
            "as_of": run["as_of"],
            "vintage": run["vintage"],
            "made_at": run["made_at"],
            "latest": run["run_id"] == last,
            "files": _names(store.run_folder(run["run_id"]) / "gaps.parquet", scope_in(scope, run["vintage"])),
        }
        for run in runs
    ]


def _names(gaps: Path, scope: Scope) -> list[str]:
    """The files there are of a release: without outlines no GeoParquet."""
    outlined = gaps.is_file() and _outlined(gaps, gaps.stat().st_mtime_ns, scope)
    return [name for name in TYPES if outlined or kind_of(Path(name)) != OUTLINED]


@lru_cache(maxsize=1024)
def _outlined(gaps: Path, _changed: int, scope: Scope) -> bool:
    try:
        return has_outlines(scope.of_gaps(pl.read_parquet(gaps)))
    except (OSError, pl.exceptions.PolarsError):
        return False  # damaged: asked for it, the run says so


def file_of(store: Store, who: Who, name: str, lang: str, release: str | None = None) -> File:
    """A file of a release, the latest unless one is named; made at the first asking, the same bytes ever after.

    Raises
    ------
    Forbidden
        ACC-01 for somebody who may have no gap list, or not this release.
    CollectError
        STO-04 before the first run, ACC-11 for a release nobody made, PUB-07 for GeoParquet of one made without
        outlines, PUB-08 where it is a partner who asks: the machine that could bring them is not theirs.
    """
    scope = require(who, "gap_files").scope
    run_id = registry.shown_run(store.engine) if release is None else release.partition(".")[0]
    if run_id is None:
        raise CollectError("STO-04")
    if run_id not in {run["run_id"] for run in registry.runs(store.engine)}:
        raise CollectError("ACC-11", release=release)
    theirs = name_of(run_id, scope)
    if release not in (None, theirs):
        raise Forbidden("ACC-01", what="gap_files", role=who.role)
    path = store.folder / "releases" / theirs / (f"{lang}.{name}" if name in SPOKEN else name)
    with MAKING:
        if not path.is_file():
            WRITERS[name.rpartition(".")[2]](store, read_run(store, run_id), who, path, lang)
    return File(theirs, name, path, _sha256(path, path.stat().st_mtime_ns))


def file_at(path: Path, run_id: str, scope: Scope, *, whole: bool) -> File:
    """A gap list that was written for somebody, for the ledger: called by its kind, wherever it lies.

    One name, one content: a list of some of the release's rows only (``whole`` is False) bears another name.
    """
    return File(name_of(run_id, scope), f"{'gaps' if whole else SOME}{kind_of(path)}", path, sha256_of(path))


def hand_out(store: Store, who: Who, file: File, via: str) -> None:
    """Note in the ledger that a file was handed out: ``via`` a page, the api or the cli."""
    to = (who.signature, who.partner, who.token, via)
    downloads.note(store, downloads.Handed(*to, file.release, file.name, file.size_bytes, file.sha256))


@lru_cache(maxsize=256)
def _sha256(path: Path, _changed: int) -> str:
    return sha256_of(path)


def _write_table(store: Store, run: Run, who: Who, path: Path, lang: str) -> None:
    rows = rows_for(run, who)
    if who.role == "partner" and kind_of(path) == OUTLINED and not has_outlines(rows):
        raise CollectError("PUB-08")
    with TemporaryDirectory() as folder, written_whole(path) as temporary:
        made = write_gaps(rows, Path(folder) / path.name, language=lang, meta=run.meta())
        temporary.write_bytes(made.read_bytes())


def _write_outlines(store: Store, run: Run, who: Who, path: Path, _lang: str) -> None:
    with ONE_AT_A_TIME:
        boundaries = places_of(store.folder, run.vintage).boundaries
        light = boundaries.simplified()
        shapes = dict(zip(light["code"], (shape.__geo_interface__ for shape in light.geometry), strict=True))
    verdicts: dict[str, dict[str, str]] = {}
    for code, target, verdict in rows_for(run, who).select("commune_code", "target_id", "verdict").rows():
        verdicts.setdefault(code, {})[target] = verdict
    features = [
        {
            "type": "Feature",
            "id": code,
            "geometry": shapes[code],
            "properties": {**facts, "gaps": verdicts.get(code, {})},
        }
        for code, facts in _communes(run, scope_in(who.scope, run.vintage)).items()
        if code in shapes
    ]
    notices = {lang: " ".join(release_of(run.meta()).notices(lang)) for lang in LANGUAGES}
    whole = {"type": "FeatureCollection", "release": run.run_id, "vintage": run.vintage, "notice": notices}
    with written_whole(path) as temporary:
        text = json.dumps({**whole, "features": features}, ensure_ascii=False, separators=(",", ":"))
        temporary.write_text(text, encoding="utf-8")


def _communes(run: Run, scope: Scope) -> Mapping[str, dict[str, str]]:
    names = ("code", "province_code", "name_vi", "name_km", "name_en")
    units = geo.units(run.vintage)
    rows = units.select([name for name in names if name in units.columns]).sort("code").iter_rows(named=True)
    return {row["code"]: row for row in rows if scope.holds_commune(row["code"], row["province_code"])}


Writer = Callable[[Store, Run, Who, Path, str], None]
WRITERS: Mapping[str, Writer] = {
    "parquet": _write_table, "csv": _write_table, "xlsx": _write_table, "geojson": _write_outlines,
}  # fmt: skip
