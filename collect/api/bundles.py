"""Streamlit's own scripts and styles, sent compressed: as Streamlit sends them, a slow line waits three times as long.

Each file is compressed once and kept; its name holds a hash of its contents, so browsers may keep it for ever.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

TYPES = {".js": "application/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
FOR_EVER = "public, immutable, max-age=31536000"


class Bundles:
    """ASGI middleware: answers ``/static/...`` compressed where the browser takes it, and leaves all else alone."""

    def __init__(self, app: ASGIApp, folder: Path, base: str = "") -> None:
        self.app = app
        self.folder = folder.resolve()
        self.prefix = f"/{base.strip('/')}/static/".replace("//", "/")
        self.compressed: Callable[[Path], bytes] = lru_cache(maxsize=None)(_compressed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        file = self._file(scope)
        if file is None:
            await self.app(scope, receive, send)
            return
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding", "Cache-Control": FOR_EVER}
        body = await run_in_threadpool(self.compressed, file)
        await Response(body, media_type=TYPES[file.suffix], headers=headers)(scope, receive, send)

    def _file(self, scope: Scope) -> Path | None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(self.prefix):
            return None
        if "gzip" not in Headers(scope=scope).get("accept-encoding", ""):
            return None
        path = (self.folder / scope["path"].removeprefix(self.prefix)).resolve()
        found = path.suffix in TYPES and self.folder in path.parents and path.is_file()
        return path if found else None


def _compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 6, mtime=0)
