"""Where communes stand against targets, with every figure that may be shown: what the pages and the sheet both read."""

from __future__ import annotations

import polars as pl

from collect.publish.disclosure import withheld

KEYS = ("indicator", "level", "vintage", "place", "round")
HIDDEN = (
    "model_value", "root_mse", "value", "ci_low", "ci_high", "p_meets", "numerator", "denominator", "std_error",
    "n_base", "n_holding", "lower_bound", "upper_bound",
)  # fmt: skip
NEEDED = ("households", "households_needed", "households_needed_low", "households_needed_high", "priority", "gap_type")


def standings(
    estimates: pl.DataFrame, verdicts: pl.DataFrame, gaps: pl.DataFrame, small_areas: pl.DataFrame
) -> pl.DataFrame:
    """One row per row of ``verdicts`` that judges a commune: its estimate, its verdict, and what it would take.

    Figures that the gap list or the map withholds are withheld here too: empty, with ``suppressed`` true.
    """
    judged = verdicts.filter(level="commune")
    by_commune = gaps.filter(pl.col("hamlet").is_null())
    needed = by_commune.select("target_id", pl.col("commune_code").alias("place"), *NEEDED, "suppressed")
    by_model = small_areas.filter(pl.col("how") != "counted")
    by_model = by_model.select("indicator", "vintage", "place", "round", "root_mse", model_value="value")
    rows = (
        judged.join(estimates.drop("lower_bound", "upper_bound"), on=list(KEYS), how="left")
        .join(by_model, on=["indicator", "vintage", "place", "round"], how="left")
        .join(needed.unique(["target_id", "place"]), on=["target_id", "place"], how="left")
    )
    hidden = [
        part.select("target_id", "round", "place").filter(pl.col("place").is_in(sorted(withheld(part))))
        for part in rows.partition_by("target_id", "round")
    ]
    few = pl.concat(hidden) if hidden else rows.select("target_id", "round", "place").clear()
    rows = rows.join(few.with_columns(few=pl.lit(True)), on=["target_id", "round", "place"], how="left")
    rows = rows.with_columns(suppressed=pl.col("suppressed").fill_null(False) | pl.col("few").fill_null(False))
    return rows.drop("few").with_columns(pl.when(~pl.col("suppressed")).then(name).alias(name) for name in HIDDEN)
