"""One estimate per indicator, place and round, each by the method that its own fieldwork allows, and saying which."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from collect.estimate.linearised import ADJUST, CLUSTER, STRATUM, Rule, Sample, linearise, strata_of, totals_of
from collect.estimate.regimes import name_regimes
from collect.estimate.uncertainty import USUAL, Levels, with_bounds
from collect.indicators import Level
from collect.tables import ESTIMATES, Estimates, Measures, Units, Weights

DOMAIN = ("indicator", "round", "vintage", "place")
AS_DRAWN = Sample("weight", "drawn_stratum", "drawn_unit", "drawn_from")
VALUES = ("value", "std_error", "df", "df_of_hamlets", "numerator", "denominator")
PLACES: dict[Level, str] = {"province": "province_code", "commune": "commune_code", "hamlet": "cluster"}


def estimate(
    measures: Measures,
    weights: Weights,
    places: Units,
    *,
    levels: Sequence[Level] = ("province", "commune"),
    chances: Levels = USUAL,
    rule: Rule = ADJUST,
) -> Estimates:
    """Estimate every indicator that was measured, at each level.

    Parameters
    ----------
    measures, weights
        Of all forms together; a submission without a weight is left out.
    places
        The communes of the survey: a province is enumerated only when every one of them is.
    levels
        At hamlet level a drawn hamlet is one cluster: it has a value, and an error only where it was enumerated.
    chances
        Confidence of the two-sided interval and of the one-sided bounds; `collect.judge.judge` must be told the latter.
    rule
        What a stratum with a single cluster contributes; ``adjust`` errs on the careful side.

    Notes
    -----
    The error of a sample is that between drawn units inside strata, hamlets taken as drawn with replacement, households
    of enumerated hamlets without. ``std_error`` is 0 only for an enumeration; it is empty where all clusters were alike
    (0 %, 100 %), and the interval then is that of a simple sample.
    """
    provinces = places.select("vintage", commune_code="code", province_code="province_code")
    rows = measures.join(weights, on="submission_id").filter(pl.col("weight") > 0)
    rows = rows.join(provinces, on=["vintage", "commune_code"], how="left").with_columns(
        numerator=pl.when(pl.col("units") > 0).then("numerator"),
    )
    by = [
        "indicator",
        "round",
        "vintage",
        "province_code",
        "commune_code",
        *(["cluster"] if "hamlet" in levels else []),
    ]
    totals = totals_of(rows, AS_DRAWN, y="numerator", x="denominator", by=by)
    facts, strata = _facts(rows, by), strata_of(weights.filter(pl.col("weight") > 0), AS_DRAWN)
    expected = places.group_by("vintage").agg(pl.len().alias("communes_expected"))
    found = []
    for level in levels:
        place = pl.col(PLACES[level]).alias("place")
        values = linearise(
            totals.with_columns(place).filter(pl.col("place").is_not_null()), strata, by=DOMAIN, rule=rule
        )
        values = _with_df_of_hamlets(values, totals.with_columns(place), strata[0])
        known = _of_places(facts.with_columns(place), expected, level)
        domain = known.join(values.select(*DOMAIN, *VALUES), on=DOMAIN).with_columns(
            df=pl.when("fully_listed").then("df").otherwise(pl.coalesce("df_of_hamlets", "df"))
        )
        found.append(with_bounds(name_regimes(domain), chances).with_columns(level=pl.lit(level)))
    return Estimates(ESTIMATES.check(pl.concat(found)).sort(list(ESTIMATES.key)))


def _with_df_of_hamlets(values: pl.DataFrame, totals: pl.DataFrame, strata: pl.DataFrame) -> pl.DataFrame:
    """Where hamlets were drawn, count only them: households of enumerated hamlets know nothing of the others."""
    drawn = totals.join(strata.filter(pl.col("out_of").is_null()), on=STRATUM)
    freedom = pl.struct(STRATUM, CLUSTER).n_unique().cast(pl.Int64) - pl.col(STRATUM).n_unique().cast(pl.Int64)
    counted = drawn.group_by(DOMAIN).agg(freedom.alias("df_of_hamlets"))
    return values.join(counted, on=DOMAIN, how="left")


def _facts(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """What was counted, of how much of each commune. ``whole``: every submission is one unit of the universe."""
    known, answered = pl.col("units"), pl.col("units") > 0
    one_each = (known + pl.col("unknown") == 1) & (pl.col("denominator") == known)
    countable = (pl.col("denominator") == known) & (
        pl.col("numerator").fill_null(0.0).round() == pl.col("numerator").fill_null(0.0)
    )
    return rows.group_by(by).agg(
        known.sum().alias("n"),
        pl.col("unknown").sum(),
        answered.sum().cast(pl.Int64).alias("n_households"),
        pl.col("cluster").filter(answered).drop_nulls().n_unique().cast(pl.Int64).alias("n_clusters"),
        pl.col("numerator").sum().alias("n_holding"),
        pl.col("denominator").filter(answered).sum().alias("n_base"),
        pl.len().cast(pl.Int64).alias("submissions"),
        one_each.all().alias("whole"),
        countable.all().alias("countable"),
        pl.col("interviewed_on").min().alias("first_interview_on"),
        pl.col("interviewed_on").max().alias("last_interview_on"),
        pl.col("unit", "households_listed", "fraction_interviewed", "fully_listed").first(),
        (pl.col("drawn_from").is_null() & (pl.col("drawn_unit") == pl.col("cluster"))).any().alias("clustered"),
        pl.col("drawn_from").first().alias("returns_expected"),
    )  # fmt: skip


def _of_places(facts: pl.DataFrame, expected: pl.DataFrame, level: Level) -> pl.DataFrame:
    """Sum the facts of communes over each place, and say how much of the place was listed and reached."""
    listed, share = pl.col("households_listed"), pl.col("fraction_interviewed")
    summed = facts.filter(pl.col("place").is_not_null()).group_by(DOMAIN).agg(
        pl.col("n", "unknown", "n_households", "n_clusters", "n_holding", "n_base", "submissions").sum(),
        pl.col("whole", "countable", "fully_listed").all(),
        pl.col("clustered").any(),
        pl.col("first_interview_on").min(),
        pl.col("last_interview_on").max(),
        pl.col("unit", "returns_expected").first(),
        listed.sum().alias("listed"),
        (listed * share).sum().alias("reached"),
        pl.col("commune_code").n_unique().alias("communes"),
    )  # fmt: skip
    summed = summed.join(expected, on="vintage", how="left")
    returns = pl.col("unit") == "commune"
    if level == "province":
        every = pl.col("communes") >= pl.col("communes_expected")
        summed = summed.with_columns(
            fully_listed=pl.when(returns)
            .then(pl.col("returns_expected").is_not_null())
            .otherwise(every & pl.col("fully_listed")),
            listed=pl.when(returns).then(pl.col("returns_expected").cast(pl.Int64)).otherwise("listed"),
        )
    if level == "hamlet":
        summed = summed.with_columns(fully_listed=pl.lit(False))
    return summed.with_columns(fraction=pl.when(pl.col("listed") > 0).then(pl.col("reached") / pl.col("listed")))
