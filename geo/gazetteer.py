"""Everything a stage needs to know of places, in one object that opens no file once it is made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from geo.boundaries import Boundaries, boundaries
from geo.index import Floats, PointIndex
from geo.places import LATEST, district_of, recode, units
from geo.recognise import recognise


@dataclass(frozen=True)
class Gazetteer:
    """Names, lineage and outlines. Points are looked up in ``boundaries.vintage``, the newest by default."""

    boundaries: Boundaries

    @cached_property
    def index(self) -> PointIndex:
        """Built on first use; safe between threads."""
        return PointIndex(self.boundaries)

    @property
    def vintage(self) -> str:
        """Vintage of the outlines, and of the codes that `locate` gives."""
        return self.boundaries.vintage

    @property
    def decides(self) -> bool:
        """Whether a point in these outlines may contradict or stand in for an answer."""
        return self.boundaries.decides

    @property
    def floor_m(self) -> float:
        """Metres round a line in which the outlines are not to be trusted."""
        return self.boundaries.floor_m

    def units(self, vintage: str) -> pl.DataFrame:
        """As `geo.units`."""
        return units(vintage)

    def recode(self, codes: pl.Series, from_vintage: str, to_vintage: str) -> pl.Series:
        """As `geo.recode`."""
        return recode(codes, from_vintage, to_vintage)

    def district_of(self, codes: pl.Series, vintage: str) -> pl.Series:
        """As `geo.district_of`."""
        return district_of(codes, vintage)

    def recognise(self, texts: pl.Series, vintage: str) -> pl.DataFrame:
        """As `geo.recognise`."""
        return recognise(texts, vintage)

    def locate(self, longitude: pl.Series, latitude: pl.Series) -> pl.Series:
        """Code (of `vintage`) of the commune each point lies in, or null."""
        return self.index.locate(longitude, latitude)

    def metres_to(self, codes: pl.Series, longitude: pl.Series, latitude: pl.Series) -> Floats:
        """Metres from each point to its commune (a code of `vintage`)."""
        return self.index.metres_to(codes, longitude, latitude)

    def metres_to_ground(self, longitude: pl.Series, latitude: pl.Series) -> Floats:
        """Metres from each point to the nearest commune."""
        return self.index.metres_to_ground(longitude, latitude)


def gazetteer(folder: Path | None = None, vintage: str = LATEST) -> Gazetteer:
    """Places with the outlines that ``folder`` (``data/geo``) has of ``vintage``, or schematic ones."""
    return Gazetteer(boundaries(vintage, folder))
