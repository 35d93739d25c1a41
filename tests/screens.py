"""What tests need to look at the app in Chromium: a server of their own, the browser, and what they ask of a page."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
AXE = HERE / "node" / "node_modules" / "axe-core" / "axe.min.js"  # `tests/machine.sh` installs it
BARRIERS = """async () => {
  const rules = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], resultTypes: ["violations"] };
  const { violations } = await axe.run(document, rules);
  const grave = violations.filter(found => ["serious", "critical"].includes(found.impact));
  return grave.map(found => `${found.id}: ${found.nodes.map(node => node.html.slice(0, 200)).join(" | ")}`);
}"""
DRAWN = """() => document.querySelector("[data-testid=stApp]")?.getAttribute("data-test-script-state") === "notRunning"
  && document.querySelector("h1")?.innerText
  && !document.querySelector("[data-testid=stSkeleton]")"""
COLLECT = ("-c", "from collect.cli import main; main()", "app", "--port")
MADE = ("-c", "from app_on_made_tables import serve; serve()", "app", "--port")


def chromium() -> Iterator[Browser]:
    """The browser; for a module's fixture."""
    if not Path(CHROMIUM).is_file():
        pytest.fail("Chromium is missing: install the Debian package chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
        yield opened
        opened.close()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at, each another."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@contextmanager
def serving(data: Path, *command: str, port: int = 0, folder: Path | None = None, **more: str) -> Iterator[str]:
    """A server over a data folder, started by ``command`` and its port; the address it answers at.

    ``folder`` is where it starts, with its secrets, ``more`` its environment.
    """
    port = port or free_ports(1)[0]
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "COLLECT_DATA": str(data), "COLLECT_GEO_MIRROR": "", **more}
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), str(HERE)])
    with running(
        [sys.executable, *command, str(port)], f"{address}/_stcore/health", folder or HERE.parent, environment
    ):
        yield address


@contextmanager
def running(words: list[str], answers_at: str, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A process that answers at an address, until it is no longer needed."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    with subprocess.Popen(words, cwd=folder, env=environment, **quiet) as process:  # type: ignore[call-overload]
        try:
            _wait_for(answers_at)
            yield
        finally:
            _stop(process)


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"nothing answered at {address} within a minute")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask, then make it: a page still open on the server can keep Streamlit waiting for ever."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
