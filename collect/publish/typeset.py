"""Pages and pictures set on this machine by typst, which shapes Khmer and Vietnamese; no network, no system fonts.

The same data give the same bytes: no clock is read, and the fonts are ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import typst

ASSETS = Path(__file__).parent / "assets"
FONTS = ASSETS / "fonts"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # for what names no day itself: no file says when it happened to be set
PIXELS_PER_INCH = 144


def typeset(template: str, data: Mapping[str, Any], kind: Literal["pdf", "png"]) -> bytes:
    """Set ``assets/<template>.typ`` with ``data``, which it reads as JSON from ``sys.inputs.data``; give its bytes."""
    made: bytes = typst.compile(
        ASSETS / f"{template}.typ",
        root=ASSETS,
        font_paths=[FONTS],
        ignore_system_fonts=True,
        format=kind,
        ppi=PIXELS_PER_INCH,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        timestamp=LONG_AGO,
    )
    return made
