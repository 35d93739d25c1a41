"""Point to commune: our grid against `geopandas.sjoin`, in the same run, on the same points, with the answers compared.

Run from the repository's root: ``python benchmarks/location.py [POINTS] [PLACE FOLDER]``. Points are scattered over the
box round each set of communes, and again inside the communes only, where households are. ``sjoin`` is given its quicker
predicate ("within"); the time of making its points is not counted.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import polars as pl
import shapely

from geo import Boundaries, Gazetteer, PointIndex

REPEATS = 5
HEAD = ("communes", "points", "build s", "ours s", "sjoin s", "times", "ours M/s", "differ", "unplaced")


def timed(work: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, Any]:
    """Median seconds, and the last answer."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), answer


def outlines(path: Path) -> Boundaries:
    """A file of communes as boundaries."""
    frame = gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path)
    frame = frame[["code", "geometry"]].assign(name=frame["code"])
    return Boundaries("2025-07", "reference", path.name, "", True, 10.0, frame)


def scatter(boundaries: Boundaries, count: int, inside: PointIndex | None) -> tuple[Any, Any]:
    """Uniform points over the box, or over the communes alone."""
    west, south, east, north = boundaries.frame.total_bounds
    random = np.random.default_rng(20251)
    x, y = random.uniform(west, east, count), random.uniform(south, north, count)
    while inside is not None:
        lost = np.flatnonzero(inside.positions(x, y) < 0)
        if not len(lost):
            break
        x[lost], y[lost] = random.uniform(west, east, len(lost)), random.uniform(south, north, len(lost))
    return x, y


def compare(boundaries: Boundaries, count: int, only_inside: bool) -> tuple[object, ...]:
    """One line of the table."""
    build, index = timed(lambda: PointIndex(boundaries))
    x, y = scatter(boundaries, count, index if only_inside else None)
    ours, found = timed(lambda: index.locate(x, y))
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y, crs="EPSG:4326"))
    frame = boundaries.frame[["code", "geometry"]]
    theirs, joined = timed(lambda: gpd.sjoin(points, frame, predicate="within", how="left"), 3)
    lowest = joined.groupby(level=0)["code"].min()
    expected = pl.Series([None if code != code else code for code in lowest], dtype=pl.String)
    differ = int(found.ne_missing(expected).sum())
    where = "inside" if only_inside else "box"
    return (
        f"{len(frame):,} ({shapely.get_num_coordinates(frame.geometry.to_numpy()).sum():,} corners)",
        f"{count:,} {where}",
        f"{build:.2f}",
        f"{ours:.3f}",
        f"{theirs:.2f}",
        f"{theirs / ours:.1f}",
        f"{count / ours / 1e6:.1f}",
        differ,
        f"{found.null_count():,}",
    )


def whole_stage(boundaries: Boundaries, households: int = 284_675) -> str:
    """The locate stage over a whole province, 3.5 % of answers wrong, blank or old."""
    from collect.locate import locate
    from collect.tables import HOUSEHOLDS, Households

    places = Gazetteer(boundaries)
    x, y = scatter(boundaries, households, places.index)
    random = np.random.default_rng(7)
    codes = places.index.locate(x, y).to_numpy().astype(object)
    dirt = random.random(households)
    codes[dirt < 0.02] = random.choice(np.array(places.index.codes), int((dirt < 0.02).sum()))
    codes[(dirt >= 0.02) & (dirt < 0.03)] = None
    codes[(dirt >= 0.03) & (dirt < 0.035)] = "Phường 3"
    frame = pl.DataFrame(
        {
            "submission_id": [f"uuid:{number}" for number in range(households)],
            "upload_id": "u1",
            "status": "accepted",
            "declared_commune": pl.Series(list(codes), dtype=pl.String),
            "longitude": x,
            "latitude": y,
            "accuracy_m": random.exponential(8, households),
        }
    )
    table = Households(HOUSEHOLDS.check(frame))
    seconds, (_, issues) = timed(lambda: locate(table, places, vintage_of_form="2025-07"))
    return f"locate stage: {households:,} households in {seconds:.2f} s, {issues.height:,} issues"


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).resolve().parents[2] / "shared" / "geo"
    files = (
        "tv_communes_new41_full.geojson",
        "tv_communes_old106_derived_full.geojson",
        "vn_communes_2025_s100_3321.parquet",
    )
    print("| " + " | ".join(HEAD) + " |")
    print("|" + "---|" * len(HEAD))
    for name in files:
        for only_inside in (False, True):
            print("| " + " | ".join(map(str, compare(outlines(folder / name), count, only_inside))) + " |", flush=True)
    print()
    print(whole_stage(outlines(folder / files[0])))


if __name__ == "__main__":
    main()
