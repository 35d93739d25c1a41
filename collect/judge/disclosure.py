"""What a published row may say of a place where few were asked.

Fewer households than the threshold, or a handful on one side of the answer, could be recognised by a neighbour. The
threshold of 10 is that of ONS research outputs and of ACRO's defaults; counts of 1 to 4 are withheld under the rule of
5 that most statistical offices keep (OECD glossary 7010). Returns of communes are no households: never withheld.
"""

from __future__ import annotations

import polars as pl

FEWEST_INTERVIEWED = 10
SMALL_COUNT = 4
WITHHELD = (
    "estimate", "ci_low", "ci_high", "p_meets_target", "interviews_needed", "hamlets_needed",
    "interviews_reason", "universe", "households_needed", "households_needed_low", "households_needed_high",
)  # fmt: skip


def suppress(rows: pl.DataFrame, suppress_below: int) -> pl.DataFrame:
    """Withhold every figure that rests on too few: empty, never 0, with the rule that withheld it.

    A province's value less those of its communes would give a single withheld commune away; so where one alone is
    withheld for a target, the published one with the fewest interviews goes with it (``complement``).
    """
    small = pl.col("n_holding").is_between(1, SMALL_COUNT) | (pl.col("n_base") - pl.col("n_holding")).is_between(
        1, SMALL_COUNT
    )
    of_households = (pl.col("verdict") != "no_data") & (pl.col("unit") != "commune")
    rows = rows.with_columns(
        suppression_rule=pl.when(of_households & (pl.col("n_households") < suppress_below))
        .then(pl.lit("few_interviewed"))
        .when(of_households & small)
        .then(pl.lit("small_count"))
    )
    published = of_households & pl.col("suppression_rule").is_null()
    per_target = ("target_id", "commune_vintage", "province_code")
    alone = pl.col("suppression_rule").is_not_null().sum().over(per_target) == 1
    order = pl.struct(pl.when(published).then("n_households"), "commune_code").rank("ordinal")
    first = order == order.filter(published).min().over(per_target)
    rows = rows.with_columns(
        suppression_rule=pl.when(alone & published & first).then(pl.lit("complement")).otherwise("suppression_rule")
    )
    hidden = pl.col("suppression_rule").is_not_null()
    kept = [pl.when(~hidden).then(name).alias(name) for name in WITHHELD]
    return rows.with_columns(hidden.alias("suppressed"), *kept)
