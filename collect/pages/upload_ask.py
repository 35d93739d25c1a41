"""What only the team can know of a file: in which order its days are written, its decimal sign, its encoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from collect.check.days import ORDERS
from collect.check.numbers import SIGNS
from collect.i18n import t
from collect.pages.words import as_text
from collect.problems import CollectError
from collect.receive.letters import SHOWN_OF, as_it_would_read
from collect.wording.asking import UNTOLD, letters_by_evidence

if TYPE_CHECKING:
    from collect.intake import Receipt

NO_ENCODING = "IN-06"
LETTERS_UNTOLD = ("IN-41", NO_ENCODING)  # they read several ways, or no way known here
ANSWERS = {"dates": ORDERS, "decimals": SIGNS}
ENCODINGS = {
    "utf-8": "UTF-8", "utf-16": "UTF-16", "windows-1258": "Windows-1258", "windows-1252": "Windows-1252",
    "tcvn3": "TCVN3 (ABC, .VnTime)", "vni": "VNI",
}  # fmt: skip


def said(file: Any) -> dict[str, str]:
    """What was answered for a file: ``encoding``, ``dates``, ``decimals``; "" where nothing was asked."""
    names = ("encoding", *ANSWERS)
    return {name: str(st.session_state.get(f"{name}-{file.file_id}") or "") for name in names}


def questions(file: Any, receipt: Receipt | None, error: CollectError | None, lang: str) -> None:
    """Ask what could not be told; the answer checks the file again."""
    answered, name = said(file), as_text(file.name)
    if answered["encoding"] or letters_untold(error) or (receipt is not None and letters_by_evidence(receipt)):
        named = str(error.values.get("encodings", "")).split(", ") if error is not None else []
        likely = [code for code in named if code in ENCODINGS]
        none_fits = error is not None and error.code == NO_ENCODING
        question = t(f"upload.ask.encoding{'.none' if none_fits else ''}", lang, file=name)
        codes = dict.fromkeys([*likely, *ENCODINGS])
        words = as_it_would_read(file.getbuffer()[:SHOWN_OF].tobytes())
        _ask(f"encoding-{file.file_id}", question, {code: ENCODINGS[code] for code in codes}, words)
    for what, choices in ANSWERS.items():
        if answered[what] or (receipt is not None and UNTOLD[what](receipt)):
            words = {choice: t(f"upload.ask.{what}.{choice}", lang) for choice in choices}
            _ask(f"{what}-{file.file_id}", t(f"upload.ask.{what}", lang, file=name), words)


def left_open(file: Any, receipt: Receipt | None) -> bool:
    """Whether how a file's days or numbers are written is asked and was not answered yet."""
    answered = said(file)
    return receipt is not None and any(not answered[what] and UNTOLD[what](receipt) for what in ANSWERS)


def _ask(key: str, question: str, words: dict[str, str], samples: Mapping[str, str] | None = None) -> None:
    """``samples``: what of the file each answer would make, for those who know the names in it and no encoding's."""
    beneath = [as_text(samples.get(code, "")) for code in words] if samples else None
    with st.container(border=True):
        st.radio(
            question, list(words), key=key, index=None, horizontal=True, format_func=words.__getitem__, captions=beneath
        )


def letters_untold(error: CollectError | None) -> bool:
    """Whether a table could not be read until somebody says how its letters are coded; XML names its own code."""
    named = "" if error is None else str(error.values.get("file", "")).lower()
    return error is not None and error.code in LETTERS_UNTOLD and not named.endswith(".xml")
