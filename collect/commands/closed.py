"""What a pull does with encrypted submissions: those a key opens are taken in, the others wait on the server."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from collect import registry
from collect.problems import ExportError, StoreError
from collect.pull import (
    PAGE_SIZE,
    Central,
    Kobo,
    known_names,
    left_closed,
    note_closed,
    note_opened,
    opened_as,
)
from collect.receive.sealed import STAYS_CLOSED

if TYPE_CHECKING:
    from collect.intake import Receipt
    from collect.store import Store

Take = Callable[[bytes, str, str], "Receipt"]  # bytes, a file's name, its kind
UNEDITED = "0"  # the version that bears the name itself as its id


@dataclass
class Sealed:
    """The encrypted submissions of one form of a server. ``what``: which, as bookmarks are named; ``form``: ours."""

    reader: Central | Kobo
    take: Take
    store: Store
    what: tuple[str, ...]
    form: str
    has_key: bool

    def bring(self, closed: Mapping[str, str], number: int) -> list[Receipt]:
        """Take in what a key opens of some submissions; the others are noted, and stop nobody.

        ``closed``: their names and versions. ``number`` names the upload. What is in our tables in that very version
        is open, whoever holds its key.
        """
        before = opened_as(self.store.folder, *self.what)
        here = {name: one for name, one in closed.items() if _id_of(name, one, before) in self._here}
        others = {name: one for name, one in closed.items() if name not in here}
        # apart: a file that another key opened stays as it is, whatever else this one would open in it
        return [receipt for some in (others, here) for receipt in self._bring(some, before, number)]

    def _bring(self, closed: Mapping[str, str], before: Mapping[str, tuple[str, str]], number: int) -> list[Receipt]:
        if not closed or not isinstance(self.reader, Central):
            return []
        data, ids = self.reader.sealed(closed) if self.has_key else (b"", dict[str, str]())
        receipts = self._opened(data, number)
        self._here.update(name for one in receipts for part in one.parts for name in part.submissions["submission_id"])
        named = {name: ids.get(name) or _id_of(name, version, before) for name, version in closed.items()}
        opened = {name: (closed[name], ident) for name, ident in named.items() if ident in self._here}
        note_opened(opened, self.store.folder, *self.what)
        left = {name: version for name, version in closed.items() if name not in opened}
        note_closed(opened, left, self.store.folder, *self.what)
        return receipts

    def bring_left(self, gone: Collection[str], tried: Collection[str], number: int) -> list[Receipt]:
        """The same for what earlier pulls left and the server still has; ``tried``: by this pull already."""
        folder = self.store.folder
        known, left = known_names(folder, *self.what), left_closed(folder, *self.what)
        lost = [name for name in left if name in gone or not known.get(name, True)]
        note_closed(lost, {}, folder, *self.what)
        names = [name for name in left if name not in {*lost, *tried}] if self.has_key else []
        pages = [names[begin : begin + PAGE_SIZE] for begin in range(0, len(names), PAGE_SIZE)]
        brought = [self.bring({name: left[name] for name in some}, page) for page, some in enumerate(pages, number)]
        return [receipt for receipts in brought for receipt in receipts]

    @property
    def left(self) -> int:
        """How many are on the server alone, for want of their key."""
        return len(left_closed(self.store.folder, *self.what))

    @cached_property
    def _here(self) -> set[str]:
        """The ids of this form's submissions in our tables."""
        found = set[str]()
        for part in registry.parts_of(self.store.engine):
            if part["form"] == self.form:
                with suppress(StoreError):  # damaged: what it holds is not said to be here
                    found.update(self.store.read_part(self.form, "index", part["upload_id"])["submission_id"])
        return found

    def _opened(self, data: bytes, number: int) -> list[Receipt]:
        try:
            return [self.take(data, f"{self.form}-{number:04d}-sealed.zip", "submission-xml")] if data else []
        except ExportError as error:
            if error.code not in STAYS_CLOSED:
                raise
            return []


def _id_of(name: str, version: str, before: Mapping[str, tuple[str, str]]) -> str:
    """The id that a version of a submission bears, as far as it can be known without asking for it; else ""."""
    opened, ident = before.get(name, ("", ""))
    return ident if version and version == opened else name if version == UNEDITED else ""
