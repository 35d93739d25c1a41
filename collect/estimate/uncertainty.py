"""The error, interval and bounds of each estimate, by its regime."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from collect.estimate.intervals import NO_SPREAD, Counts, Numbers, bounds_of_counts, effective_size, wilson
from collect.estimate.pooled import interval, limits, moderated

FOUND = ("std_error", "deff", "n_effective", "ci_low", "ci_high", "lower_bound", "upper_bound")
CENSUS, NEAR, CLUSTERS = "census", "near_census", "clusters"
Ends = tuple[Numbers, Numbers]
SAMPLES = (NEAR, CLUSTERS, "simple")


@dataclass(frozen=True, slots=True)
class Levels:
    """How sure to be: ``interval`` two-sided, ``bound`` one-sided (WHO rule N-4 takes 0.95)."""

    interval: float = 0.95
    bound: float = 0.95


USUAL = Levels()


def with_bounds(domain: pl.DataFrame, chances: Levels) -> pl.DataFrame:
    """Put error, interval and bounds to each row; empty where the regime cannot know them."""
    domain = _exact_values(domain)
    samples = domain.filter(pl.col("regime").is_in(SAMPLES) & ~_counted())
    others = domain.filter(~pl.col("regime").is_in(SAMPLES) & ~_counted())
    counted = domain.filter(_counted())
    blank = [pl.lit(None, pl.Float64).alias(name) for name in FOUND]
    parts = (_sampled(samples, chances), _enumerated(counted, chances), others.with_columns(blank))
    return pl.concat([part.select(parts[0].columns) for part in parts])


def _counted() -> pl.Expr:
    return (pl.col("regime") == CENSUS) | ((pl.col("regime") == NEAR) & pl.col("population").is_not_null())


def _exact_values(domain: pl.DataFrame) -> pl.DataFrame:
    """Counts speak for themselves where everybody is listed; none and all are 0 and 1 whatever the weights."""
    plain = pl.col("n_holding") / pl.col("n_base")
    share = pl.when(_counted()).then(plain).when(plain.is_in([0.0, 1.0])).then(plain).otherwise("value")
    listed = pl.coalesce(pl.col("population").cast(pl.Float64), "n_base")
    universe = pl.when(_counted()).then(listed).otherwise("denominator")
    held = (
        pl.when(pl.col("regime") == CENSUS)
        .then("n_holding")
        .when(_counted())
        .then(plain * universe)
        .otherwise("numerator")
    )
    empty = pl.col("regime") == "empty"
    return domain.with_columns(
        value=pl.when(~empty).then(share), denominator=universe, numerator=held,
        df=pl.when(_counted() | empty).then(None).otherwise(pl.col("df").cast(pl.Float64)),
    )  # fmt: skip


def _sampled(rows: pl.DataFrame, chances: Levels) -> pl.DataFrame:
    """Intervals from the linearised error: moderated by other places where hamlets were drawn, else modified Wilson."""
    value, error, df = _numbers(rows, "value"), _numbers(rows, "std_error"), _numbers(rows, "df")
    n, undrawn = _numbers(rows, "n"), _numbers(rows, "undrawn")
    one_sided = 2 * chances.bound - 1
    for_bounds = effective_size(value, error, n, df, level=one_sided, undrawn=undrawn)
    for_interval = effective_size(value, error, n, df, level=chances.interval, undrawn=undrawn)
    flat = (value <= 0) | (value >= 1) | (error < NO_SPREAD) | np.isnan(error)
    with np.errstate(divide="ignore", invalid="ignore"):
        deff = np.where(flat, np.nan, error**2 * (n - 1) / (value * (1 - value)))
    ci, bounds = wilson(value, for_interval, level=chances.interval), wilson(value, for_bounds, level=one_sided)
    pooled, freedom = moderated(rows, deff)
    known, size = ~np.isnan(pooled), n / pooled
    ci = _instead(known, ci, interval(value, size, freedom, level=chances.interval))
    bounds = _instead(known, bounds, limits(value, size, freedom, tail=1 - chances.bound))
    for_bounds = np.where(flat & known, size, for_bounds)
    return _added(rows, (np.where(flat, np.nan, error), deff, for_bounds, *ci, *bounds))


def _instead(where: NDArray[np.bool_], ends: tuple[Numbers, Numbers], others: tuple[Numbers, Numbers]) -> Ends:
    return np.where(where, others[0], ends[0]), np.where(where, others[1], ends[1])


def _enumerated(rows: pl.DataFrame, chances: Levels) -> pl.DataFrame:
    """Counts, and exact bounds on counts; of an enumeration both are what was counted."""
    value, full = _numbers(rows, "value"), (rows["regime"] == CENSUS).to_numpy()
    known, holding = _counts(rows, "n"), _counts(rows, "n_holding")
    everybody = np.where(full, known, _counts(rows, "population"))
    # chance did not choose which officers sent no return: whatever they hold is possible
    possible, returns = (holding, holding + everybody - known), (rows["unit"] == "commune").to_numpy()

    def ends(tail: float) -> tuple[Numbers, Numbers]:
        believable = bounds_of_counts(holding, known, everybody, tail=tail)
        low, high = (np.where(returns, *both) / everybody for both in zip(possible, believable, strict=True))
        return _instead(full, (low, high), (value, value))

    with np.errstate(divide="ignore", invalid="ignore"):
        left = (everybody - known) / everybody
        error = np.sqrt(left * value * (1 - value) / (known - 1))
        ci, bounds = ends((1 - chances.interval) / 2), ends(1 - chances.bound)
        error = np.where(full, 0.0, np.where((known > 1) & (error > 0), error, np.nan))
        unknown = full | (left <= 0)
        deff, size = np.where(unknown, np.nan, left), np.where(unknown, np.nan, known / left)
    return _added(rows, (error, deff, size, *ci, *bounds))


def _counts(rows: pl.DataFrame, name: str) -> Counts:
    return rows[name].fill_null(0).round().cast(pl.Int64).to_numpy()


def _numbers(rows: pl.DataFrame, name: str) -> Numbers:
    return rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _added(rows: pl.DataFrame, columns: tuple[Numbers, ...]) -> pl.DataFrame:
    named = [pl.Series(name, values, pl.Float64, nan_to_null=True) for name, values in zip(FOUND, columns, strict=True)]
    return rows.with_columns(named)
