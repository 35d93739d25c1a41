"""Phones send: every request a table row with the answer ODK Central would give, and each submission counted once."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from check_tables import rows_of
from lxml import etree
from shipped import version_of
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collect import openrosa, registry
from collect.demo import make_round
from collect.i18n import LANGUAGES, t
from collect.intake import add_file
from collect.journey import Definitions, define
from collect.keeping.attachments import path_of
from collect.keeping.journal import FOLDER, bytes_of, discard, records, segments
from collect.keeping.mending import open_mended
from collect.keeping.verify import verify
from collect.openrosa import people
from collect.openrosa.attempts import Attempts
from collect.openrosa.credentials import LATELY_SECONDS
from collect.openrosa.desk import CLOSED_SECONDS, close_form, open_form
from collect.openrosa.fold import fold
from collect.places import list_units
from collect.registry import ATTACHMENTS, SENT
from collect.review.identity import current
from collect.review.reviews import decide
from collect.review.standing import standing
from collect.settings import Settings, settings_from, shipped_forms
from collect.store import Store, open_store

VERSION = version_of("household")
HEADERS = {"X-OpenRosa-Version": "1.0", "Accept-Language": "en"}


def xml(
    instance: str = "uuid:1", *, form: str = "household", version: str = VERSION, edits: str = "", note: str = ""
) -> bytes:
    deprecated = f"<deprecatedID>{edits}</deprecatedID>" if edits else ""
    meta = f"<meta><instanceID>{instance}</instanceID>{deprecated}</meta>"
    return f'<data id="{form}" version="{version}"><note>{note}</note>{meta}</data>'.encode()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_from({"COLLECT_DATA": str(tmp_path / "data"), "COLLECT_LIMIT_SUBMISSION_MEGABYTES": "1"})


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings)
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Definitions:
    """The shipped forms, compiled once."""
    return define(shipped_forms(), tmp_path_factory.mktemp("compiled") / "forms")


@pytest.fixture
def phone(settings: Settings, store: Store) -> Iterator[TestClient]:
    """A phone with its own address."""
    made = people.add(store.engine, store.folder, "lan", people.Wanted("Team A"))
    app = Starlette(routes=openrosa.routes(settings))
    with TestClient(app, base_url=f"http://127.0.0.1:8501/key/{made.token}", headers=HEADERS) as client:
        yield client


def send(phone: TestClient, data: bytes, **more: bytes) -> int:
    files = {"xml_submission_file": ("submission.xml", data, "text/xml")}
    files |= {name: (name.replace("_", "."), content, "image/jpeg") for name, content in more.items()}
    return int(phone.post("/submission", files=files).status_code)


def rows(store: Store) -> list[dict[str, object]]:
    with store.engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(SENT).order_by(SENT.c.sequence))]


def test_a_phone_asks_first_and_learns_how_much_it_may_send(phone: TestClient) -> None:
    answer = phone.head("/submission")
    assert answer.status_code == 204
    assert answer.headers["x-openrosa-version"] == "1.0"
    assert answer.headers["x-openrosa-accept-content-length"] == str(1 << 20)


def test_a_submission_is_kept_byte_for_byte_with_its_team(phone: TestClient, store: Store) -> None:
    assert send(phone, xml(note="Trà Vinh")) == 201
    (row,) = rows(store)
    assert (row["instance_id"], row["received_by"], row["person"]) == ("uuid:1", "Team A", "lan")
    assert bytes_of(store.folder, row) == xml(note="Trà Vinh")


ANSWERS = [
    ("the same again", [xml(), xml()], 201, 1),
    ("the same id with other content", [xml(), xml(note="x")], 409, 1),
    ("an edit", [xml(), xml("uuid:2", edits="uuid:1")], 201, 2),
    ("the same edit again", [xml(), xml("uuid:2", edits="uuid:1"), xml("uuid:2", edits="uuid:1")], 201, 2),
    ("an edit of what was edited", [xml(), xml("uuid:2", edits="uuid:1"), xml("uuid:3", edits="uuid:1")], 409, 2),
    ("an edit of an edit", [xml(), xml("uuid:2", edits="uuid:1"), xml("uuid:3", edits="uuid:2")], 201, 3),
    ("an edit of what nobody knows", [xml("uuid:2", edits="uuid:1")], 404, 0),
    ("an unknown form", [xml(form="other")], 404, 0),
    ("an unknown version", [xml(version="1")], 404, 0),
    ("no XML", [b"no xml"], 400, 0),
    ("cut XML", [xml()[:-8]], 400, 0),
    ("entities", [b'<!DOCTYPE d [<!ENTITY a "b">]>' + xml()], 400, 0),
    ("nothing", [b""], 400, 0),
    ("too much", [xml(note="x" * (1 << 20))], 413, 0),
    ("no id at all, twice", [xml(""), xml("")], 201, 1),
]


@pytest.mark.parametrize(("requests", "status", "kept"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_the_answers_are_those_of_odk_central(
    phone: TestClient, store: Store, requests: list[bytes], status: int, kept: int
) -> None:
    answers = [send(phone, data) for data in requests]
    assert answers[-1] == status
    assert len(rows(store)) == kept


DELETED = """
| before                              | deleted       | then sent        | answer |
| a                                   | a             | a                | 409    |
| a                                   | a             | a, other content | 409    |
| a                                   | a             | b, an edit of a  | 409    |
| a; b, an edit of a                  | b             | a                | 409    |
| a; b, an edit of a                  | b             | b                | 409    |
| a; b, an edit of a                  | b             | c, an edit of b  | 409    |
| a; b, an edit of a; c, an edit of b | c             | a                | 409    |
| a; z                                | z             | a                | 201    |
| a; z                                | z             | b, an edit of a  | 201    |
| a                                   | a, taken back | a                | 201    |
"""


@pytest.mark.parametrize(
    "row", rows_of(DELETED), ids=lambda row: f"{row['before']} - {row['deleted']}: {row['then sent']}"
)
def test_what_was_deleted_stays_deleted_and_the_phone_is_told(
    phone: TestClient, store: Store, compiled: Definitions, row: dict[str, str | None]
) -> None:
    for one in str(row["before"]).split(";"):
        assert send(phone, in_words(one)) == 201
    fold(store, compiled)
    name, _, taken_back = str(row["deleted"]).partition(",")
    decide(store, [f"uuid:{name}"], "deleted", "made up at the desk", "Lan")
    if taken_back:
        decide(store, [f"uuid:{name}"], "received", "", "Lan")
    before = len(rows(store))
    answer = send(phone, in_words(str(row["then sent"])))
    assert answer == int(str(row["answer"]))
    if answer == 409:
        fold(store, compiled)
        assert len(rows(store)) == before
        stands = standing(store, "household").filter(decision="deleted")
        assert stands["submission_id"].to_list() == [f"uuid:{name}"]


def in_words(said: str) -> bytes:
    """A submission: "a", "a, other content", or "b, an edit of a"."""
    name, _, more = said.strip().partition(", ")
    edits = f"uuid:{more[-1]}" if more.startswith("an edit") else ""
    return xml(f"uuid:{name}", edits=edits, note=more)


# --- who ---


@pytest.fixture
def named(settings: Settings, store: Store) -> Iterator[TestClient]:
    """A phone at the common address, to log in with a name."""
    with TestClient(
        Starlette(routes=openrosa.routes(settings)), base_url="http://127.0.0.1:8501", headers=HEADERS
    ) as one:
        yield one


def test_a_password_opens_and_a_wrong_one_does_not(named: TestClient, store: Store) -> None:
    password = people.add(store.engine, store.folder, "lan", people.Wanted(password=True)).password
    for name, shown, status in [("lan", password, 204), ("lan", "x", 401), ("minh", password, 401), ("", "", 401)]:
        answer = named.head("/submission", auth=(name, shown))
        assert (answer.status_code, "www-authenticate" in answer.headers) == (status, status == 401), name
    assert named.head("/submission").headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_digest_opens_where_somebody_was_made_for_it(named: TestClient, store: Store, algorithm: str) -> None:
    password = people.add(store.engine, store.folder, "lan", people.Wanted(digest=True)).password
    asked = named.head("/submission")
    assert asked.headers["www-authenticate"].startswith("Digest")
    for shown, status in [(password, 204), ("wrong", 401)]:
        header = digest_header(asked.headers["www-authenticate"], "lan", shown, algorithm)
        assert named.head("/submission", headers={"Authorization": header}).status_code == status
    header = digest_header(asked.headers["www-authenticate"], "lan", password, algorithm, count=2)
    assert named.head("/submission", headers={"Authorization": header}).status_code == 204
    assert named.head("/submission", headers={"Authorization": header}).status_code == 401, "overheard and sent again"


def test_an_ordinary_digest_client_sends(named: TestClient, store: Store) -> None:
    password = people.add(store.engine, store.folder, "lan", people.Wanted(digest=True)).password
    files = {"xml_submission_file": ("submission.xml", xml(), "text/xml")}
    assert named.post("/submission", files=files, auth=httpx.DigestAuth("lan", password)).status_code == 201


def digest_header(challenge: str, name: str, password: str, algorithm: str, count: int = 1) -> str:
    how = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]
    nonce = challenge.split('nonce="')[1].split('"')[0]
    first = how(f"{name}:phu:{password}".encode()).hexdigest()
    second = how(b"HEAD:/submission").hexdigest()
    response = how(f"{first}:{nonce}:{count:08x}:ab:auth:{second}".encode()).hexdigest()
    return (
        f'Digest username="{name}", realm="phu", nonce="{nonce}", uri="/submission", algorithm={algorithm}, '
        f'qop=auth, nc={count:08x}, cnonce="ab", response="{response}"'
    )


def test_guessing_closes_the_door_for_a_while_for_the_right_password_too(named: TestClient, store: Store) -> None:
    password = people.add(store.engine, store.folder, "lan", people.Wanted(password=True)).password
    answers = [named.head("/submission", auth=("lan", "guess")).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    closed = named.head("/submission", auth=("lan", password))
    assert (closed.status_code, int(closed.headers["retry-after"]) > 30) == (429, True)


def test_attempts_wait_longer_each_time_and_are_forgotten() -> None:
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    for wait in (0, 0, 0, 0, 61, 121, 241):
        attempts.failed("lan", "1.2.3.4")
        assert attempts.wait("lan", "1.2.3.4") == wait
    assert attempts.wait("lan", "5.6.7.8") == 0, "others of that name, elsewhere, are not shut out"
    now[0] = 5_000.0
    assert attempts.wait("lan", "1.2.3.4") == 0


def test_who_is_revoked_is_shut_out_a_second_later(phone: TestClient, store: Store) -> None:
    assert send(phone, xml()) == 201
    people.revoke(store.engine, store.folder, "lan")
    assert phone.head("/submission").status_code == 401
    time.sleep(LATELY_SECONDS)
    assert send(phone, xml("uuid:2")) == 401


def test_no_secret_lies_in_the_registry_or_in_a_log(
    named: TestClient, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    made = people.add(store.engine, store.folder, "lan", people.Wanted(digest=True))
    with caplog.at_level(logging.DEBUG, logger="collect"):
        named.head("/submission", auth=("lan", made.password))
        named.head(f"/key/{made.token}/submission")
    store.engine.dispose()
    kept = b"".join(path.read_bytes() for path in store.folder.glob("collect.db*"))
    first = hashlib.md5(f"lan:phu:{made.password}".encode()).hexdigest()
    for secret in (made.token, made.password, first):
        assert secret.encode() not in kept
        assert secret not in caplog.text


def test_somebody_sends_and_sees_only_the_forms_they_were_given(named: TestClient, store: Store) -> None:
    token = people.add(store.engine, store.folder, "lan", people.Wanted(forms=("commune",))).token
    files = {"xml_submission_file": ("submission.xml", xml(), "text/xml")}
    assert named.post(f"/key/{token}/submission", files=files).status_code == 403
    assert "household" not in named.get(f"/key/{token}/formList").text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_answer_is_in_the_phones_language(phone: TestClient, lang: str) -> None:
    answer = phone.head("/submission"), phone.post("/submission", headers={"Accept-Language": lang})
    assert answer[1].status_code == 400
    root = etree.fromstring(answer[1].content)
    assert root.tag == "{http://openrosa.org/http/response}OpenRosaResponse"
    assert root.findtext("{*}message") == t("ODK-02.found", lang)


def test_a_closed_form_is_neither_listed_nor_taken(phone: TestClient, store: Store) -> None:
    close_form(store.engine, store.folder, "household")
    assert send(phone, xml()) == 409
    assert "household" not in phone.get("/formList").text
    open_form(store.engine, store.folder, "household")
    time.sleep(CLOSED_SECONDS)
    assert send(phone, xml()) == 201


# --- pieces ---


def test_a_draft_in_pieces_is_whole_when_the_last_has_come(phone: TestClient, store: Store) -> None:
    for number, complete in ((1, False), (2, False), (3, True)):
        files = {
            "xml_submission_file": ("submission.xml", xml(), "text/xml"),
            f"photo{number}.jpg": (f"photo{number}.jpg", b"photo" * number, "image/jpeg"),
        }
        data = {} if complete else {"*isIncomplete*": "yes"}
        assert phone.post("/submission", files=files, data=data).status_code == 201
        assert [row["complete"] for row in rows(store)] == [complete]
    with store.engine.connect() as connection:
        kept = connection.execute(sa.select(ATTACHMENTS).order_by(ATTACHMENTS.c.name)).mappings().all()
    assert [one["name"] for one in kept] == ["photo1.jpg", "photo2.jpg", "photo3.jpg"]
    for number, one in enumerate(kept, 1):
        path = path_of(store.folder, "household", "uuid:1", one["name"], one["sha256"])
        assert path.read_bytes() == b"photo" * number


def test_another_photo_of_the_same_name_takes_nothing_away(phone: TestClient, store: Store) -> None:
    for content in (b"first", b"second", b"second"):
        assert send(phone, xml(), photo_jpg=content) == 201
    assert sorted(path.read_bytes() for path in (store.folder / "attachments").glob("??/*/*")) == [b"first", b"second"]


# --- from the list to the tables ---


def test_what_a_phone_sends_is_counted_once(phone: TestClient, store: Store, settings: Settings) -> None:
    definitions = define(settings.forms, settings.data / "cache" / "forms")
    listed = etree.fromstring(phone.get("/formList").content)
    entry = next(one for one in listed if one.findtext("{*}formID") == "household")
    version = entry.findtext("{*}version")
    form = phone.get(str(entry.findtext("{*}downloadUrl"))).content
    assert entry.findtext("{*}hash") == f"md5:{hashlib.md5(form).hexdigest()}"
    sent = demo_submissions(settings.data, str(version))
    assert len(sent) > 20
    for data in (*sent, *sent[:5]):
        assert send(phone, data) == 201
    assert sum(part.new + part.changed for receipt in fold(store, definitions) for part in receipt.parts) == len(sent)
    assert fold(store, definitions) == []
    stands = current(store, "household")
    interviews = {row["instance_id"] for row in rows(store)} - {row["replaces"] for row in rows(store)}
    assert set(stands["submission_id"]) == interviews
    assert {one["received_by"] for one in registry.uploads(store.engine)} == {"Team A"}
    assert verify(store).damage == ()


def demo_submissions(data: Path, version: str, most: int = 40) -> list[bytes]:
    """Submissions of a made-up round, as phones send them, the first versions before their edits."""
    made = make_round(data / "demo", households=100, seed=5)
    for path in made.files:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                found = [archive.read(name) for name in archive.namelist() if name.endswith(".xml")]
            if found:
                unlike = list(dict.fromkeys(found))[:most]
                return [one for one in unlike if b"household" in one and version.encode() in one]
    raise AssertionError("no submissions")


def test_a_lost_registry_learns_again_what_phones_sent(phone: TestClient, store: Store, settings: Settings) -> None:
    definitions = define(settings.forms, settings.data / "cache" / "forms")
    assert send(phone, xml(), photo_jpg=b"photo") == 201
    fold(store, definitions)
    assert send(phone, xml("uuid:2", edits="uuid:1")) == 201
    before = [(row["instance_id"], row["sha256"], row["received_by"], row["upload_id"]) for row in rows(store)]
    store.engine.dispose()
    for path in store.folder.glob("collect.db*"):
        path.unlink()
    again = open_mended(settings)
    assert [(row["instance_id"], row["sha256"], row["received_by"], row["upload_id"]) for row in rows(again)] == before
    assert not {"sent_gone", "attachment_gone"} & {one.kind for one in verify(again).damage}
    with again.engine.connect() as connection:
        assert connection.execute(sa.select(ATTACHMENTS.c.name)).scalars().all() == ["photo.jpg"]


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_a_record_torn_by_a_power_cut_hides_nothing_before_it(phone: TestClient, store: Store, cut: int) -> None:
    assert send(phone, xml()) == send(phone, xml("uuid:2")) == 201
    (segment,) = segments(store.folder)
    path = store.folder / FOLDER / segment
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    found = [record.facts["instance_id"] for record in records(store.folder, segment)]
    assert found == (["uuid:1", "uuid:2"] if cut == 1 else ["uuid:1"])


def test_an_altered_journal_and_a_lost_photo_are_found(phone: TestClient, store: Store) -> None:
    assert send(phone, xml(note="answer"), photo_jpg=b"photo") == 201
    (segment,) = segments(store.folder)
    path = store.folder / FOLDER / segment
    path.write_bytes(path.read_bytes().replace(b"answer", b"others"))
    next((store.folder / "attachments").glob("??/*/*")).unlink()
    assert {one.kind for one in verify(store).damage} == {"sent_gone", "attachment_gone"}


def test_the_journal_ends_once_all_it_held_lies_in_uploads(phone: TestClient, store: Store, settings: Settings) -> None:
    assert send(phone, xml()) == 201
    definitions = define(settings.forms, settings.data / "cache" / "forms")
    fold(store, definitions)
    (segment,) = segments(store.folder)
    assert not discard(store.folder, segment), "the door still writes to it"


@pytest.mark.parametrize(("complete", "taken"), [(True, 1), (False, 0)])
def test_a_draft_waits_for_its_pieces_before_it_is_counted(
    phone: TestClient, store: Store, settings: Settings, complete: bool, taken: int
) -> None:
    files = {"xml_submission_file": ("submission.xml", xml(), "text/xml")}
    phone.post("/submission", files=files, data={} if complete else {"*isIncomplete*": "yes"})
    assert len(fold(store, define(settings.forms, settings.data / "cache" / "forms"))) == taken


def test_many_send_at_once_and_each_is_kept_once(phone: TestClient, store: Store) -> None:
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda number: send(phone, xml(f"uuid:{number % 40}")), range(80)))
    assert answers == [201] * 80
    assert len(rows(store)) == 40


def test_a_disk_that_refuses_is_told_and_nothing_counts(
    phone: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("collect.keeping.journal.os.fsync", refuse)
        assert send(phone, xml()) == 503
    assert rows(store) == []
    assert send(phone, xml()) == 201


def refuse(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")


FROM_FILE = """
| survey |
| | type | name | label |
| | select_one_from_file communes.csv | commune | Xã |
| | select_one_from_file hamlets.csv | hamlet | Ấp |
| settings |
| | form_id | version | form_title |
| | lists | 1 | Lists |
"""


def test_a_form_reads_communes_and_hamlets_from_lists_made_here(tmp_path: Path) -> None:
    (tmp_path / "forms" / "lists").mkdir(parents=True)
    (tmp_path / "forms" / "targets.csv").write_bytes((shipped_forms() / "targets.csv").read_bytes())
    (tmp_path / "forms" / "lists" / "form.md").write_text(FROM_FILE, encoding="utf-8")
    settings = settings_from({"COLLECT_DATA": str(tmp_path / "data"), "COLLECT_FORMS": str(tmp_path / "forms")})
    store = open_store(settings)
    token = people.add(store.engine, store.folder, "lan", people.Wanted()).token
    with TestClient(Starlette(routes=openrosa.routes(settings)), headers=HEADERS) as client:
        listed = etree.fromstring(client.get(f"/key/{token}/formList").content)
        address = listed.findtext("{*}xform/{*}manifestUrl")
        found = etree.fromstring(client.get(str(address)).content)
        assert [one.findtext("{*}filename") for one in found] == ["communes.csv", "hamlets.csv"]
        for one in found:
            data = client.get(str(one.findtext("{*}downloadUrl"))).content
            assert one.findtext("{*}hash") == f"md5:{hashlib.md5(data).hexdigest()}"
        communes = client.get(str(found[0].findtext("{*}downloadUrl"))).text.splitlines()
        assert communes[0].startswith("name,label")
        assert len(communes) == 1 + list_units().height
        assert client.get(str(address).replace("manifest", "media/other.csv")).status_code == 404


def test_what_the_running_app_acknowledged_outlives_it(settings: Settings, store: Store) -> None:
    token = people.add(store.engine, store.folder, "lan", people.Wanted()).token
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    program = f"from collect.cli import main; main(['app', '--port', '{port}'])"
    server = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "COLLECT_DATA": str(settings.data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}/key/{token}/submission"
    try:
        for _ in range(240):
            with contextlib.suppress(httpx.TransportError):
                if httpx.head(address, headers=HEADERS).status_code == 204:
                    break
            time.sleep(0.25)
        files = {"xml_submission_file": ("submission.xml", xml(), "text/xml")}
        assert httpx.post(address, headers=HEADERS, files=files, timeout=30).status_code == 201
    finally:
        server.kill()
        said, _ = server.communicate()
    assert [row["instance_id"] for row in rows(store)] == ["uuid:1"]
    assert bytes_of(store.folder, rows(store)[0]) == xml()
    assert token not in said.decode()


def test_an_edit_of_what_came_in_a_file_is_taken(
    phone: TestClient, store: Store, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "one.xml").write_bytes(xml("uuid:filed"))
    add_file(store, tmp_path / "one.xml", define(settings.forms, settings.data / "cache" / "forms"))
    assert send(phone, xml("uuid:2", edits="uuid:filed")) == 201
