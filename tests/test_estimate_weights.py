"""What each household stands for, and how chance drew it."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from survey_tables import VINTAGE, communes, survey

from collect import tables
from collect.estimate import weigh

HALF = """
| 29001 | 1 | 100 | 1/2 | 10 | 5 |
| 29001 | 2 |  60 | 1/2 | 20 | 5 |
| 29001 | 3 |  80 | 1/2 |  - | 0 |
| 29001 | 4 |  40 | 1/2 |  - | 0 |
"""


def test_a_household_stands_for_its_hamlets_listing_and_chance() -> None:
    weights = survey(HALF).weights().group_by("cluster").agg(pl.col("weight").first()).sort("cluster")
    assert weights["weight"].to_list() == [100 / 10 / 0.5, 60 / 20 / 0.5]


def test_a_drawn_hamlet_nobody_reached_is_made_up_for_by_the_others_of_its_commune() -> None:
    reached = HALF.replace("|  80 | 1/2 |  - |", "|  80 | 1/2 |  0 |")
    weights = survey(reached).weights()
    assert weights["weight"].sum() == pytest.approx((100 + 60 + 80) / 0.5)


def test_a_listing_shorter_than_what_was_found_never_makes_a_household_count_less_than_one() -> None:
    weights = survey("| 29001 | 1 | 10 | 1 | 12 | 5 |\n| 29001 | 2 | 10 | 1 | 10 | 5 |").weights()
    assert weights["weight"].min() == 1
    assert weights["households_listed"].unique().to_list() == [22]


def test_a_household_of_a_cluster_the_frame_does_not_know_gets_its_communes_mean_weight_and_is_flagged() -> None:
    made = survey(HALF)
    strange = made.households.with_columns(
        cluster=pl.when(pl.col("submission_id") == "uuid:29001-1-0").then(pl.lit("typo")).otherwise("cluster")
    )
    weights = weigh(tables.Households(strange), made.frame)
    row = weights.row(by_predicate=pl.col("submission_id") == "uuid:29001-1-0", named=True)
    others = weights.filter(pl.col("submission_id") != "uuid:29001-1-0")
    assert row["weighting"] == "equal"
    assert row["weight"] == pytest.approx(others["weight"].mean())


def test_without_a_frame_the_weight_in_the_form_counts_and_else_everybody_the_same() -> None:
    made = survey(HALF)
    plain = weigh(made.households, None)
    assert plain["weight"].unique().to_list() == [1.0]
    assert plain["weighting"].unique().to_list() == ["equal"]
    answered = weigh(tables.Households(made.households.with_columns(weight_answered=pl.lit(2.5))), None)
    assert answered["weight"].unique().to_list() == [2.5]
    assert answered["weighting"].unique().to_list() == ["answered"]


@pytest.mark.parametrize("status", ["no_consent", "superseded", "rejected"])
def test_only_interviews_that_may_be_counted_are_weighed(status: str) -> None:
    made = survey(HALF)
    first = pl.col("submission_id") == "uuid:29001-1-0"
    changed = made.households.with_columns(status=pl.when(first).then(pl.lit(status)).otherwise("status"))
    weights = weigh(tables.Households(changed), made.frame)
    assert weights.filter(first).is_empty()
    assert weights.filter(pl.col("cluster") == "29001-1")["weight"].to_list() == [pytest.approx(100 / 9 / 0.5)] * 9


def test_hamlets_are_what_chance_drew_unless_every_hamlet_is_in() -> None:
    drawn = survey(HALF).weights()
    assert drawn["drawn_unit"].n_unique() == 2
    assert drawn["drawn_from"].null_count() == drawn.height
    listed = survey("| 29001 | 1 | 40 | 1 | 36 | 5 |\n| 29001 | 2 | 40 | 1 | 40 | 5 |").weights()
    households = listed.filter(pl.col("cluster") == "29001-1")
    assert households["drawn_unit"].n_unique() == 36
    assert households["drawn_from"].unique().to_list() == [40.0]
    assert listed["fraction_interviewed"].unique().to_list() == [76 / 80]


def test_of_two_returns_of_a_commune_the_later_one_counts() -> None:
    rows = [
        {"submission_id": f"uuid:{day}", "upload_id": "u", "status": "accepted", "commune_code": "29001",
         "vintage": VINTAGE, "interviewed_on": date(2025, 8, day)}
        for day in (2, 1)
    ]  # fmt: skip
    returns = tables.Households(tables.HOUSEHOLDS.check(pl.DataFrame(rows)))
    weights = weigh(returns, None, unit="commune", places=communes("29001", "29002"))
    assert weights["submission_id"].to_list() == ["uuid:2"]
    assert weights["drawn_from"].to_list() == [2.0]


def test_nothing_to_weigh_gives_an_empty_table() -> None:
    nobody = tables.Households(tables.HOUSEHOLDS.empty())
    assert weigh(nobody, None).is_empty()
    assert weigh(nobody, survey(HALF).frame).is_empty()
    assert weigh(nobody, None, unit="commune", places=communes("29001")).is_empty()
