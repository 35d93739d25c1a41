"""The rows an expression is evaluated over, and the columns it needs there: of its own table, from above, or folded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import polars as pl

from collect.xpath.links import Links
from collect.xpath.schema import Schema
from collect.xpath.values import BEFORE, MADE, Before

DTYPES: Mapping[str, pl.DataType] = {"int": pl.Int64(), "decimal": pl.Float64(), "date": pl.Date()}
MANY = 4_096  # rows from which it pays to look whether rows are alike
SAMPLE = 512  # rows looked at before all are
COSTLY = re.compile(rf"\.(str|dt)\.|\"{MADE}\d|replace")  # as the column engine prints them


@dataclass
class Rows:
    """Rows to evaluate over: all rows of ``table``, or those at ``index`` (repeats allowed).

    ``outer`` are the rows of the expression around a predicate; ``outer_index`` says which of them each row serves.
    """

    table: str
    height: int
    index: pl.Series | None = None
    outer: Rows | None = None
    outer_index: pl.Series | None = None
    made: dict[tuple[int, str], pl.Series] = field(default_factory=dict)  # inputs at hand, by frame and name


class Run:
    """One evaluation: the tables, the links between them and the clock of each submission."""

    def __init__(
        self, schema: Schema, tables: Mapping[str, pl.DataFrame], links: Links, clock: pl.DataFrame | None
    ) -> None:
        self.schema, self.tables, self.links, self.clock = schema, tables, links, clock
        self._lifted: dict[tuple[str, str, str], pl.Series] = {}

    def lifted(self, rows: Rows, table: str, path: str) -> pl.Series:
        """Column ``path`` of ``table`` for each of ``rows``, whose table is ``table`` or lies below it."""
        key = (rows.table, table, path)
        if key not in self._lifted:
            self._lifted[key] = take(self._column(table, path), self.links.up(rows.table, table))
        return take(self._lifted[key], rows.index)

    def _column(self, table: str, path: str) -> pl.Series:
        wanted = DTYPES.get(self.schema.types[path], pl.String())
        frame = self.tables.get(table)
        if frame is None or path not in frame.columns:
            return pl.Series(path, [None] * self.links.height(table), dtype=wanted)
        column = frame[path]
        return column if column.dtype == wanted else column.cast(wanted, strict=False)

    def now(self) -> pl.Series:
        """The submissions' own "now" as lexical date-time, by row of the root; null where it is not known."""
        return self.links.beside_root(self.clock)


def take(values: pl.Series, index: pl.Series | None) -> pl.Series:
    """``values`` at ``index``; a null index gives null; no index gives all."""
    return values if index is None else values.gather(index)


class Input(Protocol):
    """A column that must stand ready before an expression runs."""

    def series(self, run: Run, rows: Rows) -> pl.Series:
        """The column, one value for each of ``rows``."""
        ...


@dataclass(eq=False)
class Frame:
    """The place where expressions over one kind of row gather the inputs they need."""

    table: str  # repeat path or root; for a list of choices "instance:" and its name
    outer: Frame | None = None
    inputs: dict[tuple[str, ...], tuple[str, Input]] = field(default_factory=dict)
    reads_outer: bool = False

    def add(self, key: tuple[str, ...], made: Input) -> pl.Expr:
        """The expression that reads ``made``; the same ``key`` is made once."""
        if key not in self.inputs:
            self.inputs[key] = (f"_{len(self.inputs)}", made)
        return pl.col(self.inputs[key][0])

    def evaluate(self, run: Run, rows: Rows, expressions: Sequence[pl.Expr]) -> list[pl.Series]:
        """The value of each expression in each of ``rows``; only the inputs they name are made."""
        before: dict[str, Before] = {}
        needed = _needed(expressions, before)
        columns = [self._input(name, made, run, rows) for name, made in self.inputs.values() if name in needed]
        base = pl.DataFrame([*columns, pl.zeros(rows.height, pl.UInt8, eager=True).alias("_rows")])
        alike = _alike(base) if columns and any(COSTLY.search(str(expression)) for expression in expressions) else None
        if alike is not None:
            base = base[alike.first]
        for name, one in before.items():
            base = base.with_columns(one.series(base).alias(name))
        named = [expression.alias(f"={place}") for place, expression in enumerate(expressions)]
        done = base.lazy().with_columns(named).select(f"={place}" for place in range(len(named))).collect()
        return [take(column, None if alike is None else alike.group) for column in done.get_columns()]

    def _input(self, name: str, made: Input, run: Run, rows: Rows) -> pl.Series:
        key = (id(self), name)
        if key not in rows.made:
            rows.made[key] = made.series(run, rows).alias(name)
        return rows.made[key]


def _needed(expressions: Iterable[pl.Expr], before: dict[str, Before]) -> set[str]:
    """Names of the inputs of some expressions; into ``before`` go the columns to make first, in an order that does."""
    needed: set[str] = set()
    for name in {name for expression in expressions for name in expression.meta.root_names()}:
        if not name.startswith(MADE):
            needed.add(name)
        elif name not in before:
            needed |= _needed([BEFORE[name].expr], before)
            before[name] = BEFORE[name]
    return needed


@dataclass(frozen=True)
class _Alike:
    """``first``: the first row of each kind; ``group``: the place in it of every row's kind."""

    first: pl.Series
    group: pl.Series


def _alike(base: pl.DataFrame) -> _Alike | None:
    """Which rows hold the same in every column; None where too few do, or where equal numbers can be told apart.

    People answer alike: a million roster rows know a few hundred pairs of age and relation, so what is costly
    (texts, dates, patterns) is worked out once for each. 0.0 and -0.0 are equal and are not the same.
    """
    if base.height < MANY or any(kind.is_float() for kind in base.dtypes):
        return None
    sample = base.gather_every(max(1, base.height // SAMPLE))
    if sample.n_unique() > sample.height // 2:
        return None
    like = base.with_row_index("_row").select(pl.col("_row").first().over(base.columns)).to_series()
    first = like.unique().sort()
    if first.len() > base.height // 4:
        return None
    place = np.zeros(base.height, dtype=np.uint32)
    place[first.to_numpy()] = np.arange(first.len(), dtype=np.uint32)
    return _Alike(first, pl.Series(place[like.to_numpy()]))


@dataclass(frozen=True)
class Answer:
    """The answer to a question of this row or of a row above it."""

    table: str
    path: str

    def series(self, run: Run, rows: Rows) -> pl.Series:
        """See `Input`."""
        return run.lifted(rows, self.table, self.path)


@dataclass(frozen=True)
class Place:
    """The place of this row, or of the row above it in ``table``, among its siblings."""

    table: str

    def series(self, run: Run, rows: Rows) -> pl.Series:
        """See `Input`."""
        return take(take(run.links.position(self.table), run.links.up(rows.table, self.table)), rows.index)


@dataclass(frozen=True)
class Now:
    """The submission's own clock."""

    def series(self, run: Run, rows: Rows) -> pl.Series:
        """See `Input`."""
        return take(take(run.now(), run.links.up(rows.table, run.schema.root)), rows.index)


@dataclass(frozen=True)
class ItemColumn:
    """A column of a list of choices."""

    list: str
    column: str

    def series(self, run: Run, rows: Rows) -> pl.Series:
        """See `Input`."""
        return take(run.schema.lists[self.list][self.column].cast(pl.String), rows.index)


@dataclass(frozen=True)
class ItemPlace:
    """The place of an item in its list, from 1."""

    def series(self, run: Run, rows: Rows) -> pl.Series:
        """See `Input`."""
        return pl.int_range(rows.height, eager=True) + 1 if rows.index is None else rows.index.cast(pl.Int64) + 1


@dataclass(frozen=True, eq=False)
class Part:
    """A part of an expression that is worked out once because what stands around it names it more than once."""

    frame: Frame
    expr: pl.Expr

    def series(self, run: Run, rows: Rows) -> pl.Series:
        """See `Input`."""
        return self.frame.evaluate(run, rows, [self.expr])[0]


@dataclass(frozen=True, eq=False)
class Outer:
    """A value of the expression around a predicate, brought into it."""

    frame: Frame
    expr: pl.Expr

    def series(self, run: Run, rows: Rows) -> pl.Series:
        """See `Input`."""
        if rows.outer is None or rows.outer_index is None:
            raise AssertionError("rows of a predicate that reads outside must know their outer rows")
        return take(self.frame.evaluate(run, rows.outer, [self.expr])[0], rows.outer_index)
