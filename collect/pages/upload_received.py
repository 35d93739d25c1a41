"""What arrived lately: whoever reloads the page, or whose cable was cut, sees whether their file is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from collect.i18n import t
from collect.pages.words import moment, number


def render(received: Sequence[Mapping[str, Any]], lang: str) -> None:
    """List uploads: their rows in the registry, with ``read`` and ``with_issues`` of all their forms together."""
    if not received:
        return
    rows = [
        {
            t("issue.file", lang): one["file_name"],
            t("upload.received.at", lang): moment(one["received_at"], lang),
            t("upload.received.by", lang): one["received_by"] or None,
            t("receipt.count.read", lang): number(one["read"], lang),
            t("receipt.count.with_issues", lang): number(one["with_issues"], lang),
        }
        for one in received
    ]
    with st.expander(t("upload.received", lang), icon=":material/inbox:"):
        st.caption(t("upload.received.about", lang))
        st.dataframe(rows, hide_index=True, placeholder="–", alt=t("upload.received", lang), key="received")
