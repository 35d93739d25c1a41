"""Interviewers' accounts from the command line: made, listed, changed, drawn as a square, revoked; and never lost."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import zxingcpp
from click.testing import CliRunner, Result
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collect import openrosa
from collect.cli import main
from collect.i18n import LANGUAGES
from collect.keeping.accounts import COPY
from collect.openrosa import desk
from collect.publish.qr import read_back
from collect.settings import settings_from
from collect.store import open_store

SERVER = "https://phu.example.org"


@pytest.fixture
def data(tmp_path: Path, compiled: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cache").symlink_to(compiled)
    return tmp_path / "data"


@pytest.fixture
def phone(data: Path) -> Iterator[TestClient]:
    """A phone that has been told nothing yet."""
    app = Starlette(routes=openrosa.routes(settings_from({"COLLECT_DATA": str(data)})))
    with TestClient(app, base_url="http://127.0.0.1:8501", headers={"X-OpenRosa-Version": "1.0"}) as client:
        yield client


def collect(data: Path, *arguments: str, lang: str = "en") -> Result:
    environment = {"COLLECT_DATA": str(data), "COLLECT_DATABASE": "", "COLLECT_GEO_MIRROR": ""}
    return CliRunner().invoke(main, ["--lang", lang, *arguments], env=environment)


def people(data: Path, *arguments: str) -> Any:
    done = collect(data, "people", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def forms_at(phone: TestClient, address: str) -> int:
    return int(phone.get(f"{urlsplit(address).path}/formList").status_code)


def square(data: Path, file: Path, *arguments: str, lang: str = "en") -> dict[str, Any]:
    """What a phone's camera reads from the picture that was drawn."""
    done = collect(data, "people", "qr", "lan", "--to", str(file), "--server", SERVER, *arguments, lang=lang)
    assert done.exit_code == 0, done.output
    (seen,) = zxingcpp.read_barcodes(Image.open(file))
    return read_back(seen.text)


def test_who_is_added_gets_an_address_that_opens_and_is_shown_once(data: Path, phone: TestClient) -> None:
    made = people(data, "add", "lan", "--team", "Team A", "--form", "household", "--password", "--server", SERVER)
    assert made["address"].startswith(f"{SERVER}/key/")
    assert forms_at(phone, made["address"]) == 200
    assert phone.get("/formList", auth=("lan", made["password"])).status_code == 200
    (one,) = people(data, "list")
    assert (one["person"], one["team"], one["forms"]) == ("lan", "Team A", ["household"])
    assert (one["password"], one["digest"], one["revoked_at"]) == (True, False, None)
    listed = collect(data, "people", "list").output
    assert made["password"] not in listed
    assert made["address"].rsplit("/", 1)[1] not in listed


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", "Lan Anh"), "ODK-20"),
        (("add", "lan"), "ODK-21"),
        (("add", "minh", "--form", "nothing"), "USE-01"),
        (("revoke", "minh"), "ODK-22"),
        (("password", "minh"), "ODK-22"),
        (("qr", "minh", "--to", "x.png"), "ODK-22"),
        (("close-form", "nothing"), "USE-01"),
    ],
)
def test_what_cannot_be_is_said_in_words(data: Path, arguments: tuple[str, ...], code: str) -> None:
    people(data, "add", "lan")
    answers = [collect(data, "people", *arguments, lang=lang) for lang in LANGUAGES]
    assert [done.exit_code for done in answers] != [0, 0, 0]
    assert all(done.output.startswith(code) for done in answers)
    assert len({done.output for done in answers}) == len(LANGUAGES)


def test_a_new_password_shuts_the_old_one_out(data: Path, phone: TestClient) -> None:
    old = people(data, "add", "lan", "--password")["password"]
    new = people(data, "password", "lan")["password"]
    assert [phone.get("/formList", auth=("lan", one)).status_code for one in (old, new)] == [401, 200]


def test_who_is_revoked_is_shut_out_and_can_be_added_anew(data: Path, phone: TestClient) -> None:
    first = people(data, "add", "lan")["address"]
    assert collect(data, "people", "revoke", "lan").exit_code == 0
    assert forms_at(phone, first) == 401
    assert people(data, "list")[0]["revoked_at"]
    second = people(data, "add", "lan")["address"]
    assert [forms_at(phone, one) for one in (first, second)] == [401, 200]


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_the_square_sets_up_a_phone_with_a_new_address(
    data: Path, phone: TestClient, tmp_path: Path, lang: str
) -> None:
    first = people(data, "add", "lan")["address"]
    told = square(data, tmp_path / "lan.png", "--project", "Khảo sát", lang=lang)
    assert set(told) == {"general", "admin", "project"}
    assert told["project"]["name"] == "Khảo sát"
    assert told["general"]["app_language"] == lang
    assert told["general"]["server_url"].startswith(f"{SERVER}/key/")
    assert "password" not in told["general"]
    assert [forms_at(phone, one) for one in (first, told["general"]["server_url"])] == [401, 200]
    assert os.name != "posix" or stat.S_IMODE((tmp_path / "lan.png").stat().st_mode) == 0o600


def test_the_square_of_who_logs_in_by_name_holds_no_secret(data: Path, phone: TestClient, tmp_path: Path) -> None:
    made = people(data, "add", "lan", "--password")
    told = square(data, tmp_path / "lan.png", "--with-password")
    assert (told["general"]["server_url"], told["general"]["username"]) == (SERVER, "lan")
    assert forms_at(phone, made["address"]) == 200, "the address they had goes on working"


def test_a_closed_form_is_not_listed_until_it_is_opened_again(
    data: Path, phone: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = urlsplit(people(data, "add", "lan")["address"]).path
    for command, listed in (("close-form", False), ("open-form", True)):
        assert collect(data, "people", command, "household").exit_code == 0
        assert ("household" in phone.get(f"{address}/formList").text) is listed


# --- never lost ---


def lose_the_registry(data: Path) -> None:
    for path in data.glob("collect.db*"):
        path.unlink()
    assert collect(data, "rebuild").exit_code == 0


def test_accounts_and_closed_forms_outlive_a_lost_registry(data: Path, tmp_path: Path) -> None:
    kept = people(data, "add", "lan", "--team", "Team A", "--form", "commune", "--digest")
    gone = people(data, "add", "minh")
    people(data, "add", "hoa")
    new = square(data, tmp_path / "lan.png")["general"]["server_url"]
    collect(data, "people", "revoke", "minh")
    collect(data, "people", "close-form", "household")
    before = people(data, "list")
    lose_the_registry(data)
    assert people(data, "list") == before
    assert desk.closed_forms(open_store(settings_from({"COLLECT_DATA": str(data)})).engine) == {"household"}
    app = Starlette(routes=openrosa.routes(settings_from({"COLLECT_DATA": str(data)})))
    with TestClient(app, base_url="http://127.0.0.1:8501", headers={"X-OpenRosa-Version": "1.0"}) as phone:
        answers = [forms_at(phone, address) for address in (new, kept["address"], gone["address"])]
        assert answers == [200, 401, 401], "the newest address opens; the one before it and who was revoked stay out"
        assert phone.get("/formList", auth=("lan", kept["password"])).status_code == 200


def test_the_copy_holds_no_secret_and_only_its_owner_reads_it(data: Path) -> None:
    made = people(data, "add", "lan", "--digest")
    copy = data / COPY
    for secret in (made["password"], made["address"].rsplit("/", 1)[1]):
        assert secret not in copy.read_text(encoding="utf-8")
    assert os.name != "posix" or stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_a_revoked_account_never_comes_back_from_a_copy_that_could_not_be_written(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(data, "add", "lan")
    with monkeypatch.context() as patch:
        patch.setattr("collect.store.os.fsync", refuse)
        done = collect(data, "people", "revoke", "lan")
    assert (done.exit_code, "STO-03" in done.output) == (13, True)
    assert people(data, "list")[0]["revoked_at"] is None, "nothing was done, and that was said"


def refuse(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_a_damaged_copy_is_said_and_not_taken_for_nobody(data: Path, lang: str) -> None:
    people(data, "add", "lan")
    (data / COPY).write_text('{"people": [{"person"')
    for path in data.glob("collect.db*"):
        path.unlink()
    done = collect(data, "rebuild", lang=lang)
    assert (done.exit_code, "STO-22" in done.output) == (13, True)
