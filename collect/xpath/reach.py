"""Which answers an expression can read from a node, found without any answers; what the form lacks is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.functions import refuse
from collect.xpath.parse import parse
from collect.xpath.rows import FUNCTIONS
from collect.xpath.schema import Schema
from collect.xpath.tree import Call, Expression, Path, Step, Text, children

Here = frozenset[str]  # paths the context can have; "instance:list/root/item" in a list of choices
_NEED_PATHS = frozenset({"count", "count-non-empty", "sum", "position", "randomize"})


@dataclass
class Reach:
    """Walks an expression; gathers what it reads."""

    schema: Schema
    at: str
    reads: set[str] = field(default_factory=set)
    repeats: set[str] = field(default_factory=set)
    reads_clock: bool = False

    def visit(self, tree: Expression, here: Here) -> None:
        """Look at ``tree`` as written where the context is one of ``here``."""
        if isinstance(tree, Path):
            self._path(tree, here)
            return
        if isinstance(tree, Call):
            self._call(tree, here)
        for child in children(tree):
            self.visit(child, here)

    def _call(self, call: Call, here: Here) -> None:
        if call.name not in FUNCTIONS:
            raise refuse(call)
        self.reads_clock = self.reads_clock or call.name in ("today", "now")
        if call.name in _NEED_PATHS and call.arguments:
            first = call.arguments[0]
            if not (isinstance(first, Path) or (isinstance(first, Call) and first.name in ("randomize", "current"))):
                raise XPathError("type", f"{call.name}() needs a path.", call.position, name=call.name)
        if call.name == "pulldata":
            self._table(call)
        if call.name == "jr:choice-name":
            self._choices(call, here)
        if call.name in ("once", "string-length", "normalize-space") and (call.name == "once" or not call.arguments):
            self.reads.update(path for path in here if path in self.schema.types)

    def _table(self, call: Call) -> None:
        name = call.arguments[0]
        known = isinstance(name, Text) and {name.value, name.value.removesuffix(".csv")} & set(self.schema.lists)
        if isinstance(name, Text) and not known:
            message = f"pulldata() cannot be checked: it reads {name.value}, which is not at hand."
            raise XPathUnsupported(message, call.position, name=call.name)

    def _choices(self, call: Call, here: Here) -> None:
        question = call.arguments[1]
        path = parse(question.value.strip()) if isinstance(question, Text) else None
        found = self._start(path, here) if isinstance(path, Path) else None
        if found is None or not isinstance(path, Path):
            return
        for step in path.steps:
            found = self._step(found, step, path)
        for place in found:
            items = self.schema.lists.get(self.schema.list_of.get(place, ""))
            if items is None or "label" not in items.columns:
                raise XPathUnsupported(f"The choices of {place} are not at hand.", call.position, name=call.name)

    def _path(self, path: Path, here: Here) -> None:
        found, steps = self._start(path, here), path.steps
        if isinstance(path.start, Call) and path.start.name == "instance":
            steps = steps[1:]
        if found is None:
            return
        for step in steps:
            found = self._step(found, step, path)
            for predicate in step.predicates:
                self.visit(predicate, found)
        for place in found:
            self._end(place, path)

    def _start(self, path: Path, here: Here) -> Here | None:
        """Where a path begins; None when only its value can tell."""
        if isinstance(path.start, str):
            return here if path.start == "" else frozenset({""})
        if isinstance(path.start, Call) and path.start.name == "current":
            return frozenset({self.at})
        if isinstance(path.start, Call) and path.start.name == "instance":
            self.visit(path.start.arguments[0], here)
            return self._list(path.start)
        self.visit(path.start, here)
        return None

    def _list(self, call: Call) -> Here:
        name = call.arguments[0]
        if not isinstance(name, Text):
            return frozenset(f"instance:{known}/root" for known in self.schema.lists)
        if name.value not in self.schema.lists:
            message = f"There is no list named '{name.value}'."
            raise XPathError("unknown_instance", message, call.position, name=name.value)
        return frozenset({f"instance:{name.value}/root"})

    def _step(self, found: Here, step: Step, path: Path) -> Here:
        if step.axis == "self":
            return found
        if step.axis == "attribute":
            raise XPathUnsupported(f"'{step}' cannot be evaluated here.", step.position, name=str(step))
        if step.axis == "parent":
            if any(place in ("", self.schema.root) for place in found):
                raise XPathError("unknown_path", "The path climbs above the root.", step.position, path=str(path))
            return frozenset(place.rpartition("/")[0] for place in found)
        below = {f"{place}/{name}" for place in found for name in self._names(place) if step.name in ("*", name)}
        if not below and step.name != "*":
            wanted = f"{min(found, default='')}/{step.name}"
            raise XPathError("unknown_path", f"The form has no {wanted}.", path.position, path=wanted)
        return frozenset(below)

    def _names(self, place: str) -> list[str]:
        if place == "":
            return [self.schema.root[1:]]
        if place.startswith("instance:"):
            name, _, rest = place.removeprefix("instance:").partition("/")
            if rest == "root":
                return ["item"]
            return self.schema.lists[name].columns if rest == "root/item" else []
        return list(self.schema.shape.get(place, ()))

    def _end(self, place: str, path: Path) -> None:
        if place in self.schema.types:
            self.reads.add(place)
        parts = place.split("/")
        for end in range(3, len(parts) + 1):
            prefix = "/".join(parts[:end])
            inside = f"{self.at}/".startswith(f"{prefix}/")
            if prefix in self.schema.tables and (not inside or any(step.predicates for step in path.steps)):
                self.repeats.add(prefix)


def reach(tree: Expression, schema: Schema, at: str) -> Reach:
    """What ``tree`` reads from ``at`` ("/data/member[2]/age": rows do not matter). Raises `XPathError`."""
    plain = re.sub(r"\[[0-9]+\]", "", at)
    if plain not in schema.types and plain not in schema.structure:
        raise XPathError("unknown_path", f"The form has no {plain}.", 0, path=plain)
    found = Reach(schema, plain)
    found.visit(tree, frozenset({plain}))
    return found
