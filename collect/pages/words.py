"""What the pages write of targets and table cells, on top of the language's own figures."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from collect.i18n import t
from collect.i18n.figures import NOTHING, chance, counted, day, interval, moment, number, percent, points, whole_percent
from collect.targets import Target

__all__ = [
    "NOTHING", "Formats", "as_text", "chance", "counted", "day", "interval", "known", "moment", "number", "percent",
    "points", "target_value", "whole_percent",
]  # fmt: skip
SIGNS = {">=": "≥", ">": ">", "=": "="}
MEANING = re.compile(r"[!-/:-@\[-`{-~]")  # ASCII punctuation: CommonMark lets a backslash stand before each


def as_text(words: str) -> str:
    """Words from outside (a file's name, an answer) as Markdown that shows them as they are, on one line.

    Every sign of Markdown, HTML, mathematics and Streamlit's own ":red[...]" loses its meaning; letters that nobody
    sees, or that turn the direction of reading around, are left out, and blanks of every width stay.
    """
    seen = "".join(letter for letter in words if letter.isprintable() or unicodedata.category(letter) == "Zs")
    return MEANING.sub(r"\\\g<0>", seen)


def target_value(target: Target, lang: str) -> str:
    """What a target asks, '> 80 %'; a rank or a growth rate in its own unit."""
    if target.unit == "rank":
        return t("target.rank", lang, place=number(float(target.value), lang))
    return f"{SIGNS[target.operator]}\u00a0{whole_percent(float(target.value), lang)}"


Formats = dict[Any, str | Callable[[object], str] | None]  # a table's columns and how their cells are written


def known(cell: object) -> float | None:
    """A table cell's number; pandas writes an empty cell as NaN."""
    return float(cell) if isinstance(cell, int | float) and cell == cell else None
