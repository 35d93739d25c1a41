"""The administrator's panel: partners with their scope, tokens one by one, and what a partner gets after an edit."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from access_tables import LAST, expired_token, made_run, runs_behind_the_app, settings_in
from pages_opened import page_of_app
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

import geo
from collect import api
from collect.access import LOCAL, Forbidden, Scope, Who
from collect.i18n import t
from collect.keeping import downloads
from collect.keeping.downloads import Handed
from collect.pages import live
from collect.pages.live_partners import LivePartners
from collect.pages.scope_words import scope_words
from collect.problems import CollectError
from collect.sharing import partners, releases
from collect.sharing.vintages import scope_in
from collect.store import Store

TOWN, OTHER = "29242", "29308"
WIDE = Scope(communes=frozenset({TOWN, OTHER}))
NARROW = Scope(communes=frozenset({OTHER}), indicators=frozenset({"S2"}))


store = pytest.fixture(runs_behind_the_app)


def panel(lang: str = "en") -> AppTest:
    return page_of_app("gaps", lang)


def press(app: AppTest, key: str, lang: str = "en") -> AppTest:
    return next(button for button in app.button if button.label == t(key, lang)).click().run()


def field(app: AppTest, kind: str, key: str, lang: str = "en") -> Any:
    """The last of its name: an edited partner's form stands above the one for a new partner."""
    return [widget for widget in getattr(app, kind) if widget.label == t(key, lang)][-1]


def said(app: AppTest) -> str:
    return " ".join(error.value.replace("\\", "") for error in app.error)


@pytest.mark.parametrize(
    ("lang", "code", "communes", "wrong"),
    [
        ("en", "", [TOWN], "partners.code.missing"),
        ("en", "   ", [TOWN], "partners.code.missing"),
        ("vi", "viễn thông", [TOWN], "ACC-12.mend"),
        ("km", "two words", [TOWN], "ACC-12.mend"),
        ("en", "vnpt", [TOWN], "ACC-13.mend"),  # somebody else's: nothing of theirs is changed
        ("vi", "bank", [], "ACC-06.mend"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    store: Store, lang: str, code: str, communes: list[str], wrong: str
) -> None:
    partners.save(store.engine, "vnpt", "VNPT", NARROW)
    app = panel(lang)
    field(app, "text_input", "partners.code", lang).input(code)
    field(app, "text_input", "partners.name", lang).input("Sóc Trăng Telecom")
    field(app, "multiselect", "partners.communes", lang).set_value(communes)
    press(app, "partners.add.button", lang)
    assert not app.exception
    assert t(wrong, lang) in said(app)
    assert field(app, "text_input", "partners.code", lang).value == code
    assert field(app, "text_input", "partners.name", lang).value == "Sóc Trăng Telecom"
    assert field(app, "multiselect", "partners.communes", lang).value == communes
    assert [(one.partner, one.scope) for one in partners.listed(store.engine)] == [("vnpt", NARROW)]


def test_a_partner_is_added_with_provinces_communes_and_indicators_and_the_form_is_empty_again(store: Store) -> None:
    app = panel()
    field(app, "text_input", "partners.code").input(" bank ")
    field(app, "multiselect", "partners.provinces").set_value(["86"])
    field(app, "multiselect", "partners.communes").set_value([TOWN])
    field(app, "multiselect", "partners.indicators").set_value(["S6"])
    press(app, "partners.add.button")
    [bank] = partners.listed(store.engine)
    assert (bank.partner, bank.name) == ("bank", "bank")
    assert bank.scope == Scope(frozenset({"86"}), frozenset({TOWN}), frozenset({"S6"}))
    assert partners.recognise(store.engine, app.code[0].value).partner == "bank"
    assert field(app, "text_input", "partners.code").value == ""
    press(app, "partners.token.copied")
    assert not app.code, "a copied token is gone"


def test_a_commune_is_found_without_diacritics_and_by_those_it_was_made_of(store: Store) -> None:
    label = next(one for one in field(panel("vi"), "multiselect", "partners.communes", "vi").options if OTHER in one)
    assert "Xã Cầu Kè (Cau Ke)" in label
    assert "Xã Châu Điền" in label


def test_only_indicators_of_which_gap_lists_have_rows_are_offered(store: Store) -> None:
    partners.save(store.engine, "vnpt", "VNPT", Scope(indicators=frozenset({"S2b"})))
    offered = [one.partition(" · ")[0] for one in field(panel(), "multiselect", "partners.indicators").options]
    assert offered == ["S1", "S2", "S3", "S4", "S5", "S6"], "no target is set for S2b"
    edited = field(press(panel(), "partners.edit"), "multiselect", "partners.indicators")
    assert edited.value == ["S2b"], "what a partner was limited to before is shown"


def test_an_edit_begins_with_what_is_known_and_keeps_the_tokens(store: Store) -> None:
    partners.save(store.engine, "vnpt", "VNPT", WIDE)
    secret = partners.new_token(store.engine, "vnpt")
    app = press(panel(), "partners.edit")
    names, communes = (
        next(widget for widget in getattr(app, kind) if widget.label == t(key, "en"))
        for kind, key in (("text_input", "partners.name"), ("multiselect", "partners.communes"))
    )
    assert (names.value, set(communes.value)) == ("VNPT", {TOWN, OTHER})
    names.input("VNPT Trà Vinh")
    communes.set_value([])
    press(app, "partners.edit.save")
    assert t("ACC-06.mend", "en") in said(app), "a partner never sees everything"
    assert partners.of(store.engine, "vnpt").scope == WIDE
    next(one for one in app.multiselect if one.label == t("partners.communes", "en")).set_value([OTHER])
    press(app, "partners.edit.save")
    changed = partners.of(store.engine, "vnpt")
    assert (changed.name, changed.scope) == ("VNPT Trà Vinh", Scope(communes=frozenset({OTHER})))
    assert partners.recognise(store.engine, secret).scope == changed.scope


def test_each_token_says_what_became_of_it_and_one_alone_is_revoked(store: Store) -> None:
    partners.save(store.engine, "vnpt", "VNPT", WIDE)
    first, second = (partners.new_token(store.engine, "vnpt") for _ in range(2))
    expired_token(store, "vnpt")
    used = partners.recognise(store.engine, first).token
    app = panel()
    lines = [text.value for text in app.caption if " · made " in text.value]
    assert len(lines) == 2, "one that has expired is shown when somebody asks"
    assert sum("last used: never" in line for line in lines) == 1
    app.button(key=f"revoke-vnpt-{used}").click().run()
    with pytest.raises(Forbidden):
        partners.recognise(store.engine, first)
    assert partners.recognise(store.engine, second).partner == "vnpt"
    app.toggle(key="over-vnpt").set_value(True).run()
    shown = " ".join(text.value for text in app.caption)
    assert f"{used} · made" in shown
    assert " · revoked " in shown
    assert " · expired " in shown


# --- nobody sees more after an edit than the scope says ---


def gaps_of(store: Store, secret: str) -> set[tuple[str, str]]:
    client = TestClient(Starlette(routes=api.routes(settings_in(store.folder), local=False)))
    answer = client.get("/api/v1/gaps.csv", headers={"Authorization": f"Bearer {secret}"})
    rows = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    return {(row["commune_code"], row["indicator"]) for row in rows}


def seen_of(store: Store, secret: str) -> set[tuple[str, str]]:
    found = live.results(settings_in(store.folder), partners.recognise(store.engine, secret))
    assert found is not None
    return set(found.gaps.select("commune_code", "indicator").rows())


def logged_in(store: Store, _secret: str) -> set[tuple[str, str]]:
    """Who logged in as the partner before the edit, at their next click."""
    who = partners.with_scope(store.engine, Who("Ly", "partner", partner="vnpt"))
    return set(releases.rows_for(made_run(), who).select("commune_code", "indicator").rows())


@pytest.mark.parametrize("asks", [gaps_of, seen_of, logged_in])
@pytest.mark.parametrize(("before", "after"), [(WIDE, NARROW), (NARROW, WIDE)])
def test_after_an_edit_a_partner_sees_the_new_scope_and_no_more(
    store: Store, asks: Callable[[Store, str], set[tuple[str, str]]], before: Scope, after: Scope
) -> None:
    def inside(scope: Scope) -> set[tuple[str, str]]:
        return set(scope.of_gaps(made_run().gaps).select("commune_code", "indicator").rows())

    partners.save(store.engine, "vnpt", "VNPT", before)
    secret = partners.new_token(store.engine, "vnpt")
    assert asks(store, secret) == inside(before)
    LivePartners(settings_in(store.folder), LOCAL).change("vnpt", "VNPT", after)
    assert asks(store, secret) == inside(after) != inside(before)


def test_a_release_cut_for_the_scope_of_before_is_closed(store: Store) -> None:
    partners.save(store.engine, "vnpt", "VNPT", WIDE)
    token = {"Authorization": f"Bearer {partners.new_token(store.engine, 'vnpt')}"}
    client = TestClient(Starlette(routes=api.routes(settings_in(store.folder), local=False)))
    kept = f"/api/v1/releases/{releases.name_of(LAST, WIDE)}/gaps.csv"
    assert client.get(kept, headers=token).status_code == 200
    partners.save(store.engine, "vnpt", "VNPT", NARROW)
    assert client.get(kept, headers=token).status_code == 403


@pytest.mark.parametrize("role", ["planner", "survey", "partner", "none"])
def test_every_step_of_the_panel_is_the_administrators_alone(store: Store, role: str) -> None:
    partners.save(store.engine, "vnpt", "VNPT", WIDE)
    desk = LivePartners(settings_in(store.folder), Who("x", role))
    steps: list[Callable[[], object]] = [
        desk.listed, lambda: desk.add("bank", "", WIDE), lambda: desk.change("vnpt", "", NARROW),
        lambda: desk.new_token("vnpt"), lambda: desk.revoke("vnpt"), lambda: desk.handed_out(1), desk.ledger_file,
    ]  # fmt: skip
    for step in steps:
        with pytest.raises(Forbidden):
            step()
    assert [(one.scope, one.tokens) for one in partners.listed(store.engine)] == [(WIDE, ())]


def test_the_administrator_takes_the_whole_ledger_as_a_file(store: Store) -> None:
    for number in range(3):
        downloads.note(store, Handed("=VNPT", "vnpt", "t", "api", LAST, "gaps.csv", number, "0" * 64))
    text = LivePartners(settings_in(store.folder), LOCAL).ledger_file().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["size_bytes"] for row in rows] == ["0", "1", "2"]
    assert rows[2]["previous"] == rows[1]["digest"]
    assert not rows[0]["who"].startswith("="), "a spreadsheet must not take it for a formula"
    app = panel()
    assert app.dataframe[-1].value["#"].to_list() == [3, 2, 1]


@pytest.mark.parametrize(
    "scope", [Scope(communes=frozenset({"00001"})), Scope(provinces=frozenset({"84"})), Scope(frozenset({"1", "86"}))]
)
def test_a_scope_names_places_that_are_there_today(store: Store, scope: Scope) -> None:
    with pytest.raises(CollectError) as refused:
        partners.save(store.engine, "vnpt", "VNPT", scope)
    assert refused.value.code == "ACC-14"


# --- the same ground in a former list of communes ---


def test_a_scope_keeps_its_ground_in_a_former_list_of_communes() -> None:
    former = set(geo.former_units(OTHER, geo.LATEST, "2024"))
    assert scope_in(Scope(communes=frozenset({OTHER})), "2024").communes == frozenset(former)
    assert len(former) > 1
    whole = scope_in(Scope(provinces=frozenset({"86"})), "2024")
    assert whole.communes == frozenset(geo.units("2024")["code"])
    assert whole.provinces is None
    only_indicators = Scope(indicators=frozenset({"S2"}))
    assert scope_in(only_indicators, "2024") == only_indicators
    assert scope_in(WIDE, geo.LATEST) == WIDE
    assert scope_in(Scope(provinces=frozenset()), "2024").communes == frozenset()


def test_a_partner_sees_its_ground_in_a_run_for_a_former_list(store: Store) -> None:
    former = sorted(geo.former_units(OTHER, geo.LATEST, "2024"))
    elsewhere = next(code for code in geo.units("2024")["code"] if code not in former)
    gaps = (
        made_run()
        .gaps.head(4)
        .with_columns(
            commune_code=pl.Series([former[0], former[-1], elsewhere, elsewhere]), commune_vintage=pl.lit("2024")
        )
    )
    shown = releases.inside(Scope(communes=frozenset({OTHER})), gaps, "2024")
    assert shown["commune_code"].to_list() == [former[0], former[-1]]


def test_a_scope_is_said_with_names_and_a_long_one_is_counted() -> None:
    assert scope_words(Scope(frozenset({"86"}), frozenset({OTHER})), "vi") == "Tỉnh: Vĩnh Long; Xã: Xã Cầu Kè"
    everywhere = Scope(communes=frozenset(geo.units(geo.LATEST)["code"]))
    assert scope_words(everywhere, "en").endswith("and 33 more")
    assert scope_words(Scope(communes=frozenset()), "en") == "Communes: –"
