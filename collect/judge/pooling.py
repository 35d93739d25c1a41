"""What a commune's few hamlets cannot say of their own likeness, the other communes say with them.

Four hamlets that happen to resemble each other look like proof, and pass communes that fall short. So the design effect
behind a verdict is a mean of the commune's own and of the one its neighbours lead to expect, each weighted by its
degrees of freedom; the form is that of moderated variances (Smyth 2004, doi:10.2202/1544-6115.1027).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.special import betaincinv, ndtr, ndtri, stdtrit

from collect.judge.rule import MOVED, Evidence

NEIGHBOURS_AT_MOST = 60.0  # degrees of freedom: some 60 hamlets of its own outweigh the neighbours'; decision 0032


@dataclass(frozen=True, slots=True)
class Likeness:
    """Sums over the clustered communes of a round, which a commune can be taken out of again."""

    above: float = 0.0  # df p q (deff - 1)
    beside: float = 0.0  # df p q (units per hamlet - 1)
    freedom: float = 0.0

    def __sub__(self, other: Likeness) -> Likeness:
        """The sums without ``other``."""
        return Likeness(self.above - other.above, self.beside - other.beside, self.freedom - other.freedom)

    @property
    def rho(self) -> float | None:
        """Likeness within hamlets, 0 to 1; None where nothing tells."""
        return min(max(self.above / self.beside, 0.0), 1.0) if self.beside > 1e-12 else None


def likeness_of(evidence: Evidence) -> Likeness:
    """What one commune tells of likeness within hamlets; nothing where all its hamlets were alike."""
    e = evidence
    if e.regime != "clusters" or e.deff is None or not e.df or not e.n_clusters or e.value is None:
        return Likeness()
    spread = e.df * e.value * (1 - e.value)
    return Likeness(spread * (e.deff - 1), spread * (e.n / e.n_clusters - 1), e.df)


def likeness_of_all(communes: Sequence[Evidence]) -> Likeness:
    """What they tell together."""
    parts = [likeness_of(evidence) for evidence in communes]
    return Likeness(
        sum(part.above for part in parts), sum(part.beside for part in parts), sum(part.freedom for part in parts)
    )


def moderated(evidence: Evidence, everybody: Likeness, level: float) -> Evidence:
    """The evidence with bounds and effective size from the moderated design effect, at the one-sided ``level``.

    Left as it is where hamlets were not drawn, and where no other commune tells anything. ``df`` becomes the sum of
    both degrees of freedom. The bounds are beta limits at n / deff households (one-sided, Wilson's are too low at one
    end of a skewed share and too high at the other: Cai 2005, doi:10.1016/j.jspi.2004.01.005), moved out from the
    normal to the t distribution.
    """
    own = likeness_of(evidence)
    others = everybody - own
    if evidence.regime != "clusters" or evidence.value is None or not evidence.n_clusters or others.rho is None:
        return evidence
    expected = 1 + max(evidence.n / evidence.n_clusters - 1, 0.0) * others.rho
    trust = min(others.freedom, NEIGHBOURS_AT_MOST)
    freedom = max(own.freedom + trust, 1.0)
    deff = expected if evidence.deff is None else (own.freedom * evidence.deff + trust * expected) / freedom
    size = evidence.n / max(deff, 1.0)
    t = float(stdtrit(freedom, level))
    low, high = _limits(evidence.value, size, float(ndtr(t)))
    return replace(
        evidence, df=freedom, deff=deff, n_effective=size * (float(ndtri(level)) / t) ** 2, n_moderated=size,
        lower_bound=low, upper_bound=high,
    )  # fmt: skip


def _limits(value: float, size: float, level: float) -> tuple[float, float]:
    """Limits between Jeffreys' (half a household moved) and Clopper and Pearson's (a whole one): see `MOVED`."""
    holding, others = value * size, (1 - value) * size
    low = 0.0 if value <= 0 else float(betaincinv(holding + 1 - MOVED, others + MOVED, 1 - level))
    return low, 1.0 if value >= 1 else float(betaincinv(holding + MOVED, others + 1 - MOVED, level))
