"""Ask ODK Web Forms' engine and this project's web profile the same of made-up forms, and gather where they differ."""

from __future__ import annotations

import math
import random
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

from webforms import Answer, Engine
from xpath_differential import nodes_at, position
from xpath_made import TEMPLATES, Made, Maker, make_form, make_submission

from collect.xpath import Schema, XPathError, from_element
from collect.xpath.evaluate import reader_at
from collect.xpath.functions import functions_used
from collect.xpath.parse import parse
from collect.xpath.web_library import LACKING

AT_ONCE = 48  # questions in one form: the engine's time grows faster than they do
WAYS = {"s": "{0}", "b": "boolean({0})", "n": "0 + ({0})"}  # as it is, as truth, as number
# A calculated node that reads itself is calculated again and again: such functions are asked in a table of their own.
OWN = {
    "string-length()": "string-length(/data/name)",
    "normalize-space()": "normalize-space(/data/name)",
    "once(": "string(",
}


@dataclass(frozen=True)
class Question:
    """An expression at the calculated node ``name`` of every row of ``table``."""

    table: str
    name: str
    text: str

    @property
    def calculations(self) -> dict[str, str]:
        """The calculated nodes that ask for it as text, truth and number."""
        return {f"{self.name}{way}": wording.format(self.text) for way, wording in WAYS.items()}


@dataclass
class Findings:
    """What a run found."""

    pairs: int = 0
    stopped: Counter[str] = field(default_factory=Counter)  # expressions where the engine stops, by its reason
    differ: list[str] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)


def make_questions(schema: Schema, count: int, seed: int) -> list[Question]:
    """Every template in turn, in a row of a table picked at random."""
    rng = random.Random(seed)
    templates = [template for several in TEMPLATES.values() for template in several]
    made: list[Question] = []
    for number in range(count):
        table = rng.choice(list(schema.tables))
        maker = Maker(schema, f"{table}/q{number}s", rng)
        text = maker.fill(templates[number % len(templates)], 0)
        for own, other in OWN.items():
            text = text.replace(own, other)
        if not functions_used(parse(text)) & LACKING:
            made.append(Question(table, f"q{number}", text))
    return made


def run(asked: Engine, forms: int, submissions: int, expressions: int, seed: int) -> Findings:
    """``forms`` made-up forms with ``submissions`` each and ``expressions`` each, in every row they can stand in."""
    found = Findings()
    for number in range(seed, seed + forms):
        made = make_form(number)
        texts = [make_submission(made, number * 1000 + place) for place in range(submissions)]
        questions = make_questions(made.schema, expressions, number)
        waiting = [questions[start : start + AT_ONCE] for start in range(0, len(questions), AT_ONCE)]
        while waiting:
            group = waiting.pop()
            written = [_written(text, made.schema, group) for text in texts]
            answers = asked.ask(_form(made, group), written)
            error = next((answer.error for answer in answers if answer.error), "")
            if error and len(group) > 1:
                waiting += [group[: len(group) // 2], group[len(group) // 2 :]]
            elif error:
                found.stopped[re.sub(r"[\"'].*", "…", error)[:60]] += 1
            else:
                for xml, answer in zip(written, answers, strict=True):
                    _compare(xml, made.schema, group, answer, found)
    return found


def _form(made: Made, group: list[Question]) -> str:
    binds = "".join(
        f'<bind nodeset="{one.table}/{name}" type="string" calculate="{escape(text, {chr(34): "&quot;"})}"/>'
        for one in group
        for name, text in one.calculations.items()
    )
    return _written(made.xform, made.schema, group).replace("<bind ", f"{binds}<bind ", 1)


def _written(xml: str, schema: Schema, group: Sequence[Question]) -> str:
    """A form or a submission with the calculated nodes, blank, at the head of each row they stand in."""
    for table in schema.tables:
        nodes = "".join(f"<{name}/>" for one in group if one.table == table for name in one.calculations)
        tag = table.rsplit("/", 1)[1]
        xml = re.sub(rf"(<{tag}(?: [^>]*)?>)", rf"\1{nodes}", xml)
    return xml


def _compare(xml: str, schema: Schema, group: list[Question], answer: Answer, found: Findings) -> None:
    tables = {
        table: {
            **types,
            **{f"{table}/{name}": "string" for one in group if one.table == table for name in one.calculations},
        }
        for table, types in schema.tables.items()
    }
    wider = replace(schema, tables=tables)
    root = from_element(ET.fromstring(xml), wider)
    now = (datetime.now(UTC) + timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M:%S.000+07:00")
    for one in group:
        found.functions.update(re.findall(r"([a-z][a-z0-9:-]*)\(", one.text))
        tree = parse(one.text)
        for node in nodes_at(root, f"{one.table}/{one.name}s"):
            found.pairs += 1
            reader = reader_at(node, wider, "web", now)
            try:
                value = reader.value(tree)
                ours: str | tuple[str, bool, float] = (
                    reader.casts.text(value), reader.casts.truth(value), reader.casts.number(value),
                )  # fmt: skip
            except XPathError as error:
                ours = f"{error.code}: {error}"
            theirs = tuple(answer.values[_reference(position(node), schema, way)] for way in WAYS)
            if not same(ours, theirs):
                found.differ.append(f"{position(node)}: {one.text} ours {ours} theirs {theirs}")


def _reference(at: str, schema: Schema, way: str) -> str:
    """A node as the engine names it: places on rows only."""
    steps, path, out = at.split("/")[1:], "", ""
    for step in steps:
        name, place = step.rstrip("]").split("[")
        path += f"/{name}"
        out += f"/{name}[{place}]" if path in schema.tables and path != schema.root else f"/{name}"
    return out.removesuffix("s") + way


def same(ours: str | tuple[str, bool, float], theirs: tuple[str | None, ...]) -> bool:
    """Whether the two agree, up to the last digits of a number; the engine stores NaN as blank."""
    if isinstance(ours, str):
        return False
    shown, truth, number = ours
    text, their_truth, their_number = theirs
    texts = text in (shown, "" if shown == "NaN" else shown) or _close(_number(shown), _number(text))
    return texts and their_truth == str(truth).lower() and _close(number, _number(their_number))


def _number(text: str | None) -> float:
    try:
        return float((text or "NaN").replace("Infinity", "inf"))
    except ValueError:
        return math.nan


def _close(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= 1e-11 * max(abs(a), abs(b))
