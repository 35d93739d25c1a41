"""What decides the rest: which questions were asked at all, and what the form computes, each after what it reads."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from collect.check.calculations import compare_calculation
from collect.check.engines import SAID, disputed
from collect.check.order import in_order
from collect.check.report import Report, Rule, said
from collect.check.rules import judged
from collect.check.sheets import Sheets


def settle(sheets: Sheets, report: Report) -> None:
    """Go through relevance and calculations in dependency order, emptying what was not relevant in the typed tables."""
    rules, cyclic = in_order(sheets.form, sheets.planner)
    for rule in cyclic:
        report.rule(rule, "circle", "the rule depends on itself, directly or through other rules")
    for rule in rules:
        if rule.kind == "relevant":
            _settle_relevance(sheets, rule, report)
        else:
            compare_calculation(sheets, rule, report)


def _settle_relevance(sheets: Sheets, rule: Rule, report: Report) -> None:
    holds, unsure = judged(sheets, report, rule, otherwise=True), sheets.unsure(rule)
    table = sheets.repeat_of(rule.path)
    among = sheets.text[table][rule.path].is_not_null() if rule.path in sheets.form.by_path else holds | ~holds
    hiding = _Hiding(rule, holds, unsure, disputed(sheets, rule, among & ~unsure, ~holds))
    if holds.all() and not hiding.disputed.any():
        return
    if rule.path == table and table != sheets.form.root:
        _leave_rows(sheets, table, hiding, report)
        return
    _hide(sheets, rule.path, hiding, report)
    if rule.path not in sheets.form.by_path:
        _hide_inside(sheets, table, hiding, report)


@dataclass(frozen=True, slots=True)
class _Hiding:
    """A rule, where it holds, and where it reads an unreadable answer: there, what was answered stays.

    ``disputed``: where a browser says otherwise. What Collect says decides; the issue is a warning that names both.
    """

    rule: Rule
    holds: pl.Series
    unsure: pl.Series
    disputed: pl.Series

    def below(self, rows: pl.Series) -> _Hiding:
        """The same for the rows of a repeat inside, each with the row number it hangs under; orphans stay."""
        holds = self.holds.gather(rows).fill_null(True)
        unsure, doubtful = (marks.gather(rows).fill_null(False) for marks in (self.unsure, self.disputed))
        return _Hiding(self.rule, holds, unsure, doubtful)

    def report(self, path: str, given: pl.Series, sheets: Sheets, report: Report, *, values: bool) -> None:
        """REL-01 for what was ``given``, wherever one of the engines would not have asked for it."""
        hidden, text = ~self.holds & ~self.unsure, sheets.text[sheets.repeat_of(path)]
        for where, severity, more in (
            (hidden & ~self.disputed, "", {}),
            (hidden & self.disputed, "warning", {"engines": SAID[False], "expression": self.rule.text}),
            (~hidden & self.disputed, "warning", {"engines": SAID[True], "expression": self.rule.text}),
        ):
            rows = text.filter(given & where)
            details = said(rule=self.rule.text, hidden_by=self.rule.path, **more)
            report.rows("REL-01", path, rows, rows[path] if values else None, details, severity)


def _hide_inside(sheets: Sheets, table: str, hiding: _Hiding, report: Report) -> None:
    """A group that was not relevant takes along its questions, its groups and its repeats."""
    under = hiding.rule.path + "/"
    inside = [question.path for question in sheets.form.questions_in(table) if question.path.startswith(under)]
    inside += [section.path for section in sheets.form.sections if section.path.startswith(under)]
    for path in inside:
        if sheets.repeat_of(path) == table:
            _hide(sheets, path, hiding, report)
    for section in sheets.form.sections:
        if section.repeats and section.parent_repeat == table and section.path.startswith(under):
            _leave_rows(sheets, section.path, hiding.below(sheets.planner.parents(section.path)), report)


def _hide(sheets: Sheets, path: str, hiding: _Hiding, report: Report) -> None:
    """Note where a node was asked; take away and report the answers it has elsewhere."""
    asked_before = sheets.asked(path)
    question = sheets.form.by_path.get(path)
    if question is None:
        sheets.relevant[path] = asked_before & (hiding.holds | hiding.unsure)
        return
    given = sheets.text[question.repeat][path].is_not_null()
    sheets.relevant[path] = asked_before & (hiding.holds | (hiding.unsure & given))
    stray = asked_before & ~hiding.holds & ~hiding.unsure & given
    if stray.any():
        typed = sheets.typed[question.repeat]
        sheets.typed[question.repeat] = typed.with_columns(pl.when(~stray).then(pl.col(path)).alias(path))
    if stray.any() or hiding.disputed.any():
        hiding.report(path, asked_before & given, sheets, report, values=True)


def _leave_rows(sheets: Sheets, repeat: str, hiding: _Hiding, report: Report) -> None:
    """Rows of a repeat that was not relevant: reported once each, and no longer counted by anything."""
    asked = hiding.holds | hiding.unsure
    if not asked.all() or hiding.disputed.any():
        hiding.report(repeat, asked | ~asked, sheets, report, values=False)
    if not asked.all():
        sheets.drop_rows(repeat, asked)
