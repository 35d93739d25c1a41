"""Variance from replicate weights that came with the data (jackknife, BRR, Fay, bootstrap), as R ``svrepdesign``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collect.estimate.spec import Replicates
from collect.problems import CollectError

Numbers = NDArray[np.float64]
RANK = 1e-5  # R ``degf``: columns that others explain to this share add no degree of freedom


@dataclass(frozen=True, slots=True)
class Spread:
    """Variance and degrees of freedom of one domain's estimate; None where a replicate has no such domain."""

    variance: float | None
    df: int


def spread_of(y: Numbers, x: Numbers | None, weights: Numbers, replicates: Numbers, given: Replicates) -> Spread:
    """Spread of sum(w y) / sum(w x), or of sum(w y) where ``x`` is None, over the columns of ``replicates``."""
    full = _estimate(y, x, weights[:, None])[0]
    found = _estimate(y, x, replicates)
    df = int(np.linalg.matrix_rank(replicates, rtol=RANK)) - 1 if len(replicates) else 0
    if not np.isfinite(found).all():
        return Spread(None, df)
    scale, each = scales(given, replicates.shape[1])
    middle = full if given.mse else found[each > 0].mean()
    return Spread(float(scale * (each * (found - middle) ** 2).sum()), df)


def scales(given: Replicates, count: int) -> tuple[float, Numbers]:
    """The factor before the sum of squares and the one of each replicate."""
    usual = {
        "JK1": (count - 1) / count,
        "JKn": 1.0,
        "BRR": 1 / count,
        "Fay": 1 / (count * (1 - given.rho) ** 2),
        "bootstrap": 1 / max(count - 1, 1),
        "other": 1.0,
    }
    if given.kind == "JKn" and not given.rscales:
        raise CollectError("USE-16", kind=given.kind, replicates=count, rscales=0)
    if given.rscales and len(given.rscales) not in (1, count):
        raise CollectError("USE-16", kind=given.kind, replicates=count, rscales=len(given.rscales))
    each = np.broadcast_to(np.array(given.rscales or (1.0,), dtype=np.float64), (count,))
    return (usual[given.kind] if given.scale is None else given.scale), each


def _estimate(y: Numbers, x: Numbers | None, weights: Numbers) -> Numbers:
    above = y @ weights
    if x is None:
        return np.asarray(above)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(above / (x @ weights))
