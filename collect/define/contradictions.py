"""Comparisons that can never be true: bounds that leave nothing, alone or under the question's own constraint."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collect.define.references import moved, start_of, target_of
from collect.forms import Form
from collect.xpath import Call, Chain, Expression, Number, Path, Text, XPathError, parse
from collect.xpath.tree import Negate, children

FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
COMPARE = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """``path`` compared with a literal; ``own``: the question's constraint says it, not the rule."""

    path: str
    operator: str
    literal: float | str
    own: bool = False


def contradictions(tree: Expression, form: Form, at: str) -> Iterator[str]:
    """What can never be true in an expression read at ``at``: the path it is about, or the comparison itself."""
    yield from _dead_literals(tree)
    facts = list(_conjunction(tree, at))
    yield from _impossible(facts, form, at)
    for node, here in _parts(tree, at):
        yield from contradictions(node, form, here)


def _parts(node: Expression, at: str) -> Iterator[tuple[Expression, str]]:
    """What lies inside, each with the node it stands at; the operands of an "and" were judged together."""
    if isinstance(node, Chain) and node.rest[0][0] == "and":
        for operand in (node.first, *(operand for _, operand in node.rest)):
            yield from _parts(operand, at)
    elif isinstance(node, Path):
        here = start_of(node, at, at)
        for step in node.steps:
            here = None if here is None else moved(here, step.axis, step.name)
            if here is not None:
                yield from ((predicate, here) for predicate in step.predicates)
    elif not isinstance(node, Chain) or node.rest[0][0] not in FLIPPED:
        yield from ((child, at) for child in children(node))


def _conjunction(node: Expression, at: str) -> Iterator[Fact]:
    if not isinstance(node, Chain):
        return
    if node.rest[0][0] == "and":
        for operand in (node.first, *(operand for _, operand in node.rest)):
            yield from _conjunction(operand, at)
    elif len(node.rest) == 1 and node.rest[0][0] in FLIPPED:
        (sign, right), left = node.rest[0], node.first
        for asked, other, said in ((left, right, sign), (right, left, FLIPPED[sign])):
            path, literal = target_of(asked, at), _literal(other)
            if path is not None and literal is not None:
                yield Fact(path, said, literal)


def _literal(node: Expression) -> float | str | None:
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Negate) and isinstance(node.operand, Number):
        return -node.operand.value
    return node.value if isinstance(node, Text) else None


def _impossible(facts: Sequence[Fact], form: Form, at: str) -> Iterator[str]:
    for path in dict.fromkeys(fact.path for fact in facts):
        question = form.by_path.get(path)
        if question is None:
            continue
        said = [fact for fact in facts if fact.path == path]
        if path != at and question.constraint:
            said += [fact for fact in _constraint(question.constraint, path) if isinstance(fact.literal, float)]
        if _nothing_left(said, question.type):
            yield path


def _constraint(text: str, path: str) -> Iterator[Fact]:
    try:
        tree = parse(text)
    except XPathError:
        return
    yield from (Fact(fact.path, fact.operator, fact.literal, own=True) for fact in _conjunction(tree, path)
                if fact.path == path)  # fmt: skip


def _nothing_left(facts: Sequence[Fact], kind: str) -> bool:
    texts = {fact.literal for fact in facts if isinstance(fact.literal, str) and fact.operator == "="}
    if len(texts) > 1 and kind not in ("int", "decimal"):
        return True
    if kind not in ("int", "decimal"):
        return False
    numbers = [(fact.operator, fact.literal) for fact in facts if isinstance(fact.literal, float | int)]
    lows = [(value, sign == ">") for sign, value in numbers if sign in (">", ">=", "=")]
    highs = [(value, sign == "<") for sign, value in numbers if sign in ("<", "<=", "=")]
    if kind == "int":
        if any(sign == "=" and float(value) != int(value) for sign, value in numbers):
            return True
        lows = [(value + 1 if strict and float(value).is_integer() else value, strict) for value, strict in lows]
        lows = [(value, strict and not float(value).is_integer()) for value, strict in lows]
        highs = [(value - 1 if strict and float(value).is_integer() else value, False) for value, strict in highs]
    if not lows or not highs:
        return False
    low, high = max(lows), min(highs, key=lambda bound: (bound[0], not bound[1]))
    return low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))


def _dead_literals(node: Expression) -> Iterator[str]:
    """A comparison of two literals that does not hold."""
    if not isinstance(node, Chain) or len(node.rest) != 1 or node.rest[0][0] not in COMPARE:
        return
    left, right = _literal(node.first), _literal(node.rest[0][1])
    if left is None or right is None or isinstance(left, str) != isinstance(right, str):
        return
    if isinstance(left, str) and node.rest[0][0] not in ("=", "!="):
        return
    if not COMPARE[node.rest[0][0]](left, right):
        yield str(node)


def never_holds(text: str | None) -> bool:
    """Whether a rule is false whatever is answered: false(), or a comparison of literals that does not hold."""
    try:
        tree = parse(text) if text else None
    except XPathError:
        return False
    if isinstance(tree, Call):
        return tree.name == "false"
    return tree is not None and any(_dead_literals(tree))
