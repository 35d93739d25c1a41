"""What can be said of many communes at once: among 106 verdicts at 5 %, some are wrong by chance alone.

Every commune makes two one-sided claims, of which one at most can be wrong, so a family has as many hypotheses as
communes: Holm's steps then hold the chance of any wrong verdict (Shaffer 1980), Benjamini and Hochberg's the expected
share of wrong ones (Benjamini and Yekutieli 2005). The number of communes that truly meet the target is bounded by
closed testing with Simes' test (Goeman, Meijer, Krebs and Solari 2019, doi:10.1093/biomet/asz041).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Chances = Sequence[float]  # p_meets of each commune that was sampled


def corrected(p_meets: Chances, level: float) -> tuple[list[str], list[str]]:
    """The verdict of each commune after Holm's and after Benjamini and Hochberg's correction."""
    chances = np.asarray(p_meets, dtype=np.float64)
    wrong = np.minimum(chances, 1 - chances)  # of the likelier claim
    said = np.where(chances > 0.5, "met", "not_met")
    kept = (_holm(wrong, 1 - level), _benjamini_hochberg(wrong, 1 - level))
    holm, stepped_up = (np.where(holds, said, "undecided").tolist() for holds in kept)
    return holm, stepped_up


def how_many_meet(p_meets: Chances, level: float) -> tuple[int, int]:
    """Least and greatest number of these communes that truly meet the target, both true at the two-sided ``level``."""
    chances = np.asarray(p_meets, dtype=np.float64)
    tail = (1 - level) / 2
    return at_least(1 - chances, tail), chances.size - at_least(chances, tail)


def at_least(wrong: NDArray[np.float64], tail: float) -> int:
    """How many of the hypotheses with these p values are certainly false, but for a chance of ``tail``."""
    ordered = np.sort(wrong)
    count = ordered.size
    size = _largest_believable(ordered, tail)
    if size == 0:
        return count
    allowed = np.arange(1, count + 1)
    below = np.searchsorted(ordered, allowed * tail / size + 1e-15, side="right")
    return int(max((below + 1 - allowed).max(initial=0), 0))


def _largest_believable(ordered: NDArray[np.float64], tail: float) -> int:
    """The largest number of hypotheses that may all be true: Simes' test does not reject the largest p values."""
    for size in range(ordered.size, 0, -1):
        if (size * ordered[ordered.size - size :] > np.arange(1, size + 1) * tail).all():
            return size
    return 0


def _holm(wrong: NDArray[np.float64], alpha: float) -> NDArray[np.bool_]:
    order = np.argsort(wrong, kind="stable")
    passes = wrong[order] * np.arange(wrong.size, 0, -1) <= alpha
    return _back(order, np.logical_and.accumulate(passes))


def _benjamini_hochberg(wrong: NDArray[np.float64], alpha: float) -> NDArray[np.bool_]:
    order = np.argsort(wrong, kind="stable")
    passes = wrong[order] * wrong.size <= alpha * np.arange(1, wrong.size + 1)
    return _back(order, np.logical_or.accumulate(passes[::-1])[::-1])


def _back(order: NDArray[np.intp], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    found = np.empty_like(kept)
    found[order] = kept
    return found
