"""PostgreSQL 15 as Debian packages it, started for the tests on loopback and a free port, and gone after them."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

BINARIES = Path("/usr/lib/postgresql/15/bin")
NOT_ROOT = ("postgres", "nobody")  # the server refuses to run as root


@dataclass(frozen=True)
class Server:
    """A running server: ``url`` of a database to begin with, ``folder`` of its data."""

    port: int
    folder: Path
    user: str | None
    durable: bool

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://tests@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database that is dropped afterwards."""
        name = f"t{uuid.uuid4().hex}"
        engine = sa.create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield self.url(name)
        engine.dispose()  # the server may have been started again meanwhile
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()

    def control(self, *arguments: str) -> None:
        """Run pg_ctl: "stop", "-m", "immediate", or "start"."""
        _as(self.user, str(BINARIES / "pg_ctl"), "-D", str(self.folder), "-w", *arguments)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        options += "" if self.durable else " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        self.control("-l", str(self.folder / "log"), "-o", options, "start")


def available() -> bool:
    return (BINARIES / "initdb").is_file()


@contextmanager
def postgresql(durable: bool = False) -> Iterator[Server]:
    """Start a server in a folder of its own; stop it and remove the folder at the end.

    Unless it is to be ``durable``, it does not wait for the disk: quick, and good for all but measurements and faults.
    """
    folder = Path(tempfile.mkdtemp(prefix="phu-postgresql-"))
    user = next((name for name in NOT_ROOT if _exists(name)), None) if os.getuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    try:
        _as(user, str(BINARIES / "initdb"), "-D", str(folder), "-U", "tests", "-A", "trust", "-E", "UTF8", "-N",
            "--locale=C.UTF-8")  # fmt: skip
        server = Server(_free_port(), folder, user, durable)
        server.start()
        try:
            yield server
        finally:
            server.control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as(user: str | None, *command: str) -> None:
    identity = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **identity)  # type: ignore[call-overload]


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
