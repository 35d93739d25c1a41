"""How alike the households of one hamlet are: what tells whether more of them, or more hamlets, would decide."""

from __future__ import annotations

import polars as pl

from collect.estimate.reading import INSIDE, STAGE, W, Y, as_designed
from collect.estimate.spec import TableSpec


def likeness(frame: pl.DataFrame, spec: TableSpec) -> tuple[float | None, ...]:
    """Intra-cluster correlation of ``spec.y`` in each domain, in the order of `estimate_table`; None where unknown.

    By analysis of variance: (MSB - MSW) / (MSB + (n0 - 1) MSW), n0 = (N - sum n_i squared / N) / (k - 1), over rows
    with an answer and a weight. Unweighted, as the WHO manual 2018 (annex J) and VCQI take it.
    """
    rows, _ = as_designed(frame, spec)
    by = list(spec.by)
    if not by:
        rows, by = rows.with_columns(pl.lit(0).alias("table:domain")), ["table:domain"]
    domains = rows.select(by).drop_nulls().unique(maintain_order=True).sort(by)
    known = rows.filter(pl.col(INSIDE) & pl.col(Y).is_not_null() & (pl.col(W) != 0))
    y = pl.col(Y)
    clusters = known.group_by([*by, STAGE[0]], maintain_order=True).agg(
        pl.len().cast(pl.Float64).alias("n"), y.mean().alias("mean"), (y - y.mean()).pow(2).sum().alias("inside")
    )
    n, mean = pl.col("n"), pl.col("mean")
    whole = (n * mean).sum() / n.sum()
    parts = clusters.group_by(by, maintain_order=True).agg(
        pl.len().cast(pl.Float64).alias("k"),
        n.sum().alias("N"),
        (n.sum() - (n * n).sum() / n.sum()).alias("even"),
        (n * (mean - whole) ** 2).sum().alias("between"),
        pl.col("inside").sum(),
    )
    msb, msw = pl.col("between") / (pl.col("k") - 1), pl.col("inside") / (pl.col("N") - pl.col("k"))
    size = pl.col("even") / (pl.col("k") - 1)
    rho = (msb - msw) / (msb + (size - 1) * msw)
    seen = (pl.col("k") > 1) & (pl.col("N") > pl.col("k"))
    found = parts.select(*by, rho=pl.when(seen & rho.is_finite()).then(rho))
    joined = domains.join(found, on=by, how="left", maintain_order="left")
    return tuple(joined["rho"])
