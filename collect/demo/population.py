"""Everybody who lives on the made-up ground, and what each household and person has: the truth the survey looks for.

Every figure is drawn from a logit with effects of landscape, commune and hamlet; the intercept is then moved until the
whole province has the value wanted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import expit

from collect.demo.ground import Ground

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Province values. Subscribed: 59.25 % of households in 2022; smartphones: "above 60 %" of the population in 2022
# (Plan 37/KH-UBND, 18 April 2023). The others are guesses that leave something to find out.
SUBSCRIBED, PASSED, SMARTPHONE, ACCOUNT, COVERED = 0.5925, 0.79, 0.645, 0.62, 0.968
# Households by size in the 2019 census of Trà Vinh (General Statistics Office): 1 to 6 people, and 7 or more.
SIZES = np.array([29007, 49089, 66890, 73468, 36805, 18130])
SEVEN_AND_MORE = np.array([6600, 2900, 1180, 600])  # 7, 8, 9, 10: the census gives their sum only (11,286)

EFFECTS = {  # of the landscape, on the logit: fibre passed, subscribed once passed, mobile signal, smartphone, account
    "town": (1.6, 0.5, 1.5, 0.45, 0.55),
    "market": (0.7, 0.3, 0.7, 0.20, 0.25),
    "canal": (-0.2, -0.1, 0.0, -0.05, -0.10),
    "coast": (-0.8, -0.2, -0.6, -0.15, -0.25),
    "island": (-1.5, -0.4, -1.1, -0.30, -0.40),
}
HAMLET_SPREAD = (1.3, 0.35, 0.7, 0.20, 0.25)  # standard deviations of the hamlets' own effects
COMMUNE_SPREAD = (0.4, 0.15, 0.25, 0.12, 0.15)
OPERATORS = ("viettel", "vinaphone", "mobifone", "vietnamobile")
REACH = (0.97, 0.90, 0.82, 0.35)  # of the covered houses, those where this operator has 4G or 5G
GENERATIONS = ("none", "3g", "4g", "5g")
RELATIONS = (
    "head", "spouse", "child", "child_in_law", "grandchild", "parent", "sibling", "other_relative", "not_related",
)  # fmt: skip
ACCOUNTS = ("bank", "mobile_money", "e_wallet", "card")
AGE_KNOTS = (0, 6, 10, 15, 20, 30, 40, 50, 60, 70, 85, 105)
PHONE_BY_AGE = (-9.0, -4.0, -2.2, 1.2, 3.0, 3.0, 2.2, 1.2, 0.1, -1.0, -2.6, -4.0)  # logit, before the intercept
ACCOUNT_BY_AGE = (-9.0, -9.0, -9.0, -0.8, 1.0, 1.5, 1.2, 0.7, -0.2, -1.1, -2.2, -3.0)


@dataclass(frozen=True)
class Population:
    """``households``: one row each, ``hamlet`` and ``commune`` row numbers. ``persons``: one row each, by household."""

    households: pl.DataFrame
    persons: pl.DataFrame


def populate(ground: Ground, rng: np.random.Generator) -> Population:
    """Make up every household and person of the province."""
    hamlet = np.repeat(np.arange(ground.hamlets.height), ground.hamlets["households"].to_numpy())
    commune = ground.hamlets["commune"].to_numpy().astype(np.int64)[hamlet]
    effects = _effects(ground, hamlet, commune, rng)
    size = _sizes(len(hamlet), rng)
    wealth = rng.normal(0, 1, len(hamlet))
    households = _equipped(effects, size, wealth, rng).with_columns(
        pl.Series("hamlet", hamlet),
        pl.Series("commune", commune),
        pl.Series("size", size),
        pl.Series("wealth", wealth),
        pl.Series("khmer", rng.random(len(hamlet)) < ground.communes["khmer"].to_numpy()[commune]),
    )
    return Population(households.with_row_index("household"), _persons(size, wealth, effects, rng))


def _effects(ground: Ground, hamlet: Whole, commune: Whole, rng: np.random.Generator) -> Floats:
    """One row per household, one column per outcome: landscape, commune and hamlet together."""
    landscape = np.array([EFFECTS[name] for name in ground.communes["landscape"]])
    own = landscape + rng.normal(0, 1, landscape.shape) * COMMUNE_SPREAD
    hamlets = rng.normal(0, 1, (ground.hamlets.height, len(HAMLET_SPREAD))) * HAMLET_SPREAD
    both: Floats = own[commune] + hamlets[hamlet]
    return both


def _sizes(count: int, rng: np.random.Generator) -> Whole:
    weights = np.concatenate([SIZES, SEVEN_AND_MORE]).astype(float)
    return 1 + rng.choice(len(weights), count, p=weights / weights.sum()).astype(np.int64)


def settled(score: Floats, share: float, weight: Floats | None = None) -> Floats:
    """Probabilities ``expit(score + c)`` with the ``c`` that gives a (weighted) mean of ``share``: bisection."""
    low, high = -20.0, 20.0
    for _ in range(40):
        middle = (low + high) / 2
        mean = np.average(expit(score + middle), weights=weight)
        low, high = (middle, high) if mean < share else (low, middle)
    chances: Floats = expit(score + (low + high) / 2)
    return chances


def _equipped(effects: Floats, size: Whole, wealth: Floats, rng: np.random.Generator) -> pl.DataFrame:
    count = len(size)
    passed = rng.random(count) < settled(effects[:, 0], PASSED)
    wants = settled((effects[:, 1] + 0.6 * wealth + 0.15 * (size - 3.5))[passed], SUBSCRIBED / passed.mean())
    subscribed = np.zeros(count, dtype=bool)
    subscribed[passed] = rng.random(len(wants)) < wants
    covered = rng.random(count) < settled(effects[:, 2], COVERED, size.astype(float))
    town = np.clip(0.25 + 0.2 * effects[:, 2], 0.05, 0.7)
    columns = {"passed": passed, "subscribed": subscribed, "covered": covered}
    signals = {}
    best = rng.integers(0, 3, count)  # one operator that reaches every covered house
    for number, (operator, reach) in enumerate(zip(OPERATORS, REACH, strict=True)):
        has = covered & ((rng.random(count) < reach) | (best == number))
        newest = has & (rng.random(count) < town) & (number < 3)
        weak = ~has & (rng.random(count) < 0.4)
        signals[f"signal_{operator}"] = np.select([newest, has, weak], [3, 2, 1], 0)
    return pl.DataFrame({**columns, **signals})


def _persons(size: Whole, wealth: Floats, effects: Floats, rng: np.random.Generator) -> pl.DataFrame:
    household = np.repeat(np.arange(len(size)), size)
    line = np.arange(len(household)) - np.repeat(np.cumsum(size) - size, size) + 1
    relation, age, female = _family(size, household, line, rng)
    mine = effects[household]
    shared = rng.normal(0, 0.5, len(size))[household] + 0.35 * wealth[household]
    phone_score = mine[:, 3] + shared + np.interp(age, AGE_KNOTS, PHONE_BY_AGE)
    smartphone = (rng.random(len(age)) < settled(phone_score, SMARTPHONE)) & (age >= 6)
    plain = ~smartphone & (rng.random(len(age)) < np.where(age >= 50, 0.55, 0.12)) & (age >= 10)
    adult = age >= 15
    account_score = mine[:, 4] + shared + np.interp(age, AGE_KNOTS, ACCOUNT_BY_AGE) + 0.8 * smartphone
    account = np.zeros(len(age), dtype=bool)
    account[adult] = rng.random(int(adult.sum())) < settled(account_score[adult], ACCOUNT)
    kinds = _kinds(account, smartphone, rng)
    return pl.DataFrame(
        {
            "household": household, "line": line, "relation": relation, "age": age, "female": female,
            "own_phone": smartphone | plain, "smartphone": smartphone, "account": account, **kinds,
            "sim": rng.random(len(age)) < 0.97, "account_used": rng.random(len(age)) < 0.86,
            "birthday_passed": rng.random(len(age)) < 0.77,
        }
    )  # fmt: skip


def _family(
    size: Whole, household: Whole, line: Whole, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], Whole, Flags]:
    """Relation (place in `RELATIONS`), age and sex of everyone."""
    count = len(household)
    head_age = np.clip(rng.normal(50, 14, len(size)) + 6 * (size <= 2), 21, 95).astype(np.int64)[household]
    head_female = (rng.random(len(size)) < 0.34)[household]
    married = (rng.random(len(size)) < 0.80)[household] & (head_age > 19)
    others = rng.choice([2, 3, 4, 5, 6, 7, 8], count, p=[0.60, 0.08, 0.17, 0.07, 0.03, 0.04, 0.01])
    relation = np.where(line == 1, 0, np.where((line == 2) & married, 1, others))
    relation = np.where((relation == 4) & (head_age < 42), 2, relation)
    relation = np.where((relation == 3) & (head_age < 42), 2, relation)
    relation = np.where((relation == 5) & (head_age > 68), 2, relation)
    years = rng.integers(0, 20, count)
    near = np.clip(head_age + rng.normal(-2, 4, count).astype(np.int64), 18, 98)
    by_relation = np.select(
        [relation == number for number in (0, 1, 2, 3, 4, 5)],
        [
            head_age,
            near,
            head_age - 20 - years,
            head_age - 21 - years // 2,
            head_age - 42 - years,
            head_age + 20 + years // 2,
        ],
        np.clip(near + rng.integers(-25, 10, count), 1, 95),
    )
    age = np.clip(by_relation, 0, 101)
    grown = (relation == 3) & (age < 19)
    age = np.where(grown, 19 + years // 2, age)
    female = np.where(relation == 0, head_female, np.where(relation == 1, ~head_female, rng.random(count) < 0.51))
    return relation.astype(np.int64), age.astype(np.int64), female


def _kinds(account: Flags, smartphone: Flags, rng: np.random.Generator) -> dict[str, Flags]:
    draws = rng.random((4, len(account)))
    bank = account & (draws[0] < 0.88)
    wallet = account & smartphone & (draws[2] < 0.42)
    money = account & (draws[1] < 0.09)
    none_yet = account & ~(bank | wallet | money)
    return {
        "bank": bank | none_yet,
        "mobile_money": money,
        "e_wallet": wallet,
        "card": (bank | none_yet) & (draws[3] < 0.55),
    }
