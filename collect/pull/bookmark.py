"""Remembers where a pull stands: up to which instant nothing is missing, and what comes next when it broke off."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)  # before any server, and far enough from the calendar's own
OVERLAP = timedelta(seconds=60)  # asked for again: a submission being saved while we asked may bear an earlier instant
UNSTEADY_SECONDS = 30.0  # by which the server's clock may fall behind ours unnoticed: `OVERLAP` makes up for it


@dataclass(frozen=True, slots=True)
class Bookmark:
    """``since``: all that was received or changed before this instant (ISO 8601, UTC) is here; "" for nothing yet.

    ``begun``: when the first page of the round under way was asked for. ``next``: what to ask for next in that round,
    "" when there is none; it is the server's own link (Central) or the last number received (Kobo). ``ahead``: by how
    many seconds the server's clock was before ours, None where it never told. ``looked``: the day on which all changes
    that the server knows of were last compared with those that came.
    """

    since: str = ""
    begun: str = ""
    next: str = ""
    ahead: float | None = None
    looked: str = ""

    def after(self, newest: str, following: str, asked_at: str = "", ahead: float | None = None) -> Bookmark:
        """The bookmark once a page is received; the last page of a round moves ``since`` to the round's beginning.

        What arrives or changes while a round is under way bears a later instant than its beginning, on whatever page it
        would have been: the next round asks for it. Newer instants seen on the way prove nothing about earlier pages.

        Parameters
        ----------
        newest
            The newest instant of the page's submissions: on the first page as safe a beginning as the server's clock.
        asked_at, ahead
            When the page was asked for, by the server's clock, and by how many seconds that was before ours; "" and
            None where it does not tell.
        """
        begun = self.begun if self.next else asked_at or max(self.since, newest, key=_instant)
        lost, known = self.set_back(ahead), [one for one in (self.ahead, ahead) if one is not None]
        if lost:  # what came since bears instants that are by so much too early
            begun = _text(min(map(_instant, filter(None, (self.since, begun)))) - timedelta(seconds=lost))
        steady = ahead if lost else max(known, default=None)
        if following:
            return replace(self, begun=begun, next=following, ahead=steady)
        return replace(self, since=begun or self.since, begun="", next="", ahead=steady)

    def set_back(self, ahead: float | None) -> float:
        """By how many seconds the server's clock was set back since the last page, as ours tells; 0 for none.

        Where it was our clock that went forward, more is asked for than needed.
        """
        if ahead is None or self.ahead is None or not (self.since or self.begun):
            return 0.0
        lost = self.ahead - ahead
        return lost if lost > UNSTEADY_SECONDS else 0.0

    def reaches(self, earlier: str) -> bool:
        """Whether nothing lies between an instant ("" for the beginning of all) and what is known to be here."""
        return not earlier or (bool(self.since) and _instant(earlier) <= _instant(self.since))

    def asks_for(self, instant: str) -> bool:
        """Whether the next round asks for what bears this instant, or there is none."""
        return not instant or not self.since or _instant(instant) > _instant(self.asked_from())

    def asked_from(self) -> str:
        """The instant to ask from, a little before ``since``; "" for everything."""
        return _text(_instant(self.since) - OVERLAP) if self.since else ""


def _instant(text: str) -> datetime:
    """An instant as servers write it, with or without a zone; what is none comes before all others."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return BEGINNING
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def place_of(folder: Path, *what: str) -> Path:
    """The bookmark's file; what else is noted of the same lies beside it under another suffix."""
    name = hashlib.sha256("\x1f".join(what).encode()).hexdigest()[:16]
    return folder / "pull" / f"{name}.json"


def bookmark_of(folder: Path, *what: str) -> Bookmark:
    """The bookmark of what is pulled (server, project, form); a fresh one where there is none or it is damaged."""
    try:
        found = json.loads(place_of(folder, *what).read_text(encoding="utf-8"))
        ahead = found.get("ahead")
        texts = {name: str(found[name]) for name in ("since", "begun", "next")}
        looked = str(found.get("looked", ""))
        return Bookmark(**texts, ahead=None if ahead is None else float(ahead), looked=looked)
    except (OSError, ValueError, KeyError, TypeError):
        return Bookmark()  # asking for everything again changes nothing: the same submissions are known


def keep_bookmark(bookmark: Bookmark, folder: Path, *what: str) -> None:
    """Write the bookmark in one step: a torn one would be a fresh one."""
    place = place_of(folder, *what)
    place.parent.mkdir(parents=True, exist_ok=True)
    waiting = place.with_suffix(f".{os.getpid()}.part")
    waiting.write_text(json.dumps(asdict(bookmark)), encoding="utf-8")
    waiting.replace(place)
