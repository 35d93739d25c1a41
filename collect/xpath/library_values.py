"""Functions of texts, numbers and selected choices, as JavaRosa's XPathFuncExpr computes them."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable

import numpy as np
import polars as pl
import regex

from collect.xpath.compile import ValueFunction
from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.java import base64_decoded, round_half_up
from collect.xpath.patterns import full_match, is_pattern, matcher, matches_slowly
from collect.xpath.tree import Call
from collect.xpath.values import (
    FALSE,
    TRUE,
    Column,
    Either,
    Value,
    as_boolean,
    as_java_int,
    as_number,
    as_text,
    boolean,
    mapped,
    measured,
    number,
    text,
)  # fmt: skip


def _literal(call: Call, values: list[Value], place: int) -> str:
    value = values[place]
    if isinstance(value, Column) and isinstance(value.literal, str):
        return value.literal
    message = f"{call.name}() is evaluated here only with a quoted text as argument {place + 1}."
    raise XPathUnsupported(message, call.position, name=call.name)


# --- truths


def _regex(call: Call, values: list[Value]) -> Value:
    pattern = _literal(call, values, 1)
    shown = as_text(values[0])
    if is_pattern(pattern):
        return boolean(shown.str.contains(full_match(pattern)))
    try:
        matcher(pattern)
    except regex.error as problem:
        raise XPathError(
            "pattern", f"regex(): the pattern cannot be read ({problem}).", call.position, name="regex"
        ) from problem
    return boolean(mapped(shown, matches_slowly, pl.Boolean(), pattern))


def _from_string(call: Call, values: list[Value]) -> Value:
    shown = as_text(values[0])
    return boolean((shown.str.to_lowercase() == "true") | (shown == "1"))


# --- choices


def _selected(call: Call, values: list[Value]) -> Value:
    answer, wanted = _token_text(call, values[0]), values[1]
    if isinstance(wanted, Either) or wanted.kind != "string":
        message = f"{call.name}() needs a text in quotes: '1', not 1."
        if isinstance(wanted, Column) and wanted.literal is not None:
            raise XPathError("type", message, call.position, name=call.name)
        raise XPathUnsupported(message, call.position, name=call.name)  # a number question that is blank is a text
    padded = pl.concat_str([pl.lit(" "), as_text(answer), pl.lit(" ")])
    if not isinstance(wanted.literal, str):
        stripped = as_text(wanted).str.strip_chars()
        return boolean(padded.str.contains(pl.concat_str([pl.lit(" "), stripped, pl.lit(" ")]), literal=True))
    token = wanted.literal.strip()
    if answer.tokens == "one" and token:
        return boolean((answer.expr == token).fill_null(value=False))
    return boolean(padded.str.contains(f" {token} ", literal=True))


def _token_text(call: Call, value: Value) -> Column:
    if isinstance(value, Either):
        return Column("string", as_text(value))
    if value.kind != "string":
        raise XPathError(
            "type", f"{call.name}() needs a select question, not a {value.kind}.", call.position, name=call.name
        )
    return value


def _count_selected(call: Call, values: list[Value]) -> Value:
    shown = as_text(_token_text(call, values[0]))
    return Column("number", shown.str.count_matches("[^ ]+").cast(pl.Int64))


def _selected_at(call: Call, values: list[Value]) -> Value:
    tokens = as_text(_token_text(call, values[0])).str.extract_all("[^ ]+")
    place = as_java_int(values[1])
    found = tokens.list.get(pl.when(place >= 0).then(place), null_on_oob=True)
    return Column("string", found, blank=True)


# --- texts


def _substr(call: Call, values: list[Value]) -> Value:
    shown = as_text(values[0])
    length = shown.str.len_chars().cast(pl.Int64)

    def bound(value: Value) -> pl.Expr:
        place = as_java_int(value)
        from_end = pl.when(place < 0).then(length + place).otherwise(place)
        return pl.min_horizontal(pl.max_horizontal(from_end, pl.lit(0)), length)

    start = bound(values[1])
    end = bound(values[2]) if len(values) == 3 else length
    return Column("string", shown.str.slice(start, pl.max_horizontal(end - start, pl.lit(0))))


def _substring_before(call: Call, values: list[Value]) -> Value:
    shown, sought = as_text(values[0]), _literal(call, values, 1)
    if not sought:
        return text("")
    parts = shown.str.split_exact(sought, 1)
    found = pl.when(shown.str.contains(sought, literal=True)).then(parts.struct.field("field_0"))
    return Column("string", found, blank=True)


def _substring_after(call: Call, values: list[Value]) -> Value:
    shown, sought = as_text(values[0]), _literal(call, values, 1)
    if not sought:
        return Column("string", shown)
    return Column("string", shown.str.splitn(sought, 2).struct.field("field_1"), blank=True)


def _translate(call: Call, values: list[Value]) -> Value:
    before, after = _literal(call, values, 1), _literal(call, values, 2)
    shown = as_text(values[0])
    if not before:
        return Column("string", shown)
    table = {letter: after[place : place + 1] for place, letter in reversed(list(enumerate(before)))}
    return Column("string", _letters_replaced(shown, table))


def _letters_replaced(shown: pl.Expr, table: dict[str, str]) -> pl.Expr:
    return mapped(shown, _translated, pl.String(), tuple(table.items()))


def _translated(series: pl.Series, table: tuple[tuple[str, str], ...]) -> pl.Series:
    letters = str.maketrans(dict(table))
    return _each_once(series, lambda value: value.translate(letters))


def _contains(call: Call, values: list[Value]) -> Value:
    return boolean(as_text(values[0]).str.contains(as_text(values[1]), literal=True))


def _starts_with(call: Call, values: list[Value]) -> Value:
    return boolean(as_text(values[0]).str.starts_with(as_text(values[1])))


def _ends_with(call: Call, values: list[Value]) -> Value:
    return boolean(as_text(values[0]).str.ends_with(as_text(values[1])))


def _each_once(series: pl.Series, act: Callable[[str], str]) -> pl.Series:
    """``act`` on every distinct text; rows that a condition masks out arrive as null and stay so."""
    distinct = series.unique().drop_nulls()
    made = pl.Series([act(value) for value in distinct], dtype=pl.String)
    return series.replace_strict(distinct, made, default=None, return_dtype=pl.String)


def _digest(call: Call, values: list[Value]) -> Value:
    name = _literal(call, values, 1)
    encoding = _literal(call, values, 2) if len(values) == 3 else "base64"
    algorithm = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}.get(
        name.upper()
    )
    if algorithm is None or encoding.lower() not in ("base64", "hex"):
        raise XPathError("type", f"digest() knows no {name} in {encoding}.", call.position, name="digest")

    return Column("string", mapped(as_text(values[0]), _digested, pl.String(), algorithm, encoding.lower() == "hex"))


def _digested(series: pl.Series, algorithm: str, in_hex: bool) -> pl.Series:
    def act(value: str) -> str:
        made = hashlib.new(algorithm, value.encode(), usedforsecurity=False)
        return made.hexdigest() if in_hex else base64.b64encode(made.digest()).decode()

    return _each_once(series, act)


def _base64_decode(call: Call, values: list[Value]) -> Value:
    shown = as_text(values[0])
    return Column("string", mapped(shown, _each_once, pl.String(), base64_decoded), blank=True)


# --- numbers


def _int(call: Call, values: list[Value]) -> Value:
    value = as_number(values[0])
    if isinstance(value.literal, float) and math.isfinite(value.literal):
        return number(float(int(value.literal)))
    return Column("number", value.expr.cast(pl.Float64).truncate(), nan=value.nan)


def _round(call: Call, values: list[Value]) -> Value:
    value = as_number(values[0])
    expr = value.expr.cast(pl.Float64)
    if len(values) == 1:
        # Halves go up; adding 0.5 first would lift 0.49999999999999994 to 1.
        down = expr.floor()
        return Column("number", pl.when(expr - down >= 0.5).then(down + 1.0).otherwise(down), nan=value.nan)
    places = values[1]
    if not isinstance(places, Column) or not isinstance(places.literal, float):
        raise XPathUnsupported(
            "round() is evaluated here only with a written number of places.", call.position, name="round"
        )
    wanted = 0 if math.isnan(places.literal) else int(min(max(places.literal, -99.0), 99.0))

    return measured(mapped(expr, _rounded, pl.Float64(), wanted))


def _rounded(series: pl.Series, places: int) -> pl.Series:
    distinct = series.unique().drop_nulls()
    rounded = pl.Series([round_half_up(x, places) for x in distinct], dtype=pl.Float64)
    return series.replace_strict(distinct, rounded, default=None, return_dtype=pl.Float64)


def _as_double(value: Value) -> pl.Expr:
    return as_number(value).expr.cast(pl.Float64)


def _of_one(act: Callable[[pl.Expr], pl.Expr]) -> ValueFunction:
    return lambda call, values: measured(act(_as_double(values[0])))


def _log10(values: pl.Series) -> pl.Series:
    with np.errstate(divide="ignore", invalid="ignore"):
        return pl.Series(
            np.log10(values.fill_null(float("nan")).to_numpy())
        )  # the column engine's log10(1000) is not 3


def _pow(call: Call, values: list[Value]) -> Value:
    return measured(_as_double(values[0]).pow(_as_double(values[1])))


def _atan2(call: Call, values: list[Value]) -> Value:
    return measured(pl.arctan2(_as_double(values[0]), _as_double(values[1])))


FUNCTIONS: dict[str, ValueFunction] = {
    "true": lambda call, values: TRUE,
    "false": lambda call, values: FALSE,
    "not": lambda call, values: boolean(~as_boolean(values[0])),
    "boolean": lambda call, values: boolean(as_boolean(values[0])),
    "boolean-from-string": _from_string,
    "number": lambda call, values: as_number(values[0]),
    "string": lambda call, values: Column("string", as_text(values[0])),
    "regex": _regex,
    "selected": _selected,
    "is-selected": _selected,
    "count-selected": _count_selected,
    "selected-at": _selected_at,
    "substr": _substr,
    "substring-before": _substring_before,
    "substring-after": _substring_after,
    "translate": _translate,
    "contains": _contains,
    "starts-with": _starts_with,
    "ends-with": _ends_with,
    "digest": _digest,
    "base64-decode": _base64_decode,
    "int": _int,
    "round": _round,
    "abs": _of_one(lambda x: x.abs()),
    "sqrt": _of_one(lambda x: x.sqrt()),
    "exp": _of_one(lambda x: x.exp()),
    "exp10": _of_one(lambda x: pl.lit(10.0).pow(x)),
    "log": _of_one(lambda x: x.log()),
    "log10": _of_one(lambda x: mapped(x, _log10, pl.Float64())),
    "sin": _of_one(lambda x: x.sin()),
    "cos": _of_one(lambda x: x.cos()),
    "tan": _of_one(lambda x: x.tan()),
    "asin": _of_one(lambda x: x.arcsin()),
    "acos": _of_one(lambda x: x.arccos()),
    "atan": _of_one(lambda x: x.arctan()),
    "atan2": _atan2,
    "pow": _pow,
    "pi": lambda call, values: number(math.pi),
}
