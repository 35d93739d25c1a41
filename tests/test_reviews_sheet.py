"""The spreadsheet of issues goes out and comes back: on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path

import openpyxl
import polars as pl
import pytest
import xlsxwriter
from check_tables import form_of
from click.testing import CliRunner
from field_office import DESIGN, SETTINGS, SURVEY, Office, corrected, correction, listed, uuids

from collect import registry
from collect.cli import main
from collect.i18n import t
from collect.keeping import ledger
from collect.limits import DEFAULT
from collect.problems import ExportError
from collect.receive.returned import may_be_returned
from collect.review import sheet as correction_sheet
from collect.review.outstanding import outstanding
from collect.review.reviews import Filters, correct, decide, queue
from collect.settings import settings_from

CHOICES_SAID = """
    | list_name | name | label::English (en) | label::Tiếng Việt (vi) |
    | yn        | yes  | Yes                 | Có                     |
    | yn        | no   | None                | Không                  |
    | yn        | both | Both                | Cả hai                 |
    | yn        | x    | Other               | Khác                   |
    | yn        | z    | Different           | Khác                   |
"""


def sheet(office: Office, tmp_path: Path, lang: str = "en") -> Path:
    """The issues of everything received, as the app hands them out."""
    parts = [part["upload_id"] for part in registry.parts_of(office.store.engine)]
    issues = pl.concat([office.store.read_part("hh", "issues", upload) for upload in parts])
    path = tmp_path / "issues.xlsx"
    named = issues.with_columns(file=pl.lit("a.xml"), form=pl.lit("hh"))
    path.write_bytes(correction_sheet.write(named, {"hh": office.form}, lang))
    return path


def fill(path: Path, answers: dict[str, str | int]) -> Path:
    """Write right answers beside questions, and save the sheet as a spreadsheet program does."""
    book = openpyxl.load_workbook(path)
    cells = book.worksheets[0]
    place = {
        mark: column for column, cell in enumerate(cells[1], 1) for mark in re.findall(r"phu:(\w+)", str(cell.value))
    }
    for row in range(2, cells.max_row + 1):
        question = str(cells.cell(row, place["question"]).value).rsplit("/", 1)[-1]
        if question in answers:
            cells.cell(row, place["new"], answers[question])
    book.save(path)
    return path


@pytest.mark.parametrize("lang", ["vi", "km", "en"])
def test_right_answers_come_back_in_the_downloaded_sheet(office: Office, tmp_path: Path, lang: str) -> None:
    office.send("| id | size | fibre |\n| a | 99 | maybe |", [{"age": "134"}])
    path = fill(sheet(office, tmp_path, lang), {"size": 1, "fibre": "yes", "age": "34"})
    outcomes = correction_sheet.take(office.store, office.definitions, path, "Lan") or []
    assert [one.result for one in outcomes] == ["applied"] * 3
    assert listed(office) == {"a": "received"}
    assert {entry.by for entry in ledger.entries(office.store)} == {"Lan"}


def test_a_sheet_is_told_what_changed_meanwhile_and_what_does_not_fit(office: Office, tmp_path: Path) -> None:
    office.send("| id | size | fibre |\n| a | 99 | maybe |")
    path = fill(sheet(office, tmp_path), {"size": "31", "fibre": "no"})
    corrected(office, correction("a", "fibre", "yes"))
    outcomes = correction_sheet.take(office.store, office.definitions, path, "Lan") or []
    told = {outcome.correction.question: (outcome.result, outcome.code) for outcome in outcomes}
    assert told == {"/data/size": ("breaks_rule", "CON-01"), "/data/fibre": ("changed_meanwhile", "")}


def test_a_sheet_saved_as_csv_by_an_office_with_semicolons_is_read_too(office: Office, tmp_path: Path) -> None:
    office.send("| id | size |\n| a | 99 |", [{"age": "30"}] * 9)
    path = tmp_path / "back.csv"
    path.write_text(
        "\ufeffRight answer (phu:new);S (phu:submission);Q (phu:question)\n9;uuid:a;/data/size\n;x;y\n", "utf-8"
    )
    outcomes = correction_sheet.take(office.store, office.definitions, path, "Lan") or []
    assert [one.result for one in outcomes] == ["applied"]


def test_a_dry_run_judges_as_storing_does_and_writes_nothing(office: Office, tmp_path: Path) -> None:
    office.send("| id | size | fibre |\n| a | 99 | maybe |\n| b | 3 | maybe |")
    path = fill(sheet(office, tmp_path), {"size": "31", "fibre": "no"})
    corrected(office, correction("a", "fibre", "yes"))
    found = correction_sheet.corrections_in(path, office.store.settings) or []
    tried = correct(office.store, office.definitions, found, "", dry_run=True)
    assert len(ledger.entries(office.store)) == 1
    stored = correct(office.store, office.definitions, found, "Lan")
    assert [(one.result, one.code, one.form) for one in tried] == [(one.result, one.code, one.form) for one in stored]
    assert sorted(one.result for one in stored) == ["applied", "breaks_rule", "changed_meanwhile"]


def test_the_command_line_tries_a_sheet_and_writes_nothing(office: Office, tmp_path: Path) -> None:
    office.send("| id | size |\n| a | 99 |", [{"age": "30"}] * 9)
    path = fill(sheet(office, tmp_path), {"size": "9"})
    where = office.store.settings
    environment = {"COLLECT_DATA": str(where.data), "COLLECT_DATABASE": where.database, "COLLECT_GEO_MIRROR": ""}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collect.commands.shared.Session.definitions", lambda _session: office.definitions)
        said = CliRunner().invoke(main, ["--lang", "en", "add", "--dry-run", str(path)], env=environment)
    assert (said.exit_code, "would be corrected: 1;" in said.output) == (0, True)
    assert ledger.entries(office.store) == []


@pytest.mark.parametrize(
    ("written", "answer"),
    [("Yes", "yes"), (" yes ", "yes"), ("CÓ", "yes"), ("co\u0301", "yes"), ("no", "no"), ("Cả  hai", "both")],
)
def test_what_a_choice_says_in_any_language_is_taken_as_that_choice(tmp_path: Path, written: str, answer: str) -> None:
    labelled = form_of(SURVEY, DESIGN, CHOICES_SAID, SETTINGS)
    office = Office(tmp_path, form=labelled)
    office.send("| id | fibre |\n| a | maybe |")
    assert corrected(office, correction("a", "fibre", written)) == [("applied", "")]
    assert [entry.new for entry in ledger.entries(office.store)] == [answer]
    office.close()


def test_what_two_choices_say_names_none_of_them(tmp_path: Path) -> None:
    office = Office(tmp_path, form=form_of(SURVEY, DESIGN, CHOICES_SAID, SETTINGS))
    office.send("| id | fibre |\n| a | maybe |")
    ((result, _),) = corrected(office, correction("a", "fibre", "Khác"))
    assert result == "breaks_rule"
    office.close()


def test_an_answer_is_made_blank_by_saying_so(office: Office, tmp_path: Path) -> None:
    office.send("| id | remark |\n| a | x |")
    path = tmp_path / "back.csv"
    path.write_text("a (phu:new),b (phu:submission),c (phu:question)\n(blank),uuid:a,/data/remark\n", "utf-8")
    correction_sheet.take(office.store, office.definitions, path, "Lan")
    assert [entry.new for entry in ledger.entries(office.store)] == [None]


def test_a_sheet_without_what_is_needed_stops_with_words(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "back.csv"
    path.write_text("a (phu:new),b\n9,uuid:a\n", "utf-8")
    with pytest.raises(ExportError) as error:
        correction_sheet.take(office.store, office.definitions, path, "Lan")
    assert error.value.code == "REV-04"


def test_an_answer_that_looks_like_a_formula_stays_text_in_the_sheet(office: Office, tmp_path: Path) -> None:
    office.send("| id | fibre |\n| a | =1+1 |")
    cells = openpyxl.load_workbook(sheet(office, tmp_path)).worksheets[0]
    given = [cell for row in cells.iter_rows() for cell in row if cell.value == "=1+1"]
    assert [(cell.data_type, cell.number_format) for cell in given] in ([("s", "@")], [("f", "@")])
    assert b"<f>" not in zipfile.ZipFile(tmp_path / "issues.xlsx").read("xl/worksheets/sheet1.xml")


def test_a_right_answer_typed_as_a_formula_is_not_corrected_and_told(office: Office, tmp_path: Path) -> None:
    office.send("| id | size | fibre |\n| a | 99 | maybe |")
    path = fill(sheet(office, tmp_path), {"size": "=2+3", "fibre": "yes"})
    outcomes = correction_sheet.take(office.store, office.definitions, path, "Lan") or []
    assert {one.correction.question: one.result for one in outcomes} == {
        "/data/size": "formula",
        "/data/fibre": "applied",
    }


def test_a_right_answer_that_is_an_error_is_not_corrected_and_told(office: Office, tmp_path: Path) -> None:
    office.send("| id | size | fibre |\n| a | 99 | maybe |")
    path = tmp_path / "back.xlsx"
    with xlsxwriter.Workbook(str(path)) as made:
        cells = made.add_worksheet()
        cells.write_row(0, 0, ["s (phu:submission)", "q (phu:question)", "n (phu:new)", "w (phu:why)"])
        cells.write_row(1, 0, ["uuid:a", "/data/size", "", "x"])
        cells.write_formula(1, 2, "=1/0", None, "#DIV/0!")
    outcomes = correction_sheet.take(office.store, office.definitions, path, "Lan") or []
    assert [one.result for one in outcomes] == ["formula"]


@pytest.mark.parametrize("mark", ["why", "submission", "row"])
@pytest.mark.parametrize("cell", ["=B1", "#NAME?"])
def test_a_formula_beside_the_right_answer_is_told_and_never_written_down(
    office: Office, tmp_path: Path, mark: str, cell: str
) -> None:
    office.send("| id | size | fibre |\n| a | 99 | maybe |")
    book = openpyxl.load_workbook(fill(sheet(office, tmp_path), {"size": "9", "fibre": "yes"}))
    cells = book.worksheets[0]
    marks = {str(one.value).rpartition("phu:")[2].rstrip(")"): place for place, one in enumerate(cells[1], 1)}
    asked = next(row for row in range(2, cells.max_row + 1) if cells.cell(row, marks["new"]).value == "9")
    cells.cell(asked, marks[mark], cell)
    book.save(tmp_path / "back.xlsx")
    outcomes = correction_sheet.take(office.store, office.definitions, tmp_path / "back.xlsx", "Lan") or []
    results = {one.correction.new: one.result for one in outcomes}
    refused = "unknown_submission" if mark == "submission" else "unknown_question" if mark == "row" else "formula"
    assert results == {None: refused, "yes": "applied"}
    assert "\0" not in repr(outcomes)


def test_no_text_with_a_nul_comes_into_the_ledger(office: Office, tmp_path: Path) -> None:
    office.send("| id | size | fibre |\n| a | 99 | maybe |")
    path = tmp_path / "back.csv"
    path.write_text("n (phu:new),s (phu:submission),q (phu:question),w (phu:why)\n9,uuid:a,/data/size,by\0phone\n")
    outcomes = correction_sheet.take(office.store, office.definitions, path, "Lan") or []
    corrected(office, replace(correction("a", "fibre", "yes"), why="a\0b"))
    assert [one.result for one in outcomes] == ["applied"]
    written = ledger.entries(office.store)
    assert [one.why for one in written] == ["by\ufffdphone", "a\ufffdb"]
    assert ledger.CHAIN.first_break(written) is None


def test_the_same_sheet_again_asks_for_nothing(office: Office, tmp_path: Path) -> None:
    office.send("| id | size | fibre |\n| a | 99 | maybe |")
    path = fill(sheet(office, tmp_path), {"size": "9", "fibre": "yes"})
    results = [
        {one.result for one in correction_sheet.take(office.store, office.definitions, path, "Lan") or []}
        for _ in range(2)
    ]
    assert results == [{"applied"}, {"no_change"}]
    assert len(ledger.entries(office.store)) == 2


@pytest.mark.parametrize(
    ("rows", "told", "now"),
    [
        (["uuid:a,/data/size,1,x", "uuid:a,/data/size,2,y"], ["contradictory"] * 2, {}),
        (["uuid:a,/data/size,1,x", "uuid:a,/data/size,1,y"], ["applied"], {"/data/size": "1"}),
        (
            ["uuid:a,/data/size,1,x", "uuid:a,/data/fibre,yes,x", "uuid:a,/data/size,-,y"],
            ["contradictory", "applied", "contradictory"],
            {"/data/fibre": "yes"},
        ),
    ],
    ids=["two answers", "the same answer twice", "an answer and a blank, and another question"],
)
def test_two_right_answers_for_one_question_are_both_named_and_neither_is_taken(
    office: Office, tmp_path: Path, rows: list[str], told: list[str], now: dict[str, str]
) -> None:
    office.send("| id | size | fibre |\n| a | 99 | maybe |", [{"age": "34"}])
    path = tmp_path / "back.csv"
    heading = "s (phu:submission),q (phu:question),n (phu:new),w (phu:why)"
    blank = t("correction.blank", "en")
    path.write_text("\n".join([heading, *(row.replace(",-,", f",{blank},") for row in rows)]) + "\n", "utf-8")
    outcomes = correction_sheet.take(office.store, office.definitions, path, "Lan") or []
    assert [one.result for one in outcomes] == told
    assert {entry.question: entry.new for entry in ledger.entries(office.store)} == now


def test_the_sheet_of_what_is_stored_holds_what_is_wrong_now_and_is_taken_back(office: Office, tmp_path: Path) -> None:
    office.send("| id | size | fibre |\n| a | 99 | maybe |\n| b | 3 | maybe |\n| c | 3 | maybe |")
    corrected(office, correction("b", "fibre", "yes"))
    decide(office.store, uuids("c"), "rejected", "never visited", "Lan")
    listed_now = queue(office.store, office.definitions, Filters(states=("with_issues",)))
    found = outstanding(office.store, office.definitions, listed_now)
    assert {row[0] for row in found.select("submission_id").rows()} == {"uuid:a"}
    path = tmp_path / "issues.xlsx"
    path.write_bytes(correction_sheet.write(found, {"hh": office.form}, "vi"))
    fill(path, {"fibre": "no"})
    outcomes = correction_sheet.take(office.store, office.definitions, path, "Lan") or []
    assert [(one.correction.submission_id, one.result) for one in outcomes] == [("uuid:a", "applied")]


def test_titles_may_stand_above_the_sheet(office: Office, tmp_path: Path) -> None:
    office.send("| id | size |\n| a | 99 |", [{"age": "30"}] * 9)
    path = fill(sheet(office, tmp_path), {"size": 9})
    book = openpyxl.load_workbook(path)
    book.worksheets[0].insert_rows(1, 3)
    book.worksheets[0]["B2"] = "Điều tra tháng 11"
    book.save(path)
    outcomes = correction_sheet.take(office.store, office.definitions, path, "Lan") or []
    assert [one.result for one in outcomes] == ["applied"]


@pytest.mark.parametrize("answer", [" maybe", "maybe\t", "\t=1+1", "=1+1", "'=1+1", "two\nlines "])
@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_an_answer_with_blanks_or_signs_at_its_ends_is_put_right_by_the_sheet(
    tmp_path: Path, answer: str, kind: str
) -> None:
    office = Office(tmp_path)
    part = office.store.part("hh", "answers", office.send("| id | size |\n| a | 3 |").upload_id)
    pl.read_parquet(part).with_columns(pl.lit(answer).alias("/data/fibre")).write_parquet(part)
    place = {"submission_id": "uuid:a", "question": "/data/fibre", "row_id": "/data", "found_in": "a.xml"}
    issue = {"code": "CHO-01", "severity": "error", **place, "value": answer, "details": "", "file": "a", "form": "hh"}
    writer = correction_sheet.write if kind == "xlsx" else correction_sheet.write_csv
    path = tmp_path / f"issues.{kind}"
    path.write_bytes(writer(pl.DataFrame([issue]), {"hh": office.form}, "en"))
    if kind == "xlsx":
        fill(path, {"fibre": "yes"})
    else:
        heading, rest = path.read_bytes().split(b"\r\n", 1)
        path.write_bytes(heading + b"\r\nyes" + rest)
    outcomes = correction_sheet.take(office.store, office.definitions, path, "Lan") or []
    assert [one.result for one in outcomes] == ["applied"]
    office.close()


@pytest.mark.parametrize(
    ("limit", "rows", "code"), [({"rows": 100}, 101, "IN-47"), ({"memory_megabytes": 200}, 1_500_000, "REV-06")]
)
def test_a_sheet_larger_than_the_limits_is_refused_and_takes_nothing_down(
    tmp_path: Path, limit: dict[str, int], rows: int, code: str
) -> None:
    path = tmp_path / "bomb.xlsx"
    _tiny_rows(path, rows)
    settings = replace(settings_from({}), limits=replace(DEFAULT, **limit), apart=True)
    with pytest.raises(ExportError) as error:
        correction_sheet.corrections_in(path, settings)
    assert error.value.code == code


def _tiny_rows(path: Path, rows: int) -> None:
    """A workbook with the headings of an issue sheet over many rows of next to nothing."""
    book = openpyxl.Workbook()
    book.worksheets[0].append([f"x (phu:{mark})" for mark in ("new", "submission", "question")])
    book.save(path)
    with zipfile.ZipFile(path) as made:
        parts = {name: made.read(name) for name in made.namelist()}
    row = b"<row><c><v>1</v></c><c><v>1</v></c><c><v>1</v></c></row>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in parts.items():
            before, _, after = data.partition(b"</sheetData>")
            archive.writestr(name, before + row * rows + b"</sheetData>" + after if after else data)


def test_a_zip_of_submissions_is_never_read_as_a_sheet(tmp_path: Path) -> None:
    """Whatever stops its reader is then told of an upload, not of an issue spreadsheet."""
    with zipfile.ZipFile(tmp_path / "day.zip", "w") as archive:
        archive.writestr("a.xml", "<data/>")
    assert not may_be_returned(tmp_path / "day.zip")
    _tiny_rows(tmp_path / "sheet.xlsx", 1)
    assert may_be_returned(tmp_path / "sheet.xlsx")


@pytest.mark.parametrize("name", ["export.xlsx", "words.csv", "archive.zip", "folder"])
def test_other_files_are_no_sheet(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif name == "archive.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", "x (phu:new)\n1\n")
    elif name == "words.csv":
        path.write_text("id,remark\n" + "1,x\n" * 30 + '2,"they wrote (phu:new) here"\n', "utf-8")
    else:
        book = openpyxl.Workbook()
        book.worksheets[0].append(["id", "size"])
        book.save(path)
    assert correction_sheet.corrections_in(path, settings_from({"COLLECT_WORKER": "off"})) is None


@pytest.mark.parametrize(("round_", "made_up"), [("demo-2026", "true"), ("2026-1", "false")])
def test_the_csv_of_a_command_says_in_every_row_whether_it_is_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, round_: str, made_up: str
) -> None:
    office = Office(tmp_path)
    office.send(f"| id | size | round |\n| a | 99 | {round_} |", [{"age": "134"}])
    monkeypatch.setattr("collect.commands.shared.Session.definitions", lambda _session: office.definitions)
    environment = {"COLLECT_DATA": str(office.store.folder), "COLLECT_DATABASE": "", "COLLECT_GEO_MIRROR": ""}
    done = CliRunner().invoke(main, ["review", "issues", "--to", str(tmp_path / "back.csv")], env=environment)
    rows = pl.read_csv(tmp_path / "back.csv", infer_schema=False)
    assert (done.exit_code, rows.columns[-1]) == (0, "made_up"), done.output
    assert rows["made_up"].unique().to_list() == [made_up]
    assert rows.height > 1
    office.close()
