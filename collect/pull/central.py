"""Pulls submissions from ODK Central's OData, repeats expanded, by the server's own links from page to page."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar
from urllib.parse import quote

from collect.problems import ServerError
from collect.pull.bookmark import Bookmark
from collect.pull.logins import Login
from collect.pull.wire import Page, UnknownAccountError, Wire, document, rows_of, within

PAGE_SIZE = 500
NAMES_SIZE = 10_000  # names alone are short
CLOSED = "notDecrypted"
STAMP = (1980, 1, 1, 0, 0, 0)  # the same submissions give the same bytes: the clock is not content
Answer = TypeVar("Answer")
RECEIVED, CHANGED = "__system/submissionDate", "__system/updatedAt"


@dataclass(slots=True)
class Central:
    """One form of one project. A session lasts a day: one that has ended is opened again, once a question."""

    wire: Wire
    login: Login
    project: int
    form: str

    source = "central-odata"

    def open(self) -> None:
        """Open a session. Raises ServerError PUL-02 when address and password do not agree."""
        self.wire.headers.pop("Authorization", None)
        body = self.wire.post("/v1/sessions", {"email": self.login.user, "password": self.login.secret})
        token = document(body, self.wire.base).get("token")
        if not token:
            raise ServerError("PUL-05", url=self.wire.base, status="200")
        self.wire.headers["Authorization"] = f"Bearer {token}"

    def pages(self, bookmark: Bookmark) -> Iterator[Page]:
        """Every page from the bookmark on; a page without submissions is the last and is given too."""
        path, params = (bookmark.next, None) if bookmark.next else self._first(bookmark)
        ended = ""  # a link that came out empty
        while path:
            body = self._get(path, params)
            found = document(body, self.wire.base)
            rows = rows_of(found, "value", "__id", self.wire.base)
            if not rows and params is None and path != ended:
                # the submission that the link goes on after is gone, and all behind it seem gone with it: begin again,
                # until the same link comes out empty twice
                ended, (path, params) = path, self._first(bookmark)
                continue
            params = None
            path = within(found.get("@odata.nextLink")) if rows else ""
            closed = tuple(str(row.get("__id")) for row in rows if _system(row).get("status") == CLOSED)
            newest = max((_instant(row) for row in rows), default="")
            names = tuple(str(row.get("__id")) for row in rows)
            yield Page(body, len(rows) - len(closed), newest, path, closed, names)

    def count(self) -> int | None:
        """How many submissions the form has there now, deleted ones apart; None where the server does not say."""
        body = self._get(f"{self._of_form()}.svc/Submissions", {"$top": "0", "$count": "true"})
        said = document(body, self.wire.base).get("@odata.count")
        return said if isinstance(said, int) else None

    def names(self) -> Iterator[tuple[str, str]]:
        """The name of every submission that is there now, deleted ones apart, and when it last changed."""
        path = f"{self._of_form()}.svc/Submissions"
        params: dict[str, str] | None = {"$select": "__id,__system", "$top": str(NAMES_SIZE)}
        while path:
            found = document(self._get(path, params), self.wire.base)
            rows = rows_of(found, "value", "__id", self.wire.base)
            yield from ((str(row["__id"]), _instant(row)) for row in rows)
            path, params = within(found.get("@odata.nextLink")) if rows else "", None

    def files(self, page: Page) -> Iterator[tuple[str, str, str]]:
        """The files of a page's submissions: whose, its name, where it is asked for; `sealed` brings encrypted ones."""
        for row in rows_of(document(page.data, self.wire.base), "value", "__id", self.wire.base):
            name = str(row["__id"])
            if name not in page.closed and _system(row).get("attachmentsPresent"):
                path = self._of(name)
                for file in self._attachments(path):
                    yield name, file, f"{path}/attachments/{quote(file, safe='')}"

    def file(self, path: str, largest: int) -> bytes | None:
        """A file, as `Wire.file` gives it."""
        return self._known(lambda: self.wire.file(path, largest))

    def sealed(self, names: Sequence[str]) -> bytes:
        """A zip of encrypted submissions as phones sent them: a folder each, with the envelope and its files.

        One that was deleted meanwhile is left out; b"" where none is there.
        """
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, name in enumerate(names):
                path = self._of(name)
                try:
                    envelope = self._get(f"{path}.xml", None)
                except ServerError as error:
                    if error.code != "PUL-03":
                        raise
                    continue
                archive.writestr(zipfile.ZipInfo(f"{number:04d}/submission.xml", STAMP), envelope)
                for file in self._attachments(path):
                    data = self._get(f"{path}/attachments/{quote(file, safe='')}", None)
                    archive.writestr(zipfile.ZipInfo(f"{number:04d}/{PurePosixPath(file).name}", STAMP), data)
            found = bool(archive.namelist())
        return packed.getvalue() if found else b""

    def _attachments(self, path: str) -> list[str]:
        """The files of a submission that have arrived."""
        try:
            listed = json.loads(self._get(f"{path}/attachments", None))
            return [str(one["name"]) for one in listed if one["exists"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ServerError("PUL-05", url=self.wire.base, status="200") from error

    def _first(self, bookmark: Bookmark) -> tuple[str, dict[str, str] | None]:
        """The question for the first page: all, or what was received or changed since."""
        asked = {"$expand": "*", "$top": str(PAGE_SIZE)}
        if since := bookmark.asked_from():
            asked["$filter"] = f"{RECEIVED} gt {since} or {CHANGED} gt {since}"
        return f"{self._of_form()}.svc/Submissions", asked

    def _of_form(self) -> str:
        return f"/v1/projects/{self.project}/forms/{quote(self.form, safe='')}"

    def _of(self, submission: str) -> str:
        return f"{self._of_form()}/submissions/{quote(submission, safe='')}"

    def _get(self, path: str, params: dict[str, str] | None) -> bytes:
        return self._known(lambda: self.wire.get(path, params))

    def _known(self, ask: Callable[[], Answer]) -> Answer:
        """Ask in a session; in a new one where ours has ended."""
        if "Authorization" not in self.wire.headers:
            self.open()
        try:
            return ask()
        except UnknownAccountError:
            self.open()
            return ask()


def _system(row: dict[str, object]) -> dict[str, object]:
    system = row.get("__system")
    return system if isinstance(system, dict) else {}


def _instant(row: dict[str, object]) -> str:
    said = _system(row)
    return max(str(said.get(name) or "") for name in ("submissionDate", "updatedAt"))
