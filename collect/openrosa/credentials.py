"""Who sends: by token address, by Basic (RFC 7617) or by Digest (RFC 7616); compared in constant time, never logged."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.request import parse_http_list

from argon2.exceptions import VerificationError
from sqlalchemy.engine import Engine
from starlette.requests import Request

from collect.openrosa import people
from collect.openrosa.attempts import Attempts
from collect.openrosa.people import ALGORITHMS, REALM, Person
from collect.openrosa.replies import Refused

LATELY_SECONDS = 1.0  # who was let in is not looked up again for so long: whoever is revoked is out a second later
REMEMBERED_SECONDS = 300.0  # a password that was right need not be worked out at every request
NONCE_SECONDS = 300.0
MOST_REMEMBERED = 10_000
K = TypeVar("K")
V = TypeVar("V")
COUNT = re.compile(r"[0-9a-fA-F]{8}")


class Credentials:
    """Recognises who asks, for one server process."""

    def __init__(
        self,
        engine: Callable[[], Engine],
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._clock = clock
        self._attempts = Attempts(clock)
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._right: OrderedDict[bytes, float] = OrderedDict()  # passwords that were right, as keyed hashes
        self._lately: OrderedDict[str, tuple[Person, float]] = OrderedDict()  # by the hash of their token
        self._counts: OrderedDict[str, int] = OrderedDict()  # the highest count seen with each nonce

    def who(self, request: Request) -> Person:
        """Whoever asks.

        Raises Refused ODK-04 when they are not known, ODK-13 when they must wait.
        """
        address = request.client.host if request.client else ""
        token = request.path_params.get("token")
        if token is not None:
            person = self._checked("", address, lambda: people.of_token(self._engine(), token))
            with self._lock:
                _remember(self._lately, people.hash_of(token), (person, self._clock() + LATELY_SECONDS))
            return person
        kind, _, said = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            name, password = _basic(said)
            return self._checked(name, address, lambda: self._by_password(name, password), self._challenge)
        if kind.lower() == "digest":
            return self._digest(request, _fields(said), address)
        raise Refused("ODK-04", {"WWW-Authenticate": self._challenge()})

    def let_in_lately(self, request: Request) -> Person | None:
        """Who shows a token that opened the door within the last second; asks nothing of the registry."""
        token = request.path_params.get("token")
        if token is None:
            return None
        with self._lock:
            person, until = self._lately.get(people.hash_of(token), (None, 0.0))
        return person if until > self._clock() else None

    def _checked(
        self, name: str, address: str, found: Callable[[], Person | None], challenge: Callable[[], str] | None = None
    ) -> Person:
        wait = self._attempts.wait(name, address)
        if wait:
            raise Refused("ODK-13", {"Retry-After": str(wait)}, seconds=wait)
        person = found()
        if person is None:
            self._attempts.failed(name, address)
            raise Refused("ODK-04", {"WWW-Authenticate": challenge()} if challenge else None)
        if name:
            self._attempts.succeeded(name, address)
        return person

    # --- Basic ---

    def _by_password(self, name: str, password: str) -> Person | None:
        person = people.named(self._engine(), name)
        kept = person.password if person is not None and person.working else ""
        mark = hmac.digest(self._key, f"{name}\0{password}\0{kept}".encode(), "sha256")
        if kept and self._was_right(mark):
            return person
        try:
            people.HASHER.verify(kept or people.nobodys(), password)
        except VerificationError:
            return None
        if not kept:
            return None
        with self._lock:
            _remember(self._right, mark, self._clock() + REMEMBERED_SECONDS)
        return person

    def _was_right(self, mark: bytes) -> bool:
        with self._lock:
            return self._right.get(mark, 0.0) > self._clock()

    # --- Digest ---

    def _challenge(self, *, stale: bool = False, digest: bool | None = None) -> str:
        """What a client may answer with: Digest where somebody was made for it, then Basic."""
        offered = people.anybody_digests(self._engine()) if digest is None else digest
        basic = f'Basic realm="{REALM}", charset="UTF-8"'
        if not offered:
            return basic
        extra = ", stale=true" if stale else ""
        nonce = self._new_nonce()
        ways = [f'Digest realm="{REALM}", qop="auth", algorithm={name}, nonce="{nonce}"{extra}' for name in ALGORITHMS]
        return ", ".join([*ways, basic])

    def _new_nonce(self) -> str:
        body = f"{int(self._clock() * 1000):x}.{secrets.token_hex(8)}"
        return f"{body}.{self._sign(body)}"

    def _sign(self, body: str) -> str:
        return hmac.digest(self._key, body.encode(), "sha256").hex()[:32]

    def _nonce_ends(self, nonce: str) -> float | None:
        """When a nonce of ours ends; None for one we never gave."""
        body, _, sign = nonce.rpartition(".")
        if not hmac.compare_digest(sign.encode(), self._sign(body).encode()):
            return None
        return int(body.partition(".")[0], 16) / 1000 + NONCE_SECONDS

    def _digest(self, request: Request, said: dict[str, str], address: str) -> Person:
        name, nonce = said.get("username", ""), said.get("nonce", "")
        ends = self._nonce_ends(nonce)
        if ends is None or ends < self._clock() or not COUNT.fullmatch(said.get("nc", "")):
            raise Refused("ODK-04", {"WWW-Authenticate": self._challenge(stale=ends is not None, digest=True)})
        person = people.named(self._engine(), name)
        able = person if person is not None and person.working and person.digest else None
        found = self._checked(
            name,
            address,
            lambda: able if able is not None and self._right_response(request, said, able) else None,
            lambda: self._challenge(digest=None if person is None else able is not None),
        )
        if not self._first_time(nonce, int(said["nc"], 16)):
            raise Refused("ODK-04", {"WWW-Authenticate": self._challenge(stale=True, digest=True)})
        return found

    def _right_response(self, request: Request, said: dict[str, str], person: Person) -> bool:
        algorithm = said.get("algorithm", "MD5").upper()
        how = ALGORITHMS.get(algorithm)
        asked = (said.get("realm"), said.get("qop"), said.get("uri"))
        if how is None or asked != (REALM, "auth", _target(request)):
            return False
        ha1 = people.ha1_of(self._folder, person, algorithm)
        if ha1 is None:
            return False
        ha2 = how(f"{request.method}:{said['uri']}".encode()).hexdigest()
        parts = (ha1, said["nonce"], said["nc"], said.get("cnonce", ""), "auth", ha2)
        expected = how(":".join(parts).encode()).hexdigest()
        return hmac.compare_digest(expected.encode(), said.get("response", "").lower().encode())

    def _first_time(self, nonce: str, count: int) -> bool:
        """Whether a nonce comes with a higher count than ever: what somebody overheard cannot be sent again."""
        with self._lock:
            if count <= self._counts.get(nonce, 0):
                return False
            _remember(self._counts, nonce, count)
            return True


def _remember(book: OrderedDict[K, V], key: K, value: V) -> None:
    book.pop(key, None)
    book[key] = value
    while len(book) > MOST_REMEMBERED:
        book.popitem(last=False)


def _basic(said: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(said.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name[:64], password[:1024]


def _fields(said: str) -> dict[str, str]:
    """The parameters of a Digest header."""
    pairs = (part.partition("=") for part in parse_http_list(said[:4096]))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _target(request: Request) -> str:
    """The request's target as the client wrote it."""
    raw = request.scope.get("raw_path") or request.url.path.encode()
    query = request.scope.get("query_string", b"")
    return (bytes(raw) + (b"?" + query if query else b"")).decode("latin-1")
