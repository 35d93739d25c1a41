"""What known totals explain leaves the error of the survey's own estimates.

A commune whose households are known needs only sums of its clusters (`beside`); known people by age and sex tie all
communes of a round together, so their step goes from row to row (`spread_after`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from collect.estimate.calibration import Calibrated
from collect.estimate.linearised import (
    CELL,
    CLUSTER,
    EVERYONE,
    STRATUM,
    Rule,
    Sample,
    Strata,
    Variance,
    score_of,
    variance_of,
)

Explained = Sequence[tuple[pl.Series, Calibrated]]
SUMS = ("y", "x", "yy", "w")
BY = ["indicator", "domain"]


def beside(totals: pl.DataFrame, drawn: pl.DataFrame, sample: Sample, spot: str) -> pl.DataFrame:
    """Totals with the poststratum of each and the weight of everybody drawn there, whether or not they answered.

    Left as they are where no commune of ``drawn`` has a ``known_total``.
    """
    if not drawn["known_total"].is_not_null().any():
        return totals
    cell = pl.struct("round", "vintage", "commune_code").rank("dense")
    known = drawn.with_columns(pl.when(pl.col("known_total").is_not_null()).then(cell).alias(CELL))
    everyone = known.group_by(spot, *sample.stages, maintain_order=True).agg(
        pl.col(sample.weight).sum().alias(EVERYONE), pl.col(CELL).first()
    )
    whole = totals.select(pl.col("indicator").unique()).join(everyone, how="cross")
    joined = whole.join(totals, on=["indicator", spot, STRATUM, CLUSTER], how="left", maintain_order="left")
    sums = pl.col(*SUMS).fill_null(0.0)
    return joined.with_columns(sums, pl.col("n").fill_null(0), pl.col("weighs").fill_null(False))


def spread_after(
    explained: Explained, rows: pl.DataFrame, drawn: pl.DataFrame, design: tuple[pl.DataFrame, Strata, Rule]
) -> Variance:
    """The variance of each domain once known people are taken account of, for `linearise`.

    ``design``: the domain of each spot, the strata, and the rule for single clusters.
    """
    of_spot, strata, rule = design
    stages = [pl.col("drawn_stratum").alias(STRATUM), pl.col("drawn_unit").alias(CLUSTER)]
    placed = drawn.select("submission_id", "spot", "weight", *stages).join(of_spot, on="spot", maintain_order="left")
    measured = rows.select("submission_id", "indicator", "numerator", "denominator")

    def variance(values: pl.DataFrame) -> pl.DataFrame:
        parts = [
            _scores(one, measured.filter(indicator=one["indicator"]), placed, explained)
            for one in values.drop_nulls().iter_rows(named=True)
        ]
        if not parts:
            return values.select(*BY, variance=pl.lit(None, pl.Float64))
        scored = pl.concat(parts).with_columns(pl.col("indicator").cast(values.schema["indicator"]))
        return variance_of(scored, strata, BY, rule)

    return variance


def _scores(one: dict[str, object], measured: pl.DataFrame, placed: pl.DataFrame, explained: Explained) -> pl.DataFrame:
    """Scores of one domain by cluster: of its own rows as they are, less what known people explain in every row."""
    mine = placed.join(measured, on="submission_id", how="left", maintain_order="left")
    score = score_of("ratio").fill_null(0.0) * (pl.col("domain") == one["domain"])
    facts = {"value": one["value"], "universe": one["universe"]}
    weighed = mine.select(
        "submission_id", STRATUM, CLUSTER, y=pl.col("numerator") * pl.col("weight"),
        x=pl.when(pl.col("numerator").is_not_null()).then(pl.col("denominator") * pl.col("weight")), domain="domain",
        **{name: pl.lit(value) for name, value in facts.items()},
    ).with_columns(score=score)  # fmt: skip
    scores, place = weighed["score"].to_numpy().copy(), np.arange(weighed.height)
    ids = pl.DataFrame({"submission_id": weighed["submission_id"], "at": place})
    for submissions, found in explained:
        known = submissions.to_frame("submission_id")
        rows = known.join(ids, on="submission_id", how="left", maintain_order="left")["at"].to_numpy()
        scores[rows] = found.residual(scores[rows])
    left = weighed.select(STRATUM, CLUSTER).with_columns(pl.Series("score", scores))
    sums = left.group_by(STRATUM, CLUSTER, maintain_order=True).agg(pl.col("score").implode().list.sum())
    return sums.with_columns(indicator=pl.lit(one["indicator"]), domain=pl.lit(one["domain"]))
