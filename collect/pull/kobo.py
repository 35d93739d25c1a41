"""Pulls submissions from KoboToolbox's API v2 in the order of their numbers, so that no page shifts while we read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from collect.problems import ServerError
from collect.pull.bookmark import Bookmark
from collect.pull.logins import Login
from collect.pull.wire import Page, Wire, document, rows_of

PAGE_SIZE = 1_000  # the most the server gives since 2026
RECEIVED, CHANGED = "_submission_time", "_date_modified"


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
        self._show_token()
        path = f"/api/v2/assets/{quote(self.asset, safe='')}/data/"
        last, more = bookmark.next, True
        while more:
            query = _query(bookmark.asked_from(), last)
            params = {"format": "json", "limit": str(PAGE_SIZE), "sort": json.dumps({"_id": 1})}
            body = self.wire.get(path, params | ({"query": json.dumps(query)} if query else {}))
            found = document(body, self.wire.base)
            rows = rows_of(found, "results", "_id", self.wire.base)
            more = bool(rows) and found.get("next") is not None
            last = str(max(_number(row, self.wire.base) for row in rows)) if rows else last
            newest = max((max(str(row.get(name) or "") for name in (RECEIVED, CHANGED)) for row in rows), default="")
            yield Page(body, len(rows), newest, last if more else "")

    def _show_token(self) -> None:
        self.wire.headers["Authorization"] = f"Token {self.login.secret}"


def _number(row: dict[str, Any], base: str) -> int:
    try:
        return int(row["_id"])
    except (ValueError, TypeError) as error:
        raise ServerError("PUL-05", url=base, status="200") from error


def _query(since: str, last: str) -> dict[str, Any]:
    """What changed since an instant, above a number; the server's clock writes no zone."""
    parts: list[dict[str, Any]] = []
    if since:
        instant = since.split(".")[0]
        parts.append({"$or": [{RECEIVED: {"$gt": instant}}, {CHANGED: {"$gt": instant}}]})
    if last:
        parts.append({"_id": {"$gt": int(last)}})
    return {"$and": parts} if parts else {}
