"""Every export is read with exactly its submissions and rows, every answer equal to the submission it came from."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from collect.define import form_from_kobo_asset, form_from_xform, form_from_xlsform
from collect.forms import Form
from collect.receive import Received, receive

Submissions = dict[str, dict[str, str]]  # by submission, then by positional path: '/data/roster/member[2]/age'

CENTRAL = ("groupRepeat", "hh_vi_km", "ona_transportation", "selectMultiple", "withrepeat")
CENTRAL_LAYOUTS = ("central_default", "central_split", "central_nogroups")
KOBO = ("or_other", "customer_satisfaction", "grouped_repeatable")
KOBO_LAYOUTS = ("kobo_xml", "kobo_label", "kobo_label_hier", "kobo_xml_summary_typed")
TITLES = {
    "or_other": "Your favourite Roman emperors",
    "grouped_repeatable": "Household survey with repeatable groups",
    "customer_satisfaction": "Customer Satisfaction",
}


def said(received: Received) -> Submissions:
    """What was read, flat; meta questions are left out, they are compared as the submission's own facts."""
    assert received.form is not None
    flat: Submissions = {name: {} for name in received.answers[received.form.root]["submission_id"]}
    for repeat, frame in received.answers.items():
        for row in frame.to_dicts():
            for name, value in row.items():
                if name.startswith("/") and "/meta/" not in name and value is not None:
                    flat[row["submission_id"]][row["row_id"] + name[len(repeat) :]] = value
    return flat


def in_xml(files: Iterable[Path], form: Form) -> Submissions:
    """What the submission files say, read by another parser."""
    found: Submissions = {}
    for file in files:
        root = ET.parse(file).getroot()
        answers: dict[str, str] = {}
        _flatten(root, form.root, form.root, form, answers)
        meta = {key.rsplit("/", 1)[-1]: value for key, value in answers.items() if "/meta/" in key}
        found[meta["instanceID"]] = {key: value for key, value in answers.items() if "/meta/" not in key}
    return found


def _flatten(element: ET.Element, path: str, place: str, form: Form, answers: dict[str, str]) -> None:
    counts: dict[str, int] = {}
    for child in element:
        name = child.tag.rsplit("}", 1)[-1]
        below = f"{path}/{name}"
        number = ""
        if below in form.repeats:
            counts[below] = counts.get(below, 0) + 1
            number = f"[{counts[below]}]"
        if len(child) or below in form.repeats:
            _flatten(child, below, f"{place}/{name}{number}", form, answers)
        elif child.text and child.text.strip():
            answers[f"{place}/{name}"] = child.text


def in_api(results: list[dict[str, Any]], form: Form) -> Submissions:
    """What KoboToolbox's API says; answers carry full paths, repeats are lists."""
    found: Submissions = {}
    for result in results:
        answers: dict[str, str] = {}
        _flatten_api(result, form.root, form, answers)
        found[f"uuid:{result['_uuid']}"] = answers
    return found


def _flatten_api(node: Mapping[str, Any], place: str, form: Form, answers: dict[str, str]) -> None:
    above = len(re.sub(r"\[\d+\]", "", place))
    for key, value in node.items():
        path = f"{form.root}/{key}"
        if path in form.repeats:
            for number, row in enumerate(value, 1):
                _flatten_api(row, f"{place}{path[above:]}[{number}]", form, answers)
        elif path in form.by_path and value is not None and "/meta/" not in path:
            answers[place + path[above:]] = str(value)


def kobo_form(folder: Path) -> Form:
    asset = json.loads((folder / "kobo_asset_versions.json").read_text(encoding="utf-8"))[-1]
    return form_from_kobo_asset(
        asset["content"],
        form_id=asset.get("id_string", folder.name),
        version_id=asset.get("version", ""),
        title=TITLES[folder.name],
    )


@pytest.mark.parametrize("layout", CENTRAL_LAYOUTS)
@pytest.mark.parametrize("name", CENTRAL)
def test_a_central_export_says_what_its_submissions_say(shared: Path, name: str, layout: str) -> None:
    folder = shared / "exports" / "central_generated" / name
    form = form_from_xform((folder / "form.xml").read_bytes())
    (received,) = receive(folder / f"{layout}.csv.zip", (form,))
    expected = in_xml(folder.glob("sub_*.xml"), form)
    assert said(received) == expected
    assert received.unreadable == 0
    assert received.source == "central-csv"
    assert set(received.issues["code"]) <= {"ID-02", "FIL-05"}
    rows = {(name, place[0]) for name, one in expected.items() for key in one if (place := re.match(r".*\](?=/)", key))}
    assert sum(received.rows.values()) == len(rows)


def test_a_submission_that_stands_twice_in_an_export_counts_once(shared: Path) -> None:
    folder = shared / "exports" / "central_generated" / "ona_transportation"
    form = form_from_xform((folder / "form.xml").read_bytes())
    (received,) = receive(folder / "central_default.csv.zip", (form,))
    assert received.submissions + received.repeated == len(list(folder.glob("sub_*.xml"))) == 10
    assert received.issues["code"].to_list() == ["ID-02"]


@pytest.mark.parametrize("name", CENTRAL)
def test_a_folder_of_submission_xml_says_what_each_file_says(shared: Path, name: str) -> None:
    folder = shared / "exports" / "central_generated" / name
    form = form_from_xform((folder / "form.xml").read_bytes())
    (received,) = receive(folder, (form,), source="submission-xml")
    assert said(received) == in_xml(folder.glob("sub_*.xml"), form)
    assert {Path(str(name)).suffix for name in received.issues.filter(code="FIL-03")["found_in"]} == {".zip"}, "exports"
    for file in folder.glob("sub_*.xml"):
        (one,) = receive(file, (form,))
        assert said(one) == in_xml([file], form)


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
@pytest.mark.parametrize("layout", KOBO_LAYOUTS)
@pytest.mark.parametrize("name", KOBO)
def test_a_kobo_export_says_what_the_api_says(shared: Path, name: str, layout: str, suffix: str) -> None:
    """CSV holds no repeats. Typed exports lose the milliseconds of instants, in XLSX the time zone too."""
    folder = shared / "exports" / "kobo_formpack_generated" / name
    form = kobo_form(folder)
    (received,) = receive(folder / f"{layout}.{suffix}", (form,))
    expected = in_api(json.loads((folder / "api_v2_results.json").read_text(encoding="utf-8")), form)
    if suffix == "csv":
        expected = {
            key: {place: answer for place, answer in answers.items() if "]" not in place}
            for key, answers in expected.items()
        }
        assert ("FIL-04" in received.issues["code"]) == (len(form.repeats) > 1)
    found = said(received)
    if "typed" in layout:
        found, expected = coarse(found, form, zone=suffix == "csv"), coarse(expected, form, zone=suffix == "csv")
    assert found == expected
    assert set(received.issues["code"]) <= {"FIL-04"}
    assert received.unreadable == 0


def coarse(submissions: Submissions, form: Form, *, zone: bool) -> Submissions:
    """Instants to the second, and without their zone where the export has none."""
    instants = {question.path for question in form.questions if question.type == "dateTime"}

    def less(answer: str) -> str:
        moment = datetime.fromisoformat(answer).replace(microsecond=0)
        return (moment if zone else moment.replace(tzinfo=None)).isoformat()

    return {
        name: {place: less(answer) if place in instants else answer for place, answer in answers.items()}
        for name, answers in submissions.items()
    }


def test_edited_submissions_say_which_they_replace(shared: Path) -> None:
    folder = shared / "exports" / "ona" / "edits" / "tutorial"
    form = form_from_xlsform(folder / "tutorial.xlsx")
    files = sorted((folder / "instances").glob("*.xml"))
    first, edited, again = "729f173c688e482486a48661700455ff", "2d8c59eb-94e9-485d-a679-b28ffe2e9b98", "6e3a2d84"
    (received,) = receive(folder / "instances", (form,), form=form)
    assert said(received) == in_xml(sorted(files, key=lambda file: file.name), form)
    root = received.answers[form.root]
    replaced = dict(zip(root["submission_id"], root["replaces"], strict=True))
    assert replaced[f"uuid:{first}"] is None
    assert replaced[f"uuid:{edited}"] == f"uuid:{first}"
    assert next(old for new, old in replaced.items() if new.startswith(f"uuid:{again}")) == f"uuid:{edited}"
    assert received.issues["code"].to_list() == ["ID-01"]  # two files bear the first edit's id and differ


@pytest.mark.parametrize(
    ("name", "rows"),
    [("nested-repeats", {"/data/g1": 3, "/data/g1/g2": 4, "/data/g1/g2/g3": 5}), ("all-data-types", {})],
)
def test_submissions_pulled_by_briefcase_are_read_whole(shared: Path, name: str, rows: dict[str, int]) -> None:
    folder = shared / "exports" / "briefcase" / name
    form = form_from_xform((folder / f"{name}.xml").read_bytes())
    (received,) = receive(folder / f"{name}-submission.xml", (form,))
    assert said(received) == in_xml([folder / f"{name}-submission.xml"], form)
    assert dict(received.rows) == rows
    root = received.answers[form.root]
    assert root["submitted_at"][0].startswith("2018-")


def test_a_nested_row_knows_its_place_and_the_row_above_it(shared: Path) -> None:
    folder = shared / "exports" / "briefcase" / "nested-repeats"
    form = form_from_xform((folder / "nested-repeats.xml").read_bytes())
    (received,) = receive(folder / "nested-repeats-submission.xml", (form,))
    deepest = received.answers["/data/g1/g2/g3"]
    assert deepest["row_id"].to_list()[-1] == "/data/g1[3]/g2[1]/g3[4]"
    assert deepest["parent_row_id"].to_list()[-1] == "/data/g1[3]/g2[1]"
    assert deepest["index"].to_list() == [1, 1, 2, 3, 4]


@pytest.mark.parametrize("name", CENTRAL)
def test_odata_with_its_repeats_says_what_its_submissions_say(shared: Path, name: str) -> None:
    folder = shared / "exports" / "central_generated" / name
    form = form_from_xform((folder / "form.xml").read_bytes())
    (received,) = receive(folder / "odata_expand_all.json", (form,))
    (csv,) = receive(folder / "central_default.csv.zip", (form,))
    assert received.source == "central-odata"
    assert said(received) == in_xml(folder.glob("sub_*.xml"), form)
    assert dict(received.rows) == dict(csv.rows)
    facts = ["submission_id", "form_version", "submitted_at", "submitted_by", "device_id", "review_state"]
    assert (
        received.answers[form.root].select(facts).sort(facts).equals(csv.answers[form.root].select(facts).sort(facts))
    )
    assert set(received.issues["code"]) <= {"ID-02"}


def test_odata_without_its_repeats_says_that_they_are_missing(shared: Path, tmp_path: Path) -> None:
    folder = shared / "exports" / "central_generated" / "hh_vi_km"
    form = form_from_xform((folder / "form.xml").read_bytes())
    tables = json.loads((folder / "odata_tables.json").read_text(encoding="utf-8"))
    context = "https://central.example/v1/projects/1/forms/hh_survey.svc/$metadata#Submissions"
    page = {"value": tables["Submissions"], "@odata.context": context}
    (tmp_path / "page.json").write_text(json.dumps(page), encoding="utf-8")
    (received,) = receive(tmp_path / "page.json", (form,))
    assert received.submissions == 1
    assert received.issues["code"].to_list() == ["FIL-04"]


def test_an_encrypted_row_of_odata_is_no_household(shared: Path, tmp_path: Path) -> None:
    folder = shared / "exports" / "central_generated" / "withrepeat"
    form = form_from_xform((folder / "form.xml").read_bytes())
    page = json.loads((folder / "odata_expand_all.json").read_text(encoding="utf-8"))
    page["value"][0]["__system"]["status"] = "notDecrypted"
    (tmp_path / "page.json").write_text(json.dumps(page), encoding="utf-8")
    (received,) = receive(tmp_path / "page.json", (form,))
    assert (received.submissions, received.unreadable) == (2, 1)
    assert received.issues["code"].to_list() == ["FIL-03"]


@pytest.mark.parametrize("name", KOBO)
def test_kobos_api_says_what_its_workbook_says(shared: Path, name: str) -> None:
    folder = shared / "exports" / "kobo_formpack_generated" / name
    form = kobo_form(folder)
    (received,) = receive(folder / "api_v2_results.json", (form,))
    (workbook,) = receive(folder / "kobo_xml.xlsx", (form,))
    assert received.source == "kobo-json"
    for repeat, frame in received.answers.items():
        assert frame.drop("found_in").equals(workbook.answers[repeat].drop("found_in"))
    assert received.issues["code"].to_list() == []


@pytest.mark.parametrize(
    ("file", "rows"),
    [("tutorial_w_repeats", 2), ("tutorial_w_repeats_import", 6), ("expected_tutorial_w_repeats", 2)],
)
def test_onas_wide_csv_is_folded_back_into_rows(shared: Path, file: str, rows: int) -> None:
    folder = shared / "exports" / "ona" / "tutorial_w_repeats"
    form = form_from_xlsform(folder / "tutorial_w_repeats.xlsx")
    (received,) = receive(folder / f"{file}.csv", (form,))
    assert received.source == "ona-csv"
    assert dict(received.rows) == {"/data/children": rows}
    assert received.issues["code"].to_list() == []
    if rows == 2:
        (expected,) = in_xml([folder / "tutorial_w_repeats.xml"], form).values()
        assert said(received) == {"uuid:b31c6ac2-b8ca-4180-914f-c844fa10ed3b": expected}


def test_briefcases_csv_says_what_its_submission_says(shared: Path, tmp_path: Path) -> None:
    folder = shared / "exports" / "briefcase" / "nested-repeats"
    form = form_from_xform((folder / "nested-repeats.xml").read_bytes())
    with zipfile.ZipFile(tmp_path / "nested.zip", "w") as archive:
        for file in folder.glob("*.csv.expected"):
            archive.write(file, file.name.removesuffix(".expected"))
    (received,) = receive(tmp_path / "nested.zip", (form,))
    assert received.source == "aggregate-csv"
    assert said(received) == in_xml([folder / "nested-repeats-submission.xml"], form)
    assert dict(received.rows) == {"/data/g1": 3, "/data/g1/g2": 4, "/data/g1/g2/g3": 5}
    assert received.answers[form.root]["submitted_at"].to_list() == ["2018-02-01T11:35:19"]


def test_english_dates_of_every_kind_become_iso(shared: Path, tmp_path: Path) -> None:
    """Briefcase writes no zone: an instant's is lost."""
    folder = shared / "exports" / "briefcase" / "all-data-types"
    form = form_from_xform((folder / "all-data-types.xml").read_bytes())
    shutil.copy(folder / "all-data-types.csv.expected", tmp_path / "all.csv")
    (received,) = receive(tmp_path / "all.csv", (form,))
    (expected,) = in_xml([folder / "all-data-types-submission.xml"], form).values()
    (found,) = said(received).values()
    assert {place for place, answer in found.items() if expected[place] != answer} == {
        "/data/some_time",
        "/data/some_date_time",
    }
    assert (found["/data/some_time"], found["/data/some_date_time"]) == ("08:56:00", "2018-04-26T08:56:00")


def test_aggregates_tables_are_tied_by_their_keys(shared: Path, tmp_path: Path) -> None:
    folder = shared / "exports" / "surveycto_aggregate" / "odkmeta_165" / "165"
    form = form_from_xlsform(
        "| survey | | | |\n| | type | name | label |\n| | integer | age | Age |\n"
        "| | begin repeat | lindseyrepeat | Siblings |\n| | integer | age2 | Age |\n| | end repeat | | |\n"
    )
    with zipfile.ZipFile(tmp_path / "odkmeta.zip", "w") as archive:
        for file in folder.glob("odkmetatest165*.csv"):
            archive.write(file, file.name)
    (received,) = receive(tmp_path / "odkmeta.zip", (form,))
    assert (received.submissions, dict(received.rows)) == (3, {"/data/lindseyrepeat": 4})
    ages = received.answers["/data/lindseyrepeat"]
    assert ages.select("row_id", "/data/lindseyrepeat/age2").rows()[:3] == [
        ("/data/lindseyrepeat[1]", "24"),
        ("/data/lindseyrepeat[2]", "22"),
        ("/data/lindseyrepeat[3]", "20"),
    ]
