"""Reads numbers that are written with a comma, or with their thousands apart, where they can be told.

1,5 can only be one and a half; 1,250.5 and 1,250,000 can only hold thousands. 1,234 cannot be told by itself: one and a
bit in Vietnamese, a thousand in English. Its column tells, or else the upload's other numbers; where no cell tells, or
cells contradict one another, it stays unread and is asked (TYP-01). 1.234 is what every platform writes for one and a
bit, and is doubtful only in a column that writes decimal commas: somebody's spreadsheet has been at it. Whoever hands
the file in may say which sign begins the decimals (``decimals``): then what was doubtful is read so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import polars as pl

from collect.check.sheets import Sheets
from collect.check.tidying import bared
from collect.forms import Question

NUMBERS = ("int", "decimal")

FIRST = r"^[+-]?[1-9]\d{0,2}"
COMMAS_PART = rf"{FIRST}(?:(?:,\d{{3}})+\.\d+|(?:,\d{{3}}){{2,}})$"
POINTS_PART = rf"{FIRST}(?:(?:\.\d{{3}})+,\d+|(?:\.\d{{3}}){{2,}})$"
DECIMAL_COMMA = r"^[+-]?(?:\d*,(?:\d{1,2}|\d{4,})|(?:0\d*|\d{4,})?,\d{3})$"
DOUBTFUL_COMMA = rf"{FIRST},\d{{3}}$"
DOUBTFUL_POINT = rf"{FIRST}\.\d{{3}}$"
DOUBTFUL = rf"{FIRST}[.,]\d{{3}}$"
SIGNS = ("comma", "point")  # what may be said to begin decimals
TELLING = r",|\..*\."  # what a number must hold to show anything


@dataclass(frozen=True, slots=True)
class Signs:
    """What some numbers show: that a comma begins decimals, that commas part thousands, that points do."""

    decimal_comma: bool = False
    commas_part: bool = False
    points_part: bool = False

    @property
    def silent(self) -> bool:
        """Whether they show nothing of commas."""
        return not (self.decimal_comma or self.commas_part)


SAID = {  # by the sign that begins decimals; the other one parts thousands
    "comma": Signs(decimal_comma=True, points_part=True),
    "point": Signs(commas_part=True),
}


def signs_of(columns: Iterable[pl.Series]) -> Signs:
    """What columns of tidied numbers show."""
    texts = [column.unique() for column in columns]
    seen = [[bool(one.str.contains(kind).any()) for one in texts] for kind in (DECIMAL_COMMA, COMMAS_PART, POINTS_PART)]
    decimal, commas, points = (any(kind) for kind in seen)
    return Signs(decimal or points, commas, points)


def with_points(text: pl.Expr, signs: Signs, beside: bool) -> pl.Expr:
    """Numbers with a decimal point and no thousands apart, where they can be told; what cannot is no number.

    ``beside``: the column writes decimal commas, which makes 1.234 doubtful too.
    """
    comma = signs.decimal_comma and not signs.commas_part
    commas = signs.commas_part and not signs.decimal_comma
    doubtful, pointed = text.str.contains(DOUBTFUL_COMMA), text.str.contains(DOUBTFUL_POINT)
    points_part = signs.points_part and not signs.commas_part
    no_commas = text.str.replace_all(",", "", literal=True)
    no_points = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return (
        pl.when(text.str.contains(COMMAS_PART) | (doubtful & pl.lit(commas)))
        .then(no_commas)
        .when(text.str.contains(POINTS_PART) | (pointed & pl.lit(points_part)))
        .then(no_points)
        .when(text.str.contains(DECIMAL_COMMA) | (doubtful & pl.lit(comma)))
        .then(text.str.replace(",", ".", literal=True))
        .when(pointed & pl.lit(beside))  # with a comma nothing takes it for a number
        .then(text.str.replace(".", ",", literal=True))
        .otherwise(text)
    )


def read_as(text: pl.Expr, number: pl.Expr) -> pl.Expr:
    """How a tidied text was read as a ``number``: a code with words of its own, null where it held neither sign."""
    doubtful = text.str.contains(DOUBTFUL) & (number.abs() >= 1000)
    apart = text.str.contains(COMMAS_PART) | text.str.contains(POINTS_PART) | doubtful
    comma = text.str.contains(",", literal=True)
    return pl.when(apart).then(pl.lit("thousands_apart")).when(comma).then(pl.lit("decimal_comma"))


class Figures:
    """What a whole upload tells of how its numbers are written; asked only once some number cannot be read.

    ``decimals``: "comma" or "point" where somebody said which begins the decimals.
    """

    def __init__(self, sheets: Sheets, decimals: str = "") -> None:
        self._sheets, self._said = sheets, SAID.get(decimals)

    @cached_property
    def usual(self) -> Signs:
        """What all numbers of the upload show."""
        asked = [question for question in self._sheets.form.questions if question.type in NUMBERS]
        texts = (self._sheets.text[one.repeat][one.path] for one in asked)
        return signs_of(bared(text.filter(text.str.contains(TELLING))) for text in texts)

    def doubtful(self, question: Question, suspect: pl.Series) -> pl.Series:
        """The suspect cells of a column of numbers, and those such as 1.234 where the others write decimal commas."""
        text = self._sheets.text[question.repeat][question.path]
        if question.type != "decimal" or not self._writes_commas(text.filter(suspect)):
            return suspect
        return suspect | text.str.contains(DOUBTFUL_POINT).fill_null(False)

    def told(self, odd: pl.DataFrame, path: str, kind: str) -> pl.DataFrame:
        """The tidied cells of a column of numbers, with decimal points where they can be told."""
        shown = self._shown(odd[path])
        signs = self._said or shown
        if self._said is None and shown.silent and bool(odd[path].str.contains(DOUBTFUL).any()):
            signs = self.usual if kind == "int" else replace(self.usual, points_part=False)
        plain = with_points(pl.col(path), signs, self._said is None and shown.decimal_comma)
        nought = r"^([+-]?\d+)\.0+$" if self._said else r"^([+-]?\d+)\.0{1,2}$"  # "5.0" is 5; so is 5.000 once told
        whole = plain.str.replace(nought, "$1") if kind == "int" else plain
        return odd.select(whole.alias(path))

    def _writes_commas(self, odd: pl.Series) -> bool:
        """Whether a column writes decimal commas, so that 1.234 in it may be a thousand."""
        if self._said is None:
            return self._shown(odd).decimal_comma
        return self._said.decimal_comma and bool(odd.str.contains(",", literal=True).any())

    def _shown(self, odd: pl.Series) -> Signs:
        return signs_of([bared(odd)])
