"""A question and an answer as people read them: without a label of its own the one, a code or an instant the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date

from collect.forms import Form, Question
from collect.i18n import catalogue, t
from collect.i18n.figures import day, device_moment
from collect.speech import said

SEVERAL = ("select_multiple", "rank")
WRITTEN: Mapping[str, Callable[[str, str], str]] = {
    "date": lambda given, lang: day(date.fromisoformat(given), lang),
    "dateTime": device_moment,
}


def label_of(question: Question, lang: str) -> str:
    """What a question is called: its label, else what a device fills in there, else its name."""
    label, key = said(question.labels, lang), f"question.{question.preload.rpartition('/')[2]}"
    if label:
        return label
    if question.preload and key in catalogue():
        return t(key, lang)
    return t("question.calculated", lang, name=question.name) if question.calculate else question.name


def answer_of(question: Question, given: str | None, form: Form, lang: str) -> str:
    """An answer as people read it: the label of a choice, a date, an instant on the clock of the device.

    "" for a blank; what is no such answer stays as it is written.
    """
    if given is None:
        return ""
    labels = {one.name: said(one.labels, lang) or one.name for one in form.choices.get(question.choice_list or "", ())}
    if question.type in SEVERAL:
        return "; ".join(labels.get(name, name) for name in given.split())
    with suppress(ValueError):
        return WRITTEN[question.type](given, lang) if question.type in WRITTEN else labels.get(given, given)
    return given
