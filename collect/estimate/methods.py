"""Confidence intervals by name: those of R ``svyciprop``, of the WHO manual's program VCQI, and exact ones.

``mean``, ``xlogit``, ``asin``, ``beta``, ``likelihood`` and ``wilson`` are R survey's. R iterates for ``logit`` and
``likelihood`` (`collect.estimate.profile`); ``logit`` here is the closed form that R's iteration tends to. The modified
ones rest on the effective size of Dean and Pagano. ``korn-graubard`` is ``beta`` with an effective size no larger than
n (NCHS).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, expit, logit, ndtri, stdtrit

from collect.estimate.intervals import NO_SPREAD, count_bounds, effective_size, wilson
from collect.estimate.profile import profile_ends
from collect.estimate.spec import Method

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Facts:
    """What an interval is made of. ``rows``: with an answer, those of weight 0 too (R ``nrow``).

    ``undrawn`` is the share chance left out; ``holding`` of ``n`` hold it in a list of ``population``, if known.
    """

    value: float
    error: float
    df: float
    n: float
    rows: int
    level: float
    undrawn: float = 1.0
    holding: int | None = None
    population: int | None = None

    @property
    def flat(self) -> bool:
        """All or none, or clusters all alike: the error says nothing."""
        return not 0 < self.value < 1 or not self.error >= NO_SPREAD

    @property
    def t(self) -> float:
        """Student's quantile, two-sided."""
        return float(stdtrit(self.df, (1 + self.level) / 2)) if self.df > 0 else float("nan")

    @property
    def pq(self) -> float:
        """Spread of one unit."""
        return self.value * (1 - self.value)


def interval(method: Method, facts: Facts) -> Ends | None:
    """Both ends at the two-sided level, or None where the method has nothing to say (R then prints NA or nonsense)."""
    if method == "mean":
        reach = facts.t * facts.error
        return _ends(facts.value - reach, facts.value + reach)
    if not 0 <= facts.value <= 1:
        return None
    if method in OF_SPREAD:
        return None if facts.flat else _ends(*OF_SPREAD[method](facts))
    if method == "hypergeometric":
        return _counted(facts)
    return _ends(*ON_SIZE[method](facts))


def _ends(low: float, high: float) -> Ends | None:
    return (float(low), float(high)) if np.isfinite(low) and np.isfinite(high) else None


def _xlogit(f: Facts) -> Ends:
    reach = f.t * f.error / f.pq
    return float(expit(logit(f.value) - reach)), float(expit(logit(f.value) + reach))


def _asin(f: Facts) -> Ends:
    middle, reach = np.arcsin(np.sqrt(f.value)), f.t * f.error / (2 * np.sqrt(f.pq))
    return float(np.sin(middle - reach) ** 2), float(np.sin(middle + reach) ** 2)


def _beta(f: Facts) -> Ends:
    return _exact(f.value, _korn_size(f), f.level)


def _korn_size(f: Facts) -> float:
    whole = float(stdtrit(f.rows - 1, (1 + f.level) / 2)) if f.rows > 1 else float("nan")
    return f.pq / f.error**2 * (whole / f.t) ** 2


def _exact(p: float, size: float, level: float) -> Ends:
    """Clopper and Pearson's ends for p of any size, whole or not."""
    held, tail = p * size, (1 - level) / 2
    low = float(betaincinv(held, size - held + 1, tail)) if p > 0 else 0.0
    high = float(betaincinv(held + 1, size - held, 1 - tail)) if p < 1 else 1.0
    return low, high


def _likelihood(f: Facts) -> Ends:
    return profile_ends(f.value, f.error, f.df, f.rows, f.n, f.level)


def _wilson_of_r(f: Facts) -> Ends:
    """Survey 4.5: the size is not shrunk, t stands in for z."""
    size, t = f.pq / f.error**2, f.t
    middle = (f.value + t * t / (2 * size)) / (1 + t * t / size)
    reach = t / (1 + t * t / size) * float(np.sqrt(f.pq / size + t * t / (4 * size * size)))
    return middle - reach, middle + reach


def _korn_graubard(f: Facts) -> Ends:
    size = f.n if f.flat else min(f.n, _korn_size(f))
    return _exact(f.value, size, f.level)


def _size(f: Facts) -> float:
    numbers = (np.array([number], dtype=np.float64) for number in (f.value, f.error, f.n, f.df))
    return float(effective_size(*numbers, level=f.level, undrawn=f.undrawn)[0])


def _z(f: Facts) -> float:
    return float(ndtri((1 + f.level) / 2))


def _modified_wilson(f: Facts) -> Ends:
    low, high = wilson(np.array([f.value]), np.array([_size(f)]), level=f.level)
    return float(low[0]), float(high[0])


def _clopper_pearson(f: Facts) -> Ends:
    return _exact(f.value, f.n if f.flat else _size(f), f.level)


def _jeffreys(f: Facts) -> Ends:
    size, tail = _size(f), (1 - f.level) / 2
    held = f.value * size + 0.5
    low, high = (float(betaincinv(held, size + 1 - held, share)) for share in (tail, 1 - tail))
    return (0.0 if f.value <= 0 else low), (1.0 if f.value >= 1 else high)


def _agresti_coull(f: Facts) -> Ends:
    z = _z(f)
    size = _size(f) + z * z
    p = (f.value * (size - z * z) + z * z / 2) / size
    reach = z * float(np.sqrt(p * (1 - p) / size))
    return p - reach, p + reach


def _modified_logit(f: Facts) -> Ends:
    if not 0 < f.value < 1:
        return _clopper_pearson(f)
    reach = _z(f) / float(np.sqrt(_size(f) * f.pq))
    return float(expit(logit(f.value) - reach)), float(expit(logit(f.value) + reach))


def _counted(f: Facts) -> Ends | None:
    if f.population is None or f.holding is None:
        return None
    low, high = count_bounds(f.holding, round(f.n), f.population, tail=(1 - f.level) / 2)
    return low / f.population, high / f.population


OF_SPREAD: dict[str, Callable[[Facts], Ends]] = {
    "logit": _xlogit,
    "xlogit": _xlogit,
    "asin": _asin,
    "beta": _beta,
    "likelihood": _likelihood,
    "wilson": _wilson_of_r,
}
ON_SIZE: dict[str, Callable[[Facts], Ends]] = {
    "korn-graubard": _korn_graubard,
    "modified-wilson": _modified_wilson,
    "clopper-pearson": _clopper_pearson,
    "jeffreys": _jeffreys,
    "agresti-coull": _agresti_coull,
    "modified-logit": _modified_logit,
}
