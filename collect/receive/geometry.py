"""Turns places as servers write them (GeoJSON, WKT: longitude first) back into what the device wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

WKT = re.compile(r"^\s*(POINT|LINESTRING|POLYGON)\s*Z?\s*\(([-0-9eE.,+ ()]*)\)\s*$")
WKT_STARTS = "PL"
KINDS = ("Point", "LineString", "Polygon")


def is_geometry(value: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a place."""
    return value.get("type") in KINDS and "coordinates" in value


def written_by_device(place: Mapping[str, Any] | str) -> str | None:
    """'latitude longitude altitude accuracy', points parted by '; '. Text that is no WKT stays as it is.

    A missing altitude becomes 0 where an accuracy follows it, as devices write it. Raises TypeError, ValueError or
    AttributeError for what is no place.
    """
    if isinstance(place, str):
        found = WKT.match(place)
        if found is None:
            return place
        rings = found[2].strip("() ").split(",")
        return "; ".join(_point(ring.split(), None) for ring in rings)
    points = place["coordinates"]
    properties = place.get("properties") or {}
    if place["type"] == "Point":
        return _point(points, properties.get("accuracy"))
    line = points[0] if place["type"] == "Polygon" and points else points
    accuracies = properties.get("accuracies") or [None] * len(line)
    return "; ".join(_point(point, accuracy) for point, accuracy in zip(line, accuracies, strict=False)) or None


def _point(coordinates: Sequence[Any], accuracy: object) -> str:
    if len(coordinates) < 2:
        raise ValueError(f"a point of {len(coordinates)} numbers")
    longitude, latitude, *height = (str(number) for number in coordinates)
    altitude = height[0] if height and height[0] != "None" else ""
    if accuracy is not None:
        return f"{latitude} {longitude} {altitude or '0'} {accuracy}"
    return f"{latitude} {longitude} {altitude}".strip()
