"""How many more interviews would settle a verdict, and in which hamlets: those drawn, more of them, or every one.

Wilson's interval inverts the score test, so a bound reaches a threshold T at an effective size that can be solved for;
hamlets that resemble themselves put a ceiling of k / rho on the effective size that k of them can ever give. With every
hamlet in the sample they are strata, their unlikeness is no error any more, and the ceiling is gone: record 0126.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, inf, sqrt

from scipy.special import ndtri, stdtrit

from collect.judge.pooling import NEIGHBOURS_AT_MOST, likeness_of_all
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
    freedom: float = 0.0  # degrees of freedom that tell of rho
    of_household: float = 1.0  # design effect of households drawn one by one: people of one household are alike
    visit_hamlets: int = 1  # asked in a commune that was visited, their median
    visit_households: int = 1  # the same of households, where no hamlets are drawn

    @property
    def take(self) -> float:
        """Units of the universe met in a hamlet as they are usually asked."""
        return max(self.per_hamlet * self.per_household, 1.0)


@dataclass(frozen=True, slots=True)
class There:
    """How many households and hamlets there are to ask; None where not known. ``commune``: not a whole province."""

    households: int | None = None
    hamlets: int | None = None
    commune: bool = True


@dataclass(frozen=True, slots=True)
class More:
    """``interviews`` is None when no number would do, or none can be named; ``reason`` is a key of the catalogue.

    ``hamlets``: instead of those interviews ("computed"), or to hold them in ("planned", "every_hamlet").
    """

    interviews: int | None
    reason: str
    hamlets: int | None = None


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


def more_for_undecided(evidence: Evidence, threshold: float, habits: Habits, there: There, chances: Chances) -> More:
    """What to ask so that an undecided place is settled, if the truth is today's value."""
    if evidence.value is None:
        return More(None, "more_hamlets")
    effective = effective_needed(evidence.value, threshold, chances)
    if evidence.population is not None:
        size = of_finite(effective, evidence.population)
        return More(min(max(ceil(size) - evidence.n, 1), max(evidence.population - evidence.n, 1)), "listed")
    if evidence.regime not in ("clusters", "one_cluster") or not evidence.n_clusters:
        return _of_households("computed", effective, evidence.n_households, habits, there)
    if there.commune:
        return _by_hamlets(evidence, effective, habits, there, chances)
    if effective == inf:
        left = _left(there, evidence.n_households)
        return More(None, "too_close") if left is None or 0 < threshold < 1 else More(left, "enumerate")
    same = _in_the_same_hamlets(evidence, effective, habits, there, chances)
    return More(None, "more_hamlets") if same is None else More(same, "computed")


def more_for_unvisited(threshold: float, habits: Habits, there: There, chances: Chances) -> More:
    """What to ask in a commune nobody visited: as much as settles it if it is like the province, at most a usual visit.

    A guess is no finding: what it comes to beyond the first visit, the first visit says better.
    """
    if habits.guess is None:
        return More(None, "no_guess")
    effective = interviews_to_classify(threshold, habits.guess, chances)
    most = inf if there.households is None else max(there.households, 1)
    if not habits.clustered:
        settles = _of_households("planned", effective, 0, habits, there).interviews
        return More(int(min(settles or inf, habits.visit_households, most)), "planned")
    alone = hamlets_for(effective, None, habits, chances)
    hamlets = int(min(alone or inf, habits.visit_hamlets, there.hamlets or inf, most))
    households = hamlets * habits.per_hamlet
    if hamlets == alone:
        units = _sure(effective, _freedom(None, hamlets, habits), chances) * _design_effect(habits)
        households = min(units / habits.per_household, households)
    return More(int(min(ceil(households), most)), "planned", hamlets)


def hamlets_for(effective: float, evidence: Evidence | None, habits: Habits, chances: Chances) -> int | None:
    """More hamlets, each asked as hamlets usually are, that give an effective size; None where no number does.

    n units in k hamlets are worth 1 / ((1 - rho) / n + rho / k) of a simple sample; each adds a degree of freedom.
    """
    if effective == inf:
        return None
    units, reached = (evidence.n, evidence.n_clusters) if evidence else (0, 0)

    def settles(more: int) -> bool:
        spread = (1 - habits.rho) / (units + more * habits.take) + habits.rho / (reached + more)
        return 1 / spread >= _sure(effective, _freedom(evidence, more, habits), chances)

    alone = _sure(effective, _freedom(evidence, 1, habits), chances) * _design_effect(habits) / habits.take
    return bisect_left(range(ceil(alone) + 1), True, lo=1, key=settles)


def _by_hamlets(evidence: Evidence, effective: float, habits: Habits, there: There, chances: Chances) -> More:
    """Interviews in the hamlets already drawn, or more hamlets, where there are so many; else every hamlet."""
    same = _in_the_same_hamlets(evidence, effective, habits, there, chances)
    hamlets = hamlets_for(effective, evidence, habits, chances)
    if hamlets is not None and not _has(hamlets, evidence, habits, there):
        hamlets = None
    every = _in_every_hamlet(effective, evidence, habits, there)
    if same is not None and (hamlets is not None or every.interviews is None or same <= every.interviews):
        return More(same, "computed", hamlets)
    return every if hamlets is None else More(None, "more_hamlets", hamlets)


def _in_the_same_hamlets(
    evidence: Evidence, effective: float, habits: Habits, there: There, chances: Chances
) -> int | None:
    """More interviews in the hamlets already drawn; None beyond their ceiling, and beyond the households they have."""
    if evidence.regime == "one_cluster":
        return None
    wanted = _sure(effective, max(evidence.df or 1.0, 1.0), chances)
    households = units_in_hamlets(wanted, evidence.n_clusters, habits.rho) / habits.per_household
    if there.households is not None:
        share = min(evidence.n_clusters / there.hamlets, 1.0) if there.hamlets else 1.0
        households = households if households <= there.households * share else inf
    return None if households == inf else max(ceil(households) - evidence.n_households, 1)


def _in_every_hamlet(effective: float, evidence: Evidence, habits: Habits, there: There) -> More:
    """Interviews over all hamlets of the commune, the usual number at least in each of those nobody asked in.

    Every hamlet has then probability 1: hamlets are strata, and the size is that of a simple sample of the households,
    whose dozens of degrees of freedom leave nothing of the t quantile.
    """
    asked, reached = evidence.n_households, evidence.n_clusters
    found = _of_households("every_hamlet", effective, asked, habits, there)
    if found.interviews is None or there.hamlets is None or there.hamlets <= reached:
        return found
    hamlets, left = there.hamlets - reached, _left(there, asked)
    usual = ceil(hamlets * habits.per_hamlet)
    least = usual if left is None else min(usual, left)
    return replace(found, interviews=max(found.interviews, least), hamlets=hamlets)


def _of_households(reason: str, effective: float, asked: int, habits: Habits, there: There) -> More:
    """Households to ask where they are what chance draws; all of them where no fewer decide."""
    left = _left(there, asked)
    all_units = round(there.households * habits.per_household) if there.households else None
    units = of_finite(effective * habits.of_household, all_units)
    more = inf if units == inf else max(ceil(units / habits.per_household) - asked, 1)
    if left is not None and more >= left:
        return More(left, "enumerate")
    return More(None, "too_close") if more == inf else More(int(more), reason)


def pooled_of_household(communes: Sequence[Evidence]) -> float:
    """The design effect that people of one household leave in a simple sample of them, of all communes together."""
    known = [
        (e.n * e.value * (1 - e.value), e.deff_of_households) for e in communes if e.value and e.deff_of_households
    ]
    weight = sum(spread for spread, _ in known)
    return max(sum(spread * deff for spread, deff in known) / weight, 1.0) if weight > 0 else 1.0


def _has(hamlets: int, evidence: Evidence, habits: Habits, there: There) -> bool:
    """Whether a commune has so many more hamlets, and households for the usual interviews in them."""
    left = _left(there, evidence.n_households)
    enough = there.hamlets is None or hamlets <= there.hamlets - evidence.n_clusters
    return enough and (left is None or hamlets * habits.per_hamlet <= left)


def _left(there: There, asked: int) -> int | None:
    return None if there.households is None else max(there.households - asked, 1)


def _freedom(evidence: Evidence | None, more: int, habits: Habits) -> float:
    """Degrees of freedom after ``more`` hamlets, those that neighbours lend (record 0032) among them."""
    if evidence is not None and evidence.regime == "clusters" and evidence.df is not None:
        return max(evidence.df + more, 1.0)
    reached = evidence.n_clusters if evidence else 0
    return max(reached + more - 1 + min(habits.freedom, NEIGHBOURS_AT_MOST), 1.0)


def _sure(effective: float, freedom: float, chances: Chances) -> float:
    """The effective size once its error is itself known with so many degrees of freedom only."""
    return effective * float(stdtrit(freedom, chances.level) / ndtri(chances.level)) ** 2


def _design_effect(habits: Habits) -> float:
    return 1 + (habits.take - 1) * habits.rho
