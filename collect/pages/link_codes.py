"""Codes in the address, which decide what a page shows; those that nothing here answers to are said on the page.

Whoever opens a page, or comes to it with Back or Forward, sees what its address says; what they choose then is written
into it. A link outlives what it names: a target is dropped, a commune merged, a reader sees less than the one who sent
it. Such a code is never replaced in silence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from collect.i18n import t
from collect.pages.words import as_text

ARRIVAL = "link-arrival"  # the page that is open, whether Back or Forward led to it, the keys that were read since
UNKNOWN = "link-unknown"  # key in the address -> the codes it asked for; until somebody chooses
SLOT = "link-slot"  # where this page says so, and what it has said


def went_back() -> bool:
    """Whether Back or Forward led here: then the address says everything, also by what it does not name."""
    running = get_script_run_ctx()
    return running is not None and running.is_history_navigation


def arrive(page: str) -> None:
    """Note which page is open: where it was not open before, its choices read the address, each once."""
    back = went_back()
    if back or st.session_state.get(ARRIVAL, {}).get("page") != page:
        st.session_state[ARRIVAL] = {"page": page, "back": back, "read": set()}
        st.session_state.pop(UNKNOWN, None)


def settle(key: str, options: Collection[str], first: Sequence[str] = ()) -> list[str]:
    """What is chosen under ``key``: on arrival what the address asks for, else what was chosen before, else ``first``.

    A link that does not name ``key`` leaves what was chosen on an earlier visit, and its address is completed.
    """
    asked = _asked(key)
    codes = asked if asked is not None else _held(key)
    chosen = [code for code in codes if code in options]
    unknown = [code for code in asked or () if code and code not in options]
    if unknown:
        st.session_state.setdefault(UNKNOWN, {})[key] = unknown
    if not chosen and "" not in codes:
        chosen = [code for code in first if code in options]
    if key not in st.session_state.get(UNKNOWN, {}):
        _complete(key, chosen, first)
    return chosen


def _asked(key: str) -> list[str] | None:
    """What the address asks of ``key``, once after an arrival; None where what was chosen holds."""
    arrival = st.session_state.setdefault(ARRIVAL, {"page": None, "back": False, "read": set()})
    if key in arrival["read"]:
        return None
    arrival["read"].add(key)
    asked = st.query_params.get_all(key)
    return asked if asked or arrival["back"] else None


def _held(key: str) -> list[str]:
    """What was chosen, and an empty code where that is nothing."""
    held = st.session_state.get(key, ())
    codes = [held] if isinstance(held, str) else list(held or ())
    return codes or ([""] if key in st.session_state else [])


def chose(key: str, first: Sequence[str] = ()) -> None:
    """Somebody chose: the address says what, and what a link asked before no longer matters."""
    st.session_state.get(UNKNOWN, {}).pop(key, None)
    _write(key, [code for code in _held(key) if code], first)


def drop(key: str) -> None:
    """What was chosen means nothing here: forget it, and in the address too, but for what a link only now asks for."""
    st.session_state.pop(key, None)
    if key in st.session_state.get(ARRIVAL, {}).get("read", ()):
        _write(key, [], ())


def _complete(key: str, chosen: Sequence[str], first: Sequence[str]) -> None:
    if key in st.query_params or list(chosen) != list(first):
        _write(key, chosen, first)


def _write(key: str, chosen: Sequence[str], first: Sequence[str]) -> None:
    """Name ``chosen`` in the address; that nothing is chosen, only where something would be without a word."""
    codes = list(chosen) or ([""] if first else [])
    if codes != st.query_params.get_all(key):
        if codes:
            st.query_params[key] = codes
        else:
            del st.query_params[key]


def place(lang: str) -> None:
    """Keep a place under the title; widgets further down fill it."""
    st.session_state[SLOT] = (st.empty(), {}, lang)


def tell(key: str, label: str) -> None:
    """Say what was asked of the widget called ``label`` and is not here; the page says all of it in one place."""
    codes = st.session_state.get(UNKNOWN, {}).get(key)
    if not codes or SLOT not in st.session_state:
        return
    slot, said, lang = st.session_state[SLOT]
    said[key] = t("link.unknown", lang, label=label, codes=", ".join(f"“{as_text(code)}”" for code in codes))
    slot.warning("  \n".join(said.values()), icon=":material/link_off:")
