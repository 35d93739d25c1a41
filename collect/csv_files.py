"""Tables as CSV for people: every letter is shown, nothing runs, and each row can say whether it is made up."""

from __future__ import annotations

import polars as pl

from collect.harmless import harmless_cells

MADE_UP = "made_up"  # a CSV has no room for what is true of the whole file but a column; decision 0105


def marked(rows: pl.DataFrame, made_up: bool, heading: str = MADE_UP) -> pl.DataFrame:
    """The table with one column more, the last: whether it speaks of a demonstration."""
    return rows.with_columns(pl.lit(made_up).alias(heading))


def csv_of(rows: pl.DataFrame) -> bytes:
    """UTF-8 with the byte order mark that Excel needs to show diacritics; what begins like a formula is text."""
    return harmless_cells(rows).write_csv(include_bom=True, line_terminator="\r\n").encode()
