"""Tables that people take with them: what is on screen as a spreadsheet, the same rows and words."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import polars as pl
import streamlit as st
import xlsxwriter

from collect.harmless import as_csv
from collect.i18n import t

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WIDEST = 60  # characters


def as_xlsx(rows: pl.DataFrame) -> bytes:
    """A workbook of one sheet; text stays text, and no cell is a formula."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet()
        head = book.add_format({"bold": True, "bg_color": "#1B4B7A", "font_color": "#FFFFFF", "text_wrap": True})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for place, name in enumerate(rows.columns):
            values = rows[name].to_list()
            longest = max((len(str(value)) for value in [name, *values[:200]] if value is not None), default=8)
            sheet.set_column(place, place, min(longest + 2, WIDEST), day if rows.schema[name] == pl.Date else None)
            sheet.write_string(0, place, name, head)
            for row, value in enumerate(values, start=1):
                _cell(sheet, row, place, value)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(rows.height, 1), max(rows.width - 1, 0))
    return made.getvalue()


def _cell(sheet: Any, row: int, place: int, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, str):
        sheet.write_string(row, place, value)
    else:
        sheet.write(row, place, value)


def buttons(rows: pl.DataFrame, name: str, lang: str, made_up: bool | None = None) -> None:
    """The two downloads of a table. ``name``: the file's, without its suffix; it also tells the buttons apart.

    ``made_up``: whether the rows are a demonstration, which both files say in a last column; None for what is no data.
    """
    if made_up is not None:
        rows = rows.with_columns(pl.lit(made_up).alias(f"{t('take_away.made_up', lang)} (made_up)"))
    with st.container(horizontal=True, gap="small"):
        for kind, make, mime in (("xlsx", as_xlsx, XLSX), ("csv", as_csv, "text/csv")):
            st.download_button(
                t(f"take_away.{kind}", lang),
                data=partial(make, rows),
                file_name=f"{name}.{kind}",
                mime=mime,
                key=f"take-{name}-{kind}",
                icon=":material/download:",
                on_click="ignore",
            )
