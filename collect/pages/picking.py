"""Choosing several of a kind, its stable codes in the address: a filtered list opens the same in any language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be chosen: words by code; ``first``: chosen before anybody chooses, where the address says nothing."""

    key: str
    label: str
    words: Mapping[str, str]
    first: Sequence[str] = ()


def several(kind: Kind, everything: str) -> list[str]:
    """A multiselect; nothing chosen means everything, and says so."""
    key, options = kind.key, list(kind.words)
    if key not in st.session_state:
        asked = st.query_params.get_all(key)
        st.session_state[key] = [code for code in (asked or kind.first) if code in options]
    st.session_state[key] = [code for code in st.session_state[key] if code in options]

    def push() -> None:
        st.query_params[key] = st.session_state[key]

    picked: list[str] = st.multiselect(
        kind.label,
        options,
        key=key,
        format_func=lambda code: kind.words[code],
        placeholder=everything,
        on_change=push,
        persist_state="session",
    )
    return picked
