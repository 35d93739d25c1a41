"""Recognises what a file is from its bytes and its headings, never from its name: people and phones rename files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from collect.limits import Limits
from collect.problems import ExportError
from collect.receive import aggregate, central, documents, frames, kobo, ona, own, submissions
from collect.receive.letters import UTF8_MARK, Note, utf8_of, wide_of
from collect.receive.manner import Manner
from collect.receive.refusals import none_read
from collect.receive.sheets import Sheet, heading_of, read_csv, read_xlsx
from collect.receive.unpack import Member, Upload

OLE_MARK = b"\xd0\xcf\x11\xe0"  # old Excel files, and new ones behind a password
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
PICTURES = re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF|ID3|OggS|....ftyp", re.DOTALL)  # sound and film too
XLSFORM_SHEETS = {"survey", "choices"}
DOCUMENT_START = b"%PDF"
DOCUMENT_MEMBERS = ("word/document.xml", "ppt/presentation.xml", "mimetype")  # Word, PowerPoint, LibreOffice
PAGE_STARTS = (b"<!doctype html", b"<html")
JSON_START = re.compile(rb'(?:\[\s*)?\{\s*(?:"|\})|\[\s*\]')  # an object, or an array of them
SNIFF_BYTES = 4096
MOST_TITLES = 5  # rows that may stand above the headings
AUDIT = " - audit.csv"
TABLES = (".csv", ".xlsx", ".json")
MOST_NAMED = 5  # files in a message
PLAIN = 0.9  # share of printable bytes that makes a table of something with NUL bytes in it
KNOWN_BY: tuple[tuple[Callable[[Sequence[str]], bool], str], ...] = (
    (own.is_own, own.SOURCE),
    (frames.is_frame, frames.SOURCE),
    (ona.is_ona, ona.SOURCE),
    (kobo.is_kobo, kobo.XLSX_SOURCE),
    (aggregate.is_surveycto, aggregate.SURVEYCTO_SOURCE),
    (aggregate.is_aggregate, aggregate.SOURCE),
    (central.is_central, central.SOURCE),
)
AS_WRITTEN = {(kobo.XLSX_SOURCE, "csv"): kobo.CSV_SOURCE, (ona.SOURCE, "xlsx"): kobo.XLSX_SOURCE}
ROOTLESS = (central.SOURCE, aggregate.SOURCE)  # what a repeat's table alone looks like


@dataclass
class Look:
    """What was seen: the source, its sheets when it is a table, and the members that could not be read."""

    file: str
    upload: Upload
    source: str = ""
    sheets: list[Sheet] = field(default_factory=list)
    pages: list[documents.Page] = field(default_factory=list)
    broken: list[tuple[str, ExportError]] = field(default_factory=list)  # member, and why
    ignored: int = 0

    def none_read(self) -> ExportError:
        """Why no member could be read: all that was found, and members' names."""
        why = [
            ExportError(error.code, **{"line": 1, **error.values, "file": f"{self.file}/{member}"})
            for member, error in self.broken
        ]
        return none_read(self.file, why)

    @property
    def notes(self) -> list[Note]:
        """What was repaired in the sheets, or is doubtful."""
        return [note for sheet in self.sheets for note in sheet.notes]


def look_at(upload: Upload, wanted: str | None) -> Look:
    """Recognise an upload, or take ``wanted`` for its source.

    Raises
    ------
    ExportError
        IN-02 to IN-06, IN-20 to IN-22 for what is wrong with the file, IN-09 when no reader knows its layout, IN-15
        when it holds nothing that could be read.
    """
    look = Look(upload.name, upload)
    if upload.single:
        _look_inside_one(look, upload.members[0], wanted)
    else:
        _look_inside_many(look, wanted)
    if not look.source and (not upload.single or look.ignored):
        raise _no_export(look)
    if not look.source:
        if {sheet.title.strip().lower() for sheet in look.sheets} >= XLSFORM_SHEETS:
            raise ExportError("IN-22", file=upload.name)
        columns = max((sum(1 for heading in sheet.headings if heading) for sheet in look.sheets), default=0)
        raise ExportError("IN-09", file=upload.name, columns=columns)
    return look


def _no_export(look: Look) -> ExportError:
    """JSON without submissions, or a folder or a zip with tables in it of which no reader knows one."""
    if look.upload.single:
        return ExportError("IN-31", file=look.file)
    names = [one.base for one in look.upload.members if one.suffix in TABLES]
    return ExportError("IN-53", file=look.file, tables=len(names), names=", ".join(names[:MOST_NAMED]))


def kind_of(data: bytes, place: str) -> str:
    """xlsx, xml, json or csv, by the first bytes. Raises ExportError naming what it is instead."""
    start = data[:SNIFF_BYTES]
    if start.startswith(b"PK"):
        return "xlsx"
    _refuse_others(data, place)
    text = utf8_of(data, place).data[:SNIFF_BYTES] if start.startswith(UTF8_MARK) or wide_of(start) else start
    bare = text.lstrip().lower()
    if not bare:
        raise ExportError("IN-03" if data.strip() else "IN-02", file=place)
    if bare.startswith(PAGE_STARTS):
        raise ExportError("IN-21", file=place)
    if bare.startswith(b"<"):
        return "xml"
    if JSON_START.match(bare):
        return "json"
    _refuse_no_text(text, place)
    return "csv"


def _refuse_others(data: bytes, place: str) -> None:
    """Raise ExportError for what is known by its first bytes and holds no answers that are read here."""
    if data.startswith(OLE_MARK):
        raise ExportError("IN-04" if ENCRYPTED_PACKAGE in data else "IN-20", file=place)
    if PICTURES.match(data):
        raise ExportError("IN-54", file=place)
    if data.startswith(DOCUMENT_START):
        raise ExportError("IN-55", file=place)


def _refuse_no_text(text: bytes, place: str) -> None:
    """Raise ExportError IN-58 for a table's text with NUL bytes in it, IN-03 for what is no text at all."""
    nothing = text.count(0)
    if nothing and _is_words(text.replace(b"\x00", b"")):
        raise ExportError("IN-58", file=place, count=nothing)
    if nothing or sum(byte < 9 or 13 < byte < 32 for byte in text) > len(text) // 50:
        raise ExportError("IN-03", file=place)


def _is_words(text: bytes) -> bool:
    """Whether most of some bytes are letters, digits and marks of a table's first lines."""
    plain = sum(32 <= byte < 127 or byte in b"\t\r\n" or byte >= 0xC2 for byte in text)
    return plain >= PLAIN * len(text) and b"\n" in text and any(sign in text for sign in (b",", b";", b"\t"))


def _look_inside_one(look: Look, member: Member, wanted: str | None) -> None:
    data = member.read()
    kind = kind_of(data, look.file)
    if kind == "xml":
        look.source = submissions.SOURCE
        return
    if kind == "json":
        _look_at_pages(look, [member], wanted)
        return
    if wanted == submissions.SOURCE:
        raise ExportError("IN-13", file=look.file, line=1)
    manner = look.upload.manner
    look.sheets = (
        [ona.rooted(sheet) for sheet in read_xlsx(data, look.file, manner)]
        if kind == "xlsx"
        else [read_csv(data, look.file, member.stem, manner)]
    )
    look.source = wanted or _source_of(look.sheets, kind)
    if not look.source:
        look.sheets = [_headed(sheet) for sheet in look.sheets]
        look.source = _source_of(look.sheets, kind)


def _headed(sheet: Sheet) -> Sheet:
    """The sheet from the first row that some reader knows for headings: titles and blank rows may stand above."""
    for row in range(1, min(MOST_TITLES, sheet.frame.height) + 1):
        lower = sheet.below(row)
        if is_export(lower.headings):
            found = ("FIL-13", {"file": sheet.place, "row": lower.first_row - 1})
            return replace(lower, notes=(*lower.notes, found))
    return sheet


def _look_at_pages(look: Look, members: Sequence[Member], wanted: str | None) -> None:
    """Read JSON files; of several, what is broken or holds no submissions is written down and the rest goes on."""
    for member in members:
        try:
            page = documents.page_of(member.read(), member.name)
        except ExportError as error:
            if look.upload.single:
                raise
            look.broken.append((member.name, error))
            continue
        if page is None:
            look.ignored += 1
        else:
            look.pages.append(page)
    look.source = wanted or (look.pages[0].source if look.pages else "")
    if len({page.source for page in look.pages}) > 1:
        raise ExportError("IN-25", file=look.file, tables=len(look.pages))


def is_export(headings: Sequence[str]) -> bool:
    """Whether some reader knows these headings."""
    return any(knows(headings) for knows, _ in KNOWN_BY)


def _source_of(sheets: Sequence[Sheet], kind: str) -> str:
    """Which reader knows these headings; "" for none."""
    for knows, source in KNOWN_BY:
        if any(knows(sheet.headings) for sheet in sheets):
            return AS_WRITTEN.get((source, kind), source)
    return ""


def _look_inside_many(look: Look, wanted: str | None) -> None:
    members = look.upload.members
    manner = look.upload.manner
    look.broken += [(member, _left_out(member, *why, manner.limits)) for member, why in manner.skip.items()]
    tables = [one for one in members if one.suffix == ".csv" and not one.name.endswith(AUDIT) and not _is_media(one)]
    xml = [one for one in members if one.suffix == ".xml"]
    books = [one for one in members if one.suffix == ".xlsx"]
    pages = [one for one in members if one.suffix == ".json"]
    ways = [(tables, _look_at_tables), (xml, _look_at_xml), (pages, _look_at_pages), (books, _look_at_books)]
    beside = [one for one in members if one.suffix == ".zip"]
    for found, looks in ways[1:] if wanted == submissions.SOURCE else ways:
        if look.source:
            beside += found
        elif found:
            looks(look, found, wanted)
    if look.source and not wanted:
        _look_beside(look, beside)
    if not look.source and look.broken:
        raise look.none_read()
    if not tables and any(one.name in DOCUMENT_MEMBERS for one in members):
        raise ExportError("IN-55", file=look.file)
    if not (tables or xml or books or pages):
        nested = next((one.name for one in members if one.suffix == ".zip"), None)
        raise ExportError("IN-42" if nested else "IN-15", file=look.file, members=len(members), member=nested)


def _look_at_xml(look: Look, _members: Sequence[Member], _wanted: str | None) -> None:
    look.source, look.sheets = submissions.SOURCE, []


def _look_at_books(look: Look, books: Sequence[Member], wanted: str | None) -> None:
    if len(books) == 1:
        _look_inside_one(look, books[0], wanted)


def _look_beside(look: Look, members: Sequence[Member]) -> None:
    """Write down what may hold answers and is not read with the rest: zips, and exports of another kind."""
    for member in members:
        try:
            if member.suffix == ".zip" and not _is_media(member):
                raise ExportError("IN-64", file=member.name)
            if not _is_media(member) and _holds_answers(member, look.upload.manner):
                raise ExportError("IN-65", file=member.name)
        except ExportError as error:
            look.broken.append((member.name, error))


def _holds_answers(member: Member, manner: Manner) -> bool:
    """Whether XML, JSON or a workbook holds submissions, as a form or a list does not. Raises ExportError."""
    if member.suffix == ".xml":
        return submissions.is_one(member.read(), member.name)
    if member.suffix == ".json":
        page = documents.page_of(member.read(), member.name)
        return page is not None and bool(page.rows)
    return bool(_source_of(read_xlsx(member.read(), member.name, manner), "xlsx"))


def _left_out(member: str, code: str, reason: str, limits: Limits) -> ExportError:
    """Why a member that brought its reader down is left out."""
    return ExportError(code, file=member, seconds=limits.seconds, megabytes=limits.memory_megabytes, reason=reason)


def _is_media(member: Member) -> bool:
    return "media/" in member.name


def _look_at_tables(look: Look, tables: Sequence[Member], wanted: str | None) -> None:
    """Read the CSVs of a zip or a folder; one that is broken is written down and the rest goes on."""
    for member in tables:
        try:
            data = member.read()
            kind_of(data, member.name)
            text = utf8_of(data, member.name, look.upload.manner)
            headings, _ = heading_of(text.data, member.name)
            if wanted or is_export(headings):
                look.sheets.append(read_csv(text, member.name, member.stem, look.upload.manner))
            else:
                look.ignored += 1
        except ExportError as error:
            look.broken.append((member.name, error))
    look.ignored += len(look.upload.members) - len(tables)
    look.source = wanted or _source_of(look.sheets, "csv")
    sources = {_source_of([sheet], "csv") for sheet in look.sheets}
    if look.source == aggregate.SURVEYCTO_SOURCE:
        sources -= {*ROOTLESS}
    single = look.source in (kobo.CSV_SOURCE, ona.SOURCE, frames.SOURCE)  # platforms write these as one table each
    if not wanted and (len(sources) > 1 or (single and len(look.sheets) > 1)):
        raise ExportError("IN-25", file=look.file, tables=len(look.sheets))
