"""Who is here and how far they see, on every page: nobody should wonder why something is not shown."""

from __future__ import annotations

import streamlit as st

from collect.i18n import t
from collect.pages.scope_words import scope_words
from collect.pages.words import as_text


def account(lang: str) -> None:
    """Who is here, what they may see, and the way out; for a title row."""
    who = st.session_state.get("who")
    if who is None:
        return
    shown = t(f"door.{who.name}", lang) if who.local else as_text(who.name)
    with st.popover(shown, icon=":material/person:", key="account"):
        st.markdown(f"**{shown}** · {t(f'role.{who.role}', lang)}")
        st.caption(t(f"door.{who.name}.about", lang) if who.local else as_text(scope_words(who.scope, lang)))
        if not who.local:
            leave(lang)


def leave(lang: str) -> None:
    """The way out: ends the login here and at the provider."""
    st.button(t("door.logout", lang), icon=":material/logout:", key="logout", on_click=st.logout)
