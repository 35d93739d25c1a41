"""Pull: what a server holds and has not yet given, page by page; each page is an upload like any other.

A page counts once it is in the registry, and only then the bookmark moves: a pull that breaks goes on where it stopped.
"""

from __future__ import annotations

from collect.pull.bookmark import Bookmark, bookmark_of, keep_bookmark
from collect.pull.central import Central
from collect.pull.gone import Moved, known_names, moved, note_names, refuse_too_many
from collect.pull.kobo import Kobo
from collect.pull.logins import Login, Logins
from collect.pull.wire import Page, Wire

__all__ = [
    "Bookmark", "Central", "Kobo", "Login", "Logins", "Moved", "Page", "Wire", "bookmark_of", "keep_bookmark",
    "known_names", "moved", "note_names", "refuse_too_many",
]  # fmt: skip
