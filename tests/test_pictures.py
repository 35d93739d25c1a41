"""Pictures behind the verdicts, as files made without a network, and the rows they show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from survey_tables import indicator, survey, target

from collect import tables
from collect.drawing import hamlets_picture, hamlets_table, interviewers_picture
from collect.estimate import estimate
from collect.judge import judge
from collect.problems import CollectError
from collect.publish.picture_files import write_picture
from collect.publish.pictures import INK, inchworm, interviewers, organ_pipe
from collect.scrutiny import Behind

NEED = target(">=", "4/5")
HAMLETS = pl.DataFrame({"weight": [100.0, 50.0, 50.0], "share": [0.93, 0.21, 1.0], "interviewed": [15, 14, 5]})


def rows() -> pl.DataFrame:
    lines = (
        "| 29001 | a | 60 | 1 | 60 | 55 |",
        "| 29002 | a | 60 | 1/2 | 20 | 12 |",
        "| 29002 | b | 60 | 1/2 | 20 | 19 |",
    )
    made = survey("\n".join(lines), also=["29003"])
    estimates = made.estimates()
    verdicts = judge(estimates, [NEED], [indicator()], made.places, made.weights())
    keys = ["indicator", "level", "vintage", "place", "round"]
    found = verdicts.join(estimates.drop("lower_bound", "upper_bound"), on=keys, how="left")
    return found.with_columns(name="Xã Nguyệt Hoá " + pl.col("place"))


def values(chart: object) -> list[dict[str, object]]:
    return [row for layer in chart.to_dict()["layer"] for row in layer["data"]["values"]]  # type: ignore[attr-defined]


def test_a_commune_nobody_visited_stays_in_the_picture() -> None:
    shown = {row["name"] for row in values(inchworm(rows(), NEED, "vi")) if "name" in row}
    assert shown == {f"Xã Nguyệt Hoá {code}" for code in ("29001", "29002", "29003")}


def test_a_hamlet_of_few_interviews_shows_no_share_and_no_household_can_be_read_off() -> None:
    shown = values(organ_pipe(HAMLETS.with_columns(share=pl.Series([0.9, 0.2, None])), NEED, "Xã A", "en"))
    assert {row["share"] for row in shown if "share" in row} == {0.9, 0.2, None}
    assert sum(row["width"] for row in shown[:3]) == pytest.approx(1.0)  # type: ignore[misc]


def test_what_the_table_of_hamlets_withholds_cannot_be_read_off_the_picture() -> None:
    """Of twelve asked in the first, four stand against; one withheld alone would be given away by the others."""
    shares = [8 / 12, 0.5, 1.0]
    hamlets = pl.DataFrame({"cluster": ["a", "b", "c"], "weight": [5.0, 3.0, 2.0], "interviewed": 12, "share": shares})
    places = pl.DataFrame({"code": ["29001"], "name_vi": ["Xã A"], "name_en": ["A"], "name_km": [None]})
    found = SimpleNamespace(hamlets=lambda: hamlets, frame=None, places=places, commune="29001", target=NEED)
    table: dict[str, float | None] = dict(hamlets_table(found).select("hamlet", "share").iter_rows())  # type: ignore[arg-type]
    assert table == {"a": None, "b": None, "c": 1.0}
    drawn = hamlets_picture(found, "en")  # type: ignore[arg-type]
    assert drawn is not None
    assert {(row["cluster"], row["share"]) for row in values(drawn) if "cluster" in row} == set(table.items())


def test_an_interviewer_of_few_households_is_drawn_with_the_verdict_alone() -> None:
    """The commune less everybody else's households is that person's own count, which a table would withhold."""
    found, estimates = behind()
    few = pl.int_range(pl.len()) < 3
    names = pl.when(few).then(pl.lit("C")).otherwise(pl.col("interviewer"))
    found = replace(found, households=tables.Households(found.households.with_columns(interviewer=names)))
    run = SimpleNamespace(estimates=estimates)
    rows = values(interviewers_picture(found, run, "en"))  # type: ignore[arg-type]
    figures = {str(row["name"])[0]: row["value"] is not None for row in rows if "low" in row}
    assert figures == {"E": True, "A": False, "B": True, "C": False}


@pytest.mark.parametrize("lang", ["vi", "km", "en"])
def test_pictures_are_written_as_svg_with_their_font_and_as_png(tmp_path: Path, lang: str) -> None:
    chart = inchworm(rows(), NEED, lang)
    svg = write_picture(chart, tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "@font-face" in svg
    assert "Nguyệt" in svg
    assert "http://www.w3.org" in svg
    assert svg.count("http") == svg.count("http://www.w3.org"), "no address but the format's own names"
    assert write_picture(chart, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert write_picture(chart, tmp_path / "b.svg").read_text(encoding="utf-8") == svg


def test_a_dark_theme_changes_no_ink_of_a_picture_on_white() -> None:
    for picture in (inchworm(rows(), NEED, "vi"), organ_pipe(HAMLETS, NEED, "Xã A", "vi")):
        drawn = picture.to_dict()
        axis, legend = drawn["config"]["axis"], drawn["config"]["legend"]
        inks = {drawn["title"]["color"], axis["titleColor"], axis["labelColor"], legend["labelColor"]}
        assert (drawn["background"], inks) == ("#ffffff", {INK})


def test_hamlets_stand_in_a_table_by_name_without_the_shares_that_would_speak_of_few_households() -> None:
    hamlets = pl.DataFrame(
        {"cluster": ["a", "b", "c", "d"], "interviewed": [30, 20, 9, 40], "share": [0.43, 0.95, 0.5, 0.5]}
    )
    frame = pl.DataFrame({"cluster": ["a", "b"], "hamlet_name": ["Ấp Một", None]})
    behind = SimpleNamespace(hamlets=lambda: hamlets, frame=frame)
    shown = hamlets_table(behind)  # type: ignore[arg-type]
    assert dict(shown.select("hamlet", "share").iter_rows()) == {"Ấp Một": 0.4, "d": 0.5, "b": None, "c": None}
    alone = hamlets.filter(pl.col("cluster") != "b")
    shown = hamlets_table(SimpleNamespace(hamlets=lambda: alone, frame=None))  # type: ignore[arg-type]
    assert dict(shown.select("hamlet", "share").iter_rows()) == {"d": 0.5, "a": None, "c": None}, "one alone is two"


def test_a_picture_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CollectError) as refused:
        write_picture(organ_pipe(HAMLETS, NEED, "A", "en"), tmp_path / "a.gif")
    assert refused.value.code == "PUB-04"


def behind() -> tuple[Behind, tables.Estimates]:
    """Four hamlets; one interviewer found every household of hers to hold, the other few."""
    lines = [f"| 29001 | {h} | 100 | 1/2 | 20 | {20 if h < 3 else 8} |" for h in range(6)]
    made = survey("\n".join(lines))
    who = pl.when(pl.col("hamlet").is_in(["0", "1", "2"])).then(pl.lit("A")).otherwise(pl.lit("B"))
    households = tables.Households(made.households.with_columns(interviewer=who))
    found = Behind(households, made.measures, made.frame, made.places, indicator(), NEED, "29001")
    return found, estimate(made.measures, made.weights(), made.places)


def test_a_verdict_that_hangs_on_one_interviewer_is_seen() -> None:
    found, estimates = behind()
    shown = {row["interviewer"]: row for row in found.without_each(estimates).iter_rows(named=True)}
    assert {name: row["interviews"] for name, row in shown.items()} == {None: 120, "A": 60, "B": 60}
    assert [shown[name]["verdict"] for name in (None, "A", "B")] == ["undecided", "not_met", "met"]
    assert shown["B"]["value"] == 1.0
    assert interviewers(found.without_each(estimates), NEED, "A", "km").to_dict()["title"]["text"]


def test_the_pipes_of_a_commune_are_its_hamlets() -> None:
    found, _ = behind()
    assert sorted(found.hamlets()["share"].to_list()) == [0.4, 0.4, 0.4, 1.0, 1.0, 1.0]
    assert found.hamlets()["interviewed"].to_list() == [20] * 6
