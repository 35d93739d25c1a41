"""Ask JavaRosa and this project the same of made-up forms, and gather where they differ."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from javarosa import ask
from xpath_made import Made, make_expressions, make_form, make_submission

from collect.xpath import Links, Schema, XPathError, from_element, link, plan
from collect.xpath.evaluate import reader_at
from collect.xpath.frames import DTYPES
from collect.xpath.instance import Node
from collect.xpath.parse import parse

Answer = tuple[str, bool, float]  # as text, truth and number


@dataclass
class Findings:
    """What a run found."""

    pairs: int = 0
    stopped: Counter[str] = field(default_factory=Counter)  # pairs where JavaRosa ends with an error, by its reason
    differ: list[str] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)


def position(node: Node) -> str:
    """A node's path with the places of its rows, each step."""
    return "".join(f"/{step.name}[{step.place}]" for step in node.line())


def nodes_at(root: Node, at: str) -> list[Node]:
    """All nodes of a path, in document order."""
    found = [root]
    for step in at.split("/")[2:]:
        found = [child for node in found for child in node.children.get(step, [])]
    return found


def tables_of(roots: list[Node], schema: Schema) -> dict[str, pl.DataFrame]:
    """Typed tables of submissions."""
    tables = {}
    for table, questions in schema.tables.items():
        rows = [(f"u{number}", node) for number, root in enumerate(roots) for node in nodes_at(root, table)]
        columns: dict[str, pl.Series] = {
            "submission_id": pl.Series([key for key, _ in rows], dtype=pl.String),
            "row_id": pl.Series([row_id(node, schema) for _, node in rows], dtype=pl.String),
            "parent_row_id": pl.Series([row_id(row_above(node, schema), schema) for _, node in rows], dtype=pl.String),
            "index": pl.Series([node.place for _, node in rows], dtype=pl.Int64),
        }
        for path, kind in questions.items():
            dtype = DTYPES.get(kind, pl.String())
            values = [_cell(nodes_at_row(node, table, path), dtype) for _, node in rows]
            columns[path] = pl.Series(values, dtype=dtype)
        tables[table] = pl.DataFrame(columns)
    return tables


def row_above(node: Node, schema: Schema) -> Node:
    """The row around a row; the root's is itself."""
    above = node.parent
    while above is not None and above.path not in schema.tables:
        above = above.parent
    return above or node


def row_id(node: Node, schema: Schema) -> str:
    """The positional path that answers tables use."""
    return "".join(
        f"/{step.name}[{step.place}]" if step.path in schema.tables and step.parent else f"/{step.name}"
        for step in node.line()
    )


def nodes_at_row(row: Node, table: str, path: str) -> Node:
    """The answer of one row."""
    for step in path.removeprefix(f"{table}/").split("/"):
        row = row.children[step][0]
    return row


def _cell(node: Node, dtype: pl.DataType) -> object:
    if node.value == "":
        return None
    if dtype == pl.Int64:
        return int(node.value)  # type: ignore[arg-type]
    return node.value if dtype in (pl.Float64, pl.Date) else node.text


def run(folder: Path, forms: int, submissions: int, expressions: int, seed: int) -> Findings:
    """``forms`` made-up forms with ``submissions`` each and ``expressions`` each, at every node they can stand at."""
    found = Findings()
    lines: list[str] = []
    ours: list[tuple[str | Answer, str | Answer] | None] = []  # by line: of the rows and of the columns
    for number in range(seed, seed + forms):
        made = make_form(number)
        roots = _submissions(folder, made, submissions, number)
        pairs = make_expressions(made.schema, expressions, number)
        answers = _both(made.schema, roots, pairs, found)
        lines.append(f"FORM\t{folder}/form{number}.xml")
        ours.append(None)
        for place, root in enumerate(roots):
            lines.append(f"SUBMISSION\t{folder}/form{number}-{place}.xml")
            ours.append(None)
            for order, (at, text) in enumerate(pairs):
                lines += [f"EVAL\t{position(node)}\t{text}" for node in nodes_at(root, at)]
                ours += [*zip(*(side[order][place] for side in answers), strict=True)]
    for line, mine, theirs in zip(lines, ours, ask(lines), strict=True):
        _compare(line, mine, theirs, found)
    return found


def _compare(line: str, mine: tuple[str | Answer, str | Answer] | None, theirs: list[str], found: Findings) -> None:
    if mine is None:
        assert theirs == ["OK"], f"{line}: {theirs}"
        return
    found.pairs += 1
    if theirs[0] == "ERROR":
        found.stopped[" ".join(theirs[1:])[:70]] += 1
        return
    for who, answer in zip(("row", "column"), mine, strict=True):
        if not same(answer, theirs):
            found.differ.append(f"{who}: {line} ours {answer} theirs {theirs}")


def _submissions(folder: Path, made: Made, count: int, seed: int) -> list[Node]:
    (folder / f"form{seed}.xml").write_text(made.xform, encoding="utf-8")
    roots = []
    for place in range(count):
        xml = make_submission(made, seed * 1000 + place)
        (folder / f"form{seed}-{place}.xml").write_text(xml, encoding="utf-8")
        roots.append(from_element(ET.fromstring(xml), made.schema))
    return roots


Answers = list[list[list[str | Answer]]]  # by expression, submission and row


def _both(schema: Schema, roots: list[Node], pairs: list[tuple[str, str]], found: Findings) -> tuple[Answers, Answers]:
    tables = tables_of(roots, schema)
    links, now = link(schema, tables), (datetime.now(UTC) + timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M:%S.000+07:00")
    clock = pl.DataFrame({"submission_id": tables["/data"]["submission_id"], "now": now})
    by_row: Answers = []
    by_column: Answers = []
    for at, text in pairs:
        found.functions.update(re.findall(r"([a-z][a-z0-9:-]*)\(", text))
        tree = parse(text)
        rows: list[list[str | Answer]] = []
        for root in roots:
            answers: list[str | Answer] = []
            for node in nodes_at(root, at):
                reader = reader_at(node, schema, now=now)
                try:
                    value = reader.casts.single(reader.value(tree))
                    answers.append((reader.casts.text(value), reader.casts.truth(value), reader.casts.number(value)))
                except XPathError as error:
                    answers.append(f"{error.code}: {error}")
            rows.append(answers)
        by_row.append(rows)
        flat = _columns(text, schema, at, tables, clock, links)
        cut = iter(flat)
        by_column.append([[next(cut) for _ in answers] for answers in rows])
    return by_row, by_column


def _columns(
    text: str, schema: Schema, at: str, tables: dict[str, pl.DataFrame], clock: pl.DataFrame, links: Links
) -> list[str | Answer]:
    height = tables[schema.table_of(at)].height
    try:
        made = plan(text, schema, at)
        columns = [made.column(tables, kind, clock, links).to_list() for kind in ("string", "boolean", "number")]
    except XPathError as error:
        return [f"{error.code}: {error}"] * height
    return [
        (shown, truth, math.nan if number is None else number) for shown, truth, number in zip(*columns, strict=True)
    ]


def same(ours: str | Answer, theirs: list[str]) -> bool:
    """Whether the two agree, up to the last digits of a number that no two mathematics libraries share."""
    if isinstance(ours, str):
        return False
    shown, truth, number = ours
    text, their_truth, their_number = theirs[1], theirs[2] == "true", float(theirs[3].replace("Infinity", "inf"))
    texts = shown.replace("\n", "\\n").replace("\t", "\\t") == text or _close(_number(shown), _number(text))
    return texts and truth == their_truth and _close(number, their_number)


def _number(text: str) -> float:
    try:
        return float(text.replace("Infinity", "inf"))
    except ValueError:
        return math.nan


def _close(a: float, b: float) -> bool:
    return a == b or (a != a and b != b) or abs(a - b) <= 1e-11 * max(abs(a), abs(b))
