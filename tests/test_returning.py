"""Coming back from the login: to the page that was asked for, and never out of the app."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from collect.api.returning import COOKIE, Returning

HERE = "http://127.0.0.1:8501"


def app(base: str = "", callback: Callable[[Request], Response] | None = None) -> TestClient:
    """What Streamlit answers: it sends to the provider, and back to the first page."""

    def back(_request: Request) -> Response:
        answer = RedirectResponse(f"{base}/", status_code=302)
        answer.set_cookie("_streamlit_user", "signed")
        return answer

    routes = [
        Route(f"{base}/auth/login", lambda _request: RedirectResponse("https://provider.example/auth", 302)),
        Route(f"{base}/oauth2callback", callback or back),
        Route("/{path:path}", lambda _request: PlainTextResponse("page")),
    ]
    return TestClient(Returning(Starlette(routes=routes)), base_url=HERE, follow_redirects=False)


def after_login(browser: TestClient, left: str | None, base: str = "") -> str:
    headers = {} if left is None else {"Referer": left}
    assert browser.get(f"{base}/auth/login", headers=headers).headers["location"] == "https://provider.example/auth"
    answer = browser.get(f"{base}/oauth2callback?code=1&state=2")
    assert "_streamlit_user" in answer.cookies
    return str(answer.headers["location"])


@pytest.mark.parametrize(
    ("left", "back"),
    [
        (f"{HERE}/commune?id=29242&lang=en", "/commune?id=29242&lang=en"),
        (f"{HERE}/gaps?gap_verdict=not_met&gap_verdict=no_data", "/gaps?gap_verdict=not_met&gap_verdict=no_data"),
        (f"{HERE}/gaps?gap_district=C%E1%BA%A7u%20K%C3%A8", "/gaps?gap_district=C%E1%BA%A7u%20K%C3%A8"),
        (f"{HERE}/map#card", "/map"),
        (f"{HERE}/", "/"),
        (None, "/"),  # a browser that does not say where it comes from
        ("http://evil.example/commune", "/"),
        ("https://127.0.0.1:8501.evil.example/map", "/"),
        (f"{HERE}//evil.example", "/"),
        (f"{HERE}/\\evil.example", "/"),
        (f"{HERE}/oauth2callback?code=old", "/"),
        (f"{HERE}/api/v1/gaps.csv", "/"),
        (f"{HERE}/map?" + "x" * 3000, "/"),
    ],
)
def test_the_way_back_leads_to_the_page_that_was_left_and_never_elsewhere(left: str | None, back: str) -> None:
    assert after_login(app(), left) == back


@pytest.mark.parametrize(
    "planted", ["https://evil.example/", "//evil.example", "/\\evil.example", "/map\r\nSet-Cookie: a=b", "map", ""]
)
def test_a_cookie_that_somebody_planted_leads_nowhere(planted: str) -> None:
    browser = app()
    answer = browser.get("/oauth2callback", headers={"Cookie": f"{COOKIE}={quote(planted)}"})
    assert answer.headers["location"] == "/"


def test_the_address_is_used_once() -> None:
    browser = app()
    assert after_login(browser, f"{HERE}/map?lang=km") == "/map?lang=km"
    assert COOKIE not in browser.cookies
    assert browser.get("/oauth2callback").headers["location"] == "/"


def test_below_a_base_path_as_well() -> None:
    browser = app("/phu")
    assert after_login(browser, f"{HERE}/phu/map?lang=km", "/phu") == "/phu/map?lang=km"
    assert after_login(app("/phu"), f"{HERE}/map", "/phu") == "/phu/"


def test_an_answer_that_leads_nowhere_is_left_alone() -> None:
    browser = app(callback=lambda _request: PlainTextResponse("no", 400))
    browser.get("/auth/login", headers={"Referer": f"{HERE}/map"})
    answer = browser.get("/oauth2callback")
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert browser.get("/map").text == "page"
