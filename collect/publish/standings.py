"""Where communes stand against targets, with every figure that may be shown: what the pages and the sheet both read."""

from __future__ import annotations

import polars as pl

from collect.publish.disclosure import DECIDED, KEYS, hidden_among

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
    few = rows[DECIDED].fill_null(True) if DECIDED in rows.columns else hidden_among(rows, "target_id", "round")
    rows = rows.with_columns(suppressed=pl.col("suppressed").fill_null(False) | few).drop(DECIDED, strict=False)
    return rows.with_columns(pl.when(~pl.col("suppressed")).then(name).alias(name) for name in HIDDEN)
