"""Run every benchmark, each in a process of its own, and print the tables of docs/performance.md."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ALL = (
    "location", "checking", "formlogic", "journey", "estimation", "coverage", "change", "duplicates", "exports",
    "submissions", "workbook", "durable", "app",
)  # fmt: skip


def main() -> int:
    """Run the benchmarks named on the command line, or all."""
    for name in sys.argv[1:] or ALL:
        print(f"\n## {name}\n", flush=True)
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=Path(__file__).parents[1], check=False)
        if done.returncode:
            return done.returncode
    return 0


sys.exit(main())
