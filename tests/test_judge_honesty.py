"""Made-up communes whose truth is known: how often verdicts are wrong and intervals miss. Fixed seeds, wide margins."""

from __future__ import annotations

import polars as pl
import pytest
from survey_tables import survey

from benchmarks.coverage import clustered, listing, nearly_all, simple, try_out

REPLICATES = 1500
SLACK = 0.02  # more than three standard errors of a rate of 5 % over so many replicates


@pytest.mark.parametrize("truth", [0.799, 0.80])
@pytest.mark.parametrize(("hamlets", "each"), [(4, 15), (8, 15), (30, 7)])
def test_verdicts_of_clustered_communes_at_the_target_are_wrong_about_once_in_twenty(
    truth: float, hamlets: int, each: int
) -> None:
    found = try_out(clustered(truth, hamlets, each, 0.1), truth, replicates=REPLICATES, seed=7)
    assert found.wrong <= 0.05 + SLACK
    assert 0.93 - SLACK <= found.covered <= 0.97 + SLACK


@pytest.mark.parametrize("truth", [0.70, 0.90])
def test_verdicts_far_from_the_target_are_hardly_ever_wrong_and_often_given(truth: float) -> None:
    found = try_out(clustered(truth, 15, 10, 0.1), truth, replicates=REPLICATES, seed=7)
    assert found.wrong <= 0.005
    assert found.decided >= 0.6


def test_simple_samples_hold_the_level() -> None:
    found = try_out(simple(0.80, 300), 0.80, replicates=REPLICATES, seed=7)
    assert found.wrong <= 0.05 + SLACK
    assert 0.93 <= found.covered <= 0.97


@pytest.mark.parametrize("holding", [239, 240])
def test_nearly_full_counts_hold_the_level_exactly(holding: int) -> None:
    frame = listing(REPLICATES, 300)
    found = try_out(nearly_all(holding, 300, 270), holding / 300, replicates=REPLICATES, seed=7, frame=frame)
    assert found.wrong <= 0.05 + SLACK
    assert found.covered >= 0.95


def test_hamlets_of_one_piece_are_not_taken_for_many_households() -> None:
    """Where hamlets are all or nothing, four of them that all have it prove little."""
    found = try_out(clustered(0.799, 4, 15, 0.6), 0.799, replicates=REPLICATES, seed=7)
    assert found.wrong <= 0.05, "18 % when such hamlets count as sixty households, 9 % with their own errors"


ALL_ALIKE = "\n".join(f"| 29001 | {i} | 100 | 1/2 | 15 | 15 |" for i in range(4))
OTHERS = "\n".join(f"| 29002 | {i} | 100 | 1/2 | 15 | {15 * (i % 2)} |" for i in range(6))


def test_what_four_hamlets_that_all_have_it_prove_depends_on_how_hamlets_are_elsewhere() -> None:
    alone, beside = survey(ALL_ALIKE), survey(ALL_ALIKE + "\n" + OTHERS)
    bounds = [made.of("29001")["lower_bound"] for made in (alone, beside)]
    assert bounds[0] > 0.95, "nothing is known of hamlets: VCQI's rule"
    assert bounds[1] < 0.70, "elsewhere hamlets have all or nothing: these are worth four interviews"
    assert beside.estimates().filter(pl.col("place") == "29001")["std_error"].to_list() == [None]
