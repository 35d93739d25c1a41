"""Weighted shares, means, totals and ratios by domain with the error that the way of drawing leaves in them.

Everything is computed from cluster totals, which add up: totals of parts of a survey may be made apart and joined. Sums
run in the order of the rows, so that the same input gives the same last digit. The method is the linearised (Taylor)
variance of Lohr (2010, section 9.1), term for term as R ``survey`` 4.1 computes it in ``svymean``, ``svytotal`` and
``svyratio`` over ``svydesign(ids, strata, weights, fpc)``, lonely clusters included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl
from polars.dataframe.group_by import GroupBy

Lonely = Literal["adjust", "average", "remove", "certainty", "fail"]
Kind = Literal["ratio", "total"]
Strata = tuple[pl.DataFrame, pl.DataFrame | None]  # as `strata_of` returns them: first stage, second stage
Variance = Callable[[pl.DataFrame], pl.DataFrame]
STRATUM, CLUSTER, UNIT = "drawn:stratum", "drawn:cluster", "drawn:unit"
CELL, EVERYONE = "cell", "everyone"  # poststratum whose total is known, and the weight of all its rows in the cluster
WHOLE = "all"  # name of the domain column when there are no domains
ORDER = (
    "value", "std_error", "numerator", "denominator", "n", "weights", "clusters", "strata", "df", "deff", "deff_finite",
)  # fmt: skip
NOTHING_LEFT = 1e-7  # below this share of a stratum left undrawn, nothing is uncertain (R survey's own limit)


@dataclass(frozen=True, slots=True)
class Sample:
    """Which columns say how the rows were drawn.

    ``drawn_from`` holds the number of clusters in the row's stratum (empty: drawn with replacement, or too many to
    matter); ``unit`` and ``units`` are the second stage: what was drawn inside the cluster, and from how many.
    """

    weight: str = "weight"
    stratum: str = "stratum"
    cluster: str = "cluster"
    drawn_from: str | None = None
    unit: str | None = None
    units: str | None = None

    @property
    def stages(self) -> list[pl.Expr]:
        """The columns that name what was drawn, outermost first, by the names they get in every table here."""
        columns = {STRATUM: self.stratum, CLUSTER: self.cluster} | ({UNIT: self.unit} if self.unit else {})
        return [pl.col(column).alias(name) for name, column in columns.items()]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a stratum with one cluster contributes, whose spread cannot be seen.

    ``adjust`` takes its distance from the overall estimate (too large rather than too small), ``average`` the mean of
    the other strata, ``remove`` and ``certainty`` nothing; with ``fail`` the error is empty. ``domain_lonely`` applies
    ``adjust`` and ``average`` also where a domain meets one of several clusters.
    """

    lonely: Lonely = "adjust"
    domain_lonely: bool = False


ADJUST = Rule()


def in_order(values: pl.Expr) -> pl.Expr:
    """Sum a group in the order of its rows. Polars' plain sum adds parts as its threads finish: other last digits."""
    return values.implode().list.sum()


def totals_of(  # noqa: PLR0913 what is summed, over what, and by what
    rows: pl.DataFrame,
    sample: Sample,
    *,
    y: str,
    x: str | None = None,
    by: Sequence[str] = (),
    cross: bool = False,
    more: Sequence[pl.Expr] = (),
) -> pl.DataFrame:
    """Weighted sums per domain and cluster (and unit, where there is a second stage).

    ``cross`` adds the squares of ``x`` and its products with ``y``, for the design effect of a ratio; ``more`` adds any
    further sums of the same groups. Rows whose ``y``
    or ``x`` is empty add nothing but keep their cluster in the design. Without ``x`` every row counts 1: the ratio is
    then a mean or a share.
    """
    weight, value = pl.col(sample.weight), pl.col(y).cast(pl.Float64)
    base = pl.col(x).cast(pl.Float64) if x else pl.lit(1.0)
    blank = [name for name in (y, x) if name and rows[name].null_count()]
    weighs = weight != 0

    def known(part: pl.Expr) -> pl.Expr:
        """Only rows with an answer; a table without blanks is not searched for them."""
        return part.filter(pl.all_horizontal(pl.col(name).is_not_null() for name in blank)) if blank else part

    products = (
        known(weight * value * base).sum().alias("xy"),
        known(weight * base * base).sum().alias("xx"),
    )
    sums = (
        *(products if cross else ()),
        known(weight * value).sum().alias("y"),
        known(weight * base if x else weight).sum().alias("x"),
        known(weight * value * value).sum().alias("yy"),
        known(weight).sum().alias("w"),
        known(weighs).sum().alias("n"),
        *((weighs.any().alias("weighs"),) if blank else ()),
        *more,
    )
    found = rows.group_by([*by, *sample.stages], maintain_order=True).agg(*sums)
    found = found.with_columns(pl.col("y", "x", "yy", "w").cast(pl.Float64))
    return found if blank else found.with_columns(weighs=pl.col("n") > 0)


def strata_of(rows: pl.DataFrame, sample: Sample) -> Strata:
    """How many were drawn in each stratum of the WHOLE design, and from how many: first stage, then second."""
    first = _sizes(rows.group_by(sample.stages[:2]), [STRATUM], sample.drawn_from)
    if sample.unit is None or sample.units is None:
        return first, None
    return first, _sizes(rows.group_by(sample.stages), [STRATUM, CLUSTER], sample.units)


def _sizes(drawn: GroupBy, within: list[str], drawn_from: str | None) -> pl.DataFrame:
    out_of = pl.col(drawn_from).cast(pl.Float64).first() if drawn_from else pl.lit(None, pl.Float64)
    per_drawn = drawn.agg(out_of.alias("out_of"))
    left = 1 - pl.col("drawn") / pl.col("out_of")
    sizes = per_drawn.group_by(within).agg(pl.len().cast(pl.Float64).alias("drawn"), pl.col("out_of").first())
    return sizes.with_columns(left=pl.when(pl.col("out_of").is_null()).then(1.0).otherwise(left))


def linearise(
    totals: pl.DataFrame,
    strata: Strata,
    *,
    by: Sequence[str] = (),
    kind: Kind = "ratio",
    rule: Rule = ADJUST,
    variance: Variance | None = None,
) -> pl.DataFrame:
    """Estimate each domain of ``totals``.

    ``strata`` may also be keyed by some of ``by``, where the number drawn differs between domains. Where ``totals``
    has `CELL` and `EVERYONE`, weights are poststratified to cells that lie whole in one domain. ``variance`` takes
    the place of the linearised one: it gets ``value`` and ``universe`` of each domain and returns ``variance``, and
    ``df_given`` where degrees of freedom do not come from counting clusters.

    Returns
    -------
    One row per domain: ``value``, ``std_error`` (empty where the rule says it cannot be known), ``numerator``,
    ``denominator``, ``n`` (rows with a known answer and a weight), ``weights`` (their sum), ``clusters`` with a known
    answer, ``df`` = clusters - strata that the domain meets with a weight (R ``degf``; WHO manual 2018, annex J),
    ``deff`` against a simple sample drawn with replacement and ``deff_finite`` without, for means and totals. A domain
    with no known answer has no value at all.
    """
    names = list(by) or [WHOLE]
    if not by:
        totals = totals.with_columns(pl.lit(0).alias(WHOLE))
    sums = [name for name in ("y", "x", "yy", "w", "xy", "xx") if name in totals.columns]
    domains = totals.group_by(names, maintain_order=True).agg(in_order(pl.col(sums)), pl.col("n").sum())
    known = pl.col("n") > 0
    domains = domains.with_columns(value=pl.when(known).then(pl.col("y") / pl.col("x") if kind == "ratio" else "y"))
    values = domains.select(*names, "value", universe="x")
    if variance is None:
        scored = totals.join(values, on=names, nulls_equal=True, maintain_order="left")
        scored = scored.with_columns(score=score_of(kind))
        if CELL in totals.columns:
            scored = scored.with_columns(score=pl.col("score") - _of_cell(names))
        spread = variance_of(scored, strata, names, rule)
    else:
        spread = variance(values)
    found = domains.join(spread, on=names, how="left", nulls_equal=True)
    found = found.join(freedom(totals, names), on=names, nulls_equal=True)
    if "df_given" in found.columns:
        found = found.with_columns(df="df_given")
    found = found.with_columns(
        variance=pl.when(known).then("variance"),
        simple=_simple_variance(kind, cross="xx" in totals.columns),
    ).with_columns(
        std_error=pl.col("variance").clip(0).sqrt(),
        deff=pl.when(pl.col("simple") > 0).then(pl.col("variance") / pl.col("simple")),
    )
    found = found.with_columns(deff_finite=pl.col("deff") / (1 - pl.col("n") / pl.col("w")))
    found = found.rename({"y": "numerator", "x": "denominator", "w": "weights"})
    return found.select(*by, *ORDER).sort(list(by)) if by else found.select(ORDER)


def freedom(totals: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Per domain: ``clusters`` with a known answer, ``strata`` met with a weight, ``df`` = clusters met less strata."""
    per_stratum = totals.group_by([*names, STRATUM]).agg(
        pl.col(CLUSTER).filter(pl.col("n") > 0).n_unique().cast(pl.Int64).alias("clusters"),
        pl.col(CLUSTER).filter("weighs").n_unique().cast(pl.Int64).alias("met"),
    )
    met, strata = pl.col("met").sum(), (pl.col("met") > 0).sum().cast(pl.Int64)
    return per_stratum.group_by(names).agg(pl.col("clusters").sum(), strata.alias("strata"), (met - strata).alias("df"))


def _of_cell(names: Sequence[str]) -> pl.Expr:
    """What a known total of its poststratum explains of a cluster's score (R ``svyrecvar`` after ``postStratify``).

    The mean score of the poststratum, of all its rows with or without an answer, for each row of the cluster in it.
    """
    everyone, within = pl.col(EVERYONE), [*names, CELL]
    explained = everyone * pl.col("score").sum().over(within) / everyone.sum().over(within)
    return pl.when(pl.col(CELL).is_not_null()).then(explained.fill_nan(0.0)).otherwise(0.0)


def score_of(kind: Kind) -> pl.Expr:
    """What a cluster's weighted sums add to the estimate, to first order."""
    return (pl.col("y") - pl.col("value") * pl.col("x")) / pl.col("universe") if kind == "ratio" else pl.col("y")


def _simple_variance(kind: Kind, *, cross: bool) -> pl.Expr:
    """What a simple sample of n would leave uncertain: of a mean s2 / n, of a total that times the squared weights.

    Of a ratio: s2 / n of what is left of y after x, over the squared mean of x (R ``svyratio(deff=TRUE)``).
    """
    if cross and kind == "ratio":
        ratio, size = pl.col("y") / pl.col("x"), pl.col("n")
        left = (pl.col("yy") - 2 * ratio * pl.col("xy") + ratio * ratio * pl.col("xx")) / pl.col("w")
        return pl.when(size > 1).then(left / (size - 1) * (pl.col("w") / pl.col("x")) ** 2)
    mean, n = pl.col("y") / pl.col("w"), pl.col("n")
    spread = (pl.col("yy") / pl.col("w") - mean * mean) * n / (n - 1)
    per_mean = pl.when(n > 1).then(spread / n)
    return per_mean if kind == "ratio" else per_mean * pl.col("w") ** 2


def variance_of(scored: pl.DataFrame, strata: Strata, names: list[str], rule: Rule) -> pl.DataFrame:
    """Variance per domain of the sum of ``score``, given per cluster (and unit), by the way of drawing."""
    first, second = strata
    clusters = scored.group_by([*names, STRATUM, CLUSTER], maintain_order=True).agg(in_order(pl.col("score")))
    between = _stage(clusters, first, [STRATUM], rule, names)
    if second is None:
        return between
    units = scored.group_by([*names, STRATUM, CLUSTER, UNIT], maintain_order=True).agg(in_order(pl.col("score")))
    drawn_share = first.select(STRATUM, share=1 - pl.col("left"))
    inside = second.join(drawn_share, on=STRATUM, nulls_equal=True)
    within = _stage(units, inside, [STRATUM, CLUSTER], rule, names)
    both = between.join(within, on=names, how="left", nulls_equal=True, suffix="_within")
    return both.select(*names, variance=pl.col("variance") + pl.col("variance_within"))


def _stage(scores: pl.DataFrame, sizes: pl.DataFrame, within: list[str], rule: Rule, names: list[str]) -> pl.DataFrame:
    """Variance that one stage of drawing adds. Clusters a domain does not meet score 0 but are counted in ``drawn``."""
    squares = in_order(pl.col("score").pow(2))
    sums = (in_order(pl.col("score")).alias("s"), squares.alias("ss"), pl.len().alias("seen"))
    keys = [*within, *(name for name in names if name in sizes.columns)]
    per = scores.group_by([*names, *within], maintain_order=True).agg(*sums)
    per = per.join(sizes, on=keys, nulls_equal=True, maintain_order="left")
    share = pl.col("share") if "share" in sizes.columns else pl.lit(1.0)
    per = per.with_columns(part=share * _stratum_variance(rule))
    blank = pl.col("part").is_null()
    total = in_order(pl.col("part").drop_nulls())
    if rule.lonely == "average":
        total = pl.when(~blank.all()).then(total * pl.len() / (~blank).sum())
    elif rule.lonely == "fail":
        total = pl.when(~blank.any()).then(total)
    return per.group_by(names, maintain_order=True).agg(total.alias("variance"))


def _stratum_variance(rule: Rule) -> pl.Expr:
    drawn, seen, left = pl.col("drawn"), pl.col("seen"), pl.col("left")
    spread = pl.col("ss") - pl.col("s") ** 2 / drawn
    apart = left * drawn / (drawn - 1)
    lonely: Mapping[Lonely, pl.Expr] = {
        "adjust": left * pl.col("ss"),
        "remove": pl.lit(0.0),
        "certainty": pl.lit(0.0),
        "average": pl.lit(None, pl.Float64),
        "fail": pl.lit(None, pl.Float64),
    }
    met_once = apart * spread
    if rule.domain_lonely and rule.lonely in ("adjust", "average"):
        met_once = apart * pl.col("ss") if rule.lonely == "adjust" else pl.lit(None, pl.Float64)
    return (
        pl.when(left < NOTHING_LEFT)
        .then(0.0)
        .when(drawn <= 1)
        .then(lonely[rule.lonely])
        .when(seen == 1)
        .then(met_once)
        .otherwise(apart * spread)
    )
