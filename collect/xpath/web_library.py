"""The functions that ODK Web Forms computes otherwise than JavaRosa, a row at a time, and those it does not have."""

from __future__ import annotations

import hashlib
import math
import re

import regex

from collect.xpath import geometry
from collect.xpath.errors import XPathError
from collect.xpath.instance import Node
from collect.xpath.patterns import matcher
from collect.xpath.row_library import digest_of, power, values
from collect.xpath.row_nodes import points, seed_from, shuffled
from collect.xpath.row_values import NAN, Nodes, Value
from collect.xpath.rows import Reader, RowFunction
from collect.xpath.tree import Call
from collect.xpath.web_dates import DATES, web_casts
from collect.xpath.web_values import NO_DATE, SPACE, Dated

# JavaRosa has them, Web Forms 0.22 does not: its engine stops at the form.
LACKING = frozenset({"depend", "enclosed-area", "extract-signed", "is-selected", "property", "search", "version"})


def _lacking(reader: Reader, call: Call) -> Value:
    message = f"ODK Web Forms has no function named {call.name}()."
    raise XPathError("unknown_function", message, call.position, name=call.name)


def _text(reader: Reader, call: Call, place: int) -> str:
    return reader.casts.text(reader.value(call.arguments[place]))


def _number(reader: Reader, call: Call, place: int) -> float:
    return reader.casts.number(reader.value(call.arguments[place]))


def _context(reader: Reader, call: Call) -> str:
    """The argument as text, or the context node's when there is none."""
    return _text(reader, call, 0) if call.arguments else reader.node.text


def _each(reader: Reader, call: Call, first: int = 0) -> list[Value]:
    """The arguments from ``first`` on, node-sets node by node."""
    found: list[Value] = []
    for value in values(reader, call)[first:]:
        found += [node.text for node in value] if isinstance(value, Nodes) else [value]
    return found


def _integer(text: str) -> int | None:
    """parseInt: the digits a text begins with."""
    found = re.match(r"\s*([+-]?[0-9]+)", text)
    return int(found.group(1)) if found else None


def _tokens(text: str) -> list[str]:
    """The choices in a text, split at XML's spaces; a blank text has one, which is blank."""
    return re.split(f"[{SPACE}]+", text.strip(SPACE))


# --- numbers


def _to_number(reader: Reader, call: Call) -> Value:
    value = reader.value(call.arguments[0])
    if not isinstance(value, (str, Nodes)):
        return value if isinstance(value, Dated) else reader.casts.number(value)
    dated = web_casts(reader).dated(reader.casts.text(value))
    if dated is NO_DATE:
        return reader.casts.number(value)
    return Dated(str(math.floor(dated.days)), dated.days, counted=True)


def _round(reader: Reader, call: Call) -> Value:
    found = [reader.casts.number(value) for value in values(reader, call)]
    number, places = found[0], found[1] if len(found) == 2 else 0.0
    if number != number or places != places:
        return NAN
    times = power(10.0, places)
    shifted = abs(number) * times
    whole = math.floor(shifted + 0.5) if math.isfinite(shifted) and shifted < 2.0**52 else shifted
    if times == 0 or (math.isinf(whole) and math.isinf(times)):
        return NAN
    return math.copysign(whole / times, number)  # halves away from zero


def _pow(reader: Reader, call: Call) -> Value:
    x, y = (_number(reader, call, place) for place in (0, 1))
    if x != x or y != y or (abs(x) == 1 and math.isinf(y)):
        return NAN
    return power(x, y)


def _extreme(reader: Reader, call: Call) -> Value:
    """The engine goes no further than the first that is no number: what comes after cannot stop it."""
    found: list[float] = []
    for argument in call.arguments:
        value = reader.value(argument)
        found += map(reader.casts.number, [node.text for node in value] if isinstance(value, Nodes) else [value])
        if any(x != x for x in found):
            return NAN
    if not found:
        return NAN
    return min(found) if call.name == "min" else max(found)


def _sum(reader: Reader, call: Call) -> Value:
    found = [reader.casts.number(value) for value in _each(reader, call)]
    total = found[0] if found else NAN
    for number in found[1:]:
        total += number
    return total


# --- texts and choices


def _substr(reader: Reader, call: Call) -> Value:
    shown = _text(reader, call, 0)
    bounds = [_integer(_text(reader, call, place)) for place in range(1, len(call.arguments))]
    if any(bound is None for bound in bounds):
        return ""
    start, end = ([bound or 0 for bound in bounds] + [len(shown)])[:2]
    start, end = (min(max(place + len(shown) if place < 0 else place, 0), len(shown)) for place in (start, end))
    return shown[start:end]


def _substring_after(reader: Reader, call: Call) -> Value:
    shown, sought = (_text(reader, call, place) for place in (0, 1))
    place = shown.find(sought)
    return shown if not sought else "" if place < 0 else shown[place + 1 :]  # one letter on, however long it is


def _normalize_space(reader: Reader, call: Call) -> Value:
    return re.sub(f"[{SPACE}]{{2,}}", " ", _context(reader, call).strip(SPACE))


def _string_length(reader: Reader, call: Call) -> Value:
    return len(_context(reader, call).encode("utf-16-le")) / 2.0


def _coalesce(reader: Reader, call: Call) -> Value:
    return _text(reader, call, 0) or _text(reader, call, 1)


def _digest(reader: Reader, call: Call) -> Value:
    shown, name, *rest = (reader.casts.text(value) for value in values(reader, call))
    encoding = rest[0] if rest else "base64"
    if name != name.upper() or encoding != encoding.lower():
        raise XPathError("type", f"digest() knows no {name} in {encoding}.", call.position, name="digest")
    return digest_of(shown, name, encoding, call)


def _regex(reader: Reader, call: Call) -> Value:
    shown, pattern = (_text(reader, call, place) for place in (0, 1))
    try:
        return matcher(pattern, whole=False)(shown)
    except regex.error as problem:
        message = f"regex(): the pattern cannot be read ({problem})."
        raise XPathError("pattern", message, call.position, name="regex") from problem


def _selected(reader: Reader, call: Call) -> Value:
    return _text(reader, call, 1).strip(SPACE) in _tokens(_text(reader, call, 0))


def _selected_at(reader: Reader, call: Call) -> Value:
    tokens, place = _tokens(_text(reader, call, 0)), _integer(_text(reader, call, 1))
    return tokens[place] if place is not None and 0 <= place < len(tokens) else ""


def _count_selected(reader: Reader, call: Call) -> Value:
    return float(sum(token != "" for token in _tokens(_text(reader, call, 0))))


def _once(reader: Reader, call: Call) -> Value:
    return reader.node.text or _text(reader, call, 0)


# --- truths


def _within(reader: Reader, call: Call, total: float) -> bool:
    low, high = _number(reader, call, 0), _number(reader, call, 1)
    if high == -1:
        return low < 1 or total >= low
    return total >= low and not (total > high and total > 0)


def _filled(reader: Reader, value: Value) -> bool:
    return value.strip(SPACE) != "" if isinstance(value, str) else reader.casts.truth(value)


def _checklist(reader: Reader, call: Call) -> Value:
    return _within(reader, call, float(sum(_filled(reader, value) for value in _each(reader, call, 2))))


def _weighted_checklist(reader: Reader, call: Call) -> Value:
    low, high, *rest = values(reader, call)
    least, most = reader.casts.number(low), reader.casts.number(high)
    if most == -1 and least < 1:
        return True
    total, given = 0.0, [[node.text for node in one] if isinstance(one, Nodes) else [one] for one in rest]
    for flags, weights in zip(given[::2], given[1::2], strict=True):
        if len(weights) > len(flags):
            return False
        for flag, weight in zip(flags, weights, strict=False):
            if _filled(reader, flag):
                total += reader.casts.number(weight)
                if total > most and most != -1:
                    return False
    return total >= least


# --- node-sets


def _indexed_repeat(reader: Reader, call: Call) -> Value:
    asked = []
    for group, place in zip(call.arguments[1::2], call.arguments[2::2], strict=True):
        rows, number = reader.value(group), reader.casts.number(reader.value(place))
        if not isinstance(rows, Nodes) or not rows or number != int(number if math.isfinite(number) else 0):
            return Nodes()
        asked.append((rows, int(number)))
    above: Node | None = None
    for rows, number in sorted(asked, key=lambda one: len(one[0][0].line())):
        below = [row for row in rows if above is None or above in row.line()]
        if not 1 <= number <= len(below):
            return Nodes()
        above = below[number - 1]
    found = reader.value(call.arguments[0])
    return Nodes(node for node in found if above in node.line()) if isinstance(found, Nodes) else Nodes()


def _position(reader: Reader, call: Call) -> Value:
    if not call.arguments:
        return float(reader.place or 1)
    found = reader.value(call.arguments[0])
    if not isinstance(found, Nodes) or len(found) > 1:
        raise XPathError("type", "position() needs a path to one node.", call.position, name="position")
    return float(found[0].place) if found else NAN


def _randomize(reader: Reader, call: Call) -> Value:
    found = reader.value(call.arguments[0])
    if not isinstance(found, Nodes):
        raise XPathError("type", "randomize() needs a path.", call.position, name="randomize")
    if len(call.arguments) == 1:
        return found
    seed = reader.value(call.arguments[1])
    number, text = reader.casts.number(seed), reader.casts.text(seed)
    if number != number and text:  # a text is its own seed
        return shuffled(found, int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True))
    return shuffled(found, seed_from(number))


# --- geometry


def _area(reader: Reader, call: Call) -> Value:
    return round(geometry.area_on_sphere(points(reader, call)), 2)


def _distance(reader: Reader, call: Call) -> Value:
    texts = [reader.casts.text(value) for value in _each(reader, call)]
    found = geometry.points_of(texts or [""], call.name)
    if len(found) < 2:
        raise XPathError("type", "distance() needs points, a trace or a shape.", call.position, name=call.name)
    return round(geometry.distance(found), 2)


FUNCTIONS: dict[str, RowFunction] = {
    **dict.fromkeys(LACKING, _lacking),
    "number": _to_number,
    "round": _round,
    "pow": _pow,
    "min": _extreme,
    "max": _extreme,
    "sum": _sum,
    "join": lambda reader, call: _text(reader, call, 0).join(map(reader.casts.text, _each(reader, call, 1))),
    "concat": lambda reader, call: "".join(map(reader.casts.text, _each(reader, call))),
    "substr": _substr,
    "substring-after": _substring_after,
    "normalize-space": _normalize_space,
    "string-length": _string_length,
    "coalesce": _coalesce,
    "digest": _digest,
    "regex": _regex,
    "boolean-from-string": lambda reader, call: _text(reader, call, 0) in ("1", "true"),
    "selected": _selected,
    "selected-at": _selected_at,
    "count-selected": _count_selected,
    "once": _once,
    "checklist": _checklist,
    "weighted-checklist": _weighted_checklist,
    "indexed-repeat": _indexed_repeat,
    "position": _position,
    "randomize": _randomize,
    **DATES,
    "area": _area,
    "distance": _distance,
}
