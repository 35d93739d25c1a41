"""Holds what was received from a server against what it holds: servers tell what changed, and are silent of the rest.

The names received from one form of one server are kept beside the bookmark, a line each. While the server counts as
many as were received, nothing more is asked; else its names are, and compared: some are gone, some were passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from collect.problems import ServerError
from collect.pull.bookmark import place_of

HERE, GONE = "+", "-"
MOST_GONE, FEW = 0.5, 10  # more than half of what was received, and more than a few: rather a mistake than a deletion


class Reader(Protocol):
    """A server that says how many submissions a form has there, and how they are called."""

    def count(self) -> int | None:
        """How many it holds now; None where it does not say."""

    def names(self) -> Iterable[tuple[str, str]]:
        """The name of each, as its pages name it, and the last instant it bears."""


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


def refuse_too_many(found: Moved, known: Mapping[str, bool], url: str) -> None:
    """Raise ServerError PUL-09 where so much is gone that somebody should look first."""
    there = sum(known.values())
    if len(found.gone) > FEW and len(found.gone) > MOST_GONE * there:
        raise ServerError("PUL-09", url=url, gone=len(found.gone), known=there)


def known_names(folder: Path, *what: str) -> dict[str, bool]:
    """Every name received from a form of a server, and whether it was there when it was last looked."""
    try:
        lines = place_of(folder, *what).with_suffix(".names").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}  # then all that the server holds was passed over, and is asked for again
    return {line[1:]: line[0] == HERE for line in lines if line[:1] in (HERE, GONE) and len(line) > 1}


def note_names(names: Iterable[str], folder: Path, *what: str, here: bool = True) -> None:
    """Add names; of one that is noted twice the last line counts."""
    text = "".join(f"{HERE if here else GONE}{name}\n" for name in names)
    place = place_of(folder, *what).with_suffix(".names")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("a", encoding="utf-8") as file:
        file.write(text)
