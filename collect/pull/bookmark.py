"""Remembers where a pull stands: up to which instant nothing is missing, and what comes next when it broke off."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
OVERLAP = timedelta(seconds=60)  # asked for again: a submission being saved while we asked may bear an earlier instant


@dataclass(frozen=True, slots=True)
class Bookmark:
    """``since``: all that was received or changed before this instant (ISO 8601, UTC) is here; "" for nothing yet.

    ``begun``: when the first page of the round under way was asked for. ``next``: what to ask for next in that round,
    "" when there is none; it is the server's own link (Central) or the last number received (Kobo).
    """

    since: str = ""
    begun: str = ""
    next: str = ""

    def after(self, newest: str, following: str, asked_at: str = "") -> Bookmark:
        """The bookmark once a page is received; the last page of a round moves ``since`` to the round's beginning.

        What arrives or changes while a round is under way bears a later instant than its beginning, on whatever page it
        would have been: the next round asks for it. Newer instants seen on the way prove nothing about earlier pages.

        Parameters
        ----------
        newest
            The newest instant of the page's submissions: on the first page as safe a beginning as the server's clock.
        asked_at
            When the page was asked for, by the server's clock; "" where it does not tell.
        """
        begun = self.begun if self.next else asked_at or max(self.since, newest, key=_instant)
        return Bookmark(self.since, begun, following) if following else Bookmark(begun or self.since)

    def reaches(self, earlier: str) -> bool:
        """Whether nothing lies between an instant ("" for the beginning of all) and what is known to be here."""
        return not earlier or (bool(self.since) and _instant(earlier) <= _instant(self.since))

    def asked_from(self) -> str:
        """The instant to ask from, a little before ``since``; "" for everything."""
        if not self.since:
            return ""
        return (_instant(self.since) - OVERLAP).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _instant(text: str) -> datetime:
    """An instant as servers write it, with or without a zone; what is none comes before all others."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return BEGINNING
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def place_of(folder: Path, *what: str) -> Path:
    """The bookmark's file; what else is noted of the same lies beside it under another suffix."""
    name = hashlib.sha256("\x1f".join(what).encode()).hexdigest()[:16]
    return folder / "pull" / f"{name}.json"


def bookmark_of(folder: Path, *what: str) -> Bookmark:
    """The bookmark of what is pulled (server, project, form); a fresh one where there is none or it is damaged."""
    try:
        found = json.loads(place_of(folder, *what).read_text(encoding="utf-8"))
        return Bookmark(**{name: str(found[name]) for name in ("since", "begun", "next")})
    except (OSError, ValueError, KeyError, TypeError):
        return Bookmark()  # asking for everything again changes nothing: the same submissions are known


def keep_bookmark(bookmark: Bookmark, folder: Path, *what: str) -> None:
    """Write the bookmark in one step: a torn one would be a fresh one."""
    place = place_of(folder, *what)
    place.parent.mkdir(parents=True, exist_ok=True)
    waiting = place.with_suffix(f".{os.getpid()}.part")
    waiting.write_text(json.dumps(asdict(bookmark)), encoding="utf-8")
    waiting.replace(place)
