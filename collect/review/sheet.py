"""The issues as a spreadsheet in which people write the right answers, and back from it into corrections.

Columns that are read again carry a mark such as ``(phu:new)`` in their heading, whatever the language, so the sheet may
be sorted, filtered, cut and saved by any program. Every cell is text: no program guesses a number or runs a formula.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from collect.forms import Form
from collect.harmless import harmless_cells
from collect.i18n import LANGUAGES, t
from collect.journey import Definitions
from collect.problems import ExportError
from collect.review.reviews import Correction, Outcome, correct
from collect.store import Store
from collect.wording.issues import words_of

MARK = re.compile(r"\(phu:(\w+)\)")
MARKED = ("new", "why", "given", "submission", "question", "row", "code")
COLUMNS = (  # a key of the catalogue below "issue.", its mark where it is read again, its width in characters
    ("new", "new", 22), ("reason", "why", 26), ("question", "", 34), ("given", "given", 22), ("why", "", 60),
    ("mend", "", 50), ("severity", "", 12), ("code", "code", 14), ("file", "", 24), ("found_in", "", 30),
    ("submission", "submission", 44), ("path", "question", 34), ("row", "row", 30),
)  # fmt: skip
OF_THE_ANSWER = ("TYP", "CHO", "CON", "REQ", "REL")  # families whose value is the answer at the question itself
LONGEST = 32_767  # characters Excel keeps in a cell
PROBED = 1 << 20  # bytes looked at to recognise a sheet
MOST_BYTES = 64 << 20


def write(issues: pl.DataFrame, forms: Mapping[str, Form], lang: str) -> bytes:
    """An XLSX file with one row per issue and room for the right answer.

    Parameters
    ----------
    issues
        Rows of `collect.tables.ISSUES` with two columns more: ``file`` (its name) and ``form`` (form_id).
    """
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet(t("issue.sheet", lang))
        head = book.add_format({"bold": True, "bg_color": "#1B4B7A", "font_color": "#FFFFFF", "text_wrap": True})
        text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        room = book.add_format({"num_format": "@", "bg_color": "#FFF6D6", "valign": "top"})
        for place, (name, mark, width) in enumerate(COLUMNS):
            sheet.set_column(place, place, width, room if name in ("new", "reason") else text)
            heading = t(f"issue.{name}", lang)
            sheet.write_string(0, place, f"{heading} (phu:{mark})" if mark else heading, head)
        for row, issue in enumerate(issues.iter_rows(named=True), start=1):
            for place, value in enumerate(_cells(issue, forms.get(issue["form"]), lang)):
                if value:
                    sheet.write_string(row, place, value[:LONGEST], room if place < 2 else text)
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, max(issues.height, 1), len(COLUMNS) - 1)
    return made.getvalue()


def write_csv(issues: pl.DataFrame, forms: Mapping[str, Form], lang: str) -> bytes:
    """The same as CSV, UTF-8 with a byte order mark; what could run as a formula stands after an apostrophe."""
    headings = [t(f"issue.{name}", lang) + (f" (phu:{mark})" if mark else "") for name, mark, _ in COLUMNS]
    rows = [_cells(issue, forms.get(issue["form"]), lang) for issue in issues.iter_rows(named=True)]
    table = pl.DataFrame(rows, schema=dict.fromkeys(headings, pl.String), orient="row")
    return harmless_cells(table).write_csv(include_bom=True, line_terminator="\r\n").encode()


def _cells(issue: Mapping[str, Any], form: Form | None, lang: str) -> tuple[str | None, ...]:
    label, found, mend = words_of(issue, form, lang)
    return (
        None, None, label, issue["value"], found, mend, t(f"severity.{issue['severity']}", lang), issue["code"],
        issue["file"], issue["found_in"], issue["submission_id"], issue["question"], issue["row_id"],
    )  # fmt: skip


def is_sheet(path: Path) -> bool:
    """Whether a file is such a sheet, from its first bytes: nothing is parsed, so a hostile file does no harm."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return False
        return b"(phu:new)" in _first_bytes(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return False


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        begin = file.read(PROBED)
    if not begin.startswith(b"PK"):
        return begin
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(("sharedStrings.xml", "sheet1.xml"))]
        return b"".join(archive.open(name).read(PROBED) for name in names)


def take(store: Store, definitions: Definitions, path: Path, by: str) -> list[Outcome]:
    """Make corrections of a sheet's rows that hold a right answer; say of each what became of it.

    Raises
    ------
    ExportError
        IN-01 when the file cannot be read, REV-04 when it lacks a column that is needed.
    CollectError
        REV-02 without a name.
    """
    return correct(store, definitions, corrections_in(path), by)


def corrections_in(path: Path) -> list[Correction]:
    """The rows of a sheet that hold a right answer; of one answer the last. Raises ExportError as `take` does."""
    found = {}
    for row in _rows(path):
        one = _correction(row)
        if one is not None:
            found[one.submission_id, one.row_id, one.question] = one
    return list(found.values())


def _correction(row: Mapping[str, str]) -> Correction | None:
    if not row["new"] or not row["submission"] or not row["question"]:
        return None
    blank = row["new"] in {t("correction.blank", lang) for lang in LANGUAGES}
    seen = row.get("given", "") if row.get("code", "").startswith(OF_THE_ANSWER) else None
    why = row.get("why") or row.get("code") or ""
    # a root question's row is the form's root, which an empty cell means too
    return Correction(row["submission"], row["question"], None if blank else row["new"], why, row.get("row", ""), seen)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        table = _sheet(path) if path.suffix.lower() != ".csv" else _csv(path)
    except (OSError, CalamineError, csv.Error, UnicodeDecodeError) as error:
        raise ExportError("IN-01", file=path.name, reason=type(error).__name__) from error
    heading, *rows = table or [[]]
    marks = [(found.group(1) if (found := MARK.search(_text(cell))) else "") for cell in heading]
    missing = [name for name in ("new", "submission", "question") if name not in marks]
    if missing:
        raise ExportError("REV-04", file=path.name, columns=", ".join(f"(phu:{name})" for name in missing))
    for row in rows:
        yield {mark: _text(cell) for mark, cell in zip(marks, row, strict=False) if mark in MARKED}


def _sheet(path: Path) -> list[list[Any]]:
    return CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()


def _csv(path: Path) -> list[list[Any]]:
    text = path.read_text(encoding="utf-8-sig")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))


def _text(cell: object) -> str:
    """A cell as an answer is written: 9.0 is 9, a day is ISO."""
    match cell:
        case None:
            return ""
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime() if not (cell.hour or cell.minute or cell.second):
            return cell.date().isoformat()
        case date():
            return cell.isoformat()
        case _:
            return str(cell).strip()
