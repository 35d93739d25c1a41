"""Which communes of a map may not show a figure, because too few were asked or too few stand on one side of the answer.

The gap list withholds by the same thresholds; it does not speak of communes that meet their target, and a map does.
"""

from __future__ import annotations

import polars as pl

FEWEST_INTERVIEWED = 10  # as in the gap list; a test holds both together
SMALL_COUNT = 4


def withheld(rows: pl.DataFrame) -> frozenset[str]:
    """Codes whose figure stays inside.

    ``rows``: one per commune with ``place, verdict, unit, n_households, n_base, n_holding``; returns of communes are no
    households and never withheld. Where one commune alone is withheld, the province's value less the others would give
    it away: the one with the fewest interviews goes with it, first among those that the gap list does not publish.
    """
    of_households = (pl.col("verdict") != "no_data") & (pl.col("unit").fill_null("household") != "commune")
    against = pl.col("n_base") - pl.col("n_holding")
    few = pl.col("n_households") < FEWEST_INTERVIEWED
    small = pl.col("n_holding").is_between(1, SMALL_COUNT) | against.is_between(1, SMALL_COUNT)
    shown = rows.filter(of_households).with_columns(hidden=(few | small).fill_null(True))
    hidden = shown.filter(pl.col("hidden"))["place"].to_list()
    if len(hidden) == 1:
        others = shown.filter(~pl.col("hidden")).sort(pl.col("verdict") != "met", "n_households", "place")
        hidden += others["place"].head(1).to_list()
    return frozenset(hidden)
