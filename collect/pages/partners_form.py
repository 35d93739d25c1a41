"""The form for one partner: code, name, how far it may see; what was typed stays while something is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import streamlit as st

from collect.access import Forbidden, Scope
from collect.i18n import t
from collect.pages.issues import error_words
from collect.pages.words import as_text
from collect.problems import CollectError
from collect.sharing.partners import Partner

LIMITS = ("provinces", "communes", "indicators")
Save = Callable[[str, str, Scope], None]  # code, name, scope; raises CollectError


@dataclass(frozen=True, slots=True)
class Choices:
    """What a scope can name: words by code, each with its code, found by typing."""

    provinces: Mapping[str, str]
    communes: Mapping[str, str]
    indicators: Mapping[str, str]


def draw(choices: Choices, partner: Partner | None, save: Save, lang: str) -> None:
    """A new partner, or one that is known with its name and scope filled in; ``save`` is called when somebody says so.

    A reason not to save is said under the form, whose fields stay as they are.
    """
    slot = _slot(partner)
    with st.form(slot, border=True):
        title = "partners.add" if partner is None else "partners.edit.title"
        st.markdown(f"**{t(title, lang, **({} if partner is None else {'partner': as_text(partner.name)}))}**")
        left, right = st.columns(2)
        code = "" if partner is None else partner.partner
        if partner is None:
            code = left.text_input(
                t("partners.code", lang), help=t("partners.code.help", lang), key=f"{slot}-code", max_chars=64
            ).strip()
        else:
            left.text_input(t("partners.code", lang), value=code, disabled=True, key=f"{slot}-known-code")
        known = "" if partner is None else partner.name
        name = right.text_input(t("partners.name", lang), value=known, key=f"{slot}-name", max_chars=120).strip()
        scope = _scope(choices, partner, slot, lang)
        st.caption(t("partners.scope.help", lang))
        button, icon = ("add.button", "person_add") if partner is None else ("edit.save", "save")
        asked = st.form_submit_button(t(f"partners.{button}", lang), icon=f":material/{icon}:", type="primary")
    if asked and not code:
        st.error(t("partners.code.missing", lang), icon=":material/error:")
    elif asked:
        try:
            save(code, name or code, scope)
        except Forbidden:
            raise  # not about what was typed
        except CollectError as error:
            found, mend = error_words(error, lang)
            st.error(f"{found} **{mend}**", icon=":material/error:")


def _scope(choices: Choices, partner: Partner | None, slot: str, lang: str) -> Scope:
    picked: dict[str, frozenset[str] | None] = {}
    for limit in LIMITS:
        words: Mapping[str, str] = getattr(choices, limit)
        held = frozenset() if partner is None else getattr(partner.scope, limit) or frozenset()
        chosen = st.multiselect(
            t(f"partners.{limit}", lang),
            [*words, *sorted(held - set(words))],  # a code that is no longer known is shown, not dropped unseen
            default=sorted(held),
            format_func=partial(_named, words),
            placeholder=t(f"partners.{limit}.all", lang),
            key=f"{slot}-{limit}",
            select_all=False,  # Enter would take all that begins so: what a partner sees is chosen one by one
        )
        picked[limit] = frozenset(chosen) or None
    return Scope(**picked)


def _named(words: Mapping[str, str], code: str) -> str:
    return words.get(code, code)


def _slot(partner: Partner | None) -> str:
    """The form's name; a form that was saved is followed by an empty one."""
    return f"partner-{st.session_state.setdefault('partner-turn', 0)}-{'new' if partner is None else partner.partner}"


def done() -> None:
    """Forget what the form holds: it was saved, or somebody thought better of it."""
    st.session_state["partner-turn"] = st.session_state.get("partner-turn", 0) + 1
    st.session_state.pop("partner-edited", None)
