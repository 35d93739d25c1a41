"""The list of gaps: every target a commune has not met, cannot be seen to have met, or was not asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from math import floor
from uuid import UUID, uuid5

import polars as pl

from collect.indicators import Indicator
from collect.judge.disclosure import FEWEST_INTERVIEWED, suppress
from collect.tables import GAPS, Estimates, Gaps, Units, Verdicts, Weights
from collect.targets import Target

NAMES = UUID("6f0f5d0e-3a52-5d0c-9d0e-5b1f4f0c8a11")  # namespace of gap_id: never change, partners keep these names
HOUSEHOLD = pl.lit("household")
ROUNDING = 1e-6  # a count of 240 may arrive as 239.99999999999997
PLACE = ("vintage", "place")


def gaps(  # noqa: PLR0913  # it joins what every stage before it found
    verdicts: Verdicts,
    estimates: Estimates,
    targets: Sequence[Target],
    indicators: Sequence[Indicator],
    places: Units,
    weights: Weights,
    *,
    release: str,
    as_of: date,
    outlines: pl.DataFrame | None = None,
    suppress_below: int = FEWEST_INTERVIEWED,
) -> Gaps:
    """List the gaps of every commune, most units needed first.

    Parameters
    ----------
    verdicts, estimates
        Of all rounds: a commune's latest round with data speaks for it.
    weights
        How many households were listed and interviewed in each commune.
    outlines
        ``vintage``, ``code`` and ``geometry`` (WKB), where boundaries are at hand.
    suppress_below
        Figures that rest on fewer interviewed households are withheld; see `collect.judge.disclosure`.

    Notes
    -----
    ``households_needed`` is the least whole number that meets the target, less what there is, in the units the
    indicator counts: households; people of its universe; 1 for a commune. Their total, ``universe``, is the
    enumeration's where there is one, else the estimate's weighted denominator, scaled to the commune's households (as
    the frame lists them, or the 2019 census). Units whose answer is not known leave the share and stay in ``universe``,
    here as there: the need is that of all, as if those who did not know were like those who did (record 0126). So every
    row can be computed again. Its low and high put the truth at either end of the interval.
    """
    rows = _latest(verdicts, estimates).filter(pl.col("verdict") != "met")
    rows = rows.join(_facts_of_targets(targets, indicators), on="target_id", how="inner")
    rows = rows.join(_facts_of_places(places, weights, outlines), on=[*PLACE], how="inner")
    rows = rows.join(_listed(weights, "round"), on=[*PLACE, "round"], how="left").with_columns(
        households_listed=pl.coalesce("households_listed", "listed_ever")
    )
    of_returns = pl.col("counted_in") == "communes"
    rows = rows.with_columns(pl.col("unit").fill_null(pl.when(of_returns).then(pl.lit("commune")).otherwise(HOUSEHOLD)))
    rows = rows.join(_asked(weights), on=[*PLACE, "round", "unit"], how="left")
    rows = _with_households(rows)
    rows = _with_needs(rows, {target.target_id: target for target in targets})
    rows = _named(rows).with_columns(release=pl.lit(release), as_of=pl.lit(as_of))
    return Gaps(GAPS.check(_ranked(suppress(rows, suppress_below))))


def _latest(verdicts: pl.DataFrame, estimates: pl.DataFrame) -> pl.DataFrame:
    """Commune verdicts with their estimates, of each the latest round that has data (the last, when none has)."""
    last = estimates.group_by("round").agg(pl.col("last_interview_on").max().alias("round_ended_on"))
    figures = estimates.drop("level").filter(estimates["level"] == "commune")
    rows = verdicts.filter(pl.col("level") == "commune").join(figures, on=["indicator", *PLACE, "round"], how="left")
    rows = rows.join(last, on="round", how="left").with_columns(has_data=pl.col("verdict") != "no_data")
    rows = rows.sort("has_data", "round_ended_on", "round", nulls_last=False)
    return rows.group_by("target_id", *PLACE).last()


def _facts_of_targets(targets: Sequence[Target], indicators: Sequence[Indicator]) -> pl.DataFrame:
    known = {indicator.indicator_id: indicator for indicator in indicators}
    facts = [
        {
            "target_id": target.target_id,
            "decision": target.decision,
            "operator": target.operator,
            "target": float(target.value),
            "target_year": target.year,
            "gap_of_indicator": known[target.indicator].gap_type,
            "counted_in": known[target.indicator].counted_in,
        }
        for target in targets
        if target.indicator in known and target.unit == "share"
    ]
    text = dict.fromkeys(("target_id", "decision", "operator", "gap_of_indicator", "counted_in"), pl.String)
    return pl.DataFrame(facts, schema={**text, "target": pl.Float64, "target_year": pl.Int64})


def _facts_of_places(places: pl.DataFrame, weights: pl.DataFrame, outlines: pl.DataFrame | None) -> pl.DataFrame:
    names = ("vintage", "province_code", "households_2019", "longitude", "latitude")
    facts = places.select(*names, place="code", commune_name="name_vi")
    ever = _listed(weights).rename({"households_listed": "listed_ever"})
    facts = facts.join(ever, on=[*PLACE], how="left")
    if outlines is None:
        return facts.with_columns(geometry=pl.lit(None, pl.Binary))
    return facts.join(outlines.select("vintage", "geometry", place="code"), on=[*PLACE], how="left")


def _listed(weights: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Households that the frame lists in each commune, of whichever round, or ``by`` round."""
    asked = weights.filter(pl.col("unit") == "household").with_columns(place="commune_code")
    return asked.group_by(*PLACE, *by).agg(pl.col("households_listed").max())


def _asked(weights: pl.DataFrame) -> pl.DataFrame:
    """Per commune and round: households interviewed, and how many they speak for."""
    return weights.group_by("vintage", "round", "unit", pl.col("commune_code").alias("place"), maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("interviewed"), pl.col("weight").implode().list.sum().alias("weight")
    )


def _with_households(rows: pl.DataFrame) -> pl.DataFrame:
    by_frame = pl.col("households_listed").is_not_null()
    source = pl.when(by_frame).then(pl.lit("frame")).when(pl.col("households_2019").is_not_null())
    scale = (pl.col("households") / pl.col("weight")).fill_null(1.0)
    known = pl.col("n") / (pl.col("n") + pl.col("unknown").fill_null(0))
    at_most = pl.when(pl.col("counted_in") == "households").then("households")
    universe = (
        pl.when(pl.col("population").is_not_null())
        .then(pl.col("population").cast(pl.Float64))
        .when(pl.col("counted_in") == "communes")
        .then(1.0)
        .when((pl.col("unit") == HOUSEHOLD) & (pl.col("n") > 0))
        .then(pl.min_horizontal(pl.col("denominator") / known * scale, at_most))
        .otherwise("denominator")
    )
    rows = rows.with_columns(
        households=pl.coalesce("households_listed", "households_2019"),
        households_source=source.then(pl.lit("census_2019")),
        interviewed=pl.when(pl.col("unit") == HOUSEHOLD).then(pl.col("interviewed").fill_null(0)),
    )
    return rows.with_columns(universe=universe.round().cast(pl.Int64))


def _with_needs(rows: pl.DataFrame, targets: Mapping[str, Target]) -> pl.DataFrame:
    """The least whole numbers, from exact fractions: floats would put 80 % of 300 at 240.00000000000003."""
    names = {"households_needed": "value", "households_needed_low": "ci_high", "households_needed_high": "ci_low"}
    needs: dict[str, list[int | None]] = {name: [] for name in names}
    for row in rows.iter_rows(named=True):
        for name, share in names.items():
            needs[name].append(_needed(targets[row["target_id"]], row["universe"], row[share]))
    return rows.with_columns(pl.Series(name, values, pl.Int64) for name, values in needs.items())


def _needed(target: Target, universe: int | None, share: float | None) -> int | None:
    if universe is None or share is None:
        return None
    have = floor(share * universe + ROUNDING)
    return max(target.needed(universe) - have, 0)


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    unasked = pl.col("verdict") == "no_data"
    names = [uuid5(NAMES, "|".join(key)) for key in rows.select("target_id", "vintage", "place").rows()]
    return rows.with_columns(
        gap_id=pl.Series([str(name) for name in names], dtype=pl.String),
        gap_type=pl.when(unasked).then(pl.lit("measure")).otherwise("gap_of_indicator"),
        commune_code="place",
        needed_unit="counted_in",
        commune_vintage="vintage",
        estimate="value",
        p_meets_target="p_meets",
        hamlet=pl.lit(None, pl.String),
        last_interview_on=pl.when(~unasked).then("last_interview_on"),
    )


def _ranked(rows: pl.DataFrame) -> pl.DataFrame:
    """The largest need of each target first, then the second of each: households and people cannot be compared.

    Within a target most units needed come first, then what is withheld or unknown by the commune's size, which tells
    nothing, then what needs nothing more as far as is known; of equals the least certain.
    """
    needed, doubt = pl.col("households_needed"), (pl.col("p_meets_target") - 0.5).abs()
    kind = pl.when(needed > 0).then(0).when(needed.is_null()).then(1).otherwise(2)
    largest = pl.when(needed.is_null()).then("households").otherwise(0)
    ordered = rows.sort(
        kind, needed, largest, doubt, "commune_code", "target_id",
        descending=[False, True, True, False, False, False], nulls_last=True,
    )  # fmt: skip
    turn = pl.int_range(pl.len()).over("target_id")
    ranked = ordered.with_columns(turn.alias("_turn")).sort("_turn", "target_year", "target_id").drop("_turn")
    return ranked.with_columns(priority=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
