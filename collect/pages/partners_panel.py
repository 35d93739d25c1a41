"""The administrator's panel under the gap list: partners with their scope and tokens, and the ledger of downloads."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

import geo
from collect.access import Scope, Who
from collect.i18n import t
from collect.pages import finding, partners_form
from collect.pages.live import definitions
from collect.pages.live_partners import LivePartners
from collect.pages.partners_form import Choices
from collect.pages.scope_words import scope_words
from collect.pages.words import NOTHING, as_text, counted, day, moment, number
from collect.settings import Settings
from collect.sharing.partners import Partner, Token

DANGER = (  # Streamlit has one colour for what is pressed first; this cannot be taken back
    "<style>[class*='st-key-revoke-'] button[kind=primary]{background:#b3261e;border-color:#b3261e;color:#fff}</style>"
)
LINES_SHOWN = 500  # of the ledger on screen; the file has them all


def render(settings: Settings, who: Who, lang: str) -> None:
    """Draw the panel. Raises Forbidden for anybody but an administrator."""
    desk = LivePartners(settings, who)
    known = desk.listed()
    with st.expander(t("partners.title", lang), icon=":material/handshake:"):
        st.caption(t("partners.about", lang))
        _new_token(lang)
        if not known:
            st.info(t("partners.none", lang))
        choices = _choices(settings, lang)
        edited = st.session_state.get("partner-edited")
        for partner in known:
            if partner.partner == edited:
                _edit(desk, choices, partner, lang)
            else:
                _partner(desk, partner, lang)
        if edited not in {partner.partner for partner in known}:  # one form at a time
            _add(desk, choices, lang)
    with st.expander(t("partners.ledger", lang), icon=":material/receipt_long:"):
        _ledger(desk, lang)


def _choices(settings: Settings, lang: str) -> Choices:
    units = geo.units(geo.LATEST)
    communes = finding.communes(units, lang)
    return Choices(
        {code: f"{geo.PROVINCES.get(code, code)} · {code}" for code in sorted(set(units["province_code"]))},
        {code: f"{name} · {code}" for code, name in communes.items()},
        {one.indicator_id: f"{one.indicator_id} · {one.labels[lang]}" for one in definitions(settings).in_gap_lists},
    )


def _new_token(lang: str) -> None:
    """The token made a moment ago, shown until somebody says that it is copied: any click may draw the page again."""
    made = st.session_state.get("new-token")
    if made is not None:
        partner, secret = made
        st.success(t("partners.token.made", lang, partner=as_text(partner)), icon=":material/key:")
        st.code(secret, language=None)
        if st.button(t("partners.token.copied", lang), icon=":material/check:"):
            del st.session_state["new-token"]
            st.rerun()


def _partner(desk: LivePartners, partner: Partner, lang: str) -> None:
    code, now = partner.partner, datetime.now(UTC)
    working = [token for token in partner.tokens if token.works(now)]
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(gap="xsmall", width="stretch"):
                st.markdown(f"**{as_text(partner.name)}** ({as_text(code)})")
                tokens = counted("partners.tokens", len(working), lang)
                st.caption(f"{as_text(scope_words(partner.scope, lang))} · {tokens}")
            if st.button(t("partners.edit", lang), key=f"edit-{code}", icon=":material/edit:"):
                partners_form.done()
                st.session_state["partner-edited"] = code
                st.rerun()
            if st.button(t("partners.token.new", lang), key=f"token-{code}", icon=":material/key:"):
                st.session_state["new-token"] = (partner.name, desk.new_token(code))
                st.rerun()
            if len(working) > 1:
                _revoke(desk, code, None, lang)
        for token in working:
            _token(desk, code, token, lang)
        over = [token for token in partner.tokens if token not in working]
        if over and st.toggle(counted("partners.tokens.over", len(over), lang), key=f"over-{code}"):
            for token in over:
                _token(desk, code, token, lang)


def _token(desk: LivePartners, code: str, token: Token, lang: str) -> None:
    """One token: when it was made, until when it opens, when it was shown last; one that works can be revoked."""
    works = token.works(datetime.now(UTC))
    ended = "revoked" if token.revoked_at else "expired"
    words = {
        "token": token.token_id,
        "made": _day(token.created_at, lang),
        "until": _day(token.revoked_at or token.expires_at, lang),
        "used": t("partners.token.never", lang) if token.last_used_at is None else moment(token.last_used_at, lang),
    }
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if works:
            st.badge(t("partners.token.works", lang), icon=":material/check:", color="green")
        else:
            st.badge(t(f"partners.token.{ended}", lang), icon=":material/block:", color="gray")
        st.caption(t(f"partners.token.line.{'works' if works else ended}", lang, **words), width="stretch")
        if works:
            _revoke(desk, code, token.token_id, lang)


def _revoke(desk: LivePartners, code: str, token_id: str | None, lang: str) -> None:
    """Close one token, or all: asked twice, because nobody can open it again."""
    which = "all" if token_id is None else "one"
    with st.popover(t(f"partners.revoke.{which}", lang), icon=":material/block:", key=f"ask-{code}-{token_id}"):
        st.markdown(t(f"partners.revoke.{which}.sure", lang, **({"token": token_id} if token_id else {})))
        st.html(DANGER)
        if st.button(t("partners.revoke.now", lang), key=f"revoke-{code}-{token_id}", type="primary"):
            desk.revoke(code, token_id)
            st.rerun()


def _edit(desk: LivePartners, choices: Choices, partner: Partner, lang: str) -> None:
    def save(code: str, name: str, scope: Scope) -> None:
        desk.change(code, name, scope)
        partners_form.done()
        st.toast(t("partners.edit.saved", lang, partner=as_text(name)), icon=":material/check_circle:")
        st.rerun()

    partners_form.draw(choices, partner, save, lang)
    st.button(t("partners.edit.cancel", lang), icon=":material/close:", on_click=partners_form.done)


def _add(desk: LivePartners, choices: Choices, lang: str) -> None:
    def save(code: str, name: str, scope: Scope) -> None:
        st.session_state["new-token"] = (name, desk.add(code, name, scope))
        partners_form.done()
        st.rerun()

    partners_form.draw(choices, None, save, lang)


def _ledger(desk: LivePartners, lang: str) -> None:
    lines = desk.handed_out(LINES_SHOWN)
    if not lines:
        st.info(t("partners.ledger.none", lang))
        return
    st.caption(t("partners.ledger.about", lang))
    st.download_button(
        t("partners.ledger.csv", lang),
        data=desk.ledger_file,
        file_name="downloads.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    words = {name: t(f"partners.ledger.{name}", lang) for name in ("at", "who", "via", "release", "file", "bytes")}
    rows = [
        {
            "#": line.number,
            words["at"]: moment(line.at, lang),
            words["who"]: line.who or line.partner or NOTHING,
            words["via"]: t(f"partners.ledger.via.{line.via}", lang),
            words["release"]: line.release,
            words["file"]: line.file,
            words["bytes"]: number(line.size_bytes, lang),
            "SHA-256": line.sha256,
        }
        for line in lines
    ]
    st.dataframe(rows, hide_index=True, alt=t("partners.ledger", lang))


def _day(text: str, lang: str) -> str:
    """The day of an instant of the registry, which is in UTC, on this machine's calendar."""
    return day(datetime.fromisoformat(text).astimezone().date(), lang)
