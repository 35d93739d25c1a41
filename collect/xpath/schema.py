"""What an expression may refer to: tables by repeat, questions by path, choice lists by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl


@dataclass(frozen=True)
class Schema:
    """The shape of a form.

    ``tables``: repeat path -> {question path -> XForm type}; the root's own under ``root`` (needed even when empty).
    ``lists``: secondary instances by id, one row per item: column ``name``, usually ``label``, then others, all text.
    ``list_of``: question path -> list it offers (for jr:choice-name). ``sections``: groups without questions, if any.
    ``version``: what version() says.
    """

    root: str
    tables: Mapping[str, Mapping[str, str]]
    lists: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    list_of: Mapping[str, str] = field(default_factory=dict)
    sections: frozenset[str] = frozenset()
    version: str = ""

    @cached_property
    def types(self) -> Mapping[str, str]:
        """XForm type of every question."""
        return {path: kind for questions in self.tables.values() for path, kind in questions.items()}

    @cached_property
    def shape(self) -> Mapping[str, Mapping[str, bool]]:
        """Path of every group and row -> the names below it, and whether each is a repeat."""
        shape: dict[str, dict[str, bool]] = {}
        for path in (*self.types, *self.structure):
            above, _, name = path.rpartition("/")
            if above:
                shape.setdefault(above, {})[name] = path in self.tables and path != self.root
        return shape

    @cached_property
    def structure(self) -> frozenset[str]:
        """Every path that holds other paths: the root, groups, repeats."""
        found = {self.root, *self.tables, *self.sections}
        for path in (*self.types, *self.tables, *self.sections):
            parts = path.split("/")
            found.update("/".join(parts[:end]) for end in range(2, len(parts)))
        return frozenset(found)

    def table_of(self, path: str) -> str:
        """The innermost repeat around ``path`` (a repeat lives in its own rows), or the root."""
        parts = path.split("/")
        prefixes = ("/".join(parts[:end]) for end in range(len(parts), 1, -1))
        return next((prefix for prefix in prefixes if prefix in self.tables), self.root)

    def chain(self, table: str) -> tuple[str, ...]:
        """Tables from the root down to ``table``."""
        parts = table.split("/")
        prefixes = ("/".join(parts[:end]) for end in range(2, len(parts) + 1))
        inner = [prefix for prefix in prefixes if prefix in self.tables and prefix != self.root]
        return (self.root, *inner)

    def parent(self, table: str) -> str:
        """The table one level up."""
        return self.chain(table)[-2]
