"""What phones sent is kept from the moment it is acknowledged until it lies in tables, and counted once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from lxml import etree
from phones import HEADERS, rows, send, xml
from starlette.testclient import TestClient

from collect import registry
from collect.demo import make_round
from collect.journey import Definitions
from collect.keeping.journal import FOLDER, bytes_of, discard, records, segments
from collect.keeping.mending import open_mended
from collect.keeping.verify import verify
from collect.openrosa import people
from collect.openrosa.fold import fold
from collect.problems import StoreError
from collect.registry import ATTACHMENTS
from collect.review.identity import current
from collect.settings import Settings
from collect.store import Store


def test_what_a_phone_sends_is_counted_once(phone: TestClient, store: Store, definitions: Definitions) -> None:
    listed = etree.fromstring(phone.get("/formList").content)
    entry = next(one for one in listed if one.findtext("{*}formID") == "household")
    version = entry.findtext("{*}version")
    form = phone.get(str(entry.findtext("{*}downloadUrl"))).content
    assert entry.findtext("{*}hash") == f"md5:{hashlib.md5(form).hexdigest()}"
    sent = demo_submissions(store.folder, str(version))
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


def test_a_lost_registry_learns_again_what_phones_sent(
    phone: TestClient, store: Store, definitions: Definitions
) -> None:
    assert send(phone, xml(), photo_jpg=b"photo") == 201
    fold(store, definitions)
    assert send(phone, xml("uuid:2", edits="uuid:1")) == 201
    before = [(row["instance_id"], row["sha256"], row["received_by"], row["upload_id"]) for row in rows(store)]
    store.engine.dispose()
    for path in store.folder.glob("collect.db*"):
        path.unlink()
    again = open_mended(store.settings)
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


def test_the_journal_ends_once_all_it_held_lies_in_uploads(
    phone: TestClient, store: Store, definitions: Definitions
) -> None:
    assert send(phone, xml()) == 201
    fold(store, definitions)
    (segment,) = segments(store.folder)
    assert not discard(store.folder, segment), "the door still writes to it"


@pytest.mark.parametrize(("complete", "taken"), [(True, 1), (False, 0)])
def test_a_draft_waits_for_its_pieces_before_it_is_counted(
    phone: TestClient, store: Store, definitions: Definitions, complete: bool, taken: int
) -> None:
    files = {"xml_submission_file": ("submission.xml", xml(), "text/xml")}
    phone.post("/submission", files=files, data={} if complete else {"*isIncomplete*": "yes"})
    assert len(fold(store, definitions)) == taken


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


def test_a_disk_that_refuses_a_photo_is_told_and_nothing_counts(
    phone: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("collect.keeping.attachments.os.fsync", refuse)
        assert send(phone, xml(), photo_jpg=b"photo") == 503
    assert rows(store) == []
    assert send(phone, xml(), photo_jpg=b"photo") == 201


def refuse(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")


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


def test_a_disk_that_takes_no_table_is_said_in_words_and_what_was_sent_waits_on(
    phone: TestClient, store: Store, definitions: Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert send(phone, xml()) == 201
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", lambda *_: refuse(0))
        with pytest.raises(StoreError) as error:
            fold(store, definitions)
    assert error.value.code == "STO-03"
    assert len(fold(store, definitions)) == 1
