"""In which of its languages a form speaks to a reader of ours, and what it says there."""

from __future__ import annotations

import re

from collect.forms import Form, Words

OWN_NAMES = {"vi": "tiếng việt", "km": "ខ្មែរ", "en": "english"}
BRACKETED = re.compile(r"\(([a-z]{2,3})\)\s*$")
ANSWER_SHOWN = re.compile(r"\$\{[^}]*\}")


def speaks(name: str, lang: str) -> bool:
    """Whether a form's name of a language means ours: "Tiếng Việt (vi)", "vi" and "Tiếng Việt" mean "vi"."""
    match = BRACKETED.search(name.lower())
    return bool(match and match.group(1) == lang) or name.lower() == lang or OWN_NAMES[lang] in name.lower()


def said(words: Words, lang: str) -> str:
    """Words in our language, else in the form's default, which stands first; an answer that a phone would show is "…".

    "" where the form says nothing.
    """
    found = next((text for name, text in words.items() if text and speaks(name, lang)), "")
    return ANSWER_SHOWN.sub("…", found or next(filter(None, words.values()), ""))


def title_of(form: Form, lang: str) -> str:
    """What the form is called in our language, where its design says so; else as the form names itself."""
    return form.design.titles.get(lang) or form.title or form.form_id


def untranslated(form: Form, lang: str) -> tuple[int, int]:
    """How many questions that are asked have no words in our language, and how many are asked."""
    asked = [one for one in form.questions if one.appears and not one.readonly and one.labels]
    spoken = sum(1 for one in asked if any(text and speaks(name, lang) for name, text in one.labels.items()))
    return len(asked) - spoken, len(asked)
