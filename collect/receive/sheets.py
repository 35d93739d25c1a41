"""Reads CSV and XLSX into tables of text: a cell is never guessed to be a number, a date or a truth."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import polars as pl
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum

from collect.problems import ExportError

SEPARATORS = (",", ";", "\t", "|")
QUOTED = re.compile(r'"(?:[^"]|"")*"')
HEAD_BYTES = 1 << 20  # a header longer than this is no header
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
MIDNIGHT = time(0, 0)

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

    def below(self, heading_row: int) -> Sheet:
        """The same table with its headings ``heading_row`` rows further down."""
        headings = tuple(str(cell or "").strip() for cell in self.frame.row(heading_row - 1))
        rest = self.frame.slice(heading_row)
        return Sheet(self.place, self.title, headings, rest, self.first_row + heading_row, self.lost)


def blanks_as_null(frame: pl.DataFrame) -> pl.DataFrame:
    """The same table with null for every cell of blanks; columns without one are passed on and not copied."""
    blank = frame.select((pl.all().str.strip_chars().str.len_bytes() == 0).any())
    touched = [name for name, found in zip(blank.columns, blank.row(0), strict=True) if found] if blank.width else []
    return frame.with_columns(
        pl.when(pl.col(name).str.strip_chars().str.len_bytes() > 0).then(pl.col(name)).alias(name) for name in touched
    )


def as_utf8(data: bytes, place: str) -> bytes:
    """Text bytes as UTF-8 without mark. Raises ExportError IN-06 when they are in another encoding."""
    if data.startswith(UTF16_MARKS):
        try:
            return data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise ExportError("IN-06", file=place, line=1) from error
    return data[len(UTF8_MARK) :] if data.startswith(UTF8_MARK) else data


def heading_of(data: bytes, place: str) -> tuple[tuple[str, ...], str]:
    """The first record of a CSV and the separator it uses. Raises ExportError IN-06."""
    cut = data[:HEAD_BYTES]
    try:
        text = cut.decode("utf-8", errors="strict" if len(data) <= HEAD_BYTES else "ignore")
    except UnicodeDecodeError as error:
        raise ExportError("IN-06", file=place, line=data.count(b"\n", 0, error.start) + 1) from error
    bare = QUOTED.sub("", text).lstrip("\r\n").split("\n", 1)[0]  # a label may hold any separator, and line ends
    separator = max(SEPARATORS, key=bare.count)
    record = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
    return tuple(cell.strip() for cell in record), separator


def read_csv(data: bytes, place: str, title: str) -> Sheet:
    """A CSV (RFC 4180, any of the usual separators) as text; blank cells are null.

    Raises
    ------
    ExportError
        IN-06 for another encoding, IN-12 when a quote is never closed: the file is cut off.
    """
    data = as_utf8(data, place)
    headings, separator = heading_of(data, place)
    names = [str(number) for number in range(len(headings))]
    try:
        frame = pl.read_csv(data, separator=separator, infer_schema=False, raise_if_empty=False)
        frame.columns = names
        return Sheet(place, title, headings, blanks_as_null(frame))
    except (pl.exceptions.PolarsError, ValueError) as error:
        _refuse_encoding(data, place)
        records, lost = _records(data, separator, len(headings), place)
        if not records and lost:
            raise ExportError("IN-12", file=place, line=1) from error
        frame = pl.DataFrame(records, schema=dict.fromkeys(names, pl.String), orient="row")
        return Sheet(place, title, headings, blanks_as_null(frame), lost=lost)


def _refuse_encoding(data: bytes, place: str) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise ExportError("IN-06", file=place, line=data.count(b"\n", 0, error.start) + 1) from error


def _records(data: bytes, separator: str, width: int, place: str) -> tuple[list[list[str | None]], int]:
    """Record by record, for a file the fast reader refuses: rows of another width are left out and counted."""
    kept, lost = [], 0
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator, strict=True)
    try:
        next(reader)
        for record in reader:
            if record and len(record) == width:
                kept.append([cell or None for cell in record])
            elif record:
                lost += 1
    except csv.Error as error:
        raise ExportError("IN-12", file=place, line=reader.line_num) from error
    return kept, lost


def read_xlsx(data: bytes, place: str) -> list[Sheet]:
    """Every sheet of a workbook that holds anything, its cells as text.

    Raises
    ------
    ExportError
        IN-04 for a password, IN-05 when the workbook is damaged.
    """
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        raw = [
            (name, book.get_sheet_by_name(name).to_python(skip_empty_area=False))
            for name, kind in zip(book.sheet_names, book.sheets_metadata, strict=True)
            if kind.typ == SheetTypeEnum.WorkSheet
        ]
    except PasswordError as error:
        raise ExportError("IN-04", file=place) from error
    except (CalamineError, OSError, ValueError) as error:
        raise ExportError("IN-05", file=place) from error
    return [sheet_of(f"{place}/{name}", name, rows) for name, rows in raw if rows and any(rows[0])]


def sheet_of(place: str, title: str, rows: Sequence[Sequence[Cell]]) -> Sheet:
    """Rows of cells as a sheet of text; the first row is its headings."""
    headings = tuple((cell_text(cell) or "").strip() for cell in rows[0])
    columns = list(zip(*rows[1:], strict=True)) if len(rows) > 1 else [()] * len(headings)
    series = [
        pl.Series(str(number), [cell if type(cell) is str else cell_text(cell) for cell in column], pl.String)
        for number, column in enumerate(columns)
    ]
    return Sheet(place, title, headings, blanks_as_null(pl.DataFrame(series)))


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
    if number.is_integer():
        return str(int(number))
    short = f"{number:.15g}"  # as many digits as a spreadsheet keeps
    return short if "e" not in short else f"{number:.17f}".rstrip("0")
