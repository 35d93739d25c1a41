"""Places found by typing: a commune by its name, without diacritics, and by the names of those it was made of."""

from __future__ import annotations

import polars as pl

import geo
from collect.pages.data import name_in
from collect.pages.map_page import findable


def communes(units: pl.DataFrame, lang: str) -> dict[str, str]:
    """Communes by code, each found by its own name, without diacritics, and by the names of those it was made of."""
    vintage, first = units["vintage"][0], next(iter(geo.VINTAGES))
    former = dict(geo.units(first).select("code", "name_vi").iter_rows()) if vintage != first else {}
    named = {}
    for code, name in units.select("code", name_in(lang).alias("name")).sort("name").iter_rows():
        came = geo.former_units(code, vintage, first) if former else ()
        made_of = ", ".join(former[one] for one in came if former.get(one) not in (None, name))
        named[code] = findable(name) + (f" ← {made_of}" if made_of else "")
    return named
