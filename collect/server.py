"""One process for everything: the pages, and beside them the routes for programs and phones.

The app listens to this machine alone unless told otherwise, and to others only where it knows who asks.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from streamlit.web.bootstrap import load_config_options
from streamlit.web.server.starlette import starlette_server

from collect import api, openrosa
from collect.access import is_loopback
from collect.api.bundles import Bundles
from collect.api.gate import Gate
from collect.api.returning import Returning
from collect.commands.shared import error_of
from collect.pages import layout, served, trouble
from collect.pages.alone import stay_alone
from collect.pages.opening import PARTS, Opening
from collect.pages.visitor import asks_who, listens_at
from collect.pages.warming import warm
from collect.problems import CollectError
from collect.settings import Settings, language_from, settings_from

QUIET = {  # no question at the first start, no report, no welcome but ours
    "server.headless": True, "browser.gatherUsageStats": False, "logger.hideWelcomeMessage": True,
}  # fmt: skip
STREAMLIT_FILES = Path(st.__file__).parent / "static"


def script() -> Path:
    """The pages' entry: beside the package in a checkout, inside it once installed.

    Inside it has a folder of its own: Streamlit takes a ``pages`` folder beside the entry for pages of its old kind.
    """
    package = Path(__file__).resolve().parent
    inside = package / "_app" / "app.py"
    return inside if inside.is_file() else package.parent / "app.py"


def routes(settings: Settings, local: bool) -> list[BaseRoute]:
    """Everything served beside the pages; whatever else programs may ask for adds its list here."""
    return [*api.routes(settings, local), *openrosa.routes(settings)]


def parts(settings: Settings, local: bool) -> dict[str, Any]:
    """What stands around the pages: routes, compression, the way back from a login, words for what nobody foresaw.

    ``local``: nobody but this machine's user can ask. The arguments of `st.App` beside its script.
    """

    @asynccontextmanager
    async def warmed(_app: st.App) -> AsyncIterator[None]:
        await run_in_threadpool(warm, settings)
        gc.freeze()  # Streamlit looks for garbage after every run of the script: what stays need not be looked at again
        yield
        served.put_away()  # uvicorn ends by the signal that stopped it, and what is to be done at exit is not done then

    stay_alone()
    trouble.keep_quiet()
    base = f"/{st.get_option('server.baseUrlPath').strip('/')}/".replace("//", "/")
    kept = {"static/": STREAMLIT_FILES / "static", **served.folders()}
    return {
        "routes": routes(settings, local),
        "middleware": [
            Middleware(
                Gate,
                pages=PARTS,
                default=settings.language,
                base=base,
                fonts=served.font_faces(),
                remembers=layout.LAST_USED,
                measured=local,
            ),
            Middleware(Bundles, folders={f"{base}{address}": folder for address, folder in kept.items()}),
            Middleware(Opening, folder=STREAMLIT_FILES, base=base),
            Middleware(Returning),
        ],
        "lifespan": warmed,
        "on_script_error": trouble.unforeseen,
    }


def build(settings: Settings, local: bool) -> st.App:
    """The whole app over its script; ``local`` as of `parts`."""
    return st.App(script(), **parts(settings, local))


def found_by_streamlit() -> dict[str, Any]:
    """`parts` for `streamlit run app.py`; ends the process in words where it may not listen."""
    try:
        settings = settings_from()
        return parts(settings, may_listen(listens_at(), settings.allow_anonymous))
    except CollectError as error:
        words = error_of(error, language_from())
        sys.exit(f"{words['found']}\n{words['mend']}")


def start(
    settings: Settings,
    address: str = "127.0.0.1",
    port: int = 8501,
    *,
    browser: bool = True,
    ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve the app until it is stopped, and show it where there is a screen. ``ready`` is told where, once it answers.

    Raises
    ------
    CollectError
        ACC-03 for an address that others reach while nobody is asked who they are, unless the settings allow it;
        ACC-19 where something listens already.
    """
    if _answers(address, port):
        raise CollectError("ACC-19", address=address, port=port, free=port + 1)
    sys.argv = [str(script())]  # Streamlit looks for its settings beside the program it believes was started
    options = {"server.address": address, "server.port": port, "browser.serverAddress": address, **QUIET}
    load_config_options(options)
    app = build(settings, may_listen(address, settings.allow_anonymous))
    answer_at_once()
    threading.Thread(target=_tell, args=(address, port, ready, browser and has_screen()), daemon=True).start()
    app.run(config=options)


def answer_at_once() -> None:
    """Have every piece of an answer leave as it is written.

    Streamlit's listening socket does not say that it speaks TCP, so asyncio does not turn off the gathering of small
    pieces (Nagle's algorithm) on what it accepts: the second piece of an answer then waits up to 40 ms until the other
    side has confirmed the first. What is accepted has the options of the socket that listens.
    """
    starlette_server._bind_socket = _without_delay


_bind = starlette_server._bind_socket


def _without_delay(address: str, port: int, backlog: int) -> socket.socket:
    listening = _bind(address, port, backlog)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def may_listen(address: str, anonymous: bool) -> bool:
    """Whether whoever asks counts as this machine's own user; raises where that cannot be allowed."""
    if asks_who():
        return False
    if not is_loopback(address) and not anonymous:
        raise CollectError("ACC-03", address=address)
    return is_loopback(address)


def has_screen() -> bool:
    """Whether a browser could be opened for somebody to see."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _tell(address: str, port: int, ready: Callable[[str], None], show: bool) -> None:
    """Say where the app is, and open it, as soon as it answers; give up after half a minute."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104  # every address of this machine
    for _ in range(60):
        if _answers(here, port):
            url = f"http://{f'[{here}]' if ':' in here else here}:{port}"
            ready(url)
            if show:
                webbrowser.open(url)
            return
        time.sleep(0.5)


def _answers(address: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((address, port), timeout=0.5).close()
    except OSError:
        return False
    return True
