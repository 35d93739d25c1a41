"""What the addresses for phones stand on: the settings, the store, who asks, the forms of today, the door."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from collect.forms import Form
from collect.journey import Definitions, define
from collect.keeping.accounts import changing
from collect.openrosa.credentials import Credentials
from collect.openrosa.door import Door
from collect.openrosa.fold import Folding
from collect.registry import CLOSED
from collect.settings import Settings
from collect.store import Store, open_store

LOOK_AGAIN_SECONDS = 10.0  # before the forms folder is looked at for changes
CLOSED_SECONDS = 1.0  # before the registry is asked again which forms are closed


@dataclass(frozen=True, slots=True)
class _Read:
    definitions: Definitions
    until: float


class Desk:
    """Opened at the first question: a server that no phone asks opens nothing."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.credentials = Credentials(lambda: self.engine, settings.data)
        self.door = Door(lambda: self.store)
        self.folding = Folding(lambda: self.store, lambda: self.definitions)
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._read: _Read | None = None
        self._closed: tuple[frozenset[str], float] = (frozenset(), 0.0)

    @property
    def store(self) -> Store:
        """The data folder with its registry."""
        with self._lock:
            if self._store is None:
                self._store = open_store(self.settings)
            return self._store

    @property
    def engine(self) -> Engine:
        """The registry."""
        return self.store.engine

    @property
    def definitions(self) -> Definitions:
        """The forms folder as it was a moment ago."""
        with self._lock:
            now = time.monotonic()
            if self._read is None or self._read.until < now:
                said = define(self.settings.forms, self.settings.data / "cache" / "forms")
                self._read = _Read(said, now + LOOK_AGAIN_SECONDS)
            return self._read.definitions

    @property
    def closed(self) -> frozenset[str]:
        """The forms that took no more submissions a moment ago."""
        found, until = self._closed
        if until < time.monotonic():
            found = closed_forms(self.engine)
            self._closed = found, time.monotonic() + CLOSED_SECONDS
        return found

    def form(self, form_id: str) -> Form | None:
        """The form of this id as it is today."""
        return next((form for form in self.definitions.forms if form.form_id == form_id), None)


def closed_forms(engine: Engine) -> frozenset[str]:
    """The forms that take no more submissions from phones."""
    with engine.connect() as connection:
        return frozenset(connection.execute(sa.select(CLOSED.c.form)).scalars())


def close_form(engine: Engine, folder: Path, form: str) -> None:
    """Take no more submissions of a form, and list it no more."""
    with changing(engine, folder) as connection:
        connection.execute(CLOSED.delete().where(CLOSED.c.form == form))
        connection.execute(CLOSED.insert().values(form=form, closed_at=datetime.now(UTC).isoformat(timespec="seconds")))


def open_form(engine: Engine, folder: Path, form: str) -> None:
    """Take submissions of a form again."""
    with changing(engine, folder) as connection:
        connection.execute(CLOSED.delete().where(CLOSED.c.form == form))
