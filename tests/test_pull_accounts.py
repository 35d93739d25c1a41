"""Accounts at servers: shown to whom they belong, kept outside the project, said in words when they open nothing."""

from __future__ import annotations

import json
import os
import ssl
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fake_servers import PASSWORD, TOKEN, Fake, serving
from pulls import (
    ASKING,
    SECRETS,
    bring,
    broken_off,
    collect,
    log_in,
    of_central,
)
from sealed_phone import pem

from collect.cli import main
from collect.i18n import LANGUAGES

pytestmark = pytest.mark.usefixtures("data")


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_wrong_credentials_are_said_in_words_and_not_kept(tmp_path: Path, kind: str, server: Fake, lang: str) -> None:
    done = log_in(tmp_path, kind, server, "wrong")
    assert done.exit_code == 14
    assert "PUL-02" in done.output
    assert "wrong" not in done.output
    assert not (tmp_path / "config" / "logins.json").exists()
    assert collect(tmp_path, *ASKING[kind], lang=lang).output.startswith("PUL-07")


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_accounts_lie_outside_the_data_folder_and_only_their_owner_reads_them(
    tmp_path: Path, kind: str, server: Fake
) -> None:
    log_in(tmp_path, kind, server)
    bring(tmp_path, kind)
    file = tmp_path / "config" / "logins.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = PASSWORD if kind == "central" else TOKEN
    inside = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert inside
    assert not [path for path in inside if secret.encode() in path.read_bytes()]
    file.chmod(0o644)
    bring(tmp_path, kind)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert collect(tmp_path, "logout", server.url).exit_code == 0
    assert json.loads(file.read_text()) == []


def test_a_password_never_crosses_the_network_in_the_open(tmp_path: Path) -> None:
    done = collect(tmp_path, "login", "kobo", "--url", "http://survey.example.org", COLLECT_TOKEN=TOKEN)
    assert done.exit_code == 14
    assert "PUL-06" in done.output


@pytest.mark.parametrize("more", [("central", "--user", "ann@example.org"), ("kobo",)])
def test_nobody_types_a_password_for_an_address_that_is_refused(tmp_path: Path, more: tuple[str, ...]) -> None:
    done = collect(tmp_path, "login", *more, "--url", "http://survey.example.org")
    assert (done.exit_code, done.output.startswith("PUL-06")) == (14, True)


@pytest.mark.parametrize("lang", list(LANGUAGES))
@pytest.mark.parametrize(
    ("more", "variable"), [(("central", "--user", "ann@example.org"), "COLLECT_PASSWORD"), (("kobo",), "COLLECT_TOKEN")]
)
def test_without_a_terminal_the_words_name_the_variable_and_nothing_of_python_shows(
    tmp_path: Path, more: tuple[str, ...], variable: str, lang: str
) -> None:
    command = [sys.executable, "-m", "collect", "--lang", lang, "pull", "login", *more, "--url", "http://127.0.0.1:9"]
    given = {name: value for name, value in os.environ.items() if name not in ("COLLECT_PASSWORD", "COLLECT_TOKEN")}
    given["COLLECT_CONFIG"] = str(tmp_path / "config")
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, env=given, start_new_session=True, check=False
    )
    said = done.stderr.decode()
    assert (done.returncode, done.stdout, said.split()[0]) == (2, b"", "USE-25")
    assert variable in said
    assert "arning" not in said
    assert len(said.splitlines()) == 2


def test_a_password_that_is_piped_in_is_taken(
    tmp_path: Path, kind: str, server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = PASSWORD if kind == "central" else TOKEN
    monkeypatch.setenv("COLLECT_CONFIG", str(tmp_path / "config"))
    who = ("--user", "ann@example.org") if kind == "central" else ()
    asked = ["--lang", "en", "pull", "login", kind, *who, "--url", server.url]
    done = CliRunner().invoke(main, asked, input=f"{secret}\n")
    assert done.exit_code == 0, done.output
    assert secret not in done.output


def test_a_server_that_is_not_there_is_said_after_a_minute_of_trying(tmp_path: Path, waits: list[float]) -> None:
    done = collect(tmp_path, "login", "kobo", "--url", "http://127.0.0.1:9", COLLECT_TOKEN=TOKEN)
    assert "PUL-01" in done.output
    assert sum(waits) == 31.0


def test_a_session_that_ends_between_two_pages_is_opened_again(tmp_path: Path) -> None:
    with serving(Fake([of_central(number, number) for number in range(1, 26)], ["", "expire"], page_size=10)) as server:
        log_in(tmp_path, "central", server)
        assert bring(tmp_path, "central")["new"] == 25


def test_a_password_changed_on_the_server_is_said_and_the_new_one_goes_on_where_it_stopped(
    tmp_path: Path, kind: str, server: Fake, waits: list[float]
) -> None:
    broken_off(tmp_path, kind, server)
    server.secret = "another"
    server.sessions.clear()
    done = collect(tmp_path, *ASKING[kind])
    assert (done.exit_code, "PUL-02" in done.output) == (14, True)
    assert "another" not in done.output
    log_in(tmp_path, kind, server, "another")
    assert bring(tmp_path, kind)["new"] == 15


def test_a_server_nobody_vouches_for_gets_no_password_and_is_not_asked_again(
    tmp_path: Path, kind: str, waits: list[float]
) -> None:
    with serving(Fake([], secret=SECRETS[kind]), self_signed(tmp_path)) as server:
        done = log_in(tmp_path, kind, server)
    assert (done.exit_code, "PUL-10" in done.output) == (14, True)
    assert "self-signed" in done.output
    assert (server.asked, waits) == ([], [])


def self_signed(folder: Path) -> ssl.SSLContext:
    key = rsa.generate_private_key(65537, 2048)
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")]), datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = built.serial_number(7).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    signed = dated.sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", pem(key, folder / "server.pem"))
    return context
