"""How far the truth may lie from an estimate: modified Wilson intervals, and exact bounds where everybody is listed.

The modified interval is Dean and Pagano's (2015, JSSAM 3:484), as the WHO 2018 cluster survey manual (annex J) and its
program VCQI compute it. The exact bounds invert the hypergeometric test: a count of a finite list needs no model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
NO_SPREAD = 5e-8  # VCQI: a smaller standard error says that all clusters were alike, not that nothing is uncertain


def effective_size(
    value: Numbers, std_error: Numbers, n: Numbers, df: Numbers, *, level: float, undrawn: Numbers | float = 1.0
) -> Numbers:
    """The interviews of a simple sample that would leave the same uncertainty, at a two-sided ``level``.

    Parameters
    ----------
    value, std_error, n, df
        Of each estimate, on the 0 to 1 scale; ``n`` in units with a known answer.
    undrawn
        Share of the universe that was NOT drawn (the finite population correction); 1 when that share is not known.

    Notes
    -----
    p q / SE squared, shrunk by (z / t) squared because SE itself is uncertain. Never more than ``n / undrawn``: no
    sample of hamlets is taken to be better than a simple one (the manual's truncation). Where the value is 0 or 1 or
    SE is nil it is ``n / undrawn`` with ``n - 1`` degrees of freedom.
    """
    z = ndtri((1 + level) / 2)
    most = n / undrawn
    flat = (value <= 0) | (value >= 1) | (std_error < NO_SPREAD) | np.isnan(std_error)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.where(flat, most, value * (1 - value) / std_error**2)
        better = plain > np.where(undrawn == 1.0, n - 1, most)
        t = stdtrit(np.where(flat, n - 1, df), (1 + level) / 2)
        shrunk = plain * (z / t) ** 2
    return np.asarray(np.where(better & ~flat, most, shrunk), dtype=np.float64)


def wilson(value: Numbers, n_effective: Numbers, *, level: float) -> tuple[Numbers, Numbers]:
    """Both ends of the Wilson interval at a two-sided ``level``; the ends at 0.90 are the one-sided bounds at 0.95."""
    z = ndtri((1 + level) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = value + z * z / (2 * n_effective)
        reach = z * np.sqrt(value * (1 - value) / n_effective + z * z / (4 * n_effective**2))
        scale = 1 + z * z / n_effective
        low, high = (middle - reach) / scale, (middle + reach) / scale
    low, high = np.where(value <= 0, 0.0, low), np.where(value >= 1, 1.0, high)
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def count_bounds(holding: int, n: int, population: int, *, tail: float) -> tuple[int, int]:
    """Least and greatest number of the whole ``population`` that ``holding`` of ``n`` known ones leave believable.

    ``tail`` is the chance of error on each side. Nobody is left to ask when ``n == population``: both are ``holding``.
    """
    low, high = bounds_of_counts(*(np.array([count]) for count in (holding, n, population)), tail=tail)
    return int(low[0]), int(high[0])


def bounds_of_counts(holding: Counts, n: Counts, population: Counts, *, tail: float) -> tuple[Counts, Counts]:
    """`count_bounds` of many places at once, in whole numbers."""
    from scipy.stats import hypergeom  # takes as long to load as all the rest of a small command; only counts need it

    least, most = holding, population - n + holding
    low = _first(least, most, lambda m: hypergeom.sf(holding - 1, population, m, n) > tail)
    high = -_first(-most, -least, lambda m: hypergeom.cdf(holding, population, -m, n) > tail)
    return low, high


def _first(start: Counts, stop: Counts, holds: Callable[[Counts], Any]) -> Counts:
    """The first whole numbers from ``start`` to ``stop`` for which ``holds``; once it holds, it holds for all after."""
    while np.any(start < stop):
        middle = (start + stop) // 2
        good, searching = holds(middle), start < stop
        stop = np.where(searching & good, middle, stop)
        start = np.where(searching & ~good, middle + 1, start)
    return start
