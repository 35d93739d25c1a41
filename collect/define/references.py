"""Which nodes of a form an expression reads, found from its text alone: also of rules that cannot be evaluated."""

from __future__ import annotations

from collections.abc import Iterator

from collect.xpath import Call, Expression, Path
from collect.xpath.tree import children


def references(node: Expression, at: str, current: str | None = None) -> Iterator[str]:
    """Absolute paths of the nodes that ``node`` reads when it stands at ``at``; columns of choice lists are none."""
    here = at if current is None else current
    if not isinstance(node, Path):
        for child in children(node):
            yield from references(child, at, here)
        return
    target = start_of(node, at, here)
    if target is None:  # it starts in a list: names in its predicates are columns, except what is absolute or current()
        for child in children(node):
            yield from references(child, "", here)
        return
    if target == "" and node.start == "":
        return
    for step in node.steps:
        target = moved(target, step.axis, step.name)
        for predicate in step.predicates:
            yield from references(predicate, target, here)
    yield target


def start_of(path: Path, at: str, current: str) -> str | None:
    """The node a path starts from; None when it starts outside the form, in a list."""
    if path.start == "/":
        return ""
    if path.start == "":
        return at
    return current if isinstance(path.start, Call) and path.start.name == "current" else None


def target_of(node: Expression, at: str) -> str | None:
    """The node a path without predicates leads to; None for anything else."""
    if not isinstance(node, Path) or any(step.predicates for step in node.steps):
        return None
    target = start_of(node, at, at)
    if target is None:
        return None
    for step in node.steps:
        target = moved(target, step.axis, step.name)
    return target


def moved(path: str, axis: str, name: str) -> str:
    """One step on from a node."""
    if axis == "self":
        return path
    return path.rsplit("/", 1)[0] if axis == "parent" else f"{path}/{name}"
