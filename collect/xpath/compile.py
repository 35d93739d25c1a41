"""From tree to columns: every node of an expression becomes a value over the rows it stands in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

import polars as pl

from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.frames import Answer, Frame, ItemColumn, Now, Outer, Part, Place
from collect.xpath.functions import refuse
from collect.xpath.nodesets import Fold, Folded, NodeSet
from collect.xpath.operators import arithmetic, compare, equal, joined
from collect.xpath.paths import Scope, Target, locate
from collect.xpath.schema import Schema
from collect.xpath.tree import Call, Chain, Expression, Filtered, Negate, Number, Path, Text
from collect.xpath.values import (
    Column,
    Either,
    Kind,
    Value,
    as_boolean,
    as_number,
    boolean,
    constant,
    either,
    number,
    text,
)

HEAVY = 24  # columns named in one expression, each time counted; above it a part is worked out on its own
_KINDS: Mapping[str, Kind] = {"int": "number", "decimal": "number", "date": "date", "dateTime": "datetime"}


@dataclass
class Compiler:
    """Compiles one expression; remembers which answers it reads."""

    schema: Schema
    dependencies: set[str] = field(default_factory=set)
    repeats: set[str] = field(default_factory=set)
    reads_clock: bool = False
    serial: count[int] = field(default_factory=count)

    def value(self, node: Expression, scope: Scope) -> Value:
        """The value of ``node`` in each row of ``scope``."""
        return self._settled(self._value(node, scope), scope.frame)

    def _settled(self, value: Value, frame: Frame) -> Value:
        """Constants become literals, and heavy parts are worked out once.

        Many rules name an operand twice (``a``, else ``b``), so expressions would double with each level.
        """
        if isinstance(value, Either):
            if value.condition.meta.root_names():
                return Either(self._part(value.condition, frame), value.yes, value.no)
            return value.yes if pl.select(value.condition).item() else value.no
        if value.literal is not None:
            return value
        return (
            constant(value) if not value.expr.meta.root_names() else replace(value, expr=self._part(value.expr, frame))
        )

    def _part(self, expr: pl.Expr, frame: Frame) -> pl.Expr:
        if len(expr.meta.root_names()) <= HEAVY:
            return expr
        return frame.add(("part", str(next(self.serial))), Part(frame, expr))

    def _value(self, node: Expression, scope: Scope) -> Value:
        match node:
            case Number() | Text():
                return number(node.value) if isinstance(node, Number) else text(node.value)
            case Negate():
                return self._negated(node, scope)
            case Chain():
                return self._chain(node, scope)
            case Call():
                return self._call(node, scope)
            case Path():
                return self.scalar(locate(node, scope, self.schema), scope)
            case Filtered():
                raise XPathUnsupported("Predicates can stand in paths only.", node.position)

    def _negated(self, node: Negate, scope: Scope) -> Value:
        operand = as_number(self.value(node.operand, scope))
        if isinstance(operand.literal, float):
            return number(-operand.literal)
        return Column("number", -operand.expr.cast(pl.Float64), nan=operand.nan)

    def _chain(self, node: Chain, scope: Scope) -> Value:
        operators = [operator for operator, _ in node.rest]
        if operators[0] in ("and", "or"):
            operands = [node.first, *(operand for _, operand in node.rest)]
            return joined(operators[0], [self.value(operand, scope) for operand in operands])
        if operators[0] == "|":
            raise XPathUnsupported("'|' joins node-sets; ODK Collect does not evaluate it.", node.position, name="|")
        result = self.value(node.first, scope)
        for operator, operand in node.rest:
            result = _binary(operator, result, self.value(operand, scope))
        return result

    def _call(self, node: Call, scope: Scope) -> Value:
        if node.name in TREE_FUNCTIONS:
            return TREE_FUNCTIONS[node.name](self, node, scope)
        if node.name in VALUE_FUNCTIONS:
            arguments = [self.value(argument, scope) for argument in node.arguments]
            return VALUE_FUNCTIONS[node.name](node, arguments)
        raise refuse(node)

    def scalar(self, target: Target, scope: Scope) -> Value:
        """The single value a path names; refused where it names one per repeat row and chooses none of them."""
        if target.free:
            if not any(predicates for _, predicates in target.predicates):
                raise XPathError(
                    "repeated",
                    f"{target.path} is repeated: count(), sum() or indexed-repeat() must say which is meant.",
                    target.position,
                    path=target.path,
                )
            leaf = self.leaf(target, scope)
            if leaf is None:
                return text("")
            return self.fold(target, scope, "first", leaf)
        return self.lift(self._filtered(target, self._fixed(target)), target.home.frame, scope.frame)

    def _filtered(self, target: Target, value: Column) -> Value:
        """The single node's value where the predicates on its way hold; blank elsewhere."""
        kept: Value = value
        for path, predicates in target.predicates:
            for predicate in predicates:
                scope = Scope(target.home.frame, path, target.home.original, target.home.place)
                kept = either(passes(self.value(predicate, scope)), kept, text(""))
        return kept

    def _fixed(self, target: Target) -> Column:
        frame = target.home.frame
        if target.list:
            expr = frame.add(("item", target.path), ItemColumn(target.list, target.path))
            return Column("string", expr, blank=True)
        if target.path not in self.schema.types:
            return text("")  # a group holds no answer of its own
        return self._answer(frame, target.table, target.path)

    def _answer(self, frame: Frame, table: str, path: str) -> Column:
        self.dependencies.add(path)
        return self.typed(path, frame.add(("answer", path), Answer(table, path)))

    def typed(self, path: str, expr: pl.Expr) -> Column:
        """A column of answers as the question's type says."""
        kind = self.schema.types[path]
        if kind == "boolean":
            return Column("boolean", expr.is_in(["true", "1"]), blank=True)
        if kind in _KINDS:
            return Column(_KINDS[kind], expr, blank=True)
        return Column("string", expr, blank=True, tokens="one" if kind == "select_one" else "unknown")

    def lift(self, value: Value, home: Frame, frame: Frame) -> Value:
        """Bring a value of the rows around a predicate into the predicate's rows."""
        if home is frame or (isinstance(value, Column) and value.literal is not None):
            return value
        if isinstance(value, Either):
            condition = self._bring(value.condition, home, frame)
            return Either(condition, self.lift(value.yes, home, frame), self.lift(value.no, home, frame))
        return replace(value, expr=self._bring(value.expr, home, frame))

    def _bring(self, expr: pl.Expr, home: Frame, frame: Frame) -> pl.Expr:
        if home is frame:
            return expr
        if frame.outer is None:
            raise AssertionError("a value can only be brought inwards")
        around = self._bring(expr, home, frame.outer)
        frame.reads_outer = True
        return frame.add(("outer", str(next(self.serial))), Outer(frame.outer, around))

    # --- node-sets

    def inner(self, target: Target) -> Scope:
        """A new scope over the rows that ``target``'s repeats hold."""
        self.repeats.update(target.free if not target.list else ())
        return Scope(Frame(target.table, target.home.frame), target.path, target.home.original)

    def nodes(self, target: Target, inner: Scope) -> NodeSet:
        """The node-set of ``target``, its predicates compiled in ``inner``."""
        keep: list[pl.Expr] = []
        pairs: list[tuple[str, pl.Expr]] = []
        for path, predicates in target.predicates:
            for order, predicate in enumerate(predicates):
                if target.list and (pair := self._pair(predicate, target, inner)):
                    pairs.append(pair)
                    continue
                place = (target.table if target.list else self.schema.table_of(path)) if order == 0 else ""
                scope = Scope(inner.frame, inner.node if target.list else path, inner.original, place)
                truth = self.value(predicate, scope)
                keep.append(passes(truth))
        return NodeSet(target.home.frame, inner.frame, target.anchor, tuple(keep), None, tuple(pairs))

    def _pair(self, predicate: Expression, target: Target, inner: Scope) -> tuple[str, pl.Expr] | None:
        """``column = value of the rows around``, both texts: what a join can answer."""
        if not isinstance(predicate, Chain) or len(predicate.rest) != 1 or predicate.rest[0][0] != "=":
            return None
        for item, other in ((predicate.first, predicate.rest[0][1]), (predicate.rest[0][1], predicate.first)):
            if not (isinstance(item, Path) and item.start == "" and isinstance(other, Path) and other.start != ""):
                continue
            column, around = locate(item, inner, self.schema), locate(other, inner, self.schema)
            if around.home.frame is not target.home.frame or around.free or around.list:
                continue
            value = self._fixed(around)
            if value.kind == "string":
                return column.path, value.expr.fill_null("")
        return None

    def leaf(self, target: Target, scope: Scope) -> tuple[Scope, Column] | None:
        """The inner scope of ``target`` and its column there; None when it names rows, not answers."""
        inner = self.inner(target)
        if target.list:
            if not target.path:
                return None
            expr = inner.frame.add(("item", target.path), ItemColumn(target.list, target.path))
            return inner, Column("string", expr, blank=True)
        if target.path not in self.schema.types:
            return None
        return inner, self._answer(inner.frame, target.table, target.path)

    def fold(self, target: Target, scope: Scope, fold: Fold, leaf: tuple[Scope, Column], separator: str = "") -> Column:
        """Fold a node-set's column into one value per row of ``scope``."""
        inner, column = leaf
        nodes = replace(self.nodes(target, inner), leaf=column.expr)
        home = target.home.frame
        expr = home.add(("fold", str(next(self.serial))), Folded(nodes, fold, separator))
        folded = replace(column, expr=expr, blank=fold == "first", nan=False)
        lifted = self.lift(folded, home, scope.frame)
        assert isinstance(lifted, Column)
        return lifted

    # --- what functions ask for

    def now(self, scope: Scope) -> Column:
        """The submission's own date-time."""
        self.reads_clock = True
        if scope.in_list:
            now = self.lift(self.now(scope.original), scope.original.frame, scope.frame)
            assert isinstance(now, Column)
            return now
        return Column("datetime", scope.frame.add(("now",), Now()), blank=True)

    def place(self, table: str, scope: Scope) -> Column:
        """position() of the row of ``table`` at or above this one."""
        return Column("number", scope.frame.add(("place", table), Place(table)))


def _binary(operator: str, left: Value, right: Value) -> Column:
    if operator in ("=", "!="):
        same = equal(left, right)
        return boolean(same if operator == "=" else ~same)
    if operator in ("<", "<=", ">", ">="):
        return boolean(compare(operator, left, right))
    return arithmetic(operator, left, right)


def passes(value: Value) -> pl.Expr:
    """JavaRosa keeps a node only when its predicate is a truth: a number is no position."""
    if isinstance(value, Either):
        return pl.when(value.condition).then(passes(value.yes)).otherwise(passes(value.no))
    return as_boolean(value) if value.kind == "boolean" else pl.lit(value=False)


TreeFunction = Callable[[Compiler, Call, Scope], Value]
ValueFunction = Callable[[Call, list[Value]], Value]
TREE_FUNCTIONS: dict[
    str, TreeFunction
] = {}  # functions that look at their arguments as written: filled by `library_nodes`
VALUE_FUNCTIONS: dict[str, ValueFunction] = {}  # functions of values alone: filled by the other libraries
