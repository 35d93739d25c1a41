"""Reads CSV and XLSX into tables of text: a cell is never guessed to be a number, a date or a truth."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import polars as pl
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from collect.limits import Limits
from collect.problems import ExportError
from collect.receive.letters import Note, Text, in_unicode, utf8_of
from collect.receive.manner import USUAL, Manner
from collect.receive.workbook import Facts, facts_of, refuse_too_large

SEPARATORS = (",", ";", "\t", "|")
QUOTED = re.compile(r'"(?:[^"]|"")*"')
HXL_TAG = re.compile(r"#[a-z][a-z0-9_]*(?:\s*\+\s*[a-z0-9_]+)*$", re.IGNORECASE)
HEAD_BYTES = 1 << 20  # a header longer than this is no header
KEPT_DIGITS = 15  # of a number: what spreadsheet programs keep, all others become 0
EXACT_UP_TO = 2**53  # whole numbers that a double holds
CUT_AT = 32_767  # characters: where a spreadsheet program ends a cell, and cuts what is longer
ODD_LETTERS = (b"\xc2", b"\xcc", b"\xcd", "ñ".encode(), "ø".encode())  # in UTF-8 with old fonts or marks apart

Merged = Sequence[tuple[tuple[int, int], tuple[int, int]]]
Cell = str | int | float | bool | date | datetime | time | timedelta | None


@dataclass(frozen=True)
class Sheet:
    """A table as it stands in the file: ``frame`` has one text column per heading, named "0", "1", ...

    A cell with nothing but blanks in it is null; every other stands as it was sent, blanks around it too.
    ``place`` is the file, or the file and sheet; ``first_row`` is the number of the first row of ``frame`` in it.
    """

    place: str
    title: str  # the sheet's name, or the CSV's without suffix
    headings: tuple[str, ...]
    frame: pl.DataFrame
    first_row: int = 2
    lost: int = 0  # rows that did not fit the headings
    notes: tuple[Note, ...] = ()  # what was repaired or is doubtful

    @property
    def places(self) -> pl.Expr:
        """Where each row of ``frame`` stands: the sheet's place and the row's number in it."""
        numbers = pl.int_range(self.first_row, self.first_row + self.frame.height, dtype=pl.UInt32)
        return pl.concat_str(pl.lit(f"{self.place}:"), numbers.cast(pl.String))

    def below(self, heading_row: int) -> Sheet:
        """The same table with its headings ``heading_row`` rows further down."""
        headings = tuple(str(cell or "").strip() for cell in self.frame.row(heading_row - 1))
        rest = self.frame.slice(heading_row)
        return replace(self, headings=headings, frame=rest, first_row=self.first_row + heading_row)


def blanks_as_null(frame: pl.DataFrame) -> pl.DataFrame:
    """The same table with null for every cell of blanks; columns without one are passed on and not copied."""
    blank = frame.select((pl.all().str.strip_chars().str.len_bytes() == 0).any())
    touched = [name for name, found in zip(blank.columns, blank.row(0), strict=True) if found] if blank.width else []
    return frame.with_columns(
        pl.when(pl.col(name).str.strip_chars().str.len_bytes() > 0).then(pl.col(name)).alias(name) for name in touched
    )


def heading_of(data: bytes, place: str) -> tuple[tuple[str, ...], str]:
    """The first record of a CSV and the separator it uses. Raises ExportError IN-06."""
    cut = data[:HEAD_BYTES]
    try:
        text = cut.decode("utf-8", errors="strict" if len(data) <= HEAD_BYTES else "ignore")
    except UnicodeDecodeError as error:
        raise ExportError("IN-06", file=place, line=data.count(b"\n", 0, error.start) + 1) from error
    bare = QUOTED.sub("", text).lstrip("\r\n").split("\n", 1)[0]  # a label may hold any separator, and line ends
    separator = max(SEPARATORS, key=bare.count)
    csv.field_size_limit(HEAD_BYTES)
    record = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
    return tuple(cell.strip() for cell in record), separator


def read_csv(data: bytes | Text, place: str, title: str, manner: Manner = USUAL) -> Sheet:
    """A CSV (RFC 4180, any of the usual separators and encodings) as text; blank cells are null.

    Raises
    ------
    ExportError
        IN-06 and IN-41 for an encoding nobody can tell, IN-12 when a quote is never closed: the file is cut off; IN-52
        when no row is as wide as the headings; IN-47 to IN-49 when it is larger than the limits.
    """
    text = data if isinstance(data, Text) else utf8_of(data, place, manner)
    headings, separator = heading_of(text.data, place)
    refuse_too_large(place, 0, len(headings), manner.limits)
    names = [str(number) for number in range(len(headings))]
    lost: Strays = Strays()
    try:
        frame = pl.read_csv(text.data, separator=separator, infer_schema=False, raise_if_empty=False)
        frame.columns = names
    except (pl.exceptions.PolarsError, ValueError) as error:
        records, lost = _records(text.data, separator, len(headings), place, manner.limits)
        if not records and lost.rows:
            raise ExportError("IN-52", file=place, columns=len(headings), line=lost.line, cells=lost.cells) from error
        frame = pl.DataFrame(records, schema=dict.fromkeys(names, pl.String), orient="row")
    notes = (*text.notes, *lost.notes(place, len(headings)))
    sheet = Sheet(place, title, headings, frame, lost=lost.rows, notes=notes)
    odd = any(letter in text.data for letter in ODD_LETTERS)
    return _seen(_lettered(sheet, manner) if odd else sheet, manner.limits)


def _lettered(sheet: Sheet, manner: Manner) -> Sheet:
    frame, headings, notes = in_unicode(sheet.frame, sheet.headings, sheet.place, manner)
    return replace(sheet, frame=frame, headings=headings, notes=(*sheet.notes, *notes))


def _seen(sheet: Sheet, limits: Limits) -> Sheet:
    """The sheet without blanks, and with a note of cells that a spreadsheet program may have cut.

    Raises ExportError IN-47 and IN-49 for rows and cells past the limits.
    """
    refuse_too_large(sheet.place, sheet.frame.height, 0, limits)
    sheet = _without_tags(replace(sheet, frame=blanks_as_null(sheet.frame)))
    frame = sheet.frame
    longest = frame.select(pl.all().str.len_bytes().max()).row(0) if frame.height and frame.width else ()
    notes = list(sheet.notes)
    for name, heading, size in zip(frame.columns, sheet.headings, longest, strict=False):
        if size is not None and size > limits.cell_characters:
            raise ExportError("IN-49", file=sheet.place, column=heading, characters=size, limit=limits.cell_characters)
        cut = int((frame[name].str.len_chars() == CUT_AT).sum()) if size is not None and size >= CUT_AT else 0
        if cut:
            notes.append(("FIL-09", {"file": sheet.place, "column": heading, "cells": cut}))
    return replace(sheet, frame=frame, notes=tuple(notes))


@dataclass(frozen=True, slots=True)
class Strays:
    """Rows of another width than the headings: how many, where the first stands, and how many cells it has."""

    rows: int = 0
    line: int = 0
    cells: int = 0

    def and_one(self, line: int, cells: int) -> Strays:
        """These and another."""
        return replace(self, rows=self.rows + 1) if self.rows else Strays(1, line, cells)

    def notes(self, place: str, columns: int) -> tuple[Note, ...]:
        """What to say of them."""
        said = {"file": place, "rows": self.rows, "line": self.line, "cells": self.cells, "columns": columns}
        return (("FIL-15", said),) if self.rows else ()


def _records(
    data: bytes, separator: str, width: int, place: str, limits: Limits
) -> tuple[list[list[str | None]], Strays]:
    """Record by record, for a file the fast reader refuses: rows of another width are left out and counted."""
    kept, lost, begin = [], Strays(), 1
    csv.field_size_limit(4 * limits.cell_characters)
    reader = csv.reader(_lines(data.decode(), separator, place, limits), delimiter=separator, strict=True)
    try:
        next(reader)
        begin = reader.line_num + 1
        for record in reader:
            while len(record) > width and not record[-1].strip():  # separators behind the last answer
                record.pop()
            if record and len(record) == width:
                kept.append([cell or None for cell in record])
            elif record:
                lost = lost.and_one(begin, len(record))
            begin = reader.line_num + 1
    except csv.Error as error:
        raise ExportError("IN-12", file=place, line=reader.line_num) from error
    return kept, lost


def _lines(text: str, separator: str, place: str, limits: Limits) -> Iterator[str]:
    """Line by line; one that would be more cells than any table has columns is not even split."""
    for line in io.StringIO(text, newline=""):
        refuse_too_large(place, 0, line.count(separator) + 1, limits)
        yield line


def read_xlsx(data: bytes, place: str, manner: Manner = USUAL) -> list[Sheet]:
    """Every sheet of a workbook that holds anything, its cells as text.

    Raises
    ------
    ExportError
        IN-04 for a password, IN-05 when the workbook is damaged, IN-47 to IN-49 when it is larger than the limits.
    """
    facts = facts_of(data, place, manner.limits)
    sheets = []
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name, kind in zip(book.sheet_names, book.sheets_metadata, strict=True):
            if kind.typ != SheetTypeEnum.WorkSheet:
                continue
            sheet = book.get_sheet_by_name(name)
            refuse_too_large(f"{place}/{name}", sheet.total_height, sheet.total_width, manner.limits)
            rows = _below_blank(sheet.to_python(skip_empty_area=False))
            if rows:
                top = _joined_heads(rows, sheet.merged_cell_ranges or [])
                made = sheet_of(f"{place}/{name}", name, top, first_row=2 + len(rows) - len(top))
                sheets.append(_with_facts(made, facts.get(name, Facts()), kind.visible == SheetVisibleEnum.Visible))
    except PasswordError as error:
        raise ExportError("IN-04", file=place) from error
    except (CalamineError, OSError, ValueError) as error:
        raise ExportError("IN-05", file=place) from error
    return [_seen(_lettered(sheet, manner), manner.limits) for sheet in sheets]


def _without_tags(sheet: Sheet) -> Sheet:
    """The sheet without the row of HXL tags that platforms put below the headings ("#adm3+code")."""
    first = [cell for cell in sheet.frame.row(0) if cell] if sheet.frame.height else []
    if not first or not all(HXL_TAG.match(cell) for cell in first):
        return sheet
    note: Note = ("FIL-12", {"file": sheet.place, "cells": len(first)})
    return replace(sheet, frame=sheet.frame.slice(1), first_row=sheet.first_row + 1, notes=(*sheet.notes, note))


def _with_facts(sheet: Sheet, facts: Facts, visible: bool) -> Sheet:
    notes: list[Note] = list(sheet.notes)
    if facts.formulas:
        notes.append(("FIL-10", {"file": sheet.place, "cells": facts.formulas}))
    if not visible:
        notes.append(("FIL-11", {"file": sheet.place}))
    return replace(sheet, notes=tuple(notes))


def _below_blank(rows: Sequence[Sequence[Cell]]) -> Sequence[Sequence[Cell]]:
    """The rows from the first that holds anything."""
    return rows if rows and any(cell != "" for cell in rows[0]) else []


def _joined_heads(rows: Sequence[Sequence[Cell]], merged: Merged) -> Sequence[Sequence[Cell]]:
    """Rows with one row of headings, where groups stand above their questions in merged cells: "group/question"."""
    spans = {begin: end for begin, end in merged if begin[0] == 0 == end[0] and end[1] > begin[1]}
    if not spans or len(rows) < 2:
        return rows
    if sum(cell != "" for cell in rows[0]) == 1:  # one title over all of it
        return rows[1:]
    above = list(rows[0])
    for (_, first), (_, last) in spans.items():
        above[first : last + 1] = [rows[0][first]] * (last + 1 - first)
    pairs = zip(above, rows[1], strict=True)
    heads: list[Cell] = ["/".join(str(part).strip() for part in pair if part not in ("", None)) for pair in pairs]
    return [heads, *rows[2:]]


def sheet_of(place: str, title: str, rows: Sequence[Sequence[Cell]], first_row: int = 2) -> Sheet:
    """Rows of cells as a sheet of text; the first row is its headings, ``first_row`` the number of the next."""
    headings = tuple((cell_text(cell) or "").strip() for cell in rows[0])
    columns = list(zip(*rows[1:], strict=True)) if len(rows) > 1 else [()] * len(headings)
    series = [
        pl.Series(str(number), [cell if type(cell) is str else cell_text(cell) for cell in column], pl.String)
        for number, column in enumerate(columns)
    ]
    return Sheet(place, title, headings, blanks_as_null(pl.DataFrame(series)), first_row)


def cell_text(cell: Cell) -> str | None:
    """What a cell says, as an XForm would write it: no '.0' after whole numbers, dates and times in ISO 8601."""
    match cell:
        case None | "":
            return None
        case bool():
            return "true" if cell else "false"
        case float():
            return _number_text(cell)
        case datetime():
            return cell.isoformat(timespec="seconds" if cell.microsecond == 0 else "milliseconds")
        case date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell) if cell >= timedelta(days=1) else str(cell).rjust(len("00:00:00"), "0")
        case _:
            return str(cell)


def _number_text(number: float) -> str:
    """A number cell as text; where digits of it are lost, as spreadsheets show such numbers, which is told (TYP-03)."""
    if number.is_integer() and _kept_whole(number):
        return str(int(number))
    short = f"{number:.{KEPT_DIGITS}g}"
    if number.is_integer():
        return short.upper()
    return short if "e" not in short else f"{number:.17f}".rstrip("0")


def _kept_whole(number: float) -> bool:
    """Whether every digit is as it was typed: up to 15, or a 16th that a spreadsheet would have made 0."""
    return abs(number) < 10**KEPT_DIGITS or (abs(number) <= EXACT_UP_TO and int(number) % 10 != 0)
