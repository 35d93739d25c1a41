"""What every visit and click begins with: language, access to the results, navigation; then one page is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import streamlit as st

from collect.access import Who, may
from collect.i18n import t
from collect.pages import (
    commune_page,
    doors,
    forms_page,
    gap_list,
    layout,
    link_codes,
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
from collect.settings import Settings, settings_from
from collect.sharing.releases import name_of


@dataclass(frozen=True, slots=True)
class Visit:
    """Who came, in which language, and the pages there are; each of its methods draws one."""

    settings: Settings
    who: Who
    lang: str
    links: dict[str, st.Page] = field(default_factory=dict)

    def latest(self) -> live.Found | None:
        """The latest results as far as the visitor may see them; asked by the pages that need them, and by no other."""
        return live.results(self.settings, self.who) if may(self.who, "gap_files") else None

    def begin(self) -> None:
        """Show the first steps where a page has nothing to show yet."""
        if not may(self.who, "run"):
            doors.nothing_yet(self.lang)
            return
        try_out = partial(live_desk.try_out, self.settings, self.who) if may(self.who, "try_out") else None
        start.render(self.lang, self.links, live.uploads(self.settings, self.who), try_out)

    def overview(self) -> None:
        """Overview against targets."""
        results = self.latest()
        if results is None:
            self.begin()
        else:
            overview.render(results, self.lang, self.links)

    def map(self) -> None:
        """Map of verdicts."""
        settings, who = self.settings, self.who
        results = self.latest()
        if results is None:
            self.begin()
        else:
            map_page.render(results, self.lang, map_page.Sources(
                vintage=results.units["vintage"][0],
                vintages=live.vintages(settings),
                results=lambda vintage: live.results(settings, who, vintage),
                map_file=partial(live_maps.map_file, live_maps.Asked(settings, who, self.lang)),
                links=self.links,
                make=(lambda vintage, told: live.run(settings, who, told, vintage)) if may(who, "run") else None,
                since=partial(live.behind, settings, who),
            ))  # fmt: skip

    def commune(self) -> None:
        """One commune."""
        settings, who, lang = self.settings, self.who, self.lang
        results = self.latest()
        if results is None:
            self.begin()
        else:
            commune_page.render(results, lang, commune_page.Sources(
                behind=lambda target, place: live.behind_pictures(
                    settings, who, results.run_id, target.target_id, place, lang
                ),
                sheet=partial(live_maps.sheet_file, live_maps.Asked(settings, who, lang), results),
                links=self.links,
            ))  # fmt: skip

    def gaps(self) -> None:
        """Gap list."""
        settings, who, lang = self.settings, self.who, self.lang
        results = self.latest()
        if results is None:
            self.begin()
        else:
            gap_list.render(results, lang, gap_list.Sources(
                write=partial(live.gap_file, settings, who, results, lang=lang),
                dictionary=lambda: live.dictionary(lang),
                links=self.links,
                release=name_of(results.run_id, who.scope) if who.role == "partner" else None,
                partners=partial(partners_panel.render, settings, who, lang) if may(who, "partners") else None,
            ))  # fmt: skip

    def upload(self) -> None:
        """Upload."""
        desk, reviewing = live_desk.desk(self.settings, self.who), live_reviews.reviewing(self.settings, self.who)
        upload.render(desk, reviewing, self.lang, self.links)

    def review(self) -> None:
        """Review."""
        review_page.render(live_reviews.reviewing(self.settings, self.who), self.lang, self.links)

    def quality(self) -> None:
        """Quality."""
        asked = partial(live_field.quality, self.settings, self.who, lang=self.lang)
        forms = live_field.forms(self.settings, self.who)
        quality_page.render(forms, asked, self.lang, self.links, self.who.sees_all_teams)

    def progress(self) -> None:
        """Progress."""
        progress_page.render(live_field.coverage(self.settings, self.who, self.lang), self.lang, self.links)

    def forms(self) -> None:
        """Forms."""
        settings, who, lang = self.settings, self.who, self.lang
        forms_page.render(live_field.forms(settings, who), lang, forms_page.Sources(
            files=partial(live_field.form_files, settings, who),
            template=partial(live_field.template, settings, who, lang=lang),
            username="" if who.local else who.name,
        ))  # fmt: skip

    def method(self) -> None:
        """Method."""
        results = trouble.unless_damaged(self.latest)
        picture = None if results is None else partial(live.communes_picture, results, lang=self.lang)
        method.render(results, self.lang, picture)


PAGES = {  # code in the address -> what draws it, its icon; the first that somebody may see is where they begin
    "overview": (Visit.overview, "dashboard"),
    "map": (Visit.map, "map"),
    "commune": (Visit.commune, "pin_drop"),
    "gaps": (Visit.gaps, "download"),
    "upload": (Visit.upload, "upload_file"),
    "review": (Visit.review, "fact_check"),
    "quality": (Visit.quality, "troubleshoot"),
    "progress": (Visit.progress, "trending_up"),
    "forms": (Visit.forms, "assignment"),
    "method": (Visit.method, "function"),
}


def draw() -> None:
    """Draw what the address asks for, as far as whoever came may see it."""
    settings = settings_from()
    lang = layout.language(settings.language)
    icon = served.FAVICON
    st.set_page_config(t("page.title", lang), page_icon=icon, layout="wide", initial_sidebar_state="collapsed")
    layout.dress(lang)
    visit = Visit(settings, doors.admitted(settings, lang), lang)
    visit.links.update(pages(visit))
    opened = st.navigation(list(visit.links.values()), position="top")
    st.set_page_config(f"{opened.title} · Phủ")  # the tab bears the page's name
    link_codes.arrive(opened.url_path)
    layout.phone_pages(visit.links.values(), opened, lang)
    opened.run()


def pages(visit: Visit) -> dict[str, st.Page]:
    """Every page by its code, those that are not for this visitor among them: an address typed says why not."""
    who, lang = visit.who, visit.lang
    begins = "overview" if may(who, "overview") else None  # the page at the root of the address
    links = {
        code: st.Page(
            doors.guarded(who, code, partial(page, visit), lang),
            title=t(f"nav.{code}", lang),
            icon=f":material/{icon}:",
            url_path="begin" if code == begins else code,
            default=code == begins,
            visibility="visible" if may(who, code) and code != "commune" else "hidden",
        )
        for code, (page, icon) in PAGES.items()
    }
    if begins is None:  # pages keep their addresses, so where somebody begins is a page of its own
        first = next(links[code] for code in PAGES if may(who, code))
        begin = st.Page(lambda: st.switch_page(first), url_path="begin", default=True, visibility="hidden")
        return {**links, "begin": begin}
    asked = st.query_params.to_dict()  # Streamlit opens the first page at the root alone: its code leads there, too
    root = st.Page(
        lambda: st.switch_page(links["overview"], query_params=asked), url_path="overview", visibility="hidden"
    )
    return {**links, "root": root}
