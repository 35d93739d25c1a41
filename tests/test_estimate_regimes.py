"""Which method each place's fieldwork allows, and what it may and may not claim."""

from __future__ import annotations

import polars as pl
import pytest
from survey_tables import Survey, communes, indicator, survey, target

from collect import tables
from collect.estimate import estimate, weigh
from collect.judge import judge

SAMPLE = """
| 29001 | 1 | 100 | 1/2 | 15 | 12 |
| 29001 | 2 |  80 | 1/2 | 15 |  9 |
| 29001 | 3 | 120 | 1/2 | 15 | 14 |
| 29001 | 4 |  90 | 1/2 | 15 | 11 |
"""
HAMLETS = ((100, 12), (80, 9), (120, 14), (90, 11))  # of SAMPLE: listed, holding out of 15
CENSUS = """
| 29002 | 1 | 30 | 1 | 30 | 24 |
| 29002 | 2 | 20 | 1 | 20 | 16 |
"""
FIGURES = ("std_error", "ci_low", "ci_high", "lower_bound", "upper_bound")


def test_everybody_asked_is_a_count_whose_interval_is_a_point() -> None:
    found = survey(CENSUS).of("29002")
    assert (found["regime"], found["numerator"], found["denominator"], found["population"]) == ("census", 40, 50, 50)
    assert {found[name] for name in FIGURES[1:]} == {0.8}
    assert found["std_error"] == 0


def test_one_answer_missing_from_a_full_count_is_bounded_exactly() -> None:
    found = survey(CENSUS.replace("30 | 1 | 30 | 24", "30 | 1 | 30 | 24 | 1")).of("29002")
    assert (found["regime"], found["n"], found["population"]) == ("near_census", 49, 50)
    assert (found["lower_bound"], found["upper_bound"]) == (40 / 50, 41 / 50)


def test_a_nearly_full_count_agrees_with_the_published_exact_bounds() -> None:
    """242 of 290 answering households of 300 listed: [248, 252], the reference's hypergeometric bounds."""
    found = survey("| 29001 | 1 | 200 | 1 | 195 | 162 |\n| 29001 | 2 | 100 | 1 | 95 | 80 |").of("29001")
    assert (found["regime"], found["population"]) == ("near_census", 300)
    assert (found["ci_low"], found["ci_high"]) == (248 / 300, 252 / 300)


def test_below_four_fifths_of_the_listed_households_is_a_sample() -> None:
    assert (
        survey("| 29001 | 1 | 100 | 1 | 80 | 60 |\n| 29001 | 2 | 100 | 1 | 80 | 60 |").of("29001")["regime"]
        == "near_census"
    )
    found = survey("| 29001 | 1 | 100 | 1 | 79 | 60 |\n| 29001 | 2 | 100 | 1 | 80 | 60 |").of("29001")
    assert found["regime"] == "simple"
    assert found["df"] == 79 + 80 - 2, "households were left out inside each of two hamlets"


def test_drawn_hamlets_give_the_spread_between_hamlets() -> None:
    """Residuals by hand: weights 2 x listed / 15; V = 4/3 x (sum e squared), e = w (y - R x) / X per hamlet."""
    found = survey(SAMPLE).of("29001")
    total = sum(listed for listed, _ in HAMLETS)
    share = sum(listed * holding / 15 for listed, holding in HAMLETS) / total
    errors = [listed / total * (holding / 15 - share) for listed, holding in HAMLETS]
    assert (found["regime"], found["n_clusters"], found["df"]) == ("clusters", 4, 3)
    assert found["value"] == pytest.approx(share, rel=1e-12)
    assert found["std_error"] == pytest.approx((4 / 3 * sum(e * e for e in errors)) ** 0.5, rel=1e-12)


def test_one_hamlet_has_a_value_and_no_error_at_all() -> None:
    found = survey("| 29001 | 1 | 100 | 1/5 | 30 | 30 |\n| 29001 | 2 | 100 | 1/5 | - | 0 |").of("29001")
    assert (found["regime"], found["value"]) == ("one_cluster", 1.0)
    assert {found[name] for name in FIGURES} == {None}


def test_all_and_none_have_an_interval_but_never_a_standard_error_of_zero() -> None:
    everyone = survey(
        SAMPLE.replace("| 12 |", "| 15 |")
        .replace("|  9 |", "| 15 |")
        .replace("| 14 |", "| 15 |")
        .replace("| 11 |", "| 15 |")
    ).of("29001")
    assert (everyone["value"], everyone["std_error"], everyone["ci_high"]) == (1.0, None, 1.0)
    assert 0.9 < everyone["ci_low"] < 1


def test_no_known_answer_is_empty_and_not_nought() -> None:
    found = survey("| 29001 | 1 | 100 | 1/2 | 5 | 0 | 5 |\n| 29001 | 2 | 100 | 1/2 | 5 | 0 | 5 |").of("29001")
    assert (found["regime"], found["n"]) == ("empty", 0)
    assert {found[name] for name in ("value", *FIGURES)} == {None}


def test_households_drawn_without_clusters_are_their_own_sample() -> None:
    made = survey(SAMPLE)
    loose = tables.Households(
        made.households.with_columns(pl.lit(None, pl.String).alias(n) for n in ("cluster", "hamlet"))
    )
    found = (
        estimate(made.measures, weigh(loose, None), made.places).filter(pl.col("level") == "commune").row(0, named=True)
    )
    assert (found["regime"], found["n_clusters"], found["df"]) == ("simple", 0, 59)
    assert found["value"] == 46 / 60
    assert found["std_error"] == pytest.approx((46 / 60 * 14 / 60 / 59) ** 0.5, rel=1e-12)


def test_the_province_adds_the_communes_by_the_households_they_stand_for() -> None:
    made = survey(SAMPLE + CENSUS)
    province, sample = made.of("86"), made.of("29001")
    assert province["denominator"] == pytest.approx(2 * (100 + 80 + 120 + 90) + 50)
    assert province["numerator"] == pytest.approx(sample["numerator"] + 40)
    assert province["df"] == 3, "enumerated households say nothing of the spread of drawn hamlets"
    scores = [2 * listed * (holding / 15 - province["value"]) for listed, holding in HAMLETS]
    spread = 4 / 3 * (sum(z * z for z in scores) - sum(scores) ** 2 / 4)
    assert province["std_error"] == pytest.approx(spread**0.5 / province["denominator"], rel=1e-9)


def test_a_province_is_a_census_only_when_every_commune_is() -> None:
    assert survey(CENSUS).of("86")["regime"] == "census"
    assert survey(CENSUS, also=["29003"]).of("86")["regime"] != "census"


def test_people_are_counted_within_their_households() -> None:
    """Four people per household who all have it or all lack it say no more than the household does."""
    alone, crowd = survey(SAMPLE).of("29001"), survey(SAMPLE, people=4).of("29001")
    assert crowd["n"] == 4 * alone["n"]
    assert crowd["std_error"] == pytest.approx(alone["std_error"], rel=1e-12)
    assert crowd["deff"] == pytest.approx(alone["deff"] * 239 / 59)


def test_people_of_a_nearly_full_count_keep_the_finite_population() -> None:
    listed = "| 29001 | 1 | 100 | 1 | 90 | 60 |\n| 29001 | 2 | 100 | 1 | 95 | 80 |"
    found = survey(listed, people=3).of("29001")
    assert (found["regime"], found["population"]) == ("near_census", None)
    by_hand = [(100, 90, 60), (100, 95, 80)]
    shares = [(listed, asked, holding / asked) for listed, asked, holding in by_hand]
    variance = sum((m / 200) ** 2 * (1 - k / m) * p * (1 - p) / (k - 1) for m, k, p in shares)
    assert found["std_error"] == pytest.approx(variance**0.5, rel=1e-9)


def test_unknown_answers_of_a_full_count_are_households_left_out() -> None:
    """Three people each, 6 of 50 households silent: hamlets are strata, fpc 1 - answering / listed."""
    text = "| 29001 | 1 | 30 | 1 | 30 | 20 | 6 |\n| 29001 | 2 | 20 | 1 | 20 | 10 |"
    made = survey(text)
    residents = made.measures.with_columns(pl.col("numerator", "denominator") * 3)
    changed = Survey(made.households, tables.Measures(residents), made.frame, made.places)
    found = changed.of("29001")
    share = 30 / 44
    scores = [[1 - share] * 20 + [-share] * 4, []]
    spread = 24 / 23 * (sum(z * z for z in scores[0]) - sum(scores[0]) ** 2 / 24) * (1 - 24 / 30)
    assert (found["regime"], found["population"], found["n"], found["n_base"]) == ("near_census", None, 44, 132)
    assert found["std_error"] == pytest.approx(spread**0.5 / 44, rel=1e-9)


def returns(*codes: str, also: tuple[str, ...] = ()) -> tables.Estimates:
    rows = [
        {"submission_id": f"uuid:{c}", "upload_id": "u", "status": "accepted", "commune_code": c, "vintage": "2025-07"}
        for c in codes
    ]
    places = communes(*codes, *also)
    households = tables.Households(tables.HOUSEHOLDS.check(pl.DataFrame(rows)))
    measures = pl.DataFrame(
        [
            {
                "submission_id": f"uuid:{c}",
                "indicator": "S1",
                "units": 1,
                "unknown": 0,
                "numerator": 1.0,
                "denominator": 1.0,
            }
            for c in codes
        ]
    )
    weights = weigh(households, None, unit="commune", places=places)
    return estimate(tables.Measures(tables.MEASURES.check(measures)), weights, places)


def test_returns_of_all_communes_are_a_census_of_communes() -> None:
    found = returns("29001", "29002", "29003")
    assert found["regime"].to_list() == ["census"] * 4
    assert found.filter(pl.col("level") == "province")["population"].to_list() == [3]


def test_a_missing_return_is_bounded_by_the_list_of_communes() -> None:
    found = returns("29001", "29002", "29003", "29004", also=("29005",)).filter(pl.col("level") == "province")
    assert found["regime"].to_list() == ["near_census"]
    assert found["population"].to_list() == [5]
    assert found["upper_bound"].to_list() == [1.0]


def test_the_order_of_rows_changes_nothing() -> None:
    made = survey(SAMPLE + CENSUS)
    shuffled = Survey(
        tables.Households(made.households.sample(fraction=1, shuffle=True, seed=1)),
        tables.Measures(made.measures.sample(fraction=1, shuffle=True, seed=2)),
        tables.Frame(made.frame.reverse()),
        tables.Units(made.places.reverse()),
    )
    one, other = made.estimates(), shuffled.estimates()
    assert one.equals(other), "to the last digit: files must be identical byte by byte"


def test_a_hamlet_has_an_error_only_where_it_was_enumerated() -> None:
    made = survey(SAMPLE + CENSUS)
    found = estimate(made.measures, made.weights(), made.places, levels=("hamlet", "commune", "province"))
    hamlets = found.filter(pl.col("level") == "hamlet")
    assert hamlets.filter(pl.col("place").str.starts_with("29001"))["regime"].unique().to_list() == ["one_cluster"]
    assert rounded(found.filter(pl.col("level") != "hamlet")).equals(rounded(made.estimates()))


def rounded(found: pl.DataFrame) -> pl.DataFrame:
    return found.with_columns(pl.col(pl.Float64).round(12))


def test_a_survey_of_nobody_has_no_estimates() -> None:
    made = survey(SAMPLE)
    nobody = weigh(tables.Households(made.households.clear()), made.frame)
    assert estimate(made.measures, nobody, made.places).is_empty()
    assert estimate(tables.Measures(tables.MEASURES.empty()), made.weights(), made.places).is_empty()


def test_a_household_placed_in_another_commune_than_its_hamlet_spoils_neither_commune() -> None:
    """It counts where it lives: the commune it left stays fully counted, the other keeps its clusters."""
    made = survey(SAMPLE + CENSUS)
    astray = pl.when(pl.col("submission_id") == "uuid:29002-1-0").then(pl.lit("29001")).otherwise("commune_code")
    moved = Survey(
        tables.Households(made.households.with_columns(commune_code=astray)), made.measures, made.frame, made.places
    )
    left, joined = moved.of("29002"), moved.of("29001")
    assert (left["regime"], left["n"]) == ("census", 49)
    assert (joined["regime"], joined["n"], joined["df"]) == ("clusters", 61, 3)


def test_the_same_survey_gives_the_same_last_digit_every_time() -> None:
    lines = [f"| {29001 + i % 40} | {i} | {97 + i % 13} | 1/{2 + i % 3} | 12 | {i % 13} |" for i in range(240)]
    made = survey("\n".join(lines), people=3)
    weights = made.weights()
    first = estimate(made.measures, weights, made.places)
    assert all(estimate(made.measures, weights, made.places).equals(first) for _ in range(20))


def test_bounds_of_estimates_are_those_that_verdicts_are_judged_by() -> None:
    """Both moderate the design effect of a commune by those of the others."""
    lines = [f"| 2900{c} | {h} | 100 | 1/2 | 15 | {(5 * c + 7 * h * c) % 16} |" for c in range(1, 6) for h in range(5)]
    made = survey("\n".join([*lines, *(f"| 29009 | {h} | 100 | 1/2 | 15 | 15 |" for h in range(4))]))
    estimates = made.estimates().filter(level="commune")
    verdicts = judge(tables.Estimates(estimates), [target(">=", "4/5")], [indicator()], made.places, made.weights())
    both = estimates.join(verdicts, on="place", suffix="_judged").drop_nulls("lower_bound_judged")
    assert both.height == 6
    assert both["lower_bound"].to_list() == pytest.approx(both["lower_bound_judged"].to_list(), rel=1e-9)
    assert both["upper_bound"].to_list() == pytest.approx(both["upper_bound_judged"].to_list(), rel=1e-9)
    assert (both["ci_low"] < both["lower_bound"] + 1e-12).all()
