"""What a pull does with encrypted submissions: those a key opens are taken in, the others wait on the server."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collect.problems import ExportError
from collect.pull import PAGE_SIZE, Central, Kobo, known_names, left_closed, note_closed
from collect.receive.sealed import STAYS_CLOSED

if TYPE_CHECKING:
    from collect.intake import Receipt

Take = Callable[[bytes, str, str], "Receipt"]  # bytes, a file's name, its kind


@dataclass(frozen=True, slots=True)
class Sealed:
    """The encrypted submissions of one form of a server. ``what``: which, as bookmarks are named."""

    reader: Central | Kobo
    take: Take
    folder: Path
    what: tuple[str, ...]
    form: str
    has_key: bool

    def bring(self, names: Sequence[str], number: int) -> list[Receipt]:
        """Take in what a key opens of some submissions; the others are noted, and stop nobody.

        ``number`` names the upload.
        """
        if not names or not isinstance(self.reader, Central):
            return []
        receipts = self._opened(self.reader.sealed(names), number) if self.has_key else []
        taken = {name for receipt in receipts for name in _taken(receipt, names)}
        known = any(receipt.again for receipt in receipts)  # these bytes were here: what stayed closed is noted already
        left = () if known else [name for name in names if name not in taken]
        note_closed(taken, left, self.folder, *self.what)
        return receipts

    def bring_left(self, gone: Collection[str], tried: Collection[str], number: int) -> list[Receipt]:
        """The same for what earlier pulls left and the server still has; ``tried``: by this pull already."""
        known = known_names(self.folder, *self.what)
        left = left_closed(self.folder, *self.what)
        lost = [name for name in left if name in gone or not known.get(name, True)]
        note_closed(lost, (), self.folder, *self.what)
        names = [name for name in left if name not in {*lost, *tried}] if self.has_key else []
        pages = [names[begin : begin + PAGE_SIZE] for begin in range(0, len(names), PAGE_SIZE)]
        return [receipt for page, some in enumerate(pages, number) for receipt in self.bring(some, page)]

    @property
    def left(self) -> int:
        """How many are on the server alone, for want of their key."""
        return len(left_closed(self.folder, *self.what))

    def _opened(self, data: bytes, number: int) -> list[Receipt]:
        try:
            return [self.take(data, f"{self.form}-{number:04d}-sealed.zip", "submission-xml")] if data else []
        except ExportError as error:
            if error.code not in STAYS_CLOSED:
                raise
            return []


def _taken(receipt: Receipt, names: Sequence[str]) -> Collection[str]:
    """Which of the submissions in a file were opened."""
    if not any(part.unreadable for part in receipt.parts):
        return names
    return {name for part in receipt.parts for name in part.submissions["submission_id"]}
