"""What the sections of the quality page share: a chart with its words, its table twin, and the files of the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages import field_charts
from collect.pages.take_away import buttons
from collect.pages.words import NOTHING, number

Formats = dict[str, Callable[[Any], str]]


def heading(name: str, lang: str) -> str:
    """What a column is called."""
    return t(f"quality.column.{name}", lang)


def framed(chart: alt.Chart | alt.LayerChart, name: str, lang: str) -> None:
    """A chart in its frame, with its words for screen readers."""
    with st.container(border=True):
        spoken = field_charts.in_language(chart, lang)
        st.altair_chart(spoken, width="stretch", alt=t(f"quality.alt.{name}", lang), key=f"chart-{name}")


def table(rows: pl.DataFrame, name: str, lang: str, formats: Formats, helped: Sequence[str] = ()) -> None:
    """A chart's table twin and its files; ``formats``: how a column is written, ``helped``: columns with help."""
    counts: Formats = {name: partial(number, lang=lang) for name, kind in rows.schema.items() if kind.is_numeric()}
    written: Any = {
        column: (lambda value, to=to: NOTHING if value is None or value != value else to(value))
        for column, to in (counts | formats).items()
    }
    st.dataframe(
        rows.to_pandas().style.format(written),
        hide_index=True,
        placeholder=NOTHING,
        alt=t(f"quality.alt.{name}", lang),
        height=min(36 * (rows.height + 1) + 4, 420),
        column_config={
            heading(one, lang): st.column_config.Column(help=t(f"quality.help.{one}", lang)) for one in helped
        },
        key=f"table-{name}",
    )
    buttons(rows, f"quality-{name}", lang)
