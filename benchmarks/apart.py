"""Several ways of one piece of work side by side, each in a process of its own: none finds another's memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

HEAD = "| way | rows | s | rows/s | processor s | peak MB | load before |\n|---|---|---|---|---|---|---|"


def measured(way: str, work: Callable[[Path], int], path: Path) -> str:
    """One row of the table but its load: ``work`` reads a file and says how many submissions were in it."""
    begun, worked = time.perf_counter(), processors()
    rows = work(path)
    took, worked = time.perf_counter() - begun, processors() - worked
    return f"| {way} | {rows:,} | {took:.2f} | {rows / took:,.0f} | {worked:.2f} | {peak_megabytes():,} |"


def peak_megabytes() -> int:
    """The most memory that this process had; what `getrusage` says of it begins at what its parent had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) >> 10


def processors() -> float:
    """Seconds of processor time so far, of this process and those it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def compare(module: str, ways: Iterable[str], *more: str) -> None:
    """Print the table: each way is ``python -m module --way WAY`` with ``more``, and prints its `measured`."""
    print(HEAD)
    for way in ways:
        load = os.getloadavg()[0]
        command = [sys.executable, "-m", module, "--way", way, *more]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"{ran.stdout.strip()} {load:.1f} |", flush=True)
