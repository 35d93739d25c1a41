"""Weights are put right in the usual order: for those who did not answer, to known totals, and cut where too large.

Each step says what it did, because a weight that nobody can retrace defends no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from collect.estimate.calibration import calibrate
from collect.estimate.reading import numbers
from collect.estimate.spec import Margin
from collect.problems import CollectError

Numbers = NDArray[np.float64]
ROUNDS = 50  # cutting moves weight to others, who may then be too large themselves


@dataclass(frozen=True, slots=True)
class Adjusting:
    """Which columns and limits: ``answered`` by 1 or yes, ``cells`` alike in answering, ``trim`` times the median."""

    weight: str | None = None
    answered: str | None = None
    cells: tuple[str, ...] = ()
    margins: tuple[Margin, ...] = ()
    trim: float | None = None


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Weights, and one report per step: its name, rows changed, sum, effective size, largest factor."""

    weights: Numbers
    steps: tuple[dict[str, object], ...]


def effective_interviews(weights: Numbers) -> float:
    """Kish: the equally weighted interviews that unequal weights are worth, (sum w) squared / sum w squared."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def adjust(frame: pl.DataFrame, answered: pl.Series, asked: Adjusting) -> Adjusted:
    """Adjust the weights of ``frame``; rows that did not answer end with weight 0."""
    for name in (asked.weight, *asked.cells):
        if name and name not in frame.columns:
            raise CollectError("USE-10", column=name, known=", ".join(frame.columns))
    start = np.ones(frame.height)
    if asked.weight:
        given = numbers(frame, asked.weight)
        wrong = int((given.is_null() | (given < 0)).sum())
        if wrong:
            raise CollectError("USE-11", column=asked.weight, rows=wrong, need="weight")
        start = given.to_numpy()
    weights, steps = start, [report("design", start, start)]
    if asked.answered:
        weights = _for_silence(frame, weights, answered, asked.cells)
        steps.append(report("nonresponse", start, weights))
    for name, after in _later(frame, weights, asked):
        steps.append(report(name, weights, after))
        weights = after
    return Adjusted(weights, tuple(steps))


def _later(frame: pl.DataFrame, weights: Numbers, asked: Adjusting) -> Sequence[tuple[str, Numbers]]:
    done = []
    if asked.margins:
        weights = calibrate(frame, weights, asked.margins).weights
        done.append(("calibration", weights))
    if asked.trim is not None:
        weights = cut(weights, asked.trim)
        done.append(("trimming", weights))
    return done


def _for_silence(frame: pl.DataFrame, weights: Numbers, answered: pl.Series, cells: Sequence[str]) -> Numbers:
    """In each cell those who answered stand for all: times sum of weights / sum of weights that answered."""
    table = pl.DataFrame({"w": weights, "a": answered.fill_null(0.0) > 0}).with_columns(
        frame.select(cells).rename({name: f"cell:{name}" for name in cells})
    )
    by = [f"cell:{name}" for name in cells]
    if not by:
        table, by = table.with_columns(pl.lit(0).alias("cell:")), ["cell:"]
    sums = table.group_by(by, maintain_order=True).agg(
        pl.col("w").implode().list.sum().alias("all"),
        pl.col("w").filter("a").implode().list.sum().alias("spoke"),
    )
    silent = sums.filter((pl.col("all") > 0) & (pl.col("spoke").fill_null(0) <= 0))
    if silent.height:
        raise CollectError("USE-19", cells=silent.height, columns=", ".join(cells) or "-")
    joined = table.join(sums, on=by, how="left", nulls_equal=True, maintain_order="left")
    factor = pl.when("a").then(pl.col("w") * pl.col("all") / pl.col("spoke")).otherwise(0.0)
    return joined.select(factor.fill_nan(0.0).alias("w"))["w"].to_numpy()


def cut(weights: Numbers, times: float) -> Numbers:
    """No weight above ``times`` the median; what is cut off goes to the others, so that the sum stays.

    Raises CollectError USE-12 where no weights so cut can have that sum.
    """
    positive = weights > 0
    most = times * float(np.median(weights[positive])) if positive.any() else 0.0
    if times <= 1 or most * positive.sum() <= weights.sum():
        raise CollectError("USE-12", column="--trim", value=f"{times:g}")
    whole, cut = float(weights.sum()), weights.copy()
    for _ in range(ROUNDS):
        over = cut > most * (1 + 1e-12)
        if not over.any():
            break
        cut[over] = most
        under = positive & (cut < most)
        cut[under] *= 1 + (whole - float(cut.sum())) / float(cut[under].sum())
    return np.minimum(cut, most)


def report(name: str, before: Numbers, after: Numbers) -> dict[str, object]:
    """What one step did to the weights, for people and programs to read."""
    both = (before > 0) & (after > 0)
    factors = after[both] / before[both]
    return {
        "step": name,
        "rows_changed": int((~np.isclose(before, after, rtol=1e-9, atol=0)).sum()),
        "rows_zero": int((after == 0).sum()),
        "sum": float(after.sum()),
        "effective_size": effective_interviews(after),
        "factor_least": float(factors.min()) if len(factors) else None,
        "factor_most": float(factors.max()) if len(factors) else None,
        "largest": float(after.max()) if len(after) else None,
    }
