"""Who sends: by token, by password, by Digest; who guesses must wait, and who is revoked is shut out."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator

import httpx
import pytest
from phones import at_the_door, send, xml
from starlette.testclient import TestClient

from collect.openrosa import people
from collect.openrosa.attempts import Attempts
from collect.openrosa.credentials import LATELY_SECONDS
from collect.settings import Settings
from collect.store import Store


@pytest.fixture
def named(settings: Settings) -> Iterator[TestClient]:
    """A phone at the common address, to log in with a name."""
    with at_the_door(settings) as client:
        yield client


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
