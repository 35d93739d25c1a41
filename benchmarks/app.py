"""The app as people meet it: first map, clicks, twenty people at once, memory, an upload; clicks beside `st_folium`.

Needs Chromium. Outlines of the country are read from ``$COLLECT_GEO_MIRROR``; without them only 41 communes are asked.
The load on the machine is printed with the figures, for on busy cores every one of them is worse.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import websockets
from playwright.sync_api import Browser, Error, Frame, Page, ViewportSize, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.typing import Origin, Subprotocol

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
OUTLINES = Path(os.environ.get("COLLECT_GEO_MIRROR", "")) / "vn_communes_2025_s100_3321.parquet"
START = (
    "from pathlib import Path; from collect import server; from collect.settings import settings_from; "
    "server.script = lambda: Path('{script}'); server.start(settings_from(), port={port}, browser=False)"
)
FRAMED = "from collect.api.gate import Gate; Gate._dress = lambda *_: None; "  # st_folium needs a frame, ours forbid it
HEADINGS = "() => [...document.querySelectorAll('h2, h3')].map(one => one.innerText).join('|')"
OVER_A_COMMUNE = "canvas.leaflet-interactive"  # what Leaflet calls its canvas while the pointer is over a shape
CHANGED = f"before => ({HEADINGS})() !== before"
SIZE: ViewportSize = {"width": 1440, "height": 900}
USERS, THINK_S, ACTIONS = 20, 5.0, 6
SETTLED, SESSIONS = 20, 60
FIRST_S = 300  # the first page waits until tables over all communes of the country are made up
HOUSEHOLDS = 10_000


@contextmanager
def serving(script: Path, data: Path, **more: str) -> Iterator[tuple[str, psutil.Process]]:
    """The app as `collect app` serves it, over ``script``; with its process, to read its memory and time from."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "COLLECT_DATA": str(data), "COLLECT_LANG": "vi", "PYTHONPATH": str(ROOT), **more}
    begin = FRAMED * ("APP_FOLIUM" in more) + START.format(script=script, port=port)
    command = [sys.executable, "-c", begin]
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=nowhere, stdout=nowhere, stderr=nowhere) as server:
        try:
            for _ in range(1200):
                try:
                    urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield address, psutil.Process(server.pid)
        finally:
            server.kill()


def first_map(browser: Browser, address: str, profile: Path, warm: int = 7) -> tuple[float, float, int, float]:
    """Seconds to the first map with nothing kept, then (the median) when it was seen before; requests; MB sent.

    ``profile``: an empty folder that the browser keeps its cache in, as it does for people: what it keeps in memory
    alone (a private window) has no compiled scripts.
    """
    context = browser.browser_type.launch_persistent_context(
        profile, executable_path=CHROMIUM, args=ARGUMENTS, viewport=SIZE
    )
    took: list[float] = []
    asked: list[str] = []
    sent = 0.0
    for _ in range(1 + warm):
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        begun = time.perf_counter()
        page.goto(f"{address}/map?lang=vi", wait_until="commit")
        page.locator(".canvas[data-ready]").wait_for(timeout=60_000)
        took.append(time.perf_counter() - begun)
        size = "performance.getEntriesByType('resource').reduce((all, one) => all + one.transferSize, 0)"
        sent = sent or page.evaluate(size) / 1e6
        page.close()
    context.close()
    return took[0], statistics.median(took[1:]), len(asked) // (1 + warm), sent


def clicks(browser: Browser, address: str, canvas: str, wanted: int = 8) -> list[float]:
    """Seconds from clicks on the map to the heading of what was clicked; where no commune is, nobody clicks."""
    page = browser.new_page(viewport=SIZE)
    page.goto(f"{address}/map?lang=vi", timeout=FIRST_S * 1000)
    box = _drawn(page, canvas)
    draw = random.Random(11)
    took: list[float] = []
    for _ in range(200):
        before = page.evaluate(HEADINGS)
        x = box["x"] + box["width"] * draw.uniform(0.35, 0.65)
        y = box["y"] + box["height"] * draw.uniform(0.25, 0.75)
        page.mouse.move(x, y)
        page.wait_for_timeout(100)
        if not (page.frames[-1] if canvas == "folium" else page).locator(OVER_A_COMMUNE).count():
            continue
        begun = time.perf_counter()
        page.mouse.click(x, y)
        try:
            page.wait_for_function(CHANGED, arg=before, timeout=30_000)
        except Error:  # the commune that was chosen already
            continue
        took.append(time.perf_counter() - begun)
        page.wait_for_timeout(400)
        if len(took) == wanted:
            break
    page.close()
    return took


def _drawn(page: Page, canvas: str) -> Any:
    """Where the map stands, once it does: in the page itself, or in the frame that `st_folium` makes."""
    if canvas != "folium":
        page.locator(canvas).wait_for(timeout=FIRST_S * 1000)
        page.wait_for_timeout(500)
        return page.locator(".canvas").bounding_box()
    page.locator("iframe").first.wait_for(timeout=FIRST_S * 1000)
    frame: Frame = page.frames[-1]
    frame.locator(".leaflet-container").wait_for(timeout=FIRST_S * 1000)
    page.wait_for_timeout(1500)
    return page.locator("iframe").first.bounding_box()


async def _asked(line: Any, query: str) -> float:
    """Seconds from one action to the end of the script that answers it, over Streamlit's own protocol."""
    message = BackMsg()
    message.rerun_script.query_string, message.rerun_script.page_name = query, "map"
    begun = time.perf_counter()
    await line.send(message.SerializeToString())
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(await line.recv())
        if answer.WhichOneof("type") == "script_finished":
            return time.perf_counter() - begun


async def _person(address: str) -> Any:
    """Somebody with the map page open: their line to the server, once the page is drawn."""
    host = address.removeprefix("http://")
    said: dict[str, Any] = {"subprotocols": [Subprotocol("streamlit")], "max_size": None, "ping_interval": None}
    line = await websockets.connect(f"ws://{host}/_stcore/stream", origin=Origin(address), **said)
    await _asked(line, "lang=vi")
    return line


async def crowd(address: str, process: psutil.Process) -> tuple[list[float], float]:
    """Seconds per action of twenty people who act every five seconds or so, and processor seconds of each action."""
    took: list[float] = []
    begun = 0.0

    async def somebody(number: int) -> None:
        nonlocal begun
        line = await _person(address)
        await asyncio.sleep(THINK_S * number / USERS)
        begun = begun or _processor(process)
        for step in range(ACTIONS):
            await asyncio.sleep(THINK_S * random.uniform(0.5, 1.5))
            took.append(await _asked(line, f"lang=vi&show={('verdict', 'value')[step % 2]}"))
        await line.close()

    await asyncio.gather(*(somebody(number) for number in range(USERS)))
    return took, (_processor(process) - begun) / len(took)


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def each_session(address: str, process: psutil.Process) -> float:
    """MB of the server's own memory that one more session costs, all of them kept open.

    The slope between the first sessions, by when the allocator and every cache have settled, and many more.
    """
    lines = [await _person(address) for _ in range(SETTLED)]
    before = process.memory_full_info().uss
    for _ in range(SESSIONS):
        lines.append(await _person(address))
        await _asked(lines[-1], "lang=vi&show=value")
    cost = float(process.memory_full_info().uss - before) / 1e6 / SESSIONS
    for line in lines:
        await line.close()
    return cost


def previewed(browser: Browser, address: str, file: Path) -> float:
    """Seconds from choosing a file on the upload page to the button that stores it: read, checked, counted."""
    page = browser.new_page(viewport=SIZE)
    page.goto(f"{address}/upload?lang=vi")
    page.locator("input[type=file]").wait_for(state="attached", timeout=60_000)
    begun = time.perf_counter()
    page.locator("input[type=file]").set_input_files(file)
    page.locator("button[kind=primary]").wait_for(timeout=120_000)
    took = time.perf_counter() - begun
    page.close()
    return took


def demonstration(folder: Path) -> Path:
    """A data folder with a made-up round and its results."""
    environment = {**os.environ, "COLLECT_DATA": str(folder), "PYTHONPATH": str(ROOT)}
    for words in (["geo", "fetch"], ["demo"], ["add", str(folder / "demo" / "round"), "--by", "benchmark"], ["run"]):
        program = "import sys; from collect.cli import main; main(sys.argv[1:])"
        done = subprocess.run(
            [sys.executable, "-c", program, *words], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode and words[0] != "geo":  # without outlines the communes are schematic
            sys.exit(done.stderr)
    return folder


def line(what: str, found: str, aim: str) -> None:
    """One row of the table."""
    print(f"| {what} | {found} | {aim} |", flush=True)


def _clicked(took: list[float]) -> str:
    if not took:
        return "no click answered"
    return f"{statistics.median(took):.2f} ({min(took):.2f} – {max(took):.2f}, {len(took)} clicks)"


def real_app(browser: Browser, folder: Path) -> None:
    """What is asked of the app itself, over made-up data."""
    from benchmarks.exports import answers
    from collect.demo.layouts import write_kobo

    data = demonstration(folder / "demonstration")
    begun = time.perf_counter()
    with serving(ROOT / "app.py", data) as (address, process):
        found = f"{time.perf_counter() - begun:.2f} s; {_processor(process):.2f} s"
        line("the server answers after its start; processor time of it", found, "")
        cold, warm, requests, sent = first_map(browser, address, folder / "profile")
        line("first map of a server just started, browser without cache", f"{cold:.2f} s", "3 s")
        line("map again, browser with cache (median)", f"{warm:.2f} s", "1.5 s")
        line("requests for it; sent the first time", f"{requests}; {sent:.2f} MB", "")
        found = _clicked(clicks(browser, address, ".canvas[data-ready]"))
        line("click on the map to the commune's heading, 41 communes", found, "0.5 s")
        with ThreadPoolExecutor(1) as apart:  # Playwright holds this thread's event loop
            took, processor = apart.submit(lambda: asyncio.run(crowd(address, process))).result()
            each = apart.submit(lambda: asyncio.run(each_session(address, process))).result()
        ordered = sorted(took)
        p95 = ordered[int(0.95 * len(ordered)) - 1]
        found = f"{statistics.median(took):.2f} s; {p95:.2f} s"
        line(f"{USERS} people, an action every {THINK_S:.0f} s: median; 95 of 100 under", found, "0.5 s")
        line("processor time of the server for an action", f"{processor:.3f} s", "")
        line(f"memory per session ({SESSIONS} more kept open)", f"{each:.1f} MB", "3 MB")
        file = folder / "large.xlsx"
        write_kobo(answers(HOUSEHOLDS), file)
        line(f"{HOUSEHOLDS:,} households (XLSX) previewed", f"{previewed(browser, address, file):.2f} s", "3 s")


def other_sizes(browser: Browser, folder: Path) -> None:
    """Clicks with more communes, and the same communes drawn by `st_folium`."""
    more = {"APP_OUTLINES": str(OUTLINES)}
    script = Path(__file__).with_name("app_served.py")
    for count, aim in ((124, "0.5 s"), (3321, "1 s")):
        with serving(script, folder / "made", APP_COMMUNES=str(count), **more) as (address, _):
            took = clicks(browser, address, ".canvas[data-ready]")
            line(f"click, {count:,} communes", _clicked(took), aim)
        with serving(script, folder / "made", APP_COMMUNES=str(count), APP_FOLIUM="1", **more) as (address, _):
            line(f"click, {count:,} communes, st_folium", _clicked(clicks(browser, address, "folium", 3)), "")


def main() -> None:
    """Print the table."""
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| what | found | aim |\n|---|---|---|")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        real_app(browser, Path(folder))
        if OUTLINES.is_file():
            other_sizes(browser, Path(folder))
        else:
            line("click, 124 and 3,321 communes", "not measured: set COLLECT_GEO_MIRROR to their outlines", "")
        browser.close()
    print(f"\nload of the machine at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
