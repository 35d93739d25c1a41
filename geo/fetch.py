"""Bring boundaries from the pinned public source or a mirror; believe no file whose SHA-256 is not the pinned one."""

from __future__ import annotations

import hashlib
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import polars as pl
import shapely

from geo.boundaries import CRS, sources
from geo.errors import GeoError
from geo.places import HERE, VINTAGES, known, read_table, recode, units

TRIES = 4  # per file and place to look; waits 0.5, 1 and 2 s between
SECONDS = 30.0  # without an answer before a try counts as failed
AT_ONCE = 6  # downloads side by side: polite to a free host

Progress = Callable[[int, int, str], None]  # files done, files in all, the file just done


@dataclass(frozen=True, slots=True)
class Wanted:
    """One pinned file: its path at the source, and every address to try, in order."""

    path: str
    size: int
    sha256: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fetched:
    """Boundary files by vintage, how many files were brought, how many were here already, and what none has."""

    boundaries: Mapping[str, Path]
    brought: int
    kept: int
    unavailable: tuple[str, ...]


def fetch(
    folder: Path, mirror: str = "", vintages: Iterable[str] | None = None, progress: Progress | None = None
) -> Fetched:
    """Bring the boundaries of ``vintages`` into ``folder`` as ``<vintage>.parquet`` (GeoParquet, EPSG:4326).

    Parameters
    ----------
    folder
        ``data/geo``. The files as they came stay under ``folder/source``; those that are right are not brought again.
    mirror
        "" for the public source; a folder, or an http(s) address, that holds the same paths (bare or under
        ``upstream/``) and, for the vintages that have no public source, the derived files named in ``sources.toml``.
    vintages
        None for all that can be had from there. One that is asked for by name and cannot be had is `GeoError` GEO-06.
    progress
        Called after each file with files done, files in all and the file's path.
    """
    asked = tuple(VINTAGES) if vintages is None else tuple(known(vintage) for vintage in vintages)
    unavailable = tuple(vintage for vintage in asked if not mirror and "mirror_file" in sources()[vintage])
    if unavailable and vintages is not None:
        raise GeoError("GEO-06", vintage=", ".join(unavailable))
    plan = {vintage: _wanted(vintage, mirror) for vintage in asked if vintage not in unavailable}
    files = {file.path: file for wanted in plan.values() for file in wanted}
    store = folder / "source"
    brought = sum(_bring_all(tuple(files.values()), store, progress))
    made = {vintage: _build(vintage, wanted, store, folder) for vintage, wanted in plan.items()}
    return Fetched(made, brought, len(files) - brought, unavailable)


def _wanted(vintage: str, mirror: str) -> tuple[Wanted, ...]:
    entry = sources()[vintage]
    if "mirror_file" in entry:
        name = entry["mirror_file"]
        return (Wanted(name, entry["mirror_bytes"], entry["mirror_sha256"], (_join(mirror, name),)),)
    rows = read_table(HERE / entry["files"]).filter(pl.col("vintage") == vintage).iter_rows(named=True)
    return tuple(
        Wanted(row["path"], row["bytes"], row["sha256"], _addresses(entry, row["path"], mirror)) for row in rows
    )


def _addresses(entry: Mapping[str, Any], path: str, mirror: str) -> tuple[str, ...]:
    if not mirror:
        return (entry["raw"].format(commit=entry["commit"], path=path),)
    return (_join(mirror, entry["mirror_prefix"] + path), _join(mirror, path))


def _join(mirror: str, path: str) -> str:
    return f"{mirror.rstrip('/')}/{path}" if _is_web(mirror) else str(Path(mirror) / path)


def _is_web(address: str) -> bool:
    return address.startswith(("https://", "http://"))


def _bring_all(files: tuple[Wanted, ...], store: Path, progress: Progress | None) -> Iterator[bool]:
    """Whether each file had to be brought, in order; the first failure stops the rest."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tasks = [pool.submit(_bring, file, store) for file in files]
        try:
            for done, (file, task) in enumerate(zip(files, tasks, strict=True), start=1):
                was_brought = task.result()
                if progress is not None:
                    progress(done, len(files), file.path)
                yield was_brought
        finally:
            pool.shutdown(cancel_futures=True)


def _bring(file: Wanted, store: Path) -> bool:
    target = store / file.path
    if target.is_file() and _digest(target.read_bytes()) == file.sha256:
        return False
    content = _obtain(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    _write(target, content)
    return True


def _write(target: Path, content: bytes) -> None:
    """All of it or nothing: under another name first, flushed to the disk, then renamed."""
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _obtain(file: Wanted) -> bytes:
    """The bytes from the first address that has them right. A wrong hash is tried again: the line may have dropped."""
    trouble: GeoError | None = None
    for address in file.addresses:
        for number in range(TRIES):
            if number:
                time.sleep(0.25 * 2**number)
            content, reason, again = _read(address, file.size)
            if content is not None and _digest(content) == file.sha256:
                return content
            if content is not None:
                found = _digest(content)
                trouble = GeoError("GEO-03", file=file.path, source=address, expected=file.sha256, found=found)
            elif trouble is None or trouble.code == "GEO-02":
                trouble = GeoError("GEO-02", file=file.path, source=address, reason=reason)
            if not again:
                break
    raise trouble or GeoError("GEO-02", file=file.path, source="", reason="no address")


def _read(address: str, size: int) -> tuple[bytes | None, str, bool]:
    """Content or none, why not, and whether another try could help. Never more than a byte beyond the pinned size."""
    try:
        if not _is_web(address):
            with Path(address).open("rb") as stream:
                return stream.read(size + 1), "", False
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:  # noqa: S310  http(s) only: see _is_web
            return answer.read(size + 1), "", True
    except urllib.error.HTTPError as error:
        return None, f"HTTP {error.code}", error.code >= 500 or error.code == 429
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        return None, type(getattr(error, "reason", error)).__name__, True
    except OSError as error:
        return None, type(error).__name__, False


def _build(vintage: str, wanted: tuple[Wanted, ...], store: Path, folder: Path) -> Path:
    """The GeoParquet file of one vintage: every commune known by code, in order."""
    entry = sources()[vintage]
    shapes: dict[str, shapely.Geometry] = {}
    for file in wanted:
        if "mirror_file" in entry or "/wards/" in file.path:
            shapes.update(_features(store / file.path))
    drawn = entry.get("mirror_vintage", vintage)
    if drawn != vintage:
        shapes = _moved(shapes, drawn, vintage)
    _compare(shapes, vintage, wanted)
    codes = sorted(shapes)
    frame = gpd.GeoDataFrame({"code": codes}, geometry=[shapes[code] for code in codes], crs=CRS)
    target = folder / f"{vintage}.parquet"
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        frame.to_parquet(beside, compression="zstd", index=False)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return target


def _features(file: Path) -> dict[str, shapely.Geometry]:
    try:
        features = json.loads(file.read_text(encoding="utf-8"))["features"]
        return {each["properties"]["code"]: shapely.from_geojson(json.dumps(each["geometry"])) for each in features}
    except (ValueError, KeyError, shapely.errors.GEOSException) as error:
        raise GeoError("GEO-04", file=file.name, reason=type(error).__name__) from error


def _moved(shapes: dict[str, shapely.Geometry], drawn: str, vintage: str) -> dict[str, shapely.Geometry]:
    """Shapes of one vintage dissolved into a newer one's communes."""
    old = pl.Series(sorted(shapes), dtype=pl.String)
    parts: dict[str, list[shapely.Geometry]] = {}
    for code, new in zip(old, recode(old, drawn, vintage), strict=True):
        parts.setdefault(new, []).append(shapes[code])
    return {code: shapely.coverage_union_all(pieces) for code, pieces in parts.items()}


def _compare(shapes: dict[str, shapely.Geometry], vintage: str, wanted: tuple[Wanted, ...]) -> None:
    provinces = units(vintage)["province_code"].unique()
    expected = {code for province in provinces for code in units(vintage, province)["code"]}
    found = set(shapes)
    if expected != found:
        missing, strange = sorted(expected - found), sorted(found - expected)
        raise GeoError("GEO-05", file=wanted[0].path, missing=", ".join(missing[:5]), strange=", ".join(strange[:5]))
