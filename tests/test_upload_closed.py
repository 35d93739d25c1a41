"""Uploads that do not open at once: encrypted ones and their key, and files that brought their reader down."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pages_opened import page_of_app
from sealed_phone import PLAIN, SECRET, Phone, zipped
from streamlit.testing.v1 import AppTest

from collect import journey, registry
from collect.access import LOCAL, Forbidden, Who
from collect.i18n import LANGUAGES, t
from collect.i18n.figures import counted
from collect.pages import live_desk, upload_key
from collect.pages.upload_desk import Answers
from collect.problems import ExportError
from collect.receive import apart
from collect.receive.sealed import KeyRing
from collect.settings import Settings, settings_from
from collect.store import Store, kept
from collect.tables import Answers as AnswersRead

LAN, HOA = (Who(name, "survey", subject=name) for name in ("Lan", "Hoa"))


@pytest.fixture
def settings(data: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("COLLECT_DATA", str(data))
    monkeypatch.setenv("COLLECT_DATABASE", "")
    return settings_from({"COLLECT_DATA": str(data), "COLLECT_LANG": "vi"})


def pem(key: rsa.RSAPrivateKey, passphrase: str = "") -> str:
    lock = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock).decode()


def upload_page(lang: str, *files: Path) -> AppTest:
    app = page_of_app("upload", lang)
    for file in files:
        app.file_uploader[0].upload(file.name, file.read_bytes(), "application/zip")
    return app.run() if files else app


def text(app: AppTest) -> str:
    return " ".join(one.value for one in [*app.markdown, *app.caption, *app.error, *app.success])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_encrypted_upload_asks_for_the_key_and_says_that_it_is_kept_nowhere(
    settings: Settings, store: Store, tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...], lang: str
) -> None:
    app = upload_page(lang, zipped(tmp_path / "day.zip", {"one": Phone(keys[0]).envelope(1)}))
    assert not app.exception
    assert t("upload.key.about", lang) in text(app)
    app.text_area(key="key-text-0").input("not a key").run()
    assert t("IN-34.mend", lang) in text(app).replace("\\", "")


def test_a_pasted_key_opens_the_files_and_is_found_nowhere_afterwards(
    settings: Settings, store: Store, tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...],
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    app = upload_page("en", zipped(tmp_path / "day.zip", {"one": Phone(keys[0]).envelope(1)}))
    app.text_area(key="key-text-0").input(pem(keys[1], SECRET)).run()
    app.text_input[-1].input("wrong").run()
    assert t("IN-33.found", "en", file="pasted text") in text(app).replace("\\", "")
    app.text_input[-1].input(SECRET).run()
    assert "IN-32" in text(app), "another project's key"
    app.text_area(key="key-text-0").input(pem(keys[0])).run()
    assert counted("upload.key.opens", 1, "en") in text(app)
    assert app.metric[0].value == "1"
    next(one for one in app.button if one.label == counted("upload.store", 1, "en")).click().run()
    assert not app.exception
    assert [part["read"] for part in registry.parts_of(store.engine)] == [1]
    held = repr(app.session_state)
    assert "'by'" in held
    assert "key-" not in held
    told = "".join([held, caplog.text, *capfd.readouterr()])
    for secret in (SECRET, pem(keys[0]).splitlines()[1], pem(keys[1]).splitlines()[1]):
        assert secret not in told
        for path in (tmp_path / "data").rglob("*"):
            if path.is_file() and "cache" not in path.parts:
                assert secret.encode() not in path.read_bytes()


def test_several_keys_open_each_what_is_theirs_and_are_found_nowhere_afterwards(
    settings: Settings, store: Store, tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    files = [
        zipped(tmp_path / f"{name}.zip", {str(number): Phone(keys[key]).envelope(number) for number, key in inside})
        for name, inside in (("one", [(1, 0)]), ("both", [(2, 0), (3, 1)]))
    ]
    app = upload_page("en", *files)
    app.text_area(key="key-text-0").input(pem(keys[0])).run()
    assert app.metric[0].value == "2", "what this key opens, of both files"
    app.text_area(key="key-text-0").input(f"{pem(keys[0])}\n{pem(keys[1], SECRET)}").run()
    app.text_input[-1].input(SECRET).run()
    assert counted("upload.key.opens", 2, "en") in text(app)
    assert app.metric[0].value == "3"
    next(one for one in app.button if one.label == counted("upload.store", 2, "en")).click().run()
    assert not app.exception
    assert sorted(part["read"] for part in registry.parts_of(store.engine)) == [1, 2]
    assert "key-" not in repr(app.session_state)


def test_a_key_is_asked_for_only_where_an_envelope_stays_closed(
    settings: Settings, store: Store, tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    """Another file that could not be read needs no key."""
    clear = {"submission.xml": PLAIN.format(name="uuid:0009").encode()}
    inside = {"one": Phone(keys[0]).envelope(1), "two": clear, "three": {"week.zip": b"PK\x03\x04"}}
    app = upload_page("en", zipped(tmp_path / "day.zip", inside))
    asked = t("upload.key", "en", files="day.zip")
    assert asked in text(app).replace("\\", "")
    app.text_area(key="key-text-0").input(pem(keys[0])).run()
    assert asked not in text(app).replace("\\", "")
    assert app.metric[0].value == "2"


def test_a_text_that_is_no_key_is_told_and_the_other_key_opens(
    settings: Settings, store: Store, tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    app = upload_page("en", zipped(tmp_path / "day.zip", {"one": Phone(keys[0]).envelope(1)}))
    files = next(one for one in app.file_uploader if one.key == "key-file-0")
    files.upload("old.pem", b"not a key").upload("own.pem", pem(keys[0]).encode()).run()
    assert not app.exception
    assert "old" in text(app)
    assert t("IN-34.mend", "en") in text(app).replace("\\", "")
    assert app.metric[0].value == "1"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_wrong_key_is_named_as_it_was_given_and_no_variable_of_the_command_line(
    settings: Settings, store: Store, tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...], lang: str
) -> None:
    app = upload_page(lang, zipped(tmp_path / "day.zip", {"one": Phone(keys[0]).envelope(1)}))
    files = next(one for one in app.file_uploader if one.key == "key-file-0")
    files.upload("garbage.pem", b"not a key").upload("locked.pem", pem(keys[0], SECRET).encode())
    app.text_area(key="key-text-0").input("nor this").run()
    next(one for one in app.text_input if str(one.key).startswith("key-phrase")).input("no")
    app.run()
    said = [str(one.value).replace("\\", "") for one in app.error]
    names = ("garbage.pem", "locked.pem", t("upload.key.pasted", lang))
    assert [sum(name in one for one in said) for name in names] == [1, 1, 1]
    assert "COLLECT_" not in "".join(said)


def test_a_key_shows_itself_to_nobody(keys: tuple[rsa.RSAPrivateKey, ...]) -> None:
    ring = KeyRing(keys)
    for held in (keys[0], ring):
        assert "RSA" not in repr(Answers(key=held)) + repr(upload_key.Given(held))
    assert upload_key.fingerprint(ring) == upload_key.fingerprint(KeyRing(keys[::-1]))
    assert upload_key.fingerprint(ring) != upload_key.fingerprint(keys[0])
    one, other = (upload_key.fingerprint(key) for key in keys[:2])
    assert one != other
    assert upload_key.fingerprint(None) == ""


# --- files that brought their reader down ---


def refused(store: Store, name: str, by: str, code: str = "IN-44") -> str:
    """Bytes that were kept and marked, as `collect.intake.add_file` leaves them."""
    from collect.store import keep

    path = store.folder.parent / name
    path.write_text(f"day,{name}\n", encoding="utf-8")
    stored = keep(store, path)
    row = {"sha256": stored.sha256, "file_name": name, "size_bytes": 9, "code": code, "reason": "signal 9"}
    registry.record_refusal(store.engine, {**row, "received_at": "2026-10-01T10:00:00+00:00", "received_by": by})
    return stored.sha256


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("code", sorted(apart.UNREADABLE))
def test_what_was_refused_earlier_is_listed_with_why_and_what_to_do(
    settings: Settings, store: Store, code: str, lang: str
) -> None:
    refused(store, "huge.csv", "Lan", code)
    app = upload_page(lang)
    assert not app.exception
    shown = text(app).replace("\\", "")
    assert "huge.csv" in shown
    assert code in shown
    assert t(f"{code}.mend", lang).partition("{")[0] in shown
    assert "…" not in app.error[0].value, "every blank of the sentence is filled"


def test_what_a_rebuild_could_not_read_promises_no_more_than_it_knows(settings: Settings, store: Store) -> None:
    refused(store, "other.csv", "Lan", "IN-07")
    app = upload_page("en")
    assert app.error[0].value.startswith("“other\\.csv” could not be read")
    assert "…" not in app.error[0].value


def test_another_try_takes_the_file_in_or_says_again_why_not(settings: Settings, store: Store) -> None:
    sha256 = refused(store, "letter.csv", LAN.signature)
    app = upload_page("en")
    app.button(key=f"again-{sha256}").click().run()
    assert not app.exception
    assert len(app.error) == 2, "it is no export, and still listed"
    assert registry.uploads(store.engine) == []
    assert [row["sha256"] for row in registry.refused(store.engine)] == [sha256]
    assert [stored.sha256 for stored in kept(store)] == [sha256], "what was kept once is forgotten by nobody's press"


def test_a_file_read_at_last_is_its_senders_and_off_the_list(
    settings: Settings, store: Store, tmp_path: Path, keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    desk = live_desk.desk(settings, LAN)
    clear = {"submission.xml": Phone(keys[0]).envelope(1)["submission.xml"]}
    file = zipped(tmp_path / "day.zip", {"one": {**clear, "x.xml": PLAIN_ONE}})

    def broken(*_arguments: object, **_more: object) -> None:
        raise ExportError("IN-46", file="day.zip", reason="signal 9")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("collect.contents.take", broken)
        with pytest.raises(ExportError):
            desk.add(file, "day.zip", "", dry_run=True, progress=silent)
    [row] = desk.refused()
    desk.read_again(row["sha256"], silent)
    assert desk.refused() == []
    [upload] = registry.uploads(store.engine)
    assert (upload["file_name"], upload["received_by"]) == ("day.zip", LAN.signature)


PLAIN_ONE = PLAIN.format(name="uuid:0009").encode()


def silent(_step: str, _share: float) -> None:
    return None


def test_a_team_sees_and_tries_again_only_what_it_sent_itself(settings: Settings, store: Store) -> None:
    sha256 = refused(store, "a.csv", LAN.signature)
    assert [len(live_desk.desk(settings, who).refused()) for who in (LAN, HOA, LOCAL)] == [1, 0, 1]
    with pytest.raises(Forbidden):
        live_desk.desk(settings, HOA).read_again(sha256, silent)
    late = replace(live_desk.desk(settings, LAN), who=replace(LAN, until=0))
    steps: list[Any] = [late.refused, lambda: late.read_again(sha256, silent), late.waiting]
    for step in steps:
        with pytest.raises(Forbidden) as error:
            step()
        assert error.value.code == "ACC-10"


def test_a_file_that_cannot_be_stored_stays_in_sight_when_the_others_are(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    good = zipped(tmp_path / "good.zip", {"one": {"submission.xml": PLAIN_ONE}})
    bad = tmp_path / "letter.csv"
    bad.write_text("dear all,\n", encoding="utf-8")
    app = upload_page("en", good, bad)
    next(one for one in app.button if one.label == counted("upload.store", 1, "en")).click().run()
    assert not app.exception
    assert json.dumps([one["file_name"] for one in registry.uploads(store.engine)]) == '["good.zip"]'
    shown = text(app).replace("\\", "")
    assert "letter.csv" in shown
    assert app.error, "why it was not stored"


def test_a_fault_in_checking_one_file_leaves_the_page_and_the_others_as_they_are(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = zipped(tmp_path / "good.zip", {"one": {"submission.xml": PLAIN_ONE}})
    bad = zipped(tmp_path / "bad.zip", {"one": {"submission.xml": PLAIN.format(name="uuid:bad").encode()}})
    real = journey.examine

    def examine(answers: AnswersRead, *rest: Any, **more: Any) -> Any:
        if "uuid:bad" in answers["/data"]["submission_id"]:
            raise KeyError("string")
        return real(answers, *rest, **more)

    monkeypatch.setattr(journey, "examine", examine)
    app = upload_page("en", bad, good)
    assert "IN-46" in text(app)
    next(one for one in app.button if one.label == counted("upload.store", 1, "en")).click().run()
    assert not app.exception
    assert [one["file_name"] for one in registry.uploads(store.engine)] == ["good.zip"]
