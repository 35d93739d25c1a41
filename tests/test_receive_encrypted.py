"""Encrypted submissions open with the project's key, say when they were altered, and the key is kept nowhere."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.padding import PKCS7

from collect import registry
from collect.cli import main
from collect.i18n import LANGUAGES
from collect.settings import settings_from
from collect.store import open_store

pytestmark = pytest.mark.usefixtures("data")
SECRET = "a phrase that nobody writes down"
PLAIN = (
    '<data id="household" version="2026092801"><consent>no</consent><meta><instanceID>{name}</instanceID></meta></data>'
)


@dataclass
class Phone:
    """Encrypts as the specification asks phones to; ``mask`` is what clients differ in."""

    key: rsa.RSAPrivateKey
    mask: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)

    def for_key(self, data: bytes) -> str:
        padding = OAEP(MGF1(self.mask), hashes.SHA256(), None)
        return base64.b64encode(self.key.public_key().encrypt(data, padding)).decode()

    def envelope(self, number: int, photos: dict[str, bytes] | None = None) -> dict[str, bytes]:
        """The files of one submission: the envelope, the photos, the submission."""
        name, secret = f"uuid:{number:04d}", hashlib.sha256(str(number).encode()).digest()
        seed = bytearray(hashlib.md5(name.encode() + secret).digest())
        plain = PLAIN.format(name=name).encode()
        files, signed = {}, []
        for place, (file, data) in enumerate([*(photos or {}).items(), ("submission.xml", plain)]):
            seed[place % 16] = (seed[place % 16] + 1) % 256
            pad = PKCS7(128).padder()
            cipher = Cipher(AES(secret), CFB(bytes(seed))).encryptor()
            files[f"{file}.enc"] = cipher.update(pad.update(data) + pad.finalize()) + cipher.finalize()
            signed.append(f"{file}::{hashlib.md5(data).hexdigest()}")
        wrapped = self.for_key(secret)
        lines = "".join(f"{line}\n" for line in ("household", "2026092801", wrapped, name, *signed))
        media = "".join(f"<media><file>{file}.enc</file></media>" for file in photos or {})
        files["submission.xml"] = (
            '<data id="household" version="2026092801" encrypted="yes" xmlns="http://opendatakit.org/submissions">'
            f"<base64EncryptedKey>{wrapped}</base64EncryptedKey>"
            f'<orx:meta xmlns:orx="http://openrosa.org/xforms"><orx:instanceID>{name}</orx:instanceID></orx:meta>'
            f"{media}<encryptedXmlFile>submission.xml.enc</encryptedXmlFile><base64EncryptedElementSignature>"
            f"{self.for_key(hashlib.md5(lines.encode()).digest())}</base64EncryptedElementSignature></data>"
        ).encode()
        return files


def pem(key: rsa.RSAPrivateKey, path: Path, passphrase: str = "") -> Path:
    lock = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock))
    return path


def zipped(path: Path, submissions: dict[str, dict[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for folder, files in submissions.items():
            for name, data in files.items():
                archive.writestr(f"{folder}/{name}", data)
    return path


def collect(folder: Path, *arguments: str, lang: str = "en", **more: str) -> Result:
    environment = {"COLLECT_DATA": str(folder / "data"), "COLLECT_DATABASE": "", "COLLECT_GEO_MIRROR": "", **more}
    return CliRunner().invoke(main, ["--lang", lang, *arguments], env=environment)


def received(folder: Path) -> tuple[pl.DataFrame, list[str]]:
    store = open_store(settings_from({"COLLECT_DATA": str(folder / "data")}))
    uploads = [part["upload_id"] for part in registry.parts_of(store.engine)]
    answers = pl.concat([store.read_part("household", "answers", one) for one in uploads])
    issues = pl.concat([store.read_part("household", "issues", one) for one in uploads])
    return answers, issues["code"].to_list()


@pytest.mark.parametrize("mask", [hashes.SHA256(), hashes.SHA1()], ids=["sha-256", "sha-1"])
def test_the_projects_key_opens_every_submission(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...], mask: hashes.HashAlgorithm
) -> None:
    phone = Phone(keys[0], mask)
    photos = {f"{number}.jpg": bytes([number]) * 1000 for number in range(17)}  # more than the seed has bytes
    file = zipped(tmp_path / "e.zip", {"one": phone.envelope(1), "two": phone.envelope(2, photos)})
    done = collect(tmp_path, "add", str(file), "--key", str(pem(keys[0], tmp_path / "k.pem")), "--json")
    assert done.exit_code == 0, done.output
    answers, codes = received(tmp_path)
    assert answers["submission_id"].to_list() == ["uuid:0001", "uuid:0002"]
    assert answers["/data/consent"].to_list() == ["no", "no"]
    assert not {"FIL-03", "FIL-20"} & {*codes}


def test_what_was_altered_or_lacks_a_photo_is_read_and_said(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    phone = Phone(keys[0])
    altered, lacking, whole = (phone.envelope(number, {"a.jpg": b"photo"}) for number in (1, 2, 3))
    altered["a.jpg.enc"] = phone.envelope(1, {"a.jpg": b"other"})["a.jpg.enc"]
    del lacking["a.jpg.enc"]
    file = zipped(tmp_path / "e.zip", {"a": altered, "b": lacking, "c": whole})
    collect(tmp_path, "add", str(file), "--key", str(pem(keys[0], tmp_path / "k.pem")))
    answers, codes = received(tmp_path)
    assert answers.height == 3
    assert codes.count("FIL-20") == 2


def test_one_for_another_key_is_an_issue_and_the_rest_goes_on(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    clear = {"submission.xml": PLAIN.format(name="uuid:0009").encode()}
    submissions = {"a": Phone(keys[0]).envelope(1), "b": Phone(keys[1]).envelope(2), "c": clear}
    file = zipped(tmp_path / "e.zip", submissions)
    collect(tmp_path, "add", str(file), "--key", str(pem(keys[0], tmp_path / "k.pem")))
    answers, codes = received(tmp_path)
    assert answers["submission_id"].to_list() == ["uuid:0001", "uuid:0009"]
    assert codes.count("FIL-03") == 1


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_without_the_key_or_with_another_nothing_is_stored_and_the_words_say_why(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...], lang: str
) -> None:
    file = str(zipped(tmp_path / "e.zip", {"one": Phone(keys[0]).envelope(1)}))
    other, none = pem(keys[1], tmp_path / "other.pem"), tmp_path / "none.pem"
    none.write_text("not a key")
    asked = {"IN-16": (), "IN-32": ("--key", str(other)), "IN-34": ("--key", str(none))}
    for code, more in asked.items():
        done = collect(tmp_path, "add", file, *more, "--json", lang=lang)
        assert done.exit_code == 11
        assert f'"code": "{code}"' in done.output


def test_a_passphrase_comes_from_the_environment_or_is_asked_for(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    file = str(zipped(tmp_path / "e.zip", {"one": Phone(keys[0]).envelope(1)}))
    locked = str(pem(keys[0], tmp_path / "k.pem", SECRET))
    wrong = collect(tmp_path, "add", file, "--key", locked, "--json", COLLECT_KEY_PASSPHRASE="no")
    assert json.loads(wrong.output)["code"] == "IN-33"
    assert collect(tmp_path, "add", file, "--key", locked, COLLECT_KEY_PASSPHRASE=SECRET).exit_code == 0
    assert received(tmp_path)[0].height == 1


def test_neither_key_nor_passphrase_is_kept_and_a_rebuild_asks_for_the_key_again(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    file = str(zipped(tmp_path / "e.zip", {"one": Phone(keys[0]).envelope(1)}))
    locked = pem(keys[0], tmp_path / "k.pem", SECRET)
    collect(tmp_path, "add", file, "--key", str(locked), COLLECT_KEY_PASSPHRASE=SECRET)
    before = received(tmp_path)[0]
    bare = pem(keys[0], tmp_path / "bare.pem").read_bytes().splitlines()[1]
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file() and "cache" not in path.parts:
            data = path.read_bytes()
            assert SECRET.encode() not in data
            assert bare not in data
    done = collect(tmp_path, "rebuild", "--json")
    assert json.loads(done.output)["code"] == "IN-35"
    assert received(tmp_path)[0].equals(before)
    done = collect(tmp_path, "rebuild", "--key", str(locked), "--json", COLLECT_KEY_PASSPHRASE=SECRET)
    assert done.exit_code == 0, done.output
    assert received(tmp_path)[0].equals(before)
