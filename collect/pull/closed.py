"""Remembers which encrypted submissions were left on a server for want of their key; a later pull asks for these.

The bookmark moves on past them, so that those who hold no key get everything else, and the same pages only once.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from collect.pull.bookmark import place_of


def left_closed(folder: Path, *what: str) -> list[str]:
    """The names of what was left, in order."""
    try:
        lines = _place(folder, *what).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [line for line in lines if line]


def note_closed(taken: Iterable[str], left: Iterable[str], folder: Path, *what: str) -> None:
    """Strike out what was taken or is gone, and add what was left, in one step."""
    known, gone = left_closed(folder, *what), set(taken)
    now = list(dict.fromkeys([*(name for name in known if name not in gone), *left]))
    if now != known:
        place = _place(folder, *what)
        place.parent.mkdir(parents=True, exist_ok=True)
        waiting = place.with_suffix(".closed.part")
        waiting.write_text("".join(f"{name}\n" for name in now), encoding="utf-8")
        waiting.replace(place)


def _place(folder: Path, *what: str) -> Path:
    return place_of(folder, *what).with_suffix(".closed")
