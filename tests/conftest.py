"""What several tests need."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import databases
import pytest

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
