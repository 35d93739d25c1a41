"""Our own template comes back as answers: what an office typed, whichever spreadsheet program it used."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from collect.define import load_form, write_template
from collect.forms import Form
from collect.problems import ExportError
from collect.receive import receive
from collect.settings import shipped_forms

HEADER_ROW = 3


@pytest.fixture(scope="module")
def household() -> Form:
    return load_form(shipped_forms() / "household")


@pytest.fixture(scope="module")
def commune() -> Form:
    return load_form(shipped_forms() / "commune")


def columns(header: list[str], cells: dict[str, Any]) -> list[Any]:
    assert set(cells) <= set(header)
    return [cells.get(name) for name in header]


def answers_for(form: Form, number: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One household with two members: keys are the template's headings."""
    relative = {part: getattr(form.design, part)[len(form.root) + 1 :] for part in ("commune", "household_size")}
    commune = form.choices[form.by_path[form.design.commune].choice_list or ""][0]
    age = form.design.age[len(form.root) + 1 :]
    root = {
        "phu:household": number,
        relative["commune"]: f"{commune.name} | {next(iter(commune.labels.values()), '')}",
        relative["household_size"]: 2,
    }
    return root, [{"phu:household": number, age: 34}, {"phu:household": number, age: "7"}]


def fill_xlsx(path: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    book = openpyxl.load_workbook(path)
    for sheet in book.worksheets:
        if sheet["A1"].value == "phu:template":
            header = [str(cell.value or "") for cell in sheet[HEADER_ROW]]
            for number, cells in enumerate(tables.get(str(sheet["D1"].value), []), HEADER_ROW + 1):
                for place, value in enumerate(columns(header, cells), 1):
                    sheet.cell(number, place, value)
    book.save(path)


def fill_zip(path: Path, tables: dict[str, list[dict[str, Any]]], delimiter: str) -> None:
    """As a spreadsheet program of this country saves it: another separator, the same rows."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            rows = list(csv.reader(io.StringIO(text, newline="")))
            header = rows[HEADER_ROW - 1]
            rows += [[str(x or "") for x in columns(header, cells)] for cells in tables.get(rows[0][3], [])]
            out = io.StringIO(newline="")
            csv.writer(out, delimiter=delimiter).writerows(rows)
            archive.writestr(name, out.getvalue().encode("utf-8-sig"))


@pytest.mark.parametrize("language", ["vi", "km", "en"])
@pytest.mark.parametrize("suffix", ["xlsx", "zip"])
def test_a_filled_template_comes_back_as_answers(tmp_path: Path, household: Form, suffix: str, language: str) -> None:
    path = write_template(household, tmp_path / f"template.{suffix}", language, blank_rows=5)
    first, members = answers_for(household, "H-01")
    second, _ = answers_for(household, "H-02")
    tables = {household.root: [first, second], household.design.roster: members}
    if suffix == "xlsx":
        fill_xlsx(path, tables)
    else:
        fill_zip(path, tables, ";")
    (received,) = receive(path, (household,))
    assert received.source == "template"
    assert received.issues["code"].to_list() == []
    root = received.answers[household.root]
    choice = household.choices[household.by_path[household.design.commune].choice_list or ""][0].name
    assert root[household.design.commune].to_list() == [choice, choice]
    assert root[household.design.household_size].to_list() == ["2", "2"]
    assert root["submission_id"].n_unique() == 2
    roster = received.answers[household.design.roster]
    assert roster[household.design.age].to_list() == ["34", "7"]
    assert roster["row_id"].to_list() == [f"{household.design.roster}[1]", f"{household.design.roster}[2]"]
    assert roster["submission_id"].to_list() == [root["submission_id"][0]] * 2


def test_a_corrected_row_is_the_same_household_and_another_commune_is_another(tmp_path: Path, household: Form) -> None:
    def name_of(cells: dict[str, Any]) -> str:
        path = write_template(household, tmp_path / "t.xlsx", "vi", blank_rows=5)
        fill_xlsx(path, {household.root: [cells]})
        (received,) = receive(path, (household,))
        return str(received.answers[household.root]["submission_id"][0])

    cells, _ = answers_for(household, "1")
    other = household.choices[household.by_path[household.design.commune].choice_list or ""][1].name
    size = household.design.household_size[len(household.root) + 1 :]
    commune = household.design.commune[len(household.root) + 1 :]
    assert name_of(cells) == name_of(cells | {size: 5})
    assert name_of(cells) != name_of(cells | {commune: other})


def test_a_row_of_no_household_is_an_issue_and_a_household_twice_is_kept_once(tmp_path: Path, household: Form) -> None:
    path = write_template(household, tmp_path / "t.xlsx", "vi", blank_rows=5)
    cells, (member, stray) = answers_for(household, "1")
    unnamed = {name: value for name, value in cells.items() if name != "phu:household"}
    tables = {
        household.root: [cells, cells, unnamed],
        household.design.roster: [member, stray | {"phu:household": "9"}],
    }
    fill_xlsx(path, tables)
    (received,) = receive(path, (household,))
    assert sorted(received.issues["code"]) == ["FIL-01", "ID-01", "ID-03"]
    assert (received.submissions, received.rows[household.design.roster], received.unreadable) == (2, 1, 1)


def test_date_cells_and_typed_dates_are_the_same_answer(tmp_path: Path, household: Form) -> None:
    day = household.design.interviewed_on[len(household.root) + 1 :]
    cells, _ = answers_for(household, "1")
    again, _ = answers_for(household, "2")
    path = write_template(household, tmp_path / "t.xlsx", "vi", blank_rows=5)
    fill_xlsx(path, {household.root: [cells | {day: date(2025, 7, 31)}, again | {day: "2025-07-31"}]})
    (received,) = receive(path, (household,))
    assert received.answers[household.root][household.design.interviewed_on].to_list() == ["2025-07-31"] * 2


def test_a_template_of_another_layout_or_an_unknown_form_is_refused(
    tmp_path: Path, household: Form, commune: Form
) -> None:
    path = write_template(household, tmp_path / "t.xlsx", "vi", blank_rows=5)
    with pytest.raises(ExportError) as caught:
        receive(path, (commune,))
    assert caught.value.code == "IN-17"
    book = openpyxl.load_workbook(path)
    for sheet in book.worksheets:
        if sheet["A1"].value == "phu:template":
            sheet["E1"] = "2"
    book.save(path)
    with pytest.raises(ExportError) as caught:
        receive(path, (household,))
    assert caught.value.code == "IN-19"
