"""Decisions and corrections that the results do not count yet are told, with the way to make the results again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import polars as pl
import pytest
import streamlit as st
from access_tables import LAST, made_run, runs_behind_the_app
from made_rounds import settings_in as settings_below
from made_rounds import stored
from pages_opened import page_of_app
from streamlit.testing.v1 import AppTest

import geo
from collect import registry
from collect.access import LOCAL, Who
from collect.demo import make_round
from collect.i18n import t
from collect.intake import Asked
from collect.journey import define
from collect.keeping import ledger
from collect.keeping.ledger import Said
from collect.pages import doors, live, live_reviews
from collect.review import reviews
from collect.review.since import changed_since
from collect.runs import read_run, write_run
from collect.settings import Settings
from collect.store import Store

store = pytest.fixture(runs_behind_the_app)
A, B = "uuid:a", "uuid:b"


def review(ident: str, old: str, new: str) -> Said:
    return Said("review", "household", ident, old, new, "seen")


def pair(kept: str, other: str, verdict: str) -> Said:
    return Said("pair", "household", kept, None, verdict, "", other)


CORRECTION = Said("correction", "household", A, "3", "4", "typed wrong", A, question="/data/age")
BEFORE_AND_SINCE: dict[str, tuple[Sequence[Said], Sequence[Said], bool]] = {
    "nothing": ([CORRECTION], [], False),
    "accepted": ([], [review(A, "received", "accepted"), review(B, "received", "accepted")], False),
    "accepted, and taken back": ([review(A, "received", "accepted")], [review(A, "accepted", "received")], False),
    "sent back": ([], [review(A, "received", "accepted"), review(B, "received", "sent_back")], True),
    "rejected": ([], [review(A, "accepted", "rejected")], True),
    "accepted, then rejected": ([], [review(A, "received", "accepted"), review(A, "accepted", "rejected")], True),
    "rejected, once sent back": ([review(A, "received", "sent_back")], [review(A, "sent_back", "rejected")], False),
    "accepted, which was rejected": ([review(A, "received", "rejected")], [review(A, "rejected", "accepted")], True),
    "sent back, and taken back": ([], [review(A, "received", "sent_back"), review(A, "sent_back", "received")], False),
    "corrected": ([], [review(B, "received", "accepted"), CORRECTION], True),
    "two are one": ([], [pair(A, B, "same")], True),
    "two are not one": ([], [pair(A, B, "different")], False),
    "said again": ([pair(A, B, "same")], [pair(A, B, "same")], False),
    "the other is kept": ([pair(A, B, "same")], [pair(B, A, "same")], True),
    "two are not one after all": ([pair(A, B, "same")], [pair(B, A, "different")], True),
}


@pytest.mark.parametrize("case", BEFORE_AND_SINCE)
def test_only_what_may_change_figures_makes_results_old(store: Store, case: str) -> None:
    before, since, changed = BEFORE_AND_SINCE[case]
    ledger.append(store, before, "Minh")
    head = ledger.head(store)
    ledger.append(store, since, "Minh")
    assert changed_since(store, head) == changed
    assert changed_since(store, ledger.head(store)) is False


def test_results_of_another_ledger_may_differ_in_everything(store: Store) -> None:
    assert changed_since(store, "0" * 64)


def test_runs_made_before_they_noted_the_ledger_are_not_called_old(store: Store) -> None:
    at = store.run_folder(LAST) / "run.json"
    facts = json.loads(at.read_text(encoding="utf-8"))
    del facts["ledger_head"]
    at.write_text(json.dumps(facts), encoding="utf-8")
    live._found.clear()
    ledger.append(store, [CORRECTION], "Minh")
    assert read_run(store, LAST).ledger_head is None
    assert live.behind(store.settings, LOCAL, None) == ""


@pytest.mark.parametrize(
    ("page", "lang"), [("overview", "vi"), ("gaps", "km"), ("commune", "en"), ("map", "vi"), ("upload", "km")]
)
def test_decisions_since_are_told_with_the_way_to_count_them(store: Store, page: str, lang: str) -> None:
    banner = t("banner.outdated.decisions", lang, button=t("upload.run", lang), page=t("nav.upload", lang))
    offers = {
        "map": t("map.vintage.decisions", lang, vintage=geo.LATEST),
        "upload": t("upload.run.why.decisions", lang),
    }

    def said() -> set[str]:
        app = page_of_app(page, lang, id="29341")
        assert not app.exception
        return {text.value for text in (*app.info, *app.markdown)} & {banner, *offers.values()}

    write_run(store, replace(made_run(), ledger_head=""))
    live._found.clear()
    assert said() == set()
    ledger.append(store, [CORRECTION], "Minh")
    assert said() == {offers.get(page, banner)}
    write_run(store, replace(made_run(), ledger_head=ledger.head(store)))
    live._found.clear()
    assert said() == set(), "made with them, nothing is left to do"


def test_who_drew_a_page_with_many_decisions_is_not_made_to_wait_for_them_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def changed(_store: Store, head: str) -> bool:
        asked.append(head)
        return False

    monkeypatch.setattr(live, "changed_since", changed)
    write_run(store, replace(made_run(), ledger_head=""))
    live._found.clear()
    ledger.append(store, [review(A, "received", "accepted")], "Minh")
    for _ in range(3):
        assert live.behind(store.settings, LOCAL, None) == ""
    assert asked == [""]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_below(tmp_path_factory.mktemp("since"))


@pytest.fixture(scope="module")
def office(settings: Settings) -> Iterator[Store]:
    made = make_round(settings.data / "demo", households=80)
    with stored(settings, [(path, Asked(by="Minh")) for path in made.files]) as opened:
        yield opened


@pytest.fixture
def page(office: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    monkeypatch.setenv("COLLECT_DATA", str(settings.data))
    monkeypatch.setenv("COLLECT_DATABASE", "")
    monkeypatch.setenv("COLLECT_WORKER", "off")
    st.cache_resource.clear()

    def opened(name: str, who: Who = LOCAL) -> AppTest:
        monkeypatch.setattr(doors, "visitor", lambda _settings: who)
        return page_of_app(name, "en")

    return opened


def told(app: AppTest) -> bool:
    assert not app.exception
    return any("decided on or corrected" in one.value for one in (*app.info, *app.markdown))


def test_a_decision_is_counted_by_the_button_on_upload(
    page: Callable[..., AppTest], office: Store, settings: Settings
) -> None:
    rows = reviews.queue(office, define(settings.forms))
    waiting = rows.filter(state="with_issues")["submission_id"].to_list()
    counted = registry.shown_run(office.engine)
    reviews.decide(office, waiting[:1], "accepted", "seen", "Minh")
    assert not told(page("review")), "what has issues counts already"
    reviews.decide(office, waiting[1:2], "rejected", "made up at home", "Minh")
    for name in ("review", "overview", "gaps", "upload"):
        assert told(page(name)), name
    assert "Press “Make the results”" in next(iter(page("review", Who("Minh", "planner", subject="3")).info)).value
    upload = page("upload")
    next(one for one in upload.button if one.label == t("upload.run", "en")).click().run()
    assert not told(upload)
    assert registry.shown_run(office.engine) != counted
    assert any("up to date" in one.value for one in upload.success)
    for name in ("review", "overview", "upload"):
        assert not told(page(name)), name


def test_what_the_platform_rejected_and_the_office_accepts_counts_anew(office: Store, settings: Settings) -> None:
    head = ledger.head(office)
    rows = reviews.queue(office, define(settings.forms)).filter(state="received", form="household")
    at = office.part("household", "households", rows["upload_id"][0])
    ident = rows["submission_id"][0]
    whole = pl.read_parquet(at)
    reviews.decide(office, [ident], "accepted", "", "Minh")
    assert not changed_since(office, head)
    refused = pl.when(submission_id=ident).then(pl.lit("rejected")).otherwise("status")
    try:
        whole.with_columns(status=refused).write_parquet(at)
        assert changed_since(office, head)
    finally:
        whole.write_parquet(at)


def test_who_may_not_make_results_is_not_told_to(office: Store, settings: Settings) -> None:
    assert live_reviews.LiveReviews(settings, Who("x", "partner")).uncounted is False
