"""The words people read: ``t("map.title", lang)``.

One TOML file per area, each entry with all languages side by side, so that a translator sees the meaning and no key can
be missing in one language only. ``review = ["km"]`` marks a draft that a native reader has yet to confirm.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES: Mapping[str, str] = {"vi": "Tiếng Việt", "km": "ភាសាខ្មែរ", "en": "English"}


@cache
def catalogue() -> Mapping[str, Mapping[str, Any]]:
    """Every entry of every area by its key."""
    entries: dict[str, Mapping[str, Any]] = {}
    for file in sorted(Path(__file__).parent.glob("*.toml")):
        for key, entry in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if key in entries:
                raise KeyError(f"{key} stands in two catalogue files, the second is {file.name}")
            entries[key] = entry
    return entries


def t(key: str, lang: str, **values: object) -> str:
    """The words of ``key`` in ``lang``, with ``{placeholders}`` filled. An unknown key is a fault of ours: KeyError."""
    text: str = catalogue()[key][lang]
    return text.format(**values) if values else text
