"""How Java writes numbers and rounds them, because JavaRosa's answers carry Java's habits."""

from __future__ import annotations

import base64
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation

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
