"""Weights adjusted from the command line: non-response in cells, known totals, trimming, and what each step did."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from test_estimate_reference import CASES, REFERENCE

from collect.cli import main
from collect.estimate import effective_interviews

PEOPLE = pl.DataFrame(
    {
        "w": [10.0, 10.0, 10.0, 20.0, 20.0, 90.0],
        "hamlet": ["a", "a", "a", "b", "b", "b"],
        "spoke": ["yes", "yes", "no", "yes", "no", "yes"],
        "sex": ["1", "2", "1", "2", "1", "1"],
        "age": ["15-24", "15-24", "25+", "25+", "25+", "25+"],
    }
)


def weigh(folder: Path, data: pl.DataFrame, *options: str) -> tuple[Any, pl.DataFrame | None]:
    data.write_csv(folder / "in.csv")
    out = folder / "out.parquet"
    done = CliRunner().invoke(
        main, ["--lang", "en", "weigh", str(folder / "in.csv"), "--to", str(out), *options, "--json"]
    )
    return json.loads(done.stdout), pl.read_parquet(out) if out.exists() else None


def test_those_who_answered_stand_for_their_cell(tmp_path: Path) -> None:
    found, table = weigh(tmp_path, PEOPLE, "--weight", "w", "--answered", "spoke", "--cells", "hamlet")
    assert table is not None
    factor = 130 / 110
    assert table["weight_adjusted"].to_list() == pytest.approx([15, 15, 0, 20 * factor, 0, 90 * factor])
    design, silence = found["steps"]
    assert design["sum"] == silence["sum"] == pytest.approx(160)
    assert (silence["rows_zero"], silence["factor_most"]) == (2, 1.5)


def test_a_cell_in_which_nobody_answered_is_refused(tmp_path: Path) -> None:
    found, table = weigh(tmp_path, PEOPLE, "--answered", "spoke", "--cells", "age,sex,w")
    assert (found["code"], table) == ("USE-19", None)


def test_weights_meet_the_census_by_age_and_sex(tmp_path: Path) -> None:
    margins = [("15-24:1", 50), ("15-24:2", 60), ("25+:1", 300), ("25+:2", 90)]
    with (tmp_path / "m.csv").open("w", newline="") as lines:
        csv.writer(lines).writerows([("variable", "value", "total"), *(("age:sex", v, n) for v, n in margins)])
    found, table = weigh(tmp_path, PEOPLE, "--weight", "w", "--calibrate", str(tmp_path / "m.csv"))
    assert table is not None
    sums = table.group_by("age", "sex").agg(pl.col("weight_adjusted").sum())
    assert {f"{a}:{s}": round(w, 9) for a, s, w in sums.iter_rows()} == dict(margins)
    assert found["steps"][-1]["sum"] == pytest.approx(500)


def test_large_weights_are_cut_and_the_sum_stays(tmp_path: Path) -> None:
    found, table = weigh(tmp_path, PEOPLE, "--weight", "w", "--trim", "3")
    assert table is not None
    weights = table["weight_adjusted"].to_numpy()
    assert weights.max() == pytest.approx(45), "three times the median of 15"
    assert weights.sum() == pytest.approx(160)
    before, after = (step["effective_size"] for step in found["steps"])
    assert after > before
    assert after == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_a_limit_that_cannot_hold_the_sum_is_refused(tmp_path: Path) -> None:
    """Cut to 1.1 times the median of 15, six weights cannot add up to 160."""
    found, table = weigh(tmp_path, PEOPLE, "--weight", "w", "--trim", "1.1")
    assert (found["code"], table) == ("USE-12", None)


def test_equal_weights_are_worth_all_interviews_and_one_great_one_is_worth_one() -> None:
    assert effective_interviews(np.full(60, 7.0)) == pytest.approx(60)
    assert effective_interviews(np.array([1.0, 0.0, 0.0])) == 1


@pytest.mark.skipif(not CASES, reason="the reference figures lie beside the repository")
def test_non_response_by_hamlet_gives_the_weights_of_the_reference(tmp_path: Path) -> None:
    """digi_hh.csv: w is w0 adjusted within hamlets for households that did not respond (resp = 0)."""
    data = pl.read_csv(REFERENCE / "data" / "digi_hh.csv", null_values=["NA"], infer_schema_length=None)
    _, table = weigh(tmp_path, data, "--weight", "w0", "--answered", "resp", "--cells", "hamlet")
    assert table is not None
    assert np.allclose(table["weight_adjusted"], table["w"], rtol=1e-9)
