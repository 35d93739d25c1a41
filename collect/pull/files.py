"""Brings the photos and other files of submissions that a server gave, where phones' own lie.

A page's files come before the page counts, and one that is here is not asked for again: a pull that breaks off goes on
with the file it stopped at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collect.problems import ServerError
from collect.pull.central import Central
from collect.pull.kobo import Kobo
from collect.pull.wire import Page

PAGE, PAGES = (b"<html", b"<!doctype html"), (".html", ".htm")  # what a gate before the Internet shows in their place
IsHere = Callable[[str, str], bool]  # submission, name
Keep = Callable[[str, str, bytes], None]  # submission, name, bytes


@dataclass
class Files:
    """Counts what was brought, and what the server no longer has or is larger than ``largest`` bytes."""

    reader: Central | Kobo
    largest: int
    brought: int = 0
    left: int = 0

    def bring(self, page: Page, is_here: IsHere, keep: Keep) -> None:
        """Fetch the files of a page's submissions that are not here, and keep each. Raises ServerError."""
        for submission, name, path in self.reader.files(page):
            if is_here(submission, name):
                continue
            data = self.reader.file(path, self.largest)
            if data is not None and data.lstrip()[:15].lower().startswith(PAGE) and not name.lower().endswith(PAGES):
                raise ServerError("PUL-05", url=self.reader.wire.base, status="200")
            if data is None:
                self.left += 1
            else:
                keep(submission, name, data)
                self.brought += 1
