# ruff: noqa: E501 - tables of answers are wider than code
"""Whole forms: the first question that breaks a rule is the one at which JavaRosa's own validation stops."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import polars as pl
from javarosa import ask
from xpath_differential import nodes_at, nodes_at_row, row_above, row_id
from xpath_made import make_form, make_submission

from collect.check import check
from collect.check.planner import schema_of
from collect.define import form_from_xform, load_forms
from collect.forms import Form
from collect.tables import ROOT_ANSWERS, ROW_ANSWERS, Answers
from collect.xpath import from_element
from collect.xpath.instance import Node

FORMS = load_forms(Path(__file__).parents[1] / "forms")
MADE, EACH, SHIPPED = 20, 25, 60  # made-up forms, submissions of each, submissions of each shipped form
Verdict = tuple[tuple[tuple[str, int], ...], str] | None


def answers_of(form: Form, roots: list[Node]) -> Answers:
    """Answers tables of many submissions, as the intake would make them."""
    schema = schema_of(form)
    tables = {}
    for table in form.repeats:
        declared = ROOT_ANSWERS if table == form.root else ROW_ANSWERS
        rows = []
        for number, root in enumerate(roots):
            for node in nodes_at(root, table):
                row: dict[str, object] = {"submission_id": f"uuid:{number}", "row_id": row_id(node, schema)}
                row |= {"parent_row_id": row_id(row_above(node, schema), schema), "index": node.place, "found_in": "x"}
                for question in form.questions_in(table):
                    row[question.path] = nodes_at_row(node, table, question.path).text or None
                rows.append({key: value for key, value in row.items() if key in declared.schema or key[0] == "/"})
        paths = {question.path: pl.String() for question in form.questions_in(table)}
        tables[table] = pl.DataFrame(rows, schema={**declared.schema, **paths})
    return Answers(tables)


def our_verdicts(form: Form, submissions: list[str]) -> list[Verdict]:
    """The first broken rule of each submission, in the order of the form and of its rows."""
    schema = schema_of(form)
    roots = [from_element(ET.fromstring(xml), schema) for xml in submissions]
    issues = check(answers_of(form, roots), form).issues.filter(pl.col("code").is_in(["REQ-01", "CON-01"]))
    order: dict[str, int] = {}
    for question in form.questions:
        parts = question.path.split("/")
        for end in range(2, len(parts) + 1):
            order.setdefault("/".join(parts[:end]), len(order))
    first: list[Verdict] = [None] * len(submissions)
    found: dict[int, list[tuple[tuple[tuple[int, int], ...], Verdict]]] = {}
    for key, row, question, code in issues.select("submission_id", "row_id", "question", "code").rows():
        where = steps(row + question.removeprefix(re.sub(r"\[\d+\]", "", row)))
        place, paths = [], ""
        for name, number in where:
            paths += f"/{name}"
            place.append((order[paths], number))
        verdict: Verdict = (where, "required" if code == "REQ-01" else "constraint")
        found.setdefault(int(key.removeprefix("uuid:")), []).append((tuple(place), verdict))
    for number, several in found.items():
        first[number] = min(several, key=lambda one: one[0])[1]
    return first


def steps(path: str) -> tuple[tuple[str, int], ...]:
    """Names and places of a path, "/data/person[2]/age"."""
    found = re.findall(r"/([^/\[]+)(?:\[(\d+)\])?", path)
    return tuple((name, int(place or 1)) for name, place in found)


def their_verdicts(folder: Path, asked: list[tuple[bytes, list[str]]]) -> list[tuple[list[Verdict], list[str]]]:
    """By form, JavaRosa's verdict on each submission, and each as JavaRosa would send it."""
    lines: list[str] = []
    for place, (form, submissions) in enumerate(asked):
        (folder / f"form{place}.xml").write_bytes(form)
        lines.append(f"FORM\t{folder}/form{place}.xml")
        for number, xml in enumerate(submissions):
            (folder / f"{place}-{number}.xml").write_text(xml, encoding="utf-8")
            lines += [f"SUBMISSION\t{folder}/{place}-{number}.xml", "SENT", "VALIDATE"]
    answers = iter(ask(lines))
    found: list[tuple[list[Verdict], list[str]]] = []
    for _, submissions in asked:
        assert next(answers) == ["OK"]
        verdicts: list[Verdict] = []
        sent = []
        for _ in submissions:
            loaded, shown, verdict = next(answers), next(answers), next(answers)
            assert loaded == ["OK"], loaded
            sent.append(shown[0])
            verdicts.append(None if verdict[0] == "VALID" else (steps(verdict[0]), verdict[1]))
        found.append((verdicts, sent))
    return found


def test_made_up_forms_are_judged_as_javarosa_judges_them(tmp_path: Path) -> None:
    made = [make_form(seed, ruled=True) for seed in range(MADE)]
    asked = [
        (one.xform.encode(), [make_submission(one, seed * 100 + number) for number in range(EACH)])
        for seed, one in enumerate(made)
    ]
    theirs = [verdicts for verdicts, _ in their_verdicts(tmp_path, asked)]
    ours = [our_verdicts(form_from_xform(form), submissions) for form, submissions in asked]
    assert ours == theirs
    compared = Counter("valid" if one is None else one[1] for verdicts in theirs for one in verdicts)
    assert sum(compared.values()) >= 500
    assert min(compared["valid"], compared["required"], compared["constraint"]) >= 30


def test_the_shipped_forms_are_judged_as_javarosa_judges_them(tmp_path: Path) -> None:
    rng = random.Random(7)
    asked = [(form.xform, [household(form, rng) for _ in range(SHIPPED)]) for form in FORMS]
    for form, (theirs, sent) in zip(FORMS, their_verdicts(tmp_path, asked), strict=True):
        assert our_verdicts(form, sent) == theirs
        assert None in theirs
        assert len(set(theirs)) >= 6


GOOD = {
    "round": ["r2026-1"], "interviewer": ["AB-12"], "officer": ["AB-12"], "cluster": ["29242-01"], "as_of": ["2026-01-05"],
    "today": ["2026-11-20"], "start": ["2026-11-20T08:30:00.000+07:00"], "end": ["2026-11-20T09:30:00.000+07:00"],
    "fibre_since": ["2020-05-01"], "birth_year": ["1990", "2010", ""], "age": ["36", "16", "3"], "name": ["x"],
    "households": ["40"], "fibre_passed": ["yes"],
}  # fmt: skip
BAD = {
    "round": ["R 1", ""], "interviewer": ["ab"], "officer": ["12"], "cluster": ["1"], "as_of": ["2020-01-01"],
    "fibre_since": ["2001-01-01", "2027-01-01"], "birth_year": ["1800", "1999"], "age": ["130", "-1", ""], "households": ["9000"],
}  # fmt: skip


def household(form: Form, rng: random.Random) -> str:  # noqa: C901 - one answer per kind of question
    """A return of a shipped form: choices that belong together, mostly good answers, here and there a bad one."""
    wrong = rng.choice([0.0, 0.01, 0.03])
    rows = rng.randint(1, 3)
    chosen: dict[str, str] = {}

    def answer(path: str) -> str:
        question = form.by_path[path]
        name = question.name
        if question.calculate or question.preload.startswith("property"):
            return ""
        if name in ("size", "hamlet_count"):
            return str(rows)
        if name == "code":
            return f"{chosen.get('commune', '29242')}-0{rng.randint(1, 9)}"
        if rng.random() < wrong:
            return rng.choice(BAD.get(name, [""]))
        if question.choice_list:
            offered = [
                choice
                for choice in form.choices[question.choice_list]
                if all(choice.columns.get(key, value) == value for key, value in chosen.items())
            ]
            several = rng.randint(1, 2) if question.type == "select_multiple" else 1
            picked = " ".join(choice.name for choice in rng.sample(offered, min(several, len(offered))))
            if name in ("province", "commune"):
                chosen[name] = picked
            return picked
        return rng.choice(GOOD.get(name, [""]))

    def inside(at: str) -> str:
        below = dict.fromkeys(path[len(at) + 1 :].split("/")[0] for path in form.by_path if path.startswith(f"{at}/"))
        out = ""
        for name in below:
            path = f"{at}/{name}"
            many = rows if path in form.repeats else 1
            out += "".join(
                f"<{name}>{answer(path) if path in form.by_path else inside(path)}</{name}>" for _ in range(many)
            )
        return out

    return f'<data id="{form.form_id}" version="{form.version}">{inside(form.root)}</data>'
