"""Communes with few interviews, or none, borrow strength from the others: model-based shares beside the direct ones.

The area-level model of Fay and Herriot (1979), fitted as R `sae` 1.3 does (Molina and Marhuenda 2015); its mean squared
error is that of Prasad and Rao (1990), Datta and Lahiri (2000) and Datta, Rao and Smith (2005). Verdicts never use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from collect.tables import SMALL_AREAS, Estimates, SmallAreas, Units

Numbers = NDArray[np.float64]
Method = Literal["REML", "ML", "FH"]
STEPS, SMALLEST_STEP = 500, 1e-12
GROUP = ("indicator", "round", "vintage")
COUNTED = ("census", "near_census")
SAMPLED = ("clusters", "simple")
FEWEST_AREAS = 8  # below this a model of three covariates says nothing


@dataclass(frozen=True, slots=True)
class Fit:
    """``between``: variance between areas not explained by covariates; 0 makes every estimate synthetic."""

    between: float
    beta: Numbers
    spread: Numbers  # covariance of beta
    value: Numbers
    mse: Numbers


def fay_herriot(direct: Numbers, variance: Numbers, covariates: Numbers, method: Method = "REML") -> Fit:
    """Fit the model to direct estimates of known sampling ``variance``; one row of ``covariates`` per area.

    A variance between areas that would be negative is 0: values are then synthetic, and their error g2 + 2 g3.
    """
    between = _between(direct, variance, covariates, method)
    weight = 1 / (between + variance)
    spread: Numbers = np.asarray(np.linalg.inv((covariates.T * weight) @ covariates), dtype=np.float64)
    beta = spread @ ((covariates.T * weight) @ direct)
    shrunk = variance * weight
    value = covariates @ beta + (1 - shrunk) * (direct - covariates @ beta)
    g1 = variance * (1 - shrunk)
    g2 = shrunk**2 * np.einsum("ij,jk,ik->i", covariates, spread, covariates)
    first, second, areas = weight.sum(), (weight**2).sum(), direct.size
    of_between = 2 * areas / first**2 if method == "FH" else 2 / second
    mse = g1 + g2 + 2 * shrunk**2 * weight * of_between
    if method == "ML":
        mse += np.trace(spread @ ((covariates.T * weight**2) @ covariates)) / second * shrunk**2
    if method == "FH":
        mse -= 2 * (areas * second - first**2) / first**3 * shrunk**2
    return Fit(between, beta, spread, value, mse)


def _between(direct: Numbers, variance: Numbers, covariates: Numbers, method: Method) -> float:
    """Fisher scoring from the median sampling variance, as R `sae`; never below 0."""
    found = float(np.median(variance))
    for _ in range(STEPS):
        score, information = _score(found, direct, variance, covariates, method)
        step = score / information
        if found + step <= 0:
            if found == 0.0:
                return 0.0
            step = -found
        found += step
        if abs(step) <= SMALLEST_STEP * max(found, SMALLEST_STEP):
            break
    return max(found, 0.0)


def _score(
    between: float, direct: Numbers, variance: Numbers, covariates: Numbers, method: Method
) -> tuple[float, float]:
    weight = 1 / (between + variance)
    weighted = covariates.T * weight
    projection = np.diag(weight) - weighted.T @ np.linalg.inv(weighted @ covariates) @ weighted
    left = projection @ direct
    if method == "REML":
        return float(-np.trace(projection) + left @ left) / 2, float(np.trace(projection @ projection)) / 2
    if method == "ML":
        return float(-weight.sum() + left @ left) / 2, float((weight**2).sum()) / 2
    return float(direct @ left) - (direct.size - covariates.shape[1]), float(weight.sum())


def small_areas(estimates: Estimates, places: Units, *, method: Method = "REML") -> SmallAreas:
    """A model-based share for every commune of ``places``, per indicator, round and vintage, beside the direct one.

    Sampling variances are smoothed, deff p (1 - p) / n with the design effect pooled over communes and p of all of them
    together: a commune's own few hamlets do not know it. Counted communes keep their count. Communes never visited get
    the synthetic value. All are scaled so that, weighted by households, they add up to the province's direct estimate.
    """
    communes = estimates.filter((pl.col("level") == "commune") & (pl.col("unit") == "household"))
    provinces = estimates.filter(pl.col("level") == "province")
    parts = [SMALL_AREAS.empty()]
    for key, found in communes.group_by(*GROUP, maintain_order=True):
        where = dict(zip(GROUP, key, strict=True))
        whole = provinces.filter(**where)["value"]
        mine = places.filter(vintage=where["vintage"])
        rows = mine.join(found, left_on="code", right_on="place", how="left", maintain_order="left", suffix="_")
        made = _modelled(rows, whole[0] if whole.len() else None, method)
        if made is not None:
            parts.append(
                SMALL_AREAS.check(made.with_columns(pl.lit(value).alias(name) for name, value in where.items()))
            )
    return SmallAreas(SMALL_AREAS.check(pl.concat(parts).sort(list(SMALL_AREAS.key))))


def _modelled(rows: pl.DataFrame, province: float | None, method: Method) -> pl.DataFrame | None:
    sampled = (rows["regime"].is_in(SAMPLED) & rows["value"].is_not_null()).fill_null(False).to_numpy()
    covariates = _covariates(rows, sampled)
    if sampled.sum() < FEWEST_AREAS:
        return None
    direct, n = _numbers(rows["value"]), _numbers(rows["n"])
    share = float((direct * n)[sampled].sum() / n[sampled].sum())
    deff = _numbers(rows["deff"])[sampled]
    told = np.isfinite(deff)
    pooled = max(float(np.average(deff[told], weights=n[sampled][told])), 1.0) if told.any() else 1.0
    smooth = max(share * (1 - share), 1e-4) * pooled / n[sampled]
    fit = fay_herriot(direct[sampled], smooth, covariates[sampled], method)
    value = covariates @ fit.beta
    error = fit.between + np.einsum("ij,jk,ik->i", covariates, fit.spread, covariates)
    value[sampled], error[sampled] = fit.value, fit.mse
    counted = rows["regime"].is_in(COUNTED).fill_null(False).to_numpy()
    value[counted], error[counted] = direct[counted], 0.0
    value = np.clip(value, 0.0, 1.0)
    how = np.where(counted, "counted", np.where(sampled, "model", "synthetic"))
    return pl.DataFrame(
        {
            "place": rows["code"], "how": how, "direct": rows["value"],
            "value": _benchmarked(value, counted, _numbers(rows["households_2019"]), province),
            "root_mse": np.where(counted, np.nan, np.sqrt(np.maximum(error, 0.0))), "between": fit.between,
        }
    ).with_columns(pl.col("root_mse").fill_nan(None))  # fmt: skip


def _covariates(rows: pl.DataFrame, sampled: NDArray[np.bool_]) -> Numbers:
    """Urban (a ward or town), household size in the 2019 census, log distance to the former district's town.

    Of the distance the logarithm counts (1 km more means much beside a town and little far out). What is not known of a
    commune is taken as the mean of the others; what does not differ between communes is left out.
    """
    urban = rows["type"].is_in(["phường", "thị trấn"]).to_numpy().astype(float)
    size = _numbers(rows["population_2019"] / rows["households_2019"])
    away = np.log1p(_numbers(rows["km_to_town"]))
    size, away = (np.where(np.isfinite(c), c, np.nanmean(c) if np.isfinite(c).any() else 0.0) for c in (size, away))
    columns = [np.ones(rows.height)] + [c - c.mean() for c in (urban, size, away) if np.ptp(c[sampled]) > 1e-9]
    return np.column_stack(columns)


def _benchmarked(value: Numbers, counted: NDArray[np.bool_], households: Numbers, province: float | None) -> Numbers:
    """Values scaled to the province's, counts left alone; as they are where households are not known of all."""
    if province is None or not np.isfinite(households).all() or counted.all():
        return value
    fixed = float((households * value)[counted].sum())
    free = float((households * value)[~counted].sum())
    factor = (province * float(households.sum()) - fixed) / free if free > 0 else 1.0
    return np.where(counted, value, np.clip(value * max(factor, 0.0), 0.0, 1.0))


def _numbers(values: pl.Series) -> Numbers:
    found: Any = values.cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
    return np.asarray(found, dtype=np.float64)
