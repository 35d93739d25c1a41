"""Text from outside as a cell that no spreadsheet program runs: what begins like a formula gets an apostrophe.

Numbers stay numbers: "-5" and "+84 912 345 678" are what they were. Halves of letters, which no UTF-8 can hold, are
made visible. And a CSV that leaves says whether it is made up.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl  # loaded where tables are: every command shows text, and few have a table

BEGINS = r"^[\s\x00]*[=+\-@\t\r＝＋－＠]"
NUMBER = r"^[+\-]?\d[\d\s.,]*(?:[eE][+\-]?\d+)?%?$"
ALONE = r"^[=+\-@<>]{1,2}$"  # one sign, as the operator column holds it, is harmless
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
HALF = re.compile("[\ud800-\udfff]")  # surrogates alone
FIRST_OF_A_BYTE = 0xDC00  # os.fsdecode adds it to a byte that is no UTF-8
_BEGINS, _FINE = re.compile(BEGINS), re.compile(f"{NUMBER}|{ALONE}")


def harmless(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet program would take it for a formula."""
    return f"'{text}" if _BEGINS.match(text) and not _FINE.match(text) else text


def plain(text: str) -> str:
    """The text as it was before `harmless`."""
    return text[1:] if text.startswith("'") and harmless(text[1:]) == text else text


def harmless_cells(rows: pl.DataFrame) -> pl.DataFrame:
    """The same for every cell of text in a table, and for its headings."""
    import polars as pl

    text = pl.col(pl.String)
    runs = text.str.contains(BEGINS) & ~text.str.contains(f"{NUMBER}|{ALONE}")
    return rows.with_columns(pl.when(runs).then("'" + text).otherwise(text).name.keep()).rename(harmless)


def as_csv(rows: pl.DataFrame, *, made_up: bool | None = None) -> bytes:
    """A table as the CSV that people take with them: UTF-8 with a byte order mark, for Excel, and no cell that runs.

    ``made_up``: whether what the rows tell is a demonstration's. It stands in each of them, last, under this very name
    in every language: a CSV has no other place to say so (decision 0105). None: they tell nothing of a survey.
    """
    import polars as pl

    whole = rows if made_up is None else rows.with_columns(made_up=pl.lit(made_up))
    return harmless_cells(whole).write_csv(include_bom=True, line_terminator="\r\n").encode()


def spelt(name: str) -> str:
    """A file's name as letters: bytes that are no UTF-8 (old disks, old zips) as "%E4", so that no two become one."""
    return HALF.sub(lambda half: f"%{ord(half[0]) - FIRST_OF_A_BYTE:02X}", name)


def shown(text: str) -> str:
    """The text with U+FFFD for every character that would steer a terminal: bells, escapes, turns of direction.

    Line ends and tabs stay, and so do the marks inside Khmer words.
    """
    return STEERS.sub("\ufffd", text)


def storable(text: str) -> str:
    """The text with U+FFFD for the one character that no text of PostgreSQL may hold (NUL)."""
    return text.replace("\x00", "\ufffd")


def whole(text: str) -> str:
    """The text with U+FFFD for each half of a letter, as of an emoji that a phone cut in two."""
    return HALF.sub("\ufffd", text)
