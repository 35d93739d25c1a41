"""Finds the choices of a form: in its secondary instances, in CSV files beside it, or written inside the question."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lxml import etree

from collect.define.itext import Itext, text_of
from collect.forms import Choice, Words
from collect.problems import DefinitionError

MADE_HERE = ("communes.csv", "hamlets.csv")  # what phones get though nobody put them beside the form
INSTANCE = re.compile(r"instance\(\s*['\"]([^'\"]+)['\"]\s*\)")


@dataclass(frozen=True, slots=True)
class Itemset:
    """Where a select takes its choices from. ``source`` is the instance, "" when they are rows of the form itself."""

    source: str
    value: str  # child that holds the answer
    label: str  # child that holds the words, or the itext id
    filter: str | None

    @property
    def list_name(self) -> str | None:
        """Name of the list in ``Form.choices``; the same instance read by another value column is another list."""
        if not self.source:
            return None
        return self.source if self.value == "name" else f"{self.source}:{self.value}"


def itemset_of(control: etree._Element) -> Itemset | None:
    """The itemset of a select, or None when it has none."""
    query = control.get("query", "")
    if query:
        source, rule = _split(query)
        return Itemset(source, "name", "label", rule)
    itemset = next((child for child in control if _local(child) == "itemset"), None)
    if itemset is None:
        return None
    source, rule = _split(itemset.get("nodeset", ""))
    references = {_local(child): child.get("ref", "") for child in itemset}
    label = re.sub(r"^jr:itext\((.*)\)$", r"\1", references.get("label", "label").strip())
    return Itemset(source, references.get("value", "name").strip(), label.strip(), rule)


def inline_choices(control: etree._Element, itext: Itext) -> tuple[Choice, ...]:
    """Choices written as ``<item>`` inside the question, as older forms do."""
    choices = []
    for item in control:
        if _local(item) == "item":
            parts = {_local(child): child for child in item}
            value = text_of(parts["value"]) if "value" in parts else ""
            choices.append(Choice(value, itext.words_of(parts["label"]) if "label" in parts else {}))
    return tuple(choices)


def read_lists(
    model: etree._Element, itext: Itext, itemsets: Iterable[Itemset], folder: Path | None, *, lenient: bool = False
) -> dict[str, tuple[Choice, ...]]:
    """All secondary instances as lists of choices; CSV lists only when ``folder`` says where they lie.

    A CSV that is not there is an error, or when ``lenient`` a list that nobody knows; so is one of `MADE_HERE`.
    """
    readings: dict[str, dict[str, Itemset]] = {}
    for itemset in itemsets:
        readings.setdefault(itemset.source, {})[itemset.list_name or ""] = itemset
    lists: dict[str, tuple[Choice, ...]] = {}
    for instance in [child for child in model if _local(child) == "instance" and child.get("id")]:
        name = instance.get("id", "")
        rows = _rows(instance, folder, lenient=lenient)
        if rows is not None:
            ways = {name: Itemset(name, "name", "label", None)} | readings.get(
                name, {}
            )  # instance() asks for the whole
            lists.update({key: tuple(_choice(row, way, itext) for row in rows) for key, way in ways.items()})
    return lists


def _rows(instance: etree._Element, folder: Path | None, *, lenient: bool) -> list[Mapping[str, str]] | None:
    source = instance.get("src", "")
    if not source:
        return [_row(item) for item in instance.iter() if _local(item) == "item"]
    if folder is None or not source.endswith(".csv"):
        return None
    file = folder / PurePosixPath(source).name
    if not file.is_file():
        if lenient or file.name in MADE_HERE:
            return None
        raise DefinitionError("DEF-12", file=file.name, folder=folder.name)
    return list(_csv_rows(file))


def _row(item: etree._Element) -> dict[str, str]:
    return {_local(child): text_of(child) for child in item if isinstance(child.tag, str)}


def _csv_rows(file: Path) -> Iterator[dict[str, str]]:
    for row in csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")):
        yield {name: value for name, value in row.items() if name and isinstance(value, str)}


def _choice(row: Mapping[str, str], way: Itemset, itext: Itext) -> Choice:
    words = itext.texts.get(row["itextId"], {}) if "itextId" in row else _labels(row, way.label, itext)
    hidden = {"itextId", way.label, *(() if way.value != "name" else ("name",))}
    further = {name: value for name, value in row.items() if name not in hidden and not name.startswith("label::")}
    return Choice(row.get(way.value, ""), words, further)


def _labels(row: Mapping[str, str], column: str, itext: Itext) -> Words:
    """Words of a CSV row: one column per language ("label::English (en)") where there are such, else one for all."""
    translated = {language: row[f"label::{language}"] for language in itext.languages if row.get(f"label::{language}")}
    return translated or itext.everywhere(row.get(column, ""))


def _split(nodeset: str) -> tuple[str, str | None]:
    """``instance('communes')/root/item[a = b]`` into the instance's name and its filter."""
    match = INSTANCE.search(nodeset)
    predicates = list(_predicates(nodeset))
    rule = predicates[0] if len(predicates) == 1 else " and ".join(f"({part})" for part in predicates)
    leads = match is not None and nodeset.strip().removeprefix("randomize(").lstrip().startswith("instance(")
    return (match.group(1) if match and leads else ""), rule or None


def _predicates(nodeset: str) -> Iterator[str]:
    """The outermost predicates, brackets and quotes inside them left alone."""
    depth, start, quote = 0, 0, ""
    for position, sign in enumerate(nodeset):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == "[":
            start, depth = (position + 1, 1) if depth == 0 else (start, depth + 1)
        elif sign == "]":
            depth -= 1
            if depth == 0:
                yield nodeset[start:position].strip()


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
