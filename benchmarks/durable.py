"""Durable submissions a second through the phones' door, beside what the disk itself can sync in the same run.

``python -m benchmarks.durable --seconds 5``: each sender waits for its answer before it sends the next, as a phone
does. One fsync is a 2 KB append to one file and its sync, as a journal does it. "door": straight at the door, HTTP not
part of it; "HTTP": through `/submission` of `collect app`, with the interviewer's token, the senders on the same cores.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from collect.define import load_forms
from collect.forms import Form
from collect.openrosa import people
from collect.openrosa.door import Door, Sending
from collect.settings import settings_from, shipped_forms
from collect.store import open_store

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

BYTES = 2_048
SENDERS = (1, 8)


def syncs_a_second(folder: Path, seconds: float) -> float:
    """Appends of one submission's size, each synced before the next."""
    count, begun = 0, time.perf_counter()
    with (folder / "syncs").open("wb", buffering=0) as file:
        while time.perf_counter() - begun < seconds:
            file.write(bytes(BYTES))
            os.fsync(file.fileno())
            count += 1
    return count / (time.perf_counter() - begun)


def submission(name: str, form: str, version: str) -> bytes:
    said = f'<data id="{form}" version="{version}"><meta><instanceID>{name}</instanceID></meta></data>'
    return said.encode().ljust(BYTES)


def at_the_door(folder: Path, database: str, senders: int, seconds: float) -> float:
    """Submissions acknowledged a second, by so many who send one after the other."""
    store = open_store(settings_from({"COLLECT_DATA": str(folder), "COLLECT_DATABASE": database}))
    door = Door(lambda: store)

    def send(name: str) -> bool:
        return door.send(Sending("hh", name, "1", "", submission(name, "hh", "1"))).result() == "new"

    rate = sent_a_second(lambda: send, senders, seconds)
    door.close()
    store.engine.dispose()
    return rate


def over_http(folder: Path, database: str, senders: int, seconds: float) -> float:
    """The same through the server, each sender with a connection of its own that stays open."""
    store = open_store(settings_from({"COLLECT_DATA": str(folder), "COLLECT_DATABASE": database}))
    token = people.add(store.engine, store.folder, "lan", people.Wanted("Team A")).token
    store.engine.dispose()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    where = {"COLLECT_DATA": str(folder), "COLLECT_DATABASE": database}
    command = [sys.executable, "-m", "collect", "app", "--port", str(port)]
    nowhere = subprocess.DEVNULL
    server = subprocess.Popen(command, env={**os.environ, **where}, stdout=nowhere, stderr=nowhere)
    try:
        while not _answers(_phone(port, token)):
            if server.poll() is not None:
                sys.exit(f"the server ended with {server.returncode}")
            time.sleep(0.25)
        return sent_a_second(lambda: _phone(port, token), senders, seconds)
    finally:
        server.terminate()
        server.wait()


def _phone(port: int, token: str) -> Callable[[str], bool]:
    line, form = http.client.HTTPConnection("127.0.0.1", port, timeout=60), household()
    said = {"X-OpenRosa-Version": "1.0", "Content-Type": "multipart/form-data; boundary=b"}
    head = '--b\r\nContent-Disposition: form-data; name="xml_submission_file"; filename="s.xml"\r\n'
    head += "Content-Type: text/xml\r\n\r\n"

    def send(name: str) -> bool:
        body = head.encode() + submission(name, form.form_id, form.version) + b"\r\n--b--\r\n"
        line.request("POST", f"/key/{token}/submission", body, said)
        answer = line.getresponse()
        said_back = answer.read().decode()
        if answer.status != 201:
            raise AssertionError(said_back)
        return True

    return send


@cache
def household() -> Form:
    """The form that phones send: the server takes none that it does not know."""
    return next(form for form in load_forms(shipped_forms()) if form.form_id == "household")


def _answers(phone: Callable[[str], bool]) -> bool:
    try:
        return phone("uuid:first")
    except (OSError, http.client.HTTPException):
        return False


def sent_a_second(sender: Callable[[], Callable[[str], bool]], senders: int, seconds: float) -> float:
    """How many are acknowledged when so many send, each waiting for its answer before the next."""
    counts, until = [0] * senders, time.perf_counter() + seconds

    def work(number: int) -> None:
        send = sender()
        while time.perf_counter() < until:
            name = f"uuid:{senders}-{number}-{counts[number]}"
            if not send(name):
                raise AssertionError(name)
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(senders)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - begun)


WAYS = {"door": at_the_door, "HTTP": over_http}


@contextmanager
def registries() -> Iterator[dict[str, Callable[[], AbstractContextManager[str]]]]:
    """SQLite, and a PostgreSQL 15 of our own where it is installed; each gives a fresh database."""
    import databases

    if not databases.available():
        yield {"SQLite": lambda: nullcontext("")}
        return
    with databases.postgresql(durable=True) as server:
        yield {"SQLite": lambda: nullcontext(""), "PostgreSQL 15": server.database}


def main() -> None:
    """Print one line a registry, way and number of senders."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=5.0)
    seconds = options.parse_args().seconds
    print("| registry | way | senders | submissions/s | fsyncs/s of the disk, before and after | load |")
    print("|---|---|---|---|---|---|")
    with registries() as found, TemporaryDirectory(prefix="durable-") as name:
        for registry, way, senders in product(found, WAYS, SENDERS):
            folder = Path(name) / f"{registry}-{way}-{senders}"
            folder.mkdir()
            with found[registry]() as database:
                before = syncs_a_second(folder, seconds / 5)
                rate = WAYS[way](folder, database, senders, seconds)
                after = syncs_a_second(folder, seconds / 5)
            figures = f"{rate:,.0f} | {before:,.0f}, {after:,.0f} | {os.getloadavg()[0]:.1f}"
            print(f"| {registry} | {way} | {senders} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
