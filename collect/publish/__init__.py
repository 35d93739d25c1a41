"""Published: finished tables become files that partners open, and the map people keep. Households never come here."""

from collect.publish.dictionary import data_dictionary
from collect.publish.disclosure import withheld
from collect.publish.gaps import write_gaps
from collect.publish.html_map import write_map
from collect.publish.maps import LOOKS, Look, MapLayer, map_layer

__all__ = ["LOOKS", "Look", "MapLayer", "data_dictionary", "map_layer", "withheld", "write_gaps", "write_map"]
