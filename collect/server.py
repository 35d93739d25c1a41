"""Start the app on this machine: the same pages from a checkout and from an installed package."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from pathlib import Path


def script() -> Path:
    """The app's entry: beside the package in a checkout, inside it once installed.

    Inside it has a folder of its own: Streamlit takes a ``pages`` folder beside the entry for pages of its old kind.
    """
    package = Path(__file__).resolve().parent
    inside = package / "_app" / "app.py"
    return inside if inside.is_file() else package.parent / "app.py"


def command(address: str, port: int) -> list[str]:
    """The command that serves the app; other settings stand in ``.streamlit/config.toml`` beside the entry.

    Headless, because Streamlit otherwise asks for an e-mail address at its first start and waits for an answer.
    """
    options = {
        "server.address": address,
        "server.port": str(port),
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": address,
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(script()), *flags]


def start(address: str = "127.0.0.1", port: int = 8501, open_browser: bool = True, lang: str | None = None) -> int:
    """Serve the app until it is stopped, and show it where there is a screen; returns its exit code."""
    environment = os.environ | ({"COLLECT_LANG": lang} if lang else {})
    if open_browser and has_screen():
        threading.Thread(target=_show, args=(address, port), daemon=True).start()
    try:
        return subprocess.run(command(address, port), env=environment, check=False).returncode  # noqa: S603
    except KeyboardInterrupt:
        return 0


def has_screen() -> bool:
    """Whether a browser could be opened for somebody to see."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _show(address: str, port: int) -> None:
    """Open the browser once the app answers; give up after half a minute."""
    for _ in range(60):
        try:
            socket.create_connection((address, port), timeout=0.5).close()
        except OSError:
            time.sleep(0.5)
            continue
        webbrowser.open(f"http://{address}:{port}")
        return
