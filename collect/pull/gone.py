"""Holds what was received from a server against what it holds: servers tell what changed, and are silent of the rest.

The names received from one form of one server are kept beside the bookmark, a line each, with the last change known of
it. While the server counts as many as were received, nothing more is asked; else its names are, and compared: some are
gone, some were passed over. Once a day what changed is compared too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from collect.problems import ServerError
from collect.pull.bookmark import place_of

HERE, GONE, TAB = "+", "-", "\t"
MOST_GONE, FEW = 0.5, 10  # more than half of what was received, and more than a few: rather a mistake than a deletion


class Reader(Protocol):
    """A server that says how many submissions a form has there, and how they are called."""

    def count(self) -> int | None:
        """How many it holds now; None where it does not say."""

    def names(self) -> Iterable[tuple[str, str]]:
        """The name of each, as its pages name it, and the last instant it bears."""

    def changes(self) -> Iterable[tuple[str, str]]:
        """The name of each that changed since it was received there, and the instant of its last change."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Names that were received from a server: ``gone`` are there no more, ``back`` were gone and are there again.

    ``passed_over``: the earliest instant that a name bears which is there and was never received; "" where all were.
    """

    gone: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    passed_over: str = ""


def moved(reader: Reader, known: Mapping[str, bool]) -> Moved:
    """Compare what the server holds with what was received from it."""
    there = {name for name, here in known.items() if here}
    if reader.count() == len(there):
        return Moved()
    now = dict(reader.names())
    back = sorted(name for name, here in known.items() if not here and name in now)
    passed_over = min((instant for name, instant in now.items() if instant and name not in known), default="")
    return Moved(tuple(sorted(there.difference(now))), tuple(back), passed_over)


def overlooked(reader: Reader, folder: Path, *what: str) -> str:
    """The earliest instant of a change that never came here, whatever instants were asked for; "" where all did."""
    known, changes = known_names(folder, *what), known_changes(folder, *what)
    missed = (at for name, at in reader.changes() if name not in known or changes.get(name, at) != at)
    return min(missed, default="")


def refuse_too_many(found: Moved, known: Mapping[str, bool], url: str) -> None:
    """Raise ServerError PUL-09 where so much is gone that somebody should look first."""
    there = sum(known.values())
    if len(found.gone) > FEW and len(found.gone) > MOST_GONE * there:
        raise ServerError("PUL-09", url=url, gone=len(found.gone), known=there)


def known_names(folder: Path, *what: str) -> dict[str, bool]:
    """Every name received from a form of a server, and whether it was there when it was last looked."""
    return {name: mark == HERE for mark, name, _ in _lines(folder, *what)}


def known_changes(folder: Path, *what: str) -> dict[str, str]:
    """Of every name with which it came, the instant of the last change that is here; "" for none."""
    return {name: changed.removeprefix(TAB) for _, name, changed in _lines(folder, *what) if changed}


def note_names(names: Iterable[str], folder: Path, *what: str, here: bool = True) -> None:
    """Add names, those of a mapping with their last change; of one that is noted twice the last line counts."""
    changes = names if isinstance(names, Mapping) else {}
    lines = (f"{name}{TAB}{changes[name]}" if name in changes else name for name in names)
    text = "".join(f"{HERE if here else GONE}{line}\n" for line in lines)
    place = place_of(folder, *what).with_suffix(".names")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("a", encoding="utf-8") as file:
        file.write(text)


def _lines(folder: Path, *what: str) -> Iterator[tuple[str, str, str]]:
    """Mark, name, and the change behind a tab where one was noted."""
    try:
        lines = place_of(folder, *what).with_suffix(".names").read_text(encoding="utf-8").splitlines()
    except OSError:
        return  # then all that the server holds was passed over, and is asked for again
    for line in lines:
        name, tab, changed = line[1:].partition(TAB)
        if line[:1] in (HERE, GONE) and name:
            yield line[0], name, tab + changed
