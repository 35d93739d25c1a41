"""Issues in people's words: which question, which row, what was answered, why it is wrong, and how to mend it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from collect.forms import Form, Words
from collect.i18n import catalogue, t
from collect.problems import CollectError


def error_words(error: CollectError, lang: str) -> tuple[str, str]:
    """What was found, and what to do."""
    return filled(f"{error.code}.found", lang, error.values), filled(f"{error.code}.mend", lang, error.values)


class _Blanks(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def filled(key: str, lang: str, values: Mapping[str, Any]) -> str:
    """The words of ``key`` with what is known filled in; a value nobody gave shows as an ellipsis, never as a crash."""
    if key not in catalogue():
        return key
    return str(catalogue()[key][lang]).format_map(_Blanks(values))


def label_in(labels: Words, lang: str) -> str | None:
    """A form's own label in ``lang``: forms name their languages 'Tiếng Việt (vi)'."""
    for language, label in labels.items():
        if language == lang or language.endswith(f"({lang})"):
            return label
    return next(iter(labels.values()), None)


def in_words(issues: pl.DataFrame, forms: Mapping[str, Form], lang: str) -> pl.DataFrame:
    """The issues table for people, in the order it came.

    Parameters
    ----------
    issues
        Rows of `collect.tables.ISSUES` with two columns more: ``file`` (its name) and ``form`` (form_id).
    """
    rows = [_row(issue, forms.get(issue["form"]), lang) for issue in issues.iter_rows(named=True)]
    return pl.DataFrame(rows, schema=dict.fromkeys(headings(lang), pl.String), orient="row")


def headings(lang: str) -> list[str]:
    """The issue table's headings."""
    parts = ("file", "found_in", "question", "given", "why", "mend", "severity", "code", "submission")
    return [t(f"issue.{part}", lang) for part in parts]


def _row(issue: Mapping[str, Any], form: Form | None, lang: str) -> tuple[str | None, ...]:
    details = json.loads(issue["details"]) if issue["details"] else {}
    question = form.by_path.get(issue["question"]) if form and issue["question"] else None
    label = label_in(question.labels, lang) if question else None
    values = {"question": label or issue["question"] or "", "value": issue["value"] or "", **details}
    return (
        issue["file"],
        issue["found_in"],
        label or (issue["question"] or "").rsplit("/", 1)[-1] or None,
        issue["value"],
        filled(f"{issue['code']}.found", lang, values),
        filled(f"{issue['code']}.mend", lang, values),
        t(f"severity.{issue['severity']}", lang),
        issue["code"],
        issue["submission_id"],
    )
