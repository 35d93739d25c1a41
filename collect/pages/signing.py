"""Who acts where nobody logs in: asked once, kept for the session, the same name on every page."""

from __future__ import annotations

import os

import streamlit as st

from collect.access import LOCAL, Who


def ask_name(who: Who, label: str, width: int = 260) -> str:
    """The field with the name, and what it holds; who logged in has a name, and is asked nothing.

    At the machine itself it begins with the account's name, as `collect add` and `collect review` sign on it; whoever
    comes over the network sits at another machine.
    """
    if not who.local:
        return ""
    if "by" not in st.session_state:
        st.session_state["by"] = os.environ.get("USER", "") if who == LOCAL else ""
    return st.text_input(label, key="by", persist_state="session", max_chars=80, width=width) or ""
