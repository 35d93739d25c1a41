"""Every function of the dialect: how many arguments it takes, and which ones no server can evaluate."""

from __future__ import annotations

from collections.abc import Mapping

from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.tree import Call, Expression, walk

MANY = 1_000

# name: (fewest, most) arguments, as JavaRosa 5.1 counts them
ARITY: Mapping[str, tuple[int, int]] = {
    "abs": (1, 1), "acos": (1, 1), "area": (1, 1), "asin": (1, 1), "atan": (1, 1), "atan2": (2, 2),
    "base64-decode": (1, 1), "boolean": (1, 1), "boolean-from-string": (1, 1),
    "checklist": (2, MANY), "coalesce": (2, 2),
    "concat": (0, MANY), "contains": (2, 2), "cos": (1, 1), "count": (1, 1), "count-non-empty": (1, 1),
    "count-selected": (1, 1), "current": (0, 0), "date": (1, 1), "date-time": (1, 1), "decimal-date-time": (1, 1),
    "decimal-time": (1, 1), "depend": (1, MANY), "digest": (2, 3), "distance": (1, MANY), "enclosed-area": (1, 1),
    "ends-with": (2, 2), "exp": (1, 1), "exp10": (1, 1), "extract-signed": (2, 2),
    "false": (0, 0), "format-date": (2, 2),
    "format-date-time": (2, 2), "geofence": (2, 2), "if": (3, 3), "indexed-repeat": (3, 11), "instance": (1, 1),
    "int": (1, 1), "is-selected": (2, 2), "join": (1, MANY), "jr:choice-name": (2, 2),
    "jr:itext": (1, 1), "log": (1, 1),
    "log10": (1, 1), "max": (1, MANY), "min": (1, MANY), "normalize-space": (0, 1), "not": (1, 1), "now": (0, 0),
    "number": (1, 1), "once": (1, 1), "pi": (0, 0), "position": (0, 1), "pow": (2, 2), "property": (1, 1),
    "pulldata": (4, 4), "random": (0, 0), "randomize": (1, 2), "regex": (2, 2), "round": (1, 2), "search": (1, MANY),
    "selected": (2, 2), "selected-at": (2, 2), "sin": (1, 1), "sqrt": (1, 1), "starts-with": (2, 2), "string": (1, 1),
    "string-length": (0, 1), "substr": (2, 3), "substring-after": (2, 2), "substring-before": (2, 2), "sum": (1, 1),
    "tan": (1, 1), "today": (0, 0), "translate": (3, 3), "true": (0, 0), "uuid": (0, 1), "version": (0, 0),
    "weighted-checklist": (2, MANY),
}  # fmt: skip

# What functions that belong to a device mean here. The refused ones are lawful, but no server can know their value.
DEVICE: Mapping[str, str] = {
    "now": "the submission's own date-time; not known without one",
    "today": "the day of the submission's own date-time; not known without one",
    "once": "the answer that stands, or else the argument",
    "version": "the version that the schema names",
    "randomize": "with a seed the order of every engine (Park-Miller, Fisher-Yates); without one the order as listed",
    "pulldata": "a cell of the table of that name among the schema's lists; refused without it",
    "jr:choice-name": "the label in the list's column 'label', in the language the schema was made with",
    "random": "refused: its value was drawn on the device",
    "uuid": "refused: its value was made on the device",
    "property": "refused: it reads a setting of the device",
    "search": "refused: it reads a file that is not at hand",
    "jr:itext": "refused: it reads the form's translations",
    "extract-signed": "refused: it needs the key of the signature",
}

UNSUPPORTED: Mapping[str, str] = {
    name: meaning.removeprefix("refused: ") for name, meaning in DEVICE.items() if meaning.startswith("refused: ")
}

BY_ROW = frozenset({"area", "enclosed-area", "distance", "geofence", "pulldata", "randomize", "version"})


def functions_used(tree: Expression) -> frozenset[str]:
    """Names of all functions that ``tree`` calls."""
    return frozenset(node.name for node in walk(tree) if isinstance(node, Call))


def check_calls(tree: Expression) -> None:
    """Raise `XPathError` for the first unknown function or wrong number of arguments; needs no schema."""
    for node in walk(tree):
        if isinstance(node, Call):
            _check_call(node)


def _check_call(call: Call) -> None:
    if call.name not in ARITY:
        raise XPathError(
            "unknown_function", f"There is no function named {call.name}().", call.position, name=call.name
        )
    fewest, most = ARITY[call.name]
    given = len(call.arguments)
    uneven = (call.name == "indexed-repeat" and given % 2 == 0) or (
        call.name == "weighted-checklist" and given % 2 == 1
    )
    if fewest <= given <= most and not uneven:
        return
    wanted = str(fewest) if fewest == most else f"{fewest} to {most}" if most < MANY else f"{fewest} or more"
    wanted += {"indexed-repeat": ", an odd number", "weighted-checklist": ", an even number"}.get(call.name, "")
    message = f"{call.name}() takes {wanted} arguments; {given} given."
    raise XPathError("arity", message, call.position, name=call.name, expected=wanted, found=str(given))


def refuse(call: Call) -> XPathUnsupported:
    """The error that says why ``call`` cannot be evaluated."""
    reason = UNSUPPORTED.get(call.name, "it is not evaluated here")
    return XPathUnsupported(f"{call.name}() cannot be checked: {reason}.", call.position, name=call.name)
