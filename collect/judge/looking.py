"""Verdicts that stay valid however often one looks while fieldwork goes on.

A 5 % rule tried after every day of interviews is wrong far more often than once in twenty. Here the evidence against
the target is a wager (a likelihood ratio, averaged over all shares on the other side of the target) that a false claim
wins twentyfold at most once in twenty, over all looks together (Ville's inequality; Waudby-Smith and Ramdas 2020,
arXiv:2006.04347). It needs no plan of looks and no memory of earlier ones, so the same data give the same verdict; the
price is more interviews: see docs/method.md.
"""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincc, betaln, gammaln

from collect.judge.rule import Evidence
from collect.targets import Target


def always_valid(target: Target, evidence: Evidence, level: float) -> str | None:
    """The verdict after any number of looks; None where nothing can be said, the count itself for an enumeration."""
    if evidence.value is None or evidence.regime in ("empty", "one_cluster"):
        return None
    if evidence.population is not None and evidence.n_holding == round(evidence.n_holding):
        return _of_list(target, evidence, evidence.population, level)
    need, size = float(target.value), evidence.n_effective or 0.0
    if not 0 < need < 1:
        return "undecided"
    holding = evidence.value * size
    if _wager(holding, size - holding, need) >= -log(1 - level):
        return "met"
    return "not_met" if _wager(size - holding, holding, 1 - need) >= -log(1 - level) else "undecided"


def _wager(holding: float, others: float, need: float) -> float:
    """Log of the mean likelihood of all shares above ``need``, against that of ``need`` itself."""
    above = float(betaincc(holding + 1, others + 1, need))
    if above <= 0:
        return -np.inf
    mean = float(betaln(holding + 1, others + 1)) + log(above) - log(1 - need)
    return mean - holding * log(need) - others * log(1 - need)


def _of_list(target: Target, evidence: Evidence, population: int, level: float) -> str:
    """Drawn from a list without putting back: every count the wager has not ruled out must say the same."""
    holding, unknown = round(evidence.n_holding), population - evidence.n
    counts = np.arange(holding, holding + unknown + 1)  # every other count is impossible
    likelihood = _chances(holding, counts, population, evidence.n)
    believable = counts[likelihood * (population + 1) > (1 - level) * likelihood.sum()]
    enough = target.needed(population)
    if believable[0] >= enough:
        return "met"
    return "not_met" if believable[-1] < enough else "undecided"


def _chances(holding: int, counts: NDArray[np.int64], population: int, n: int) -> NDArray[np.float64]:
    """Hypergeometric chance of ``holding`` among ``n`` drawn, for each count the list of ``population`` may hold."""
    logs = _choices(counts, holding) + _choices(population - counts, n - holding) - _choices(population, n)
    return np.exp(logs)


def _choices(of: NDArray[np.int64] | int, taken: int) -> NDArray[np.float64]:
    """Log of the number of ways to take ``taken`` of ``of``."""
    left = np.subtract(of, taken)
    return np.asarray(gammaln(np.add(of, 1)) - gammaln(taken + 1) - gammaln(np.add(left, 1)))
