"""Scripts, styles and fonts as browsers want them: compressed, and kept for ever.

As Streamlit sends its own, a slow line waits three times as long; and what its components bring with them it lets no
browser keep. Each file is compressed once; its address holds a hash of what it contains, so it is never asked again.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

TYPES = {
    ".js": "application/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json",
    ".woff2": "font/woff2",
}  # fmt: skip
COMPRESSED_ALREADY = {".woff2"}
FOR_EVER = "public, immutable, max-age=31536000"


class Bundles:
    """ASGI middleware: answers for ``folders`` (by how their addresses begin), and leaves all else alone."""

    def __init__(self, app: ASGIApp, folders: Mapping[str, Path]) -> None:
        self.app = app
        self.folders = {begin: folder.resolve() for begin, folder in folders.items()}
        self.compressed: Callable[[Path], bytes] = lru_cache(maxsize=None)(_compressed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        file = self._file(scope)
        if file is None:
            await self.app(scope, receive, send)
            return
        headers = {"Cache-Control": FOR_EVER, "Access-Control-Allow-Origin": "*"}
        if file.suffix in COMPRESSED_ALREADY:
            body = await run_in_threadpool(file.read_bytes)
        else:
            body = await run_in_threadpool(self.compressed, file)
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        await Response(body, media_type=TYPES[file.suffix], headers=headers)(scope, receive, send)

    def _file(self, scope: Scope) -> Path | None:
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        begin = next((begin for begin in self.folders if scope["path"].startswith(begin)), None)
        if begin is None or "gzip" not in Headers(scope=scope).get("accept-encoding", ""):
            return None
        path = (self.folders[begin] / scope["path"].removeprefix(begin)).resolve()
        found = path.suffix in TYPES and self.folders[begin] in path.parents and path.is_file()
        return path if found else None


def _compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 6, mtime=0)
