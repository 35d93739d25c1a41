"""Whatever a server receives, changes or loses between two questions of ours, wherever a pull is cut, and whatever its
clock does: in the end the store holds what the server holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from check_tables import rows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from collect.pull import Bookmark, Central, Kobo, Login, Pulling
from collect.pull.bookmark import OVERLAP, bookmark_of, keep_bookmark

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
    true: datetime = BEGIN
    wrong: timedelta = timedelta()  # how much its clock is ahead
    rows: dict[int, Row] = field(default_factory=dict)
    numbers: int = 0
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": "known"})
    base: str = "https://server"
    asked: list[dict[str, str]] = field(default_factory=list)
    asked_at: str = ""
    ahead: float | None = None

    @property
    def now(self) -> datetime:
        return self.true + self.wrong

    def happens(self, event: str) -> None:
        self.true += STEP
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
        elif name == "clock" and self.tells_time:
            self.wrong += timedelta(minutes=int(which))
        elif name == "cut":
            raise CutError

    def get(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()} | dict(params or {})
        self.asked.append(asked)
        if self.tells_time:
            self.asked_at, self.ahead = self.now.isoformat(), self.wrong.total_seconds()
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
        size = min(self.page_size, int(asked["$top"]))
        found = rows[begin : begin + size]
        page: dict[str, Any] = {"value": [_of_central(row) for row in found], "@odata.count": len(rows)}
        if size and begin + size < len(rows):
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
        return {"next": more, "count": len(rows), "results": [_of_kobo(row) for row in rows[: self.page_size]]}


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
    """A pull into a store that keeps one answer of each submission."""
    login = Login(server.kind, server.base, "", "secret")
    wire: Any = server
    reader = Central(wire, login, 1, "household") if server.kind == "central" else Kobo(wire, login, "asset")
    for page in Pulling(reader, folder, WHAT).pages():
        found = json.loads(page.data)
        for row in found.get("value", found.get("results")):
            store[row["n"]] = max(row["answer"], store.get(row["n"], 0))
        if server.todo and server.todo[0] == "cut after":  # the page is safe and the bookmark is not
            server.todo.pop(0)
            raise CutError


EVENTS = st.one_of(
    st.just("add"),
    st.builds("edit {}".format, st.integers(0, 9)),
    st.builds("delete {}".format, st.integers(0, 9)),
    st.builds("clock -{}".format, st.sampled_from([1, 5, 90, 3_000])),  # minutes
    st.sampled_from(["cut", "cut after", "wait"]),
)


@pytest.mark.parametrize("kind", ["central", "kobo"])
@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(
    first=st.integers(0, 7), size=st.integers(1, 3), todo=st.lists(EVENTS, max_size=25), pulls=st.integers(1, 4),
    tells_time=st.booleans(),
)  # fmt: skip
def test_whatever_happens_between_two_questions_the_store_ends_equal_to_the_server(
    kind: str, first: int, size: int, todo: list[str], pulls: int, tells_time: bool
) -> None:
    server = Server(kind, size, [], tells_time)
    store: dict[int, int] = {}
    for _ in range(first):
        server.happens("add")
    server.todo = list(todo)
    rounds = 0
    with TemporaryDirectory() as name:
        folder = Path(name)
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


MEANWHILE = """
| between two pulls             | the clock is told | then here        |
| clock -5; add                 | yes               | everything       |
| clock -5; edit 0              | yes               | everything       |
| add; clock -3000; add; edit 2 | yes               | everything       |
| clock -90; add; clock 90      | yes               | everything       |
| clock -90; add; clock 90      | no                | everything       |
| clock -90; edit 0; clock 90   | yes               | all but the edit |
"""


@pytest.mark.parametrize("kind", ["central", "kobo"])
@pytest.mark.parametrize("row", rows_of(MEANWHILE), ids=lambda row: row["between two pulls"])
def test_a_clock_that_was_set_back_between_two_pulls_hides_nothing_that_came(
    kind: str, row: dict[str, str | None], tmp_path: Path
) -> None:
    server, store = Server(kind, 2, [], tells_time=True), dict[int, int]()
    for _ in range(5):
        server.happens("add")
    pull(server, store, tmp_path)
    for event in str(row["between two pulls"]).split("; "):
        server.happens(event)
    if row["the clock is told"] == "no":
        server.tells_time, server.asked_at, server.ahead = False, "", None
    pull(server, store, tmp_path)
    there = {number: one.answer for number, one in server.rows.items()}
    assert (store == there) == (row["then here"] == "everything")
    assert store.keys() == there.keys()
    asked = len(server.asked)
    pull(server, store, tmp_path)
    listing = [one for one in server.asked[asked:] if one.get("limit") != "1" and ("$select" in one or "fields" in one)]
    assert listing == [], "what was found is not looked for again"
    keep_bookmark(replace(bookmark_of(tmp_path, *WHAT), looked="the day before"), tmp_path, *WHAT)
    pull(server, store, tmp_path)
    assert store == there or kind == "kobo", "the next day what changed is compared"


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
