"""What is read from files people really send: renamed, re-saved, labelled, doubled, cut off, or no exports at all."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from collect.forms import Choice, Form, Question, QuestionType, Section
from collect.problems import ExportError
from collect.receive import SOURCES, Received, receive
from collect.receive.sheets import cell_text
from collect.tables import FRAME

EN, VI, KM = "English (en)", "Tiếng Việt (vi)", "ភាសាខ្មែរ (km)"


def question(path: str, kind: QuestionType, en: str, vi: str, km: str, choices: str | None = None) -> Question:
    repeat = "/data/people/member" if path.startswith("/data/people/member/") else "/data"
    return Question(path, kind, repeat, labels={EN: en, VI: vi, KM: km}, choice_list=choices)


FORM = Form(
    form_id="household",
    version="3",
    title="Household survey of the province, spring round",
    root="/data",
    languages=(EN, VI, KM),
    questions=(
        question("/data/place/commune", "select_one", "Commune", "Xã", "ឃុំ", "commune"),
        question("/data/place/point", "geopoint", "Point", "Toạ độ", "ទីតាំង"),
        question("/data/visited", "date", "Day of visit", "Ngày thăm", "ថ្ងៃ"),
        question("/data/began", "dateTime", "Began", "Bắt đầu", "ចាប់ផ្តើម"),
        question("/data/signal", "select_multiple", "Which networks?", "Mạng nào?", "បណ្តាញណា?", "network"),
        question("/data/house/name", "string", "Name", "Tên", "ឈ្មោះ"),
        question("/data/owner/name", "string", "Name", "Tên", "ឈ្មោះ"),
        question("/data/people/member/age", "int", "Age", "Tuổi", "អាយុ"),
        question("/data/people/member/phone", "select_one", "Own phone", "Có điện thoại", "ទូរស័ព្ទ", "yesno"),
        question("/data/meta/instanceID", "string", "", "", ""),
    ),
    sections=(
        Section("/data/place", False, "/data", {EN: "Place", VI: "Nơi ở", KM: "ទីកន្លែង"}),
        Section("/data/house", False, "/data", {EN: "House", VI: "Nhà", KM: "ផ្ទះ"}),
        Section("/data/owner", False, "/data", {EN: "Owner", VI: "Chủ hộ", KM: "ម្ចាស់"}),
        Section("/data/people", False, "/data", {EN: "People", VI: "Người", KM: "មនុស្ស"}),
        Section("/data/people/member", True, "/data", {EN: "Member", VI: "Thành viên", KM: "សមាជិក"}),
    ),
    choices={
        "commune": (Choice("29236", {EN: "Xã Càng Long", VI: "Xã Càng Long", KM: "ឃុំ ក"}),
                    Choice("29245", {EN: "Xã Tân An", VI: "Xã Tân An", KM: "ឃុំ ខ"})),
        "network": (Choice("a", {EN: "Net A", VI: "Mạng A", KM: "ក"}),
                    Choice("ab", {EN: "Net A Net B", VI: "Mạng A Mạng B", KM: "ក ខ"}),
                    Choice("b", {EN: "Net B", VI: "Mạng B", KM: "ខ"})),
        "yesno": (Choice("1", {EN: "Yes", VI: "Có", KM: "បាទ"}), Choice("0", {EN: "No", VI: "Không", KM: "ទេ"})),
    },
)  # fmt: skip

ROOT = (
    "SubmissionDate,place-commune,place-point-Latitude,place-point-Longitude,place-point-Altitude,place-point-Accuracy,"
    "visited,began,signal,house-name,owner-name,meta-instanceID,KEY,SubmitterID,SubmitterName,AttachmentsPresent,"
    "AttachmentsExpected,Status,ReviewState,DeviceID,Edits,FormVersion\n"
)
FIRST = (
    "2026-01-02T03:00:00.000Z,29236,9.99,106.2,,4.5,2026-01-02,2026-01-02T08:00:00.000+07:00,a b,"
    '" two\nlines ",Sơn,uuid:1,uuid:1,12,ann,0,0,,approved,dev1,0,3\n'
)
SECOND = "2026-01-02T04:00:00.000Z,29245,,,,,,,,,,uuid:2,uuid:2,12,ann,0,0,,,dev1,0,3\n"
MEMBERS = (
    "age,phone,PARENT_KEY,KEY\n34,1,uuid:1,uuid:1/people/member[1]\n012,,uuid:1,uuid:1/people/member[2]\n"
    "7,0,uuid:2,uuid:2/people/member[1]\n"
)


def central(
    path: Path, root: str = ROOT + FIRST + SECOND, members: str | bytes = MEMBERS, more: dict[str, bytes] | None = None
) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("household.csv", root)
        archive.writestr("household-member.csv", members)
        for name, data in (more or {}).items():
            archive.writestr(name, data)
    return path


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    with xlsxwriter.Workbook(str(path), {"strings_to_numbers": False}) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for title, rows in sheets.items():
            sheet = book.add_worksheet(title)
            for row, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    if isinstance(cell, datetime):
                        sheet.write_datetime(row, column, cell, moment)
                    elif isinstance(cell, date):
                        sheet.write_datetime(row, column, cell, day)
                    elif cell is not None:
                        sheet.write(row, column, cell)
    return path


def at(*moment: int) -> datetime:
    """A moment as a spreadsheet cell knows it: without a zone."""
    return datetime(*moment)  # type: ignore[arg-type]  # noqa: DTZ001


def one(path: Path, **asked: str) -> Received:
    (received,) = receive(path, (FORM,), form=asked.get("form"), source=asked.get("source"))
    return received


def refused(path: Path, **asked: str) -> ExportError:
    with pytest.raises(ExportError) as caught:
        one(path, **asked)
    assert caught.value.exit_code == 11
    return caught.value


# --- Central


def test_a_central_zip_becomes_tables_by_path(tmp_path: Path) -> None:
    received = one(central(tmp_path / "any name.zip"))
    root = received.answers["/data"].to_dicts()
    assert root[0] == {
        "submission_id": "uuid:1", "row_id": "/data", "form_version": "3", "submitted_at": "2026-01-02T03:00:00.000Z",
        "submitted_by": "ann", "device_id": "dev1", "review_state": "approved", "replaces": None, "edits": 0,
        "found_in": "household.csv:2", "/data/place/commune": "29236", "/data/place/point": "9.99 106.2 0 4.5",
        "/data/visited": "2026-01-02", "/data/began": "2026-01-02T08:00:00.000+07:00", "/data/signal": "a b",
        "/data/house/name": " two\nlines ", "/data/owner/name": "Sơn", "/data/meta/instanceID": "uuid:1",
    }  # fmt: skip
    assert root[1]["/data/place/point"] is None
    assert received.answers["/data/people/member"].rows()[1] == (
        "uuid:1", "/data/people/member[2]", "/data", 2, "household-member.csv:3", "012", None,
    )  # fmt: skip
    assert received.counts == {
        "submissions": 2, "/data/people/member": 3, "repeated": 0, "unreadable": 0, "ignored": 0,
    }  # fmt: skip
    assert received.issues.height == 0


def test_a_row_whose_submission_is_missing_is_an_issue_and_no_answer(tmp_path: Path) -> None:
    received = one(central(tmp_path / "x.zip", members=MEMBERS + "5,1,uuid:9,uuid:9/people/member[1]\n6,1,,\n"))
    assert received.answers["/data/people/member"].height == 3
    assert received.unreadable == 2
    assert received.issues.select("code", "found_in").rows() == [
        ("FIL-01", "household-member.csv:5"), ("FIL-01", "household-member.csv:6"),
    ]  # fmt: skip


def test_a_column_the_form_does_not_know_is_named_and_the_rest_read(tmp_path: Path) -> None:
    root = ROOT.replace("visited,", "visited,shoe_size,") + FIRST.replace("2026-01-02,2026", "2026-01-02,41,2026")
    received = one(central(tmp_path / "x.zip", root))
    assert received.issues["code"].to_list().count("FIL-02") == 1
    assert "shoe_size" in received.issues["details"][0]
    assert received.answers["/data"]["/data/owner/name"].to_list() == ["Sơn"]


def test_a_broken_member_is_an_issue_and_the_rest_goes_on(tmp_path: Path) -> None:
    received = one(central(tmp_path / "x.zip", members=b"age,phone,PARENT_KEY,KEY\n\xff\xfe\x00bad\x00"))
    assert received.submissions == 2
    assert received.issues["code"].to_list() == ["FIL-03"]
    assert received.unreadable == 1


def test_photos_audits_and_system_files_are_passed_over(tmp_path: Path) -> None:
    extra = {"media/photo.jpg": b"\xff\xd8", "household - audit.csv": b"event,node\n", "__MACOSX/._x.csv": b"\x00"}
    assert one(central(tmp_path / "x.zip", more=extra)).submissions == 2


def test_a_folder_of_one_exports_csvs_and_a_bare_root_csv_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "household.csv").write_text(ROOT + FIRST, encoding="utf-8")
    (folder / "household-member.csv").write_text(MEMBERS[:80], encoding="utf-8")
    assert one(folder).counts["/data/people/member"] == 1
    bare = one(folder / "household.csv")
    assert (bare.source, bare.submissions) == ("central-csv", 1)


def test_split_choices_alone_become_names_and_all_zeros_are_blank(tmp_path: Path) -> None:
    root = ROOT.replace(",signal,", ",signal/b,signal/a,") + FIRST.replace(",a b,", ",1,1,") + SECOND.replace(
        "29245,,,,,,,,,,", "29245,,,,,,,0,0,,,"
    )  # fmt: skip
    received = one(central(tmp_path / "x.zip", root))
    assert received.answers["/data"]["/data/signal"].to_list() == ["a b", None]


def test_bare_names_that_collide_are_taken_in_the_order_of_the_form(tmp_path: Path) -> None:
    root = ROOT
    for group in ("place-", "house-", "owner-", "meta-"):
        root = root.replace(group, "")
    received = one(central(tmp_path / "x.zip", root + FIRST + SECOND))
    assert received.answers["/data"].select("/data/house/name", "/data/owner/name").row(0) == (" two\nlines ", "Sơn")
    assert received.issues["code"].to_list() == ["FIL-05"]


def test_a_name_used_twice_keeps_the_last_and_says_whether_they_differ(tmp_path: Path) -> None:
    changed = FIRST.replace("29236", "29245")
    received = one(central(tmp_path / "x.zip", ROOT + FIRST + SECOND + changed + SECOND))
    assert received.answers["/data"].select("submission_id", "/data/place/commune").rows() == [
        ("uuid:1", "29245"), ("uuid:2", "29245"),
    ]  # fmt: skip
    assert received.issues.select("code", "submission_id", "found_in").rows() == [
        ("ID-01", "uuid:1", "household.csv:2"), ("ID-02", "uuid:2", "household.csv:3"),
    ]  # fmt: skip


def test_a_row_without_a_name_is_named_and_the_order_stays(tmp_path: Path) -> None:
    nameless = FIRST.replace("uuid:1,uuid:1", ",")
    received = one(central(tmp_path / "x.zip", ROOT + nameless + SECOND, MEMBERS.split("\n")[0]))
    names = received.answers["/data"]["submission_id"].to_list()
    assert names[0].startswith("sha256:")
    assert names[1] == "uuid:2"
    assert received.issues.select("code", "submission_id").rows() == [("ID-03", names[0])]


def test_versions_of_one_name_do_not_mix_their_rosters(tmp_path: Path) -> None:
    changed = FIRST.replace("29236", "29245")
    later = "35,1,uuid:1,uuid:1/people/member[1]\n"
    received = one(central(tmp_path / "x.zip", ROOT + FIRST + SECOND + changed, MEMBERS + later))
    assert received.answers["/data/people/member"].select("submission_id", "/data/people/member/age").rows() == [
        ("uuid:2", "7"), ("uuid:1", "35"),
    ]  # fmt: skip


def test_a_central_edit_keeps_its_name(tmp_path: Path) -> None:
    received = one(central(tmp_path / "x.zip", ROOT + FIRST.replace("Sơn,uuid:1,", "Sơn,uuid:later,")))
    assert received.answers["/data"]["submission_id"].to_list() == ["uuid:1"]
    assert received.answers["/data"]["/data/meta/instanceID"].to_list() == ["uuid:later"]
    assert received.answers["/data/people/member"].height == 2


# --- KoboToolbox

KOBO = [
    "_id",
    "_uuid",
    "_submission_time",
    "_validation_status",
    "_submitted_by",
    "__version__",
    "meta/rootUuid",
    "_index",
]
NAMED = [
    "commune",
    "point",
    "_point_latitude",
    "_point_longitude",
    "_point_altitude",
    "_point_precision",
    "visited",
    "began",
    "signal",
    "signal/a",
    "signal/b",
    "signal/ab",
    "name",
    "name",
]
LINK = ["_index", "_parent_table_name", "_parent_index", "_submission__id", "_submission__uuid"]


def kobo(path: Path, headings: list[str], rows: list[list[object]], members: list[list[object]], age: str = "age",
         phone: str = "phone") -> Path:  # fmt: skip
    return workbook(
        path, {FORM.title[:28] + "...": [[*headings, *KOBO], *rows], "member": [[age, phone, *LINK], *members]}
    )


FACTS: list[object] = [1000, "u-1", "2026-01-02T03:00:00", "validation_status_not_approved", "ann", "v9", "", 1]


def test_a_kobo_workbook_gives_whole_numbers_dates_and_points_as_text(tmp_path: Path) -> None:
    row: list[object] = [29236, "9.99 106.2 3 4.5", "9.99", "106.2", "3", "4.5", date(2026, 1, 2),
                         at(2026, 1, 2, 8), "b a", "1", "1", "0", "Nhà", 0.1, *FACTS]  # fmt: skip
    members: list[list[object]] = [[34, 1, 1, "t", 1, 1000, "u-1"], [2.5, None, 2, "t", 1, 1000, "u-1"]]
    received = one(kobo(tmp_path / "x.xlsx", NAMED, [row], members))
    root = received.answers["/data"].to_dicts()[0]
    assert root["submission_id"] == "uuid:u-1"
    assert (root["review_state"], root["form_version"], root["submitted_by"]) == ("not_approved", "v9", "ann")
    assert [root[f"/data/{name}"] for name in ("place/commune", "place/point", "visited", "began", "signal")] == [
        "29236", "9.99 106.2 3 4.5", "2026-01-02", "2026-01-02T08:00:00", "b a",
    ]  # fmt: skip
    assert (root["/data/house/name"], root["/data/owner/name"]) == ("Nhà", "0.1")
    assert received.answers["/data/people/member"].select("row_id", "/data/people/member/age").rows() == [
        ("/data/people/member[1]", "34"), ("/data/people/member[2]", "2.5"),
    ]  # fmt: skip


@pytest.mark.parametrize("language", [EN, VI, KM])
@pytest.mark.parametrize("groups", [True, False])
def test_labels_in_any_language_become_names(tmp_path: Path, language: str, groups: bool) -> None:
    def label(path: str) -> str:
        labels = {section.path: section.labels[language] for section in FORM.sections}
        own = FORM.by_path[path].labels[language]
        above = [labels[path[:at]] for at in range(1, len(path)) if path[at] == "/" and path[:at] in labels]
        return " / ".join([*above, own]) if groups else own

    paths = [q.path for q in FORM.questions if q.repeat == "/data" and "meta" not in q.path]
    words = FORM.choices
    net = [choice.labels[language] for choice in words["network"]]
    headings = [label(path) for path in paths]
    row: list[object] = [
        words["commune"][1].labels[language],
        "1 2 3 4",
        "2026-01-02",
        "2026-01-02 08:00:00",
        f"{net[2]} {net[0]}",
        "x",
        "y",
        *FACTS,
    ]
    members: list[list[object]] = [[30, words["yesno"][0].labels[language], 1, "t", 1, 1000, "u-1"]]
    age, phone = label("/data/people/member/age"), label("/data/people/member/phone")
    received = one(kobo(tmp_path / "x.xlsx", headings, [row], members, age, phone))
    root = received.answers["/data"].to_dicts()[0]
    assert [root[path] for path in paths] == ["29245", "1 2 3 4", "2026-01-02", "2026-01-02T08:00:00", "b a", "x", "y"]
    assert received.answers["/data/people/member"]["/data/people/member/phone"].to_list() == ["1"]
    assert received.issues["code"].to_list() == ([] if groups else ["FIL-05"])


def test_labels_that_run_together_are_told_apart_by_the_choice_columns(tmp_path: Path) -> None:
    asked = "Which networks?"
    split = [f"{asked}/Net A", f"{asked}/Net B", f"{asked}/Net A Net B"]
    headings = ["Commune", asked, *split, "Day of visit", "Began", "Point"]
    rows: list[list[object]] = [
        ["Xã Tân An", "Net A Net B", "0", "0", "1", None, None, None, *FACTS],
        ["Xã Tân An", "Net A Net B", "1", "1", "0", None, None, None, 1001, "u-2", "", "", "", "", "", 2],
    ]
    received = one(kobo(tmp_path / "x.xlsx", headings, rows, []))
    assert received.answers["/data"]["/data/signal"].to_list() == ["ab", "a b"]


def test_kobo_rows_are_tied_by_submission_where_the_index_was_counted_anew(tmp_path: Path) -> None:
    base: list[object] = ["29236", *[None] * 13]
    rows = [[*base, 1001, "u-2", "", "", "", "", "", 1], [*base, 1000, "u-1", "", "", "", "", "uuid:u-0", 2]]
    members: list[list[object]] = [
        [34, 1, 1, "t", 1, 1000, "u-1"], [35, 1, 2, "t", 2, 1001, "u-2"], [36, 1, 3, "t", 7, 1009, "u-9"],
    ]  # fmt: skip
    received = one(kobo(tmp_path / "x.xlsx", NAMED, rows, members))
    tied = received.answers["/data/people/member"].select("submission_id", "/data/people/member/age")
    assert sorted(tied.rows()) == [("uuid:u-0", "34"), ("uuid:u-2", "35")]
    assert received.issues["code"].to_list() == ["FIL-05", "FIL-01"]


def test_a_submission_doubled_in_kobo_keeps_each_versions_own_roster(tmp_path: Path) -> None:
    base: list[object] = ["29236", *[None] * 13]
    rows = [[*base, 1000, "u-1", "", "", "", "", "", 1], [*base, 1001, "u-1", "", "", "", "", "", 2]]
    members: list[list[object]] = [
        [34, 1, 1, "t", 1, 1000, "u-1"], [35, 1, 2, "t", 1, 1000, "u-1"], [36, 1, 3, "t", 2, 1001, "u-1"],
    ]  # fmt: skip
    received = one(kobo(tmp_path / "x.xlsx", NAMED, rows, members))
    assert received.answers["/data/people/member"]["/data/people/member/age"].to_list() == ["36"]
    assert "ID-01" in received.issues["code"]


def test_kobo_csv_says_that_the_roster_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    lines = [[*NAMED, *KOBO], ["29236", *[""] * 13, "1000", "u-1", "", "Approved", "", "", "", "1"]]
    path.write_text("\r\n".join(";".join(f'"{cell}"' for cell in line) for line in lines), encoding="utf-8-sig")
    received = one(path)
    assert (received.source, received.submissions) == ("kobo-csv", 1)
    assert received.answers["/data"]["review_state"].to_list() == ["approved"]
    assert "FIL-04" in received.issues["code"]
    assert received.answers["/data/people/member"].height == 0


# --- submission XML

XML = (
    '<?xml version="1.0"?><h xmlns="http://x" xmlns:o="http://openrosa.org/xforms" id="{form}" version="3"><!-- c -->'
    "<place><commune>29236</commune></place><visited> </visited><unknown>1</unknown>"
    "<people><member><age>{age}</age></member><member/></people>{meta}</h>"
)
META = "<o:meta><o:instanceID>{}</o:instanceID></o:meta>"


def xml(age: object = 1, meta: str = META.format("uuid:1"), form: str = "household") -> str:
    return XML.format(age=age, meta=meta, form=form)


def test_namespaces_root_names_comments_and_empty_rows_do_not_disturb(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(xml(), encoding="utf-8")
    received = one(tmp_path / "a.xml")
    member = received.answers["/data/people/member"]
    assert member.select("submission_id", "row_id", "/data/people/member/age").rows() == [
        ("uuid:1", "/data/people/member[1]", "1"), ("uuid:1", "/data/people/member[2]", None),
    ]  # fmt: skip
    assert received.answers["/data"].select("form_version", "/data/visited", "/data/meta/instanceID").row(0) == (
        "3", None, "uuid:1",
    )  # fmt: skip
    assert received.issues.select("code", "details").rows() == [("FIL-02", '{"column": "/data/unknown"}')]


def test_a_folder_of_two_forms_gives_one_answer_each_and_names_what_is_broken(tmp_path: Path) -> None:
    other = Form("other", "1", "Other", "/data", ("",), (Question("/data/visited", "date", "/data"),), (), {})
    files = {
        "a.xml": xml(),
        "b/c.xml": xml(form="other"),
        "d.xml": "<h id='household'><a>",
        "e.xml": "<h id='?'/>",
        "form.xml": "<h:html xmlns:h='x'/>",
        "pic.jpg": "x",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    first, second = receive(tmp_path, (FORM, other))
    assert (first.form, second.form) == (FORM, other)
    assert (first.submissions, second.submissions) == (1, 1)
    assert (first.unreadable, first.ignored) == (2, 2)
    broken = first.issues.filter(pl.col("code") == "FIL-03")
    assert broken["found_in"].to_list() == ["d.xml", "e.xml"]
    assert ["IN-13" in details or "IN-17" in details for details in broken["details"]] == [True, True]


def test_a_submission_without_a_name_gets_the_same_one_every_time(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(xml(meta=""), encoding="utf-8")
    (tmp_path / "b.xml").write_text(xml(age=2, meta=""), encoding="utf-8")
    (tmp_path / "c.xml").write_text(xml(age=2, meta="<meta><instanceID/></meta>"), encoding="utf-8")
    received = one(tmp_path)
    names = received.answers["/data"]["submission_id"].to_list()
    assert len(set(names)) == 2
    assert all(name.startswith("sha256:") and len(name) == 71 for name in names)
    assert names == one(tmp_path).answers["/data"]["submission_id"].to_list()
    assert sorted(received.issues["code"]) == ["FIL-02", "ID-02", "ID-03", "ID-03", "ID-03"]
    assert received.answers["/data/people/member"].height == 4


def test_the_first_version_that_kobo_remembers_is_what_an_edit_replaces(tmp_path: Path) -> None:
    meta = "<meta><instanceID>uuid:3</instanceID>{}<rootUuid>uuid:1</rootUuid></meta>"
    (tmp_path / "a.xml").write_text(xml(meta=meta.format("")), encoding="utf-8")
    (tmp_path / "b.xml").write_text(
        xml(meta=meta.format("<deprecatedID>uuid:2</deprecatedID>").replace("3", "4")), encoding="utf-8"
    )
    assert one(tmp_path).answers["/data"]["replaces"].to_list() == ["uuid:1", "uuid:2"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<a><b></a>", "IN-13"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a id="household">&x;</a>', "IN-14"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a id="household"/>', "IN-14"),
        ('<?xml version="1.0" encoding="UTF-7"?><a id="household"/>', "IN-06"),
        ("<h id='strange'/>", "IN-17"),
        ("<h id='household' encrypted='yes'/>", "IN-16"),
        ("<h:html xmlns:h='http://www.w3.org/1999/xhtml'/>", "IN-22"),
        ("<html><body>Sign in</body></html>", "IN-21"),
        ("<!DOCTYPE html><html></html>", "IN-21"),
    ],
)
def test_xml_that_is_no_submission_is_refused_with_its_reason(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "a.xml").write_text(text, encoding="utf-8")
    assert refused(tmp_path / "a.xml").code == code


def test_entities_never_grow_and_never_reach_for_files(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "xxxxxxxxxx">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("bcdefghij", "cdefghijk", strict=True)
    )
    (tmp_path / "a.xml").write_text(bomb + "]><a id='household'><visited>&k;</visited></a>", encoding="utf-8")
    assert refused(tmp_path / "a.xml").code == "IN-14"


# --- the sampling frame


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_sampling_frame_is_recognised_and_typed(tmp_path: Path, suffix: str) -> None:
    rows: list[list[object]] = [
        ["K1", "29236", "2025-07", "01", "Ấp 1", "rural", 210, 0.5, "true"],
        ["K2", "29236", "2025-07", "02", "Ấp 2", "rural", 180, 0.25, "false"],
    ]
    table = [list[object](FRAME.schema), *rows]
    path = tmp_path / f"frame.{suffix}"
    if suffix == "xlsx":
        workbook(path, {"frame": table})
    else:
        path.write_text("\n".join(",".join(map(str, row)) for row in table), encoding="utf-8")
    received = one(path)
    assert (received.source, received.form) == ("frame", None)
    assert received.frame is not None
    assert received.frame.select("cluster", "households", "probability", "selected").rows() == [
        ("K1", 210, 0.5, True), ("K2", 180, 0.25, False),
    ]  # fmt: skip


def test_a_frame_with_faults_is_refused_naming_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "frame.csv"
    path.write_text(
        ",".join(FRAME.schema) + "\nK1,1,2025-07,,,a,many,2,true\nK1,1,2025-07,,,a,5,0.1,perhaps\n", "utf-8"
    )
    error = refused(path)
    assert error.code == "IN-18"
    for column in ("households", "probability", "selected", "cluster"):
        assert column in str(error.values["faults"])


# --- what is no export


def test_nothing_there_nothing_in_it_and_no_such_source_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "blank.csv").write_text("\n \n")
    (tmp_path / "folder").mkdir()
    assert refused(tmp_path / "absent.zip").code == "IN-01"
    assert refused(tmp_path / "empty.csv").code == "IN-02"
    assert refused(tmp_path / "blank.csv").code == "IN-02"
    assert refused(tmp_path / "folder").code == "IN-15"
    assert refused(tmp_path / "empty.csv", source="odk").code == "IN-08"
    assert refused(tmp_path / "empty.csv", form="nobody").code == "IN-24"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "IN-03"),
        (b"%PDF-1.7\n\x00\x01\x02\x03", "IN-03"),
        (struct.pack("<100I", *range(100)), "IN-03"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 600, "IN-20"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "IN-04"),
        (b"a,b,c\n1,2,3\n", "IN-09"),
        (b"PK\x03\x04 and no more", "IN-05"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    for name in ("export.csv", "export.zip", "export.xlsx"):
        (tmp_path / name).write_bytes(data)
        assert refused(tmp_path / name).code == code


def test_another_survey_of_two_hundred_columns_is_refused(tmp_path: Path) -> None:
    headings = [f"q{number}" for number in range(196)] + ["visited", "KEY", "SubmissionDate", "commune"]
    (tmp_path / "other.csv").write_text(",".join(headings) + "\n" + ",".join("1" * 200) + "\n")
    error = refused(tmp_path / "other.csv")
    assert (error.code, error.values["known"], error.values["nearest"]) == ("IN-07", 2, "household")
    assert one(tmp_path / "other.csv", form="household").submissions == 1


def test_an_encoding_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes((ROOT + FIRST.replace("\n", " ", 1).replace("Sơn", "Son\xe9")).encode("latin-1"))
    error = refused(path)
    assert (error.code, error.values["line"]) == ("IN-06", 2)


def test_utf16_and_semicolons_from_a_spreadsheet_program_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text((ROOT + SECOND).replace(",", "\t"), encoding="utf-16")
    assert one(path).submissions == 1
    path.write_text((ROOT + SECOND).replace(",", ";"), encoding="utf-8-sig")
    assert one(path).submissions == 1


def test_a_label_full_of_commas_does_not_hide_the_separator(tmp_path: Path) -> None:
    label = "Networks: A, B, C, D, E, F or\nnone, or all"
    form = replace(
        FORM, questions=(replace(FORM.questions[4], labels={EN: label}), *FORM.questions[5:7]), languages=(EN,)
    )
    path = tmp_path / "x.csv"
    path.write_text(f'"{label}";"_uuid";"_index"\r\n"Net A";"u-1";"1"\r\n', encoding="utf-8")
    (received,) = receive(path, (form,), form="household")
    assert received.answers["/data"].select("submission_id", "/data/signal").rows() == [("uuid:u-1", "a")]


def test_a_csv_cut_off_inside_a_quote_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(ROOT + SECOND + FIRST[: FIRST.index("lines")], encoding="utf-8")
    assert refused(path).code == "IN-12"


def test_rows_of_another_width_are_counted_and_the_rest_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        ROOT + SECOND + "1,2,3\n" + SECOND.replace("uuid:2", "uuid:3").strip() + ",extra\n", encoding="utf-8"
    )
    received = one(path)
    assert (received.submissions, received.unreadable) == (1, 2)
    assert received.issues["code"].to_list() == ["FIL-01"]


def test_a_zip_with_a_password_cut_off_or_full_of_air_is_refused(tmp_path: Path) -> None:
    whole = central(tmp_path / "whole.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) - 60])
    assert refused(tmp_path / "cut.zip").code == "IN-05"
    locked = bytearray(whole)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = locked.find(mark)
        locked[at + offset] |= 1
    (tmp_path / "locked.zip").write_bytes(bytes(locked))
    assert refused(tmp_path / "locked.zip").code == "IN-04"
    with zipfile.ZipFile(tmp_path / "air.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("household.csv", b"0" * (64 << 20))
    assert refused(tmp_path / "air.zip").code == "IN-11"


@pytest.mark.parametrize(
    "name", ["../household.csv", "/etc/household.csv", "a/../../household.csv", "C:\\household.csv"]
)
def test_a_zip_whose_names_climb_out_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, ROOT)
    assert refused(tmp_path / "x.zip").code == "IN-10"


def test_a_zip_that_lies_about_its_sizes_is_damaged(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("household.csv", ROOT + SECOND * 100)
    raw = bytearray(data.getvalue())
    at = raw.find(b"PK\x01\x02")
    struct.pack_into("<I", raw, at + 24, 10)  # unpacked size
    (tmp_path / "x.zip").write_bytes(bytes(raw))
    assert refused(tmp_path / "x.zip").code == "IN-05"


def test_a_damaged_workbook_is_refused(tmp_path: Path) -> None:
    whole = kobo(tmp_path / "x.xlsx", NAMED, [], []).read_bytes()
    (tmp_path / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
    assert refused(tmp_path / "cut.xlsx").code == "IN-05"


def test_a_zip_with_repeats_only_says_what_is_missing(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("household-member.csv", MEMBERS)
    assert refused(tmp_path / "x.zip").code == "IN-23"


def test_several_exports_in_one_zip_are_sent_back_rather_than_half_read(tmp_path: Path) -> None:
    kobo_csv = ";".join([*NAMED[:6], *KOBO]) + "\n"
    for name, data in (("other.csv", ROOT + SECOND), ("kobo.csv", kobo_csv), ("frame.csv", ",".join(FRAME.schema))):
        path = central(tmp_path / "x.zip", more={name: data.encode()})
        assert refused(path).code == "IN-25"


def test_answers_under_no_heading_are_not_lost_in_silence(tmp_path: Path) -> None:
    root = ROOT.replace("visited,", "visited,,") + FIRST.replace("2026-01-02,2026", "2026-01-02,stray,2026")
    received = one(central(tmp_path / "x.zip", root, MEMBERS.split("\n")[0]))
    assert received.issues.select("code", "details").rows() == [("FIL-02", '{"column": "#8"}')]


def test_a_source_can_be_insisted_on(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("commune,visited,began,signal\n29236,2026-01-02,,a\n", encoding="utf-8")
    assert refused(path).code == "IN-09"
    received = one(path, source="kobo-csv")
    assert received.answers["/data"]["/data/place/commune"].to_list() == ["29236"]
    assert "ID-03" in received.issues["code"]


def test_an_export_without_rows_is_an_answer_too(tmp_path: Path) -> None:
    received = one(central(tmp_path / "x.zip", ROOT, MEMBERS.split("\n", 1)[0] + "\n"))
    assert received.submissions == 0
    assert received.answers["/data/people/member"].columns[-1] == "/data/people/member/phone"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, None),
        ("", None),
        ("01", "01"),
        (1000.0, "1000"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "0.0000001"),
        (-2.5, "-2.5"),
        (True, "true"),
        (1e15, "1000000000000000"),
        (date(2026, 1, 2), "2026-01-02"),
        (at(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
        (time(14, 5), "14:05:00"),
    ],
)
def test_a_cell_says_what_the_device_would_have_written(cell: object, text: str | None) -> None:
    assert cell_text(cell) == text  # type: ignore[arg-type]


def test_every_reader_is_listed_by_name() -> None:
    assert list(SOURCES) == [
        "central-csv", "aggregate-csv", "surveycto-csv", "ona-csv", "kobo-xlsx", "kobo-csv", "submission-xml",
        "central-odata", "kobo-json", "template", "frame",
    ]  # fmt: skip
