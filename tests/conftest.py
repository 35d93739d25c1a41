"""What several tests need."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import databases
import pytest

from collect.settings import Settings, settings_from, shipped_forms

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from fake_servers import Fake
    from field_office import Office
    from starlette.testclient import TestClient

    from collect.journey import Definitions
    from collect.store import Store

BEHIND_PAGES = ("collect.pages.live", "collect.pages.live_desk", "collect.pages.live_maps")


@pytest.fixture(autouse=True)
def real_pages() -> Iterator[None]:
    """What `app_on_made_tables` puts in the place of the real functions is gone when the test is over."""
    if "streamlit" in sys.modules:  # loaded before the test, or there would be nothing real to put back
        for name in BEHIND_PAGES:
            import_module(name)
    kept = {name: dict(vars(sys.modules[name])) for name in BEHIND_PAGES if name in sys.modules}
    yield
    for name, real in kept.items():
        vars(sys.modules[name]).update(real)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real exports, boundaries and reference figures, which lie beside the repository and never in it."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir() and not os.environ.get("CI"):
        pytest.skip("the folder ../shared with real exports, boundaries and reference figures is not here")
    return folder


@pytest.fixture
def office(tmp_path: Path, database: str) -> Iterator[Office]:
    """A field office in miniature, on each database."""
    from field_office import Office

    made = Office(tmp_path, database)
    yield made
    made.close()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of a data folder with the shipped forms in it: compiled once, and linked to by whoever needs them."""
    from collect.journey import define

    cache = tmp_path_factory.mktemp("compiled")
    define(shipped_forms(), cache / "forms")
    return cache


@pytest.fixture
def data(tmp_path: Path, compiled: Path) -> Path:
    """An empty data folder, with the shipped forms compiled."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "cache").symlink_to(compiled)
    return folder


@pytest.fixture
def settings(data: Path) -> Settings:
    return settings_from({"COLLECT_DATA": str(data)})


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    from collect.store import open_store

    opened = open_store(settings)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def definitions(settings: Settings) -> Definitions:
    """The shipped forms."""
    from collect.journey import define

    return define(settings.forms, settings.data / "cache" / "forms")


@pytest.fixture
def phone(settings: Settings, store: Store) -> Iterator[TestClient]:
    """A phone with an address of its own: Lan's, of Team A."""
    from phones import at_the_door

    from collect.openrosa import people

    made = people.add(store.engine, store.folder, "lan", people.Wanted("Team A"))
    with at_the_door(settings, made.token) as client:
        yield client


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have passed before a server was asked again."""
    passed: list[float] = []
    monkeypatch.setattr("collect.pull.wire.time.sleep", passed.append)
    return passed


@pytest.fixture(params=["central", "kobo"])
def kind(request: pytest.FixtureRequest) -> str:
    """What the server is that is pulled from."""
    return str(request.param)


@pytest.fixture
def server(kind: str) -> Iterator[Fake]:
    """A server with twenty-five submissions, a minute between them; ten to a page."""
    from fake_servers import Fake, serving
    from pulls import KINDS, SECRETS

    rows = [KINDS[kind](number, number) for number in range(1, 26)]
    with serving(Fake(rows, page_size=10, secret=SECRETS[kind])) as fake:
        yield fake


@pytest.fixture(scope="session")
def keys() -> tuple[RSAPrivateKey, RSAPrivateKey]:
    """The project's private key, and another."""
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    return generate_private_key(65537, 2048), generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[databases.Server]:
    """A PostgreSQL 15 of the tests' own; `tests/machine.sh` installs it."""
    if not databases.available() and not os.environ.get("CI"):
        pytest.skip("PostgreSQL 15 is not installed: run tests/machine.sh")
    with databases.postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty registry, once on each database; "" is SQLite in the data folder."""
    if request.param == "sqlite":
        yield ""
        return
    server: databases.Server = request.getfixturevalue("postgresql")
    with server.database() as url:
        yield url
