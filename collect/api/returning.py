"""A link survives the login: who was sent away to log in comes back to the page they had asked for.

Streamlit sends everybody back to the first page. The browser says where it came from when it leaves for the login; that
address waits in a cookie until it returns. Only addresses of this very app are taken, so nobody can be led elsewhere.
"""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "phu_return"
LEAVES, RETURNS = "/auth/login", "/oauth2callback"
WAITS_SECONDS = 900  # a password is looked for, a second factor typed
LONGEST = 2000  # characters; a browser keeps 4,096 bytes a cookie


class Returning:
    """ASGI middleware: notes the address on the way to the login, and leads there on the way back."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on; the answers of two addresses are changed on their way out."""
        path = scope["path"] if scope["type"] == "http" else ""
        if not path.endswith((LEAVES, RETURNS)):
            await self.app(scope, receive, send)
            return
        leaves = path.endswith(LEAVES)
        base = path.removesuffix(LEAVES if leaves else RETURNS)
        wanted = came_from(Headers(scope=scope), base) if leaves else _kept(Headers(scope=scope), base)

        async def led(message: Message) -> None:
            if message["type"] == "http.response.start" and wanted and 300 <= message["status"] < 400:
                headers = MutableHeaders(scope=message)
                if leaves:
                    headers.append("set-cookie", _cookie(quote(wanted, safe="/?="), WAITS_SECONDS, base))
                else:
                    headers["location"] = wanted
                    headers.append("set-cookie", _cookie("", 0, base))
            await send(message)

        await self.app(scope, receive, led)


def came_from(headers: Headers, base: str) -> str:
    """The page of this app that somebody leaves for the login, with what its address asks; "" where it is none."""
    page = urlsplit(headers.get("referer", ""))
    if not page.netloc or page.netloc != headers.get("host"):
        return ""
    return _page_of_ours(f"{page.path}?{page.query}" if page.query else page.path, base)


def _kept(headers: Headers, base: str) -> str:
    return _page_of_ours(unquote(cookie_parser(headers.get("cookie", "")).get(COOKIE, "")), base)


def _page_of_ours(address: str, base: str) -> str:
    """The address, where it is a page below ``base`` and nothing else; "" otherwise."""
    path = address.partition("?")[0]
    inside = path.startswith(f"{base}/") and path.removeprefix(base).count("/") == 1
    plain = all(" " < letter <= "~" and letter not in '\\"<>' for letter in address)
    ours = inside and not path.startswith("//") and not path.endswith(RETURNS)
    return address if ours and plain and len(address) <= LONGEST else ""


def _cookie(value: str, seconds: int, base: str) -> str:
    return f"{COOKIE}={value}; Path={base or '/'}; Max-Age={seconds}; HttpOnly; SameSite=Lax"
