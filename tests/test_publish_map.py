"""The map people keep: one file, no network, nothing said by colour alone, the same bytes for the same results."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from fractions import Fraction
from html import escape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import polars as pl
import pytest
import shapely

import geo
from collect.i18n import LANGUAGES, t
from collect.judge.disclosure import FEWEST_INTERVIEWED, SMALL_COUNT
from collect.pages import live_maps
from collect.pages.data import Shapes
from collect.problems import CollectError
from collect.publish import GROUND, LOOKS, MapLayer, disclosure, map_layer, write_map
from collect.publish.disclosure import withheld
from collect.publish.map_picture import content
from collect.tables import ESTIMATES, VERDICTS, VERDICTS_TABLE, Estimates, Verdicts
from collect.targets import Target

CHROMIUM = Path("/usr/bin/chromium")
TARGET = Target(
    "S2-2025-commune", "S2", "S2", "commune", 2025, ">", Fraction(4, 5), "share", "50/KH-UBND", date(2022, 7, 12),
    {"vi": "Cáp quang trên 80 %", "km": "កាបអុបទិក", "en": "Fibre passes > 80 %"},
)  # fmt: skip
META = {"release": "20250731-ab", "as_of": "2025-07-31", "made_up": True}
HOSTILE = "<img src=http://example.org/x.png onerror=alert(1)>'\"</script>"


class Squares:
    """Four communes in a row, as `geo.boundaries` would give them."""

    vintage = "2025-07"
    source = "drawn by hand"

    def __init__(self, kind: str = "schematic", first: str = "Xã Một") -> None:
        self.kind = kind
        self.codes = ["29001", "29002", "29003", "29004"]
        self.names = [first, "Xã Hai", "Xã Ba", "Phường Bốn"]

    def simplified(self, tolerance_m: float = 50.0) -> gpd.GeoDataFrame:
        shapes = [shapely.box(106 + 0.1 * place, 9.5, 106.1 + 0.1 * place, 9.6) for place in range(4)]
        return gpd.GeoDataFrame({"code": self.codes, "name": self.names}, geometry=shapes, crs="EPSG:4326")


def verdicts(*rows: tuple[str, str], target: str = "S2-2025-commune", round_: str = "r1") -> Verdicts:
    frame = [
        {"target_id": target, "indicator": "S2", "level": "commune", "vintage": "2025-07", "place": place,
         "round": round_, "verdict": verdict, "reason": "bound"}
        for place, verdict in rows
    ]  # fmt: skip
    return Verdicts(VERDICTS_TABLE.check(pl.DataFrame(frame)))


def estimates(**values: float) -> Estimates:
    frame = [
        {"indicator": "S2", "level": "commune", "vintage": "2025-07", "place": place[1:], "round": "r1",
         "regime": "clusters", "n": 50, "n_households": 48, "n_clusters": 4, "n_base": 50.0, "n_holding": 25.0,
         "value": value, "ci_low": value - 0.1, "ci_high": value + 0.1}
        for place, value in values.items()
    ]  # fmt: skip
    return Estimates(ESTIMATES.check(pl.DataFrame(frame, schema_overrides=dict(ESTIMATES.schema))))


@pytest.fixture
def layer() -> MapLayer:
    return make_layer(Squares())


def make_layer(outlines: Squares) -> MapLayer:
    judged = verdicts(("29001", "met"), ("29002", "not_met"), ("29003", "undecided"))
    return map_layer(TARGET, estimates(c29001=0.89, c29002=0.3, c29003=0.81), judged, outlines, meta=META)


# --- the layer ---------------------------------------------------------------------------------------------------


def test_a_commune_without_a_verdict_is_on_the_map_as_no_data(layer: MapLayer) -> None:
    assert layer.classes == {"29001": "met", "29002": "not_met", "29003": "undecided", "29004": "no_data"}
    assert layer.values == {"29001": 0.89, "29002": 0.3, "29003": 0.81, "29004": None}
    assert layer.legend == {"met": 1, "not_met": 1, "undecided": 1, "no_data": 1}


def test_the_layer_knows_what_must_be_said_with_it(layer: MapLayer) -> None:
    assert (layer.schematic, layer.made_up, layer.as_of, layer.target_id) == (
        True,
        True,
        "2025-07-31",
        TARGET.target_id,
    )
    assert make_layer(Squares("reference")).schematic is False


def test_of_several_rounds_the_last_is_drawn() -> None:
    both = pl.concat([verdicts(("29001", "met"), round_="r1"), verdicts(("29001", "not_met"), round_="r2")])
    drawn = map_layer(TARGET, estimates(c29001=0.9), Verdicts(both), Squares(), meta=META)
    assert drawn.classes["29001"] == "not_met"
    assert drawn.values["29001"] is None, "the first round's estimate does not stand under the second's verdict"


def test_a_target_that_is_not_judged_by_commune_has_no_map() -> None:
    with pytest.raises(CollectError, match=r"PUB-02.*S9"):
        map_layer(TARGET, estimates(c29001=0.9), verdicts(("29001", "met"), target="S9"), Squares(), meta=META)


COUNTS = """
| place | verdict  | unit      | n_households | n_base | n_holding | withheld |
|-------|----------|-----------|--------------|--------|-----------|----------|
| 29001 | met      | household | 9            | 9      | 5         | yes      |
| 29002 | not_met  | household | 10           | 40     | 20        | no       |
| 29003 | met      | household | 60           | 60     | 56        | yes      |
| 29004 | not_met  | household | 60           | 60     | 4         | yes      |
| 29005 | met      | household | 60           | 60     | 60        | no       |
| 29006 | not_met  | household | 60           | 60     | 55        | no       |
| 29007 | met      | commune   | 1            | 1      | 1         | no       |
| 29008 | no_data  | household | 0            | 0      | 0         | no       |
"""


def table_of(text: str) -> pl.DataFrame:
    """Rows of a table of communes, numbers as numbers."""
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines())
    frame = pl.DataFrame(rows, schema=header, orient="row")
    return frame.with_columns(pl.col("n_households", "n_base", "n_holding").cast(pl.Int64))


def test_a_figure_that_rests_on_too_few_is_not_on_the_map() -> None:
    rows = table_of(COUNTS)
    assert withheld(rows) == set(rows.filter(pl.col("withheld") == "yes")["place"])


def test_one_withheld_commune_takes_another_with_it_that_the_gap_list_does_not_publish() -> None:
    rows = table_of(COUNTS).filter(pl.col("place").is_in(["29001", "29002", "29005", "29006"]))
    assert withheld(rows) == {"29001", "29005"}
    assert withheld(rows.filter(pl.col("place") != "29005")) == {"29001", "29002"}
    assert withheld(rows.filter(pl.col("place") != "29001")) == frozenset()


def test_the_map_and_the_gap_list_withhold_by_the_same_numbers() -> None:
    assert (disclosure.FEWEST_INTERVIEWED, disclosure.SMALL_COUNT) == (FEWEST_INTERVIEWED, SMALL_COUNT)


def test_a_withheld_commune_keeps_its_verdict_and_says_why_its_figure_is_gone(tmp_path: Path) -> None:
    few = estimates(c29001=0.89, c29002=0.3, c29003=0.81).with_columns(n_households=pl.lit(9, pl.Int64))
    judged = verdicts(("29001", "met"), ("29002", "not_met"), ("29003", "undecided"))
    drawn = map_layer(TARGET, Estimates(few), judged, Squares(), meta=META)
    assert drawn.classes["29001"] == "met"
    assert set(drawn.values.values()) == {None}
    text = write_map(drawn, tmp_path / "map.html", "en").read_text(encoding="utf-8")
    assert "89.0%" not in text
    assert t("publish.map.withheld", "en") in text


def test_every_verdict_has_a_look_of_its_own_beyond_colour() -> None:
    assert tuple(LOOKS) == VERDICTS
    assert len({look.mark for look in LOOKS.values()}) == len(VERDICTS)
    assert len({look.hatch for look in LOOKS.values()}) == len(VERDICTS)
    greys = sorted(_grey(look.colour) for look in LOOKS.values() if look.mark != LOOKS["not_met"].mark)
    assert all(later - earlier > 0.1 for earlier, later in pairwise(greys))


def _grey(colour: str) -> float:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# --- the file ----------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Collects what a page would fetch, its cells and its language."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.cells: list[str] = []
        self.lang = ""
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.fetched += [str(values[name]) for name in ("src", "href", "data", "action", "srcset") if values.get(name)]
        self.lang = str(values.get("lang")) if tag == "html" else self.lang
        self.inside = tag
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = "" if tag == self.inside else self.inside

    def handle_data(self, data: str) -> None:
        if self.inside in ("td", "th") and self.cells:
            self.cells[-1] += data


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_the_page_asks_no_host_for_anything(layer: MapLayer, tmp_path: Path, lang: str) -> None:
    page = write_map(layer, tmp_path / "map.html", lang)
    text = page.read_text(encoding="utf-8")
    assert read(page).fetched == []
    assert re.findall(r"url\((?!#|data:)[^)]*\)", text.split("</style>")[0]) == []
    assert "default-src 'none'" in text
    assert "{{" not in text


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_the_page_speaks_its_language_and_says_what_must_be_said(layer: MapLayer, tmp_path: Path, lang: str) -> None:
    page = write_map(layer, tmp_path / "map.html", lang)
    text = page.read_text(encoding="utf-8")
    assert read(page).lang == lang
    assert escape(TARGET.labels[lang]) in text
    assert escape(t("publish.made_up", lang)) in text
    assert escape(t("publish.schematic", lang)) in text
    for verdict in VERDICTS:
        assert f"{t(f'verdict.{verdict}', lang)} (1)" in text


def test_real_results_on_real_outlines_carry_no_warning(tmp_path: Path) -> None:
    judged = verdicts(("29001", "met"))
    drawn = map_layer(TARGET, estimates(c29001=0.9), judged, Squares("reference"), meta={"as_of": "2025-07-31"})
    text = write_map(drawn, tmp_path / "map.html", "en").read_text(encoding="utf-8")
    assert t("publish.made_up", "en") not in text
    assert escape(t("publish.schematic", "en")) not in text


def test_the_table_under_the_map_says_the_same_worst_first(layer: MapLayer, tmp_path: Path) -> None:
    cells = read(write_map(layer, tmp_path / "map.html", "en")).cells
    rows = [cells[place : place + 6] for place in range(0, len(cells), 6)]
    assert [row[0] for row in rows[1:]] == ["Xã Hai", "Xã Ba", "Phường Bốn", "Xã Một"]
    assert rows[1][1:] == ["29002", f"✕ {t('verdict.not_met', 'en')}", "30.0%", "20.0%\u2009–\u200940.0%", "48"]
    assert rows[3][3:] == ["–", "–", "–"]


def test_communes_of_one_verdict_stand_worst_first(tmp_path: Path) -> None:
    rows = verdicts(*((code, "not_met") for code in ("29001", "29002", "29003", "29004")))
    shares = estimates(c29001=0.5, c29002=0.3, c29003=0.4, c29004=0.45)
    cells = read(write_map(map_layer(TARGET, shares, rows, Squares()), tmp_path / "map.html", "vi")).cells
    assert cells[6::6] == ["Xã Hai", "Xã Ba", "Phường Bốn", "Xã Một"]


@pytest.mark.parametrize(("lang", "name"), [("vi", "Xã An Phú Tân"), ("en", "An Phu Tan Commune")])
def test_communes_are_called_as_on_the_apps_own_map(tmp_path: Path, lang: str, name: str) -> None:
    code = geo.units("2025-07").filter(name_vi="Xã An Phú Tân")["code"][0]
    outlines = Squares(first="Xã An Phú Tân")
    outlines.codes[0] = code
    drawn = map_layer(TARGET, estimates(**{f"c{code}": 0.3}), verdicts((code, "not_met")), outlines)
    page = write_map(drawn, tmp_path / "map.html", lang)
    assert read(page).cells[6] == name
    assert ("Xã An Phú Tân" in page.read_text(encoding="utf-8")) == (lang == "vi")


def test_names_are_listed_as_a_vietnamese_list_lists_them(tmp_path: Path) -> None:
    outlines = Squares(first="Xã Đông Hải")
    outlines.names[1:] = ["Xã Hoà Minh", "Xã Dân Thành", "Xã An Phú Tân"]
    rows = verdicts(*((code, "met") for code in ("29001", "29002", "29003", "29004")))
    same = estimates(c29001=0.9, c29002=0.9, c29003=0.9, c29004=0.9)
    cells = read(write_map(map_layer(TARGET, same, rows, outlines), tmp_path / "map.html", "vi")).cells
    assert cells[6::6] == ["Xã An Phú Tân", "Xã Dân Thành", "Xã Đông Hải", "Xã Hoà Minh"]


def test_numbers_are_written_as_the_language_writes_them(layer: MapLayer, tmp_path: Path) -> None:
    assert "30,0\u00a0%" in read(write_map(layer, tmp_path / "map.html", "vi")).cells


def test_a_name_from_outside_cannot_run_or_fetch(tmp_path: Path) -> None:
    page = write_map(make_layer(Squares(first=HOSTILE)), tmp_path / "map.html", "en")
    text = page.read_text(encoding="utf-8")
    assert "<img" not in text.split("</head>")[1]
    assert text.count("</script>") == write_map(make_layer(Squares()), tmp_path / "b.html", "en").read_text(
        encoding="utf-8"
    ).count("</script>")
    assert HOSTILE in read(page).cells


def test_the_same_layer_gives_the_same_bytes(layer: MapLayer, tmp_path: Path) -> None:
    first = write_map(layer, tmp_path / "a.html", "vi").read_bytes()
    assert write_map(make_layer(Squares()), tmp_path / "b.html", "vi").read_bytes() == first


@pytest.mark.parametrize("kind", ["html", "png"])
@pytest.mark.parametrize("name", ["water", "roads"])
def test_the_map_taken_away_has_water_and_roads_where_the_screen_has_them(
    monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    line: dict[str, Any] = {"type": "LineString", "coordinates": [(105.9, 9.55), (106.5, 9.58)]}
    ground = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": line}]}
    judged = verdicts(("29001", "met"))
    shapes = Shapes("", {}, {}, True, "drawn by hand", ground=geo.Ground({name: ground}))
    run = SimpleNamespace(estimates=estimates(c29001=0.89), verdicts=judged, vintage="2025-07")
    found: Any = SimpleNamespace(run=run, shapes=shapes, meta=lambda: META)
    for part, made in (
        ("places_of", lambda *_: SimpleNamespace(boundaries=Squares())),
        ("require", lambda *_: None),
        ("indicator_of", lambda *_: None),
    ):
        monkeypatch.setattr(live_maps, part, made)
    asked: Any = SimpleNamespace(settings=SimpleNamespace(data=None), who=None, lang="vi")
    seen, hidden = (live_maps.map_file(asked, found, TARGET, "verdict", kind, ground=shown) for shown in (True, False))
    colour = str(GROUND[name]["color"])
    if kind == "html":
        assert [colour in file.decode() for file in (seen, hidden)] == [True, False]
    else:
        assert seen != hidden
    assert ground["features"] == [{"type": "Feature", "properties": {}, "geometry": line}], "nothing is written into it"


def test_water_lies_under_roads_with_its_islands_spared_whatever_the_kind_of_shape(layer: MapLayer) -> None:
    lake = shapely.Point(106.2, 9.55).buffer(0.03).difference(shapely.Point(106.2, 9.55).buffer(0.01))
    road = shapely.LineString([(105.9, 9.55, 3.0), (106.5, 9.58, 4.0)])
    several = shapely.GeometryCollection([shapely.MultiLineString([road, road]), lake])
    drawn = {
        name: {"type": "FeatureCollection", "features": [{"geometry": shape.__geo_interface__} for shape in shapes]}
        for name, shapes in (("roads", [road, several]), ("water", [shapely.MultiPolygon([lake])]))
    }
    picture = str(content(replace(layer, ground=drawn), "vi")["map"])
    found = re.findall(r'<path d="([^"]+)" fill="[^"]+"[^>]*stroke="(#5aa0d0|#4b5563)"', picture)
    assert [(path.count("M"), path.count("Z"), colour) for path, colour in found] == [
        (2, 2, "#5aa0d0"), (1, 0, "#4b5563"), (2, 2, "#4b5563"), (2, 0, "#4b5563"),
    ]  # fmt: skip
    assert picture.count("<path") - len(found) == str(content(layer, "vi")["map"]).count("<path")


def test_a_place_that_cannot_be_written_is_a_reason_to_stop(layer: MapLayer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CollectError, match="PUB-03"):
        write_map(layer, tmp_path / "file" / "map.html", "vi")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here")
def test_a_browser_draws_every_commune_from_disk_without_one_request(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    page_file = write_map(make_layer(Squares(first=HOSTILE)), tmp_path / "map.html", "km")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 900, "height": 900})
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(page_file.as_uri())
        drawn = page.locator("path.leaflet-interactive")
        fills = json.loads(page.evaluate("JSON.stringify([...document.querySelectorAll('path.leaflet-interactive')]"
                                         ".map(path => path.getAttribute('fill')))"))  # fmt: skip
        count, marks = drawn.count(), page.locator(".leaflet-marker-icon.mark").all_inner_texts()
        drawn.first.hover(force=True)
        tooltip = page.locator(".leaflet-tooltip").inner_text()
        browser.close()
    assert [url for url in asked if not url.startswith(("file://", "data:"))] == []
    assert [url for url in asked if url.startswith("file://")] == [page_file.as_uri()]
    assert said == []
    assert count == 4
    assert fills == [f"url(#hatch-{verdict})" for verdict in ("met", "not_met", "undecided", "no_data")]
    assert sorted(marks) == sorted(look.mark for look in LOOKS.values())
    assert HOSTILE in tooltip, "the name is shown as text"
