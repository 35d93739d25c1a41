"""Keeps what a server asks of us outside the project and the data folder, readable by its owner alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_config_path

from collect.problems import ServerError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Login:
    """One account. ``secret``: the password (Central) or the API token (Kobo); it is never shown."""

    kind: str  # central or kobo
    url: str
    user: str
    secret: str = field(repr=False)


def origin(url: str) -> str:
    """Scheme, host and port of an address. Raises ServerError PUL-06 for what would send secrets in the open."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise ServerError("PUL-01", url=url, reason="?")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ServerError("PUL-06", url=url)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


@dataclass(frozen=True, slots=True)
class Logins:
    """The accounts of this user of this machine: a file of mode 0600 in the user's configuration folder."""

    path: Path

    @classmethod
    def of_user(cls) -> Logins:
        """Where they lie: ``COLLECT_CONFIG``, else the system's own place for a user's settings."""
        folder = os.environ.get("COLLECT_CONFIG")
        return cls((Path(folder) if folder else user_config_path("collect")) / "logins.json")

    def all(self) -> list[Login]:
        """Every account. Raises ServerError PUL-08 when the file is damaged."""
        try:
            if os.name == "posix" and self.path.stat().st_mode & 0o077:
                self.path.chmod(0o600)
            return [Login(**one) for one in json.loads(self.path.read_text(encoding="utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            raise ServerError("PUL-08", file=str(self.path)) from error

    def find(self, kind: str, url: str | None) -> Login:
        """The account at a server, or the only one of its kind. Raises ServerError PUL-07 when it is not just one."""
        wanted = origin(url) if url else None
        found = [one for one in self.all() if one.kind == kind and wanted in (None, one.url)]
        if len(found) != 1:
            raise ServerError("PUL-07", kind=kind, url=wanted or "-", known=", ".join(one.url for one in found) or "-")
        return found[0]

    def keep(self, login: Login) -> None:
        """Keep an account, in the place of an older one at the same server."""
        self._write([one for one in self.all() if (one.kind, one.url) != (login.kind, login.url)] + [login])

    def forget(self, url: str) -> int:
        """Forget the accounts at a server; how many there were."""
        known, gone = self.all(), origin(url)
        self._write([one for one in known if one.url != gone])
        return sum(one.url == gone for one in known)

    def _write(self, logins: list[Login]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        waiting = self.path.with_suffix(f".{os.getpid()}.part")
        descriptor = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump([asdict(one) for one in logins], file, indent=1)
        waiting.replace(self.path)
