"""What a page shows where something is damaged or fails: words, and never a traceback.

Damage that we foresaw says what was found and what mends it. Of anything else the log gets the lines of code it passed
through, under a reference that the page shows; never its message, which may quote an answer.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Callable, Iterator
from typing import TypeVar

import streamlit as st

from collect.i18n import LANGUAGES, t
from collect.pages.issues import error_words
from collect.problems import CollectError

Read = TypeVar("Read")
LOG = logging.getLogger(__name__)
STREAMLITS = logging.getLogger("streamlit.error_util")  # it would log the message of whatever a script raises
DOWNLOADS = logging.getLogger("streamlit.runtime.backend_operation_handler")  # likewise of whatever makes a file


def damaged(error: CollectError, lang: str) -> None:
    """Say what cannot be shown, and what mends it."""
    found, mend = error_words(error, lang)
    _card(found, f"{mend}\n\n{t('trouble.rest', lang)}", error.code)


def unless_damaged(read: Callable[[], Read]) -> Read | None:
    """What was read, or None where it is damaged: for a page that is worth reading without it."""
    try:
        return read()
    except CollectError:
        return None


def unforeseen(error: Exception) -> bool:
    """Take a script's error from Streamlit, whose own words are English: for `st.App`, wherever on a page it rises."""
    said = str(st.session_state.get("lang"))
    lang = said if said in LANGUAGES else "vi"
    if isinstance(error, CollectError):
        damaged(error, lang)
        return True
    reference = secrets.token_hex(4)
    LOG.error("%s %s", reference, passage(error))
    _card(t("trouble.found", lang), t("trouble.mend", lang, reference=f"`{reference}`"), reference)
    return True


def passage(error: BaseException) -> str:
    """The kinds of an error and of what caused it, with the lines of code each passed through; no message, no value."""
    return "\n".join(
        f"{type(one).__name__}\n{''.join(traceback.format_tb(one.__traceback__))}" for one in _chain(error)
    )


def keep_quiet() -> None:
    """Keep Streamlit from logging the messages of errors: `unforeseen` logs a script's without, a file's is kept so."""
    STREAMLITS.addFilter(_no_error)
    DOWNLOADS.addFilter(_no_message)


def _no_error(record: logging.LogRecord) -> bool:
    return not record.exc_info


def _no_message(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        record.msg, record.args = f"{record.getMessage()}\n{passage(error)}", ()
        record.exc_info = record.exc_text = None
    return True


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _card(found: str, about: str, code: str) -> None:
    with st.container(width=720, key=f"trouble-{secrets.token_hex(4)}"):
        st.error(f"**{found}**\n\n{about}", icon=":material/build:")
        st.caption(code)
