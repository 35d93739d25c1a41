"""The grid answers every point as geopandas does, from any thread, and survives odd input."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import geopandas as gpd
import numpy as np
import polars as pl
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import Boundaries, PointIndex

Points = tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]


def outlines(shapes: list[shapely.Geometry], codes: list[str] | None = None) -> Boundaries:
    names = codes or [f"{place:05d}" for place in range(len(shapes))]
    frame = gpd.GeoDataFrame({"code": names, "name": names}, geometry=shapes, crs="EPSG:4326")
    return Boundaries("2025-07", "reference", "", "", True, 10.0, frame)


def by_geopandas(boundaries: Boundaries, x: object, y: object) -> list[str | None]:
    """Lowest code whose outline or inside has the point."""
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y, crs="EPSG:4326"))
    joined = gpd.sjoin(points, boundaries.frame, predicate="intersects", how="left")
    lowest = joined.groupby(level=0)["code"].min()
    return [None if code != code else code for code in lowest]


@pytest.fixture(scope="module")
def old106(shared: Path) -> Boundaries:
    frame = gpd.read_file(shared / "geo" / "tv_communes_old106_derived_full.geojson")
    return outlines(list(frame.geometry), list(frame["code"]))


@pytest.fixture(scope="module")
def index(old106: Boundaries) -> PointIndex:
    return PointIndex(old106)


def scattered(boundaries: Boundaries, count: int, seed: int = 1) -> Points:
    west, south, east, north = boundaries.frame.total_bounds
    random = np.random.default_rng(seed)
    return random.uniform(west, east, count), random.uniform(south, north, count)


def test_scattered_points_get_the_answers_of_geopandas(old106: Boundaries, index: PointIndex) -> None:
    x, y = scattered(old106, 50_000)
    assert index.locate(x, y).to_list() == by_geopandas(old106, x, y)


def test_points_on_shared_edges_and_corners_belong_to_the_lowest_code(old106: Boundaries, index: PointIndex) -> None:
    corners = shapely.get_coordinates(old106.frame.geometry.to_numpy())[::9]
    middles = (corners[1:] + corners[:-1]) / 2
    near = np.concatenate([corners, middles, corners + 1e-12, corners - 1e-9])
    assert index.locate(near[:, 0], near[:, 1]).to_list() == by_geopandas(old106, near[:, 0], near[:, 1])


def test_corners_of_the_grid_are_answered_exactly(old106: Boundaries, index: PointIndex) -> None:
    random = np.random.default_rng(3)
    x = index._west + index._cell * random.integers(0, index._columns, 20_000)
    y = index._south + index._cell * random.integers(0, index._rows, 20_000)
    assert index.locate(x, y).to_list() == by_geopandas(old106, x, y)


def test_a_point_that_is_nowhere_has_no_commune(index: PointIndex) -> None:
    odd = [np.nan, np.inf, -np.inf, 0.0, 1e300, -1e300, 106.3414, 106.3414, np.nan]
    other = [9.9, 9.9, 9.9, 0.0, 9.9, 1e300, np.nan, -np.inf, np.nan]
    assert index.locate(odd, other).null_count() == len(odd)


def test_missing_coordinates_are_missing_communes(index: PointIndex) -> None:
    longitude, latitude = pl.Series([106.3414, None, 106.3414]), pl.Series([9.9347, 9.9347, None])
    assert index.locate(longitude, latitude).is_null().to_list() == [False, True, True]


def test_no_points_are_no_answers(index: PointIndex) -> None:
    assert index.locate([], []).to_list() == []


def test_no_communes_hold_no_point() -> None:
    index = PointIndex(outlines([]))
    assert index.locate([106.0, 0.0], [9.9, 0.0]).to_list() == [None, None]
    assert np.isnan(index.metres_to_ground([106.0], [9.9])).all()


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Polygon(),
        shapely.Point(106, 10),
        shapely.LineString([(106, 10), (107, 11)]),
        shapely.box(106, 10, 106, 10),
    ],
)
def test_shapes_without_ground_hold_no_point(shape: shapely.Geometry) -> None:
    index = PointIndex(outlines([shape, shapely.box(100, 1, 101, 2)]))
    assert index.locate([106.0, 100.5], [10.0, 1.5]).to_list() == [None, "00001"]


def test_holes_islands_and_overlaps_are_answered_as_geopandas_does() -> None:
    ring = shapely.box(0, 0, 10, 10).difference(shapely.box(3, 3, 7, 7))
    shapes = [
        ring,
        shapely.box(4, 4, 6, 6),
        shapely.MultiPolygon([shapely.box(12, 0, 14, 2), shapely.box(12, 8, 14, 10)]),
        shapely.box(-1, -1, 11, 11),
        shapely.box(8, 8, 13, 13),
    ]
    boundaries = outlines(shapes)
    x, y = scattered(boundaries, 20_000, 5)
    lattice = np.round(x * 2) / 2, np.round(y * 2) / 2
    index = PointIndex(boundaries)
    for where in ((x, y), lattice):
        assert index.locate(*where).to_list() == by_geopandas(boundaries, *where)


def test_codes_are_found_whatever_the_order_of_the_rows() -> None:
    left, right = shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)
    index = PointIndex(outlines([left, right], ["29300", "29200"]))
    assert index.locate([0.5, 1.0, 1.5], [0.5, 0.5, 0.5]).to_list() == ["29300", "29200", "29200"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-5, 5, allow_subnormal=False)] * 2), min_size=3, max_size=12), st.integers(0, 99))
def test_any_shape_is_answered_as_geopandas_does(corners: list[tuple[float, float]], seed: int) -> None:
    hull = shapely.MultiPoint(corners).convex_hull
    boundaries = outlines([hull, shapely.box(-1, -1, 1, 1)] if hull.area > 1e-6 else [shapely.box(-1, -1, 1, 1)])
    random = np.random.default_rng(seed)
    x, y = random.uniform(-6, 6, 300), random.uniform(-6, 6, 300)
    assert PointIndex(boundaries).locate(x, y).to_list() == by_geopandas(boundaries, x, y)


def test_threads_may_share_an_index(index: PointIndex, old106: Boundaries) -> None:
    x, y = scattered(old106, 100_000, 7)
    alone = index.positions(x, y)
    found: list[bool] = []

    def ask() -> None:
        found.extend(bool((index.positions(x, y) == alone).all()) for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 20


def test_an_index_travels_to_another_process_whole(index: PointIndex, old106: Boundaries) -> None:
    x, y = scattered(old106, 5_000, 11)
    copy = pickle.loads(pickle.dumps(index))
    assert copy.locate(x, y).to_list() == index.locate(x, y).to_list()


def test_the_readers_own_geometries_are_left_unprepared(old106: Boundaries, index: PointIndex) -> None:
    assert index.codes
    assert not shapely.is_prepared(old106.frame.geometry.to_numpy()).any()


def test_metres_are_those_of_the_ground() -> None:
    """A degree of longitude at 9.9 degrees north is 109.7 km on the WGS 84 ellipsoid."""
    index = PointIndex(outlines([shapely.box(106.0, 9.8, 106.2, 10.0)], ["29242"]))
    away = index.metres_to(pl.Series(["29242", "29242", None, "1"]), [106.21, 106.1, 106.1, 106.1], [9.9] * 4)
    assert away[0] == pytest.approx(1097, abs=2)
    assert away[1] == 0
    assert np.isnan(away[2:]).all()
    assert index.metres_to_ground([106.21, np.nan], [9.9, 9.9])[0] == pytest.approx(1097, abs=2)


def test_a_point_on_the_other_side_of_the_world_is_as_far_as_the_world_allows() -> None:
    index = PointIndex(outlines([shapely.box(106.0, 9.8, 106.2, 10.0)], ["29242"]))
    assert index.metres_to(pl.Series(["29242"]), [0.0], [0.0])[0] == pytest.approx(11_770_000, rel=0.01)
    assert index.metres_to_ground([-74.0], [-9.9])[0] > 19_000_000
