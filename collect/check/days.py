"""Reads days that are written with the year last, in words, or as a spreadsheet's number, where they can be told.

25/7/2026 can only be July; 12/7/2026 cannot be told by itself, but a column in which some day is past the twelfth tells
for all its cells. Where no cell tells, or cells contradict one another, whoever uploads must say (``dates``).
A year of two digits is told only where the day of the interview is asked: that lies in the years before the upload.
A spreadsheet counts days from 30 December 1899, or from 1904 on a Mac before 2011: where the later day would lie after
the upload was received, it is the first; one cell tells for the whole upload.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import cached_property

import polars as pl

from collect.check.sheets import Sheets
from collect.check.tidying import bared

DAYS = ("date", "dateTime")

SHORT_YEAR = r"^(\d{1,2})([-/. ])(\d{1,2})[-/. ](\d{2})((?:[ T]+\d{1,2}:\d{2}(?::\d{2})?)?)$"
YEARS_BACK = 2  # an interview is handed in at the latest so long after it was made
YEAR_LAST = r"^(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})(?:[ T]+(\d{1,2}:\d{2}(?::\d{2})?))?$"
IN_WORDS = r"^(?:[Nn]gày\s+)?(\d{1,2})\s+[Tt]háng\s+(\d{1,2})(?:\s+[Nn]ăm|,)?\s+(\d{4})$"
SERIAL = r"^(\d{5})(?:\.\d+)?$"
DAY_NOUGHT = date(1899, 12, 30)
LATER_BY = timedelta(days=1462)  # the count from 1904
LAST_MONTH, LAST_DAY = 12, 31
ORDERS = ("dmy", "mdy")
BUDDHIST = (2400, 2700)  # years: Khmer and Thai calendars count 543 more than the common era
BUDDHIST_AHEAD = 543
LEAP_DAY = r"^(\d{4})-02-29"


def order_of(texts: pl.Series, dates: str) -> str:
    """The order of day and month in a column: what was said, else what its cells show; "" where it stays open."""
    if dates in ORDERS:
        return dates
    first, second = (texts.str.extract(YEAR_LAST, group).cast(pl.Int64) for group in (1, 2))
    day_first = bool(((first > LAST_MONTH) & (second <= LAST_MONTH)).any())
    month_first = bool(((second > LAST_MONTH) & (first <= LAST_MONTH)).any())
    return "" if day_first == month_first else "dmy" if day_first else "mdy"


def with_century(text: pl.Expr, received_on: date | None, dates: str) -> pl.Expr:
    """Days of interviews with the century before a year of two digits, where neither end can be another year.

    20/11/26 may also be the 26th of November 2020; received in 2026, only one of them is the day of an interview.
    """
    if received_on is None:
        return text
    first, last = (text.str.extract(SHORT_YEAR, group).cast(pl.Int64) for group in (1, 4))
    likely = pl.lit(received_on.year % 100 - YEARS_BACK), pl.lit(received_on.year % 100)
    other_end = first.is_between(*likely) & (last <= LAST_DAY) & pl.lit(dates not in ORDERS)
    long_year = text.str.replace(SHORT_YEAR, f"${{1}}${{2}}${{3}}${{2}}{received_on.year // 100}${{4}}${{5}}")
    return pl.when(last.is_between(*likely) & ~other_end).then(long_year).otherwise(text)


def counts_from_1900(columns: Iterable[pl.Series], received_on: date | None) -> bool:
    """Whether some number can only be a day of the usual count."""
    if received_on is None:
        return False
    latest, earliest = (received_on - DAY_NOUGHT).days, (received_on - DAY_NOUGHT - LATER_BY).days
    return any(
        bool(texts.str.extract(SERIAL, 1).cast(pl.Int64).is_between(earliest, latest, closed="right").any())
        for texts in columns
    )


def as_iso(text: pl.Expr, order: str, usual_count: bool) -> pl.Expr:
    """The same as ISO 8601 where the day can be told; every other text as it is."""
    first, second = (text.str.extract(YEAR_LAST, group).cast(pl.Int64) for group in (1, 2))
    told = (first > LAST_MONTH) | (second > LAST_MONTH) | (first == second) | pl.lit(order != "")
    month_first = (second > LAST_MONTH) | ((first <= LAST_MONTH) & pl.lit(order == "mdy"))
    month, day = (pl.when(month_first).then(one).otherwise(other) for one, other in ((first, second), (second, first)))
    clock = text.str.extract(YEAR_LAST, 4).str.zfill(5)
    clock = pl.when(clock.str.len_bytes() == len("08:30")).then(clock + ":00").otherwise(clock.str.zfill(8))
    written = _iso(text.str.extract(YEAR_LAST, 3), month, day) + pl.coalesce("T" + clock, pl.lit(""))
    words = _iso(*(text.str.extract(IN_WORDS, group).cast(pl.Int64) for group in (3, 2, 1)))
    counted = text.str.extract(SERIAL, 1).cast(pl.Int64)
    serial = (pl.lit(DAY_NOUGHT) + pl.duration(days=counted)).cast(pl.Date).dt.to_string("%Y-%m-%d")
    return pl.coalesce(
        pl.when(told).then(written), words, pl.when(pl.lit(usual_count) & counted.is_not_null()).then(serial), text
    )


def with_leap_days(text: pl.Expr) -> pl.Expr:
    """29 February of a Buddhist year that has none in the common count, as the day it is: 2567 is the leap year 2024.

    Every other day of such a year is one of the common era too, far ahead: it stays as it is written (DAT-02, DAT-03).
    """
    year = text.str.extract(LEAP_DAY, 1).cast(pl.Int64)
    common = year - BUDDHIST_AHEAD
    leap = ((common % 4 == 0) & (common % 100 != 0)) | (common % 400 == 0)
    mended = pl.concat_str(common.cast(pl.String), text.str.slice(4))
    return pl.when(year.is_between(*BUDDHIST) & leap).then(mended).otherwise(text)


def in_no_count(day: pl.Expr) -> pl.Expr:
    """29 February of a Buddhist year that common years have too: 2568 is one, and 2025, which it means, has none.

    The two counts lie 543 apart, so no year is a leap year of both.
    """
    return day.dt.year().is_between(*BUDDHIST) & (day.dt.month() == 2) & (day.dt.day() == 29)


def _iso(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    parts = [part.cast(pl.String).str.zfill(2) for part in (month, day)]
    return pl.concat_str(year.cast(pl.String), *parts, separator="-")


def read_as(text: pl.Expr, day: pl.Expr) -> pl.Expr:
    """How a tidied text was read as a ``day``: a code with words of its own, null where it was written year first."""
    last = text.str.contains(YEAR_LAST) | text.str.contains(SHORT_YEAR)
    first = text.str.extract(r"^(\d{1,2})", 1).cast(pl.Int64) == day.str.slice(8, 2).cast(pl.Int64, strict=False)
    order = pl.when(first).then(pl.lit("day_first")).otherwise(pl.lit("month_first"))
    written, year = (one.cast(pl.Int64) for one in (text.str.extract(r"(\d{4})", 1), day.str.slice(0, 4)))
    buddhist = written.is_between(*BUDDHIST) & (written - year == BUDDHIST_AHEAD)
    return (
        pl.when(buddhist)
        .then(pl.lit("buddhist_leap_day"))
        .when(last)
        .then(order)
        .when(text.str.contains(SERIAL))
        .then(pl.lit("counted_from_1900"))
    )


class Days:
    """What a whole upload tells of how its days are written; asked only once some day cannot be read."""

    def __init__(self, sheets: Sheets, received_on: date | None, dates: str) -> None:
        self._sheets, self._received_on, self.dates = sheets, received_on, dates

    @cached_property
    def usual_count(self) -> bool:
        """Whether numbers count days from 1900."""
        asked = [question for question in self._sheets.form.questions if question.type in DAYS]
        return counts_from_1900((bared(self._sheets.text[one.repeat][one.path]) for one in asked), self._received_on)

    def told(self, odd: pl.DataFrame, path: str) -> pl.DataFrame:
        """The tidied cells of a column of days, as ISO where they can be told."""
        design = self._sheets.form.design
        if path in (design.interviewed_on, design.started_at, design.ended_at):
            odd = odd.with_columns(with_century(pl.col(path), self._received_on, self.dates))
        order = order_of(odd[path], self.dates)
        usual = bool(odd[path].str.contains(SERIAL).any()) and self.usual_count
        told = odd.select(as_iso(pl.col(path), order, usual).alias(path))
        return told.select(with_leap_days(pl.col(path)).alias(path))
