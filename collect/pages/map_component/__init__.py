"""The map component: communes on a canvas, by colour, hatch and mark; a click comes back as a commune code.

Outlines travel only when the browser says that it lacks them, once per page load; otherwise codes and classes do.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages import served
from collect.pages.data import Shapes
from collect.pages.words import percent
from collect.publish import LOOKS

KEY = "verdict-map"


def picked() -> str | None:
    """The commune clicked since the last run of the page, if any."""
    return (st.session_state.get(KEY) or {}).get("picked")


def draw(shapes: Shapes, rows: pl.DataFrame, chosen: str | None, alt: str, lang: str) -> None:
    """Mount the map. ``rows``: place, name, verdict, value; ``alt``: the whole map in one sentence."""
    asked = (st.session_state.get(KEY) or {}).get("missing")
    data = message(shapes, rows, chosen, alt, lang, with_shapes=asked == shapes.key)
    served.map_component()(key=KEY, data=data, on_picked_change=lambda: None, on_missing_change=lambda: None)


def message(
    shapes: Shapes, rows: pl.DataFrame, chosen: str | None, alt: str, lang: str, *, with_shapes: bool
) -> dict[str, Any]:
    """What travels to the browser."""
    values = rows.select("place", "value").drop_nulls().iter_rows()
    said: dict[str, Any] = {
        "shapes": shapes.key,
        "classes": dict(rows.select("place", "verdict").iter_rows()),
        "values": {code: percent(value, lang) for code, value in values},
        "names": dict(rows.select("place", "name").iter_rows()),
        "kinds": {verdict: _kind(verdict, lang) for verdict in LOOKS},
        "selected": chosen,
        "leaflet": served.folder_url("leaflet"),
        "words": {
            "alt": alt,
            "notice": t("banner.schematic", lang) if shapes.schematic else "",
            "zoom_in": t("map.zoom_in", lang),
            "zoom_out": t("map.zoom_out", lang),
        },
    }
    return said | {"geometry": shapes.geometry, "centres": shapes.centres} if with_shapes else said


def _kind(verdict: str, lang: str) -> dict[str, Any]:
    look = LOOKS[verdict]
    return {
        "label": t(f"verdict.{verdict}", lang),
        "colour": look.colour,
        "hatch": look.hatch,
        "ink": look.ink,
        "mark": look.mark,
        "dark": look.dark_mark,
    }
