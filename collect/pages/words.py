"""How numbers, dates, places and targets are written for people, by language."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from collect.i18n import t
from collect.targets import Target

SIGNS = {">=": "≥", ">": ">", "=": "="}
PERCENT = {"vi": "#,##0.0\u00a0%", "km": "#,##0.0%", "en": "#,##0.0%"}
WHOLE_PERCENT = {"vi": "#,##0.#\u00a0%", "km": "#,##0.#%", "en": "#,##0.#%"}
DATES = {"vi": "dd/MM/yyyy", "km": "dd/MM/yyyy", "en": "d MMM yyyy"}
NOTHING = "–"
MEANING = re.compile(r"[!-/:-@\[-`{-~]")  # ASCII punctuation: CommonMark lets a backslash stand before each


def as_text(words: str) -> str:
    """Words from outside (a file's name, an answer) as Markdown that shows them as they are, on one line.

    Every sign of Markdown, HTML, mathematics and Streamlit's own ":red[...]" loses its meaning; letters that nobody
    sees, or that turn the direction of reading around, are left out.
    """
    seen = "".join(letter for letter in words if letter.isprintable())
    return MEANING.sub(r"\\\g<0>", seen)


def percent(share: float | None, lang: str) -> str:
    """A share of 0 to 1 as percent, one decimal."""
    return NOTHING if share is None else str(format_percent(share, PERCENT[lang], locale=lang))


def interval(low: float | None, high: float | None, lang: str) -> str:
    """Two shares as an interval in percent."""
    return NOTHING if low is None or high is None else f"{percent(low, lang)}\u2009–\u2009{percent(high, lang)}"


def number(value: float | None, lang: str) -> str:
    """A count, grouped as the language groups."""
    return NOTHING if value is None else str(format_decimal(value, "#,##0.#", locale=lang))


def day(value: date | None, lang: str) -> str:
    """A date."""
    return NOTHING if value is None else str(format_date(value, DATES[lang], locale=lang))


def chance(p_meets: float | None, lang: str) -> str:
    """A probability in whole percent; never a bare 0 or 100, which would claim certainty."""
    if p_meets is None:
        return NOTHING
    if p_meets < 0.01:
        return "< " + str(format_percent(0.01, WHOLE_PERCENT[lang], locale=lang))
    if p_meets > 0.99:
        return "> " + str(format_percent(0.99, WHOLE_PERCENT[lang], locale=lang))
    return str(format_percent(round(p_meets, 2), WHOLE_PERCENT[lang], locale=lang))


def target_value(target: Target, lang: str) -> str:
    """What a target asks, '> 80 %'; a rank or a growth rate in its own unit."""
    sign = SIGNS[target.operator]
    if target.unit == "rank":
        return t("target.rank", lang, place=number(float(target.value), lang))
    return f"{sign}\u00a0{format_percent(float(Fraction(target.value)), WHOLE_PERCENT[lang], locale=lang)}"


Formats = dict[Any, str | Callable[[object], str] | None]  # a table's columns and how their cells are written


def known(cell: object) -> float | None:
    """A table cell's number; pandas writes an empty cell as NaN."""
    return float(cell) if isinstance(cell, int | float) and cell == cell else None
