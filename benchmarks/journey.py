"""The journey of a whole province, 284,675 households and about a million people: Central CSV zip to gap list, by stage.

The made-up export and the boundaries are prepared first and not counted. Each command runs in a process of its own, as a
user's would; peak memory is the process's own high-water mark. `--households N` makes a smaller one.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

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


def in_own_process(task: str, *arguments: str) -> dict[str, object]:
    """Run one task of this module in a fresh interpreter and read its result."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.journey", "--task", task, *arguments], check=True, capture_output=True, text=True
    )
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result | {"wall": time.perf_counter() - began}


def add(data: str, export: str) -> dict[str, object]:
    """Receive, check, locate, store."""
    from collect.intake import Asked, add_file
    from collect.journey import define
    from collect.settings import settings_from
    from collect.store import open_store

    laps = Laps()
    settings = settings_from({**os.environ, "COLLECT_DATA": data})
    laps("define", 0)
    definitions = define(settings.forms)
    receipt = add_file(open_store(settings), Path(export), definitions, Asked(by="benchmark"), progress=laps)
    laps("end", 1)
    return {"steps": laps.seconds, "read": sum(p.read for p in receipt.parts), "rows": sum(p.rows for p in receipt.parts)}


def run(data: str, target: str) -> dict[str, object]:
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


def prepare(data: str, households: str) -> dict[str, object]:
    """Make up the province and bring boundaries, uncounted."""
    from collect.demo import make_round
    from collect.places import fetch_boundaries
    from collect.settings import settings_from

    settings = settings_from({**os.environ, "COLLECT_DATA": data})
    found = fetch_boundaries(settings) if settings.geo_mirror else {}
    files = make_round(Path(data) / "demo", households=int(households), seed=2026)
    paths = [str(path) for path in files.files]
    return {"files": paths, "frame": str(files.frame), "boundaries": {k: str(v) for k, v in found.items()}}


TASKS: dict[str, Callable[[str, str], dict[str, object]]] = {"prepare": prepare, "add": add, "run": run}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=CENSUS_2019_HOUSEHOLDS)
    parser.add_argument("--task", choices=TASKS)
    parser.add_argument("arguments", nargs="*")
    asked = parser.parse_args()
    if asked.task:
        result = TASKS[asked.task](*asked.arguments)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(result | {"peak_bytes": peak}))
        return
    with tempfile.TemporaryDirectory() as data:
        prepared = in_own_process("prepare", data, str(asked.households))
        files = [str(path) for path in prepared["files"]]  # type: ignore[attr-defined]
        print(f"made up in {prepared['wall']:.1f} s: {', '.join(Path(file).name for file in files)}\n")
        print(f"| command | step | seconds | peak MB |\n|---|---|---|---|")
        total = 0.0
        for file in [str(prepared["frame"]), *files]:
            if Path(file) == Path(str(prepared["frame"])) and file in files:
                files.remove(file)
        for label, outcome in [
            *((f"add {Path(f).name}", in_own_process("add", data, f)) for f in [str(prepared["frame"]), *files]),
            ("run", in_own_process("run", data, str(Path(data) / "gaps.parquet"))),
        ]:
            total += float(outcome["wall"])  # type: ignore[arg-type]
            _print(label, outcome)
        print(f"| **whole journey** | | **{total:.1f}** | |")


def _print(label: str, outcome: dict[str, object]) -> None:
    steps: dict[str, float] = outcome["steps"]  # type: ignore[assignment]
    for step, seconds in steps.items():
        if seconds >= 0.05:
            print(f"| {label} | {step.removeprefix('step.')} | {seconds:.2f} | |")
    print(f"| {label} | whole process, with start-up | {outcome['wall']:.2f} | {int(outcome['peak_bytes']) / 1e6:.0f} |")  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
