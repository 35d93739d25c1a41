"""What the writer of a cell certainly meant: blanks and zero-width marks off, Khmer digits as 0-9."""

from __future__ import annotations

import polars as pl

KHMER_DIGITS = {chr(0x17E0 + digit): str(digit) for digit in range(10)}
BLANKS = " \t\r\n\u00a0\u200b\u200c\u200d\u2009\u202f\ufeff"  # the invisible ones too: Khmer keyboards type U+200B


def bare(text: pl.Expr) -> pl.Expr:
    """Text without blanks around it and with the digits 0-9; null where nothing is left."""
    plain = text.str.strip_chars(BLANKS).str.replace_many(KHMER_DIGITS)
    return pl.when(plain != "").then(plain)


def bared(text: pl.Series) -> pl.Series:
    """A column of text as `bare` leaves it."""
    return text.to_frame("text").select(bare(pl.col("text")))["text"]
