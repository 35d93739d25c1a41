"""Small words and signs that the parts of the review page share: short ids, and errors as a screen says them."""

from __future__ import annotations

import streamlit as st

from collect.i18n import t
from collect.pages.issues import error_words
from collect.problems import CollectError
from collect.review.reviews import Outcome

ICONS = {
    "accepted": ":material/check_circle:",
    "sent_back": ":material/undo:",
    "rejected": ":material/block:",
    "received": ":material/restart_alt:",
}
ON_SCREEN = {"REV-01": "review.needs_reason", "REV-02": "review.needs_name"}  # what to do on this page


def short(submission_id: str) -> str:
    """The first letters of an id: enough to tell interviews of one screen apart."""
    return submission_id.removeprefix("uuid:")[:8]


def sentence(words: str) -> str:
    """Words of a table as they stand by themselves."""
    return words[:1].upper() + words[1:]


def result_of(one: Outcome, lang: str) -> str:
    """What became of a correction; a rule that it would break by its name."""
    rule = f"{t(f'{one.code}.name', lang)}, {one.code}" if one.result == "breaks_rule" else one.code
    return t(f"correction.{one.result}", lang, code=rule)


def tell_error(error: CollectError, lang: str) -> None:
    """Say why nothing was done."""
    if error.code in ON_SCREEN:
        st.error(t(ON_SCREEN[error.code], lang), icon=":material/error:")
        return
    found, mend = error_words(error, lang)
    st.error(f"{found} **{mend}**", icon=":material/error:")
