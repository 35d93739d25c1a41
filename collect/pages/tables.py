"""Commune rows as tables for people: the important columns first and narrow enough for a phone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages import data, looks
from collect.pages.data import Results
from collect.pages.words import NOTHING, Formats, counted, interval, known, number, percent
from collect.targets import Target

EVERYTHING = ("name", "verdict", "value", "needed", "interval", "n_households")
NAME, FIGURE, VERDICT = 152, 76, {"vi": 152, "km": 148, "en": 122}  # pixels: what a phone shows side by side
LONG_NAME = 186  # where a name carries its kind behind it, "Commune"
NEEDED = {"vi": 104, "km": 112, "en": 136}  # a count with what is counted
_WORDS = {
    "code": "column.code",
    "name": "column.commune",
    "verdict": "column.verdict",
    "value": "column.estimate",
    "interval": "column.interval",
    "needed": "column.needed",
    "n_households": "column.answered",
}


def in_words(column: pl.Series, words: Callable[[Any], str]) -> pl.Series:
    """A column in words; blanks stay blank. Made here and not inside a Polars expression, for the reason of `named`."""
    return pl.Series(column.name, [None if value is None else words(value) for value in column], pl.String)


def unit_of(results: Results, target: Target) -> str:
    """What a target's indicator counts: households, people or communes."""
    indicator = data.indicator_of(results, target)
    return indicator.counted_in if indicator else "households"


def with_unit(cell: Any, unit: str, lang: str) -> str:
    """A count with what is counted: "1,679 households"."""
    count = known(cell)
    return NOTHING if count is None else counted(f"needed.{unit}", round(count), lang)


def needed_width(lang: str) -> int:
    """Pixels that show how many of what are needed."""
    return NEEDED[lang]


def communes(rows: pl.DataFrame, unit: str, lang: str, columns: Sequence[str] = EVERYTHING) -> object:
    """`named` with its numbers written out for the eye. ``unit``: what the indicator counts, households or people."""
    names = _names(lang)
    formats: Formats = {
        names["value"]: lambda cell: percent(known(cell), lang),
        names["needed"]: lambda cell: with_unit(cell, unit, lang),
        names["n_households"]: lambda cell: number(known(cell), lang),
    }
    shown: Formats = {names[name]: formats[names[name]] for name in columns if names[name] in formats}
    return named(rows, lang, columns).to_pandas().style.format(shown)


def named(rows: pl.DataFrame, lang: str, columns: Sequence[str] = EVERYTHING) -> pl.DataFrame:
    """Rows of `collect.pages.data.communes` under headings in words; numbers stay numbers, so that sorting works.

    Words are made here and not inside a Polars expression: its threads would wait for the interpreter while another
    visitor's page holds the interpreter and waits for those threads, and the app would stand still for ever.
    """
    verdicts = [looks.verdict_text(verdict, lang) for verdict in rows["verdict"]]
    spans = [
        looks.missing(row, lang) or interval(row["ci_low"], row["ci_high"], lang) for row in rows.iter_rows(named=True)
    ]
    frame = rows.select(
        pl.col("place").alias("code"),
        "name",
        pl.Series("verdict", verdicts, pl.String),
        "value",
        pl.Series("interval", spans, pl.String),
        pl.col("households_needed").alias("needed"),
        "n_households",
    )
    return frame.select(columns).rename({name: words for name, words in _names(lang).items() if name in columns})


def _names(lang: str) -> dict[str, str]:
    return {name: t(key, lang) for name, key in _WORDS.items()}


def name_width(lang: str) -> int:
    """Pixels that show a commune's name whole."""
    return LONG_NAME if lang == "en" else NAME


def widths(lang: str) -> dict[str, Any]:
    """The name is as wide as a phone allows beside an estimate and a verdict."""
    return {
        t("column.commune", lang): st.column_config.Column(width=name_width(lang)),
        t("column.verdict", lang): st.column_config.Column(width=VERDICT[lang]),
        t("column.estimate", lang): st.column_config.Column(width=FIGURE, alignment="left"),
        t("column.needed", lang): st.column_config.Column(width=needed_width(lang)),
    }
