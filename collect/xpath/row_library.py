"""Functions of values, a row at a time: texts, numbers, dates, choices, digests."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Callable
from datetime import date, timedelta

import regex

from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.instance import Moment, Scalar, day_of
from collect.xpath.java import base64_decoded, round_half_up
from collect.xpath.patterns import matcher
from collect.xpath.row_values import NAN, Value, day_share, days, instant
from collect.xpath.rows import Reader, RowFunction
from collect.xpath.tree import Call

_INT = 2.0**31


def values(reader: Reader, call: Call) -> list[Value]:
    """The arguments, evaluated."""
    return [reader.value(argument) for argument in call.arguments]


def java_int(number: float) -> int:
    """Double.intValue: towards zero, NaN is 0, held to 32 bits."""
    return 0 if number != number else int(min(max(number, -_INT), _INT - 1))


def _text(act: Callable[..., Value]) -> RowFunction:
    """A function of texts alone."""
    return lambda reader, call: act(*(reader.casts.text(value) for value in values(reader, call)))


def _number(act: Callable[..., float]) -> RowFunction:
    """A function of numbers; what has no result is NaN."""

    def guarded(reader: Reader, call: Call) -> Value:
        numbers = [reader.casts.number(value) for value in values(reader, call)]
        try:
            return act(*numbers)
        except (ValueError, ZeroDivisionError):
            return NAN
        except OverflowError:
            return math.inf

    return guarded


# --- truths


def _regex(reader: Reader, call: Call) -> Value:
    shown, pattern = (reader.casts.text(value) for value in values(reader, call))
    try:
        return matcher(pattern)(shown)
    except regex.error as problem:
        message = f"regex(): the pattern cannot be read ({problem})."
        raise XPathError("pattern", message, call.position, name="regex") from problem


# --- choices


def _selected(reader: Reader, call: Call) -> Value:
    answer, wanted = (reader.casts.single(value) for value in values(reader, call))
    if not isinstance(wanted, str):
        message = f"{call.name}() needs a text in quotes: '1', not 1."
        raise XPathError("type", message, call.position, name=call.name)
    token = reader.casts.text(wanted).strip()
    return f" {token} " in f" {_chosen(reader, call, answer)} "


def _chosen(reader: Reader, call: Call, answer: Scalar) -> str:
    if not isinstance(answer, str):
        kind = {bool: "boolean", float: "number", date: "date", Moment: "datetime"}[type(answer)]
        message = f"{call.name}() needs a select question, not a {kind}."
        raise XPathError("type", message, call.position, name=call.name)
    return reader.casts.text(answer)


def _tokens(reader: Reader, call: Call) -> list[str]:
    answer = reader.casts.single(reader.value(call.arguments[0]))
    return [token for token in _chosen(reader, call, answer).split(" ") if token]


def _selected_at(reader: Reader, call: Call) -> Value:
    tokens = _tokens(reader, call)
    place = java_int(reader.casts.number(reader.value(call.arguments[1])))
    return tokens[place] if 0 <= place < len(tokens) else ""


# --- texts


def _substr(reader: Reader, call: Call) -> Value:
    found = values(reader, call)
    shown = reader.casts.text(found[0])

    def bound(value: Value) -> int:
        place = java_int(reader.casts.number(value))
        return min(max(len(shown) + place if place < 0 else place, 0), len(shown))

    return shown[bound(found[1]) : bound(found[2]) if len(found) == 3 else len(shown)]


def _translate(shown: str, before: str, after: str) -> str:
    table: dict[str, str | int | None] = {
        letter: after[place : place + 1] for place, letter in reversed(list(enumerate(before)))
    }
    return shown.translate(str.maketrans(table))


def _digest(reader: Reader, call: Call) -> Value:
    shown, name, *rest = (reader.casts.text(value) for value in values(reader, call))
    return digest_of(shown, name, rest[0].lower() if rest else "base64", call)


def digest_of(shown: str, name: str, encoding: str, call: Call) -> str:
    """The digest of a text, or the error that an algorithm or an encoding is not known."""
    known = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
    if name.upper() not in known or encoding not in ("base64", "hex"):
        raise XPathError("type", f"digest() knows no {name} in {encoding}.", call.position, name="digest")
    made = hashlib.new(known[name.upper()], shown.encode(), usedforsecurity=False)
    return made.hexdigest() if encoding == "hex" else base64.b64encode(made.digest()).decode()


# --- numbers


def _whole(number: float) -> float:
    return number if number != number or math.isinf(number) else float(math.trunc(number))


def _round(reader: Reader, call: Call) -> Value:
    found = [reader.casts.number(value) for value in values(reader, call)]
    number = found[0]
    if len(found) == 2:
        return round_half_up(number, java_int(found[1]))
    if number != number or math.isinf(number):
        return number
    down = math.floor(number)
    return float(down + 1 if number - down >= 0.5 else down)


def _log(of: Callable[[float], float]) -> Callable[[float], float]:
    return lambda x: -math.inf if x == 0 else of(x)


def power(x: float, y: float) -> float:
    """``x`` to the ``y`` as Java and JavaScript have it: no error, infinity or NaN."""
    try:
        return math.pow(x, y)
    except ValueError:
        if x == 0 and y < 0:
            return -math.inf if math.copysign(1, x) < 0 and y == int(y) and int(y) % 2 else math.inf
        return NAN
    except OverflowError:
        return -math.inf if x < 0 and int(y) % 2 else math.inf


# --- dates


def _date(reader: Reader, call: Call) -> Value:
    return _to_date(reader.casts.single(reader.value(call.arguments[0])))


def _to_date(value: Scalar) -> Value:
    if isinstance(value, (str, Moment)):
        return day_of(value if isinstance(value, str) else value.lexical) or ""
    if isinstance(value, date):
        return value
    try:
        return date(1970, 1, 1) + timedelta(days=math.trunc(float(value)))
    except (OverflowError, ValueError):
        return ""


def _date_time(reader: Reader, call: Call) -> Value:
    return _to_moment(reader.casts.single(reader.value(call.arguments[0])))


def _to_moment(value: Scalar) -> Moment | str:
    if isinstance(value, Moment):
        return value
    if isinstance(value, str):
        return Moment(value) if day_of(value) or re.match("[0-9]{2}:", value) else ""
    if isinstance(value, date):
        return Moment(f"{value.isoformat()}T00:00:00")
    try:
        milliseconds = int(float(value) * 86_400_000)
        whole = date(1970, 1, 1) + timedelta(days=milliseconds // 86_400_000)
    except (OverflowError, ValueError):
        return ""
    rest = milliseconds % 86_400_000
    clock = f"{rest // 3_600_000:02}:{rest // 60_000 % 60:02}:{rest // 1000 % 60:02}.{rest % 1000:03}"
    return Moment(f"{whole.isoformat()}T{clock}+00:00")


def _decimal_date_time(reader: Reader, call: Call) -> Value:
    value = reader.casts.single(reader.value(call.arguments[0]))
    if isinstance(value, (float, bool)):
        return float(value)
    if isinstance(value, date):
        return days(value)
    return _known(instant(value if isinstance(value, str) else value.lexical))


def _decimal_time(reader: Reader, call: Call) -> Value:
    value = reader.casts.single(reader.value(call.arguments[0]))
    if isinstance(value, (float, bool)):
        return float(value) - math.floor(value) if math.isfinite(value) else NAN
    if isinstance(value, date):
        return 0.0
    return _known(day_share(value if isinstance(value, str) else value.lexical))


def _known(number: float) -> float | str:
    """What is no time is blank."""
    return "" if number != number else number


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,3}))?)?")


def _format_date(reader: Reader, call: Call) -> Value:
    given, layout = values(reader, call)
    moment = _to_moment(reader.casts.single(given))
    if isinstance(moment, str):
        return ""
    lexical = moment.lexical
    day = date(1970, 1, 1) if re.match("[0-9]{2}:", lexical) else day_of(lexical)
    return "" if day is None else _woven(call, reader.casts.text(layout), day, lexical)


def _woven(call: Call, layout: str, day: date, lexical: str) -> str:
    found = _CLOCK.search(lexical)
    hour, minute, second, part = (piece or "" for piece in (found.groups() if found else ("",) * 4))
    known = {
        "Y": f"{day.year:04}", "y": f"{day.year % 100:02}", "m": f"{day.month:02}", "n": str(day.month),
        "b": _MONTHS[day.month - 1], "d": f"{day.day:02}", "e": str(day.day), "W": str(day.isocalendar().week),
        "a": _DAYS[day.weekday()], "H": hour or "00", "h": str(int(hour or 0)), "M": minute or "00",
        "S": second or "00", "3": (part or "0").ljust(3, "0"), "%": "%",
    }  # fmt: skip
    out, letters = [], iter(layout)
    for letter in letters:
        escape = next(letters, "") if letter == "%" else None
        if escape is not None and escape not in known:
            raise XPathUnsupported(f"{call.name}() knows no '%{escape}'.", call.position, name=call.name)
        out.append(letter if escape is None else known[escape])
    return "".join(out)


FUNCTIONS: dict[str, RowFunction] = {
    "true": lambda reader, call: True,
    "false": lambda reader, call: False,
    "pi": lambda reader, call: math.pi,
    "not": lambda reader, call: not reader.casts.truth(reader.value(call.arguments[0])),
    "boolean": lambda reader, call: reader.casts.truth(reader.value(call.arguments[0])),
    "boolean-from-string": _text(lambda shown: shown.lower() == "true" or shown == "1"),
    "number": _number(lambda x: x),
    "string": _text(lambda shown: shown),
    "regex": _regex,
    "selected": _selected,
    "is-selected": _selected,
    "count-selected": lambda reader, call: float(len(_tokens(reader, call))),
    "selected-at": _selected_at,
    "substr": _substr,
    "substring-before": _text(lambda shown, sought: shown.partition(sought)[0] if sought and sought in shown else ""),
    "substring-after": _text(
        lambda shown, sought: (shown.partition(sought)[2] if sought else shown) if sought in shown else ""
    ),
    "translate": _text(_translate),
    "contains": _text(lambda shown, sought: sought in shown),
    "starts-with": _text(lambda shown, sought: shown.startswith(sought)),
    "ends-with": _text(lambda shown, sought: shown.endswith(sought)),
    "digest": _digest,
    "base64-decode": _text(base64_decoded),
    "int": _number(_whole),
    "round": _round,
    "abs": _number(abs),
    "sqrt": _number(math.sqrt),
    "exp": _number(math.exp),
    "exp10": _number(lambda x: power(10.0, x)),
    "log": _number(_log(math.log)),
    "log10": _number(_log(math.log10)),
    "sin": _number(math.sin),
    "cos": _number(math.cos),
    "tan": _number(math.tan),
    "asin": _number(math.asin),
    "acos": _number(math.acos),
    "atan": _number(math.atan),
    "atan2": _number(math.atan2),
    "pow": _number(power),
    "date": _date,
    "date-time": _date_time,
    "decimal-date-time": _decimal_date_time,
    "decimal-time": _decimal_time,
    "format-date": _format_date,
    "format-date-time": _format_date,
}
