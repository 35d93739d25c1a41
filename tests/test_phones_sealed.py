"""Encrypted submissions that phones send: kept, counted as waiting for the key, interviews once the office has it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import rsa
from sealed_phone import PLAIN, Phone, pem
from starlette.testclient import TestClient

from collect import registry
from collect.cli import main
from collect.i18n import LANGUAGES
from collect.journey import Definitions
from collect.keeping.mending import open_mended
from collect.keeping.sent import counts
from collect.keeping.verify import verify
from collect.openrosa.fold import fold
from collect.review.identity import current
from collect.settings import Settings
from collect.store import Store


def send(phone: TestClient, files: dict[str, bytes], incomplete: bool = False) -> int:
    """One request: the envelope and whatever else of ``files``."""
    parts = {name: (name, data, "application/octet-stream") for name, data in files.items() if name != "submission.xml"}
    parts["xml_submission_file"] = ("submission.xml", files["submission.xml"], "text/xml")
    data = {"*isIncomplete*": "yes"} if incomplete else {}
    return int(phone.post("/submission", files=parts, data=data).status_code)


def collect(store: Store, *arguments: str, lang: str = "en") -> Result:
    environment = {"COLLECT_DATA": str(store.folder), "COLLECT_DATABASE": "", "COLLECT_GEO_MIRROR": ""}
    return CliRunner().invoke(main, ["--lang", lang, *arguments], env=environment)


def standing(store: Store) -> tuple[int, int, int]:
    """In tables, waiting for the key, everything."""
    found = counts(store)
    return found.in_tables, found.sealed, found.all


def test_what_is_encrypted_waits_for_the_key_and_then_counts_once(
    phone: TestClient, store: Store, definitions: Definitions, keys: tuple[rsa.RSAPrivateKey, ...], tmp_path: Path
) -> None:
    for number in (1, 2):
        assert send(phone, Phone(keys[0]).envelope(number, {"a.jpg": b"photo"})) == 201
    assert send(phone, Phone(keys[1]).envelope(3)) == 201
    assert send(phone, {"submission.xml": PLAIN.format(name="uuid:9").encode()}) == 201
    fold(store, definitions)
    assert standing(store) == (1, 3, 4)
    assert set(current(store, "household")["submission_id"]) == {"uuid:9"}
    key = str(pem(keys[0], tmp_path / "key.pem"))
    for _ in range(2):
        done = collect(store, "phones", "--key", key)
        assert (done.exit_code, "another key" in done.output) == (0, True), done.output
        assert standing(store) == (3, 1, 4)
        assert set(current(store, "household")["submission_id"]) == {"uuid:0001", "uuid:0002", "uuid:9"}
    assert verify(store).damage == ()


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_how_many_wait_is_said_until_they_are_opened(
    phone: TestClient, store: Store, keys: tuple[rsa.RSAPrivateKey, ...], lang: str
) -> None:
    send(phone, Phone(keys[0]).envelope(1))
    assert "collect phones --key" in collect(store, "phones", lang=lang).output
    assert json.loads(collect(store, "phones", "--json").output)["sealed"] == 1


PIECES = """
first the envelope alone, then the rest      | envelope | rest     | 1
the envelope, and the answers never          | envelope | -        | 0
everything but the photo, still to come      | answers  | -        | 0
everything but the photo, which is given up  | answers! | -        | 1
"""


@pytest.mark.parametrize("case", [line.split("|") for line in PIECES.strip().splitlines()], ids=lambda case: case[0])
def test_an_encrypted_draft_in_pieces_is_opened_once_its_answers_are_there(
    phone: TestClient, store: Store, keys: tuple[rsa.RSAPrivateKey, ...], tmp_path: Path, case: list[str]
) -> None:
    first, second, taken = (cell.strip() for cell in case[1:])
    files = Phone(keys[0]).envelope(1, {"a.jpg": b"photo"})
    answers = {name: data for name, data in files.items() if name != "a.jpg.enc"}
    sent = {"envelope": {"submission.xml": files["submission.xml"]}, "answers": answers}[first.strip("!")]
    assert send(phone, sent, incomplete=not first.endswith("!")) == 201
    if second == "rest":
        assert send(phone, files) == 201
    collect(store, "phones", "--key", str(pem(keys[0], tmp_path / "key.pem")))
    assert standing(store) == (int(taken), 1 - int(taken), 1)


def test_a_lost_registry_knows_again_what_waits_and_a_rebuild_opens_what_was_open(
    phone: TestClient, store: Store, settings: Settings, keys: tuple[rsa.RSAPrivateKey, ...], tmp_path: Path
) -> None:
    key = str(pem(keys[0], tmp_path / "key.pem"))
    send(phone, Phone(keys[0]).envelope(1, {"a.jpg": b"photo"}))
    collect(store, "phones", "--key", key)
    send(phone, Phone(keys[0]).envelope(2))
    store.engine.dispose()
    for path in store.folder.glob("collect.db*"):
        path.unlink()
    again = open_mended(settings)
    assert standing(again) == (1, 1, 2)
    assert "IN-35" in collect(store, "rebuild", "--json").output, "what was opened stays closed without the key"
    assert collect(store, "rebuild", "--key", key).exit_code == 0
    assert standing(again) == (2, 0, 2)
    assert set(current(again, "household")["submission_id"]) == {"uuid:0001", "uuid:0002"}


def test_a_photo_lies_in_one_place_and_still_confirms_the_signature(
    phone: TestClient, store: Store, keys: tuple[rsa.RSAPrivateKey, ...], tmp_path: Path
) -> None:
    key, photos = str(pem(keys[0], tmp_path / "key.pem")), {"a.jpg": b"photo a" * 99, "b.jpg": b"photo b" * 99}
    whole, late = (Phone(keys[0]).envelope(number, photos) for number in (1, 2))
    send(phone, whole)
    send(phone, {name: data for name, data in late.items() if name != "b.jpg.enc"})
    collect(store, "phones", "--key", key)
    files = [path.read_bytes() for path in store.folder.rglob("*") if path.is_file()]
    assert [sum(whole[f"{name}.enc"] in data for data in files) for name in photos] == [1, 1]
    before = unconfirmed(store)
    assert before == ["uuid:0002"], "a photo never came: nobody can say what was signed"
    assert collect(store, "rebuild", "--key", key).exit_code == 0
    assert unconfirmed(store) == before


def unconfirmed(store: Store) -> list[str]:
    """Submissions with FIL-20: their signature does not bear them out."""
    parts = [part["upload_id"] for part in registry.parts_of(store.engine)]
    issues = pl.concat([store.read_part("household", "issues", upload) for upload in parts])
    files = issues.filter(code="FIL-20")["found_in"].to_list()
    answers = pl.concat([store.read_part("household", "answers", upload) for upload in parts])
    return answers.filter(pl.col("found_in").is_in(files))["submission_id"].to_list()


def test_a_key_is_never_used_from_inside_the_data_folder_nor_kept_there(
    phone: TestClient, store: Store, keys: tuple[rsa.RSAPrivateKey, ...], tmp_path: Path
) -> None:
    send(phone, Phone(keys[0]).envelope(1))
    inside, outside = pem(keys[0], store.folder / "key.pem"), pem(keys[0], tmp_path / "key.pem")
    assert "IN-36" in collect(store, "phones", "--key", str(inside)).output
    inside.unlink()
    assert collect(store, "phones", "--key", str(outside)).exit_code == 0
    secret = outside.read_bytes().splitlines()[1]
    assert not [path for path in store.folder.rglob("*") if path.is_file() and secret in path.read_bytes()]
