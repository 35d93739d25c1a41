"""The map as one picture for a report: title, legend with counts, day, source and warnings inside it."""

from __future__ import annotations

from datetime import date
from typing import Any

from collect.i18n import t
from collect.i18n.figures import day, number
from collect.publish.maps import MapLayer
from collect.publish.release import source_words
from collect.publish.svg_map import Painted, svg_of, swatch
from collect.publish.typeset import typeset


def picture_of(layer: MapLayer, lang: str) -> bytes:
    """The layer as PNG, 1,800 pixels wide; the same layer gives the same bytes."""
    return typeset("map_picture", content(layer, lang), "png")


def content(layer: MapLayer, lang: str) -> dict[str, Any]:
    """What stands in the picture."""
    marks = {place.code: layer.scale.mark(place, lang) for place in layer.places}
    painted = Painted(layer.classes, layer.looks, marks, ground=layer.ground)
    legend = [
        {"swatch": swatch(layer.looks[code]), "label": layer.scale.label(code, lang), "count": number(count, lang)}
        for code, count in layer.legend.items()
    ]
    label = layer.indicator.labels[lang] if layer.indicator else ""
    facts = [t(f"map.show.{layer.show}", lang), label, layer.target.decision]
    counted = t("publish.map.counted", lang, day=_day(layer.as_of, lang)) if layer.as_of else ""
    return {
        "lang": lang,
        "title": f"{layer.title(lang)} ({layer.target.year})",
        "facts": " · ".join(part for part in facts if part),
        "notices": [t("publish.made_up", lang)] * layer.made_up + [t("publish.schematic", lang)] * layer.schematic,
        "legend_title": t("map.legend", lang),
        "legend": legend,
        "map": svg_of(layer.shapes, painted),
        "source": " · ".join(
            part
            for part in (
                counted,
                layer.release.release,
                t("publish.map.source", lang, source=source_words(layer.source, lang)),
            )
            if part
        ),
    }


def _day(text: str, lang: str) -> str:
    try:
        return day(date.fromisoformat(text), lang)
    except ValueError:
        return text
