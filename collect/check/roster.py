"""The roster agrees with what the household said: as many people as declared, of ages that fit their birth years."""

from __future__ import annotations

import polars as pl

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
        asked = _asked(sheets, section) & ~sheets.rows_unknown(section.parent_repeat, [section.path])
        if declared is not None:
            _report_size(sheets, section, sheets.form.design.household_size, declared.set(~asked, None), report)
        if wanted is not None:
            new = wanted if declared is None else wanted.set((wanted == declared).fill_null(False), None)
            _report_size(sheets, section, section.path, new.set(~asked, None), report)


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


def _report_size(sheets: Sheets, section: Section, question: str, expected: pl.Series, report: Report) -> None:
    counts = pl.DataFrame({"expected": expected, "found": rows_under(sheets, section.path)})
    wrong = counts.select((pl.col("expected") != pl.col("found")).fill_null(False))["expected"]
    rows = sheets.text[section.parent_repeat].filter(wrong)
    details = counts.filter(wrong).select(
        pl.struct(pl.col("expected").round().cast(pl.Int64), pl.col("found").cast(pl.Int64)).struct.json_encode()
    )
    answer = rows[question] if question in rows.columns else None
    report.rows("ROS-01", question, rows, answer, details["expected"])


def rows_under(sheets: Sheets, repeat: str) -> pl.Series:
    """How many rows of ``repeat`` each row of the table one level up has."""
    return sheets.planner.links.rows_under(repeat)


def check_ages(sheets: Sheets, report: Report, days: pl.DataFrame | None) -> None:
    """ROS-02 where age and birth year cannot both be right on the day of the interview.

    A submission without an interview day, or with an impossible one (DAT-02 says so; ``days`` are those of
    `possible_days`), is not judged here; nor are
    answers that the design says mean "not known".
    """
    form, design = sheets.form, sheets.form.design
    age, born = form.by_path.get(design.age), form.by_path.get(design.birth_year)
    if age is None or born is None or days is None:
        return
    if age.repeat != born.repeat:
        rule = Rule("age", age.path, f"{age.path}, {born.path}")
        report.rule(rule, "apart", "age and birth year are not asked side by side")
        return
    year = days.select(pl.when(~pl.col("wrong")).then(pl.col("day").dt.year()).alias("year"))["year"]
    table = sheets.typed[age.repeat]
    unknown = pl.Series(design.unknown, dtype=pl.String)
    people = pl.DataFrame([_number(table[age.path], unknown, "age"), _number(table[born.path], unknown, "born")])
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


def _number(answers: pl.Series, unknown: pl.Series, name: str) -> pl.Series:
    not_known = unknown.cast(answers.dtype, strict=False).drop_nulls()
    return answers.set(answers.is_in(not_known.implode()), None).cast(pl.Float64, strict=False).alias(name)
