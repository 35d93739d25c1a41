"""What only the team can know of a file: in which order its days are written, and in which encoding its letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import streamlit as st

from collect.check.days import ORDERS, YEAR_LAST
from collect.i18n import t
from collect.pages.words import as_text
from collect.problems import CollectError

if TYPE_CHECKING:
    from collect.intake import Receipt

SEVERAL_READINGS = "IN-41"
NOT_A_DAY = "TYP-01"
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
    if encoding or (error is not None and error.code == SEVERAL_READINGS):
        named = str(error.values.get("encodings", "")).split(", ") if error is not None else []
        likely = [code for code in named if code in ENCODINGS]
        _ask(f"encoding-{file.file_id}", t("upload.ask.encoding", lang, file=name), {
            code: ENCODINGS[code] for code in dict.fromkeys([*likely, *ENCODINGS])
        })  # fmt: skip
    if dates or (receipt is not None and _days_untold(receipt)):
        words = {order: t(f"upload.ask.dates.{order}", lang) for order in ORDERS}
        _ask(f"dates-{file.file_id}", t("upload.ask.dates", lang, file=name), words)


def _ask(key: str, question: str, words: dict[str, str]) -> None:
    with st.container(border=True):
        st.radio(question, list(words), key=key, index=None, horizontal=True, format_func=lambda code: words[code])


def _days_untold(receipt: Receipt) -> bool:
    """Whether a day was refused that another order of day and month would make readable."""
    untold = (pl.col("code") == NOT_A_DAY) & pl.col("value").str.contains(YEAR_LAST).fill_null(False)
    return any(part.issues.select(untold.any()).item() for part in receipt.parts if part.issues.height)
