"""Asks a server politely: waits when told to, tries again when a line breaks, and says in words what went wrong."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import httpx

from collect.problems import ServerError

BUSY = (429, 502, 503, 504)
REFUSED = (401, 403, 404)
TRIES = 6  # with the waits below: about a minute of a broken line
FIRST_WAIT, LONGEST_WAIT = 1.0, 600.0  # seconds; asked to wait longer, we say so and stop: the next pull goes on
TIMEOUT = httpx.Timeout(30.0, read=180.0)  # Central takes a minute over a page of many repeats
LARGEST_PAGE = 1 << 29  # bytes


@dataclass(frozen=True, slots=True)
class Page:
    """One page as the server sent it, with ``count`` submissions; ``following`` and ``newest`` are for the bookmark.

    ``names``: of all of them, as the server keeps them through edits, with the instant of the last change that it
    tells. ``closed``: those that are encrypted, which the page lists without their answers, with their version.
    """

    data: bytes
    count: int
    newest: str
    following: str
    closed: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def _line() -> httpx.Client:
    """A line that stays open from question to question, and keeps no cookies: who asks is said each time."""
    return httpx.Client(timeout=TIMEOUT, cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())))


class UnknownAccountError(ServerError):
    """The server does not know us (any more): PUL-02."""


class TooLargeError(ServerError):
    """An answer is longer than anybody asked for: PUL-05."""


@dataclass(slots=True)
class _Body:
    """What came of an answer before the line broke; ``mark`` names that very content, "" where the server names none.

    RFC 9110, 13.1.5 and 14: the rest is asked for if the content is still the same, else all of it comes.
    """

    data: bytearray = field(default_factory=bytearray)
    mark: str = ""

    def asks(self) -> dict[str, str]:
        """The headers of the next question."""
        return {"Range": f"bytes={len(self.data)}-", "If-Range": self.mark} if self.data and self.mark else {}

    def goes_on(self, answer: httpx.Response) -> None:
        """Forget what came before unless the answer is its rest. Raises RequestError where it is another part."""
        if answer.status_code == httpx.codes.PARTIAL_CONTENT:
            if answer.headers.get("Content-Range", "").startswith(f"bytes {len(self.data)}-"):
                return
            self.mark = ""
            raise httpx.RemoteProtocolError("another part", request=answer.request)
        self.data.clear()
        mark, plain = answer.headers.get("ETag", ""), "Content-Encoding" not in answer.headers
        self.mark = mark if plain and mark.startswith('"') and answer.headers.get("Accept-Ranges") == "bytes" else ""


@dataclass(slots=True)
class Wire:
    """A line to one server. ``wait`` is how seconds pass: tests let none pass."""

    base: str
    wait: Callable[[float], None] = field(default_factory=lambda: time.sleep)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    asked_at: str = ""  # when the last question was asked, by the server's clock; "" where it does not tell
    ahead: float | None = None  # by how many seconds that clock was before ours; None where it does not tell
    _line: httpx.Client = field(default_factory=_line, repr=False)

    def get(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """The body of a good answer.

        Raises
        ------
        ServerError
            PUL-01 no answer, PUL-02 not known, PUL-03 not there or not for us, PUL-04 too busy, PUL-05 anything else,
            PUL-10 nobody vouches for who answers.
        """
        return self._patiently("GET", path, {"params": dict(params)} if params else {})

    def file(self, path: str, largest: int) -> bytes | None:
        """A file; None where it is not there or is larger than ``largest`` bytes. Raises ServerError as `get` does.

        A server may send us on to where its files lie; whoever that is gets no credentials of ours.
        """
        try:
            return self._patiently("GET", path, {"follow_redirects": True}, largest)
        except TooLargeError:
            return None
        except ServerError as error:
            if error.code == "PUL-03":
                return None
            raise

    def post(self, path: str, content: Mapping[str, str]) -> bytes:
        """The body of a good answer to a JSON document. Raises ServerError as `get` does."""
        return self._patiently("POST", path, {"json": dict(content)})

    def _patiently(self, method: str, path: str, how: Mapping[str, Any], largest: int = LARGEST_PAGE) -> bytes:
        reason, busy, pause, body = "", False, FIRST_WAIT, _Body()
        for attempt in range(TRIES):
            try:
                answer = self._ask(method, path, how, largest, body)
            except httpx.RequestError as error:
                _refuse_strangers(error, self.base)
                reason, busy, seconds = type(error).__name__, False, pause
            else:
                if answer.status_code not in BUSY:
                    return self._good(answer, bytes(body.data), path)
                reason, busy, seconds = str(answer.status_code), True, _asked_to_wait(answer) or pause
            if seconds > LONGEST_WAIT:
                raise ServerError("PUL-04", url=self.base, minutes=round(seconds / 60))
            if attempt + 1 < TRIES:
                self.wait(seconds)
            pause *= 2
        if busy:
            raise ServerError("PUL-04", url=self.base, minutes=round(pause / 60) or 1)
        raise ServerError("PUL-01", url=self.base, reason=reason)

    def _ask(self, method: str, path: str, how: Mapping[str, Any], largest: int, body: _Body) -> httpx.Response:
        """One question, its answer in ``body``; RequestError when the line breaks inside it or leads in circles."""
        address, begin = self.base + path, time.monotonic()
        with self._line.stream(method, address, headers=self.headers | body.asks(), **how) as answer:
            made = _moment_made(answer)
            waited = timedelta(seconds=time.monotonic() - begin)  # made at most so long after it was asked for
            self.asked_at = "" if made is None else _text(made - waited)
            self.ahead = None if made is None else (made - datetime.now(UTC)).total_seconds()
            body.goes_on(answer)
            for piece in answer.iter_bytes():
                body.data += piece
                if len(body.data) > largest:
                    raise TooLargeError("PUL-05", url=self.base, status=f"> {largest >> 20} MB")
            return answer

    def _good(self, answer: httpx.Response, body: bytes, path: str) -> bytes:
        if answer.status_code == 401:
            raise UnknownAccountError("PUL-02", url=self.base)
        if answer.status_code in REFUSED:
            raise ServerError("PUL-03", url=self.base, what=urlsplit(path).path)
        if not answer.is_success:
            raise ServerError("PUL-05", url=self.base, status=answer.status_code)
        return body


def within(link: object) -> str:
    """A link's path and query: it is asked of the server we know, whatever host it names; "" where it has none."""
    parts = urlsplit(link if isinstance(link, str) else "")
    if not parts.path.startswith("/"):  # behind our server's name, "@elsewhere" would be another's
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _refuse_strangers(error: BaseException | None, base: str) -> None:
    """Raise ServerError PUL-10 where the certificate was refused: to try again would change nothing."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            raise ServerError("PUL-10", url=base, reason=error.verify_message) from error
        error = error.__cause__ or error.__context__


def document(body: bytes, base: str) -> dict[str, Any]:
    """A body as a JSON object. Raises ServerError PUL-05: a gate or an error page answered in the server's place."""
    try:
        found = json.loads(body)
    except ValueError as error:
        raise ServerError("PUL-05", url=base, status="200") from error
    if not isinstance(found, dict):
        raise ServerError("PUL-05", url=base, status="200")
    return found


def rows_of(found: Mapping[str, Any], name: str, named_by: str, base: str) -> list[dict[str, Any]]:
    """The submissions of a page, each with its name. Raises ServerError PUL-05 where one of them is none: to go on
    would lose it, because the next page begins behind it.
    """
    rows = found.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get(named_by) for row in rows):
        raise ServerError("PUL-05", url=base, status="200")
    return rows


def _moment_made(answer: httpx.Response) -> datetime | None:
    """When an answer was made, by the server's clock; None where it does not tell."""
    try:
        made = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return made.replace(tzinfo=made.tzinfo or UTC).astimezone(UTC)


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _asked_to_wait(answer: httpx.Response) -> float | None:
    """Seconds of Retry-After, which is a number or a date; None without."""
    said = answer.headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
