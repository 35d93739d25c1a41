"""One verdict per target and place, also for places nobody visited: silence is an answer too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from math import ceil
from statistics import median
from typing import Any

import polars as pl

from collect.indicators import Indicator
from collect.judge.interviews import (
    Chances,
    Habits,
    More,
    There,
    more_for_undecided,
    more_for_unvisited,
    pooled_likeness,
    pooled_of_household,
)
from collect.judge.looking import always_valid
from collect.judge.pooling import likeness_of_all, moderated
from collect.judge.rule import Evidence, Finding, find
from collect.judge.together import corrected, how_many_meet
from collect.tables import (
    FRAME,
    TALLIES,
    VERDICTS,
    VERDICTS_TABLE,
    WEIGHTS,
    Estimates,
    Frame,
    Tallies,
    Units,
    Verdicts,
    Weights,
    frame_of_round,
)
from collect.targets import Target

USUAL = Chances()
Row = Mapping[str, Any]
Where = tuple[str, str, str]  # level, vintage, place
FAMILY = ("target_id", "vintage", "round")  # whose communes are judged at once


def judge(  # noqa: PLR0913  # what was found, what it is held against, and what there is to ask
    estimates: Estimates,
    targets: Sequence[Target],
    indicators: Sequence[Indicator],
    places: Units,
    weights: Weights | None = None,
    *,
    frame: Frame | None = None,
    chances: Chances = USUAL,
) -> Verdicts:
    """Judge every target that an indicator measures, at its own level, in every place and round.

    Parameters
    ----------
    estimates
        With one-sided bounds at ``chances.level``.
    targets
        Those of level province are judged for the province, those of level commune for each commune of ``places``;
        those that no indicator measures, or that are no shares, have no verdict.
    places
        The communes, each of which keeps its row in every round the indicator was asked in (the last round of all,
        when it never was).
    weights
        For the households and hamlets that the frame lists; without it a commune has those of the 2019 census.
    frame
        The same of communes nobody visited: all hamlets that could be drawn, in the vintage of ``places``. Of each
        round its own rows are read (`collect.tables.frame_of_round`).

    Notes
    -----
    A commune of few hamlets is judged by bounds whose design effect the round's other communes moderate (record 0032);
    those of ``estimates`` stay as they are.

    Returns
    -------
    Verdicts. ``p_meets`` is at least ``level`` exactly where the verdict is ``met``, at most ``1 - level`` where it is
    ``not_met``, 0 or 1 for an enumeration, empty where nothing can be said. ``interviews_needed`` counts households (or
    returns of communes) beyond those there are.
    """
    known = {indicator.indicator_id: indicator for indicator in indicators}
    there = {round_: _households(places, weights, frame, round_) for round_ in _all_rounds(estimates)}
    rows: list[dict[str, object]] = []
    for indicator_id, found in _by_indicator(estimates, known):
        mine = [target for target in targets if target.indicator == indicator_id and _is_judged(target)]
        for round_ in _rounds(found, estimates):
            field = _Fieldwork(known[indicator_id], found.filter(pl.col("round") == round_), estimates, there[round_])
            rows += [row for target in mine for row in field.verdicts(target, round_, chances)]
    judged = _corrected(pl.DataFrame(rows, schema=VERDICTS_TABLE.schema), chances)
    return Verdicts(VERDICTS_TABLE.check(judged).sort(list(VERDICTS_TABLE.key)))


def tally(verdicts: Verdicts, chances: Chances = USUAL) -> Tallies:
    """Count the communes of each target by verdict, and bound how many truly meet it.

    ``meeting_low`` and ``meeting_high`` hold together at ``chances.level``: enumerated communes count as they are,
    sampled ones by closed testing, those of which nothing can be said stand in ``meeting_high`` alone.
    """
    rows = []
    for key, found in verdicts.filter(pl.col("level") == "commune").group_by(*FAMILY, maintain_order=True):
        certain = found.filter(pl.col("reason") == "census")["verdict"]
        sampled = found.filter(_is_sampled())["p_meets"].to_list()
        low, high = how_many_meet(sampled, chances.level)
        met, unknown = int((certain == "met").sum()), found.height - certain.len() - len(sampled)
        counts = {name: int((found["verdict"] == name).sum()) for name in VERDICTS}
        after = {
            f"{name}_{how}": int((found[f"verdict_{how}"] == name).sum())
            for how in ("holm", "bh")
            for name in ("met", "not_met")
        }
        rows.append(
            dict(zip(FAMILY, key, strict=True))
            | {"communes": found.height, **counts, **after}
            | {"meeting_low": met + low, "meeting_high": met + high + unknown}
        )
    return Tallies(TALLIES.check(pl.DataFrame(rows, schema=TALLIES.schema)).sort(list(TALLIES.key)))


def _is_sampled() -> pl.Expr:
    return pl.col("p_meets").is_not_null() & (pl.col("reason") != "census")


def _corrected(rows: pl.DataFrame, chances: Chances) -> pl.DataFrame:
    """Verdicts after correction for all communes of a target judged at once; a count needs none."""
    rows = rows.with_columns(verdict_holm="verdict", verdict_bh="verdict").with_row_index("row")
    several = rows.filter((pl.col("level") == "commune") & _is_sampled())
    for _, found in several.group_by(*FAMILY, maintain_order=True):
        holm, stepped_up = corrected(found["p_meets"].to_list(), chances.level)
        new = found.select("row").with_columns(verdict_holm=pl.Series(holm), verdict_bh=pl.Series(stepped_up))
        rows = rows.update(new, on="row", how="left")
    return rows.drop("row")


def _is_judged(target: Target) -> bool:
    return target.unit == "share" and target.level in ("province", "commune")


def _by_indicator(estimates: pl.DataFrame, known: Iterable[str]) -> Iterator[tuple[str, pl.DataFrame]]:
    for indicator_id in known:
        yield indicator_id, estimates.filter(pl.col("indicator") == indicator_id)


def _rounds(found: pl.DataFrame, estimates: pl.DataFrame) -> list[str]:
    if found.height:
        return found["round"].unique().sort().to_list()
    return _all_rounds(estimates)[-1:]


def _all_rounds(estimates: pl.DataFrame) -> list[str]:
    return estimates["round"].unique().sort().to_list() or [""]


def _households(places: pl.DataFrame, weights: Weights | None, frame: Frame | None, round_: str) -> pl.DataFrame:
    """Each commune with its province, its hamlets where a frame lists them, and its households (else of the census).

    As the round has them; what only other rounds list comes before the census.
    """
    visited = WEIGHTS.empty() if weights is None else weights.filter(pl.col("unit") == "household")
    drawable = frame_of_round(frame, round_)
    by_commune = visited.group_by("vintage", pl.col("round") == round_, code="commune_code").agg(
        hamlets=pl.col("hamlets_in_frame").max(), households=pl.col("households_listed").max()
    )
    listed = pl.concat([
        by_commune.filter("round").drop("round"),
        (FRAME.empty() if drawable is None else drawable).group_by("vintage", code="commune_code").agg(
            hamlets=pl.len().cast(pl.Int64), households=pl.col("households").sum()
        ),
        by_commune.filter(~pl.col("round")).drop("round"),
    ])  # fmt: skip
    first = listed.drop_nulls("households").unique(["vintage", "code"], keep="first", maintain_order=True)
    found = places.select("vintage", "province_code", "code", "households_2019").join(
        first, on=["vintage", "code"], how="left"
    )
    return found.with_columns(households=pl.coalesce("households", "households_2019"))


class _Fieldwork:
    """All that one round says of one indicator."""

    def __init__(
        self, indicator: Indicator, found: pl.DataFrame, estimates: pl.DataFrame, communes: pl.DataFrame
    ) -> None:
        self.indicator = indicator
        self.by_place = {(r["level"], r["vintage"], r["place"]): r for r in found.iter_rows(named=True)}
        self.households = {(r["vintage"], r["code"]): r["households"] for r in communes.iter_rows(named=True)}
        self.hamlets = {(r["vintage"], r["code"]): r["hamlets"] for r in communes.iter_rows(named=True)}
        self.provinces = communes.select("vintage", "province_code", "code").rows()
        self.by_returns = indicator.counted_in == "communes" or "commune" in found["unit"].drop_nulls()
        rounds = found["round"].unique().implode()
        asked = estimates.filter(pl.col("round").is_in(rounds) & ((pl.col("unit") == "commune") == self.by_returns))
        self.visited = set(asked.select("level", "vintage", "place").rows())
        self.evidence: dict[str, list[Evidence]] = {}
        for (level, vintage, _), row in self.by_place.items():
            if level == "commune":
                self.evidence.setdefault(vintage, []).append(_evidence(row))
        self.provinces_of = {vintage: row for (level, vintage, _), row in self.by_place.items() if level == "province"}
        self.habits = self._habits()
        self.alike = {vintage: likeness_of_all(self._communes_of(vintage)) for vintage in self.habits}

    def verdicts(self, target: Target, round_: str, chances: Chances) -> Iterator[dict[str, object]]:
        """The rows of one target: the province's, or one for each commune."""
        if target.level == "province":
            wheres = [("province", vintage, province) for vintage, province, _ in self.provinces]
        else:
            wheres = [("commune", vintage, code) for vintage, _, code in self.provinces]
        for where in dict.fromkeys(wheres):
            evidence = self._evidence(where, chances)
            finding = find(target, evidence, chances.level) if evidence else self._silence(where)
            more = self._more(finding, evidence, where, target, chances)
            yield {
                "target_id": target.target_id,
                "indicator": self.indicator.indicator_id,
                **dict(zip(("level", "vintage", "place"), where, strict=True)),
                "round": round_,
                "verdict": finding.verdict,
                "p_meets": finding.p_meets,
                "reason": finding.reason,
                "interviews_needed": more.interviews if more else None,
                "interviews_reason": more.reason if more else None,
                "hamlets_needed": more.hamlets if more else None,
                **_as_judged(target, evidence, finding, chances),
            }

    def _evidence(self, where: Where, chances: Chances) -> Evidence | None:
        row = self.by_place.get(where)
        if row is None:
            return None
        if where[0] != "commune" or where[1] not in self.alike:
            return _evidence(row)
        return moderated(_evidence(row), self.alike[where[1]], chances.level)

    def _silence(self, where: Where) -> Finding:
        return Finding("no_data", None, "no_answers" if where in self.visited else "not_visited")

    def _more(
        self, finding: Finding, evidence: Evidence | None, where: Where, target: Target, chances: Chances
    ) -> More | None:
        if finding.verdict in ("met", "not_met"):
            return None
        need, habits = float(target.value), self.habits.get(where[1])
        if self.by_returns:
            return More(self._returns_of(where) - (evidence.n if evidence else 0), "return")
        there = There(self._households_of(where), self.hamlets.get(where[1:]), where[0] == "commune")
        if finding.verdict == "no_data" or habits is None:
            return more_for_unvisited(need, habits, there, chances) if habits else More(None, "no_guess")
        return more_for_undecided(evidence, need, habits, there, chances) if evidence else None

    def _households_of(self, where: Where) -> int | None:
        level, vintage, place = where
        if level == "commune":
            return self.households.get((vintage, place))
        counts = [self.households[v, code] for v, province, code in self.provinces if (v, province) == (vintage, place)]
        return None if None in counts else sum(counts)

    def _returns_of(self, where: Where) -> int:
        level, vintage, place = where
        return 1 if level == "commune" else sum((v, p) == (vintage, place) for v, p, _ in self.provinces)

    def _communes_of(self, vintage: str) -> list[Evidence]:
        return self.evidence.get(vintage, [])

    def _habits(self) -> dict[str, Habits]:
        habits = {}
        for vintage in {where[1] for where in self.by_place}:
            communes = self._communes_of(vintage)
            clustered = [e for e in communes if e.regime in ("clusters", "one_cluster") and e.n_clusters]
            households = sum(e.n_households for e in communes)
            hamlets = sum(e.n_clusters for e in clustered)
            province = self.provinces_of.get(vintage)
            habits[vintage] = Habits(
                rho=pooled_likeness(communes) if clustered else 0.0,
                per_household=max(sum(e.n for e in communes) / households, 1e-9) if households else 1.0,
                per_hamlet=sum(e.n_households for e in clustered) / hamlets if hamlets else 1.0,
                guess=province["value"] if province else None,
                clustered=bool(clustered),
                freedom=likeness_of_all(communes).freedom,
                of_household=pooled_of_household(communes),
                visit_hamlets=_median(e.n_clusters for e in clustered),
                visit_households=_median(e.n_households for e in communes),
            )
        return habits


def _median(counts: Iterable[int]) -> int:
    """Of those that are not none, rounded up; 1 of nothing at all."""
    return ceil(median([count for count in counts if count] or [1]))


def _evidence(row: Row) -> Evidence:
    return Evidence(**{field.name: row[field.name] for field in fields(Evidence) if field.name in row})


def _as_judged(target: Target, evidence: Evidence | None, finding: Finding, chances: Chances) -> dict[str, object]:
    """The bounds the verdict rests on, what repeated looks allow, and the counts that would make a list certain."""
    if evidence is None:
        return {}
    whole = evidence.population is not None and evidence.n_holding == round(evidence.n_holding)
    enough = target.needed(evidence.population) if whole and evidence.population is not None else None
    certain = enough is not None and enough <= (evidence.population or 0)
    return {
        "lower_bound": evidence.lower_bound,
        "upper_bound": evidence.upper_bound,
        "n_judged": evidence.n_effective,
        "verdict_always": always_valid(target, evidence, chances.level) or finding.verdict,
        "certainly_met_from": enough if certain else None,
        "certainly_missed_from": (evidence.population or 0) - enough + 1 if enough is not None and certain else None,
    }
