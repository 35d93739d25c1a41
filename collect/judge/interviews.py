"""How many more interviews would settle a verdict, and when no number of them in the same hamlets can.

Wilson's interval inverts the score test, so a bound reaches a threshold T at an effective size that can be solved for;
hamlets that resemble themselves put a ceiling of k / rho on the effective size that k of them can ever give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, sqrt

from scipy.special import ndtri, stdtrit

from collect.judge.pooling import likeness_of_all
from collect.judge.rule import Evidence

UNKNOWN_RHO = 1 / 6  # WHO 2018 manual, annex B: likeness within clusters to assume where nothing is known
TOO_CLOSE = 1e-6  # an estimate on the threshold itself is never settled by a sample


@dataclass(frozen=True, slots=True)
class Chances:
    """``level``: one-sided, as the bounds were made. ``assurance``: chance that the interviews asked for settle it."""

    level: float = 0.95
    assurance: float = 0.8


@dataclass(frozen=True, slots=True)
class Habits:
    """What the communes of a round have in common, for one indicator: how hamlets and households usually are."""

    rho: float  # likeness of the units of a hamlet
    per_household: float  # units of the universe per interviewed household
    per_hamlet: float  # households interviewed in a hamlet
    guess: float | None  # the province's value: the likeliest truth of a commune nobody visited
    clustered: bool = False  # whether hamlets were drawn at all


@dataclass(frozen=True, slots=True)
class More:
    """``interviews`` is None when no number would do, or none can be named; ``reason`` is a key of the catalogue."""

    interviews: int | None
    reason: str


def effective_needed(value: float, threshold: float, chances: Chances) -> float:
    """The effective size at which a bound clears ``threshold`` with the asked assurance if ``value`` is the truth.

    At an assurance of one half it is z squared T (1 - T) / (p - T) squared: where today's bound would just touch.
    """
    if abs(value - threshold) < TOO_CLOSE:
        return inf
    z, power = ndtri(chances.level), ndtri(chances.assurance)
    reach = z * sqrt(threshold * (1 - threshold)) + power * sqrt(value * (1 - value))
    return float(max(reach, 0.0) / (value - threshold)) ** 2


def interviews_to_classify(threshold: float, truth: float, chances: Chances) -> float:
    """Effective size to tell ``truth`` from ``threshold``, with continuity correction (equations B2-2, B2-3)."""
    plain = effective_needed(truth, threshold, chances)
    if plain == inf or plain <= 1:
        return max(plain, 1)  # where all or none is the target, the first that does otherwise tells
    return ceil(plain / 4 * (1 + sqrt(1 + 2 / (plain * abs(truth - threshold)))) ** 2)


def units_in_hamlets(effective: float, hamlets: int, rho: float) -> float:
    """Units to ask in ``hamlets`` hamlets for an effective size; infinite at or above the ceiling of hamlets / rho."""
    if rho <= 0:
        return effective
    if effective >= hamlets / rho:
        return inf
    return effective * (1 - rho) / (1 - effective * rho / hamlets)


def of_finite(size: float, population: int | None) -> float:
    """The same size once everybody is at most ``population``: asking all of them always settles it."""
    if population is None:
        return size
    return population if size == inf else population * size / (size + population - 1)


def pooled_likeness(communes: Sequence[Evidence]) -> float:
    """The correlation of all clustered communes together: one alone knows too little."""
    rho = likeness_of_all(communes).rho
    return UNKNOWN_RHO if rho is None else rho


def hamlets_for(
    threshold: float, evidence: Evidence | None, habits: Habits, more: More, chances: Chances
) -> int | None:
    """More hamlets that would settle a verdict, each asked as hamlets usually are; None where none can be named."""
    take = max(habits.per_hamlet * habits.per_household, 1.0)
    if evidence is None:
        return None if more.interviews is None else ceil(more.interviews / max(habits.per_hamlet, 1.0))
    if evidence.regime not in ("clusters", "one_cluster") or evidence.value is None or not evidence.n_clusters:
        return None
    effective = effective_needed(evidence.value, threshold, chances)
    if effective == inf:
        return None
    in_all = ceil(effective * (1 + (take - 1) * habits.rho) / take)
    return max(in_all - evidence.n_clusters, 1)


def more_by_hamlets(
    more: More,
    hamlets: int | None,
    evidence: Evidence | None,
    habits: Habits | None,
    there: tuple[int | None, int | None],
) -> tuple[More, int | None]:
    """The same advice, where there are so many hamlets; else asking every household is what settles it.

    ``there``: households and hamlets of the commune, None where not known; without hamlets, households bound them.
    """
    if hamlets is None or habits is None:
        return more, hamlets
    households, in_all = there
    reached, asked = (evidence.n_clusters, evidence.n_households) if evidence else (0, 0)
    left = None if households is None else max(households - asked, 1)
    most = None if in_all is None else max(in_all - reached, 0)
    if most is None and left is not None:
        most = int(left / max(habits.per_hamlet, 1.0))
    if more.reason != "enumerate" and (most is None or hamlets <= most):
        return more, hamlets
    return More(left, "enumerate"), (most or None) if in_all is not None else None


def more_for_undecided(
    evidence: Evidence, threshold: float, habits: Habits, households: int | None, chances: Chances
) -> More:
    """More households to ask so that an undecided place is settled. ``households`` is how many there are, if known."""
    if evidence.regime == "one_cluster" or evidence.value is None:
        return More(None, "more_hamlets")
    asked = evidence.n_households
    left = None if households is None else max(households - asked, 1)
    effective = effective_needed(evidence.value, threshold, chances)
    if evidence.population is not None:
        size = of_finite(effective, evidence.population)
        return More(min(max(ceil(size) - evidence.n, 1), max(evidence.population - evidence.n, 1)), "listed")
    if effective == inf:
        whole = evidence.regime != "clusters" or threshold in (0.0, 1.0)
        return More(left, "enumerate") if whole and left is not None else More(None, "too_close")
    if evidence.regime == "clusters":
        freedom = max(evidence.df or 1.0, 1.0)
        effective *= float(stdtrit(freedom, chances.level) / ndtri(chances.level)) ** 2
        units = units_in_hamlets(effective, evidence.n_clusters, habits.rho)
        if units == inf:
            return More(None, "more_hamlets")
    else:
        units = of_finite(effective, round(households * habits.per_household) if households else None)
    more = max(ceil(units / habits.per_household) - asked, 1)
    return More(more, "computed") if left is None or more < left else More(left, "enumerate")


def more_for_unvisited(threshold: float, habits: Habits, households: int | None, chances: Chances) -> More:
    """Households to ask in a commune nobody visited, if it is like the province and hamlets are drawn as elsewhere."""
    if habits.guess is None:
        return More(None, "no_guess")
    effective = interviews_to_classify(threshold, habits.guess, chances)
    deff = 1 + max(habits.per_hamlet * habits.per_household - 1, 0.0) * habits.rho
    size = effective * deff / habits.per_household
    if households is not None and size >= households:
        return More(households, "enumerate")
    return More(None, "too_close") if size == inf else More(ceil(size), "planned")
