"""Which commune an answer means: codes a spreadsheet spoiled, names typed instead of codes, codes of an older list.

An answer is read in the vintage that the form declares. It is taken for an older commune only when it means nothing in
that vintage, because codes were reused: 29242 was ward 3 of Trà Vinh city and is now phường Trà Vinh. Every commune
whose code lives on also has its ground inside the commune that now bears it (a test says so), so such an answer lands
right whichever list its author had in mind; only going back from a new code to an old commune needs the household's
point. Names that fit several communes are never guessed: the candidates are given.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import polars as pl

from geo.places import VINTAGES, districts, former_units, known, recode, units

How = Literal[
    "exact", "padded", "spacing", "name", "name_without_diacritics", "older_vintage", "ambiguous", "unknown"
]  # fmt: skip
HOWS: tuple[How, ...] = (
    "exact", "padded", "spacing", "name", "name_without_diacritics", "older_vintage", "ambiguous", "unknown",
)  # fmt: skip
SCHEMA = {"code": pl.String(), "how": pl.String(), "candidates": pl.List(pl.String())}
LONGEST = 200  # characters; anything longer is not the name of a commune
TONES = dict.fromkeys("\u0300\u0301\u0303\u0309\u0323")
KINDS: Mapping[str, str] = {  # type words without diacritics, as people shorten them
    "xa": "xã", "x": "xã", "commune": "xã",
    "phuong": "phường", "p": "phường", "f": "phường", "ward": "phường",
    "thi tran": "thị trấn", "tt": "thị trấn", "township": "thị trấn",
    "town": "thị trấn",
}  # fmt: skip
DISTRICT_WORDS = ("thanh pho", "thi xa", "huyen", "quan", "tp", "tx", "h", "q", "city", "town", "district")
DIGITS = {
    ord(digit): str(value)
    for start in (0x17E0, 0xFF10)
    for value, digit in enumerate(map(chr, range(start, start + 10)))
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one text means."""

    code: str | None
    how: How
    candidates: tuple[str, ...] = ()


UNKNOWN = Answer(None, "unknown")


def recognise(texts: pl.Series, vintage: str) -> pl.DataFrame:
    """What each text means as a commune of ``vintage``.

    Returns
    -------
    pl.DataFrame
        Aligned with ``texts``. ``code`` is a code of ``vintage`` or null. ``how``: "exact"; "padded" (a lost leading
        zero, or a number's ".0" or exponent, put right); "spacing" (blanks, quotes, separators, Khmer digits, or the
        name written beside the code); "name"; "name_without_diacritics"; "older_vintage" (a code or name of an older
        list, moved along the lineage); "ambiguous" (``candidates`` holds the codes that fit); "unknown" (``candidates``
        holds the code of a real commune off the survey's ground, if it is one). A blank is null in both.
    """
    known(vintage)
    different = texts.unique().drop_nulls()
    answers = [(text, _mean(text, vintage)) for text in different]
    meanings = pl.DataFrame(
        {
            "text": [text for text, _ in answers],
            "code": [answer.code if answer else None for _, answer in answers],
            "how": [answer.how if answer else None for _, answer in answers],
            "candidates": [list(answer.candidates) if answer else [] for _, answer in answers],
        },
        schema={"text": pl.String(), **SCHEMA},
    )
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String()})
    return frame.join(meanings, on="text", how="left", maintain_order="left").select(
        "code", "how", pl.col("candidates").fill_null([])
    )


def _mean(text: str, vintage: str) -> Answer | None:
    if text in _codes(vintage):
        return Answer(text, "exact")
    tidy = _tidy(text)
    if not tidy or len(tidy) > LONGEST:
        return UNKNOWN if tidy else None
    return _as_number(tidy, vintage) or _as_code_and_name(tidy, vintage) or _as_name(tidy, vintage) or UNKNOWN


def _tidy(text: str) -> str:
    """Composed, Western digits, no invisible marks, single blanks, no quotes around."""
    composed = unicodedata.normalize("NFKC", text).translate(DIGITS)
    visible = "".join(mark for mark in composed if unicodedata.category(mark) != "Cf")
    return " ".join(visible.replace("_", " ").split()).strip("'\"`‘’“” ")


# --- codes ---


@cache
def _codes(vintage: str) -> frozenset[str]:
    return frozenset(units(vintage)["code"])


@cache
def _nearby(vintage: str) -> frozenset[str]:
    """Every code known of the same provinces, off the survey's ground."""
    provinces = units(vintage)["province_code"].unique()
    return frozenset(code for province in provinces for code in units(vintage, province)["code"]) - _codes(vintage)


def _older(vintage: str) -> list[str]:
    """Older vintages, the newest first."""
    names = list(VINTAGES)
    return names[: names.index(vintage)][::-1]


def _newer(vintage: str) -> list[str]:
    names = list(VINTAGES)
    return names[names.index(vintage) + 1 :]


def _move(code: str, old: str, vintage: str) -> str | None:
    moved: str | None = recode(pl.Series([code]), old, vintage)[0]
    return moved


def _as_number(text: str, vintage: str) -> Answer | None:
    """A text of digits, blanks and separators, or a number as a spreadsheet prints it."""
    if re.fullmatch(r"\d+[.,]0*|\d(?:[.,]\d+)?[eE]\+?0?\d", text):
        return _as_code(str(round(float(text.replace(",", ".")))).zfill(5), vintage, "padded")
    if not re.fullmatch(r"[\d\s.,]+", text):
        return None
    digits = re.sub(r"\D", "", text)
    if len(digits) > 5 or not digits:
        return UNKNOWN
    if len(digits) < 3:
        return None  # "3" may be a ward's name
    how: How = "padded" if len(digits) < 5 else "spacing"
    return _as_code(digits.zfill(5), vintage, how)


def _as_code(code: str, vintage: str, how: How) -> Answer:
    if code in _codes(vintage):
        return Answer(code, how)
    for old in _older(vintage):
        if code in _codes(old):
            return Answer(_move(code, old, vintage), "older_vintage", (code,))
    for new in _newer(vintage):
        if code in _codes(new):
            return _several(former_units(code, new, vintage))
    return Answer(None, "unknown", (code,) if code in _nearby(vintage) else ())


def _as_code_and_name(text: str, vintage: str) -> Answer | None:
    """Code and name side by side: the name says which list the code is from."""
    found = re.fullmatch(r"(\d{5})\s*[-–:.,()|]*\s*(\D.*?)\)?|(\D.*?)\s*[-–:.,()|]*\s*(\d{5})\)?", text)
    if found is None:
        return None
    code, words = (found[1], found[2]) if found[1] else (found[4], found[3])
    named = _as_name(words, vintage)
    if named is None:
        return _as_code(code, vintage, "spacing")
    means = _as_code(code, vintage, "spacing")
    if named.code == means.code:
        return means if named.how != "older_vintage" else named
    if means.code is not None and means.code in named.candidates:
        return means
    return _several([each for each in (means.code, named.code, *named.candidates) if each])


# --- names ---


def _plain(name: str) -> str:
    """Lower case, no diacritics, only letters, digits and single blanks."""
    bare = "".join(mark for mark in unicodedata.normalize("NFD", name.casefold()) if not unicodedata.combining(mark))
    return " ".join(re.sub(r"[^\w]+|_", " ", bare.replace("đ", "d")).split())


def _marked(name: str) -> str:
    """Lower case with diacritics, each word's tone put last, so that Hòa and Hoà are one."""
    words = re.sub(r"[^\w]+|_", " ", unicodedata.normalize("NFC", name.casefold())).split()
    moved = []
    for word in words:
        marks = unicodedata.normalize("NFD", word)
        tones = "".join(mark for mark in marks if mark in TONES)
        moved.append("".join(mark for mark in marks if mark not in TONES) + tones)
    return " ".join(moved)


def _split_kind(name: str) -> tuple[str, str]:
    """Type ("" where none is written) and the rest, as `_plain` writes them; "Ward 6", "Long Duc Commune" too."""
    plain = re.sub(r"^(p|f|x|tt)(\d)", r"\1 \2", _plain(name))
    for word, kind in KINDS.items():
        if plain.startswith(f"{word} "):
            return kind, _number(plain[len(word) + 1 :])
        if plain.endswith(f" {word}") and word in ("commune", "ward", "township", "town"):
            return kind, _number(plain[: -len(word) - 1])
    return "", _number(plain)


def _number(rest: str) -> str:
    return rest.lstrip("0") if rest.isdigit() and rest.strip("0") else rest


@dataclass(frozen=True, slots=True)
class Names:
    """Codes of one vintage by bare name, and what settles which of several is meant."""

    by_bare: Mapping[str, tuple[str, ...]]
    kind: Mapping[str, str]
    marked: Mapping[str, str]
    districts: Mapping[str, frozenset[str]]


def _bare_marked(name: str) -> str:
    """With diacritics, without the type word."""
    text = unicodedata.normalize("NFC", name)
    return _marked(re.sub(r"^(xã|phường|thị trấn|p|f|x|tt)\b[.\s]*", "", text.casefold().strip()))


@cache
def _names(vintage: str) -> Names:
    by_bare: dict[str, list[str]] = {}
    kind, marked, where = {}, {}, {}
    for row in units(vintage).iter_rows(named=True):
        by_bare.setdefault(_split_kind(row["name_vi"])[1], []).append(row["code"])
        kind[row["code"]] = row["type"]
        marked[row["code"]] = _bare_marked(row["name_vi"])
        where[row["code"]] = frozenset(_district(each) for each in (row["district"] or "").split(";"))
    return Names({name: tuple(codes) for name, codes in by_bare.items()}, kind, marked, where)


def _district(name: str) -> str:
    plain = _plain(name)
    for word in DISTRICT_WORDS:
        plain = plain.removeprefix(f"{word} ").removesuffix(f" {word}")
    return plain


@cache
def _district_names() -> frozenset[str]:
    return frozenset(_district(name) for name in districts()["name_vi"])


@dataclass(frozen=True, slots=True)
class Written:
    """A name as someone wrote it, taken apart; "" for what is not there."""

    kind: str
    bare: str
    marked: str
    district: str


def _take_apart(text: str) -> Written:
    """ "Phường 1, TX Duyên Hải": the commune's part, and the district's."""
    parts = [part for part in re.split(r"\s*[,;/()]\s*|\s+[-–]\s+", text) if part] or [""]
    district = next((name for part in parts[1:] if (name := _district(part)) in _district_names()), "")
    kind, bare = _split_kind(parts[0])
    return Written(kind, bare, _bare_marked(parts[0]), district)


def _as_name(text: str, vintage: str) -> Answer | None:
    """The commune named: the declared vintage first, then older ones, then newer ones."""
    written = _take_apart(text)
    if not written.bare or (written.bare.isdigit() and not written.kind):
        return None  # a bare number is no ward's name: it may be anything
    fits = _named(written, vintage)
    if fits:
        return _one_of(fits, written, vintage)
    for old in _older(vintage):
        fits = _named(written, old)
        if fits:
            moved = sorted({code for code in (_move(each, old, vintage) for each in fits) if code})
            return Answer(moved[0], "older_vintage", tuple(fits)) if len(moved) == 1 else _several(moved)
    for new in _newer(vintage):
        fits = _named(written, new)
        if fits:
            return _several(code for each in fits for code in former_units(each, new, vintage))
    near = _neighbour_names(vintage).get(written.bare)
    return Answer(None, "unknown", near) if near else None


def _several(codes: Iterable[str]) -> Answer:
    return Answer(None, "ambiguous", tuple(sorted(set(codes))))


def _one_of(fits: list[str], written: Written, vintage: str) -> Answer:
    if len(fits) > 1:
        return _several(fits)
    has_marks = written.marked == _names(vintage).marked[fits[0]]
    return Answer(fits[0], "name" if has_marks else "name_without_diacritics")


def _named(written: Written, vintage: str) -> list[str]:
    """Codes the name fits; the type word, the diacritics and the district narrow it where they are written."""
    names = _names(vintage)
    fits = list(names.by_bare.get(written.bare, ()))
    if written.kind and fits:
        fits = [code for code in fits if names.kind[code] == written.kind] or _only_bare(fits, written, vintage)
    if written.district:
        fits = [code for code in fits if written.district in names.districts[code]] or fits
    if len(fits) > 1:
        fits = [code for code in fits if names.marked[code] == written.marked] or fits
    return fits


def _only_bare(fits: list[str], written: Written, vintage: str) -> list[str]:
    """A wrong type word is forgiven unless an older list has that very name with that type."""
    for old in _older(vintage):
        names = _names(old)
        if any(names.kind[code] == written.kind for code in names.by_bare.get(written.bare, ())):
            return []
    return fits


@cache
def _neighbour_names(vintage: str) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for province in units(vintage)["province_code"].unique():
        for row in units(vintage, province).iter_rows(named=True):
            if row["code"] in _nearby(vintage):
                found.setdefault(_split_kind(row["name_vi"])[1], []).append(row["code"])
    return {name: tuple(codes) for name, codes in found.items()}
