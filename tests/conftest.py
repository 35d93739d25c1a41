"""What several tests need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real exports, boundaries and reference figures, which lie beside the repository and never in it."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir() and not os.environ.get("CI"):
        pytest.skip("the folder ../shared with real exports, boundaries and reference figures is not here")
    return folder
