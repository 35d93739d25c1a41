"""What several tests need."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real exports, boundaries and reference figures, which lie beside the repository and never in it."""
    return Path(__file__).resolve().parents[2] / "shared"
