"""Making the results again once files, decisions or outlines have come, and the way to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from collect.i18n import t
from collect.pages.data import Since
from collect.pages.layout import address
from collect.pages.making import Progress, make


def offer(waiting: Since, run: Callable[[Progress], str], lang: str, links: Mapping[str, st.Page]) -> None:
    """The button where something waits for it, or what was made a moment ago."""
    if waiting:
        _button(waiting, run, lang)
    elif st.session_state.get("results-made"):
        _made(st.session_state["results-made"], lang, links)


def _button(waiting: Since, run: Callable[[Progress], str], lang: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(t(f"upload.run.why.{waiting}", lang), width="stretch")
        pressed = st.button(t("upload.run", lang), type="primary", icon=":material/refresh:")
    if pressed and (made := make(run, lang)) is not None:
        st.session_state["results-made"] = made
        st.rerun()


def _made(run_id: str, lang: str, links: Mapping[str, st.Page]) -> None:
    """The results are made: what they are called, and the way to them."""
    st.success(t("upload.run.done", lang, run=run_id), icon=":material/check_circle:")
    if "overview" in links and links["overview"].visibility == "visible":
        st.page_link(
            links["overview"],
            label=t("upload.to_overview", lang),
            icon=":material/dashboard:",
            query_params=address(lang),
        )
