"""Interviewers whose phones send: made, listed and revoked; their secrets are kept so that reading them opens nothing.

A token address holds 256 random bits, of which the registry keeps the SHA-256. A password is kept as argon2id. Digest
needs a secret that the server can use; it is made only for who asks for it, and enciphered: docs/decisions/0087.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.engine import Engine

from collect.keeping.accounts import changing
from collect.problems import CollectError
from collect.registry import PEOPLE

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # what every phone's keyboard has, and what a header may carry
REALM = "phu"
ALGORITHMS = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}  # RFC 7616; ODK Collect knows MD5 alone
KEY_FILE = "digest.key"
PASSWORD_BYTES = 12  # 96 random bits: nobody guesses them, whatever the hash
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # argon2id as OWASP asks at least, 19 MiB


@dataclass(frozen=True, slots=True)
class Person:
    """An interviewer. ``forms``: only these may be sent; none named: every form."""

    person: str
    team: str
    forms: frozenset[str]
    created_at: str
    revoked_at: str | None
    password: str
    digest: str

    @property
    def working(self) -> bool:
        """Whether the door still opens."""
        return self.revoked_at is None

    def may_send(self, form: str) -> bool:
        """Whether a form is theirs to fill in."""
        return not self.forms or form in self.forms


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody is to have: the team that sees what they send, the forms they may send, how they may log in."""

    team: str = ""  # as it signs; "": their own name
    forms: Sequence[str] = ()
    password: bool = False
    digest: bool = False


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is shown once: the token of the address, and the password where one was asked for."""

    token: str
    password: str = ""


def add(engine: Engine, folder: Path, name: str, wanted: Wanted) -> Secrets:
    """Note an interviewer; a revoked one of the same name begins anew. Returns what is to be shown once.

    Raises
    ------
    CollectError
        ODK-20 for a name that a header or a file could not carry, ODK-21 for one who works already.
    """
    if not NAME.fullmatch(name):
        raise CollectError("ODK-20", person=name)
    made = Secrets(new_token(), new_password() if wanted.password or wanted.digest else "")
    row = {
        "person": name,
        "team": wanted.team or name,
        "forms": sorted(wanted.forms),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "revoked_at": None,
        "token_sha256": hash_of(made.token),
        **_kept(folder, name, made.password, wanted.digest),
    }
    with changing(engine, folder) as connection:
        there = connection.execute(PEOPLE.select().where(PEOPLE.c.person == name)).one_or_none()
        if there is not None and there.revoked_at is None:
            raise CollectError("ODK-21", person=name)
        connection.execute(PEOPLE.delete().where(PEOPLE.c.person == name))
        connection.execute(PEOPLE.insert().values(**row))
    return made


def change_password(engine: Engine, folder: Path, name: str, *, digest: bool = False) -> str:
    """Give somebody a new password and return it; the old one opens nothing any more. Raises CollectError ODK-22."""
    of(engine, name)
    made = new_password()
    _update(engine, folder, name, _kept(folder, name, made, digest))
    return made


def change_token(engine: Engine, folder: Path, name: str) -> str:
    """Give somebody a new token and return it; the old address opens nothing any more. Raises CollectError ODK-22."""
    of(engine, name)
    made = new_token()
    _update(engine, folder, name, {"token_sha256": hash_of(made)})
    return made


def revoke(engine: Engine, folder: Path, name: str) -> None:
    """Close the door to somebody from this moment on; what they sent stays. Raises CollectError ODK-22."""
    of(engine, name)
    gone = {"revoked_at": datetime.now(UTC).isoformat(timespec="seconds")}
    _update(engine, folder, name, {**gone, "token_sha256": None, "password": "", "digest": ""})


def _update(engine: Engine, folder: Path, name: str, values: dict[str, Any]) -> None:
    with changing(engine, folder) as connection:
        connection.execute(PEOPLE.update().where(PEOPLE.c.person == name).values(values))


def listed(engine: Engine) -> list[Person]:
    """Everybody by name, those revoked too."""
    with engine.connect() as connection:
        return [_person(row) for row in connection.execute(PEOPLE.select().order_by(PEOPLE.c.person)).mappings()]


def of(engine: Engine, name: str) -> Person:
    """Somebody who works. Raises CollectError ODK-22 for a name that is not there or was revoked."""
    found = named(engine, name)
    if found is None or not found.working:
        known = ", ".join(one.person for one in listed(engine) if one.working)
        raise CollectError("ODK-22", person=name, known=known or "–")
    return found


def named(engine: Engine, name: str) -> Person | None:
    """Somebody by name, revoked or not."""
    with engine.connect() as connection:
        row = connection.execute(PEOPLE.select().where(PEOPLE.c.person == name)).mappings().one_or_none()
    return _person(row) if row else None


def of_token(engine: Engine, token: str) -> Person | None:
    """Who shows this token. The look-up is by its hash, so its time tells nothing of the token."""
    with engine.connect() as connection:
        found = PEOPLE.select().where(PEOPLE.c.token_sha256 == hash_of(token), PEOPLE.c.revoked_at.is_(None))
        row = connection.execute(found).mappings().one_or_none()
    return _person(row) if row else None


def anybody_digests(engine: Engine) -> bool:
    """Whether anybody was made for Digest: only then is it offered."""
    query = sa.select(PEOPLE.c.person).where(PEOPLE.c.digest != "", PEOPLE.c.revoked_at.is_(None)).limit(1)
    with engine.connect() as connection:
        return connection.execute(query).scalar() is not None


def new_token() -> str:
    """256 random bits for an address."""
    return secrets.token_urlsafe(32)


def new_password() -> str:
    """96 random bits that can be typed on a phone."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def hash_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


@cache
def nobodys() -> str:
    """A hash that no password has: compared where there is no such person, so that time tells nothing."""
    return HASHER.hash(secrets.token_urlsafe())


def ha1_of(folder: Path, person: Person, algorithm: str) -> str | None:
    """RFC 7616's H(name:realm:password) of somebody, deciphered; None where they have none or the key is gone."""
    if not person.digest:
        return None
    sealed = bytes.fromhex(person.digest)
    try:
        plain = AESGCM(_key(folder)).decrypt(sealed[:12], sealed[12:], person.person.encode())
    except InvalidTag:
        return None
    return str(json.loads(plain)[algorithm])


def _kept(folder: Path, name: str, password: str, digest: bool) -> dict[str, str]:
    """What the registry keeps of a password."""
    if not password:
        return {"password": "", "digest": ""}
    if not digest:
        return {"password": HASHER.hash(password), "digest": ""}
    ha1 = {algorithm: how(f"{name}:{REALM}:{password}".encode()).hexdigest() for algorithm, how in ALGORITHMS.items()}
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(_key(folder)).encrypt(nonce, json.dumps(ha1).encode(), name.encode())
    return {"password": HASHER.hash(password), "digest": (nonce + sealed).hex()}


def _key(folder: Path) -> bytes:
    """The key of this installation, made when first needed; it lies apart from the registry, for its owner alone."""
    path = folder / KEY_FILE
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(AESGCM.generate_key(256))
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        pass
    return path.read_bytes()


def _person(row: sa.RowMapping) -> Person:
    forms = frozenset(str(form) for form in row["forms"])
    return Person(
        row["person"], row["team"], forms, row["created_at"], row["revoked_at"], row["password"], row["digest"]
    )
