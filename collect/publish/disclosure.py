"""Which communes of a map may not show a figure, because too few were asked or too few stand on one side of the answer.

The gap list withholds by the same thresholds; it does not speak of communes that meet their target, and a map does.
"""

from __future__ import annotations

import polars as pl

FEWEST_INTERVIEWED = 10  # as in the gap list; a test holds both together
SMALL_COUNT = 4


DECIDED = "withheld_of_all"  # a column that says it was decided over all communes, before somebody's were cut out
FIGURES = ("unit", "n_households", "n_base", "n_holding")
KEYS = ("indicator", "level", "vintage", "place", "round")


def withheld(rows: pl.DataFrame) -> frozenset[str]:
    """Codes whose figure stays inside.

    ``rows``: one per commune with ``place, verdict, unit, n_households, n_base, n_holding``; returns of communes are no
    households and never withheld. Where one commune alone is withheld, the province's value less the others would give
    it away: the one with the fewest interviews goes with it, first among those that the gap list does not publish.
    Where it was decided over more communes than ``rows`` has (`decide`), that stands: what all may read is not hidden
    from who sees less.
    """
    hidden = pl.col(DECIDED).fill_null(True) if DECIDED in rows.columns else hidden_among(rows)
    return frozenset(rows.filter(hidden)["place"])


def hidden_among(rows: pl.DataFrame, *per: str) -> pl.Series:
    """For every row whether its figure stays inside, decided among the rows that share ``per``; see `withheld`."""
    of_households = (pl.col("verdict") != "no_data") & (pl.col("unit").fill_null("household") != "commune")
    against = pl.col("n_base") - pl.col("n_holding")
    small = pl.col("n_holding").is_between(1, SMALL_COUNT) | against.is_between(1, SMALL_COUNT)
    few = ((pl.col("n_households") < FEWEST_INTERVIEWED) | small).fill_null(True)
    order = pl.struct(pl.col("verdict") != "met", "n_households", "place").rank("ordinal")
    told = rows.select(*per, one=pl.lit(1), hidden=of_households & few, order=pl.when(of_households & ~few).then(order))
    group = ["one", *per]
    alone = pl.col("hidden").sum().over(group) == 1
    beside = alone & (pl.col("order") == pl.col("order").min().over(group)).fill_null(False)
    return told.select(pl.col("hidden") | beside)["hidden"]


def decide(verdicts: pl.DataFrame, estimates: pl.DataFrame) -> pl.DataFrame:
    """The verdicts with a column that says of each commune's figures whether they stay inside, among all communes."""
    rows = verdicts.join(estimates.select(*KEYS, *FIGURES), on=list(KEYS), how="left", maintain_order="left")
    communes = pl.col("level") == "commune"
    hidden = hidden_among(rows.with_columns(verdict=pl.when(communes).then("verdict").otherwise(pl.lit("no_data"))),
                          "target_id", "round")  # fmt: skip
    return verdicts.with_columns(hidden.alias(DECIDED))
