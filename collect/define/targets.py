"""Reads ``forms/targets.csv``: what the decisions promise, one dated row per promise, values kept exact.

Columns: ``target_id, number, indicator, level, year, operator, value, unit, decision, decided_on, label_vi, label_km,
label_en, note``. ``value`` is a share from 0 to 1 ("0.8"), a rank or a growth, as ``unit`` says; ``indicator`` is empty
where no form measures it yet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import get_args

from collect.define.findings import Finding, stop_at_first
from collect.i18n import LANGUAGES, unbroken
from collect.indicators import Indicator
from collect.problems import DefinitionError
from collect.targets import Operator, Target

COLUMNS = (
    "target_id", "number", "indicator", "level", "year", "operator", "value", "unit", "decision", "decided_on",
    "label_vi", "label_km", "label_en", "note",
)  # fmt: skip
REQUIRED = tuple(column for column in COLUMNS if column not in ("indicator", "note"))
OPERATORS = get_args(Operator)
LEVELS = ("province", "district", "commune")
UNITS = ("share", "rank", "growth")
CLOSED = {"operator": OPERATORS, "level": LEVELS, "unit": UNITS}


def load_targets(path: Path, indicators: Sequence[Indicator] | None = None) -> tuple[Target, ...]:
    """Read every target. Raises DefinitionError naming file and line at the first row that is wrong.

    With ``indicators``, a target that names an indicator outside them is wrong too.
    """
    rows = _rows(path)
    stop_at_first(tuple(_check(rows, path.name, indicators)))
    return tuple(_target(row) for _, row in rows)


def check_targets(path: Path, indicators: Sequence[Indicator] | None = None) -> tuple[Finding, ...]:
    """Everything that is wrong with the file, row by row."""
    return tuple(_check(_rows(path), path.name, indicators))


Rows = list[tuple[int, dict[str, str]]]  # line in the file, row


def _rows(path: Path) -> Rows:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError("DEF-03", file=path.name, reason=str(error)) from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise DefinitionError("DEF-20", file=path.name, where="1", missing=", ".join(missing))
    rows: Rows = []
    for row in reader:
        cells = {column: (row[column] or "").strip() for column in COLUMNS}
        if any(cells.values()):
            rows.append((reader.line_num, cells))
    return rows


def _check(rows: Rows, file: str, indicators: Sequence[Indicator] | None) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    known = None if indicators is None else [indicator.indicator_id for indicator in indicators]
    for line, row in rows:
        where = str(line)
        for column, expected in _faults(row):
            yield _fault(file, where, column, row[column], expected)
        first = seen.setdefault(row["target_id"], line)
        if first != line:
            yield Finding(file, where, "DEF-22", values={"value": row["target_id"], "first": first})
        if known is not None and row["indicator"] and row["indicator"] not in known:
            yield _fault(file, where, "indicator", row["indicator"], ", ".join(known))


def _fault(file: str, where: str, column: str, value: str, expected: str) -> Finding:
    return Finding(file, where, "DEF-21", values={"column": column, "value": value, "expected": expected})


def _faults(row: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Columns of a row that are wrong, with what would be right."""
    yield from ((column, "…") for column in REQUIRED if not row[column])
    for column, allowed in CLOSED.items():
        if row[column] and row[column] not in allowed:
            yield column, " | ".join(allowed)
    if row["year"] and not (row["year"].isascii() and row["year"].isdigit() and len(row["year"]) == 4):
        yield "year", "2025"
    if row["value"] and not _is_value(row["value"], row["unit"]):
        yield "value", "0.8" if row["unit"] == "share" else "20"
    if row["decided_on"] and not _is_date(row["decided_on"]):
        yield "decided_on", "2022-07-12"


def _is_value(text: str, unit: str) -> bool:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        return False
    return 0 <= value <= 1 if unit == "share" else value >= 0


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _target(row: dict[str, str]) -> Target:
    return Target(
        target_id=row["target_id"],
        number=row["number"],
        indicator=row["indicator"],
        level=row["level"],
        year=int(row["year"]),
        operator=row["operator"],  # type: ignore[arg-type]  # checked against the closed list
        value=Fraction(row["value"]),
        unit=row["unit"],  # type: ignore[arg-type]  # likewise
        decision=row["decision"],
        decided_on=date.fromisoformat(row["decided_on"]),
        labels={language: unbroken(row[f"label_{language}"]) for language in LANGUAGES},
        note=row["note"],
    )
