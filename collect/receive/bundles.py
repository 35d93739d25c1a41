"""Puts what is read together into one bundle for one reader, told by headings: every platform has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from collect.problems import ExportError
from collect.receive import aggregate, central, documents, frames, kobo, ona, own, submissions
from collect.receive.letters import Note
from collect.receive.sheets import Sheet
from collect.receive.unpack import Member

MOST_TITLES = 5  # rows that may stand above the headings
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
KEYED = (aggregate.SURVEYCTO_SOURCE, aggregate.SOURCE, central.SOURCE)  # tables tied by KEY and PARENT_KEY
ONE_TABLE = (kobo.CSV_SOURCE, ona.SOURCE, frames.SOURCE)  # written as one table each
IN_PAGES = (documents.ODATA_SOURCE, documents.KOBO_SOURCE)


@dataclass
class Bundle:
    """The members of an upload that one reader reads together, and their tables or pages."""

    source: str
    members: list[Member] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    pages: list[documents.Page] = field(default_factory=list)

    @property
    def notes(self) -> list[Note]:
        """What was repaired in the sheets, or is doubtful."""
        return [note for sheet in self.sheets for note in sheet.notes]

    def holding_answers(self) -> Iterator[tuple[str, ExportError | None]]:
        """Members that hold submissions, as a form or an empty page does not, or that are broken."""
        empty = {page.place for page in self.pages if not page.rows}
        for member in self.members:
            try:
                if self.source == submissions.SOURCE and not submissions.is_one(member.read(), member.name):
                    continue
            except ExportError as error:
                yield member.name, error
                continue
            if member.name not in empty:
                yield member.name, None


def in_book(sheets: Sequence[Sheet]) -> tuple[list[Sheet], str]:
    """The sheets of a workbook and their source, as `headed` has it."""
    return headed([ona.rooted(sheet) for sheet in sheets], "xlsx")


def headed(sheets: list[Sheet], kind: str) -> tuple[list[Sheet], str]:
    """The sheets and their source, "" for none; where titles stand above the headings, from these on."""
    if source := source_of(sheets, kind):
        return sheets, source
    sheets = [_below_titles(sheet) for sheet in sheets]
    return sheets, source_of(sheets, kind)


def _below_titles(sheet: Sheet) -> Sheet:
    """The sheet from the first row that some reader knows for headings: titles and blank rows may stand above."""
    for row in range(1, min(MOST_TITLES, sheet.frame.height) + 1):
        lower = sheet.below(row)
        if is_export(lower.headings):
            found = ("FIL-13", {"file": sheet.place, "row": lower.first_row - 1})
            return replace(lower, notes=(*lower.notes, found))
    return sheet


def is_export(headings: Sequence[str]) -> bool:
    """Whether some reader knows these headings."""
    return any(knows(headings) for knows, _ in KNOWN_BY)


def source_of(sheets: Sequence[Sheet], kind: str) -> str:
    """Which reader knows these headings; "" for none."""
    for knows, source in KNOWN_BY:
        if any(knows(sheet.headings) for sheet in sheets):
            return AS_WRITTEN.get((source, kind), source)
    return ""


def by_source(tables: Sequence[tuple[Member, Sheet]]) -> list[Bundle]:
    """Tables by the reader that knows them; a repeat's table goes where its submissions are."""
    found: dict[tuple[str, str], Bundle] = {}
    roots = {sheet.place: sheet for _, sheet in tables if central.PARENT_KEY not in sheet.headings}
    sources = {sheet.place: source_of([sheet], "csv") for _, sheet in tables}
    keyed = {place: sheet for place, sheet in roots.items() if sources[place] in KEYED}
    for member, sheet in tables:
        source = sources[sheet.place]
        if source in KEYED and sheet.place not in roots and keyed:
            source = _source_of_root(sheet, keyed, sources)
        apart = member.name if source in ONE_TABLE else member.folder if source == own.SOURCE else ""
        bundle = found.setdefault((source, apart), Bundle(source))
        bundle.members.append(member)
        bundle.sheets.append(sheet)
    order = [AS_WRITTEN.get((source, "csv"), source) for _, source in KNOWN_BY]
    return sorted(found.values(), key=lambda one: order.index(one.source))


def _source_of_root(sheet: Sheet, roots: Mapping[str, Sheet], sources: Mapping[str, str]) -> str:
    """The source of the submissions' table that a repeat's belongs to, by its name; else its own where that has one."""
    owner = central.owner_of(sheet, list(roots.values()))
    if owner is not None:
        return sources[owner.place]
    among = [sources[place] for place in roots]
    return sources[sheet.place] if sources[sheet.place] in among else min(among, key=KEYED.index)
