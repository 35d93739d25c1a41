"""Places and targets found by typing: with and without diacritics, a commune by its code and its former names, too."""

from __future__ import annotations

import unicodedata

import polars as pl

import geo
from collect.pages.data import name_in

KINDS = ("Xa ", "Phuong ", "Thi tran ", "Huyen ", "Thi xa ", "Thanh pho ")  # of places: what need not be repeated
MARKS = range(0x0300, 0x0370)  # the diacritics of Latin letters; the signs of Khmer are letters of their own


def findable(name: str) -> str:
    """A name that is found with and without its diacritics: 'Xã Cầu Kè (Cau Ke)'."""
    letters = unicodedata.normalize("NFD", name.translate({ord("đ"): "d", ord("Đ"): "D"}))
    plain = unicodedata.normalize("NFC", "".join(letter for letter in letters if ord(letter) not in MARKS))
    kind = next((word for word in KINDS if plain.startswith(word)), "")
    return name if plain == unicodedata.normalize("NFC", name) else f"{name} ({plain.removeprefix(kind)})"


def commune(name: str, code: str) -> str:
    """A commune found by its name, with and without diacritics, and by its code: 'Xã Cầu Kè (Cau Ke) · 29308'."""
    return f"{findable(name)} · {code}"


def communes(units: pl.DataFrame, lang: str) -> dict[str, str]:
    """Communes by code, each found as `commune` says, and by the names of those it was made of."""
    vintage, first = units["vintage"][0], next(iter(geo.VINTAGES))
    former = dict(geo.units(first).select("code", "name_vi").iter_rows()) if vintage != first else {}
    named = {}
    for code, name in units.select("code", name_in(lang).alias("name")).sort("name").iter_rows():
        came = geo.former_units(code, vintage, first) if former else ()
        made_of = ", ".join(former[one] for one in came if former.get(one) not in (None, name))
        named[code] = commune(name, code) + (f" ← {made_of}" if made_of else "")
    return named
