"""Pulling from servers that page, limit, break off and delete: everything arrives, once, and only what is new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from check_tables import rows_of
from cryptography.hazmat.primitives.asymmetric import rsa
from fake_servers import TOKEN, Fake, serving
from pulls import ASKING, KINDS, bring, broken_off, collect, log_in, name_of, of_central, of_kobo, received, store_in
from sealed_phone import Phone, pem

from collect.i18n import LANGUAGES, t
from collect.keeping import ledger
from collect.keeping.mending import open_mended
from collect.problems import ServerError
from collect.pull import Bookmark, Central, Kobo, Login, Wire
from collect.pull.wire import TRIES
from collect.review.reviews import decide
from collect.review.standing import standing
from collect.settings import settings_from

pytestmark = pytest.mark.usefixtures("data")


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
    assert "1 page, 10 submissions taken before it broke off; the next pull goes on from there." in said
    assert '"read": 10' in collect(tmp_path, *ASKING[kind], "--json").output


def test_what_arrives_and_changes_while_a_pull_is_broken_off_is_asked_for_later(
    tmp_path: Path, kind: str, server: Fake, waits: list[float]
) -> None:
    broken_off(tmp_path, kind, server)
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
    assert code in broken_off(tmp_path, kind, server, trouble).output
    assert received(tmp_path).height == 10
    asked = len(server.asked)
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


def test_a_pull_begins_again_when_the_submission_it_stopped_at_was_deleted(tmp_path: Path, waits: list[float]) -> None:
    with serving(Fake([of_central(number, number) for number in range(1, 26)], page_size=10)) as server:
        broken_off(tmp_path, "central", server)
        server.rows = [row for row in server.rows if row["__id"] != "uuid:0016"]  # the last of the first page
        assert bring(tmp_path, "central")["new"] == 15
        assert received(tmp_path)["submission_id"].n_unique() == 25


KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]


def sealed_for(keys: dict[int, rsa.RSAPrivateKey], page_size: int = 2) -> Fake:
    """A server of six submissions on three pages, those of ``keys`` encrypted."""
    rows, files = [of_central(number, number) for number in range(1, 7)], dict[str, object]()
    for number, key in keys.items():
        rows[number - 1]["__system"]["status"] = "notDecrypted"
        base = f"/v1/projects/1/forms/household/submissions/uuid:{number:04d}"
        sealed = Phone(key).envelope(number, {"a.jpg": b"photo"})
        files[f"{base}.xml"] = sealed.pop("submission.xml")
        files[f"{base}/attachments"] = [{"name": name, "exists": True} for name in sealed]
        files |= {f"{base}/attachments/{name}": data for name, data in sealed.items()}
    return Fake(rows, files=files, page_size=page_size)


def test_encrypted_submissions_come_as_phones_sent_them_and_are_opened_with_the_key(tmp_path: Path) -> None:
    with serving(sealed_for({1: KEYS[0], 2: KEYS[0], 4: KEYS[0]})) as server:
        log_in(tmp_path, "central", server)
        found = bring(tmp_path, "central", "--key", str(pem(KEYS[0], tmp_path / "key.pem")))
    assert (found["read"], found["new"], found["closed"]) == (6, 6, 0)
    assert received(tmp_path)["submission_id"].sort().to_list() == [f"uuid:{number:04d}" for number in range(1, 7)]


@pytest.mark.parametrize("keys", ["none", "another"])
def test_what_no_key_opens_stays_on_the_server_stops_nobody_and_comes_with_its_key(tmp_path: Path, keys: str) -> None:
    files = [str(pem(key, tmp_path / f"{number}.pem")) for number, key in enumerate(KEYS)]
    wrong = ("--key", files[1]) if keys == "another" else ()
    with serving(sealed_for({1: KEYS[0], 2: KEYS[0], 4: KEYS[0]})) as server:
        log_in(tmp_path, "central", server)
        done = collect(tmp_path, *ASKING["central"], *wrong)
        assert (done.exit_code, received(tmp_path).height) == (0, 3)
        assert "3 encrypted submissions stay on" in done.output
        assert "collect pull central ... --key" in done.output
        found = bring(tmp_path, "central", *wrong)
        assert (found["new"], found["closed"]) == (0, 3), "counted each time, whatever the bookmark says"
        found = bring(tmp_path, "central", "--key", files[0])
        assert (found["new"], found["closed"]) == (3, 0)
    assert received(tmp_path)["submission_id"].n_unique() == 6


def test_each_key_opens_its_own_and_what_is_deleted_on_the_server_waits_no_longer(tmp_path: Path) -> None:
    first, second = (str(pem(key, tmp_path / f"{number}.pem")) for number, key in enumerate(KEYS))
    with serving(sealed_for({1: KEYS[0], 2: KEYS[1], 3: KEYS[1]})) as server:
        log_in(tmp_path, "central", server)
        found = bring(tmp_path, "central", "--key", first)
        assert (found["new"], found["closed"]) == (4, 2)
        del server.rows[2]
        found = bring(tmp_path, "central", "--key", second, "--deletions", "show")
        assert (found["new"], found["closed"], found["gone"]) == (1, 0, ["uuid:0003"])


def edited(server: Fake, number: int, key: rsa.RSAPrivateKey, edits: int) -> None:
    """Another version of an encrypted submission, under an id of its own."""
    system = server.rows[number - 1]["__system"]
    system |= {"edits": edits, "updatedAt": "2026-11-22T01:00:00.000Z"}
    base = f"/v1/projects/1/forms/household/submissions/uuid:{number:04d}"
    sealed = Phone(key).envelope(100 * edits + number)
    server.files[f"{base}.xml"] = sealed.pop("submission.xml")
    server.files[f"{base}/attachments"] = [{"name": name, "exists": True} for name in sealed]
    server.files |= {f"{base}/attachments/{name}": data for name, data in sealed.items()}


def test_what_came_open_before_is_not_called_closed_until_it_changes_on_the_server(tmp_path: Path) -> None:
    first, second = (str(pem(key, tmp_path / f"{number}.pem")) for number, key in enumerate(KEYS))

    def closed(*more: str) -> int:
        return int(bring(tmp_path, "central", *more)["closed"])

    with serving(sealed_for({1: KEYS[0], 2: KEYS[0], 4: KEYS[1]}, page_size=6)) as server:
        log_in(tmp_path, "central", server)
        assert closed("--key", first) == 1
        assert closed("--since", "all") == 1, "the two that came open are here"
        assert closed("--since", "all", "--key", second) == 0, "what another key opened stays open"
        assert closed("--since", "all") == 0
        edited(server, 1, KEYS[0], 1)
        assert closed() == 1
        assert closed("--since", "all", "--key", second) == 1
        assert closed("--key", first) == 0
        assert closed("--since", "all") == 0
        edited(server, 1, KEYS[0], 2)
        assert closed("--since", "all") == 1
        server.rows[1]["__system"] |= {"updatedAt": "2026-11-22T02:00:00.000Z", "reviewState": "approved"}
        assert closed("--since", "all") == 1, "a review is no other version"
    here = {"uuid:0001", "uuid:0002", "uuid:0003", "uuid:0004", "uuid:0005", "uuid:0006", "uuid:0101"}
    assert set(received(tmp_path)["submission_id"]) == here


@pytest.mark.parametrize("lost", ["what was noted", "tables"])
def test_what_is_open_is_told_by_what_is_here(tmp_path: Path, lost: str) -> None:
    with serving(sealed_for({1: KEYS[0], 2: KEYS[0]})) as server:
        for row in server.rows:
            row["__system"].pop("edits" if lost == "what was noted" else "formVersion")  # an older server counts none
        log_in(tmp_path, "central", server)
        assert bring(tmp_path, "central", "--key", str(pem(KEYS[0], tmp_path / "key.pem")))["closed"] == 0
        data = tmp_path / "data"
        for path in [*data.rglob("*.opened")] if lost == "what was noted" else [*data.glob("collect.db*")]:
            path.unlink()
        found_again = settings_from({"COLLECT_DATA": str(data)})
        open_mended(found_again).engine.dispose()  # uploads by their notes, and no tables
        assert bring(tmp_path, "central", "--since", "all")["closed"] == (0 if lost == "what was noted" else 2)


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_a_day_that_has_not_come_is_refused(tmp_path: Path, kind: str, lang: str) -> None:
    done = collect(tmp_path, *ASKING[kind], "--since", "2999-01-01", lang=lang)
    assert (done.exit_code, t("USE-23.found", lang).partition("{")[0] in done.output) == (2, True)
    assert "2999-01-01" in done.output


def test_what_came_while_the_clock_of_the_server_was_wrong_is_found_by_its_name(
    tmp_path: Path, kind: str, server: Fake
) -> None:
    log_in(tmp_path, kind, server)
    bring(tmp_path, kind)
    server.rows[0] = KINDS[kind](1, 1, 4, hamlet="29236-02")  # an edit of which no instant tells
    server.rows.append(KINDS[kind](26, 5))
    told = collect(tmp_path, *ASKING[kind])
    assert (" 1 new, 1 changed" in told.output, "`--since all` compares everything" in told.output) == (True, True)
    asked = len(server.asked)
    assert bring(tmp_path, kind)["new"] == 0
    assert len(server.asked) - asked <= 2, "looked for once"
    found = bring(tmp_path, kind, "--since", "all")
    assert (found["changed"], found["clock_was_wrong"]) == (0, False)


def test_a_change_that_no_instant_tells_of_is_looked_for_once_a_day(tmp_path: Path) -> None:
    with serving(Fake([of_central(number, 60 + number) for number in range(1, 6)], page_size=2)) as server:
        log_in(tmp_path, "central", server)
        bring(tmp_path, "central")
        server.rows[0] = of_central(1, 61, 4, hamlet="29236-02")  # the clock was an hour behind, and is right again
        assert bring(tmp_path, "central")["changed"] == 0
        (place,) = (tmp_path / "data" / "pull").glob("*.json")
        place.write_text(json.dumps(json.loads(place.read_text()) | {"looked": "2026-01-01"}), encoding="utf-8")
        asked = len(server.asked)
        found = bring(tmp_path, "central")
        assert (found["changed"], found["clock_was_wrong"]) == (1, True)
        asked, before = len(server.asked), asked
        assert sum("$select" in path for path in server.asked[before:]) == 1
        assert bring(tmp_path, "central")["clock_was_wrong"] is False
        assert not any("$select" in path for path in server.asked[asked:])


def test_a_form_the_server_does_not_have_is_named(tmp_path: Path) -> None:
    with serving(Fake([])) as server:
        log_in(tmp_path, "central", server)
        done = collect(tmp_path, "central", "--project", "7", "--form", "household")
        assert done.exit_code == 14
        assert "/v1/projects/7/forms/household.svc" in done.output


def test_a_bookmark_asks_again_for_the_last_minute_and_moves_only_at_the_end() -> None:
    begun = Bookmark("2026-11-20T03:00:00.123Z")
    assert begun.asked_from() == "2026-11-20T02:59:00.123Z"
    half = begun.after("2026-11-20T12:00:00.000Z", "/next", "2026-11-20T13:00:00.000Z")
    assert (half.since, half.next) == (begun.since, "/next")
    assert half.after("2026-11-21T00:00:00.000Z", "", "2026-11-21T00:00:00.000Z") == Bookmark(
        "2026-11-20T13:00:00.000Z"
    )


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
    store = store_in(tmp_path)
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


@pytest.mark.parametrize("kind", ["central"])
def test_a_server_that_lost_most_of_it_is_not_followed_unless_told(tmp_path: Path, kind: str, server: Fake) -> None:
    log_in(tmp_path, kind, server)
    bring(tmp_path, kind)
    del server.rows[5:]
    done = collect(tmp_path, *ASKING[kind])
    assert (done.exit_code, "PUL-09" in done.output) == (14, True)
    assert ledger.entries(store_in(tmp_path)) == []
    done = collect(tmp_path, *ASKING[kind], "--deletions", "all")
    assert done.exit_code == 0
    assert name_of(kind, 25) in done.output
    assert standing(store_in(tmp_path), "household")["decision"].null_count() == 5
