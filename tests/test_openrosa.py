"""Phones send: every request a table row with the answer ODK Central would give."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from check_tables import rows_of
from lxml import etree
from phones import HEADERS, rows, send, xml
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collect import openrosa
from collect.define.lint import lint_file
from collect.define.lists import MADE_HERE
from collect.i18n import LANGUAGES, t
from collect.intake import add_file
from collect.journey import Definitions
from collect.keeping.attachments import path_of
from collect.keeping.journal import bytes_of
from collect.openrosa import people
from collect.openrosa.desk import CLOSED_SECONDS, close_form, open_form
from collect.openrosa.fold import fold
from collect.openrosa.media import MADE
from collect.places import list_units
from collect.problems import StoreError
from collect.registry import ATTACHMENTS
from collect.review.reviews import decide
from collect.review.standing import standing
from collect.settings import Settings, settings_from, shipped_forms
from collect.store import Store, open_store


@pytest.fixture
def settings(data: Path) -> Settings:
    return settings_from({"COLLECT_DATA": str(data), "COLLECT_LIMIT_SUBMISSION_MEGABYTES": "1"})


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


def test_an_edit_of_what_came_in_a_file_is_taken(
    phone: TestClient, store: Store, definitions: Definitions, tmp_path: Path
) -> None:
    (tmp_path / "one.xml").write_bytes(xml("uuid:filed"))
    add_file(store, tmp_path / "one.xml", definitions)
    assert send(phone, xml("uuid:2", edits="uuid:filed")) == 201


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
    phone: TestClient, store: Store, definitions: Definitions, row: dict[str, str | None]
) -> None:
    for one in str(row["before"]).split(";"):
        assert send(phone, in_words(one)) == 201
    fold(store, definitions)
    name, _, taken_back = str(row["deleted"]).partition(",")
    decide(store, [f"uuid:{name}"], "deleted", "made up at the desk", "Lan")
    if taken_back:
        decide(store, [f"uuid:{name}"], "received", "", "Lan")
    before = len(rows(store))
    answer = send(phone, in_words(str(row["then sent"])))
    assert answer == int(str(row["answer"]))
    if answer == 409:
        fold(store, definitions)
        assert len(rows(store)) == before
        stands = standing(store, "household").filter(decision="deleted")
        assert stands["submission_id"].to_list() == [f"uuid:{name}"]


def in_words(said: str) -> bytes:
    """A submission: "a", "a, other content", or "b, an edit of a"."""
    name, _, more = said.strip().partition(", ")
    edits = f"uuid:{more[-1]}" if more.startswith("an edit") else ""
    return xml(f"uuid:{name}", edits=edits, note=more)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_answer_is_in_the_phones_language(phone: TestClient, lang: str) -> None:
    answer = phone.head("/submission"), phone.post("/submission", headers={"Accept-Language": lang})
    assert answer[1].status_code == 400
    root = etree.fromstring(answer[1].content)
    assert root.tag == "{http://openrosa.org/http/response}OpenRosaResponse"
    assert root.findtext("{*}message") == f"{t('ODK-02.found', lang)} {t('ODK-02.mend', lang)}"


@pytest.mark.parametrize(("more", "words"), [("yes", "odk.received_part"), ("", "odk.received")])
def test_a_phone_is_told_whether_more_is_awaited(phone: TestClient, more: str, words: str) -> None:
    answer = phone.post("/submission", files={"xml_submission_file": xml()}, data={"*isIncomplete*": more})
    assert etree.fromstring(answer.content).findtext("{*}message") == t(words, "en")


def test_what_ails_the_server_is_not_told_to_phones(phone: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("STO-03", folder="/srv/survey", reason="No space left on device")

    monkeypatch.setattr("collect.keeping.attachments.keep", refuse)
    answer = phone.post("/submission", files={"xml_submission_file": xml()})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert etree.fromstring(answer.content).findtext("{*}message") == t("odk.later", "en", code="STO-03")


def test_a_closed_form_is_neither_listed_nor_taken(phone: TestClient, store: Store) -> None:
    close_form(store.engine, store.folder, "household")
    assert send(phone, xml()) == 409
    assert "household" not in phone.get("/formList").text
    open_form(store.engine, store.folder, "household")
    time.sleep(CLOSED_SECONDS)
    assert send(phone, xml()) == 201


def test_a_closed_form_takes_again_what_it_took_and_the_photos_that_belong_to_it(
    phone: TestClient, store: Store
) -> None:
    assert send(phone, xml()) == 201
    close_form(store.engine, store.folder, "household")
    time.sleep(CLOSED_SECONDS)
    assert send(phone, xml()) == 201
    assert send(phone, xml(), photo_jpg=b"photo") == 201
    assert send(phone, xml("uuid:2")) == 409
    assert send(phone, xml("uuid:3", edits="uuid:1")) == 409
    assert send(phone, xml(note="other bytes")) == 409
    assert [row["instance_id"] for row in rows(store)] == ["uuid:1"]
    with store.engine.connect() as connection:
        assert connection.execute(sa.select(ATTACHMENTS.c.name)).scalars().all() == ["photo.jpg"]


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


FROM_FILE = """
| survey |
| | type | name | label |
| | select_one_from_file communes.csv | commune | Xã |
| | select_one_from_file hamlets.csv | hamlet | Ấp |
| settings |
| | form_id | version | form_title |
| | lists | 1 | Lists |
"""


def test_nobody_is_told_to_put_a_list_beside_the_form_that_phones_get_from_here(tmp_path: Path) -> None:
    assert sorted(MADE) == sorted(MADE_HERE)
    source = tmp_path / "form.md"
    for name in (*MADE_HERE, "markets.csv"):
        source.write_text(FROM_FILE.replace("hamlets.csv", name), encoding="utf-8")
        assert ("DEF-12" in {finding.code for finding in lint_file(source)}) == (name == "markets.csv")


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
