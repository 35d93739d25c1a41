"""Places: communes and their vintages, lineage, boundaries, point to commune. Imports nothing of `collect`."""

from geo.boundaries import Boundaries, boundaries, sources
from geo.errors import GeoError
from geo.fetch import Fetched, fetch
from geo.places import (
    LATEST,
    VINTAGES,
    Vintage,
    districts,
    former_units,
    lineage,
    recode,
    units,
    vintage_on,
)

__all__ = [
    "LATEST",
    "VINTAGES",
    "Boundaries",
    "Fetched",
    "GeoError",
    "Vintage",
    "boundaries",
    "districts",
    "fetch",
    "former_units",
    "lineage",
    "recode",
    "sources",
    "units",
    "vintage_on",
]
