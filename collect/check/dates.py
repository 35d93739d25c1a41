"""The interview was on a day it can have been: it ends after it starts, not before its round, not after its upload."""

from __future__ import annotations

from datetime import date

import polars as pl

from collect.check.cast import read_date, read_instant, read_local
from collect.check.days import BUDDHIST, BUDDHIST_AHEAD, DAYS
from collect.check.report import Report, said
from collect.check.sheets import Sheets
from collect.forms import Form, Question

# Phones that lost their clock wake up in 1970, 1980 or 2000: nothing was collected with them before this year.
FIRST_YEAR = 2001
# The server writes UTC, the phone its own clock (up to 14 hours ahead): one day is the zone, not an error.
ZONE_DAYS = 1
# Where computers begin to count days: a clock that lost the time, or a program that made a day of a blank or 0.
CLOCK_ZERO = (date(1969, 12, 31), date(1970, 1, 1))
LONGEST_LIFE = 120  # years before an upload: nobody who answers was born earlier
FARTHEST = 50  # years after an upload: the longest that rights and loans run


def interview_day(form: Form, root: pl.DataFrame) -> pl.Expr:
    """The day of the interview as the device saw it: the design's own question, else the day it was started."""
    path = form.design.interviewed_on or form.design.started_at
    if not path or path not in root.columns:
        return pl.lit(None, pl.Date)
    return pl.col(path) if root.schema[path] == pl.Date() else read_date(pl.col(path).str.slice(0, 10))


def check_dates(sheets: Sheets, report: Report, days: pl.DataFrame | None) -> None:
    """DAT-01 where the interview ends before it starts, DAT-02 where its day (of `possible_days`) cannot be."""
    _check_order(sheets, report)
    _check_day(sheets, report, days)


def check_other_days(sheets: Sheets, report: Report, days: pl.DataFrame | None, received_on: date | None) -> None:
    """DAT-03 for days that can hardly be meant; not for the interview's own day, which DAT-02 judges more narrowly.

    Nor for its start and end where that day is wrong already: it is the same clock.
    """
    design = sheets.form.design
    judged = (design.interviewed_on or design.started_at) if days is not None else ""
    for repeat, table in sheets.typed.items():
        asked = [q for q in sheets.form.questions_in(repeat) if q.type in DAYS and q.path != judged]
        doubts = table.select(_doubted(_day_of(question), received_on).alias(question.path) for question in asked)
        for question in asked:
            why = doubts[question.path]
            if question.path in (design.started_at, design.ended_at) and days is not None:
                why = why.zip_with(~days["wrong"], pl.Series([None], dtype=pl.String))
            if why.null_count() < len(why):
                _doubt(sheets, report, question, why)


def _doubt(sheets: Sheets, report: Report, question: Question, why: pl.Series) -> None:
    rows = sheets.text[question.repeat].filter(why.is_not_null())
    doubted = sheets.typed[question.repeat].filter(why.is_not_null()).select(day=_day_of(question))["day"]
    details = [
        said(**({"reason": reason, "offered": ""} | _era(day)), past=LONGEST_LIFE, ahead=FARTHEST)
        for reason, day in zip(why.drop_nulls(), doubted, strict=True)
    ]
    report.rows("DAT-03", question.path, rows, rows[question.path], pl.Series(details))


def _day_of(question: Question) -> pl.Expr:
    return pl.col(question.path) if question.type == "date" else read_date(pl.col(question.path).str.slice(0, 10))


def _doubted(day: pl.Expr, received_on: date | None) -> pl.Expr:
    """Why a day can hardly be meant, as a code with words of its own; null where it can."""
    year = day.dt.year()
    far = pl.lit(False)
    if received_on is not None:
        far = ~year.is_between(received_on.year - LONGEST_LIFE, received_on.year + FARTHEST)
    return (
        pl.when(day.is_in(CLOCK_ZERO))
        .then(pl.lit("clock_zero"))
        .when(year.is_between(*BUDDHIST))
        .then(pl.lit("buddhist_era"))
        .when(far)
        .then(pl.lit("far_away"))
    )


def _check_order(sheets: Sheets, report: Report) -> None:
    form, root = sheets.form, sheets.form.root
    start, end = form.design.started_at, form.design.ended_at
    kinds = {form.by_path[path].type for path in (start, end) if path in form.by_path}
    if not start or not end or kinds != {"dateTime"}:
        return
    times = sheets.typed[root].select(end, start, backwards=read_instant(pl.col(end)) < read_instant(pl.col(start)))
    backwards = times["backwards"]
    if backwards.null_count():  # one of them names no zone
        local = read_local(pl.col(end)) < read_local(pl.col(start))
        backwards = times.select(pl.col("backwards").fill_null(local).fill_null(False)).to_series()
    rows = sheets.text[root].filter(backwards)
    report.rows("DAT-01", end, rows, rows[end], said(other=start))


def _check_day(sheets: Sheets, report: Report, wrong: pl.DataFrame | None) -> None:
    if wrong is None:
        return
    path = sheets.form.design.interviewed_on or sheets.form.design.started_at
    rows = sheets.text[sheets.form.root].filter(wrong["wrong"])
    limits = ("earliest", "latest")
    told = [
        said(**{name: row[name] or "" for name in limits}, **_era(row["day"]))
        for row in wrong.filter("wrong").iter_rows(named=True)
    ]
    report.rows("DAT-02", path, rows, rows[path], pl.Series(told, dtype=pl.String))


def _era(day: date) -> dict[str, str]:
    """What to say of a year that looks like one of the Buddhist era: which day of the common one is meant."""
    if not BUDDHIST[0] <= day.year <= BUDDHIST[1]:
        return {}
    return {"reason": "buddhist_era", "offered": day.replace(year=day.year - BUDDHIST_AHEAD).isoformat()}


def possible_days(sheets: Sheets, received_on: date | None) -> pl.DataFrame | None:
    """Per submission: its ``day``, the ``earliest`` and ``latest`` it can be, and whether it is ``wrong``.

    The earliest is 1 January of the year the round names ("2026-1"), else of the year the submission's form version
    names ("2026112201"), else of `FIRST_YEAR`. The latest is the day the upload was received, a date of the place where
    the survey is, or the day after the server stamped the submission, whichever comes first.
    """
    form = sheets.form
    root = sheets.typed[form.root]
    if not (form.design.interviewed_on or form.design.started_at):
        return None
    stamped = read_date(pl.col("submitted_at").str.slice(0, 10)).dt.offset_by(f"{ZONE_DAYS}d")
    round_name = pl.col(form.design.round) if form.design.round in root.columns else pl.lit(None)
    years = (_year_in(round_name.cast(pl.String)), _year_of(pl.col("form_version")))
    first_year = pl.coalesce(*years, pl.lit(FIRST_YEAR))
    days = root.select(
        interview_day(form, root).alias("day"),
        pl.date(first_year, 1, 1).alias("earliest"),
        pl.min_horizontal(stamped, pl.lit(received_on, pl.Date)).alias("latest"),
    )
    outside = (pl.col("day") < pl.col("earliest")) | (pl.col("day") > pl.col("latest"))
    return days.with_columns(outside.fill_null(False).alias("wrong"))


def _year_in(round_name: pl.Expr) -> pl.Expr:
    """The year a round is named after, "2026-1" or "demo-2026"; null when it names none."""
    return round_name.str.extract(r"(?:^|[^0-9])(20[0-9]{2})(?:$|[^0-9])").cast(pl.Int32)


def _year_of(version: pl.Expr) -> pl.Expr:
    """The year of a version written as a day and a number, "2026112201"; null when it is written otherwise."""
    return version.str.extract(r"^(20[0-9]{2})(?:0[1-9]|1[0-2])[0-9]{2,}$").cast(pl.Int32)
