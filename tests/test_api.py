"""The routes beside the pages: who gets what, unchanged answers, releases that never change, trouble as data."""

from __future__ import annotations

import asyncio
import gc
import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import polars as pl
import pyarrow.parquet as pq
import pytest
import shapely
from access_tables import FIRST, LAST, expired_token, made_run, settings_in, store_with_runs
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from collect import api, registry
from collect.access import LOCAL, Scope
from collect.api.bundles import Bundles
from collect.i18n import LANGUAGES, t
from collect.keeping import downloads
from collect.pages import live
from collect.runs import write_run
from collect.server import STREAMLIT_FILES, build
from collect.sharing import partners, releases
from collect.store import Store, open_store
from collect.tables import Gaps

VNPT = Scope(indicators=frozenset({"S2"}))
BANK = Scope(communes=frozenset({"29242", "29254"}), indicators=frozenset({"S6"}))
OUTLINED = "gaps.geo.parquet"
FILES = sorted(set(releases.TYPES) - {OUTLINED})  # the runs here were made without outlines


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = store_with_runs(tmp_path_factory.mktemp("api"))
    partners.save(opened.engine, "vnpt", "VNPT", VNPT)
    partners.save(opened.engine, "bank", "Bank", BANK)
    yield opened
    opened.engine.dispose()


def client(store: Store, *, local: bool, host: str = "127.0.0.1") -> TestClient:
    app = Starlette(routes=api.routes(settings_in(store.folder), local))
    return TestClient(app, base_url=f"http://{host}:8501")


@pytest.fixture(scope="module")
def here(store: Store) -> TestClient:
    return client(store, local=True)


@pytest.fixture(scope="module")
def there(store: Store) -> TestClient:
    return client(store, local=False)


def bearer(store: Store, partner: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {partners.new_token(store.engine, partner)}"}


def gaps_in(answer: bytes) -> pl.DataFrame:
    return pl.from_arrow(pq.read_table(io.BytesIO(answer)))  # type: ignore[return-value]


def test_on_a_machine_of_ones_own_everything_is_there_without_a_token(here: TestClient) -> None:
    for name in ("health", "releases.json", "openapi.json", *FILES):
        assert here.get(f"/api/v1/{name}").status_code == 200, name
    rows = gaps_in(here.get("/api/v1/gaps.parquet").content)
    assert rows.height == made_run().gaps.height


@pytest.mark.parametrize("name", ["releases.json", *FILES, f"releases/{LAST}/gaps.csv"])
def test_where_others_can_ask_nothing_is_given_without_a_token(there: TestClient, name: str) -> None:
    answer = there.get(f"/api/v1/{name}")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "ACC-08"


@pytest.mark.parametrize("name", ["health", "openapi.json"])
def test_health_and_description_are_for_everybody(there: TestClient, name: str) -> None:
    assert there.get(f"/api/v1/{name}").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer phu_wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic cGh1OnBodQ=="},
    ],
)
def test_a_wrong_token_opens_nothing_not_even_on_this_machine(
    here: TestClient, there: TestClient, headers: dict[str, str]
) -> None:
    for one in (here, there):
        answer = one.get("/api/v1/gaps.parquet", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "ACC-05")


def test_this_machine_is_not_a_foreign_name_for_it_nor_whoever_a_proxy_passes_on(
    store: Store, here: TestClient
) -> None:
    assert client(store, local=True, host="evil.example").get("/api/v1/gaps.csv").status_code == 401
    assert here.get("/api/v1/gaps.csv", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 401


def test_a_partner_receives_its_own_rows_and_no_others(store: Store, there: TestClient) -> None:
    rows = gaps_in(there.get("/api/v1/gaps.parquet", headers=bearer(store, "vnpt")).content)
    expected = made_run().gaps.filter(indicator="S2")
    assert sorted(rows["gap_id"]) == sorted(expected["gap_id"])
    geojson = there.get("/api/v1/communes.geojson", headers=bearer(store, "bank")).json()
    assert {feature["id"] for feature in geojson["features"]} == set(BANK.communes or ())
    told = {target for feature in geojson["features"] for target in feature["properties"]["gaps"]}
    assert told <= {"S6-2025-commune", "S6-2030-commune"}


def test_what_is_withheld_from_all_is_withheld_from_a_partner(store: Store, there: TestClient) -> None:
    rows = gaps_in(there.get("/api/v1/gaps.parquet", headers=bearer(store, "vnpt")).content)
    hidden = rows.filter("suppressed")
    assert hidden.height
    figures = hidden.select("estimate", "ci_low", "p_meets_target", "households_needed")
    assert figures.null_count().row(0) == (hidden.height,) * 4


def test_a_token_revoked_or_expired_opens_nothing_from_that_moment(store: Store, there: TestClient) -> None:
    token = bearer(store, "bank")
    assert there.get("/api/v1/gaps.csv", headers=token).status_code == 200
    partners.revoke(store.engine, "bank")
    assert there.get("/api/v1/gaps.csv", headers=token).json()["code"] == "ACC-05"
    late = {"Authorization": f"Bearer {expired_token(store, 'bank')}"}
    assert there.get("/api/v1/gaps.csv", headers=late).json()["code"] == "ACC-05"


def test_another_partners_release_is_refused_and_an_unknown_one_not_found(store: Store, there: TestClient) -> None:
    token = bearer(store, "vnpt")
    for release, status in ((releases.name_of(LAST, BANK), 403), (LAST, 403), ("20200101-ffffffffff", 404)):
        assert there.get(f"/api/v1/releases/{release}/gaps.parquet", headers=token).status_code == status, release
    assert there.get("/api/v1/releases/..%2f..%2fcollect/gaps.csv", headers=token).status_code == 404


def test_a_release_is_listed_with_addresses_that_never_change(store: Store, there: TestClient) -> None:
    token = bearer(store, "vnpt")
    found = there.get("/api/v1/releases.json", headers=token).json()["releases"]
    assert [one["release"].partition(".")[0] for one in found] == [LAST, FIRST]
    assert [one["latest"] for one in found] == [True, False]
    kept = there.get(found[0]["files"]["gaps.parquet"], headers=token)
    latest = there.get("/api/v1/gaps.parquet", headers=token)
    assert "immutable" in kept.headers["cache-control"]
    assert "no-cache" in latest.headers["cache-control"]
    assert kept.content == latest.content
    assert kept.headers["etag"] == latest.headers["etag"]
    assert latest.headers["x-release"] == found[0]["release"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_release_is_the_same_bytes_whoever_asks_in_whichever_language(here: TestClient, name: str) -> None:
    asked = {lang: {"Accept-Language": lang} for lang in LANGUAGES}
    listed = {lang: here.get("/api/v1/releases.json", headers=asked[lang]).json()["releases"][0] for lang in LANGUAGES}
    addresses = {lang: one["files"][name] for lang, one in listed.items()}
    for lang, address in addresses.items():
        tags = {here.get(address, headers=header, follow_redirects=False).headers["etag"] for header in asked.values()}
        assert len(tags) == 1, lang
    plain = f"/api/v1/releases/{LAST}/{name}"
    for lang, header in asked.items():
        answer = here.get(plain, headers=header, follow_redirects=False)
        if name == "communes.geojson":
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.headers["location"]) == (307, addresses[lang])
            assert "immutable" not in answer.headers["cache-control"]
    assert len(set(addresses.values())) == (1 if name == "communes.geojson" else len(LANGUAGES))


@pytest.mark.parametrize("name", ["releases.json", *FILES])
def test_what_the_asker_holds_is_not_sent_again(here: TestClient, name: str) -> None:
    first = here.get(f"/api/v1/{name}")
    tag = first.headers["etag"]
    assert tag == here.get(f"/api/v1/{name}").headers["etag"]
    for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = here.get(f"/api/v1/{name}", headers={"If-None-Match": held})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert here.get(f"/api/v1/{name}", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_file_can_be_read_in_pieces(here: TestClient) -> None:
    piece = here.get("/api/v1/gaps.parquet", headers={"Range": "bytes=0-3"})
    assert (piece.status_code, piece.content) == (206, b"PAR1")


@pytest.mark.parametrize(
    ("asked", "lang"),
    [
        ("km;q=0.5, en", "en"),
        ("fr, km-KH;q=0.8", "km"),
        ("vi-VN", "vi"),
        ("fr", "vi"),
        ("", "vi"),
        ("en;q=x, km", "km"),
    ],
)
def test_trouble_is_told_in_the_askers_language(there: TestClient, asked: str, lang: str) -> None:
    answer = there.get("/api/v1/gaps.csv", headers={"Accept-Language": asked})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == lang
    assert answer.json()["title"] == t("ACC-08.found", lang)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_geoparquet_is_handed_out_or_refused(store: Store, here: TestClient, tmp_path: Path, lang: str) -> None:
    refused = here.get(f"/api/v1/{OUTLINED}?lang={lang}")
    told = (refused.status_code, refused.json()["title"], refused.json()["detail"])
    assert told == (404, t("PUB-07.found", lang), t("PUB-07.mend", lang))
    assert not [*(store.folder / "releases").rglob(f"*{OUTLINED}")]
    assert sorted(here.get("/api/v1/releases.json").json()["releases"][0]["files"]) == FILES
    run = made_run(FIRST)
    outline = shapely.box(106.0, 9.5, 106.1, 9.6).wkb
    outlined = open_store(settings_in(tmp_path))
    write_run(outlined, replace(run, gaps=Gaps(run.gaps.with_columns(geometry=pl.lit(outline)))))
    registry.record_run(outlined.engine, FIRST, run.vintage, run.as_of)
    plain, answer = (
        client(outlined, local=True).get(f"/api/v1/{name}?lang={lang}") for name in ("gaps.parquet", OUTLINED)
    )
    [release] = client(outlined, local=True).get("/api/v1/releases.json").json()["releases"]
    assert OUTLINED in release["files"]
    whole = live.found(settings_in(tmp_path), FIRST)
    for rows, suffix in ((whole.gaps, "parquet"), (whole.gaps, "geo.parquet"), (whole.gaps.head(1), "parquet")):
        live.gap_file(settings_in(tmp_path), LOCAL, whole, rows, suffix, lang)
    ledger = [(line.file, line.sha256) for line in reversed(downloads.downloads(outlined))]
    outlined.engine.dispose()
    found = gpd.read_parquet(io.BytesIO(answer.content))
    assert (len(found), found.geometry.notna().all()) == (run.gaps.height, True)
    assert not {"geometry", "bbox"} & set(gaps_in(plain.content).columns)
    handed = [
        (name, hashlib.sha256(given.content).hexdigest())
        for name, given in (("gaps.parquet", plain), (OUTLINED, answer))
    ]
    assert ledger[:4] == handed * 2, "the page gives the same bytes under the same names"
    assert ledger[4][0] == "gaps-some.parquet", "and other rows under another"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_partner_is_not_told_to_run_a_command_on_a_machine_of_others(
    store: Store, there: TestClient, lang: str
) -> None:
    token = bearer(store, "vnpt")
    refused = there.get(f"/api/v1/{OUTLINED}?lang={lang}", headers=token)
    told = (refused.status_code, refused.json()["code"], refused.json()["detail"])
    assert told == (404, "PUB-08", t("PUB-08.mend", lang))
    assert "collect " not in told[2]
    [files] = {
        tuple(one["files"])
        for one in there.get("/api/v1/releases.json", headers=bearer(store, "vnpt")).json()["releases"]
    }
    assert sorted(files) == FILES


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_description_names_every_address_in_the_askers_language(here: TestClient, lang: str) -> None:
    described = here.get(f"/api/v1/openapi.json?lang={lang}").json()
    served = {getattr(route, "path", "").removeprefix("/api/v1") for route in here.app.routes}  # type: ignore[attr-defined]
    assert set(described["paths"]) == served - {"/{nothing:path}"}
    assert described["info"]["title"] == t("api.title", lang)


def test_the_description_tells_every_answer_that_is_given(store: Store, here: TestClient, tmp_path: Path) -> None:
    paths = here.get("/api/v1/openapi.json").json()["paths"]
    early = TestClient(Starlette(routes=api.routes(settings_in(tmp_path), True)), base_url="http://127.0.0.1")
    broken = store.run_folder(FIRST) / "gaps.parquet"
    whole = broken.read_bytes()
    broken.write_bytes(b"torn")
    try:
        torn = here.get(f"/api/v1/releases/{FIRST}/gaps.csv?lang=km")
    finally:
        broken.write_bytes(whole)
    given = {
        "/gaps.parquet": [early.get("/api/v1/gaps.parquet"), here.get("/api/v1/gaps.parquet")],
        "/communes.geojson": [early.get("/api/v1/communes.geojson"), here.post("/api/v1/communes.geojson")],
        "/releases.json": [here.get("/api/v1/releases.json"), here.delete("/api/v1/releases.json")],
        "/releases/{release}/gaps.csv": [torn, here.get("/api/v1/releases/20200101-ffffffffff/gaps.csv?lang=vi")],
        "/health": [here.get("/api/v1/health")],
    }
    for path, answers in given.items():
        for answer in answers:
            told = paths[path]["get"]["responses"][str(answer.status_code)]
            kind = answer.headers["content-type"].partition(";")[0]
            assert kind in told["content"], (path, answer.status_code)
            assert {"etag", "x-release"} & set(answer.headers) <= {name.lower() for name in told.get("headers", {})}
    assert [answer.status_code for answers in given.values() for answer in answers] == [
        404, 200, 404, 405, 200, 405, 500, 404, 200,
    ]  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_whoever_would_send_something_is_told_as_data_that_addresses_are_read(here: TestClient, method: str) -> None:
    answer = here.request(method, "/api/v1/gaps.csv", headers={"Accept-Language": "km"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == t("ACC-16.found", "km", method=method)


def test_an_address_that_is_not_there_is_told_as_data(here: TestClient) -> None:
    answer = here.get("/api/v1/households.csv", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["code"]) == (404, "ACC-09")


def test_every_file_handed_out_is_a_line_in_the_ledger_and_only_those(store: Store, there: TestClient) -> None:
    token = bearer(store, "vnpt")
    before = len(downloads.downloads(store))
    sent = there.get("/api/v1/gaps.csv", headers=token)
    there.get("/api/v1/gaps.csv", headers={**token, "If-None-Match": sent.headers["etag"]})
    there.head("/api/v1/gaps.csv", headers=token)
    there.get("/api/v1/gaps.csv")
    lines = downloads.downloads(store)
    assert len(lines) == before + 1
    line = lines[0]
    assert (line.who, line.partner, line.via, line.file) == ("VNPT", "vnpt", "api", "gaps.csv")
    assert line.release == releases.name_of(LAST, VNPT)
    assert (line.size_bytes, line.sha256) == (len(sent.content), hashlib.sha256(sent.content).hexdigest())
    assert datetime.fromisoformat(line.at).date() == datetime.now(UTC).date()
    assert line.token_id == partners.of(store.engine, "vnpt").tokens[0].token_id


def test_no_answer_holds_a_household(here: TestClient) -> None:
    words = here.get("/api/v1/gaps.csv").text + json.dumps(here.get("/api/v1/communes.geojson").json())
    assert not [word for word in ("submission_id", "uuid:", "interviewer", "phone_number") if word in words]


def test_scripts_and_styles_travel_compressed_once_and_are_kept_for_ever() -> None:
    script = max((STREAMLIT_FILES / "static" / "js").glob("*.js"), key=lambda path: path.stat().st_size)
    path = f"/static/js/{script.name}"
    streamlits = Starlette(routes=[Route("/{path:path}", lambda _request: PlainTextResponse("from Streamlit"))])
    browser = TestClient(Bundles(streamlits, {"/static/": STREAMLIT_FILES / "static"}))
    with browser.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        sent = b"".join(answer.iter_raw())
    assert gzip.decompress(sent) == script.read_bytes()
    assert len(sent) < script.stat().st_size / 2
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "immutable" in answer.headers["cache-control"]
    for asked, accepts in (
        (path, "identity"),
        ("/static/js/nothing.js", "gzip"),
        ("/static/../../__init__.py", "gzip"),
    ):
        assert browser.get(asked, headers={"Accept-Encoding": accepts}).text == "from Streamlit"


def test_the_app_serves_the_routes_before_its_pages(store: Store) -> None:
    """Streamlit answers every unknown address with a page; ours come first."""
    app = build(settings_in(store.folder), local=True)
    assert any(getattr(route, "path", "") == "/api/v1/gaps.parquet" for route in app._user_routes)


def test_what_is_warm_at_the_start_is_never_taken_for_garbage(store: Store) -> None:
    app = build(settings_in(store.folder), local=True)
    before = gc.get_freeze_count()

    async def started() -> int:
        assert app._user_lifespan is not None
        async with app._user_lifespan(app):
            return gc.get_freeze_count()

    try:
        assert asyncio.run(started()) > before + 10_000
    finally:
        gc.unfreeze()
