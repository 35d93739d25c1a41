"""What the phones of the made-up survey hold: the answers of the households asked, as text, one column per question."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from collect.demo.ground import Ground
from collect.demo.population import ACCOUNTS, GENERATIONS, OPERATORS, RELATIONS, Population

ROUND = "demo-2026"
FIRST_DAY = datetime(2026, 10, 5, 7, 30)  # noqa: DTZ001  # the clock of a phone in Viet Nam, +07:00
DAYS = 30
PER_INTERVIEWER = 120  # interviews one person does in a round, four a day
REFUSED, DOUBT = 0.025, 0.012  # interviews refused; answers "does not know" or "refused"
MEMBER = "/data/people/member"
NAMED_BY = ("/data/interview/cluster", "/data/interview/interviewer", "/data/today")
TEXTS = tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8"))

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass
class Answers:
    """``root``: one row per interview. ``members``: one row per person, ``row`` the place of the interview in ``root``.

    Both start with columns that are no questions (no slash in their names).
    """

    root: pl.DataFrame
    members: pl.DataFrame


def text_of(values: npt.NDArray[np.generic] | pl.Series) -> pl.Series:
    """Whole numbers as text."""
    return pl.Series(values).cast(pl.String)


def worded(places: npt.NDArray[np.generic], words: Sequence[str | None]) -> pl.Series:
    """The word at each place (a truth value counts as 0 or 1)."""
    return pl.Series(words, dtype=pl.String).gather(places.astype(np.uint32))


def only(where: npt.NDArray[np.bool_] | pl.Series, values: pl.Series) -> pl.Series:
    """``values`` where asked, empty elsewhere."""
    return values.set(~pl.Series(where), None)


def uuids(count: int, rng: np.random.Generator) -> list[str]:
    """Version 4 identifiers, from the round's own generator."""
    digits = rng.bytes(16 * count).hex()
    found = []
    for start in range(0, 32 * count, 32):
        d = digits[start : start + 32]
        found.append(f"{d[:8]}-{d[8:12]}-4{d[13:16]}-{'89ab'[int(d[16], 16) % 4]}{d[17:20]}-{d[20:]}")
    return found


def interview(
    population: Population,
    ground: Ground,
    asked: Whole,
    houses: pl.DataFrame,
    rng: np.random.Generator,
    *,
    willing: Flags,
) -> Answers:
    """Ask the households ``asked`` (row numbers); those not ``willing`` (by commune row) may refuse."""
    homes = population.households[asked]
    consent = (rng.random(len(asked)) >= REFUSED) | willing[homes["commune"].to_numpy()]
    root = pl.DataFrame(
        [
            *_when_and_who(homes, ground, rng),
            worded(consent, ("no", "yes")).alias("/data/consent"),
            *_where(homes, ground, houses, consent, rng),
            *_household(homes, rng),
        ]
    )
    hidden = [name for name in root.columns if name.startswith("/data/household/")]
    root = root.with_columns(pl.when(pl.col("/data/consent") == "yes").then(pl.col(hidden)))
    return Answers(root, _members(population.persons, asked, root, rng))


def _when_and_who(homes: pl.DataFrame, ground: Ground, rng: np.random.Generator) -> list[pl.Series]:
    count = homes.height
    commune = homes["commune"].to_numpy()
    rank = np.arange(count) - np.searchsorted(commune, commune)  # the commune's interviews in turn
    share = rank / np.maximum(1, np.bincount(commune, minlength=ground.communes.height)[commune])
    first = (commune * 7) % (DAYS - 8)
    day = np.minimum(DAYS - 1, first + np.floor(share * 8).astype(np.int64))
    clock = pl.DataFrame(
        {
            "start": day * 86_400 + rng.integers(0, 570 * 60, count),
            "lasts": rng.integers(9, 38, count) * 60 + rng.integers(0, 60, count),
            "waits": rng.integers(1, 600, count) * 60,  # until a network is near
        }
    ).select(
        (pl.lit(FIRST_DAY) + pl.duration(seconds="start")).alias("start"),
        (pl.lit(FIRST_DAY) + pl.duration(seconds=pl.col("start") + pl.col("lasts"))).alias("end"),
        (pl.lit(FIRST_DAY) + pl.duration(seconds=pl.sum_horizontal("start", "lasts", "waits"), hours=-7)).alias("sent"),
    )
    start, end, sent = clock["start"], clock["end"], clock["sent"]
    people = np.maximum(2, np.bincount(commune, minlength=ground.communes.height) // PER_INTERVIEWER)
    interviewer = (np.cumsum(people) - people)[commune] + rank % people[commune] + 1
    code = pl.Series(interviewer).cast(pl.String).str.zfill(3)
    device = pl.Series((np.asarray(interviewer) * 2654435761 % 2**32).astype(np.uint64)).cast(pl.String)
    cluster = ground.hamlets["cluster"].gather(homes["hamlet"])
    return [
        pl.Series("commune", commune),
        pl.Series("instance", uuids(count, rng)),
        sent.dt.to_string("%Y-%m-%dT%H:%M:%S%.3fZ").alias("submitted_at"),
        start.dt.to_string("%Y-%m-%dT%H:%M:%S%.3f+07:00").alias("/data/start"),
        end.dt.to_string("%Y-%m-%dT%H:%M:%S%.3f+07:00").alias("/data/end"),
        start.dt.to_string("%Y-%m-%d").alias("/data/today"),
        ("collect:demo" + device).alias("/data/deviceid"),
        worded(np.zeros(count), [ROUND]).alias("/data/interview/round"),
        ("DEMO-" + code).alias("/data/interview/interviewer"),
        cluster.alias("/data/interview/cluster"),
    ]


def _where(
    homes: pl.DataFrame, ground: Ground, houses: pl.DataFrame, consent: Flags, rng: np.random.Generator
) -> list[pl.Series]:
    cluster = ground.hamlets["cluster"].gather(homes["hamlet"])
    code = ground.communes["code"].gather(homes["commune"])
    found = consent & (rng.random(homes.height) < 0.985)  # a few phones never found the satellites
    error = np.round(3 + rng.gamma(2.0, 2.5, homes.height), 1)
    apart = error / 111_195 * 0.5  # the phone is off by about half of what it states
    latitude = houses["latitude"].to_numpy() + rng.normal(0, 1, homes.height).clip(-1.5, 1.5) * apart
    longitude = houses["longitude"].to_numpy() + rng.normal(0, 1, homes.height).clip(-1.5, 1.5) * apart
    parts = (np.round(latitude, 7), np.round(longitude, 7), np.round(rng.normal(2.0, 1.5, homes.height), 1), error)
    point = [only(found, pl.Series(part).cast(pl.String)).alias(f"point{number}") for number, part in enumerate(parts)]
    province = worded(np.zeros(homes.height), ["86"]).alias("/data/place/province")
    return [province, code.alias("/data/place/commune"), cluster.alias("/data/place/hamlet"), *point]


def _doubtful(holds: pl.Series, rng: np.random.Generator, words: tuple[str, ...] = ("dont_know",)) -> pl.Series:
    """yes and no, with a few who do not know."""
    doubt = rng.random(len(holds)) < DOUBT
    return worded(np.where(doubt, 2 + rng.integers(0, len(words), len(holds)), holds.to_numpy()), ("no", "yes", *words))


def _household(homes: pl.DataFrame, rng: np.random.Generator) -> list[pl.Series]:
    count = homes.height
    base = "/data/household/"
    passed = _doubtful(homes["passed"], rng)
    subscribed = _doubtful(homes["subscribed"], rng)
    doubt = pl.lit("dont_know")  # who cannot say what could be ordered cannot say what is in use
    subscribed = pl.select(pl.when(passed == "dont_know").then(doubt).otherwise(subscribed)).to_series()
    has, lacks = (subscribed == "yes").to_numpy(), (subscribed == "no").to_numpy()
    since = 2014 + np.minimum(12, rng.gamma(9.0, 0.9, count)).astype(np.int64)
    month = np.where(since == 2026, 1 + rng.integers(0, 8, count), 1 + rng.integers(0, 12, count))
    since_text = text_of(since) + "-" + text_of(month).str.zfill(2) + "-01"
    reasons, other = _reasons(homes, lacks, rng)
    told = rng.random(count)
    ethnic = np.where(told > 0.98, 3, np.where(homes["khmer"].to_numpy(), 0, np.where(rng.random(count) < 0.015, 1, 2)))
    signals = []
    for operator in OPERATORS:
        unseen = rng.random(count) < (0.05 if operator == "vietnamobile" else 0.015)
        seen = np.where(unseen, len(GENERATIONS), homes[f"signal_{operator}"].to_numpy())
        signals.append(worded(seen, (*GENERATIONS, "dont_know")).alias(f"{base}signal_{operator}"))
    return [
        text_of(homes["size"]).alias(base + "size"),
        worded(rng.random(count) < 0.994, ("other", "grid")).alias(base + "electricity"),
        only(told > 0.06, worded(ethnic, ("khmer", "hoa", "kinh", "refused"))).alias(base + "ethnic_group"),
        passed.alias(base + "fibre_passed"),
        subscribed.alias(base + "fibre_subscribed"),
        only(has, since_text).alias(base + "fibre_since"),
        reasons.alias(base + "fibre_why_not"),
        other.alias(base + "fibre_why_not_other"),
        *signals,
    ]


def _reasons(homes: pl.DataFrame, lacks: Flags, rng: np.random.Generator) -> tuple[pl.Series, pl.Series]:
    """Why a household has no fibre: one or two reasons in the order of the form, and words in its own language."""
    count = homes.height
    near = homes["passed"].to_numpy()
    names = (
        "no_line",
        "too_expensive",
        "mobile_enough",
        "not_needed",
        "no_device",
        "no_skill",
        "poor_service",
        "other",
    )
    chances = np.where(
        near[:, None], (0, 0.42, 0.40, 0.15, 0.09, 0.12, 0.06, 0.06), (0.92, 0.15, 0.14, 0.05, 0.05, 0.04, 0, 0.04)
    )
    says = rng.random((count, len(names))) < chances
    says[~says.any(axis=1), 2] = True
    parts = [worded(says[:, place], (None, name)).alias(name) for place, name in enumerate(names)]
    joined = pl.DataFrame(parts).select(pl.concat_str(pl.all(), separator=" ", ignore_nulls=True)).to_series()
    joined = pl.select(
        pl.when(pl.Series(rng.random(count) < 0.01)).then(pl.lit("dont_know")).otherwise(joined)
    ).to_series()
    reasons = only(lacks, joined)
    wants = reasons.str.contains("other").fill_null(False)
    return reasons, only(wants, _sentences("why_not", homes["khmer"].to_numpy(), rng))


def _sentences(kind: str, khmer: Flags, rng: np.random.Generator) -> pl.Series:
    vi, km = TEXTS[kind]["vi"], TEXTS[kind]["km"]
    picks = rng.integers(0, len(vi) * len(km), len(khmer))
    return worded(np.where(khmer, len(vi) + picks % len(km), picks % len(vi)), [*vi, *km])


def remarks(khmer: Flags, rng: np.random.Generator) -> pl.Series:
    """A remark of the interviewer on some interviews."""
    return only(rng.random(len(khmer)) < 0.06, _sentences("remarks", khmer, rng))


def _members(persons: pl.DataFrame, asked: Whole, root: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    interviews = pl.DataFrame(
        {"household": asked, "row": np.arange(len(asked)), "day": root["/data/today"], "consent": root["/data/consent"]}
    ).filter(pl.col("consent") == "yes")
    people = interviews.join(persons, on="household", maintain_order="left_right")
    count = people.height
    year = people["day"].str.slice(0, 4).cast(pl.Int64) - people["age"] - (~people["birthday_passed"]).cast(pl.Int64)
    known = rng.random(count) < 0.97
    age = people["age"].to_numpy()
    told = ("dont_know", "dont_know", "refused")
    own = _doubtful(people["own_phone"], rng, told)
    smart, sim = _doubtful(people["smartphone"], rng, told), _doubtful(people["sim"], rng)
    used = _doubtful(people["account_used"], rng, told)
    account, named = _accounts(people, rng)
    busy = np.select([(age < 22) & (rng.random(count) < 0.7), (age < 62) & (rng.random(count) < 0.83)], [1, 2], 0)
    activity = worded(busy, ("neither", "studies", "works"))
    has = (own == "yes").to_numpy() & (age >= 6)

    return pl.DataFrame(
        {
            "row": people["row"].cast(pl.Int64),
            "index": people["line"],
            f"{MEMBER}/line": text_of(people["line"]),
            f"{MEMBER}/relation": worded(people["relation"].to_numpy(), RELATIONS),
            f"{MEMBER}/sex": worded(people["female"].to_numpy(), ("male", "female")),
            f"{MEMBER}/birth_year": only(known, text_of(year)),
            f"{MEMBER}/age": text_of(people["age"]),
            f"{MEMBER}/works_or_studies": only(age >= 15, activity),
            f"{MEMBER}/own_phone": only(age >= 6, own),
            f"{MEMBER}/smartphone": only(has, smart),
            f"{MEMBER}/sim_3_months": only(has, sim),
            f"{MEMBER}/account": only(age >= 15, account),
            f"{MEMBER}/account_used_12_months": only((age >= 15) & named, used),
        }
    )


def _accounts(people: pl.DataFrame, rng: np.random.Generator) -> tuple[pl.Series, Flags]:
    parts = [pl.when(people[name]).then(pl.lit(name)).alias(name) for name in ACCOUNTS]
    joined = pl.select(pl.concat_str(parts, separator=" ", ignore_nulls=True)).to_series()
    plain = pl.select(pl.when(joined == "").then(pl.lit("none")).otherwise(joined)).to_series()
    draws = rng.random(people.height)
    doubt = np.select([draws < 0.006, draws < 0.016], [1, 2], 0)
    said = worded(doubt, (None, "refused", "dont_know"))
    answer = pl.select(pl.coalesce(said, plain)).to_series()
    return answer, (doubt == 0) & (plain != "none").to_numpy()


def with_totals(answers: Answers, khmer: Flags, rng: np.random.Generator) -> Answers:
    """Add what the phone computes at the end, from the answers as they stand, and the last two questions."""
    age = pl.col(f"{MEMBER}/age").cast(pl.Int64)
    sums = answers.members.group_by("row").agg(
        pl.len().alias("people_listed"),
        (pl.col(f"{MEMBER}/relation") == "head").sum().alias("heads"),
        (age >= 15).sum().alias("adults_15_plus"),
        age.is_between(15, 59).sum().alias("working_age"),
        (pl.col(f"{MEMBER}/smartphone") == "yes").sum().alias("smartphones"),
        pl.col(f"{MEMBER}/account").str.contains_any(list(ACCOUNTS)).sum().alias("with_account"),
    )
    names = sums.columns[1:]
    root = (
        answers.root.with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64))
        .join(sums, on="row", how="left", maintain_order="left")
    )
    agreed = pl.col("/data/consent") == "yes"
    totals = [
        pl.when(agreed).then(pl.col(name).fill_null(0).cast(pl.String)).alias(f"/data/totals/{name}") for name in names
    ]
    said = pl.Series("said", remarks(khmer, rng))
    root = root.with_columns(
        *totals,
        pl.when(agreed).then(pl.lit("yes")).alias("/data/totals/roster_checked"),
        pl.when(agreed).then(said).alias("/data/totals/remarks"),
        pl.concat_str(NAMED_BY, separator=" ").alias("/data/meta/instanceName"),
    )
    return Answers(root.drop(names, "row"), answers.members)
