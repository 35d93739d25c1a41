"""Reading processes that are told something of their own as they start: nothing of the product knows of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collect.receive import apart


@contextmanager
def workshop_told(folder: Path, *lines: str) -> Iterator[None]:
    """Uploads are read by a process that first runs ``lines``, which may import what lies beside the tests."""
    beside = f"import sys; sys.path.append({str(Path(__file__).parent)!r})"
    (folder / "sitecustomize.py").write_text("\n".join((beside, *lines)) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setattr(apart, "_WORKSHOP", apart._Workshop())
        yield
        if apart._WORKSHOP._control is not None:
            apart._WORKSHOP._control.close()
