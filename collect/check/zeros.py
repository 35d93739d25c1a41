"""Finds zeros that a spreadsheet took off the front of phone numbers and ids, which are text and look like numbers.

Where the form's own rule demands the zero, it is put back (TYP-04). Where only the other answers speak for it, it is
told (TYP-05): a number of nine digits may also be a wrong one.
"""

from __future__ import annotations

import re

import polars as pl

from collect.check.cast import TEXTS
from collect.check.report import Report, said
from collect.check.sheets import Sheets
from collect.forms import Question

DEMANDED = re.compile(r"regex\(\s*\.\s*,\s*(['\"])(?P<pattern>\^?\(*0[^'\"]*)\1\s*\)")  # a pattern that begins with 0
SHORTEST = 6  # digits: below this "01" and "2" are how people count, not an id that lost its zero
SHORTEST_CODE = 4  # digits, where the column holds nothing but codes of one length and such as lack a digit
MOBILE = r"^[35789]\d{8}$"  # a Vietnamese mobile number without its zero
FEW = 3  # answers of that kind before a column without any zero is taken for telephone numbers


def put_back(sheets: Sheets, report: Report) -> None:
    """Give text its zero again where the form demands one, and tell of text that seems to lack it."""
    for repeat, text in sheets.text.items():
        words = [question for question in sheets.form.questions_in(repeat) if question.type in TEXTS]
        digits = text.select(pl.col(one.path).str.contains(r"^[1-9]\d+$").any().fill_null(False) for one in words)
        for question in words:
            if digits[question.path].any():
                _look_at(sheets, question, report)


def _look_at(sheets: Sheets, question: Question, report: Report) -> None:
    path, table = question.path, sheets.text[question.repeat]
    asked, cells = sheets.asked(path), table[path]
    pattern = _demanded(question)
    if pattern:
        lost = (~cells.str.contains(pattern) & ("0" + cells).str.contains(pattern)).fill_null(False)
        rows = table.filter(lost & asked)
        if rows.height:
            typed = sheets.typed[question.repeat]
            whole = pl.when(lost).then("0" + pl.col(path)).otherwise(path).alias(path)
            sheets.typed[question.repeat] = typed.with_columns(whole)
        report.rows("TYP-04", path, rows, rows[path], said())
        return
    rows = table.filter(_suspected(cells) & asked)
    report.rows("TYP-05", path, rows, rows[path], said())


def _demanded(question: Question) -> str | None:
    """The pattern of a constraint that is nothing but a pattern beginning with 0; None where it demands no zero."""
    found = DEMANDED.fullmatch((question.constraint or "").strip())
    if found is None:
        return None
    try:
        pattern = f"^(?:{found['pattern']})$"
        re.compile(pattern)
        pl.Series(["0"]).str.contains(pattern)
    except (re.error, pl.exceptions.PolarsError):
        return None  # of a dialect of its own: the constraint is asked later as the form says
    return pattern


def _suspected(cells: pl.Series) -> pl.Series:
    """Digits one shorter than those of the column that begin with 0; or mobile numbers, none with its zero."""
    digits = cells.str.contains(r"^\d+$").fill_null(False)
    zeroed = cells.filter(digits & cells.str.starts_with("0").fill_null(False))
    lengths = zeroed.str.len_bytes().unique()
    if lengths.len() == 1 and (lengths[0] > SHORTEST or _are_codes(cells.filter(digits), int(lengths[0]))):
        shorter: pl.Series = (cells.str.len_bytes() == int(lengths[0]) - 1).fill_null(False)
        return shorter & digits & ~cells.str.starts_with("0").fill_null(True)
    mobile = cells.str.contains(MOBILE).fill_null(False)
    alike = zeroed.is_empty() and int(mobile.sum()) >= FEW and int(mobile.sum()) == cells.drop_nulls().len()
    return mobile if alike else pl.zeros(cells.len(), dtype=pl.Boolean, eager=True)


def _are_codes(digits: pl.Series, length: int) -> bool:
    """Whether numbers are codes of one length, of communes for instance, from which some have lost a zero."""
    lengths = digits.str.len_bytes()
    whole = int((lengths == length).sum())
    return length >= SHORTEST_CODE and whole >= FEW and bool((lengths.is_between(length - 1, length)).all())
