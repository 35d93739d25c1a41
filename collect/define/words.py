"""Says in plain words what a column of the template expects: the question, its answers, its rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collect.define.rule_words import in_words
from collect.forms import Form, Question, Section
from collect.i18n import t
from collect.speech import said

FEW_CHOICES = 12  # more are on the lists sheet, not in a comment
KINDS: Mapping[str, str] = {
    "int": "template.kind.int", "decimal": "template.kind.decimal", "date": "template.kind.date",
    "time": "template.kind.time", "dateTime": "template.kind.dateTime", "geopoint": "template.kind.geopoint",
    "select_one": "template.kind.select_one", "select_multiple": "template.kind.select_multiple",
    "rank": "template.kind.rank", "boolean": "template.kind.boolean",
}  # fmt: skip


def column_label(question: Question, form: Form, lang: str) -> str:
    """The question as it is asked; its name where it has no words."""
    if not question.labels and question.path == form.design.interviewed_on:
        return t("template.interviewed_on", lang)
    return said(question.labels, lang) or question.name


def cell_help(question: Question, form: Form, lang: str) -> str:
    """Hint, kind of answer, choices where they are few, the rule, and when it is asked."""
    parts = [_ended(said(question.hints, lang), lang)]
    if question.type in KINDS:
        parts.append(t(KINDS[question.type], lang))
    choices = form.choices.get(question.choice_list or "", ())
    if choices and len(choices) <= FEW_CHOICES:
        parts.append("; ".join(f"{choice.name} = {said(choice.labels, lang)}" for choice in choices) + ".")
    if question.required and question.required.strip() != "false()":
        parts.append(t("template.required", lang))
    if question.constraint:
        message = said(question.constraint_messages, lang)
        rule = message or in_words(question.constraint, form, question.path, lang) or _short(question.constraint, form)
        parts.append(t("template.rule", lang, rule=rule.rstrip(". ")))
    told = [in_words(rule, form, at, lang) or _short(rule, form) for at, rule in _conditions(question, form)]
    if told:
        parts.append(t("template.only_if", lang, condition="; ".join(told)))
    return " ".join(part for part in parts if part)


def _ended(hint: str, lang: str) -> str:
    """Forms seldom close a hint, and what follows it here is a sentence of its own."""
    words = hint.rstrip()
    return words if not words or words[-1] in ".!?:;…។៕" else words + ("។" if lang == "km" else ".")


def as_written(question: Question, form: Form) -> str:
    """The question's condition and rule in XPath, as the form has them, one a line; "" where it has none."""
    rules = [("relevant", rule) for _, rule in _conditions(question, form)]
    rules += [("constraint", question.constraint)] if question.constraint else []
    return "\n".join(f"{kind}: {_short(rule, form)}" for kind, rule in rules)


def _conditions(question: Question, form: Form) -> Iterator[tuple[str, str]]:
    """When the question is asked: the rules of the groups around it and its own, each with the node it stands at."""
    around = [section for section in form.sections if question.path.startswith(f"{section.path}/")]
    holders: list[Section | Question] = [*around, question]
    for holder in holders:
        if holder.relevant:
            yield holder.path, holder.relevant


def _short(rule: str, form: Form) -> str:
    """A rule in XPath with paths as the header of a template writes them."""
    return " ".join(rule.replace(f"{form.root}/", "").split())
