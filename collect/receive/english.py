"""Turns dates in Java's English medium style ("Feb 1, 2018 11:35:19 AM") into ISO 8601; they have no time zone."""

from __future__ import annotations

import polars as pl

LOOKS = r"^([A-Z][a-z]{2} \d{1,2}, \d{4}|\d{1,2}:\d{2}:\d{2}[ \x{202F}][AP]M$)"
STYLES = (
    ("%b %d, %Y %I:%M:%S %p", pl.Datetime(), "%Y-%m-%dT%H:%M:%S"),
    ("%b %d, %Y", pl.Date(), "%Y-%m-%d"),
    ("%I:%M:%S %p", pl.Time(), "%H:%M:%S"),
)


def iso(frame: pl.DataFrame, value: pl.Expr) -> pl.Expr:
    """``value`` with such dates rewritten and everything else as it is; costs one look where there are none."""
    if not frame.select(value.str.contains(LOOKS).any()).item():
        return value
    plain = value.str.replace_all("\u202f", " ").str.replace(r"(\d{4}), ", "$1 ")  # newer Java: a comma, a narrow blank
    read = [plain.str.strptime(kind, style, strict=False).dt.to_string(written) for style, kind, written in STYLES]
    return pl.coalesce(*read, value)
