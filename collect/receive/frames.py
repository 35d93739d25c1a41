"""Reads the sampling frame: the list of hamlets with their chance of being drawn, as CSV or XLSX."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from collect.contract import TableError
from collect.problems import ExportError
from collect.receive.received import IssueBook, Received
from collect.receive.sheets import Sheet
from collect.tables import FRAME, Answers, Frame

SOURCE = "frame"
NEEDED = frozenset(column.name for column in FRAME.columns if column.required)
YES = ("true", "1", "yes", "có", "x")
NO = ("false", "0", "no", "không")


def is_frame(headings: Sequence[str]) -> bool:
    """Whether these are the frame's columns."""
    return {*headings} >= NEEDED


def read(sheet: Sheet, file: str) -> Received:
    """Read the frame. Raises ExportError IN-18 naming everything that is wrong with it."""
    here = {name: str(sheet.headings.index(name)) for name in FRAME.schema if name in sheet.headings}
    text = sheet.frame.select(pl.col(place).str.strip_chars().alias(name) for name, place in here.items())
    text = text.filter(pl.any_horizontal(pl.all().is_not_null()))
    truth = pl.col("selected").str.to_lowercase()
    typed = text.with_columns(
        pl.col("households").cast(pl.Int64, strict=False),
        pl.col("probability").cast(pl.Float64, strict=False),
        pl.when(truth.is_in(YES)).then(True).when(truth.is_in(NO)).then(False).alias("selected"),
    )
    try:
        frame = Frame(FRAME.check(typed))
    except TableError as error:
        raise ExportError("IN-18", file=file, faults=str(error).removeprefix("frame: ")) from error
    return Received(SOURCE, file, None, Answers({}), IssueBook().table(), sheet.lost, frame=frame)
