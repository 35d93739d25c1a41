"""How numbers, shares, dates and counted things are written for people, by language; Babel knows the customs."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent, get_decimal_symbol, get_group_symbol
from babel.units import format_unit

from collect.i18n import PERCENT, t

DATES = {"vi": "dd/MM/yyyy", "km": "dd/MM/yyyy", "en": "d MMM yyyy"}
NOTHING = "–"
REMEMBERED = 16_384  # figures written out: a page of thousands of communes writes the same ones at every click


@lru_cache(REMEMBERED)
def percent(share: float | None, lang: str) -> str:
    """A share of 0 to 1 as percent, one decimal."""
    return NOTHING if share is None else str(format_percent(share, f"#,##0.0{PERCENT[lang]}", locale=lang))


def whole_percent(share: float, lang: str) -> str:
    """A share of 0 to 1 as percent, a decimal only where it has one: what targets and classes say."""
    return str(format_percent(share, f"#,##0.#{PERCENT[lang]}", locale=lang))


def interval(low: float | None, high: float | None, lang: str) -> str:
    """Two shares as an interval in percent."""
    return NOTHING if low is None or high is None else f"{percent(low, lang)}\u2009–\u2009{percent(high, lang)}"


def points(difference: float | None, lang: str) -> str:
    """A difference between shares in percentage points, with its sign; minus as the true minus."""
    if difference is None:
        return NOTHING
    written = str(format_decimal(abs(difference) * 100, "0.0", locale=lang))
    return f"{'−' if difference < 0 else '+'}{written}"


@lru_cache(REMEMBERED)
def number(value: float | None, lang: str) -> str:
    """A count, grouped as the language groups."""
    return NOTHING if value is None else str(format_decimal(value, "#,##0.#", locale=lang))


def distance(metres: float, lang: str) -> str:
    """A length, in kilometres from 1,000 m on; Khmer's short units are single letters, so it has the long ones."""
    value, unit = (metres / 1000, "length-kilometer") if metres >= 1000 else (metres, "length-meter")
    return str(format_unit(value, unit, "long" if lang == "km" else "short", format="#,##0.#", locale=lang))


def day(value: date | None, lang: str) -> str:
    """A date."""
    return NOTHING if value is None else str(format_date(value, DATES[lang], locale=lang))


def moment(text: str, lang: str) -> str:
    """An instant as the registry keeps it, in UTC, on this machine's clock."""
    return str(format_datetime(datetime.fromisoformat(text).astimezone(), f"{DATES[lang]} HH:mm", locale=lang))


def device_moment(text: str, lang: str) -> str:
    """An instant as a device wrote it, ISO 8601, on the device's own clock. Raises ValueError for anything else."""
    there = datetime.fromisoformat(text).replace(tzinfo=None)
    return str(format_datetime(there, f"{DATES[lang]} HH:mm:ss", locale=lang))


def chance(p_meets: float | None, lang: str) -> str:
    """A probability in whole percent; never a bare 0 or 100, which would claim certainty."""
    if p_meets is None:
        return NOTHING
    if p_meets < 0.01:
        return "< " + whole_percent(0.01, lang)
    if p_meets > 0.99:
        return "> " + whole_percent(0.99, lang)
    return whole_percent(round(p_meets, 2), lang)


def axis_figures(lang: str) -> dict[str, Any]:
    """How Vega writes the figures of an axis: its number locale, from what Babel knows."""
    return {
        "decimal": get_decimal_symbol(lang),
        "thousands": get_group_symbol(lang),
        "grouping": [3],
        "currency": ["", ""],
        "percent": PERCENT[lang],
    }


def counted(key: str, count: int, lang: str, **values: object) -> str:
    """Words that name a number of things: ``key.one`` where the language has a form for one, else ``key.other``.

    The words hold ``{count}``; it is written as the language groups digits.
    """
    form = Locale(lang).plural_form(count)
    return t(f"{key}.{'one' if form == 'one' else 'other'}", lang, count=number(count, lang), **values)
