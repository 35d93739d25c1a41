"""The first screen, before there are any results: three steps, or a try with made-up data."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from collect.i18n import t
from collect.pages.layout import address, header
from collect.pages.making import Progress, make


def render(lang: str, links: Mapping[str, st.Page], uploads: int, try_out: Callable[[Progress], str] | None) -> None:
    """Draw the page.

    ``uploads`` counts files stored already; ``try_out`` makes the demonstration and its results, None for who may not.
    """
    header(t("start.title", lang), lang)
    st.caption(t("start.about", lang))
    for number, done in ((1, True), (2, uploads > 0), (3, False)):
        _step(number, done, number == 2 or (number == 3 and uploads > 0), lang, links)
    if try_out is None:
        return
    st.subheader(t("start.try", lang), anchor=False)
    st.caption(t("start.try.about", lang))
    pressed = st.button(
        t("start.try.button", lang), icon=":material/science:", type="secondary" if uploads else "primary"
    )
    if pressed and make(try_out, lang, "start.try.working") is not None:
        st.rerun()


def _step(number: int, done: bool, way: bool, lang: str, links: Mapping[str, st.Page]) -> None:
    """One step; ``way``: whether it can be taken now: the page leads there whoever may upload."""
    icon = ":green[:material/check_circle:]" if done else ":gray[:material/radio_button_unchecked:]"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"{icon} **{number}. {t(f'start.step{number}', lang)}**  \n{t(f'start.step{number}.about', lang)}",
            width="stretch",
        )
        if way and links["upload"].visibility == "visible":
            st.page_link(
                links["upload"],
                label=t(f"start.step{number}.go", lang),
                icon=":material/arrow_forward:",
                query_params=address(lang),
            )
