"""Turns a platform's columns into one text column per question, undoing the platform's rendering and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import polars as pl

from collect.forms import Choice, Form, Question
from collect.receive.english import iso
from collect.receive.headings import NAMES, Columns, Match
from collect.receive.received import IssueBook
from collect.receive.sheets import Sheet

BY_ANSWER = re.compile(r"^\s*(?P<column>[\w.-]+)\s*=\s*(?P<other>/[\w./-]+)\s*$")  # a filter by one earlier answer
TRUE = ("1", "1.0", "true", "True", "TRUE")
NOBODY = ("", None, "false()", "false")  # is asked to answer
FALSE = ("0", "0.0", "false", "False", "FALSE")


def arrange(sheet: Sheet, match: Match, form: Form) -> pl.DataFrame:
    """One column per question of the table, named by path, rows as in ``sheet``; null where there is no column."""
    columns = []
    for question in form.questions_in(match.repeat):
        found = match.questions.get(question.path)
        value = _value(sheet.frame, question, found, match.style, form) if found else pl.lit(None, pl.String)
        columns.append(value.alias(question.path))
    if not columns:
        return pl.DataFrame()
    rows = sheet.frame.with_columns(columns)
    for question in form.questions_in(match.repeat):
        rows = _told_apart(rows, question, match, form)
    return rows.select(question.path for question in form.questions_in(match.repeat))


def _told_apart(rows: pl.DataFrame, question: Question, match: Match, form: Form) -> pl.DataFrame:
    """Choices of one label (hamlet 1 of every commune) are told apart by the answer their choice filter goes by."""
    found, rule = match.questions.get(question.path), BY_ANSWER.match(question.choice_filter or "")
    labelled = question.type == "select_one" and match.style != NAMES and found is not None and found.whole is not None
    if not labelled or found is None or rule is None or rule["other"] not in rows.columns:
        return rows
    offered = [
        {"label": choice.labels.get(match.style), "other": choice.columns.get(rule["column"]), "name": choice.name}
        for choice in form.choices.get(question.choice_list or "", ())
    ]
    table = pl.DataFrame(offered, schema=dict.fromkeys(("label", "other", "name"), pl.String), infer_schema_length=None)
    asked = rows.select(label=pl.col(str(found.whole)), other=pl.col(rule["other"]))
    named = asked.join(table.unique(["label", "other"]), on=["label", "other"], how="left", maintain_order="left")
    return rows.with_columns(named["name"].fill_null(rows[question.path]).alias(question.path))


def note_headings(sheet: Sheet, match: Match, form: Form, issues: IssueBook) -> None:
    """Write down the columns the form does not know or misses, and those whose heading fits several questions.

    Only 1 and 0 stand in the column of a choice: ``why_other`` may also be a question of words that the form lacks.
    """
    for position in match.unknown:
        issues.note("FIL-02", found_in=sheet.place, column=sheet.headings[position])
    for position, heading in enumerate(sheet.headings):
        if not heading and sheet.frame[str(position)].null_count() < sheet.frame.height:
            issues.note("FIL-02", found_in=sheet.place, column=f"#{position + 1}")
    for position in (place for columns in match.questions.values() for place in columns.choices.values()):
        if not sheet.frame[str(position)].drop_nulls().is_in(TRUE + FALSE).all():
            issues.note("FIL-02", found_in=sheet.place, column=sheet.headings[position])
    for question in _lost(match, form):
        issues.note("FIL-16", found_in=sheet.place, question=question.path, column=question.name)
    for heading, count in Counter(sheet.headings[position] for position in match.ambiguous).items():
        issues.note("FIL-05", found_in=sheet.place, column=heading, columns=count)


def _lost(match: Match, form: Form) -> Iterator[Question]:
    """The questions that somebody must answer and that have no column; whether anybody is missed shows later."""
    for question in form.questions_in(match.repeat):
        if question.path not in match.questions and question.appears and question.required not in NOBODY:
            yield question


def _value(frame: pl.DataFrame, question: Question, columns: Columns, style: str, form: Form) -> pl.Expr:
    whole = pl.col(str(columns.whole)) if columns.whole is not None else None
    if question.type in ("date", "dateTime", "time") and whole is not None:
        return _as_xform_date(iso(frame, whole), question.type)
    if columns.parts:
        point = _point({part: pl.col(str(column)) for part, column in columns.parts.items()})
        return point if whole is None else pl.coalesce(whole, point)
    choices = form.choices.get(question.choice_list or "", ())
    if question.type == "select_one" and whole is not None and style != NAMES:
        return whole.replace(_names_by_label(choices, style))
    if question.type in ("select_multiple", "rank"):
        return _chosen(frame, question, columns, style, choices)
    return whole if whole is not None else pl.lit(None, pl.String)


def _as_xform_date(value: pl.Expr, kind: str) -> pl.Expr:
    """Undo a spreadsheet's rendering: a date is no midnight, and an instant has a T."""
    if kind == "date":
        return value.str.replace(r"^(\d{4}-\d\d-\d\d)[T ]00:00:00(\.0+)?$", "$1")
    return value.str.replace(r"^(\d{4}-\d\d-\d\d) (\d)", "${1}T${2}") if kind == "dateTime" else value


def _point(parts: Mapping[int, pl.Expr]) -> pl.Expr:
    """'latitude longitude altitude accuracy' as the device wrote it; trailing parts it did not give are left out."""
    latitude, longitude, altitude, accuracy = (parts.get(part, pl.lit(None, pl.String)) for part in range(4))
    height = pl.when(altitude.is_null() & accuracy.is_not_null()).then(pl.lit("0")).otherwise(altitude)
    joined = pl.concat_str(latitude, longitude, height, accuracy, separator=" ", ignore_nulls=True)
    return pl.when(latitude.is_not_null() & longitude.is_not_null()).then(joined)


def _names_by_label(choices: Sequence[Choice], style: str) -> dict[str, str]:
    """Label to name; of choices with one label the first counts. A name that is no label stands for itself."""
    names: dict[str, str] = {}
    for choice in choices:
        names.setdefault(choice.labels.get(style) or choice.name, choice.name)
    return names


def _chosen(
    frame: pl.DataFrame, question: Question, columns: Columns, style: str, choices: Sequence[Choice]
) -> pl.Expr:
    """The names chosen, blanks between. The column that holds them all wins: it keeps the order of the answer.

    Columns of 1 and 0 alone cannot tell "none chosen" from "not asked" (Central writes 0 for both): no 1 is blank.
    """
    split = _from_split(columns, choices)
    if columns.whole is None:
        return split
    whole = pl.col(str(columns.whole))
    if style == NAMES:
        return whole
    names = _names_by_label(choices, style)
    values = frame.select(whole.drop_nulls().unique()).to_series().to_list()
    spelt = {value: _segmented(value, names) for value in values}
    sure = {value: found for value, found in spelt.items() if found is not None}
    translated = whole.replace_strict(sure, default=None, return_dtype=pl.String)
    return pl.when(whole.is_not_null()).then(pl.coalesce(translated, split, whole))


def _from_split(columns: Columns, choices: Sequence[Choice]) -> pl.Expr:
    order = {choice.name: place for place, choice in enumerate(choices)}
    names = sorted(columns.choices, key=lambda name: order.get(name, len(order)))
    if not names:
        return pl.lit(None, pl.String)
    chosen = [pl.when(pl.col(str(columns.choices[name])).is_in(TRUE)).then(pl.lit(name)) for name in names]
    joined = pl.concat_str(chosen, separator=" ", ignore_nulls=True)
    return pl.when(joined.str.len_bytes() > 0).then(joined)


def _segmented(text: str, names: Mapping[str, str]) -> str | None:
    """Labels joined by blanks, back to names: only when there is one way to read them."""
    words = text.split()
    by_words = {tuple(label.split()): name for label, name in names.items()}
    longest = max((len(label) for label in by_words), default=0)

    @cache
    def readings(begin: int) -> tuple[tuple[str, ...], ...]:
        if begin == len(words):
            return ((),)
        found: list[tuple[str, ...]] = []
        for end in range(begin + 1, min(len(words), begin + longest) + 1):
            name = by_words.get(tuple(words[begin:end]))
            if name is not None:
                found += [(name, *rest) for rest in readings(end)]
            if len(found) > 1:
                break
        return tuple(found[:2])

    ways = readings(0)
    return " ".join(ways[0]) if len(ways) == 1 else None
