"""The doors of the app: log in, log in again, not for you; each in the visitor's language."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from collect.access import ROLES, Forbidden, Who, require
from collect.i18n import t
from collect.pages import trouble
from collect.pages.account import leave
from collect.pages.issues import error_words
from collect.pages.layout import header, header_once
from collect.pages.live import the_store
from collect.pages.visitor import until_it_ends, visitor
from collect.pages.words import as_text
from collect.problems import CollectError
from collect.settings import Settings
from collect.sharing.partners import with_scope
from collect.sharing.vintages import has_ground

ON_GROUND = ("overview", "map", "commune", "gaps", "review", "quality", "progress")  # pages that speak of places
LOGIN = {"ACC-02": "door.login", "ACC-10": "door.expired"}


def admitted(settings: Settings, lang: str) -> Who:
    """Who is here; where nobody may come in, the door is drawn and the script stops."""
    try:
        who = visitor(settings)
        who = with_scope(the_store(settings).engine, who) if who.role == "partner" else who
    except CollectError as error:
        _closed(error, lang)
        st.stop()
    if who.role not in ROLES:
        header(t("door.no_role", lang), lang)
        _card(t("door.no_role.about", lang, name=as_text(who.name)), t("door.ask", lang), ":material/person_off:")
        leave(lang)
        st.stop()
    st.session_state["who"] = who
    until_it_ends(who)
    return who


def guarded(who: Who, code: str, draw: Callable[[], None], lang: str) -> Callable[[], None]:
    """A page that is drawn only for who may have it; whoever types its address sees why not.

    What it needs and finds damaged is said in its place: pages that need nothing of it go on.
    """

    def page() -> None:
        try:
            require(who, code)
            if code in ON_GROUND and not has_ground(who.scope):
                _nowhere(code, lang)
                return
            draw()
        except Forbidden as error:
            _closed(error, lang)
        except CollectError as error:
            header_once(t(f"nav.{code}", lang), lang)
            trouble.damaged(error, lang)

    page.__name__ = f"{code}_page"
    return page


def nothing_yet(lang: str) -> None:
    """For who waits for the first results and cannot make them."""
    header(t("nav.gaps", lang), lang)
    _card(t("door.nothing_yet", lang), t("door.nothing_yet.about", lang), ":material/hourglass_empty:")


def _nowhere(code: str, lang: str) -> None:
    """For who may have a page and no place on it: an empty page would read as good news."""
    header(t(f"nav.{code}", lang), lang)
    _card(t("door.no_place", lang), t("door.no_place.about", lang), ":material/location_off:")


def _closed(error: CollectError, lang: str) -> None:
    found, mend = error_words(error, lang)
    if error.code in LOGIN:
        header(t(LOGIN[error.code], lang), lang)
        with st.container(border=True, width=640):
            st.markdown(f"### {t('page.title', lang)}\n\n{t(f'{LOGIN[error.code]}.about', lang)}")
            st.button(
                t(f"{LOGIN[error.code]}.button", lang), type="primary", icon=":material/login:", on_click=st.login
            )
            st.caption(t("door.privacy", lang))
        return
    header(t("door.forbidden", lang), lang)
    _card(found, mend, ":material/block:")
    if isinstance(error, Forbidden) and st.session_state.get("who") is None:
        leave(lang)


def _card(found: str, about: str, icon: str) -> None:
    with st.container(border=True, width=640):
        st.markdown(f"### {icon} {found}")
        st.markdown(about)
