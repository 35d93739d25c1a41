"""Tables made in memory for the screens: 41 communes with all four verdicts, true to `collect.tables`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any

import polars as pl
import shapely

import geo
from collect.indicators import Indicator
from collect.pages.data import Shapes, Since
from collect.problems import CollectError
from collect.tables import ESTIMATES, GAPS, ISSUES, SMALL_AREAS, TALLIES, VERDICTS_TABLE
from collect.targets import Target

VINTAGE, ROUND, PROVINCE = "2025-07", "2026-1", "86"
CYCLE = ("not_met", "undecided", "met", "not_met", "undecided", "met", "not_met")


def _target(number: str, year: int, operator: Any, value: str, label: tuple[str, str, str], indicator: str) -> Target:
    words = dict(zip(("vi", "km", "en"), label, strict=True))
    return Target(
        f"{number}-{year}", number, indicator, "province", year, operator, Fraction(value), "share",
        "50/KH-UBND", date(2022, 7, 12), words,
    )  # fmt: skip


FIBRE = (
    "Hộ gia đình được phủ cáp quang",
    "គ្រួសារដែលមានអ៊ីនធឺណិតកាបអុបទិកឆ្លងកាត់",
    "Fibre passes the household",
)
PHONE = (
    "Người trong độ tuổi lao động có điện thoại thông minh",
    "មនុស្សក្នុងវ័យធ្វើការដែលមានស្មាតហ្វូន",
    "Working-age people with a smartphone",
)
PAY = (
    "Người từ 15 tuổi có tài khoản thanh toán điện tử",
    "មនុស្សអាយុ 15 ឆ្នាំឡើងមានគណនីទូទាត់អេឡិចត្រូនិក",
    "People 15 and over with an electronic payment account",
)
WORK = (
    "Hồ sơ công việc cấp xã xử lý trên mạng",
    "ឯកសារការងារថ្នាក់ឃុំដំណើរការតាមអ៊ីនធឺណិត",
    "Commune work files handled online",
)
PROVINCE_TARGETS = (
    _target("S2", 2025, ">", "4/5", FIBRE, "S2"),
    _target("S5", 2025, ">=", "4/5", PHONE, "S5"),
    _target("S6", 2025, ">", "1/2", PAY, "S6"),
    _target("S6", 2030, ">", "4/5", PAY, "S6"),
    _target("G3", 2025, ">=", "3/5", WORK, ""),
)
COMMUNE_TARGETS = tuple(
    replace(target, target_id=f"{target.target_id}-commune", level="commune")
    for target in PROVINCE_TARGETS
    if target.indicator
)
TARGETS = PROVINCE_TARGETS + COMMUNE_TARGETS


def _indicator(name: str, label: tuple[str, str, str], gap_type: Any, counted_in: Any) -> Indicator:
    words = dict(zip(("vi", "km", "en"), label, strict=True))
    return Indicator(name, "household", "/data", "true()", "1", "1", gap_type, counted_in, words, words, "50/KH-UBND")


INDICATORS = (
    _indicator("S2", FIBRE, "build", "households"),
    _indicator("S5", PHONE, "device", "people"),
    _indicator("S6", PAY, "account", "people"),
)


@dataclass(frozen=True)
class MadeResults:
    """What `collect.pages.data.Results` asks for."""

    estimates: pl.DataFrame
    verdicts: pl.DataFrame
    gaps: pl.DataFrame
    small_areas: pl.DataFrame = field(default_factory=SMALL_AREAS.empty, kw_only=True)
    weighing: tuple[Mapping[str, Any], ...] = field(default=(), kw_only=True)
    tallies: pl.DataFrame = field(default_factory=TALLIES.empty, kw_only=True)
    units: pl.DataFrame
    shapes: Shapes | None
    run_id: str = "20260930-0123456789"
    targets: tuple[Target, ...] = TARGETS
    indicators: tuple[Indicator, ...] = INDICATORS
    changes: pl.DataFrame | None = None
    missing: CollectError | None = None
    made_up: bool = True
    outdated: Since = ""
    as_of: date | None = date(2026, 9, 30)
    round: str = ROUND

    def meta(self) -> dict[str, object]:
        """What published files say of their release."""
        return {"release": self.run_id, "as_of": "2026-09-30", "made_up": self.made_up}


def make_results(
    *,
    schematic: bool = True,
    made_up: bool = True,
    vintage: str = VINTAGE,
    units: pl.DataFrame | None = None,
    shapes: Shapes | None = None,
) -> MadeResults:
    """A finished run over the 41 communes (those of an earlier list, or any ``units``): two of them not visited."""
    units = geo.units(vintage) if units is None else units
    codes = units["code"].to_list()
    estimates = pl.DataFrame(
        [_estimate(x.indicator_id, code, i) for x in INDICATORS for i, code in enumerate(codes)]
        + [_estimate(x.indicator_id, PROVINCE, 5, "province") for x in INDICATORS],
        infer_schema_length=None,
    )
    verdicts = pl.DataFrame(
        [_verdict(x, code, i) for x in COMMUNE_TARGETS for i, code in enumerate(codes)]
        + [_verdict(x, PROVINCE, 0, "province") for x in PROVINCE_TARGETS if x.indicator],
        infer_schema_length=None,
    )
    gaps = [
        _gap(x, row, i, float(row["households_2019"]))
        for x in COMMUNE_TARGETS
        for i, row in enumerate(units.iter_rows(named=True))
    ]
    listed = [gap for gap in gaps if gap["verdict"] != "met"]
    rows = pl.DataFrame([gap | {"priority": i + 1} for i, gap in enumerate(listed)], infer_schema_length=None)
    return MadeResults(
        ESTIMATES.check(estimates.with_columns(vintage=pl.lit(vintage))),
        VERDICTS_TABLE.check(verdicts.with_columns(vintage=pl.lit(vintage))),
        GAPS.check(rows.with_columns(commune_vintage=pl.lit(vintage))),
        units,
        shapes or _shapes(units, schematic),
        made_up=made_up,
    )


def _shapes(units: pl.DataFrame, schematic: bool) -> Shapes:
    points = [(row["longitude"], row["latitude"]) for row in units.iter_rows(named=True)]
    cells = shapely.voronoi_polygons(shapely.MultiPoint(points), ordered=True)
    ground = shapely.MultiPoint(points).convex_hull.buffer(0.03)
    features = [
        {"type": "Feature", "id": code, "properties": {}, "geometry": cell.intersection(ground).__geo_interface__}
        for code, cell in zip(units["code"], cells.geoms, strict=True)
    ]
    geometry = {"type": "FeatureCollection", "features": features}
    names = {
        row["code"]: {"vi": row["name_vi"], "km": row["name_vi"], "en": row["name_en"]} for row in units.to_dicts()
    }
    centres = dict(zip(units["code"], points, strict=True))
    return Shapes(f"made-{units.height}", geometry, centres, schematic, "made for a test", names)


def _verdict_of(position: int, level: str) -> str:
    return "undecided" if level == "province" else "no_data" if position in (11, 30) else CYCLE[position % len(CYCLE)]


def _estimate(indicator: str, place: str, position: int, level: str = "commune") -> dict[str, Any]:
    verdict = _verdict_of(position, level)
    key = {"indicator": indicator, "level": level, "vintage": VINTAGE, "place": place, "round": ROUND}
    if verdict == "no_data":
        return key | {"regime": "empty", "n": 0, "n_households": 0, "n_clusters": 0}
    value = {"met": 0.91, "undecided": 0.738, "not_met": 0.52}[verdict] + (position % 5) * 0.01
    return key | {
        "regime": "clusters",
        "n": 180 + position,
        "n_households": 60 + position,
        "n_clusters": 6,
        "n_base": 60.0 + position,
        "n_holding": round((60 + position) * value),
        "value": value,
        "std_error": 0.04,
        "ci_low": value - 0.085,
        "ci_high": min(value + 0.085, 1.0),
        "first_interview_on": date(2026, 9, 1),
        "last_interview_on": date(2026, 9, 30),
    }


def _verdict(target: Target, place: str, position: int, level: str = "commune") -> dict[str, Any]:
    verdict = _verdict_of(position, level)
    return {
        "target_id": target.target_id,
        "indicator": target.indicator,
        "level": level,
        "vintage": VINTAGE,
        "place": place,
        "round": ROUND,
        "verdict": verdict,
        "p_meets": {"met": 0.997, "undecided": 0.24, "not_met": 0.003, "no_data": None}[verdict],
        "interviews_needed": 120 if verdict == "undecided" else None,
        "reason": {"met": "bound", "not_met": "bound", "undecided": "interval", "no_data": "not_visited"}[verdict],
    }


def _gap(target: Target, unit: dict[str, Any], position: int, households: float) -> dict[str, Any]:
    verdict = _verdict_of(position, "commune")
    estimate = _estimate(target.indicator, unit["code"], position)
    kinds = {"S2": "build", "S5": "device", "S6": "account"}
    return {
        "gap_id": f"{target.target_id}-{unit['code']}",
        "release": "20260930-0123456789",
        "as_of": date(2026, 9, 30),
        "indicator": target.indicator,
        "target_id": target.target_id,
        "decision": target.decision,
        "operator": target.operator,
        "target": float(target.value),
        "target_year": target.year,
        "province_code": PROVINCE,
        "commune_code": unit["code"],
        "commune_vintage": VINTAGE,
        "commune_name": unit["name_vi"],
        "households": int(households),
        "households_source": "census_2019",
        "interviewed": estimate["n_households"],
        "estimate": estimate.get("value"),
        "ci_low": estimate.get("ci_low"),
        "ci_high": estimate.get("ci_high"),
        "verdict": verdict,
        "p_meets_target": _verdict(target, unit["code"], position)["p_meets"],
        "gap_type": "measure" if verdict in ("undecided", "no_data") else kinds[target.indicator],
        "households_needed": int(households * 0.28) if verdict == "not_met" else None,
        "households_needed_low": int(households * 0.19) if verdict == "not_met" else None,
        "households_needed_high": int(households * 0.37) if verdict == "not_met" else None,
        "needed_unit": "households" if target.indicator == "S2" else "people",
        "interviews_needed": 120 if verdict == "undecided" else None,
        "last_interview_on": estimate.get("last_interview_on"),
        "suppressed": False,
        "longitude": unit["longitude"],
        "latitude": unit["latitude"],
    }


def make_issues() -> pl.DataFrame:
    """Three broken rules, as a receipt carries them."""
    found = (
        ("uuid:a1", "/data/size", "TYP-01", "error", "hai", '{"expected": "int"}', "household.csv:4"),
        ("uuid:a2", "/data/commune", "LOC-02", "repaired", "29236", "{}", "household.csv:9"),
        ("uuid:a3", None, "LOC-06", "warning", None, None, "household.csv:11"),
    )
    names = ("submission_id", "question", "code", "severity", "value", "details", "found_in")
    return ISSUES.check(pl.DataFrame(found, schema=dict.fromkeys(names, pl.String), orient="row"))


def make_changes(made: Any, verdict: str) -> pl.DataFrame:
    """One indicator, in the province and one commune, against the round before and the one before that."""
    key = {"indicator": "S2", "vintage": VINTAGE, "round_to": ROUND, "difference": -0.0412, "verdict": verdict}
    rows = [
        {**key, "level": "province", "place": PROVINCE, "round_from": "2025-2"},
        {**key, "level": "commune", "place": made.units["code"][0], "round_from": "2025-2"},
        {**key, "level": "province", "place": PROVINCE, "round_from": "2025-1", "difference": 0.3, "verdict": "better"},
    ]
    return pl.DataFrame(rows)
