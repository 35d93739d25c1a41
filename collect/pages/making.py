"""Making results while somebody waits: each step is shown, a reason to stop is said and changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from collect.access import Forbidden
from collect.i18n import t
from collect.pages.data import Since
from collect.pages.issues import reason
from collect.problems import CollectError

Progress = Callable[[str, float], None]


def make(run: Callable[[Progress], str], lang: str, working: str = "upload.running") -> str | None:
    """Make results and return their run's id; None where they could not be made, which is said."""
    bar = st.progress(0.0)
    with st.status(t(working, lang), type="step") as status:

        def told(step: str, share: float) -> None:
            status.update(label=f"{t(step, lang)} ({share:.0%})")
            bar.progress(min(max(share, 0.0), 1.0))

        try:
            return run(told)
        except Forbidden:
            raise
        except CollectError as error:
            status.update(label=t("upload.run.failed", lang), state="error")
            reason(error, lang)
            return None


def offer(vintage: str, since: Since, run: Callable[[Progress], str], lang: str) -> None:
    """Results for a list of communes that has none, or has some that do not know what came ``since``."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(t(f"map.vintage.{since or 'none'}", lang, vintage=vintage), width="stretch")
        pressed = st.button(
            t("map.vintage.make", lang),
            type="secondary" if since else "primary",
            icon=":material/calculate:",
            key=f"make-{vintage}",
        )
    if pressed and make(run, lang) is not None:
        st.rerun()
