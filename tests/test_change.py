"""Round against round: what shared hamlets, counts and unknown errors make of a difference."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import sqrt
from typing import Any

import numpy as np
import polars as pl
import pytest
from survey_tables import Survey, survey

from collect import tables
from collect.estimate import estimate, shared, weigh
from collect.judge import changes

EARLIER, LATER = "2024", "2025"
FOUR = """
    | 29266 | 1 | 100 | 1/2 | 10 | {} |
    | 29266 | 2 | 120 | 1/2 | 10 | {} |
    | 29266 | 3 | 90  | 1/2 | 10 | {} |
    | 29266 | 4 | 110 | 1/2 | 10 | {} |
    | 29266 | 5 | 110 | 1/2 | -  | -  |
"""


def of(text: str, *holding: int) -> str:
    return text.format(*holding)


def compared(earlier: str, later: str, **more: Any) -> tables.Changes:
    """Two rounds, each a table of hamlets, become changes."""
    made = {EARLIER: survey(earlier, **more), LATER: survey(later, **more)}
    households, measures = _stacked(made)
    weights = pl.concat(
        weigh(tables.Households(households.filter(round=name)), one.frame) for name, one in made.items()
    )
    drawn, places = tables.Weights(weights), made[LATER].places
    return changes(estimate(measures, drawn, places), shared(measures, drawn, places))


def _stacked(made: Mapping[str, Survey]) -> tuple[pl.DataFrame, tables.Measures]:
    households, measures = [], []
    for name, one in made.items():
        own = pl.format("{}:{}", pl.lit(name), "submission_id").alias("submission_id")
        day = pl.lit(date(int(name), 8, 20)).alias("interviewed_on")
        households.append(one.households.with_columns(own, day, round=pl.lit(name)))
        measures.append(one.measures.with_columns(own))
    return pl.concat(households), tables.Measures(pl.concat(measures))


def of_commune(found: pl.DataFrame, code: str = "29266") -> dict[str, Any]:
    return found.filter(level="commune", place=code).row(0, named=True)


def as_rows(*rounds: tuple[str, tuple[int, ...]]) -> pl.DataFrame:
    """The hamlets of `FOUR` as a statistician's table."""
    listed = (100, 120, 90, 110)
    rows = [
        {"round": name, "hamlet": at + 1, "w": listed[at] / 0.5 / 10, "y": int(index < holding)}
        for name, held in rounds
        for at, holding in enumerate(held)
        for index in range(10)
    ]
    return pl.DataFrame(rows)


def test_with_every_hamlet_shared_the_error_is_that_of_linearised_differences() -> None:
    """By hand: z = z2 - z1 per hamlet, k / (k - 1) sum z squared; as R svycontrast(svyby(covmat = TRUE), c(-1, 1))."""
    earlier, later = (4, 6, 5, 7), (6, 7, 7, 9)
    row = of_commune(compared(of(FOUR, *earlier), of(FOUR, *later)))
    weight = np.array([100, 120, 90, 110]) * 2.0
    p1, p2 = (np.array(held) / 10 for held in (earlier, later))
    r1, r2 = (weight @ p / weight.sum() for p in (p1, p2))
    z = weight * ((p2 - r2) - (p1 - r1)) / weight.sum()
    assert row["difference"] == pytest.approx(r2 - r1, rel=1e-12)
    assert row["std_error"] == pytest.approx(sqrt(4 / 3 * (z @ z)), rel=1e-9)
    assert (row["regime"], row["clusters_shared"], row["verdict"]) == ("shared", 4, "better")
