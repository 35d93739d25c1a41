"""Judge estimates from any table: the same rule, corrections and advice, without targets or places of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collect.judge.interviews import Chances, Habits, There, more_for_undecided, pooled_likeness
from collect.judge.pooling import likeness_of_all, moderated
from collect.judge.rule import Evidence, find
from collect.judge.together import corrected
from collect.targets import Target


@dataclass(frozen=True, slots=True)
class Judged:
    """One domain's verdict; bounds as judged, one-sided."""

    verdict: str
    p_meets: float | None
    reason: str
    lower_bound: float | None
    upper_bound: float | None
    interviews_needed: int | None
    interviews_reason: str | None
    hamlets_needed: int | None
    verdict_holm: str
    verdict_bh: str


def judge_domains(
    domains: Sequence[Evidence], target: Target, chances: Chances, *, as_given: bool = False
) -> tuple[Judged, ...]:
    """Judge every domain; those of few clusters with the design effect that the others moderate (record 0032).

    ``as_given``: by the bounds of the evidence itself, where somebody asked for an interval by name.
    """
    alike = likeness_of_all(domains)
    evidence = list(domains) if as_given else [moderated(domain, alike, chances.level) for domain in domains]
    findings = [find(target, one, chances.level) for one in evidence]
    sampled = [at for at, found in enumerate(findings) if found.p_meets is not None and found.reason != "census"]
    said = corrected([findings[at].p_meets or 0.0 for at in sampled], chances.level)
    holm, stepped_up = (dict(zip(sampled, verdicts, strict=True)) for verdicts in said)
    made, need = [], float(target.value)
    for at, (one, found) in enumerate(zip(evidence, findings, strict=True)):
        usual = one.n / one.n_clusters if one.n_clusters else 1.0
        clustered = one.regime in ("clusters", "one_cluster")
        rho = pooled_likeness(domains) if clustered else 0.0
        habits = Habits(rho, 1.0, usual, None, clustered, alike.freedom)
        more = more_for_undecided(one, need, habits, There(), chances) if found.verdict == "undecided" else None
        made.append(
            Judged(
                found.verdict, found.p_meets, found.reason, one.lower_bound, one.upper_bound,
                more.interviews if more else None, more.reason if more else None,
                more.hamlets if more else None,
                holm.get(at, found.verdict), stepped_up.get(at, found.verdict),
            )
        )  # fmt: skip
    return tuple(made)
