"""The rule that turns one estimate into a verdict: rule N-4 of the WHO 2018 cluster survey manual (annex N).

A target is met when the one-sided lower bound reaches it, not met when the upper bound falls short of it, and otherwise
undecided. Where everybody is listed the rule works on whole numbers, so that 80.0 % meets ">=" and fails ">".
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import sqrt

from scipy.special import betaincc, ndtr, ndtri, stdtr

from collect.targets import Target

MOVED = 2 / 3  # of a household: 1/2 is Jeffreys' limit, 1 Clopper and Pearson's; the least that holds 5 %: record 0032


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an estimate says, as the rule needs it. None where the regime cannot know it."""

    regime: str
    value: float | None
    n: int
    n_holding: float
    n_households: int
    n_clusters: int
    population: int | None
    df: float | None
    deff: float | None
    n_effective: float | None
    lower_bound: float | None
    upper_bound: float | None
    unit: str | None = "household"
    n_moderated: float | None = None  # n / deff where the design effect was moderated by other communes
    deff_of_households: float | None = None  # had the same households been drawn one by one


@dataclass(frozen=True, slots=True)
class Finding:
    """``p_meets`` is None where nothing can be said; ``reason`` is a key of the catalogue."""

    verdict: str
    p_meets: float | None
    reason: str


def find(target: Target, evidence: Evidence, level: float) -> Finding:
    """Judge one estimate against one target, at the one-sided ``level`` its bounds were made with."""
    if evidence.regime == "empty" or evidence.value is None:
        return Finding("no_data", None, "no_answers")
    if evidence.regime == "one_cluster":
        return Finding("undecided", None, "one_cluster" if evidence.n_clusters else "too_few")
    if evidence.regime == "census":
        met = _count_meets(target, evidence)
        return Finding("met" if met else "not_met", float(met), "census")
    if evidence.population is not None:
        return _by_count(target, evidence, evidence.population, level)
    return _by_bounds(target, evidence, level)


def _count_meets(target: Target, evidence: Evidence) -> bool:
    """Compare whole numbers; where an indicator counts fractions (a return's own guess), the fractions as they are."""
    if evidence.population is not None and evidence.n_holding == round(evidence.n_holding):
        return target.met_by(round(evidence.n_holding), evidence.population)
    share = Fraction(evidence.value or 0.0)
    return target.met_by(share.numerator, share.denominator)


def _by_count(target: Target, evidence: Evidence, population: int, level: float) -> Finding:
    """Test exactly whether too few, or enough, of the listed units hold (hypergeometric).

    ``p_meets`` is 1 less the chance of so many in the sample if the list just failed, or the chance of so few if it
    just passed, whichever test speaks; one half when neither does.
    """
    holding, known = round(evidence.n_holding), evidence.n
    enough = target.needed(population)
    if enough <= holding:
        return Finding("met", 1.0, "bound")
    if enough > population - known + holding:
        return Finding("not_met", 0.0, "bound")
    if evidence.unit == "commune":  # chance did not choose which officers sent no return
        return Finding("undecided", None, "returns_missing")
    from scipy.stats import hypergeom  # slow to load, and only enumerations need it

    if_just_failed = float(hypergeom.sf(holding - 1, population, enough - 1, known))
    if_just_passed = float(hypergeom.cdf(holding, population, enough, known))
    if if_just_failed <= 1 - level:
        return Finding("met", 1 - if_just_failed, "bound")
    if if_just_passed <= 1 - level:
        return Finding("not_met", if_just_passed, "bound")
    return Finding("undecided", max(1 - if_just_failed, min(if_just_passed, 0.5)), "interval")


def _by_bounds(target: Target, evidence: Evidence, level: float) -> Finding:
    """Compare the bounds; ``p_meets`` inverts the same test, so that both always agree."""
    need = target.value
    lower, upper = (
        need if bound == float(need) else Fraction(bound or 0.0)
        for bound in (evidence.lower_bound, evidence.upper_bound)
    )  # a bound that is the target but for the float's last digit is the target
    strict = target.operator == ">"
    chance = _chance(evidence, float(need))
    if lower > need or (lower == need and not strict):
        return Finding("met", max(chance, level), "bound")
    if upper < need or (upper == need and strict):
        return Finding("not_met", min(chance, 1 - level), "bound")
    return Finding("undecided", min(max(chance, 1 - level), level), "interval")


def _chance(evidence: Evidence, need: float) -> float:
    value, size = evidence.value or 0.0, evidence.n_effective or 0.0
    if need <= 0 or need >= 1:
        return 0.5 if value == need else float(value > need)
    if evidence.n_moderated is None:
        return float(ndtr((value - need) * sqrt(size / (need * (1 - need)))))
    holding, others = value * evidence.n_moderated, (1 - value) * evidence.n_moderated
    passing = float(betaincc(holding + 1 - MOVED, others + MOVED, need)) if holding > 0 else 0.0
    failing = float(betaincc(holding + MOVED, others + 1 - MOVED, need)) if others > 0 else 1.0
    beyond = max(passing, min(failing, 0.5))  # whichever bound's test speaks; one half when neither does
    return float(stdtr(evidence.df or 1.0, float(ndtri(beyond))))
