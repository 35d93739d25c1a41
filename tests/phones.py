"""Phones at the door: the address they ask, what they send, and what the registry then knows of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from shipped import version_of
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collect import openrosa
from collect.registry import SENT
from collect.settings import Settings
from collect.store import Store

VERSION = version_of("household")
HEADERS = {"X-OpenRosa-Version": "1.0", "Accept-Language": "en"}


def xml(
    instance: str = "uuid:1", *, form: str = "household", version: str = VERSION, edits: str = "", note: str = ""
) -> bytes:
    deprecated = f"<deprecatedID>{edits}</deprecatedID>" if edits else ""
    meta = f"<meta><instanceID>{instance}</instanceID>{deprecated}</meta>"
    return f'<data id="{form}" version="{version}"><note>{note}</note>{meta}</data>'.encode()


@contextmanager
def at_the_door(settings: Settings, token: str = "") -> Iterator[TestClient]:
    """A phone that asks below its own address, or without a token at the common one."""
    address = f"http://127.0.0.1:8501/key/{token}" if token else "http://127.0.0.1:8501"
    with TestClient(Starlette(routes=openrosa.routes(settings)), base_url=address, headers=HEADERS) as client:
        yield client


def send(phone: TestClient, data: bytes, **more: bytes) -> int:
    files = {"xml_submission_file": ("submission.xml", data, "text/xml")}
    files |= {name: (name.replace("_", "."), content, "image/jpeg") for name, content in more.items()}
    return int(phone.post("/submission", files=files).status_code)


def rows(store: Store) -> list[dict[str, object]]:
    with store.engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(SENT).order_by(SENT.c.sequence))]
