"""The journey of a whole province, 284,675 households and about a million people: Central CSV zip to gap list.

The made-up export and the boundaries are prepared first and not counted. Each command runs in a process of its own, as
a user's would; peak memory is the process's own high-water mark. `--households N` makes a smaller one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.apart import peak_megabytes

CENSUS_2019_HOUSEHOLDS = 284_675


class Laps:
    """Turns progress messages into seconds per step."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.step = "start"
        self.seconds: dict[str, float] = {}

    def __call__(self, step: str, _share: float) -> None:
        """Close the lap of the step before."""
        now = time.perf_counter()
        self.seconds[self.step] = self.seconds.get(self.step, 0.0) + now - self.started
        self.step, self.started = step, now


def in_own_process(task: str, *arguments: str) -> dict[str, Any]:
    """Run one task of this module in a fresh interpreter and read its result."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.journey", "--task", task, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result | {"wall": time.perf_counter() - began}


def add(data: str, folder: str) -> dict[str, Any]:
    """Receive, check, locate, store every file of the round, as `collect add FOLDER` does."""
    from collect.intake import Asked, add_file
    from collect.journey import define
    from collect.receive.apart import warm
    from collect.receive.piles import uploads_in
    from collect.settings import settings_from
    from collect.store import open_store

    laps = Laps()
    settings = settings_from({**os.environ, "COLLECT_DATA": data})
    warm()  # the process that reads gets ready meanwhile
    laps("define", 0)
    definitions, store = define(settings.forms), open_store(settings)
    asked = Asked(by="benchmark")
    receipts = [add_file(store, path, definitions, asked, progress=laps) for path in uploads_in(Path(folder))]
    laps("end", 1)
    parts = [part for receipt in receipts for part in receipt.parts if part.form == "household"]
    return {"steps": laps.seconds, "read": sum(p.read for p in parts), "rows": sum(p.rows for p in parts)}


def run(data: str, target: str) -> dict[str, Any]:
    """Gather, measure, estimate, judge, publish, and write the gap list."""
    from collect.journey import define
    from collect.publish import write_gaps
    from collect.runs import make_run
    from collect.settings import settings_from
    from collect.store import open_store

    laps = Laps()
    settings = settings_from({**os.environ, "COLLECT_DATA": data})
    laps("define", 0)
    made = make_run(open_store(settings), define(settings.forms), progress=laps)
    laps("gap list", 0)
    write_gaps(made.gaps, Path(target), language="vi", meta=made.meta())
    laps("end", 1)
    return {"steps": laps.seconds, "gaps": made.gaps.height}


def prepare(data: str, households: str) -> dict[str, Any]:
    """Make up the province and bring boundaries, uncounted."""
    from collect.demo import make_round
    from collect.places import fetch_boundaries
    from collect.settings import settings_from

    settings = settings_from({**os.environ, "COLLECT_DATA": data})
    found = fetch_boundaries(settings) if settings.geo_mirror else {}
    files = make_round(Path(data) / "demo", households=int(households), seed=2026)
    return {"bytes": sum(path.stat().st_size for path in files.files), "boundaries": [*found]}


TASKS: dict[str, Callable[[str, str], dict[str, Any]]] = {"prepare": prepare, "add": add, "run": run}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=CENSUS_2019_HOUSEHOLDS)
    parser.add_argument("--task", choices=TASKS)
    parser.add_argument("arguments", nargs="*")
    asked = parser.parse_args()
    if asked.task:
        result = TASKS[asked.task](*asked.arguments)
        print(json.dumps(result | {"peak_bytes": peak_megabytes() << 20}))
        return
    with tempfile.TemporaryDirectory() as data:
        prepared = in_own_process("prepare", data, str(asked.households))
        print(f"Made up in {prepared['wall']:.1f} s, not counted: {prepared['bytes']:,} bytes of exports.\n")
        added = in_own_process("add", data, str(Path(data) / "demo" / "round"))
        ran = in_own_process("run", data, str(Path(data) / "gaps.parquet"))
        print(f"{added['read']:,} submissions, {added['rows']:,} roster rows, {ran['gaps']} rows of gaps.\n")
        print("| command | step | seconds | peak MB |\n|---|---|---|---|")
        _print("collect add", added)
        _print("collect run", ran)
        print(f"| **both** | with start-up | **{added['wall'] + ran['wall']:.1f}** | |")


def _print(label: str, outcome: dict[str, Any]) -> None:
    steps: dict[str, float] = outcome["steps"]
    for step, seconds in steps.items():
        if seconds >= 0.05:
            print(f"| {label} | {step.removeprefix('step.')} | {seconds:.2f} | |")
    print(f"| {label} | whole process, with start-up | {outcome['wall']:.2f} | {outcome['peak_bytes'] / 1e6:.0f} |")


if __name__ == "__main__":
    main()
