"""Expressions whose value depends on the engine that reads them: ODK Collect's, or a browser's (Web Forms, Enketo)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from collect.define.references import references, start_of, target_of
from collect.forms import Form, Question
from collect.xpath import Call, Chain, Expression, Number, Path, Text, walk
from collect.xpath.tree import Negate

ORDER = ("<", "<=", ">", ">=")
ARITHMETIC = ("+", "-", "*", "div", "mod")
FOLDS = ("sum", "min", "max")
SETS = (*FOLDS, "count", "join", "count-non-empty")
LIKE_DATES = ("date", "dateTime")


def engine_dependent(tree: Expression, form: Form, at: str, *, truth: bool = True) -> Iterator[str]:
    """Reasons, once each, why engines may differ on an expression: keys of the catalogue under ``engine.``.

    ``truth``: the expression as a whole is asked whether it holds.
    """
    found: dict[str, None] = {}
    for node in walk(tree):
        if isinstance(node, Call):
            found.update(dict.fromkeys(_call(node, form, at)))
        elif isinstance(node, Chain):
            found.update(dict.fromkeys(_chain(node, form, at)))
        elif isinstance(node, Path):
            found.update(dict.fromkeys(_path(node, form, at)))
    found.update(dict.fromkeys(_bare_truth(tree, form, at, truth=truth)))
    yield from found


def _call(call: Call, form: Form, at: str) -> Iterator[str]:
    judge = CALLS.get(call.name)
    if judge is not None:
        yield from judge(call, form, at)
    if call.name in SETS and any(_own_repeat(argument, form, at) for argument in call.arguments):
        yield "own_repeat"


def _regex(call: Call, _form: Form, _at: str) -> Iterator[str]:
    pattern = call.arguments[1] if len(call.arguments) == 2 else None
    if isinstance(pattern, Text) and not (pattern.value.startswith("^") and pattern.value.endswith("$")):
        yield "regex"


def _fold(call: Call, form: Form, at: str) -> Iterator[str]:
    """Blanks are left out by Collect and make NaN in a browser."""
    for argument in call.arguments:
        for path in references(argument, at) if isinstance(argument, Path) else ():
            question = form.by_path.get(path)
            if question is not None and path == list(references(argument, at))[-1] and _may_be_blank(question):
                yield "blank_in_fold"


def _may_be_blank(question: Question) -> bool:
    return question.appears and (question.required not in ("true()", "true") or bool(question.relevant))


def _number(call: Call, form: Form, at: str) -> Iterator[str]:
    argument = call.arguments[0] if call.arguments else None
    if isinstance(argument, Text) and any(sign in argument.value.lower() for sign in ("e", ",")):
        yield "number_text"
    if isinstance(argument, Text) and argument.value[:4].isdigit() and argument.value.count("-") == 2:
        yield "date_text"
    if _type(argument, form, at) == "dateTime":
        yield "clock_dropped"


def _string(call: Call, form: Form, at: str) -> Iterator[str]:
    if any(_type(argument, form, at) == "dateTime" for argument in call.arguments):
        yield "clock_dropped"


def _once(_call: Call, _form: Form, _at: str) -> Iterator[str]:
    yield "once"


def _round(call: Call, _form: Form, _at: str) -> Iterator[str]:
    if call.arguments and isinstance(call.arguments[0], Negate):
        yield "round"


def _truth(call: Call, form: Form, at: str) -> Iterator[str]:
    if call.arguments and _type(call.arguments[0], form, at):
        yield "blank_is_true"


CALLS: Mapping[str, Callable[[Call, Form, str], Iterator[str]]] = {
    "regex": _regex, "sum": _fold, "min": _fold, "max": _fold, "number": _number, "string": _string,
    "concat": _string, "once": _once, "round": _round, "not": _truth, "boolean": _truth, "if": _truth,
}  # fmt: skip


def _chain(chain: Chain, form: Form, at: str) -> Iterator[str]:
    left = chain.first
    for sign, right in chain.rest:
        kinds = {_type(left, form, at), _type(right, form, at)}
        texts = [side for side in (left, right) if isinstance(side, Text)]
        if sign in ORDER and texts and kinds & set(LIKE_DATES):
            yield "date_text"
        if sign in (*ORDER, "-") and ("dateTime" in kinds or _now(left) or _now(right)):
            yield "clock_dropped"
        if sign in ARITHMETIC and any(text.value[:4].isdigit() and text.value.count("-") == 2 for text in texts):
            yield "date_text"
        left = right


def _path(path: Path, _form: Form, at: str) -> Iterator[str]:
    """``[1]`` is the first row in a browser and any row in Collect."""
    if start_of(path, at, at) is None:
        return
    for step in path.steps:
        if any(isinstance(predicate, Number) for predicate in step.predicates):
            yield "row_number"


def _bare_truth(tree: Expression, form: Form, at: str, *, truth: bool) -> Iterator[str]:
    """A question by itself where a truth is wanted: a blank one is false in Collect and true in a browser."""
    if truth and _type(tree, form, at):
        yield "blank_is_true"
    for node in walk(tree):
        if isinstance(node, Chain) and node.rest[0][0] in ("and", "or"):
            sides = (node.first, *(operand for _, operand in node.rest))
            if any(_type(side, form, at) for side in sides):
                yield "blank_is_true"


def _own_repeat(argument: Expression, form: Form, at: str) -> bool:
    """An absolute path into the repeat that the rule itself stands in, with nothing chosen."""
    if not isinstance(argument, Path) or argument.start != "/":
        return False
    target = target_of(argument, at) or ""
    return any(at.startswith(repeat + "/") and (target + "/").startswith(repeat + "/") for repeat in form.repeats[1:])


def _now(node: Expression) -> bool:
    return isinstance(node, Call) and node.name == "now"


def _type(node: Expression | None, form: Form, at: str) -> str:
    """The type of the question a plain path leads to; "" for anything else and for calculations."""
    path = None if node is None else target_of(node, at)
    question = form.by_path.get(path or "")
    return "" if question is None or question.calculate else question.type
