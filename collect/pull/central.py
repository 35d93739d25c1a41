"""Pulls submissions from ODK Central's OData, repeats expanded, by the server's own links from page to page."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import quote

from collect.problems import ServerError
from collect.pull.bookmark import BEGINNING, Bookmark
from collect.pull.logins import Login
from collect.pull.wire import Page, UnknownAccountError, Wire, document, rows_of, within

PAGE_SIZE = 500
NAMES_SIZE = 10_000  # names alone are short
CLOSED = "notDecrypted"
STAMP = (1980, 1, 1, 0, 0, 0)  # the same submissions give the same bytes: the clock is not content
INSTANCE_ID = re.compile(rb"instanceID(?:\s*=\s*\"|>)\s*([^<>\"\s]+)")  # of an envelope, which no person wrote
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
            closed = {str(row["__id"]): _version(row) for row in rows if _system(row).get("status") == CLOSED}
            newest = max((_instant(row) for row in rows), default="")
            names = {str(row["__id"]): _changed(row) for row in rows}
            yield Page(body, len(rows) - len(closed), newest, path, closed, names)

    def count(self) -> int | None:
        """How many submissions the form has there now, deleted ones apart; None where the server does not say."""
        body = self._get(f"{self._of_form()}.svc/Submissions", {"$top": "0", "$count": "true"})
        said = document(body, self.wire.base).get("@odata.count")
        return said if isinstance(said, int) else None

    def names(self) -> Iterator[tuple[str, str]]:
        """The name of every submission that is there now, deleted ones apart, and when it last changed."""
        yield from ((str(row["__id"]), _instant(row)) for row in self._listed({}))

    def changes(self) -> Iterator[tuple[str, str]]:
        """The name of every submission that was ever edited or reviewed there, and the instant of its last change."""
        listed = self._listed({"$filter": f"{CHANGED} gt {BEGINNING:%Y-%m-%dT%H:%M:%S.000Z}"})
        yield from ((str(row["__id"]), _changed(row)) for row in listed if _changed(row))

    def _listed(self, which: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Submissions without their answers."""
        path = f"{self._of_form()}.svc/Submissions"
        params: dict[str, str] | None = {"$select": "__id,__system", "$top": str(NAMES_SIZE), **which}
        while path:
            found = document(self._get(path, params), self.wire.base)
            rows = rows_of(found, "value", "__id", self.wire.base)
            yield from rows
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

    def sealed(self, names: Iterable[str]) -> tuple[bytes, dict[str, str]]:
        """A zip of encrypted submissions as phones sent them: a folder each, with the envelope and its files.

        Also the id that each bears now, which an edit changes. One that was deleted meanwhile is left out; b"" where
        none is there.
        """
        packed, ids = io.BytesIO(), dict[str, str]()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, name in enumerate(names):
                path = self._of(name)
                try:
                    envelope = self._get(f"{path}.xml", None)
                except ServerError as error:
                    if error.code != "PUL-03":
                        raise
                    continue
                if found := INSTANCE_ID.search(envelope):
                    ids[name] = found[1].decode(errors="replace")
                archive.writestr(zipfile.ZipInfo(f"{number:04d}/submission.xml", STAMP), envelope)
                for file in self._attachments(path):
                    data = self._get(f"{path}/attachments/{quote(file, safe='')}", None)
                    archive.writestr(zipfile.ZipInfo(f"{number:04d}/{PurePosixPath(file).name}", STAMP), data)
            empty = not archive.namelist()
        return b"" if empty else packed.getvalue(), ids

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


def _changed(row: dict[str, object]) -> str:
    """When it was edited or reviewed last; "" where it never was."""
    return str(_system(row).get("updatedAt") or "")


def _version(row: dict[str, object]) -> str:
    """What an edit changes and a review does not; servers that do not count edits tell when there was either.

    "0" of one that was never edited.
    """
    edits = _system(row).get("edits")
    return (_changed(row) or "0") if edits is None else str(edits)


def _instant(row: dict[str, object]) -> str:
    said = _system(row)
    return max(str(said.get(name) or "") for name in ("submissionDate", "updatedAt"))
