"""Phones send: every request a table row with the answer ODK Central would give, and each submission counted once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collect import openrosa
from collect.keeping.journal import bytes_of
from collect.openrosa import people
from collect.registry import SENT
from collect.settings import Settings, settings_from
from collect.store import Store, open_store

VERSION = "2026092801"
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
