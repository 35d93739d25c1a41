"""The map component: communes on a canvas, by colour, hatch and mark; a click comes back as a commune code.

Outlines are a file of their own, fetched once under a name made of their hash; a run of the page sends codes and
classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages import looks, served
from collect.pages.data import Shapes
from collect.pages.words import percent
from collect.publish import GROUND, Scale

KEY = "verdict-map"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a commune is coloured by."""

    verdict: str
    value: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True)
class View:
    """How the map stands: its colours, the chosen commune, roads and water, and the whole of it in one sentence."""

    scale: Scale
    chosen: str | None
    alt: str
    ground: bool = False


def picked() -> str | None:
    """The commune clicked since the last run of the page, if any."""
    return (st.session_state.get(KEY) or {}).get("picked")


def figures(rows: pl.DataFrame) -> dict[str, Figures]:
    """What each commune of ``rows`` (place, verdict, value, ci_low, ci_high) is coloured by."""
    told = rows.select("place", "verdict", "value", "ci_low", "ci_high").iter_rows()
    return {place: Figures(*rest) for place, *rest in told}


def draw(shapes: Shapes, rows: pl.DataFrame, view: View, lang: str) -> None:
    """Mount the map. ``rows``: of `collect.pages.data.communes`."""
    said = message(shapes, served.shapes_url(shapes), rows, view, lang)
    served.map_component()(key=KEY, data=said, on_picked_change=lambda: None)


def message(shapes: Shapes, url: str, rows: pl.DataFrame, view: View, lang: str) -> dict[str, Any]:
    """What travels to the browser: no outlines, no names."""
    scale, by_code = view.scale, figures(rows)
    values = rows.select("place", "value").drop_nulls().iter_rows()
    own_mark = scale.show != "verdict"
    return {
        "url": url,
        "lang": lang,
        "classes": {code: scale.of(found) for code, found in by_code.items()},
        "values": {code: percent(value, lang) for code, value in values},
        "marks": {code: scale.mark(found, lang) for code, found in by_code.items()} if own_mark else {},
        "why": {row["place"]: why for row in rows.iter_rows(named=True) if (why := looks.missing(row, lang))},
        "kinds": {code: _kind(scale, code, lang) for code in scale.looks},
        "without": "none" if own_mark else "no_data",
        "selected": view.chosen,
        "ground": {name: dict(style) for name, style in GROUND.items()} if view.ground else {},
        "leaflet": served.folder_url("leaflet"),
        "words": {
            "alt": view.alt,
            "keys": t("map.keyboard", lang),
            "notice": t("banner.schematic", lang) if shapes.schematic else "",
            "failed": t("map.failed", lang),
            "zoom_in": t("map.zoom_in", lang),
            "zoom_out": t("map.zoom_out", lang),
        },
    }


def _kind(scale: Scale, code: str, lang: str) -> dict[str, Any]:
    look = scale.looks[code]
    return {
        "label": scale.label(code, lang),
        "colour": look.colour,
        "hatch": look.hatch,
        "ink": look.ink,
        "mark": look.mark,
        "dark": look.dark_mark,
    }
