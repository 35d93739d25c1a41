"""How an interview stands, in words: what people here decided, and what the server's reviewers did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collect.i18n import t


def state_of(row: Mapping[str, Any], lang: str) -> str:
    """The state of a row of the queue; where the server decided, or decided otherwise, that is said beside it."""
    state, server = t(f"review.state.{row['state']}", lang), row["server_state"]
    if not server or server == row["decision"]:
        return state
    if row["decision"] is None:
        return t("review.state.by_server", lang, state=state)
    return t("review.state.server_differs", lang, state=state, server=t(f"review.state.{server}", lang))
