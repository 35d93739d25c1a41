"""Pulls from servers that are made up: what these hold, how they are asked, and what then is here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
from click.testing import CliRunner, Result
from fake_servers import PASSWORD, TOKEN, Fake

from collect import registry
from collect.cli import main
from collect.pull.wire import TRIES
from collect.settings import settings_from
from collect.store import Store, open_store


def instant(minute: int) -> str:
    return f"2026-11-20T{3 + minute // 60:02d}:{minute % 60:02d}:00.123Z"


def of_central(number: int, received: int, updated: int | None = None, hamlet: str = "29236-01") -> dict[str, Any]:
    name = f"uuid:{number:04d}"
    system = {"submissionDate": instant(received), "updatedAt": None if updated is None else instant(updated),
              "submitterName": "ann", "deviceId": "d", "reviewState": None, "edits": 0, "formVersion": "1"}  # fmt: skip
    return {
        "consent": "no",
        "place": {"hamlet": hamlet},
        "meta": {"instanceID": name},
        "__id": name,
        "__system": system,
    }


def of_kobo(number: int, received: int, updated: int | None = None, hamlet: str = "29236-01") -> dict[str, Any]:
    name = f"00000000-0000-4000-8000-{number:012d}"
    row = {"_id": number, "_uuid": name, "meta/instanceID": f"uuid:{name}", "consent": "no", "place/hamlet": hamlet,
           "_submission_time": instant(received)[:19], "__version__": "v1", "_validation_status": {},
           "meta/rootUuid": f"uuid:{name}"}  # fmt: skip
    if updated is not None:  # the server keeps no instant of an edit, only what it replaced
        row |= {"_uuid": f"edit-of-{name}", "meta/deprecatedID": f"uuid:{name}"}
    return row


def name_of(kind: str, number: int) -> str:
    return f"uuid:{number:04d}" if kind == "central" else f"uuid:00000000-0000-4000-8000-{number:012d}"


SECRETS = {"central": PASSWORD, "kobo": TOKEN}
AS_IT_IS = {"COLLECT_DATABASE": "", "COLLECT_GEO_MIRROR": "", "COLLECT_WORKER": "off"}  # readers have their own tests
KINDS: dict[str, Any] = {"central": of_central, "kobo": of_kobo}
ASKING = {"central": ("central", "--project", "1", "--form", "household"),
          "kobo": ("kobo", "--asset", "aHousehold", "--form", "household")}  # fmt: skip


def collect(folder: Path, *arguments: str, lang: str = "en", **more: str) -> Result:
    environment = {"COLLECT_DATA": str(folder / "data"), "COLLECT_CONFIG": str(folder / "config"), **AS_IT_IS, **more}
    return CliRunner().invoke(main, ["--lang", lang, "pull", *arguments], env=environment)


def log_in(folder: Path, kind: str, server: Fake, secret: str | None = None) -> Result:
    if kind == "central":
        options = ("--user", "ann@example.org")
        return collect(folder, "login", kind, "--url", server.url, *options, COLLECT_PASSWORD=secret or PASSWORD)
    return collect(folder, "login", kind, "--url", server.url, COLLECT_TOKEN=secret or TOKEN)


def bring(folder: Path, kind: str, *more: str) -> dict[str, Any]:
    done = collect(folder, *ASKING[kind], *more, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def store_in(folder: Path) -> Store:
    return open_store(settings_from({"COLLECT_DATA": str(folder / "data")}))


def received(folder: Path) -> pl.DataFrame:
    """Every submission received, whatever upload brought it."""
    store = store_in(folder)
    parts = [store.read_part("household", "answers", part["upload_id"]) for part in registry.parts_of(store.engine)]
    return pl.concat(parts)


def broken_off(folder: Path, kind: str, server: Fake, trouble: str = "cut", more: tuple[str, ...] = ()) -> Result:
    """A pull that gets the first page and no further."""
    log_in(folder, kind, server)
    server.trouble = ["", *[trouble] * TRIES]
    done = collect(folder, *ASKING[kind], *more)
    assert done.exit_code == 14
    server.trouble = []
    return done
