"""How many more interviews settle it: published tables, Wilson's own inversion, and the ceiling of few hamlets."""

from __future__ import annotations

import json
from math import ceil, inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from survey_tables import indicator, survey, target

from collect.estimate.intervals import wilson
from collect.judge import Chances, judge
from collect.judge.interviews import (
    UNKNOWN_RHO,
    Habits,
    There,
    effective_needed,
    interviews_to_classify,
    more_for_undecided,
    of_finite,
    pooled_likeness,
    units_in_hamlets,
)
from collect.judge.rule import Evidence

FILE = Path(__file__).resolve().parents[2] / "shared" / "reference" / "survey_design.json"
TABLES: list[dict[str, Any]] = json.loads(FILE.read_text())["who_tables_B2_B3"] if FILE.is_file() else []
TOUCHING = Chances(assurance=0.5)


@pytest.mark.parametrize("row", TABLES, ids=str)
def test_sizes_to_classify_are_those_of_the_who_manual(row: dict[str, Any]) -> None:
    """Tables B-2 (truth below the target) and B-3 (above), WHO/IVB/18.09 pages 123 to 125."""
    chances = Chances(level=1 - row["alpha"], assurance=1 - row["beta"])
    for side, sign in (("below", -1), ("above", 1)):
        truth = row["P0"] + sign * row["delta"]
        if row.get(side) is None or not 0 < truth < 1:
            continue
        assert interviews_to_classify(row["P0"], truth, chances) == row[side], (side, row)


@pytest.mark.parametrize(
    ("value", "size"), [(0.95, 19), (0.90, 43), (0.88, 68), (0.86, 120), (0.84, 271), (0.82, 1082)]
)
def test_the_effective_size_is_where_wilsons_bound_just_touches(value: float, size: int) -> None:
    needed = effective_needed(value, 0.8, TOUCHING)
    assert abs(needed - size) <= 1
    low, _ = wilson(np.array([value]), np.array([needed]), level=0.90)
    assert low[0] == pytest.approx(0.8, abs=1e-12)


def test_a_wish_to_be_surer_costs_more() -> None:
    """83 at a truth of 90 % and 251 at 86 %, for a target of 80 % with an assurance of 80 %."""
    assert [ceil(effective_needed(value, 0.8, Chances())) for value in (0.90, 0.86)] == [83, 251]


@pytest.mark.parametrize(("value", "interviews"), [(0.90, 38), (0.86, 87), (0.82, 236)])
def test_a_list_of_300_households_needs_fewer(value: float, interviews: int) -> None:
    assert ceil(of_finite(effective_needed(value, 0.8, TOUCHING), 300)) == interviews
    assert of_finite(inf, 300) == 300


def test_more_households_in_the_same_hamlets_can_never_decide_beyond_the_ceiling() -> None:
    """rho 0.1, truth 86 %: no number of households in 8 hamlets decides; 15 hamlets need 546."""
    needed = effective_needed(0.86, 0.8, TOUCHING)
    assert units_in_hamlets(needed, 8, 0.1) == inf
    assert units_in_hamlets(needed, 15, 0.1) == pytest.approx(546, abs=3)
    assert units_in_hamlets(needed, 8, 0.0) == needed


def test_likeness_within_hamlets_is_pooled_over_communes() -> None:
    communes = [undecided(deff=1 + 14 * rho) for rho in (0.1, 0.3)]
    assert pooled_likeness(communes) == pytest.approx(0.2)
    assert pooled_likeness([*communes, undecided(value=1.0, deff=None)]) == pytest.approx(0.2)
    assert pooled_likeness([undecided(deff=0.5)]) == 0
    assert pooled_likeness([]) == UNKNOWN_RHO


def undecided(**given: Any) -> Evidence:
    usual: dict[str, Any] = {
        "regime": "clusters", "value": 0.85, "n": 60, "n_holding": 51.0, "n_households": 60, "n_clusters": 4,
        "population": None, "df": 3.0, "deff": 1.5, "n_effective": 30.0, "lower_bound": 0.7, "upper_bound": 0.93,
    }  # fmt: skip
    return Evidence(**(usual | given))


HABITS = Habits(rho=0.02, per_household=1.0, per_hamlet=15.0, guess=0.8)


@pytest.mark.parametrize(
    ("evidence", "habits", "reason"),
    [
        (undecided(value=0.95, df=30.0, n_clusters=31), HABITS, "computed"),
        (undecided(), Habits(0.3, 1.0, 15.0, 0.8), "more_hamlets"),
        (undecided(regime="one_cluster"), HABITS, "more_hamlets"),
        (undecided(value=0.8), HABITS, "enumerate"),
        (undecided(regime="simple", value=0.81), HABITS, "computed"),
        (undecided(regime="near_census", population=70, n_holding=48.0, value=0.8), HABITS, "listed"),
    ],
)
def test_an_answer_says_how_it_was_found(evidence: Evidence, habits: Habits, reason: str) -> None:
    more = more_for_undecided(evidence, 0.8, habits, There(3000), Chances())
    assert more.reason == reason
    assert (more.interviews is None) == (reason == "more_hamlets")
    assert more.interviews is None or 1 <= more.interviews <= 3000 - 60


def test_never_more_interviews_than_households_are_left() -> None:
    more = more_for_undecided(undecided(regime="simple", value=0.81), 0.8, HABITS, There(100), Chances())
    assert more.interviews is not None
    assert more.interviews <= 40


def test_doing_the_interviews_asked_for_does_settle_it() -> None:
    """The number asked for, asked, with the same share in every hamlet: the verdict then is no longer undecided."""
    hamlets = 10
    before = "\n".join(f"| 29001 | {i} | 400 | 1/2 | 10 | {9 if i % 2 else 8} |" for i in range(hamlets))
    first = verdict_of(before)
    assert first["verdict"] == "undecided"
    each = 10 * (1 + ceil(first["interviews_needed"] / hamlets / 10))
    after = "\n".join(
        f"| 29001 | {i} | 400 | 1/2 | {each} | {each * (9 if i % 2 else 8) // 10} |" for i in range(hamlets)
    )
    assert verdict_of(after)["verdict"] == "met"


def verdict_of(text: str) -> dict[str, Any]:
    made = survey(text)
    return judge(made.estimates(), [target(">=", "4/5")], [indicator()], made.places).row(0, named=True)


def test_a_commune_nobody_visited_is_planned_from_the_province() -> None:
    text = "\n".join(f"| 29001 | {i} | 400 | 1/2 | 15 | {14 - i % 4} |" for i in range(12))
    made = survey(text, also=("29009",))
    found = judge(made.estimates(), [target(">=", "3/5")], [indicator()], made.places)
    row = found.filter(found["place"] == "29009").row(0, named=True)
    assert (row["verdict"], row["interviews_reason"]) == ("no_data", "planned")
    assert 20 < row["interviews_needed"] < 400


def test_a_return_that_is_missing_is_one_return() -> None:
    made = survey("| 29001 | 1 | 40 | 1/2 | 15 | 10 |")
    communes_counted = indicator("S1", counted_in="communes")
    found = judge(made.estimates(), [target("=", "1", indicator="S1")], [communes_counted], made.places)
    assert found.select("verdict", "interviews_needed", "interviews_reason").rows() == [("no_data", 1, "return")]
