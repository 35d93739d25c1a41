"""Hamlets surveyed in two rounds: what both rounds owe to the same draw, so that change is not taken for chance.

Where the same hamlets are asked again, a hamlet that was ahead still is: the two estimates err together, and their
difference is surer than two errors added. The covariance is that of the linearised scores of shared hamlets inside
strata, sum over strata of k / (k - 1) sum (z1 - mean z1)(z2 - mean z2), k hamlets drawn once and asked twice (Tam 1984;
Wood 2008, J. Official Stat. 24:53): with every hamlet shared it is what R ``svyby(covmat=TRUE)`` and ``svycontrast``
give, with none it is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import polars as pl

from collect.estimate.linearised import CLUSTER, STRATUM, Sample, in_order, totals_of
from collect.tables import SHARED, Measures, Shared, Units, Weights

At = Literal["province", "commune"]
COLUMN: dict[At, str] = {"province": "province_code", "commune": "commune_code"}
WITHIN = ("indicator", "level", "vintage", "place")
ONE, BOTH = "round", ("round_from", "round_to")


def shared(measures: Measures, weights: Weights, places: Units, *, levels: Sequence[At] = tuple(COLUMN)) -> Shared:
    """What each pair of rounds shares, for every indicator and place where drawn hamlets were asked in both.

    Rounds are paired both ways round. Only hamlets that chance drew count: what an enumeration leaves uncertain is
    single households, of which nobody knows whether they were met before.

    Returns
    -------
    Shared: ``covariance`` of the two estimates, ``alike`` the sums of products and of squares behind it, from which the
    correlation of one hamlet's scores in two rounds can be pooled over places.
    """
    if weights["round"].n_unique() < 2:  # noqa: PLR2004 one round: nothing to compare
        return Shared(SHARED.empty())
    scores = pl.concat([_scores(_by_hamlet(measures, weights, places), level) for level in levels])
    first, second = (scores.rename({ONE: name, "score": f"score_{name}"}) for name in BOTH)
    keys = [*WITHIN, STRATUM, CLUSTER]
    both = first.join(second, on=keys, maintain_order="left").filter(pl.col(BOTH[0]) != pl.col(BOTH[1]))
    z1, z2 = (pl.col(f"score_{name}") - pl.col(f"score_{name}").mean() for name in BOTH)
    k = pl.len().cast(pl.Float64)
    strata = both.group_by(*WITHIN, *BOTH, STRATUM, maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("clusters"),
        in_order(z1 * z2).alias("products"),
        in_order(z1 * z1).alias("squares_from"),
        in_order(z2 * z2).alias("squares_to"),
        pl.when(k > 1).then(k / (k - 1)).otherwise(0.0).alias("times"),
    )
    found = strata.group_by(*WITHIN, *BOTH, maintain_order=True).agg(
        pl.col("clusters").sum().alias("clusters_shared"),
        (pl.col("clusters") - 1).sum().alias("df"),
        in_order(pl.col("times") * pl.col("products")).alias("covariance"),
        in_order(pl.col("products")),
        in_order(pl.col("squares_from")),
        in_order(pl.col("squares_to")),
    )
    return Shared(SHARED.check(found).sort(list(SHARED.key)))


def _by_hamlet(measures: pl.DataFrame, weights: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Weighted sums per indicator, round, commune, stratum and drawn hamlet; all that was not so drawn has no hamlet."""
    provinces = places.select("vintage", "province_code", commune_code="code")
    drawn = pl.col("drawn_from").is_null() & (pl.col("drawn_unit") == pl.col("cluster"))
    rows = (
        weights.filter(pl.col("weight") > 0)
        .join(provinces, on=["vintage", "commune_code"], maintain_order="left")
        .with_columns(cluster=pl.when(drawn).then("cluster"))
        .join(measures, on="submission_id", maintain_order="left")
        .with_columns(numerator=pl.when(pl.col("units") > 0).then("numerator"))
    )
    by = ["indicator", ONE, "vintage", *COLUMN.values()]
    return totals_of(rows, Sample("weight", "stratum", "cluster"), y="numerator", x="denominator", by=by)


def _scores(totals: pl.DataFrame, level: At) -> pl.DataFrame:
    """What each drawn hamlet adds to the estimate of each place, to first order."""
    here = totals.with_columns(place=COLUMN[level], level=pl.lit(level))
    keys = [*WITHIN, ONE]
    hamlets = here.group_by(*keys, STRATUM, CLUSTER, maintain_order=True).agg(in_order(pl.col("y", "x")))
    whole = hamlets.group_by(keys, maintain_order=True).agg(in_order(pl.col("y", "x")).name.prefix("all_"))
    found = hamlets.join(whole, on=keys, maintain_order="left").filter(pl.col("all_x") > 0)
    score = (pl.col("y") - pl.col("all_y") / pl.col("all_x") * pl.col("x")) / pl.col("all_x")
    return found.drop_nulls(CLUSTER).select(*keys, STRATUM, CLUSTER, score=score)
