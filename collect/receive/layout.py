"""Recognises what is in an upload by its bytes and its headings, never its name: people and phones rename files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from collect.forms import Form
from collect.limits import Limits
from collect.problems import ExportError
from collect.receive import documents, frames, submissions
from collect.receive.brought import lists_read_by
from collect.receive.bundles import IN_PAGES, Bundle, by_source, headed, in_book, is_export
from collect.receive.kinds import bare, kind_of
from collect.receive.letters import utf8_of
from collect.receive.recognise import has_columns_of
from collect.receive.refusals import none_read
from collect.receive.sheets import Sheet, heading_of, read_csv, read_xlsx
from collect.receive.sorting import BESIDE_FORMS, SHAPES_OR_NOTHING, XLSFORM_SHEETS, Sorted, sort
from collect.receive.unpack import Member, Upload

DOCUMENT_MEMBERS = ("word/document.xml", "ppt/presentation.xml", "mimetype")  # Word, PowerPoint, LibreOffice
TABLES = (".csv", ".xlsx", ".json")
MOST_NAMED = 5  # files in a message


@dataclass
class Look:
    """What was seen: what may be read, most likely first; what cannot be; and files that nobody knows.

    ``beside``: of another source than the one that was insisted on; whoever does so knows of them.
    """

    file: str
    upload: Upload
    bundles: list[Bundle] = field(default_factory=list)
    beside: list[Bundle] = field(default_factory=list)
    broken: list[tuple[str, ExportError]] = field(default_factory=list)  # member, and why
    left: list[Member] = field(default_factory=list)

    def none_read(self) -> ExportError:
        """Why no member could be read: all that was found, and members' names."""
        why = [
            ExportError(error.code, **{"line": 1, **error.values, "file": f"{self.file}/{member}"})
            for member, error in self.broken
        ]
        return none_read(self.file, why)

    @property
    def ignored(self) -> int:
        """How many members go to no reader and are not broken."""
        read = {one.name for bundle in (*self.bundles, *self.beside) for one in bundle.members}
        return len(self.upload.members) - len(read | {member for member, _ in self.broken})


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
        look.bundles = [_look_inside_one(look, upload.members[0], wanted)]
        return look
    _look_inside_many(look, wanted)
    if not look.bundles:
        raise _no_export(look)
    return look


def _no_export(look: Look) -> ExportError:
    """Why a folder or a zip with nothing to read in it is refused."""
    nested = [member for member, error in look.broken if error.code == "IN-64"]
    if nested and len(nested) == len(look.broken):
        return ExportError("IN-42", file=look.file, members=len(look.upload.members), member=nested[0])
    if look.broken:
        return look.none_read()
    others = [*look.left, *(member for bundle in look.beside for member in bundle.members)]
    names = [one.base for one in others if one.suffix in TABLES]
    if names:
        return ExportError("IN-53", file=look.file, tables=len(names), names=", ".join(names[:MOST_NAMED]))
    return ExportError("IN-15", file=look.file, members=len(look.upload.members))


def _look_inside_one(look: Look, member: Member, wanted: str | None) -> Bundle:
    data = member.read()
    kind = kind_of(data, look.file)
    if kind == "xml":
        return Bundle(submissions.SOURCE, [member])
    if kind == "json":
        page = documents.page_of(data, member.name)
        if page is None:
            raise ExportError("IN-31", file=look.file)
        return Bundle(wanted or page.source, [member], pages=[page])
    if wanted == submissions.SOURCE:
        raise ExportError("IN-13", file=look.file, line=1)
    manner = look.upload.manner
    if kind == "xlsx":
        sheets, source = in_book(read_xlsx(data, look.file, manner))
    else:
        sheets, source = headed([read_csv(data, look.file, member.stem, manner)], kind)
    if not (wanted or source):
        if _is_xlsform(sheets):
            raise ExportError("IN-22", file=look.file)
        columns = max((_columns(sheet.headings) for sheet in sheets), default=0)
        raise ExportError("IN-09", file=look.file, columns=columns)
    return Bundle(wanted or source, [member], sheets)


def _columns(headings: Sequence[str]) -> int:
    return sum(1 for heading in headings if heading)


def _is_xlsform(sheets: Sequence[Sheet]) -> bool:
    return {sheet.title.strip().lower() for sheet in sheets} >= XLSFORM_SHEETS


# --- several members


def _look_inside_many(look: Look, wanted: str | None) -> None:
    members, manner = look.upload.members, look.upload.manner
    look.broken += [(member, _left_out(member, *why, manner.limits)) for member, why in manner.skip.items()]
    found = sort(members, partial(_is_table, manner.forms))
    if not found.tables and any(one.name in DOCUMENT_MEMBERS for one in members):
        raise ExportError("IN-55", file=look.file)
    look.broken += found.broken
    look.left += found.left
    for bundle in sorted(_bundles(look, found, wanted), key=lambda one: one.source == frames.SOURCE):
        fits = wanted in (None, bundle.source) or {wanted, bundle.source} <= {*IN_PAGES}
        (look.bundles if fits else look.beside).append(bundle)


def _bundles(look: Look, found: Sorted, wanted: str | None) -> Iterator[Bundle]:
    """Everything that a reader may take, in the order in which it is tried (a sampling frame after all others)."""
    in_tables = wanted if wanted not in (None, submissions.SOURCE, *IN_PAGES) else None
    tables = list(_tables(look, found.tables, in_tables))
    if in_tables:
        yield from [Bundle(in_tables, [one for one, _ in tables], [sheet for _, sheet in tables])] if tables else []
    else:
        yield from by_source(tables)
    if found.xml:
        yield Bundle(submissions.SOURCE, found.xml)
    yield from _pages(look, found.pages)
    for member in found.books:
        yield from _of_book(look, member, in_tables)


def _left_out(member: str, code: str, reason: str, limits: Limits) -> ExportError:
    """Why a member that brought its reader down is left out."""
    return ExportError(code, file=member, seconds=limits.seconds, megabytes=limits.memory_megabytes, reason=reason)


def _is_table(forms: Sequence[Form], headings: Sequence[str]) -> bool:
    return is_export(headings) or has_columns_of(headings, forms)


def _tables(look: Look, members: Sequence[Member], wanted: str | None) -> Iterator[tuple[Member, Sheet]]:
    """The tables of exports among CSVs; one that is broken is written down and the rest goes on."""
    manner = look.upload.manner
    lists = lists_read_by(manner.forms) if members else ()
    for member in members:
        if member.base in lists or member.name.endswith(BESIDE_FORMS):
            continue
        try:
            data = member.read()
            kind_of(data, member.name)
            text = utf8_of(data, member.name, manner)
            headings, _ = heading_of(text.data, member.name)
            if wanted or is_export(headings):
                yield member, read_csv(text, member.name, member.stem, manner)
            else:
                _unknown(look, member, [headings])
        except ExportError as error:
            look.broken.append((member.name, error))


def _unknown(look: Look, member: Member, tables: Sequence[Sequence[str]]) -> None:
    """Tell of tables that no reader knows: a form's columns without the platform's, or who knows what."""
    asked = [headings for headings in tables if has_columns_of(headings, look.upload.manner.forms)]
    if asked:
        look.broken.append((member.name, ExportError("IN-09", file=member.name, columns=_columns(asked[0]))))
    else:
        look.left.append(member)


def _pages(look: Look, members: Sequence[Member]) -> Iterator[Bundle]:
    """The pages of JSON by source; what is broken or holds no submissions is written down and the rest goes on."""
    found: dict[str, Bundle] = {}
    for member in members:
        try:
            page = documents.page_of(member.read(), member.name)
        except ExportError as error:
            look.broken.append((member.name, error))
            continue
        if page is not None:
            bundle = found.setdefault(page.source, Bundle(page.source))
            bundle.members.append(member)
            bundle.pages.append(page)
        elif not SHAPES_OR_NOTHING.match(bare(member.start())):
            look.left.append(member)
    yield from found.values()


def _of_book(look: Look, member: Member, wanted: str | None) -> Iterator[Bundle]:
    """The sheets of a workbook; a form's definition needs no reader."""
    try:
        sheets, source = in_book(read_xlsx(member.read(), member.name, look.upload.manner))
    except ExportError as error:
        look.broken.append((member.name, error))
        return
    if wanted or source:
        yield Bundle(wanted or source, [member], sheets)
    elif not _is_xlsform(sheets):
        _unknown(look, member, [sheet.headings for sheet in sheets])
