"""The tree of an expression: small, frozen, and printed back as canonical XPath."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

Axis = Literal["child", "parent", "self", "attribute"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written."""

    value: float
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return format(Decimal(repr(self.value)).normalize(), "f")


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted text."""

    value: str
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        quote = '"' if "'" in self.value else "'"
        return f"{quote}{self.value}{quote}"


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple[Expression, ...]
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class Negate:
    """Unary minus."""

    operand: Expression
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"-{_wrapped(self.operand, 7)}"


@dataclass(frozen=True, slots=True)
class Chain:
    """Operands joined by operators of one rank, read from the left: ``a + b - c``, ``a or b or c``."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        rank = RANKS[self.rest[0][0]]
        parts = [_wrapped(self.first, rank + 1)]
        parts += [f"{operator} {_wrapped(operand, rank + 1)}" for operator, operand in self.rest]
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path. ``name`` is empty for ``.`` and ``..``, "*" for any child."""

    axis: Axis
    name: str = ""
    predicates: tuple[Expression, ...] = ()
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        word = {"parent": "..", "self": ".", "attribute": f"@{self.name}", "child": self.name}[self.axis]
        return word + "".join(f"[{predicate}]" for predicate in self.predicates)


@dataclass(frozen=True, slots=True)
class Path:
    """A location path. ``start`` is "/" (absolute), "" (from the context node) or the expression it starts from."""

    start: str | Expression
    steps: tuple[Step, ...]
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        steps = "/".join(map(str, self.steps))
        if isinstance(self.start, str):
            return self.start + steps
        head = str(self.start) if isinstance(self.start, Call | Filtered | Text | Number) else f"({self.start})"
        return f"{head}/{steps}"


@dataclass(frozen=True, slots=True)
class Filtered:
    """An expression that is no path, with predicates: ``instance('x')[...]``."""

    expression: Expression
    predicates: tuple[Expression, ...]
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        inner = str(self.expression)
        head = inner if isinstance(self.expression, Call | Text | Number) else f"({inner})"
        return head + "".join(f"[{predicate}]" for predicate in self.predicates)


Expression: TypeAlias = Number | Text | Call | Negate | Chain | Path | Filtered

RANKS = {
    "or": 1, "and": 2, "=": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4,
    "+": 5, "-": 5, "*": 6, "div": 6, "mod": 6, "|": 8,
}  # fmt: skip


def _wrapped(node: Expression, at_least: int) -> str:
    rank = 9
    if isinstance(node, Chain):
        rank = RANKS[node.rest[0][0]]
    elif isinstance(node, Negate):
        rank = 7
    return str(node) if rank >= at_least else f"({node})"


def children(node: Expression) -> Iterator[Expression]:
    """The expressions directly inside ``node``, predicates included, in the order they are written."""
    match node:
        case Call():
            yield from node.arguments
        case Negate():
            yield node.operand
        case Chain():
            yield node.first
            yield from (operand for _, operand in node.rest)
        case Path():
            if not isinstance(node.start, str):
                yield node.start
            for step in node.steps:
                yield from step.predicates
        case Filtered():
            yield node.expression
            yield from node.predicates
        case _:
            return


def walk(node: Expression) -> Iterator[Expression]:
    """``node`` and everything inside it."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(list(children(found))))
