"""Knows how KoboToolbox keeps a form in its API: translated cells are lists, and names may be Kobo's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Row = dict[str, str]
LIST_COLUMNS = {"select_from_list_name"}


def sheets_of_asset(content: Mapping[str, Any], *, form_id: str, version_id: str, title: str) -> dict[str, list[Row]]:
    """The XLSForm sheets of an asset's ``content``: ``survey``, ``choices``, ``settings``."""
    languages = [language or "" for language in content.get("translations") or []]
    stated = content.get("settings") or {}
    settings = dict(stated[0] if isinstance(stated, list) and stated else stated)
    names = {
        "form_id": form_id or settings.get("id_string") or settings.get("form_id") or "form",
        "version": version_id or settings.get("version") or "",
        "form_title": title or settings.get("form_title") or form_id or "form",
        "default_language": settings.get("default_language") or next((name for name in languages if name), ""),
    }
    return {
        "survey": [_survey_row(row, languages) for row in content.get("survey") or []],
        "choices": [_row(row, languages) for row in content.get("choices") or []],
        "settings": [{name: str(value) for name, value in names.items() if value}],
    }


def _survey_row(row: Mapping[str, Any], languages: list[str]) -> Row:
    flat = _row(row, languages)
    kind, chosen = row.get("type"), row.get("select_from_list_name")
    if isinstance(kind, Mapping):  # {"select_one": "list"}
        kind, chosen = next(iter(kind.items()))
    words = str(kind or "").replace("begin_", "begin ").replace("end_", "end ").split()
    if chosen and len(words) <= 2 and chosen not in words:
        words.insert(1, str(chosen))
    flat["type"] = " ".join(words)
    if "name" not in flat and row.get("$autoname"):
        flat["name"] = str(row["$autoname"])
    return flat


def _row(row: Mapping[str, Any], languages: list[str]) -> Row:
    flat: Row = {}
    for column, value in row.items():
        if column.startswith("$") or column in LIST_COLUMNS or value is None:
            continue
        if isinstance(value, list):
            flat.update(_translated(column, value, languages))
        elif not isinstance(value, Mapping):
            flat[column] = _text(value)
    if "value" in flat and "name" not in flat:
        flat["name"] = flat.pop("value")
    return flat


def _translated(column: str, values: Iterable[Any], languages: list[str]) -> Row:
    named = zip(values, [*languages, *[""] * 20], strict=False)
    return {f"{column}::{language}" if language else column: _text(value) for value, language in named if value}


def _text(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
