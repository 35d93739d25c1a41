"""The year before the made-up round: the same homes with a little less, in half the communes the same hamlets."""

from __future__ import annotations

import numpy as np
import polars as pl

from collect.demo.answers import MEMBER, Answers, interview, with_totals
from collect.demo.ground import Ground
from collect.demo.population import ACCOUNTS, Population
from collect.demo.sample import Plan, Whole, draw
from collect.tables import FRAME, Frame

EARLIER_ROUND, EARLIER_FRAME = "demo-2025", "earlier-frame.csv"
GAINED = {"passed": 0.06, "subscribed": 0.08, "smartphone": 0.09, "account": 0.12}  # of those who have it: since then
DATED = ("/data/start", "/data/end", "/data/today", "submitted_at", "/data/household/fibre_since")


def before(population: Population, rng: np.random.Generator) -> Population:
    """The same households and people, without what they gained within the year."""

    def had(frame: pl.DataFrame, name: str) -> pl.Series:
        return frame[name] & pl.Series(rng.random(frame.height) >= GAINED[name])

    homes, people = population.households, population.persons
    homes = homes.with_columns(passed=had(homes, "passed"))
    homes = homes.with_columns(subscribed=had(homes, "subscribed") & homes["passed"])
    people = people.with_columns(smartphone=had(people, "smartphone"), account=had(people, "account"))
    kinds = {name: pl.col(name) & pl.col("account") for name in ACCOUNTS}
    return Population(homes, people.with_columns(**kinds))


def rotated(ground: Ground, plan: Plan, take: Whole, rng: np.random.Generator) -> tuple[Frame, Whole]:
    """The draw of the year before: every other commune (by chance) the hamlets of the round itself, the rest their own.

    Nobody was asked in full then. The chances are the same in both rounds.
    """
    frame, earlier = draw(ground, Plan((), plan.unvisited, plan.per_commune, everyone=False), rng)
    again = rng.random(ground.communes.height) < 0.5
    again[list(plan.full)] = False
    commune = ground.hamlets["commune"].to_numpy()
    earlier = np.where(again[commune], take, earlier)
    named = frame.with_columns(selected=pl.Series(earlier > 0), round=pl.lit(EARLIER_ROUND))
    return Frame(FRAME.check(named)), earlier


def answers_of(
    population: Population, ground: Ground, chosen: Whole, homes: pl.DataFrame, rng: np.random.Generator
) -> Answers:
    """What the households answered then: no day, birth or contract is later than the interview."""
    willing = np.zeros(ground.communes.height, dtype=bool)
    found = interview(population, ground, chosen, homes, rng, willing=willing)
    dated = [name for name in DATED if name in found.root.columns]
    year = pl.col(dated).str.slice(0, 4).cast(pl.Int64) - 1
    root = found.root.with_columns(
        year.cast(pl.String) + pl.col(dated).str.slice(4), pl.lit(EARLIER_ROUND).alias("/data/interview/round")
    )
    born = pl.col(f"{MEMBER}/birth_year")
    members = found.members.with_columns((born.cast(pl.Int64) - 1).cast(pl.String))
    return with_totals(Answers(root, members), population.households["khmer"].to_numpy()[chosen], rng)
