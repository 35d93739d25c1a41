"""Functions over node-sets, places and lists, a row at a time."""

from __future__ import annotations

import math
import sys

from collect.xpath import geometry
from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.instance import Node, day_of
from collect.xpath.parse import parse
from collect.xpath.row_library import java_int, values
from collect.xpath.row_values import NAN, Nodes, Value
from collect.xpath.rows import Reader, RowFunction
from collect.xpath.tree import Call, Expression, Path

_LEAST, _MOST = 4.9e-324, sys.float_info.max  # Double.MIN_VALUE and MAX_VALUE: where JavaRosa's max() and min() start


def _nodes(reader: Reader, call: Call, place: int = 0) -> Nodes:
    found = reader.value(call.arguments[place])
    if not isinstance(found, Nodes):
        raise XPathError("type", f"{call.name}() needs a path.", call.position, name=call.name)
    return found


def _each(reader: Reader, call: Call, first: int) -> list[Value]:
    """The arguments from ``first`` on; when that is one path to many nodes, their values."""
    found: list[Value] = [reader.value(argument) for argument in call.arguments[first:]]
    if len(found) == 1 and isinstance(found[0], Nodes):
        return [reader.casts.of(node) for node in found[0]]
    return found


def _filled(node: Node) -> bool:
    return bool(node.children) or node.text != ""


def _count_non_empty(reader: Reader, call: Call) -> Value:
    return float(sum(_filled(node) or node.path in reader.schema.structure for node in _nodes(reader, call)))


def _numbers(reader: Reader, call: Call) -> list[float]:
    return [reader.casts.number(value) for value in _each(reader, call, 0)]


def _sum(reader: Reader, call: Call) -> Value:
    _nodes(reader, call)
    found = _numbers(reader, call)
    return _added([x for x in found if x == x])


def _added(numbers: list[float]) -> float:
    total = 0.0
    for number in numbers:
        total += number
    return total


def _extreme(reader: Reader, call: Call) -> Value:
    found = _numbers(reader, call)
    known = [x for x in found if x == x]
    least = call.name == "min"
    if not known:
        return NAN
    return min([*known, _MOST]) if least else max([*known, _LEAST])


def _join(reader: Reader, call: Call) -> Value:
    separator = reader.casts.text(reader.value(call.arguments[0]))
    return separator.join(reader.casts.text(value) for value in _each(reader, call, 1))


def _concat(reader: Reader, call: Call) -> Value:
    return "".join(reader.casts.text(value) for value in _each(reader, call, 0))


def _if(reader: Reader, call: Call) -> Value:
    condition, yes, no = call.arguments
    return reader.value(yes if reader.casts.truth(reader.value(condition)) else no)


def _coalesce(reader: Reader, call: Call) -> Value:
    first, second = values(reader, call)
    return second if reader.casts.empty(first) else first


def _once(reader: Reader, call: Call) -> Value:
    current = reader.casts.of(reader.node)
    return reader.value(call.arguments[0]) if reader.casts.empty(current) else current


def _position(reader: Reader, call: Call) -> Value:
    if not call.arguments:
        return float(reader.place or reader.node.place)
    found = _nodes(reader, call)
    return float(found[0].place) if found else 0.0


def _steps(reader: Reader, tree: Expression, call: Call) -> list[str]:
    """The names a path leads through from the root, its rows left aside."""
    if not isinstance(tree, Path):
        message = "indexed-repeat() needs repeats around the question it reads."
        raise XPathError("type", message, call.position, name=call.name)
    names: list[str] = []
    if tree.start != "/":
        names = [node.name for node in (reader.node if tree.start == "" else reader.original).line()]
    for step in tree.steps:
        if step.axis == "parent":
            names.pop()
        elif step.axis == "child":
            names.append(step.name)
    return names


def _indexed_repeat(reader: Reader, call: Call) -> Value:
    way = _steps(reader, call.arguments[0], call)
    places: dict[int, int] = {}
    for group, place in zip(call.arguments[1::2], call.arguments[2::2], strict=True):
        names = _steps(reader, group, call)
        if names != way[: len(names)] or len(names) == len(way):
            message = "indexed-repeat() needs repeats around the question it reads."
            raise XPathError("type", message, call.position, name=call.name)
        if "/" + "/".join(names) in reader.schema.tables:
            places[len(names) - 1] = max(1, java_int(reader.casts.number(reader.value(place))))
    line = reader.original.line() if reader.in_list else reader.node.line()
    found, same, free = Nodes(line[:1]), True, False
    for level, name in enumerate(way[1:], 1):
        same = same and level < len(line) and line[level].name == name
        below = Nodes(child for node in found for child in node.children.get(name, ()))
        if level in places:
            found = Nodes(node for node in below if node.place == places[level])
        elif same:
            found = Nodes(node for node in below if node.place == line[level].place)
        else:
            free = free or "/" + "/".join(way[: level + 1]) in reader.schema.tables
            found = below
    found.free, found.position = free, call.position
    return found


def _choice_name(reader: Reader, call: Call) -> Value:
    name, question = (reader.casts.text(value) for value in values(reader, call))
    tree = parse(question.strip())
    offered = reader.schema.list_of.get("/" + "/".join(_steps(reader, tree, call)))
    choices = reader.schema.lists.get(offered) if offered is not None else None
    if offered is None or choices is None or "label" not in choices.columns:
        raise XPathUnsupported(f"The choices of {question} are not at hand.", call.position, name=call.name)
    for item in reader.lists.root(offered, call.position).children["item"]:
        if item.children["name"][0].text == name:
            return item.children["label"][0].text
    return ""


def _today(reader: Reader, call: Call) -> Value:
    now = reader.clock()
    return "" if isinstance(now, str) else day_of(now.lexical) or ""


def _checklist(reader: Reader, call: Call) -> Value:
    low, high = (java_int(reader.casts.number(reader.value(argument))) for argument in call.arguments[:2])
    counted = sum(reader.casts.truth(value) for value in _each(reader, call, 2))
    return (low < 0 or counted >= low) and (high < 0 or counted <= high)


def _weighted_checklist(reader: Reader, call: Call) -> Value:
    low, high = (reader.casts.number(reader.value(argument)) for argument in call.arguments[:2])
    rest: list[Value] = [reader.value(argument) for argument in call.arguments[2:]]
    if len(rest) == 2 and isinstance(rest[0], Nodes) and isinstance(rest[1], Nodes):
        flags, weights = ([reader.casts.of(node) for node in side] for side in rest if isinstance(side, Nodes))
        if len(flags) != len(weights):
            message = "weighted-checklist() needs as many weights as flags."
            raise XPathError("type", message, call.position, name=call.name)
        rest = [value for pair in zip(flags, weights, strict=True) for value in pair]
    total = 0.0
    for flag, weight in zip(rest[::2], rest[1::2], strict=True):
        if reader.casts.truth(flag):
            total += reader.casts.number(weight)
    return low <= total <= high


def _context(reader: Reader, call: Call) -> str:
    """The argument as text, or the context node's when there is none."""
    return reader.casts.text(reader.value(call.arguments[0]) if call.arguments else reader.casts.of(reader.node))


def _normalize_space(reader: Reader, call: Call) -> Value:
    return " ".join(part for part in _context(reader, call).replace("\x0b", " ").split() if part)


def _randomize(reader: Reader, call: Call) -> Value:
    """With a seed the order of every engine (Park-Miller, Fisher-Yates); without one, the order as listed."""
    found = Nodes(_nodes(reader, call))
    found.free = len(found) > 1
    if len(call.arguments) == 1:
        return found
    return shuffled(found, seed_from(reader.casts.number(reader.value(call.arguments[1]))))


def seed_from(number: float) -> int:
    """Double.longValue: towards zero, NaN is 0, held to 64 bits."""
    return 0 if number != number else int(min(max(number, -(2.0**63)), 2.0**63 - 1024))


def shuffled(found: Nodes, seed: int) -> Nodes:
    """A node-set in the order that every engine gives it (Park-Miller, Fisher-Yates)."""
    seed = int(math.fmod(seed, 2147483647)) if abs(seed) < 2**53 else abs(seed) % 2147483647 * (1 if seed > 0 else -1)
    seed = seed if seed > 0 else seed + 2147483646
    mixed = Nodes()
    for last, node in enumerate(found):
        seed = seed * 16807 % 2147483647
        other = int((seed - 1) / 2147483646 * (last + 1))
        mixed.append(node)
        mixed[last], mixed[other] = mixed[other], node
    mixed.free = found.free
    return mixed


def _pulldata(reader: Reader, call: Call) -> Value:
    """A cell of a table that was given with the form; the table's name may carry its suffix."""
    name, wanted, key, sought = (reader.casts.text(value) for value in values(reader, call))
    table = reader.schema.lists.get(name, reader.schema.lists.get(name.removesuffix(".csv")))
    if table is None or wanted not in table.columns or key not in table.columns:
        message = f"pulldata() cannot be checked: it reads {name}, which is not at hand."
        raise XPathUnsupported(message, call.position, name=call.name)
    found = table.filter(table[key] == sought)[wanted]
    return found[0] or "" if found.len() else ""


# --- geometry


def points(reader: Reader, call: Call, place: int = 0) -> list[geometry.Point]:
    """The points that one argument names."""
    found = reader.value(call.arguments[place])
    if isinstance(found, Nodes):
        return geometry.points_of([node.text for node in found], call.name)
    if not reader.casts.web and call.name != "distance":
        raise XPathError("type", f"{call.name}() needs a path.", call.position, name=call.name)
    return geometry.points_of([reader.casts.text(found)], call.name)


def _area(reader: Reader, call: Call) -> Value:
    return geometry.area(points(reader, call))


def _distance(reader: Reader, call: Call) -> Value:
    if len(call.arguments) == 1:
        return geometry.distance(points(reader, call))
    texts = [reader.casts.text(value) for value in values(reader, call)]
    return geometry.distance(geometry.points_of(texts, call.name))


def _geofence(reader: Reader, call: Call) -> Value:
    point, shape = (geometry.points_of([reader.casts.text(value)], call.name) for value in values(reader, call))
    return bool(point) and geometry.inside(point[0], shape)


def _bare(reader: Reader, call: Call) -> Value:
    if call.name == "current":
        return Nodes([reader.original])
    raise XPathUnsupported(f"{call.name}() must be followed by a path.", call.position, name=call.name)


def _version(reader: Reader, call: Call) -> Value:
    return reader.schema.version


FUNCTIONS: dict[str, RowFunction] = {
    "count": lambda reader, call: float(len(_nodes(reader, call))),
    "count-non-empty": _count_non_empty,
    "sum": _sum,
    "min": _extreme,
    "max": _extreme,
    "join": _join,
    "concat": _concat,
    "if": _if,
    "coalesce": _coalesce,
    "once": _once,
    "depend": lambda reader, call: values(reader, call)[0],
    "position": _position,
    "indexed-repeat": _indexed_repeat,
    "jr:choice-name": _choice_name,
    "now": lambda reader, call: reader.clock(),
    "today": _today,
    "checklist": _checklist,
    "weighted-checklist": _weighted_checklist,
    "string-length": lambda reader, call: float(len(_context(reader, call))),
    "normalize-space": _normalize_space,
    "randomize": _randomize,
    "pulldata": _pulldata,
    "area": _area,
    "enclosed-area": _area,
    "distance": _distance,
    "geofence": _geofence,
    "version": _version,
    "instance": _bare,
    "current": _bare,
}
