"""Remembers where a pull stands: how new the newest submission was, and which page comes next when it broke off."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

OVERLAP = timedelta(seconds=60)  # asked for again: a submission being saved while we asked may bear an earlier instant


@dataclass(frozen=True, slots=True)
class Bookmark:
    """``since``: everything up to this instant (ISO 8601, UTC) has been received; "" for nothing yet.

    ``newest``: the newest instant of the pages received since. ``next``: what to ask for next, "" when all has been
    asked; it is the server's own link (Central) or the last number received (Kobo).
    """

    since: str = ""
    newest: str = ""
    next: str = ""

    def after(self, newest: str, following: str) -> Bookmark:
        """The bookmark once a page is received; at the last page what was newest becomes the next pull's beginning."""
        seen = max(self.newest, newest)
        return Bookmark(self.since, seen, following) if following else Bookmark(max(self.since, seen), "", "")

    def asked_from(self) -> str:
        """The instant to ask from, a little before ``since``; "" for everything."""
        if not self.since:
            return ""
        instant = datetime.fromisoformat(self.since)
        instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return (instant.astimezone(UTC) - OVERLAP).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def place_of(folder: Path, *what: str) -> Path:
    """The bookmark's file; what else is noted of the same lies beside it under another suffix."""
    name = hashlib.sha256("\x1f".join(what).encode()).hexdigest()[:16]
    return folder / "pull" / f"{name}.json"


def bookmark_of(folder: Path, *what: str) -> Bookmark:
    """The bookmark of what is pulled (server, project, form); a fresh one where there is none or it is damaged."""
    try:
        found = json.loads(place_of(folder, *what).read_text(encoding="utf-8"))
        return Bookmark(**{name: str(found[name]) for name in ("since", "newest", "next")})
    except (OSError, ValueError, KeyError, TypeError):
        return Bookmark()  # asking for everything again changes nothing: the same submissions are known


def keep_bookmark(bookmark: Bookmark, folder: Path, *what: str) -> None:
    """Write the bookmark in one step: a torn one would be a fresh one."""
    place = place_of(folder, *what)
    place.parent.mkdir(parents=True, exist_ok=True)
    waiting = place.with_suffix(f".{os.getpid()}.part")
    waiting.write_text(json.dumps(asdict(bookmark)), encoding="utf-8")
    waiting.replace(place)
