"""Why a form has a text twin: form.md can be read, compared and merged; form.xlsx, for the field, is written from it.

``python -m collect.define forms/household`` writes form.xlsx again; the same text always gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import python_calamine
import xlsxwriter

Sheets = dict[str, list[list[str]]]  # sheet name to its rows, the header first; every cell text, "" where empty

SHEET_NAMES = ("survey", "choices", "settings", "external_choices", "entities", "osm")
WIDE = re.compile(r"^(label|hint|constraint_message|required_message|guidance_hint)(::|$)")
WIDTHS = {"type": 26, "name": 24, "relevant": 32, "constraint": 44, "calculation": 40, "choice_filter": 24}
MADE_ON = datetime(2026, 1, 1)  # noqa: DTZ001  # fixed, so that the same text gives the same file


def read_markdown(path: Path) -> Sheets:
    """Read the tables of a form in pyxform's markdown: ``| survey | | |``, then rows that begin with an empty cell.

    Text outside the tables is for people and ignored. Rows are cut or filled to the header's length.
    """
    sheets: Sheets = {}
    rows: list[list[str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if not (text.startswith("|") and text.endswith("|")):
            continue
        first, *cells = (cell.strip() for cell in text[1:-1].split("|"))
        if first in SHEET_NAMES:
            rows = sheets.setdefault(first, [])
        elif not first and any(cells) and sheets:
            width = len(rows[0]) if rows else len(cells)
            rows.append((cells + [""] * width)[:width])
    return sheets


def markdown_of(sheets: Mapping[str, Sequence[Sequence[str]]]) -> str:
    """The tables of a form as markdown, the way `read_markdown` reads them."""
    tables = []
    for name, rows in sheets.items():
        head = f"| {name} |" + " |" * (len(rows[0]) if rows else 1)
        tables.append("\n".join([head, *("| | " + " | ".join(row) + " |" for row in rows)]))
    return "\n\n".join(tables) + "\n"


def write_xlsx(sheets: Mapping[str, Sequence[Sequence[str]]], path: Path) -> None:
    """Write the sheets as a workbook to work in: header frozen, filter on, long texts wrapped, all cells text."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
        book.set_properties({"created": MADE_ON})
        head = book.add_format({"bold": True, "bg_color": "#DCE6F1", "border": 1, "valign": "top", "text_wrap": True})
        body = book.add_format({"valign": "top", "text_wrap": True, "num_format": "@"})
        part = book.add_format(
            {"valign": "top", "text_wrap": True, "num_format": "@", "bold": True, "bg_color": "#F2F2F2"}
        )
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for column, title in enumerate(rows[0]):
                sheet.set_column(column, column, 38 if WIDE.match(title) else WIDTHS.get(title, 16), body)
            for number, row in enumerate(rows):
                look = head if number == 0 else part if row[0].startswith(("begin", "end")) else body
                for column, cell in enumerate(row):
                    if cell:
                        sheet.write_string(number, column, cell, look)
                    elif look is not body:
                        sheet.write_blank(number, column, None, look)
            sheet.freeze_panes(1, 2 if name != "settings" else 0)
            sheet.autofilter(0, 0, len(rows) - 1, len(rows[0]) - 1)
            sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})


def sheets_of_xlsx(path: Path) -> Sheets:
    """Read every sheet of an XLSForm as text, as pyxform reads cells (1.0 is "1"), without empty rows at the end."""
    book = python_calamine.CalamineWorkbook.from_path(str(path))
    sheets: Sheets = {}
    for name in book.sheet_names:
        rows = [[_text(cell) for cell in row] for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)]
        while rows and not any(rows[-1]):
            rows.pop()
        width = max((place + 1 for place, title in enumerate(rows[0]) if title), default=0) if rows else 0
        sheets[name] = [row[:width] for row in rows]
    return sheets


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def write_form(folder: Path) -> Path:
    """Write ``form.xlsx`` of a form's folder from its ``form.md``, and say where."""
    target = folder / "form.xlsx"
    write_xlsx(read_markdown(folder / "form.md"), target)
    return target
