"""Points, lines and areas in the text of answers, with JavaRosa's formulas on its sphere of 6,378,100 m."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from collect.xpath.errors import XPathError

RADIUS = 6_378_100.0
_AROUND = 2 * RADIUS * math.pi

Point = tuple[float, float]  # latitude, longitude


def points_of(texts: Sequence[str], name: str) -> list[Point]:
    """The points of one trace or shape ("lat lon alt acc;..."), or of many geopoints."""
    parts = texts[0].split(";") if len(texts) == 1 else texts
    found = []
    for part in parts:
        if not part.strip() and len(texts) == 1:
            continue
        numbers = part.split()
        try:
            found.append((float(numbers[0]), float(numbers[1])))
        except (IndexError, ValueError) as problem:
            raise XPathError("type", f"{name}() needs points, a trace or a shape.", 0, name=name) from problem
    return found


def area(points: Sequence[Point]) -> float:
    """Square metres inside a shape; 0 for fewer than three points."""
    if len(points) < 3:
        return 0.0
    latitude, longitude = points[0]
    flat = [
        ((x - longitude) * _AROUND * math.cos(math.radians(y)) / 360.0, (y - latitude) * _AROUND / 360.0)
        for y, x in points[1:]
    ]
    pairs = pairwise(flat)
    return abs(sum((y1 * x2 - x1 * y2) / 2 for (x1, y1), (x2, y2) in pairs))


def area_on_sphere(points: Sequence[Point]) -> float:
    """Square metres inside a shape by the sums of ODK Web Forms; 0 for fewer than three points."""
    if len(points) < 3:
        return 0.0
    closed = points if points[0] == points[-1] else [*points, points[0]]
    total = sum(
        math.radians(x2 - x1) * (2 + math.sin(math.radians(y2)) + math.sin(math.radians(y1)))
        for (y1, x1), (y2, x2) in pairwise(closed)
    )
    return abs(total * RADIUS * RADIUS / 2)


def distance(points: Sequence[Point]) -> float:
    """Metres along a line, by the spherical law of cosines."""
    return sum((_between(*pair) for pair in pairwise(points)), 0.0)


def _between(one: Point, other: Point) -> float:
    apart = math.radians(one[1] - other[1])
    a, b = math.radians(one[0]), math.radians(other[0])
    cosine = math.sin(a) * math.sin(b) + math.cos(a) * math.cos(b) * math.cos(apart)
    return math.acos(cosine) * RADIUS if -1 <= cosine <= 1 else float("nan")


def inside(point: Point, shape: Sequence[Point]) -> bool:
    """Whether a point lies in a shape whose last point is its first."""
    y, x = point
    found = False
    for (y1, x1), (y2, x2) in pairwise(shape):
        if (y2 > y) != (y1 > y) and x < (x1 - x2) * (y - y2) / (y1 - y2) + x2:
            found = not found
    return found
