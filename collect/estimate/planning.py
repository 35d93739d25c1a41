"""Before fieldwork: how many interviews, how they are shared out, which chance each hamlet gets, and a rule on paper.

Formulas: WHO/IVB/18.09 annex B (equation B2-1); Cochran, *Sampling Techniques* (1977), chapter 5; R ``sampling``
(``inclusionprobabilities``); LQAS as Lemeshow and Taber, World Health Statistics Quarterly 44:115 (1991).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, ndtri

Numbers = NDArray[np.float64]
Allocation = Literal["proportional", "equal", "neyman", "power"]
MIDDLE = (0.3, 0.7)  # between these shares the widest spread, that of one half, is planned for


@dataclass(frozen=True, slots=True)
class PaperRule:
    """A lot of ``n`` passes with at least ``least``; ``alpha``: a low lot passes, ``beta``: a high one fails."""

    n: int
    least: int
    alpha: float
    beta: float


def interviews_to_estimate(expected: float, precision: float, *, level: float = 0.95) -> int:
    """Effective interviews for an interval no wider than ``expected`` plus or minus ``precision`` (WHO 2018, B2-1)."""
    z, d = float(ndtri((1 + level) / 2)), precision
    p = min(expected, 1 - expected)
    if MIDDLE[0] <= expected <= MIDDLE[1]:
        spread = 1.0
    elif p >= d - 1e-12:
        spread = 4 * (p + d) * (1 - p - d)
    else:
        spread = 8 * d * (1 - 2 * d)
    return ceil(spread * z * z / (4 * d * d) + 1 / d - 2 * z * z + (z + 2) / spread - 1e-9)


def households_to_visit(
    effective: float, *, deff: float = 1.0, response: float = 1.0, population: int | None = None
) -> int:
    """Households to visit for as much as ``effective`` simple interviews; ``population``: how many there are."""
    needed = effective * deff
    if population is not None:
        needed = needed * population / (needed + population - 1)
    return ceil(needed / response - 1e-9)


def allocate(
    total: float, sizes: Sequence[float], how: Allocation = "proportional", *,
    spreads: Sequence[float] | None = None, power: float = 0.5,
) -> Numbers:  # fmt: skip
    """Share ``total`` interviews out over strata of these ``sizes``, as exact numbers; `whole` makes them whole.

    ``neyman`` takes ``spreads`` (standard deviations) into account; ``power`` lies between ``equal`` (0) and
    ``proportional`` (1), so that small communes get more than their share.
    """
    size = np.asarray(sizes, dtype=np.float64)
    claims = {
        "proportional": size,
        "equal": np.ones_like(size),
        "neyman": size * (np.asarray(spreads, dtype=np.float64) if spreads is not None else 1.0),
        "power": size**power,
    }[how]
    return np.asarray(total * claims / claims.sum())


def whole(shares: Numbers, *, least: int = 0) -> NDArray[np.int64]:
    """Whole numbers with the same sum by largest remainder, then none below ``least`` (which may raise the sum)."""
    down = np.floor(shares + 1e-9).astype(np.int64)
    left = round(float(shares.sum())) - int(down.sum())
    order = np.argsort(-(shares - down), kind="stable")
    down[order[:left]] += 1
    return np.maximum(down, least)


def inclusion(sizes: Sequence[float], drawn: int) -> Numbers:
    """Chances in proportion to size that add up to ``drawn``; who is too large for one is taken surely.

    As R ``sampling::inclusionprobabilities(sizes, drawn)``.
    """
    size = np.asarray(sizes, dtype=np.float64)
    sure = np.zeros(size.size, dtype=bool)
    while True:
        rest = size[~sure].sum()
        chance = np.where(sure, 1.0, (drawn - sure.sum()) * size / rest if rest > 0 else 0.0)
        over = (chance >= 1) & ~sure
        if not over.any():
            return np.asarray(np.minimum(chance, 1.0))
        sure |= over


def systematic(chances: Numbers, start: float) -> NDArray[np.bool_]:
    """Which are drawn going down the list in equal steps from ``start``, a random number from 0 to 1.

    As R ``sampling::UPsystematic``. The order of the list spreads the draw over it: sort by place first.
    """
    until = np.cumsum(chances) - start
    return np.asarray(np.ceil(until - 1e-9) > np.ceil(np.concatenate([[-start], until[:-1]]) - 1e-9))


def paper_rule(n: int, low: float, high: float, *, alpha: float = 0.10) -> PaperRule:
    """The least number of ``n`` at which a lot of share ``low`` passes with at most the chance ``alpha``."""
    least = next(k for k in range(n + 2) if float(bdtrc(k - 1, n, low)) <= alpha)
    return PaperRule(n, least, float(bdtrc(least - 1, n, low)), float(bdtr(least - 1, n, high)))
