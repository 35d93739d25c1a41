"""Durable submissions a second through the phones' door, beside what the disk itself can sync in the same run.

``python -m benchmarks.durable --seconds 5``: each sender waits for its answer before it sends the next, as a phone
does. One fsync is a 2 KB append to one file and its sync, as a journal does it. HTTP is not part of it.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from collect.openrosa.door import Door, Sending
from collect.settings import settings_from
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


def submissions_a_second(folder: Path, database: str, senders: int, seconds: float) -> float:
    """Submissions acknowledged, by so many who send one after the other."""
    store = open_store(settings_from({"COLLECT_DATA": str(folder), "COLLECT_DATABASE": database}))
    door, counts, until = Door(lambda: store), [0] * senders, time.perf_counter() + seconds

    def send(sender: int) -> None:
        while time.perf_counter() < until:
            name = f"uuid:{database[-6:]}-{senders}-{sender}-{counts[sender]}"
            text = f'<data id="hh"><meta><instanceID>{name}</instanceID></meta></data>'.encode().ljust(BYTES)
            if door.send(Sending("hh", name, "1", "", text)).result() != "new":
                raise AssertionError(name)
            counts[sender] += 1

    threads = [threading.Thread(target=send, args=(number,)) for number in range(senders)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    door.close()
    store.engine.dispose()
    return sum(counts) / took


@contextmanager
def registries() -> Iterator[dict[str, str]]:
    """SQLite, and a PostgreSQL 15 of our own where it is installed."""
    import databases

    if not databases.available():
        yield {"SQLite": ""}
        return
    with databases.postgresql(durable=True) as server, server.database() as url:
        yield {"SQLite": "", "PostgreSQL 15": url}


def main() -> None:
    """Print one line a registry and number of senders."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=5.0)
    seconds = options.parse_args().seconds
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| registry | senders | submissions/s | fsyncs/s of the disk, before and after |\n|---|---|---|---|")
    with registries() as found, TemporaryDirectory(prefix="durable-") as name:
        for number, (registry, url) in enumerate(found.items()):
            for senders in SENDERS:
                folder = Path(name) / f"{number}-{senders}"
                folder.mkdir()
                before = syncs_a_second(folder, seconds / 5)
                rate = submissions_a_second(folder, url, senders, seconds)
                after = syncs_a_second(folder, seconds / 5)
                print(f"| {registry} | {senders} | {rate:,.0f} | {before:,.0f}, {after:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
