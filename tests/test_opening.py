"""The document a page begins with: Streamlit's own, with all that the page will be drawn with named in its head."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from collect.api.bundles import Bundles
from collect.pages import opening, served
from collect.pages.opening import Opening
from collect.server import STREAMLIT_FILES

NAMED = re.compile(r'<link rel="(?:modulepreload|preload)"[^>]*href="\./([^"]+)"')


def browser(folder: Path, base: str = "") -> TestClient:
    """A client before our middleware; behind it somebody answers everything with three words."""
    kept = {"/static/": folder / "static", **{f"/{begin}": made for begin, made in served.folders().items()}}
    streamlit = Route("/{path:path}", lambda _request: PlainTextResponse("answered by Streamlit"))
    middleware = [Middleware(Bundles, folders=kept), Middleware(Opening, folder=folder, base=base)]
    return TestClient(Starlette(routes=[streamlit], middleware=middleware))


@pytest.fixture(scope="module")
def streamlits() -> TestClient:
    return browser(STREAMLIT_FILES)


@pytest.mark.parametrize("page", opening.PARTS)
def test_every_file_that_a_page_names_is_there_once_and_kept_for_ever(streamlits: TestClient, page: str) -> None:
    named = NAMED.findall(streamlits.get(f"/{page}").text)
    for part in (*opening.EVERYWHERE, *opening.PARTS[page]):
        assert any(f"/{part}." in file for file in named), part
    assert len(named) == len(set(named))
    for file in named:
        answer = streamlits.get(f"/{file}")
        assert answer.text != "answered by Streamlit", file
        if not file.endswith(".ttf"):
            assert "immutable" in answer.headers["cache-control"], file


def test_a_part_brings_all_that_it_imports_and_nothing_twice(tmp_path: Path) -> None:
    scripts = tmp_path / "static" / "js"
    scripts.mkdir(parents=True)
    (tmp_path / "index.html").write_text(f"<head>{opening.LINKS['.js'].format('./static/js/b.1.js')}</head>")
    (scripts / "Html.1.js").write_text('import{a}from"./a.1.js";import"./b.1.js";import("./late.1.js")')
    (scripts / "a.1.js").write_text("import x from './c.1.js';export{y}from\"./gone.1.js\"")
    for name in ("b", "c", "late"):
        (scripts / f"{name}.1.js").write_text("import'./a.1.js'")
    named = NAMED.findall(browser(tmp_path).get("/upload").text)
    assert [file for file in named if "/js/" in file] == [f"static/js/{name}.1.js" for name in ("b", "Html", "a", "c")]


def test_a_page_is_asked_again_only_when_it_changed(streamlits: TestClient) -> None:
    answer = streamlits.get("/map")
    assert answer.headers["cache-control"] == "no-cache"
    assert "charset=utf-8" in answer.headers["content-type"]
    again = streamlits.get("/map", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert streamlits.get("/gaps").headers["etag"] != answer.headers["etag"]


def test_other_addresses_are_streamlits() -> None:
    below = browser(STREAMLIT_FILES, base="/office/")
    assert "<title>" in below.get("/office/map").text
    assert "<title>" in below.get("/office/").text
    for asked in ("/map", "/office/nowhere", "/office/map/_stcore/health"):
        assert below.get(asked).text == "answered by Streamlit"
    assert below.head("/office/map").text == ""


def test_the_folders_are_called_otherwise_once_a_file_in_them_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = served.folder_url("map")
    (tmp_path / "map.js").write_text("another")
    monkeypatch.setattr(served, "FOLDERS", {"map": str(tmp_path)})
    served.family.cache_clear()
    try:
        assert served.folder_url("map") != before
    finally:
        monkeypatch.undo()
        served.family.cache_clear()
    assert served.folder_url("map") == before
