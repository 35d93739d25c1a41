"""Rule N-4: met, not met, undecided, no data; operators exact; counts as whole numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey_tables import ROUND, communes, indicator, survey, target

from collect import tables
from collect.estimate.intervals import count_bounds, effective_size, wilson
from collect.judge import judge
from collect.judge.rule import Evidence, Finding, find


def evidence(**given: Any) -> Evidence:
    blank: dict[str, Any] = dict.fromkeys(Evidence.__dataclass_fields__)
    return Evidence(**(blank | {"n": 60, "n_holding": 0.0, "n_households": 60, "n_clusters": 4} | given))


def counted(holding: int, known: int, population: int) -> Evidence:
    regime = "census" if known == population else "near_census"
    return evidence(regime=regime, value=holding / known, n=known, n_holding=float(holding), population=population)


def sampled(value: float, size: float) -> Evidence:
    low, high = wilson(np.array([value]), np.array([size]), level=0.90)
    return evidence(
        regime="clusters", value=value, n_effective=size, lower_bound=float(low[0]), upper_bound=float(high[0])
    )


@pytest.mark.parametrize(
    ("operator", "share", "holding", "verdict"),
    [
        (">=", "4/5", 240, "met"), (">=", "4/5", 239, "not_met"),
        (">", "4/5", 240, "not_met"), (">", "4/5", 241, "met"),
        ("=", "1", 300, "met"), ("=", "1", 299, "not_met"),
        (">=", "1/3", 100, "met"), (">", "1/3", 100, "not_met"),
    ],
)  # fmt: skip
def test_a_full_count_compares_whole_numbers(operator: Any, share: str, holding: int, verdict: str) -> None:
    found = find(target(operator, share), counted(holding, 300, 300), 0.95)
    assert (found.verdict, found.p_meets, found.reason) == (verdict, float(verdict == "met"), "census")


@pytest.mark.parametrize(
    ("holding", "known", "verdict"),
    [(240, 290, "met"), (229, 290, "not_met"), (232, 290, "undecided"), (239, 289, "met"), (228, 285, "undecided")],
)
def test_a_nearly_full_count_is_judged_by_the_exact_test(holding: int, known: int, verdict: str) -> None:
    assert find(target(">=", "4/5"), counted(holding, known, 300), 0.95).verdict == verdict


def test_exact_bounds_and_the_exact_test_always_agree() -> None:
    need = target(">", "4/5")
    for population, known in ((50, 41), (120, 100), (300, 245)):
        for holding in range(known + 1):
            low, high = count_bounds(holding, known, population, tail=0.05)
            found = find(need, counted(holding, known, population), 0.95)
            expected = (
                "met" if need.met_by(low, population) else "undecided" if need.met_by(high, population) else "not_met"
            )
            assert found.verdict == expected, (holding, known, population)
            assert found.p_meets is not None
            assert (found.p_meets >= 0.95) == (found.verdict == "met")
            assert (found.p_meets <= 0.05) == (found.verdict == "not_met")


shares = st.floats(0, 1).map(lambda x: round(x, 3))
sizes = st.floats(2, 5000)
needs = st.fractions(Fraction(1, 100), Fraction(99, 100), max_denominator=100)
ORDER = {"not_met": 0, "undecided": 1, "met": 2}


@given(shares, sizes, needs)
def test_the_chance_and_the_bounds_tell_the_same(value: float, size: float, need: Fraction) -> None:
    found = find(target(">=", str(need)), sampled(value, size), 0.95)
    assert found.p_meets is not None
    assert (found.p_meets >= 0.95) == (found.verdict == "met") or abs(found.p_meets - 0.95) < 1e-9
    assert (found.p_meets <= 0.05) == (found.verdict == "not_met") or abs(found.p_meets - 0.05) < 1e-9


@given(shares, sizes, needs, needs)
def test_a_higher_target_never_turns_a_gap_into_met(value: float, size: float, one: Fraction, other: Fraction) -> None:
    low, high = sorted((one, other))
    easier, harder = (find(target(">=", str(need)), sampled(value, size), 0.95) for need in (low, high))
    assert ORDER[harder.verdict] <= ORDER[easier.verdict]


@given(shares, sizes, needs)
def test_more_than_is_never_easier_than_at_least(value: float, size: float, need: Fraction) -> None:
    at_least, more = (find(target(operator, str(need)), sampled(value, size), 0.95) for operator in (">=", ">"))
    assert ORDER[more.verdict] <= ORDER[at_least.verdict]


@given(st.integers(0, 100), st.integers(80, 100), needs)
def test_more_positives_never_turn_met_into_not_met(holding: int, known: int, need: Fraction) -> None:
    holding = min(holding, known - 1)
    fewer, more = (find(target(">=", str(need)), counted(h, known, 100), 0.95) for h in (holding, holding + 1))
    assert ORDER[more.verdict] >= ORDER[fewer.verdict]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 15), min_size=4, max_size=4), st.integers(0, 3))
def test_one_more_household_with_it_never_turns_met_into_not_met(holding: list[int], where: int) -> None:
    """Through weights, clusters and intervals: the whole way, not only the last step."""
    more = [min(h + (i == where), 15) for i, h in enumerate(holding)]
    verdicts = [verdicts_of(hamlets)["verdict"][0] for hamlets in (holding, more)]
    assert verdicts != ["met", "not_met"]


def verdicts_of(holding: list[int]) -> pl.DataFrame:
    made = survey("\n".join(f"| 29001 | {i} | 60 | 1/2 | 15 | {h} |" for i, h in enumerate(holding)))
    return judge(made.estimates(), [target(">", "4/5")], [indicator()], made.places)


@pytest.mark.parametrize(("value", "verdict"), [(0.97, "not_met"), (1.0, "undecided")])
def test_a_sample_can_refute_all_but_never_prove_it(value: float, verdict: str) -> None:
    assert find(target("=", "1"), sampled(value, 60), 0.95).verdict == verdict


def test_a_bound_that_only_touches_meets_at_least_and_not_more_than() -> None:
    touching = evidence(regime="clusters", value=0.6, n_effective=100.0, lower_bound=0.5, upper_bound=0.75)
    assert find(target(">=", "1/2"), touching, 0.95).verdict == "met"
    assert find(target(">", "1/2"), touching, 0.95).verdict == "undecided"
    assert find(target(">=", "3/4"), touching, 0.95).verdict == "undecided"
    assert find(target(">", "3/4"), touching, 0.95).verdict == "not_met"


def test_the_level_is_a_choice() -> None:
    value, n, df = np.array([0.88]), np.array([60.0]), np.array([59.0])
    error = np.sqrt(value * (1 - value) / 59)
    verdicts = {}
    for level in (0.80, 0.99):
        size = effective_size(value, error, n, df, level=2 * level - 1)
        low, high = wilson(value, size, level=2 * level - 1)
        found = evidence(
            regime="simple",
            value=0.88,
            n_effective=float(size[0]),
            lower_bound=float(low[0]),
            upper_bound=float(high[0]),
        )
        verdicts[level] = find(target(">=", "4/5"), found, level).verdict
    assert verdicts == {0.80: "met", 0.99: "undecided"}


MIXED = """
| 29001 | 1 | 100 | 1/2 | 15 | 15 |
| 29001 | 2 |  80 | 1/2 | 15 | 14 |
| 29001 | 3 | 120 | 1/2 | 15 | 15 |
| 29001 | 4 |  90 | 1/2 | 15 | 15 |
| 29002 | 1 |  30 | 1   | 30 | 24 |
| 29002 | 2 |  20 | 1   | 20 | 16 |
| 29003 | 1 | 100 | 1/5 | 30 | 30 |
| 29003 | 2 | 100 | 1/5 |  - |  0 |
| 29004 | 1 | 100 | 1/2 |  5 |  0 | 5 |
| 29004 | 2 | 100 | 1/2 |  5 |  0 | 5 |
| 29005 | 1 |  90 | 1/2 | 15 |  2 |
| 29005 | 2 |  90 | 1/2 | 15 |  3 |
| 29005 | 3 |  90 | 1/2 | 15 |  1 |
"""


def judged(text: str = MIXED, **more: Any) -> dict[str, dict[str, Any]]:
    made = survey(text, also=("29009",))
    verdicts = judge(made.estimates(), [target(">", "4/5")], [indicator()], made.places, **more)
    return {row["place"]: row for row in verdicts.iter_rows(named=True)}


def test_every_commune_keeps_its_row_and_its_reason() -> None:
    found = {place: (row["verdict"], row["reason"]) for place, row in judged().items()}
    assert found == {
        "29001": ("met", "bound"),
        "29002": ("not_met", "census"),  # 40 of 50 is 80 %: not more than 80 %
        "29003": ("undecided", "one_cluster"),  # 30 of 30, all in one hamlet
        "29004": ("no_data", "no_answers"),
        "29005": ("not_met", "bound"),
        "29009": ("no_data", "not_visited"),
    }


def test_nothing_is_claimed_where_nothing_can_be_known() -> None:
    found = judged()
    assert [found[place]["p_meets"] for place in ("29003", "29004", "29009")] == [None] * 3
    assert found["29002"]["p_meets"] == 0


def test_province_targets_are_judged_for_the_province_and_commune_targets_for_communes() -> None:
    made = survey(MIXED)
    targets = [target(">", "4/5"), target(">", "4/5", level="province")]
    found = judge(made.estimates(), targets, [indicator()], made.places)
    assert found.group_by("target_id", "level").len().sort("target_id").rows() == [
        ("S2-2025-commune", "commune", 5), ("S2-2025-province", "province", 1),
    ]  # fmt: skip


def test_targets_no_form_measures_have_no_verdict_and_unasked_indicators_have_no_data() -> None:
    made = survey(MIXED)
    targets = [target(">", "1/2", indicator="S6"), target(">=", "9/10", indicator="G1")]
    found = judge(made.estimates(), targets, [indicator("S2"), indicator("S6")], made.places)
    assert found["target_id"].unique().to_list() == ["S6-2025-commune"]
    assert found["verdict"].unique().to_list() == ["no_data"]
    assert found["round"].unique().to_list() == [ROUND]


def test_a_survey_of_nobody_still_lists_every_target_and_commune() -> None:
    nothing = tables.Estimates(tables.ESTIMATES.empty())
    found = judge(nothing, [target(">", "4/5")], [indicator()], communes("29001", "29002"))
    assert found.select("place", "verdict", "reason").rows() == [
        ("29001", "no_data", "not_visited"), ("29002", "no_data", "not_visited"),
    ]  # fmt: skip


def test_the_order_of_rows_changes_no_verdict() -> None:
    made = survey(MIXED, also=("29009",))
    estimates = made.estimates()
    targets = [target(">", "4/5"), target(">", "4/5", level="province")]
    forward = judge(estimates, targets, [indicator()], made.places)
    backward = judge(
        tables.Estimates(estimates.reverse()), targets[::-1], [indicator()], tables.Units(made.places.reverse())
    )
    assert forward.equals(backward)


def test_a_commune_that_sent_no_return_leaves_a_target_for_all_communes_open() -> None:
    """Which officers send nothing is not chance, so 40 of 40 known is not 41 of 41."""
    every = target("=", "1")
    returned = evidence(regime="near_census", n=40, n_holding=40.0, population=41, value=1.0, unit="commune")
    assert find(every, returned, 0.95) == Finding("undecided", None, "returns_missing")
    lacking = evidence(regime="near_census", n=40, n_holding=39.0, population=41, value=39 / 40, unit="commune")
    assert find(every, lacking, 0.95).verdict == "not_met"
