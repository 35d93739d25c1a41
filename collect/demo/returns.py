"""The commune officers' returns of the made-up round: what they say of each hamlet follows from who lives there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from collect.demo.answers import ROUND, TEXTS, only, text_of, uuids, worded
from collect.demo.ground import Ground
from collect.demo.population import OPERATORS, Population

HAMLET = "/data/hamlets/hamlet"
ORDERABLE, ACCESS_POINT = (
    0.35,
    0.20,
)  # share of a hamlet's households passed from which it counts as orderable, as equipped
UNSURE = 0.01  # officers who cannot say
ROLES = ("culture_society", "statistics", "digital_team")


def hamlet_facts(population: Population, ground: Ground) -> pl.DataFrame:
    """One row per hamlet: whether fibre can be ordered, whether there is an access point, operators with 4G and 5G."""
    each = population.households.group_by("hamlet").agg(
        pl.col("passed").mean(),
        *((pl.col(f"signal_{operator}") >= 2).mean().alias(f"4g_{operator}") for operator in OPERATORS),
        *((pl.col(f"signal_{operator}") >= 3).mean().alias(f"5g_{operator}") for operator in OPERATORS),
    )
    facts = ground.hamlets.join(each.with_columns(pl.col("hamlet").cast(pl.UInt32)), on="hamlet", maintain_order="left")
    best = pl.col("passed") == pl.col("passed").max().over("commune")  # fibre has reached every commune since 2023
    return facts.with_columns(
        ((pl.col("passed") >= ORDERABLE) | best).alias("orderable"),
        ((pl.col("passed") >= ACCESS_POINT) | best).alias("equipped"),
    )


def officers(
    facts: pl.DataFrame, ground: Ground, silent: Sequence[int], rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The returns (one row per commune, the ``silent`` ones missing) and their hamlets."""
    sent = [number for number in range(ground.communes.height) if number not in silent]
    hamlets = facts.filter(pl.col("commune").is_in(sent)).with_columns(
        pl.col("commune")
        .replace_strict({number: row for row, number in enumerate(sent)}, return_dtype=pl.Int64)
        .alias("row"),
        (pl.int_range(pl.len()).over("commune") + 1).cast(pl.Int64).alias("index"),
    )
    rows = _hamlets(hamlets, rng)
    sums = rows.group_by("row", maintain_order=True).agg(
        pl.len().cast(pl.String).alias("count"),
        pl.col(f"{HAMLET}/households").cast(pl.Int64).sum().cast(pl.String).alias("households"),
        (pl.col(f"{HAMLET}/fibre_orderable") == "yes").sum().cast(pl.String).alias("orderable"),
    )
    return _returns(ground, sent, sums, rng), rows


def _returns(ground: Ground, sent: Sequence[int], sums: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    count = len(sent)
    day = 12 + np.arange(count) % 18
    minute = rng.integers(0, 400, count)
    started = [f"2026-10-{d:02d}T{8 + m // 60:02d}:{m % 60:02d}:00.000+07:00" for d, m in zip(day, minute, strict=True)]
    ended = [f"2026-10-{d:02d}T{9 + m // 60:02d}:{m % 60:02d}:30.000+07:00" for d, m in zip(day, minute, strict=True)]
    code = ground.communes["code"].gather(list(sent))
    today = pl.Series(started).str.slice(0, 10)
    words = TEXTS["returns"]["vi"]
    return pl.DataFrame(
        {
            "instance": uuids(count, rng),
            "edited_as": pl.repeat(None, count, dtype=pl.String, eager=True),
            "submitted_at": today + "T11:30:00.000Z",
            "version": pl.repeat("", count, dtype=pl.String, eager=True),
            "/data/start": started,
            "/data/end": ended,
            "/data/today": today,
            "/data/deviceid": "collect:demo-" + code,
            "/data/interview/round": worded(np.zeros(count), [ROUND]),
            "/data/interview/officer": "DEMO-" + text_of(np.asarray(sent) + 901),
            "/data/interview/officer_role": worded(rng.integers(0, len(ROLES), count), ROLES),
            "/data/interview/as_of": worded(np.zeros(count), ["2026-09-30"]),
            "/data/place/province": worded(np.zeros(count), ["86"]),
            "/data/place/commune": code,
            "/data/place/hamlet_count": sums["count"],
            "/data/totals/hamlets_listed": sums["count"],
            "/data/totals/households_total": sums["households"],
            "/data/totals/hamlets_orderable": sums["orderable"],
            "/data/totals/return_checked": worded(np.zeros(count), ["yes"]),
            "/data/totals/remarks": only(rng.random(count) < 0.2, worded(rng.integers(0, len(words), count), words)),
            "/data/meta/instanceName": code + " 2026-09-30",
        }
    )


def _hamlets(hamlets: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    unsure = rng.random(hamlets.height) < UNSURE
    equipped = np.where(unsure, 2, hamlets["equipped"].to_numpy())
    return pl.DataFrame(
        {
            "row": hamlets["row"],
            "index": hamlets["index"],
            f"{HAMLET}/code": hamlets["cluster"],
            f"{HAMLET}/name": hamlets["hamlet_name"],
            f"{HAMLET}/households": text_of(hamlets["households"]),
            f"{HAMLET}/fibre_access_point": worded(equipped, ("no", "yes", "dont_know")),
            f"{HAMLET}/fibre_orderable": only(equipped == 1, worded(hamlets["orderable"].to_numpy(), ("no", "yes"))),
            f"{HAMLET}/operators_4g": _operators(hamlets, "4g", 0.5),
            f"{HAMLET}/operators_5g": _operators(hamlets, "5g", 0.25),
            f"{HAMLET}/electricity": worded(rng.random(hamlets.height) < 0.9, ("some", "all")),
        }
    )


def _operators(hamlets: pl.DataFrame, generation: str, share: float) -> pl.Series:
    parts = [pl.when(hamlets[f"{generation}_{name}"] >= share).then(pl.lit(name)).alias(name) for name in OPERATORS]
    joined = pl.select(pl.concat_str(parts, separator=" ", ignore_nulls=True)).to_series()
    return joined.replace({"": "none"})
