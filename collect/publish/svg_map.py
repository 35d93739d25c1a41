"""Communes as an SVG picture, hatches and marks included: what the PNG and the printed sheet are drawn from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import shapely

from collect.publish.scales import GROUND, Hatch, Look

Points = list[tuple[float, float]]
WIDTH = 900.0
MARGIN = 8.0
ROOM_FOR_A_MARK = 24.0
STROKES: Mapping[Hatch, str] = {
    "": "",
    "/": '<path d="M-2,2 l4,-4 M0,8 l8,-8 M6,10 l4,-4" stroke="{ink}" stroke-width="1.4" fill="none"/>',
    "\\": '<path d="M-2,6 l4,4 M0,0 l8,8 M6,-2 l4,4" stroke="{ink}" stroke-width="1.4" fill="none"/>',
    "x": '<path d="M0,0 l8,8 M8,0 l-8,8" stroke="{ink}" stroke-width="1.2" fill="none"/>',
    ".": '<circle cx="4" cy="4" r="1.1" fill="{ink}"/>',
}
# our font has no letters for these two signs; drawn round the middle of the commune
SIGNS = {
    "✓": '<path d="M-6,0 l4,5 l8,-10" fill="none" stroke="{ink}" stroke-width="2.6"/>',
    "✕": '<path d="M-5,-5 l10,10 M5,-5 l-10,10" fill="none" stroke="{ink}" stroke-width="2.6"/>',
}
DARK, LIGHT = "#1c2733", "#ffffff"
EDGE = ' stroke="#fff" stroke-width="1.2"'
RECTANGLE = 'rect width="26" height="20" rx="3"'


@dataclass(frozen=True)
class Painted:
    """What to draw: a class and a mark by commune code, how each class looks, and water and roads over them."""

    classes: Mapping[str, str]
    looks: Mapping[str, Look]
    marks: Mapping[str, str] = field(default_factory=dict)
    chosen: str | None = None
    ground: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # GeoJSON by its name in ``GROUND``


def svg_of(shapes: gpd.GeoDataFrame, painted: Painted) -> str:
    """Draw ``shapes`` (``code, geometry``, EPSG:4326), a metre as long north as east; ``WIDTH`` units wide."""
    west, south, east, north = (float(edge) for edge in shapes.total_bounds)
    squeeze = math.cos(math.radians((south + north) / 2))
    scale = (WIDTH - 2 * MARGIN) / ((east - west) * squeeze)
    height = (north - south) * scale + 2 * MARGIN

    def place(points: Points) -> Points:
        return [(MARGIN + (x - west) * squeeze * scale, MARGIN + (north - y) * scale) for x, y in points]

    lines = "".join(
        _ground(painted.ground[name], style, place) for name, style in GROUND.items() if name in painted.ground
    )
    patterns = "".join(_pattern(code, look) for code, look in painted.looks.items() if look.hatch)
    paths, marks, outline = [], [], ""
    for code, shape in zip(shapes["code"], shapes.geometry, strict=True):
        path = "".join(_ring(place(list(ring.coords))) for ring in _rings(shape))
        kind = painted.classes[code]
        paths.append(_filled(f'path d="{path}"', kind, painted.looks[kind], EDGE))
        if code == painted.chosen:
            outline = f'<path d="{path}" fill="none" stroke="#111" stroke-width="5" stroke-linejoin="round"/>'
        x0, y0, x1, y1 = shape.bounds
        if min((x1 - x0) * squeeze, y1 - y0) * scale >= ROOM_FOR_A_MARK and painted.marks.get(code):
            middle = shapely.Point(shape.representative_point())
            marks.append(_mark(painted.marks[code], place([(middle.x, middle.y)])[0], painted.looks[kind].dark_mark))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}" width="{WIDTH:.0f}" '
        f'height="{height:.0f}"><defs>{patterns}</defs>{"".join(paths)}{outline}{lines}{"".join(marks)}</svg>'
    )


def swatch(look: Look) -> str:
    """One class as a small picture, for a legend."""
    mark = _mark(look.mark, (13, 10), look.dark_mark) if look.mark else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 26 20" width="26" height="20"><defs>'
        f"{_pattern('one', look)}</defs>{_filled(RECTANGLE, 'one', look)}{mark}</svg>"
    )


def _ground(shapes: Mapping[str, Any], style: Mapping[str, str | float], place: Callable[[Points], Points]) -> str:
    """Lines and areas of a GeoJSON as they are on screen; what lies beyond the picture is cut off by its edge."""
    stroke = (
        f'stroke="{style["color"]}" stroke-width="{style["weight"]}" stroke-opacity="{style["opacity"]}" '
        'stroke-linejoin="round"'
    )
    fill = f'fill="{style["fillColor"]}" fill-opacity="{style["fillOpacity"]}" fill-rule="evenodd"'
    drawn = []
    for feature in shapes["features"]:
        shape = shapely.force_2d(shapely.geometry.shape(feature["geometry"]))
        area = "".join(_ring(place(list(ring.coords))) for ring in _rings(shape))
        parts = shapely.get_parts(shapely.get_parts(shape))
        line = "".join(_line(place(list(part.coords))) for part in parts if part.geom_type == "LineString")
        drawn += [f'<path d="{area}" {fill} {stroke}/>'] if area else []
        drawn += [f'<path d="{line}" fill="none" {stroke}/>'] if line else []
    return "".join(drawn)


def _rings(shape: shapely.Geometry) -> list[shapely.LinearRing]:
    polygons = [part for part in shapely.get_parts(shapely.get_parts(shape)) if part.geom_type == "Polygon"]
    return [ring for polygon in polygons for ring in (polygon.exterior, *polygon.interiors)]


def _ring(points: Points) -> str:
    return _line(points) + "Z"


def _line(points: Points) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _filled(shape: str, code: str, look: Look, edge: str = "") -> str:
    """A shape in its colour, its hatch above: tiles that hold the colour too show seams in PDF readers and in print."""
    plain = f'<{shape} fill="{look.colour}"{edge}/>'
    return plain + (f'<{shape} fill="url(#k-{code})"/>' if look.hatch else "")


def _pattern(code: str, look: Look) -> str:
    stroke = STROKES[look.hatch].format(ink=look.ink)
    return f'<pattern id="k-{code}" width="8" height="8" patternUnits="userSpaceOnUse">{stroke}</pattern>'


def _mark(text: str, at: tuple[float, float], dark: bool) -> str:
    x, y = at
    ink, halo = (DARK, LIGHT) if dark else (LIGHT, DARK)
    if text in SIGNS:
        return f'<g transform="translate({x:.1f},{y:.1f})">{SIGNS[text].format(ink=ink)}</g>'
    letters = (
        f'x="{x:.1f}" y="{y + 5:.1f}" font-size="15" font-family="Phu Sans" font-weight="600" text-anchor="middle"'
    )
    return (
        f'<text {letters} fill="none" stroke="{halo}" stroke-width="3" stroke-opacity=".55">{text}</text>'
        f'<text {letters} fill="{ink}">{text}</text>'
    )
