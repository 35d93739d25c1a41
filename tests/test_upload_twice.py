"""Two at the upload page at once, and one who comes back to it: nothing is lost, and nothing is stored twice."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from pages_opened import page_of_app, to_page
from streamlit.testing.v1 import AppTest

from collect import registry
from collect.i18n import t
from collect.i18n.figures import counted
from collect.journey import define
from collect.settings import Settings, settings_from
from collect.store import Store, open_store

ANSWERS = (
    '<data id="household" version="2026092801"><consent>{}</consent><meta><instanceID>{}</instanceID></meta></data>'
)


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of compiled forms: each test's data folder has it."""
    cache = tmp_path_factory.mktemp("forms")
    define(settings_from({}).forms, cache / "forms")
    return cache


@pytest.fixture
def settings(tmp_path: Path, forms: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "cache").symlink_to(forms)
    environment = {"COLLECT_DATA": str(tmp_path), "COLLECT_DATABASE": "", "COLLECT_WORKER": "off"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    st.cache_resource.clear()
    return settings_from(environment)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings)
    yield opened
    opened.engine.dispose()


def day(*interviews: tuple[str, str]) -> bytes:
    """A zip of submissions: consent and id of each."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as bundle:
        for consent, ident in interviews:
            bundle.writestr(f"{ident}/submission.xml", ANSWERS.format(consent, ident))
    return made.getvalue()


def handed_in(content: bytes, name: str = "day.zip") -> AppTest:
    """A window in which a file was checked."""
    app = page_of_app("upload")
    app.file_uploader[0].upload(name, content, "application/zip")
    return app.run()


def stored(app: AppTest) -> AppTest:
    return next(one for one in app.button if one.label == counted("upload.store", 1, "en")).click().run()


def badges(app: AppTest) -> str:
    return " ".join(one.value for one in app.markdown)


def counts(store: Store) -> list[tuple[int, int, int]]:
    return [(part["new"], part["changed"], part["duplicate"]) for part in registry.parts_of(store.engine)]


def test_a_sampling_frame_is_named_once_and_has_no_repeat_rows(settings: Settings, store: Store) -> None:
    columns = "cluster,commune_code,vintage,stratum,households,probability,selected"
    frame = f"{columns}\n29242-01,29242,2025-07,29242,90,0.5,yes\n"
    app = page_of_app("upload")
    app.file_uploader[0].upload("frame.csv", frame.encode(), "text/csv").run()
    said = [one.value for one in app.caption]
    assert "Sampling frame" in said
    assert not [text for text in said if "repeat" in text]


def test_the_same_file_in_two_windows_is_stored_once_and_the_second_is_told(settings: Settings, store: Store) -> None:
    same = day(("no", "uuid:1"))
    one, other = handed_in(same), handed_in(same, "copy.zip")
    stored(one)
    assert t("upload.state.stored", "en") in badges(one)
    assert not one.exception
    stored(other)
    assert not other.exception
    assert t("upload.state.again", "en") in badges(other)
    assert not [toast for toast in other.toast if "stored" in toast.value]
    assert counts(store) == [(1, 0, 0)]


def test_what_another_window_stored_meanwhile_is_counted_as_it_is_and_not_as_it_was_previewed(
    settings: Settings, store: Store
) -> None:
    one, other = handed_in(day(("no", "uuid:1"))), handed_in(day(("yes", "uuid:1"), ("no", "uuid:2")))
    assert other.metric[0].value == "2", "both were new when the preview was made"
    stored(one)
    stored(other)
    assert counts(store) == [(1, 0, 0), (1, 1, 0)]
    assert "changed **1**" in badges(other).lower()


def test_who_comes_back_to_the_page_finds_what_arrived_and_an_empty_drop_zone(settings: Settings, store: Store) -> None:
    checked = handed_in(day(("no", "uuid:1")))
    assert registry.uploads(store.engine) == [], "a preview stores nothing"
    assert list(store.folder.glob("inbox/*/*")) == []
    back = page_of_app("upload")  # reloaded: another session
    assert not [one for one in back.button if one.label == counted("upload.store", 1, "en")]
    assert not back.expander
    stored(checked)
    back = to_page(back, "upload")
    assert back.expander[0].label == t("upload.received", "en")
    [listed] = (one.proto.body for one in back.expander[0].get("html"))
    assert listed.count("<td role='cell' class='strong' data-name='File'>day.zip</td>") == 1


def test_a_page_left_while_its_files_were_checked_forgets_them_and_nothing_else(
    settings: Settings, store: Store
) -> None:
    app = to_page(to_page(handed_in(day(("no", "uuid:1"))), "forms"), "upload")  # another page, and back
    assert not app.exception
    assert registry.uploads(store.engine) == []
    app.file_uploader[0].upload("day.zip", day(("no", "uuid:1")), "application/zip").run()
    stored(app)
    assert counts(store) == [(1, 0, 0)]


# --- right answers, handed in alone and with the interviews they belong to ---


def sheet(*rights: tuple[str, str]) -> bytes:
    """An issue spreadsheet filled in: interview, and the right answer to whether somebody consents."""
    lines = [f"{right},{ident},/data/consent" for ident, right in rights]
    return "\n".join(["New (phu:new),Interview (phu:submission),Path (phu:question)", *lines]).encode()


def told(app: AppTest) -> str:
    return " ".join(one.value for one in [*app.markdown, *app.info, *app.caption, *app.warning])


def offers_to_store(app: AppTest, files: int = 1) -> bool:
    return any(one.label == counted("upload.store", files, "en") for one in app.button)


@pytest.mark.parametrize("rights", [[("uuid:nobody", "yes"), ("uuid:1", "perhaps")], []])
def test_a_sheet_of_which_nothing_can_be_used_is_not_offered_to_be_stored(
    settings: Settings, store: Store, rights: list[tuple[str, str]]
) -> None:
    stored(handed_in(day(("yes", "uuid:1"))))
    app = handed_in(sheet(*rights), "issues.csv")
    assert not app.exception
    assert not offers_to_store(app)
    assert t("upload.nothing_new", "en") in told(app)
    assert not rights or t("upload.sheet.found", "en", applied="0", others="2") in told(app)


def test_a_right_answer_handed_in_with_its_interview_waits_for_it_and_is_used(settings: Settings, store: Store) -> None:
    app = page_of_app("upload")
    app.file_uploader[0].upload("issues.csv", sheet(("uuid:1", "no"), ("uuid:nobody", "no")), "text/csv")
    app.file_uploader[0].upload("day.zip", day(("yes", "uuid:1")), "application/zip").run()
    assert t("upload.sheet.found", "en", applied="0", others="1") in told(app)
    assert t("upload.sheet.awaited.about", "en", count="1") in told(app)
    table = " ".join(one.proto.body for one in app.get("html"))
    assert t("upload.sheet.awaited", "en") in table
    assert "uuid:nobody" not in table
    assert offers_to_store(app, 2)
    app.text_input(key="by").set_value(" ").run()
    assert app.text_input(key="by").label == "Handed in by", "not said to be optional"
    for _ in range(2):
        assert t("upload.needs_name", "en") in [one.value for one in app.warning]
        next(one for one in app.button if one.label == counted("upload.store", 2, "en")).click().run()
        assert not app.error
    assert registry.uploads(store.engine) == []
    app.text_input(key="by").set_value("Lan").run()
    next(one for one in app.button if one.label == counted("upload.store", 2, "en")).click().run()
    assert not app.exception
    assert t("cli.correct.sheet", "en", applied="1", others="1") in told(app)
    assert app.text_input(key="by").label == "Handed in by (optional)"


def test_why_a_file_is_refused_bears_the_name_it_was_handed_in_under(settings: Settings, store: Store) -> None:
    air = io.BytesIO()
    with zipfile.ZipFile(air, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("household.csv", b"0" * (33 << 20))
    app = handed_in(air.getvalue(), "week-43.zip")
    (error,) = (one.value.replace("\\", "") for one in app.error)
    assert "household.csv" in error
    assert "week-43.zip" in error
    assert "upload.zip" not in error


SENT = (
    '<data id="household" version="2026092801"><start>2026-10-26T09:22:11.000+07:00</start><deviceid>t-1</deviceid>'
    "<consent>yes</consent><household><size>{}</size></household><meta><instanceID>{}</instanceID></meta></data>"
)


@pytest.mark.parametrize("lang", ["vi", "km", "en"])
def test_a_draft_sent_again_is_told_with_the_file_that_brings_it(settings: Settings, store: Store, lang: str) -> None:
    stored(handed_in(SENT.format(3, "uuid:1").encode(), "a.xml"))
    app = page_of_app("upload", lang=lang)
    app.file_uploader[0].upload("b.xml", SENT.format(4, "uuid:2").encode(), "text/xml").run()
    assert not app.exception
    said = f"{counted('receipt.alike', 1, lang)} {t('upload.alike.where', lang)}"
    assert said in [one.value for one in app.warning]


def test_beside_the_button_stands_that_a_question_of_days_is_open(settings: Settings, store: Store) -> None:
    days = SENT.format(3, "uuid:1").replace("<consent>", "<today>7/10/2026</today><consent>")
    app = handed_in(days.encode(), "days.xml")
    assert not app.exception
    assert offers_to_store(app)
    assert t("upload.ask.open", "en") in [one.value for one in app.warning]
    app.radio[0].set_value("dmy").run()
    assert t("upload.ask.open", "en") not in [one.value for one in app.warning]
