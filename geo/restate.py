"""Rebuild this package's tables from a mirror folder (``python -m geo.restate FOLDER``): each figure can be traced.

Codes, names, lineage, counts and areas are facts and are re-stated; polygons are read for a point inside each commune
and are not kept.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import shapely

HERE = Path(__file__).parent
UPSTREAM = "thanglequoc/vietnamese-provinces-database@cd05806"
OUTLINES = f"outline, name and area: {UPSTREAM} (MIT), after the state map publisher's reference map of 2025"
OLD = (
    "codes and names: General Statistics Office; counts: 2019 census; "
    "area and point: derived outlines (2025 outer lines, 2009 census inner lines)"
)
COLUMNS = (
    "vintage", "code", "name_vi", "name_en", "name_km", "type", "province_code", "district_code", "district",
    "households_2019", "population_2019", "area_km2", "longitude", "latitude", "source",
)  # fmt: skip
TOWN_MERGER = "1277/NQ-UBTVQH15"
REFORM = "1687/NQ-UBTVQH15"


def main(mirror: Path) -> None:
    """Write every table of this package that can be traced to ``mirror``."""
    old106 = pl.read_csv(mirror / "census2019_tv_communes.csv", infer_schema=False)
    old104 = pl.read_csv(mirror / "codes_tv_104.csv", infer_schema=False)
    walk106 = pl.read_csv(mirror / "crosswalk_tv_106_to_41.csv", infer_schema=False)
    walk104 = pl.read_csv(mirror / "crosswalk_tv_104_to_41.csv", infer_schema=False)
    lineage = _lineage(old106, old104, walk106, walk104)
    _write(lineage, HERE / "lineage.csv")
    shapes106 = _outlines([mirror / "tv_communes_old106_derived_full.geojson"])
    first = _units_2024(old106, shapes106)
    _write(first, HERE / "units" / "2024.csv")
    _write(_units_2025_01(old104, first, lineage, shapes106), HERE / "units" / "2025-01.csv")
    _write(_districts(old106), HERE / "districts.csv")
    whole = _units_2025_07(sorted((mirror / "upstream/json/geojson/86_vinh_long/wards").glob("*.geojson")))
    ground = _ground(whole, first, lineage)
    _write(ground, HERE / "units" / "2025-07.csv")
    _write(whole.join(ground, on="code", how="anti"), HERE / "units" / "neighbours-2025-07.csv")
    files = pl.read_csv(mirror / "upstream/files.csv")
    code = pl.col("path").str.extract(r"/wards/(\d{5})_")
    _write(
        files.select(pl.lit("2025-07").alias("vintage"), code.alias("code"), "path", "bytes", "sha256"),
        HERE / "files.csv",
    )


def _write(frame: pl.DataFrame, path: Path) -> None:
    keys = [name for name in ("old_vintage", "new_vintage", "old_code", "code", "path") if name in frame.columns]
    frame.sort(keys).write_csv(path)


def _lineage(*tables: pl.DataFrame) -> pl.DataFrame:
    old106, old104, walk106, walk104 = tables
    stays = old106.join(old104, on="code", how="semi").select("code", pl.col("code").alias("new_code"))
    merged = old106.join(old104, on="code", how="anti").select("code", pl.lit("29242").alias("new_code"))
    grew = pl.col("new_code").is_in(merged["new_code"].unique().to_list())
    decree = pl.when(grew).then(pl.lit(TOWN_MERGER)).otherwise(pl.lit("unchanged; source: codes list"))
    step = pl.concat([stays, merged]).with_columns(decree.alias("decree"))
    frames = [
        _steps(step, "2024", "2025-01", "2025-01-01"),
        _steps(_clauses(walk104), "2025-01", "2025-07", "2025-07-01"),
        _steps(_clauses(walk106), "2024", "2025-07", "2025-07-01"),
    ]
    return pl.concat(frames)


def _clauses(walk: pl.DataFrame) -> pl.DataFrame:
    """The clause as the resolution numbers it; the two wards that moved twice name both resolutions."""
    number = pl.col("basis").str.extract(r"Đ1 k(\d+)")
    kept = pl.when(pl.col("basis").str.contains("giữ nguyên")).then(pl.lit(" (unchanged)")).otherwise(pl.lit(""))
    twice = pl.when(pl.col("basis").str.contains(TOWN_MERGER)).then(pl.lit(f"{TOWN_MERGER}; ")).otherwise(pl.lit(""))
    decree = pl.concat_str(twice, pl.lit(f"{REFORM} Điều 1 khoản "), number, kept)
    return walk.select(pl.col("old_code").alias("code"), "new_code", decree.alias("decree"))


def _steps(table: pl.DataFrame, old: str, new: str, in_force_on: str) -> pl.DataFrame:
    return table.select(
        pl.col("code").alias("old_code"),
        pl.lit(old).alias("old_vintage"),
        "new_code",
        pl.lit(new).alias("new_vintage"),
        pl.lit("1").alias("share"),
        "decree",
        pl.lit(in_force_on).alias("in_force_on"),
    )


def _outlines(files: Iterable[Path]) -> dict[str, tuple[shapely.Geometry, dict[str, object]]]:
    found = {}
    for file in files:
        for feature in json.loads(file.read_text(encoding="utf-8"))["features"]:
            shape = shapely.from_geojson(json.dumps(feature["geometry"]))
            found[feature["properties"]["code"]] = (shape, feature["properties"])
    return found


def _point_in(shape: shapely.Geometry) -> tuple[float, float]:
    """A point inside, at five decimals (about a metre), still inside after rounding."""
    point = shape.representative_point()
    longitude, latitude = round(point.x, 5), round(point.y, 5)
    if not shape.contains(shapely.Point(longitude, latitude)):
        raise ValueError("the rounded point left its commune")
    return longitude, latitude


def _unit(code: str, shape: shapely.Geometry, **values: object) -> dict[str, object]:
    longitude, latitude = _point_in(shape)
    return {**dict.fromkeys(COLUMNS), "code": code, "longitude": longitude, "latitude": latitude, **values}


def _frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, infer_schema_length=None).select(COLUMNS)


def _tidy(text: object) -> str:
    return unicodedata.normalize("NFC", str(text)).strip()


def _units_2024(census: pl.DataFrame, shapes: dict[str, tuple[shapely.Geometry, dict[str, object]]]) -> pl.DataFrame:
    rows = [
        _unit(
            row["code"],
            shapes[row["code"]][0],
            vintage="2024",
            name_vi=_tidy(row["full_name"]),
            name_en=_tidy(row["full_name_en"]),
            type=_tidy(row["type"]).lower(),
            province_code=row["province_code"],
            district_code=row["district_code"],
            district=_tidy(row["district"]),
            households_2019=int(row["hh"]),
            population_2019=int(row["pop"]),
            area_km2=round(float(str(shapes[row["code"]][1]["area_km2"])), 2),
            source=OLD,
        )
        for row in census.iter_rows(named=True)
    ]
    return _frame(rows)


def _districts(census: pl.DataFrame) -> pl.DataFrame:
    counted = census.with_columns(pl.col("hh", "pop").cast(pl.Int64))
    return counted.group_by(pl.col("district_code").alias("code")).agg(
        pl.col("district").first().alias("name_vi"),
        pl.col("district_en").first().alias("name_en"),
        pl.col("province_code").first(),
        pl.len().alias("communes"),
        pl.col("hh").sum().alias("households_2019"),
        pl.col("pop").sum().alias("population_2019"),
        pl.lit("2025-06-30").alias("valid_to"),
        pl.lit("General Statistics Office: codes list; 2019 census summed over communes").alias("source"),
    )


def _units_2025_01(
    codes: pl.DataFrame,
    first: pl.DataFrame,
    lineage: pl.DataFrame,
    shapes: dict[str, tuple[shapely.Geometry, dict[str, object]]],
) -> pl.DataFrame:
    step = lineage.filter(pl.col("old_vintage") == "2024", pl.col("new_vintage") == "2025-01")
    counts = step.join(first, left_on="old_code", right_on="code").group_by("new_code")
    sums = counts.agg(pl.col("households_2019", "population_2019", "area_km2").sum().round(2), pl.col("old_code"))
    rows = []
    for row in codes.join(sums, left_on="code", right_on="new_code").iter_rows(named=True):
        shape = shapely.union_all([shapes[code][0] for code in row["old_code"]])
        rows.append(
            _unit(
                row["code"],
                shape,
                vintage="2025-01",
                name_vi=_tidy(row["full_name"]),
                name_en=_tidy(row["full_name_en"]),
                type=_tidy(row["type"]).lower(),
                province_code=row["province_code"],
                district_code=row["district_code"],
                district=_tidy(row["district"]),
                households_2019=row["households_2019"],
                population_2019=row["population_2019"],
                area_km2=row["area_km2"],
                source=OLD + "; counts summed over lineage.csv",
            )
        )
    return _frame(rows)


def _units_2025_07(files: list[Path]) -> pl.DataFrame:
    rows = []
    for code, (shape, facts) in _outlines(files).items():
        full = _tidy(facts["fullName"])
        kind = next(kind for kind in ("xã", "phường") if full.lower().startswith(kind))
        area = float(str(facts["areaKm2"]))
        names = {"name_vi": full, "name_en": _tidy(facts["fullNameEn"]), "type": kind}
        rows.append(_unit(code, shape, vintage="2025-07", province_code="86", area_km2=area, source=OUTLINES, **names))
    return _frame(rows)


def _ground(whole: pl.DataFrame, first: pl.DataFrame, lineage: pl.DataFrame) -> pl.DataFrame:
    """The communes that old ones went into, with the census counts of those."""
    step = lineage.filter(pl.col("old_vintage") == "2024", pl.col("new_vintage") == "2025-07")
    sums = (
        step.join(first, left_on="old_code", right_on="code")
        .group_by(pl.col("new_code").alias("code"))
        .agg(
            pl.col("households_2019", "population_2019").sum(),
            pl.col("district").unique().sort().str.join("; "),
        )
    )
    added = sums.columns[1:]
    source = OUTLINES + "; counts: 2019 census summed over lineage.csv"
    return whole.drop(added).join(sums, on="code").with_columns(pl.lit(source).alias("source")).select(COLUMNS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
