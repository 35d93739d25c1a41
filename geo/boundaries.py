"""Outlines of communes: those fetched from the named source where they are at hand, else schematic ones."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import polars as pl
import shapely

from geo.errors import GeoError
from geo.places import HERE, known, units
from geo.schematic import draw

CRS = "EPSG:4326"
SCHEMATIC_FLOOR_M = 30_000.0  # only a point this far from every schematic commune is said to lie outside


@dataclass(frozen=True)
class Boundaries:
    """Outlines of one vintage.

    ``frame`` has one row per commune by code: ``code``, ``name`` and ``geometry``, EPSG:4326. ``decides`` says whether
    a point in these shapes may contradict an answer; schematic and derived shapes may not. ``floor_m`` is how far from
    a line, in metres, the shapes are not to be trusted.
    """

    vintage: str
    kind: Literal["reference", "derived", "schematic"]
    source: str
    note: str
    decides: bool
    floor_m: float
    frame: gpd.GeoDataFrame

    def simplified(self, tolerance_m: float = 50.0) -> gpd.GeoDataFrame:
        """A lighter copy for screens; neighbours keep their shared edges. Schematic shapes are light already."""
        if self.kind == "schematic":
            return self.frame.copy()
        tolerance = tolerance_m / 111_195  # metres to degrees of latitude
        light = self.frame.copy()
        shapes = shapely.coverage_simplify(self.frame.geometry.to_numpy(), tolerance)
        light["geometry"] = shapely.transform(shapes, lambda points: np.round(points, 5))
        return light


@cache
def sources() -> Mapping[str, Mapping[str, Any]]:
    """What ``sources.toml`` says, by vintage."""
    entries: Mapping[str, Mapping[str, Any]] = tomllib.loads((HERE / "sources.toml").read_text("utf-8"))["vintages"]
    return entries


def boundaries(vintage: str, folder: Path | None = None, province: str | None = None) -> Boundaries:
    """Outlines of the communes that `units` gives for the same arguments.

    Parameters
    ----------
    vintage
        A key of `VINTAGES`.
    folder
        Where `fetch` put ``<vintage>.parquet`` (``data/geo``). None, or no such file: schematic communes.
    province
        As for `units`: None for the survey's ground, a code for all communes known of that province.
    """
    places = units(vintage, province)
    file = None if folder is None else folder / f"{vintage}.parquet"
    if file is None or not file.is_file():
        return _schematic(vintage, places)
    entry = sources()[known(vintage)]
    return Boundaries(
        vintage,
        "reference" if entry["decides"] else "derived",
        "; ".join(entry["attribution"]),
        entry["note"],
        entry["decides"],
        float(entry["floor_m"]),
        _read(file, places),
    )


def _frame(places: pl.DataFrame, shapes: object) -> gpd.GeoDataFrame:
    columns = {"code": places["code"].to_list(), "name": places["name_vi"].to_list()}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def _read(file: Path, places: pl.DataFrame) -> gpd.GeoDataFrame:
    try:
        table = pl.read_parquet(file, columns=["code", "geometry"])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise GeoError("GEO-04", file=file.name, reason=type(error).__name__) from error
    joined = places.select("code").join(table, on="code", how="left", maintain_order="left")
    missing = joined.filter(pl.col("geometry").is_null())["code"].to_list()
    if missing:
        raise GeoError("GEO-05", file=file.name, missing=", ".join(missing[:5]), strange="")
    return _frame(places, shapely.from_wkb(joined["geometry"].to_list()))


def _schematic(vintage: str, places: pl.DataFrame) -> Boundaries:
    return Boundaries(
        vintage,
        "schematic",
        "drawn from published centres and areas",
        "Schematic: these are not the communes' outlines.",
        False,
        SCHEMATIC_FLOOR_M,
        _frame(places, draw(places)),
    )
