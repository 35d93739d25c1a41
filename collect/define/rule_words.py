"""A form's rule in the reader's words, "“Age” is at least 15" for ``../age >= 15``; what has no words stays XPath."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from babel.lists import format_list
from babel.numbers import format_decimal

from collect.define.references import moved, start_of, target_of
from collect.forms import Form, Question
from collect.i18n import t
from collect.i18n.figures import day
from collect.speech import said
from collect.xpath import Call, Chain, Expression, Negate, Number, Path, Text, XPathError, parse

FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
DENIED = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
KINDS = {"=": "is", "!=": "is_not", ">": "above", "<": "below", ">=": "at_least", "<=": "at_most"}
OF_DAYS = {"above": "after", "below": "before", "at_least": "not_before", "at_most": "not_after"}
SIGNS = {"+": "+", "-": "−", "*": "×", "div": "÷"}
RANGES = (("at_least", "at_most"), ("not_before", "not_after"))
TOGETHER_IF_EITHER = ("is", "includes")  # "is A or B"
TOGETHER_IF_ALL = ("is_not", "excludes")  # "is not A or B"
TESTS = {"selected": "includes", "starts-with": "begins", "contains": "holds", "ends-with": "ends"}
ALIKE = ("number", "int", "string", "date", "date-time")  # what they give is said as what they are given
CALLS = {"today": "today", "now": "today", "sum": "sum", "string-length": "length"}
NEVER_BLANK = ("count", "count-selected", "string-length")  # "not above 1" means "at most 1" of these alone
DATES = ("date", "dateTime")
OF_DIGITS = re.compile(r"\^(\d*)(?:\[0-9\]|\\d)\{(\d+)(?:,(\d+))?\}\$")  # the one kind of pattern that words say surely
NAMED = {"between": ("low", "high"), "digits_begun": ("other", "begin")}  # facts of two things, each said in its place


class _Unsaid(Exception):  # noqa: N818  # no error: a part of a rule for which there are no words
    pass


@dataclass(frozen=True, slots=True)
class _Fact:
    """One thing said of another; ``kind``: its key below "said."."""

    kind: str
    one: str
    others: tuple[str, ...]


def in_words(rule: str, form: Form, at: str, lang: str) -> str | None:
    """A rule that stands at the node ``at`` (of its question or group), said in ``lang``.

    None where it is no expression, or some part of it has no words: half a rule would mislead.
    """
    try:
        return _Speaker(form, lang, at).condition(parse(rule), at)
    except (XPathError, _Unsaid):
        return None


@dataclass(frozen=True, slots=True)
class _Speaker:
    form: Form
    lang: str
    own: str  # the node whose rule it is: said as "the answer"
    inside: bool = False  # a calculation, said where its name stands; one more inside it nobody could follow

    def condition(self, node: Expression, at: str, denied: bool = False) -> str:
        """What must hold; ``denied``: what must not."""
        part = self._part(node, at, denied)
        return part if isinstance(part, str) else self._told(part)

    def value(self, node: Expression, at: str, of: Question | None = None) -> str:
        """What something is; ``of``: the question it is compared with, whose choices and days are said as such."""
        match node:
            case Text() | Number():
                return self._literal(node, of)
            case Negate(operand=Number() as number):
                return f"−{self._literal(number, None)}"
            case Path():
                return self._node(target_of(node, at))
            case Chain() if node.rest[0][0] in SIGNS:
                rest = (f"{SIGNS[sign]} {self._operand(one, at)}" for sign, one in node.rest)
                return " ".join([self._operand(node.first, at), *rest])
            case Call():
                return self._call(node, at)
        raise _Unsaid

    def _part(self, node: Expression, at: str, denied: bool) -> _Fact | str:
        """A fact, which may be said together with others, or several of them in words."""
        match node:
            case Call(name="not", arguments=(inner,)):
                return self._part(inner, at, not denied)
            case Chain(rest=((("and" | "or") as word, _), *_)):
                either = (word == "or") != denied
                operands = (node.first, *(one for _, one in node.rest))
                parts = _together([self._part(one, at, denied) for one in operands], either)
                told = [f"({one})" if isinstance(one, str) else self._told(one) for one in parts]
                return parts[0] if len(parts) == 1 else self._joined(told, either)
        return self._fact(node, at, denied)

    def _fact(self, node: Expression, at: str, denied: bool) -> _Fact:
        match node:
            case Chain(rest=((sign, other),)) if sign in KINDS:
                return self._compared(node.first, sign, other, at) if not denied else self._not(node, sign, other, at)
            case Call(name="regex", arguments=(one, Text(value=pattern))) if not denied:
                return self._digits(self.value(one, at), pattern)
            case Call(name=name, arguments=(one, other)) if name in TESTS and not (denied and name != "selected"):
                kind = "excludes" if denied else TESTS[name]
                return _Fact(kind, self.value(one, at), (self.value(other, at, self._question(one, at)),))
        raise _Unsaid

    def _digits(self, one: str, pattern: str) -> _Fact:
        match = OF_DIGITS.fullmatch(pattern)
        if match is None:
            raise _Unsaid
        begin, *ends = match.groups()
        count = "–".join(str(len(begin) + int(end)) for end in ends if end)
        return _Fact("digits_begun", one, (count, begin)) if begin else _Fact("digits", one, (count,))

    def _not(self, node: Chain, sign: str, other: Expression, at: str) -> _Fact:
        blank = not (isinstance(node.first, Call) and node.first.name in NEVER_BLANK)
        if blank and sign not in ("=", "!="):
            raise _Unsaid  # a blank answer is neither above nor at most
        return self._compared(node.first, DENIED[sign], other, at)

    def _compared(self, left: Expression, sign: str, right: Expression, at: str) -> _Fact:
        if isinstance(left, Number | Text):
            left, sign, right = right, FLIPPED[sign], left
        kind = KINDS[sign]
        if kind in ("is", "is_not") and right == Text(""):
            return _Fact("blank" if kind == "is" else "filled", self.value(left, at), ())
        if any(self._is_day(one, at) for one in (left, right)):
            kind = OF_DAYS.get(kind, kind)
        return _Fact(kind, self.value(left, at), (self.value(right, at, self._question(left, at)),))

    def _told(self, fact: _Fact) -> str:
        if fact.kind in NAMED:
            return t(
                f"said.{fact.kind}", self.lang, one=fact.one, **dict(zip(NAMED[fact.kind], fact.others, strict=True))
            )
        return t(f"said.{fact.kind}", self.lang, one=fact.one, other=self._joined(fact.others, either=True))

    def _joined(self, parts: Sequence[str], either: bool) -> str:
        return str(format_list(list(parts), style="or" if either else "standard", locale=self.lang))

    def _literal(self, node: Text | Number, of: Question | None) -> str:
        if of is not None and of.choice_list:
            name = node.value if isinstance(node, Text) else str(node)
            labels = {one.name: one.labels for one in self.form.choices.get(of.choice_list, ())}
            return self._quoted(said(labels.get(name, {}), self.lang) or name)
        if isinstance(node, Number):
            return str(format_decimal(node.value, "0.######", locale=self.lang))
        when = _day(node.value)
        return self._quoted(node.value) if when is None else day(when, self.lang)

    def _node(self, target: str | None) -> str:
        """A question or group by its label; a calculation, which has none, by what is calculated."""
        if target == self.own:
            return t("said.answer", self.lang)
        question = self.form.by_path.get(target or "")
        holder = next((one for one in self.form.sections if one.path == target), question)
        if holder is None:
            raise _Unsaid
        if words := said(holder.labels, self.lang):
            return self._quoted(words)
        if question is not None and question.preload == "date/today":
            return t("said.day", self.lang)
        if question is None or not question.calculate or self.inside:
            raise _Unsaid
        return replace(self, inside=True).value(parse(question.calculate), question.path)

    def _call(self, call: Call, at: str) -> str:
        match call:
            case Call(name="count", arguments=(Path() as path,)):
                return self._count(path, at)
            case Call(name="count-selected", arguments=(one,)):
                own = target_of(one, at) == self.own
                return t("said.chosen", self.lang) if own else t("said.chosen_in", self.lang, one=self.value(one, at))
            case Call(name="format-date", arguments=(one, Text(value="%Y"))):
                return t("said.year", self.lang, one=self.value(one, at))
            case Call(name=name, arguments=(one,)) if name in ALIKE:
                return self.value(one, at)
            case Call(name=name, arguments=given) if name in CALLS and len(given) <= 1:
                return t(f"said.{CALLS[name]}", self.lang, one=self.value(given[0], at) if given else "")
        raise _Unsaid

    def _count(self, path: Path, at: str) -> str:
        here = start_of(path, at, at)
        filtered = [step for step in path.steps if step.predicates]
        if here is None or filtered not in ([], [path.steps[-1]]) or any(len(one.predicates) > 1 for one in filtered):
            raise _Unsaid
        for step in path.steps:
            here = moved(here, step.axis, step.name)
        rows = self._node(here)
        if not filtered:
            return t("said.count", self.lang, one=rows)
        return t("said.count_where", self.lang, one=rows, where=self.condition(filtered[0].predicates[0], here))

    def _operand(self, node: Expression, at: str) -> str:
        words = self.value(node, at)
        return f"({words})" if isinstance(node, Chain) else words

    def _question(self, node: Expression, at: str) -> Question | None:
        return self.form.by_path.get(target_of(node, at) or "")

    def _is_day(self, node: Expression, at: str) -> bool:
        if isinstance(node, Call):
            return node.name in ("today", "now", "date", "date-time")
        question = self._question(node, at)
        return question is not None and question.type in DATES

    def _quoted(self, words: str) -> str:
        return t("said.quoted", self.lang, words=words.strip())


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _together(parts: Sequence[_Fact | str], either: bool) -> list[_Fact | str]:
    """Facts about the same thing as one: "A includes X or Y", "A does not include X or Y", "A is from 1 to 30"."""
    found: list[_Fact | str] = []
    for part in parts:
        merged = _merged(found[-1], part, either) if found else None
        found = [*found, part] if merged is None else [*found[:-1], merged]
    return found


def _merged(first: _Fact | str, second: _Fact | str, either: bool) -> _Fact | None:
    if isinstance(first, str) or isinstance(second, str) or first.one != second.one:
        return None
    for pair in RANGES if not either else ():
        if (first.kind, second.kind) in (pair, pair[::-1]):
            low, high = (first, second) if first.kind == pair[0] else (second, first)
            return replace(low, kind="between", others=(*low.others, *high.others))
    alike = first.kind == second.kind and first.kind in (TOGETHER_IF_EITHER if either else TOGETHER_IF_ALL)
    return replace(first, others=(*first.others, *second.others)) if alike else None
