"""What changed between two versions of a form: questions, choices, rules, and nothing that only looks different."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from collect.forms import Choice, Form, Question, Section

Kind = Literal["question", "group", "choice", "rule", "words"]
What = Literal["added", "removed", "changed"]
RULES = (
    "type",
    "relevant",
    "required",
    "constraint",
    "calculate",
    "readonly",
    "choice_list",
    "choice_filter",
    "default",
)
WORDS = ("labels", "hints", "constraint_messages", "required_messages")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``path`` is a question's or a group's, or a list's name; ``part`` the rule, words or choice."""

    kind: Kind
    what: What
    path: str
    part: str = ""
    before: str = ""
    after: str = ""


def diff_forms(old: Form, new: Form) -> tuple[Change, ...]:
    """Every change from one version to another, in the order of the newer form, what was removed last."""
    return (*_questions(old, new), *_sections(old, new), *_choices(old, new))


def _questions(old: Form, new: Form) -> Iterator[Change]:
    for question in new.questions:
        before = old.by_path.get(question.path)
        if before is None:
            yield Change("question", "added", question.path, after=question.type)
        else:
            yield from _question(before, question)
    for question in old.questions:
        if question.path not in new.by_path:
            yield Change("question", "removed", question.path, before=question.type)


def _question(old: Question, new: Question) -> Iterator[Change]:
    for part in RULES:
        yield from _rule(new.path, part, getattr(old, part), getattr(new, part))
    for part in WORDS:
        one, other = getattr(old, part), getattr(new, part)
        for language in dict.fromkeys([*one, *other]):
            if one.get(language, "") != other.get(language, ""):
                named = f"{part}::{language}" if language else part
                yield Change("words", "changed", new.path, named, one.get(language, ""), other.get(language, ""))


def _rule(path: str, part: str, one: str | None, other: str | None) -> Iterator[Change]:
    before, after = " ".join((one or "").split()), " ".join((other or "").split())
    if before != after:
        what: What = "added" if not before else "removed" if not after else "changed"
        yield Change("rule", what, path, part, before, after)


def _sections(old: Form, new: Form) -> Iterator[Change]:
    before: Mapping[str, Section] = {section.path: section for section in old.sections}
    after = {section.path for section in new.sections}
    for section in new.sections:
        one = before.get(section.path)
        if one is None:
            yield Change("group", "added", section.path, after="repeat" if section.repeats else "group")
            continue
        for part in ("relevant", "count"):
            yield from _rule(section.path, part, getattr(one, part), getattr(section, part))
    for path in before:
        if path not in after:
            yield Change("group", "removed", path, before="repeat" if before[path].repeats else "group")


def _choices(old: Form, new: Form) -> Iterator[Change]:
    for name in dict.fromkeys([*new.choices, *old.choices]):
        one = {choice.name: choice for choice in old.choices.get(name, ())}
        other = {choice.name: choice for choice in new.choices.get(name, ())}
        for choice in dict.fromkeys([*other, *one]):
            if choice not in one:
                yield Change("choice", "added", name, choice, after=_said(other[choice]))
            elif choice not in other:
                yield Change("choice", "removed", name, choice, before=_said(one[choice]))
            elif one[choice] != other[choice]:
                yield Change("choice", "changed", name, choice, _said(one[choice]), _said(other[choice]))


def _said(choice: Choice) -> str:
    columns = [f"{name}={value}" for name, value in choice.columns.items() if name != "name"]
    return " | ".join([*choice.labels.values(), *columns])
