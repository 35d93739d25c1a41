"""Issues in people's words: which question, which row, what was answered, why it is wrong, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from collect.forms import Form
from collect.i18n import t
from collect.pages.words import as_text
from collect.problems import CollectError
from collect.wording.errors import words_of_error
from collect.wording.issues import filled, given_of, words_of

__all__ = ["error_words", "filled", "headings", "in_words", "reason"]


def error_words(error: CollectError, lang: str) -> tuple[str, str]:
    """What was found, and what to do, as Markdown: names of files and columns in it are shown as they are written."""
    return words_of_error(error.code, error.values, lang, as_text)


def reason(error: CollectError, lang: str) -> None:
    """Say on screen why something was not done, and what to do."""
    found, mend = error_words(error, lang)
    st.error(f"{found}\n\n**{mend}**\n\n{error.code}", icon=":material/error:")


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
    label, found, mend = words_of(issue, form, lang)
    return (
        issue["file"],
        issue["found_in"],
        label or (issue["question"] or "").rsplit("/", 1)[-1] or None,
        given_of(issue, form, lang),
        found,
        mend,
        t(f"severity.{issue['severity']}", lang),
        issue["code"],
        issue["submission_id"],
    )
