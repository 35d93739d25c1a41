"""Pull: what a server holds and has not yet given, page by page; each page is an upload like any other.

A page counts once it is in the registry, and only then the bookmark moves: a pull that breaks goes on where it stopped.
"""

from __future__ import annotations

from collect.pull.bookmark import Bookmark, bookmark_of
from collect.pull.central import PAGE_SIZE, Central
from collect.pull.closed import left_closed, note_closed, note_opened, opened_as
from collect.pull.files import Files
from collect.pull.gone import known_names, note_names, refuse_too_many
from collect.pull.kobo import Kobo
from collect.pull.logins import Login, Logins
from collect.pull.rounds import Pulling
from collect.pull.wire import Page, Wire

__all__ = [
    "PAGE_SIZE", "Bookmark", "Central", "Files", "Kobo", "Login", "Logins", "Page", "Pulling", "Wire", "bookmark_of",
    "known_names", "left_closed", "note_closed", "note_names", "note_opened", "opened_as",
    "refuse_too_many",
]  # fmt: skip
