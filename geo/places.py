"""Which communes there were when, what they were called, and where each went: a code never travels without its vintage.

All 41 codes of 2025-07 are reused codes of older communes, so nothing here guesses a vintage from a code.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from geo.errors import GeoError

HERE = Path(__file__).parent
NUMBERS: Mapping[str, type[pl.DataType]] = {
    "households_2019": pl.Int64,
    "population_2019": pl.Int64,
    "area_km2": pl.Float64,
    "longitude": pl.Float64,
    "latitude": pl.Float64,
    "share": pl.Float64,
    "communes": pl.Int64,
    "bytes": pl.Int64,
}
KM_PER_DEGREE = 111.195  # of latitude
DATES = ("valid_from", "valid_to", "in_force_on")


@dataclass(frozen=True, slots=True)
class Vintage:
    """One list of communes. ``valid_from`` is None where no source states the day, ``valid_to`` None while in force."""

    name: str
    valid_from: date | None
    valid_to: date | None
    communes: int
    note: str
    source: str

    def holds_on(self, day: date) -> bool:
        """Whether this list was in force on ``day``."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def read_table(path: Path) -> pl.DataFrame:
    """A table of this package: text as it stands, so that codes keep their zeros, and `NUMBERS` and `DATES` cast."""
    frame = pl.read_csv(path, infer_schema=False)
    numbers = [pl.col(name).cast(kind) for name, kind in NUMBERS.items() if name in frame.columns]
    return frame.with_columns(*numbers, *(pl.col(name).str.to_date() for name in DATES if name in frame.columns))


def _vintages() -> Mapping[str, Vintage]:
    """Read without Polars: a process that has only imported this may still be forked, without threads of Polars."""
    with (HERE / "vintages.csv").open(encoding="utf-8", newline="") as file:
        return {row["vintage"]: _vintage(row) for row in csv.DictReader(file)}


def _vintage(row: Mapping[str, str]) -> Vintage:
    start, end = (date.fromisoformat(row[name]) if row[name] else None for name in ("valid_from", "valid_to"))
    return Vintage(row["vintage"], start, end, int(row["communes"]), row["note"], row["source"])


VINTAGES: Mapping[str, Vintage] = _vintages()  # oldest first
LATEST = next(reversed(list(VINTAGES)))
PROVINCES = {"84": "Trà Vinh", "86": "Vĩnh Long"}  # by code; 84 ended with 1687/NQ-UBTVQH15


def vintage_on(day: date) -> str:
    """The vintage in force on ``day``."""
    return next(name for name, vintage in VINTAGES.items() if vintage.holds_on(day))


def known(vintage: str) -> str:
    """``vintage`` itself, or `GeoError` GEO-01 when there is no such list."""
    if vintage not in VINTAGES:
        raise GeoError("GEO-01", vintage=vintage, known=", ".join(VINTAGES))
    return vintage


@cache
def _units(vintage: str, neighbours: bool) -> pl.DataFrame:
    return _read_units(vintage, neighbours).join(_km_to_town(vintage), on="code", how="left", maintain_order="left")


@cache
def _read_units(vintage: str, neighbours: bool) -> pl.DataFrame:
    folder = HERE / "units"
    frames = [read_table(folder / f"{vintage}.csv")]
    beside = folder / f"neighbours-{vintage}.csv"
    if neighbours and beside.is_file():
        frames.append(read_table(beside))
    return pl.concat(frames).sort("code")


def units(vintage: str, province: str | None = None) -> pl.DataFrame:
    """Communes of ``vintage`` by code, with the columns of `collect.tables.UNITS`.

    Parameters
    ----------
    vintage
        A key of `VINTAGES`.
    province
        None: the communes on the survey's ground (106, 104 or 41). A province code: every commune known of that
        province, so that ``units("2025-07", "86")`` is all 124 of Vĩnh Long; those off the survey's ground have names,
        areas and points but no census counts.
    """
    if province is None:
        return _units(known(vintage), False)
    return _units(known(vintage), True).filter(pl.col("province_code") == province)


@cache
def lineage() -> pl.DataFrame:
    """One row per old commune, older and newer vintage; ``share`` (0 to 1) of the old went to the new."""
    return read_table(HERE / "lineage.csv")


@cache
def districts() -> pl.DataFrame:
    """The districts of Trà Vinh, abolished on 1 July 2025, with their 2019 counts."""
    return read_table(HERE / "districts.csv")


@cache
def _steps(from_vintage: str, to_vintage: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Old and new codes where the answer is exact."""
    order = list(VINTAGES)
    forward = order.index(known(from_vintage)) <= order.index(known(to_vintage))
    older, newer = (from_vintage, to_vintage) if forward else (to_vintage, from_vintage)
    table = lineage().filter(pl.col("old_vintage") == older, pl.col("new_vintage") == newer)
    if table.is_empty():
        raise GeoError("GEO-07", from_vintage=from_vintage, to_vintage=to_vintage)
    start, end = ("old_code", "new_code") if forward else ("new_code", "old_code")
    sure = table.filter((pl.col("share") == 1) & ~pl.col(start).is_duplicated())
    return tuple(sure[start]), tuple(sure[end])


def recode(codes: pl.Series, from_vintage: str, to_vintage: str) -> pl.Series:
    """Codes of one vintage as codes of another; null where the answer is not exact or the code is unknown.

    Forward every old commune went whole into one new one, so every known code has an answer. Backward only communes
    that the reform left alone have one: the others need the household's point.
    """
    if known(from_vintage) == known(to_vintage):
        return codes.set(~codes.is_in(units(from_vintage)["code"].to_list()), None)
    old, new = _steps(from_vintage, to_vintage)
    return codes.replace_strict(list(old), list(new), default=None, return_dtype=pl.String)


@cache
def _towns() -> pl.DataFrame:
    """Each former district's town: the mean of its wards' points (or the town's own), by households of 2019."""
    own = _read_units("2024", False).select("code", "households_2019", "longitude", "latitude")
    towns = read_table(HERE / "district_towns.csv").join(own, left_on="town_code", right_on="code")
    weight = pl.col("households_2019") / pl.col("households_2019").sum()
    return towns.group_by("district_code").agg((pl.col("longitude", "latitude") * weight).sum())


@cache
def _km_to_town(vintage: str) -> pl.DataFrame:
    """Kilometres from each commune's point to the town of its former district; the nearest where there were several."""
    old = _read_units("2024", False).select("code", "district_code")
    if vintage == "2024":
        lay_in = old
    else:
        moves = lineage().filter(pl.col("old_vintage") == "2024", pl.col("new_vintage") == vintage)
        lay_in = moves.join(old, left_on="old_code", right_on="code").select("district_code", code="new_code")
    here = _read_units(vintage, False).select("code", "longitude", "latitude")
    both = lay_in.unique().join(here, on="code").join(_towns(), on="district_code", suffix="_town")
    east = (pl.col("longitude_town") - pl.col("longitude")) * pl.col("latitude").radians().cos()
    north = pl.col("latitude_town") - pl.col("latitude")
    return both.group_by("code").agg(((east**2 + north**2).sqrt() * KM_PER_DEGREE).min().round(2).alias("km_to_town"))


@cache
def _districts_by_code(vintage: str) -> Mapping[str, str]:
    """Communes whose ground lay in one district, and that district's code."""
    own = units(vintage).select("code", "district_code").drop_nulls()
    if own.height:
        return dict(own.iter_rows())
    old = units("2024").select(old_code="code", district="district_code")
    moves = lineage().filter(pl.col("old_vintage") == "2024", pl.col("new_vintage") == vintage)
    lay_in = moves.join(old, on="old_code").group_by("new_code").agg(pl.col("district").unique())
    whole = lay_in.filter(pl.col("district").list.len() == 1)
    return dict(whole.select("new_code", pl.col("district").list.first()).iter_rows())


def district_of(codes: pl.Series, vintage: str) -> pl.Series:
    """The former district each commune's ground lay in; null where it lay in several, or the code is unknown."""
    found = _districts_by_code(known(vintage))
    return codes.replace_strict(list(found), list(found.values()), default=None, return_dtype=pl.String)


def former_units(code: str, vintage: str = LATEST, from_vintage: str = "2024") -> tuple[str, ...]:
    """Codes of the ``from_vintage`` communes whose ground is now ``code`` of ``vintage``, in order."""
    if known(vintage) == known(from_vintage):
        return (code,)
    rows = lineage().filter(
        pl.col("new_code") == code,
        pl.col("new_vintage") == vintage,
        pl.col("old_vintage") == from_vintage,
    )
    return tuple(rows["old_code"].sort())
