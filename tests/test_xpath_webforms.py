# ruff: noqa: E501 - tables of answers are wider than code
"""ODK Web Forms itself is asked the same as the profile "web": expressions over every function, and whole forms."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from test_xpath_verdicts import household, steps
from webforms import Answer, Engine, engine
from webforms_differential import run, same
from xpath_made import make_form, make_submission

from collect.check.planner import schema_of
from collect.define import form_from_xform, load_forms
from collect.forms import Form
from collect.xpath import ARITY, UNSUPPORTED, Schema, XPathError
from collect.xpath.evaluate import reader_at
from collect.xpath.instance import Node, node_at
from collect.xpath.parse import parse
from collect.xpath.web_library import LACKING

FORMS, SUBMISSIONS, EXPRESSIONS = (int(n) for n in os.environ.get("WEBFORMS_FUZZ", "5,2,145").split(","))
SEED = int(os.environ.get("XPATH_SEED", "900"))
NOW = "2026-11-23T09:00:00.000+07:00"


@pytest.fixture(scope="module")
def webforms() -> Iterator[Engine]:
    with engine() as started:
        yield started


def test_web_forms_and_the_web_profile_agree_on_made_up_expressions(webforms: Engine) -> None:
    found = run(webforms, FORMS, SUBMISSIONS, EXPRESSIONS, SEED)
    print(f"{found.pairs} pairs, the engine stopped at {sum(found.stopped.values())}: {dict(found.stopped)}")
    assert found.differ == []
    assert found.pairs >= 2_000 or "WEBFORMS_FUZZ" in os.environ
    assert sum(found.stopped.values()) <= FORMS * EXPRESSIONS / 50
    asked_apart = {"once", "pulldata"}
    assert set(ARITY) - set(UNSUPPORTED) - LACKING - found.functions <= asked_apart


# An expression at a calculated node of a small form, and what both make of it.
ALIKE = [
    ("string-length(/data/name)", "3"), ("string-length('😀')", "2"), ("once('a')", "a"), ("decimal-time('12:00')", "0.5"),
    ("decimal-time('06:00:00.000+07:00')", "0.25"), ("decimal-time('2026-11-20T12:00:00.000+07:00')", ""),
    ("number('2026-11-20')", "20776"), ("0 + '2026-11-20'", "20776.708333333332"), ("int(date('2026-11-20'))", "20776"),
    ("number(date('2026-11-20'))", "2026-11-20"), ("date('2026-1-5')", "2026-01-05"), ("date('x')", "Invalid Date"),
    ("date(0)", "1970-01-01T07:00:00.000+07:00"), ("date('')", ""), ("date(true())", ""),
    ("date('2026-11-20T08:30:00.500+00:00')", "2026-11-20T15:30:00.5+07:00"), ("date('2026-11-20T17:00:00Z')", "2026-11-21"),
    ("format-date('2026-11-22', '[%a] %e %W')", "[] 22 %W"), ("format-date-time('2026-11-20T08:05:09', '%H:%M:%S.%3')", "08:05:09.000"),
    ("string(number('x'))", ""), ("sum(/data/person[age > 9]/age)", ""), ("1 or false()", "1"), ("'' or 'a'", "a"),
    ("max(/data/person/age)", "4"), ("/data/person/age > 3", "true"), ("/data/person[2]/who", "Ba"),
    ("selected('', '')", "true"), ("selected('1 2', 2)", "true"), ("selected-at('a b', '1x')", "b"), ("count-selected(' a  b ')", "2"),
    ("substr('hello', 'x')", ""), ("substr('hello', -2)", "lo"), ("substring-after('a--b', '--')", "-b"),
    ("coalesce(/data/n, 1) = '2'", "true"), ("boolean-from-string('TRUE')", "false"), ("round(-2.5)", "-3"), ("round(2.345, 2)", "2.35"),
    ("pow(1, number('x'))", ""), ("0.00001", "0.00001"), ("0.0000001", "1e-7"), ("exp10(30)", "1e+30"),
    ("checklist(-1, -1, 0)", "true"), ("weighted-checklist(1, -1, 1, 2)", "true"), ("indexed-repeat(/data/person/who, /data/person, 2)", "Ba"),
    ("indexed-repeat(/data/person/who, /data/person, 9)", ""), ("position(/data/person[2])", "2"), ("area('10 106; 10 107; 11 107; 10 106')", "6092113672.23"),
    ("distance('10 106; 10 106.01')", "1096.28"), ("/data/nowhere = ''", "false"), ("normalize-space(' a   b ')", "a b"), ("digest('a', 'MD5', 'hex')", "0cc175b9c0f1b6a831c399e269772661"),
]  # fmt: skip

# expression, what it is here, what it is to the engine ("ERROR": it stops at the form), why
INTENDED = [
    ("date('2026-13-45')", "Invalid Date", "ERROR", "one row's bad text does not stop the others"),
    ("random() < 2", "ERROR", "true", "drawn on the device"),
    ("string-length(uuid())", "ERROR", "36", "drawn on the device"),
    ("digest('a', 'md5')", "ERROR", "ERROR", "names of algorithms are in capitals"),
    ("distance('10 106')", "ERROR", "ERROR", "one point has no distance"),
    *((f"{name}({arguments})", "ERROR", "ERROR", "the engine has no such function") for name, arguments in {
        "depend": "1, 2", "enclosed-area": "'10 106'", "extract-signed": "'a', 'b'", "is-selected": "'a', 'a'",
        "property": "'deviceid'", "search": "'x'", "version": "",
    }.items()),
]  # fmt: skip

_SMALL = Schema(
    "/data",
    {
        "/data": {"/data/n": "int", "/data/name": "string", "/data/q": "string"},
        "/data/person": {"/data/person/age": "int", "/data/person/who": "string"},
    },
)
_SMALL_FORM = """<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
xmlns:jr="http://openrosa.org/javarosa"><h:head><h:title>t</h:title><model><instance><data id="t"><n/><name/>{nodes}
<person jr:template=""><age/><who/></person></data></instance><bind nodeset="/data/n" type="int"/>
<bind nodeset="/data/person/age" type="int"/>{binds}</model></h:head><h:body><input ref="/data/n"/>
<group ref="/data/person"><repeat nodeset="/data/person"><input ref="/data/person/age"/></repeat></group></h:body></h:html>"""
_SMALL_ANSWERS = (
    '<data id="t"><n>2</n><name>abc</name>{nodes}'
    "<person><age>3</age><who>An</who></person><person><age>4</age><who>Ba</who></person></data>"
)


def asked_of(webforms: Engine, expressions: list[str]) -> list[str]:
    """What the engine makes of expressions, all in one form; "ERROR" for each when it stops."""
    nodes = "".join(f"<q{number}/>" for number in range(len(expressions)))
    binds = "".join(
        f'<bind nodeset="/data/q{number}" type="string" calculate="{escape(text)}"/>'
        for number, text in enumerate(expressions)
    )
    (answer,) = webforms.ask(_SMALL_FORM.format(nodes=nodes, binds=binds), [_SMALL_ANSWERS.format(nodes=nodes)])
    return ["ERROR" if answer.error else str(answer.values[f"/data/q{number}"]) for number in range(len(expressions))]


def ours(expression: str) -> str:
    """What the profile "web" makes of an expression there."""
    root = tree_of({"/data/n": "2", "/data/name": "abc", "/data/q": "", "/data/person[1]/age": "3", "/data/person[1]/who": "An",
                    "/data/person[2]/age": "4", "/data/person[2]/who": "Ba"})  # fmt: skip
    reader = reader_at(node_at(root, "/data/q"), _SMALL, "web", NOW)
    try:
        return reader.casts.text(reader.value(parse(expression)))
    except XPathError:
        return "ERROR"


def test_what_matters_to_a_rule_is_as_the_engine_has_it(webforms: Engine) -> None:
    expressions = [expression for expression, _ in ALIKE]
    expected = dict(ALIKE)
    assert {text: ours(text) for text in expressions} == expected
    assert dict(zip(expressions, asked_of(webforms, expressions), strict=True)) == expected


@pytest.mark.parametrize(("expression", "here", "there", "reason"), INTENDED)
def test_every_difference_from_web_forms_is_meant(
    expression: str, here: str, there: str, reason: str, webforms: Engine
) -> None:
    assert reason
    assert (ours(expression), asked_of(webforms, [expression])) == (here, [there])


def test_a_function_that_the_engine_lacks_is_in_the_table() -> None:
    assert {row[0].split("(")[0] for row in INTENDED if "no such function" in row[3]} == LACKING


def test_a_difference_would_be_seen() -> None:
    assert not same(("3", True, 3.0), ("4", "true", "4"))
    assert not same(("3", True, 3.0), ("3", "false", "3"))
    assert not same("unknown_path: no", ("", "false", ""))
    assert same(("3", True, 3.0), ("3", "true", "3"))


# --- whole forms


def tree_of(values: dict[str, str | None]) -> Node:
    """The engine's answers, by reference, as a tree; what is not relevant is blank."""
    root = Node("", "")
    for reference, value in values.items():
        node = root
        for name, place in steps(reference):
            siblings = node.children.get(name, [])
            node = next((one for one in siblings if one.place == place), None) or node.add(name)
        node.text = value or ""
    (top,) = next(iter(root.children.values()))
    top.parent = None
    return top


class Judge:
    """The profile "web" judging one submission by a form's rules."""

    def __init__(self, form: Form, answer: Answer) -> None:
        self.form, self.schema, self.root = form, schema_of(form), tree_of(answer.values)
        self.relevance = {one.path: one.relevant for one in form.sections if one.relevant}
        self.relevance |= {one.path: one.relevant for one in form.questions if one.relevant}

    def holds(self, rule: str | None, node: Node) -> bool:
        reader = reader_at(node, self.schema, "web", NOW)
        return rule is not None and reader.casts.truth(reader.value(parse(rule)))

    def relevant(self, node: Node) -> bool:
        return all(self.holds(self.relevance[one.path], one) for one in node.line() if one.path in self.relevance)

    def refused(self, reference: str) -> str | None:
        """The rule that the answer at a reference breaks."""
        node = node_at(self.root, reference)
        question = self.form.by_path.get(node.path)
        if question is None or not self.relevant(node):
            return None
        if not node.text:
            return "required" if self.holds(question.required, node) else None
        return "constraint" if question.constraint and not self.holds(question.constraint, node) else None


def judged_alike(form: Form, answers: list[Answer]) -> Counter[str]:
    """Compare relevance and every refusal of every answer; how many submissions came out how."""
    count: Counter[str] = Counter()
    for answer in answers:
        assert not answer.error
        judge = Judge(form, answer)
        places = [reference for reference in answer.values if node_at(judge.root, reference).path in form.by_path]
        relevant = {place: judge.relevant(node_at(judge.root, place)) for place in places}
        assert relevant == {place: answer.values[place] is not None for place in places}
        mine = {place: judge.refused(place) for place in places}
        assert {place: what for place, what in mine.items() if what} == dict(answer.refused)
        count.update({what for _, what in answer.refused} or {"valid"})
    return count


def test_made_up_forms_are_judged_as_web_forms_judges_them(webforms: Engine) -> None:
    count: Counter[str] = Counter()
    for seed in range(12):
        made = make_form(seed, ruled=True)
        submissions = [make_submission(made, seed * 100 + number) for number in range(22)]
        count += judged_alike(form_from_xform(made.xform.encode()), webforms.ask(made.xform, submissions))
    assert min(count["valid"], count["required"], count["constraint"]) >= 20


def test_the_shipped_forms_are_judged_as_web_forms_judges_them(webforms: Engine) -> None:
    rng = random.Random(7)
    for form in load_forms(Path(__file__).parents[1] / "forms"):
        answers = webforms.ask(form.xform.decode(), [household(form, rng) for _ in range(20)])
        assert min(judged_alike(form, answers).values()) >= 1
