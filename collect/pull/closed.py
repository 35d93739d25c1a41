"""Remembers which encrypted submissions were left on a server for want of their key; a later pull asks for these.

The bookmark moves on past them, so that those who hold no key get everything else, and the same pages only once. What
was opened is remembered beside them with its version: the server goes on listing it as encrypted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from collect.pull.bookmark import place_of

TAB = "\t"


def left_closed(folder: Path, *what: str) -> dict[str, str]:
    """The names of what was left, in order, with their versions."""
    return {name: version for name, version, _ in _lines(_place(folder, ".closed", *what))}


def note_closed(opened: Iterable[str], left: Mapping[str, str], folder: Path, *what: str) -> None:
    """Strike out what was opened or is gone, and add what was left, in one step."""
    known, gone = left_closed(folder, *what), set(opened)
    now = {name: version for name, version in known.items() if name not in gone} | dict(left)
    if now != known:
        place = _place(folder, ".closed", *what)
        waiting = place.with_suffix(".closed.part")
        waiting.write_text("".join(f"{name}{TAB}{version}\n" for name, version in now.items()), encoding="utf-8")
        waiting.replace(place)


def opened_as(folder: Path, *what: str) -> dict[str, tuple[str, str]]:
    """By name, the version that was opened last and the id that it bears in our tables."""
    return {name: (version, ident) for name, version, ident in _lines(_place(folder, ".opened", *what))}


def note_opened(opened: Mapping[str, tuple[str, str]], folder: Path, *what: str) -> None:
    """Add what was opened; of a name that is noted twice the last line counts."""
    known = opened_as(folder, *what)
    text = "".join(f"{name}{TAB}{TAB.join(one)}\n" for name, one in opened.items() if known.get(name) != one)
    if text:
        with _place(folder, ".opened", *what).open("a", encoding="utf-8") as file:
            file.write(text)


def _lines(place: Path) -> Iterator[tuple[str, str, str]]:
    try:
        lines = place.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in filter(None, lines):
        name, version, ident, *_ = [*line.split(TAB), "", ""]
        yield name, version, ident


def _place(folder: Path, suffix: str, *what: str) -> Path:
    place = place_of(folder, *what).with_suffix(suffix)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
