"""Files whose bytes are kept though they brought their reader down: why, what to do, and another try."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from collect.access import Forbidden
from collect.i18n import t
from collect.pages.issues import filled, reason
from collect.pages.words import as_text, counted, moment, number
from collect.problems import CollectError
from collect.receive.apart import UNREADABLE

if TYPE_CHECKING:
    from collect.intake import Receipt

Again = Callable[[str, Callable[[str, float], None]], "Receipt"]  # the SHA-256 of a kept file, and where to tell steps


def render(refused: Sequence[Mapping[str, Any]], again: Again, lang: str) -> None:
    """List them, the latest first. ``refused``: rows of the registry, with the limits that held."""
    if not refused:
        return
    st.subheader(counted("upload.refused", len(refused), lang), anchor=False)
    st.caption(t("upload.refused.about", lang))
    for one in sorted(refused, key=lambda row: str(row["received_at"]), reverse=True):
        with st.container(border=True, gap="small"):
            _one(one, again, lang)


def _one(one: Mapping[str, Any], again: Again, lang: str) -> None:
    values = {**one, "file": as_text(one["file_name"]), "reason": as_text(one["reason"])}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{values['file']}**", width="content")
        st.badge(t("upload.state.unreadable", lang), icon=":material/error:", color="red")
        size = number(max(1, round(one["size_bytes"] / 1024)), lang)
        who = " · ".join(filter(None, (moment(one["received_at"], lang), as_text(one["received_by"]), f"{size} KB")))
        st.caption(who, width="stretch")
        pressed = st.button(t("upload.refused.again", lang), key=f"again-{one['sha256']}", icon=":material/replay:")
    st.error("\n\n".join([*_why(str(one["code"]), values, lang), str(one["code"])]), icon=":material/error:")
    if pressed:
        _try(one["sha256"], again, lang)


def _why(code: str, values: Mapping[str, Any], lang: str) -> list[str]:
    """Why it could not be read and what to do; of a file that a rebuild found, what another try will say in full."""
    if code not in UNREADABLE:
        return [t("upload.refused.unsaid", lang, file=values["file"])]
    return [filled(f"{code}.found", lang, values), f"**{filled(f'{code}.mend', lang, values)}**"]


def _try(sha256: str, again: Again, lang: str) -> None:
    with st.status(t("upload.refused.trying", lang), type="step") as status:
        try:
            receipt = again(sha256, lambda step, share: status.update(label=f"{t(step, lang)} ({share:.0%})"))
        except Forbidden:
            raise
        except CollectError as error:
            status.update(label=t("upload.failed", lang, file=""), state="error")
            reason(error, lang)
            return
    st.toast(t("upload.kept", lang, file=as_text(receipt.file)), icon=":material/check_circle:")
    st.rerun()
