"""Communes drawn from published centres and areas where no boundaries are at hand: never a map of the ground.

The ground is a sheet of small hexagons round the published centres, as large as the published areas together. Each
belongs to the commune whose circle (its area round its centre) is nearest, and the circles are grown or shrunk until
every commune has about its own area. Hexagons share their corners exactly, so the shapes neither overlap nor leave
slivers, and their stepped outlines say what they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
KM_PER_DEGREE = 111.195  # along a meridian, sphere of 6,371 km: good enough for shapes that are not true
HEXAGONS = 24_000  # at most; fewer when the communes are large
SOFTNESS = 0.7  # of a mean radius: how far circles melt into each other
ROUNDS = 60  # of growing and shrinking; areas settle well before


def draw(units: pl.DataFrame) -> list[shapely.Geometry]:
    """One shape per row of ``units`` (longitude, latitude, area_km2), aligned; the same rows give the same shapes."""
    if units.is_empty():
        return []
    longitude, latitude, area = (
        units[name].to_numpy().astype(np.float64) for name in ("longitude", "latitude", "area_km2")
    )
    squeeze = np.cos(np.radians(latitude.mean()))
    x, y = longitude * KM_PER_DEGREE * squeeze, latitude * KM_PER_DEGREE
    size = max(area.sum() / HEXAGONS, area.min() / 24)
    columns, rows, centres = _sheet(x, y, area, size)
    distance = (centres[:, :1] - x) ** 2 + (centres[:, 1:] - y) ** 2
    owner = _share_out(distance, area, size)
    side = np.sqrt(2 * size / (3 * np.sqrt(3)))
    origin = (float(x.min()), float(y.min()))
    corners = _corners(columns, rows, side, origin) / (KM_PER_DEGREE * squeeze, KM_PER_DEGREE)
    cells = shapely.polygons(np.round(corners, 6))
    return [shapely.coverage_union_all(cells[owner == place]) for place in range(units.height)]


def _sheet(x: Floats, y: Floats, area: Floats, size: float) -> tuple[Whole, Whole, Floats]:
    """Columns, rows and centres of pointy-topped hexagons of ``size`` km² over all circles and a margin."""
    side = np.sqrt(2 * size / (3 * np.sqrt(3)))
    margin = 2 * np.sqrt(area.max() / np.pi)
    wide, high = np.sqrt(3) * side, 1.5 * side
    first = (int(-margin // wide) - 1, int(-margin // high) - 1)
    last = (int((np.ptp(x) + margin) // wide) + 2, int((np.ptp(y) + margin) // high) + 2)
    columns, rows = (grid.ravel() for grid in np.meshgrid(np.arange(first[0], last[0]), np.arange(first[1], last[1])))
    centres = np.column_stack([x.min() + wide * (columns + 0.5 * (rows % 2)), y.min() + high * rows])
    return columns, rows, centres


def _share_out(distance: Floats, area: Floats, size: float) -> Whole:
    """Owner of each hexagon, -1 off the ground; ``distance`` is squared, hexagon by commune."""
    reach = np.sqrt(area / np.pi)
    hexagons = max(round(area.sum() / size), len(area))
    soft = reach.mean() * SOFTNESS
    depth = np.exp(np.clip((reach - np.sqrt(distance)) / soft, -60, 60)).sum(axis=1)  # fills the nooks between circles
    nearest = np.argsort(-depth, kind="stable")
    ground = np.sort(nearest[:hexagons])
    near = distance[ground]
    wanted = area / size
    weight = reach**2
    for step in range(ROUNDS):
        held = np.bincount(np.argmin(near - weight, axis=1), minlength=len(area))
        weight += np.clip((wanted - held) * size / np.pi, -(reach**2), reach**2) * 0.5 / (1 + step / 20)
    owner = np.full(len(distance), -1)
    owner[ground] = np.argmin(near - weight, axis=1)
    for place in range(len(area)):  # the hexagon round the published centre always belongs to its commune
        owner[np.argmin(distance[:, place])] = place
    return owner


def _corners(columns: Whole, rows: Whole, side: float, origin: tuple[float, float]) -> Floats:
    """Six corners per hexagon, counted in whole half-columns and half-sides so that neighbours share them exactly."""
    half_column, half_side = np.sqrt(3) * side / 2, side / 2
    steps: Sequence[tuple[int, int]] = ((0, 2), (1, 1), (1, -1), (0, -2), (-1, -1), (-1, 1))
    across = 2 * columns + rows % 2
    up = 3 * rows
    corners = [
        (origin[0] + (across + right) * half_column, origin[1] + (up + above) * half_side) for right, above in steps
    ]
    return np.stack([np.column_stack(corner) for corner in corners], axis=1)
