"""What arrived lately: whoever reloads the page, or whose cable was cut, sees whether their file is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages import wrapped
from collect.pages.words import moment


def render(received: Sequence[Mapping[str, Any]], lang: str) -> None:
    """List uploads: their rows in the registry, with ``read`` and ``with_issues`` of all their forms together."""
    if not received:
        return
    file = t("issue.file", lang)
    columns = {
        file: [one["file_name"] for one in received],
        t("upload.received.at", lang): [moment(one["received_at"], lang) for one in received],
        t("upload.received.by", lang): pl.Series([one["received_by"] or None for one in received], dtype=pl.String),
        t("receipt.count.read", lang): [one["read"] for one in received],
        t("receipt.count.with_issues", lang): [one["with_issues"] for one in received],
    }
    with st.expander(t("upload.received", lang), icon=":material/inbox:"):
        st.caption(t("upload.received.about", lang))
        wrapped.draw(pl.DataFrame(columns), "received", t("upload.received", lang), lang, strong=file)
