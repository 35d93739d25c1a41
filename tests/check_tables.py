"""Households written as tables, turned into answers tables, so that a test of the checks can be read and corrected."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from collect.check import Checked
from collect.define.xlsform import form_from_xlsform
from collect.forms import Design, Form
from collect.tables import ROOT_ANSWERS, ROW_ANSWERS, Answers

RESERVED = {column.name for column in (*ROOT_ANSWERS.columns, *ROW_ANSWERS.columns)}


def rows_of(table: str) -> list[dict[str, str | None]]:
    """A pipe table as one dict a row; an empty cell is None, and '·' stands for a blank that is part of the answer."""
    lines = [line.strip().strip("|") for line in table.strip().splitlines() if line.strip()]
    cells = [[cell.strip() or None for cell in line.split("|")] for line in lines if set(line) - set("|-: ")]
    header = [str(name) for name in cells[0]]
    tidy = [[None if cell is None else cell.replace("·", " ") for cell in row] for row in cells[1:]]
    return [dict(zip(header, row, strict=True)) for row in tidy]


def form_of(survey: str, design: Design | None = None, choices: str = "", settings: str = "") -> Form:
    """A form from the bare rows of an XLSForm's sheets."""
    sheets = {"survey": survey, "choices": choices, "settings": settings}
    return form_from_xlsform("\n".join(_sheet(name, rows) for name, rows in sheets.items() if rows), design)


def _sheet(name: str, rows: str) -> str:
    lines = [line.strip() for line in rows.strip().splitlines()]
    return "\n".join([f"| {name} |", *(f"| {line}" for line in lines)])


def answers_of(form: Form, root: str, **repeats: str) -> Answers:
    """Answers tables from tables in words: ``id`` names the submission, other columns are question names.

    A nested repeat says under which row of the repeat above each of its rows stands, in a column ``under``.
    """
    tables = {form.root: _frame(form, form.root, [_root_row(form, n, row) for n, row in enumerate(rows_of(root), 2)])}
    for name, text in repeats.items():
        path = next(repeat for repeat in form.repeats if repeat.rsplit("/", 1)[-1] == name)
        tables[path] = _frame(form, path, _repeat_rows(form, path, rows_of(text)))
    return Answers(tables)


def _root_row(form: Form, number: int, row: dict[str, str | None]) -> dict[str, Any]:
    fixed = {"submission_id": f"uuid:{row['id']}", "row_id": form.root, "found_in": f"answers.csv, row {number}"}
    return {**fixed, **{_path(form, form.root, name): cell for name, cell in row.items() if name != "id"}}


def _repeat_rows(form: Form, repeat: str, rows: list[dict[str, str | None]]) -> list[dict[str, Any]]:
    above = next(section.parent_repeat for section in form.sections if section.path == repeat)
    made: list[dict[str, Any]] = []
    for number, row in enumerate(rows, 2):
        under = row.pop("under", None)
        parent = form.root if under is None else f"{above}[{under}]"
        submission = f"uuid:{row.pop('id')}"
        index = 1 + sum(one["submission_id"] == submission and one["parent_row_id"] == parent for one in made)
        row_id = f"{repeat}[{index}]" if under is None else f"{parent}{repeat.removeprefix(above)}[{index}]"
        where = {"submission_id": submission, "row_id": row_id, "parent_row_id": parent, "index": index}
        cells = {_path(form, repeat, name): cell for name, cell in row.items()}
        made.append({**where, "found_in": f"member.csv, row {number}", **cells})
    return made


def _path(form: Form, repeat: str, name: str) -> str:
    if name in RESERVED:
        return name
    return next(question.path for question in form.questions_in(repeat) if question.name == name)


def _frame(form: Form, repeat: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    declared = ROOT_ANSWERS if repeat == form.root else ROW_ANSWERS
    paths = dict.fromkeys(key for row in rows for key in row if key.startswith("/"))
    return pl.DataFrame(rows, schema={**declared.schema, **dict.fromkeys(paths, pl.String())})


def found(checked: Checked, code: str) -> list[tuple[str | None, ...]]:
    """(submission, row, question) of every issue with a code, by short names."""
    issues = checked.issues.filter(pl.col("code") == code)
    return [
        (_short(s), _short(r), _short(q)) for s, r, q in issues.select("submission_id", "row_id", "question").rows()
    ]


def _short(name: str | None) -> str | None:
    return None if name is None else name.removeprefix("uuid:").rsplit("/", 1)[-1]


def details(checked: Checked, code: str) -> list[dict[str, Any]]:
    """What the issues with a code say of themselves."""
    return [json.loads(text) for text in checked.issues.filter(pl.col("code") == code)["details"]]


def codes(checked: Checked) -> list[str]:
    """All codes that were raised, once each."""
    return checked.issues["code"].unique().sort().to_list()
