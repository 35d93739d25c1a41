"""The data dictionary, printed from the same lines that the tables are checked against."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from collect.contract import Column
from collect.i18n import LANGUAGES, t
from collect.publish.release import Release
from collect.tables import GAPS

SCHEMA = "https://datapackage.org/profiles/2.0/datapackage.json"  # the name of the standard; nothing is fetched
DESCRIPTOR = "datapackage.json"
KINDS: Mapping[str, tuple[str, str]] = {  # our kinds to Data Package types and formats
    "text": ("string", "default"), "whole": ("integer", "default"), "share": ("number", "default"),
    "number": ("number", "default"), "date": ("date", "default"), "instant": ("datetime", "default"),
    "yes_no": ("boolean", "default"), "bytes": ("string", "binary"),
}  # fmt: skip
MADE_UP = Column("made_up", "yes_no", "whether the figures are made up, for a demonstration", required=True)
COLUMNS = (*GAPS.columns, MADE_UP)  # of every file: a run knows whether it is made up, its rows do not
MEDIA = {
    ".parquet": ("parquet", "application/vnd.apache.parquet"),
    ".csv": ("csv", "text/csv"),
    ".xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


def data_dictionary(language: str) -> pl.DataFrame:
    """One row per column of the gap list as a file: column, kind, unit, description, allowed, required."""
    return pl.DataFrame(
        {
            "column": [column.name for column in COLUMNS],
            "kind": [t(f"column.kind.{column.kind}", language) for column in COLUMNS],
            "unit": [unit_of(column, language) for column in COLUMNS],
            "description": [description_of(column, language) for column in COLUMNS],
            "allowed": [_allowed(column) for column in COLUMNS],
            "required": [column.required for column in COLUMNS],
        }
    )


def description_of(column: Column, language: str) -> str:
    """What a column of the gap list holds, with plain blanks: it goes into files."""
    return t(f"column.gaps.{column.name}", language).replace("\u00a0", " ")


def unit_of(column: Column, language: str) -> str:
    """Its unit, or nothing where it has none."""
    return t(f"column.unit.{column.unit}", language) if column.unit else ""


def write_package(file: Path, columns: list[str], rows: int, release: Release, language: str) -> Path:
    """Describe ``file`` in the Data Package (v2) of its folder, with its hash and size; other files' entries stay.

    A ``datapackage.json`` that somebody else wrote is left alone: ours is then named after the file.
    """
    target = file.with_name(DESCRIPTOR)
    kept = _ours(target)
    if kept is None:
        target, kept = file.with_name(f"{file.stem}.{DESCRIPTOR}"), {}
    others = [
        entry for entry in kept.get("resources", []) if _stands(file.parent, entry) and entry["path"] != file.name
    ]
    resources = [*others, _resource(file, columns, rows, release, language)]
    descriptor = {
        "$schema": SCHEMA,
        "name": "phu-gaps",
        "id": release.release,
        "title": t("publish.title", language),
        "description": " ".join(release.notices(language)) or t("publish.description", language),
        "version": release.as_of,
        "licenses": [{"name": release.licence, "title": t("publish.licence", language)}],
        "made_up": release.made_up,
        "resources": sorted(resources, key=lambda entry: str(entry["path"])),
    }
    target.write_text(json.dumps(descriptor, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return target


def _ours(descriptor: Path) -> dict[str, Any] | None:
    """What stands there: nothing ({}), ours, or somebody else's (None)."""
    if not descriptor.is_file():
        return {}
    try:
        stands = json.loads(descriptor.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return stands if isinstance(stands, dict) and stands.get("name") == "phu-gaps" else None


def _stands(folder: Path, entry: Mapping[str, Any]) -> bool:
    """Whether a described file is still there, unchanged."""
    file = folder / Path(str(entry.get("path", ""))).name
    return file.is_file() and entry.get("hash") == _hash(file)


def _hash(file: Path) -> str:
    return "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()


def _resource(file: Path, columns: list[str], rows: int, release: Release, language: str) -> dict[str, Any]:
    form, media = MEDIA[file.suffix.lower()]
    declared = {column.name: column for column in COLUMNS}
    return {
        "name": f"{file.stem}-{form}".lower(),
        "path": file.name,
        "type": "table",
        "format": form,
        "mediatype": media,
        "encoding": "utf-8",
        "bytes": file.stat().st_size,
        "hash": _hash(file),
        "rows": rows,
        "sources": [{"title": release.boundaries_source}] if release.boundaries_source else [],
        "schema": {
            "primaryKey": list(GAPS.key),
            "missingValues": [""],
            "fields": [_field(declared[name], language) for name in columns if name in declared],
        },
    }


def _field(column: Column, language: str) -> dict[str, Any]:
    kind, form = KINDS[column.kind]
    constraints: dict[str, Any] = {"required": True} if column.required else {}
    if column.between is not None:
        constraints |= {"minimum": column.between[0], "maximum": column.between[1]}
    if column.among:
        constraints["enum"] = list(column.among)
    field: dict[str, Any] = {"name": column.name, "type": kind, "format": form}
    field["description"] = description_of(column, language)
    field["descriptions"] = {lang: description_of(column, lang) for lang in LANGUAGES}
    if column.unit:
        field["unit"] = unit_of(column, language)
    return field | ({"constraints": constraints} if constraints else {})


def _allowed(column: Column) -> str:
    if column.among:
        return " | ".join(column.among)
    return f"{column.between[0]:g} – {column.between[1]:g}" if column.between is not None else ""
