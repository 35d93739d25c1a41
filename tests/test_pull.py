"""Pulling from servers that page, limit, break off and forget us: everything arrives, once, and only what is new."""

from __future__ import annotations

import json
import os
import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from check_tables import rows_of
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fake_servers import PASSWORD, TOKEN, Fake, serving
from sealed_phone import Phone, pem

from collect import registry
from collect.cli import main
from collect.i18n import LANGUAGES
from collect.keeping import ledger
from collect.problems import ServerError
from collect.pull import Bookmark, Central, Kobo, Login, Wire
from collect.pull.wire import TRIES
from collect.review.reviews import decide
from collect.review.standing import standing
from collect.settings import settings_from
from collect.store import open_store


def instant(minute: int) -> str:
    return f"2026-11-20T{3 + minute // 60:02d}:{minute % 60:02d}:00.123Z"


def of_central(number: int, received: int, updated: int | None = None, hamlet: str = "29236-01") -> dict[str, Any]:
    name = f"uuid:{number:04d}"
    system = {"submissionDate": instant(received), "updatedAt": None if updated is None else instant(updated),
              "submitterName": "ann", "deviceId": "d", "reviewState": None, "edits": 0, "formVersion": "1"}  # fmt: skip
    return {
        "consent": "no",
        "place": {"hamlet": hamlet},
        "meta": {"instanceID": name},
        "__id": name,
        "__system": system,
    }


def of_kobo(number: int, received: int, updated: int | None = None, hamlet: str = "29236-01") -> dict[str, Any]:
    name = f"00000000-0000-4000-8000-{number:012d}"
    row = {"_id": number, "_uuid": name, "meta/instanceID": f"uuid:{name}", "consent": "no", "place/hamlet": hamlet,
           "_submission_time": instant(received)[:19], "__version__": "v1", "_validation_status": {},
           "meta/rootUuid": f"uuid:{name}"}  # fmt: skip
    if updated is not None:  # the server keeps no instant of an edit, only what it replaced
        row |= {"_uuid": f"edit-of-{name}", "meta/deprecatedID": f"uuid:{name}"}
    return row


SECRETS = {"central": PASSWORD, "kobo": TOKEN}
NEITHER = {"COLLECT_DATABASE": "", "COLLECT_GEO_MIRROR": ""}
KINDS: dict[str, Any] = {"central": of_central, "kobo": of_kobo}
ASKING = {"central": ("central", "--project", "1", "--form", "household"),
          "kobo": ("kobo", "--asset", "aHousehold", "--form", "household")}  # fmt: skip


@pytest.fixture(autouse=True)
def with_forms(tmp_path: Path, compiled: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cache").symlink_to(compiled)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have passed."""
    passed: list[float] = []
    monkeypatch.setattr("collect.pull.wire.time.sleep", passed.append)
    return passed


@pytest.fixture(params=["central", "kobo"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(kind: str) -> Iterator[Fake]:
    """Twenty-five submissions, a minute between them; ten to a page."""
    rows = [KINDS[kind](number, number) for number in range(1, 26)]
    with serving(Fake(rows, page_size=10, secret=SECRETS[kind])) as fake:
        yield fake


def collect(folder: Path, *arguments: str, lang: str = "en", **more: str) -> Result:
    environment = {"COLLECT_DATA": str(folder / "data"), "COLLECT_CONFIG": str(folder / "config"), **NEITHER, **more}
    return CliRunner().invoke(main, ["--lang", lang, "pull", *arguments], env=environment)


def log_in(folder: Path, kind: str, server: Fake, secret: str | None = None) -> Result:
    if kind == "central":
        options = ("--user", "ann@example.org")
        return collect(folder, "login", kind, "--url", server.url, *options, COLLECT_PASSWORD=secret or PASSWORD)
    return collect(folder, "login", kind, "--url", server.url, COLLECT_TOKEN=secret or TOKEN)


def bring(folder: Path, kind: str, *more: str) -> dict[str, Any]:
    done = collect(folder, *ASKING[kind], *more, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def received(folder: Path) -> pl.DataFrame:
    """Every submission received, whatever upload brought it."""
    store = open_store(settings_from({"COLLECT_DATA": str(folder / "data")}))
    parts = [store.read_part("household", "answers", part["upload_id"]) for part in registry.parts_of(store.engine)]
    return pl.concat(parts)


def test_every_page_is_an_upload_and_every_submission_arrives_once(tmp_path: Path, kind: str, server: Fake) -> None:
    assert log_in(tmp_path, kind, server).exit_code == 0
    found = bring(tmp_path, kind)
    assert (found["pages"], found["read"], found["new"]) == (3, 25, 25)
    assert received(tmp_path)["submission_id"].n_unique() == received(tmp_path).height == 25
    kept = [path.name for path in (tmp_path / "data" / "inbox").glob("??/*/[a-z]*")]
    assert sorted(kept) == ["household-0001.json", "household-0002.json", "household-0003.json"]


def test_the_next_pull_asks_only_for_what_changed(tmp_path: Path, kind: str, server: Fake) -> None:
    log_in(tmp_path, kind, server)
    bring(tmp_path, kind)
    server.rows.append(KINDS[kind](26, 90))
    server.rows[3] = KINDS[kind](4, 4, updated=95, hamlet="29236-02")
    asked = len(server.asked)
    found = bring(tmp_path, kind)
    assert (found["new"], found["changed"]) == (1, 1)
    assert found["read"] <= 4  # those two, and what was received in the last minute before
    *pages, count = server.asked[asked:]
    assert all("submissionDate gt" in path or "_submission_time" in path for path in pages)
    assert "$count=true" in count or "limit=1&" in f"{count}&"


def test_nothing_new_changes_nothing(tmp_path: Path, kind: str, server: Fake) -> None:
    log_in(tmp_path, kind, server)
    bring(tmp_path, kind)
    found = bring(tmp_path, kind)
    assert (found["new"], found["changed"]) == (0, 0)


def test_since_a_day_leaves_out_what_came_before(tmp_path: Path, kind: str, server: Fake) -> None:
    log_in(tmp_path, kind, server)
    assert bring(tmp_path, kind, "--since", "2026-11-21")["read"] == 0
    assert bring(tmp_path, kind)["read"] == 25  # what came before that day was not asked for, and is now
    assert bring(tmp_path, kind, "--since", "all")["read"] == 25


@pytest.mark.parametrize("row", [None, {}, "text", {"_id": "x", "__id": None}, 7])
def test_a_page_with_something_else_than_submissions_is_refused_whole(
    tmp_path: Path, kind: str, row: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = {"value": [row], "results": [row], "next": None}
    wire = Wire("http://127.0.0.1:1", headers={"Authorization": "known"})
    monkeypatch.setattr(Wire, "get", lambda *_: json.dumps(page).encode())
    login = Login(kind, wire.base, "", "secret")
    reader = Central(wire, login, 1, "household") if kind == "central" else Kobo(wire, login, "asset")
    with pytest.raises(ServerError) as error:
        list(reader.pages(Bookmark()))
    assert error.value.code == "PUL-05"


def test_a_pull_that_breaks_off_says_what_is_kept(tmp_path: Path, kind: str, server: Fake, waits: list[float]) -> None:
    log_in(tmp_path, kind, server)
    server.trouble = ["", *["cut"] * TRIES] * 3
    said = collect(tmp_path, *ASKING[kind]).output
    assert "1 pages, 10 submissions taken before it broke off; the next pull goes on from there." in said
    assert '"read": 10' in collect(tmp_path, *ASKING[kind], "--json").output


def test_what_arrives_and_changes_while_a_pull_is_broken_off_is_asked_for_later(
    tmp_path: Path, kind: str, server: Fake, waits: list[float]
) -> None:
    log_in(tmp_path, kind, server)
    server.trouble = ["", *["cut"] * TRIES]
    assert collect(tmp_path, *ASKING[kind]).exit_code == 14
    first = 24 if kind == "central" else 1  # on the page that has been read
    server.rows.append(KINDS[kind](26, 90))
    server.rows[first - 1] = KINDS[kind](first, first, updated=150, hamlet="29236-02")
    bring(tmp_path, kind)
    bring(tmp_path, kind)
    assert received(tmp_path)["submission_id"].n_unique() == 26
    assert received(tmp_path).filter(pl.col("/data/place/hamlet") == "29236-02").height == 1


@pytest.mark.parametrize("trouble", [["cut"], ["busy"], ["cut", "busy", "cut"], ["", "cut"], ["", "", "busy"]])
def test_a_broken_line_or_a_busy_server_costs_only_time(
    tmp_path: Path, kind: str, server: Fake, waits: list[float], trouble: list[str]
) -> None:
    log_in(tmp_path, kind, server)
    server.trouble = [*trouble]
    assert bring(tmp_path, kind)["new"] == 25
    assert len(waits) == sum(1 for one in trouble if one)
    assert [seconds for seconds, one in zip(waits, filter(None, trouble), strict=True) if one == "busy"] == [
        7.0 for one in trouble if one == "busy"
    ]


@pytest.mark.parametrize(("trouble", "code"), [("cut", "PUL-01"), ("busy", "PUL-04"), ("gate", "PUL-05")])
def test_a_pull_that_breaks_off_goes_on_where_it_stopped(
    tmp_path: Path, kind: str, server: Fake, waits: list[float], trouble: str, code: str
) -> None:
    log_in(tmp_path, kind, server)
    server.trouble = ["", *[trouble] * TRIES]
    done = collect(tmp_path, *ASKING[kind])
    assert done.exit_code == 14
    assert code in done.output
    assert received(tmp_path).height == 10
    server.trouble, asked = [], len(server.asked)
    found = bring(tmp_path, kind)
    assert (found["pages"], found["new"]) == (2, 15)
    assert len(server.asked) - asked <= 3  # no page a second time, and how many there are now
    assert received(tmp_path)["submission_id"].n_unique() == 25


def test_a_server_that_asks_for_an_hour_is_left_alone(
    tmp_path: Path, kind: str, server: Fake, waits: list[float]
) -> None:
    log_in(tmp_path, kind, server)
    server.trouble = ["busy-long"]
    done = collect(tmp_path, *ASKING[kind])
    assert "60 minutes" in done.output
    assert waits == []


def test_a_session_that_ends_between_two_pages_is_opened_again(tmp_path: Path) -> None:
    with serving(Fake([of_central(number, number) for number in range(1, 26)], ["", "expire"], page_size=10)) as server:
        log_in(tmp_path, "central", server)
        assert bring(tmp_path, "central")["new"] == 25


def test_a_pull_begins_again_when_the_submission_it_stopped_at_was_deleted(tmp_path: Path, waits: list[float]) -> None:
    with serving(Fake([of_central(number, number) for number in range(1, 26)], page_size=10)) as server:
        log_in(tmp_path, "central", server)
        server.trouble = ["", *["cut"] * TRIES]
        assert collect(tmp_path, *ASKING["central"]).exit_code == 14
        server.trouble = []
        server.rows = [row for row in server.rows if row["__id"] != "uuid:0016"]  # the last of the first page
        assert bring(tmp_path, "central")["new"] == 15
        assert received(tmp_path)["submission_id"].n_unique() == 25


def test_encrypted_submissions_come_as_phones_sent_them_and_are_opened_with_the_key(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    rows, files = [of_central(number, number) for number in range(1, 4)], dict[str, object]()
    for row in rows[:2]:
        row["__system"]["status"] = "notDecrypted"
        base = f"/v1/projects/1/forms/household/submissions/{row['__id']}"
        sealed = Phone(key).envelope(int(row["__id"][-4:]), {"a.jpg": b"photo"})
        files[f"{base}.xml"] = sealed.pop("submission.xml")
        files[f"{base}/attachments"] = [{"name": name, "exists": True} for name in sealed]
        files |= {f"{base}/attachments/{name}": data for name, data in sealed.items()}
    with serving(Fake(rows, files=files)) as server:
        log_in(tmp_path, "central", server)
        assert "IN-16" in collect(tmp_path, *ASKING["central"]).output
        found = bring(tmp_path, "central", "--key", str(pem(key, tmp_path / "key.pem")))
        assert (found["read"], found["new"]) == (3, 3)
        assert received(tmp_path)["submission_id"].sort().to_list() == ["uuid:0001", "uuid:0002", "uuid:0003"]


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_wrong_credentials_are_said_in_words_and_not_kept(tmp_path: Path, kind: str, server: Fake, lang: str) -> None:
    done = log_in(tmp_path, kind, server, "wrong")
    assert done.exit_code == 14
    assert "PUL-02" in done.output
    assert "wrong" not in done.output
    assert not (tmp_path / "config" / "logins.json").exists()
    assert collect(tmp_path, *ASKING[kind], lang=lang).output.startswith("PUL-07")


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_accounts_lie_outside_the_data_folder_and_only_their_owner_reads_them(
    tmp_path: Path, kind: str, server: Fake
) -> None:
    log_in(tmp_path, kind, server)
    bring(tmp_path, kind)
    file = tmp_path / "config" / "logins.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = PASSWORD if kind == "central" else TOKEN
    inside = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert inside
    assert not [path for path in inside if secret.encode() in path.read_bytes()]
    file.chmod(0o644)
    bring(tmp_path, kind)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert collect(tmp_path, "logout", server.url).exit_code == 0
    assert json.loads(file.read_text()) == []


def test_a_form_the_server_does_not_have_is_named(tmp_path: Path) -> None:
    with serving(Fake([])) as server:
        log_in(tmp_path, "central", server)
        done = collect(tmp_path, "central", "--project", "7", "--form", "household")
        assert done.exit_code == 14
        assert "/v1/projects/7/forms/household.svc" in done.output


def test_a_password_never_crosses_the_network_in_the_open(tmp_path: Path) -> None:
    done = collect(tmp_path, "login", "kobo", "--url", "http://survey.example.org", COLLECT_TOKEN=TOKEN)
    assert done.exit_code == 14
    assert "PUL-06" in done.output


def test_a_server_that_is_not_there_is_said_after_a_minute_of_trying(tmp_path: Path, waits: list[float]) -> None:
    done = collect(tmp_path, "login", "kobo", "--url", "http://127.0.0.1:9", COLLECT_TOKEN=TOKEN)
    assert "PUL-01" in done.output
    assert sum(waits) == 31.0


def test_a_bookmark_asks_again_for_the_last_minute_and_moves_only_at_the_end() -> None:
    begun = Bookmark("2026-11-20T03:00:00.123Z")
    assert begun.asked_from() == "2026-11-20T02:59:00.123Z"
    half = begun.after("2026-11-20T12:00:00.000Z", "/next", "2026-11-20T13:00:00.000Z")
    assert (half.since, half.next) == (begun.since, "/next")
    assert half.after("2026-11-21T00:00:00.000Z", "", "2026-11-21T00:00:00.000Z") == Bookmark(
        "2026-11-20T13:00:00.000Z"
    )


# --- deleted on the server ---

LEFT = """
| on the server    | decided here | asked for | then          | shown as |
| deleted          |              |           | deleted       | deleted  |
| deleted          | accepted     |           | accepted      | kept     |
| deleted          | sent_back    |           | sent_back     | kept     |
| deleted          | deleted      |           | deleted       |          |
| deleted          |              | show      | received      | gone     |
| deleted, restored |             |           | received      | restored |
| edited           |              |           | received      |          |
"""


@pytest.mark.parametrize(
    ("kind", "row"),
    [*(("central", row) for row in rows_of(LEFT)), *(("kobo", row) for row in rows_of(LEFT)[::6])],
    ids=lambda row: row if isinstance(row, str) else f"{row['on the server']}, {row['decided here']} here",
)
def test_what_the_server_deletes_is_followed_in_sight_and_never_over_somebodys_decision(
    tmp_path: Path, kind: str, server: Fake, row: dict[str, str | None]
) -> None:
    log_in(tmp_path, kind, server)
    bring(tmp_path, kind)
    name = name_of(kind, 7)
    store = open_store(settings_from({"COLLECT_DATA": str(tmp_path / "data")}))
    if row["decided here"]:
        decide(store, [name], row["decided here"], "asked again by phone", "Lan")
    before, found = list(server.rows), dict[str, Any]()
    for step in str(row["on the server"]).split(", "):
        server.rows = {"deleted": before[:6] + before[7:], "restored": before,
                       "edited": [*before[:6], KINDS[kind](7, 7, updated=95), *before[7:]]}[step]  # fmt: skip
        more = ("--deletions", str(row["asked for"])) if row["asked for"] else ()
        found = bring(tmp_path, kind, *more)
    stands = standing(store, "household").filter(submission_id=name).row(0, named=True)
    assert (stands["decision"] or "received") == row["then"]
    shown = {key: found[key] for key in ("deleted", "restored", "kept") if found[key]}
    assert shown == ({row["shown as"]: [name]} if row["shown as"] not in (None, "gone") else {})
    assert found["gone"] == ([name] if row["shown as"] == "gone" or row["on the server"] == "deleted" else [])
    assert standing(store, "household").filter(pl.col("submission_id") != name)["decision"].is_null().all()
    if row["shown as"] == "deleted":
        assert stands["decided_by"] == server.url
        assert bring(tmp_path, kind)["gone"] == [], "told once"


def name_of(kind: str, number: int) -> str:
    return f"uuid:{number:04d}" if kind == "central" else f"uuid:00000000-0000-4000-8000-{number:012d}"


@pytest.mark.parametrize("kind", ["central"])
def test_a_server_that_lost_most_of_it_is_not_followed_unless_told(tmp_path: Path, kind: str, server: Fake) -> None:
    log_in(tmp_path, kind, server)
    bring(tmp_path, kind)
    del server.rows[5:]
    done = collect(tmp_path, *ASKING[kind])
    assert (done.exit_code, "PUL-09" in done.output) == (14, True)
    assert ledger.entries(open_store(settings_from({"COLLECT_DATA": str(tmp_path / "data")}))) == []
    done = collect(tmp_path, *ASKING[kind], "--deletions", "all")
    assert done.exit_code == 0
    assert name_of(kind, 25) in done.output
    assert standing(open_store(settings_from({"COLLECT_DATA": str(tmp_path / "data")})), "household")[
        "decision"
    ].null_count() == 5  # fmt: skip


def test_kobo_is_asked_for_edits_and_reviews_in_words_its_servers_of_today_know(tmp_path: Path) -> None:
    rows = [of_kobo(number, number) for number in range(1, 26)]
    with serving(Fake(rows, secret=TOKEN)) as server:
        log_in(tmp_path, "kobo", server)
        bring(tmp_path, "kobo")
        rows[2] = of_kobo(3, 3, updated=95, hamlet="29236-02")
        rows[4] = {**of_kobo(5, 5), "_validation_status": {"uid": "validation_status_approved", "timestamp": 1 << 31}}
        found = bring(tmp_path, "kobo")
        query = json.loads(server.asked[-2].split("query=")[1].split("&")[0])
    assert found["changed"] == 1
    assert found["read"] == 2 + 2  # the two, and the last minute's
    assert [list(way) for way in query["$and"][0]["$or"]] == [
        ["_submission_time"], ["_date_modified"], ["meta/deprecatedID"], ["_validation_status.timestamp"],
    ]  # fmt: skip


# --- the account and the line ---


def test_a_password_changed_on_the_server_is_said_and_the_new_one_goes_on_where_it_stopped(
    tmp_path: Path, kind: str, server: Fake, waits: list[float]
) -> None:
    log_in(tmp_path, kind, server)
    server.trouble = ["", *["cut"] * TRIES]
    assert collect(tmp_path, *ASKING[kind]).exit_code == 14
    server.secret, server.trouble = "another", []
    server.sessions.clear()
    done = collect(tmp_path, *ASKING[kind])
    assert (done.exit_code, "PUL-02" in done.output) == (14, True)
    assert "another" not in done.output
    log_in(tmp_path, kind, server, "another")
    assert bring(tmp_path, kind)["new"] == 15


def test_a_server_nobody_vouches_for_gets_no_password_and_is_not_asked_again(
    tmp_path: Path, kind: str, waits: list[float]
) -> None:
    with serving(Fake([], secret=SECRETS[kind]), self_signed(tmp_path)) as server:
        done = log_in(tmp_path, kind, server)
    assert (done.exit_code, "PUL-10" in done.output) == (14, True)
    assert "self-signed" in done.output
    assert (server.asked, waits) == ([], [])


def self_signed(folder: Path) -> ssl.SSLContext:
    key = rsa.generate_private_key(65537, 2048)
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")]), datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = built.serial_number(7).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    signed = dated.sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", pem(key, folder / "server.pem"))
    return context
