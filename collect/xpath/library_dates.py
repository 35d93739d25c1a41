"""Functions of dates and times. A date-time means the clock it was written on: its day and hour are as written."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from collect.xpath.compile import ValueFunction
from collect.xpath.errors import XPathUnsupported
from collect.xpath.operators import divided
from collect.xpath.tree import Call
from collect.xpath.values import Column, Value, as_day, as_number, by_kind, measured

_TIME = r"(\d{2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?"  # hour, minute, second with its fraction
_FIRST, _LAST = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31 as days since 1970
_ZONE = r"([+-])(\d{2}):?(\d{2})?$"


def _date(call: Call, values: list[Value]) -> Value:
    return by_kind(values[0], _to_date)


def _to_date(value: Column) -> Value:
    if value.kind == "datetime":
        return Column("date", as_day(value), blank=True)
    if value.kind == "string":
        return Column("date", as_day(Column("datetime", value.expr)), blank=True)
    if value.kind == "date":
        return value
    days = _in_calendar(as_number(value).expr.cast(pl.Float64).fill_nan(None).truncate())
    return Column("date", days.cast(pl.Int32, strict=False).cast(pl.Date), blank=True)


def _in_calendar(days: pl.Expr) -> pl.Expr:
    """Days that fall in the years 1 to 9999; null beyond, where the column engine would stop the whole run."""
    return pl.when(days.is_between(_FIRST, _LAST)).then(days)


def _date_time(call: Call, values: list[Value]) -> Value:
    return by_kind(values[0], _to_date_time)


def _to_date_time(value: Column) -> Value:
    if value.kind in ("datetime", "string"):
        return Column("datetime", value.expr, blank=True)
    if value.kind == "date":
        return Column("datetime", value.expr.dt.strftime("%Y-%m-%dT00:00:00"), blank=True)
    instant = (
        (_in_calendar(as_number(value).expr.cast(pl.Float64).fill_nan(None)) * 86_400_000)
        .cast(pl.Int64)
        .cast(pl.Datetime("ms"))
    )
    return Column("datetime", instant.dt.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00"), blank=True)


def _decimal_date_time(call: Call, values: list[Value]) -> Value:
    return by_kind(values[0], _days_and_time)


def _days_and_time(value: Column) -> Value:
    if value.kind in ("number", "boolean"):
        return as_number(value)
    if value.kind == "date":
        return _known(value.expr.to_physical().cast(pl.Float64))
    days = as_day(Column("datetime", value.expr)).to_physical().cast(pl.Float64)
    return _known(
        days + _day_share(value.expr).fill_nan(None).fill_null(0.0) - _offset(value.expr).fill_nan(None).fill_null(0.0)
    )


def _decimal_time(call: Call, values: list[Value]) -> Value:
    return by_kind(values[0], _time_of_day)


def _time_of_day(value: Column) -> Value:
    if value.kind in ("number", "boolean"):
        number = as_number(value).expr.cast(pl.Float64)
        return measured(number - number.floor())
    if value.kind == "date":
        return _known(pl.when(value.expr.is_not_null()).then(0.0))
    return _known(_day_share(value.expr))


def _known(number: pl.Expr) -> Column:
    """What is no time is blank."""
    return Column("number", number.fill_nan(None), blank=True)


def _day_share(expr: pl.Expr) -> pl.Expr:
    """The clock in a lexical time or date-time as a share of the day."""
    clock = expr.str.extract_groups(_TIME).struct
    hours, minutes, seconds = (clock.field(str(part)).cast(pl.Float64, strict=False) for part in (1, 2, 3))
    return divided(hours * 3600 + minutes * 60 + seconds.fill_null(0.0), pl.lit(86400.0))


def _offset(expr: pl.Expr) -> pl.Expr:
    """The written distance from UTC as a share of the day; null for none."""
    zone = expr.str.slice(10).str.extract_groups(_ZONE).struct
    hours, minutes = (zone.field(str(part)).cast(pl.Float64, strict=False) for part in (2, 3))
    size = divided(hours * 60 + minutes.fill_null(0.0), pl.lit(1440.0))
    return pl.when(zone.field("1") == "-").then(-size).otherwise(size)


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def _padded(expr: pl.Expr, width: int) -> pl.Expr:
    return expr.cast(pl.String).str.zfill(width)


def _named(expr: pl.Expr, names: list[str]) -> pl.Expr:
    return expr.cast(pl.Int64).replace_strict(
        list(range(1, len(names) + 1)), names, default=None, return_dtype=pl.String
    )


def _clock_part(expr: pl.Expr, part: int) -> pl.Expr:
    return expr.str.extract(_TIME, part).fill_null("00")


# letter: how it is written, from the day and from the lexical text. Months and days have their English names.
_LETTERS: Mapping[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "Y": lambda day, _: _padded(day.dt.year(), 4),
    "y": lambda day, _: _padded(day.dt.year() % 100, 2),
    "m": lambda day, _: _padded(day.dt.month(), 2),
    "n": lambda day, _: day.dt.month().cast(pl.String),
    "b": lambda day, _: _named(day.dt.month(), _MONTHS),
    "d": lambda day, _: _padded(day.dt.day(), 2),
    "e": lambda day, _: day.dt.day().cast(pl.String),
    "W": lambda day, _: day.dt.week().cast(pl.String),
    "a": lambda day, _: _named(day.dt.weekday(), _DAYS),
    "H": lambda _, lexical: _clock_part(lexical, 1),
    "h": lambda _, lexical: _clock_part(lexical, 1).cast(pl.Int64, strict=False).cast(pl.String),
    "M": lambda _, lexical: _clock_part(lexical, 2),
    "S": lambda _, lexical: _clock_part(lexical, 3).str.slice(0, 2),
    "3": lambda _, lexical: lexical.str.extract(r":\d{2}\.(\d{1,3})").fill_null("0").str.pad_end(3, "0"),
}


def _format_date(call: Call, values: list[Value]) -> Value:
    pattern = values[1]
    if not isinstance(pattern, Column) or not isinstance(pattern.literal, str):
        raise XPathUnsupported(
            f"{call.name}() is evaluated here only with a quoted format.", call.position, name=call.name
        )
    layout = pattern.literal
    return by_kind(values[0], lambda value: _formatted(call, value, layout))


def _formatted(call: Call, value: Column, layout: str) -> Value:
    if value.kind in ("number", "boolean"):
        converted = _to_date_time(value)
        assert isinstance(converted, Column)
        value = converted
    if value.kind == "date":
        day, lexical = value.expr, value.expr.dt.strftime("%Y-%m-%dT00:00:00")
    else:
        lexical = value.expr
        timed = lexical.str.contains("^[0-9]{2}:")  # a time alone has a clock but no day
        day = (
            pl.when(timed)
            .then(pl.lit("1970-01-01"))
            .otherwise(lexical.str.slice(0, 10))
            .str.to_date("%Y-%m-%d", strict=False)
        )
    return Column("string", pl.when(day.is_not_null()).then(_woven(call, layout, day, lexical)), blank=True)


def _woven(call: Call, layout: str, day: pl.Expr, lexical: pl.Expr) -> pl.Expr:
    parts: list[pl.Expr] = []
    letters = iter(layout)
    for letter in letters:
        if letter != "%":
            parts.append(pl.lit(letter))
            continue
        escape = next(letters, "")
        if escape == "%":
            parts.append(pl.lit("%"))
        elif escape in _LETTERS:
            parts.append(_LETTERS[escape](day, lexical))
        else:
            raise XPathUnsupported(f"{call.name}() knows no '%{escape}'.", call.position, name=call.name)
    return pl.concat_str(parts) if parts else pl.lit("")


FUNCTIONS: dict[str, ValueFunction] = {
    "date": _date,
    "date-time": _date_time,
    "decimal-date-time": _decimal_date_time,
    "decimal-time": _decimal_time,
    "format-date": _format_date,
    "format-date-time": _format_date,
}
