"""Gives every text the same letters: bytes of any usual encoding become UTF-8, letters of old fonts become Unicode.

What was done is said (FIL-06 to FIL-09); what could be read two ways is asked (IN-41).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from collect.problems import ExportError
from collect.receive.lettering import ENCODINGS, FONTS, MOST_WORDS, TWICE, best_reading, from_twice_utf8, plausibility
from collect.receive.manner import USUAL, Manner

UTF8_MARK = codecs.BOM_UTF8
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
UTF32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
UTF16_SNIFF = 4_096  # bytes; an even number
ODD_BYTES = re.compile(rb'[^\s,;"|]*[\x80-\xff][^\s,;"|]*')
SHOWN_OF, SHOWN_OF_A_WORD = 1 << 16, 40  # bytes looked through for words to show; of one word
FEW = 20  # good letters of more than one byte for each bad byte, at least, in UTF-8 that was damaged
# But in that of old fonts, and in UTF-8 written twice.
NOT_IN_UNICODE_TEXT = "[\u0080-\u009f\u00a1-\u00bf\u00adÄÅÆÇËÎÏÐÑÖ×ØÛÜÞßäåæçëîïðñö÷øûüþÿ]|Ã[\u00a0 \u0152-\u2122]"
TWICE_AND_DAMAGED = "[ÃÄÆ][\u0080-\u00bf\u0152-\u2122\ufffd]|á[º»][\u0080-\u00bf\u0152-\u2122\ufffd]"
MARKS = "[\u0300-\u036f]"

Note = tuple[str, dict[str, Any]]  # a code and what its words need


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes in UTF-8 without mark, and what was done to have them."""

    data: bytes
    notes: tuple[Note, ...] = ()


def utf8_of(data: bytes, place: str, manner: Manner = USUAL) -> Text:
    """Text bytes as UTF-8.

    Raises
    ------
    ExportError
        IN-06 when the encoding is none we know, IN-41 when it could be several that read differently.
    """
    if manner.encoding:
        return _insisted(data, place, manner.encoding)
    if data.startswith(UTF8_MARK):
        data = data[len(UTF8_MARK) :]
    elif (wide := wide_of(data)) is not None:
        try:
            return Text(data.decode(wide).removeprefix("\ufeff").encode())
        except UnicodeDecodeError as error:
            raise ExportError("IN-06", file=place, line=1) from error
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return _damaged(data, place) or _by_evidence(data, place, manner, error.start)
    return Text(data)


def _insisted(data: bytes, place: str, encoding: str) -> Text:
    bare = data.removeprefix(UTF8_MARK)
    try:
        text = ENCODINGS[encoding](bare) if encoding in ENCODINGS else bare.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ExportError("IN-06", file=place, line=data.count(b"\n", 0, error.start) + 1) from error
    return Text(text.encode(), (("FIL-06", {"file": place, "encoding": encoding, "insisted": True}),))


def wide_of(data: bytes) -> str | None:
    """Which UTF-16 this is, by its mark or by the zeros that ASCII letters leave in every second byte; or UTF-32."""
    if data.startswith(UTF32_MARKS):  # the first begins like UTF-16's
        return "utf-32"
    if data.startswith(UTF16_MARKS):
        return "utf-16"
    start = data[:UTF16_SNIFF]
    zeros = [start[odd::2].count(0) for odd in (0, 1)]
    half = len(start) // 4
    names = ("utf-16-be", "utf-16-le")
    return next(
        (name for name, odd in zip(names, (0, 1), strict=True) if zeros[odd] > half > 0 == zeros[1 - odd]), None
    )


def _damaged(data: bytes, place: str) -> Text | None:
    """UTF-8 in which a few bytes were lost: they become U+FFFD, and are counted."""
    text = data.decode(errors="replace")
    bad = text.count("\ufffd")
    good = sum(1 for letter in text if letter > "\x7f") - bad
    if good < FEW * bad:
        return None
    return Text(text.encode(), (("FIL-07", {"file": place, "letters": bad}),))


def _by_evidence(data: bytes, place: str, manner: Manner, begin: int) -> Text:
    found = list(dict.fromkeys(ODD_BYTES.findall(data)))[:MOST_WORDS]
    readings = {name: [read(chunk) for chunk in found] for name, read in ENCODINGS.items()}
    encoding, doubtful = best_reading(readings, manner.words())
    if encoding is None:
        code = "IN-41" if doubtful else "IN-06"
        line = data.count(b"\n", 0, begin) + 1
        raise ExportError(code, file=place, line=line, encodings=", ".join(doubtful))
    return Text(ENCODINGS[encoding](data).encode(), (("FIL-06", {"file": place, "encoding": encoding}),))


def as_it_would_read(data: bytes, most: int = 3) -> dict[str, str]:
    """A text's first words with letters beyond ASCII as each 8-bit encoding and UTF-8 would have them, to choose by.

    Nothing where the bytes are no text of 8 bits (a zip, UTF-16), or are ASCII alone.
    """
    start = data[:SHOWN_OF]
    if b"\x00" in start:
        return {}
    words = ODD_BYTES.findall(start.removeprefix(UTF8_MARK))
    found = [word[:SHOWN_OF_A_WORD] for word in dict.fromkeys(words)][:most]
    readers = {"utf-8": lambda word: word.decode(errors="replace"), **ENCODINGS}
    return {name: " · ".join(map(read, found)) for name, read in readers.items()} if found else {}


def in_unicode(
    frame: pl.DataFrame, headings: tuple[str, ...], place: str, manner: Manner = USUAL
) -> tuple[pl.DataFrame, tuple[str, ...], list[Note]]:
    """Columns and headings with letters of old fonts, and UTF-8 written twice, as Unicode; composed letters throughout.

    Each column is judged by itself: people paste from many sources. Of UTF-8 written twice each cell shows it alone.
    """
    notes: list[Note] = []
    odd = frame.select(pl.all().str.contains(NOT_IN_UNICODE_TEXT).any()).row(0) if frame.width else ()
    apart = frame.select(pl.all().str.contains(MARKS).any()).row(0) if frame.width else ()
    changed = []
    for name, strange, loose in zip(frame.columns, odd, apart, strict=True):
        column = frame[name].str.normalize("NFC") if loose else frame[name]
        if strange:
            column, said = _mended(column, headings[int(name)] if int(name) < len(headings) else name, place, manner)
            notes += said
        if strange or loose:
            changed.append(column)
    top, said = _mended(pl.Series(headings, dtype=pl.String), "", place, manner) if _any_odd(headings) else (None, [])
    return frame.with_columns(changed), headings if top is None else tuple(top), notes + said


def _any_odd(texts: tuple[str, ...]) -> bool:
    return re.search(NOT_IN_UNICODE_TEXT, "\n".join(texts)) is not None


def _mended(column: pl.Series, heading: str, place: str, manner: Manner) -> tuple[pl.Series, list[Note]]:
    column, twice = _twice_mended(column, heading, place)
    column, fonts = _fonts_mended(column, heading, place, manner)
    return column, twice + fonts


def _twice_mended(column: pl.Series, heading: str, place: str) -> tuple[pl.Series, list[Note]]:
    """Cells of UTF-8 written twice as they were; one that has lost letters since stays, and its letters are counted."""
    values = [value for value in column.unique().drop_nulls().to_list() if not value.isascii()]
    mended = {value: read for value in values if (read := from_twice_utf8(value)) != value}
    notes: list[Note] = []
    if mended:
        cells = int(column.is_in(list(mended)).sum())
        notes.append(("FIL-08", {"file": place, "column": heading, "encoding": TWICE, "cells": cells}))
        column = column.replace(mended)
    damaged = column.filter(column.str.contains("\ufffd") & column.str.contains(TWICE_AND_DAMAGED))
    if len(damaged):
        letters = int(damaged.str.count_matches("\ufffd").sum())
        notes.append(("FIL-07", {"file": place, "letters": letters}))
    return column, notes


def _fonts_mended(column: pl.Series, heading: str, place: str, manner: Manner) -> tuple[pl.Series, list[Note]]:
    values = [value for value in column.unique().drop_nulls().to_list() if not value.isascii()]
    sample = values[:MOST_WORDS]
    known = manner.words()
    as_it_is = plausibility(sample, known)
    readings = {name: [read(text) for text in sample] for name, read in FONTS.items()}
    font, _doubtful = best_reading(readings, known)
    if font is None or plausibility(readings[font], known) <= as_it_is:
        return column, []
    mended: Mapping[str, str] = {value: FONTS[font](value) for value in values}
    mended = {value: text for value, text in mended.items() if value != text}
    cells = int(column.is_in(list(mended)).sum())
    return column.replace(mended), [("FIL-08", {"file": place, "column": heading, "encoding": font, "cells": cells})]
