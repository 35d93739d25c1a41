"""Results for another list of communes, made from the map by those who may; nothing else on screen changes by it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from access_tables import LAST, made_run, outlines_come, runs_behind_the_app, settings_in
from app_tables import make_results
from pages_opened import page_of_app
from streamlit.testing.v1 import AppTest

import geo
from collect import registry, tables
from collect.access import LOCAL, Forbidden, Scope, Who
from collect.i18n import t
from collect.pages import doors, live
from collect.runs import Run, write_run
from collect.sharing import releases
from collect.store import Store

FORMER = "20260930-former0000"


store = pytest.fixture(runs_behind_the_app)


def former_run(store: Store) -> Run:
    """A run for the communes of 2024, as `collect.runs.make_run` leaves one."""
    of_2024 = make_results(vintage="2024")
    made = replace(
        made_run(FORMER),
        vintage="2024",
        estimates=tables.Estimates(of_2024.estimates),
        verdicts=tables.Verdicts(of_2024.verdicts),
        gaps=tables.Gaps(of_2024.gaps),
    )
    write_run(store, made)
    registry.record_run(store.engine, FORMER, "2024", date(2026, 9, 30))
    return made


def button(app: AppTest, lang: str) -> Any:
    return next((one for one in app.button if one.label == t("map.vintage.make", lang)), None)


@pytest.mark.parametrize("lang", ["vi", "km", "en"])
def test_a_list_without_results_offers_to_make_them_and_a_reason_to_stop_is_said(store: Store, lang: str) -> None:
    app = page_of_app("map", lang, vintage="2024")
    assert not app.exception
    assert t("map.vintage.none", lang, vintage="2024") in [text.value for text in app.markdown]
    assert app.selectbox(key="target").value == "S2-2025-commune"
    assert {one.key for one in app.get("button_group")} >= {"show", "vintage"}
    assert t("banner.made_up", lang) in [text.value for text in app.warning]
    button(app, lang).click().run()
    assert not app.exception
    assert "STO-05" in app.error[0].value, "nothing was received in this store"
    assert registry.vintages_run(store.engine) == ["2025-07"]


def test_a_commune_in_the_address_travels_with_its_list_and_stays_behind_when_the_list_changes(store: Store) -> None:
    app = page_of_app("map", "vi", commune="29341")
    assert app.query_params["vintage"] == "2025-07"
    app.segmented_control(key="vintage").set_value("2024").run()
    assert "commune" not in app.query_params, "the same code may be another commune of 2024"


def test_results_are_made_for_the_list_that_was_chosen_and_shown(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def make_run(_store: Store, _definitions: object, *, vintage: str | None, progress: live.Progress) -> Run:
        asked.append(vintage)
        progress("step.estimate", 0.5)
        return former_run(store)

    monkeypatch.setattr(live, "make_run", make_run)
    app = page_of_app("map", "en", vintage="2024")
    button(app, "en").click().run()
    assert not app.exception
    assert asked == ["2024"]
    assert button(app, "en") is None
    assert any(FORMER in text.value for text in app.caption)


def test_a_former_list_does_not_take_the_place_of_the_one_in_force(store: Store) -> None:
    former_run(store)
    settings = settings_in(store.folder)
    found, former = live.results(settings, LOCAL), live.results(settings, LOCAL, "2024")
    assert found is not None
    assert former is not None
    assert (found.run_id, former.run_id) == (LAST, FORMER)
    assert releases.file_of(store, LOCAL, "gaps.csv", "vi").release == LAST
    told = {one["release"]: (one["vintage"], one["latest"]) for one in releases.listed(store, LOCAL)}
    assert told[LAST] == (geo.LATEST, True)
    assert told[FORMER] == ("2024", False)


def two_files_come(store: Store) -> None:
    for number in range(2):
        names = {"upload_id": str(number), "sha256": str(number) * 64, "file_name": "day.csv", "size_bytes": 1}
        registry.record_upload(store.engine, {**names, "received_at": "2026-10-01T10:00:00+00:00"}, [])


@pytest.mark.parametrize("page", ["overview", "gaps", "commune", "map"])
@pytest.mark.parametrize("lang", ["vi", "km", "en"])
def test_figures_that_do_not_count_every_stored_file_say_so(store: Store, page: str, lang: str) -> None:
    told = t("banner.outdated.files", lang, button=t("upload.run", lang), page=t("nav.upload", lang))
    assert told not in [text.value for text in page_of_app(page, lang, id="29341").info]
    two_files_come(store)
    told_there = told in [text.value for text in page_of_app(page, lang, id="29341").info]
    offered = t("map.vintage.make", lang) in [one.label for one in page_of_app(page, lang).button]
    assert (told_there, offered) == (page != "map", page == "map"), "the map itself offers to count them"


@pytest.mark.parametrize("page", ["overview", "gaps", "commune", "map", "upload"])
@pytest.mark.parametrize("lang", ["vi", "km", "en"])
def test_outlines_that_came_since_are_told_with_the_way_to_make_results_with_them(
    store: Store, page: str, lang: str
) -> None:
    banner = t("banner.outdated.outlines", lang, button=t("upload.run", lang), page=t("nav.upload", lang))
    offers = {
        "map": t("map.vintage.outlines", lang, vintage=geo.LATEST),
        "upload": t("upload.run.why.outlines", lang),
    }

    def said() -> set[str]:
        app = page_of_app(page, lang, id="29341")
        return {text.value for text in (*app.info, *app.markdown)} & {banner, *offers.values()}

    assert said() == set()
    outlines_come(store.folder)
    assert said() == {offers.get(page, banner)}
    write_run(store, replace(made_run(), boundaries="reference"))
    live._found.clear()
    assert said() == set(), "made with them, nothing is left to do"


@pytest.mark.parametrize("lang", ["vi", "km", "en"])
def test_once_outlines_are_here_nobody_is_told_to_fetch_them(store: Store, lang: str) -> None:
    def why() -> str:
        return next(text.value for text in page_of_app("gaps", lang).caption if t("PUB-07.found", lang) in text.value)

    assert "collect geo fetch" in why()
    assert "collect run" in why()
    outlines_come(store.folder)
    assert "collect" not in why()


def test_a_planner_is_led_to_the_page_where_planners_make_results(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "visitor", lambda _settings: Who("Minh", "planner"))
    outlines_come(store.folder)
    [told] = [text.value for text in page_of_app("gaps", "en").info]
    assert told == t("banner.outdated.outlines", "en", button=t("map.vintage.make", "en"), page=t("nav.map", "en"))


@pytest.mark.parametrize("lang", ["vi", "km", "en"])
def test_a_partner_is_told_what_a_partner_can_do_and_what_the_numbers_count(
    store: Store, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "visitor", lambda _settings: Who("Ly", "partner", Scope(indicators=frozenset({"S2"}))))
    monkeypatch.setattr(doors, "with_scope", lambda _engine, who: who)
    outlines_come(store.folder)
    app = page_of_app("gaps", lang)
    said = [text.value for text in app.caption]
    assert f"{t('PUB-08.found', lang)} {t('PUB-08.mend', lang)}" in said
    assert t("gap_list.release.part", lang) in said
    assert not [text for text in said if "collect " in text]
    assert not app.info, "nobody who cannot make results is told to"
    communes = made_run().gaps.filter(indicator="S2")["commune_code"].n_unique()
    assert any(re.search(rf"\b{communes}\b", text) and LAST in text for text in said), "withheld ones among them"


def test_files_that_a_former_lists_results_do_not_know_are_said(store: Store) -> None:
    former_run(store)
    two_files_come(store)
    app = page_of_app("map", "en", vintage="2024")
    assert t("map.vintage.files", "en", vintage="2024") in [text.value for text in app.markdown]
    assert button(app, "en") is not None
    assert any(FORMER in text.value for text in app.caption), "what is there is shown meanwhile"


@pytest.mark.parametrize("role", ["partner", "none"])
def test_who_may_not_make_results_cannot(store: Store, role: str) -> None:
    settings = settings_in(store.folder)
    steps: tuple[Callable[[], object], ...] = (
        lambda: live.run(settings, Who("x", role), lambda _step, _share: None, "2024"),
        lambda: live.behind(settings, Who("x", role), "2024"),
    )
    for step in steps:
        with pytest.raises(Forbidden):
            step()
