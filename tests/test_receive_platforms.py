"""What is read from ODK Central's and KoboToolbox's exports, whatever was asked for: renamed, labelled, doubled."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from receive_tables import (
    EN,
    FACTS,
    FIRST,
    FORM,
    KM,
    KOBO,
    MEMBERS,
    NAMED,
    ROOT,
    SECOND,
    VI,
    at,
    central,
    kobo,
    one,
)

from collect.define import form_from_xlsform
from collect.limits import DEFAULT
from collect.problems import ExportError
from collect.receive import receive
from collect.receive.manner import Manner

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
    assert sorted(received.issues["code"]) == ["FIL-03", "FIL-04"]
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


def household(number: int, name: str, first: str, index: int) -> list[object]:
    """A row with a commune alone, and what Kobo adds; ``first``: the name before its edits."""
    return ["29236", *[None] * 13, number, name, "", "", "", "", first, index]


def test_kobo_rows_are_tied_by_submission_where_the_index_was_counted_anew(tmp_path: Path) -> None:
    rows = [household(1001, "u-2", "", 1), household(1000, "u-1", "uuid:u-0", 2)]
    members: list[list[object]] = [
        [34, 1, 1, "t", 1, 1000, "u-1"], [35, 1, 2, "t", 2, 1001, "u-2"], [36, 1, 3, "t", 7, 1009, "u-9"],
    ]  # fmt: skip
    received = one(kobo(tmp_path / "x.xlsx", NAMED, rows, members))
    tied = received.answers["/data/people/member"].select("submission_id", "/data/people/member/age")
    assert sorted(tied.rows()) == [("uuid:u-0", "34"), ("uuid:u-2", "35")]
    assert received.issues["code"].to_list() == ["FIL-05", "FIL-01"]


def test_a_submission_doubled_in_kobo_keeps_each_versions_own_roster(tmp_path: Path) -> None:
    rows = [household(1000, "u-1", "", 1), household(1001, "u-1", "", 2)]
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


def test_onas_workbook_says_what_its_csv_says(shared: Path) -> None:
    folder = shared / "exports" / "ona"
    form = form_from_xlsform(folder / "edits" / "tutorial" / "tutorial.xlsx")
    answers = []
    for name in ("good.xlsx", "good.csv"):
        (received,) = receive(folder / "dirty_imports" / name, [form], form=form)
        answers.append(received.answers[form.root].sort("submission_id"))
    assert answers[0].height == 9
    text = [one.select(list(form.by_path)).fill_null("").to_dicts() for one in answers]
    assert text[0] == text[1]


@pytest.mark.parametrize("inside", [False, True])
def test_a_cell_past_the_limit_is_named_with_its_column_alone_or_in_a_zip(tmp_path: Path, inside: bool) -> None:
    path = tmp_path / "a.csv"
    path.write_text("KEY,meta-instanceID,remark\nuuid:1,uuid:1," + "x" * 101 + "\n", "utf-8")
    if inside:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.write(path, "a.csv")
        path = tmp_path / "a.zip"
    with pytest.raises(ExportError) as error:
        receive(path, [], manner=Manner(limits=replace(DEFAULT, cell_characters=100)))
    assert (error.value.code, error.value.values["column"], error.value.values["limit"]) == ("IN-49", "remark", 100)
