"""A plan: one expression, compiled once for the rows of one table, run over as many tables as come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import polars as pl

from collect.xpath import library_dates, library_nodes, library_values
from collect.xpath.by_row import readers, refuse_for_rows
from collect.xpath.compile import TREE_FUNCTIONS, VALUE_FUNCTIONS, Compiler
from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.frames import Frame, Now, Rows, Run
from collect.xpath.functions import BY_ROW, check_calls, functions_used
from collect.xpath.links import Links, link
from collect.xpath.parse import parse
from collect.xpath.paths import Scope
from collect.xpath.reach import reach
from collect.xpath.rows import COLLECT, Reader
from collect.xpath.schema import Schema
from collect.xpath.tree import Expression
from collect.xpath.values import Column, Value, as_boolean, as_number, as_text

TREE_FUNCTIONS.update(library_nodes.FUNCTIONS)
VALUE_FUNCTIONS.update(library_values.FUNCTIONS)
VALUE_FUNCTIONS.update(library_dates.FUNCTIONS)

As = Literal["boolean", "number", "string", "value"]


@dataclass(frozen=True)
class Plan:
    """A compiled expression. ``table`` is the repeat (or root) whose rows its results follow."""

    expression: Expression
    schema: Schema
    at: str
    table: str
    dependencies: frozenset[str]  # paths of the questions it reads
    repeats: frozenset[str]  # repeats whose rows it counts, folds or chooses among
    reads_clock: bool  # today() or now()
    value: Value | None  # None: no columns can say it; it is evaluated row by row
    frame: Frame

    @cached_property
    def functions(self) -> frozenset[str]:
        """Names of the functions it calls."""
        return functions_used(self.expression)

    @property
    def kind(self) -> str:
        """boolean, number, string, date, datetime; "mixed" when it differs by row, or is worked out by row."""
        return self.value.kind if isinstance(self.value, Column) else "mixed"

    def column(
        self,
        tables: Mapping[str, pl.DataFrame],
        as_: As = "value",
        clock: pl.DataFrame | None = None,
        links: Links | None = None,
    ) -> pl.Series:
        """The result in every row of ``self.table``.

        Parameters
        ----------
        tables
            Typed tables by repeat path.
        as_
            "boolean" is never null and "string" is "" where blank; "number" is Float64, null for NaN; "value" keeps
            the kind (Boolean, Float64, Date or String), null where blank.
        clock
            ``submission_id`` and ``now`` (the submission's own lexical date-time). A plan that reads the clock is null
            in every row whose submission has none: not known is not false.
        links
            From `link`, shared by plans over the same rows; found anew when absent.
        """
        run = Run(self.schema, tables, links if links is not None else link(self.schema, tables), clock)
        rows = Rows(self.table, run.links.height(self.table))
        if self.value is None:
            result = self._by_row(run, as_)
        else:
            result = self.frame.evaluate(run, rows, [_finished(self.value, as_)])[0].alias(self.at)
        if not self.reads_clock:
            return result
        known = Now().series(run, rows).is_not_null()
        return result.to_frame().select(pl.when(known).then(pl.first())).to_series()

    def _by_row(self, run: Run, as_: As) -> pl.Series:
        """The same from the interpreter, where a row that JavaRosa would stop at is blank."""
        around = readers(run, self.at, self.dependencies, clock=self.reads_clock)
        found = [_row_value(reader, self.expression, as_) for reader in around]
        dtype = {"boolean": pl.Boolean(), "number": pl.Float64()}.get(as_, pl.String())
        return pl.Series(self.at, found, dtype=dtype)


def _row_value(reader: Reader, tree: Expression, as_: As) -> bool | float | str | None:
    try:
        value = COLLECT.single(reader.value(tree))
    except XPathError:
        value = ""
    if as_ == "boolean":
        return COLLECT.truth(value)
    if as_ == "number":
        number = COLLECT.number(value)
        return None if number != number else number
    text = COLLECT.text(value)
    return text if as_ == "string" else text or None


def _finished(value: Value, as_: As) -> pl.Expr:
    if as_ == "boolean":
        return as_boolean(value)
    if as_ == "number":
        return as_number(value).expr.cast(pl.Float64).fill_nan(None)
    if as_ == "string":
        return as_text(value)
    if not isinstance(value, Column):
        return as_text(value).replace("", None)
    if value.kind == "number":
        return value.expr.cast(pl.Float64).fill_nan(None)
    if value.kind == "string":
        return value.expr.cast(pl.String).replace("", None)
    return value.expr


def plan(expression: str | Expression, schema: Schema, at: str) -> Plan:
    """Compile ``expression`` for the node ``at``: a question, a group, a repeat (its rows) or the root.

    Raises `XPathError` when it is wrong and `XPathUnsupported` when it is lawful but cannot be evaluated here.
    """
    tree = parse(expression) if isinstance(expression, str) else expression
    check_calls(tree)
    if at not in schema.types and at not in schema.structure:
        raise XPathError("unknown_path", f"The form has no {at}.", 0, path=at)
    table = schema.table_of(at)
    compiler = Compiler(schema)
    scope = Scope(Frame(table), at)
    try:
        if functions_used(tree) & BY_ROW:
            return _planned_by_row(tree, schema, at)
        value = compiler.value(tree, scope)
    except RecursionError as problem:
        raise XPathError("too_deep", "The expression is nested too deeply.", 0) from problem
    except XPathUnsupported as unsupported:
        return _planned_by_row(tree, schema, at, unsupported)
    read, repeats = frozenset(compiler.dependencies), frozenset(compiler.repeats)
    return Plan(tree, schema, at, table, read, repeats, compiler.reads_clock, value, scope.frame)


def _planned_by_row(tree: Expression, schema: Schema, at: str, unsupported: XPathUnsupported | None = None) -> Plan:
    """A plan for the interpreter, when it can evaluate what the columns cannot."""
    if unsupported is not None:
        refuse_for_rows(tree, unsupported)
    found = reach(tree, schema, at)
    table = schema.table_of(at)
    read, repeats = frozenset(found.reads), frozenset(found.repeats)
    return Plan(tree, schema, at, table, read, repeats, found.reads_clock, None, Frame(table))
