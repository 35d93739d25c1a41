"""Where a path leads: steps made absolute and fixed to the current rows, as JavaRosa's TreeReference does."""

from __future__ import annotations

from dataclasses import dataclass

from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.frames import Frame
from collect.xpath.schema import Schema
from collect.xpath.tree import Call, Expression, Path, Step, Text


@dataclass(frozen=True, eq=False)
class Scope:
    """Where an expression stands: its rows (``frame``), the node it is written at, the whole expression's own scope."""

    frame: Frame
    node: str
    outermost: Scope | None = None  # of the expression around all predicates; None when this is it
    place: str = ""  # inside a first predicate: the table whose rows are being chosen

    @property
    def original(self) -> Scope:
        """What current() names."""
        return self.outermost or self

    @property
    def in_list(self) -> bool:
        """Whether the rows are items of a list of choices."""
        return self.frame.table.startswith("instance:")


@dataclass(frozen=True, eq=False)
class Target:
    """Where a path leads. ``free`` are the repeats on the way that the context does not fix to one row."""

    home: Scope
    path: str
    table: str
    anchor: str
    free: tuple[str, ...]
    predicates: tuple[tuple[str, tuple[Expression, ...]], ...]  # by path of the step they stand at
    list: str = ""
    position: int = 0


def locate(path: Path, scope: Scope, schema: Schema) -> Target:
    """Resolve ``path`` written in ``scope``; raises `XPathError` when it leads nowhere."""
    if isinstance(path.start, Call) and path.start.name == "instance":
        return _in_list(path, path.start, scope, schema)
    if scope.in_list and path.start == "":
        return _of_item(path, scope, schema)
    home = scope
    if isinstance(path.start, Call) and path.start.name == "current":
        home = scope.original
    elif not isinstance(path.start, str):
        raise XPathUnsupported("A path can start from current() or instance() only.", path.position)
    elif scope.in_list:
        home = scope.original
    return _fixed(path, home, schema)


@dataclass(frozen=True)
class _Way:
    """Steps from the root down; the first ``fixed`` of them come from the context node, rows included."""

    names: tuple[str, ...]
    predicates: tuple[tuple[Expression, ...], ...]
    fixed: int


def _from_root(path: Path, node: str) -> _Way:
    names, fixed = node.split("/")[1:], 0
    predicates: list[tuple[Expression, ...]] = [() for _ in names]
    fixed = len(names)
    for step in path.steps:
        if step.axis == "attribute" or step.name == "*":
            raise XPathUnsupported(f"'{step}' cannot be evaluated here.", step.position, name=str(step))
        if step.axis == "child":
            names.append(step.name)
            predicates.append(())
        elif step.axis == "parent":
            if not names:
                raise XPathError("unknown_path", "The path climbs above the root.", step.position, path=str(path))
            if len(names) > fixed:
                raise XPathUnsupported("'..' can stand at the beginning of a path only.", step.position, name="..")
            names.pop()
            predicates.pop()
            fixed = len(names)
        if step.predicates and names:
            predicates[-1] += step.predicates
    return _Way(tuple(names), tuple(predicates), fixed)


def _fixed(path: Path, home: Scope, schema: Schema) -> Target:
    """Which repeats on the way the context fixes to one row.

    A relative path keeps the rows it was climbed from, and goes to all rows below; an absolute path is held to the
    context's own rows as far as the two share steps. A predicate sets its own step free, no other: a repeat below it is
    still held to the context's own number, which is left to the interpreter. (JavaRosa's contextualize.)
    """
    absolute = path.start == "/"
    way = _from_root(path, "" if absolute else home.node)
    whole = "/" + "/".join(way.names)
    if whole not in schema.types and whole not in schema.structure:
        raise XPathError("unknown_path", f"The form has no {whole}.", path.position, path=whole)
    context = home.node.split("/")[1:]
    free: list[str] = []
    at: list[tuple[str, tuple[Expression, ...]]] = []
    same = True
    for level, predicates in enumerate(way.predicates):
        same = same and (level < len(context) and context[level] == way.names[level] if absolute else level < way.fixed)
        prefix = "/" + "/".join(way.names[: level + 1])
        if predicates:
            at.append((prefix, predicates))
        if prefix in schema.tables and prefix != schema.root and (predicates or not same or free):
            if same and not predicates:
                raise XPathUnsupported(f"{prefix} below chosen rows is held to its own number.", path.position)
            free.append(prefix)
    table = schema.table_of(whole)
    chain = schema.chain(table)
    anchor = chain[chain.index(free[0]) - 1] if free else table
    return Target(home, whole, table, anchor, tuple(free), tuple(at), position=path.position)


def _in_list(path: Path, start: Call, scope: Scope, schema: Schema) -> Target:
    argument = start.arguments[0]
    if not isinstance(argument, Text):
        raise XPathUnsupported("instance() needs a quoted name.", start.position)
    if argument.value not in schema.lists:
        message = f"There is no list named '{argument.value}'."
        raise XPathError("unknown_instance", message, start.position, name=argument.value)
    if len(path.steps) not in (2, 3) or any(step.axis != "child" or step.name == "*" for step in path.steps):
        raise XPathUnsupported("Only instance('list')/root/item[...]/column can be evaluated here.", path.position)
    column = path.steps[2].name if len(path.steps) == 3 else ""
    _known_column(argument.value, column, path, schema)
    _no_predicates((path.steps[0], *path.steps[2:]))
    predicates = (("item", path.steps[1].predicates),)
    return Target(scope, column, f"instance:{argument.value}", "", ("item",), predicates, argument.value, path.position)


def _of_item(path: Path, scope: Scope, schema: Schema) -> Target:
    name = scope.frame.table.removeprefix("instance:")
    steps = [step for step in path.steps if step.axis != "self"]
    if len(steps) != 1 or steps[0].axis != "child" or steps[0].name == "*":
        raise XPathUnsupported(f"'{path}' cannot be evaluated inside a list of choices.", path.position, path=str(path))
    _no_predicates(tuple(path.steps))
    _known_column(name, steps[0].name, path, schema)
    return Target(scope, steps[0].name, scope.frame.table, "", (), (), name, path.position)


def _known_column(name: str, column: str, path: Path, schema: Schema) -> None:
    if column and column not in schema.lists[name].columns:
        message = f"The list '{name}' has no column '{column}'."
        raise XPathError("unknown_path", message, path.position, path=column, name=name)


def _no_predicates(steps: tuple[Step, ...]) -> None:
    for step in steps:
        if step.predicates:
            raise XPathUnsupported("Predicates can stand at 'item' only.", step.position)
