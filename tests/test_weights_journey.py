"""What a form's design asks to be done to weights is done, said, and taken account of in the error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from survey_tables import Survey, communes, survey

from collect import tables
from collect.define.design import load_design
from collect.estimate import Margin, TableSpec, estimate, estimate_table, makeup, put_right, weigh
from collect.forms import KnownPeople, Weighting
from collect.problems import DefinitionError
from collect.wording.weights import equal_warning, weight_lines

TWO = """
| 29001 | 1 | 100 | 1/2 | 10 | 9 |
| 29001 | 2 |  60 | 1/2 | 20 | 5 |
| 29001 | 3 |  80 | 1/2 | 12 | 3 |
| 29001 | 4 |  40 | 1/2 |  - | 0 |
| 29002 | 1 |  50 | 1/4 | 10 | 2 |
| 29002 | 2 |  90 | 1/4 | 15 | 9 |
| 29002 | 3 | 600 | 1/4 |  - | 0 |
"""
FAMILIES = (KnownPeople("f", 0, 14, 270), KnownPeople("f", 15, None, 290), KnownPeople("m", 0, None, 440))


def refusing(made: Survey, *hamlets: str) -> tables.Households:
    """The households of ``made``, and three more in each of ``hamlets`` that refused."""
    spoke = made.households
    each = pl.concat([spoke.filter(cluster=hamlet).head(3) for hamlet in hamlets])
    silent = each.with_columns(submission_id=pl.col("submission_id") + "-silent", status=pl.lit("no_consent"))
    return tables.Households(pl.concat([spoke, silent]))


def families(made: Survey) -> pl.DataFrame:
    """Made-up people: household n has a girl, n % 3 women and n % 2 + 1 men."""
    rows = []
    for n, household in enumerate(made.households["submission_id"]):
        ages = [("f", 5)] + [("f", 30)] * (n % 3) + [("m", 40)] * (n % 2 + 1)
        rows += [{"submission_id": household, "sex": sex, "age": age} for sex, age in ages]
    return makeup(pl.DataFrame(rows), "sex", "age", FAMILIES)


def test_those_who_refused_are_spoken_for_within_their_hamlet() -> None:
    """10 of 13 asked in hamlet 1 answered: its 100 households are theirs, drawn with chance 1/2."""
    made = survey(TWO)
    weights = weigh(refusing(made, "29001-1"), made.frame)
    mine = weights.filter(cluster="29001-1")
    assert mine["weight"].unique().to_list() == [pytest.approx(100 / 10 / 0.5)]
    assert mine["weight_designed"].unique().to_list() == [pytest.approx(100 / 13 / 0.5)]
    assert weights.height == made.households.height


def test_or_within_their_commune_so_that_hamlets_keep_their_share_of_those_asked() -> None:
    made = survey(TWO)
    weights = weigh(refusing(made, "29001-1"), made.frame, cells="commune").filter(commune_code="29001")
    design = {"1": 100 / 13 / 0.5, "2": 60 / 20 / 0.5, "3": 80 / 12 / 0.5}
    factor = (design["1"] * 13 + 60 / 0.5 + 80 / 0.5) / (design["1"] * 10 + 60 / 0.5 + 80 / 0.5)
    found = dict(weights.group_by("cluster").agg(pl.col("weight").first()).iter_rows())
    assert found == {f"29001-{hamlet}": pytest.approx(weight * factor) for hamlet, weight in design.items()}


def test_weights_of_a_commune_add_up_to_its_list_or_to_the_census() -> None:
    made = survey(TWO)
    for asked, sums in (("listed-households", [280, 740]), ("census-households", [3000, 3000])):
        righted = put_right(made.weights(), made.places, Weighting(poststratify=asked))  # type: ignore[arg-type]
        found = righted.weights.group_by("commune_code").agg(pl.col("weight").sum()).sort("commune_code")
        assert found["weight"].to_list() == pytest.approx(sums)
        assert righted.steps[-1]["step"] == "poststratification"
        assert righted.steps[-1]["communes"] == 2


def test_a_commune_neither_listed_nor_in_the_census_keeps_its_weights() -> None:
    made = survey(TWO)
    plain = weigh(made.households, None)
    righted = put_right(plain, communes("29001", "29002", households=None), Weighting(poststratify="listed-households"))
    assert righted.weights["weight"].unique().to_list() == [1.0]
    assert righted.weights["known_total"].null_count() == righted.weights.height


@pytest.mark.parametrize("level", ["province", "commune"])
def test_the_error_after_poststratification_is_that_of_r(level: str) -> None:
    """As svyby(~y, ~commune, postStratify(svydesign(~cluster, strata=~stratum, weights=~w), ~commune, N), svymean).

    `estimate_table` is held to R's figures in test_estimate_reference.
    """
    made = survey(TWO)
    weights = made.weights()
    righted = put_right(weights, made.places, Weighting(poststratify="census-households"))
    rows = weights.join(made.measures, on="submission_id")
    margins = tuple(Margin("commune_code", code, 3000.0) for code in ("29001", "29002"))
    by = ("commune_code",) if level == "commune" else ()
    known = estimate_table(rows, TableSpec("numerator", weight="weight", stratum="stratum", clusters=("cluster",),
                                           by=by, margins=margins))  # fmt: skip
    found = estimate(made.measures, righted.weights, made.places, levels=(level,))  # type: ignore[arg-type]
    assert found["value"].to_list() == pytest.approx([one.est for one in known], rel=1e-12)
    assert found["std_error"].to_list() == pytest.approx([one.se for one in known], rel=1e-9)


def test_known_people_by_age_and_sex_are_given_back_and_their_error_is_that_of_greg() -> None:
    """As svymean(~y, calibrate(design, ~commune + girls + women + men, totals)), of deviations from known shares."""
    made = survey(TWO)
    people = families(made)
    righted = put_right(made.weights(), made.places, Weighting(people=FAMILIES), people)
    counted = righted.weights.join(people, on="submission_id")
    sums = np.array([float((counted["weight"] * counted[str(at)]).sum()) for at in range(3)])
    assert sums / sums.sum() == pytest.approx([0.27, 0.29, 0.44], rel=1e-9)
    assert (righted.weights["weight"] > 0).all()
    rows = made.weights().join(made.measures, on="submission_id").join(people, on="submission_id")
    whole = pl.sum_horizontal("0", "1", "2")
    rows = rows.with_columns((pl.col(str(at)) - whole * share).alias(f"d{at}") for at, share in enumerate((0.27, 0.29)))
    each = rows.group_by("commune_code").agg(pl.col("weight").sum())
    margins = (*(Margin("commune_code", code, total) for code, total in each.iter_rows()),
               Margin("d0", None, 0.0), Margin("d1", None, 0.0))  # fmt: skip
    for level, by in (("province", ()), ("commune", ("commune_code",))):
        known = estimate_table(rows, TableSpec("numerator", weight="weight", stratum="stratum", clusters=("cluster",),
                                               by=by, margins=margins))  # fmt: skip
        found = estimate(made.measures, righted.weights, made.places, levels=(level,), explained=righted.explained)  # type: ignore[arg-type]
        assert found["value"].to_list() == pytest.approx([one.est for one in known], rel=1e-9)
        assert found["std_error"].to_list() == pytest.approx([one.se for one in known], rel=1e-7)


def test_people_that_no_positive_weights_can_give_leave_the_weights_alone_and_say_so() -> None:
    made = survey(TWO)
    nobody = (KnownPeople("f", 0, 14, 1e9), KnownPeople("m", 0, None, 1))
    righted = put_right(made.weights(), made.places, Weighting(people=nobody), families(made).drop("2"))
    assert righted.steps[-1]["left_alone"] == 1
    assert righted.weights["weight"].to_list() == made.weights()["weight"].to_list()


def test_a_weight_far_above_its_communes_is_cut_before_weights_meet_what_is_known() -> None:
    alike = "| 29001 | {} | 60 | 1/2 | 20 | 5 |"
    made = survey("\n".join(["| 29001 | 1 | 200 | 1/2 | 5 | 1 |", alike.format(2), alike.format(3)]))
    righted = put_right(made.weights(), made.places, Weighting(trim=5, poststratify="listed-households"))
    weights = righted.weights["weight"]
    assert weights.sum() == pytest.approx(320)
    names = [step["step"] for step in righted.steps]
    assert names == ["design", "nonresponse", "trimming", "poststratification"]
    before, after = righted.steps[1], righted.steps[2]
    assert after["effective_size"] > before["effective_size"]  # type: ignore[operator]
    assert (before["largest"], after["largest"]) == (80, 30)
    assert after["sum"] == pytest.approx(before["sum"])


@pytest.mark.parametrize("lang", ["vi", "km", "en"])
def test_communes_without_a_frame_are_named_to_the_planner(lang: str) -> None:
    made = survey(TWO)
    frame = tables.Frame(made.frame.filter(commune_code="29001"))
    righted = put_right(weigh(made.households, frame), made.places, Weighting())
    assert [one["commune_code"] for one in righted.communes_equal] == ["29002"]
    said = [{"form": "household", "steps": righted.steps, "communes_equal": righted.communes_equal}]
    warning = equal_warning(said, {"29002": "Xã B"}, lang)
    assert warning is not None
    assert "Xã B" in warning
    assert len(weight_lines(said, lang)) == 2
    assert equal_warning([said[0] | {"communes_equal": ()}], {}, lang) is None


def written(folder: Path, text: str) -> Path:
    path = folder / "form.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_form_toml_says_where_each_piece_is(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("sex,age_from,age_to,people\n1,0,14,300\n1,15,,700\n", encoding="utf-8")
    said = '[weights]\nnonresponse = "commune"\ntrim = 4\npoststratify = "census-households"\n'
    said += 'people = "p.csv"\nsex = "/data/m/sex"\n'
    design = load_design(written(tmp_path, said))
    known = (KnownPeople("1", 0, 14, 300.0), KnownPeople("1", 15, None, 700.0))
    assert design.weights == Weighting("commune", 4, "census-households", known, "/data/m/sex")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('[weights]\ntrimm = 4\n', "DEF-04"),
        ('[weights]\ntrim = 0.5\n', "DEF-05"),
        ('[weights]\npoststratify = "households"\n', "DEF-05"),
        ('[weights]\nnonresponse = "house"\n', "DEF-05"),
        ('[weights]\npeople = "nowhere.csv"\n', "DEF-03"),
        ('weights = "yes"\n', "DEF-05"),
    ],
)  # fmt: skip
def test_what_it_cannot_mean_is_refused(tmp_path: Path, said: str, code: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        load_design(written(tmp_path, said))
    assert refused.value.code == code
