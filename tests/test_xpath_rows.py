"""A row at a time: the same results as the columns, one submission for tools, a browser's dialect beside Collect's."""

from __future__ import annotations

import math
import random
import time
import xml.etree.ElementTree as ET
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xpath_differential import _columns, _number, nodes_at, position, tables_of
from xpath_household import CLOCK, SCHEMA, TABLES
from xpath_made import LIST, Maker, make_expressions, make_form, make_submission

from collect.xpath import XPathError, differences, evaluate, frames, from_element, link, parse, plan, plan_choices
from collect.xpath.evaluate import reader_at

MADE = make_form(1)
ROOTS = [from_element(ET.fromstring(make_submission(MADE, seed)), MADE.schema) for seed in range(6)]
FILLED = tables_of(ROOTS, MADE.schema)
LINKS = link(MADE.schema, FILLED)
NOW = "2026-11-20T09:00:00.000+07:00"
NOWS = pl.DataFrame({"submission_id": FILLED["/data"]["submission_id"], "now": NOW})


@given(seed=st.integers(0, 10**9))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rows_and_columns_come_to_the_same(seed: int) -> None:
    at, text = make_expressions(MADE.schema, 1 + seed % 120, seed)[-1]
    columns = _columns(text, MADE.schema, at, FILLED, NOWS, LINKS)
    nodes = [node for root in ROOTS for node in nodes_at(root, at)]
    assert len(columns) == len(nodes)
    for node, column in zip(nodes, columns, strict=True):
        reader = reader_at(node, MADE.schema, now=NOW)
        try:
            value = reader.casts.single(reader.value(parse(text)))
        except XPathError:
            continue  # the columns leave such a row blank
        if isinstance(column, str) and column.startswith("type:"):
            continue  # what would stop JavaRosa at any answer is told once for the rule, blank rows or not
        assert not isinstance(column, str), f"{at} {text}: {column}"
        shown, truth, number = column
        text_now, number_now = reader.casts.text(value), reader.casts.number(value)
        assert shown == text_now or math.isclose(_number(shown), _number(text_now), rel_tol=1e-11), f"{at} {text}"
        assert truth == reader.casts.truth(value), f"{at} {text}"
        assert number == number_now or math.isclose(number, number_now, rel_tol=1e-11) or number != number, (
            f"{at} {text}"
        )


FILTERS = (
    "{c} = {a}", "{c} = {a} or name = 'b'", "{c} != {a}", "number({c}) > 2", "selected({m}, name)",
    "{c} = current()/{up}one", "string-length({c}) < {n}", "not({c} = '') and {t}", "starts-with(name, {a})",
    "position() < 3", "{n} < 3", "regex({c}, {a})", "selected-at({m}, 0) = name", "{c} = substr({a}, 0, 1)",
    "concat({c}, {a}) != name", "count(instance('c')/root/item[province = {a}]) > 1", "contains({c}, {a})",
    "round({n}, {n}) > 1", "translate({c}, {a}, 'x') = name",
)  # fmt: skip


@given(seed=st.integers(0, 10**9))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_choice_filter_leaves_the_same_by_column_and_by_row(seed: int) -> None:
    rng = random.Random(seed)
    at = rng.choice(sorted(path for path, kind in MADE.schema.types.items() if kind.startswith("select")))
    near = MADE.schema.chain(MADE.schema.table_of(at))
    outer = {path: kind for table in near for path, kind in MADE.schema.tables[table].items()}
    among = {kind: [path for path in outer if outer[path] == kind] for kind in outer.values()}
    text = rng.choice(FILTERS).format(
        c=rng.choice(["name", "label", "province", "size"]), a=rng.choice(sorted(outer)),
        m=rng.choice(among["select_multiple"]), n=rng.choice(among["int"]), t=rng.choice(["true()", "today() > now()"]),
        up="../" * (at.count("/") - 1),
    )  # fmt: skip
    filtered = plan_choices(text, MADE.schema, at, LIST)
    by_row = replace(filtered, keep=None).allowed(FILLED, None, NOWS, LINKS)
    assert filtered.allowed(FILLED, None, NOWS, LINKS).to_list() == by_row.to_list(), f"{at} {text}"


def test_a_filter_that_no_column_can_say_is_asked_row_by_row() -> None:
    zones = pl.DataFrame({"name": ["viettel", "vnpt", "none"], "sought": ["[0-9]", "[A-Z].*", ".*"]})
    filtered = plan_choices("regex(/data/name, sought)", SCHEMA, "/data/ops", zones)
    assert filtered.keep is None
    assert filtered.dependencies == {"/data/name"}
    answers = pl.Series(["viettel", "vnpt none", "none"])
    names = TABLES["/data"].with_columns(pl.Series("/data/name", ["7", "An", None]))
    assert filtered.allowed({**TABLES, "/data": names}, answers).to_list() == [True, True, True]
    answers = pl.Series(["vnpt viettel", "viettel", None])
    assert filtered.allowed({**TABLES, "/data": names}, answers).to_list() == [False, False, True]


def test_rows_alike_are_worked_out_once_and_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = make_expressions(MADE.schema, 400, 11)
    copies = [ROOTS[number % len(ROOTS)] for number in range(60)]
    tables = tables_of(copies, MADE.schema)
    clock = pl.DataFrame({"submission_id": tables["/data"]["submission_id"], "now": NOW})
    links = link(MADE.schema, tables)
    one_by_one = [_columns(text, MADE.schema, at, tables, clock, links) for at, text in asked]
    monkeypatch.setattr(frames, "MANY", 1)
    together = [_columns(text, MADE.schema, at, tables, clock, links) for at, text in asked]
    assert list(map(repr, together)) == list(map(repr, one_by_one))
    assert frames._alike(tables["/data"].select("/data/one", "/data/many")) is not None


HOUSE = ET.fromstring(
    "<data><visit>2026-11-20</visit><start>2026-11-20T08:30:00.000+07:00</start><size>3</size><w>1.5</w><name>An</name>"
    "<g><hh><age>34</age><sex>f</sex></hh><hh><age/><sex>m</sex></hh></g></data>"
)
ONE_BY_ONE = [
    # expression, at, type, value, text
    ("size", "/data", "number", 3.0, "3"),
    ("/data/name", "", "string", "An", "An"),
    ("visit", "/data", "date", "2026-11-20", "2026-11-20"),
    ("start", "/data", "date", "2026-11-20T08:30:00.000+07:00", "2026-11-20"),
    ("size > 2", "/data", "boolean", True, "true"),
    (". > 15", "/data/g/hh[1]/age", "boolean", True, "true"),
    ("../sex", "/data/g/hh[2]/age", "string", "m", "m"),
    (".", "/data/g/hh[2]/age", "string", "", ""),
    ("/data/g/hh/sex", "/data", "nodeset", ["f", "m"], "f"),
    ("/data/g/hh[age > 99]", "/data", "nodeset", [], ""),
    ("count(/data/g/hh)", "/data", "number", 2.0, "2"),
    ("position(..)", "/data/g/hh[2]/sex", "number", 2.0, "2"),
    ("today()", "/data", "date", "2026-11-20", "2026-11-20"),
    ("instance('commune')/root/item[province = 'p']/name", "/data", "nodeset", ["a", "b"], "a"),
]


@pytest.mark.parametrize(("expression", "at", "kind", "value", "text"), ONE_BY_ONE)
def test_a_tool_gets_a_type_a_value_and_its_text(expression: str, at: str, kind: str, value: object, text: str) -> None:
    found = evaluate(expression, SCHEMA, HOUSE, at, now=NOW)
    assert (found.type, found.value, found.text) == (kind, value, text)


WRONG = [
    ("size +", "/data", "syntax"),
    ("nosuch(1)", "/data", "unknown_function"),
    ("abs()", "/data", "arity"),
    ("/data/nowhere", "/data", "unknown_path"),
    ("../../..", "/data/size", "unknown_path"),
    ("size", "/data/g/hh[9]/age", "unknown_path"),
    ("size", "/data/nowhere", "unknown_path"),
    ("instance('x')/root/item", "/data", "unknown_instance"),
    ("/data/g/hh/age + 1", "/data", "repeated"),
    ("count(1)", "/data", "type"),
    ("uuid()", "/data", "unsupported"),
    ("size | w", "/data", "unsupported"),
]


@pytest.mark.parametrize(("expression", "at", "code"), WRONG)
def test_a_tool_is_told_what_is_wrong(expression: str, at: str, code: str) -> None:
    with pytest.raises(XPathError) as caught:
        evaluate(expression, SCHEMA, HOUSE, at)
    assert caught.value.code == code


def test_typed_tables_of_one_submission_serve_as_well_as_its_xml() -> None:
    one = {path: table.filter(pl.col("submission_id") == "u1") for path, table in TABLES.items()}
    assert evaluate("sum(/data/g/hh/age) + size", SCHEMA, one).value == 49.0
    with pytest.raises(XPathError, match="one is meant"):
        evaluate("size", SCHEMA, TABLES)


# text, pattern, what Java says of the whole text
PATTERNS = [
    ("Trần An", r"[\p{L} ]+", True),
    ("Trần 1", r"[\p{L} ]+", False),
    ("TRẦN", r"\p{Lu}+", True),
    ("ស្រី", r"[\p{L}\p{M}]+", True),
    ("Trần", r"\p{Alpha}+", False),
    ("Tran", r"\p{Alpha}+", True),
    ("a-b", r"[\p{Alpha}\p{Punct}]+", True),
    ("ầ", r"\P{Alpha}", True),
    ("១", r"\d", False),
    ("Trần", r"(?!Ng)[\p{L} ]+", True),
    ("Nguyễn", r"(?!Ng)[\p{L} ]+", False),
    ("é", r"(?=.)[\W]", True),
    ("é", r"(?=.)\p{Lower}", False),
    ("a.b", r"\Qa.b\E", True),
    ("acb", r"\Qa.b\E", False),
]


@pytest.mark.parametrize(("text", "pattern", "whole"), PATTERNS)
def test_letters_of_every_script_are_matched_alike_by_rows_and_columns(text: str, pattern: str, whole: bool) -> None:
    expression = f"regex('{text}', '{pattern}')"
    assert evaluate(expression, SCHEMA, HOUSE).value is whole
    assert plan(expression, SCHEMA, "/data").column(TABLES, "boolean", CLOCK, LINKS)[0] is whole


# The same form and submission as in the three engines: a blank age in the second row, one visit, one interview.
ENGINES = [
    # expression, at, Collect, a browser
    ("sum(/data/g/hh/age)", "/data", "34", ""),
    ("min(/data/g/hh/age)", "/data", "34", ""),
    ("max(-1, -2) = -1", "/data", "false", "true"),
    ("regex('abc', 'b')", "/data", "false", "true"),
    ("/data/visit > '2026-01-01'", "/data", "false", "true"),
    ("now() > start", "/data", "false", "true"),
    ("now() > today()", "/data", "false", "true"),
    ("number('2026-11-20')", "/data", "NaN", "20776"),
    ("round(-2.5)", "/data", "-2", "-3"),
    ("number('1e3')", "/data", "NaN", "1000"),
    ("number('1,5')", "/data", "1.5", ""),
    ("string(12345678901)", "/data", "1.2345678901E10", "12345678901"),
    ("string(/data/start)", "/data", "2026-11-20", "2026-11-20T08:30:00.000+07:00"),
    ("not(/data/ops)", "/data", "true", "false"),
    ("boolean(/data/ops)", "/data", "false", "true"),
    ("/data/g/hh[1]/sex", "/data", "", "f"),
    ("join(', ', /data/g/hh/sex)", "/data/g/hh[1]/age", "f", "f, m"),
    ("0.1 + 0.2 = 0.3", "/data", "true", "false"),
    ("/data/size = '3.0'", "/data", "true", "false"),
]


@pytest.mark.parametrize(("expression", "at", "collect", "web"), ENGINES)
def test_each_engine_says_what_it_said_when_it_was_run(expression: str, at: str, collect: str, web: str) -> None:
    assert evaluate(expression, SCHEMA, HOUSE, at, now=NOW).text == collect
    assert evaluate(expression, SCHEMA, HOUSE, at, now=NOW, profile="web").text == web


def test_the_rows_where_engines_differ_are_named_with_what_each_says() -> None:
    found = differences("sum(../../hh/age)", SCHEMA, TABLES, "/data/g/hh/age")
    assert found.rows() == [("u1", 0, "46", ""), ("u1", 1, "46", ""), ("u1", 2, "46", "")]
    assert differences(". <= today()", SCHEMA, TABLES, "/data/visit", as_="boolean", clock=CLOCK).rows() == []
    assert differences("visit > '2026-11-19'", SCHEMA, TABLES, "/data", as_="boolean").rows() == [
        ("u1", 0, "false", "true")
    ]
    assert differences("size > 2", SCHEMA, TABLES, "/data").is_empty()


def test_a_megabyte_of_brackets_is_refused_at_once() -> None:
    start = time.process_time()
    for text in ("(" * 1_000_000, "-" * 1_000_000, "not(" * 250_000, "a[" * 60_000, "1+" * 90_000 + "1", "'" * 999_999):
        with pytest.raises(XPathError):
            parse(text)
    assert time.process_time() - start < 0.5


def test_a_thousand_questions_compile_within_a_second() -> None:
    types = {f"/data/q{n}": "int" for n in range(1_000)}
    schema = type(SCHEMA)("/data", {"/data": types})
    start = time.process_time()
    for n in range(1, 1_000):
        plan(f". >= 0 and . <= 120 and /data/q{n - 1} = 1", schema, f"/data/q{n}")
        plan(f"../q{n - 1} > 3", schema, f"/data/q{n}")
    assert time.process_time() - start < 2.0  # 0.6 s on an idle core


def test_every_function_has_its_place_in_a_made_expression() -> None:
    maker = Maker(MADE.schema, "/data/n", random.Random(1))
    for text in (maker.expression(kind) for kind in "NSBDT" for _ in range(50)):
        assert parse(text)
    assert position(ROOTS[0]) == "/data[1]"
