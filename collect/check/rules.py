"""The form's own demands, asked again of what arrived: required answers, and constraints on those that were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from collect.check.cast import READERS
from collect.check.engines import SAID, disputed
from collect.check.planner import ALWAYS, NEVER, Unplanned
from collect.check.report import Report, Rule, said
from collect.check.sheets import Sheets


def check_required(sheets: Sheets, report: Report) -> None:
    """REQ-01 where the form asks, demands an answer, and there is none."""
    for question in sheets.form.questions:
        if not question.required or question.required in NEVER or not question.appears:
            continue
        text = sheets.text[question.repeat]
        blank = text[question.path].is_null() & sheets.asked(question.path)
        if (
            question.path in sheets.unreadable and question.path not in sheets.left_out.columns
        ):  # an older version asked it
            blank &= ~sheets.unreadable[question.path]
        if not blank.any():
            continue
        rule = Rule("required", question.path, question.required)
        blank &= ~sheets.unsure(rule)
        demanded = judged(sheets, report, rule, otherwise=False)
        _broken(sheets, report, "REQ-01", rule, _Case(blank, demanded), {"message": question.required_messages})


def check_constraints(sheets: Sheets, report: Report) -> None:
    """CON-01 where a relevant answer breaks the question's own constraint; blanks have nothing to break.

    Like every rule, it is not held against a row in which it reads an unreadable answer: that one is the trouble.
    """
    for question in sheets.form.questions:
        given = sheets.typed[question.repeat][question.path].is_not_null()
        if not question.constraint or not given.any():
            continue
        rule = Rule("constraint", question.path, question.constraint)
        holds = judged(sheets, report, rule, otherwise=True)
        details = {"rule": question.constraint, "message": question.constraint_messages}
        _broken(sheets, report, "CON-01", rule, _Case(given & ~sheets.unsure(rule), ~holds), details)


@dataclass(frozen=True, slots=True)
class _Case:
    """The rows a rule judges, and those of all rows in which Collect's reading of it condemns."""

    among: pl.Series
    refused: pl.Series


def _broken(sheets: Sheets, report: Report, code: str, rule: Rule, case: _Case, details: Mapping[str, Any]) -> None:
    """One issue a row; a warning that names both engines where only one of them refuses the answer."""
    doubtful = disputed(sheets, rule, case.among, case.refused)
    text, wrong = sheets.text[sheets.repeat_of(rule.path)], case.among & case.refused
    truth = code == "REQ-01"  # what Collect says of the rule where it condemns the answer
    for found, severity, more in (
        (wrong & ~doubtful, "", {}),
        (wrong & doubtful, "warning", {"engines": SAID[truth], "expression": rule.text}),
        (doubtful & ~wrong, "warning", {"engines": SAID[not truth], "expression": rule.text}),
    ):
        rows = text.filter(found)
        value = None if code == "REQ-01" else rows[rule.path]
        report.rows(code, rule.path, rows, value, said(**details, **more), severity)


def check_fixed(sheets: Sheets, report: Report) -> None:
    """RDO-01 where a question that nobody can change holds something else than the form does."""
    for question in sheets.form.questions:
        if question.readonly not in ALWAYS or question.calculate or question.preload or question.default is None:
            continue
        table = sheets.typed[question.repeat]
        held = pl.Series(question.path, [question.default or None], pl.String)
        fixed = held.to_frame().select(READERS.get(question.type, _as_it_is)(pl.col(question.path))).to_series()
        wrong = table[question.path].is_not_null() & ~table[question.path].eq_missing(fixed.first())
        rows = sheets.text[question.repeat].filter(wrong & sheets.asked(question.path))
        report.rows("RDO-01", question.path, rows, rows[question.path], said(expected=question.default))


def _as_it_is(text: pl.Expr) -> pl.Expr:
    return text


def judged(sheets: Sheets, report: Report, rule: Rule, *, otherwise: bool) -> pl.Series:
    """Where a rule holds; ``otherwise`` where that cannot be known, which is told as EXP-01, once for the rule."""
    height = sheets.typed[sheets.repeat_of(rule.path)].height
    if not height:
        return pl.Series([], dtype=pl.Boolean)
    try:
        holds = sheets.planner.truth(rule.text, rule.path)
    except Unplanned as reason:
        report.rule(rule, reason.why, str(reason))
        return pl.repeat(otherwise, height, dtype=pl.Boolean, eager=True)
    if holds.null_count():
        report.rule(rule, "no_clock", f"{holds.null_count()} rows do not say when they were made")
    return holds.fill_null(otherwise)
