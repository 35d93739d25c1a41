"""What an expression is worth, as a column: JavaRosa's five kinds of value and how each becomes another.

A `Column` says its kind and what a null in it means. ``blank``: null stands for the empty text "" (an unanswered
question); otherwise a null number is NaN. ``nan``: a number column that may also hold a floating NaN. An `Either` is
a value whose kind depends on the row. A date-time is its lexical text: its day is the one written in it, on the
device's own clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal, TypeAlias

import polars as pl

from collect.xpath.java import numbers_as_text

Kind = Literal["boolean", "number", "string", "date", "datetime"]
EPSILON = 1e-12  # JavaRosa's XPathEqExpr and toBoolean
_NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)")


@dataclass(frozen=True)
class Column:
    """One column of one kind; ``literal`` is its value when it is the same in every row."""

    kind: Kind
    expr: pl.Expr
    blank: bool = False
    nan: bool = False
    literal: str | float | bool | None = None
    tokens: Literal["one", "many", "unknown"] = "unknown"  # a select_one answer is a single token


@dataclass(frozen=True)
class Either:
    """``yes`` in rows where ``condition`` (never null) is true, ``no`` elsewhere."""

    condition: pl.Expr
    yes: Value
    no: Value


Value: TypeAlias = Column | Either

TRUE = Column("boolean", pl.lit(value=True), literal=True)
FALSE = Column("boolean", pl.lit(value=False), literal=False)


def text(value: str) -> Column:
    """A literal text."""
    return Column("string", pl.lit(value), literal=value)


def number(value: float) -> Column:
    """A literal number; a whole one stays an integer, so that integer columns are compared as integers."""
    whole = value.is_integer() and abs(value) < 2**53
    return Column("number", pl.lit(int(value), pl.Int64) if whole else pl.lit(value), nan=value != value, literal=value)


def boolean(expr: pl.Expr) -> Column:
    """A truth that is known in every row."""
    return Column("boolean", expr)


def measured(expr: pl.Expr) -> Column:
    """A number that may be null or NaN, both meaning NaN."""
    return Column("number", expr, nan=True)


def either(condition: pl.Expr, yes: Value, no: Value) -> Value:
    """``yes`` or ``no`` by row; one column where their kinds allow it."""
    if isinstance(yes, Column) and isinstance(no, Column):
        if yes.literal == "" and no.kind != "string":
            yes = Column(no.kind, pl.lit(None), blank=True)
        if no.literal == "" and yes.kind != "string":
            no = Column(yes.kind, pl.lit(None), blank=True)
        if yes.kind == no.kind:
            return _merged(condition, yes, no)
    return Either(condition, yes, no)


def _merged(condition: pl.Expr, yes: Column, no: Column) -> Column:
    if yes.kind == "number" and yes.blank != no.blank:
        yes, no = (side if side.blank else _with_nan(side) for side in (yes, no))
    joined = pl.when(condition).then(yes.expr).otherwise(no.expr)
    return Column(yes.kind, joined, blank=yes.blank or no.blank, nan=yes.nan or no.nan)


def _with_nan(side: Column) -> Column:
    if isinstance(side.literal, float) and side.literal == side.literal:
        return side
    return replace(side, expr=side.expr.cast(pl.Float64).fill_null(float("nan")), nan=True)


def as_number(value: Value) -> Column:
    """toNumeric: null and NaN both stand for NaN in what comes back."""
    if isinstance(value, Either):
        yes, no = as_number(value.yes), as_number(value.no)
        return Column("number", pl.when(value.condition).then(yes.expr).otherwise(no.expr), nan=yes.nan or no.nan)
    if value.kind == "number":
        return replace(value, blank=False)
    if value.literal is not None:
        return number(_literal_number(value.literal))
    if value.kind == "boolean":
        return Column("number", value.expr.cast(pl.Int64))
    if value.kind == "string":
        return Column("number", _parsed(value.expr))
    return Column("number", as_day(value).to_physical().cast(pl.Int64))


def _literal_number(literal: str | float | bool) -> float:
    if not isinstance(literal, str):
        return float(literal)
    plain = literal.replace(",", ".").strip()
    return float(plain) if _NUMBER.fullmatch(plain) else float("nan")


def _parsed(expr: pl.Expr) -> pl.Expr:
    plain = expr.str.replace_all(",", ".", literal=True).str.strip_chars()
    return pl.when(~plain.str.contains(r"[^-.0-9]")).then(plain).cast(pl.Float64, strict=False)


def as_day(value: Column) -> pl.Expr:
    """The day of a date or date-time column, as written on the device; null where there is none."""
    if value.kind == "date":
        return value.expr
    return value.expr.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)


def as_boolean(value: Value) -> pl.Expr:
    """toBoolean, never null."""
    if isinstance(value, Either):
        return pl.when(value.condition).then(as_boolean(value.yes)).otherwise(as_boolean(value.no))
    if value.kind == "boolean":
        return value.expr.fill_null(value=False) if value.blank else value.expr
    if value.kind == "string":
        return (value.expr != "").fill_null(value=False)
    if value.kind == "number":
        truth = (value.expr.abs() > EPSILON).fill_null(value=False)
        return truth & value.expr.is_not_nan().fill_null(value=False) if value.nan else truth
    return value.expr.is_not_null()


def as_text(value: Value) -> pl.Expr:
    """toString, never null."""
    if isinstance(value, Either):
        return pl.when(value.condition).then(as_text(value.yes)).otherwise(as_text(value.no))
    if value.kind == "string":
        return value.expr.fill_null("") if value.blank else value.expr
    if value.kind == "boolean":
        shown = pl.when(value.expr).then(pl.lit("true")).otherwise(pl.lit("false"))
        return pl.when(value.expr.is_null()).then(pl.lit("")).otherwise(shown) if value.blank else shown
    if value.kind == "number":
        shown = mapped(value.expr, numbers_as_text, pl.String())
        return shown.fill_null("" if value.blank else "NaN")
    if value.kind == "date":
        return value.expr.dt.strftime("%Y-%m-%d").fill_null("")
    return value.expr.str.slice(0, 10).fill_null("")


def is_empty(value: Value) -> pl.Expr:
    """JavaRosa's isNull: the empty text, or NaN."""
    if isinstance(value, Either):
        return pl.when(value.condition).then(is_empty(value.yes)).otherwise(is_empty(value.no))
    if value.kind == "string":
        return (value.expr == "").fill_null(value=True)
    nothing = value.expr.is_null()
    return nothing | value.expr.is_nan().fill_null(value=True) if value.nan else nothing


def constant(value: Column) -> Column:
    """The literal that a column without any inputs comes to."""
    found = pl.select(value.expr).item()
    if found is None or found == "":
        return text("") if value.blank or value.kind == "string" else number(float("nan"))
    if value.kind == "number":
        return number(float(found))
    if value.kind == "boolean":
        return TRUE if found else FALSE
    if value.kind == "string":
        return text(found)
    return replace(value, expr=pl.lit(found))


def mapped(expr: pl.Expr, act: Callable[..., pl.Series], dtype: pl.DataType, *given: Hashable) -> pl.Expr:
    """``act`` on the whole column, then on ``given``; at once when ``expr`` is the same in every row.

    No Python runs inside the column engine: its threads would wait for the interpreter while a thread that holds it
    waits for them. What comes back reads a column that `Frame.evaluate` makes first.
    """
    if not expr.meta.root_names():
        return pl.lit(act(pl.select(expr).to_series(), *given).cast(dtype).item(), dtype)
    key = (act, given, expr.meta.serialize())
    if key not in _NAMES:
        name = f"{MADE}{next(_SERIAL)}"
        BEFORE[name] = Before(expr, act, dtype, given)  # first: another thread may be asking for the same
        _NAMES.setdefault(key, name)
    return pl.col(_NAMES[key])


@dataclass(frozen=True)
class Before:
    """A column that Python makes before an expression runs."""

    expr: pl.Expr
    act: Callable[..., pl.Series]
    dtype: pl.DataType
    given: tuple[Hashable, ...]

    def series(self, frame: pl.DataFrame) -> pl.Series:
        """The column, of a table that holds what it is made from."""
        return self.act(frame.select(self.expr.alias("")).to_series(), *self.given).cast(self.dtype)


MADE = "@"  # how the name of such a column begins
BEFORE: dict[str, Before] = {}  # one for each different conversion in the forms that this process has met
_NAMES: dict[tuple[object, ...], str] = {}
_SERIAL = count()


def as_java_int(value: Value) -> pl.Expr:
    """Double.intValue: towards zero, NaN is 0, held to 32 bits."""
    number = as_number(value).expr.cast(pl.Float64).fill_nan(None).fill_null(0.0)
    return number.clip(-(2.0**31), 2.0**31 - 1).cast(pl.Int64)


def by_kind(value: Value, act: Callable[[Column], Value]) -> Value:
    """``act`` on each side of an `Either`, or on the column itself."""
    if isinstance(value, Either):
        return either(value.condition, by_kind(value.yes, act), by_kind(value.no, act))
    return act(value)
