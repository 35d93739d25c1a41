"""Water and roads to draw with the communes, from files of one's own: ``water.*`` and ``roads.*``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely
from shapely.errors import ShapelyError

NAMES = ("water", "roads")  # in the order they are drawn
SUFFIXES = ("parquet", "gpkg", "geojson")
TOLERANCE_M = 40.0  # how far what is drawn may lie from what the file says
METRES_PER_DEGREE = 111_195
UNREADABLE = (OSError, ValueError, RuntimeError, AttributeError, ShapelyError)  # as pyogrio, geopandas, shapely say it


@dataclass(frozen=True, slots=True)
class Ground:
    """GeoJSON by name, lines and areas alone, without anything that was written beside them.

    ``unread``: whose file cannot be read. ``points``: by name, how many features of a file are points, or have some,
    which are left out: a map would stand a pin on each.
    """

    layers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    points: Mapping[str, int] = field(default_factory=dict)


def ground(folder: Path) -> Ground:
    """What ``folder`` has as GeoParquet, GeoPackage or GeoJSON; a file that cannot be read costs nothing but itself."""
    layers: dict[str, Mapping[str, Any]] = {}
    unread, points = [], {}
    for name in NAMES:
        file = next((file for suffix in SUFFIXES if (file := folder / f"{name}.{suffix}").is_file()), None)
        if file is None:
            continue
        try:
            shapes, left_out = _read(file)
        except UNREADABLE:
            unread.append(name)
            continue
        if shapes:
            features = [{"type": "Feature", "properties": {}, "geometry": one.__geo_interface__} for one in shapes]
            layers[name] = {"type": "FeatureCollection", "features": features}
        if left_out:
            points[name] = left_out
    return Ground(layers, tuple(unread), points)


def _read(file: Path) -> tuple[list[shapely.Geometry], int]:
    """The lines and areas of a file, lightened, and how many features had points."""
    read = gpd.read_parquet if file.suffix == ".parquet" else gpd.read_file
    shapes = read(file).geometry.to_crs("EPSG:4326").simplify(TOLERANCE_M / METRES_PER_DEGREE).set_precision(1e-5)
    drawn, left_out = [], 0
    for shape in shapes:
        if shape is None or shape.is_empty:
            continue
        parts = shapely.get_parts(shape)
        kept = [part for part in parts if shapely.get_dimensions(part) > 0]
        left_out += len(kept) < len(parts)
        if kept:
            drawn.append(shape if len(kept) == len(parts) else shapely.GeometryCollection(kept))
    return drawn, left_out
