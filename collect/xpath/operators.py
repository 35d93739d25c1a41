"""The operators, with JavaRosa's rules for what is compared as a number, a truth or a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import and_, or_

import numpy as np
import polars as pl

from collect.xpath.values import EPSILON, Column, Either, Value, as_boolean, as_number, as_text, boolean, mapped, text


def joined(operator: str, values: Sequence[Value]) -> Column:
    """``and`` or ``or`` of many values, paired off so that a thousand of them are ten levels deep."""
    join = and_ if operator == "and" else or_
    truths = [as_boolean(value) for value in values]
    while len(truths) > 1:
        paired = [join(one, other) for one, other in zip(truths[::2], truths[1::2], strict=False)]
        truths = paired + truths[len(paired) * 2 :]
    return boolean(truths[0])


def equal(left: Value, right: Value) -> pl.Expr:
    """XPathEqExpr: truths if either is one, else numbers (to 1e-12) if either is one, else texts."""
    if isinstance(left, Either):
        return pl.when(left.condition).then(equal(left.yes, right)).otherwise(equal(left.no, right))
    if isinstance(right, Either):
        return equal(right, left)
    for kind, same in (("boolean", _same_truth), ("number", _same_number)):
        sides = [side for side in (left, right) if side.kind == kind]
        if sides:
            typed = same(left, right)
            if not all(side.blank for side in sides):
                return typed
            present = reduce(or_, [side.expr.is_not_null() for side in sides])
            one, other = (text("") if side.kind == kind else side for side in (left, right))
            return pl.when(present).then(typed).otherwise(equal(one, other))
    return _same_text(left, right)


def _same_truth(left: Column, right: Column) -> pl.Expr:
    return as_boolean(left) == as_boolean(right)


def _same_number(left: Column, right: Column) -> pl.Expr:
    a, b = as_number(left), as_number(right)
    for side, other in ((a, b), (b, a)):
        if side.literal is not None and side.nan:
            return pl.lit(value=False)
        if side.literal is not None and isinstance(side.literal, float) and side.literal.is_integer():
            a, b = other, side
    near = (a.expr - b.expr).abs() < EPSILON  # NaN is above every number, so it is never near
    return near.fill_null(value=False)


def _same_text(left: Column, right: Column) -> pl.Expr:
    for side, other in ((left, right), (right, left)):
        if isinstance(side.literal, str) and side.literal and other.kind == "string":
            return (other.expr == side.literal).fill_null(value=False)
    return as_text(left) == as_text(right)


def compare(operator: str, left: Value, right: Value) -> pl.Expr:
    """<, <=, > and >= are between numbers, always; nothing compares with NaN."""
    if isinstance(left, Column) and isinstance(right, Column) and left.kind == right.kind == "date":
        return _ordered(operator, left.expr, right.expr).fill_null(value=False)
    a, b = as_number(left), as_number(right)
    result = _ordered(operator, a.expr, b.expr).fill_null(value=False)
    for side in (a, b):
        if side.nan:  # the column engine sorts NaN above every number
            result = result & side.expr.is_not_nan().fill_null(value=False)
    return result


def _ordered(operator: str, a: pl.Expr, b: pl.Expr) -> pl.Expr:
    match operator:
        case "<":
            return a < b
        case "<=":
            return a <= b
        case ">":
            return a > b
        case _:
            return a >= b


def arithmetic(operator: str, left: Value, right: Value) -> Column:
    """Java's double arithmetic; ``mod`` takes the sign of what is divided."""
    a, b = as_number(left), as_number(right)
    x, y = a.expr.cast(pl.Float64), b.expr.cast(pl.Float64)
    return Column("number", _ARITHMETIC[operator](x, y), nan=a.nan or b.nan or operator in ("div", "mod"))


def _exactly(operation: np.ufunc) -> Callable[[pl.Expr, pl.Expr], pl.Expr]:
    """``operation`` as the processor does it. The column engine divides by a constant by multiplying with its inverse
    and floors its remainder.
    """
    return lambda x, y: mapped(pl.struct(x.alias("x"), y.alias("y")), _by_processor, pl.Float64(), operation)


def _by_processor(pairs: pl.Series, operation: np.ufunc) -> pl.Series:
    x, y = (pairs.struct.field(name).fill_null(float("nan")).to_numpy() for name in ("x", "y"))
    with np.errstate(all="ignore"):
        return pl.Series(operation(x, y))


divided = _exactly(np.divide)
_ARITHMETIC: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "div": divided,
    "mod": _exactly(np.fmod),
}
