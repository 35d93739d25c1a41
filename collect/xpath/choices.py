"""Whether the choices a respondent made were offered at all: choice filters, evaluated for the chosen items only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from collect.xpath.by_row import readers, refuse_for_rows
from collect.xpath.compile import Compiler, passes
from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.evaluate import Profile
from collect.xpath.frames import Frame, Now, Rows, Run
from collect.xpath.functions import check_calls
from collect.xpath.links import Links, link
from collect.xpath.parse import parse
from collect.xpath.paths import Scope
from collect.xpath.reach import Reach
from collect.xpath.row_values import Casts
from collect.xpath.rows import COLLECT, WEB, Reader
from collect.xpath.schema import Schema
from collect.xpath.tree import Expression

_LIST = "\x00offered"  # a name no form can give: the list whose items are filtered


@dataclass(frozen=True)
class ChoicePlan:
    """A compiled choice filter for the question ``at``."""

    expression: Expression
    schema: Schema
    at: str
    table: str
    dependencies: frozenset[str]
    reads_clock: bool
    frame: Frame
    keep: pl.Expr | None  # None: no columns can say it; it is evaluated for one row and item at a time

    def allowed(
        self,
        tables: Mapping[str, pl.DataFrame],
        answers: pl.Series | None = None,
        clock: pl.DataFrame | None = None,
        links: Links | None = None,
        profile: Profile = "collect",
    ) -> pl.Series:
        """For each row of ``self.table``: false when a chosen item is on the list but the filter hides it.

        ``answers`` are the space-separated names chosen (default: the column ``at``). Blank rows are true, and names
        that are not on the list are not judged here. Null where the filter reads a clock that the submission lacks,
        and where ``profile`` is "web" and a browser stops at the filter.
        """
        run = Run(self.schema, tables, links if links is not None else link(self.schema, tables), clock)
        chosen = tables[self.table][self.at] if answers is None else answers
        outer = Rows(self.table, chosen.len())
        pairs = self._chosen_items(chosen)
        if self.keep is None or profile == "web":
            kept = self._by_row(run, pairs, WEB if profile == "web" else COLLECT)
        else:
            rows = Rows(self.frame.table, pairs.height, pairs["inner"], outer, pairs["outer"])
            kept = self.frame.evaluate(run, rows, [self.keep])[0]
        judged = (
            pairs.select("outer", "token", kept=kept)
            .group_by("outer", "token")
            .agg(pl.col("kept").any(ignore_nulls=False))
        )
        refused = judged.filter(~pl.col("kept"))["outer"].unique()
        places = pl.int_range(chosen.len(), dtype=pl.UInt32, eager=True)
        result = (~places.is_in(refused.implode())).alias(self.at)
        if kept.null_count():
            unknown = judged.filter(pl.col("kept").is_null())["outer"].unique()
            result = result.scatter(unknown, None)
        if not self.reads_clock:
            return result
        known = Now().series(run, outer).is_not_null()
        return result.to_frame().select(pl.when(known).then(pl.first())).to_series()

    def _by_row(self, run: Run, pairs: pl.DataFrame, casts: Casts) -> pl.Series:
        """The same from the interpreter, standing at each chosen item in its own row."""
        around = readers(run, self.at, self.dependencies, clock=self.reads_clock, casts=casts)
        kept = [_keeps(around[row], item, self.expression) for row, _, item in pairs.iter_rows()]
        return pl.Series(kept, dtype=pl.Boolean)

    def _chosen_items(self, chosen: pl.Series) -> pl.DataFrame:
        """One row per chosen name and item of that name: ``outer`` row, ``token``, ``inner`` item."""
        names = self.schema.lists[_LIST].select(token=pl.col("name").cast(pl.String)).with_row_index("inner")
        answers = pl.DataFrame({"token": chosen.cast(pl.String)}).with_row_index("outer").drop_nulls("token")
        if answers["token"].str.contains(" ", literal=True).any():
            answers = answers.with_columns(pl.col("token").str.extract_all("[^ ]+")).explode("token")
        return answers.join(names, on="token", how="inner", maintain_order="left_right")


def plan_choices(filter_expression: str | Expression, schema: Schema, at: str, choices: pl.DataFrame) -> ChoicePlan:
    """Compile a choice filter: the predicate of the itemset of ``at`` ("province = /data/province").

    ``choices`` has one row per item: column ``name`` and those the filter reads. A name alone is a column of the item;
    ``current()/../x`` and absolute paths are answers of the row. Raises as `plan` does.
    """
    tree = parse(filter_expression) if isinstance(filter_expression, str) else filter_expression
    check_calls(tree)
    if at not in schema.types:
        raise XPathError("unknown_path", f"The form has no {at}.", 0, path=at)
    offered = replace(schema, lists={**schema.lists, _LIST: choices})
    table = schema.table_of(at)
    around = Scope(Frame(table), at)
    inner = Frame(f"instance:{_LIST}", around.frame)
    compiler = Compiler(offered)
    try:
        keep = passes(compiler.value(tree, Scope(inner, "", around)))
    except RecursionError as problem:
        raise XPathError("too_deep", "The expression is nested too deeply.", 0) from problem
    except XPathUnsupported as unsupported:
        refuse_for_rows(tree, unsupported)
        found = Reach(offered, at)
        found.visit(tree, frozenset({f"instance:{_LIST}/root/item"}))
        return ChoicePlan(tree, offered, at, table, frozenset(found.reads), found.reads_clock, inner, None)
    dependencies = frozenset(compiler.dependencies)
    return ChoicePlan(tree, offered, at, table, dependencies, compiler.reads_clock, inner, keep)


def _keeps(around: Reader, item: int, tree: Expression) -> bool | None:
    """Whether the filter leaves an item, by its place in the list from 0; not where JavaRosa would stop."""
    node = around.lists.root(_LIST, 0).children["item"][item]
    reader = replace(around, node=node, place=item + 1)
    try:
        return reader.keeps(reader.value(tree))
    except XPathError:
        return None if around.casts.web else False


def choice_allowed(
    filter_expression: str | Expression,
    schema: Schema,
    at: str,
    choices: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
) -> pl.Series:
    """`plan_choices` and `ChoicePlan.allowed` in one: true where every choice made was offered."""
    return plan_choices(filter_expression, schema, at, choices).allowed(tables)
