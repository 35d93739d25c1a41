"""The list that leaves the house: whole numbers, stable names, and nothing that rests on too few."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from survey_tables import DAY, Survey, indicator, survey, target

from collect import tables
from collect.judge import gaps, judge
from collect.judge.disclosure import WITHHELD

SAMPLE = """
| 29001 | 1 | 100 | 1/2 | 15 | 12 |
| 29001 | 2 |  80 | 1/2 | 15 |  8 |
| 29001 | 3 | 120 | 1/2 | 15 | 10 |
| 29001 | 4 |  90 | 1/2 | 15 |  9 |
| 29002 | 1 |  30 | 1   | 30 | 24 |
| 29002 | 2 |  20 | 1   | 20 | 15 |
| 29003 | 1 | 100 | 1/2 | 40 |  5 |
| 29003 | 2 | 100 | 1/2 | 40 |  8 |
| 29003 | 3 | 100 | 1/2 | 40 |  6 |
"""


def listed(
    text: str = SAMPLE, *, operator: Any = ">", share: str = "4/5", made: Survey | None = None, **more: Any
) -> pl.DataFrame:
    made = made or survey(text, also=("29009",))
    estimates, targets, indicators = made.estimates(), [target(operator, share)], [indicator(**more.pop("kind", {}))]
    verdicts = judge(estimates, targets, indicators, made.places, made.weights())
    return gaps(verdicts, estimates, targets, indicators, made.places, made.weights(), release="r1", as_of=DAY, **more)


def by_commune(found: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["commune_code"]: row for row in found.iter_rows(named=True)}


def test_a_row_stands_for_every_commune_that_has_not_met_the_target() -> None:
    found = by_commune(listed())
    assert {code: row["verdict"] for code, row in found.items()} == {
        "29001": "not_met", "29002": "not_met", "29003": "not_met", "29009": "no_data",
    }  # fmt: skip


@pytest.mark.parametrize(("operator", "share", "needed"), [(">", "4/5", 2), (">=", "4/5", 1), ("=", "1", 11)])
def test_an_enumerated_commune_needs_an_exact_number(operator: str, share: str, needed: int) -> None:
    """39 of 50 hold. At least 80 % is 40, more than 80 % is 41."""
    row = by_commune(listed(operator=operator, share=share))["29002"]
    assert [row[name] for name in ("households_needed", "households_needed_low", "households_needed_high")] == [
        needed
    ] * 3


def test_a_sample_gives_a_range_around_the_need() -> None:
    made = survey(SAMPLE, also=("29009",))
    row, estimate = by_commune(listed(made=made))["29003"], made.of("29003")
    assert row["households"] == 300
    assert row["households_source"] == "frame"
    assert row["households_needed"] == 241 - int(estimate["value"] * 300 + 1e-6)
    assert row["households_needed_low"] < row["households_needed"] < row["households_needed_high"]


MORE = ("interviews_needed", "hamlets_needed", "interviews_reason")
UNANSWERED = SAMPLE.replace("| 40 |  5 |", "| 40 |  5 | 12 |")


@pytest.mark.parametrize("counted_in", ["households", "people"])
@pytest.mark.parametrize("text", [SAMPLE, UNANSWERED])
def test_every_need_can_be_computed_again_from_its_own_row(text: str, counted_in: str) -> None:
    made = survey(text, people=3 if counted_in == "people" else 1)
    rows = listed(made=made, kind={"counted_in": counted_in}).filter(pl.col("households_needed").is_not_null())
    assert set(rows["commune_code"]) == {"29001", "29002", "29003"}
    shares = {"households_needed": "estimate", "households_needed_low": "ci_high", "households_needed_high": "ci_low"}
    for row in rows.iter_rows(named=True):
        for need, share in shares.items():
            least = row["universe"] * 4 // 5 + 1
            assert row[need] == max(least - int(row[share] * row["universe"] + 1e-6), 0)


def test_an_unknown_answer_stays_in_the_universe_of_a_sample_and_of_an_enumeration() -> None:
    """12 of 120 did not know: the need is that of all 300, and of all 50 listed, asked in vain or not."""
    rows = by_commune(listed(UNANSWERED.replace("| 30 | 24 |", "| 30 | 20 | 4 |")))
    assert (rows["29003"]["households"], rows["29003"]["universe"]) == (300, 300)
    assert (rows["29002"]["households"], rows["29002"]["universe"]) == (50, 50)
    assert rows["29009"]["universe"] is None


def test_hamlets_that_would_settle_it_stand_beside_the_interviews_as_the_verdict_says() -> None:
    lines = [f"| 29001 | {i} | 100 | 1/2 | 15 | {12 if i % 2 else 15} |" for i in range(4)]
    lines += [f"| 29002 | {i} | 100 | 1/2 | 15 | {15 * (i % 2)} |" for i in range(8)]
    lines += [f"| 29001 | not drawn {i} | 100 | 1/2 | - | - |" for i in range(60)]
    made = survey("\n".join(lines))
    estimates, targets = made.estimates(), [target(">", "4/5")]
    verdicts = judge(estimates, targets, [indicator()], made.places, made.weights())
    found = by_commune(listed(made=made))
    advised = {row["place"]: row for row in verdicts.filter(verdict="undecided").iter_rows(named=True)}
    assert advised["29001"]["hamlets_needed"] > 0
    for code, row in advised.items():
        assert [found[code][name] for name in MORE] == [row[name] for name in MORE]


def test_people_are_counted_as_people() -> None:
    made = survey(SAMPLE, people=3)
    row = by_commune(listed(made=made, kind={"counted_in": "people"}))["29003"]
    assert row["households"] == 300
    assert row["households_needed"] == 721 - int(made.of("29003")["value"] * 900 + 1e-6)


def test_without_a_frame_the_2019_census_gives_the_households() -> None:
    made = survey(SAMPLE)
    from collect.estimate import estimate, weigh

    weights = weigh(made.households, None)
    estimates = estimate(made.measures, weights, made.places)
    verdicts = judge(estimates, [target(">", "4/5")], [indicator()], made.places, weights)
    found = gaps(verdicts, estimates, [target(">", "4/5")], [indicator()], made.places, weights, release="r", as_of=DAY)
    row = by_commune(found)["29003"]
    assert (row["households"], row["households_source"]) == (3000, "census_2019")
    assert row["households_needed"] == 2401 - int(19 / 120 * 3000 + 1e-6)


def test_the_biggest_need_comes_first_and_the_unknown_last() -> None:
    found = listed().sort("priority")
    assert found["commune_code"].to_list() == ["29003", "29001", "29002", "29009"]
    assert found["priority"].to_list() == [1, 2, 3, 4]


def test_what_nobody_asked_is_a_gap_of_measuring() -> None:
    found = by_commune(listed())
    assert (found["29009"]["gap_type"], found["29003"]["gap_type"]) == ("measure", "build")
    assert [found["29009"][name] for name in ("estimate", "households_needed", "last_interview_on")] == [None] * 3
    assert found["29009"]["suppressed"] is False
    assert found["29009"]["interviewed"] == 0


def test_a_gap_keeps_its_name_in_every_release() -> None:
    """Partners keep these names: this one was made on 20 August 2025 and may never change."""
    one, other = listed(), listed(SAMPLE.replace("| 40 |  5 |", "| 40 |  7 |"))
    names = {code: row["gap_id"] for code, row in by_commune(one).items()}
    assert names == {code: row["gap_id"] for code, row in by_commune(other).items()}
    assert len(set(names.values())) == len(names)
    assert names["29003"] == "79575104-c6c5-56de-b76f-96f0e8742a98"


FEW = (
    SAMPLE.replace("| 29003 | 3 | 100 | 1/2 | 40 |  6 |", "")
    + """
| 29004 | 1 | 100 | 1/2 | 4 | 1 |
| 29004 | 2 | 100 | 1/2 | 5 | 1 |
"""
)


def test_fewer_than_ten_interviews_are_withheld_and_never_shown_as_nought() -> None:
    row = by_commune(listed(FEW))["29004"]
    assert (row["suppressed"], row["suppression_rule"]) == (True, "few_interviewed")
    assert {"estimate", "universe", "households_needed", *MORE} <= set(WITHHELD)
    assert [row[name] for name in WITHHELD] == [None] * len(WITHHELD)
    assert row["verdict"] in ("not_met", "undecided")
    assert row["interviewed"] == 9


@pytest.mark.parametrize(("holding", "rule"), [(0, None), (1, "small_count"), (4, "small_count"), (5, None)])
def test_a_handful_of_households_on_one_side_is_withheld(holding: int, rule: str | None) -> None:
    for held in (holding, 30 - holding):
        text = (
            f"| 29001 | 1 | 100 | 1/2 | 15 | {min(held, 15)} |\n| 29001 | 2 | 100 | 1/2 | 15 | {held - min(held, 15)} |"
        )
        row = by_commune(listed(text, operator="=", share="1"))["29001"]
        assert row["suppression_rule"] == rule, held


def test_one_withheld_commune_takes_a_second_with_it() -> None:
    """Else the province's value less the others would give it away. The one with the fewest interviews goes."""
    found = by_commune(listed(FEW))
    assert {code: row["suppression_rule"] for code, row in found.items() if row["suppressed"]} == {
        "29004": "few_interviewed", "29002": "complement",
    }  # fmt: skip
    twice = by_commune(listed(FEW + FEW.split("\n\n")[-1].replace("29004", "29005")))
    assert {code for code, row in twice.items() if row["suppressed"]} == {"29004", "29005"}


def test_what_is_withheld_tells_nothing_through_its_place_in_the_list() -> None:
    ranks = []
    for holding in (0, 1):
        found = by_commune(listed(FEW.replace("|  4 | 1 |", f"|  4 | {holding} |")))
        ranks.append({code: row["priority"] for code, row in found.items()})
    assert ranks[0] == ranks[1]


def test_the_threshold_is_a_choice() -> None:
    assert by_commune(listed(FEW, suppress_below=5))["29004"]["suppression_rule"] == "small_count"
    assert by_commune(listed(suppress_below=61))["29001"]["suppression_rule"] == "few_interviewed"


def test_nothing_published_names_a_household() -> None:
    found = listed()
    assert not [
        name for name, kind in found.schema.items() if kind == pl.String and found[name].str.contains("uuid:").any()
    ]
    assert set(found.columns) == {column.name for column in tables.GAPS.columns}


def test_outlines_go_with_their_communes() -> None:
    outlines = pl.DataFrame({"vintage": ["2025-07"], "code": ["29003"], "geometry": [b"wkb"]})
    found = by_commune(listed(outlines=outlines))
    assert (found["29003"]["geometry"], found["29001"]["geometry"]) == (b"wkb", None)


def test_the_latest_round_with_data_speaks_for_a_commune() -> None:
    made = survey(SAMPLE)
    first = made.estimates()
    later = first.filter(pl.col("place") == "29003").with_columns(
        round=pl.lit("2026"), last_interview_on=pl.lit(DAY).dt.offset_by("1y"), value=pl.lit(0.5)
    )
    both = tables.Estimates(pl.concat([first, later]))
    verdicts = judge(both, [target(">", "4/5")], [indicator()], made.places)
    found = gaps(
        verdicts, both, [target(">", "4/5")], [indicator()], made.places, made.weights(), release="r", as_of=DAY
    )
    assert {code: row["estimate"] for code, row in by_commune(found).items()}["29003"] == 0.5
    assert set(by_commune(found)) == {"29001", "29002", "29003"}


def test_the_households_of_a_gap_are_those_listed_for_its_round() -> None:
    """The three hamlets have 40 households fewer each on the later round's list: 180 of 300 are left."""
    made = survey(SAMPLE)
    first, listed_first = made.estimates(), made.weights()
    later = first.with_columns(round=pl.lit("2026"), last_interview_on=pl.lit(DAY).dt.offset_by("1y"))
    fewer = tables.Frame(made.frame.with_columns(households=pl.max_horizontal(pl.col("households") - 40, 20)))
    listed_later = replace(made, frame=fewer).weights().with_columns(round=pl.lit("2026"))
    both, weights = (
        tables.Estimates(pl.concat([first, later])),
        tables.Weights(pl.concat([listed_first, listed_later])),
    )
    targets = [target(">", "4/5")]
    for order in (weights, tables.Weights(weights.reverse())):
        verdicts = judge(both, targets, [indicator()], made.places, order)
        found = gaps(verdicts, both, targets, [indicator()], made.places, order, release="r", as_of=DAY)
        assert by_commune(found)["29003"]["households"] == 180
