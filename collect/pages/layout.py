"""What every page shares: the language, the title row, the banners, and widgets whose code stands in the address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from collect.access import may
from collect.i18n import LANGUAGES, t
from collect.pages import data, foreign, link_codes, served
from collect.pages.account import account
from collect.pages.alone import stay_alone
from collect.pages.data import Results, Since
from collect.pages.words import as_text, day, number


def language(default: str) -> str:
    """The language in use: this session's, else the address's, the one last used here, the installation's default.

    What was last used is a cookie: who comes back from logging in comes without an address of ours.
    """
    asked = st.query_params.get("lang")
    if link_codes.went_back() and asked in LANGUAGES:
        st.session_state["lang"] = asked
    if st.session_state.get("lang") not in LANGUAGES:
        wished = (asked, st.context.cookies.get(LAST_USED), default, "vi")
        st.session_state["lang"] = next(lang for lang in wished if lang in LANGUAGES)
    chosen = str(st.session_state["lang"])
    if asked != chosen:
        st.query_params["lang"] = chosen
    return chosen


LAST_USED = "phu_lang"
PHONE = "@media (max-width:768px)"  # where Streamlit folds the row of pages away
MORE = (  # a shadow and an arrow at the edge of a table, while columns are out of sight behind it
    "[data-testid='stDataFrame']{timeline-scope:--columns}.dvn-scroller{scroll-timeline:--columns x}"
    "[data-testid='stDataFrame']::after{content:'›';position:absolute;inset:1px 1px 1px auto;width:1.1rem;z-index:1;"
    "pointer-events:none;opacity:0;font-size:1.35rem;line-height:2rem;text-align:center;border-radius:0 .5rem .5rem 0;"
    "background:linear-gradient(to right,transparent,#8886);animation:more linear both;animation-timeline:--columns}"
    "@keyframes more{from,90%{opacity:1}to{opacity:0}}"
)
ROOM = (  # a phone shows its pages in rows, and neither shows room that nothing fills
    ".stMainBlockContainer{padding-top:4.25rem;padding-bottom:3rem}"
    ".st-key-phone-pages{display:none}"
    "[data-testid='stMetricLabel'] [data-testid='stMarkdownContainer'],[data-testid='stMetricLabel'] p"
    "{white-space:normal!important;overflow:visible;overflow-wrap:anywhere}"  # two lines rather than "Intervi…"
    ":is(.st-key-banner,.st-key-outdated) [data-testid='stAlertContainer']{padding:.35rem .75rem;min-height:0}"
    ":is(.st-key-banner,.st-key-outdated) p{font-size:.875rem}"
    "[data-testid='stCaptionContainer']{color:inherit;opacity:.78}"  # Streamlit's own grey is too pale to read
    "[data-testid^='stBaseButton-primary'],[data-testid^='stBaseButton-primary'] :is(p,span)"  # white on the dark
    "{color:light-dark(#fff,#10161d)}"  # theme's pale blue has a contrast of 2.4
    "[data-testid='stDataFrameResizable']{overflow-x:clip}"  # its unseen handle made the page of a phone wider than it
    f"{MORE}{PHONE}{{[data-testid='stHeader'],[data-testid='stSidebar']{{display:none}}"
    ".stMainBlockContainer{padding:.75rem 1rem 3rem}"
    ".st-key-phone-pages{display:flex;gap:0 .1rem;border-bottom:1px solid #8884;padding-bottom:.35rem}"
    ".st-key-phone-pages p{white-space:nowrap;font-size:.875rem}"
    ".st-key-phone-pages a{padding:.2rem .5rem}.st-key-phone-pages a>:has([data-testid='stIconMaterial']){display:none}"
    "[data-testid='stFullScreenFrame']:has(>[data-testid='stDataFrame'])"  # a table may use the whole screen
    "{margin:0 -1rem;width:calc(100% + 2rem)!important}"
    "[data-testid='stButtonGroup'] [role='radiogroup']{flex-wrap:wrap;gap:.3rem;overflow:visible;mask:none}"
    "[data-testid='stButtonGroup'] [role='radiogroup'] button"
    "{margin:0;border-radius:.5rem;border-width:1px!important;border-style:solid!important}"
    "[data-testid='stButtonGroup'] [role='radiogroup'] button:not([aria-checked='true'])"
    "{border-color:#8886!important}"
    ".st-key-phone-pages>*{flex:none;width:auto}"
    ".st-key-account button p{font-size:0}"  # the icon stands for the name, which a screen reader still says
    "[role='group']:has(>[data-testid='stMultiSelectTagsContainer']),[data-testid='stMultiSelectTagsContainer'],[data-tag]"
    "{height:auto!important;max-height:none!important}[data-tag]{padding:.2rem .35rem!important;font-size:.8125rem}"
    "[data-tag]>span{white-space:normal!important;overflow:visible!important;line-height:1.5}"  # two lines, not "មានប…"
    "h1{font-size:1.5rem!important;padding:.25rem 0!important}"
    ".katex-display{font-size:.8rem;overflow:visible!important}"  # a formula fits, so nobody need scroll it
    ".st-key-by-commune{max-height:480px;overflow-y:auto}"  # the table below it stays within reach
    "[data-testid='stElementToolbar']{display:none}"  # always open under a finger, over whatever stands above
    "}"
)


HERE = """/* {page} */ for (const wait of [100, 500, 2000]) setTimeout(() => {{
const row = document.querySelector('.st-key-phone-pages'), here = location.pathname.split('/').pop();
for (const link of row ? row.querySelectorAll('a') : [])
  if (link.getAttribute('href').split('?')[0] === here) link.setAttribute('aria-current', 'page');
  else link.removeAttribute('aria-current');
}}, wait)"""  # the page that is open says so to a screen reader


def dress(lang: str) -> None:
    """Fonts of ours, the page's language said to screen readers, and no wasted room on a phone."""
    st.session_state["headed"] = False
    stay_alone()
    served.register()
    st.html(f"<style>{served.font_faces()}{ROOM}{_uploader_words(lang)}</style>")
    keep = f"document.cookie = '{LAST_USED}={lang};path=/;max-age=31536000;samesite=lax'"
    run = f"document.documentElement.lang = '{lang}'; {keep}; {foreign.script(lang)}"
    st.html(f"<script>{run}</script>", unsafe_allow_javascript=True)


def _uploader_words(lang: str) -> str:
    # the upload button's own words exist in English only
    button = '[class*="st-key-files"] [data-testid="stFileUploaderDropzone"] button'
    hint = '[class*="st-key-files"] [data-testid="stFileUploaderDropzoneInstructions"]'
    return (
        f"{button} p{{font-size:0}}{button} p::after{{content:'{t('upload.choose', lang)}';font-size:1rem}}"
        f"{hint} *{{display:none}}{hint}::after{{content:'{t('upload.drop', lang)}';font-size:.875rem}}"
    )


def phone_pages(pages: Iterable[Any], opened: Any, lang: str) -> None:
    """The pages as a row of links, where the screen is too narrow for the navigation: a folded menu goes unseen."""
    with st.container(horizontal=True, key="phone-pages"):
        for page in pages:
            if page.visibility == "visible":
                st.page_link(page, query_params=address(lang))
        st.html(f"<script>{HERE.format(page=opened.url_path)}</script>", unsafe_allow_javascript=True)


def to_upload(links: Mapping[str, st.Page], lang: str) -> None:
    """The way on from a page that has nothing to show yet, for those who may take it."""
    if "upload" in links and links["upload"].visibility == "visible":
        st.page_link(
            links["upload"], label=t("nav.upload", lang), icon=":material/upload_file:", query_params=address(lang)
        )


def header(
    title: str, lang: str, results: Results | None = None, *, offered: bool = False, communes: int | None = None
) -> None:
    """Title and language switch on one row, then what the figures are and what they lack.

    ``offered``: the page itself offers to make the results anew. ``communes``: how many the page tells of, unless all
    that have a verdict.
    """
    st.session_state["headed"] = True
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title(title, anchor=False, width="content")
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            account(lang)
            _language_switch()
    link_codes.place(lang)
    if results is None:
        return
    if communes is None:
        communes = data.latest(results.verdicts.filter(level="commune"))["place"].n_unique()
    words = {
        "round": as_text(data.last_round(results) or "–"),
        "day": day(results.as_of, lang),
        "communes": number(communes, lang),
        "run": results.run_id,
    }
    st.caption(t("page.about", lang, **words))
    if results.outdated and not offered:
        outdated(results.outdated, lang)
    made_up_banner(results.made_up, lang)


def outdated(since: Since, lang: str, links: Mapping[str, st.Page] | None = None) -> None:
    """What came since the results, and the page where they are made again; with ``links``, the way there.

    With nothing to say its place is kept: what stands below stays as it is when a press makes it speak.
    """
    page, button = ("upload", "upload.run") if _may_upload() else ("map", "map.vintage.make")
    with st.container(key="outdated"):
        if since:
            told = {"page": t(f"nav.{page}", lang), "button": t(button, lang)}
            st.info(t(f"banner.outdated.{since}", lang, **told), icon=":material/update:")
        if since and links and page in links:
            label = t(f"nav.{page}", lang)
            st.page_link(links[page], label=label, icon=":material/arrow_forward:", query_params=address(lang))


def _may_upload() -> bool:
    """Whether this visitor has the page that makes results; planners make them on the map."""
    who = st.session_state.get("who")
    return who is None or may(who, "upload")


def header_once(title: str, lang: str) -> None:
    """The title row where the page has none yet: what it needed could not be read before it began."""
    if not st.session_state.get("headed"):
        header(title, lang)


def made_up_banner(made_up: bool, lang: str) -> None:
    """Say what must not be mistaken: that what follows was made up."""
    if made_up:
        with st.container(key="banner"):
            st.warning(t("banner.made_up", lang), icon=":material/science:")


def _language_switch() -> None:
    coded(
        st.segmented_control,
        "Ngôn ngữ · ភាសា · Language",
        list(LANGUAGES),
        key="lang",
        default="vi",
        format_func=lambda code: LANGUAGES[code],
        label_visibility="collapsed",
        required=True,
    )


def coded(
    widget: Callable[..., Any],
    label: str,
    options: Sequence[str],
    *,
    key: str,
    default: str | None,
    format_func: Callable[[Any], str],
    **more: Any,
) -> Any:
    """A widget that puts its stable code in the address, never the translated label: links open in any language.

    A code in the address that is not among ``options`` is said to be unknown.
    """
    first = [] if default is None else [default]
    st.session_state[key] = next(iter(link_codes.settle(key, options, first)), default)  # anew: pages forget it
    link_codes.tell(key, label)
    told = partial(link_codes.chose, key, first)
    return widget(label, options, key=key, format_func=format_func, on_change=told, persist_state="session", **more)


def address(lang: str, **codes: str | None) -> dict[str, str]:
    """The address codes to hand to a link between pages."""
    return {"lang": lang, **{name: code for name, code in codes.items() if code}}
