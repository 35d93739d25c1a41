"""From tables to readers: the interpreter at every row of a table, for what no column can say."""

from __future__ import annotations

from collect.xpath.errors import XPathUnsupported
from collect.xpath.frames import Run
from collect.xpath.instance import Trees
from collect.xpath.row_values import Casts
from collect.xpath.rows import COLLECT, Lists, Reader
from collect.xpath.tree import Chain, Expression, Filtered, walk


def readers(run: Run, at: str, reads: frozenset[str], *, clock: bool, casts: Casts = COLLECT) -> list[Reader]:
    """One reader for each row of the table that ``at`` lives in, standing at that row's node ``at``.

    ``reads`` are the answers it can look up; ``clock`` says whether it knows the submission's now().
    """
    schema, table = run.schema, run.schema.table_of(at)
    trees = Trees(run.tables, schema, reads)
    roots = trees.rows.get(schema.root, [])
    clocks = dict(zip(map(id, roots), run.now().to_list(), strict=True)) if clock else {}
    lists, steps = Lists(schema), at.removeprefix(table).split("/")[1:]
    made = []
    for node in trees.rows.get(table, []):
        root = node.line()[0]
        for step in steps:
            node = node.children[step][0] if step in node.children else node.add(step)
        now = clocks.get(id(root))
        made.append(Reader(lists, node, node, now, casts.at(now)))
    return made


def refuse_for_rows(tree: Expression, unsupported: XPathUnsupported) -> None:
    """Raise ``unsupported`` where ODK Collect itself evaluates no such thing, so the interpreter must not either."""
    if any(isinstance(node, Filtered) or _joins(node) for node in walk(tree)):
        raise unsupported


def _joins(node: Expression) -> bool:
    return isinstance(node, Chain) and node.rest[0][0] == "|"
