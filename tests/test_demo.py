"""The made-up round: the same every time, in three platforms' layouts, its dirt found and its truth known."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import polars as pl
import pytest
import shapely

import geo
from collect.check import check, households
from collect.define import load_forms
from collect.demo import EARLIER_ROUND, KINDS, ROUND, DemoFiles, make_earlier_round, make_round
from collect.demo.ground import lay_out
from collect.demo.layouts import Export, write_central, write_kobo, write_submissions
from collect.demo.population import PASSED, SMARTPHONE, SUBSCRIBED, settled
from collect.demo.sample import inclusion, plan_round
from collect.forms import Form
from collect.locate import locate
from collect.places import places_of
from collect.receive import Received, receive
from collect.settings import shipped_forms

RECEIVED_ON = date(2026, 11, 22)
FORMS = load_forms(shipped_forms())
HOUSEHOLD = next(form for form in FORMS if form.form_id == "household")
MEMBER = "/data/people/member"


@dataclass(frozen=True)
class Round:
    """A round as made, its truth, and each export as it was read."""

    files: DemoFiles
    truth: dict[str, Any]
    read: dict[str, Received]
    outlines: Path


@pytest.fixture(scope="module")
def made(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Round:
    """The usual round on the real outlines."""
    data = tmp_path_factory.mktemp("data")
    geo.fetch(data / "geo", str(shared / "geo"), ["2025-07"])
    files = make_round(data / "demo")
    read = {path.name: receive(path, FORMS)[0] for path in files.files}
    return Round(files, json.loads(files.truth.read_text(encoding="utf-8")), read, data)


def submissions(made: Round) -> pl.DataFrame:
    """All interviews as read, without the dirty ones, with the file they came in."""
    parts = [
        one.answers["/data"].with_columns(pl.lit(name).alias("file"))
        for name, one in made.read.items()
        if one.form is not None and one.form.form_id == "household"
    ]
    dirty = {entry["submission_id"] for entry in made.truth["dirty"]} | {
        e.get("edited_as") for e in made.truth["dirty"]
    }
    return pl.concat(parts, how="diagonal").filter(~pl.col("submission_id").is_in([d for d in dirty if d]))


# --- made again -------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    bytes_of = []
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        files = make_round(tmp_path / name, households=300, seed=seed)
        bytes_of.append([path.read_bytes() for path in (*files.files, files.frame, files.truth)])
    assert bytes_of[0] == bytes_of[1]
    assert all(one != other for one, other in zip(bytes_of[0], bytes_of[2], strict=True))


def test_a_round_of_the_year_before_leaves_the_round_alone_and_shares_half_its_communes_hamlets(tmp_path: Path) -> None:
    plain = make_round(tmp_path / "plain", households=800)
    both = make_round(tmp_path / "both", households=800)
    answers, drawn = make_earlier_round(tmp_path / "both", households=800)
    assert [path.read_bytes() for path in plain.files] == [path.read_bytes() for path in both.files]
    now = pl.read_csv(both.frame, infer_schema=False).filter(selected="true")
    then = pl.read_csv(drawn, infer_schema=False)
    assert set(then["round"]) == {EARLIER_ROUND}
    same = now.join(then.filter(selected="true"), on="cluster", how="semi")
    assert 0.4 < same.height / now.height < 0.9
    (read,) = receive(answers, FORMS)
    days = read.answers[HOUSEHOLD.root]["/data/today"]
    assert days.str.starts_with("2025-").all()


def test_making_a_round_again_tells_its_progress_and_leaves_no_file_of_the_former_one(tmp_path: Path) -> None:
    (tmp_path / "round").mkdir()
    (tmp_path / "round" / "whole-province-central.zip").write_bytes(b"of a former round")
    told: list[tuple[str, float]] = []
    files = make_round(tmp_path, households=300, progress=lambda step, share: told.append((step, share)))
    exports = {path.name for path in (tmp_path / "round").iterdir()} - {"README.txt", "frame.csv"}
    assert exports == {path.name for path in files.files}
    assert {step for step, _ in told} == {"step.demo"}
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert told[-1][1] == 1.0


# --- says that it is made up ------------------------------------------------------------------------------------------


def test_every_part_says_that_it_is_made_up(made: Round) -> None:
    for folder in (made.files.truth.parent, made.files.frame.parent):
        words = (folder / "README.txt").read_text(encoding="utf-8")
        assert all(said in words for said in ("GIẢ LẬP", "MADE-UP", "សន្មត"))
    assert made.truth["made_up"] is True
    assert set(submissions(made)["/data/interview/round"]) == {ROUND}
    assert submissions(made)["/data/interview/interviewer"].str.starts_with("DEMO-").all()
    assert pl.read_csv(made.files.frame)["hamlet_name"].str.contains("giả lập").all()


# --- the sample -------------------------------------------------------------------------------------------------------


def test_the_frame_lists_the_households_of_the_2019_census(made: Round) -> None:
    frame = pl.read_csv(made.files.frame, schema_overrides={"commune_code": pl.String})
    listed = dict(frame.group_by("commune_code").agg(pl.col("households").sum()).iter_rows())
    assert listed == dict(geo.units("2025-07").select("code", "households_2019").iter_rows())
    assert frame["households"].sum() == 284_675


def test_three_communes_are_asked_in_full_and_two_not_at_all(made: Round) -> None:
    frame = pl.read_csv(made.files.frame, schema_overrides={"commune_code": pl.String})
    listed = dict(frame.group_by("commune_code").agg(pl.col("households").sum()).iter_rows())
    root = pl.concat(
        [one.answers["/data"] for name, one in made.read.items() if name.startswith("team")], how="diagonal"
    )
    root = root.filter(~pl.col("submission_id").is_in(root["replaces"].drop_nulls().implode()))
    asked = Counter(code[:5] for code in root["/data/interview/cluster"])
    assert len(made.truth["asked_in_full"]) == 3
    assert all(asked[code] == listed[code] for code in made.truth["asked_in_full"])
    assert len(made.truth["not_visited"]) == 2
    assert not any(asked[code] for code in made.truth["not_visited"])
    assert min(asked[code] for code in listed if code not in made.truth["not_visited"]) >= 60


def test_interviews_stand_in_hamlets_that_were_drawn(made: Round) -> None:
    frame = pl.read_csv(made.files.frame)
    drawn = set(frame.filter("selected")["cluster"])
    assert set(submissions(made)["/data/interview/cluster"]) <= drawn
    assert (frame.filter(pl.col("selected"))["probability"] > 0).all()


def test_chances_are_in_proportion_to_size_and_never_above_one() -> None:
    chance = inclusion(np.array([10.0, 20.0, 30.0, 340.0]), 2)
    assert chance.tolist() == pytest.approx([10 / 60, 20 / 60, 30 / 60, 1.0])


def test_a_round_of_everybody_visits_everybody() -> None:
    ground = lay_out(HOUSEHOLD, np.random.default_rng(1), None)
    plan = plan_round(ground, 284_675, np.random.default_rng(1))
    assert plan.everyone
    assert len(plan.full) == 41


# --- the truth --------------------------------------------------------------------------------------------------------


def test_province_values_are_near_the_official_figures_of_2022(made: Round) -> None:
    value = {v["indicator"]: v["value"] for v in made.truth["values"] if v["level"] == "province"}
    assert value["S2b"] == pytest.approx(SUBSCRIBED, abs=0.01)  # 59.25 % of households (Plan 37/KH-UBND)
    assert value["S2"] == pytest.approx(PASSED, abs=0.01)
    assert SMARTPHONE > 0.60  # "above 60 %" of the population
    assert value["S1"] == 1.0  # fibre in 100 % of communes (Plan 122/KH-UBND)
    assert value["S2"] > value["S2b"]


def test_coverage_varies_with_town_coast_and_island(made: Round) -> None:
    passed = {
        v["place"]: v["value"] for v in made.truth["values"] if v["indicator"] == "S2" and v["level"] == "commune"
    }
    town, coast, island = ("29242", "29254", "29398"), ("29419", "29518", "29530"), ("29410", "29413")
    mean = [sum(passed[code] for code in codes) / len(codes) for codes in (town, coast, island)]
    assert mean[0] > mean[1] > mean[2]


def test_the_truth_counts_every_commune_for_every_indicator(made: Round) -> None:
    counted = Counter((v["indicator"], v["level"]) for v in made.truth["values"])
    assert counted == {
        (name, level): count
        for name in ("S1", "S2", "S2b", "S3", "S4", "S5", "S6")
        for level, count in (("province", 1), ("commune", 41))
    }


def test_probabilities_are_settled_on_the_share_wanted() -> None:
    assert settled(np.linspace(-3, 3, 101), 0.7).mean() == pytest.approx(0.7, abs=1e-6)


# --- what the exports hold --------------------------------------------------------------------------------------------


def test_each_team_exports_its_own_way(made: Round) -> None:
    found = {name: (one.source, one.form.form_id if one.form else "") for name, one in made.read.items()}
    assert found == {
        "team-1-central.zip": ("central-csv", "household"),
        "team-2-kobo.xlsx": ("kobo-xlsx", "household"),
        "team-3-submissions.zip": ("submission-xml", "household"),
        "commune-returns-central.zip": ("central-csv", "commune"),
    }


def test_every_interview_and_person_is_read(made: Round) -> None:
    teams = [one for name, one in made.read.items() if name.startswith("team")]
    edited_xml = sum(e["kind"] == "edited" and e["file"] == "team-3-submissions.zip" for e in made.truth["dirty"])
    assert sum(one.unreadable for one in teams) == 0
    assert sum(one.answers["/data"].height for one in teams) == made.truth["interviews"] + edited_xml
    people = [one.answers[MEMBER] for one in teams]
    versions = {
        e["submission_id"] for e in made.truth["dirty"] if e["file"] == "team-3-submissions.zip" and "edited_as" in e
    }
    former = sum(rows.filter(pl.col("submission_id").is_in(list(versions))).height for rows in people[2:])
    assert sum(rows.height for rows in people) == made.truth["roster_rows"] + former


def test_people_answer_in_vietnamese_and_in_khmer(made: Round) -> None:
    said = submissions(made)["/data/household/fibre_why_not_other"].drop_nulls()
    khmer = said.str.contains("[\u1780-\u17ff]")
    assert khmer.any()
    assert not khmer.all()


def test_points_of_clean_interviews_lie_in_their_commune(made: Round, shared: Path) -> None:
    shapes = gpd.read_file(shared / "geo" / "tv_communes_new41_full.geojson").set_index("code").geometry
    clean = submissions(made).filter(pl.col("/data/place/point").is_not_null())
    for (code,), rows in clean.group_by("/data/place/commune"):
        parts = rows["/data/place/point"].str.split(" ")
        y, x = (parts.list.get(place).cast(pl.Float64).to_numpy() for place in (0, 1))
        assert shapely.contains_xy(shapes[code], x, y).all(), code


def test_without_outlines_houses_still_stand_in_their_commune(tmp_path: Path, shared: Path) -> None:
    files = make_round(tmp_path, households=300, outlines=tmp_path / "none")
    truth = json.loads(files.truth.read_text(encoding="utf-8"))
    read = {path.name: receive(path, FORMS)[0] for path in files.files}
    test_points_of_clean_interviews_lie_in_their_commune(Round(files, truth, read, tmp_path), shared)


def _tables(received: Received) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Root and roster without what the platforms tell in their own ways; Kobo leaves the instance's name out."""
    own = (
        "/data/meta/instanceName",
        "form_version",
        "submitted_at",
        "submitted_by",
        "device_id",
        "review_state",
        "found_in",
        "replaces",
        "edits",
    )
    root = received.answers["/data"].drop(own).sort("submission_id")
    rows = received.answers[MEMBER].drop("found_in").sort("submission_id", "index")
    return root.to_dicts(), rows.to_dicts()


def test_the_same_households_read_the_same_from_every_layout(tmp_path: Path) -> None:
    questions = {q.path: q for q in HOUSEHOLD.questions}
    root: dict[str, list[str | None]] = {path: [None, None] for path in questions if path.count("/") < 5}
    root |= {
        "instance": ["8f1f6b7c-0000-4000-8000-000000000001", "8f1f6b7c-0000-4000-8000-000000000002"],
        "edited_as": [None, None], "submitted_at": ["2026-10-05T03:00:00.000Z"] * 2, "version": [HOUSEHOLD.version] * 2,
        "/data/consent": ["yes", "no"], "/data/place/commune": ["29242", "29254"],
        "point0": ["9.93", None], "point1": ["106.34", None], "point2": ["0", None], "point3": ["4.5", None],
        "/data/household/size": ["2", None], "/data/household/fibre_why_not": ["too_expensive other", None],
        "/data/household/fibre_why_not_other": ['Đợi "cổng" <mới>, & nữa', None],
        "/data/meta/instanceName": ["29242-01 DEMO-01 2026-10-05", "29254-01 DEMO-02 2026-10-05"],
    }  # fmt: skip
    people: dict[str, Any] = {q.path: [None, None] for q in HOUSEHOLD.questions_in(MEMBER)}
    people |= {"row": [0, 0], "index": [1, 2], f"{MEMBER}/age": ["046", "5"], f"{MEMBER}/account": ["bank card", None]}
    export = Export(
        HOUSEHOLD,
        pl.DataFrame(root).with_columns(pl.col(pl.Null).cast(pl.String)),
        pl.DataFrame(people).with_columns(pl.col(pl.Null).cast(pl.String)),
    )
    write_central(export, tmp_path / "central.zip")
    write_kobo(export, tmp_path / "kobo.xlsx")
    write_submissions(export, tmp_path / "xml.zip")
    central, kobo, xml = (
        _tables(receive(tmp_path / name, FORMS)[0]) for name in ("central.zip", "kobo.xlsx", "xml.zip")
    )
    assert central == xml
    assert kobo == xml
    assert xml[0][0]["/data/household/fibre_why_not_other"] == 'Đợi "cổng" <mới>, & nữa'
    assert xml[0][0]["/data/place/point"] == "9.93 106.34 0 4.5"
    assert xml[1][0][f"{MEMBER}/age"] == "046"


# --- the dirt ---------------------------------------------------------------------------------------------------------


def _issues(made: Round, name: str) -> pl.DataFrame:
    """Every issue of an export, from reading to locating."""
    received = made.read[name]
    form: Form | None = received.form
    assert form is not None
    checked = check(received.answers, form, upload_id="u", received_on=RECEIVED_ON)
    placed = locate(
        households(checked, form, "u"),
        places_of(made.outlines, form.design.vintage),
        vintage_of_form=form.design.vintage,
        questions=(form.design.commune, form.design.point),
    )[1]
    return pl.concat([received.issues, checked.issues, placed])


@pytest.fixture(scope="module")
def issues(made: Round) -> dict[str, pl.DataFrame]:
    return {name: _issues(made, name) for name in made.read}


def test_about_4_percent_of_the_interviews_are_dirty(made: Round) -> None:
    assert len(made.truth["dirty"]) / made.truth["interviews"] == pytest.approx(0.04, abs=0.005)
    counted = Counter(entry["kind"] for entry in made.truth["dirty"])
    assert counted == {kind: entry["count"] for kind, entry in made.truth["dirt"].items()}
    assert set(counted) == set(KINDS)


@pytest.mark.parametrize("kind", [kind for kind, (_, codes) in KINDS.items() if codes])
def test_every_dirty_interview_is_found(made: Round, issues: dict[str, pl.DataFrame], kind: str) -> None:
    wanted = set(made.truth["dirt"][kind]["codes"])
    missed = []
    for entry in made.truth["dirty"]:
        if entry["kind"] == kind:
            found = issues[entry["file"]].filter(pl.col("submission_id") == entry["submission_id"])["code"]
            missed += [entry["submission_id"]] if not wanted <= set(found) else []
    assert missed == []


def test_clean_interviews_have_no_issue(made: Round, issues: dict[str, pl.DataFrame]) -> None:
    dirty = {entry["submission_id"] for entry in made.truth["dirty"]} | {
        e.get("edited_as") for e in made.truth["dirty"]
    }
    for name, found in issues.items():
        strange = found.filter(~pl.col("submission_id").is_in([d for d in dirty if d]))
        assert strange.select("code", "question", "submission_id").rows() == [], name


def test_an_edited_submission_names_the_one_it_replaces(made: Round) -> None:
    xml = made.read["team-3-submissions.zip"].answers["/data"]
    edits = [e for e in made.truth["dirty"] if e["kind"] == "edited" and e["file"] == "team-3-submissions.zip"]
    replaced = dict(xml.filter(pl.col("replaces").is_not_null()).select("submission_id", "replaces").iter_rows())
    assert edits
    assert replaced == {entry["edited_as"]: entry["submission_id"] for entry in edits}


# --- the communes' returns --------------------------------------------------------------------------------------------


def test_one_commune_sent_no_return_and_the_others_agree_with_the_frame(made: Round) -> None:
    answers = made.read["commune-returns-central.zip"].answers
    frame = pl.read_csv(made.files.frame, schema_overrides={"commune_code": pl.String})
    silent = set(frame["commune_code"]) - set(answers["/data"]["/data/place/commune"])
    assert len(silent) == 1
    assert silent <= set(made.truth["not_visited"])
    rows = answers["/data/hamlets/hamlet"]
    told = dict(
        rows.select("/data/hamlets/hamlet/code", pl.col("/data/hamlets/hamlet/households").cast(pl.Int64)).iter_rows()
    )
    listed = dict(frame.filter(~pl.col("commune_code").is_in(list(silent))).select("cluster", "households").iter_rows())
    assert told == listed
