"""Has it become better since the last round? Two estimates, and what they share, become better, worse or cannot tell.

The interval of a difference is put together from the two rounds' own intervals (method of variance estimates recovery:
Newcombe 1998; Zou and Donner 2008, doi:10.1002/sim.3095), so that counts stay exact, shares near 0 and 1 stay inside,
and a round whose uncertainty is unknown leaves the change unknown. See docs/decisions/0060.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import polars as pl
from scipy.special import ndtr, ndtri

from collect.tables import CHANGES, Changes, Estimates, Shared

SAME = ("indicator", "level", "vintage", "place")
PAIR = ("round_from", "round_to")
CARRIED = ("regime", "n", "n_clusters", "value", "std_error", "ci_low", "ci_high")
OTHERS_AT_MOST = 60.0  # degrees of freedom: as many of its own outweigh the other places'; decision 0032
LEVEL = 0.95  # of the estimates' two-sided intervals


def changes(estimates: Estimates, shared: Shared, *, level: float = LEVEL) -> Changes:
    """Compare every pair of rounds, the earlier first, in every place asked in either.

    Parameters
    ----------
    estimates
        With two-sided intervals at ``level``.
    shared
        What pairs of rounds have in common, as `collect.estimate.shared` finds it; a pair it does not hold shares
        nothing.

    Returns
    -------
    Changes. ``better`` means that the whole interval of the difference lies above 0, so it is said wrongly at most
    once in forty where nothing changed. ``same`` is said of counts alone.
    """
    pairs = _pairs(estimates)
    if pairs.is_empty():
        return Changes(CHANGES.empty())
    sides = [
        estimates.select(*SAME, pl.col("round").alias(name), *(pl.col(c).alias(f"{c}_{side}") for c in CARRIED))
        for name, side in zip(PAIR, ("from", "to"), strict=True)
    ]
    asked = estimates.select(*SAME).unique().join(pairs, on="indicator")
    rows = asked.join(sides[0], on=[*SAME, PAIR[0]], how="left").join(sides[1], on=[*SAME, PAIR[1]], how="left")
    rows = rows.filter(pl.col("regime_from").is_not_null() | pl.col("regime_to").is_not_null())
    rows = rows.join(shared, on=[*SAME, *PAIR], how="left").join(
        _usual(shared), on=["indicator", "level", *PAIR], how="left"
    )
    found = [_compared(row, level) for row in rows.sort(*SAME, *PAIR).iter_rows(named=True)]
    return Changes(CHANGES.check(pl.DataFrame(found, schema=CHANGES.schema)).sort(list(CHANGES.key)))


def _pairs(estimates: pl.DataFrame) -> pl.DataFrame:
    """Pairs of rounds in which an indicator was measured, the earlier (by its last interview) first."""
    rounds = (
        estimates.filter(pl.col("n") > 0)
        .group_by("indicator", "round")
        .agg(pl.col("last_interview_on").max().alias("ended_on"))
        .sort("indicator", "ended_on", "round", nulls_last=False)
        .with_columns(turn=pl.int_range(pl.len()).over("indicator"))
    )
    both = rounds.join(rounds, on="indicator", suffix="_to").filter(pl.col("turn") < pl.col("turn_to"))
    return both.select("indicator", round_from="round", round_to="round_to")


def _usual(shared: pl.DataFrame) -> pl.DataFrame:
    """How alike one hamlet's scores are in two rounds, all places of a level together, with its degrees of freedom."""
    likeness = pl.col("products").sum() / (pl.col("squares_from").sum() * pl.col("squares_to").sum()).sqrt()
    return shared.group_by("indicator", "level", *PAIR).agg(
        likeness.fill_nan(None).clip(0.0, 1.0).alias("likeness"),
        pl.col("df").sum().cast(pl.Float64).alias("likeness_df"),
    )


def _compared(row: dict[str, Any], level: float) -> dict[str, Any]:
    found = {name: row[name] for name in (*SAME, *PAIR)}
    for side in ("from", "to"):
        found |= {f"{name}_{side}": row[f"{name}_{side}"] for name in ("regime", "n")}
        found[f"estimate_{side}"] = row[f"value_{side}"]
    found["clusters_shared"] = row["clusters_shared"] or 0
    if row["value_from"] is None or row["value_to"] is None:
        return found | {"regime": "unknown", "verdict": "cannot_tell", "reason": "one_round"}
    found["difference"] = row["value_to"] - row["value_from"]
    if row["regime_from"] == row["regime_to"] == "census":
        return found | _of_counts(found["difference"])
    if None in (row["ci_low_from"], row["ci_low_to"]):
        return found | {"regime": "unknown", "verdict": "cannot_tell", "reason": "one_cluster"}
    correlation = _correlation(row)
    low, high = _interval(row, correlation)
    verdict = "better" if low > 0 else "worse" if high < 0 else "cannot_tell"
    return found | {
        "regime": "shared" if found["clusters_shared"] else "independent",
        "std_error": _error(row),
        "correlation": correlation,
        "ci_low": low,
        "ci_high": high,
        "p_better": _chance(found["difference"], low, high, level),
        "verdict": verdict,
        "reason": "interval",
    }


def _of_counts(difference: float) -> dict[str, Any]:
    """Everybody answered in both rounds: the difference is a fact."""
    verdict = "better" if difference > 0 else "worse" if difference < 0 else "same"
    return {
        "regime": "census", "std_error": 0.0, "ci_low": difference, "ci_high": difference,
        "p_better": float(difference > 0), "verdict": verdict, "reason": "count",
    }  # fmt: skip


def _error(row: dict[str, Any]) -> float | None:
    """Square root of V1 + V2 - 2 Cov; empty where either is not known, or where nothing would be left of it."""
    one, two = row["std_error_from"], row["std_error_to"]
    if one is None or two is None:
        return None
    variance = one**2 + two**2 - 2 * _covariance(row)
    return sqrt(variance) if variance > 1e-9 * (one**2 + two**2) else None


def _covariance(row: dict[str, Any]) -> float:
    """Of the two estimates. What known totals explain of an error is taken from what both rounds share of it too."""
    covariance = row["covariance"] or 0.0
    for side in ("from", "to"):
        error, between = row[f"std_error_{side}"], row[f"variance_{side}"]
        if error is not None and between:
            covariance *= min(error / sqrt(between), 1.0)
    return float(covariance)


def _correlation(row: dict[str, Any]) -> float:
    """Of the two estimates, as judged: its own and what other places lead to expect, by their degrees of freedom."""
    if not row["clusters_shared"] or row["likeness"] is None:
        return 0.0
    drawn = sqrt(row["n_clusters_from"] * row["n_clusters_to"])
    expected = row["likeness"] * min(row["clusters_shared"] / drawn, 1.0) if drawn else 0.0
    errors = (row["std_error_from"] or 0.0) * (row["std_error_to"] or 0.0)
    own = min(max(_covariance(row) / errors, -1.0), 1.0) if errors > 0 else expected
    mine, trust = float(row["df"]) if errors > 0 else 0.0, min(row["likeness_df"], OTHERS_AT_MOST)
    return (mine * own + trust * expected) / (mine + trust) if mine + trust > 0 else 0.0


def _interval(row: dict[str, Any], correlation: float) -> tuple[float, float]:
    """Zou and Donner's limits: how far each round's own limit lies from its value, put together as errors are."""
    one, two = row["value_from"], row["value_to"]
    up_from, down_from = row["ci_high_from"] - one, one - row["ci_low_from"]
    up_to, down_to = row["ci_high_to"] - two, two - row["ci_low_to"]

    def together(a: float, b: float) -> float:
        return sqrt(max(a * a + b * b - 2 * correlation * a * b, 0.0))

    return (
        max(two - one - together(down_to, up_from), -1.0),
        min(two - one + together(up_to, down_from), 1.0),
    )


def _chance(difference: float, low: float, high: float, level: float) -> float:
    """That it became better: the level at which the limit towards 0 would touch 0, so that both always agree."""
    reach = difference - low if difference > 0 else high - difference
    if difference == 0:
        return 0.5
    if reach <= 0:
        return float(difference > 0)
    return float(ndtr(ndtri((1 + level) / 2) * difference / reach))
