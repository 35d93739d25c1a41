"""A chart with its words, and the same figures as a table with its files: what the pages of field work are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages import field_charts
from collect.pages.take_away import buttons
from collect.pages.words import NOTHING, number

Formats = dict[str, Callable[[Any], str]]  # how the cells of a column are written
ROW, TALLEST = 36, 460  # pixels


def framed(chart: alt.Chart | alt.LayerChart, key: str, lang: str, part: str = "") -> None:
    """A chart in its frame, with its words for screen readers.

    ``key``: its page and name, "quality-rules"; ``part``: which part of it, where it is drawn in several.
    """
    with st.container(border=True):
        spoken = field_charts.in_language(chart, lang)
        st.altair_chart(spoken, width="stretch", alt=_alt(key, lang), key=f"chart-{key}{part}")


def table(
    rows: pl.DataFrame,
    key: str,
    lang: str,
    made_up: bool,
    formats: Formats | None = None,
    columns: Mapping[str, Any] | None = None,
) -> None:
    """The figures of a chart as a table, and its files; ``columns``: as of `st.dataframe`."""
    counts: Formats = {name: partial(number, lang=lang) for name, kind in rows.schema.items() if kind.is_numeric()}
    written: Any = {
        column: (lambda value, to=to: NOTHING if value is None or value != value else to(value))
        for column, to in {**counts, **(formats or {})}.items()
    }
    st.dataframe(
        rows.to_pandas().style.format(written),
        hide_index=True,
        placeholder=NOTHING,
        alt=_alt(key, lang),
        height=min(ROW * (rows.height + 1) + 4, TALLEST),
        column_config=columns,
        key=f"table-{key}",
    )
    buttons(rows, key, lang, made_up)


def _alt(key: str, lang: str) -> str:
    page, _, name = key.partition("-")
    return t(f"{page}.alt.{name}", lang)
