"""The form's own demands, asked again of what arrived: required answers, and constraints on those that were given."""

from __future__ import annotations

import polars as pl

from collect.check.cast import READERS
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
        if not blank.any():
            continue
        rule = Rule("required", question.path, question.required)
        rows = text.filter(blank & judged(sheets, report, rule, otherwise=False) & ~sheets.unsure(rule))
        report.rows("REQ-01", question.path, rows, None, said(message=question.required_messages))


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
        rows = sheets.text[question.repeat].filter(given & ~holds & ~sheets.unsure(rule))
        details = said(rule=question.constraint, message=question.constraint_messages)
        report.rows("CON-01", question.path, rows, rows[question.path], details)


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
