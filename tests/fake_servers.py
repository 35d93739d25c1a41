"""ODK Central and KoboToolbox as their documentation describes them, on loopback, with the troubles servers have."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, unquote_plus, urlencode, urlsplit

PASSWORD, TOKEN = "đúng mật khẩu", "0123456789abcdef"
INSTANT = re.compile(r"__system/(submissionDate|updatedAt) gt (\S+?Z)")


@dataclass
class Fake:
    """What the server holds and how it misbehaves. ``trouble``: for the next data requests, in order, then none."""

    rows: list[dict[str, Any]]
    trouble: list[str] = field(default_factory=list)  # cut, busy, busy-long, gate, expire
    file_trouble: list[str] = field(default_factory=list)  # the same for the next requests for files
    page_size: int = 1_000  # the most a page holds, whatever is asked
    asked: list[str] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    url: str = ""
    files: dict[str, object] = field(default_factory=dict)  # by path: text, bytes, what becomes JSON, or `Elsewhere`
    secret: str = PASSWORD  # what opens it now
    shown: list[str | None] = field(default_factory=list)  # credentials shown where none are needed
    rests: list[int] = field(default_factory=list)  # where the parts began that were asked for after a break


@dataclass(frozen=True)
class Elsewhere:
    """Where a server sends who asks for a file: a store of files, which needs no credentials below /store/."""

    url: str


@contextmanager
def serving(fake: Fake, tls: ssl.SSLContext | None = None) -> Iterator[Fake]:
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    fake.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)  # it ends at once
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    fake: Fake

    def log_message(self, *_: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The server's clock: the second of the newest instant that any submission bears."""
        return super().date_time_string(max((_stamp(row) for row in self.fake.rows), default=timestamp))

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/sessions" or said["password"] != self.fake.secret:
            self._answer(401, {"code": 401.2, "message": "Could not authenticate with the provided credentials."})
            return
        token = f"session{len(self.fake.asked)}{len(self.fake.sessions)}"
        self.fake.sessions.add(token)
        self._answer(200, {"token": token, "csrf": "x", "expiresAt": "2026-11-24T00:00:00.000Z"})

    def do_GET(self) -> None:
        self.fake.asked.append(unquote_plus(self.path))
        is_file = isinstance(self.fake.files.get(unquote(urlsplit(self.path).path)), bytes)
        troubles = self.fake.file_trouble if is_file else self.fake.trouble
        trouble = troubles.pop(0) if troubles else ""
        if trouble == "expire":
            self.fake.sessions.clear()
        if self.path.startswith("/store/"):
            self.fake.shown.append(self.headers.get("Authorization"))
            self._answer(200, self.fake.files[self.path], cut=trouble == "cut")
        elif not self._known():
            self._answer(401, {"detail": "Invalid token."})
        elif trouble.startswith("busy"):
            self._answer(429, {}, {"Retry-After": "3600" if trouble == "busy-long" else "7"})
        elif trouble == "gate":
            self._answer(200, "<html>Welcome to the free Wi-Fi</html>")
        else:
            self._data(cut=trouble == "cut")

    def _known(self) -> bool:
        kind, _, secret = self.headers.get("Authorization", "").partition(" ")
        return secret in self.fake.sessions if kind == "Bearer" else kind == "Token" and secret == self.fake.secret

    def _data(self, *, cut: bool) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/v1/projects/1/forms/household.svc/Submissions":
            self._answer(200, self._odata(asked), cut=cut)
        elif isinstance(found := self.fake.files.get(unquote(parts.path)), Elsewhere):
            self._answer(307, "", {"Location": found.url})
        elif isinstance(found, bytes):
            self._file(found, cut=cut)
        elif found is not None:
            self._answer(200, found, cut=cut)
        elif parts.path == "/api/v2/assets/aHousehold/data/":
            self._answer(200, self._kobo(asked), cut=cut)
        elif parts.path == "/api/v2/assets/":
            self._answer(200, {"count": 0, "results": []})
        else:
            self._answer(404, {"code": 404.1, "message": "Could not find the resource you were looking for."})

    def _file(self, content: bytes, *, cut: bool) -> None:
        """A file, or the part of it that was asked for where it is still the same."""
        headers = {
            "ETag": f'"{hashlib.md5(content).hexdigest()}"',
            "Accept-Ranges": "bytes",
            "Content-Type": "image/jpeg",
        }
        begin = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if begin and self.headers.get("If-Range") == headers["ETag"]:
            self.fake.rests.append(begin)
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            self._answer(206, content[begin:], headers, cut=cut)
        else:
            self._answer(200, content, headers, cut=cut)

    def _odata(self, asked: dict[str, str]) -> dict[str, Any]:
        """Newest first; ``$skiptoken`` names the last submission given, so that new ones shift no page."""
        limits = INSTANT.findall(asked.get("$filter", ""))
        rows = [row for row in self.fake.rows if not limits or any((row["__system"][key] or "") > instant
                for key, instant in limits)]  # fmt: skip
        rows = [row for row in rows if not row["__system"].get("deletedAt")]  # unless somebody filters by deletedAt
        rows.sort(key=lambda row: (row["__system"]["submissionDate"], row["__id"]), reverse=True)
        ids = [row["__id"] for row in rows]
        token = asked.get("$skiptoken")
        begin = 0 if token is None else ids.index(token) + 1 if token in ids else len(ids)  # gone: nothing, as Central
        size = min(int(asked["$top"]), self.fake.page_size)
        page: dict[str, Any] = {"value": rows[begin : begin + size]}
        if "$select" in asked:
            page["value"] = [{name: row[name] for name in asked["$select"].split(",")} for row in page["value"]]
        if asked.get("$count") == "true":
            page["@odata.count"] = len(rows)
        if size and begin + size < len(rows):
            following = urlencode({**asked, "$skiptoken": ids[begin + size - 1]})
            page["@odata.nextLink"] = f"https://central.example{urlsplit(self.path).path}?{following}"
        context = "https://central.example/v1/projects/1/forms/household.svc/$metadata#Submissions"
        return page | {"@odata.context": context}

    def _kobo(self, asked: dict[str, str]) -> dict[str, Any]:
        rows = [row for row in self.fake.rows if _meets(row, json.loads(asked.get("query", "{}")))]
        assert asked["limit"] == "1" or json.loads(asked["sort"]) == {"_id": 1}
        rows.sort(key=lambda row: row["_id"])
        size = min(int(asked["limit"]), self.fake.page_size)
        if "fields" in asked:
            rows = [{key: value for key, value in row.items() if key in json.loads(asked["fields"])} for row in rows]
        more = f"{self.fake.url}/api/v2/assets/aHousehold/data/?start={size}" if len(rows) > size else None
        return {"count": len(rows), "next": more, "previous": None, "results": rows[:size]}

    def _answer(
        self, status: int, content: object, headers: dict[str, str] | None = None, *, cut: bool = False
    ) -> None:
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        body = text.encode() if isinstance(text, str) else text
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = True


def _stamp(row: dict[str, Any]) -> float:
    said = row.get("__system", row)
    names = ("submissionDate", "updatedAt", "_submission_time", "_date_modified")
    instants = [datetime.fromisoformat(said[name]) for name in names if said.get(name)]
    return max(one.replace(tzinfo=one.tzinfo or UTC).timestamp() for one in instants)


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda value, limit: value is not None and value > limit,
    "$exists": lambda value, wanted: (value is not None) == wanted,
}


def _meets(row: dict[str, Any], query: dict[str, Any]) -> bool:
    """MongoDB's language as far as KoboToolbox lets it through; a dot leads into what is reserved for the server."""
    for key, value in query.items():
        if key == "$and" and not all(_meets(row, one) for one in value):
            return False
        if key == "$or" and not any(_meets(row, one) for one in value):
            return False
        if not key.startswith("$"):
            found: Any = row
            for step in key.split("."):
                found = found.get(step) if isinstance(found, dict) else None
            if not all(OPERATORS[name](found, wanted) for name, wanted in value.items()):
                return False
    return True
