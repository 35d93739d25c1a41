"""Maps while the app runs: outlines for the screen, water and roads from files, and the maps people take with them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

import geo
from collect.access import Who, require
from collect.pages.data import Shapes, indicator_of
from collect.places import ONE_AT_A_TIME, places_of
from collect.problems import PlaceError
from collect.publish import Show
from collect.settings import Settings
from collect.targets import Target

if TYPE_CHECKING:
    from collect.pages.live import Found

OUTLINES_M = 60.0  # how far a drawn outline may lie from the true one


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a file, in which language, of which installation."""

    settings: Settings
    who: Who
    lang: str


def outlines(data: Path, vintage: str) -> tuple[Shapes | None, PlaceError | None]:
    """What to draw of a vintage, or why there is nothing: a damaged file costs the map and no other page."""
    try:
        with ONE_AT_A_TIME:
            return shapes_of(places_of(data, vintage).boundaries, geo.units(vintage), data / "geo"), None
    except PlaceError as error:
        return None, error


def outlines_changed(data: Path) -> tuple[int, ...]:
    """What differs once a file of outlines, water or roads does."""
    return tuple(file.stat().st_mtime_ns for file in sorted((data / "geo").glob("*.*")))


def shapes_of(boundaries: geo.Boundaries, units: pl.DataFrame, folder: Path) -> Shapes:
    """Outlines light enough for the screen; their key tells the browser whether it has them.

    ``folder`` may hold ``water`` and ``roads``, as `geo.ground` reads them; without them the map is as good.
    """
    light = boundaries.simplified(OUTLINES_M)
    inside = light.geometry.representative_point()
    geometry = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "id": code, "properties": {}, "geometry": shape.__geo_interface__}
            for code, shape in zip(light["code"], light.geometry, strict=True)
        ],
    }
    centres = {code: (round(at.x, 5), round(at.y, 5)) for code, at in zip(light["code"], inside, strict=True)}
    named = units.select("code", "name_vi", pl.coalesce("name_km", "name_vi").alias("km"), "name_en")
    names = {code: {"vi": vi, "km": km, "en": en} for code, vi, km, en in named.iter_rows()}
    ground = geo.ground(folder)
    text = json.dumps([geometry, names, ground.layers], ensure_ascii=False, separators=(",", ":"))
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    schematic = boundaries.kind == "schematic"
    return Shapes(key, geometry, centres, schematic, boundaries.source, names, ground)


def map_file(asked: Asked, found: Found, target: Target, show: Show, kind: str, *, ground: bool) -> bytes:
    """The bytes of the map on screen as a file of its own: ``html``, which opens from disk, or ``png``.

    ``ground``: whether water and roads are on it, where there are any. Raises Forbidden.
    """
    from collect.publish import map_layer, write_map
    from collect.publish.map_picture import picture_of

    require(asked.who, "results")
    with ONE_AT_A_TIME, TemporaryDirectory() as folder:
        layer = map_layer(
            target,
            found.run.estimates,
            found.run.verdicts,
            places_of(asked.settings.data, found.run.vintage).boundaries,
            indicator=indicator_of(found, target),
            meta=found.meta(),
        )
        layer = replace(layer, show=show, ground=found.shapes.ground.layers if ground and found.shapes else {})
        if kind == "png":
            return picture_of(layer, asked.lang)
        return write_map(layer, Path(folder) / "map.html", asked.lang).read_bytes()


def sheet_file(asked: Asked, found: Found, commune: str) -> bytes:
    """The bytes of a commune's printed sheet. Raises Forbidden."""
    from collect.publish.sheet import Facts, sheet

    require(asked.who, "results")
    with ONE_AT_A_TIME:
        outlines = places_of(asked.settings.data, found.run.vintage).boundaries
        facts = Facts(
            found.units, found.targets, found.indicators, outlines, geo.lineage(), geo.units(next(iter(geo.VINTAGES)))
        )
        return sheet(found.run, commune, facts, asked.lang)
