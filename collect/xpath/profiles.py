"""Two engines read the same rules: in which rows a browser (Web Forms, Enketo) comes to something else than Collect."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from collect.xpath.errors import XPathError
from collect.xpath.evaluate import Profile, reader_at
from collect.xpath.functions import check_calls
from collect.xpath.instance import Node, Trees
from collect.xpath.parse import parse
from collect.xpath.reach import reach
from collect.xpath.schema import Schema
from collect.xpath.tree import Expression


def differences(
    expression: str | Expression,
    schema: Schema,
    tables: Mapping[str, pl.DataFrame],
    at: str,
    *,
    as_: str = "string",
    clock: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The rows in which the two engines come to different results.

    One line per such row of the table ``at`` lives in: ``submission_id``, ``row`` (its number in that table, from 0),
    ``collect`` and ``web``: what each engine says, "true" or "false" when ``as_`` is "boolean", else its string().
    ``clock`` is that of `Plan.column`. A result that an engine stops at is "error".
    """
    tree = parse(expression) if isinstance(expression, str) else expression
    check_calls(tree)
    read = frozenset(reach(tree, schema, at).reads)
    trees, table = Trees(tables, schema, read), schema.table_of(at)
    clocks = dict(clock.select("submission_id", "now").iter_rows()) if clock is not None else {}
    keys = tables[table]["submission_id"].to_list()
    steps = at.removeprefix(table).split("/")[1:]
    rows = []
    for number, (key, node) in enumerate(zip(keys, trees.rows.get(table, []), strict=True)):
        for step in steps:
            node = node.children[step][0]
        said = [_said(tree, node, schema, profile, clocks.get(key), as_) for profile in ("collect", "web")]
        if said[0] != said[1]:
            rows.append((key, number, *said))
    shape = {"submission_id": pl.String, "row": pl.Int64, "collect": pl.String, "web": pl.String}
    return pl.DataFrame(rows, schema=shape, orient="row")


def _said(tree: Expression, node: Node, schema: Schema, profile: str, now: str | None, as_: str) -> str:
    engine: Profile = "web" if profile == "web" else "collect"
    reader = reader_at(node, schema, engine, now)
    try:
        value = reader.value(tree)
        return str(reader.casts.truth(value)).lower() if as_ == "boolean" else reader.casts.text(value)
    except XPathError:
        return "error"
