"""In which of its languages a form speaks to a reader of ours, and what it says there."""

from __future__ import annotations

import re

from collect.forms import Form, Words

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
