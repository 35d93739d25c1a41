"""The places of a vintage, read once and kept in memory; their errors join our own family."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import polars as pl

import geo
from collect import tables
from collect.problems import PlaceError
from collect.settings import Settings

Progress = Callable[[str, float], None]
ONE_AT_A_TIME = threading.Lock()  # visitors are threads, and geometry must not be shared between working threads


@contextmanager
def place_errors() -> Iterator[None]:
    """Turn `geo.GeoError` into `PlaceError`: same code, same values."""
    try:
        yield
    except geo.GeoError as error:
        raise PlaceError(error.code, **error.values) from error


def places_of(data: Path, vintage: str | None = None) -> geo.Gazetteer:
    """Places with the outlines fetched into the data folder, or schematic ones. None: the latest vintage.

    Raises
    ------
    PlaceError
        GEO-01 for a vintage nobody knows, GEO-04 or GEO-05 when the boundary file is damaged.
    """
    wanted = vintage or geo.LATEST
    file = data / "geo" / f"{wanted}.parquet"
    with place_errors():
        return _read(data / "geo", wanted, file.stat().st_mtime_ns if file.is_file() else 0)


@lru_cache(maxsize=8)
def _read(folder: Path, vintage: str, _changed: int) -> geo.Gazetteer:
    return geo.gazetteer(folder, vintage)


def digest_of(places: geo.Gazetteer) -> str:
    """SHA-256 of the outlines: part of what names a run."""
    return hashlib.sha256(b"".join(places.boundaries.frame.geometry.to_wkb())).hexdigest()


def fetch_boundaries(settings: Settings, progress: Progress | None = None) -> dict[str, str]:
    """Bring boundaries into the data folder; say for each vintage where they come from. Raises PlaceError."""

    def told(done: int, of: int, _file: str) -> None:
        if progress is not None:
            progress("step.fetch", done / max(1, of))

    with place_errors():
        fetched = geo.fetch(settings.data / "geo", settings.geo_mirror, progress=told)
        return {vintage: geo.boundaries(vintage, settings.data / "geo").source for vintage in fetched.boundaries}


def bring_at_hand(settings: Settings, progress: Progress) -> None:
    """Bring the boundaries that a folder named as the mirror holds, and ask no network, whatever is named.

    What the folder lacks, or has otherwise than it should be, stays schematic: the map says so, and
    `fetch_boundaries` why.
    """
    folder, mirror = settings.data / "geo", settings.geo_mirror
    if not mirror or not Path(mirror).is_dir():
        return
    lacking = [vintage for vintage in geo.VINTAGES if not (folder / f"{vintage}.parquet").is_file()]
    for number, vintage in enumerate(lacking):
        progress("step.fetch", number / len(lacking))
        with suppress(geo.GeoError):
            geo.fetch(folder, mirror, [vintage])


def list_units(vintage: str | None = None) -> pl.DataFrame:
    """The communes of a vintage. Raises PlaceError GEO-01."""
    with place_errors():
        return geo.units(vintage or geo.LATEST)


def name_by_code(vintage: str, lang: str) -> dict[str, str]:
    """What the communes of a vintage are called, in Vietnamese where ``lang`` has no name."""
    name = {"en": "name_en", "km": "name_km"}.get(lang, "name_vi")
    return dict(list_units(vintage).select("code", pl.coalesce(name, "name_vi")).iter_rows())


@lru_cache(maxsize=64)
def _named(vintage: str, lang: str) -> dict[str, str]:
    return name_by_code(vintage, lang)


def name_with_code(code: str, vintage: str, lang: str, *, former: bool = False) -> str:
    """What a commune is called, with its code: a code may mean another commune in another vintage.

    ``former``: by a list older than ``vintage``. A code that its list does not know is looked up in the others, the
    newest first; one that no list knows stands for itself. "" is the latest vintage.
    """
    newest_first = sorted(geo.VINTAGES, reverse=True)
    own = vintage if vintage in geo.VINTAGES else geo.LATEST
    first = [one for one in newest_first if one < own] if former else [own]
    names = (_named(one, lang).get(code) for one in [*first, *newest_first])
    name = next(filter(None, names), None)
    return f"{name} ({code})" if name else code


def names_of_districts(lang: str) -> dict[str, str]:
    """What the former districts were called."""
    return dict(geo.districts().select("code", "name_en" if lang == "en" else "name_vi").iter_rows())


def moved_frame(frame: tables.Frame | None, places: geo.Gazetteer) -> tables.Frame | None:
    """The frame with its communes in the vintage of ``places``, where each went whole into one."""
    if frame is None:
        return None
    moved = [
        part.with_columns(commune_code=places.recode(part["commune_code"], str(vintage), places.vintage))
        for (vintage,), part in frame.group_by("vintage", maintain_order=True)
    ]
    known = pl.concat(moved).with_columns(vintage=pl.lit(places.vintage)).drop_nulls("commune_code")
    return tables.Frame(tables.FRAME.check(known))


def outlines_of(places: geo.Gazetteer) -> pl.DataFrame | None:
    """Outlines for the gap list as WKB, lightened; None when they are only schematic."""
    if places.boundaries.kind == "schematic":
        return None
    light = places.boundaries.simplified()
    return pl.DataFrame({"code": light["code"].to_list(), "geometry": light.geometry.to_wkb().to_list()}).with_columns(
        vintage=pl.lit(places.vintage)
    )
