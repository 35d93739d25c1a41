"""Sample sizes, allocation, chances in proportion to size and paper rules, against R and the WHO manual's tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from test_estimate_reference import DESIGNS

from collect.cli import main
from collect.estimate.planning import (
    allocate,
    households_to_visit,
    inclusion,
    interviews_to_estimate,
    paper_rule,
    systematic,
    whole,
)

beside = pytest.mark.skipif(not DESIGNS, reason="the reference figures lie beside the repository")


def run(*arguments: object) -> Any:
    done = CliRunner().invoke(main, ["--lang", "en", "plan", *map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@beside
def test_the_sizes_of_table_b_1_are_those_printed() -> None:
    """WHO/IVB/18.09, table B-1: effective sample sizes for 95 % intervals, all 88 cells."""
    table = DESIGNS["who_table_B1"]
    found = [[interviews_to_estimate(share, d) for share in table["coverage"]] for d in table["precision"]]
    assert found == table["ess"]


@beside
def test_interviews_are_shared_out_as_r_does() -> None:
    """``n * Nh / sum(Nh)``; ``n * Nh * Sh / sum(Nh * Sh)``; ``n * sqrt(Nh) / sum(sqrt(Nh))``."""
    said = DESIGNS["allocation"]
    n, sizes, spreads = said["n"], said["Nh"], said["Sh"]
    assert allocate(n, sizes).tolist() == pytest.approx(said["proportional"], rel=1e-9)
    assert allocate(n, sizes, "neyman", spreads=spreads).tolist() == pytest.approx(said["neyman"], rel=1e-9)
    assert allocate(n, sizes, "power").tolist() == pytest.approx(said["power_half"], rel=1e-9)


@beside
def test_chances_in_proportion_to_size_are_those_of_r() -> None:
    """``sampling::inclusionprobabilities(size, 4)``: one hamlet is so large that it is taken surely."""
    said = DESIGNS["pps"]
    assert inclusion(said["size"], said["n"]).tolist() == pytest.approx(said["pik"], rel=1e-9)


@beside
@pytest.mark.parametrize("said", DESIGNS.get("lqas_binomial", [])[::9], ids=str)
def test_paper_rules_are_those_of_r(said: dict[str, Any]) -> None:
    """``d <- qbinom(0.9, n, plo) + 1; pbinom(d - 1, n, plo, lower.tail = FALSE); pbinom(d - 1, n, phi)``."""
    found = paper_rule(said["n"], said["plo"], said["phi"])
    assert found.least == said["d_alpha10"]
    assert (found.alpha, found.beta) == pytest.approx((said["alpha"], said["beta"]), rel=1e-9)


def test_each_hamlet_is_drawn_as_often_as_its_chance_says_and_always_as_many() -> None:
    chances = inclusion([60, 110, 240, 85, 900, 130], 3)
    draws = np.array([systematic(chances, start) for start in np.linspace(0, 0.9999, 2001)])
    assert set(draws.sum(axis=1)) == {3}
    assert draws.mean(axis=0) == pytest.approx(chances, abs=2e-3)


def test_whole_numbers_keep_the_sum_and_the_least_is_kept() -> None:
    assert whole(allocate(10, [1, 1, 1])).sum() == 10
    assert whole(allocate(100, [1000, 1]), least=7).tolist() == [100, 7]


def test_households_to_visit_allow_for_hamlets_silence_and_the_list() -> None:
    assert households_to_visit(100, deff=2, response=0.8) == 250
    assert households_to_visit(100, population=100) < 100


def test_the_command_line_plans(tmp_path: Path) -> None:
    hamlets = tmp_path / "h.csv"
    hamlets.write_text("hamlet,households\na,100\nb,300\nc,600\n", encoding="utf-8")
    assert run("size", "--expected", 0.8, "--precision", 0.05) == {"effective": 306, "households": 306}
    chances = [row["probability"] for row in run("draw", hamlets, "--size", "households", "--hamlets", 1)]
    assert chances == pytest.approx([0.1, 0.3, 0.6])
    drawn = run("draw", hamlets, "--size", "households", "--hamlets", 2, "--seed", 3)
    assert sum(row["selected"] for row in drawn) == 2
    shared = run("allocate", hamlets, "--size", "households", "--interviews", 100, "--how", "proportional")
    assert [row["interviews"] for row in shared] == [10, 30, 60]
    assert run("rule", "--interviews", 19, "--low", 0.5, "--high", 0.8)[0]["least"] == 13


def test_what_is_drawn_is_a_table_that_says_nothing_where_the_list_said_nothing(tmp_path: Path) -> None:
    hamlets = tmp_path / "h.csv"
    hamlets.write_text("hamlet,households,round\na,100,\nb,300,\n", encoding="utf-8")
    words = ["plan", "draw", str(hamlets), "--size", "households", "--hamlets", "1", "--seed", "3"]
    done = CliRunner().invoke(main, ["--lang", "en", *words])
    assert done.exit_code == 0, done.output
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows[0] == ["hamlet", "households", "round", "probability", "selected"]
    assert [row[2] for row in rows[1:]] == ["", ""]
