"""Published: finished tables become files that partners open, and the map people keep. Households never come here."""

from collect.publish.advice import advice, next_step
from collect.publish.dictionary import data_dictionary
from collect.publish.disclosure import withheld
from collect.publish.gaps import has_outlines, write_gaps
from collect.publish.html_map import write_map
from collect.publish.maps import MapLayer, ground_lines, map_layer
from collect.publish.release import source_words
from collect.publish.scales import GROUND, LOOKS, SHOWS, Look, Scale, Show
from collect.publish.standings import standings

__all__ = [
    "GROUND", "LOOKS", "SHOWS", "Look", "MapLayer", "Scale", "Show", "advice", "data_dictionary", "ground_lines",
    "has_outlines", "map_layer", "next_step", "source_words", "standings", "withheld", "write_gaps", "write_map",
]  # fmt: skip
