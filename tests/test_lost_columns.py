"""A column that an export lost is told once for the file, not in every row that lacks its answer."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from check_tables import form_of
from pages_opened import page_of_app
from shipped import version_of
from streamlit.testing.v1 import AppTest

from collect.i18n import LANGUAGES, t
from collect.i18n.figures import counted
from collect.intake import Asked, Receipt, add_file
from collect.journey import Definitions
from collect.review.outstanding import outstanding
from collect.review.reviews import Correction, correct, queue
from collect.review.sheet import write_csv
from collect.store import Store
from collect.tables import FOLLOWS
from collect.wording.issues import words_of
from collect.wording.receipts import receipt_data, receipt_lines

FORM = form_of(
    """
    | type    | name | label::Tiếng Việt (vi) | label::ខ្មែរ (km) | label::English (en) | required | relevant   |
    | text    | who  | Ai?                    | អ្នកណា?           | Who?                | yes      |            |
    | integer | size | Bao nhiêu người?       | ប៉ុន្មាននាក់?     | How many people?    | yes      |            |
    | text    | net  | Mạng nào?              | បណ្តាញណា?         | Which network?      | yes      | ${size} > 3 |
    | text    | note | Ghi chú                | កំណត់ចំណាំ        | Remarks             |          |            |
    """,
    settings="| form_id | version |\n| lost | 1 |",
)
DEFINITIONS = Definitions((FORM,), (), ())
HEAD = "SubmissionDate,meta-instanceID,{0},KEY,FormVersion\n"
ROW = "2026-11-21T08:00:00.000Z,uuid:{0},{1},uuid:{0},1\n"


def handed_in(store: Store, tmp_path: Path, columns: str, *rows: str) -> Receipt:
    path = tmp_path / "lost.csv"
    lines = [ROW.format(number, row) for number, row in enumerate(rows, 1)]
    path.write_text(HEAD.format(columns) + "".join(lines), encoding="utf-8")
    return add_file(store, path, DEFINITIONS, Asked("Lan"))


def outstanding_of(store: Store) -> pl.DataFrame:
    return outstanding(store, DEFINITIONS, queue(store, DEFINITIONS))


def told(receipt: Receipt) -> list[tuple[str, str, str]]:
    rows = receipt.parts[0].issues.filter(~FOLLOWS).select("submission_id", "code", "question").rows()
    return [(submission or "file", code, (question or "").rsplit("/", 1)[-1]) for submission, code, question in rows]


def test_a_required_column_that_is_gone_is_told_once_with_how_many_answers_are_missing(
    store: Store, tmp_path: Path
) -> None:
    receipt = handed_in(store, tmp_path, "who,net,note", *["Sơn,a,x"] * 5)
    issues = receipt.parts[0].issues
    assert told(receipt) == [("file", "FIL-16", "size")]
    (lost,) = issues.filter(code="FIL-16").iter_rows(named=True)
    assert json.loads(lost["details"]) == {"followed": 5, "column": "size"}
    rows = issues.filter(code="REQ-01")
    assert rows.height == 5, "every row is marked, and stays in the table"
    assert {json.loads(one)["follows"] for one in rows["details"]} == {"FIL-16"}
    assert receipt.parts[0].with_issues == 5


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_words_name_the_column_the_question_and_what_to_do(store: Store, tmp_path: Path, lang: str) -> None:
    receipt = handed_in(store, tmp_path, "who,net,note", "Sơn,a,x", "Hoa,b,")
    (lost,) = receipt.parts[0].issues.filter(code="FIL-16").iter_rows(named=True)
    label, found, mend = words_of(lost, FORM, lang)
    assert "size" in found
    assert label in FORM.by_path["/data/size"].labels.values()
    assert "2" in found
    assert "…" not in found + mend


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_row_that_lacks_the_column_says_so_and_sends_nobody_to_a_household(
    store: Store, tmp_path: Path, lang: str
) -> None:
    """On every screen, and in the sheet, where its cause does not stand beside it."""
    receipt = handed_in(store, tmp_path, "who,net,note", "Sơn,a,x")
    row = receipt.parts[0].issues.filter(code="REQ-01").row(0, named=True)
    told = words_of(row, FORM, lang)[1:]
    assert told == (t("follows.FIL-16.found", lang, column="size"), t("follows.FIL-16.mend", lang))
    sheet = write_csv(outstanding_of(store), {"lost": FORM}, lang).decode("utf-8-sig")
    assert "FIL-16" not in sheet
    assert t("REQ-01.mend", lang) not in sheet
    for words in told:
        assert words.replace('"', '""') in sheet


def test_the_receipt_counts_what_follows_with_its_cause_and_machines_have_every_issue(
    store: Store, tmp_path: Path
) -> None:
    receipt = handed_in(store, tmp_path, "who,net,note", *["Sơn,a,x"] * 5)
    lines = "\n".join(receipt_lines(receipt, "en"))
    assert "FIL-16 × 1" in lines
    assert "(5 follow)" in lines
    assert "no column “size” for this required question: 5 answers are missing" in lines
    assert t("FIL-16.mend", "en") in lines
    assert "REQ-01" not in lines
    (part,) = receipt_data(receipt)["parts"]
    assert {one["code"]: one["issues"] for one in part["issues"]} == {"FIL-16": 1, "REQ-01": 5}
    lost = {"code": "FIL-16", "question": "/data/size", "details": {"followed": 5, "column": "size"}, "issues": 1}
    assert part["of_the_file"] == [lost]
    whole = receipt.parts[0].issues.with_columns(file=pl.lit("lost.csv"), form=pl.lit("lost"))
    assert write_csv(whole, {"lost": FORM}, "vi").decode("utf-8-sig").count("REQ-01") == 5


@pytest.mark.parametrize(
    ("columns", "rows", "expected"),
    [
        ("who,size,net", ["Sơn,4,a", "Hoa,2,"], []),  # nobody demands remarks
        ("who,size,note", ["Sơn,2,x", "Hoa,3,"], []),  # nobody was asked which network
        ("who,size,net,note", ["Sơn,,,x", "Hoa,,,"], [("uuid:1", "REQ-01", "size"), ("uuid:2", "REQ-01", "size")]),
        ("who,size,note", ["Sơn,2,x", "Hoa,4,"], [("file", "FIL-16", "net")]),
    ],
    ids=["not demanded", "not asked", "there and blank", "asked of one"],
)
def test_only_a_column_whose_answers_are_missed_is_told(
    store: Store, tmp_path: Path, columns: str, rows: list[str], expected: list[tuple[str, str, str]]
) -> None:
    assert told(handed_in(store, tmp_path, columns, *rows)) == expected


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_lists_causes_and_counts_what_follows(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    monkeypatch.setenv("COLLECT_DATA", str(store.folder))
    monkeypatch.setenv("COLLECT_DATABASE", store.settings.database)
    columns = "start,end,today,consent,interview-interviewer,household-size,household-electricity"
    answers = "2026-11-20T08:00:00Z,2026-11-20T08:30:00Z,2026-11-20,yes,DEMO-11,4,grid"
    rows = [ROW.format(number, answers).replace(",1\n", f",{version_of('household')}\n") for number in range(3)]
    app = page_of_app("upload", lang)
    app.file_uploader[0].upload("household.csv", "".join([HEAD.format(columns), *rows]).encode(), "text/csv").run()
    assert not app.exception
    lost = [one for one in collected(app) if "FIL-16" in one]
    assert lost
    assert "REQ-01" not in "".join(collected(app))
    assert counted("upload.issues.follow", 3 * len(lost), lang) in [one.value for one in app.caption]


def collected(app: AppTest) -> list[str]:
    """The rows of the issues on the page."""
    return [row for one in app.get("html") for row in one.proto.body.split("<tr")[1:]]


def test_an_interview_put_right_otherwise_still_lacks_the_column_and_not_by_its_own_fault(
    store: Store, tmp_path: Path
) -> None:
    from collect.review.corrections import amended
    from collect.review.standing import standing

    receipt = handed_in(store, tmp_path, "who,net,note", "Sơn,a,x", "Hoa,b,")
    asked = [Correction("uuid:1", "/data/who", "Sang", "x"), Correction("uuid:2", "/data/size", "4", "asked again")]
    assert {one.result for one in correct(store, DEFINITIONS, asked, "Lan")} == {"applied"}
    issues = amended(store, FORM, standing(store, "lost"))[receipt.upload_id].frames["issues"]
    (left,) = issues.filter(code="REQ-01").iter_rows(named=True)
    assert (left["submission_id"], json.loads(left["details"])["follows"]) == ("uuid:1", "FIL-16")
