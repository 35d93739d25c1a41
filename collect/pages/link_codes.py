"""Codes in a link that nothing here answers to: said on the page, never replaced in silence.

A link outlives what it names: a target is dropped, a commune merged, a reader sees less than the one who sent it.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from collect.i18n import t
from collect.pages.words import as_text

UNKNOWN = "link-unknown"  # key in the address -> the codes it asked for; until somebody chooses
SLOT = "link-slot"  # where this page says so, and what it has said


def place(lang: str) -> None:
    """Keep a place under the title; widgets further down fill it."""
    st.session_state[SLOT] = (st.empty(), {}, lang)


def remember(key: str, codes: Sequence[str]) -> None:
    """Note that a link asked ``key`` for codes that are not here."""
    st.session_state.setdefault(UNKNOWN, {})[key] = list(codes)


def chosen(key: str) -> None:
    """Somebody chose: what the link asked no longer matters."""
    st.session_state.get(UNKNOWN, {}).pop(key, None)


def tell(key: str, label: str) -> None:
    """Say what was asked of the widget called ``label`` and is not here; the page says all of it in one place."""
    codes = st.session_state.get(UNKNOWN, {}).get(key)
    if not codes or SLOT not in st.session_state:
        return
    slot, said, lang = st.session_state[SLOT]
    said[key] = t("link.unknown", lang, label=label, codes=", ".join(f"“{as_text(code)}”" for code in codes))
    slot.warning("  \n".join(said.values()), icon=":material/link_off:")
