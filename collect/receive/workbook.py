"""Looks into a workbook before it is read: how large its sheets really are, and formulas that came without a result.

A sheet of two cells, A1 and XFD1048576, is 17 thousand million cells once it is a table. And a formula that a program
wrote without working it out reads as an empty cell, which nobody should take for "no answer".
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from collect.limits import Limits
from collect.problems import ExportError
from collect.receive.unpack import DAMAGE

CHUNK = 4 << 20
KEPT = 4_096  # bytes carried over to the next chunk, so that a cell cut in two is still seen
FAR_COLUMN = re.compile(rb' r="([A-Z]{3})\d')  # past ZZ, the 702nd: few sheets have one, so the search is quick
ANY_COLUMN = re.compile(rb' r="([A-Z]+)\d')
NEAR = 702
ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br="(\d+)"')
NO_RESULT = re.compile(rb"<f\b[^>]*?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")
UNWORKED_CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]+)(\d+)"[^>]*>\s*' + NO_RESULT.pattern)
ERROR = b't="e"'  # the type of a cell that holds #DIV/0! or another error, which reads as empty too
ERROR_CELL = re.compile(
    rb'<c\b(?=[^>]*\bt="e")[^>]*?\br="([A-Z]+)(\d+)"[^>]*>\s*(?:<f\b[^>]*?(?:/>|>[^<]*</f>)\s*)?<v>#'
)
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one sheet: its last row and column as numbers from 1 (0 where none is given), formulas without a result.

    An error value ("#DIV/0!") is no result.
    """

    rows: int = 0
    columns: int = 0
    formulas: int = 0


def facts_of(data: bytes, place: str, limits: Limits) -> dict[str, Facts]:
    """What each sheet of a workbook is like, by its name. Raises ExportError IN-05, IN-11, IN-47, IN-48, IN-51."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            sheets = _sheets(book)
            total = sum(info.file_size for info in book.infolist()) >> 20
            if total > limits.unpacked_megabytes:
                raise ExportError("IN-11", file=place, megabytes=total, limit=limits.unpacked_megabytes)
            found = {name: _facts(book, part, limits) for name, part in sheets.items()}
    except (*DAMAGE, KeyError, etree.XMLSyntaxError) as error:
        raise ExportError("IN-05", file=place) from error
    for name, facts in found.items():
        refuse_too_large(f"{place}/{name}", facts.rows, facts.columns, limits)
        if facts.rows * facts.columns > limits.cells:
            raise ExportError(
                "IN-51", file=f"{place}/{name}", rows=facts.rows, columns=facts.columns, limit=limits.cells
            )
    return found


def without_result(data: bytes, sheet: str) -> frozenset[tuple[int, int]]:
    """Row and column, from 0, of the formulas in a sheet that came without a result, and of error values."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        pieces = _pieces(book, _sheets(book)[sheet])
        found = [cell for piece in pieces for kind in (UNWORKED_CELL, ERROR_CELL) for cell in kind.findall(piece)]
    return frozenset((int(row) - 1, _column(column) - 1) for column, row in found)


def refuse_too_large(place: str, rows: int, columns: int, limits: Limits) -> None:
    """Raise ExportError IN-47 for too many rows, IN-48 for too many columns."""
    if rows > limits.rows:
        raise ExportError("IN-47", file=place, rows=rows, limit=limits.rows)
    if columns > limits.columns:
        raise ExportError("IN-48", file=place, columns=columns, limit=limits.columns)


def _sheets(book: zipfile.ZipFile) -> dict[str, str]:
    """Name of each sheet, and the part of the archive that holds it."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    parts = {
        one.get("Id"): "xl/" + str(one.get("Target")).removeprefix("/xl/").removeprefix("/")
        for one in etree.fromstring(book.read("xl/_rels/workbook.xml.rels"), parser)
        if isinstance(one.tag, str)
    }
    root = etree.fromstring(book.read("xl/workbook.xml"), parser)
    listed = [one for one in root.iter() if isinstance(one.tag, str) and one.tag.rpartition("}")[2] == "sheet"]
    here = set(book.namelist())
    named = {str(one.get("name")): parts.get(one.get(RELATION), "") for one in listed}
    return {name: part for name, part in named.items() if part in here}


def _facts(book: zipfile.ZipFile, part: str, limits: Limits) -> Facts:
    facts = _facts_by(book, part, FAR_COLUMN)
    near = not facts.columns and facts.rows * NEAR > limits.cells
    return _facts_by(book, part, ANY_COLUMN) if near else facts


def _facts_by(book: zipfile.ZipFile, part: str, column: re.Pattern[bytes]) -> Facts:
    rows = columns = formulas = 0
    for piece in _pieces(book, part):
        columns = max([columns, *(_column(letters) for letters in set(column.findall(piece)))])
        numbers = ROW.findall(piece, max(0, piece.rfind(b"<row")))
        rows = max([rows, *map(int, numbers)])
        if b"<f" in piece:
            formulas += len(NO_RESULT.findall(piece))
        if ERROR in piece:
            formulas += len(ERROR_CELL.findall(piece))
    return Facts(rows, columns, formulas)


def _pieces(book: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """The part in chunks that end with a whole cell, so that nothing is seen twice."""
    rest = b""
    with book.open(part) as stream:
        while chunk := stream.read(CHUNK):
            piece = rest + chunk
            end = piece.rfind(b"</c>") + len(b"</c>")
            if end < len(b"</c>"):
                end = max(0, len(piece) - KEPT)
            yield piece[:end]
            rest = piece[end:]
    yield rest


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
