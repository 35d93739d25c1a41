"""Reads ``forms/indicators/*.toml`` and holds each indicator against the form whose words it uses.

A file holds one indicator: ``id`` and the other fields of `collect.indicators.Indicator` as keys, ``labels`` and
``definitions`` as tables with ``vi``, ``km`` and ``en``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from collect.define.design import read_toml
from collect.define.evaluable import EXPRESSIONS, check_evaluable
from collect.define.expressions import check_expression
from collect.define.findings import Finding, finding_of, stop_at_first
from collect.forms import Form
from collect.i18n import LANGUAGES
from collect.indicators import GapType, Indicator
from collect.problems import DefinitionError

KEYS = tuple("id" if field.name == "indicator_id" else field.name for field in fields(Indicator))
OPTIONAL = ("unknown",)
TRANSLATED = ("labels", "definitions")
CLOSED = {"gap_type": get_args(GapType), "counted_in": ("households", "people", "communes")}


def load_indicators(folder: Path, forms: Iterable[Form]) -> tuple[Indicator, ...]:
    """Read the indicators of a forms folder, each held against its form. Raises DefinitionError at the first fault."""
    by_id = {form.form_id: form for form in forms}
    indicators = tuple(load_indicator(path) for path in indicator_files(folder))
    for path, indicator in zip(indicator_files(folder), indicators, strict=True):
        stop_at_first(_repeated(indicator, indicators, path.name))
        stop_at_first(_against(indicator, by_id, path.name))
    return indicators


def check_indicators(folder: Path, forms: Iterable[Form]) -> tuple[tuple[Indicator, ...], tuple[Finding, ...]]:
    """The indicators that can be read, and everything that is wrong with any of them."""
    by_id = {form.form_id: form for form in forms}
    indicators: list[Indicator] = []
    findings: list[Finding] = []
    for path in indicator_files(folder):
        try:
            indicator = load_indicator(path)
        except DefinitionError as error:
            findings.append(finding_of(error, path.name))
            continue
        indicators.append(indicator)
        findings += _repeated(indicator, indicators, path.name)
        findings += _against(indicator, by_id, path.name)
    return tuple(indicators), tuple(findings)


def indicator_files(folder: Path) -> tuple[Path, ...]:
    """The indicator files of a forms folder, by name."""
    return tuple(sorted((folder / "indicators").glob("*.toml")))


def load_indicator(path: Path) -> Indicator:
    """Read one indicator file. Raises DefinitionError naming file and key."""
    table = read_toml(path)
    stop_at_first(tuple(_faults(table, path.name)))
    return Indicator(indicator_id=table.pop("id"), **table)


def check_indicator(indicator: Indicator, form: Form, file: str = "") -> tuple[Finding, ...]:
    """What does not fit: paths that do not exist, choices nobody offers, types that cannot be compared."""
    file = file or indicator.indicator_id
    if indicator.unit not in form.repeats:
        near = ", ".join(form.repeats)
        return (Finding(file, "unit", "DEF-06", values={"value": indicator.unit, "near": near}),)
    found = [
        finding
        for key in EXPRESSIONS
        if getattr(indicator, key)
        for finding in check_expression(getattr(indicator, key), form, at=indicator.unit, file=file, where=key)
    ]
    return tuple(found or check_evaluable(indicator, form, file))


def _against(indicator: Indicator, forms: dict[str, Form], file: str) -> tuple[Finding, ...]:
    form = forms.get(indicator.form)
    if form is None:
        near = ", ".join(forms)
        return (Finding(file, "form", "DEF-10", values={"value": indicator.form, "near": near}),)
    return check_indicator(indicator, form, file)


def _repeated(indicator: Indicator, indicators: Iterable[Indicator], file: str) -> tuple[Finding, ...]:
    same = [other for other in indicators if other.indicator_id == indicator.indicator_id]
    if len(same) < 2:
        return ()
    return (Finding(file, "id", "DEF-22", values={"value": indicator.indicator_id, "first": indicator.indicator_id}),)


def _faults(table: dict[str, Any], file: str) -> Iterator[Finding]:
    for key in table:
        if key not in KEYS:
            yield Finding(file, key, "DEF-04", values={"near": ", ".join(KEYS)})
        elif key in TRANSLATED:
            yield from _words(table[key], key, file)
        elif not isinstance(table[key], str):
            yield Finding(file, key, "DEF-05", values={"value": table[key], "expected": '"..."'})
        elif key in CLOSED and table[key] not in CLOSED[key]:
            yield Finding(file, key, "DEF-05", values={"value": table[key], "expected": " | ".join(CLOSED[key])})
    yield from (Finding(file, key, "DEF-11") for key in KEYS if key not in table and key not in OPTIONAL)


def _words(words: object, key: str, file: str) -> Iterator[Finding]:
    for language in LANGUAGES:
        if not isinstance(words, dict) or not isinstance(words.get(language), str) or not words[language].strip():
            yield Finding(file, f"{key}.{language}", "DEF-11")
