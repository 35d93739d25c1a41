"""What only the team can know of a file: in which order its days are written, and in which encoding its letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from collect.check.days import ORDERS
from collect.i18n import t
from collect.pages.words import as_text
from collect.problems import CollectError
from collect.wording.open_days import days_untold

if TYPE_CHECKING:
    from collect.intake import Receipt

LETTERS_UNTOLD = ("IN-41", "IN-06")  # they read several ways, or no way known here
READ_BY_EVIDENCE = "FIL-06"
XML = "submission-xml"
ENCODINGS = {
    "utf-8": "UTF-8", "utf-16": "UTF-16", "windows-1258": "Windows-1258", "windows-1252": "Windows-1252",
    "tcvn3": "TCVN3 (ABC, .VnTime)", "vni": "VNI",
}  # fmt: skip


def said(file: Any) -> tuple[str, str]:
    """What was answered for a file: order of days, encoding; "" where nothing was asked."""
    answers = (st.session_state.get(f"{name}-{file.file_id}") for name in ("dates", "encoding"))
    dates, encoding = (str(answer or "") for answer in answers)
    return dates, encoding


def questions(file: Any, receipt: Receipt | None, error: CollectError | None, lang: str) -> None:
    """Ask what could not be told; the answer checks the file again."""
    dates, encoding = said(file)
    name = as_text(file.name)
    if encoding or letters_untold(error) or _told_by_evidence(receipt):
        named = str(error.values.get("encodings", "")).split(", ") if error is not None else []
        likely = [code for code in named if code in ENCODINGS]
        _ask(f"encoding-{file.file_id}", t("upload.ask.encoding", lang, file=name), {
            code: ENCODINGS[code] for code in dict.fromkeys([*likely, *ENCODINGS])
        })  # fmt: skip
    if dates or (receipt is not None and days_untold(receipt)):
        words = {order: t(f"upload.ask.dates.{order}", lang) for order in ORDERS}
        _ask(f"dates-{file.file_id}", t("upload.ask.dates", lang, file=name), words)


def days_open(file: Any, receipt: Receipt | None) -> bool:
    """Whether the order of a file's days is asked and was not answered yet."""
    return not said(file)[0] and receipt is not None and days_untold(receipt) > 0


def _ask(key: str, question: str, words: dict[str, str]) -> None:
    with st.container(border=True):
        st.radio(question, list(words), key=key, index=None, horizontal=True, format_func=lambda code: words[code])


def letters_untold(error: CollectError | None) -> bool:
    """Whether a table could not be read until somebody says how its letters are coded; XML names its own code."""
    named = "" if error is None else str(error.values.get("file", "")).lower()
    return error is not None and error.code in LETTERS_UNTOLD and not named.endswith(".xml")


def _told_by_evidence(receipt: Receipt | None) -> bool:
    """Whether the letters of a table were told by evidence, which somebody who reads the names may know better."""
    parts = receipt.parts if receipt is not None else ()
    return any(part.source != XML and READ_BY_EVIDENCE in part.issues["code"] for part in parts if part.issues.height)
