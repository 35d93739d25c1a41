"""The document that every page begins with: Streamlit's own, which here also names what the page will be drawn with.

Streamlit's script asks for each part of itself (a table, a map) when a message first wants it, in five or six waves;
and below the root of the address it asks at a wrong address for its server before it tries the right one. Named in the
head of the document, the parts arrive while the browser still reads the script, and the server is found at once.
Nothing of Streamlit is changed: what an update calls otherwise is left out, and the page asks for it as before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from collect.pages import served

EVERYWHERE = ("Html", "PageLink", "ButtonGroup")
PARTS: Mapping[str, tuple[str, ...]] = {  # page -> the parts of Streamlit's script that it draws with
    **dict.fromkeys(("", "overview", "begin"), ("Selectbox", "Metric", "DataFrame")),  # all three are where one begins
    "map": ("Selectbox", "BidiComponent", "DownloadButton", "DataFrame"),
    "commune": ("Selectbox", "Checkbox", "DownloadButton", "DataFrame"),
    "gaps": ("Multiselect", "TextInput", "Button", "DownloadButton", "DataFrame"),
    "upload": ("FileUploader", "TextInput"),
    "review": ("Multiselect", "TextInput", "Checkbox", "Button", "DownloadButton", "DataFrame"),
    "quality": ("Selectbox", "Metric", "DownloadButton", "DataFrame", "ArrowVegaLiteChart"),
    "progress": ("Metric", "Progress", "Button", "DownloadButton", "DataFrame"),
    "forms": ("Selectbox", "Metric", "DownloadButton"),
    "method": ("Selectbox", "ArrowVegaLiteChart", "rehype-katex"),
}
OURS: Mapping[str, tuple[tuple[str, str], ...]] = {  # likewise what we serve: folder, file
    "map": (
        ("leaflet", "leaflet.js"), ("leaflet", "leaflet.css"),
        ("map", "map.js"), ("map", "hatch.js"), ("map", "keys.js"), ("map", "map.css"),
    ),
}  # fmt: skip
FONTS = (  # on every page in every language: the switch between them speaks all three
    "be-vietnam-pro-latin-400", "be-vietnam-pro-latin-600", "be-vietnam-pro-latin-700", "be-vietnam-pro-vietnamese-400",
    "be-vietnam-pro-vietnamese-700", "noto-sans-khmer-khmer-wght",
)  # fmt: skip
IMPORTS = re.compile(r"""(?:from|import)\s*["'`]\./([^"'`/]+\.js)["'`]""")
STEPS = Path(__file__).with_name("assets") / "steps.js"
FIND_SERVER = '<script>window.__streamlit = {BACKEND_BASE_URL: new URL(".", location.href).href}</script>'
LINKS = {
    ".js": '<link rel="modulepreload" crossorigin href="{}">',
    ".css": '<link rel="preload" as="style" crossorigin href="{}">',
    ".woff2": '<link rel="preload" as="font" type="font/woff2" crossorigin href="{}">',
}
SCRIPT = '<link rel="preload" as="script" href="{}">'  # one that is no module
STYLE = '<link rel="preload" as="style" href="{}">'  # one that our own script links, without `crossorigin`


class Opening:
    """ASGI middleware: answers the pages' own addresses with their document, and leaves all else alone.

    ``folder``: where Streamlit keeps ``index.html`` and, below ``static``, what it is made of.
    """

    def __init__(self, app: ASGIApp, folder: Path, base: str = "") -> None:
        self.app = app
        root = f"/{base.strip('/')}".rstrip("/")
        whole = (folder / "index.html").read_text(encoding="utf-8")
        links = {code: (link for link in head(folder, code) if link not in whole) for code in PARTS}
        made = {code: whole.replace("</head>", f"{''.join(links[code])}</head>", 1) for code in PARTS}
        self.documents = {f"{root}/{code}": document.encode() for code, document in made.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        body = self.documents.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if body is None:
            await self.app(scope, receive, send)
            return
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {"Cache-Control": "no-cache", "ETag": tag}
        if Headers(scope=scope).get("if-none-match") == tag:
            await Response(status_code=304, headers=headers)(scope, receive, send)
        else:
            await HTMLResponse(body, headers=headers)(scope, receive, send)


def head(folder: Path, page: str) -> Iterator[str]:
    """What the head of a page's document gets."""
    yield FIND_SERVER
    yield f"<script>{STEPS.read_text(encoding='utf-8')}</script>"
    static = folder / "static"
    parts = (*EVERYWHERE, *PARTS[page])
    styles = (file for part in parts for file in static.glob(f"css/{part}.*.css"))
    for file in (*_with_imports(static / "js", parts), *styles, *static.glob("media/MaterialSymbols-Rounded.*.woff2")):
        yield LINKS[file.suffix].format(f"./{file.relative_to(folder).as_posix()}")
    for name in FONTS:
        yield LINKS[".woff2"].format(f"./{served.folder_url('fonts')}{name}-normal.woff2")
    for name, ours in OURS.get(page, ()):
        link = {"leaflet.js": SCRIPT, "leaflet.css": STYLE, "map.css": STYLE}.get(ours, LINKS[Path(ours).suffix])
        yield link.format(f"./{served.folder_url(name)}{ours}")


def _with_imports(folder: Path, parts: Iterable[str]) -> list[Path]:
    """The files of ``parts`` and all that they import, which a browser would find out only one after the other."""
    found = [file for part in parts for file in sorted(folder.glob(f"{part}.*.js"))]
    for file in found:
        found += [other for other in _imported(file) if other not in found]
    return found


@cache
def _imported(file: Path) -> tuple[Path, ...]:
    names = dict.fromkeys(IMPORTS.findall(file.read_text(encoding="utf-8")))
    return tuple(other for name in names if (other := file.parent / name).is_file())
