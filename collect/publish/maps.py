"""One map before anything draws it: outlines, verdicts, values, and what must be said with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import geopandas as gpd
import polars as pl

import geo
from collect.i18n import t
from collect.i18n.figures import counted
from collect.indicators import Indicator
from collect.problems import CollectError
from collect.publish.disclosure import withheld
from collect.publish.release import Release, release_of
from collect.publish.scales import Look, Scale, Show
from collect.tables import Estimates, Verdicts
from collect.targets import Target


class Outlines(Protocol):
    """What `geo.boundaries` gives: ``kind`` is reference, derived or schematic."""

    @property
    def vintage(self) -> str:
        """The list of communes the codes belong to."""

    @property
    def kind(self) -> str:
        """reference, derived or schematic."""

    @property
    def source(self) -> str:
        """Whom to name."""

    def simplified(self, tolerance_m: float = 50.0) -> gpd.GeoDataFrame:
        """Outlines light enough for a screen: ``code``, ``name``, ``geometry``."""


@dataclass(frozen=True, slots=True)
class Place:
    """One commune of the map. A value is None where nothing is known, and where it is ``withheld``."""

    code: str
    name: str
    verdict: str
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    interviewed: int | None = None
    withheld: bool = False


@dataclass(frozen=True)
class MapLayer:
    """Verdicts of one target on the communes of one vintage. Every commune of the outlines is there, visited or not."""

    target: Target
    indicator: Indicator | None
    shapes: gpd.GeoDataFrame  # code, name, geometry; EPSG:4326
    places: tuple[Place, ...]  # in the order of ``shapes``
    vintage: str
    schematic: bool
    source: str  # of the outlines
    release: Release
    show: Show = "verdict"
    ground: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # GeoJSON by its name in ``GROUND``

    @property
    def scale(self) -> Scale:
        """How the communes are coloured."""
        return Scale(self.show, self.target)

    @property
    def looks(self) -> Mapping[str, Look]:
        """Every class with its look."""
        return self.scale.looks

    @property
    def target_id(self) -> str:
        """The target's row in forms/targets.csv."""
        return self.target.target_id

    @property
    def as_of(self) -> str:
        """Last day of interviews that counted."""
        return self.release.as_of

    @property
    def made_up(self) -> bool:
        """Whether the data are a demonstration."""
        return self.release.made_up

    @property
    def classes(self) -> dict[str, str]:
        """Class by commune code."""
        return {place.code: self.scale.of(place) for place in self.places}

    @property
    def values(self) -> dict[str, float | None]:
        """Estimated share by commune code."""
        return {place.code: place.value for place in self.places}

    @property
    def legend(self) -> dict[str, int]:
        """How many communes are in each class; every class is there."""
        found = list(self.classes.values())
        return {code: found.count(code) for code in self.looks}

    def title(self, lang: str) -> str:
        """The target in words."""
        return self.target.labels.get(lang) or self.target.target_id


def map_layer(
    target: Target,
    estimates: Estimates,
    verdicts: Verdicts,
    outlines: Outlines,
    *,
    indicator: Indicator | None = None,
    meta: Mapping[str, object] | None = None,
) -> MapLayer:
    """Join a target's verdicts by commune with the outlines; a commune without a row is ``no_data``.

    Of several rounds the last by name counts. ``meta``: facts of the run (``release``, ``as_of``, ``made_up``).
    Raises CollectError PUB-02 when the target is not judged by commune in the outlines' vintage.
    """
    here = (pl.col("level") == "commune") & (pl.col("vintage") == outlines.vintage)
    judged = verdicts.filter(here & (pl.col("target_id") == target.target_id))
    if judged.is_empty():
        known = ", ".join(verdicts.filter(here)["target_id"].unique().sort().to_list())
        raise CollectError("PUB-02", target=target.target_id, near=known or "-")
    judged = judged.filter(pl.col("round") == judged["round"].max())
    keys = ["indicator", "level", "vintage", "place", "round"]
    figures = ("value", "ci_low", "ci_high", "unit", "n_households", "n_base", "n_holding")
    numbers = estimates.select(*keys, *figures)
    rows = judged.join(numbers, on=keys, how="left").unique("place", maintain_order=True)
    hidden = withheld(rows)
    by_code = {row["place"]: row for row in rows.iter_rows(named=True)}
    shapes = outlines.simplified().sort_values("code").reset_index(drop=True)
    named = zip(shapes["code"], shapes["name"], strict=True)
    places = tuple(_place(str(code), str(name), by_code.get(str(code)), hidden) for code, name in named)
    facts = {"boundaries": outlines.kind, "boundaries_source": outlines.source, **(meta or {})}
    schematic = outlines.kind == "schematic"
    release = release_of(facts)
    return MapLayer(target, indicator, shapes, places, outlines.vintage, schematic, outlines.source, release)


def ground_lines(ground: geo.Ground, lang: str) -> list[str]:
    """What of the files of water and roads is not on the map, and why, in sentences."""
    lines = [t("map.ground.unread", lang, file=f"geo/{name}") for name in ground.unread]
    return lines + [
        counted("map.ground.points", some, lang, file=f"geo/{name}") for name, some in ground.points.items()
    ]


def _place(code: str, name: str, row: Mapping[str, Any] | None, hidden: frozenset[str]) -> Place:
    if row is None:
        return Place(code, name, "no_data")
    if code in hidden:
        return Place(code, name, row["verdict"], interviewed=row["n_households"], withheld=True)
    return Place(code, name, row["verdict"], row["value"], row["ci_low"], row["ci_high"], row["n_households"])
