"""Start the app on this machine: the same pages from a checkout and from an installed package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def script() -> Path:
    """The app's entry: beside the package in a checkout, inside it once installed.

    Inside it has a folder of its own: Streamlit takes a ``pages`` folder beside the entry for pages of its old kind.
    """
    package = Path(__file__).resolve().parent
    inside = package / "_app" / "app.py"
    return inside if inside.is_file() else package.parent / "app.py"


def command(address: str, port: int, open_browser: bool) -> list[str]:
    """The command that serves the app; other settings stand in ``.streamlit/config.toml`` beside the entry."""
    options = {
        "server.address": address,
        "server.port": str(port),
        "server.headless": "false" if open_browser else "true",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": address,
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(script()), *flags]


def start(address: str = "127.0.0.1", port: int = 8501, open_browser: bool = True, lang: str | None = None) -> int:
    """Serve the app until it is stopped; returns its exit code."""
    environment = os.environ | ({"COLLECT_LANG": lang} if lang else {})
    try:
        return subprocess.run(command(address, port, open_browser), env=environment, check=False).returncode  # noqa: S603
    except KeyboardInterrupt:
        return 0
