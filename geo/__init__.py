"""Places: communes and their vintages, lineage, boundaries, point to commune. Imports nothing of `collect`."""

from geo.boundaries import Boundaries, boundaries, sources
from geo.errors import GeoError
from geo.fetch import Fetched, fetch
from geo.gazetteer import Gazetteer, gazetteer
from geo.ground import Ground, ground
from geo.index import PointIndex
from geo.places import (
    LATEST,
    PROVINCES,
    VINTAGES,
    Vintage,
    district_of,
    districts,
    former_units,
    lineage,
    recode,
    units,
    vintage_on,
)
from geo.recognise import recognise

__all__ = [
    "LATEST",
    "PROVINCES",
    "VINTAGES",
    "Boundaries",
    "Fetched",
    "Gazetteer",
    "GeoError",
    "Ground",
    "PointIndex",
    "Vintage",
    "boundaries",
    "district_of",
    "districts",
    "fetch",
    "former_units",
    "gazetteer",
    "ground",
    "lineage",
    "recode",
    "recognise",
    "sources",
    "units",
    "vintage_on",
]
