"""Try every fault on this machine and print the table of docs/reliability.md: ``python -m chaos`` (`make chaos`)."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import databases

from chaos import faults
from chaos.faults import Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- chaos: made by `make chaos` -->\n", "<!-- /chaos -->"


def on_sqlite(kills: int, every: int) -> Iterator[Callable[[], Outcome]]:
    yield partial(faults.killed, "", kills)
    yield partial(faults.cut_off, "", max(1, kills // 4))
    yield partial(faults.door_killed, "", kills)
    yield partial(faults.power_cut, every)
    yield partial(faults.power_cut_on_phones, every)
    yield partial(faults.disk_full, "", 4)
    yield partial(faults.locked, "")
    yield faults.corrupted_page
    yield partial(faults.harmed_parts, "")
    yield partial(faults.clock_back, "")


def on_postgresql(server: databases.Server, kills: int) -> Iterator[Callable[[], Outcome]]:
    for fault in (
        lambda url: faults.killed(url, kills),
        lambda url: faults.cut_off(url, max(1, kills // 4)),
        lambda url: faults.door_killed(url, kills),
        lambda url: faults.restarted(server, url, 5),
        lambda url: faults.disk_full(url, 4),
        faults.locked,
        faults.harmed_parts,
        faults.clock_back,
    ):
        with server.database() as url:
            yield partial(fault, url)


def main() -> int:
    """Print one row a fault; 1 when one of them shows a hole."""
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--every", type=int, default=1, help="cut the power at every n-th step")
    options.add_argument("--write", action="store_true", help="into docs/reliability.md")
    asked = options.parse_args()
    rows, holds = ["| fault | registry | what happened | s | |\n|---|---|---|---|---|\n"], True
    print(rows[0], end="", flush=True)

    def try_(one: Callable[[], Outcome]) -> None:
        nonlocal holds
        begun = time.monotonic()
        found = one()
        holds &= found.holds
        mark = "holds" if found.holds else "**HOLE**"
        rows.append(f"| {found.fault} | {found.on} | {found.happened} | {time.monotonic() - begun:.0f} | {mark} |\n")
        print(rows[-1], end="", flush=True)

    for one in on_sqlite(asked.kills, asked.every):
        try_(one)
    if databases.available():
        with databases.postgresql(durable=True) as server:
            for one in on_postgresql(server, asked.kills):
                try_(one)
    if asked.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(before + BEGIN + "".join(rows) + END + rest.partition(END)[2], encoding="utf-8")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
