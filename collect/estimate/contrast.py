"""The difference between two groups of any table, with the covariance of the clusters they share.

What R says with ``svycontrast(svyby(~y, ~round, design, svymean, covmat = TRUE), c(-1, 1))``: the scores of one domain
less those of the other, cluster by cluster, in the one design that drew both.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import polars as pl
from scipy.special import stdtr, stdtrit

from collect.estimate.cells import DOMAIN
from collect.estimate.linearised import CLUSTER, STRATUM, UNIT, Rule, score_of, variance_of
from collect.estimate.reading import INSIDE
from collect.estimate.spec import Estimated, TableSpec
from collect.estimate.table import NO_ERROR, Drawn, design_of, estimate_table, known_rows
from collect.problems import CollectError

COUNTED = "census"
UNKNOWN = ("empty", "one_cluster")


@dataclass(frozen=True, slots=True)
class Between:
    """Which column tells the groups apart, and the two of its values to compare."""

    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Contrast:
    """One domain's difference, ``after`` less ``before``; None where it cannot be known."""

    domain: dict[str, Any]
    est_from: float | None
    est_to: float | None
    est: float | None
    se: float | None
    df: float | None
    ci_low: float | None
    ci_high: float | None
    p_greater: float | None
    n_from: int
    n_to: int
    n_psu_shared: int
    regime: str

    def data(self) -> dict[str, Any]:
        """As a JSON object, by the names of the fields."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def contrast_table(frame: pl.DataFrame, spec: TableSpec, between: Between) -> tuple[Contrast, ...]:
    """Compare two groups of rows in each domain of ``spec.by``.

    The interval is difference +- t se, with R's degrees of freedom: clusters less strata that either group meets.
    ``regime`` is "census" where both were counted, "shared" or "independent" by whether a cluster is in both,
    "unknown" where either cannot be estimated.

    Raises
    ------
    CollectError
        As `estimate_table`; USE-12 where no row has the value asked for, or replicate weights are given.
    """
    if spec.replicates is not None:
        raise CollectError("USE-12", column="--change", value="--replicates")
    grouped = replace(spec, by=(between.column, *spec.by))
    drawn = design_of(frame, grouped)
    answers = {tuple(map(str, one.domain.values())): one for one in estimate_table(frame, grouped)}
    for value in (between.before, between.after):
        if not any(key[0] == value for key in answers):
            raise CollectError("USE-12", column=between.column, value=value)
    numbers = {tuple(map(str, row[:-1])): row[-1] for row in drawn.domains.select(*grouped.by, DOMAIN).rows()}
    rests = {key[1:]: {name: one.domain[name] for name in spec.by} for key, one in answers.items()}
    found = []
    for rest, domain in rests.items():
        keys = (between.before, *rest), (between.after, *rest)
        sides = tuple(answers.get(key) for key in keys)
        found.append(_contrast(drawn, domain, sides, tuple(numbers.get(key) for key in keys)))
    return tuple(found)


def _contrast(
    drawn: Drawn, domain: dict[str, Any], sides: tuple[Estimated | None, ...], numbers: tuple[int | None, ...]
) -> Contrast:
    one, two = sides
    n = (one.n if one else 0, two.n if two else 0)
    ends = (one.est if one else None, two.est if two else None)
    if one is None or two is None or one.est is None or two.est is None:
        return Contrast(domain, *ends, None, None, None, None, None, None, *n, 0, "unknown")
    scores, shared = _scores(drawn, numbers, (one.est, two.est))
    difference = two.est - one.est
    if one.regime == two.regime == COUNTED:
        chance = float(difference > 0)
        return Contrast(domain, *ends, difference, 0.0, None, difference, difference, chance, *n, shared, COUNTED)
    met = scores.filter("weighs")
    df = met.select(STRATUM, CLUSTER).n_unique() - met[STRATUM].n_unique()
    rule = Rule(drawn.spec.lonely, drawn.spec.domain_lonely)
    variance = variance_of(scores, drawn.strata, [DOMAIN], rule)["variance"][0]
    blind = one.regime in UNKNOWN or two.regime in UNKNOWN or variance is None or df < 1
    error = None if blind else float(np.sqrt(max(variance, 0.0)))
    if error is None or error <= NO_ERROR * max(abs(one.est), abs(two.est)):
        return Contrast(domain, *ends, difference, None, float(df), None, None, None, *n, shared, "unknown")
    reach = float(stdtrit(df, (1 + drawn.spec.level) / 2)) * error
    chance = float(stdtr(df, difference / error))
    regime = "shared" if shared else "independent"
    return Contrast(
        domain, *ends, difference, error, float(df), difference - reach, difference + reach, chance, *n, shared, regime
    )


def _scores(drawn: Drawn, numbers: tuple[int | None, ...], values: tuple[float, float]) -> tuple[pl.DataFrame, int]:
    """Scores of the second group less those of the first, by what was drawn; and how many clusters are in both."""
    rows = drawn.placed()
    y, x, known = known_rows(rows)
    weights, of_row = rows[drawn.sample.weight].to_numpy(), rows[DOMAIN].fill_null(-1).to_numpy()
    score, inside = np.zeros(rows.height), []
    for sign, number, value in zip((-1, 1), numbers, values, strict=True):
        mine = weights * (known & (of_row == number))
        base = x if drawn.spec.x else known.astype(float)
        facts = pl.DataFrame({"y": y * mine, "x": base * mine}).with_columns(
            value=pl.lit(value), universe=pl.lit(float((base * mine).sum()))
        )
        score += sign * facts.select(score=score_of(drawn.kind))["score"].to_numpy()
        inside.append((of_row == number) & rows[INSIDE].to_numpy())
    if drawn.calibrated is not None:
        score = drawn.calibrated.residual(score)
    table = rows.select(*drawn.sample.stages).with_columns(
        pl.Series("score", score), pl.Series("weighs", (inside[0] | inside[1]) & (weights != 0)),
        pl.Series("first", inside[0]), pl.Series("second", inside[1]), pl.lit(0).alias(DOMAIN),
    )  # fmt: skip
    if drawn.calibrated is None:
        table = table.filter(pl.col("first") | pl.col("second"))
    keys = [name for name in (STRATUM, CLUSTER, UNIT) if name in table.columns]
    summed = table.group_by(DOMAIN, *keys, maintain_order=True).agg(
        pl.col("score").implode().list.sum(), pl.col("weighs", "first", "second").any()
    )
    both = summed.group_by(STRATUM, CLUSTER).agg(pl.col("first", "second").any())
    return summed, both.filter(pl.col("first") & pl.col("second")).height
