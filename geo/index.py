"""Point to commune, exactly and fast: a look-up where a cell lies wholly inside one commune, a predicate elsewhere.

A uniform grid covers the boundaries. Cells that no outline touches fall into patches, each wholly inside one commune or
outside all: one question per patch, asked once, answers every point in it. Points in the other cells (some 2 % of the
ground) are asked exactly, of the few communes that reach their cell. A point on a shared edge belongs to the lowest
code, so that every point has one commune.

Prepared geometries must not be used by two threads at once (shapely 2.2 corrupts the heap), so the index keeps its own
copies and one lock around them.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import polars as pl
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from geo.boundaries import CRS, Boundaries

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
CELLS = 2_000_000  # of the whole grid: more make fewer edge points but a table that leaves the processor's cache
AT_ONCE = 1 << 15  # points per block, so that the work of a block stays in the cache
SLACK = 1e-6  # of a cell: outlines are drawn this much thicker, against rounding
FAR_M = 2_000_000.0  # beyond this the plane of the boundaries says nothing
EARTH_M = 6_371_000.0
EDGE = -2  # the cell has to ask
OUTSIDE = -1


class PointIndex:
    """Which commune of ``boundaries`` each point lies in. Safe to share between threads; can be pickled."""

    def __init__(self, boundaries: Boundaries) -> None:
        frame = boundaries.frame.sort_values("code", kind="stable")
        self.vintage = boundaries.vintage
        self.codes: tuple[str, ...] = tuple(frame["code"])
        wkb = shapely.to_wkb(frame.geometry.to_numpy())
        self._own(_areas(shapely.from_wkb(wkb)))
        self._draw_grid()

    def _own(self, shapes: NDArray[Any]) -> None:
        self._lock = threading.Lock()
        self._shapes = shapes
        self._flat: NDArray[Any] | None = None  # in metres, made when first asked for a distance
        shapely.prepare(self._shapes)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        for name in ("_lock", "_flat", "_shapes"):
            del state[name]
        return {**state, "wkb": shapely.to_wkb(self._shapes)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        wkb = state.pop("wkb")
        self.__dict__.update(state)
        self._own(shapely.from_wkb(wkb))

    # --- asking ---

    def locate(self, longitude: ArrayLike | pl.Series, latitude: ArrayLike | pl.Series) -> pl.Series:
        """Code of the commune each point lies in; null outside all, and where a coordinate is missing or infinite."""
        places = self.positions(_numbers(longitude), _numbers(latitude))
        names = pl.Series("commune_code", [*self.codes, None], dtype=pl.String)
        places[places == OUTSIDE] = len(self.codes)
        return names.gather(pl.Series(places))

    def positions(self, longitude: Floats, latitude: Floats) -> Whole:
        """Row in ``codes`` of the commune each point lies in, -1 for none."""
        found = np.empty(len(longitude), dtype=np.int64)
        for start in range(0, len(longitude), AT_ONCE):
            block = slice(start, start + AT_ONCE)
            found[block] = self._look_up(longitude[block], latitude[block])
        asking = np.flatnonzero(found <= EDGE)
        found[asking] = self._ask(EDGE - found[asking], longitude[asking], latitude[asking])
        return found

    def metres_to(self, codes: pl.Series, longitude: ArrayLike | pl.Series, latitude: ArrayLike | pl.Series) -> Floats:
        """Metres from each point to its commune's outline: 0 inside, nan for unknown codes and missing points.

        Measured in the UTM zone of the boundaries' middle; beyond `FAR_M`, from that middle along the globe.
        """
        row = codes.replace_strict(list(self.codes), list(range(len(self.codes))), default=None, return_dtype=pl.Int64)
        places = row.fill_null(OUTSIDE).to_numpy()
        x, y, metres = self._metric_near(_numbers(longitude), _numbers(latitude))
        metres[places < 0] = np.nan
        sound = (places >= 0) & np.isfinite(x) & np.isfinite(y)
        metres[sound] = shapely.distance(self._flat_shapes()[places[sound]], shapely.points(x[sound], y[sound]))
        return metres

    def metres_to_ground(self, longitude: ArrayLike | pl.Series, latitude: ArrayLike | pl.Series) -> Floats:
        """Metres from each point to the nearest commune: 0 inside any, nan where the point is missing."""
        x, y, metres = self._metric_near(_numbers(longitude), _numbers(latitude))
        sound = np.isfinite(x) & np.isfinite(y)
        if not self.codes:
            return np.full(len(x), np.nan)
        if sound.any():
            tree = shapely.STRtree(self._flat_shapes())
            points = shapely.points(x[sound], y[sound])
            rows, away = tree.query_nearest(points, return_distance=True, all_matches=False)
            metres[np.flatnonzero(sound)[rows[0]]] = away
        return metres

    # --- the grid ---

    def _draw_grid(self) -> None:
        bounds = shapely.total_bounds(self._shapes) if self.codes else np.full(4, np.nan)
        if not np.isfinite(bounds).all():  # no commune, or only empty ones
            bounds = np.zeros(4)
        width, height = max(float(np.ptp(bounds[::2])), 1e-9), max(float(np.ptp(bounds[1::2])), 1e-9)
        self._cell = float(np.sqrt(width * height / CELLS))
        self._columns = int(width / self._cell) + 5  # two empty columns and rows all round: far points end there
        self._rows = int(height / self._cell) + 5
        self._west, self._south = bounds[0] - 2 * self._cell, bounds[1] - 2 * self._cell
        cells, places = self._crossings()
        table = np.full(self._columns * self._rows, OUTSIDE, dtype=np.int32)
        table[cells] = EDGE
        self._fill(table)
        self._table = table
        self._note_candidates(np.flatnonzero(table == EDGE), cells, places)

    def _crossings(self) -> tuple[Whole, Whole]:
        """Cells that an outline may touch, and whose outline: every piece's box, a little thicker than the piece."""
        lines = shapely.get_parts(shapely.boundary(self._shapes), return_index=True)
        points, line = shapely.get_coordinates(lines[0], return_index=True)
        x, y = (points[:, 0] - self._west) / self._cell, (points[:, 1] - self._south) / self._cell
        joined = line[1:] == line[:-1]
        start, end = np.flatnonzero(joined), np.flatnonzero(joined) + 1
        count = np.ceil(np.maximum(abs(x[end] - x[start]), abs(y[end] - y[start]))).astype(np.int64).clip(1)
        piece = np.repeat(np.arange(len(start)), count)
        order = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
        share = order / count[piece], (order + 1) / count[piece]
        across = [x[start][piece] + part * (x[end] - x[start])[piece] for part in share]
        up = [y[start][piece] + part * (y[end] - y[start])[piece] for part in share]
        west, east = np.minimum(*across) - SLACK, np.maximum(*across) + SLACK
        south, north = np.minimum(*up) - SLACK, np.maximum(*up) + SLACK
        corners = [
            (a.astype(np.int64) + self._columns * b.astype(np.int64)) for a in (west, east) for b in (south, north)
        ]
        place = lines[1][line[start]][piece]
        pairs = np.unique(np.concatenate([cell * len(self._shapes) + place for cell in corners]))
        return pairs // max(len(self._shapes), 1), pairs % max(len(self._shapes), 1)

    def _fill(self, table: NDArray[np.int32]) -> None:
        """Answer each patch of untouched cells with one question about one of its cells."""
        patch, patches = ndimage.label((table != EDGE).reshape(self._rows, self._columns))
        flat = patch.ravel()
        first = np.full(patches + 1, -1, dtype=np.int64)
        first[flat[::-1]] = np.arange(len(flat) - 1, -1, -1)
        x, y = self._middle(first[1:])
        answer = np.empty(patches + 1, dtype=np.int32)
        answer[0] = EDGE
        answer[1:] = self._ask_all(x, y)
        np.take(answer, flat, out=table)

    def _middle(self, cells: Whole) -> tuple[Floats, Floats]:
        return (
            self._west + (cells % self._columns + 0.5) * self._cell,
            self._south + (cells // self._columns + 0.5) * self._cell,
        )

    def _ask_all(self, x: Floats, y: Floats) -> Whole:
        """Lowest commune each point lies in, -1 for none, through a tree of boxes."""
        found = np.full(len(x), len(self._shapes), dtype=np.int64)
        point, place = shapely.STRtree(self._shapes).query(shapely.points(x, y))
        with self._lock:
            inside = shapely.intersects_xy(self._shapes[place], x[point], y[point])
        np.minimum.at(found, point[inside], place[inside])
        found[found == len(self._shapes)] = OUTSIDE
        return found

    def _note_candidates(self, edge: Whole, cells: Whole, places: Whole) -> None:
        """For each edge cell, the communes that reach it: those whose outline touches it, and those that hold it whole.

        The second kind only exists where communes overlap.
        """
        x, y = self._middle(edge)
        row, place = shapely.STRtree(self._shapes).query(shapely.points(x, y))
        touching = cells * len(self._shapes) + places
        over = edge[row] * len(self._shapes) + place
        fresh = ~np.isin(over, touching, assume_unique=True)
        row, place, over = row[fresh], place[fresh], over[fresh]
        with self._lock:
            holds = shapely.intersects_xy(self._shapes[place], x[row], y[row])
        pairs = np.sort(np.concatenate([touching, over[holds]]))
        cell = pairs // max(len(self._shapes), 1)
        self._candidates = pairs % max(len(self._shapes), 1)
        self._first = np.searchsorted(cell, edge)
        self._count = np.searchsorted(cell, edge, side="right") - self._first
        self._table[edge] = EDGE - np.arange(len(edge))

    def _look_up(self, x: Floats, y: Floats) -> NDArray[np.int32]:
        column = np.fmin(np.fmax((x - self._west) / self._cell, 0.0), self._columns - 1.0).astype(np.int64)
        row = np.fmin(np.fmax((y - self._south) / self._cell, 0.0), self._rows - 1.0).astype(np.int64)
        told: NDArray[np.int32] = self._table[row * self._columns + column]
        return told

    def _ask(self, edge: Whole, x: Floats, y: Floats) -> Whole:
        """Lowest candidate of its edge cell that each point lies in: lowest first, and who was found is asked no more.

        Points are asked commune by commune, so that an outline is in the processor's cache while it is needed.
        """
        found = np.full(len(edge), OUTSIDE, dtype=np.int64)
        left, turn = np.arange(len(edge)), 0
        while len(left):
            place = self._candidates[self._first[edge[left]] + turn]
            order = np.argsort(place, kind="stable")
            left, place = left[order], place[order]
            with self._lock:
                inside = shapely.intersects_xy(self._shapes[place], x[left], y[left])
            found[left[inside]] = place[inside]
            turn += 1
            left = left[~inside]
            left = left[self._count[edge[left]] > turn]
        return found

    # --- metres ---

    def _zone(self) -> int:
        middle = self._west + self._columns * self._cell / 2
        south = self._south + self._rows * self._cell / 2 < 0
        return (32700 if south else 32600) + int((middle + 180) // 6) % 60 + 1

    def _metric(self, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
        turn = pyproj.Transformer.from_crs(CRS, f"EPSG:{self._zone()}", always_xy=True)
        known = np.isfinite(longitude) & np.isfinite(latitude)
        x, y = turn.transform(np.where(known, longitude, np.nan), np.where(known, latitude, np.nan))
        return np.where(known, x, np.nan), np.where(known, y, np.nan)

    def _metric_near(self, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats, Floats]:
        """Metric coordinates, nan for points beyond `FAR_M`; and the metres to the middle of those, nan for others."""
        middle = np.radians([self._west + self._columns * self._cell / 2, self._south + self._rows * self._cell / 2])
        sound = np.isfinite(longitude) & np.isfinite(latitude)
        east, north = np.radians(np.where(sound, longitude, np.nan)), np.radians(np.where(sound, latitude, np.nan))
        half = np.sin((north - middle[1]) / 2) ** 2
        half += np.cos(north) * np.cos(middle[1]) * np.sin((east - middle[0]) / 2) ** 2
        away = 2 * EARTH_M * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
        near = away <= FAR_M
        x, y = self._metric(np.where(near, longitude, np.nan), np.where(near, latitude, np.nan))
        return x, y, np.where(near, np.nan, away)

    def _flat_shapes(self) -> NDArray[Any]:
        flat = self._flat
        if flat is None:
            flat = shapely.transform(self._shapes, lambda points: np.column_stack(self._metric(*points.T)))
            self._flat = flat
        return flat


def _areas(shapes: NDArray[Any]) -> NDArray[Any]:
    """The shapes made valid, as multipolygons: lines and points left over from a repair have no ground in them."""
    parts, place = shapely.get_parts(shapely.make_valid(shapes), return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)  # a collection may hold a multipolygon
    area = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    whole = shapely.multipolygons(
        parts[area], indices=place[inner][area], out=np.full(len(shapes), shapely.MultiPolygon())
    )
    return np.asarray(whole)


def _numbers(values: ArrayLike | pl.Series) -> Floats:
    """As floats; null is nan."""
    if isinstance(values, pl.Series):
        return values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return np.atleast_1d(np.asarray(values, dtype=np.float64))
