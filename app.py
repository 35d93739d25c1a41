"""The app's entry: language, access to the results, navigation; the pages draw, and nothing else happens here."""

from __future__ import annotations

from functools import partial

import streamlit as st

from collect.access import may
from collect.i18n import t
from collect.pages import (
    commune_page,
    doors,
    forms_page,
    gap_list,
    layout,
    live,
    live_desk,
    live_field,
    live_maps,
    live_reviews,
    map_page,
    method,
    overview,
    partners_panel,
    progress_page,
    quality_page,
    review_page,
    served,
    start,
    trouble,
    upload,
)  # fmt: skip
from collect.settings import settings_from
from collect.sharing.releases import name_of

settings = settings_from()
lang = layout.language(settings.language)
st.set_page_config(t("page.title", lang), page_icon=served.FAVICON, layout="wide", initial_sidebar_state="collapsed")
layout.dress(lang)
who = doors.admitted(settings, lang)
links: dict[str, st.Page] = {}


def latest() -> live.Found | None:
    """The latest results as far as the visitor may see them; asked by the pages that need them, and by no other."""
    return live.results(settings, who) if may(who, "gap_files") else None


def begin() -> None:
    """Show the first steps where a page has nothing to show yet."""
    if not may(who, "run"):
        doors.nothing_yet(lang)
        return
    start.render(lang, links, live.uploads(settings, who), lambda progress: live_desk.try_out(settings, who, progress))


def overview_page() -> None:
    """Overview against targets."""
    results = latest()
    if results is None:
        begin()
    else:
        overview.render(results, lang, links)


def map_of_verdicts() -> None:
    """Map of verdicts."""
    results = latest()
    if results is None:
        begin()
    else:
        map_page.render(results, lang, map_page.Sources(
            vintage=results.units["vintage"][0],
            vintages=live.vintages(settings),
            results=lambda vintage: live.results(settings, who, vintage),
            map_file=partial(live_maps.map_file, live_maps.Asked(settings, who, lang)),
            links=links,
            make=(lambda vintage, told: live.run(settings, who, told, vintage)) if may(who, "run") else None,
            old=partial(live.behind, settings, who),
        ))  # fmt: skip


def page_of_commune() -> None:
    """One commune."""
    results = latest()
    if results is None:
        begin()
    else:
        commune_page.render(results, lang, commune_page.Sources(
            behind=lambda target, place: live.behind_pictures(
                settings, who, results.run_id, target.target_id, place, lang
            ),
            sheet=partial(live_maps.sheet_file, live_maps.Asked(settings, who, lang), results),
            links=links,
        ))  # fmt: skip


def gaps_page() -> None:
    """Gap list."""
    results = latest()
    if results is None:
        begin()
    else:
        gap_list.render(results, lang, gap_list.Sources(
            write=partial(live.gap_file, settings, who, results, lang=lang),
            dictionary=lambda: live.dictionary(lang),
            links=links,
            release=name_of(results.run_id, who.scope) if who.role == "partner" else None,
            partners=partial(partners_panel.render, settings, who, lang) if may(who, "partners") else None,
        ))  # fmt: skip


def upload_page() -> None:
    """Upload."""
    upload.render(live_desk.desk(settings, who), live_reviews.reviewing(settings, who), lang, links)


def page_of_reviews() -> None:
    """Review."""
    review_page.render(live_reviews.reviewing(settings, who), lang, links)


def page_of_quality() -> None:
    """Quality."""
    asked = partial(live_field.quality, settings, who, lang=lang)
    quality_page.render(live_field.forms(settings, who), asked, lang, links, who.sees_all_teams)


def page_of_progress() -> None:
    """Progress."""
    progress_page.render(live_field.coverage(settings, who, lang), lang, links)


def page_of_forms() -> None:
    """Forms."""
    forms_page.render(live_field.forms(settings, who), lang, forms_page.Sources(
        files=partial(live_field.form_files, settings, who),
        template=partial(live_field.template, settings, who, lang=lang),
        username="" if who.local else who.name,
    ))  # fmt: skip


def method_page() -> None:
    """Method."""
    results = trouble.unless_damaged(latest)
    method.render(
        results, lang, None if results is None else lambda target: live.communes_picture(results, target, lang)
    )


PAGES = {  # code in the address -> what draws it, its icon; the first that somebody may see is where they begin
    "overview": (overview_page, "dashboard"),
    "map": (map_of_verdicts, "map"),
    "commune": (page_of_commune, "pin_drop"),
    "gaps": (gaps_page, "download"),
    "upload": (upload_page, "upload_file"),
    "review": (page_of_reviews, "fact_check"),
    "quality": (page_of_quality, "troubleshoot"),
    "progress": (page_of_progress, "trending_up"),
    "forms": (page_of_forms, "assignment"),
    "method": (method_page, "function"),
}
BEGIN = "overview" if may(who, "overview") else None  # the page at the root of the address
for code, (draw, icon) in PAGES.items():
    links[code] = st.Page(
        doors.guarded(who, code, draw, lang),
        title=t(f"nav.{code}", lang),
        icon=f":material/{icon}:",
        url_path="begin" if code == BEGIN else code,
        default=code == BEGIN,
        visibility="visible" if may(who, code) and code != "commune" else "hidden",
    )
if not may(who, "overview"):  # pages keep their addresses, so where somebody begins is a page of its own
    first = next(code for code in PAGES if may(who, code))
    links["begin"] = st.Page(lambda: st.switch_page(links[first]), url_path="begin", default=True, visibility="hidden")
else:  # Streamlit opens the first page at the root alone: its own code in a link leads there too, with all it asked
    asked = st.query_params.to_dict()
    links["root"] = st.Page(
        lambda: st.switch_page(links["overview"], query_params=asked), url_path="overview", visibility="hidden"
    )
opened = st.navigation(list(links.values()), position="top")
layout.phone_pages(links.values(), opened, lang)
opened.run()
