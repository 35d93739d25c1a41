"""Weights that reproduce known totals of the population, and what knowing them takes off the error.

Poststratification and raking as R ``postStratify`` and ``rake``, GREG (linear calibration) as R ``calibrate``; before
the variance is taken each score loses what its calibration already explains, by the residual step of R ``svyrecvar``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import polars as pl
from numpy.typing import NDArray

from collect.estimate.spec import Calibration, Margin
from collect.problems import CollectError

Numbers = NDArray[np.float64]
Residual = Callable[[Numbers], Numbers]
ROUNDS, CLOSE = 2000, 1e-12  # raking stops when no margin is off by more than CLOSE of itself
R_ROUNDS = 10  # how often R takes the margins' means off the scores of a raked sample
AGREE = 1e-6  # totals of two margins that differ by more than this share describe two populations


@dataclass(frozen=True, slots=True)
class Calibrated:
    """New weights, and the step that takes from weighted scores what the known totals explain."""

    weights: Numbers
    residual: Residual


@dataclass(frozen=True, slots=True)
class Groups:
    """One categorical margin: the group of each row, and the known total of each group."""

    name: str
    of_row: NDArray[np.int64]
    totals: Numbers

    def sums(self, values: Numbers) -> Numbers:
        """Sum per group, in the order of the rows."""
        return np.bincount(self.of_row, values, minlength=len(self.totals)).astype(np.float64)


def calibrate(rows: pl.DataFrame, weights: Numbers, margins: Sequence[Margin], how: Calibration = "auto") -> Calibrated:
    """Calibrate ``weights`` of ``rows`` to ``margins``.

    ``auto`` poststratifies on one categorical margin, rakes on several, and takes GREG where a number's total is known.
    ``column`` may join columns ("sex:agegroup", values "1:15-24"); "" is the total count of the population.
    """
    groups, totals = _groups(rows, weights, margins)
    if how == "auto":
        how = "greg" if totals else "poststratify" if len(groups) == 1 else "rake"
    if (how != "greg" and (totals or not groups)) or (how == "poststratify" and len(groups) != 1):
        raise CollectError("USE-15", column=margins[0].column, value=how, need="method")
    if how == "poststratify":
        return _poststratified(groups[0], weights)
    _same_population(groups)
    return _raked(groups, weights) if how == "rake" else _regressed(rows, weights, groups, totals)


def _groups(rows: pl.DataFrame, weights: Numbers, margins: Sequence[Margin]) -> tuple[list[Groups], list[Margin]]:
    ordered = sorted(margins, key=lambda margin: margin.column)
    found, totals = [], []
    for column, part in groupby(ordered, key=lambda margin: margin.column):
        known = list(part)
        if all(margin.value is None for margin in known) and len(known) == 1:
            totals += known
            continue
        named = [margin.value or "–" for margin in known]
        if "–" in named:
            raise CollectError("USE-15", column=column, value="–", need="unnamed")
        if len(set(named)) < len(named):
            twice = next(value for value in named if named.count(value) > 1)
            raise CollectError("USE-15", column=column, value=twice, need="twice")
        found.append(_grouped(rows, weights, column, known))
    return found, totals


def _grouped(rows: pl.DataFrame, weights: Numbers, column: str, known: Sequence[Margin]) -> Groups:
    texts = [_as_text(rows[name]) for name in column.split(":")]
    joined = pl.DataFrame(texts).select(pl.concat_str(pl.all(), separator=":"))[:, 0]
    index = {margin.value: at for at, margin in enumerate(known)}
    strange = joined.filter(~joined.is_in(list(index)) | joined.is_null())
    if blank := strange.null_count():
        raise CollectError("USE-15", column=column, value=blank, need="blank")
    if len(strange):
        raise CollectError("USE-15", column=column, value=strange[0], need="unknown")
    of_row = joined.replace_strict(index, return_dtype=pl.Int64).to_numpy()
    group = Groups(column, of_row, np.array([margin.total for margin in known], dtype=np.float64))
    empty = np.flatnonzero((group.sums(weights) <= 0) & (group.totals > 0))
    if len(empty):
        raise CollectError("USE-15", column=column, value=known[int(empty[0])].value, need="nobody")
    return group


def _as_text(column: pl.Series) -> pl.Series:
    """Values as somebody types them in a list of margins: 1.0 is 1."""
    if column.dtype.is_float() and bool((column.drop_nulls() == column.drop_nulls().round()).all()):
        return column.cast(pl.Int64).cast(pl.String)
    return column.cast(pl.String)


def _same_population(groups: Sequence[Groups]) -> None:
    sizes = [float(group.totals.sum()) for group in groups]
    for group, size in zip(groups, sizes, strict=True):
        if abs(size - sizes[0]) > AGREE * abs(sizes[0]):
            raise CollectError("USE-15", column=group.name, value=f"{size:g} / {sizes[0]:g}", need="differ")


def _ratio(above: Numbers, below: Numbers) -> Numbers:
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)


def _poststratified(group: Groups, old: Numbers) -> Calibrated:
    new = old * _ratio(group.totals, group.sums(old))[group.of_row]

    def residual(scores: Numbers) -> Numbers:
        plain = _ratio(scores, new)
        means = _ratio(group.sums(plain * old), group.sums(old))
        return np.asarray(scores - means[group.of_row] * new)

    return Calibrated(new, residual)


def _raked(groups: Sequence[Groups], old: Numbers) -> Calibrated:
    new = old.copy()
    for _ in range(ROUNDS):
        for group in groups:
            new = new * _ratio(group.totals, group.sums(new))[group.of_row]
        off = [np.max(np.abs(group.sums(new) - group.totals) / np.maximum(group.totals, 1e-300)) for group in groups]
        if max(off) < CLOSE:
            break
    else:
        raise CollectError("USE-15", column=groups[0].name, value=f"{max(off):.2g}", need="raking")
    weighs = (new != 0).astype(np.float64)

    def residual(scores: Numbers) -> Numbers:
        left = scores
        for _ in range(R_ROUNDS):
            for group in groups:
                means = _ratio(group.sums(_ratio(left, new)), group.sums(weighs))
                left = left - means[group.of_row] * new
        return left

    return Calibrated(new, residual)


def _regressed(rows: pl.DataFrame, old: Numbers, groups: Sequence[Groups], totals: Sequence[Margin]) -> Calibrated:
    columns = [(group.of_row == at).astype(np.float64) for group in groups for at in range(len(group.totals))]
    columns += [_number(rows, margin.column) for margin in totals]
    known = np.array([*(total for group in groups for total in group.totals), *(margin.total for margin in totals)])
    base = np.column_stack(columns)
    root = np.sqrt(old)[:, None]
    size = np.maximum(np.sqrt(((base * root) ** 2).sum(axis=0)), 1e-300)  # columns of one scale: people and incomes
    scaled = base / size
    missing = (known - base.T @ old) / size
    answer, *_ = np.linalg.lstsq(scaled.T @ (scaled * old[:, None]), missing, rcond=1e-12)
    new = old * (1 + scaled @ answer)
    off = np.abs(base.T @ new - known) / np.maximum(np.maximum(np.abs(known), np.abs(base).T @ old), 1e-300)
    if np.max(off) > AGREE:
        raise CollectError("USE-15", column=totals[0].column if totals else groups[0].name, value=f"{np.max(off):.2g}",
                           need="unreachable")  # fmt: skip

    axes, lengths, _ = np.linalg.svd(scaled * root, full_matrices=False)
    axes = axes[:, lengths > 1e-12 * lengths.max()]  # what the known totals span, once for all domains

    def residual(scores: Numbers) -> Numbers:
        plain = _ratio(scores, new) * root[:, 0]
        return np.asarray(_ratio(plain - axes @ (axes.T @ plain), root[:, 0]) * new)

    return Calibrated(new, residual)


def _number(rows: pl.DataFrame, column: str) -> Numbers:
    if not column:
        return np.ones(rows.height)
    values = rows[column].cast(pl.Float64, strict=False)
    blank = values.null_count() + int(values.is_nan().sum())
    if blank:
        raise CollectError("USE-11", column=column, rows=blank, need="complete")
    return values.to_numpy()
