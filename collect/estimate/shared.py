"""Hamlets surveyed in two rounds: what both rounds owe to the same draw, so that change is not taken for chance.

Where the same hamlets are asked again, a hamlet that was ahead still is: the two estimates err together, and their
difference is surer than two errors added. The covariance is that of the linearised scores z of shared hamlets, sum over
strata of k / (k - 1) sum (z1 - mean z1)(z2 - mean z2) for k hamlets drawn once and asked twice (Tam 1984; Holmes and
Skinner 2000): with every hamlet shared it is what R ``svyby(covmat = TRUE)`` and ``svycontrast`` give, with none it is
0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import polars as pl

from collect.estimate.linearised import CLUSTER, STRATUM, Sample, in_order, totals_of
from collect.tables import SHARED, Measures, Shared, Units, Weights

At = Literal["province", "commune"]
COLUMN: dict[At, str] = {"province": "province_code", "commune": "commune_code"}
WITHIN = ["indicator", "level", "vintage", "place"]
ROUND, PAIR = "round", ["round_from", "round_to"]
STRATA = ["stratum_from", "stratum_to"]  # a hamlet may have been drawn in another stratum each time
AS_ASKED = Sample("weight", "stratum", "cluster")


def shared(measures: Measures, weights: Weights, places: Units, *, levels: Sequence[At] = tuple(COLUMN)) -> Shared:
    """What each pair of rounds shares, for every indicator and place where drawn hamlets were asked in both.

    Rounds are paired both ways round. Only hamlets that chance drew count: what an enumeration leaves uncertain is
    single households, of which nobody knows whether they were met before.

    Parameters
    ----------
    measures, weights, places
        As `estimate` takes them; the hamlets of a stratum outside a place count as drawn and score 0 there.
    """
    drawn = _placed(weights, places)
    design = drawn.select(ROUND, *AS_ASKED.stages).drop_nulls(CLUSTER).unique(maintain_order=True)
    if design[ROUND].n_unique() < 2:
        return Shared(SHARED.empty())
    scores = pl.concat([_scores(_by_hamlet(measures, drawn), level) for level in levels])
    twice = _side(design, 0).join(_side(design, 1), on=CLUSTER).filter(pl.col(PAIR[0]) != pl.col(PAIR[1]))
    twice = twice.with_columns(pl.len().over(*PAIR, *STRATA).cast(pl.Float64).alias("k"))
    products = _products(scores, twice)
    for name in PAIR:
        spread = _spread(scores, design).rename({ROUND: name, "variance": name.replace("round", "variance")})
        products = products.join(spread, on=[*WITHIN, name], how="left", maintain_order="left")
    return Shared(SHARED.check(products).sort(list(SHARED.key)))


def _placed(weights: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Weights with their province. A hamlet is told by its commune and its name; what was not so drawn has none."""
    provinces = places.select("vintage", "province_code", commune_code="code")
    hamlet = pl.col("drawn_from").is_null() & (pl.col("drawn_unit") == pl.col("cluster"))
    weighing = weights.filter(pl.col("weight") > 0).with_columns(
        cluster=pl.when(hamlet).then(pl.format("{}|{}", "commune_code", "cluster"))
    )
    return weighing.join(provinces, on=["vintage", "commune_code"], how="left", maintain_order="left")


def _by_hamlet(measures: pl.DataFrame, drawn: pl.DataFrame) -> pl.DataFrame:
    rows = drawn.join(measures, on="submission_id", maintain_order="left")
    rows = rows.with_columns(numerator=pl.when(pl.col("units") > 0).then("numerator"))
    by = ["indicator", ROUND, "vintage", *COLUMN.values()]
    return totals_of(rows, AS_ASKED, y="numerator", x="denominator", by=by)


def _scores(totals: pl.DataFrame, level: At) -> pl.DataFrame:
    """What each drawn hamlet adds to the estimate of each place, to first order."""
    here = totals.with_columns(place=COLUMN[level], level=pl.lit(level)).drop_nulls("place")
    keys = [*WITHIN, ROUND]
    hamlets = here.group_by(*keys, STRATUM, CLUSTER, maintain_order=True).agg(in_order(pl.col("y", "x")))
    whole = hamlets.group_by(keys, maintain_order=True).agg(in_order(pl.col("y", "x")).name.prefix("all_"))
    found = hamlets.join(whole, on=keys, maintain_order="left").filter(pl.col("all_x") > 0)
    score = (pl.col("y") - pl.col("all_y") / pl.col("all_x") * pl.col("x")) / pl.col("all_x")
    return found.drop_nulls(CLUSTER).select(*keys, STRATUM, CLUSTER, score=score)


def _side(table: pl.DataFrame, at: int) -> pl.DataFrame:
    return table.rename(
        {ROUND: PAIR[at], STRATUM: STRATA[at]} | ({"score": f"z{at}"} if "score" in table.columns else {})
    )


def _products(scores: pl.DataFrame, twice: pl.DataFrame) -> pl.DataFrame:
    """Centred products of the scores of hamlets asked twice, summed over strata."""
    keys = [*WITHIN, *PAIR, *STRATA, CLUSTER, "k"]
    one, two = (
        _side(scores, at).join(twice, on=[PAIR[at], STRATA[at], CLUSTER], maintain_order="left") for at in (0, 1)
    )
    both = one.join(two, on=keys, how="full", coalesce=True, maintain_order="left_right")
    both = both.with_columns(pl.col("z0", "z1").fill_null(0.0))
    z0, z1, k = pl.col("z0"), pl.col("z1"), pl.col("k").first()
    strata = both.group_by(*WITHIN, *PAIR, *STRATA, maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("clusters_shared"),
        k,
        (in_order(z0 * z1) - in_order(z0) * in_order(z1) / k).alias("products"),
        (in_order(z0 * z0) - in_order(z0) ** 2 / k).alias("squares_from"),
        (in_order(z1 * z1) - in_order(z1) ** 2 / k).alias("squares_to"),
    )
    once = pl.col("k") > 1  # of a single shared hamlet nobody knows how it stands to the others
    return strata.group_by(*WITHIN, *PAIR, maintain_order=True).agg(
        pl.col("clusters_shared").sum(),
        (pl.col("clusters_shared") - 1).sum().alias("df"),
        in_order(pl.when(once).then(pl.col("k") / (pl.col("k") - 1) * pl.col("products")).otherwise(0.0)).alias(
            "covariance"
        ),
        in_order(pl.col("products")),
        in_order(pl.col("squares_from")),
        in_order(pl.col("squares_to")),
    )


def _spread(scores: pl.DataFrame, design: pl.DataFrame) -> pl.DataFrame:
    """The variance of each estimate that its own drawn hamlets leave, before anything known explains part of it."""
    sizes = design.group_by(ROUND, STRATUM).agg(pl.len().cast(pl.Float64).alias("k"))
    sums = scores.group_by(*WITHIN, ROUND, STRATUM, maintain_order=True).agg(
        in_order(pl.col("score") ** 2).alias("squares"), in_order(pl.col("score")).alias("sum")
    )
    sums = sums.join(sizes, on=[ROUND, STRATUM], maintain_order="left").filter(pl.col("k") > 1)
    part = pl.col("k") / (pl.col("k") - 1) * (pl.col("squares") - pl.col("sum") ** 2 / pl.col("k"))
    return sums.group_by(*WITHIN, ROUND, maintain_order=True).agg(in_order(part).alias("variance"))
