"""Functions over node-sets, places and lists, and those that must see their arguments as written."""

from __future__ import annotations

import sys
from dataclasses import replace

import polars as pl

from collect.xpath.compile import Compiler, TreeFunction
from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.frames import ItemPlace
from collect.xpath.nodesets import Folded, Indexed
from collect.xpath.parse import parse
from collect.xpath.paths import Scope, Target, locate
from collect.xpath.tree import Call, Expression, Path, Text
from collect.xpath.values import (
    Column,
    Value,
    as_boolean,
    as_java_int,
    as_number,
    as_text,
    boolean,
    either,
    is_empty,
    number,
    text,
)  # fmt: skip

_LEAST = 4.9e-324  # Double.MIN_VALUE: where JavaRosa's max() starts
_MOST = sys.float_info.max  # Double.MAX_VALUE: where its min() starts


def _target(compiler: Compiler, node: Expression, scope: Scope) -> Target | None:
    return locate(node, scope, compiler.schema) if isinstance(node, Path) else None


def _free(compiler: Compiler, call: Call, place: int, scope: Scope) -> Target | None:
    """The argument as a path to many nodes; None when it is a single value."""
    target = _target(compiler, call.arguments[place], scope)
    return target if target is not None and target.free else None


def _need_nodes(compiler: Compiler, call: Call, scope: Scope) -> Target:
    target = _target(compiler, call.arguments[0], scope)
    if target is None:
        raise XPathError("type", f"{call.name}() needs a path.", call.position, name=call.name)
    return target


def _count(compiler: Compiler, call: Call, scope: Scope) -> Value:
    target = _need_nodes(compiler, call, scope)
    if not target.free:
        return number(1.0)
    inner = compiler.inner(target)
    if target.path in compiler.schema.types:
        compiler.dependencies.add(target.path)
    return _folded(compiler, target, scope, inner, "count")


def _folded(
    compiler: Compiler, target: Target, scope: Scope, inner: Scope, fold: str, leaf: pl.Expr | None = None
) -> Value:
    nodes = replace(compiler.nodes(target, inner), leaf=leaf)
    home = target.home.frame
    expr = home.add(("fold", str(next(compiler.serial))), Folded(nodes, fold))  # type: ignore[arg-type]
    return compiler.lift(Column("number", expr), home, scope.frame)


def _count_non_empty(compiler: Compiler, call: Call, scope: Scope) -> Value:
    target = _need_nodes(compiler, call, scope)
    if not target.free and target.path in compiler.schema.structure:
        return number(1.0)
    if not target.free:
        return Column("number", (~is_empty(compiler.scalar(target, scope))).cast(pl.Int64))
    leaf = compiler.leaf(target, scope)
    if leaf is None:
        return _count(compiler, call, scope)
    return _folded(compiler, target, scope, leaf[0], "filled", ~is_empty(leaf[1]))


def _sum(compiler: Compiler, call: Call, scope: Scope) -> Value:
    target = _need_nodes(compiler, call, scope)
    if not target.free:
        single = as_number(compiler.scalar(target, scope))
        expr = single.expr.cast(pl.Float64)
        return Column("number", (expr.fill_nan(None) if single.nan else expr).fill_null(0.0))
    return _numeric(compiler, target, scope, "sum")


def _numeric(compiler: Compiler, target: Target, scope: Scope, fold: str) -> Value:
    leaf = compiler.leaf(target, scope)
    if leaf is None:
        return number(0.0) if fold == "sum" else number(float("nan"))
    return _folded(compiler, target, scope, leaf[0], fold, as_number(leaf[1]).expr)


def _extreme(compiler: Compiler, call: Call, scope: Scope) -> Value:
    target = _free(compiler, call, 0, scope) if len(call.arguments) == 1 else None
    if target is not None:
        return _numeric(compiler, target, scope, call.name)
    numbers = [as_number(compiler.value(argument, scope)).expr for argument in call.arguments]
    known = [expr.cast(pl.Float64).fill_nan(None) for expr in numbers]
    if call.name == "min":
        least = pl.min_horizontal(known)
        return Column("number", pl.when(least.is_not_null()).then(pl.min_horizontal(least, pl.lit(_MOST))))
    most = pl.max_horizontal(known)
    return Column("number", pl.when(most.is_not_null()).then(pl.max_horizontal(most, pl.lit(_LEAST))))


def _join(compiler: Compiler, call: Call, scope: Scope) -> Value:
    separated = call.name == "join"
    parts = call.arguments[1:] if separated else call.arguments
    if len(parts) == 1 and (target := _free(compiler, call, int(separated), scope)) is not None:
        separator = ""
        if separated:
            if not isinstance(call.arguments[0], Text):
                raise XPathUnsupported("join() over a repeat needs a quoted separator.", call.position, name="join")
            separator = call.arguments[0].value
        leaf = compiler.leaf(target, scope)
        if leaf is None:
            return text("")
        shown = Column("string", as_text(leaf[1]))
        joined = compiler.fold(target, scope, "join", (leaf[0], shown), separator)
        return Column("string", joined.expr, blank=True)
    between = as_text(compiler.value(call.arguments[0], scope)) if separated else None
    shown_parts = [as_text(compiler.value(part, scope)) for part in parts]
    if not shown_parts:
        return text("")
    woven = [shown_parts[0]]
    for part in shown_parts[1:]:
        woven += [part] if between is None else [between, part]
    return Column("string", pl.concat_str(woven))


def _if(compiler: Compiler, call: Call, scope: Scope) -> Value:
    condition, yes, no = (compiler.value(argument, scope) for argument in call.arguments)
    return either(as_boolean(condition), yes, no)


def _coalesce(compiler: Compiler, call: Call, scope: Scope) -> Value:
    first, second = (compiler.value(argument, scope) for argument in call.arguments)
    return either(is_empty(first), second, first)


def _once(compiler: Compiler, call: Call, scope: Scope) -> Value:
    current = compiler.value(Path("", (), call.position), scope)
    return either(is_empty(current), compiler.value(call.arguments[0], scope), current)


def _depend(compiler: Compiler, call: Call, scope: Scope) -> Value:
    return compiler.value(call.arguments[0], scope)


def _position(compiler: Compiler, call: Call, scope: Scope) -> Value:
    if not call.arguments:
        if scope is not scope.original and not scope.place:
            raise XPathUnsupported("position() can stand in the first predicate only.", call.position, name="position")
        if scope.in_list:
            return Column("number", scope.frame.add(("place",), ItemPlace()))
        at_row = scope.node == scope.frame.table and scope.node != compiler.schema.root
        return compiler.place(scope.place or scope.frame.table, scope) if at_row or scope.place else number(1.0)
    target = _need_nodes(compiler, call, scope)
    if target.free or target.list:
        raise XPathUnsupported("position() needs a path to a single row.", call.position, name="position")
    if target.path not in compiler.schema.tables or target.path == compiler.schema.root:
        return number(1.0)
    place = compiler.place(target.path, target.home)
    return compiler.lift(place, target.home.frame, scope.frame)


def _indexed_repeat(compiler: Compiler, call: Call, scope: Scope) -> Value:
    schema = compiler.schema
    answer = _need_nodes(compiler, call, scope)
    places: dict[str, pl.Expr] = {}
    for group, place in zip(call.arguments[1::2], call.arguments[2::2], strict=True):
        target = _target(compiler, group, scope)
        if target is None or not answer.path.startswith(target.path + "/"):
            message = "indexed-repeat() needs repeats around the question it reads."
            raise XPathError("type", message, group.position, name=call.name)
        if target.path in schema.tables:
            places[target.path] = _row_number(compiler.value(place, scope))
    chain = schema.chain(answer.table)
    named = [table for table in chain if table in places]
    if answer.path not in schema.types or not named or answer.home.frame is not scope.frame or scope.in_list:
        raise XPathUnsupported("This use of indexed-repeat() cannot be evaluated.", call.position, name=call.name)
    start = chain[chain.index(named[0]) - 1]
    if start not in schema.chain(scope.frame.table) or chain[chain.index(named[0]) :] != tuple(named):
        message = f"{answer.path} is repeated: indexed-repeat() must name every repeat around it."
        raise XPathError("repeated", message, call.position, path=answer.path)
    compiler.dependencies.add(answer.path)
    compiler.repeats.update(named)
    made = Indexed(scope.frame, start, tuple((table, places[table]) for table in named), answer.path)
    return compiler.typed(answer.path, scope.frame.add(("indexed", str(next(compiler.serial))), made))


def _row_number(value: Value) -> pl.Expr:
    """toInt; anything below 1 means the first row, as in JavaRosa."""
    whole = as_java_int(value)
    return pl.when(whole < 1).then(1).otherwise(whole)


def _choice_name(compiler: Compiler, call: Call, scope: Scope) -> Value:
    question = call.arguments[1]
    if not isinstance(question, Text):
        raise XPathUnsupported("jr:choice-name() needs the question's path in quotes.", call.position, name=call.name)
    path = parse(question.value.strip())
    target = _target(compiler, path, scope)
    offered = compiler.schema.list_of.get(target.path) if target is not None else None
    choices = compiler.schema.lists.get(offered) if offered is not None else None
    if choices is None or "label" not in choices.columns:
        raise XPathUnsupported(f"The choices of {question.value} are not at hand.", call.position, name=call.name)
    labels = choices.select("name", "label").drop_nulls("name").unique("name", keep="first")
    names = as_text(compiler.value(call.arguments[0], scope))
    shown = names.replace_strict(labels["name"], labels["label"], default="", return_dtype=pl.String)
    return Column("string", shown, blank=True)


def _now(compiler: Compiler, call: Call, scope: Scope) -> Value:
    return compiler.now(scope)


def _today(compiler: Compiler, call: Call, scope: Scope) -> Value:
    now = compiler.now(scope)
    return Column("date", now.expr.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False), blank=True)


def _checklist(compiler: Compiler, call: Call, scope: Scope) -> Value:
    fewest, most = (as_java_int(compiler.value(argument, scope)) for argument in call.arguments[:2])
    target = _free(compiler, call, 2, scope) if len(call.arguments) == 3 else None
    leaf = compiler.leaf(target, scope) if target is not None else None
    if target is not None and leaf is not None:
        counted = as_number(_folded(compiler, target, scope, leaf[0], "filled", as_boolean(leaf[1]))).expr
    else:
        factors = [as_boolean(compiler.value(argument, scope)).cast(pl.Int64) for argument in call.arguments[2:]]
        counted = pl.sum_horizontal(factors) if factors else pl.lit(0)
    return boolean(((fewest < 0) | (counted >= fewest)) & ((most < 0) | (counted <= most)))


def _weighted_checklist(compiler: Compiler, call: Call, scope: Scope) -> Value:
    targets = [_free(compiler, call, place, scope) for place in range(2, len(call.arguments))]
    if len(targets) == 2 and any(target is not None for target in targets):
        raise XPathUnsupported(
            "weighted-checklist() over a repeat is not evaluated here.", call.position, name=call.name
        )
    values = [compiler.value(argument, scope) for argument in call.arguments]
    low, high = (as_number(value).expr.cast(pl.Float64).fill_nan(None) for value in values[:2])
    total = pl.lit(0.0)
    for flag, weight in zip(values[2::2], values[3::2], strict=True):
        part = as_number(weight).expr.cast(pl.Float64).fill_nan(None)
        total = total + pl.when(as_boolean(flag)).then(part).otherwise(0.0)
    return boolean(((total >= low) & (total <= high)).fill_null(value=False))


def _context(compiler: Compiler, call: Call, scope: Scope) -> Value:
    """The argument, or the context node when there is none."""
    node = call.arguments[0] if call.arguments else Path("", (), call.position)
    return compiler.value(node, scope)


def _string_length(compiler: Compiler, call: Call, scope: Scope) -> Value:
    return Column("number", as_text(_context(compiler, call, scope)).str.len_chars().cast(pl.Int64))


def _normalize_space(compiler: Compiler, call: Call, scope: Scope) -> Value:
    shown = as_text(_context(compiler, call, scope))
    return Column("string", shown.str.strip_chars().str.replace_all(r"[ \t\n\x0B\f\r]+", " "))


def _bare_node_set(compiler: Compiler, call: Call, scope: Scope) -> Value:
    raise XPathUnsupported(f"{call.name}() must be followed by a path.", call.position, name=call.name)


FUNCTIONS: dict[str, TreeFunction] = {
    "count": _count,
    "count-non-empty": _count_non_empty,
    "sum": _sum,
    "min": _extreme,
    "max": _extreme,
    "join": _join,
    "concat": _join,
    "if": _if,
    "coalesce": _coalesce,
    "once": _once,
    "depend": _depend,
    "position": _position,
    "indexed-repeat": _indexed_repeat,
    "jr:choice-name": _choice_name,
    "now": _now,
    "today": _today,
    "checklist": _checklist,
    "weighted-checklist": _weighted_checklist,
    "string-length": _string_length,
    "normalize-space": _normalize_space,
    "instance": _bare_node_set,
    "current": _bare_node_set,
}
