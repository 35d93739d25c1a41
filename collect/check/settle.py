"""What decides the rest: which questions were asked at all, and what the form computes, each after what it reads."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from collect.check.calculations import compare_calculation
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
    if holds.all():
        return
    table = sheets.repeat_of(rule.path)
    if rule.path == table and table != sheets.form.root:
        _leave_rows(sheets, table, holds | unsure, rule, report)
        return
    hiding = _Hiding(rule, holds, unsure)
    _hide(sheets, rule.path, hiding, report)
    if rule.path not in sheets.form.by_path:
        _hide_inside(sheets, table, hiding, report)


@dataclass(frozen=True, slots=True)
class _Hiding:
    """A rule, where it holds, and where it reads an unreadable answer: there, what was answered stays."""

    rule: Rule
    holds: pl.Series
    unsure: pl.Series


def _hide_inside(sheets: Sheets, table: str, hiding: _Hiding, report: Report) -> None:
    """A group that was not relevant takes along its questions, its groups and its repeats."""
    rule, under = hiding.rule, hiding.rule.path + "/"
    inside = [question.path for question in sheets.form.questions_in(table) if question.path.startswith(under)]
    inside += [section.path for section in sheets.form.sections if section.path.startswith(under)]
    for path in inside:
        if sheets.repeat_of(path) == table:
            _hide(sheets, path, hiding, report)
    for section in sheets.form.sections:
        if section.repeats and section.parent_repeat == table and section.path.startswith(under):
            asked = (hiding.holds | hiding.unsure).gather(sheets.planner.parents(section.path)).fill_null(True)
            _leave_rows(sheets, section.path, asked, rule, report)


def _hide(sheets: Sheets, path: str, hiding: _Hiding, report: Report) -> None:
    """Note where a node was asked; take away and report the answers it has elsewhere."""
    asked_before = sheets.asked(path)
    question = sheets.form.by_path.get(path)
    if question is None:
        sheets.relevant[path] = asked_before & (hiding.holds | hiding.unsure)
        return
    given = sheets.text[question.repeat][path].is_not_null()
    sheets.relevant[path] = asked_before & (hiding.holds | (hiding.unsure & given))
    text, typed = sheets.text[question.repeat], sheets.typed[question.repeat]
    stray = asked_before & ~hiding.holds & ~hiding.unsure & given
    if stray.any():
        sheets.typed[question.repeat] = typed.with_columns(pl.when(~stray).then(pl.col(path)).alias(path))
        rows = text.filter(stray)
        report.rows("REL-01", path, rows, rows[path], said(rule=hiding.rule.text, hidden_by=hiding.rule.path))


def _leave_rows(sheets: Sheets, repeat: str, asked: pl.Series, rule: Rule, report: Report) -> None:
    """Rows of a repeat that was not relevant: reported once each, and no longer counted by anything."""
    if asked.all():
        return
    rows = sheets.text[repeat].filter(~asked)
    report.rows("REL-01", repeat, rows, None, said(rule=rule.text, hidden_by=rule.path))
    sheets.drop_rows(repeat, asked)
