"""What happened to an interview, in words: the events of `collect.review.history.HISTORY` but corrections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collect.i18n import t


def what_happened(row: Mapping[str, Any], lang: str) -> str:
    """What an event was about, beside its name: a file, an interviewer, from which state to which.

    A correction is about an answer, which a page words with its form's labels: here it is written as it is kept.
    """
    old, new = row["old"] or "-", row["new"] or "-"
    match row["event"]:
        case "review":
            return " → ".join(t(f"review.state.{state}", lang) for state in (row["old"] or "received", row["new"]))
        case "lapsed" | "holds":
            return t("review.event.decided", lang, state=t(f"review.state.{old}", lang), by=new)
        case "pair":
            return f"{old}: {t(f'review.pair.{new}', lang)}"
        case "correction":
            where = " ".join(filter(None, [row["question"], row["row_id"]]))
            return f"{where}  {old} → {new}"
        case _ if row["old"]:
            return t("review.event.replaces", lang, file=new, old=old)
        case _:
            return row["new"] or ""
