"""What the screens say, asked without a browser: every page runs, every number is one of the finished tables'."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from app_tables import COMMUNE_TARGETS, make_issues, make_results
from pages_opened import open_page
from streamlit.web.server.app_discovery import discover_asgi_app

from collect import server
from collect.api.bundles import Bundles
from collect.api.gate import Gate
from collect.api.returning import Returning
from collect.i18n import LANGUAGES, t
from collect.pages import data, looks, map_component, served, trouble
from collect.pages.commune_card import sentence
from collect.pages.finding import findable
from collect.pages.issues import headings, in_words
from collect.pages.opening import Opening
from collect.pages.words import chance, day, interval, number, percent, target_value
from collect.publish import Scale, Show
from collect.server import script

PAGES = ("", "map", "commune", "gaps", "upload", "method")
FIBRE = COMMUNE_TARGETS[0]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_runs_in_every_language_without_an_exception(page: str, lang: str) -> None:
    app = open_page(page, lang)
    assert not app.exception
    assert len(app.title) == 1
    assert app.session_state["lang"] == lang


def test_made_up_data_are_said_to_be_made_up_in_the_language_of_the_page() -> None:
    assert "giả lập" in open_page("map", "vi").warning[0].value
    assert "Made-up" in open_page("map", "en").warning[0].value


def test_the_overview_gives_each_measured_target_its_province_value_and_verdict() -> None:
    app = open_page("", "vi")
    values = [metric.value for metric in app.metric]
    assert values == ["73,8\u00a0%"] * 4
    assert "Hộ gia đình được phủ cáp quang" in " ".join(text.value for text in app.markdown)


def test_a_target_that_no_form_measures_is_named_on_the_overview() -> None:
    app = open_page("", "en")
    assert "1 target that no form measures yet" in app.expander[0].label
    assert app.expander[0].dataframe[0].value["Target"].to_list() == ["Commune work files handled online"]


def test_an_address_opens_the_same_commune_in_any_language() -> None:
    code = make_results().units["code"][0]
    for lang, words in (("vi", "Chưa đạt mục tiêu"), ("en", "Does not meet the target"), ("km", "មិនទាន់សម្រេចគោលដៅ")):
        app = open_page("map", lang, commune=code, target="S2-2025-commune")
        assert any(words in text.value for text in app.markdown), lang


def test_a_code_nobody_knows_in_the_address_is_ignored() -> None:
    app = open_page("map", "en", commune="99999", target="nothing")
    assert not app.exception
    assert app.selectbox(key="target").value == "S2-2025-commune"
    assert app.selectbox(key="commune").value is None


@pytest.mark.parametrize(
    ("page", "codes"),
    [
        ("map", {"target": "zzz"}),
        ("map", {"commune": "99999"}),
        ("map", {"vintage": "1999"}),
        ("map", {"show": "zzz"}),
        ("gaps", {"gap_target": "zzz"}),
        ("gaps", {"gap_commune": "99999"}),
        ("method", {"target": "zzz"}),
    ],
)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_link_to_what_is_not_here_says_so(page: str, codes: dict[str, str], lang: str) -> None:
    app = open_page(page, lang, **codes)
    said = [one.value for one in app.warning if next(iter(codes.values())) in one.value]
    assert len(said) == 1
    assert not app.exception


def test_what_a_link_asked_for_in_vain_is_forgotten_once_somebody_chooses() -> None:
    app = open_page("map", "en", target="zzz", commune="99999")
    (said,) = (one.value for one in app.warning if "zzz" in one.value)
    assert "99999" in said
    app.selectbox(key="target").set_value("S5-2025-commune").run()
    assert not [one for one in app.warning if "zzz" in one.value]
    assert [one for one in app.warning if "99999" in one.value]


def test_the_maps_address_names_the_target_it_opened_with() -> None:
    app = open_page("map", "en")
    assert app.query_params["target"] == app.selectbox(key="target").value


def test_a_filter_keeps_only_the_gaps_of_its_kind() -> None:
    app = open_page("gaps", "en")
    app.multiselect(key="gap_verdict").set_value(["no_data"]).run()
    assert set(app.dataframe[0].value["Verdict"]) == {"– No data"}
    assert app.dataframe[0].value.shape[0] == make_results().gaps.filter(verdict="no_data").height


def test_uploaded_files_are_answered_one_by_one_and_stored_only_on_request() -> None:
    app = open_page("upload", "vi")
    app.file_uploader[0].upload("household.csv", b"a,b\n1,2\n", "text/csv").run()
    assert not app.exception
    assert [metric.value for metric in app.metric] == ["2", "1", "0", "2", "0"]  # as receipts count
    assert "made-waiting" not in app.session_state
    next(button for button in app.button if button.label == "Lưu 1 tệp").click().run()
    assert app.session_state["made-waiting"] is True
    next(button for button in app.button if button.label == "Tính lại kết quả").click().run()
    assert "20260930-0123456789" in app.success[-1].value


def test_what_became_of_each_file_is_still_said_in_the_language_chosen_afterwards() -> None:
    app = open_page("upload", "en")
    app.file_uploader[0].upload("household.csv", b"a,b\n1,2\n", "text/csv").upload("bad.csv", b"x", "text/csv").run()
    assert [one.label for one in app.status] == ["household\\.csv: checked", "bad\\.csv: cannot be read"]
    app.session_state["lang"] = "vi"
    app.run()
    assert [one.label for one in app.status] == ["household\\.csv: đã kiểm tra", "bad\\.csv: không đọc được"]
    assert [one.label for one in app.button if one.label.startswith("Lưu")] == ["Lưu 1 tệp"]


def test_storing_goes_on_when_the_page_is_drawn_anew_meanwhile() -> None:
    app = open_page("upload", "en")
    app.file_uploader[0].upload("household.csv", b"a,b\n1,2\n", "text/csv").run()
    app.session_state["storing"] = True  # the button was pressed, and a click elsewhere ended that run of the page
    app.run()
    assert app.session_state["made-waiting"] is True
    assert "storing" not in app.session_state
    app.file_uploader[0].upload("second.csv", b"a,b\n1,2\n", "text/csv").run()
    assert [one.label for one in app.button if one.label.startswith("Store")] == ["Store 1 file"]


def test_a_file_that_cannot_be_read_says_why_and_offers_nothing_to_store() -> None:
    app = open_page("upload", "en")
    app.file_uploader[0].upload("bad.csv", b"x", "text/csv").run()
    assert "IN-01" in app.error[0].value
    assert not [button for button in app.button if button.label.startswith("Store")]


def test_before_the_first_results_every_page_shows_where_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_EMPTY", "1")
    for page in ("", "map", "gaps"):
        app = open_page(page, "en")
        assert app.title[0].value == "Get started in three steps"
        assert [button.label for button in app.button] == ["Try with made-up data"]
        assert [link.proto.label for link in app.get("page_link") if link.proto.label == "Make the results"] == []
        assert any("After step 2" in text.value for text in app.markdown)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_schematic_map_says_what_it_is_and_how_to_have_boundaries(lang: str) -> None:
    assert any("collect geo fetch" in one.value for one in open_page("map", lang).info)


@pytest.mark.parametrize("show", ["verdict", "value", "uncertainty"])
def test_the_map_sends_codes_and_classes_but_neither_outlines_nor_names(show: Show) -> None:
    made = make_results()
    rows = data.communes(made, FIBRE, "vi")
    assert made.shapes is not None
    view = map_component.View(Scale(show, FIBRE), None, "alt")
    said = map_component.message(made.shapes, "outlines-made-41.json", rows, view, "vi")
    assert not {"geometry", "centres", "names"} & set(said)
    assert len(json.dumps(said)) < 8_000
    assert set(said["classes"].values()) <= set(said["kinds"])
    if show == "verdict":
        assert said["classes"] == dict(
            made.verdicts.filter(target_id="S2-2025-commune", level="commune").select("place", "verdict").iter_rows()
        )


def test_outlines_are_one_file_named_after_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_results()
    assert made.shapes is not None
    url = served.shapes_url(made.shapes)
    assert url.endswith("/outlines-made-41.json")
    held = json.loads((served._made() / "made" / "outlines-made-41.json").read_text(encoding="utf-8"))
    assert held["geometry"] == json.loads(json.dumps(made.shapes.geometry))
    assert set(held["names"]) == set(made.units["code"])
    served.put_away()
    assert served.shapes_url(made.shapes) == url
    assert json.loads((served._made() / "made" / "outlines-made-41.json").read_text(encoding="utf-8")) == held


def test_every_commune_of_the_verdicts_is_on_the_screen_visited_or_not() -> None:
    made = make_results()
    rows = data.communes(made, FIBRE, "en")
    assert rows.height == 41
    assert data.counts(made, FIBRE) == {"met": 11, "not_met": 17, "undecided": 11, "no_data": 2}
    assert rows.filter(verdict="no_data")["value"].null_count() == 2


def test_what_the_gap_list_withholds_no_screen_shows() -> None:
    made = make_results()
    code = made.gaps.filter(target_id="S2-2025-commune", verdict="not_met")["commune_code"][0]
    here = (pl.col("commune_code") == code) & (pl.col("target_id") == "S2-2025-commune")
    withheld = replace(made, gaps=made.gaps.with_columns(suppressed=pl.when(here).then(True).otherwise("suppressed")))
    row = data.communes(withheld, FIBRE, "vi").row(by_predicate=pl.col("place") == code, named=True)
    assert [row[name] for name in ("value", "ci_low", "ci_high", "p_meets")] == [None] * 4
    assert data.communes(made, FIBRE, "vi").row(by_predicate=pl.col("place") == code, named=True)["value"] is not None


def test_a_verdict_is_told_in_words_with_its_probability_and_reason() -> None:
    row = {"verdict": "undecided", "p_meets": 0.24, "reason": "interval"}
    assert sentence(row, FIBRE, "vi") == (
        "Chưa kết luận được có đạt mục tiêu >\u00a080\u00a0% hay không (xác suất đạt 24\u00a0%). "
        "Khoảng tin cậy còn chứa mục tiêu."
    )
    unvisited = {"verdict": "no_data", "p_meets": None, "reason": "not_visited"}
    assert (
        sentence(unvisited, FIBRE, "en")
        == "There are no data to compare with the target >\u00a080%. No team has been here."
    )


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (percent(0.738, "vi"), "73,8\u00a0%"),
        (percent(0.738, "en"), "73.8%"),
        (percent(None, "vi"), "–"),
        (interval(0.653, 0.823, "vi"), "65,3\u00a0%\u2009–\u200982,3\u00a0%"),
        (number(5704, "vi"), "5.704"),
        (number(5704, "en"), "5,704"),
        (day(make_results().as_of, "vi"), "30/09/2026"),
        (chance(0.9999, "vi"), "> 99\u00a0%"),
        (chance(0.0, "en"), "< 1%"),
        (target_value(COMMUNE_TARGETS[1], "vi"), "≥\u00a080\u00a0%"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(said: str, written: str) -> None:
    assert said == written


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Xã Cầu Kè", "Xã Cầu Kè (Cau Ke)"),
        ("Phường Nguyệt Hoá", "Phường Nguyệt Hoá (Nguyet Hoa)"),
        ("Cau Ke Commune", "Cau Ke Commune"),
        ("Huyện Cầu Kè", "Huyện Cầu Kè (Cau Ke)"),
        ("ឃុំខ្មែរ", "ឃុំខ្មែរ"),
    ],
)
def test_a_place_is_found_without_its_diacritics(name: str, found: str) -> None:
    assert findable(name) == found


def test_an_issue_says_where_what_why_and_how_to_mend_it_even_when_details_are_missing() -> None:
    issues = make_issues().with_columns(file=pl.lit("household.csv"), form=pl.lit("household"))
    table = in_words(issues, {}, "en")
    assert table.columns == headings("en")
    assert table.height == 3
    assert table["Row"][0] == "household.csv:4"
    assert table["Value"].to_list() == ["hai", "29236", None]
    assert all(text and "{" not in text for text in [*table["Why"], *table["How to mend it"]])


def test_every_verdict_has_a_look_a_badge_and_words() -> None:
    assert set(looks.BADGES) == {"met", "not_met", "undecided", "no_data"}
    assert len({looks.verdict_text(verdict, "km") for verdict in looks.BADGES}) == 4


def test_the_apps_entry_is_where_the_server_looks_for_it() -> None:
    assert script().is_file()


def test_streamlit_run_finds_the_whole_server_in_the_apps_entry() -> None:
    found = discover_asgi_app(script())
    assert found.import_string == "app:app"
    made = importlib.import_module("app").app
    assert [one.cls for one in made._user_middleware] == [Gate, Bundles, Opening, Returning]
    assert made._on_script_error is trouble.unforeseen
    assert any(route.path.startswith("/api/v1") for route in made._user_routes)


def test_streamlit_run_refuses_in_words_an_address_that_others_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "listens_at", lambda: "0.0.0.0")
    monkeypatch.setenv("COLLECT_LANG", "en")
    with pytest.raises(SystemExit) as refused:
        server.found_by_streamlit()
    assert t("ACC-03.found", "en", address="0.0.0.0") in str(refused.value)


@pytest.mark.parametrize(
    "command",
    [
        ("-c", "from collect.cli import main; main()", "app", "--port"),
        ("-m", "streamlit", "run", "app.py", "--server.port"),
    ],
    ids=["collect app", "streamlit run"],
)
def test_the_app_answers_on_a_machine_that_never_ran_streamlit_and_leaves_no_folder_behind(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    """No question at the first start: nobody sits there to answer it."""
    (tmp_path / "tmp").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = {"HOME": str(tmp_path), "COLLECT_DATA": str(tmp_path / "data"), "PATH": os.environ["PATH"]}
    home["TMPDIR"] = str(tmp_path / "tmp")
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    words = [sys.executable, *command, str(port)]
    served = subprocess.Popen(words, cwd=script().parent, env=home, **quiet)  # type: ignore[call-overload]
    try:
        for _ in range(120):
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health") as answer,
            ):
                assert json.load(answer)["status"] == "ok"
                break
            time.sleep(0.5)
        else:
            pytest.fail("the app did not answer within a minute")
        assert len(list((tmp_path / "tmp").glob("phu-served-*"))) == 1
        served.terminate()
        served.wait(timeout=20)
        assert not list((tmp_path / "tmp").glob("phu-served-*"))
    finally:
        served.kill()
        served.wait(timeout=20)
