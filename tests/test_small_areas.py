"""Fay and Herriot's model: R `sae` 1.3 on its own milk data, and communes of a made-up province."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from survey_tables import survey

from collect.smallarea import fay_herriot, small_areas
from collect.tables import Units
from geo import units


@pytest.mark.parametrize("method", ["REML", "ML", "FH"])
def test_milk_agrees_with_r_sae(method: Any, shared: Path) -> None:
    """R: mseFH(yi ~ factor(MajorArea), SD^2, method, PRECISION = 1e-12)."""
    said = json.loads((shared / "reference/survey_design.json").read_text())[f"fh_milk_{method}"]
    milk = pl.read_csv(shared / "reference/data/milk.csv", infer_schema_length=None)
    area = milk["MajorArea"].to_numpy()
    covariates = np.column_stack([np.ones(area.size), *(area == k for k in (2, 3, 4))]).astype(float)
    fit = fay_herriot(milk["yi"].to_numpy(), milk["SD"].to_numpy() ** 2, covariates, method)
    assert fit.between == pytest.approx(said["refvar"], rel=1e-8)
    assert fit.value == pytest.approx(np.array(said["eblup"]), rel=1e-8)
    assert fit.mse == pytest.approx(np.array(said["mse"]), rel=1e-8)


def test_areas_that_differ_less_than_chance_are_all_synthetic() -> None:
    direct, variance = np.array([0.50, 0.51, 0.49, 0.50, 0.505]), np.full(5, 0.01)
    for method in ("REML", "ML", "FH"):
        fit = fay_herriot(direct, variance, np.ones((5, 1)), method)
        assert fit.between == 0
        assert fit.value == pytest.approx(np.full(5, direct.mean()))
        assert (fit.mse > 0).all()


def test_every_commune_has_a_labelled_value_and_together_they_are_the_province() -> None:
    lines = [f"| {29001 + c} | {h} | 100 | 1/2 | 15 | {4 + c // 2 + h} |" for c in range(10) for h in range(4)] + [
        "| 29020 | a | 60 | 1 | 60 | 6 |"
    ]
    made = survey("\n".join(lines), also=["29030"])
    estimates = made.estimates()
    rows = small_areas(estimates, made.places)
    assert dict(rows.group_by("how").len().iter_rows()) == {"model": 10, "counted": 1, "synthetic": 1}
    province = estimates.filter(pl.col("level") == "province")["value"][0]
    assert rows["value"].mean() == pytest.approx(province), "communes here are equally large"
    assert rows.filter(how="counted").select("value", "direct").row(0) == (0.1, 0.1)
    assert rows.filter(how="synthetic")["direct"].to_list() == [None]
    model = rows.filter(how="model")
    drawn, direct = (float(np.std(model[name].to_numpy())) for name in ("value", "direct"))
    assert drawn < direct, "values are drawn together"


def test_too_few_communes_make_no_model() -> None:
    made = survey("| 29001 | a | 100 | 1/2 | 15 | 9 |\n| 29001 | b | 100 | 1/2 | 15 | 12 |")
    assert small_areas(made.estimates(), made.places).is_empty()


def test_distance_to_the_former_districts_town_is_a_covariate_and_the_town_itself_is_near() -> None:
    old, new = units("2024"), units("2025-07")
    assert old["km_to_town"].null_count() == new["km_to_town"].null_count() == 0
    away = dict(old.select("name_vi", "km_to_town").iter_rows()) | dict(new.select("code", "km_to_town").iter_rows())
    assert (away["Thị trấn Càng Long"], away["Thị trấn Trà Cú"]) == (0.0, 0.0)
    assert max(away.values()) < 30
    assert away["29242"] < 3, "the ward Trà Vinh is the former city's middle"


def test_a_share_that_falls_with_distance_is_guessed_from_it() -> None:
    lines = [f"| {29001 + c} | {h} | 100 | 1/2 | 15 | {14 - c + h % 2} |" for c in range(12) for h in range(4)]
    made = survey("\n".join(lines), also=["29040", "29041"])
    away = [float(np.expm1(0.2 * c)) for c in range(12)] + [0.0, 9.0]
    places = Units(made.places.with_columns(km_to_town=pl.Series(away)))
    rows = dict(small_areas(made.estimates(), places).filter(how="synthetic").select("place", "value").iter_rows())
    assert rows["29040"] > rows["29041"] + 0.3
