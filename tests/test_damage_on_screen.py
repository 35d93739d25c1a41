"""Something stored is damaged: the pages that need it say so in words, the others go on, and health tells."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from access_tables import settings_in
from pages_opened import page_of_app, to_page
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from collect import api
from collect.demo import make_round
from collect.i18n import LANGUAGES, t
from collect.intake import Asked, add_file
from collect.journey import define
from collect.pages import trouble
from collect.runs import make_run
from collect.store import open_store

PAGES = ("", "map", "commune", "gaps", "upload", "review", "quality", "progress", "forms", "method")
GARBAGE = b"not a Parquet file"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after one whole journey; every test damages a copy."""
    folder = tmp_path_factory.mktemp("sound") / "data"
    store, definitions = open_store(settings_in(folder)), define(settings_in(folder).forms)
    made = make_round(folder / "demo")
    for path in (*made.files, made.frame):
        add_file(store, path, definitions, Asked(by="demo", name=path.name))
    make_run(store, definitions)
    store.engine.dispose()
    return folder


@pytest.fixture
def data(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "data"
    shutil.copytree(sound, folder)
    monkeypatch.setenv("COLLECT_DATA", str(folder))
    st.cache_resource.clear()
    yield folder
    st.cache_resource.clear()


def results_gone(data: Path) -> None:
    for file in data.glob("runs/*/verdicts.parquet"):
        file.write_bytes(GARBAGE)


def outlines_gone(data: Path) -> None:
    (data / "geo").mkdir(exist_ok=True)
    (data / "geo" / "2025-07.parquet").write_bytes(GARBAGE)


def part_gone(table: str) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        for file in data.glob(f"tables/household/{table}/*.parquet"):
            file.write_bytes(GARBAGE)

    return damage


def tables_gone(data: Path) -> None:
    shutil.rmtree(data / "tables")


SEEN = {  # damage -> its code, the pages that need what is damaged
    "results": (results_gone, "STO-06", {"", "map", "commune", "gaps", "progress"}),
    "outlines": (outlines_gone, "GEO-04", {"map", "progress"}),
    "households": (part_gone("households"), "STO-02", {"review", "quality", "progress"}),
    "issues": (part_gone("issues"), "STO-02", {"review", "quality", "progress"}),
    "tables": (tables_gone, "STO-02", {"review", "quality", "progress"}),
}


def said(app: AppTest) -> str:
    return " ".join(text.value for text in [*app.error, *app.caption])


@pytest.mark.parametrize(("damage", "lang"), list(zip(SEEN, ("vi", "km", "en", "vi", "km"), strict=True)))
def test_pages_say_what_is_damaged_and_what_needs_nothing_of_it_goes_on(data: Path, damage: str, lang: str) -> None:
    spoil, code, need_it = SEEN[damage]
    spoil(data)
    app = page_of_app("", lang)
    for page in PAGES:
        app = to_page(app, page) if page else app
        assert not app.exception, page
        assert len(app.title) == 1, page
        assert (code in said(app)) is (page in need_it), page
        assert (t("trouble.rest", lang) in said(app)) is (page in need_it), page


@pytest.mark.parametrize("damage", SEEN)
def test_health_tells_what_is_damaged_until_it_is_mended(data: Path, damage: str) -> None:
    client = TestClient(Starlette(routes=api.routes(settings_in(data), local=True)), base_url="http://127.0.0.1")
    assert client.get("/api/v1/health").json()["status"] == "ok"
    spoil, code, _ = SEEN[damage]
    spoil(data)
    answer = client.get("/api/v1/health")
    assert answer.status_code == 200
    assert answer.json() | {"version": ""} == {"status": "degraded", "damaged": [code], "version": ""}


def test_damaged_results_are_made_again_from_the_upload_page(data: Path) -> None:
    results_gone(data)
    app = page_of_app("upload")
    next(button for button in app.button if button.label == t("upload.run", "en")).click().run()
    assert not app.exception
    assert t("trouble.rest", "en") not in said(page_of_app(""))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_nobody_foresaw_has_a_reference_and_no_value_in_page_or_log(
    lang: str, caplog: pytest.LogCaptureFixture
) -> None:
    def page(lang: str) -> None:
        import streamlit as st

        from collect.pages import trouble

        st.session_state["lang"] = lang
        try:
            try:
                int("Nguyễn Văn A, 0901 234 567")
            except ValueError as error:
                raise KeyError("0901 234 567") from error
        except KeyError as error:
            trouble.unforeseen(error)

    with caplog.at_level(logging.ERROR):
        app = AppTest.from_function(page, args=(lang,)).run()
    reference = app.caption[0].value
    assert t("trouble.found", lang) in app.error[0].value
    assert reference in app.error[0].value
    assert f"{reference} KeyError" in caplog.text
    assert "ValueError" in caplog.text
    assert "in page" in caplog.text
    for words in (said(app), caplog.text):
        assert "0901 234 567\n" not in words
        assert "'Nguyễn" not in words


def test_streamlits_own_log_keeps_no_message_of_an_error(caplog: pytest.LogCaptureFixture) -> None:
    trouble.keep_quiet()
    try:
        raise ValueError("0901 234 567")
    except ValueError as error:
        trouble.STREAMLITS.error("Uncaught app execution", exc_info=error)
    assert "0901" not in caplog.text


def test_the_log_of_a_download_that_failed_keeps_where_and_no_message(caplog: pytest.LogCaptureFixture) -> None:
    trouble.keep_quiet()
    try:
        raise ValueError("0901 234 567")
    except ValueError as error:
        trouble.DOWNLOADS.exception("Error executing deferred callable for file_id %s", "a1", exc_info=error)
    assert "file_id a1" in caplog.text
    assert "ValueError" in caplog.text
    assert "0901 234 567\n" not in caplog.text
