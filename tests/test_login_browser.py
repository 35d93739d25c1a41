"""Log in, be turned away, run out of time and log out: the real app against a real OpenID provider, in Chromium."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from access_tables import store_with_runs
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Browser, BrowserContext, Page, expect
from screens import AXE, BARRIERS, COLLECT, DRAWN, chromium, free_ports, running, serving

from collect.access import Scope
from collect.i18n import LANGUAGES, t
from collect.sharing import partners

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ROOT = Path(__file__).resolve().parents[1]
NODE_FOLDER = ROOT / "tests" / "node"
NODE = compute_driver_executable()[0]  # the one in Playwright's wheel: newer than Debian's, and always there
SECRETS = """
[auth]
redirect_uri = "{app}/oauth2callback"
cookie_secret = "thirty-two-bytes-that-only-the-tests-know"
client_id = "phu"
client_secret = "a-secret-of-the-tests-only"
server_metadata_url = "{provider}/.well-known/openid-configuration"
client_kwargs = {{ scope = "openid profile roles", prompt = "login" }}

[access]
role = "groups"
operator = "operator"
leeway = 0
roles = {{ phu-survey = "survey", phu-planner = "planner", phu-partner = "partner", phu-admin = "admin" }}
"""
FIELD = {"review", "quality", "progress", "forms"}
PAGES = {  # what each role finds in the navigation; every other address is a page that says no
    "lan": {"upload", "method"} | FIELD,
    "minh": {"overview", "map", "gaps", "method"} | FIELD,
    "ly": {"gaps", "method"},
    "sok": {"overview", "map", "gaps", "upload", "method"} | FIELD,
}
ELSEWHERE = re.compile(r"^https?://(?!127\.0\.0\.1)")
ASLEEP = "window.setInterval = () => 0"  # as browsers do to a window that nobody looks at
LATE_SECONDS = 10  # how long the provider lets "late" stay
ALL_PAGES = PAGES["sok"]


browser = pytest.fixture(chromium, scope="module")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (NODE_FOLDER / "node_modules" / "oidc-provider").is_dir():
        pytest.fail("the OpenID provider is missing: sh tests/machine.sh installs it")
    folder = tmp_path_factory.mktemp("login")
    store = store_with_runs(folder / "data")
    partners.save(store.engine, "vnpt", "VNPT", Scope(indicators=frozenset({"S2"})))
    store.engine.dispose()
    ports = free_ports(2)
    here, there = (f"http://127.0.0.1:{port}" for port in ports)
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(SECRETS.format(app=here, provider=there), encoding="utf-8")
    provider = [str(NODE), str(NODE_FOLDER / "provider.mjs"), str(ports[1]), here]
    with (
        running(provider, f"{there}/.well-known/openid-configuration", folder, dict(os.environ)),
        serving(folder / "data", *COLLECT, port=ports[0], folder=folder, COLLECT_LANG="vi"),
    ):
        yield here


Opened = Callable[..., Page]  # whose page, where, in which language; a person logs in once for all tests


@pytest.fixture(scope="module")
def windows(browser: Browser) -> Iterator[dict[tuple[str | None, int], BrowserContext]]:
    """One browser profile per person, kept from test to test: the app's files are fetched and read once."""
    opened: dict[tuple[str | None, int], BrowserContext] = {}
    yield opened
    for context in opened.values():
        context.close()


@pytest.fixture
def opened(browser: Browser, app: str, windows: dict[tuple[str | None, int], BrowserContext]) -> Iterator[Opened]:
    pages: list[Page] = []

    def new(person: str | None, at: str = "", lang: str = "vi", width: int = 1440, script: str = "") -> Page:
        known = (person, width) in windows
        if not known:
            windows[person, width] = browser.new_context(viewport={"width": width, "height": 900})
            windows[person, width].route(ELSEWHERE, lambda route: route.abort())  # the provider's own fonts
            windows[person, width].set_default_timeout(20_000)
            windows[person, width].add_init_script(path=AXE)
            if script:
                windows[person, width].add_init_script(script)
        pages.append(windows[person, width].new_page())
        pages[-1].goto(f"{app}/{at}?lang={lang}")
        if person and not known:
            log_in(pages[-1], app, person, lang)
        return pages[-1]

    yield new
    for page in pages:
        page.close()


def log_in(page: Page, app: str, person: str, lang: str) -> None:
    page.get_by_role("button", name=t("door.login.button", lang)).click()
    page.locator("input[name=login]").fill(person)
    page.locator("input[name=password]").fill("any")
    page.locator("button[type=submit]").click()
    page.wait_for_url(f"{app}/**")


def heading(page: Page, key: str, lang: str) -> None:
    expect(page.get_by_role("heading", name=t(key, lang), exact=True)).to_be_visible()


def nothing_shown(page: Page) -> None:
    for what in ("stDataFrame", "stFileUploader", "stDownloadButton"):
        assert page.get_by_test_id(what).count() == 0, what


def pages_on_top(page: Page) -> set[str]:
    links = page.locator(".st-key-phone-pages a")  # all of them; on top those of the survey hang under one word
    links.first.wait_for(state="attached")
    found = links.evaluate_all("links => links.map(a => new URL(a.href).pathname)")
    return {path.strip("/") or "overview" for path in found}


@pytest.mark.parametrize(("lang", "at", "width"), [("vi", "gaps", 1440), ("km", "", 390), ("en", "upload", 390)])
def test_nobody_sees_anything_before_logging_in(opened: Opened, lang: str, at: str, width: int) -> None:
    page = opened(None, at, lang, width)
    heading(page, "door.login", lang)
    assert page.get_by_test_id("stTopNavLink").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.wait_for_function(DRAWN)
    assert page.evaluate(BARRIERS) == []
    nothing_shown(page)


@pytest.mark.parametrize("person", PAGES)
def test_each_role_finds_its_own_pages_and_a_typed_address_is_refused(opened: Opened, app: str, person: str) -> None:
    page = opened(person)
    assert pages_on_top(page) == PAGES[person]
    for address, lang in zip(sorted(ALL_PAGES - PAGES[person]), LANGUAGES, strict=False):
        page.goto(f"{app}/{address}?lang={lang}")
        heading(page, "door.forbidden", lang)
        expect(page.get_by_text(t("ACC-01.mend", lang))).to_be_visible()
        nothing_shown(page)
        page.wait_for_function(DRAWN)
        assert page.evaluate(BARRIERS) == []


def test_a_partner_downloads_its_own_rows_alone(opened: Opened) -> None:
    page = opened("ly", "gaps")
    heading(page, "gap_list.title", "vi")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    assert re.fullmatch(r"\d{8}-[0-9a-f]+\.[0-9a-f]{8}_gaps\.csv", download.value.suggested_filename)  # its release
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert {line.split(",")[3] for line in text.splitlines()[1:]} == {"S2"}


@pytest.mark.parametrize("lang", ["en", "km"])
def test_a_link_to_one_commune_survives_the_login(opened: Opened, app: str, browser: Browser, lang: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    context.route(ELSEWHERE, lambda route: route.abort())
    page = context.new_page()
    page.goto(f"{app}/commune?id=29308&lang={lang}")
    heading(page, "door.login", lang)
    log_in(page, app, "minh", lang)
    name = {"en": "Cau Ke Commune", "km": "Xã Cầu Kè"}[lang]
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    assert page.url == f"{app}/commune?id=29308&lang={lang}"
    context.close()


def test_who_has_no_role_is_told_whom_to_ask_in_the_language_they_came_with(opened: Opened) -> None:
    page = opened("stranger", lang="km")
    heading(page, "door.no_role", "km")
    expect(page.get_by_text(t("door.ask", "km"))).to_be_visible()
    assert page.get_by_test_id("stTopNavLink").count() == 0


def test_a_login_that_ran_out_closes_the_page_though_nobody_touches_it(opened: Opened) -> None:
    page = opened("late")
    assert pages_on_top(page) == PAGES["minh"]
    expect(page.get_by_role("heading", name=t("door.expired", "vi"))).to_be_visible(timeout=1000 * (LATE_SECONDS + 5))
    nothing_shown(page)
    page.get_by_role("button", name=t("door.expired.button", "vi")).click()
    expect(page.locator("input[name=login]")).to_be_visible()


def test_a_part_of_a_page_that_draws_itself_again_asks_whether_the_login_still_holds(opened: Opened) -> None:
    """The rows of the gap list are filtered without drawing the page, in a window whose timers sleep."""
    page = opened("late", "gaps", width=1280, script=ASLEEP)
    begun = time.monotonic()
    heading(page, "gap_list.title", "vi")
    chosen = page.get_by_role("combobox", name=t("gap_list.filter.verdict", "vi"))
    chosen.click()
    page.wait_for_timeout(max(0.0, LATE_SECONDS + 1 - (time.monotonic() - begun)) * 1000)
    page.get_by_role("option").first.click()
    heading(page, "door.expired", "vi")
    nothing_shown(page)


def test_routes_ask_for_a_token_even_of_who_has_logged_in(opened: Opened, app: str) -> None:
    page = opened("sok")
    assert page.request.get(f"{app}/api/v1/gaps.csv").status == 401
    assert page.request.get(f"{app}/api/v1/health").status == 200


def test_logging_out_ends_the_login_here_and_at_the_provider(opened: Opened, app: str) -> None:
    page = opened("minh")
    page.get_by_role("button", name="Minh").click()
    expect(page.get_by_text(t("role.planner", "vi"))).to_be_visible()
    page.get_by_role("button", name=t("door.logout", "vi")).click()
    page.locator("button[name=logout][value=yes]").click()
    page.wait_for_url(f"{app}/**")
    heading(page, "door.login", "vi")
