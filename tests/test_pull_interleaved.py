"""Whatever a server receives, changes or loses between two questions of ours, and wherever a pull is cut: in the end
the store holds what the server holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collect.pull import Bookmark, Central, Kobo, Login, bookmark_of, keep_bookmark
from collect.pull.bookmark import OVERLAP

BEGIN = datetime(2026, 11, 22, 5, tzinfo=UTC)
WHAT = ("https://server", "1", "household")
STEP = timedelta(minutes=7)  # far more than the minute that is asked for again: nothing here arrives by that grace


class CutError(Exception):
    """The line, the power, the process: gone."""


@dataclass
class Row:
    number: int
    received: datetime
    changed: datetime
    answer: int = 0


@dataclass
class Server:
    """Submissions and a clock; ``todo`` happens one by one, each just before the next question is answered."""

    kind: str
    page_size: int
    todo: list[str]
    tells_time: bool
    now: datetime = BEGIN
    rows: dict[int, Row] = field(default_factory=dict)
    numbers: int = 0
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": "known"})
    base: str = "https://server"
    asked_at: str = ""

    def happens(self, event: str) -> None:
        self.now += STEP
        name, _, which = event.partition(" ")
        known = sorted(self.rows)
        if name == "add":
            self.numbers += 1
            self.rows[self.numbers] = Row(self.numbers, self.now, self.now)
        elif known and name == "edit":
            row = self.rows[known[int(which) % len(known)]]
            row.changed, row.answer = self.now, row.answer + 1
        elif known and name == "delete":
            del self.rows[known[int(which) % len(known)]]
        elif name == "cut":
            raise CutError

    def get(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()} | dict(params or {})
        self.asked_at = self.now.isoformat() if self.tells_time else ""
        answer = self.of_central(path, asked) if self.kind == "central" else self.of_kobo(asked)
        if self.todo:
            self.happens(self.todo.pop(0))  # after the page was made and before it arrives
        return json.dumps(answer).encode()

    def of_central(self, path: str, asked: dict[str, str]) -> dict[str, Any]:
        """Newest first; the link names the last submission given, and is empty once that one is gone."""
        since = asked.get("$filter", "").rpartition(" gt ")[2]
        rows = [row for row in self.rows.values() if not since or row.changed > datetime.fromisoformat(since)]
        rows.sort(key=lambda row: row.received, reverse=True)
        numbers = [row.number for row in rows]
        after = asked.get("$skiptoken")
        begin = 0 if after is None else numbers.index(int(after)) + 1 if int(after) in numbers else len(rows)
        found = rows[begin : begin + self.page_size]
        page: dict[str, Any] = {"value": [_of_central(row) for row in found]}
        if begin + self.page_size < len(rows):
            more = {key: value for key, value in asked.items() if key != "$skiptoken"}
            link = urlencode({**more, "$skiptoken": str(found[-1].number)})
            page["@odata.nextLink"] = f"{self.base}{urlsplit(path).path}?{link}"
        return page

    def of_kobo(self, asked: dict[str, str]) -> dict[str, Any]:
        query = json.loads(asked.get("query", "{}")).get("$and", [])
        since = next((one["$or"][0]["_submission_time"]["$gt"] for one in query if "$or" in one), "")
        last = next((one["_id"]["$gt"] for one in query if "_id" in one), 0)
        rows = [row for row in self.rows.values() if row.number > last and (not since or _plain(row.changed) > since)]
        rows.sort(key=lambda row: row.number)
        more = "more" if len(rows) > self.page_size else None
        return {"next": more, "results": [_of_kobo(row) for row in rows[: self.page_size]]}


def _plain(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S")


def _of_central(row: Row) -> dict[str, Any]:
    changed = None if row.changed == row.received else row.changed.isoformat()
    return {"__id": str(row.number), "n": row.number, "answer": row.answer,
            "__system": {"submissionDate": row.received.isoformat(), "updatedAt": changed}}  # fmt: skip


def _of_kobo(row: Row) -> dict[str, Any]:
    return {"_id": row.number, "_uuid": str(row.number), "n": row.number, "answer": row.answer,
            "_submission_time": _plain(row.received), "_date_modified": _plain(row.changed)}  # fmt: skip


def pull(server: Server, store: dict[int, int], folder: Path) -> None:
    """What `collect pull` does, page by page, with a store that keeps one answer of each submission."""
    login = Login(server.kind, server.base, "", "secret")
    wire: Any = server
    reader = Central(wire, login, 1, "household") if server.kind == "central" else Kobo(wire, login, "asset")
    bookmark = bookmark_of(folder, *WHAT)
    for page in reader.pages(bookmark):
        asked_at = server.asked_at
        found = json.loads(page.data)
        for row in found.get("value", found.get("results")):
            store[row["n"]] = max(row["answer"], store.get(row["n"], 0))
        if server.todo and server.todo[0] == "cut after":  # the page is safe and the bookmark is not
            server.todo.pop(0)
            raise CutError
        bookmark = bookmark.after(page.newest, page.following, asked_at)
        keep_bookmark(bookmark, folder, *WHAT)


EVENTS = st.one_of(
    st.just("add"),
    st.builds("edit {}".format, st.integers(0, 9)),
    st.builds("delete {}".format, st.integers(0, 9)),
    st.sampled_from(["cut", "cut after", "wait"]),
)


@pytest.mark.parametrize("kind", ["central", "kobo"])
@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(
    first=st.integers(0, 7), size=st.integers(1, 3), todo=st.lists(EVENTS, max_size=25), pulls=st.integers(1, 4),
    tells_time=st.booleans(),
)  # fmt: skip
def test_whatever_happens_between_two_questions_the_store_ends_equal_to_the_server(
    kind: str, tmp_path_factory: pytest.TempPathFactory, first: int, size: int, todo: list[str], pulls: int,
    tells_time: bool,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("pulled")
    server = Server(kind, size, [], tells_time)
    store: dict[int, int] = {}
    for _ in range(first):
        server.happens("add")
    server.todo = list(todo)
    rounds = 0
    while server.todo or rounds < pulls:
        rounds += 1
        try:
            pull(server, store, folder)
        except CutError:
            continue
    pull(server, store, folder)  # the rest of a round that was cut
    pull(server, store, folder)  # and one of a server that stands still
    here = {number: store[number] for number in server.rows if number in store}  # deletions are looked up apart
    assert here == {number: row.answer for number, row in server.rows.items()}


def test_a_bookmark_never_passes_the_moment_its_round_began() -> None:
    first = Bookmark("2026-11-22T05:00:00Z").after("2026-11-22T07:00:00Z", "more", "2026-11-22T06:00:00Z")
    last = first.after("2026-11-22T09:00:00Z", "", "2026-11-22T09:00:00Z")
    assert last == Bookmark("2026-11-22T06:00:00Z")
    assert datetime.fromisoformat(last.asked_from()) == datetime(2026, 11, 22, 6, tzinfo=UTC) - OVERLAP


@pytest.mark.parametrize(
    ("known", "day", "whole"),
    [
        ("2026-11-22T05:00:00Z", "2026-11-20T00:00:00.000Z", True),
        ("2026-11-22T05:00:00", "2026-11-23T00:00:00.000Z", False),
        ("", "2026-11-20T00:00:00.000Z", False),
        ("", "", True),
    ],
)
def test_a_pull_since_a_day_moves_the_bookmark_only_where_nothing_lies_between(
    known: str, day: str, whole: bool
) -> None:
    assert Bookmark(known).reaches(day) is whole
