"""Who stands at the door, and by which name they came: pages and routes answer alike, and nobody else is asked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from streamlit import net_util
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest
from streamlit.web import bootstrap
from streamlit.web.server import server_util

from collect.access import ANYBODY, LOCAL, Who, from_here
from collect.i18n import LANGUAGES, t
from collect.pages import visitor
from collect.pages.alone import stay_alone
from collect.problems import CollectError
from collect.server import script
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
