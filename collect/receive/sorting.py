"""Sorts the members of an upload by what they are, so that none of them is passed over without a word.

Each goes to a reader, or belongs there and needs none (photos, sound, notes), or is told: with the reason why it cannot
be read, or as one of those of which nobody knows what they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from collect.problems import ExportError
from collect.receive.central import KEY
from collect.receive.kinds import kind_of, seems
from collect.receive.letters import utf8_of
from collect.receive.sheets import heading_of
from collect.receive.submissions import SEALED, STILL_SEALED, is_one
from collect.receive.unpack import Member

NOTES = (".txt", ".md", ".rst", ".log", ".html", ".htm", ".url", ".md5", ".sha256", ".ini", ".properties")
BESIDE_FORMS = ("audit.csv", " - audit.csv", "itemsets.csv")  # how names end: what a device noted, lists of a form
SHAPES_OR_NOTHING = re.compile(rb'\{.{0,200}?"type"\s*:\s*"(feature|topology)|[\[{]\s*[\]}]\s*$', re.DOTALL)
XLSFORM_SHEETS = {"survey", "choices"}
AMONG_PHOTOS = "media/"
STRAYED = (".csv", ".zip")  # what an export is called
NAMED_SEALED = re.compile(rb"[^<>]+\.enc\b")


@dataclass
class Sorted:
    """The members of an upload by what is to be read of them.

    ``broken``: a member's name, and why it cannot be read. ``left``: nobody knows what they are. The rest belongs.
    """

    xml: list[Member] = field(default_factory=list)
    tables: list[Member] = field(default_factory=list)
    pages: list[Member] = field(default_factory=list)
    books: list[Member] = field(default_factory=list)
    broken: list[tuple[str, ExportError]] = field(default_factory=list)
    left: list[Member] = field(default_factory=list)


def sort(members: Sequence[Member], is_table: Callable[[Sequence[str]], bool]) -> Sorted:
    """Put every member where it belongs by its first bytes; ``is_table`` says whether headings are worth a reader.

    What is called .xml is not looked at: there may be hundreds of thousands, and their reader says what is none.
    """
    found = _Sorter(is_table=is_table)
    for member in members:
        if member.suffix == ".xml":
            found.xml.append(member)
        elif member.suffix != SEALED:
            try:
                found.put_photo(member) if AMONG_PHOTOS in member.name else found.put(member)
            except ExportError as error:
                found.broken.append((member.name, error))
    found.left += without_envelope(members)
    return found


@dataclass
class _Sorter(Sorted):
    is_table: Callable[[Sequence[str]], bool] = field(kw_only=True)

    def put(self, member: Member) -> None:
        """Put one member where it belongs. Raises ExportError saying why it cannot be read."""
        kind = seems(member)
        match kind:
            case "xml":
                self.xml += [member] if is_submission(member) else []
            case "json":
                self.pages.append(member)
            case "book":
                self.books.append(member)
            case "table":
                self._text(member)
            case "zip":
                raise ExportError("IN-64", file=member.name)
            case "archive" | "old":
                kind_of(member.read(), member.name)
            case _:
                self._unread(member, belongs=kind == "media" or (kind == "page" and member.suffix in NOTES))

    def put_photo(self, member: Member) -> None:
        """What lies among the photos needs no reader, but an export that strayed there is told. Raises ExportError."""
        if member.suffix in STRAYED and seems(member) == "zip":
            self.left.append(member)  # an answer may name it
        elif member.suffix in STRAYED and KEY in headings_of(member.start(), member.name):
            raise ExportError("IN-65", file=member.name)

    def _text(self, member: Member) -> None:
        """A table by its name or by its headings; else what its name promises, or a note."""
        if member.suffix == ".csv" or self.is_table(headings_of(member.start(), member.name)):
            self.tables.append(member)
        else:
            self._unread(member, belongs=member.suffix in NOTES)

    def _unread(self, member: Member, *, belongs: bool) -> None:
        """What no reader takes; one whose name promises answers is told what is wrong with it."""
        promised = {".csv": self.tables, ".json": self.pages, ".xlsx": self.books}.get(member.suffix)
        if promised is not None:
            kind_of(member.read(), member.name)  # says what it is instead
            promised.append(member)
        elif not belongs:
            self.left.append(member)


def headings_of(start: bytes, place: str) -> Sequence[str]:
    """The headings of a table by its first bytes; none where they cannot be read, which whoever reads it will say."""
    with suppress(ExportError):
        whole_lines = start[: start.rfind(b"\n") + 1] or start
        return heading_of(utf8_of(whole_lines, place).data, place)[0]
    return ()


def is_submission(member: Member) -> bool:
    """Whether XML under another suffix is a submission, open or not. Raises ExportError where it is broken."""
    try:
        return is_one(member.read(), member.name)
    except ExportError as error:
        if error.code in STILL_SEALED:
            return True  # its reader says so
        raise


def without_envelope(members: Sequence[Member]) -> Sequence[Member]:
    """Encrypted files that no envelope beside them names."""
    sealed = [one for one in members if one.suffix == SEALED and AMONG_PHOTOS not in one.name]
    folders = {one.folder for one in sealed}
    named = {
        (member.folder, name.strip().decode(errors="replace"))
        for member in members
        if member.suffix == ".xml" and member.folder in folders
        for name in NAMED_SEALED.findall(bytes_of(member))
    }
    return [one for one in sealed if (one.folder, one.base) not in named]


def is_photo(member: Member) -> bool:
    """Whether a member is a picture, a film or a recording; one that is damaged is none."""
    with suppress(ExportError):
        return AMONG_PHOTOS in member.name or seems(member) == "media"
    return False


def bytes_of(member: Member) -> bytes:
    """All of a member; nothing where it is damaged, which whoever reads it says."""
    with suppress(ExportError):
        return member.read()
    return b""
