"""One pass over a table: all that its domains need, summed per domain, stratum and cluster.

A million rows are grouped once; domains, the size of strata, regimes and errors then come from a few thousand sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from collect.estimate.linearised import CLUSTER, STRATUM, UNIT, Sample, Strata, strata_of, totals_of
from collect.estimate.reading import INSIDE, OUT_OF, W, X, Y
from collect.estimate.spec import TableSpec
from collect.problems import CollectError

DOMAIN, ROWS = "table:domain", "table:rows"


@dataclass(frozen=True, slots=True)
class Cells:
    """Sums of the rows that count, per domain; the domains of the table, numbered; the strata of the whole design."""

    totals: pl.DataFrame
    domains: pl.DataFrame
    strata: Strata


def cells_of(rows: pl.DataFrame, sample: Sample, spec: TableSpec) -> Cells:
    """Sum ``rows`` as `collect.estimate.reading.as_designed` returns them.

    Raises CollectError USE-13 where a cluster's name comes in several strata and ``spec.nest`` does not allow it.
    """
    by = {name: f"table:by:{at}" for at, name in enumerate(spec.by)}
    grouped = {spec.stratum: STRATUM} | dict.fromkeys(spec.clusters[:1], CLUSTER)  # already told apart
    named = rows.with_columns(pl.col(name).alias(own) for name, own in by.items() if name not in grouped)
    drawn_from = [name for name in OUT_OF if name in rows.columns]
    part = [INSIDE] if spec.where else []
    base = X if spec.x else None
    more = (*_facts(rows, spec), *(pl.col(name).first() for name in drawn_from))
    keys = [*(own for name, own in by.items() if name not in grouped), *part]
    whole = _completed(totals_of(named, sample, y=Y, x=base, by=keys, cross=base is not None, more=more))
    whole = whole.with_columns(pl.col(grouped[name]).alias(own) for name, own in by.items() if name in grouped)
    if spec.stratum and spec.clusters and not spec.nest:
        _refuse_shared(whole, spec)
    domains = whole.select(by.values()).drop_nulls().unique(maintain_order=True).sort(list(by.values()))
    domains = domains.with_columns(pl.int_range(pl.len()).alias(DOMAIN)) if by else _ONE
    strata = strata_of(whole, Sample("w", STRATUM, CLUSTER, sample.drawn_from, UNIT if sample.unit else None,
                                     sample.units))  # fmt: skip
    if by:
        totals = whole.join(domains, on=list(by.values()), maintain_order="left")
    else:
        totals = whole.with_columns(pl.lit(0, pl.Int64).alias(DOMAIN))
    if part:
        totals = totals.filter(INSIDE)
    return Cells(totals, domains.rename({own: name for name, own in by.items()}), strata)


_ONE = pl.DataFrame({DOMAIN: [0]}, schema={DOMAIN: pl.Int64})


def _refuse_shared(whole: pl.DataFrame, spec: TableSpec) -> None:
    strata = whole.select(CLUSTER, STRATUM).unique()
    shared = int((strata.group_by(CLUSTER).len()["len"] > 1).sum())
    if shared:
        raise CollectError("USE-13", column=spec.clusters[0], clusters=shared)


def _facts(rows: pl.DataFrame, spec: TableSpec) -> tuple[pl.Expr, ...]:
    """What regimes and intervals need, per cell; what nothing will ask for is not summed."""
    y, x, weight = pl.col(Y), pl.col(X), pl.col(W)
    complete = not rows[Y].null_count() and not (spec.x and rows[X].null_count())
    known = pl.lit(True) if complete else y.is_not_null() & x.is_not_null()
    weighs = weight != 0
    counts = weighs & known
    within = ((y >= 0) & (y <= x)) if spec.x else ((y == 0) | (y == 1))
    facts = [pl.len().alias(ROWS), within.all().alias("share")]  # `all` passes over what is missing
    if not complete:
        facts += [known.sum().alias("answered"), weighs.any().alias("any_weighs")]
    if spec.x:
        facts.append(pl.when(counts).then(x).sum().alias("base"))
    if spec.fpc:
        facts += [
            counts.all().alias("all_known"),
            pl.when(counts).then(y).sum().alias("holding"),
            pl.when(weighs).then(weight).max().alias("heaviest"),
            pl.when(weighs).then(weight).min().alias("lightest"),
        ]
    return tuple(facts)


def _completed(cells: pl.DataFrame) -> pl.DataFrame:
    """The facts that a complete table, or one without lists to draw from, did not need to have summed."""
    usual = {
        "answered": pl.col(ROWS), "any_weighs": pl.col("n") > 0, "base": pl.col("n").cast(pl.Float64),
        "all_known": pl.lit(None, pl.Boolean), "holding": pl.lit(None, pl.Float64),
        "heaviest": pl.lit(None, pl.Float64), "lightest": pl.lit(None, pl.Float64),
    }  # fmt: skip
    return cells.with_columns(value.alias(name) for name, value in usual.items() if name not in cells.columns)


def facts_of(cells: Cells, spec: TableSpec) -> pl.DataFrame:
    """What the regime and the intervals need of each domain beside its linearised values."""
    first, second = cells.strata
    met = cells.totals.group_by(DOMAIN, STRATUM, maintain_order=True).agg(
        pl.col(ROWS).sum().alias("met"), pl.col("any_weighs").any().alias("weighs")
    )
    sizes = first.select(STRATUM, "drawn", "out_of", "left")
    met = met.join(sizes, on=STRATUM, how="left", nulls_equal=True, maintain_order="left")
    left = pl.col("left")
    if second is not None:
        inner = second.group_by(STRATUM).agg(pl.col("left").max().alias("left_inside"))
        met = met.join(inner, on=STRATUM, how="left", nulls_equal=True, maintain_order="left")
        left = pl.max_horizontal("left", "left_inside")
    whole = (pl.len() == 1) & (pl.col("met") == pl.col("drawn")).all()
    strata = met.group_by(DOMAIN, maintain_order=True).agg(
        left.max().alias("left_out"),
        (pl.col("drawn").sum() / pl.col("out_of").sum()).alias("share_drawn"),
        (pl.col("drawn").filter("weighs").sum() - pl.col("weighs").sum()).alias("df_of_strata"),
        pl.when(whole).then(pl.col("out_of").first()).alias("population"),
    )
    of_rows = cells.totals.group_by(DOMAIN, maintain_order=True).agg(
        pl.col(ROWS, "answered", "holding", "base").sum(),
        pl.col("all_known").all(),
        (pl.col("heaviest").max() <= pl.col("lightest").min() * (1 + 1e-9)).alias("alike"),
    )
    share = bool(cells.totals["share"].all())  # of the whole column: a mean of counts stays one where all are 0 or 1
    return of_rows.join(strata, on=DOMAIN, how="left").with_columns(
        clustered=pl.lit(bool(spec.clusters)), listed=pl.lit(bool(spec.fpc)), share=pl.lit(share)
    )
