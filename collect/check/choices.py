"""Answers to select questions are among the choices the form offers, and among those its choice filter leaves."""

from __future__ import annotations

from collections import Counter

import polars as pl

from collect.check.cast import clear_blanks
from collect.check.engines import SAID, disputed_choices
from collect.check.planner import Unplanned
from collect.check.report import Report, Rule, said
from collect.check.sheets import Sheets
from collect.check.tidying import BLANKS
from collect.forms import Form, Question

SELECTS = ("select_one", "select_multiple", "rank")
AS_NUMBER = r"^(-?\d+)\.0+$"  # as programs write a column of codes in which some cell is blank


def tidy_choices(sheets: Sheets) -> None:
    """Take stray blanks and a program's ".0" off answers that are a choice then, and put back zeros that codes lost."""
    for repeat in sheets.form.repeats:
        asked = [(q, names_of(sheets.form, q)) for q in sheets.form.questions_in(repeat) if q.type in SELECTS]
        tidied = [(q, names) for q, names in asked if (q.type == "select_one" and names) or _numbered(names)]
        wrong = (~pl.col(question.path).unique().is_in(names) for question, names in tidied)
        odd = sheets.typed[repeat].select(expression.any() for expression in wrong)
        for question, names in tidied:
            if odd[question.path].any():
                _tidy(sheets, question, names)
            elif question.type == "select_one":
                sheets.proper.add(question.path)


def _tidy(sheets: Sheets, question: Question, names: list[str]) -> None:
    column = sheets.typed[question.repeat][question.path]
    bare = column.str.strip_chars(BLANKS)
    short = whole = bare
    if question.path != sheets.form.design.commune:  # the places mend their own codes (LOC-04)
        short = bare.zip_with(bare.is_in(names).fill_null(True), bare.str.replace(AS_NUMBER, "$1"))
        whole = short.replace(_zeroed(names))
    clear_blanks(sheets, question, (bare == "").arg_true())
    mended = (~column.is_in(names) & whole.is_in(names)).fill_null(False)
    answer = pl.when(mended).then(whole).when(bare != "").then(column).alias(question.path)
    sheets.typed[question.repeat] = sheets.typed[question.repeat].with_columns(answer)
    lost = (whole != short).fill_null(False)
    for marks, marked in ((sheets.repaired, mended & ~lost), (sheets.zeroed, mended & lost)):
        if marked.any():
            marks[question.path] = marked


def _numbered(names: list[str]) -> bool:
    """Whether some choice looks like a number, so that programs may have written it as one."""
    return any(name.isascii() and name.removeprefix("-").isdecimal() for name in names)


def _zeroed(names: list[str]) -> dict[str, str]:
    """The choices that begin with zeros, by what a spreadsheet makes of them; none that could be another choice."""
    codes = [name for name in names if name.startswith("0") and name.isascii() and name.isdecimal()]
    short = Counter(str(int(code)) for code in codes)
    return {str(int(code)): code for code in codes if short[str(int(code))] == 1 and str(int(code)) not in names}


def names_of(form: Form, question: Question) -> list[str]:
    """Names of the choices of a question; empty when it is no select or the form does not carry its list."""
    if question.type not in SELECTS or question.choice_list is None:
        return []
    names = [choice.name for choice in form.choices.get(question.choice_list, ())]
    return [*names, "other"] if question.or_other and names else names


def check_choices(sheets: Sheets, report: Report) -> None:
    """CHO-01 for answers that no choice of the list matches, CHO-02 for those its choice filter does not leave.

    The commune is left to the place rules (LOC-01 to LOC-04), which know older codes and names typed by hand.
    """
    strange = _strange(sheets, report)
    for question in sheets.form.questions:
        if question.path == sheets.form.design.commune:
            continue
        if question.path in strange:
            rows = sheets.text[question.repeat].filter(strange[question.path])
            report.rows("CHO-01", question.path, rows, rows[question.path], said(list=question.choice_list))
        if question.choice_filter and (question.path in strange or question.path in sheets.proper):
            _check_filter(sheets, question, strange, report)


def _strange(sheets: Sheets, report: Report) -> dict[str, pl.Series]:
    """By question that may hold some: where its answers are no choices. A list the form does not carry is told."""
    strange: dict[str, pl.Series] = {}
    for question in sheets.form.questions:
        if question.type not in SELECTS or question.path in sheets.proper:
            continue
        names = names_of(sheets.form, question)
        column = sheets.typed[question.repeat][question.path]
        if names:
            strange[question.path] = unknown(column, names, several=question.type != "select_one")
        elif column.is_not_null().any():
            rule = Rule("choices", question.path, question.choice_list or "")
            report.rule(rule, "no_choices", "the form does not carry this list of choices")
    return strange


def _check_filter(sheets: Sheets, question: Question, strange: dict[str, pl.Series], report: Report) -> None:
    """CHO-02, but not where the filter reads an answer that is itself no choice: that one is the trouble."""
    column = sheets.typed[question.repeat][question.path]
    if not column.is_not_null().any():
        return
    try:
        offered, reads = sheets.planner.offered(question)
    except Unplanned as reason:
        rule = Rule("choice_filter", question.path, question.choice_filter or "")
        report.rule(rule, reason.why, str(reason))
        return
    offered = offered.fill_null(True)
    doubtful = disputed_choices(sheets, question, offered)
    judged = pl.ones(len(offered), dtype=pl.Boolean, eager=True)
    for path in {*reads, question.path}:
        if path in strange and strange[path].any():
            judged &= ~_seen_from(sheets, strange[path], path, question)
    for wrong, severity, more in (
        (~offered & ~doubtful, "", {}),
        (~offered & doubtful, "warning", {"engines": SAID[False], "expression": question.choice_filter}),
        (offered & doubtful, "warning", {"engines": SAID[True], "expression": question.choice_filter}),
    ):
        rows = sheets.text[question.repeat].filter(wrong & judged)
        details = said(list=question.choice_list, rule=question.choice_filter, **more)
        report.rows("CHO-02", question.path, rows, rows[question.path], details, severity)


def _seen_from(sheets: Sheets, marks: pl.Series, path: str, question: Question) -> pl.Series:
    """Marks of the rows of an outer table, for the rows of a question inside it; none when it is no outer one."""
    table, links = sheets.repeat_of(path), sheets.planner.links
    if table not in sheets.planner.schema.chain(question.repeat):
        return pl.zeros(sheets.typed[question.repeat].height, dtype=pl.Boolean, eager=True)
    rows = links.up(question.repeat, table)
    return marks if rows is None else marks.gather(rows).fill_null(False)


def unknown(answers: pl.Series, names: list[str], *, several: bool) -> pl.Series:
    """True where an answer (or one of several, split at blanks) is not among ``names``; blank answers are false."""
    if not several:
        return ~answers.is_in(names).fill_null(True)
    distinct = answers.drop_nulls().unique()
    tokens = distinct.str.extract_all(r"\S+").explode(empty_as_null=True).drop_nulls().unique()
    strange = tokens.filter(~tokens.is_in(names))
    if not strange.len():
        return pl.zeros(len(answers), dtype=pl.Boolean, eager=True)
    bad = distinct.filter(distinct.str.extract_all(r"\S+").list.eval(pl.element().is_in(strange.to_list())).list.any())
    return answers.is_in(bad.to_list()).fill_null(False)
