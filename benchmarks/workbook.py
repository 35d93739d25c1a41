"""A workbook of 100,000 submissions, from the file to tables of text: seconds and peak memory.

``python -m benchmarks.workbook --rows 100000``. "calamine alone" reads the cells and makes nothing of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from python_calamine import CalamineWorkbook

from benchmarks.apart import compare, measured
from benchmarks.exports import answers
from collect.define import load_forms
from collect.demo.layouts import Export, write_kobo
from collect.receive import receive
from collect.settings import shipped_forms

MADE_UP = 10_000  # households; of more rows the same come again under new names


def write(path: Path, rows: int) -> None:
    """A workbook as KoboToolbox writes it, its roster left empty."""
    made = answers(MADE_UP)
    again = [made.root.with_columns(instance=pl.col("instance") + f"-{turn}") for turn in range(-(-rows // MADE_UP))]
    write_kobo(Export(made.form, pl.concat(again).head(rows), made.rows.head(0)), path)


def collect(path: Path) -> int:
    (received,) = receive(path, load_forms(shipped_forms()))
    return received.submissions


def calamine(path: Path) -> int:
    book = CalamineWorkbook.from_path(path)
    return max(len(book.get_sheet_by_name(name).to_python()) - 1 for name in book.sheet_names)


WAYS: dict[str, Callable[[Path], int]] = {"calamine alone": calamine, "collect": collect}


def main() -> None:
    """Print one line a way."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--way", choices=WAYS)
    options.add_argument("--file", type=Path)
    asked = options.parse_args()
    if asked.way:
        print(measured(asked.way, WAYS[asked.way], asked.file))
        return
    with TemporaryDirectory(prefix="workbook-") as folder:
        path = asked.file or Path(folder) / "workbook.xlsx"
        if not path.exists():
            write(path, asked.rows)
        compare("benchmarks.workbook", WAYS, "--file", str(path))


if __name__ == "__main__":
    main()
