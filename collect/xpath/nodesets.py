"""Many nodes at once: which rows a path with repeats or predicates names, and folding them into one value per row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import Literal

import polars as pl

from collect.xpath.frames import Frame, Rows, Run, take
from collect.xpath.links import counted

Fold = Literal["count", "filled", "sum", "min", "max", "first", "join"]


@dataclass(frozen=True, eq=False)
class NodeSet:
    """Nodes named from one row of ``home``: rows of ``frame`` that share its row of ``anchor`` and pass ``keep``.

    ``anchor`` is "" for a list of choices, which belongs to no row. ``pairs`` are columns of the list that must equal
    values of ``home``: a join instead of a comparison of everything with everything.
    """

    home: Frame
    frame: Frame
    anchor: str
    keep: tuple[pl.Expr, ...] = ()
    leaf: pl.Expr | None = None  # None: the rows themselves
    pairs: tuple[tuple[str, pl.Expr], ...] = ()  # column of the list, text value in home


@dataclass(frozen=True)
class _Spread:
    """Rows of a node-set, the group each belongs to, and how groups come back to the rows that asked."""

    rows: Rows
    group: pl.Series
    groups: int
    back: pl.Series | None


@dataclass(frozen=True, eq=False)
class Folded:
    """One value per row of ``nodes.home`` from its node-set."""

    nodes: NodeSet
    fold: Fold
    separator: str = ""
    dtype: pl.DataType = field(default_factory=pl.Float64)

    def series(self, run: Run, rows: Rows) -> pl.Series:
        """See `Input`."""
        spread = _spread(self.nodes, run, rows)
        leaf = self.nodes.leaf if self.nodes.leaf is not None else pl.lit(value=True)
        kept, values = self.nodes.frame.evaluate(run, spread.rows, [_all(self.nodes.keep), leaf])
        if self.fold in ("count", "filled"):
            kept = kept if self.fold == "count" else kept & values
            return take(counted(spread.group.filter(kept), spread.groups).cast(pl.Int64), spread.back)
        table = pl.DataFrame({"group": spread.group.cast(pl.UInt32), "value": values}).filter(kept)
        folded = table.drop_nulls("group").group_by("group", maintain_order=True).agg(_FOLDS[self.fold](self.separator))
        every = pl.DataFrame({"group": pl.int_range(spread.groups, dtype=pl.UInt32, eager=True)})
        column = every.join(folded, on="group", how="left", maintain_order="left")["value"]
        return take(column.fill_null(0) if self.fold == "sum" else column, spread.back)


def _all(keep: tuple[pl.Expr, ...]) -> pl.Expr:
    return reduce(and_, keep) if keep else pl.lit(value=True)


_LEAST = 4.9e-324  # JavaRosa's max() starts from Double.MIN_VALUE, the smallest positive number
_VALUE = pl.col("value")


def _number() -> pl.Expr:
    return _VALUE.cast(pl.Float64).fill_nan(None)


_FOLDS: Mapping[Fold, Callable[[str], pl.Expr]] = {
    "sum": lambda _: _number().sum(),
    "min": lambda _: _number().min(),
    "max": lambda _: pl.max_horizontal(_number().max(), pl.when(_number().count() > 0).then(pl.lit(_LEAST))),
    "first": lambda _: _VALUE.first(),
    "join": lambda separator: _VALUE.str.join(separator),
}


def _spread(nodes: NodeSet, run: Run, rows: Rows) -> _Spread:
    if not nodes.anchor:
        return _spread_list(nodes, run, rows)
    table = nodes.frame.table
    group = run.links.up(table, nodes.anchor)
    if group is None:
        group = pl.int_range(run.links.height(table), dtype=pl.UInt32, eager=True)
    asked = take_or_all(run, rows, nodes.anchor)
    if not nodes.frame.reads_outer:
        return _Spread(Rows(table, group.len()), group, run.links.height(nodes.anchor), asked)
    if asked is None:
        return _Spread(Rows(table, group.len(), None, rows, group), group, rows.height, None)
    left = pl.DataFrame({"anchor": asked.cast(pl.UInt32)}).with_row_index("outer")
    right = pl.DataFrame({"anchor": group.cast(pl.UInt32)}).with_row_index("inner")
    pairs = left.join(right, on="anchor", how="inner", maintain_order="left_right")
    return _paired(table, pairs, rows)


def take_or_all(run: Run, rows: Rows, table: str) -> pl.Series | None:
    """Row numbers in ``table`` of the rows above ``rows``; None when they are all its rows in order."""
    up = run.links.up(rows.table, table)
    if up is None:
        return rows.index
    return take(up, rows.index)


def _paired(table: str, pairs: pl.DataFrame, rows: Rows) -> _Spread:
    inner = Rows(table, pairs.height, pairs["inner"], rows, pairs["outer"])
    return _Spread(inner, pairs["outer"], rows.height, None)


def _spread_list(nodes: NodeSet, run: Run, rows: Rows) -> _Spread:
    items = run.schema.lists[nodes.frame.table.removeprefix("instance:")].with_row_index("inner")
    if not nodes.frame.reads_outer and not nodes.pairs:
        nowhere = pl.zeros(items.height, pl.UInt32, eager=True)
        return _Spread(Rows(nodes.frame.table, items.height), nowhere, 1, pl.zeros(rows.height, pl.UInt32, eager=True))
    right = items.select(
        "inner", *[pl.col(name).fill_null("").alias(f"={i}") for i, (name, _) in enumerate(nodes.pairs)]
    )
    keys = [f"={i}" for i in range(len(nodes.pairs))]
    values = nodes.home.evaluate(run, rows, [expr for _, expr in nodes.pairs])
    left = pl.DataFrame([value.alias(key) for value, key in zip(values, keys, strict=True)])
    left = (left if keys else pl.DataFrame({"rows": pl.zeros(rows.height, pl.UInt8, eager=True)})).with_row_index(
        "outer"
    )
    how = {"on": keys, "how": "inner", "maintain_order": "left_right"} if keys else {"how": "cross"}
    return _paired(nodes.frame.table, left.join(right, **how), rows)


@dataclass(frozen=True, eq=False)
class Indexed:
    """The answer in the rows that `indexed-repeat` names: per repeat a place among its siblings."""

    home: Frame
    start: str  # table of the lowest row that the context fixes
    places: tuple[tuple[str, pl.Expr], ...]  # repeat, place, from the top
    path: str

    def series(self, run: Run, rows: Rows) -> pl.Series:
        """See `Input`."""
        current = take_or_all(run, rows, self.start)
        if current is None:
            current = pl.int_range(rows.height, dtype=pl.UInt32, eager=True)
        for table, place in self.places:
            wanted = self.home.evaluate(run, rows, [place])[0].cast(pl.Int64)
            current = run.links.child(table, current, wanted)
        table = self.places[-1][0]
        return run.lifted(Rows(table, current.len(), current), table, self.path)
