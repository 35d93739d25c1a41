"""How each estimate's uncertainty can be known at all: by enumeration, by the spread of clusters, or not."""

from __future__ import annotations

import polars as pl

from collect.estimate.weights import NEARLY_ALL

ALL = 1 - 1e-9  # a share of listed households that is 1 but for rounding


def name_regimes(domain: pl.DataFrame) -> pl.DataFrame:
    """Add ``regime``, ``population`` and ``undrawn`` to the facts and linearised values of each place.

    census
        Every listed household (or commune, of returns) answered: a count.
    near_census
        At least `NEARLY_ALL` of a fully listed place answered.
    clusters, simple
        A sample of hamlets; a sample of households in which no hamlets were drawn.
    one_cluster
        No spread can be seen: not more drawn units than strata.
    empty
        No known answer.

    ``population`` counts the units of the universe where that number is certain; ``undrawn`` is the share of the place
    that chance left out, 1 where hamlets were drawn or nothing is listed.
    """
    whole_place = pl.col("fully_listed").fill_null(False)
    fraction = pl.col("fraction").fill_null(0.0)
    complete = whole_place & (fraction >= ALL)
    answered = pl.col("n") / (pl.col("n") + pl.col("unknown"))
    near = whole_place & (fraction >= NEARLY_ALL) & (answered >= NEARLY_ALL)
    everyone = pl.col("whole") & (pl.col("submissions") >= (pl.col("reached") - 0.5))
    population = (
        pl.when(complete & (pl.col("unknown") == 0))
        .then(pl.when(pl.col("n_base") == pl.col("n_base").round()).then("n_base"))
        .when(near & pl.col("countable") & complete)
        .then(pl.col("n") + pl.col("unknown"))
        .when(near & pl.col("countable") & everyone)
        .then(pl.max_horizontal("listed", "submissions"))
        .cast(pl.Float64)
    )
    domain = domain.with_columns(population=population.round().cast(pl.Int64))
    regime = (
        pl.when(pl.col("n") == 0)
        .then(pl.lit("empty"))
        .when(complete & (pl.col("unknown") == 0))
        .then(pl.lit("census"))
        .when(near & pl.col("population").is_not_null())
        .then(pl.lit("near_census"))
        .when(pl.col("df") < 1)
        .then(pl.lit("one_cluster"))
        .when(near)
        .then(pl.lit("near_census"))
        .when("clustered")
        .then(pl.lit("clusters"))
        .otherwise(pl.lit("simple"))
    )
    domain = domain.with_columns(regime=regime)
    listed = pl.col("regime").is_in(["near_census", "simple"]) & whole_place
    undrawn = pl.when(listed).then((1 - fraction * answered).clip(1e-9, 1.0)).otherwise(1.0)
    kept = ~pl.col("regime").is_in(["census", "near_census"])
    return domain.with_columns(undrawn=undrawn, population=pl.when(kept).then(None).otherwise("population"))
