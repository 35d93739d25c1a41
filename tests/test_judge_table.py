"""`collect judge --estimate`: verdicts on anybody's table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from collect.cli import main
from collect.commands.judge import target_from
from collect.problems import CollectError


def judged(folder: Path, frame: pl.DataFrame, *options: str) -> list[dict[str, Any]]:
    path = folder / "table.csv"
    frame.write_csv(path)
    asked = ["--lang", "en", "judge", "--estimate", str(path), "--y", "y", *options, "--json"]
    found = CliRunner().invoke(main, asked)
    assert found.exit_code == 0, found.output
    rows: list[dict[str, Any]] = json.loads(found.output)
    return rows


def table(*communes: tuple[str, int, int]) -> pl.DataFrame:
    """Commune, households, of which hold."""
    return pl.DataFrame([{"c": name, "y": int(i < holding), "N": n} for name, n, holding in communes for i in range(n)])


@pytest.mark.parametrize(
    ("target", "verdict"), [(">0.8", "not_met"), (">=0.8", "met"), (">=80%", "met"), (">=4/5", "met")]
)
def test_a_full_count_at_the_target_meets_at_least_and_not_more_than(tmp_path: Path, target: str, verdict: str) -> None:
    rows = judged(tmp_path, table(("a", 300, 240)), "--by", "c", "--stratum", "c", "--fpc", "N", "--target", target)
    assert (rows[0]["verdict"], rows[0]["reason"], rows[0]["regime"]) == (verdict, "census", "census")


def test_each_domain_has_its_verdict_and_what_it_still_takes(tmp_path: Path) -> None:
    frame = table(("a", 200, 190), ("b", 200, 120), ("c", 200, 166))
    rows = judged(tmp_path, frame, "--by", "c", "--target", ">0.8")
    assert [row["verdict"] for row in rows] == ["met", "not_met", "undecided"]
    assert rows[0]["p_meets"] > 0.95 > rows[2]["p_meets"] > 0.05 > rows[1]["p_meets"]
    assert rows[2]["interviews_needed"] > 200
    assert rows[0]["interviews_needed"] is None


def test_alike_hamlets_are_judged_by_what_hamlets_are_worth_beside_them(tmp_path: Path) -> None:
    rows = [("x", hamlet, int(hamlet > 0 or i > 2)) for hamlet in range(4) for i in range(15)]
    rows += [("y", 10 + hamlet, hamlet % 2) for hamlet in range(20) for _ in range(15)]
    frame = pl.DataFrame(rows, schema=["c", "h", "y"], orient="row")
    together = judged(tmp_path, frame, "--by", "c", "--cluster", "h", "--target", ">0.8")[0]
    alone = judged(tmp_path, frame.filter(pl.col("c") == "x"), "--by", "c", "--cluster", "h", "--target", ">0.8")[0]
    assert alone["lower_bound"] > together["lower_bound"] + 0.1
    assert together["verdict"] == "undecided"


@pytest.mark.parametrize("text", ["80", "<0.8", ">1.2", "about 0.8"])
def test_a_target_that_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(CollectError):
        target_from(text)


@pytest.mark.parametrize("lang", ["vi", "km", "en"])
@pytest.mark.parametrize(("target", "code"), [("about 0.8", "USE-21"), (">1/0", "USE-21"), (">0.8", "USE-20")])
def test_what_is_no_target_or_no_share_is_said_so(tmp_path: Path, lang: str, target: str, code: str) -> None:
    path = tmp_path / "incomes.csv"
    pl.DataFrame({"y": [300, 800, 650]}).write_csv(path)
    asked = ["--lang", lang, "judge", "--estimate", str(path), "--y", "y", "--target", target]
    found = CliRunner().invoke(main, asked)
    assert found.exit_code == 2
    assert found.stderr.startswith(code)


def test_an_interval_asked_for_by_name_is_what_is_judged_by(tmp_path: Path) -> None:
    rows = [(c, f"{c}{h}", int((h + i + c) % 4 > 0)) for c in range(3) for h in range(4) for i in range(15)]
    frame = pl.DataFrame(rows, schema=["c", "h", "y"], orient="row")
    design = ("--by", "c", "--cluster", "h", "--target", ">0.5")
    named = judged(tmp_path, frame, *design, "--ci", "clopper-pearson")
    estimated = CliRunner().invoke(main, [
        "estimate", str(tmp_path / "table.csv"), "--y", "y", *design[:4], "--ci", "clopper-pearson", "--level", "0.9",
        "--json",
    ])  # fmt: skip
    theirs = json.loads(estimated.output)
    assert [row["lower_bound"] for row in named] == [row["ci_low"] for row in theirs]
    assert named[0]["lower_bound"] != judged(tmp_path, frame, *design)[0]["lower_bound"]
