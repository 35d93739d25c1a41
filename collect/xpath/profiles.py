"""Two engines read the same rules: in which rows a browser (Web Forms, Enketo) comes to something else than Collect."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from collect.xpath.errors import XPathError
from collect.xpath.evaluate import Profile, reader_at
from collect.xpath.frames import Now, Rows, Run
from collect.xpath.functions import check_calls, functions_used
from collect.xpath.instance import Node, Trees
from collect.xpath.links import link
from collect.xpath.parse import parse
from collect.xpath.reach import Reach, reach
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
    found, table = reach(tree, schema, at), schema.table_of(at)
    run = Run(schema, tables, link(schema, tables), clock)
    alike = _alike(found, functions_used(tree), run, table)
    asked = alike["like"].unique(maintain_order=True)
    ids = tables[table]["submission_id"].gather(asked).unique().implode()
    mine = {name: frame.filter(pl.col("submission_id").is_in(ids)) for name, frame in tables.items()}
    places = alike["row"].filter(tables[table]["submission_id"].is_in(ids)).to_list()
    trees, wanted = Trees(mine, schema, frozenset(found.reads)), set(asked.to_list())
    clocks = dict(clock.select("submission_id", "now").iter_rows()) if clock is not None else {}
    steps, rows, keys = at.removeprefix(table).split("/")[1:], [], tables[table]["submission_id"]
    for number, node in zip(places, trees.rows.get(table, []), strict=True):
        if number in wanted:
            for step in steps:
                node = node.children[step][0]
            now = clocks.get(keys[number])
            rows.append((number, *(_said(tree, node, schema, profile, now, as_) for profile in ("collect", "web"))))
    shape = {"like": pl.UInt32, "collect": pl.String, "web": pl.String}
    said = pl.DataFrame(rows, schema=shape, orient="row").filter(pl.col("collect") != pl.col("web"))
    both = alike.join(said, on="like", how="inner", maintain_order="left")
    return both.select(keys.gather(both["row"]), pl.col("row").cast(pl.Int64), "collect", "web")


def _alike(found: Reach, functions: frozenset[str], run: Run, table: str) -> pl.DataFrame:
    """For each ``row`` the first one that is ``like`` it: it gives the expression the same answers to read."""
    place = pl.int_range(run.links.height(table), dtype=pl.UInt32, eager=True)
    if found.repeats or functions & {"position", "indexed-repeat"}:
        return pl.DataFrame({"row": place, "like": place})
    rows = Rows(table, len(place))
    read = [run.lifted(rows, run.schema.table_of(path), path).alias(path) for path in sorted(found.reads)]
    if found.reads_clock:
        read.append(Now().series(run, rows).alias("now"))
    first = pl.col("row").first().over([column.name for column in read]) if read else pl.col("row").first()
    return pl.DataFrame([place.alias("row"), *read]).select("row", like=first)


def _said(tree: Expression, node: Node, schema: Schema, profile: str, now: str | None, as_: str) -> str:
    engine: Profile = "web" if profile == "web" else "collect"
    reader = reader_at(node, schema, engine, now)
    try:
        value = reader.value(tree)
        return str(reader.casts.truth(value)).lower() if as_ == "boolean" else reader.casts.text(value)
    except XPathError:
        return "error"
