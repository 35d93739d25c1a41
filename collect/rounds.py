"""Rounds are compared on ground that both reached, in communes, former districts and the province as a whole.

A round that left out two communes says another share of the province than one that left out none, though nothing
changed; so a wider place is compared on its communes reached in both. Former districts are put together from communes
by lineage: what was answered in codes from before July 2025 is known exactly, and so are the hamlets of a new commune
that lay in one district. Of the few that lay in two, a hamlet is known where the frame or the other round names its old
commune; where it is not, the district is not compared, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Protocol

import polars as pl

from collect.estimate import estimate, shared
from collect.judge import changes
from collect.tables import CHANGES, Changes, Estimates, Frame, Households, Measures, Units, Weights

DISTRICT = "former_district"
DISTRICTS_UNTIL = "2025-01"  # the last vintage that had districts
SPOT = ["commune_code", "cluster"]
LOST = (
    "estimate_from", "estimate_to", "difference", "std_error", "correlation", "ci_low", "ci_high", "p_better",
)  # fmt: skip


class Places(Protocol):
    """What is known of places; `geo.Gazetteer` is one."""

    @property
    def vintage(self) -> str: ...  # noqa: D102
    def recode(self, codes: pl.Series, from_vintage: str, to_vintage: str) -> pl.Series: ...  # noqa: D102
    def units(self, vintage: str) -> pl.DataFrame: ...  # noqa: D102
    def district_of(self, codes: pl.Series, vintage: str) -> pl.Series: ...  # noqa: D102


def compare_rounds(
    measures: Measures, weights: Weights, estimates: Estimates, communes: Units, districts: pl.DataFrame
) -> Changes:
    """Every pair of rounds compared, in every commune, former district and the province.

    Parameters
    ----------
    measures, weights, estimates, communes
        Of all rounds, in one vintage.
    districts
        The former district of each submission, as `districts_of` finds it.
    """
    rounds = sorted(set(estimates.filter(pl.col("n") > 0)["round"]))
    own = Estimates(estimates.filter(pl.col("level") == "commune"))
    returns = Estimates(estimates.filter((pl.col("level") == "province") & (pl.col("unit") == "commune")))
    found: list[pl.DataFrame] = [changes(own, shared(measures, weights, communes, levels=("commune",)))]
    found.append(changes(returns, shared(measures, weights, communes, levels=("province",))))
    asked = weights.filter(pl.col("unit") == "household").join(districts, on="submission_id", how="left")
    for pair in combinations(rounds, 2):
        both = asked.filter(pl.col("round").is_in(list(pair)))
        found.append(_of_provinces(measures, both, estimates, communes))
        found.append(_of_districts(measures, both))
    return Changes(CHANGES.check(pl.concat(found).sort(list(CHANGES.key))))


def _reached_in_both(asked: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    rounds = asked.group_by(by).agg(pl.col("round").n_unique())
    return rounds.filter(pl.col("round") > 1).select(by)


def _of_provinces(measures: Measures, asked: pl.DataFrame, estimates: Estimates, communes: Units) -> pl.DataFrame:
    common = _reached_in_both(asked, ["vintage", "commune_code"])
    if common.is_empty():
        return CHANGES.empty()
    drawn = Weights(asked.drop("district"))
    ground = Units(communes.join(common.rename({"commune_code": "code"}), on=["vintage", "code"], how="semi"))
    if common.height == asked.select("vintage", "commune_code").n_unique():
        here = (pl.col("level") == "province") & pl.col("round").is_in(asked["round"].unique().implode())
        figures = Estimates(estimates.filter(here & (pl.col("unit") == "household")))
    else:
        figures = _estimates(measures, drawn, ground)
    return changes(figures, shared(measures, drawn, ground, levels=("province",)))


def _estimates(measures: pl.DataFrame, weights: Weights, ground: Units) -> Estimates:
    """Indicator by indicator, as a run does: a province's answers fill much of the memory."""
    mine = measures.join(weights.select("submission_id"), on="submission_id", how="semi", maintain_order="left")
    parts = mine.partition_by("indicator") or [mine]
    return Estimates(pl.concat([estimate(Measures(part), weights, ground, levels=("province",)) for part in parts]))


def _of_districts(measures: Measures, asked: pl.DataFrame) -> pl.DataFrame:
    """Each district is a province of its own in a vintage of its own, so that it is told by its communes alone."""
    placed = asked.drop_nulls("district")
    if placed.is_empty():
        return CHANGES.empty()
    several = (pl.col("district").n_unique() > 1).over("vintage", "commune_code")
    in_part = several | pl.col("district").is_null().any().over("vintage", "commune_code")
    rows = (
        asked.with_columns(in_part=in_part)
        .drop_nulls("district")
        .with_columns(
            vintage=pl.format("{}|{}", "vintage", "district"),
            fully_listed=pl.col("fully_listed") & ~pl.col("in_part"),
            fraction_interviewed=pl.when(~pl.col("in_part")).then("fraction_interviewed"),
            households_listed=pl.when(~pl.col("in_part")).then("households_listed"),
        )
    )
    common = _reached_in_both(rows, ["vintage", "commune_code", "district"])
    ground = common.select("vintage", code="commune_code", province_code="district")
    if ground.is_empty():
        return CHANGES.empty()
    drawn, there = Weights(rows.drop("district", "in_part")), Units(ground)
    found = changes(_estimates(measures, drawn, there), shared(measures, drawn, there, levels=("province",)))
    told = found.with_columns(level=pl.lit(DISTRICT), vintage=pl.lit(DISTRICTS_UNTIL))
    return _without_torn(told, _torn(asked))


def _torn(asked: pl.DataFrame) -> list[str]:
    """Districts of which a part is not known: a commune lay in two, and not all of its households tell in which."""
    return (
        asked.filter(pl.col("district").is_null()).explode("candidates")["candidates"].drop_nulls().unique().to_list()
    )


def _without_torn(found: pl.DataFrame, torn: Sequence[str]) -> pl.DataFrame:
    lost = pl.col("place").is_in(list(torn))
    said = {"regime": "unknown", "verdict": "cannot_tell", "reason": "ground"}
    return found.with_columns(
        *(pl.when(~lost).then(name).alias(name) for name in LOST),
        *(pl.when(lost).then(pl.lit(value)).otherwise(name).alias(name) for name, value in said.items()),
    )


def districts_of(asked: Sequence[Households], weights: Weights, frame: Frame | None, places: Places) -> pl.DataFrame:
    """The former district of each submission: ``district``, empty where lineage cannot tell which of ``candidates``.

    Parameters
    ----------
    asked
        Households of every form, with the codes and vintages they were answered in.
    weights
        The same, in the vintage of ``places``.
    frame
        As received: a hamlet listed under an old commune is known by it.
    """
    named = ["submission_id", "vintage", "commune_code"]
    answered = pl.concat([one.select(named) for one in asked]).drop_nulls()
    rows = weights.select("submission_id", "commune_code", "cluster").join(
        _with_district(answered, places).select("submission_id", by_code="district"), on="submission_id", how="left"
    )
    rows = rows.with_columns(places.district_of(rows["commune_code"], places.vintage).alias("by_commune"))
    told = [rows.select(*SPOT, district=pl.coalesce("by_code", "by_commune"))]
    if frame is not None:
        told.append(_of_frame(frame, places))
    hamlets = pl.concat(told).drop_nulls().group_by(SPOT).agg(pl.col("district").unique())
    hamlets = hamlets.filter(pl.col("district").list.len() == 1).with_columns(by_hamlet=pl.col("district").list.first())
    rows = rows.join(hamlets.select(*SPOT, "by_hamlet"), on=SPOT, how="left", maintain_order="left")
    found = rows.with_columns(district=pl.coalesce("by_code", "by_commune", "by_hamlet"))
    return found.join(_candidates(places), on="commune_code", how="left").select(
        "submission_id", "district", "candidates"
    )


def _with_district(rows: pl.DataFrame, places: Places) -> pl.DataFrame:
    parts = [
        part.with_columns(places.district_of(part["commune_code"], str(vintage)).alias("district"))
        for (vintage,), part in rows.group_by("vintage", maintain_order=True)
    ]
    return pl.concat(parts) if parts else rows.with_columns(pl.lit(None, pl.String).alias("district"))


def _of_frame(frame: pl.DataFrame, places: Places) -> pl.DataFrame:
    parts = []
    for (vintage,), part in _with_district(frame.select(*SPOT, "vintage"), places).group_by("vintage"):
        moved = places.recode(part["commune_code"], str(vintage), places.vintage)
        parts.append(part.with_columns(commune_code=moved).select(*SPOT, "district"))
    return pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys((*SPOT, "district"), pl.String))


def _candidates(places: Places) -> pl.DataFrame:
    """The districts that each commune's ground lay in."""
    codes = places.units(DISTRICTS_UNTIL).select("code", district="district_code")
    codes = codes.with_columns(places.recode(codes["code"], DISTRICTS_UNTIL, places.vintage).alias("commune_code"))
    return codes.drop_nulls("commune_code").group_by("commune_code").agg(candidates=pl.col("district").unique().sort())
