"""What planners read: the commune's page, what changed, the scales of the map, and what no page may show."""

from __future__ import annotations

import json
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import geopandas as gpd
import polars as pl
import pytest
import shapely
import streamlit
from app_tables import COMMUNE_TARGETS, INDICATORS, VINTAGE, make_changes, make_results
from pages_opened import open_page
from streamlit.testing.v1 import AppTest

import geo
from collect.i18n import LANGUAGES, t
from collect.i18n.figures import counted, points
from collect.pages import commune_page, data, map_component, tables
from collect.pages.finding import communes
from collect.pages.gap_list import _districts
from collect.pages.live_maps import shapes_of
from collect.pages.map_component import Figures
from collect.publish import SHOWS, Scale, advice, ground_lines
from collect.publish.dictionary import COLUMNS
from collect.targets import Target

FIBRE, PHONE = COMMUNE_TARGETS[:2]  # more than 80 %; at least 80 %


def figures(value: float | None, half: float = 0.05, verdict: str = "undecided") -> Figures:
    return Figures(verdict, value, None if value is None else value - half, None if value is None else value + half)


@pytest.mark.parametrize(
    ("target", "value", "kind"),
    [
        (FIBRE, 0.81, "over"),
        (FIBRE, 0.80, "near"),  # exactly 80 % does not meet 'more than 80 %'
        (PHONE, 0.80, "over"),  # and does meet 'at least 80 %'
        (FIBRE, 0.70, "near"),
        (FIBRE, 0.699, "below"),
        (FIBRE, 0.60, "below"),
        (FIBRE, 0.599, "far"),
        (FIBRE, None, "none"),
    ],
)
def test_the_classes_of_the_value_are_tied_to_the_target(target: Target, value: float | None, kind: str) -> None:
    assert Scale("value", target).of(figures(value)) == kind


@pytest.mark.parametrize(
    ("half", "kind"), [(0.0, "tight"), (0.05, "tight"), (0.06, "fair"), (0.15, "wide"), (0.2, "wider"), (0.21, "vague")]
)
def test_the_wider_the_interval_the_darker_the_uncertainty(half: float, kind: str) -> None:
    assert Scale("uncertainty", FIBRE).of(Figures("met", 0.5, 0.5 - half, 0.5 + half)) == kind


@pytest.mark.parametrize(
    ("target", "value", "mark"),
    [
        (FIBRE, 0.703, "70"),
        (FIBRE, 0.697, "69.7"),  # 70 is of another class
        (FIBRE, 0.796, "80"),  # 80 % still does not meet 'more than 80 %'
        (PHONE, 0.796, "79.6"),  # and would meet 'at least 80 %'
        (FIBRE, 0.804, "80.4"),
        (FIBRE, 0.812, "81"),
        (FIBRE, None, "–"),
    ],
)
def test_a_number_on_the_map_never_reads_as_one_of_another_class(
    target: Target, value: float | None, mark: str
) -> None:
    assert Scale("value", target).mark(figures(value), "en") == mark


@pytest.mark.parametrize(
    ("half", "mark"), [(0.048, "±5"), (0.052, "±5.2"), (0.154, "±15.4"), (0.16, "±16"), (0.2, "±20")]
)
def test_a_width_on_the_map_never_reads_as_one_of_another_class(half: float, mark: str) -> None:
    assert Scale("uncertainty", FIBRE).mark(figures(0.5, half), "en") == mark


@pytest.mark.parametrize("show", SHOWS)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_class_of_every_scale_has_words_and_differs_from_the_others_in_grey(show: Any, lang: str) -> None:
    scale = Scale(show, FIBRE)
    labels = [scale.label(code, lang) for code in scale.looks]
    assert all(labels)
    assert len(set(labels)) == len(labels)
    seen = [(look.hatch, grey(look.colour)) for look in scale.looks.values()]
    for index, (hatch, lightness) in enumerate(seen):
        for other_hatch, other in seen[:index]:
            assert hatch != other_hatch or abs(lightness - other) > 25, "neither hatch nor lightness tells them apart"


def grey(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_short_communes_whose_figures_are_withheld_are_not_said_to_be_none() -> None:
    made = make_results()
    few = replace(made, estimates=made.estimates.with_columns(n_households=pl.lit(3)))

    def page(results: object) -> None:
        from collect.pages import overview

        overview._furthest(results, "en", {})  # type: ignore[arg-type]

    said = [AppTest.from_function(page, args=(one,)).run().caption[0].value for one in (few, made)]
    assert said[0] == t("overview.furthest.withheld", "en")
    assert said[1] == t("overview.furthest.help", "en")


def test_a_low_target_has_no_class_below_nothing() -> None:
    low = replace(FIBRE, value=FIBRE.value / 8)  # more than 10 %
    assert set(Scale("value", low).looks) == {"over", "near", "none"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_commune_has_a_page_of_its_own_with_every_target(lang: str) -> None:
    made = make_results()
    code = made.units["code"][0]
    app = open_page("commune", lang, id=code)
    assert not app.exception
    names = dict(made.units.select("code", data.name_in(lang)).iter_rows())
    assert app.title[0].value == names[code]
    listed = commune_page.bullets(made, data.commune(made, code, lang), lang)
    assert [bullet.label for bullet in listed] == [
        next(x for x in INDICATORS if x.indicator_id == target.indicator).labels[lang] for target in COMMUNE_TARGETS
    ]
    assert {bullet.verdict for bullet in listed} == {"not_met"}
    assert all(bullet.deeds for bullet in listed), "a commune that misses a target is told what is missing"


def test_the_code_of_a_former_commune_leads_to_the_one_it_is_part_of() -> None:
    old = next(code for code in geo.units("2024")["code"] if code not in geo.units(VINTAGE)["code"].to_list())
    now = geo.recode(pl.Series([old]), "2024", VINTAGE)[0]
    app = open_page("commune", "en", id=old)
    assert now in app.warning[-1].value
    assert "99999" in open_page("commune", "en", id="99999").warning[-1].value


def test_a_commune_of_the_made_tables_lists_the_communes_it_came_from() -> None:
    code = next(code for code in geo.units(VINTAGE)["code"] if len(geo.former_units(code, VINTAGE, "2024")) > 1)
    app = open_page("commune", "vi", id=code)
    assert set(app.dataframe[0].value["Mã"]) == set(geo.former_units(code, VINTAGE, "2024"))


@pytest.mark.parametrize(("lang", "word"), [("vi", "giữ nguyên"), ("km", "រក្សាដដែល"), ("en", "unchanged")])
def test_a_commune_that_no_decree_changed_says_so_in_the_readers_language(lang: str, word: str) -> None:
    app = open_page("commune", lang, id="29410")
    decrees = [text.value for text in app.caption if "1687/NQ-UBTVQH15" in text.value]
    assert len(decrees) == 1
    assert decrees[0].endswith(f"khoản 121 ({word})")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"verdict": "met"}, []),
        (
            {"verdict": "not_met", "households_needed": 1, "households_needed_low": 1, "households_needed_high": 1},
            ["1 more household needed"],
        ),
        (
            {
                "verdict": "not_met",
                "households_needed": 1200,
                "households_needed_low": 900,
                "households_needed_high": 1500,
            },
            ["1,200 more households needed (between 900 and 1,500)"],
        ),
        (
            {"verdict": "undecided", "interviews_needed": 90, "hamlets_needed": 1, "interviews_reason": "more_hamlets"},
            ["Visit 1 more hamlet: more interviews in those already drawn cannot decide."],
        ),
        (
            {"verdict": "undecided", "interviews_needed": 101, "hamlets_needed": 7, "interviews_reason": "computed"},
            ["Visit 7 more hamlets, or hold 101 more interviews in those already drawn."],
        ),
        (
            {"verdict": "no_data", "interviews_needed": 19, "hamlets_needed": 2, "interviews_reason": "planned"},
            ["Visit 2 hamlets and hold about 19 interviews."],
        ),
        (
            {"verdict": "undecided", "interviews_needed": 5697, "hamlets_needed": 9, "interviews_reason": "enumerate"},
            ["Ask all 5,697 households that are left: no sample can decide here."],
        ),
        (
            {
                "verdict": "undecided",
                "interviews_needed": 308,
                "hamlets_needed": 9,
                "interviews_reason": "every_hamlet",
            },
            [
                "Take every hamlet of the commune (9 more hamlets) and hold about 308 more interviews, "
                "shared out by households."
            ],
        ),
        (
            {"verdict": "undecided", "interviews_needed": 40, "interviews_reason": "every_hamlet"},
            ["Take every hamlet of the commune and hold about 40 more interviews, shared out by households."],
        ),
        ({"verdict": "undecided", "interviews_reason": "too_close"}, [t("interviews_reason.too_close", "en") + "."]),
        (
            {"verdict": "undecided", "interviews_reason": "listed", "certainly_met_from": 61, "interviews_needed": 7},
            ["Hold 7 more interviews.", "Certain to be met once 61 of the list have it."],
        ),
    ],
)
def test_what_to_do_is_said_in_whole_numbers(row: dict[str, Any], said: list[str]) -> None:
    empty = dict.fromkeys(
        (
            "households_needed", "households_needed_low", "households_needed_high", "interviews_needed",
            "hamlets_needed", "interviews_reason", "certainly_met_from", "certainly_missed_from",
        )
    )  # fmt: skip
    assert advice({**empty, "suppressed": False, **row}, "households", "en") == said


def test_a_commune_that_meets_its_target_is_withheld_on_the_screen_where_too_few_stand_on_one_side() -> None:
    made = make_results()
    code = made.verdicts.filter(target_id=FIBRE.target_id, verdict="met", level="commune")["place"][0]
    here = (pl.col("place") == code) & (pl.col("indicator") == "S2")
    few = made.estimates.with_columns(n_holding=pl.when(here).then(pl.col("n_base") - 2).otherwise("n_holding"))
    row = data.communes(replace(made, estimates=few), FIBRE, "vi").row(by_predicate=pl.col("place") == code, named=True)
    assert row["suppressed"]
    assert [row[name] for name in ("value", "ci_low", "ci_high", "p_meets", "n_holding")] == [None] * 5


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("show", SHOWS)
def test_a_map_without_a_figure_says_why_in_its_legend_its_tooltips_and_its_table(show: Any, lang: str) -> None:
    made = make_results()
    assert made.shapes is not None
    judged = made.verdicts.filter(target_id=FIBRE.target_id, level="commune")
    met, nobody = (judged.filter(verdict=verdict)["place"][0] for verdict in ("met", "no_data"))
    here = (pl.col("place") == met) & (pl.col("indicator") == "S2")
    few = made.estimates.with_columns(n_holding=pl.when(here).then(pl.col("n_base") - 2).otherwise("n_holding"))
    rows = data.communes(replace(made, estimates=few), FIBRE, lang)
    withheld, unasked = (t(f"scale.none.{reason}", lang) for reason in ("withheld", "not_visited"))
    view = map_component.View(Scale(show, FIBRE), None, "alt")
    why = map_component.message(made.shapes, "outlines.json", rows, view, lang)["why"]
    assert (why[met], why[nobody]) == (withheld, unasked)
    listed = tables.named(rows, lang, ["code", "interval"])
    span = dict(listed.iter_rows())
    assert (span[met], span[nobody]) == (withheld, unasked)
    app = open_page("map", lang, show=show, target=FIBRE.target_id)
    legend = next(part.proto.body for part in app.get("html") if t("map.legend", lang) in part.proto.body)
    assert (unasked in legend) == (show != "verdict"), "a verdict of no data has the reason on its card"


def test_the_last_change_is_the_one_from_the_round_before() -> None:
    made = replace(make_results(), changes=make_changes(make_results(), "worse"))
    found = data.changes_of(made, "S2", "province")
    assert found.select("round_from", "difference").rows() == [("2025-2", -0.0412)]
    assert data.changes_of(made, "S5", "province").is_empty()
    assert data.changes_of(make_results(), "S2", "province").is_empty()


def test_the_overview_says_what_became_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_CHANGES", "worse")
    app = open_page("", "en")
    assert not app.exception
    said = " ".join(text.value for text in [*app.caption, *app.markdown])
    assert "▼ Worse: −4.1 points since the round before" in said
    assert "1 commune is worse than in the round before" in said
    assert "No earlier round to compare" in said, "of targets whose indicator was not asked before"


@pytest.mark.parametrize(("count", "words"), [(1, "1 commune has no data"), (2, "2 communes have no data")])
def test_one_and_many_are_said_as_the_language_says_them(count: int, words: str) -> None:
    assert counted("overview.attention.no_data", count, "en") == words
    assert counted("overview.attention.no_data", count, "vi").startswith(str(count))


def test_a_change_is_written_with_its_sign() -> None:
    assert (points(-0.0412, "vi"), points(0.0412, "en"), points(None, "en")) == ("−4,1", "+4.1", "–")


def test_the_gap_list_is_filtered_by_former_district_and_found_by_a_former_commune() -> None:
    made = make_results()
    districts = list(_districts(made))
    assert len(districts) == len(set(districts)) == 9
    named = communes(made.units, "vi")
    former = geo.units("2024").filter(pl.col("code").is_in(geo.former_units(made.units["code"][5], VINTAGE, "2024")))
    assert all(name in named[made.units["code"][5]] for name in former["name_vi"])
    app = open_page("gaps", "vi")
    app.multiselect(key="gap_district").set_value([districts[0]]).run()
    inside = made.units.filter(pl.col("district").str.contains(districts[0], literal=True))["name_vi"].to_list()
    assert set(app.dataframe[0].value["Xã, phường"]) <= set(inside)


def test_the_gap_list_begins_with_what_its_order_hangs_on() -> None:
    shown = open_page("gaps", "en").dataframe[0].value
    assert shown.columns[0] == t("column.priority", "en")
    assert list(shown.iloc[:, 0]) == sorted(shown.iloc[:, 0])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_gap_list_on_a_usual_screen_shows_names_whole_and_ends_after_the_target(lang: str) -> None:
    made = make_results()
    letter, edge, screen = 7.5, 16, 1280  # pixels: a letter of the table's font, a cell's rims, the table at 1440
    assert tables.name_width("en") >= max(len(name) for name in made.units["name_en"]) * letter + edge
    table = open_page("gaps", lang).dataframe[0]
    widths = {name: one["width"] for name, one in json.loads(table.proto.columns).items() if "width" in one}
    shown = [t(f"column.{name}", lang) for name in ("priority", "commune", "needed", "verdict", "target", "step")]
    assert list(table.value.columns)[:6] == shown
    assert sum(widths[name] for name in shown[:5]) < screen


@pytest.mark.parametrize("lang", LANGUAGES)
def test_without_outlines_no_geoparquet_is_offered_and_the_page_says_why(lang: str) -> None:
    app = open_page("gaps", lang)
    shut = {button.proto.label: button.proto.disabled for button in app.get("download_button")}
    assert shut == {"Parquet": False, "GeoParquet": True, "CSV": False, "Excel": False}
    said = " ".join(text.value for text in app.caption)
    assert t("PUB-07.found", lang) in said
    assert t("PUB-07.mend", lang) in said


def test_the_data_dictionary_is_read_whole_and_says_yes_in_words() -> None:
    app = open_page("gaps", "en")
    said = next(part.proto.body for part in app.get("html") if t("gap_list.dictionary", "en") in part.proto.body)
    longest = max((t(f"column.gaps.{column.name}", "en") for column in COLUMNS[:25]), key=len)
    assert escape(longest) in said
    assert f">{t('table.yes', 'en')}<" in said


def test_the_row_chosen_in_the_ranking_is_the_commune_of_the_card() -> None:
    made = make_results()
    code = data.communes(made, FIBRE, "en").sort("value", "name", nulls_last=True)["place"][0]
    app = open_page("map", "en", target=FIBRE.target_id, commune=code)
    assert app.selectbox(key="commune").value == code
    assert any("Rank 1 of" in text.value for text in app.caption)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_all_communes_stand_in_order_beside_the_map_until_one_is_chosen_and_again_when_it_is_let_go(lang: str) -> None:
    code = make_results().units["code"][3]
    app = open_page("map", lang, target=FIBRE.target_id)
    assert len(app.dataframe) == 1
    app.selectbox(key="commune").set_value(code).run()
    assert (len(app.dataframe), app.query_params["commune"]) == (0, code)
    next(one for one in app.button if one.label == t("map.table", lang)).click().run()
    assert not app.exception
    assert (len(app.dataframe), app.selectbox(key="commune").value) == (1, None)
    assert "commune" not in app.query_params


@pytest.mark.parametrize("page", ["map", "commune"])
def test_a_commune_is_found_by_its_code(page: str) -> None:
    boxes = {"map": "commune", "commune": "id"}
    assert "Xã Cầu Kè (Cau Ke) · 29308" in open_page(page, "vi").selectbox(key=boxes[page]).options


def test_targets_and_districts_are_found_without_their_diacritics() -> None:
    app = open_page("gaps", "vi")
    assert "Huyện Cầu Kè (Cau Ke)" in app.multiselect(key="gap_district").options
    assert any("(Ho gia dinh" in label for label in app.multiselect(key="gap_target").options)
    assert all("(" not in label for label in open_page("gaps", "km").multiselect(key="gap_target").options)


def test_every_matter_on_the_overview_has_a_way_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_CHANGES", "worse")
    said = [t(f"overview.to_{place}", "en") for place in ("gaps", "map", "progress")]
    ways = [one.proto for one in open_page("", "en").get("page_link") if one.proto.label in said][:4]
    assert [one.label for one in ways] == [said[0], said[1], said[2], said[1]], "the last: what became worse"
    assert len({(one.page, one.query_string) for one in ways}) == 4
    assert "gap_verdict=not_met" in ways[0].query_string
    assert "show=value" in ways[3].query_string


def test_no_page_module_is_longer_than_it_can_be_read() -> None:
    pages = Path(commune_page.__file__).parent.glob("*.py")
    assert {path.name: n for path in pages if (n := len(path.read_text(encoding="utf-8").splitlines())) > 300} == {}


def test_water_and_roads_come_from_files_without_what_was_written_beside_them(tmp_path: Path) -> None:
    lines = gpd.GeoDataFrame(
        {"owner": ["somebody"]}, geometry=[shapely.LineString([(106, 9.8), (106.3, 9.9)])], crs=4326
    )
    lines.to_crs(3405).to_file(tmp_path / "roads.geojson")
    drawn = geo.ground(tmp_path).layers
    assert list(drawn) == ["roads"]
    assert [feature["properties"] for feature in drawn["roads"]["features"]] == [{}]
    assert drawn["roads"]["features"][0]["geometry"]["coordinates"][0] == pytest.approx((106, 9.8), abs=1e-4)


def test_points_in_a_file_of_roads_are_told_and_not_drawn(tmp_path: Path) -> None:
    road, stop = shapely.LineString([(106, 9.8), (106.3, 9.9)]), shapely.Point(106.1, 9.85)
    shapes = [stop, road, shapely.MultiPoint([stop, (106.2, 9.9)]), shapely.GeometryCollection([road, stop]), None]
    gpd.GeoDataFrame(geometry=shapes, crs="EPSG:4326").to_parquet(tmp_path / "roads.parquet")
    gpd.GeoDataFrame(geometry=[stop], crs="EPSG:4326").to_file(tmp_path / "water.geojson")
    found = geo.ground(tmp_path)
    kinds = [feature["geometry"]["type"] for feature in found.layers["roads"]["features"]]
    assert kinds == ["LineString", "GeometryCollection"]
    assert [one["type"] for one in found.layers["roads"]["features"][1]["geometry"]["geometries"]] == ["LineString"]
    assert (dict(found.points), list(found.layers)) == ({"water": 1, "roads": 3}, ["roads"])
    for lang in LANGUAGES:
        water, roads = ground_lines(found, lang)
        assert ("geo/water" in water, "geo/roads" in roads, "3" in roads) == (True, True, True)


def test_a_file_of_roads_that_cannot_be_read_costs_the_map_its_roads_alone(tmp_path: Path) -> None:
    (tmp_path / "roads.geojson").write_text('{"type": "FeatureCollection", "features": [{', encoding="utf-8")
    river = gpd.GeoDataFrame(geometry=[shapely.LineString([(106.2, 9.9), (106.4, 9.6)])], crs="EPSG:4326")
    river.to_file(tmp_path / "water.gpkg")
    square = gpd.GeoDataFrame({"code": ["29308"]}, geometry=[shapely.box(106.0, 9.8, 106.1, 9.9)], crs="EPSG:4326")
    boundaries = geo.Boundaries(VINTAGE, "reference", "made up", "", True, 0.0, square)
    shapes = shapes_of(boundaries, geo.units(VINTAGE), tmp_path)
    assert (list(shapes.ground.layers), shapes.ground.unread) == (["water"], ("roads",))


def test_the_files_of_the_map_are_asked_for_as_the_map_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def button(*_: Any, data: Any, **__: Any) -> None:
        if "ground" in getattr(data, "keywords", {}):
            asked.append(data.keywords["ground"])

    monkeypatch.setattr(streamlit, "download_button", button)
    app = open_page("map", "en")
    assert asked == [True, True]
    asked.clear()
    app.session_state["ground"] = False
    app.run()
    assert asked == [False, False]


def test_from_a_map_of_former_communes_the_way_leads_to_the_commune_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    old = next(code for code in geo.units("2024")["code"] if code not in geo.units(VINTAGE)["code"].to_list())
    monkeypatch.setenv("APP_FORMER", "1")
    app = open_page("map", "vi", vintage="2024", commune=old, target=FIBRE.target_id)
    assert not app.exception
    assert any("106 xã, phường" in text.value for text in app.caption)
    link = next(link for link in app.get("page_link") if link.proto.label == "Mở trang của xã")
    assert f"id={geo.recode(pl.Series([old]), '2024', VINTAGE)[0]}" in link.proto.query_string
