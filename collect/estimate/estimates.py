"""One estimate per indicator, place and round, each by the method that its own fieldwork allows, and saying which."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from collect.estimate.explained import Explained, beside, spread_after
from collect.estimate.linearised import (
    ADJUST,
    STRATUM,
    Rule,
    Sample,
    Strata,
    Variance,
    freedom,
    in_order,
    linearise,
    strata_of,
    totals_of,
)
from collect.estimate.regimes import name_regimes
from collect.estimate.uncertainty import USUAL, Levels, with_bounds
from collect.indicators import Level
from collect.tables import ESTIMATES, Estimates, Measures, Units, Weights

DOMAIN = ("indicator", "round", "vintage", "place")
AS_DRAWN = Sample("weight", "drawn_stratum", "drawn_unit", "drawn_from")
SPOT = "spot"  # the finest place that any level asks for
SQUARES = ("yy", "xy", "xx")  # of the households' own sums
VALUES = ("value", "std_error", "df", "numerator", "denominator")
PLACES: dict[Level, str] = {"province": "province_code", "commune": "commune_code", "hamlet": "place_of_hamlet"}


def estimate(  # noqa: PLR0913 what a survey is made of, each of another stage
    measures: Measures,
    weights: Weights,
    places: Units,
    *,
    levels: Sequence[Level] = ("province", "commune"),
    chances: Levels = USUAL,
    rule: Rule = ADJUST,
    explained: Explained = (),
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
    explained
        From `put_right`, where weights were made to fit known people.

    Notes
    -----
    What a commune's ``known_total`` and known people explain leaves the error, by the residual step of R
    ``svyrecvar``; at hamlet level it would explain nothing. The error of a sample is that between drawn units inside
    strata, hamlets taken as drawn with replacement, households
    of enumerated hamlets without. ``std_error`` is 0 only for an enumeration; it is empty where all clusters were alike
    (0 %, 100 %), and the interval then is that of a simple sample as large as such hamlets are worth elsewhere.
    """
    drawn = _coded(weights.filter(pl.col("weight") > 0), places, levels)
    expected = places.group_by("vintage").agg(pl.len().alias("communes_expected"))
    parts = measures.partition_by("indicator") or [measures]  # none needs another's rows, which fill much memory
    found = [_of_indicator(drawn, part, expected, levels, (chances, rule, explained)) for part in parts]
    return Estimates(ESTIMATES.check(pl.concat(found)).sort(list(ESTIMATES.key)))


def _of_indicator(
    drawn: pl.DataFrame,
    measures: pl.DataFrame,
    expected: pl.DataFrame,
    levels: Sequence[Level],
    ways: tuple[Levels, Rule, Explained],
) -> pl.DataFrame:
    chances, rule, explained = ways
    rows = drawn.join(measures, on="submission_id", maintain_order="left").with_columns(
        numerator=pl.when(pl.col("units") > 0).then("numerator"), indicator=pl.col("indicator").cast(pl.Categorical)
    )
    totals = totals_of(rows, AS_DRAWN, y="numerator", x="denominator", by=["indicator", SPOT])
    totals = totals if explained else beside(totals, drawn, AS_DRAWN, SPOT)
    strata, facts = _answering(strata_of(drawn, AS_DRAWN)[0], rows), _facts(rows)
    spots = drawn.select(SPOT, "round", "vintage", *PLACES.values()).unique()
    found = []
    for level in levels:
        named = spots.with_columns(commune="commune_code").rename({PLACES[level]: "place"})
        spots_of = named.drop_nulls("place").select(SPOT, "commune", *DOMAIN[1:])
        spots_of = spots_of.with_columns(domain=pl.struct(DOMAIN[1:]).rank("dense"))
        placed = totals.join(spots_of.select(SPOT, "domain"), on=SPOT, maintain_order="left")
        after = None
        if explained and level != "hamlet":
            after = spread_after(explained, rows, drawn, (spots_of.select(SPOT, "domain"), strata, rule))
        values = _values(placed.drop("cell", strict=False) if level == "hamlet" else placed, strata, rule, after)
        known = _of_places(facts.join(spots_of, on=SPOT, maintain_order="left"), expected, level)
        known = known.join(values, on=["indicator", "domain"], maintain_order="left")
        known = known.with_columns(df=pl.when("fully_listed").then("df").otherwise(pl.coalesce("df_of_hamlets", "df")))
        found.append(with_bounds(name_regimes(known), chances).with_columns(level=pl.lit(level)))
    return pl.concat(found)


def _coded(weights: pl.DataFrame, places: pl.DataFrame, levels: Sequence[Level]) -> pl.DataFrame:
    """Weights with their province, and numbers in place of the long names that a million rows would be grouped by."""
    provinces = places.select("vintage", commune_code="code", province_code="province_code")
    placed = weights.join(provinces, on=["vintage", "commune_code"], how="left", maintain_order="left")
    spot = ["round", "vintage", "commune_code", *(["cluster"] if "hamlet" in levels else [])]
    hamlet = pl.col("cluster") if "hamlet" in levels else pl.lit(None, pl.String).alias("cluster")
    return placed.with_columns(
        pl.struct(spot).rank("dense").alias(SPOT),
        pl.col("drawn_stratum", "drawn_unit").rank("dense"),
        from_hamlets=pl.col("drawn_from").is_null() & (pl.col("drawn_unit") == pl.col("cluster")),
        place_of_hamlet=hamlet,
    )


def _answering(strata: pl.DataFrame, rows: pl.DataFrame) -> Strata:
    """Strata per indicator. Of an enumerated list, a household whose answer is not known is as good as not drawn."""
    silent = (pl.col("units") == 0) & (pl.col("unknown") > 0)
    per_indicator = rows.group_by("indicator", pl.col("drawn_stratum").alias(STRATUM)).agg(silent.sum().alias("silent"))
    found = per_indicator.join(strata, on=STRATUM)
    drawn = pl.col("drawn") - pl.when(pl.col("out_of").is_not_null()).then("silent").otherwise(0)
    left = pl.when(pl.col("out_of").is_not_null()).then(1 - drawn / pl.col("out_of")).otherwise("left")
    return found.with_columns(drawn=drawn, left=left).drop("silent"), None


def _values(totals: pl.DataFrame, strata: Strata, rule: Rule, variance: Variance | None = None) -> pl.DataFrame:
    """Linearised values per domain, and the degrees of freedom of its drawn hamlets alone.

    Households of enumerated hamlets are thousands of drawn units, and know nothing of the spread of other hamlets.
    """
    by = ["indicator", "domain"]
    values = linearise(totals, strata, by=by, rule=rule, variance=variance)
    sampled = strata[0].filter(pl.col("out_of").is_null()).select(STRATUM).unique()
    hamlets = totals.join(sampled, on=STRATUM)
    counted = freedom(hamlets, by).select(*by, df_of_hamlets="df")
    return values.select(*by, *VALUES).join(counted, on=by, how="left")


def _facts(rows: pl.DataFrame) -> pl.DataFrame:
    """What was counted, of how much of each commune. ``whole``: every submission is one unit of the universe."""
    known, answered = pl.col("units"), pl.col("units") > 0
    y, x = pl.col("numerator"), pl.when(answered).then("denominator")
    one_each = (known + pl.col("unknown") == 1) & (pl.col("denominator") == known)
    countable = (pl.col("denominator") == known) & (
        pl.col("numerator").fill_null(0.0).round() == pl.col("numerator").fill_null(0.0)
    )
    return rows.group_by("indicator", SPOT, maintain_order=True).agg(
        known.sum().alias("n"),
        pl.col("unknown").sum(),
        answered.sum().cast(pl.Int64).alias("n_households"),
        pl.col("cluster").filter(answered).drop_nulls().n_unique().cast(pl.Int64).alias("n_clusters"),
        pl.col("numerator").sum().alias("n_holding"),
        pl.col("denominator").filter(answered).sum().alias("n_base"),
        *(square.sum().alias(name) for name, square in zip(SQUARES, (y * y, x * y, x * x), strict=True)),
        pl.len().cast(pl.Int64).alias("submissions"),
        one_each.all().alias("whole"),
        countable.all().alias("countable"),
        pl.col("interviewed_on").min().alias("first_interview_on"),
        pl.col("interviewed_on").max().alias("last_interview_on"),
        pl.col("unit", "households_listed", "fraction_interviewed", "fully_listed").first(),
        pl.col("from_hamlets").any().alias("clustered"),
        pl.col("drawn_from").first().alias("returns_expected"),
    )  # fmt: skip


def _of_places(facts: pl.DataFrame, expected: pl.DataFrame, level: Level) -> pl.DataFrame:
    """Sum the facts of communes over each place, and say how much of the place was listed and reached."""
    once = pl.len().over("indicator", "domain", "commune")  # a commune may have come in several spots
    listed, share = pl.col("households_listed") / once, pl.col("fraction_interviewed")
    facts = facts.with_columns(listed=listed, reached=listed * share)
    summed = facts.group_by("domain", *DOMAIN, maintain_order=True).agg(
        pl.col("n", "unknown", "n_households", "n_clusters", "n_holding", "n_base", "submissions", *SQUARES).sum(),
        pl.col("whole", "countable", "fully_listed").all(),
        pl.col("clustered").any(),
        pl.col("first_interview_on").min(),
        pl.col("last_interview_on").max(),
        pl.col("unit", "returns_expected").first(),
        in_order(pl.col("listed", "reached").drop_nulls()),
        pl.col("commune").n_unique().alias("communes"),
    )  # fmt: skip
    summed = summed.with_columns(deff_of_households=_of_households()).join(expected, on="vintage", how="left")
    returns = pl.col("unit") == "commune"
    if level == "province":
        every = pl.col("communes") >= pl.col("communes_expected")
        summed = summed.with_columns(
            fully_listed=pl.when(returns)
            .then(pl.col("returns_expected").is_not_null())
            .otherwise(every & pl.col("fully_listed")),
            listed=pl.when(returns).then(pl.col("returns_expected")).otherwise("listed"),
        )
    if level == "hamlet":
        summed = summed.with_columns(fully_listed=pl.lit(False))
    return summed.with_columns(fraction=pl.when(pl.col("listed") > 0).then(pl.col("reached") / pl.col("listed")))


def _of_households() -> pl.Expr:
    """Design effect of units met together in their households, had these been drawn one by one: unweighted."""
    households, base, share = pl.col("n_households"), pl.col("n_base"), pl.col("n_holding") / pl.col("n_base")
    left = pl.col("yy") - 2 * share * pl.col("xy") + share * share * pl.col("xx")
    variance = left * households / (households - 1) / base**2
    seen = (households > 1) & (base > 0) & share.is_between(0, 1, closed="none")
    return pl.when(seen).then(variance * (pl.col("n") - 1) / (share * (1 - share)))
