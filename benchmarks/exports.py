"""How fast every kind of export is read: the same households in each layout, into tables of text.

``python -m benchmarks.exports --households N``: one made-up team's answers are written once per layout and read in this
process; the best of two readings counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest.mock import patch

from benchmarks.export_layouts import WRITERS, write_kobo_labels
from collect.define import load_forms
from collect.demo import make_round
from collect.demo.layouts import Export, write_central, write_kobo, write_submissions
from collect.forms import Form
from collect.receive import receive
from collect.settings import shipped_forms

LAYOUTS: dict[str, Callable[[Export, Path], None]] = {
    "central.zip": write_central,
    "kobo.xlsx": write_kobo,
    "kobo-labels-vi.xlsx": partial(write_kobo_labels, language="Tiếng Việt (vi)", joint="/"),
    "submissions.zip": write_submissions,
    **WRITERS,
}
READINGS = 2


def answers(households: int) -> Export:
    """About as many households, as one team hands them in."""
    caught: list[Export] = []
    with tempfile.TemporaryDirectory() as folder:
        keep = patch("collect.demo.write_kobo", lambda export, _path, _copies=(), **_more: caught.append(export))
        with keep, patch("collect.demo.write_central"), patch("collect.demo.write_submissions"):
            make_round(Path(folder), households=6 * households)  # three teams share the round, unevenly
    whole = caught[0]
    root, rows = whole.root.head(households), whole.rows
    return Export(whole.form, root, rows.filter(rows["row"] < root.height))


def main() -> None:
    """Print one line a layout."""
    options = argparse.ArgumentParser()
    options.add_argument("--households", type=int, default=10_000)
    export, forms = answers(options.parse_args().households), load_forms(shipped_forms())
    print(f"{export.root.height:,} households, {export.rows.height:,} people\n")
    print("| layout | MB | read in s | of processor s | households/s |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, write in LAYOUTS.items():
            path = Path(folder) / name
            write(export, path)
            best, worked = min(read(path, forms, export.root.height) for _ in range(READINGS))
            megabytes = path.stat().st_size / 1e6
            print(
                f"| {name} | {megabytes:.1f} | {best:.2f} | {worked:.2f} | {export.root.height / best:,.0f} |",
                flush=True,
            )
            path.unlink()


def read(path: Path, forms: tuple[Form, ...], expected: int) -> tuple[float, float]:
    """Seconds to read one export, by the wall and of processors; every household must be there."""
    begun, idle = time.perf_counter(), time.process_time()
    (received,) = receive(path, forms)
    took = time.perf_counter() - begun, time.process_time() - idle
    assert received.form is not None
    names = received.answers[received.form.root]["submission_id"]
    assert names.n_unique() >= expected, f"{path.name}: {names.n_unique()} of {expected}"
    return took


if __name__ == "__main__":
    main()
