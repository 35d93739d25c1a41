"""Who sees which hamlets and communes, on every surface; and that a login which has ended opens none of them."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from access_tables import LAST, made_run, settings_in
from app_tables import COMMUNE_TARGETS
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collect import api, registry, tables
from collect.access import LOCAL, Forbidden, Scope, Who
from collect.pages import live, live_desk, live_field, live_maps, live_partners, live_reviews
from collect.pages.live_maps import Asked
from collect.runs import write_run
from collect.sharing import partners, releases
from collect.store import Store, open_store

HERE, THERE = "29242", "29308"  # each has a hamlet on the list
NEAR = Scope(communes=frozenset({HERE}))
FIBRE_NEAR = Scope(communes=frozenset({HERE}), indicators=frozenset({"S2"}))
PEOPLE = {
    "this machine": LOCAL,
    "administrator": Who("Sok", "admin", subject="1"),
    "planner": Who("Minh", "planner", subject="2"),
    "planner of one commune": Who("Mai", "planner", NEAR, subject="3"),
    "planner of another province": Who("An", "planner", Scope(provinces=frozenset({"84"})), subject="4"),
    "partner of one commune": Who("Ly", "partner", NEAR, partner="near"),
    "partner for fibre there": Who("Ba", "partner", FIBRE_NEAR, partner="fibre"),
    "partner of nothing": Who("No", "partner", Scope(communes=frozenset())),
    "survey team": Who("Lan", "survey", subject="5"),
    "survey team of one commune": Who("Hoa", "survey", NEAR, subject="6"),
    "nobody": Who("x", "none"),
}

#                                page     file     release  outlines sheet    hamlets of HERE, of THERE
SEES = """
    this machine               | all     | all     | all     | all     | yes | yes | yes
    administrator              | all     | all     | all     | all     | yes | yes | yes
    planner                    | all     | all     | all     | all     | yes | yes | yes
    planner of one commune     | here    | here    | here    | here    | yes | yes | refused
    planner of another province| none    | none    | none    | none    | yes | refused | refused
    partner of one commune     | here    | here    | here    | here    | refused | refused | refused
    partner for fibre there    | fibre   | fibre   | fibre   | here    | refused | refused | refused
    partner of nothing         | none    | none    | none    | none    | refused | refused | refused
    survey team                | refused | refused | refused | refused | refused | refused | refused
    survey team of one commune | refused | refused | refused | refused | refused | refused | refused
    nobody                     | refused | refused | refused | refused | refused | refused | refused
"""
SURFACES = ("page", "file", "release", "outlines", "sheet", "hamlets here", "hamlets there")
TABLE = {name.strip(): [cell.strip() for cell in cells] for name, *cells in
         (line.split("|") for line in SEES.strip().splitlines())}  # fmt: skip
CASES = [(name, surface, word) for name, words in TABLE.items() for surface, word in zip(SURFACES, words, strict=True)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A run whose gap list has two hamlet rows, of two indicators, in each of two communes."""
    opened = open_store(settings_in(tmp_path_factory.mktemp("scope")))
    run = made_run()
    of_both = run.gaps.filter(pl.col("commune_code").is_in([HERE, THERE]) & pl.col("indicator").is_in(["S2", "S6"]))
    hamlets = of_both.with_columns(
        hamlet=pl.concat_str(pl.lit("hamlet of "), "commune_code"), gap_id=pl.concat_str("gap_id", pl.lit("-h"))
    )
    gaps = tables.Gaps(pl.concat([run.gaps, hamlets]))
    write_run(opened, replace(run, gaps=gaps))
    registry.record_run(opened.engine, LAST, "2025-07", run.as_of)
    yield opened
    opened.engine.dispose()


def on_the_page(store: Store, who: Who) -> pl.DataFrame:
    found = live.results(settings_in(store.folder), who)
    assert found is not None
    return found.gaps


def in_the_file(store: Store, who: Who) -> pl.DataFrame:
    """The page's own download, asked for every row of the run: what somebody could send back to the server."""
    settings = settings_in(store.folder)
    whole = live.found(settings, LAST)
    made = live.gap_file(settings, who, whole, whole.gaps, "parquet", "vi")
    return pl.DataFrame(pl.from_arrow(pq.read_table(io.BytesIO(made))))


def in_the_release(store: Store, who: Who) -> pl.DataFrame:
    return pl.read_csv(releases.file_of(store, who, "gaps.csv", "vi").path, infer_schema=False)


def in_the_outlines(store: Store, who: Who) -> pl.DataFrame:
    import json

    told = json.loads(releases.file_of(store, who, "communes.geojson", "vi").path.read_text(encoding="utf-8"))
    rows = [(feature["id"], "S2") for feature in told["features"]]
    return pl.DataFrame(rows, schema={"commune_code": pl.String, "indicator": pl.String}, orient="row")


ROWS: dict[str, Callable[[Store, Who], pl.DataFrame]] = {
    "page": on_the_page, "file": in_the_file, "release": in_the_release, "outlines": in_the_outlines,
}  # fmt: skip


@pytest.mark.parametrize(("name", "surface", "word"), [case for case in CASES if case[1] in ROWS])
def test_rows_of_communes_and_hamlets_are_those_of_the_scope(store: Store, name: str, surface: str, word: str) -> None:
    if word == "refused":
        with pytest.raises(Forbidden):
            ROWS[surface](store, PEOPLE[name])
        return
    rows = ROWS[surface](store, PEOPLE[name])
    communes, indicators = set(rows["commune_code"]), set(rows["indicator"])
    if word == "all":
        assert {HERE, THERE} < communes
    else:
        assert communes == (set() if word == "none" else {HERE})
    assert indicators <= {"S2"} if word == "fibre" else True
    if "hamlet" in rows.columns:
        named = {"all": {HERE, THERE}, "none": set()}.get(word, {HERE})
        assert set(rows["hamlet"].drop_nulls()) - {""} == {f"hamlet of {code}" for code in named}


@pytest.mark.parametrize(("name", "surface", "word"), [case for case in CASES if case[1].startswith("hamlets")])
def test_the_hamlets_behind_a_commune_are_for_whom_it_is_in_scope(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str, surface: str, word: str
) -> None:
    monkeypatch.setattr(live, "_behind", lambda _settings, _run, _target, commune, _lang: commune)
    code = HERE if surface.endswith(" here") else THERE
    ask = partial(
        live.behind_pictures, settings_in(store.folder), PEOPLE[name], LAST, COMMUNE_TARGETS[0].target_id, code, "vi"
    )
    if word == "refused":
        with pytest.raises(Forbidden):
            ask()
    else:
        assert ask() == code  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(("token_of", "communes"), [("near", {HERE}), ("fibre", {HERE})])
def test_a_partners_program_gets_the_hamlets_of_its_scope(store: Store, token_of: str, communes: set[str]) -> None:
    scope = PEOPLE["partner of one commune" if token_of == "near" else "partner for fibre there"].scope
    partners.save(store.engine, token_of, token_of, scope)
    secret = partners.new_token(store.engine, token_of)
    client = TestClient(Starlette(routes=api.routes(settings_in(store.folder), local=False)))
    answer = client.get("/api/v1/gaps.parquet", headers={"Authorization": f"Bearer {secret}"})
    rows = pl.DataFrame(pl.from_arrow(pq.read_table(io.BytesIO(answer.content))))
    assert set(rows["hamlet"].drop_nulls()) == {f"hamlet of {code}" for code in communes}
    assert set(rows["commune_code"]) == communes
    assert set(rows.filter(pl.col("hamlet").is_not_null())["indicator"]) == (
        {"S2", "S6"} if token_of == "near" else {"S2"}
    )


@pytest.mark.parametrize(("name", "surface", "word"), [case for case in CASES if case[1] == "sheet"])
def test_a_printed_sheet_holds_only_figures_of_the_scope(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str, surface: str, word: str
) -> None:
    drawn: list[Any] = []

    def sheet(run: Any, *_: object) -> bytes:
        drawn.append(run)
        return b"%PDF"

    monkeypatch.setattr("collect.publish.sheet.sheet", sheet)
    settings, who = settings_in(store.folder), PEOPLE[name]
    if word == "refused":
        with pytest.raises(Forbidden):
            live_maps.sheet_file(Asked(settings, who, "vi"), live.found(settings, LAST), THERE)
        return
    seen = live.results(settings, who)
    assert seen is not None
    live_maps.sheet_file(Asked(settings, who, "vi"), seen, THERE)
    inside = "communes" if who.scope.communes is not None else "provinces"
    if getattr(who.scope, inside) is not None:
        assert THERE not in set(drawn[0].estimates["place"])
        assert THERE not in set(drawn[0].gaps["commune_code"])


# --- a login that ended while its page was open ---


def steps(store: Store, who: Who) -> dict[str, Callable[[], object]]:
    """Everything a page that is still open could ask of the server, as somebody whose login was good when it opened."""
    settings = settings_in(store.folder)
    whole = live.found(settings, LAST)
    desk, review = live_desk.LiveDesk(settings, who), live_reviews.LiveReviews(settings, who)
    panel, asked = live_partners.LivePartners(settings, who), Asked(settings, who, "vi")
    target = COMMUNE_TARGETS[0]

    def told(_step: str, _share: float) -> None:
        return None

    return {
        "results": lambda: live.results(settings, who),
        "gap file": lambda: live.gap_file(settings, who, whole, whole.gaps, "csv", "vi"),
        "release": lambda: releases.file_of(store, who, "gaps.csv", "vi"),
        "releases": lambda: releases.listed(store, who),
        "hamlets": lambda: live.behind_pictures(settings, who, LAST, target.target_id, HERE, "vi"),
        "map file": lambda: live_maps.map_file(asked, whole, target, "verdict", "html", ground=True),
        "sheet": lambda: live_maps.sheet_file(asked, whole, HERE),
        "uploads": lambda: live.uploads(settings, who),
        "received": lambda: live.received(settings, who),
        "run": lambda: live.run(settings, who, told),
        "behind": lambda: live.behind(settings, who, None),
        "store": lambda: desk.add(Path("day.csv"), "day.csv", "", dry_run=False, progress=told),
        "refused": desk.refused,
        "received lately": desk.received,
        "read again": lambda: desk.read_again("0" * 64, told),
        "try out": lambda: live_desk.try_out(settings, who, told),
        "queue": review.queue,
        "interview": lambda: review.opened("uuid:1", "vi"),
        "history": lambda: review.history("uuid:1"),
        "decide": lambda: review.decide(["uuid:1"], "accepted", ""),
        "correct": lambda: review.correct([]),
        "pairs": review.pairs,
        "judge": lambda: review.judge("uuid:1", "uuid:2", True, ""),
        "quality": lambda: live_field.quality(settings, who, "household", lang="vi"),
        "coverage": lambda: live_field.coverage(settings, who, "vi"),
        "forms": lambda: live_field.forms(settings, who),
        "partners": panel.listed,
        "new token": lambda: panel.new_token("near"),
        "ledger": panel.ledger_file,
    }


def test_a_login_that_has_ended_opens_nothing_from_a_page_that_is_still_open(store: Store) -> None:
    late = Who("Sok", "admin", subject="1", until=time.time() - 1)  # the one who might have had everything
    opened = {}
    for name, step in steps(store, late).items():
        try:
            step()
            opened[name] = "answered"
        except Forbidden as error:
            opened[name] = error.code
    assert opened == dict.fromkeys(opened, "ACC-10")
