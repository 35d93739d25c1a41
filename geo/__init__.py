"""Places: communes and their vintages, lineage, boundaries, point to commune. Imports nothing of `collect`."""

from geo.errors import GeoError
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
    "GeoError",
    "Vintage",
    "districts",
    "former_units",
    "lineage",
    "recode",
    "units",
    "vintage_on",
]
