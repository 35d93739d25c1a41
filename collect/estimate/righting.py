"""What a form's design asks to be done to weights: cut the largest, make them fit known households and people.

Each step says what it did. What known totals explain leaves the error of the estimates too (see `collect.estimate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from collect.estimate.adjusting import cut, report
from collect.estimate.calibration import Calibrated, calibrate
from collect.estimate.spec import Margin
from collect.estimate.weights import PER_COMMUNE
from collect.forms import KnownPeople, Weighting
from collect.problems import CollectError
from collect.tables import WEIGHTS, Units, Weights

Numbers = NDArray[np.float64]
Step = dict[str, object]
ROUND = ["vintage", "round"]
WITHOUT = "equal"


@dataclass(frozen=True, slots=True)
class Righted:
    """Weights, what was done to them, and what the errors of estimates need to know of it.

    ``communes_equal``: those of which nothing says how their households were drawn, so that each counts the same.
    ``explained``: where weights were made to fit people, the submissions of each round and the step that takes from
    their scores what the known people explain.
    """

    weights: Weights
    steps: tuple[Step, ...] = ()
    communes_equal: tuple[Step, ...] = ()
    explained: tuple[tuple[pl.Series, Calibrated], ...] = field(default=())


def put_right(weights: Weights, places: Units, asked: Weighting, people: pl.DataFrame | None = None) -> Righted:
    """Trim, poststratify and fit to known people, in this order, round by round.

    Parameters
    ----------
    weights
        Of one form. Those of commune returns are left as they are.
    places
        For the households of the 2019 census.
    people
        From `makeup`, one row per household; only read where people are known.

    Notes
    -----
    ``listed-households``: a commune's weights add up to the households its frame lists; a commune without a list takes
    those of the census, as all do with ``census-households``; where neither is known its weights stay. Known people
    are fitted by their shares (GREG on the number of people a household has in each group, less the share that group
    has among all): how many people there are is left to the households.
    """
    if weights.is_empty() or weights["unit"][0] == "commune":
        return Righted(weights)
    rows = weights.with_columns(pl.col("weight_designed").fill_null(pl.col("weight")))
    steps = [report("design", _of(rows, "weight_designed"), _of(rows, "weight_designed")),
             report("nonresponse", _of(rows, "weight_designed"), _of(rows))]  # fmt: skip
    if asked.trim is not None:
        rows, refused = _trimmed(rows, asked.trim)
        steps.append(report("trimming", _of(weights), _of(rows)) | ({"left_alone": refused} if refused else {}))
    if asked.poststratify:
        before = rows
        rows = _to_households(rows, places, listed=asked.poststratify == "listed-households")
        known = int(rows.filter(pl.col("known_total").is_not_null()).select(PER_COMMUNE).unique().height)
        steps.append(report("poststratification", _of(before), _of(rows)) | {"communes": known})
    explained: tuple[tuple[pl.Series, Calibrated], ...] = ()
    if asked.people and people is not None:
        before = rows
        rows, explained, failed = _to_people(rows, people, asked.people)
        steps.append(report("people", _of(before), _of(rows)) | ({"left_alone": failed} if failed else {}))
    return Righted(Weights(WEIGHTS.check(rows)), tuple(steps), _equal(rows), explained)


def makeup(persons: pl.DataFrame, sex: str, age: str, known: Sequence[KnownPeople]) -> pl.DataFrame:
    """People of each household by known group: ``submission_id`` and a column per group, "0", "1", ... in order.

    ``sex`` and ``age`` are columns of ``persons``. People whose sex or age is not known are in no group.
    """
    years = pl.col(age).cast(pl.Float64, strict=False)
    groups = [
        ((pl.col(sex) == one.sex) & (years >= one.age_from) & (years < (one.age_to or 999) + 1)).fill_null(False)
        for one in known
    ]
    counted = (group.sum().cast(pl.Float64).alias(str(at)) for at, group in enumerate(groups))
    return persons.group_by("submission_id", maintain_order=True).agg(*counted)


def _of(rows: pl.DataFrame, name: str = "weight") -> Numbers:
    return rows[name].cast(pl.Float64).to_numpy()


def _equal(rows: pl.DataFrame) -> tuple[Step, ...]:
    """Communes of which no household has a weight of its own."""
    found = rows.group_by(PER_COMMUNE).agg(
        (pl.col("weighting") == WITHOUT).all().alias("equal"), pl.len().alias("interviews")
    )
    return tuple(found.filter("equal").drop("equal").sort(PER_COMMUNE).to_dicts())


def _trimmed(rows: pl.DataFrame, times: float) -> tuple[pl.DataFrame, int]:
    """Commune by commune; the second figure counts communes whose weights cannot be cut and keep their sum."""
    parts, refused = [], 0
    for part in rows.partition_by(list(PER_COMMUNE), maintain_order=True):
        try:
            parts.append(part.with_columns(pl.Series("weight", cut(_of(part), times))))
        except CollectError:
            parts.append(part)
            refused += 1
    return pl.concat(parts).sort("submission_id"), refused


def _to_households(rows: pl.DataFrame, places: pl.DataFrame, *, listed: bool) -> pl.DataFrame:
    census = places.select("vintage", commune_code="code", census=pl.col("households_2019").cast(pl.Float64))
    rows = rows.join(census, on=["vintage", "commune_code"], how="left", maintain_order="left")
    total = pl.coalesce("households_listed", "census") if listed else pl.col("census")
    rows = rows.with_columns(known_total=pl.when(total > 0).then(total.max().over(PER_COMMUNE)))
    factor = pl.col("known_total") / pl.col("weight").sum().over(PER_COMMUNE)
    return rows.with_columns(weight=pl.col("weight") * factor.fill_nan(None).fill_null(1.0)).drop("census")


def _to_people(
    rows: pl.DataFrame, people: pl.DataFrame, known: Sequence[KnownPeople]
) -> tuple[pl.DataFrame, tuple[tuple[pl.Series, Calibrated], ...], int]:
    """Round by round; a round whose people cannot be made to fit, or only by negative weights, stays as it is."""
    parts, explained, failed = [], [], 0
    names = [str(at) for at in range(len(known))]
    share = np.array([one.people for one in known]) / sum(one.people for one in known)
    for part in rows.partition_by(ROUND, maintain_order=True):
        counts = part.select("submission_id").join(people, on="submission_id", how="left", maintain_order="left")
        each = counts.select(names).fill_null(0.0).to_numpy()
        beside = each - each.sum(axis=1, keepdims=True) * share
        made = pl.DataFrame(dict(zip(names, beside.T, strict=True))).with_columns(part["commune_code"])
        sums = part.group_by("commune_code", maintain_order=True).agg(pl.col("weight").sum())
        margins = [Margin("commune_code", code, total) for code, total in sums.iter_rows()]
        try:
            found = calibrate(made, _of(part), [*margins, *(Margin(name, None, 0.0) for name in names)], "greg")
        except CollectError:
            found = None
        if found is None or bool((found.weights <= 0).any()):
            parts.append(part)
            failed += 1
            continue
        parts.append(part.with_columns(pl.Series("weight", found.weights)))
        explained.append((part["submission_id"], found))
    return pl.concat(parts).sort("submission_id"), tuple(explained), failed
