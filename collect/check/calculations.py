"""Calculations of the form, made again from the answers they read and held against what was stored."""

from __future__ import annotations

import polars as pl

from collect import xpath
from collect.check.engines import differing
from collect.check.planner import Unplanned
from collect.check.report import Report, Rule
from collect.check.sheets import Sheets
from collect.forms import Question

# Relative: a spreadsheet keeps 15 digits of a number, and a phone may have rounded before it wrote.
TOLERANCE = 1e-6


def compare_calculation(sheets: Sheets, rule: Rule, report: Report) -> None:
    """CAL-01 where a stored calculation is not what the form computes now; a column nobody stored is filled instead."""
    question = sheets.form.by_path[rule.path]
    table = sheets.typed[question.repeat]
    if not table.height:
        return
    numeric = question.type in ("int", "decimal")
    try:
        fresh = sheets.planner.column(rule.text, rule.path, "number" if numeric else "string")
        fresh = fresh if numeric else fresh.replace("NaN", "")  # what is not a number is stored as a blank
    except Unplanned as reason:
        if not (reason.why == "unsupported" and _drawn_once(rule.text)):
            report.rule(rule, reason.why, str(reason))
        return
    stored, asked = table[question.path], sheets.asked(question.path)
    if not stored.is_not_null().any():
        known = asked & ~sheets.rows_unknown(question.repeat, sheets.planner.reads(rule.text, rule.path))
        filled = pl.when(known).then(_as_answer(fresh, question)).alias(question.path)
        sheets.typed[question.repeat] = table.with_columns(filled)
        return
    wrong = _differs(stored, fresh) & asked & ~sheets.unsure(rule)
    doubtful = pl.zeros(len(wrong), dtype=pl.Boolean, eager=True)
    said = differing(sheets, rule, wrong, "string")
    if said is not None:
        web = said["web"].cast(pl.Float64, strict=False) if numeric else said["web"]
        agrees = ~_differs(stored.gather(said["place"]), web)
        doubtful = doubtful.scatter(said["place"].filter(agrees), True)
    for where, severity in ((wrong & ~doubtful, ""), (wrong & doubtful, "warning")):
        rows = sheets.text[question.repeat].filter(where)
        shown = pl.DataFrame({"expected": fresh.filter(where).cast(pl.String), "web": rows[question.path]})
        more = [pl.struct(collect="expected", web="web").alias("engines"), pl.lit(rule.text).alias("expression")]
        details = pl.struct("expected", pl.lit(rule.text).alias("rule"), *(more if severity else []))
        encoded = shown.select(details.struct.json_encode()).to_series()
        report.rows("CAL-01", question.path, rows, rows[question.path], encoded, severity)


def _drawn_once(text: str) -> bool:
    """Whether the device drew the value and what stands is right whatever it drew, as in ``once(uuid())``."""
    expression = xpath.parse(text)
    return isinstance(expression, xpath.Call) and expression.name == "once"


def _as_answer(fresh: pl.Series, question: Question) -> pl.Series:
    if question.type == "date":
        return fresh.str.to_date("%Y-%m-%d", strict=False)
    if question.type in ("int", "decimal"):
        return fresh.round().cast(pl.Int64) if question.type == "int" else fresh
    return fresh.set(fresh == "", None)


def _differs(stored: pl.Series, fresh: pl.Series) -> pl.Series:
    """True where two answers are not the same text, nor the same number within `TOLERANCE`, nor both blank."""
    if fresh.dtype == pl.String():
        stored, fresh = stored.cast(pl.String).fill_null(""), fresh.fill_null("")
    else:
        stored = stored.cast(pl.Float64)
    differs = stored.ne_missing(fresh)
    numbers = (side.filter(differs).cast(pl.Float64, strict=False) for side in (stored, fresh))
    return differs.scatter(differs.arg_true(), ~_near(*numbers))


def _near(one: pl.Series, other: pl.Series) -> pl.Series:
    gap = (one - other).abs()
    largest = pl.DataFrame({"one": one.abs(), "other": other.abs()}).max_horizontal().clip(lower_bound=1.0)
    return (gap <= TOLERANCE * largest).fill_null(False)
