"""The roster agrees with what the household said: as many people as declared, of ages that fit their birth years."""

from __future__ import annotations

from datetime import date

import polars as pl

from collect.check.dates import impossible_days
from collect.check.planner import Unplanned, beside
from collect.check.report import Report, Rule
from collect.check.shape import above, parent_path
from collect.check.sheets import Sheets
from collect.forms import Section

# A birthday still to come makes one year; so does counting age the Vietnamese way (tuổi mụ) or the Khmer way.
AGE_SLACK_YEARS = 1


def check_size(sheets: Sheets, report: Report) -> None:
    """ROS-01 where the declared household size, or a repeat_count of the form, is not the number of rows."""
    for section in sheets.form.sections:
        if not section.repeats or section.path in sheets.absent:
            continue  # an export that holds no repeats is the file's trouble, told when it was received
        declared = _declared(sheets, section)
        wanted = _wanted(sheets, section, report)
        if declared is None and wanted is None:
            continue
        asked = _asked(sheets, section)
        if declared is not None:
            _report_size(sheets, section, sheets.form.design.household_size, declared.filter(asked), asked, report)
        if wanted is not None:
            new = wanted if declared is None else wanted.set((wanted == declared).fill_null(False), None)
            _report_size(sheets, section, section.path, new.filter(asked), asked, report)


def _declared(sheets: Sheets, section: Section) -> pl.Series | None:
    size = sheets.form.by_path.get(sheets.form.design.household_size)
    if size is None or section.path != sheets.form.design.roster or size.repeat != section.parent_repeat:
        return None
    return sheets.typed[size.repeat][size.path].cast(pl.Float64, strict=False)


def _wanted(sheets: Sheets, section: Section, report: Report) -> pl.Series | None:
    if not section.count:
        return None
    try:
        return sheets.planner.column(section.count, beside(section.path), "number")
    except Unplanned as reason:
        report.rule(Rule("repeat_count", section.path, section.count), reason.why, str(reason))
        return None


def _asked(sheets: Sheets, section: Section) -> pl.Series:
    """Where rows could be expected; where the repeat's own relevance cannot be read, wherever there are some."""
    asked = sheets.asked(parent_path(section.path))
    if not section.relevant:
        return asked
    try:
        return asked & sheets.planner.truth(section.relevant, beside(section.path)).fill_null(False)
    except Unplanned:
        return asked & (rows_under(sheets, section.path) > 0)


def _report_size(
    sheets: Sheets, section: Section, question: str, expected: pl.Series, asked: pl.Series, report: Report
) -> None:
    counts = pl.DataFrame({"expected": expected, "found": rows_under(sheets, section.path).filter(asked)})
    wrong = counts.select((pl.col("expected") != pl.col("found")).fill_null(False))["expected"]
    rows = sheets.text[section.parent_repeat].filter(asked).filter(wrong)
    details = counts.filter(wrong).select(
        pl.struct(pl.col("expected").round().cast(pl.Int64), pl.col("found").cast(pl.Int64)).struct.json_encode()
    )
    answer = rows[question] if question in rows.columns else None
    report.rows("ROS-01", question, rows, answer, details["expected"])


def rows_under(sheets: Sheets, repeat: str) -> pl.Series:
    """How many rows of ``repeat`` each row of the table one level up has."""
    parents = sheets.planner.parents(repeat).drop_nulls().alias("parent").cast(pl.UInt32)
    counts = parents.value_counts(name="rows")
    nothing = pl.zeros(sheets.typed[above(sheets.form, repeat)].height, dtype=pl.UInt32, eager=True)
    return nothing.scatter(counts["parent"], counts["rows"].cast(pl.UInt32))


def check_ages(sheets: Sheets, report: Report, received_on: date | None) -> None:
    """ROS-02 where age and birth year cannot both be right on the day of the interview.

    A submission without an interview day, or with an impossible one (DAT-02 says so), is not judged here; nor are
    answers that the design says mean "not known".
    """
    form, design = sheets.form, sheets.form.design
    age, born = form.by_path.get(design.age), form.by_path.get(design.birth_year)
    days = impossible_days(sheets, received_on)
    if age is None or born is None or days is None:
        return
    if age.repeat != born.repeat:
        rule = Rule("age", age.path, f"{age.path}, {born.path}")
        report.rule(rule, "apart", "age and birth year are not asked side by side")
        return
    year = days.select(pl.when(~pl.col("wrong")).then(pl.col("day").dt.year()).alias("year"))["year"]
    table = sheets.typed[age.repeat]
    people = table.select(_number(age.path, design.unknown, "age"), _number(born.path, design.unknown, "born"))
    people = people.with_columns(to_rows(sheets, year, age.repeat).alias("year"))
    off = (pl.col("year") - pl.col("born") - pl.col("age")).abs() > AGE_SLACK_YEARS
    wrong = people.select(off.fill_null(False).alias("wrong"))["wrong"]
    rows = sheets.text[age.repeat].filter(wrong)
    details = people.filter(wrong).select(
        pl.struct(pl.lit(born.path).alias("other"), pl.col("year"), pl.lit(AGE_SLACK_YEARS).alias("limit"))
        .struct.json_encode()
        .alias("details")
    )
    report.rows("ROS-02", age.path, rows, rows[age.path], details["details"])


def to_rows(sheets: Sheets, of_root: pl.Series, repeat: str) -> pl.Series:
    """A column of the root, spread over the rows of a repeat."""
    if repeat == sheets.form.root:
        return of_root
    return to_rows(sheets, of_root, above(sheets.form, repeat)).gather(sheets.planner.parents(repeat))


def _number(path: str, unknown: tuple[str, ...], name: str) -> pl.Expr:
    known = ~pl.col(path).cast(pl.String).is_in(list(unknown))
    return pl.when(known).then(pl.col(path)).cast(pl.Float64, strict=False).alias(name)
