"""What a folder of files stands for: which of them are uploads by themselves, and which belong together as one.

People hand in folders as they find them: an export that the browser has unpacked, submissions from a phone beside
downloads of last week and a photo of the road.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from collect.problems import ExportError
from collect.receive.central import KEY, PARENT_KEY
from collect.receive.layout import is_export
from collect.receive.letters import utf8_of
from collect.receive.sheets import heading_of

NOT_UPLOADS = (".txt", ".md", ".geojson")  # what lies beside exports and is none
SUBMISSIONS_IN_JSON = (b'"__system"', b'"@odata.context"', b'"_uuid"')  # other JSON lies beside exports too
WHOLE = (".zip", ".xlsx", ".xls")  # exports of their own, whatever lies beside them
MEDIA = "media"
LOOKED_AT = 1 << 16  # bytes


def uploads_in(path: Path) -> Iterator[Path]:
    """The uploads a path stands for: itself, or each export in a folder.

    Loose submission XML goes together as one, with the photos and lists beside it; so do the tables of one export. Such
    a part of a folder stands in a place of its own until the next upload is asked for.
    """
    if not path.is_dir():
        yield path
        return
    inside = [child for child in sorted(path.iterdir()) if not child.name.startswith(".")]
    files = [child for child in inside if child.is_file() or not child.exists()]  # no pipe, no device
    folders = [child for child in inside if child.is_dir()]
    headings = {one: _headings(one) for one in files if one.suffix.lower() == ".csv"}
    sets = _sets(headings)
    bound = {table for tables in sets for table in tables}
    exports = [*sets, *([one] for one in files if one not in bound and _stands_alone(one, headings))]
    taken = {one for export in exports for one in export}
    loose = [one for one in files if one not in taken]
    submissions = any(one.suffix.lower() == ".xml" for one in loose)
    piles = [*exports, *([loose] if submissions else ([one] for one in loose if _may_be_export(one)))]
    if not inside or (submissions and not exports) or _is_one_export(piles, sets, folders):
        yield path
        return
    for pile in sorted(piles):
        if len(pile) == 1:
            yield pile[0]
        else:
            yield from _together(pile, path.name if pile == loose else pile[0].stem)
    for folder in folders:
        yield from uploads_in(folder)


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


def _headings(path: Path) -> Sequence[str]:
    """The headings of a CSV; none where they cannot be read, which whoever reads the file will say."""
    with suppress(OSError, ExportError):
        with path.open("rb") as file:
            start = file.read(LOOKED_AT)
        whole_lines = start[: start.rfind(b"\n") + 1] or start
        return heading_of(utf8_of(whole_lines, path.name).data, path.name)[0]
    return ()


def _stands_alone(path: Path, headings: Mapping[Path, Sequence[str]]) -> bool:
    """Whether a file is an export by itself, whatever lies beside it."""
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return is_export(headings[path])
    return suffix in WHOLE or (suffix == ".json" and _may_be_export(path))


def _may_be_export(path: Path) -> bool:
    """Whether a file in a folder is worth reading; one that somebody names is read whatever it is."""
    suffix = path.suffix.lower()
    if suffix != ".json":
        return suffix not in NOT_UPLOADS
    with path.open("rb") as file:
        start = file.read(LOOKED_AT)
    return any(mark in start for mark in SUBMISSIONS_IN_JSON)


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
