"""The app in a real browser: every page loads clean, alone, open to all; three people reach what they came for."""

from __future__ import annotations

import io
import re
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from app_tables import make_results
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    TimeoutError,
    WebSocket,
    expect,
)
from screens import AXE, BARRIERS, COLLECT, DRAWN, MADE, chromium, serving

from collect.demo import make_round
from collect.i18n import LANGUAGES, t
from collect.i18n.figures import counted
from collect.pages import foreign, opening
from collect.pages.words import number

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
LOADED = "name => [...document.fonts].some(f => f.family.replaceAll('\"', '') === name && f.status === 'loaded')"
FOCUSED = """([tag, words]) => {
  const here = document.activeElement;
  return here.tagName === tag && (here.getAttribute("aria-label") || here.innerText || "").includes(words);
}"""
ENGLISH = """words => [...document.querySelectorAll("body *")].flatMap(part => [
    ...[...part.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data.trim()),
    ...["aria-label", "placeholder", "title"].map(name => part.getAttribute(name) ?? ""),
  ]).filter(said => words.some(word => said === word || (word.endsWith(" ") && said.startsWith(word))))"""
HEALTH = "/_stcore/health"  # asked once, at its right place, before anything is drawn


browser = pytest.fixture(chromium, scope="module")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("made"), *MADE) as address:
        yield address


Step = tuple[str, str, list[str]]  # an address, what of "show" is chosen, what the boxes say


@dataclass
class Watched:
    """A page with all that went wrong on it, and all that came over the websocket."""

    page: Page
    address: str
    wrong: list[str] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"exception: {error}"))
        self.page.on("websocket", self._socket)

    def _request(self, request: Request) -> None:
        self.fetched.append(request.url)
        if not request.url.startswith((f"{self.address}/", "data:", "blob:")):
            self.wrong.append(f"another host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status}: {response.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.wrong.append(f"console: {message.text}")

    def _socket(self, opened: WebSocket) -> None:
        opened.on(
            "framereceived", lambda frame: self.frames.append(frame if isinstance(frame, bytes) else frame.encode())
        )

    def open(self, page: str, lang: str, title: str | None = None) -> None:
        before, _, query = page.partition("?")
        self.page.goto(f"{self.address}/{before}?lang={lang}&{query}")
        if title is not None:
            self.page.get_by_role("heading", name=t(title, lang), exact=True).wait_for(timeout=30_000)
        self.page.wait_for_function(DRAWN, timeout=30_000)
        if before == "map":
            self.page.locator(".canvas[data-ready]").wait_for(timeout=15_000)

    def settled(self, key: str, code: str, other_than: Step | None = None) -> Step:
        """What the map shows once it stands still."""
        chosen = self.page.locator(f".st-key-{key} [aria-checked=true]").filter(has_text=t(f"map.{key}.{code}", "en"))
        chosen.wait_for()
        self.page.wait_for_function(f"old => location.href !== old && ({DRAWN})()", arg=other_than and other_than[0])
        boxes = self.page.get_by_role("combobox").evaluate_all("all => all.map(one => one.value)")
        return self.page.url, chosen.inner_text(), boxes

    def shows(self, step: Step) -> None:
        """Wait until the page's address and choices are those of a step."""
        url, shown, boxes = step
        self.page.wait_for_url(url)
        self.page.locator("[aria-checked=true]").filter(has_text=shown).wait_for()
        same = "boxes => [...document.querySelectorAll('[role=combobox]')].every((one, at) => one.value === boxes[at])"
        self.page.wait_for_function(same, arg=boxes)

    def pages(self) -> list[str]:
        """Every page of the navigation by its address, and a commune's, which stands in none."""
        links = self.page.locator(".st-key-phone-pages a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
        names = [link.partition("?")[0].strip("/") for link in links]
        return [*names, "commune", "commune?id=29308"]

    def outlines_sent(self) -> int:
        assert not any(b"FeatureCollection" in frame for frame in self.frames), "outlines are a file, never a message"
        return sum("/outlines-" in url for url in self.fetched)


@pytest.fixture(scope="module")
def contexts(browser: Browser) -> dict[str, BrowserContext]:
    sizes = {name: {"width": width, "height": height} for name, (width, height) in SIZES.items()}
    if not AXE.is_file():
        pytest.fail("axe-core is missing: sh tests/machine.sh installs it")
    made = {name: browser.new_context(viewport=size) for name, size in sizes.items()}  # type: ignore[arg-type]
    for context in made.values():
        context.add_init_script(path=AXE)
    return made


@pytest.fixture
def watch(contexts: dict[str, BrowserContext]) -> Iterator[Callable[..., Watched]]:
    pages: list[Page] = []

    def opened(address: str, size: str = "desktop") -> Watched:
        pages.append(contexts[size].new_page())
        return Watched(pages[-1], address)

    yield opened
    for page in pages:
        page.close()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_every_page_loads_clean_asks_no_other_host_fits_and_shuts_nobody_out(
    watch: Callable[..., Watched], made: str, size: str, lang: str
) -> None:
    seen = watch(made, size)
    seen.open("", lang)
    pages = seen.pages()
    assert len(pages) >= 7
    for page in pages:
        if page:
            seen.open(page, lang)
        assert seen.page.evaluate("document.documentElement.lang") == lang, page
        assert seen.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page
        assert seen.page.get_by_test_id("stMain").evaluate("it => it.scrollWidth <= it.clientWidth"), page
        assert seen.page.get_by_test_id("stException").count() == 0, page
        assert seen.page.locator("[class*=st-key-trouble]").count() == 0, page
        assert seen.page.evaluate(BARRIERS) == [], page
        assert lang == "en" or english_left(seen.page) == [], page
    for family in ("Be Vietnam Pro", "Noto Sans Khmer"):
        seen.page.wait_for_function(LOADED, arg=family, timeout=10_000)
    assert seen.wrong == []


def test_each_languages_name_is_marked_as_being_of_that_language(watch: Callable[..., Watched], made: str) -> None:
    seen = watch(made)
    seen.open("method", "km", "method.title")
    for code, name in LANGUAGES.items():
        shown = seen.page.locator(".st-key-lang").get_by_text(name, exact=True)
        assert shown.evaluate("part => part.closest('[lang]').lang") == code


@pytest.mark.parametrize("page", ["", "map", "commune?id=29308", "gaps", "upload", "method"])
def test_a_dark_theme_is_as_readable(browser: Browser, made: str, page: str) -> None:
    context = browser.new_context(color_scheme="dark", viewport={"width": 1440, "height": 900})
    context.add_init_script(path=AXE)
    seen = Watched(context.new_page(), made)
    seen.open(page, "vi")
    assert seen.page.get_by_test_id("stApp").evaluate("part => getComputedStyle(part).colorScheme") == "dark"
    assert seen.page.evaluate(BARRIERS) == []
    context.close()


def english_left(page: Page) -> list[str]:
    found: list[str] = page.evaluate(ENGLISH, [*foreign.WORDS, *(one.removesuffix("*") for one in foreign.PATTERNS)])
    return found


def test_tools_of_a_table_speak_khmer(watch: Callable[..., Watched], made: str) -> None:
    seen = watch(made)
    seen.open("gaps", "km")
    seen.page.get_by_test_id("stDataFrame").first.hover()
    tools = seen.page.get_by_test_id("stElementToolbarButton").get_by_role("button")
    said = tools.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert len(said) >= 3
    assert all(re.search("[\u1780-\u17ff]", label) for label in said), said
    assert seen.wrong == []


def test_a_file_whose_sending_broke_off_says_so_in_khmer_and_is_sent_again(
    watch: Callable[..., Watched], made: str
) -> None:
    seen = watch(made)
    seen.open("upload", "km", "upload.title")
    seen.page.route("**/_stcore/upload_file/**", lambda route: route.abort())
    day: Any = {"name": "day.csv", "mimeType": "text/csv", "buffer": b"a,b\n1,2\n"}
    seen.page.locator("input[type=file]").first.set_input_files(day)
    said = seen.page.get_by_text(t("foreign.no_network", "km"))
    said.wait_for()
    box = said.bounding_box()
    assert box is not None
    assert box["width"] > 100, "in sight, not in a tooltip alone"
    seen.page.unroute("**/_stcore/upload_file/**")
    seen.page.get_by_role("button", name=t("foreign.remove_of", "km", rest="day.csv")).click()
    seen.page.locator("input[type=file]").first.set_input_files(day)
    seen.page.get_by_role("button", name=counted("upload.store", 1, "km")).wait_for()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_address_that_is_none_says_so_and_one_below_a_page_leads_to_it(
    watch: Callable[..., Watched], made: str, lang: str
) -> None:
    seen = watch(made, "phone")
    seen.page.goto(f"{seen.address}/nowhere/at/all?lang={lang}")
    seen.page.get_by_role("heading", name=t("foreign.no_page", lang)).wait_for()
    assert seen.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert seen.page.evaluate(BARRIERS) == []
    seen.wrong.clear()  # Chromium notes the 404
    seen.page.get_by_role("link", name=t("door.no_page.start", lang)).click()
    seen.page.get_by_role("heading", name=t("overview.title", lang)).wait_for()
    seen.open("commune/29308", lang)
    assert "id=29308" in seen.page.url
    assert seen.wrong == []


def test_the_code_of_the_first_page_opens_it_with_all_that_the_link_asked(
    watch: Callable[..., Watched], made: str
) -> None:
    seen = watch(made)
    seen.open("overview?target=S3-2025-commune", "km", "overview.title")
    assert not seen.page.get_by_role("dialog").is_visible()
    assert "target=S3-2025-commune" in seen.page.url
    assert "lang=km" in seen.page.url
    assert seen.wrong == []


def test_back_and_forward_show_what_each_address_says(watch: Callable[..., Watched], made: str) -> None:
    seen = watch(made)
    seen.open("", "en", "overview.title")
    entries = "history.length"
    before = seen.page.evaluate(entries)
    seen.page.get_by_role("link", name=t("nav.map", "en"), exact=True).first.click()
    steps = [seen.settled("show", "verdict")]
    seen.page.get_by_text(t("map.show.value", "en"), exact=True).click()
    steps.append(seen.settled("show", "value", other_than=steps[-1]))
    seen.page.get_by_role("combobox").first.click()
    seen.page.get_by_role("option").last.click()
    steps.append(seen.settled("show", "value", other_than=steps[-1]))
    seen.page.get_by_role("combobox").nth(1).fill("cau ke")
    seen.page.get_by_role("option", name="Cau Ke").click()
    steps.append(seen.settled("show", "value", other_than=steps[-1]))
    assert "commune=29308" in seen.page.url
    seen.page.get_by_text("Tiếng Việt", exact=True).click()
    seen.page.get_by_role("heading", name=t("map.title", "vi"), exact=True).wait_for()
    assert seen.page.evaluate(entries) - before == len(steps) + 1, (
        "one step for each thing done, none for what a page adds"
    )
    for step in reversed(steps):
        seen.page.go_back()
        seen.shows(step)
    seen.page.go_back()
    seen.page.get_by_role("heading", name=t("overview.title", "en"), exact=True).wait_for()
    for step in steps:
        seen.page.go_forward()
        seen.shows(step)
    seen.page.go_forward()
    seen.page.get_by_role("heading", name=t("map.title", "vi"), exact=True).wait_for()
    assert seen.wrong == []


def test_a_link_to_a_commune_opens_it_whichever_was_looked_at_before_and_back_returns(
    watch: Callable[..., Watched], made: str
) -> None:
    seen = watch(made)
    seen.open("commune?id=29308", "vi")
    first, second = (make_results().units.filter(code=code)["name_vi"][0] for code in ("29308", "29341"))
    seen.page.get_by_role("combobox").first.fill(second.partition(" ")[2])
    seen.page.get_by_role("option", name=second).click()
    seen.page.get_by_role("heading", name=second, exact=True).wait_for()
    seen.page.get_by_role("link", name=t("commune.back", "vi")).click()
    seen.page.get_by_role("heading", name=t("map.title", "vi"), exact=True).wait_for()
    seen.page.go_back()
    seen.page.get_by_role("heading", name=second, exact=True).wait_for()
    seen.page.go_back()
    seen.page.get_by_role("heading", name=first, exact=True).wait_for()
    expect(seen.page.get_by_role("combobox").first).to_have_value(re.compile(f"^{first}"))
    assert seen.wrong == []


def test_filters_of_the_gap_list_come_and_go_with_back_and_a_row_opened_leads_back_to_them(
    watch: Callable[..., Watched], made: str
) -> None:
    seen = watch(made)
    seen.open("gaps", "en", "gap_list.title")
    rows = number(make_results().gaps.height, "en")
    whole = t("gap_list.count", "en", rows=rows, all=rows)
    seen.page.get_by_role("combobox").nth(1).click()
    seen.page.get_by_role("option", name=t("verdict.undecided", "en")).click()
    seen.page.keyboard.press("Escape")
    seen.page.wait_for_url("**gap_verdict=undecided**")
    seen.page.wait_for_function(DRAWN)
    seen.page.go_back()
    seen.page.wait_for_url(lambda url: "gap_verdict" not in url)
    seen.page.get_by_text(whole, exact=True).wait_for()
    seen.page.go_forward()
    seen.page.get_by_text(whole, exact=True).wait_for(state="detached")
    grid = seen.page.get_by_test_id("stDataFrame").first.bounding_box()
    assert grid is not None
    seen.page.mouse.click(grid["x"] + 16, grid["y"] + 52)
    seen.page.wait_for_url("**/commune?**id=**")
    seen.page.go_back()
    seen.page.wait_for_url("**gap_verdict=undecided**")
    seen.page.get_by_role("heading", name=t("gap_list.title", "en"), exact=True).wait_for()
    seen.page.wait_for_timeout(500)
    assert "/gaps" in seen.page.url, "the row that was chosen does not open its commune again"
    assert seen.wrong == []


def test_a_click_on_the_map_or_a_name_typed_without_diacritics_opens_the_commune(
    watch: Callable[..., Watched], made: str
) -> None:
    seen = watch(made)
    seen.open("map", "vi", "map.title")
    assert seen.outlines_sent() == 1
    box = seen.page.locator(".canvas").bounding_box()
    assert box is not None
    seen.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    seen.page.wait_for_url("**commune=**")
    clicked = seen.page.url
    seen.page.get_by_role("combobox").nth(1).fill("cau ke")
    seen.page.get_by_role("option", name="Cầu Kè").wait_for()
    seen.page.keyboard.press("Enter")
    seen.page.get_by_role("heading", name="Xã Cầu Kè").wait_for()
    assert seen.page.url != clicked
    seen.page.get_by_text("English", exact=True).click()
    seen.page.get_by_role("heading", name="Cau Ke Commune").wait_for()
    assert "lang=en" in seen.page.url
    assert seen.outlines_sent() == 1, "outlines travel once per page load"
    assert seen.wrong == []


def test_a_row_under_the_map_opens_its_commune_and_a_click_sends_the_table_no_second_time(
    watch: Callable[..., Watched], made: str
) -> None:
    seen = watch(made)
    seen.open("map", "en", "map.title")
    headings = [t(f"column.{name}", "en").encode() for name in ("answered", "interval", "needed")]

    def tables() -> int:
        return sum(all(heading in frame for heading in headings) for frame in seen.frames)

    assert tables() == 1
    seen.page.get_by_test_id("stDataFrame").scroll_into_view_if_needed()
    grid = seen.page.get_by_test_id("stDataFrame").bounding_box()
    assert grid is not None
    seen.page.mouse.click(grid["x"] + 16, grid["y"] + 52)  # the box before the first row: the lowest estimate
    seen.page.get_by_text(t("map.rank", "en", rank="1", all="…").partition("…")[0]).wait_for()
    first = seen.page.url
    assert "commune=" in first
    seen.page.locator(".canvas").scroll_into_view_if_needed()
    canvas = seen.page.locator(".canvas").bounding_box()
    assert canvas is not None
    seen.page.mouse.click(canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2)
    seen.page.wait_for_url(lambda url: "commune=" in url and url != first)
    assert tables() == 1
    assert seen.wrong == []


def test_the_gap_list_that_was_filtered_is_the_parquet_that_arrives(watch: Callable[..., Watched], made: str) -> None:
    seen = watch(made)
    seen.open("gaps?gap_verdict=not_met&gap_target=S6-2030-commune", "en", "gap_list.title")
    with seen.page.expect_download() as download:
        seen.page.get_by_role("button", name="Parquet", exact=True).click()
    table = pq.read_table(io.BytesIO(Path(download.value.path()).read_bytes()))
    expected = make_results().gaps.filter(verdict="not_met", target_id="S6-2030-commune")
    assert sorted(table["gap_id"].to_pylist()) == sorted(expected["gap_id"].to_list())
    assert all(column.metadata[b"description"] for column in table.schema if column.name in expected.columns)
    assert seen.wrong == []


def test_every_tab_bears_the_name_of_its_page(watch: Callable[..., Watched], made: str) -> None:
    seen = watch(made)
    commune = make_results().units.filter(code="29308")["name_vi"][0]
    titles = {"gaps": t("nav.gaps", "vi"), "commune?id=29308": commune, "method": t("nav.method", "vi")}
    for page, title in titles.items():
        seen.open(page, "vi")
        seen.page.wait_for_function("name => document.title === name", arg=f"{title} · Phủ")


def test_the_map_is_walked_and_chosen_with_the_keyboard_alone_and_says_where_one_is(
    watch: Callable[..., Watched], made: str
) -> None:
    seen = watch(made)
    seen.open("map", "en", "map.title")
    canvas = seen.page.get_by_role("application")
    assert "communes meet it" in (canvas.get_attribute("aria-label") or "")
    canvas.focus()
    seen.page.keyboard.press("ArrowRight")
    first = seen.page.locator(".said").text_content()
    seen.page.keyboard.press("ArrowDown")
    second = seen.page.locator(".said").text_content()
    assert first
    assert second
    assert first != second
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url("**commune=**")
    seen.page.get_by_role("heading", name=str(second).partition(":")[0]).wait_for()
    assert seen.wrong == []


def test_hatches_are_drawn_on_the_canvas_and_another_scale_needs_no_other_outlines(
    watch: Callable[..., Watched], made: str
) -> None:
    seen = watch(made)
    seen.open("map", "en", "map.title")
    colours = """() => {
      const canvas = document.querySelector('.canvas canvas') ?? [...document.querySelectorAll('*')]
        .map(e => e.shadowRoot?.querySelector('.canvas canvas')).find(Boolean);
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      const found = new Set();
      for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] > 200) found.add(pixels.slice(i, i + 3).join());
      return found.size;
    }"""
    assert seen.page.evaluate(colours) > 8, "four plain fills would give far fewer colours than their hatches"
    seen.page.get_by_text("Value", exact=True).click()
    seen.page.wait_for_url("**show=value**")
    seen.page.get_by_text("70%\u2009–\u200980%").first.wait_for()
    assert seen.outlines_sent() == 1
    assert seen.wrong == []


def test_a_commune_opens_from_the_overview_in_one_click_and_prints(watch: Callable[..., Watched], made: str) -> None:
    seen = watch(made)
    seen.open("", "en", "overview.title")
    _open_first_row(seen.page)
    seen.page.get_by_text(t("commune.targets", "en")).wait_for()
    assert seen.page.get_by_role("radio", name="English").is_checked(), "the switch knows its language on another page"
    with seen.page.expect_download() as download:
        seen.page.get_by_role("button", name=t("commune.sheet", "en")).click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    assert seen.wrong == []


def test_a_phone_shows_its_pages_without_opening_a_menu(watch: Callable[..., Watched], made: str) -> None:
    seen = watch(made, "phone")
    seen.open("", "vi", "overview.title")
    pages = seen.page.locator(".st-key-phone-pages")
    boxes = [link.bounding_box() for link in pages.get_by_role("link").all()]
    assert len(boxes) == 9
    assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= SIZES["phone"][0] for box in boxes), "all in sight"
    pages.get_by_role("link", name=t("nav.map", "vi"), exact=True).click()
    seen.page.locator(".canvas[data-ready]").wait_for(timeout=15_000)
    legend = seen.page.get_by_label(t("map.legend", "vi")).bounding_box()
    assert legend is not None
    assert legend["y"] + legend["height"] < SIZES["phone"][1], "the legend stands on the first screen"
    assert "lang=vi" in seen.page.url
    seen.open("method", "vi", "method.title")  # the last of the row
    here = seen.page.locator(".st-key-phone-pages [aria-current=page]")
    here.wait_for()
    assert here.inner_text() == t("nav.method", "vi"), "the page that is open says so"
    assert seen.wrong == []


def test_a_table_that_goes_on_beyond_its_edge_shows_that_it_does(watch: Callable[..., Watched], made: str) -> None:
    seen = watch(made, "phone")
    seen.open("gaps", "km", "gap_list.title")
    table = "document.querySelector('[data-testid=stDataFrame]')"
    edge = f"opacity => getComputedStyle({table}, '::after').opacity === opacity"
    seen.page.wait_for_function(edge, arg="1")
    scroller = seen.page.locator(".dvn-scroller").first
    scroller.evaluate("part => part.scrollTo(part.scrollWidth, 0)")
    seen.page.wait_for_function(edge, arg="0")
    assert seen.wrong == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_a_filter_is_set_to_is_read_whole_on_a_phone(watch: Callable[..., Watched], made: str, lang: str) -> None:
    seen = watch(made, "phone")
    seen.open("gaps?gap_verdict=undecided&gap_verdict=no_data", lang, "gap_list.title")
    chips = seen.page.locator("[data-tag] > span:visible")
    cut = "all => all.filter(one => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight)"
    assert len(chips.all()) == 2
    assert chips.evaluate_all(f"all => ({cut})(all).map(one => one.innerText)") == []
    seen.open("gaps?gap_target=S5-2025-commune&gap_district=Huyện Cầu Kè&gap_commune=29308", lang, "gap_list.title")
    told = [chip.inner_text() for chip in chips.all()]
    assert (len(told), told[1]) == (3, "Huyện Cầu Kè"), "the letters it is found by stand in the list alone"
    assert not [one for one in told if "(" in one]


def test_a_planner_prints_a_commune_found_on_the_map_without_a_mouse(watch: Callable[..., Watched], made: str) -> None:
    seen = watch(made)
    seen.open("map", "en", "map.title")
    _tab_to(seen.page, "INPUT", t("map.commune", "en"))
    seen.page.keyboard.type("cau ke")
    seen.page.keyboard.press("Enter")
    seen.page.get_by_role("heading", name="Cau Ke Commune").wait_for()
    _tab_to(seen.page, "A", t("commune.open", "en"))
    seen.page.keyboard.press("Enter")
    seen.page.get_by_text(t("commune.targets", "en")).wait_for()
    seen.page.wait_for_function(DRAWN, timeout=30_000)
    _tab_to(seen.page, "BUTTON", t("commune.sheet", "en"))
    with seen.page.expect_download() as download:
        seen.page.keyboard.press("Enter")
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")


def _tab_to(page: Page, tag: str, words: str) -> None:
    """Walk with the tabulator, as somebody without a mouse does; forty steps are enough on any page."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED, [tag, words]):
            return
    pytest.fail(f"{words!r} is not reached with the tabulator")


def test_three_people_files_stored_become_a_printed_sheet_and_a_file_for_a_partner(
    watch: Callable[..., Watched], tmp_path: Path
) -> None:
    files = make_round(tmp_path / "demo", households=400)
    with serving(tmp_path / "data", *COLLECT) as address:
        seen = watch(address)
        seen.open("", "vi", "start.title")
        _a_survey_team_stores_its_forms(seen, [files.frame, *files.files[:1]])
        _two_review_at_once(watch(address).page, watch(address).page, address)
        _a_planner_prints_the_worst_commune(seen)
        _an_engineer_leaves_with_a_file(seen)
        _documents_name_what_their_pages_are_drawn_with(seen)
        assert seen.wrong == []


def _a_survey_team_stores_its_forms(seen: Watched, files: list[Path]) -> None:
    assert files[-1].name.endswith("-central.zip"), "in the format of ODK Central"
    seen.open("upload", "vi", "upload.title")
    seen.page.locator("input[type=file]").set_input_files(files)
    store = seen.page.get_by_role("button", name=counted("upload.store", len(files), "vi"))
    store.wait_for(timeout=60_000)
    assert seen.page.get_by_text(t("upload.state.checked", "vi")).count() == len(files)
    store.click()
    again = seen.page.get_by_role("button", name=t("upload.run", "vi"))
    again.wait_for(timeout=60_000)
    again.click()
    seen.page.get_by_role("link", name=t("upload.to_overview", "vi")).click(timeout=60_000)
    seen.page.get_by_role("heading", name=t("overview.title", "vi")).wait_for(timeout=30_000)
    seen.page.get_by_text(t("banner.made_up", "vi")).wait_for(timeout=15_000)


def _two_review_at_once(one: Page, other: Page, address: str) -> None:
    """What one decides moves the rows of the other's list, and neither their interview nor their words."""
    for page in (one, other):
        page.goto(f"{address}/review?lang=vi")
        page.get_by_label(t("review.by", "vi"), exact=True).fill("Thu" if page is one else "Minh")
        page.keyboard.press("Tab")
        page.get_by_label(t("review.reason", "vi"), exact=True).wait_for(timeout=30_000)
    first, why = _interview_open(one), one.get_by_label(t("review.reason", "vi"), exact=True)
    one.get_by_text(t("review.correct", "vi")).first.click()
    one.get_by_label(t("issue.reason", "vi"), exact=True).first.fill("đã hỏi")
    expect(one.get_by_text(t("foreign.enter_form", "vi"))).to_be_visible()
    table = one.get_by_test_id("stDataFrame").first
    table.locator("canvas").first.wait_for()
    table.scroll_into_view_if_needed()
    grid = table.bounding_box()
    assert grid is not None
    one.mouse.click(grid["x"] + 16, grid["y"] + 36 * 2 + 16)  # the box before the second row
    expect(_heads(one).filter(has_text=first)).to_have_count(0)
    second = _interview_open(one)
    assert first == _interview_open(other)
    other.get_by_role("button", name=t("review.do.accepted", "vi"), exact=True).click()
    expect(_heads(other).filter(has_text=first)).to_have_count(0)  # a notice names it for a while
    why.fill("hỏi lại")
    why.press("Tab")
    one.wait_for_timeout(1500)
    assert (_interview_open(one), why.input_value()) == (second, "hỏi lại")


def _heads(page: Page) -> Locator:
    """What stands at the head of the interview that is open, and names it."""
    return page.get_by_test_id("stCaptionContainer").filter(has_text=f"{t('issue.submission', 'vi')}: ")


def _interview_open(page: Page) -> str:
    return _heads(page).inner_text().rpartition(": ")[2].strip()


def _a_planner_prints_the_worst_commune(seen: Watched) -> None:
    seen.page.get_by_role("link", name=t("nav.map", "vi"), exact=True).first.click()
    seen.page.locator(".canvas[data-ready]").wait_for(timeout=15_000)
    assert seen.page.locator(".notice").inner_text() == t("banner.schematic", "vi")
    seen.page.get_by_role("link", name=t("nav.overview", "vi"), exact=True).first.click()
    seen.page.get_by_role("heading", name=t("overview.title", "vi")).wait_for()
    _open_first_row(seen.page)
    with seen.page.expect_download(timeout=60_000) as download:
        seen.page.get_by_role("button", name=t("commune.sheet", "vi")).click()
    sheet = Path(download.value.path()).read_bytes()
    assert sheet.startswith(b"%PDF-")
    assert re.search(rb"/MediaBox ?\[\s*0 0 595(\.\d+)? 841", sheet), "A4"


def _documents_name_what_their_pages_are_drawn_with(seen: Watched) -> None:
    for code in opening.PARTS.keys() - {"begin"}:  # which is where those begin who may not see the overview
        seen.fetched.clear()
        seen.open(code, "vi")
        with urllib.request.urlopen(f"{seen.address}/{code}") as answer:
            document = answer.read().decode()
        scripts = {url.removeprefix(f"{seen.address}/") for url in seen.fetched if "/static/js/" in url}
        assert len(scripts) > 50
        assert {file for file in scripts if f"./{file}" not in document} == set(), code
        assert [url for url in seen.fetched if url.endswith(HEALTH)] == [f"{seen.address}{HEALTH}"], code


def _open_first_row(page: Page) -> None:
    table = page.get_by_test_id("stDataFrame").first
    table.locator("canvas").first.wait_for()
    grid = table.bounding_box()
    assert grid is not None
    page.mouse.click(grid["x"] + 16, grid["y"] + 52)  # the box before the first row
    page.wait_for_url("**/commune?**id=**")


def _an_engineer_leaves_with_a_file(seen: Watched) -> None:
    seen.open("gaps", "vi", "gap_list.title")
    with seen.page.expect_download(timeout=60_000) as download:
        seen.page.get_by_role("button", name="Parquet", exact=True).click()
    whole = pq.read_table(io.BytesIO(Path(download.value.path()).read_bytes()))
    seen.page.get_by_text(t("partners.title", "vi")).click()
    seen.page.get_by_label(t("partners.code", "vi"), exact=True).fill("vnpt")
    seen.page.get_by_label(t("partners.name", "vi"), exact=True).fill("VNPT")
    _choose(seen.page, t("partners.indicators", "vi"), "S2 ")
    seen.page.get_by_role("button", name=t("partners.add.button", "vi")).click()
    secret = seen.page.get_by_test_id("stCode").inner_text().strip()
    seen.page.get_by_role("button", name=t("partners.token.copied", "vi")).click()
    seen.page.get_by_test_id("stCode").wait_for(state="detached")
    asked: Any = seen.page.request.get(
        f"{seen.address}/api/v1/gaps.parquet", headers={"Authorization": f"Bearer {secret}"}
    )
    own = pq.read_table(io.BytesIO(asked.body()))
    assert set(own["indicator"].to_pylist()) == {"S2"} < set(whole["indicator"].to_pylist())
    assert set(own["gap_id"].to_pylist()) < set(whole["gap_id"].to_pylist())


def _choose(page: Page, label: str, words: str) -> None:
    """Choose from a list; it shuts when the page scrolls under it, so it may have to be opened again."""
    begins = re.compile(f"^{words}")
    box, option = page.get_by_role("combobox", name=label), page.get_by_role("option", name=begins)
    for _ in range(10):
        box.fill(words.strip())
        with suppress(TimeoutError):
            option.click(timeout=3_000)
        page.keyboard.press("Escape")  # an open list hides the rest of the page from screen readers, and from us
        if page.locator("[data-tag]").filter(has_text=begins).count():  # a click may count though it seemed to fail
            return
        box.fill("")
    pytest.fail(f"{label}: {words!r} cannot be chosen")
