"""Dates and times as ODK Web Forms computes them, a row at a time: on the device's clock, whose zone now() shows."""

from __future__ import annotations

import re
from datetime import date

from collect.xpath.row_values import NAN, Value
from collect.xpath.rows import Reader, RowFunction
from collect.xpath.tree import Call
from collect.xpath.web_values import NO_DATE, Dated, WebCasts


def web_casts(reader: Reader) -> WebCasts:
    """The casts of a reader that reads as a browser does."""
    assert isinstance(reader.casts, WebCasts)
    return reader.casts


def _date(reader: Reader, call: Call) -> Value:
    value, casts = reader.value(call.arguments[0]), web_casts(reader)
    if isinstance(value, bool):
        return ""
    if isinstance(value, (float, Dated)):
        return casts.shown(casts.number(value) * 86_400_000)
    text = casts.text(value)
    parts = re.fullmatch(r"([0-9]{4})-([1-9]|[0-9]{2})-([1-9]|[0-9]{2})(T.*)?", text)
    if parts is not None:
        year, month, day, rest = parts.groups()
        text = f"{year}-{month:0>2}-{day:0>2}{rest or ''}"
    return casts.dated(text) if text else ""


def _decimal_date_time(reader: Reader, call: Call) -> Value:
    found = _date(reader, call)
    return found.days if isinstance(found, Dated) else NAN


def _decimal_time(reader: Reader, call: Call) -> Value:
    casts = web_casts(reader)
    text = casts.text(reader.value(call.arguments[0]))
    if not re.fullmatch(r"[0-9]{2}:[0-9]{2}(:[0-5][0-9])?(\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})?", text):
        return NAN
    return (casts.dated(f"1970-01-01T{text}").days + casts.zone) % 1.0


def _now(reader: Reader, call: Call) -> Value:
    return web_casts(reader).dated(reader.now) if reader.now else ""


def _today(reader: Reader, call: Call) -> Value:
    return web_casts(reader).dated(reader.now[:10]) if reader.now else ""


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "")  # the engine has no name for Sunday
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _format_date(reader: Reader, call: Call) -> Value:
    casts = web_casts(reader)
    dated = casts.dated(casts.text(reader.value(call.arguments[0])))
    if dated is NO_DATE:
        return ""
    day = date.fromisoformat(dated.lexical[:10])
    since = round((dated.days + casts.zone) % 1.0 * 86_400_000)
    known = {
        "Y": f"{day.year:04}", "y": f"{day.year % 100:02}", "m": f"{day.month:02}", "n": str(day.month),
        "b": _MONTHS[day.month - 1], "d": f"{day.day:02}", "e": str(day.day), "a": _DAYS[day.weekday()],
        "H": f"{since // 3_600_000:02}", "h": str(since // 3_600_000), "M": f"{since // 60_000 % 60:02}",
        "S": f"{since // 1000 % 60:02}", "3": f"{since % 1000:03}",
    }  # fmt: skip
    return re.sub(
        "%([YymnbdeaHhMS3])", lambda found: known[found.group(1)], casts.text(reader.value(call.arguments[1]))
    )


DATES: dict[str, RowFunction] = {
    "date": _date,
    "date-time": _date,
    "decimal-date-time": _decimal_date_time,
    "decimal-time": _decimal_time,
    "format-date": _format_date,
    "format-date-time": _format_date,
    "now": _now,
    "today": _today,
}
