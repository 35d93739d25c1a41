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
from collect.estimate import (
    Between,
    Margin,
    TableSpec,
    contrast_table,
    estimate,
    estimate_table,
    shared,
    weigh,
)
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


def weighted_share(rows: pl.DataFrame) -> float:
    return float(np.average(rows["y"].to_numpy(), weights=rows["w"].to_numpy()))


def by_hand(rows: pl.DataFrame, signs: Mapping[str, int]) -> float:
    """The linearised variance of a difference of two shares in one stratum of clusters, written out."""
    z: dict[Any, float] = {}
    clusters = rows["hamlet"].n_unique()
    for name, sign in signs.items():
        part = rows.filter(round=name)
        share, whole = weighted_share(part), float(part["w"].sum())
        for hamlet, w, y in part.select("hamlet", "w", "y").iter_rows():
            z[hamlet] = z.get(hamlet, 0.0) + sign * w * (y - share) / whole
    scores = np.array(list(z.values()))
    return float(clusters / (clusters - 1) * ((scores - scores.mean()) ** 2).sum())


def jackknife(rows: pl.DataFrame) -> float:
    """JK1 over hamlets, which leave both rounds together."""

    def difference(part: pl.DataFrame) -> float:
        return weighted_share(part.filter(round=LATER)) - weighted_share(part.filter(round=EARLIER))

    hamlets = rows["hamlet"].unique().sort()
    left = np.array([difference(rows.filter(pl.col("hamlet") != one)) for one in hamlets])
    k = len(hamlets)
    return float((k - 1) / k * ((left - left.mean()) ** 2).sum())


SPEC = TableSpec(y="y", weight="w", clusters=("hamlet",))
ROUNDS = Between("round", EARLIER, LATER)


def test_any_table_compares_rounds_as_svycontrast_does() -> None:
    """R: d <- svydesign(~hamlet, weights = ~w, data = x); svycontrast(svyby(~y, ~round, d, svymean, covmat = TRUE),
    c(-1, 1)); the SE is that of the scores' differences.
    """
    rows = as_rows((EARLIER, (4, 6, 5, 7)), (LATER, (6, 7, 7, 9)))
    (found,) = contrast_table(rows, SPEC, ROUNDS)
    assert found.se == pytest.approx(sqrt(by_hand(rows, {EARLIER: -1, LATER: 1})), rel=1e-12)
    assert (found.df, found.n_psu_shared, found.regime) == (3.0, 4, "shared")
    journey = of_commune(compared(of(FOUR, 4, 6, 5, 7), of(FOUR, 6, 7, 7, 9)))
    assert journey["std_error"] == pytest.approx(found.se, rel=1e-9)
    assert journey["difference"] == pytest.approx(found.est, rel=1e-12)


def test_the_jackknife_over_shared_hamlets_agrees() -> None:
    draws = np.random.default_rng(7)
    luck = draws.normal(0.6, 0.15, 40).clip(0.05, 0.95)
    rows = pl.DataFrame(
        {"round": name, "hamlet": at, "w": 1.0 + at % 3, "y": int(draws.random() < min(chance + more, 0.98))}
        for name, more in ((EARLIER, 0.0), (LATER, 0.08))
        for at, chance in enumerate(luck)
        for _ in range(12)
    )
    (found,) = contrast_table(rows, SPEC, ROUNDS)
    assert found.se == pytest.approx(sqrt(jackknife(rows)), rel=0.01)


def test_rounds_in_strata_of_their_own_share_nothing() -> None:
    rows = as_rows((EARLIER, (4, 6, 5, 7)), (LATER, (6, 7, 7, 9)))
    apart = TableSpec(y="y", weight="w", stratum="round", clusters=("hamlet",), nest=True)
    (found,) = contrast_table(rows, apart, ROUNDS)
    errors = [one.se or 0.0 for one in estimate_table(rows, TableSpec(**{**_fields(apart), "by": ("round",)}))]
    assert found.se == pytest.approx(sqrt(sum(error**2 for error in errors)), rel=1e-12)
    assert found.regime == "independent"


def _fields(spec: TableSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in spec.__dataclass_fields__}


def test_a_calibrated_table_takes_what_is_known_off_the_difference_too() -> None:
    rows = as_rows((EARLIER, (4, 6, 5, 7)), (LATER, (6, 7, 7, 9))).with_columns(
        kind=pl.Series([str(at % 2) for at in range(80)])
    )
    known = (Margin("kind", "0", 4000.0), Margin("kind", "1", 4200.0))
    (plain,) = contrast_table(rows, SPEC, ROUNDS)
    (found,) = contrast_table(rows, TableSpec(**{**_fields(SPEC), "margins": known}), ROUNDS)
    assert found.se is not None
    assert plain.se is not None
    assert found.se != pytest.approx(plain.se, rel=1e-3)
    assert found.se == pytest.approx(plain.se, rel=0.3)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (as_rows((EARLIER, (4,)), (LATER, (6,))), "one cluster"),
        (as_rows((EARLIER, (5, 5, 5, 5)), (LATER, (5, 5, 5, 5))), "all alike"),
    ],
)
def test_an_error_nobody_can_know_is_empty_never_zero(rows: pl.DataFrame, why: str) -> None:
    (found,) = contrast_table(rows, SPEC, ROUNDS)
    assert (found.se, found.ci_low, found.regime) == (None, None, "unknown"), why
