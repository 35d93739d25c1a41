"""Says in plain words what a column of the template expects: the question, its answers, its rule."""

from __future__ import annotations

import re
from collections.abc import Mapping

from collect.forms import Form, Question, Words
from collect.i18n import t

FEW_CHOICES = 12  # more are on the lists sheet, not in a comment
KINDS: Mapping[str, str] = {
    "int": "template.kind.int", "decimal": "template.kind.decimal", "date": "template.kind.date",
    "time": "template.kind.time", "dateTime": "template.kind.dateTime", "geopoint": "template.kind.geopoint",
    "select_one": "template.kind.select_one", "select_multiple": "template.kind.select_multiple",
    "rank": "template.kind.rank", "boolean": "template.kind.boolean",
}  # fmt: skip
OWN_NAMES = {"vi": "tiếng việt", "km": "ខ្មែរ", "en": "english"}
BRACKETED = re.compile(r"\(([a-z]{2,3})\)\s*$")
ANSWER_SHOWN = re.compile(r"\$\{[^}]*\}")


def language_of(form: Form, lang: str) -> str:
    """The form's own key for our language: "Tiếng Việt (vi)" for "vi"; the form's default where it has none."""
    return next((key for key in form.languages if _speaks(key, lang)), form.languages[0])


def _speaks(key: str, lang: str) -> bool:
    """Whether a form's name of a language means ours."""
    match = BRACKETED.search(key.lower())
    return bool(match and match.group(1) == lang) or key.lower() == lang or OWN_NAMES[lang] in key.lower()


def said(words: Words, form: Form, lang: str) -> str:
    """Words in our language, else in the form's default, else in any; where a phone shows an answer, an ellipsis."""
    found = words.get(language_of(form, lang)) or words.get(form.languages[0]) or next(iter(words.values()), "")
    return ANSWER_SHOWN.sub("…", found)


def title_of(form: Form, lang: str) -> str:
    """What the form is called in our language, where its design says so; else as the form names itself."""
    return form.design.titles.get(lang) or form.title or form.form_id


def untranslated(form: Form, lang: str) -> tuple[int, int]:
    """How many questions that are asked have no words in our language, and how many are asked."""
    key = language_of(form, lang)
    asked = [one for one in form.questions if one.appears and not one.readonly and one.labels]
    spoken = _speaks(key, lang)
    return sum(1 for one in asked if not (spoken and one.labels.get(key))), len(asked)


def column_label(question: Question, form: Form, lang: str) -> str:
    """The question as it is asked; its name where it has no words."""
    if not question.labels and question.path == form.design.interviewed_on:
        return t("template.interviewed_on", lang)
    return said(question.labels, form, lang) or question.name


def cell_help(question: Question, form: Form, lang: str) -> str:
    """Hint, kind of answer, choices where they are few, the rule, and when it is asked."""
    parts = [_ended(said(question.hints, form, lang), lang)]
    if question.type in KINDS:
        parts.append(t(KINDS[question.type], lang))
    choices = form.choices.get(question.choice_list or "", ())
    if choices and len(choices) <= FEW_CHOICES:
        parts.append("; ".join(f"{choice.name} = {said(choice.labels, form, lang)}" for choice in choices) + ".")
    if question.required and question.required.strip() != "false()":
        parts.append(t("template.required", lang))
    if question.constraint:
        message = said(question.constraint_messages, form, lang) or question.constraint
        parts.append(t("template.rule", lang, rule=message.rstrip(". ")))
    conditions = " and ".join(_conditions(question, form))
    if conditions:
        parts.append(t("template.only_if", lang, condition=conditions))
    return " ".join(part for part in parts if part)


def _ended(hint: str, lang: str) -> str:
    """Forms seldom close a hint, and what follows it here is a sentence of its own."""
    words = hint.rstrip()
    return words if not words or words[-1] in ".!?:;…។៕" else words + ("។" if lang == "km" else ".")


def _conditions(question: Question, form: Form) -> list[str]:
    """When the question is asked: its own rule and those of the groups around it, paths as the header writes them."""
    around = [section.relevant for section in form.sections if question.path.startswith(f"{section.path}/")]
    rules = [rule for rule in (*around, question.relevant) if rule]
    return [" ".join(rule.replace(f"{form.root}/", "").split()) for rule in rules]
