"""Java's patterns in the two engines at hand: the columns' (no look-around, no back-references) and Python's regex."""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import polars as pl
import regex

LAST = 0x10FFFF
_SPACE = " \t\n\x0b\f\r"
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
# Java knows ASCII only behind these; Khmer digits are no \d, and no \p{Digit} either.
_LETTERS = {"d": string.digits, "w": string.ascii_letters + string.digits + "_", "s": _SPACE, "h": " \t\xa0"}
_POSIX = {
    "Lower": string.ascii_lowercase,
    "Upper": string.ascii_uppercase,
    "ASCII": "".join(map(chr, range(0x80))),
    "Alpha": string.ascii_letters,
    "Digit": string.digits,
    "Alnum": string.ascii_letters + string.digits,
    "Punct": string.punctuation,
    "Graph": _PRINTABLE[1:],
    "Print": _PRINTABLE,
    "Blank": " \t",
    "Cntrl": "".join(map(chr, [*range(0x20), 0x7F])),
    "XDigit": string.hexdigits,
    "Space": _SPACE,
}
_TOKEN = regex.compile(r"\\Q(?<quoted>.*?)(?:\\E|$)|\\(?<sense>[pP])\{(?<posix>\w+)\}|\\(?<letter>.)", regex.DOTALL)


def full_match(pattern: str) -> str:
    """``pattern`` as Java reads it, for both engines: the whole text, ASCII classes written out."""
    return f"^(?:{_translated(pattern)})$"


def _translated(pattern: str) -> str:
    out, inside, at = [], False, 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token:
            out.append(_token(token, inside))
            at = token.end()
            continue
        character = pattern[at]
        if character in "[]":
            inside = character == "["
        out.append(character)
        at += 1
    return "".join(out)


def _token(token: regex.Match[str], inside: bool) -> str:
    if token["quoted"] is not None:
        return str(regex.escape(token["quoted"], special_only=True))
    if token["posix"] in _POSIX:
        ranges = _ranges(_POSIX[token["posix"]], token["sense"] == "P")
    elif token["letter"] and token["letter"].lower() in _LETTERS:
        ranges = _ranges(_LETTERS[token["letter"].lower()], token["letter"].isupper())
    else:
        return token[0]
    return ranges if inside else f"[{ranges}]"


@lru_cache(maxsize=64)
def _ranges(members: str, outside: bool) -> str:
    """What stands between the brackets for the characters of ``members``, or for all others."""
    codes = sorted(map(ord, members))
    starts = [code for before, code in pairwise([-2, *codes]) if code != before + 1]
    ends = [code for code, after in pairwise([*codes, LAST + 2]) if after != code + 1]
    if outside:
        starts, ends = [0, *(end + 1 for end in ends)], [*(start - 1 for start in starts), LAST]
    return "".join(f"{_code(one)}-{_code(other)}" for one, other in zip(starts, ends, strict=True) if one <= other)


def _code(code: int) -> str:
    return f"\\x{code:02X}" if code < 0x100 else f"\\U{code:08X}"


def is_pattern(pattern: str) -> bool:
    """Whether the column engine can read ``pattern``."""
    try:
        pl.Series([""]).str.contains(full_match(pattern))
    except pl.exceptions.PolarsError:
        return False
    return True


@lru_cache(maxsize=512)
def matcher(pattern: str, *, whole: bool = True) -> Callable[[str], bool]:
    """Whether one text matches. ``whole``: all of it, as in Java; otherwise a part of it.

    Raises `regex.error` where the pattern cannot be read.
    """
    compiled = regex.compile(_translated(pattern))
    return lambda text: bool(compiled.fullmatch(text) if whole else compiled.search(text))


def matches_slowly(values: pl.Series, pattern: str) -> pl.Series:
    """Full match of each distinct value, for patterns the column engine cannot read."""
    matches = matcher(pattern)
    distinct = values.unique().drop_nulls()
    found = [matches(value) for value in distinct.to_list()]
    return values.replace_strict(distinct, pl.Series(found, dtype=pl.Boolean), default=None, return_dtype=pl.Boolean)
