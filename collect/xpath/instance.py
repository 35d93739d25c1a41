"""One submission as a tree of nodes: what an expression walks over when it is evaluated a row at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import polars as pl

from collect.xpath.errors import XPathError
from collect.xpath.java import double_as_text
from collect.xpath.schema import Schema


@dataclass(frozen=True, slots=True)
class Moment:
    """A date-time as written on the device."""

    lexical: str


Scalar: TypeAlias = float | bool | str | date | Moment


@dataclass(eq=False, slots=True)
class Node:
    """A group, a repeat row or an answer. ``text`` is the answer's lexical form; ``place`` counts siblings from 1."""

    name: str
    path: str
    parent: Node | None = None
    text: str = ""
    value: Scalar = ""
    place: int = 1
    children: dict[str, list[Node]] = field(default_factory=dict)

    def add(self, name: str, text: str = "", value: Scalar = "") -> Node:
        """A new child below this node, after those of its name."""
        siblings = self.children.setdefault(name, [])
        made = Node(name, f"{self.path}/{name}", self, text, value, len(siblings) + 1)
        siblings.append(made)
        return made

    def line(self) -> list[Node]:
        """The nodes from the root down to this one."""
        return [self] if self.parent is None else [*self.parent.line(), self]

    def all_children(self) -> Iterator[Node]:
        """Every child, name by name in the order they first appear."""
        for siblings in self.children.values():
            yield from siblings


_INT = re.compile(r"[+-]?[0-9]+")
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")


def day_of(text: str) -> date | None:
    """The day that a lexical date or date-time begins with."""
    found = _DATE.fullmatch(text[:10])
    if found is None:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None


def cast(text: str, kind: str) -> Scalar:
    """A lexical answer as its question's type reads it; what cannot be read is blank."""
    plain = text.strip()
    if not plain:
        return ""
    if kind == "int":
        return float(plain) if _INT.fullmatch(plain) else ""
    if kind == "decimal":
        try:
            return float(plain)
        except ValueError:
            return ""
    if kind == "date":
        return day_of(plain) or ""
    if kind == "dateTime":
        return Moment(plain) if day_of(plain) else ""
    if kind == "boolean":
        return plain in ("true", "1")
    return text


def from_element(element: Any, schema: Schema) -> Node:
    """The tree of a submission's root element; namespaces, attributes and the meta block are left aside."""
    root = Node(_local(element.tag), f"/{_local(element.tag)}")
    if root.path != schema.root:
        message = f"The submission's root is {root.path}; the form's is {schema.root}."
        raise XPathError("unknown_path", message, 0, path=root.path)
    waiting = [(element, root)]
    while waiting:
        source, node = waiting.pop()
        for child in source:
            if not isinstance(child.tag, str):
                continue  # a comment
            name = _local(child.tag)
            path = f"{node.path}/{name}"
            if len(child) or path not in schema.types:
                waiting.append((child, node.add(name)))
            else:
                text = child.text or ""
                node.add(name, text, cast(text, schema.types[path]))
    _complete(root, schema)
    return root


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def _complete(root: Node, schema: Schema) -> None:
    """Nodes that the form has and the submission leaves out: blank answers, empty groups."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        for name, repeats in schema.shape.get(node.path, {}).items():
            if not repeats and name not in node.children:
                node.add(name)
        waiting.extend(node.all_children())


class Trees:
    """Trees of all submissions of typed tables. ``rows[table]`` are the nodes of a table's rows in their order;
    ``only`` are the answers to read, all when None.
    """

    def __init__(self, tables: Mapping[str, pl.DataFrame], schema: Schema, only: frozenset[str] | None = None) -> None:
        self.schema, self.only = schema, only
        self.rows: dict[str, list[Node]] = {}
        self.roots: dict[str, list[Node]] = {}
        self._by_row_id: dict[tuple[str, str, str], Node] = {}
        for table in sorted(schema.tables, key=lambda path: path.count("/")):
            if table in tables:
                self.rows[table] = self._table(table, tables[table])
        for lines in self.roots.values():
            for root in lines:
                _complete(root, schema)

    def _table(self, table: str, frame: pl.DataFrame) -> list[Node]:
        keys = frame.select(name for name in ("submission_id", "row_id", "parent_row_id") if name in frame.columns)
        made = [self._row(table, key) for key in keys.iter_rows(named=True)]
        for path, kind in self.schema.tables[table].items():
            if path not in frame.columns or not (self.only is None or path in self.only):
                continue
            steps = path.removeprefix(table + "/").split("/")
            for node, value in zip(made, frame[path].to_list(), strict=True):
                _put(node, steps, value, kind)
        return made

    def _row(self, table: str, key: Mapping[str, str]) -> Node:
        name = table.rsplit("/", 1)[1]
        if table == self.schema.root:
            node = Node(name, table)
            self.roots.setdefault(key["submission_id"], []).append(node)
            above = ""
        else:
            above = self.schema.parent(table)
            parent_key = (key["submission_id"], above, key["parent_row_id"] if above != self.schema.root else "")
            parent = self._by_row_id.get(parent_key)
            node = Node(name, table) if parent is None else _between(parent, above, table).add(name)
            found = re.search(r"\[(\d+)\]$", key["row_id"] or "")
            node.place = int(found.group(1)) if found else node.place
        row_id = "" if table == self.schema.root else key["row_id"]
        self._by_row_id.setdefault((key["submission_id"], table, row_id), node)
        return node


def _between(parent: Node, above: str, table: str) -> Node:
    """The group right above the rows of ``table``, made on the way."""
    return _group(parent, table.removeprefix(above + "/").split("/")[:-1])


def _group(node: Node, steps: list[str]) -> Node:
    for step in steps:
        node = node.children[step][0] if step in node.children else node.add(step)
    return node


def _put(row: Node, steps: list[str], value: Any, kind: str) -> None:
    node = _group(row, steps[:-1])
    if value is None:
        node.add(steps[-1])
        return
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        node.add(steps[-1], double_as_text(float(value)), float(value))
    elif isinstance(value, date):
        node.add(steps[-1], value.isoformat(), value)
    else:
        node.add(steps[-1], str(value), _stored(str(value), kind))


def _stored(text: str, kind: str) -> Scalar:
    """A text of a typed table; unlike `cast`, a number here has been read already."""
    if kind in ("dateTime", "boolean", "int", "decimal", "date"):
        return cast(text, kind)
    return text


def items_of(schema: Schema, name: str) -> Node:
    """A list of choices as nodes: its "root", with one "item" per row."""
    root = Node("root", f"instance:{name}/root")
    for row in schema.lists[name].iter_rows(named=True):
        item = root.add("item")
        for column, value in row.items():
            text = "" if value is None else str(value)
            item.add(column, text, text)
    root.children.setdefault("item", [])
    return root


def node_at(root: Node, at: str) -> Node:
    """The node at a path whose rows are given by place, "/data/member[2]/age"; the first row without a place."""
    parts = (at or root.path).split("/")[1:]
    node: Node | None = root if parts and re.sub(r"\[1\]$", "", parts[0]) == root.name else None
    for part in parts[1:]:
        name, _, place = part.partition("[")
        wanted = int(place[:-1]) if place[:-1].isdigit() else 1
        siblings = node.children.get(name, []) if node is not None else []
        node = next((sibling for sibling in siblings if sibling.place == wanted), None)
    if node is None:
        raise XPathError("unknown_path", f"The submission has no {at}.", 0, path=at)
    return node
