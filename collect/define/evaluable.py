"""Asks the XPath language beforehand whether it can evaluate a rule, so that nobody learns it from an upload."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from collect import xpath
from collect.define.findings import Finding, Severity
from collect.forms import Form
from collect.indicators import Indicator

EXPRESSIONS = ("universe", "numerator", "denominator", "unknown")


def schema_of(form: Form) -> xpath.Schema:
    """A form as the language needs to know it."""
    return xpath.Schema(
        form.root,
        {repeat: {question.path: question.type for question in form.questions_in(repeat)} for repeat in form.repeats},
        {name: _items(form, name) for name in form.choices},
        {question.path: question.choice_list for question in form.questions if question.choice_list},
        frozenset(section.path for section in form.sections if not section.repeats),
        form.version,
    )


def check_evaluable(indicator: Indicator, form: Form, file: str) -> Iterator[Finding]:
    """Expressions of an indicator that cannot be evaluated; errors, because nothing could be counted."""
    schema = schema_of(form)
    for key in EXPRESSIONS:
        text = getattr(indicator, key)
        if text:
            yield from _planned(text, schema, indicator.unit, (file, key), "error")


def _planned(text: str, schema: xpath.Schema, at: str, where: tuple[str, str], severity: Severity) -> Iterator[Finding]:
    try:
        xpath.plan(text, schema, at)
    except xpath.XPathError as error:
        yield _finding(error, text, where, severity)


def _finding(error: xpath.XPathError, text: str, where: tuple[str, str], severity: Severity) -> Finding:
    code = "DEF-26" if isinstance(error, xpath.XPathUnsupported) else "DEF-13"
    return Finding(*where, code, severity, {"expression": text, "reason": str(error)})


def _items(form: Form, name: str) -> pl.DataFrame:
    rows = [{"name": c.name, "label": next(iter(c.labels.values()), None), **c.columns} for c in form.choices[name]]
    columns = dict.fromkeys([*["name", "label"], *(key for row in rows for key in row)], pl.String())
    return pl.DataFrame(rows, schema=columns)
