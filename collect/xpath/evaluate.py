"""One expression on one submission, for tools: a typed value and its text, in either engine's dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from collect.xpath import row_library, row_nodes, web_library
from collect.xpath.errors import XPathError
from collect.xpath.functions import check_calls
from collect.xpath.instance import Moment, Node, Trees, from_element, node_at
from collect.xpath.parse import parse
from collect.xpath.reach import reach
from collect.xpath.row_values import Nodes, Value
from collect.xpath.rows import COLLECT, FUNCTIONS, WEB, WEB_FUNCTIONS, Lists, Reader
from collect.xpath.schema import Schema
from collect.xpath.tree import Expression

FUNCTIONS.update(row_library.FUNCTIONS)
FUNCTIONS.update(row_nodes.FUNCTIONS)
WEB_FUNCTIONS.update(FUNCTIONS | web_library.FUNCTIONS)

Profile = Literal["collect", "web"]
ResultType = Literal["number", "string", "boolean", "date", "nodeset"]


@dataclass(frozen=True)
class Result:
    """What an expression came to.

    ``value``: a float (NaN possible), text or truth; a date is its lexical text; a nodeset the list of its texts.
    ``text``: what string() of it gives; of a nodeset, its first node's.
    """

    type: ResultType
    value: float | str | bool | list[str]
    text: str


def evaluate(
    expression: str | Expression,
    schema: Schema,
    instance: Any,
    at: str = "",
    *,
    profile: Profile = "collect",
    now: str | None = None,
) -> Result:
    """Evaluate ``expression`` at one node of one submission.

    A path that names exactly one node gives that node's typed value; one that names none or many is a nodeset.

    Parameters
    ----------
    schema
        The form's shape.
    instance
        The submission's root element as any XML library gives it (``tag``, ``text``, iteration), a tree made from it
        (`from_element`), or typed tables by repeat path that hold exactly one submission. Values stand as they are:
        whoever wants answers that were not relevant to be blank leaves them out, as `collect.check` does.
    at
        The context node, rows given by place: ``/data/hh/member[2]/age``; no place means the first row. "" is the root.
    profile
        "collect" is JavaRosa, as in ODK Collect; "web" is XPath 1.0 as Web Forms and Enketo read it.
    now
        The lexical date-time that now() and today() mean; without it they are blank.

    Raises `XPathError` (``code``, ``position``): the expression is wrong, ``at`` is not in the submission
    (``unknown_path``), or its value cannot be known (`XPathUnsupported`).
    """
    tree = parse(expression) if isinstance(expression, str) else expression
    check_calls(tree)
    reach(tree, schema, at or schema.root)
    node = node_at(_tree(instance, schema), at or schema.root)
    return result(reader_at(node, schema, profile, now), tree)


def reader_at(node: Node, schema: Schema, profile: Profile = "collect", now: str | None = None) -> Reader:
    """A reader whose context is ``node``."""
    return Reader(Lists(schema), node, node, now, (WEB if profile == "web" else COLLECT).at(now))


def _tree(instance: Any, schema: Schema) -> Node:
    if isinstance(instance, Node):
        return instance
    if not isinstance(instance, Mapping):
        return from_element(instance, schema)
    tables: Mapping[str, pl.DataFrame] = instance
    roots = Trees(tables, schema).rows.get(schema.root, [])
    if len(roots) != 1:
        raise XPathError("unknown_path", f"The tables hold {len(roots)} submissions; one is meant.", 0, path="")
    return roots[0]


def result(reader: Reader, tree: Expression) -> Result:
    """The typed value of ``tree`` and its text."""
    try:
        return _typed(reader, reader.value(tree))
    except RecursionError as problem:
        raise XPathError("too_deep", "The expression is nested too deeply.", 0) from problem


def _typed(reader: Reader, value: Value) -> Result:
    if isinstance(value, Nodes):
        if len(value) != 1:
            return Result("nodeset", [node.text for node in value], value[0].text if value else "")
        value = value[0].value
    text = reader.casts.text(value)
    if isinstance(value, (date, Moment)):
        return Result("date", value.isoformat() if isinstance(value, date) else value.lexical, text)
    kind: ResultType = "string" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"
    return Result(kind, value, text)
