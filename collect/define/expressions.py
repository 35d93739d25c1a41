"""Holds an expression against a form: does each path exist, is each literal a choice, can the types be compared?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from collect.define.findings import Finding
from collect.define.references import moved
from collect.forms import Form, Question
from collect.xpath import Call, Chain, Expression, Negate, Number, Path, Text, XPathError, parse

ORDER = ("<", "<=", ">", ">=")
NUMERIC = ("int", "decimal")
DATES = ("date", "dateTime", "time")
SELECTS = ("select_one", "select_multiple", "rank")
SELECTION = ("selected", "is-selected")


def check_expression(text: str, form: Form, *, at: str, file: str, where: str) -> tuple[Finding, ...]:
    """Findings about one expression read at the node ``at``: paths, choices and types."""
    try:
        tree = parse(text)
    except XPathError as error:
        return (Finding(file, where, "DEF-13", values={"expression": text, "reason": str(error)}),)
    found = _Check(form, file, where, at)
    return tuple(_distinct(found.walk(tree, at)))


def _distinct(findings: Iterator[Finding]) -> list[Finding]:
    seen: list[Finding] = []
    for finding in findings:
        if finding not in seen:
            seen.append(finding)
    return seen


@dataclass(frozen=True, slots=True)
class _Check:
    form: Form
    file: str
    where: str
    current: str  # what current() is

    def walk(self, node: Expression, at: str) -> Iterator[Finding]:
        """Everything that is wrong in ``node``, read at ``at``."""
        match node:
            case Path():
                yield from self._path(node, at)
            case Call():
                yield from self._selection(node, at)
                for argument in node.arguments:
                    yield from self.walk(argument, at)
            case Negate():
                yield from self.walk(node.operand, at)
            case Chain():
                yield from self._comparison(node, at)
                yield from self.walk(node.first, at)
                for _, operand in node.rest:
                    yield from self.walk(operand, at)
            case _:
                return

    def _path(self, path: Path, at: str) -> Iterator[Finding]:
        here = self._start(path, at)
        if here is None:
            if not isinstance(path.start, str):
                yield from self.walk(path.start, at)
            return
        for step in path.steps:
            here = moved(here, step.axis, step.name)
            if not self._exists(here):
                near = get_close_matches(here, self._nodes(), n=3, cutoff=0.5)
                yield self._finding("DEF-14", path=here, near=", ".join(near) or "-")
                return
            for predicate in step.predicates:
                yield from self.walk(predicate, here)

    def _start(self, path: Path, at: str) -> str | None:
        """The node a path starts from; None when it starts outside the form, in a list."""
        if path.start == "/":
            return ""
        if path.start == "":
            return at
        return self.current if isinstance(path.start, Call) and path.start.name == "current" else None

    def _question(self, node: Expression, at: str) -> Question | None:
        """The question a plain path leads to."""
        here = self._start(node, at) if isinstance(node, Path) else None
        if here is None or not isinstance(node, Path):
            return None
        for step in node.steps:
            here = moved(here, step.axis, step.name)
        return self.form.by_path.get(here)

    def _selection(self, call: Call, at: str) -> Iterator[Finding]:
        if call.name not in SELECTION or len(call.arguments) != 2:
            return
        question, literal = self._question(call.arguments[0], at), call.arguments[1]
        if question is None:
            return
        if question.type not in SELECTS and not question.calculate:
            yield self._finding("DEF-16", path=question.path, type=question.type, other=f"{call.name}()")
        elif isinstance(literal, Text):
            yield from self._choice(question, literal.value)

    def _comparison(self, chain: Chain, at: str) -> Iterator[Finding]:
        left = chain.first
        for operator, right in chain.rest:
            if operator in ("=", "!=", *ORDER):
                for asked, other in ((left, right), (right, left)):
                    question = self._question(asked, at)
                    if question is not None:
                        yield from self._compared(question, operator, other)
            left = right

    def _compared(self, question: Question, operator: str, other: Expression) -> Iterator[Finding]:
        if question.calculate or (isinstance(other, Text) and not other.value):
            return  # a calculation has no type of its own; anything may be compared with blank
        if question.type in SELECTS and operator in ("=", "!="):
            if question.type != "select_one" and isinstance(other, Text):
                yield self._finding("DEF-17", path=question.path)
            if isinstance(other, Text):
                yield from self._choice(question, other.value)
            elif isinstance(other, Number):
                yield from self._choice(question, str(other))
        elif not _comparable(question, operator, other):
            yield self._finding("DEF-16", path=question.path, type=question.type, other=f"{operator} {other}")

    def _choice(self, question: Question, name: str) -> Iterator[Finding]:
        choices = self.form.choices.get(question.choice_list or "")
        if choices is not None and name not in [choice.name for choice in choices]:
            names = [choice.name for choice in choices]
            near = get_close_matches(name, names, n=3, cutoff=0.5) or names[:12]
            yield self._finding("DEF-15", path=question.path, value=name, near=", ".join(near))

    def _exists(self, path: str) -> bool:
        return path in self._nodes() or path == "" or "*" in path

    def _nodes(self) -> list[str]:
        form = self.form
        return [*form.by_path, *(section.path for section in form.sections), form.root, f"{form.root}/meta/instanceID"]

    def _finding(self, code: str, **values: object) -> Finding:
        return Finding(self.file, self.where, code, values=values)


def _comparable(question: Question, operator: str, other: Expression) -> bool:
    """Whether a question's answers can be compared with a literal: numbers with numbers, dates with dates."""
    if isinstance(other, Number):
        return question.type in NUMERIC or (question.type in SELECTS and operator in ORDER)
    if isinstance(other, Text):
        if question.type in NUMERIC:
            return _is_number(other.value)
        return operator not in ORDER or question.type in DATES
    return True


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
