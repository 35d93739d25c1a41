"""Who stands at the door, and by which name they came: pages and routes answer alike, and nobody else is asked."""

from __future__ import annotations

import html
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit import net_util
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest
from streamlit.web import bootstrap
from streamlit.web.server import server_util
from streamlit.web.server.starlette import starlette_server

from collect.access import ANYBODY, LOCAL, Who, from_here
from collect.api.gate import Gate
from collect.cli import main
from collect.i18n import LANGUAGES, t
from collect.pages import visitor
from collect.pages.alone import stay_alone
from collect.problems import CollectError
from collect.server import answer_at_once, build, script
from collect.settings import settings_from

HERE = {"host": "127.0.0.1:8501"}


def comes(monkeypatch: pytest.MonkeyPatch, headers: Mapping[str, str], listens: str = "127.0.0.1") -> None:
    """A browser asks the pages with these headers; nobody here logs in."""
    options: dict[str, Any] = {"server.address": listens, "server.allowedHosts": ["phu.office.example"]}
    monkeypatch.setattr(ContextProxy, "headers", property(lambda _self: headers))
    monkeypatch.setattr("streamlit.get_option", options.get)
    monkeypatch.setattr("socket.gethostname", lambda: "office-pc")


#   listens to   anonymous  came as                    through a proxy   is
WHO_COMES = """
    127.0.0.1    no         127.0.0.1:8501             no                local
    127.0.0.1    no         localhost:8501             no                local
    127.0.0.1    no         [::1]:8501                 no                local
    127.0.0.1    no         evil.example:8501          no                refused
    127.0.0.1    no         127.0.0.1.evil.example     no                refused
    127.0.0.1    no         user@127.0.0.1.example     no                refused
    127.0.0.1    no         127.0.0.1:8501             yes               refused
    127.0.0.1    no         -                          no                refused
    127.0.0.1    yes        127.0.0.1:8501             no                local
    127.0.0.1    yes        127.0.0.1:8501             yes               anybody
    127.0.0.1    yes        evil.example               no                refused
    127.0.0.1    yes        phu.office.example         yes               anybody
    0.0.0.0      yes        192.168.1.20:8501          no                anybody
    0.0.0.0      yes        office-pc:8501             no                anybody
    0.0.0.0      yes        office-pc.local.:8501      no                anybody
    0.0.0.0      yes        evil.example:8501          no                refused
    0.0.0.0      no         127.0.0.1:8501             no                refused
"""


@pytest.mark.parametrize("row", WHO_COMES.strip().splitlines())
def test_whoever_comes_by_a_foreign_name_or_through_a_proxy_is_not_this_machines_user(
    monkeypatch: pytest.MonkeyPatch, row: str, tmp_path: Path
) -> None:
    listens, anonymous, host, proxied, expected = row.split()
    headers = ({} if host == "-" else {"host": host}) | ({"x-forwarded-for": "203.0.113.9"} if proxied == "yes" else {})
    comes(monkeypatch, headers or {"upgrade": "websocket"}, listens)
    environment = {"COLLECT_DATA": str(tmp_path), "COLLECT_ALLOW_ANONYMOUS": "1" if anonymous == "yes" else ""}
    who: Who | None
    try:
        who = visitor.visitor(settings_from(environment))
    except CollectError:
        who = None
    assert who == {"local": LOCAL, "anybody": ANYBODY, "refused": None}[expected]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_pages_say_in_every_language_why_they_stay_shut(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lang: str
) -> None:
    monkeypatch.setenv("COLLECT_DATA", str(tmp_path))
    comes(monkeypatch, {"host": "evil.example:8501"})
    app = AppTest.from_file(str(script()), default_timeout=30)
    app.query_params["lang"] = lang
    app.run()
    assert app.title[0].value == t("door.forbidden", lang)
    assert t("ACC-15.found", lang, host="evil.example") in app.markdown[0].value.replace("\\", "")
    assert not app.button


@pytest.mark.parametrize("header", ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"])
def test_every_header_of_a_proxy_is_known(header: str) -> None:
    assert from_here(HERE)
    assert not from_here({**HERE, header: "127.0.0.1"})


def test_every_piece_of_an_answer_leaves_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starlette_server, "_bind_socket", starlette_server._bind_socket)  # put back afterwards
    answer_at_once()
    with starlette_server._bind_socket("127.0.0.1", 0, 1) as listening:
        listening.setblocking(True)
        with socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
    with accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_app_that_is_open_already_is_said_with_another_way(lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLECT_LANG", "")  # the command sets it for its pages; put back afterwards
    with socket.create_server(("127.0.0.1", 0)) as open_already:
        port = open_already.getsockname()[1]
        done = CliRunner().invoke(main, ["--lang", lang, "app", "--port", str(port)])
    assert done.exit_code == CollectError.exit_code
    assert str(port) in done.stderr
    assert str(port + 1) in done.stderr


def nobody_is_asked(*_: object, **__: object) -> str:
    raise AssertionError("a question left this machine")


def test_an_origin_from_elsewhere_makes_the_server_ask_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net_util, "_make_blocking_http_get", nobody_is_asked)
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)  # put back afterwards
    stay_alone()
    assert not server_util.is_url_from_allowed_origins("http://evil.example")


def test_a_start_on_every_address_without_our_command_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """``streamlit run app.py --server.address 0.0.0.0``: before any code of ours runs, the settings alone speak."""
    monkeypatch.setattr(net_util, "get_external_ip", nobody_is_asked)
    ours = tomllib.loads((script().parent / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    flat = {f"{part}.{name}": value for part, names in ours.items() for name, value in names.items()}
    flat |= {"server.address": "0.0.0.0", "browser.serverPort": 8501}
    monkeypatch.setattr("streamlit.config.is_manually_set", lambda name: name in flat)
    monkeypatch.setattr("streamlit.config.get_option", lambda name: flat.get(name, ""))
    bootstrap._print_url(is_running_hello=False)


def streamlits(request: Request) -> Response:
    """Answers as Streamlit does: its own page at every address, files elsewhere."""
    path = request.url.path
    if path.endswith(("/_stcore/health", "/_stcore/host-config", "/_stcore/metrics")):
        right = path.count("/") == 2
        return PlainTextResponse("ok" if right else "no", status_code=200 if right else 404)
    if path.startswith("/media/"):
        return HTMLResponse("<p>a map that somebody keeps")
    return HTMLResponse("<p>Streamlit's page")


def behind_gate(*, measured: bool = True, root: str = "") -> TestClient:
    routes = [Route(f"{root}/{{path:path}}", streamlits)]
    gate = Middleware(
        Gate, pages=("", "map", "commune"), default="vi", base=f"{root}/", fonts="", remembers="lang", measured=measured
    )
    return TestClient(Starlette(routes=routes, middleware=[gate]), base_url="http://127.0.0.1:8501")


@pytest.mark.parametrize(
    ("asked", "status", "leads_to"),
    [
        ("/", 200, ""),
        ("/map?lang=km", 200, ""),
        ("/map/?lang=km", 307, "/map?lang=km"),
        ("/commune/29317", 307, "/commune?id=29317"),
        ("/commune/29317/?lang=en&id=1", 307, "/commune?lang=en&id=29317"),
        ("/commune/x", 404, ""),
        ("/nosuchpage", 404, ""),
        ("/map/deep/er", 404, ""),
        ("/map/_stcore/health", 404, ""),  # answered there, Streamlit's script would take it for the server's place
        ("/_stcore/health", 200, ""),
        ("/media/map.html", 200, ""),
    ],
)
def test_an_address_leads_to_what_it_means_or_says_that_it_is_none(asked: str, status: int, leads_to: str) -> None:
    answer = behind_gate().get(asked, follow_redirects=False)
    assert (answer.status_code, answer.headers.get("location", "")) == (status, leads_to)


def test_below_a_base_path_addresses_lead_to_the_same() -> None:
    assert behind_gate(root="/phu").get("/phu/commune/29317", follow_redirects=False).headers["location"] == (
        "/phu/commune?id=29317"
    )
    assert '<base href="/phu/">' in behind_gate(root="/phu").get("/phu/nosuchpage").text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_that_is_none_says_so_in_the_visitors_language(lang: str) -> None:
    remembers = behind_gate()
    remembers.cookies.set("lang", lang)
    for answer in (behind_gate().get("/nosuchpage", params={"lang": lang}), remembers.get("/nosuchpage")):
        assert f'<html lang="{lang}">' in answer.text
        assert html.escape(t("door.no_page", lang)) in answer.text
        assert f'href="/?lang={lang}"' in answer.text


def test_metrics_are_for_this_machines_user_alone() -> None:
    assert behind_gate().get("/_stcore/metrics").status_code == 200
    assert behind_gate().get("/_stcore/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 404
    assert behind_gate(measured=False).get("/_stcore/metrics").status_code == 404


@pytest.mark.parametrize("path", ["/", "/nosuchpage", "/_stcore/health"])
def test_every_answer_keeps_other_sites_from_framing_or_guessing_at_it(path: str) -> None:
    headers = behind_gate().get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    if headers["content-type"].startswith("text/html"):
        assert headers["x-frame-options"] == "DENY"
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["frame-ancestors"] == "'none'"
        assert policy["default-src"] == "'self'"
        assert "ws://127.0.0.1:8501" in policy["connect-src"]


def test_every_page_of_the_app_has_its_address_at_the_gate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLLECT_DATA", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["collect"])
    app = AppTest.from_file(str(script()), default_timeout=30).run()
    addresses = {info.get("url_pathname", "") for info in app._registered_pages.values()}
    gate = build(settings_from({"COLLECT_DATA": str(tmp_path)}), local=True)._user_middleware[0]
    pages: Any = gate.kwargs["pages"]
    assert addresses <= set(pages)
