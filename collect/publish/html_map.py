"""The map people keep: one HTML file with everything inside, which opens from disk with no network.

folium makes the map; the page around it is ours, so that it has a language, a legend and a table for those who read
without a mouse or a picture. A content policy forbids the page to ask any host for anything.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

import folium

import geo
from collect.i18n import t
from collect.i18n.figures import NOTHING, day, interval, number, percent
from collect.problems import CollectError
from collect.publish.maps import MapLayer, Place
from collect.publish.release import source_words
from collect.publish.scales import GROUND, LOOKS, Look

LEAFLET = Path(__file__).parent / "assets" / "leaflet"
KHMER_FONT = Path(__file__).parents[1] / "pages" / "assets" / "fonts" / "noto-sans-khmer-khmer-wght-normal.woff2"
PAGE = Path(__file__).parent / "assets" / "map.html"
RANDOM_NAME = re.compile(r"_([0-9a-f]{32})(?![0-9a-f])")  # folium names its elements at random
IMAGE = re.compile(r"url\([^)]*\)")
HATCHES = {
    "": "",
    "/": '<path d="M-2,2 l4,-4 M0,8 l8,-8 M6,10 l4,-4" stroke="{ink}" stroke-width="1.6"/>',
    "\\": '<path d="M-2,6 l4,4 M0,0 l8,8 M6,-2 l4,4" stroke="{ink}" stroke-width="1.6"/>',
    "x": '<path d="M0,0 l8,8 M8,0 l-8,8" stroke="{ink}" stroke-width="1.4"/>',
    ".": '<circle cx="4" cy="4" r="1.1" fill="{ink}"/>',
}


def write_map(layer: MapLayer, path: Path, lang: str) -> Path:
    """Write one HTML file with the layer's map, legend and table; return ``path``. The same layer gives the same bytes.

    Raises CollectError PUB-03 when the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html_of(layer, lang), encoding="utf-8", newline="\n")
    except OSError as error:
        raise CollectError("PUB-03", file=path.name, reason=str(error.strerror or error)) from error
    return path


def html_of(layer: MapLayer, lang: str) -> str:
    """The whole page as text."""
    drawn, name = _drawn(layer, lang)
    style = IMAGE.sub("none", (LEAFLET / "leaflet.css").read_text(encoding="utf-8"))
    parts = {
        "lang": lang,
        "title": escape(layer.title(lang)),
        "leaflet_css": style,
        "leaflet_js": (LEAFLET / "leaflet.js").read_text(encoding="utf-8").replace("</script", "<\\/script"),
        "notices": "".join(f'<p class="notice">{escape(words)}</p>' for words in _notices(layer, lang)),
        "facts": escape(_facts(layer, lang)),
        "definition": escape(layer.indicator.definitions[lang]) if layer.indicator else "",
        "font": _khmer_font() if lang == "km" else "",
        "patterns": "".join(_pattern(code, look) for code, look in layer.looks.items()),
        "map": drawn["html"],
        "map_style": drawn["header"],
        "map_script": drawn["script"],
        "map_name": name,
        "marks": _marks(layer, lang),
        "alt": escape(t("publish.map.alt", lang, title=layer.title(lang)), quote=True),
        "zoom_in": escape(t("publish.map.zoom_in", lang), quote=True),
        "zoom_out": escape(t("publish.map.zoom_out", lang), quote=True),
        "legend_title": escape(t("publish.map.legend", lang)),
        "legend": _legend(layer, lang),
        "table_title": escape(t("publish.map.table", lang)),
        "table": _table(layer, lang),
        "source": escape(t("publish.map.source", lang, source=source_words(layer.source, lang))),
    }
    page = PAGE.read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match.group(1)], page)


def _khmer_font() -> str:
    """The Khmer letters as a style rule: offices outside Khmer schools often have no font for them."""
    letters = base64.b64encode(KHMER_FONT.read_bytes()).decode()
    source = f"url(data:font/woff2;base64,{letters}) format('woff2')"
    return f"@font-face {{ font-family: 'Noto Sans Khmer'; font-weight: 100 900; src: {source}; }}"


def _drawn(layer: MapLayer, lang: str) -> tuple[dict[str, str], str]:
    """folium's own parts, with its random names replaced by numbers in the order they appear."""
    sheet = folium.Map(tiles=None, zoom_control=False, zoom_snap=0.25, attributionControl=False)
    sheet.default_js, sheet.default_css = [], []
    _add_shapes(sheet, layer, lang)
    _add_ground(sheet, layer)
    west, south, east, north = (float(edge) for edge in layer.shapes.total_bounds)
    sheet.fit_bounds([[south, west], [north, east]])
    root: Any = sheet.get_root()
    root.render()
    parts = {name: getattr(root, name).render() for name in ("header", "html", "script")}
    numbers: dict[str, str] = {}
    for match in RANDOM_NAME.finditer("".join(parts.values())):
        numbers.setdefault(match.group(1), f"_{len(numbers)}")
    plain = {name: RANDOM_NAME.sub(lambda match: numbers[match.group(1)], text) for name, text in parts.items()}
    return plain, RANDOM_NAME.sub(lambda match: numbers[match.group(1)], sheet.get_name())


def _add_shapes(sheet: folium.Map, layer: MapLayer, lang: str) -> None:
    shown = layer.shapes[["code", "name", "geometry"]].copy()
    called = _names(layer, lang)
    words = [_words(place, called, lang) for place in layer.places]
    shown["kind"] = [layer.scale.of(place) for place in layer.places]
    for key in ("name", "answer", "share", "interval", "interviewed"):
        shown[key] = [escape(row[key]) for row in words]
    fields = ["name", "code", "answer", "share", "interval", "interviewed"]
    folium.GeoJson(
        shown.to_json(drop_id=True),
        style_function=_style,
        highlight_function=lambda _feature: {"weight": 3, "color": "#11202e"},
        smooth_factor=0.5,
        tooltip=folium.GeoJsonTooltip(
            fields=fields, aliases=[escape(t(f"publish.map.{field}", lang)) for field in fields], localize=False
        ),
    ).add_to(sheet)


def _add_ground(sheet: folium.Map, layer: MapLayer) -> None:
    """Water and roads over the communes, as on screen; the pointer still finds the commune under them."""
    for name in (name for name in GROUND if name in layer.ground):
        text = json.dumps(layer.ground[name])  # folium writes into what it is handed
        folium.GeoJson(text, style_function=lambda _, name=name: dict(GROUND[name]), interactive=False).add_to(sheet)


def _marks(layer: MapLayer, lang: str) -> str:
    """Where each commune's mark stands, as JSON for our own script: folium would ask for a pin's picture."""
    marks = []
    for place, point in zip(layer.places, layer.shapes.representative_point(), strict=True):
        tone = "dark" if layer.looks[layer.scale.of(place)].dark_mark else "light"
        marks.append([round(point.y, 5), round(point.x, 5), layer.scale.mark(place, lang), tone])
    return json.dumps(marks, ensure_ascii=False)


def _style(feature: dict[str, Any]) -> dict[str, Any]:
    fill = f"url(#hatch-{feature['properties']['kind']})"
    return {"fillColor": fill, "fillOpacity": 1, "color": "#ffffff", "weight": 1.2}


def _pattern(code: str, look: Look) -> str:
    hatch = HATCHES[look.hatch].format(ink=look.ink)
    return (
        f'<pattern id="hatch-{code}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<rect width="8" height="8" fill="{look.colour}"/>{hatch}</pattern>'
    )


def _names(layer: MapLayer, lang: str) -> dict[str, str]:
    """Communes by code in the map's language, where their list has such a name; outlines know the Vietnamese one."""
    if layer.vintage not in geo.VINTAGES:
        return {}
    own = {"en": "name_en", "km": "name_km"}.get(lang, "name_vi")
    return dict(geo.units(layer.vintage).select("code", own).drop_nulls().iter_rows())


def _words(place: Place, called: Mapping[str, str], lang: str) -> dict[str, str]:
    """A commune's row as people read it; ``called``: names by code."""
    nothing = t("publish.map.withheld", lang) if place.withheld else NOTHING
    return {
        "name": called.get(place.code, place.name),
        "code": place.code,
        "answer": t(f"verdict.{place.verdict}", lang),
        "share": nothing if place.value is None else percent(place.value, lang),
        "interval": interval(place.ci_low, place.ci_high, lang),
        "interviewed": number(place.interviewed, lang),
    }


def _legend(layer: MapLayer, lang: str) -> str:
    items = []
    for code, count in layer.legend.items():
        look, words = layer.looks[code], escape(layer.scale.label(code, lang))
        tone = "dark" if look.dark_mark else "light"
        items.append(
            f'<li><svg class="swatch" aria-hidden="true"><rect width="26" height="20" fill="url(#hatch-{code})"/>'
            f"</svg>"
            f'<span class="mark {tone}" aria-hidden="true">{look.mark}</span><span>{words} ({count})</span></li>'
        )
    return "".join(items)


def _table(layer: MapLayer, lang: str) -> str:
    keys = ("name", "code", "answer", "share", "interval", "interviewed")
    head = "".join(f'<th scope="col">{escape(t(f"publish.map.{key}", lang))}</th>' for key in keys)
    order = {verdict: rank for rank, verdict in enumerate(("not_met", "undecided", "no_data", "met"))}
    called = _names(layer, lang)
    rows = []

    def worst_first(place: Place) -> tuple[int, float, str, str]:
        share = 1.0 if place.value is None else place.value
        return order[place.verdict], share, _alphabet(called.get(place.code, place.name)), place.code

    for place in sorted(layer.places, key=worst_first):
        words = _words(place, called, lang)
        words["answer"] = f"{LOOKS[place.verdict].mark} {words['answer']}"
        first, *others = (escape(words[key]) for key in keys)
        tongue = "vi" if words["name"] == place.name else lang
        cells = "".join(f"<td>{cell}</td>" for cell in others)
        rows.append(f'<tr><th scope="row" lang="{tongue}">{first}</th>{cells}</tr>')
    return f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"


def _alphabet(name: str) -> str:
    """A key that puts Đ after D and accents beside their letter, as a Vietnamese list does."""
    return unicodedata.normalize("NFD", name.casefold().replace("đ", "d\uffff"))


def _notices(layer: MapLayer, lang: str) -> list[str]:
    holds = [("publish.made_up", layer.made_up), ("publish.schematic", layer.schematic)]
    return [t(key, lang) for key, said in holds if said]


def _facts(layer: MapLayer, lang: str) -> str:
    counted = t("publish.map.counted", lang, day=_day(layer.as_of, lang)) if layer.as_of else ""
    shown = t(f"map.show.{layer.show}", lang) if layer.show != "verdict" else ""
    return " · ".join(part for part in (shown, layer.target.decision, counted, layer.release.release) if part)


def _day(text: str, lang: str) -> str:
    try:
        return day(date.fromisoformat(text), lang)
    except ValueError:
        return text
