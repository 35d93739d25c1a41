"""The app's entry: language, access to the results, navigation; the pages draw, and nothing else happens here."""

from __future__ import annotations

from functools import partial

import streamlit as st

from collect.i18n import t
from collect.pages import gap_list, layout, live, map_page, method, overview, served, start, upload
from collect.settings import settings_from

settings = settings_from()
lang = layout.language(settings.language)
st.set_page_config(t("page.title", lang), page_icon=served.FAVICON, layout="wide", initial_sidebar_state="collapsed")
layout.dress(lang)
results = live.results(settings)
links: dict[str, st.Page] = {}


def begin() -> None:
    """Show the first steps where a page has nothing to show yet."""
    start.render(lang, links, live.uploads(settings), lambda progress: live.try_out(settings, progress))


def overview_page() -> None:
    """Overview against targets."""
    if results is None:
        begin()
    else:
        overview.render(results, lang, links)


def map_of_verdicts() -> None:
    """Map of verdicts."""
    if results is None:
        begin()
    else:
        map_page.render(
            results,
            lang,
            lambda target: live.html_map(settings, results, target, lang),
            lambda target, code: live.behind_pictures(settings, results.run_id, target.target_id, code, lang),
        )


def gaps_page() -> None:
    """Gap list."""
    if results is None:
        begin()
    else:
        write = partial(live.gap_file, results, lang=lang)
        gap_list.render(results, lang, write, lambda: live.dictionary(lang))


def upload_page() -> None:
    """Upload."""
    upload.render(live.desk(settings), lang, links)


def method_page() -> None:
    """Method."""
    method.render(
        results, lang, None if results is None else lambda target: live.communes_picture(results, target, lang)
    )


links["overview"] = st.Page(overview_page, title=t("nav.overview", lang), icon=":material/dashboard:", default=True)
links["map"] = st.Page(map_of_verdicts, title=t("nav.map", lang), icon=":material/map:", url_path="map")
links["gaps"] = st.Page(gaps_page, title=t("nav.gaps", lang), icon=":material/download:", url_path="gaps")
links["upload"] = st.Page(upload_page, title=t("nav.upload", lang), icon=":material/upload_file:", url_path="upload")
links["method"] = st.Page(method_page, title=t("nav.method", lang), icon=":material/function:", url_path="method")
opened = st.navigation(list(links.values()), position="top")
layout.phone_pages(links.values(), lang)
opened.run()
