"""The words people read: ``t("map.title", lang)``.

One TOML file per area, each entry with all languages side by side, so that a translator sees the meaning and no key can
be missing in one language only. ``review = ["km"]`` marks a draft that a native reader has yet to confirm.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale

BY_NUMBER = re.compile(r"\{(\w+):([^{}|]*)\|([^{}|]*)\}")
NAMED = ("need", "what")  # placeholders whose value is said in words where there are any: "form" as "what.form"
LANGUAGES: Mapping[str, str] = {"vi": "Tiếng Việt", "km": "ភាសាខ្មែរ", "en": "English"}
PERCENT = {"vi": "\u00a0%", "km": "%", "en": "%"}  # behind a figure


@cache
def catalogue() -> Mapping[str, Mapping[str, Any]]:
    """Every entry of every area by its key."""
    entries: dict[str, Mapping[str, Any]] = {}
    for file in sorted(Path(__file__).parent.glob("*.toml")):
        for key, entry in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if key in entries:
                raise KeyError(f"{key} stands in two catalogue files, the second is {file.name}")
            entries[key] = entry | {lang: unbroken(entry[lang]) for lang in LANGUAGES if lang in entry}
    return entries


def unbroken(text: str) -> str:
    """A text in which no line ends between a figure and its percent sign: whoever wrote it typed "95 %"."""
    return text.replace(" %", "\u00a0%")


class _Unsaid(str):
    """What stands for a value that nobody gave, however it was to be written."""

    def __format__(self, _how: str) -> str:
        return "…"


class _Values(dict[str, Any]):
    """Values for placeholders; one that is missing is an ellipsis: a message with a hole is better than none."""

    def __missing__(self, _key: str) -> str:
        return _Unsaid()


def t(key: str, lang: str, **values: object) -> str:
    """The words of ``key`` in ``lang``, with ``{placeholders}`` filled. An unknown key is a fault of ours: KeyError."""
    text: str = catalogue()[key][lang]
    return filled(text, lang, values) if values else text


def _is_one(value: object, lang: str) -> bool:
    return str(value).isdecimal() and Locale(lang).plural_form(int(str(value))) == "one"


def filled(text: str, lang: str, values: Mapping[str, Any]) -> str:
    """A text of the catalogue with its ``{placeholders}`` filled.

    ``{rows:row|rows}`` is no figure but the word for that many, where a language has one for one and another for more.
    """
    if "|" in text:
        text = BY_NUMBER.sub(lambda found: found[2 if _is_one(values.get(found[1]), lang) else 3], text)
    named = {name: catalogue().get(f"{name}.{values[name]}") for name in NAMED if name in values}
    return text.format_map(_Values(values, **{name: words[lang] for name, words in named.items() if words}))
