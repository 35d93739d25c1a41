"""What a folder of files stands for: which of them are uploads by themselves, and which belong together as one.

People hand in folders as they find them: an export that the browser has unpacked, submissions from a phone beside
downloads of last week and a photo of the road.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from collect.problems import ExportError
from collect.receive.bundles import is_export
from collect.receive.central import KEY, PARENT_KEY
from collect.receive.kinds import bare, seems
from collect.receive.sorting import (
    BESIDE_FORMS,
    NOTES,
    SHAPES_OR_NOTHING,
    XLSFORM_SHEETS,
    headings_of,
    is_submission,
)
from collect.receive.unpack import DAMAGE, XLSX_MEMBER, is_left_over, on_disk

SUBMISSIONS_IN_JSON = (b'"__system"', b'"@odata.context"', b'"_uuid"')  # an object without is some program's own
FORMS = XFORM, XLSFORM = "xform", "xlsform"  # a form's definition: nothing is lost with it beside an export
IN_XFORM, SHEET_NAMES = re.compile(rb"<(\w+:)?html\b"), re.compile(rb'<(?:\w+:)?sheet\s[^>]*?\bname="([^"]*)"')
WHOLE = ("book", "zip", "old", "archive")  # handed in by themselves, whatever lies beside them
MOST_APART = 20  # files that are no export, each told by itself; more of them are told together
MEDIA = "media"
LOOKED_AT = 1 << 16  # bytes


def uploads_in(path: Path) -> Iterator[Path]:
    """The uploads a path stands for: itself, or each export in a folder, and what nobody knows, to be refused aloud.

    Loose submission XML goes together as one, with the photos and lists beside it; so do the tables of one export. Such
    a part of a folder stands in a place of its own until the next upload is asked for.
    """
    if not path.is_dir():
        yield path
        return
    inside = [child for child in sorted(path.iterdir()) if not is_left_over(child.name)]
    files = [child for child in inside if child.is_file() or not child.exists()]  # no pipe, no device
    folders = [child for child in inside if child.is_dir()]
    kinds = {one: _kind(one) for one in files}
    headings = {one: headings_of(_start(one), one.name) for one in files if kinds[one] == "table"}
    sets = _sets(headings)
    bound = {table for tables in sets for table in tables}
    exports = [*sets, *([one] for one in files if one not in bound and _stands_alone(one, kinds[one], headings))]
    taken = {one for export in exports for one in export}
    loose = [one for one in files if one not in taken and not (exports and kinds[one] in FORMS)]
    submissions = any(kinds[one] in ("xml", XFORM) for one in loose)
    strange = [one for one in loose if not _belongs(one, kinds[one])]
    piles = [*exports, *([loose] if submissions else _apart(strange))]
    if not inside or (submissions and not exports) or _is_one_export(piles, sets, folders):
        yield path
        return
    for pile in sorted(piles):
        if len(pile) == 1:
            yield pile[0]
        else:
            yield from _together(pile, pile[0].stem if pile in sets else path.name)
    for folder in folders:
        yield from uploads_in(folder)


def _apart(files: list[Path]) -> list[list[Path]]:
    return [[one] for one in files] if len(files) <= MOST_APART else [files]


def _is_one_export(piles: Sequence[list[Path]], sets: Sequence[list[Path]], folders: Sequence[Path]) -> bool:
    """Whether a folder is what one zip of ODK Central's unpacks to: tables, and the photos in ``media``."""
    tables = len(piles) == 1 and piles[0][0].suffix.lower() == ".csv"
    return tables and all(one.name == MEDIA for one in folders) and bool(sets or folders)


def _sets(headings: Mapping[Path, Sequence[str]]) -> list[list[Path]]:
    """Tables that are one export: that of the submissions first, then those of its repeats, called form-repeat.csv."""
    repeats = [one for one, names in headings.items() if PARENT_KEY in names]
    roots = [one for one, names in headings.items() if KEY in names and one not in repeats] if repeats else []
    own: dict[Path, list[Path]] = {root: [] for root in roots}
    for table in repeats:
        named = [root for root in roots if table.stem.startswith(f"{root.stem}-")]
        if named:
            own[max(named, key=lambda root: len(root.stem))].append(table)
    return [[root, *tables] for root, tables in own.items() if tables]


def _start(path: Path) -> bytes:
    """The first bytes of a file; none where it cannot be read, which whoever reads it will say."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(LOOKED_AT)
    return b""


def _kind(path: Path) -> str:
    """What a file is, as `seems` has it; of XML under another name only submissions are so called. Or one of FORMS."""
    if path.suffix.lower() == ".xml":
        return XFORM if IN_XFORM.search(_start(path)) else "xml"
    member = on_disk(path.name, str(path))
    with suppress(ExportError):  # whoever reads it will say so
        kind = seems(member)
        if kind == "book" and _is_xlsform(path):
            return XLSFORM
        return kind if kind != "xml" or is_submission(member) else "page"
    return ""


def _is_xlsform(path: Path) -> bool:
    """Whether a workbook's sheets are called as those of a form's definition are."""
    with suppress(*DAMAGE, KeyError), ZipFile(path) as archive, archive.open(XLSX_MEMBER) as sheets:
        named = {name.decode(errors="replace").strip().lower() for name in SHEET_NAMES.findall(sheets.read(LOOKED_AT))}
        return named >= XLSFORM_SHEETS
    return False


def _stands_alone(path: Path, kind: str, headings: Mapping[Path, Sequence[str]]) -> bool:
    """Whether a file is an export by itself, whatever lies beside it."""
    return (kind == "table" and is_export(headings[path])) or kind in WHOLE or (kind == "json" and _holds_rows(path))


def _belongs(path: Path, kind: str) -> bool:
    """Whether a file lies beside exports and is none; one that somebody names is read whatever it is."""
    if kind in ("table", "page"):
        return path.suffix.lower() in NOTES or (kind == "table" and path.name.endswith(BESIDE_FORMS))
    return kind == "media" or (kind == "json" and SHAPES_OR_NOTHING.match(bare(_start(path))) is not None)


def _holds_rows(path: Path) -> bool:
    """Whether JSON seems to be of submissions, or of rows of whatever it be."""
    start = _start(path)
    return bare(start).startswith(b"[") or any(mark in start for mark in SUBMISSIONS_IN_JSON)


def _together(files: Sequence[Path], name: str) -> Iterator[Path]:
    """A folder of this name with these files alone, for as long as nobody asks for the next upload."""
    with TemporaryDirectory(prefix="collect-") as place:
        folder = Path(place) / name
        folder.mkdir()
        for one in files:
            try:
                os.link(one, folder / one.name)
            except OSError:  # on another disk, or one that knows no links
                shutil.copyfile(one, folder / one.name)
        yield folder
