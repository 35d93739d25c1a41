"""One pull of one form: page after page, and once more from further back where the server's clock misled us.

What is new is asked for by the server's own instants. They are trusted as far as its clock ran as long as ours since
the last pull, as its list of names holds none that we never received, and as it knows of no change that never came.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from collect.pull.bookmark import Bookmark, bookmark_of, keep_bookmark
from collect.pull.central import Central
from collect.pull.gone import Moved, known_names, moved, note_names, overlooked
from collect.pull.kobo import Kobo
from collect.pull.wire import Page


class Pulling:
    """A pull under way. ``what`` names server and form; ``since``: an instant to ask from, "" for everything.

    ``moved``: what the server no longer holds, once all pages were given. ``misled``: its clock was found to
    have been wrong since the last pull; what bears instants from before was then asked for.
    """

    def __init__(self, reader: Central | Kobo, folder: Path, what: tuple[str, ...], since: str | None = None) -> None:
        known = bookmark_of(folder, *what)
        self.moved, self.misled = Moved(), False
        self.whole = since is None or known.reaches(since)  # else the bookmark stays: there is a gap before that day
        self._reader, self._folder, self._what = reader, folder, what
        self._bookmark = known if since is None else Bookmark(since, ahead=known.ahead)
        self._again = False
        self._everything = not self._bookmark.since

    def pages(self) -> Iterator[Page]:
        """Every page; one counts as received when the next is asked for, and only then the bookmark moves."""
        yield from self._round()
        if self._again:
            self.misled = True
            yield from self._round()
        self.moved = moved(self._reader, known_names(self._folder, *self._what))
        earliest = min(filter(None, (self.moved.passed_over, self._overlooked())), default="")
        if self.whole and not self._bookmark.asks_for(earliest):
            self.misled = True
            self._move(replace(self._bookmark, since=earliest))
            yield from self._round()

    def _overlooked(self) -> str:
        """The earliest change that never came, looked for once a day, and whenever a clock was wrong; "" for none.

        A clock that went back and forth leaves no other trace.
        """
        today = datetime.now(UTC).date().isoformat()
        passed_over = not self._bookmark.asks_for(self.moved.passed_over)
        if not self.whole or (self._bookmark.looked == today and not (self.misled or passed_over)):
            return ""
        self._move(replace(self._bookmark, looked=today))
        return "" if self._everything else overlooked(self._reader, self._folder, *self._what)

    def _round(self) -> Iterator[Page]:
        self._again = False
        for page in self._reader.pages(self._bookmark):
            asked_at, ahead = self._reader.wire.asked_at, self._reader.wire.ahead
            yield page
            note_names(page.names, self._folder, *self._what)
            self._again |= self._bookmark.set_back(ahead) > 0
            self._move(self._bookmark.after(page.newest, page.following, asked_at, ahead))

    def _move(self, bookmark: Bookmark) -> None:
        self._bookmark = bookmark
        if self.whole:
            keep_bookmark(bookmark, self._folder, *self._what)
