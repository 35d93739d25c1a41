"""100,000 submission XML files in one zip, from the file to tables: by one process and by two, beside plain lxml.

``python -m benchmarks.submissions --files 100000``. "Plain lxml" unpacks, parses and collects each element's name and
text into lists, and makes no table of them, checks nothing and forgives nothing. Each line is a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import uuid
import zipfile
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from lxml import etree

from benchmarks.apart import compare, measured
from benchmarks.exports import answers
from collect.define import load_forms
from collect.demo.layouts import write_submissions
from collect.receive import receive
from collect.receive.manner import Manner
from collect.settings import shipped_forms

MADE_UP = 10_000  # households; of more files the same come again under new names


def write(path: Path, files: int) -> None:
    """A zip of so many submissions as ODK Collect writes them."""
    with TemporaryDirectory() as folder:
        first = Path(folder) / "first.zip"
        write_submissions(answers(MADE_UP), first)
        with zipfile.ZipFile(first) as archive:
            documents = [(name.removesuffix(".xml"), archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for number in range(files):
            name, data = documents[number % len(documents)]
            new = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{number} {name}"))
            archive.writestr(f"{new}.xml", data.replace(name.encode(), new.encode()))


def plain(path: Path, begin: int = 0, step: int = 1) -> int:
    """What lxml itself takes for every ``step``-th file."""
    tags, texts = [], []
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()[begin::step]
        for name in names:
            for element in etree.fromstring(archive.read(name)).iter():
                tags.append(element.tag)
                texts.append(element.text)
    return len(names)


def plain_in_two(path: Path) -> int:
    with get_context("fork").Pool(2) as pool:
        return sum(pool.starmap(plain, [(path, 0, 2), (path, 1, 2)]))


def collect(path: Path, lanes: int) -> int:
    gc.disable()  # as the reader does
    (received,) = receive(path, load_forms(shipped_forms()), manner=Manner(lanes=lanes))
    return received.submissions


WAYS: dict[str, Callable[[Path], int]] = {
    "plain lxml, one process": plain,
    "plain lxml, two": plain_in_two,
    "collect, one": lambda path: collect(path, 1),
    "collect, two": lambda path: collect(path, 2),
}


def main() -> None:
    """Print one line a way."""
    options = argparse.ArgumentParser()
    options.add_argument("--files", type=int, default=100_000)
    options.add_argument("--way", choices=WAYS)
    options.add_argument("--zip", type=Path)
    asked = options.parse_args()
    if asked.way:
        print(measured(asked.way, WAYS[asked.way], asked.zip))
        return
    print(f"{asked.files:,} files\n")
    with TemporaryDirectory(prefix="submissions-") as folder:
        path = asked.zip or Path(folder) / "submissions.zip"
        if not path.exists():
            write(path, asked.files)
        compare("benchmarks.submissions", WAYS, "--zip", str(path))


if __name__ == "__main__":
    main()
