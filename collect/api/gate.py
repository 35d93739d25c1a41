"""What stands before every answer of the server: addresses that lead nowhere, what no stranger may ask, safe headers.

Streamlit answers any address with its first page, and below the root that page finds none of its parts and stays white.
Here such an address is led to where it meant, or is told to be none.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collect.access import from_here
from collect.api.answers import language
from collect.i18n import LANGUAGES, t

COMMUNE = re.compile(r"/commune/([0-9]{5})/?")
SERVED = ("/_stcore/", "/media/", "/component/", "/app/")  # files, HTML among them: never pages
METRICS = "/_stcore/metrics"  # names and sizes of what the server holds
HOST = re.compile(r"[\w.:\[\]-]+")
SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
# Streamlit's own page writes styles and scripts into itself, draws charts with code it makes, and pictures from memory.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "connect-src 'self' data: blob: {sockets}; media-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><base href="{base}">
<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">
<title>{title} · Phủ</title>
<style>{fonts}body{{font:1rem/1.6 'Be Vietnam Pro','Noto Sans Khmer',sans-serif;margin:0;color:#1c2733;background:#fff}}
main{{max-width:40rem;margin:12vh auto;padding:0 1.25rem}}h1{{font-size:1.75rem;line-height:1.3}}a{{color:#0b5fa5}}
@media (prefers-color-scheme:dark){{body{{color:#e8edf2;background:#10161d}}a{{color:#5fb0f0}}}}</style></head>
<body><main><h1>{title}</h1><p>{about}</p><p><a href="{base}?lang={lang}">{start}</a></p></main></body></html>"""


class Gate:
    """ASGI middleware, the outermost.

    ``pages``: codes of all pages in the address; ``fonts``: style rules; ``remembers``: the cookie that holds
    the language somebody used last; ``measured``: whether this machine's user may read the server's metrics.
    """

    def __init__(  # noqa: PLR0913  # what a page of its own must know
        self, app: ASGIApp, pages: Collection[str], default: str, base: str, fonts: str, remembers: str, measured: bool
    ) -> None:
        self.app = app
        self.root = f"/{base.strip('/')}".rstrip("/")
        self.pages = {f"{self.root}/{code}" for code in pages} | {self.root}
        self.default, self.fonts, self.remembers, self.measured = default, fonts, remembers, measured

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on; what comes back gets its headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._dress(MutableHeaders(scope=message), Headers(scope=scope))
            await send(message)

        path = scope["path"]
        inside = path.removeprefix(self.root)
        instead = self._instead(inside, scope)
        if instead is not None:
            await instead(scope, receive, dressed)
        elif path in self.pages or inside.startswith(SERVED):
            await self.app(scope, receive, dressed)
        else:
            await self._or_no_page(scope, receive, dressed)

    def _instead(self, inside: str, scope: Scope) -> Response | None:
        """What answers at once: nothing of ours for a stranger, and the right address for one that means a page."""
        if inside == METRICS and not (self.measured and from_here(Headers(scope=scope))):
            return PlainTextResponse("Not Found", status_code=404)
        asked = Request(scope).query_params.multi_items()
        commune = COMMUNE.fullmatch(inside)
        if commune is not None:
            asked = [*((name, value) for name, value in asked if name != "id"), ("id", commune[1])]
            return RedirectResponse(f"{self.root}/commune?{urlencode(asked)}")
        if inside != "/" and inside.endswith("/") and f"{self.root}{inside.rstrip('/')}" in self.pages:
            return RedirectResponse(f"{self.root}{inside.rstrip('/')}{'?' * bool(asked)}{urlencode(asked)}")
        return None

    async def _or_no_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on; where Streamlit answers with its page, which is none at this address, say so."""
        none_here = False

        async def looked_at(message: Message) -> None:
            nonlocal none_here
            if message["type"] == "http.response.start":
                kind = Headers(raw=message.get("headers", [])).get("content-type", "")
                none_here = message["status"] == 200 and kind.startswith("text/html")
            if not none_here:
                await send(message)

        await self.app(scope, receive, looked_at)
        if none_here:
            await self._no_page(Request(scope))(scope, receive, send)

    def _no_page(self, request: Request) -> Response:
        used = request.cookies.get(self.remembers, self.default)
        lang = used if used in LANGUAGES and "lang" not in request.query_params else language(request, self.default)
        words = {"title": "foreign.no_page", "about": "door.no_page", "start": "door.no_page.start"}
        said = {name: html.escape(t(key, lang)) for name, key in words.items()}
        body = PAGE.format(lang=lang, base=f"{self.root}/", fonts=self.fonts, **said)
        return HTMLResponse(body, status_code=404, headers={"Cache-Control": "no-store", "Content-Language": lang})

    def _dress(self, headers: MutableHeaders, asked: Headers) -> None:
        for name, value in SAFE.items():
            headers.setdefault(name, value)
        if headers.get("content-type", "").startswith("text/html"):
            host = asked.get("host", "")
            sockets = f"ws://{host} wss://{host}" if HOST.fullmatch(host) else ""
            headers.setdefault("Content-Security-Policy", POLICY.format(sockets=sockets))
            headers.setdefault("X-Frame-Options", "DENY")
