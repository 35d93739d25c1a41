"""How Java writes numbers, rounds them and reads patterns, because JavaRosa's answers carry Java's habits."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

import polars as pl

INT_MAX = 2**31 - 1


def double_as_text(value: float) -> str:
    """Java's Double.toString for a finite number, with JavaRosa's two exceptions: whole ints plainly, near zero "0"."""
    if abs(value) < 1e-12:
        return "0"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if abs(value) <= INT_MAX and abs(value - int(value)) < 1e-12:
        return str(int(value))
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    written = "".join(map(str, digits))
    scale = len(written) + int(exponent)  # the value is 0.written times ten to the scale
    minus = "-" if sign else ""
    if 1e-3 <= abs(value) < 1e7:
        if scale <= 0:
            return f"{minus}0.{'0' * -scale}{written}"
        return f"{minus}{written[:scale].ljust(scale, '0')}.{written[scale:] or '0'}"
    return f"{minus}{written[0]}.{written[1:] or '0'}E{scale - 1}"


def numbers_as_text(values: pl.Series) -> pl.Series:
    """JavaRosa's toString of each number; null stays null, NaN is "NaN"."""
    if values.dtype.is_integer():
        plain = values.abs() <= INT_MAX
    else:
        whole = values.cast(pl.Int64, strict=False)
        plain = (values == whole.cast(pl.Float64)) & (values.abs() <= INT_MAX)
    as_whole = values.cast(pl.Int64, strict=False).cast(pl.String)
    if bool((plain | values.is_null()).fill_null(value=True).all()):
        return as_whole
    odd = values.filter(~plain.fill_null(value=True)).unique()
    shown = {value: "NaN" if value != value else double_as_text(float(value)) for value in odd.to_list()}
    written = values.replace_strict(list(shown), list(shown.values()), default=None, return_dtype=pl.String)
    return pl.select(pl.when(plain).then(as_whole).otherwise(written)).to_series()


def round_half_up(value: float, places: int) -> float:
    """JavaRosa's round(): halves go up, so -2.5 becomes -2; beyond 30 places either way it gives NaN."""
    if value != value or value in (float("inf"), float("-inf")):
        return value
    if not -30 <= places <= 30:
        return float("nan")
    if places >= 0:
        way = ROUND_HALF_DOWN if value < 0 else ROUND_HALF_UP
        try:
            return float(Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), rounding=way))
        except InvalidOperation:  # more digits than a decimal holds: nothing to round away
            return value
    scaled = float(Decimal(repr(value)).scaleb(places))
    return float(Decimal(int(scaled + 0.5)).scaleb(-places))


def base64_decoded(shown: str) -> str:
    """The text in a base64 text; blank where there is none."""
    try:
        return base64.b64decode(shown + "=" * (-len(shown) % 4)).decode("utf-8", "replace")
    except ValueError:
        return ""


_CLASSES = {
    "d": "0-9",
    "w": "a-zA-Z0-9_",
    "s": r" \t\n\x0B\f\r",
}  # Java's \d, \w and \s know ASCII only; Khmer digits are no \d
_POSIX = re.compile(r"\\([pP])\{(Lower|Upper|ASCII|Alpha|Digit|Alnum|Punct|Graph|Print|Blank|Cntrl|XDigit|Space)\}")


def full_match(pattern: str) -> str:
    """``pattern`` for an engine that searches and knows Unicode: whole text, ASCII classes as in Java."""
    out, inside, at = [], False, 0
    while at < len(pattern):
        character = pattern[at]
        posix = _POSIX.match(pattern, at)
        if posix:
            named = f"[:{'^' if posix[1] == 'P' else ''}{posix[2].lower()}:]"
            out.append(named if inside else f"[{named}]")
            at = posix.end()
            continue
        if character == "\\" and at + 1 < len(pattern):
            out.append(_escape(pattern[at + 1], inside))
            at += 2
            continue
        if character == "[":
            inside = True
        elif character == "]":
            inside = False
        out.append(character)
        at += 1
    return f"^(?:{''.join(out)})$"


def _escape(letter: str, inside: bool) -> str:
    if letter in _CLASSES:
        return _CLASSES[letter] if inside else f"[{_CLASSES[letter]}]"
    if letter.lower() in _CLASSES:
        return f"[^{_CLASSES[letter.lower()]}]"
    return f"\\{letter}"


def is_pattern(pattern: str) -> bool:
    """Whether the column engine can read ``pattern`` (it knows no look-around and no back-references)."""
    try:
        pl.Series([""]).str.contains(full_match(pattern))
    except pl.exceptions.PolarsError:
        return False
    return True


@lru_cache(maxsize=512)
def matcher(pattern: str, *, whole: bool = True) -> Callable[[str], bool]:
    """Whether one text matches, by Python's engine or, where that cannot read ``pattern`` (\\p{L}), by the columns'.

    ``whole``: the whole text must match, as in Java; otherwise a part of it. Raises `re.error`: neither can read it.
    """
    try:
        compiled = re.compile(pattern, re.ASCII)
    except re.error:
        if not is_pattern(pattern):
            raise
        anchored = full_match(pattern) if whole else full_match(pattern)[1:-1]
        return lambda text: bool(pl.Series([text]).str.contains(anchored)[0])
    return lambda text: bool(compiled.fullmatch(text) if whole else compiled.search(text))


def matches_slowly(values: pl.Series, pattern: str) -> pl.Series:
    """Full match by Python's engine, once per distinct value, for patterns the column engine cannot read."""
    compiled = re.compile(pattern, re.ASCII)
    distinct = values.unique().drop_nulls()
    found = [bool(compiled.fullmatch(value)) for value in distinct.to_list()]
    return values.replace_strict(distinct, pl.Series(found, dtype=pl.Boolean), default=None, return_dtype=pl.Boolean)
