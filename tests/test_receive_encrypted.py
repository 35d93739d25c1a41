"""Encrypted submissions open with the project's key, say when they were altered, and the key is kept nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from sealed_phone import PLAIN, SECRET, Phone, pem, zipped

from collect import registry
from collect.cli import main
from collect.i18n import LANGUAGES
from collect.settings import settings_from
from collect.store import open_store
from collect.wording.issues import words_of

pytestmark = pytest.mark.usefixtures("data")


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


def test_an_export_sealed_for_two_keys_opens_with_both_at_once_or_with_the_second_besides(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    submissions = {"a": Phone(keys[0]).envelope(1), "b": Phone(keys[1]).envelope(2)}
    file = zipped(tmp_path / "e.zip", submissions)
    first, second = (("--key", str(pem(key, tmp_path / f"{place}.pem"))) for place, key in enumerate(keys[:2]))
    tried = json.loads(collect(tmp_path, "add", "--dry-run", str(file), *first, *second, "--json").output)
    assert tried[0]["parts"][0]["new"] == 2
    collect(tmp_path, "add", str(file), *second)
    assert received(tmp_path)[0]["submission_id"].to_list() == ["uuid:0002"]
    collect(tmp_path, "add", str(file), *first, *second)
    answers, codes = received(tmp_path)
    assert answers["submission_id"].to_list() == ["uuid:0001", "uuid:0002"]
    assert "FIL-03" not in codes


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


def test_what_lies_beside_envelopes_is_told_with_the_key_as_without(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    clear = {"submission.xml": PLAIN.format(name="uuid:0009").encode()}
    beside = {"day.zip": b"PK\x03\x04", "b.txt": clear["submission.xml"].replace(b"0009", b"0008"), "stray.enc": b"?"}
    photos = {"1.jpg": b"\xff\xd8\xff\xe0", "read.txt": b"me"}
    phone = Phone(keys[0])
    file = zipped(tmp_path / "e.zip", {"a": phone.envelope(1, {"a.jpg": b"photo"}), "b": clear, "c": beside | photos})
    key = ("--key", str(pem(keys[0], tmp_path / "k.pem")))
    for given, read, closed in (((), 2, ["a/submission.xml"]), (key, 3, [])):
        collect(tmp_path, "add", str(file), *given)
        store = open_store(settings_from({"COLLECT_DATA": str(tmp_path / "data")}))
        (part,) = registry.parts_of(store.engine)
        issues = store.read_part("household", "issues", part["upload_id"])
        assert part["read"] == read
        assert issues.filter(code="FIL-03")["found_in"].sort().to_list() == [*closed, "c/day.zip"]
        assert [json.loads(one)["names"] for one in issues.filter(code="FIL-17")["details"]] == ["c/stray.enc"]


def torn(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    """The same with one file cut short."""
    return {**files, name: files[name][:-5]}


def lacking(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {one: data for one, data in files.items() if one != name}


@pytest.mark.parametrize("hurt", [torn, lacking])
def test_what_the_key_fits_and_is_damaged_is_not_blamed_on_the_key(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...], hurt: Callable[[dict[str, bytes], str], dict[str, bytes]]
) -> None:
    phone, key = Phone(keys[0]), str(pem(keys[0], tmp_path / "k.pem"))
    damaged = hurt(phone.envelope(1, {"a.jpg": b"photo"}), "submission.xml.enc")
    alone = collect(tmp_path, "add", str(zipped(tmp_path / "a.zip", {"a": damaged})), "--key", key, "--json")
    assert '"code": "IN-37"' in alone.output
    whole = {"a": damaged, "b": phone.envelope(2), "c": Phone(keys[1]).envelope(3)}
    receipt = collect(tmp_path, "add", str(zipped(tmp_path / "e.zip", whole)), "--key", key).output
    assert "FIL-03 × 2" in receipt
    assert "The private key fits" in receipt
    assert "The key is not at fault: copy" in receipt, "and what to do"
    store = open_store(settings_from({"COLLECT_DATA": str(tmp_path / "data")}))
    (part,) = registry.parts_of(store.engine)
    closed = store.read_part("household", "issues", part["upload_id"]).filter(code="FIL-03")
    why = {json.loads(one)["file"]: json.loads(one)["reason"] for one in closed["details"]}
    assert why == {"a/submission.xml": "IN-37", "c/submission.xml": "IN-32"}
    told = [words_of(issue, None, "en")[1] for issue in closed.iter_rows(named=True)]
    assert any("The private key fits" in one for one in told)


def test_a_damaged_photo_does_not_close_the_answers(tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]) -> None:
    sent = torn(Phone(keys[0]).envelope(1, {"a.jpg": b"photo" * 9}), "a.jpg.enc")
    file = zipped(tmp_path / "e.zip", {"a": sent})
    collect(tmp_path, "add", str(file), "--key", str(pem(keys[0], tmp_path / "k.pem")))
    answers, codes = received(tmp_path)
    assert answers["submission_id"].to_list() == ["uuid:0001"]
    assert "FIL-20" in codes


def test_what_was_sent_without_the_key_is_opened_when_it_is_sent_again_with_it(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    clear = {"submission.xml": PLAIN.format(name="uuid:0009").encode()}
    submissions = {"a": Phone(keys[0]).envelope(1), "b": Phone(keys[1]).envelope(2), "c": clear}
    file = str(zipped(tmp_path / "e.zip", submissions))
    own, other = (str(pem(key, tmp_path / f"{number}.pem")) for number, key in enumerate(keys))
    opened = [["uuid:0009"], ["uuid:0001", "uuid:0009"], ["uuid:0001", "uuid:0009"], ["uuid:0001", "uuid:0009"]]
    told = []
    for more, expected in zip(((), ("--key", own), ("--key", own), ("--key", other)), opened, strict=True):
        done = collect(tmp_path, "add", file, *more, "--json")
        assert done.exit_code == 0, done.output
        assert received(tmp_path)[0]["submission_id"].to_list() == expected
        (receipt,) = json.loads(done.output)
        told.append((receipt["again"], receipt["parts"][0]["new"], receipt["parts"][0]["unreadable"]))
    assert told == [(False, 1, 2), (False, 1, 1), (True, 0, 1), (True, 0, 1)]
    assert collect(tmp_path, "verify").exit_code == 0


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
    nobody = collect(tmp_path, "add", file, "--key", locked)  # no terminal, and nothing to read
    assert (nobody.exit_code, "IN-33" in nobody.output) == (11, True)
    assert "COLLECT_KEY_PASSPHRASE" in nobody.output
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


def test_what_is_said_later_of_an_opened_upload_needs_its_key_for_that_too(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    file = str(zipped(tmp_path / "e.zip", {"one": Phone(keys[0]).envelope(1), "two": Phone(keys[1]).envelope(2)}))
    own, other = (str(pem(key, tmp_path / f"{number}.pem")) for number, key in enumerate(keys[:2]))
    assert collect(tmp_path, "add", file, "--key", own).exit_code == 0
    before = received(tmp_path)[0]
    for more, code in (((), "IN-16"), (("--key", other), "IN-35")):
        done = collect(tmp_path, "add", file, "--dates", "dmy", *more, "--json")
        assert done.exit_code == 11
        assert f'"code": "{code}"' in done.output
        assert received(tmp_path)[0].equals(before), "what is open stays open"
    done = collect(tmp_path, "add", file, "--dates", "dmy", "--key", own, "--json")
    assert done.exit_code == 0, done.output
    assert not json.loads(done.output)[0]["again"]
    assert received(tmp_path)[0].equals(before)


def test_a_rebuild_mends_what_its_key_opens_and_names_the_rest(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    own, other = (str(pem(key, tmp_path / f"{number}.pem")) for number, key in enumerate(keys[:2]))
    one = zipped(tmp_path / "one.zip", {"a": Phone(keys[0]).envelope(1)})
    mixed = zipped(tmp_path / "two.zip", {"b": Phone(keys[1]).envelope(2), "c": Phone(keys[0]).envelope(3)})
    assert collect(tmp_path, "add", str(one), "--key", own).exit_code == 0
    assert collect(tmp_path, "add", str(mixed), "--key", other).exit_code == 0
    before = received(tmp_path)[0]

    def rebuilt(*names: str) -> set[str]:
        """The uploads that were left as they are."""
        asked = [part for name in names for part in ("--key", name)]
        done = collect(tmp_path, "rebuild", *asked, "--json")
        if not done.exit_code:
            return set()
        (left,) = json.loads(done.output)["left"]
        assert left["code"] == "IN-35"
        return {name for name in ("one.zip", "two.zip") if name in left["values"]["upload"]}

    def lose() -> None:
        for lost in (tmp_path / "data").rglob("*.parquet"):
            lost.unlink()

    assert rebuilt(other) == {"one.zip"}
    assert rebuilt(own) == {"two.zip"}  # it would open another submission there, and take away the one that is open
    assert received(tmp_path)[0].equals(before)
    lose()
    assert rebuilt(other) == {"one.zip", "two.zip"}  # what is news in the second is told from the first
    assert rebuilt(own) == set()
    assert rebuilt(own, other) == set()
    assert sorted(received(tmp_path)[0]["submission_id"]) == ["uuid:0001", "uuid:0002", "uuid:0003"]
    assert collect(tmp_path, "verify").exit_code == 0


def test_what_was_cut_off_over_an_encrypted_file_waits_for_its_key_and_is_not_forgotten(
    tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(zipped(tmp_path / "e.zip", {"one": Phone(keys[0]).envelope(1)}))
    own = str(pem(keys[0], tmp_path / "key.pem"))
    with monkeypatch.context() as patch:
        patch.setattr("collect.contents.write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert collect(tmp_path, "add", file, "--key", own).exit_code == 130
    for _ in range(2):
        done = collect(tmp_path, "rebuild", "--json")
        assert (done.exit_code, json.loads(done.output)["code"]) == (11, "IN-35")
        assert "e.zip" in json.loads(done.output)["values"]["upload"]
    (made,) = json.loads(collect(tmp_path, "rebuild", "--key", own, "--json").output)
    assert (made["taken_up"], received(tmp_path)[0].height) == (True, 1)
