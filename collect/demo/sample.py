"""Which households of the made-up province are asked: hamlets drawn by size within communes, a fixed number in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from collect.demo.ground import VINTAGE, Ground
from collect.demo.population import Population
from collect.tables import FRAME, Frame

PER_HAMLET = 12  # interviews in a hamlet drawn, unless the round is large
HAMLETS_DRAWN = 6  # per commune, unless the round is large
USUAL = PER_HAMLET * HAMLETS_DRAWN  # interviews in a commune of the usual round
ENUMERATED = 3  # communes asked in full: the smallest
NOT_VISITED = 2
SMALLEST_WITH_ENUMERATION = 10_000  # a smaller round asks no commune in full: the smallest three have 8,837 households

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """How each commune is treated: row numbers of communes asked in full and not visited, and interviews elsewhere."""

    full: tuple[int, ...]
    unvisited: tuple[int, ...]
    per_commune: int
    everyone: bool


def plan_round(ground: Ground, households: int | None, rng: np.random.Generator) -> Plan:
    """Spread the interviews wanted over the communes. All of the province's households, or more, means everyone."""
    totals = ground.communes["households_2019"].to_numpy()
    if households is not None and households >= totals.sum():
        return Plan(tuple(range(len(totals))), (), 0, everyone=True)
    by_size = np.argsort(totals, kind="stable")
    full = tuple(int(number) for number in by_size[:ENUMERATED])
    rest = [int(number) for number in by_size[ENUMERATED:]]
    unvisited = tuple(sorted(int(number) for number in rng.choice(rest[5:-5], NOT_VISITED, replace=False)))
    if households is None:
        return Plan(full, unvisited, USUAL, everyone=False)
    if households < SMALLEST_WITH_ENUMERATION:
        full = ()
    sampled = len(totals) - len(full) - len(unvisited)
    left = households - int(totals[list(full)].sum())
    return Plan(full, unvisited, max(2, -(-left // sampled)), everyone=False)


def draw(ground: Ground, plan: Plan, rng: np.random.Generator) -> tuple[Frame, Whole]:
    """The frame of every hamlet with its chance, and how many households to ask in each (0 where not drawn)."""
    hamlets = ground.hamlets
    chance, take = np.zeros(hamlets.height), np.zeros(hamlets.height, dtype=np.int64)
    commune_of, listed = hamlets["commune"].to_numpy(), hamlets["households"].to_numpy()
    for commune in range(ground.communes.height):
        mine = np.flatnonzero(commune_of == commune)
        if commune in plan.full:
            chance[mine], take[mine] = 1.0, listed[mine]
            continue
        wanted = min(len(mine), max(2, HAMLETS_DRAWN, plan.per_commune // 60))
        if plan.per_commune < USUAL:
            wanted = min(len(mine), max(2, plan.per_commune // PER_HAMLET))
        chance[mine] = inclusion(listed[mine].astype(float), wanted)
        if commune not in plan.unvisited:
            drawn = mine[_systematic(chance[mine], rng)]
            take[drawn] = np.minimum(-(-plan.per_commune // len(drawn)), listed[drawn])
    frame = hamlets.select(
        "cluster", commune_code="code", hamlet="cluster", hamlet_name="hamlet_name", stratum="code"
    ).with_columns(
        pl.lit(VINTAGE).alias("vintage"),
        hamlets["households"],
        pl.Series("probability", np.round(chance, 10)),
        pl.Series("selected", take > 0),
    )
    return Frame(FRAME.check(frame)), take


def inclusion(sizes: npt.NDArray[np.float64], wanted: int) -> npt.NDArray[np.float64]:
    """Chances in proportion to size that add up to ``wanted``; a hamlet too large to have one is taken surely."""
    chance = np.zeros(len(sizes))
    sure = np.zeros(len(sizes), dtype=bool)
    while True:
        chance = np.where(sure, 1.0, 0.0)
        chance[~sure] = (wanted - sure.sum()) * sizes[~sure] / sizes[~sure].sum() if (~sure).any() else 0.0
        if not (chance[~sure] > 1).any():
            return np.minimum(chance, 1.0)
        sure |= chance >= 1


def _systematic(chance: npt.NDArray[np.float64], rng: np.random.Generator) -> Whole:
    """Systematic draw in random order: each hamlet with its own chance, as many as the chances add up to."""
    order = rng.permutation(len(chance))
    reached = np.cumsum(chance[order]) + rng.random()
    hits = np.floor(reached) > np.floor(np.concatenate([[reached[0] - chance[order][0]], reached[:-1]]))
    chosen: Whole = np.sort(order[hits]).astype(np.int64)
    return chosen


def asked(population: Population, take: Whole, rng: np.random.Generator) -> Whole:
    """Row numbers of the households asked, in the order of hamlets: a simple random draw within each."""
    hamlet = population.households["hamlet"].to_numpy()
    key = rng.random(len(hamlet))
    order = np.lexsort((key, hamlet))
    first = np.searchsorted(hamlet[order], np.arange(len(take)))
    rank = np.arange(len(hamlet)) - first[hamlet[order]]
    chosen: Whole = np.sort(order[rank < take[hamlet[order]]]).astype(np.int64)
    return chosen
