"""Choosing sections, forms and filters by stable codes in the address: a link opens the same in any language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from collect.forms import Form
from collect.i18n import t
from collect.pages import link_codes
from collect.pages.layout import coded
from collect.speech import title_of


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
    st.session_state[key] = link_codes.settle(key, options, kind.first)
    link_codes.tell(key, kind.label)
    picked: list[str] = st.multiselect(
        kind.label,
        options,
        key=key,
        format_func=lambda code: kind.words[code],
        placeholder=everything,
        on_change=partial(link_codes.chose, key, kind.first),
        persist_state="session",
    )
    return picked


def section(key: str, label: str, words: Mapping[str, str]) -> str:
    """One of a page's sections, the first where nobody chose; ``words`` by code."""
    return str(
        coded(
            st.segmented_control,
            label,
            list(words),
            key=key,
            default=next(iter(words)),
            required=True,
            format_func=lambda code: words[code],
            label_visibility="collapsed",
        )
    )


def section_and_form(
    key: str, label: str, words: Mapping[str, str], forms: Sequence[Form], lang: str
) -> tuple[str, Form]:
    """A page's section on the left, and on the right the form it speaks of."""
    by_id = {form.form_id: form for form in forms}
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(width="content"):
            chosen = section(key, label, words)
        with st.container(width=300):
            form_id = coded(
                st.selectbox,
                t("review.filter.form", lang),
                list(by_id),
                key="form_id",
                default=next(iter(by_id)),
                format_func=lambda code: title_of(by_id[code], lang),
                label_visibility="collapsed",
            )
    return chosen, by_id[form_id]
