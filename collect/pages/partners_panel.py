"""The administrator's panel under the gap list: partners with their scope and tokens, and the ledger of downloads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st
from babel.dates import format_datetime

from collect.access import Scope, Who, require
from collect.i18n import t
from collect.indicators import Indicator
from collect.pages.issues import error_words
from collect.pages.live import definitions, the_store
from collect.pages.words import NOTHING, counted, number
from collect.problems import CollectError
from collect.settings import Settings
from collect.sharing import partners
from collect.store import Store

CODE = r"[a-z0-9-]+"


def render(settings: Settings, who: Who, lang: str) -> None:
    """Draw the panel. Raises Forbidden for anybody but an administrator."""
    require(who, "partners")
    store = the_store(settings)
    with st.expander(t("partners.title", lang), icon=":material/handshake:"):
        st.caption(t("partners.about", lang))
        _new_token(lang)
        known = partners.listed(store.engine)
        if not known:
            st.info(t("partners.none", lang))
        for partner in known:
            _partner(store, partner, lang)
        _add(store, definitions(settings).indicators, who, lang)
    with st.expander(t("partners.ledger", lang), icon=":material/receipt_long:"):
        _ledger(store, lang)


def _new_token(lang: str) -> None:
    """The token made a moment ago, shown until somebody says that it is copied: any click may draw the page again."""
    made = st.session_state.get("new-token")
    if made is not None:
        partner, secret = made
        st.success(t("partners.token.made", lang, partner=partner), icon=":material/key:")
        st.code(secret, language=None)
        if st.button(t("partners.token.copied", lang), icon=":material/check:"):
            del st.session_state["new-token"]
            st.rerun()


def _partner(store: Store, partner: partners.Partner, lang: str) -> None:
    working = [token for token in partner.tokens if token.works(datetime.now(UTC))]
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap="xsmall", width="stretch"):
            st.markdown(f"**{partner.name}** ({partner.partner})")
            said = [_scope(partner.scope, lang), counted("partners.tokens", len(working), lang)]
            if working:
                said.append(t("partners.until", lang, day=_instant(max(x.expires_at for x in working), lang)))
            st.caption(" · ".join(said))
        if st.button(t("partners.token.new", lang), key=f"token-{partner.partner}", icon=":material/key:"):
            st.session_state["new-token"] = (partner.name, partners.new_token(store.engine, partner.partner))
            st.rerun()
        revoke = t("partners.revoke", lang)
        if working and st.button(revoke, key=f"revoke-{partner.partner}", icon=":material/block:"):
            partners.revoke(store.engine, partner.partner)
            st.rerun()


def _add(store: Store, indicators: Sequence[Indicator], who: Who, lang: str) -> None:
    by_id = {indicator.indicator_id: indicator.labels[lang] for indicator in indicators}
    with st.form("new-partner", border=True):
        st.markdown(f"**{t('partners.add', lang)}**")
        left, right = st.columns(2)
        code = left.text_input(t("partners.code", lang), help=t("partners.code.help", lang))
        name = right.text_input(t("partners.name", lang))
        chosen = st.multiselect(
            t("partners.indicators", lang),
            list(by_id),
            format_func=lambda one: f"{one} · {by_id[one]}",
            placeholder=t("partners.indicators.choose", lang),
        )
        asked = st.form_submit_button(t("partners.add.button", lang), icon=":material/person_add:")
    if not asked:
        return
    if not code:
        st.error(t("partners.code.missing", lang), icon=":material/error:")
        return
    try:
        partners.save(store.engine, code, name or code, Scope(indicators=frozenset(chosen) or None), by=who.signature)
        st.session_state["new-token"] = (name or code, partners.new_token(store.engine, code))
    except CollectError as error:
        found, mend = error_words(error, lang)
        st.error(f"{found} **{mend}**", icon=":material/error:")
        return
    st.rerun()


def _scope(scope: Scope, lang: str) -> str:
    limits = (("provinces", scope.provinces), ("communes", scope.communes), ("indicators", scope.indicators))
    said = [f"{t(f'scope.{name}', lang)}: {', '.join(sorted(codes))}" for name, codes in limits if codes is not None]
    return "; ".join(said) or t("scope.everything", lang)


def _ledger(store: Store, lang: str) -> None:
    lines = partners.downloads(store.engine)
    if not lines:
        st.info(t("partners.ledger.none", lang))
        return
    st.caption(t("partners.ledger.about", lang))
    rows = [
        {
            t("partners.ledger.at", lang): _instant(line.at, lang),
            t("partners.ledger.who", lang): line.who or line.partner or NOTHING,
            t("partners.ledger.via", lang): line.via,
            t("partners.ledger.release", lang): line.release,
            t("partners.ledger.file", lang): line.file,
            t("partners.ledger.bytes", lang): number(line.size_bytes, lang),
            "SHA-256": line.sha256,
        }
        for line in lines
    ]
    st.dataframe(rows, hide_index=True, alt=t("partners.ledger", lang))


def _instant(text: str, lang: str) -> str:
    """An instant of the registry, which is in UTC, as the reader's language writes it on this machine's clock."""
    return str(format_datetime(datetime.fromisoformat(text).astimezone(), "dd/MM/yyyy HH:mm", locale=lang))
