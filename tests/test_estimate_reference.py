"""The linearised core against R survey 4.1-1, case by case: figures R printed, never figures of ours."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from collect.estimate.intervals import count_bounds, effective_size, wilson
from collect.estimate.linearised import Rule, Sample, linearise, strata_of, totals_of

SHARED = Path(__file__).resolve().parents[2] / "shared"
REFERENCE = SHARED / "reference"
CASES: dict[str, Any] = (
    {case["id"]: case for case in json.loads((REFERENCE / "r_survey.json").read_text())["cases"]}
    if REFERENCE.is_dir()
    else {}
)
DESIGNS = json.loads((REFERENCE / "survey_design.json").read_text()) if REFERENCE.is_dir() else {}
CLOSE = 1e-9
# All 54 cases of the file are compared; it holds none with calibration or replicate weights.


def as_list(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value


def r_call(case: dict[str, Any]) -> str:
    """The R call a case repeats, as it would be typed."""
    d, e = case["design"], case["estimand"]
    ids = "~" + "+".join(as_list(d["ids"])) if d["ids"] else "~1"
    parts = [f"{name}=~{'+'.join(as_list(d[name]))}" for name in ("strata", "weights", "fpc") if d[name]]
    design = f"svydesign({', '.join([ids, *parts, 'nest=' + str(d['nest']).upper()])})"
    if case["domain"]:
        design = f"subset({design}, {' & '.join(f'{k} == {v!r}' for k, v in case['domain'].items())})"
    name = {"total": "svytotal", "ratio": "svyratio"}.get(e["type"], "svymean")
    formula = f"~{e['y']}" + (f", ~{e['x']}" if e["x"] else "")
    options = f"options(survey.lonely.psu='{d['lonely_psu']}', survey.adjust.domain.lonely={d['adjust_domain_lonely']})"
    call = f"{name}({formula}, {design}, na.rm=TRUE)"
    if case["by"]:
        call = f"svyby({formula}, ~{'+'.join(as_list(case['by']))}, {design}, {name}, na.rm=TRUE)"
    return f"{options}; {call}"


def sample_of(case: dict[str, Any], data: pl.DataFrame) -> tuple[pl.DataFrame, Sample]:
    design = case["design"]
    ids, fpc = as_list(design["ids"]) or ["row"], as_list(design["fpc"])
    data = data.with_columns(none=pl.lit(1))
    weights = design["weights"]
    if weights is None:  # svydesign then takes 1 / (sampled share) of each stage
        drawn, inside = pl.col(ids[0]).n_unique(), pl.col(ids[1]).n_unique().over(ids[0])
        data, weights = data.with_columns(from_fpc=pl.col(fpc[0]) / drawn * pl.col(fpc[1]) / inside), "from_fpc"
    stratum = design["strata"] or "none"
    if len(ids) == 2 and len(fpc) == 2 and not design["ultimate_cluster"]:
        return data, Sample(weights, stratum, ids[0], fpc[0], ids[1], fpc[1])
    return data, Sample(weights, stratum, ids[0], fpc[0] if fpc else None)


def ours(case: dict[str, Any]) -> pl.DataFrame:
    file = REFERENCE / "data" / case["data"]
    data = pl.read_csv(file, null_values=["NA"], infer_schema_length=None).with_row_index("row")
    data, sample = sample_of(case, data)
    inside = data
    for column, value in (case["domain"] or {}).items():
        inside = inside.filter(pl.col(column) == value)
    by, e, design = as_list(case["by"]), case["estimand"], case["design"]
    totals = totals_of(inside, sample, y=e["y"], x=e["x"], by=by)
    rule = Rule(design["lonely_psu"], design["adjust_domain_lonely"])
    return linearise(
        totals, strata_of(data, sample), by=by, kind="total" if e["type"] == "total" else "ratio", rule=rule
    )


def row_of(found: pl.DataFrame, case: dict[str, Any], result: dict[str, Any]) -> dict[str, Any] | None:
    for column in as_list(case["by"]):
        found = found.filter(pl.col(column) == result["domain"][column])
    return found.row(0, named=True) if found.height else None


def same(mine: float | None, theirs: float | None) -> bool:
    if mine is None or theirs is None:
        return mine is None and theirs is None
    return math.isclose(mine, theirs, rel_tol=CLOSE, abs_tol=1e-12)


@pytest.mark.parametrize("case_id", sorted(CASES))
def test_the_core_agrees_with_r_survey(case_id: str) -> None:
    """Each case repeats the R call that `r_call` spells out, and must agree in value, error, df, counts and deff."""
    case = CASES[case_id]
    found = ours(case)
    for result in case["results"]:
        mine = row_of(found, case, result)
        where = f"{r_call(case)} at {result['domain']}"
        if result["n"] == 0:
            assert mine is None or mine["value"] is None, f"{where}: an empty domain has no value (R 4.1 says 0)"
            continue
        assert mine is not None, where
        if "r_error" in result:  # survey.lonely.psu = "fail": R stops; here the error of estimation is what is unknown
            assert mine["std_error"] is None, where
            continue
        pairs = {"value": "est", "std_error": "se", "df": "df", "n": "n", "clusters": "n_psu"}
        for name, theirs in pairs.items():
            assert same(mine[name], result[theirs]), f"{where}: {name} {mine[name]} against {result[theirs]}"
        for name, theirs in {"deff": "deff_wr", "deff_finite": "deff_wor"}.items():
            if result.get(theirs) is not None:
                assert same(mine[name], result[theirs]), f"{where}: {name} {mine[name]} against {result[theirs]}"


@pytest.mark.skipif(not CASES, reason="the reference figures lie beside the repository")
def test_all_cases_of_the_reference_are_compared() -> None:
    assert len(CASES) == 54
    assert not [c for c, case in CASES.items() if case["design"]["calibration"] or case["design"]["replicate"]]


@pytest.mark.parametrize("level", [0.95, 0.90])
@pytest.mark.parametrize("case_id", sorted(c for c, case in CASES.items() if "modified" in case["results"][0]))
def test_modified_wilson_intervals_agree_with_vcqi(case_id: str, level: float) -> None:
    """VCQI ``svyp_ci_calc`` (Wilson, adjust, truncate) on R's estimates; 0.90 holds the one-sided 95 % bounds."""
    for result in CASES[case_id]["results"]:
        for key in ("modified", "modified_df_strata"):
            if not result.get(key):
                continue
            theirs = result[key][f"{level:.2f}"]
            value, error, n, df = (
                np.array([x], float) for x in (result["est"], result["se"], result["n"], result[key]["df"])
            )
            size = effective_size(value, error, n, df, level=level)
            low, high = wilson(value, size, level=level)
            assert same(float(size[0]), theirs["neff"]), (case_id, result["domain"], key)
            assert same(float(low[0]), theirs["wilson"][0]), (case_id, result["domain"], key)
            assert same(float(high[0]), theirs["wilson"][1]), (case_id, result["domain"], key)


@pytest.mark.parametrize("listed", DESIGNS.get("hypergeometric_bounds", []), ids=str)
def test_bounds_on_a_finite_list_agree_with_exact_ones(listed: dict[str, Any]) -> None:
    """R ``phyper``: all M with P(X >= x) > tail and P(X <= x) > tail."""
    for tail, key in ((0.025, "two_sided_95"), (0.05, "one_sided_95")):
        assert list(count_bounds(listed["x"], listed["n"], listed["N"], tail=tail)) == listed[key]


def test_totals_made_apart_and_joined_give_the_same_answer() -> None:
    case = CASES["C02"]
    data = pl.read_csv(REFERENCE / "data" / case["data"], null_values=["NA"], infer_schema_length=None)
    sample = Sample("w", "stratum", "hamlet")
    parts = [totals_of(part, sample, y="fibre", by=["commune"]) for part in (data[:600], data[600:])]
    strata = strata_of(data, sample)
    whole = linearise(totals_of(data, sample, y="fibre", by=["commune"]), strata, by=["commune"])
    joined = linearise(pl.concat(parts), strata, by=["commune"])
    assert joined.select("commune", "n", "clusters", "df").equals(whole.select("commune", "n", "clusters", "df"))
    for name in ("value", "std_error"):
        assert np.allclose(joined[name], whole[name], rtol=1e-12, atol=1e-15, equal_nan=True)
