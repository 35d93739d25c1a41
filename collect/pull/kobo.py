"""Pulls submissions from KoboToolbox's API v2 in the order of their numbers, so that no page shifts while we read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from collect.problems import ServerError
from collect.pull.bookmark import Bookmark
from collect.pull.logins import Login
from collect.pull.wire import Page, Wire, document, rows_of, within

PAGE_SIZE = 1_000  # the most the server gives since 2026
RECEIVED = "_submission_time"
CHANGED = "_date_modified"  # asked for since July 2026 (kpi#7259); servers without it find nothing by it
EDITED, JUDGED = "meta/deprecatedID", "_validation_status.timestamp"  # how edits and reviews show on those
NAMED = ("meta/rootUuid", "_uuid", "meta/instanceID")  # the surest first; collect.receive.documents names them so too


@dataclass(slots=True)
class Kobo:
    """One project, named by its asset's uid."""

    wire: Wire
    login: Login
    asset: str

    source = "kobo-json"

    def open(self) -> None:
        """Show the token. Raises ServerError PUL-02 when the server does not know it."""
        self._show_token()
        document(self.wire.get("/api/v2/assets/", {"format": "json", "limit": "1"}), self.wire.base)

    def pages(self, bookmark: Bookmark) -> Iterator[Page]:
        """Every page from the bookmark on; a page without submissions is the last and is given too."""
        for body, rows, following in self._in_order(bookmark.asked_from(), bookmark.next):
            newest = max(map(_instant, rows), default="")
            yield Page(body, len(rows), newest, following, names={_name(row): "" for row in rows})

    def count(self) -> int | None:
        """How many submissions the project has there now; None where the server does not say."""
        said = document(self._get({"limit": "1", "fields": json.dumps(["_id"])}), self.wire.base).get("count")
        return said if isinstance(said, int) else None

    def names(self) -> Iterator[tuple[str, str]]:
        """The name of every submission that is there now, and when it last changed."""
        for _, rows, _ in self._in_order("", "", fields=json.dumps(["_id", *NAMED, RECEIVED, CHANGED])):
            yield from ((_name(row), _instant(row)) for row in rows)

    def changes(self) -> Iterator[tuple[str, str]]:
        """Nothing: whatever was ever edited is asked for each time."""
        return iter(())

    def files(self, page: Page) -> Iterator[tuple[str, str, str]]:
        """The files of a page's submissions: whose, its name, where it is asked for."""
        for row in rows_of(document(page.data, self.wire.base), "results", "_id", self.wire.base):
            listed = row.get("_attachments")
            for one in listed if isinstance(listed, list) else ():
                if not isinstance(one, dict) or one.get("is_deleted"):
                    continue
                file = str(one.get("media_file_basename") or one.get("filename") or "").rpartition("/")[2]
                path = within(one.get("download_url"))
                if file and path:
                    yield _name(row), file, path

    def file(self, path: str, largest: int) -> bytes | None:
        """A file, as `Wire.file` gives it."""
        self._show_token()
        return self.wire.file(path, largest)

    def _in_order(self, since: str, last: str, **more: str) -> Iterator[tuple[bytes, list[dict[str, Any]], str]]:
        """Page by page in the order of numbers: the bytes, the rows, and the number to go on after ("" at the end)."""
        going_on = True
        while going_on:
            query = _query(since, last)
            params = {"limit": str(PAGE_SIZE), "sort": json.dumps({"_id": 1}), **more}
            body = self._get(params | ({"query": json.dumps(query)} if query else {}))
            found = document(body, self.wire.base)
            rows = rows_of(found, "results", "_id", self.wire.base)
            going_on = bool(rows) and found.get("next") is not None
            last = str(max(_number(row, self.wire.base) for row in rows)) if rows else last
            yield body, rows, last if going_on else ""

    def _get(self, params: dict[str, str]) -> bytes:
        self._show_token()
        path = f"/api/v2/assets/{quote(self.asset, safe='')}/data/"
        return self.wire.get(path, {"format": "json", **params})

    def _show_token(self) -> None:
        self.wire.headers["Authorization"] = f"Token {self.login.secret}"


def _number(row: dict[str, Any], base: str) -> int:
    try:
        return int(row["_id"])
    except (ValueError, TypeError) as error:
        raise ServerError("PUL-05", url=base, status="200") from error


def _name(row: dict[str, Any]) -> str:
    name = next((str(row[key]) for key in NAMED if row.get(key)), str(row.get("_id", "")))
    return f"uuid:{name.removeprefix('uuid:')}"


def _instant(row: dict[str, Any]) -> str:
    return max(str(row.get(name) or "") for name in (RECEIVED, CHANGED))


def _query(since: str, last: str) -> dict[str, Any]:
    """What changed since an instant, above a number; the server's clock writes no zone.

    Servers that keep no instant of change are asked for everything that was ever edited: few, and known again.
    """
    parts: list[dict[str, Any]] = []
    if since:
        instant = since.split(".")[0]
        seconds = int(datetime.fromisoformat(since).timestamp())
        ways: list[dict[str, Any]] = [{RECEIVED: {"$gt": instant}}, {CHANGED: {"$gt": instant}}]
        parts.append({"$or": [*ways, {EDITED: {"$exists": True}}, {JUDGED: {"$gt": seconds}}]})
    if last:
        parts.append({"_id": {"$gt": int(last)}})
    return {"$and": parts} if parts else {}
