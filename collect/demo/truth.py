"""The truth behind the made-up round: each indicator in the whole population, by commune and for the province."""

from __future__ import annotations

from typing import Any

import polars as pl

from collect.demo.ground import Ground
from collect.demo.population import Population

WORKING_AGE = (15, 59)
ADULT = 15


def truth(population: Population, facts: pl.DataFrame, ground: Ground) -> list[dict[str, Any]]:
    """One entry per indicator and place: what a census without a single error would find."""
    homes = population.households.with_columns(pl.col("household").cast(pl.Int64))
    people = population.persons.join(homes.select("household", "commune"), on="household", maintain_order="left")
    with_phone = people.group_by("household").agg(pl.col("smartphone").any())
    homes = homes.join(with_phone, on="household", maintain_order="left")
    one = pl.lit(1)
    workers = people.filter(pl.col("age").is_between(*WORKING_AGE))
    adults = people.filter(pl.col("age") >= ADULT)
    communes = (
        facts.group_by("commune", maintain_order=True)
        .agg(pl.col("orderable").any())
        .with_columns(pl.col("commune").cast(pl.Int64))
    )
    entries = []
    for indicator, table, has, stands_for in (
        ("S1", communes, "orderable", one),
        ("S2", homes, "passed", one),
        ("S2b", homes, "subscribed", one),
        ("S3", homes, "covered", pl.col("size")),
        ("S4", homes, "smartphone", one),
        ("S5", workers, "smartphone", one),
        ("S6", adults, "account", one),
    ):
        weighed = table.select(
            "commune", (pl.col(has).cast(pl.Int64) * stands_for).alias("n"), stands_for.cast(pl.Int64).alias("d")
        )
        sums = weighed.group_by("commune").agg(pl.col("n", "d").sum()).sort("commune")
        codes = ground.communes["code"].gather(sums["commune"])
        entries.append(
            _entry(indicator, "province", ground.communes["province_code"][0], weighed["n"].sum(), weighed["d"].sum())
        )
        rows = zip(codes, sums["n"], sums["d"], strict=True)
        entries += [_entry(indicator, "commune", code, have, total) for code, have, total in rows]
    return entries


def _entry(indicator: str, level: str, place: str, have: Any, total: Any) -> dict[str, Any]:
    return {
        "indicator": indicator,
        "level": level,
        "place": place,
        "numerator": int(have),
        "denominator": int(total),
        "value": round(float(have / total), 6),
    }
