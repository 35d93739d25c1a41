"""The likelihood interval as R prints it: ``svyciprop(method = "likelihood")`` of survey 4.1, step by step.

R walks along the profile of an intercept-only quasibinomial model in steps of the robust error, lays a spline through
at most nineteen points, and reads the ends off a polygon on that spline. In small domains those ends lie up to 1 %
from where the likelihood truly falls far enough; whoever asks for R's method gets R's figure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_banded
from scipy.special import expit, log_expit, logit, ndtr, stdtrit, xlogy

Numbers = NDArray[np.float64]
STEPS, PARTS = 9, 5.0  # R: maxsteps = 10, of which nine are taken; del = zmax / 5
FEWEST = 4  # points for a spline whose ends follow a cubic


def profile_ends(value: float, error: float, df: float, rows: int, n: float, level: float) -> tuple[float, float]:
    """Both ends on the scale of shares; NaN where R's profile stops before the likelihood has fallen far enough.

    ``rows`` with an answer, those of weight 0 too, and ``n`` without those; ``df`` of the t quantile.

    R stops fitting at a change of 1e-8 in deviance, and takes its weights from the step before: so its own ends are
    the model's to six digits in most domains, to four where p is near 0.
    """
    pq = value * (1 - value)
    robust = error / pq
    cutoff = float(stdtrit(df, (1 + level) / 2)) * robust * float(np.sqrt(rows * pq))
    reach = -float(stdtrit(rows - 1, ndtr(-cutoff) / 4))  # the root of F(1, rows - 1) at R's pnorm(-cutoff) / 2
    if not np.isfinite(reach):
        return float("nan"), float("nan")
    middle = float(logit(value))
    at, fall = [middle], [0.0]
    for sign in (-1.0, 1.0):
        for step in range(1, STEPS + 1):
            place = middle + sign * step * reach / PARTS * robust
            tau = float(np.sqrt(rows * _loss(value, place) * (n - 1) / n))
            at.append(place)
            fall.append(sign * tau)
            if not tau < reach:
                break
    order = np.argsort(fall, kind="stable")
    return _read_off(np.array(at)[order], np.array(fall)[order], cutoff)


def _loss(value: float, place: float) -> float:
    """Deviance of one unit of weight when the logit is held at ``place``."""
    return max(
        2
        * float(
            xlogy(value, value)
            - value * log_expit(place)
            + xlogy(1 - value, 1 - value)
            - (1 - value) * log_expit(-place)
        ),
        0.0,
    )


def _read_off(at: Numbers, fall: Numbers, cutoff: float) -> tuple[float, float]:
    """R's ``approx(spline(at, fall), xout = c(-cutoff, cutoff))``."""
    places = np.linspace(at[0], at[-1], 3 * len(at))
    heights = _spline(at, fall, places)
    order = np.argsort(heights, kind="stable")
    low, high = np.interp([-cutoff, cutoff], heights[order], places[order], left=np.nan, right=np.nan)
    return float(expit(low)), float(expit(high))


def _spline(x: Numbers, y: Numbers, at: Numbers) -> Numbers:
    """Cubic spline of Forsythe, Malcolm and Moler: at each end it bends as the cubic through the last four points."""
    gaps, slopes = np.diff(x), np.diff(y) / np.diff(x)
    bands = np.zeros((3, len(x)))
    bands[1] = np.concatenate([[-gaps[0]], 2 * (gaps[:-1] + gaps[1:]), [-gaps[-1]]])
    bands[0, 1:], bands[2, :-1] = gaps, gaps
    right = np.concatenate([[0.0], np.diff(slopes), [0.0]])
    if len(x) >= FEWEST:
        first, last = _third(x[:4], slopes[:3]), _third(x[-4:], slopes[-3:])
        right[0], right[-1] = first * gaps[0] ** 2, -last * gaps[-1] ** 2
    bend = solve_banded((1, 1), bands, right)
    here = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    past, gap = at - x[here], gaps[here]
    slope = slopes[here] - gap * (bend[here + 1] + 2 * bend[here])
    return np.asarray(y[here] + past * (slope + past * (3 * bend[here] + past * (bend[here + 1] - bend[here]) / gap)))


def _third(x: Numbers, slopes: Numbers) -> float:
    """Third divided difference of four points."""
    bends = np.diff(slopes) / np.array([x[2] - x[0], x[3] - x[1]])
    return float((bends[1] - bends[0]) / (x[3] - x[0]))
