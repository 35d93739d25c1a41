"""The table of who may see what, what a login's claims give, and a run as one person may see it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from access_tables import made_run, settings_in, store_with_runs
from app_tables import make_results
from click.testing import CliRunner, Result
from streamlit.testing.v1 import AppTest

import geo
from collect import registry, server, tables
from collect.access import (
    EVERYWHERE,
    LOCAL,
    PERMISSIONS,
    ROLES,
    Claims,
    Forbidden,
    Scope,
    Who,
    claims_from,
    is_loopback,
    may,
    require,
)
from collect.cli import main
from collect.i18n import LANGUAGES, t
from collect.pages import live, live_desk
from collect.pages.seen import as_seen
from collect.problems import CollectError
from collect.publish import standings
from collect.server import may_listen, script
from collect.sharing import partners
from collect.sharing.vintages import has_ground
from collect.store import open_store

UNITS = geo.units("2025-07")
TOWN = Scope(communes=frozenset({"29242"}))
LATER = time.time() + 3600

#                  admin planner survey partner
MAY_SEE = """
    overview         yes   yes     -      -
    map              yes   yes     -      -
    commune          yes   yes     -      -
    gaps             yes   yes     -     yes
    upload           yes    -     yes     -
    review           yes   yes    yes     -
    quality          yes   yes    yes     -
    progress         yes   yes    yes     -
    forms            yes   yes    yes     -
    method           yes   yes    yes    yes
    results          yes   yes     -      -
    gap_files        yes   yes     -     yes
    households       yes   yes    yes     -
    all_households   yes   yes     -      -
    decide           yes   yes     -      -
    correct          yes   yes    yes     -
    run              yes   yes    yes     -
    try_out          yes    -      -      -
    partners         yes    -      -      -
"""


def test_the_table_is_this_one_and_nobody_without_a_role_is_in_it() -> None:
    lines = [line.split() for line in MAY_SEE.strip().splitlines()]
    said = {what: {role for role, word in zip(ROLES, words, strict=True) if word == "yes"} for what, *words in lines}
    assert said == {what: set(roles) for what, roles in PERMISSIONS.items()}
    assert not any(may(None, what) or may(Who("x", "none"), what) for what in PERMISSIONS)


@pytest.mark.parametrize(
    ("who", "code"),
    [(None, "ACC-02"), (Who("Ly", "partner"), "ACC-01"), (Who("Minh", "planner", until=time.time() - 1), "ACC-10")],
)
def test_whoever_may_not_is_told_why(who: Who | None, code: str) -> None:
    with pytest.raises(Forbidden) as refused:
        require(who, "results")
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("path", "token", "role"),
    [
        ("groups", {"groups": ["phu-survey", "phu-planner"]}, "planner"),  # the stronger of two
        ("groups", {"groups": "phu-admin"}, "admin"),
        ("realm_access.roles", {"realm_access": {"roles": ["phu-partner"]}}, "partner"),
        ("https://phu.example/roles", {"https://phu.example/roles": ["phu-survey"]}, "survey"),
        ("groups", {"groups": ["admin"]}, "none"),  # the provider's admin is not ours
        ("groups", {"groups": {"phu-admin": True}}, "none"),
        ("realm_access.roles", {"realm_access": "phu-admin"}, "none"),
        ("groups", {}, "none"),
    ],
)
def test_a_role_comes_from_the_claim_that_the_settings_name_and_from_no_other(
    path: str, token: dict[str, Any], role: str
) -> None:
    named = {f"phu-{one}": one for one in ROLES} | {"phu-typo": "emperor"}
    claims = claims_from({"role": path, "roles": named})
    assert claims.who({**token, "sub": "1", "exp": LATER}).role == role


@pytest.mark.parametrize(
    ("settings", "from_now", "holds"),  # seconds
    [
        ({}, {"exp": 3600}, True),
        ({}, {"exp": -61}, False),
        ({}, {"exp": -30}, True),  # clocks differ
        ({"leeway": 0}, {"exp": -30}, False),
        ({}, {}, False),  # a login that does not say when it ends
        ({"hours": 8}, {"iat": -7 * 3600, "exp": -6 * 3600}, True),
        ({"hours": 8}, {"iat": -9 * 3600, "exp": 3600}, False),
    ],
)
def test_a_login_ends(settings: dict[str, Any], from_now: dict[str, int], holds: bool) -> None:
    now = time.time()
    token = {claim: now + seconds for claim, seconds in from_now.items()}
    assert (claims_from(settings).who(token).until > now) is holds


def test_a_scope_claim_that_is_asked_for_and_missing_leaves_nothing_except_for_the_administrator() -> None:
    claims = Claims(province="province", commune="area.communes")
    token = {"groups": ["planner"], "exp": LATER, "province": "86", "area": {"communes": ["29242"]}}
    assert claims.who(token).scope == Scope(frozenset({"86"}), frozenset({"29242"}))
    assert claims.who({"groups": ["planner"], "exp": LATER}).scope == Scope(frozenset(), frozenset())
    assert claims.who({"groups": ["admin"], "exp": LATER}).scope == EVERYWHERE


def test_two_people_of_one_name_sign_differently() -> None:
    one, other = (Claims().who({"name": "Lan", "sub": sub, "exp": LATER}).signature for sub in ("1", "2"))
    assert one != other


def test_an_office_of_one_commune_sees_that_commune_and_the_province_as_a_whole() -> None:
    seen = as_seen(made_run(), UNITS, Who("Minh", "planner", TOWN))
    for table in (seen.estimates, seen.verdicts):
        assert set(table.filter(level="commune")["place"]) == {"29242"}
        assert set(table.filter(level="province")["place"]) == {"86"}
    assert set(seen.gaps["commune_code"]) <= {"29242"}
    assert seen.tallies.is_empty()
    whole = made_run()
    assert as_seen(whole, UNITS, LOCAL) is whole


@pytest.mark.parametrize(
    ("scope", "ground"),
    [
        (EVERYWHERE, True),
        (Scope(indicators=frozenset()), True),
        (TOWN, True),
        (Scope(provinces=frozenset({"86"})), True),
        (Scope(frozenset(), frozenset()), False),  # claims that are configured and missing
        (Scope(provinces=frozenset({"84"})), False),  # of a list that is no longer in force
        (Scope(frozenset({"86"}), frozenset({"99999"})), False),
    ],
)
def test_a_scope_has_ground_where_a_commune_of_the_survey_lies_inside(scope: Scope, ground: bool) -> None:
    assert has_ground(scope) is ground


@pytest.mark.parametrize(("lang", "code"), [("vi", "begin"), ("km", "map"), ("en", "progress")])
def test_an_account_without_a_place_is_told_so_and_reads_no_good_news(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lang: str, code: str
) -> None:
    store_with_runs(tmp_path).engine.dispose()
    monkeypatch.setenv("COLLECT_DATA", str(tmp_path))
    nowhere = Who("Minh", "planner", Scope(frozenset(), frozenset()))
    monkeypatch.setattr("collect.pages.doors.visitor", lambda _settings: nowhere)
    app = AppTest.from_file(str(script()), default_timeout=30)
    app.query_params["lang"] = lang
    app.run()
    if code != "begin":
        pages = app._registered_pages
        app._page_hash = next(key for key, info in pages.items() if info.get("url_pathname") == code)
        app.run()
    told = [text.value for text in app.markdown]
    assert any(t("door.no_place", lang) in text for text in told)
    assert t("door.no_place.about", lang) in told
    assert not [*app.success, *app.info]


def test_what_is_published_of_a_commune_is_not_withheld_from_who_sees_that_commune_alone() -> None:
    """29242 rests on too few, and so does another; of 29242 and one more, the rule for one alone would hide both."""
    few = pl.col("place").is_in(["29242", "29254"])
    whole = made_run()
    asked = whole.estimates.with_columns(n_households=pl.when(few).then(4).otherwise("n_households"))
    run = replace(whole, estimates=tables.Estimates(asked))
    told = standings(run.estimates, run.verdicts, run.gaps, run.small_areas)
    public = told.group_by("place").agg(pl.col("suppressed").any()).filter(~pl.col("suppressed"))["place"].min()
    inside = frozenset({"29242", str(public)})
    seen = as_seen(run, UNITS, Who("Minh", "planner", Scope(communes=inside)))
    rows = standings(seen.estimates, seen.verdicts, seen.gaps, seen.small_areas)
    withheld = dict(rows.group_by("place").agg(pl.col("suppressed").all()).iter_rows())
    assert withheld == {"29242": True, str(public): False}
    shown = ["target_id", "place", "round", "value", "suppressed"]
    same = told.filter(pl.col("place").is_in(sorted(inside)))
    assert rows.select(shown).sort(shown).equals(same.select(shown).sort(shown))


def test_a_partner_is_given_no_estimate_only_its_gaps_and_their_verdicts() -> None:
    seen = as_seen(made_run(), UNITS, Who("Ly", "partner", Scope(indicators=frozenset({"S2"}))))
    assert set(seen.gaps["indicator"]) == {"S2"}
    assert seen.estimates.is_empty()
    assert seen.small_areas.is_empty()
    assert set(seen.verdicts["level"]) == {"commune"}
    withheld = set(seen.gaps.filter("suppressed")["commune_code"])
    assert withheld
    assert not withheld & set(seen.verdicts["place"])


def test_no_data_function_gives_a_partner_or_a_stranger_more_than_gaps(tmp_path: Path) -> None:
    store_with_runs(tmp_path).engine.dispose()
    settings = settings_in(tmp_path)
    found = make_results()
    for who in (Who("Ly", "partner", TOWN), Who("x", "none")):
        with pytest.raises(Forbidden):
            live_desk.desk(settings, who)
        with pytest.raises(Forbidden):
            live.uploads(settings, who)
        with pytest.raises(Forbidden):
            live_desk.try_out(settings, who, lambda _step, _share: None)
        with pytest.raises(Forbidden):
            live.behind_pictures(settings, who, found.run_id, "S2-2025-commune", "29242", "vi")
    with pytest.raises(Forbidden):
        live.results(settings, Who("Lan", "survey"))
    with pytest.raises(Forbidden):
        live.behind_pictures(settings, Who("Minh", "planner", TOWN), found.run_id, "S2-2025-commune", "29254", "vi")


def test_a_survey_team_sees_the_uploads_it_sent_and_the_office_those_of_all(tmp_path: Path) -> None:
    store = store_with_runs(tmp_path)
    lan, hoa = (Who("Lan", "survey", subject=subject) for subject in ("1", "2"))  # two people of one name
    for number, sender in enumerate((lan, hoa)):
        registry.record_upload(store.engine, upload(number, sender.signature), [])
    settings = settings_in(tmp_path)
    assert [one["upload_id"] for one in live.received(settings, lan)] == ["0"]
    assert [one["upload_id"] for one in live.received(settings, hoa)] == ["1"]
    assert len(live.received(settings, Who("Minh", "planner"))) == len(live.received(settings, LOCAL)) == 2
    with pytest.raises(Forbidden):
        live.received(settings, Who("Ly", "partner", TOWN))


def upload(number: int, by: str) -> dict[str, object]:
    names = {"upload_id": str(number), "sha256": str(number) * 64, "file_name": "day.csv", "received_by": by}
    return {**names, "size_bytes": 1, "received_at": "2026-09-30T10:00:00+00:00"}


def test_a_partner_who_logs_in_has_the_scope_of_the_registry_inside_that_of_the_login(tmp_path: Path) -> None:
    store = store_with_runs(tmp_path)
    partners.save(store.engine, "vnpt", "VNPT", Scope(indicators=frozenset({"S2"})))
    who = partners.with_scope(store.engine, Who("Ly", "partner", TOWN, partner="vnpt"))
    assert who.scope == replace(TOWN, indicators=frozenset({"S2"}))
    with pytest.raises(Forbidden):
        partners.with_scope(store.engine, Who("Ly", "partner", partner="nobody-noted"))
    assert partners.with_scope(store.engine, LOCAL) is LOCAL


def test_a_partner_without_any_limit_is_refused_and_no_token_can_be_read_back(tmp_path: Path) -> None:
    store = store_with_runs(tmp_path)
    with pytest.raises(CollectError):
        partners.save(store.engine, "all", "All", EVERYWHERE)
    partners.save(store.engine, "vnpt", "VNPT", TOWN)
    secret = partners.new_token(store.engine, "vnpt")
    assert partners.recognise(store.engine, secret).partner == "vnpt"
    store.engine.dispose()
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert secret.removeprefix(partners.PREFIX).encode() not in stored
    assert secret not in repr(partners.listed(store.engine))


@pytest.mark.parametrize(
    ("address", "anonymous", "local"),
    [("127.0.0.1", False, True), ("::1", False, True), ("localhost", False, True), ("0.0.0.0", True, False)],
)
def test_without_logins_only_this_machine_is_local(address: str, anonymous: bool, local: bool) -> None:
    assert may_listen(address, anonymous) is local


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.20", "::", "phu.example"])
def test_no_other_address_counts_as_this_machine(address: str) -> None:
    assert not is_loopback(address)
    with pytest.raises(CollectError):
        may_listen(address, anonymous=False)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_pages_started_without_our_command_are_closed_to_others_as_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lang: str
) -> None:
    """``streamlit run app.py --server.address 0.0.0.0`` passes by the check at the start."""
    monkeypatch.setenv("COLLECT_DATA", str(tmp_path))
    monkeypatch.setattr("streamlit.get_option", {"server.address": None}.get)
    app = AppTest.from_file(str(script()), default_timeout=30)
    app.query_params["lang"] = lang
    app.run()
    assert app.title[0].value == t("door.forbidden", lang)
    assert t("ACC-03.found", lang, address="0.0.0.0") in app.markdown[0].value.replace("\\", "")
    assert not app.button


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, list(words), env={"COLLECT_DATA": str(folder), "COLLECT_DATABASE": ""})


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_app_is_not_opened_to_others_without_logins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lang: str
) -> None:
    monkeypatch.setattr(
        server, "load_config_options", lambda _options: None
    )  # what start changes for the whole process
    monkeypatch.setattr("sys.argv", ["collect"])
    monkeypatch.setenv("COLLECT_LANG", "vi")
    said = run(tmp_path, "--lang", lang, "app", "--address", "0.0.0.0")
    assert said.exit_code == 2
    assert t("ACC-03.found", lang, address="0.0.0.0") in said.output
    assert "--allow-anonymous" in said.output


def test_partners_are_kept_from_the_command_line(tmp_path: Path) -> None:
    store_with_runs(tmp_path).engine.dispose()
    added = run(tmp_path, "--lang", "en", "partners", "add", "vnpt", "--kind", "build", "--commune", "29242")
    assert "phu_" in added.output
    listed = run(tmp_path, "--lang", "en", "partners", "list")
    assert "indicators: S1, S2, S3" in listed.output
    assert "works until" in listed.output
    assert "phu_" not in listed.output
    written = run(tmp_path, "--lang", "en", "gaps", "--partner", "vnpt", "--to", str(tmp_path / "vnpt.csv"))
    assert written.exit_code == 0
    rows = (tmp_path / "vnpt.csv").read_text(encoding="utf-8-sig").splitlines()[1:]
    assert rows
    assert {(row.split(",")[3], row.split(",")[10]) for row in rows} == {("S2", "29242")}
    assert "1" in run(tmp_path, "--lang", "en", "partners", "revoke", "vnpt").output
    assert "revoked on" in run(tmp_path, "--lang", "en", "partners", "list").output
    assert run(tmp_path, "partners", "revoke", "nobody").exit_code == 2
    assert run(tmp_path, "partners", "add", "all").exit_code == 2


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ("bad --province zz", "ACC-14"),
        ("shop --indicator S2b", "USE-24"),  # no target, no row of a gap list
        ("shop --kind sell", "USE-24"),  # of this kind is S2b alone: nothing left must not read as everything
        ("shop --kind build --kind sell", "USE-24"),
        ("bank --kind account --province 84", "ACC-14"),  # Tra Vinh as it was until 2025
        ("bank --commune 99999", "ACC-14"),
        ("bank --commune 29242 --days 0", "ACC-17"),
        ("bank --commune 29242 --days -3", "ACC-17"),
        ("bank --commune 29242 --days 3651", "ACC-17"),
        ("bank --commune 29242 --days 99999999999", "ACC-17"),
        ("<b>x</b> --commune 29242", "ACC-12"),
        ("bank --indicator S99", "USE-01"),
    ],
)
def test_a_partner_that_would_receive_nothing_or_a_token_that_never_works_is_refused(
    tmp_path: Path, wanted: str, code: str
) -> None:
    settings = settings_in(tmp_path)
    refused = run(tmp_path, "--lang", "en", "partners", "add", *wanted.split())
    assert refused.exit_code == 2
    assert code in refused.output
    assert "phu_" not in refused.output
    assert partners.listed(open_store(settings).engine) == []


def test_communes_outside_the_provinces_beside_them_are_no_scope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_store(settings_in(tmp_path)).engine
    units = geo.units(geo.LATEST).with_columns(
        province_code=pl.when(pl.col("code") == "29242").then(pl.lit("91")).otherwise("province_code")
    )
    monkeypatch.setattr(
        "geo.units", lambda _vintage, province=None: units if province is None else units.filter(province_code=province)
    )
    with pytest.raises(CollectError) as refused:
        partners.save(engine, "bank", "Bank", Scope(frozenset({"86"}), frozenset({"29242"})))
    assert refused.value.code == "ACC-18"
    partners.save(engine, "bank", "Bank", Scope(frozenset({"91"}), frozenset({"29242"})))
