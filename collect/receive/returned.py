"""Reads a spreadsheet of ours that comes back with right answers written in: only the rows that hold one.

Its columns are known by marks such as ``(phu:new)`` in their headings. It is as hostile as any other upload: its
first bytes are looked at here, and everything else happens where uploads are read.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from collect.harmless import storable
from collect.problems import ExportError
from collect.receive.letters import utf8_of
from collect.receive.manner import USUAL, Manner
from collect.receive.sheets import Cell, cell_text, heading_of
from collect.receive.unpack import XLSX_MEMBER, unpacked
from collect.receive.workbook import facts_of, refuse_too_large, without_result

MARK = re.compile(r"\(phu:(\w+)\)")
WRITTEN = "new"  # the mark of the column that people write in
NEEDLES = tuple(f"(phu:{WRITTEN})".encode(form) for form in ("utf-8", "utf-16-le", "utf-16-be"))
PROBED = 1 << 20  # bytes looked at to recognise a sheet
WORKBOOK = XLSX_MEMBER.encode()
FORMULA = "\x00formula"  # in the place of a cell that is a formula without a result; no file holds this text
ABOVE = 20  # rows of titles that may stand above the headings


@dataclass(frozen=True, slots=True)
class Returned:
    """``marks``: those of its columns. ``rows``: of each row in which something was written, the text by mark."""

    marks: tuple[str, ...]
    rows: tuple[dict[str, str], ...]


def may_be_returned(path: Path) -> bool:
    """Whether a file may be such a sheet: a CSV that holds the mark in its first bytes, or a workbook.

    A zip ends with the names of its members: those of a workbook are few, and a zip of submissions has no sheet's.
    """
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            begin = file.read(PROBED)
            file.seek(max(0, path.stat().st_size - PROBED))
            return WORKBOOK in file.read() if begin.startswith(b"PK") else any(needle in begin for needle in NEEDLES)
    except OSError:
        return False


def returned(path: Path, manner: Manner = USUAL) -> Returned | None:
    """What people wrote into a sheet; None for any other file.

    Raises
    ------
    ExportError
        IN-nn like `collect.receive.receive`, for a sheet that is damaged or larger than the limits.
    """
    if not may_be_returned(path):
        return None
    with unpacked(path, manner) as upload:
        if not upload.single:
            return None
        data = upload.members[0].read()
    if not data.startswith(b"PK"):
        return _in_csv(data, path.name, manner)
    return _in_workbook(data, path.name, manner) if _holds_mark(data) else None


def _holds_mark(data: bytes) -> bool:
    """Whether a workbook's texts begin with headings of ours."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            parts = [name for name in book.namelist() if name.endswith(("sharedStrings.xml", "sheet1.xml"))]
            return any(NEEDLES[0] in book.open(name).read(PROBED) for name in parts)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError):
        return False  # said by whoever reads it as an export


def _in_csv(data: bytes, place: str, manner: Manner) -> Returned | None:
    text = utf8_of(data, place, manner).data
    found = text.find(NEEDLES[0], 0, PROBED)
    begin = text.rfind(b"\n", 0, max(found, 0)) + 1  # titles may stand above
    if found < 0 or text.count(b"\n", 0, begin) > ABOVE:
        return None
    headings, separator = heading_of(text[begin:], place)
    refuse_too_large(place, 0, len(headings), manner.limits)
    csv.field_size_limit(4 * manner.limits.cell_characters)
    rows = csv.reader(io.StringIO(text[begin:].decode(), newline=""), delimiter=separator)
    try:
        return _found(rows, manner, place)
    except csv.Error as error:
        raise ExportError("IN-12", file=place, line=rows.line_num) from error


def _in_workbook(data: bytes, place: str, manner: Manner) -> Returned | None:
    facts = facts_of(data, place, manner.limits)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            refuse_too_large(f"{place}/{name}", sheet.total_height, sheet.total_width, manner.limits)
            unworked = without_result(data, name) if name in facts and facts[name].formulas else frozenset()
            left = (sheet.start or (0, 0))[1]  # rows are given from the first, columns from the first with anything
            cells = (_marked(row, number, left, unworked) for number, row in enumerate(sheet.iter_rows()))
            if (found := _found(cells, manner, f"{place}/{name}")) is not None:
                return found
    except PasswordError as error:
        raise ExportError("IN-04", file=place) from error
    except (CalamineError, OSError, ValueError) as error:
        raise ExportError("IN-05", file=place) from error
    return None


def _marked(row: Sequence[Cell], number: int, left: int, unworked: frozenset[tuple[int, int]]) -> Sequence[Cell]:
    """A row with its formulas that have no result named as such."""
    return (
        [FORMULA if (number, left + place) in unworked else cell for place, cell in enumerate(row)] if unworked else row
    )


def _found(rows: Iterable[Sequence[Cell]], manner: Manner, place: str) -> Returned | None:
    """The rows in which something is written, below the row that holds the mark."""
    left = iter(rows)
    marks = _marks(left)
    if marks is None:
        return None
    kept = []
    for number, row in enumerate(left, start=1):
        refuse_too_large(place, number, 0, manner.limits)
        texts = {mark: _text(cell) for mark, cell in zip(marks, row, strict=False) if mark}
        if texts.get(WRITTEN):
            kept.append(texts)
    return Returned(tuple(filter(None, marks)), tuple(kept))


def _marks(rows: Iterator[Sequence[Cell]]) -> list[str] | None:
    """The mark of each column ("" for none) from the row of headings, which is then behind us."""
    for _, row in zip(range(ABOVE + 1), rows, strict=False):
        found = [MARK.search(cell) if isinstance(cell, str) else None for cell in row]
        marks = [one.group(1) if one else "" for one in found]
        if WRITTEN in marks:
            return marks
    return None


def _text(cell: Cell) -> str:
    """A cell as an answer is written: a day that a program keeps as midnight is a day; blanks alone are nothing."""
    if isinstance(cell, datetime) and not (cell.hour or cell.minute or cell.second):
        cell = date(cell.year, cell.month, cell.day)
    text = cell_text(cell) or ""
    if text != FORMULA:
        text = storable(text)
    return text if text.strip() else ""
