"""Plans: many rows at once, what they read, what they refuse, the submissions' own clock, and choice filters."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xpath_household import CLOCK, COMMUNES, SCHEMA, TABLES

from collect.xpath import Schema, XPathError, XPathUnsupported, choice_allowed, link, parse, plan, plan_choices

AGE = "/data/g/hh/age"

COLUMNS = [
    # expression, at, by row
    ("/data/size >= 1", "/data", [True, True, False]),
    ("/data/size = ''", "/data", [False, False, True]),
    ("size = 3", "/data", [True, False, False]),
    ("size != 3", "/data", [False, True, True]),
    ("name = ''", "/data", [False, True, False]),
    ("ok = (size > 1)", "/data", [True, True, True]),
    ("size = ok", "/data", [True, False, True]),
    ("not(ok)", "/data", [False, True, True]),
    ("number(name)", "/data", [None, None, 1.5]),
    ("round(w)", "/data", [2.0, -2.0, None]),
    ("string(-5 * size div size div 3)", "/data", ["-1.6666666666666667", "-1.6666666666666667", "NaN"]),
    ("today() - visit", "/data", [0.0, None, 324.0]),
    ("if(size > 2, size, '')", "/data", [3.0, None, None]),
    ("if(size > 2, 'big', 5)", "/data", ["big", "5", "5"]),
    ("coalesce(name, 'x')", "/data", ["An", "x", "1,5"]),
    ("concat(name, '-', size)", "/data", ["An-3", "-1", "1,5-"]),
    ("selected-at(ops, 1)", "/data", ["vnpt", None, None]),
    ("substring-after(ops, ' ')", "/data", ["vnpt", None, None]),
    ("decimal-time(start)", "/data", [8.5 / 24, None, 23 / 24]),
    ("decimal-date-time(start)", "/data", [20777 + 1.5 / 24, None, 20455 + 16 / 24]),
    ("format-date(visit, '%d/%m/%Y')", "/data", ["20/11/2026", None, "02/01/2026"]),
    ("count(/data/g/hh)", "/data", [3.0, 1.0, 0.0]),
    ("count(/data/g/hh[age >= 15])", "/data", [1.0, 1.0, 0.0]),
    ("count(/data/g/hh[line = current()/size])", "/data", [0.0, 1.0, 0.0]),
    ("count(/data/g/hh[count(toy) > 1])", "/data", [1.0, 0.0, 0.0]),
    ("sum(/data/g/hh/age)", "/data", [46.0, 70.0, 0.0]),
    ("max(/data/g/hh/age)", "/data", [34.0, 70.0, None]),
    ("join('+', /data/g/hh/age)", "/data", ["34++12", "70", None]),
    ("indexed-repeat(/data/g/hh/age, /data/g/hh, size)", "/data", [12.0, 70.0, None]),
    ("sum(/data/g/hh/toy/price)", "/data", [3.5, 0.0, 0.0]),
    ("instance('commune')/root/item[name = /data/commune]/label", "/data", ["B", "C", "A"]),
    ("count(instance('commune')/root/item[province = current()/province])", "/data", [2.0, 1.0, 0.0]),
    ("jr:choice-name(/data/commune, '/data/commune')", "/data", ["B", "C", "A"]),
    (". > 15", AGE, [True, False, False, True]),
    ("/data/size", AGE, [3.0, 3.0, 3.0, 1.0]),
    ("position(..)", AGE, [1.0, 2.0, 3.0, 1.0]),
    ("sex = 'f'", "/data/g/hh", [True, False, True, False]),
    ("count(../../hh)", AGE, [3.0, 3.0, 3.0, 1.0]),
    ("count(/data/g/hh)", AGE, [1.0, 1.0, 1.0, 1.0]),
    ("count(/data/g/hh[line = current()/../line])", AGE, [1.0, 2.0, 2.0, 1.0]),
    ("/data/g/hh[position() = position(current()/..) - 1]/age", AGE, [None, 34.0, None, None]),
    ("indexed-repeat(/data/g/hh/age, /data/g/hh, position(..) - 1)", AGE, [34.0, 34.0, None, 70.0]),
    ("sum(../toy/price)", AGE, [3.5, 0.0, 0.0, 0.0]),
    ("../../age", "/data/g/hh/toy/price", [34.0, 34.0, 70.0]),
    ("count(../../../hh/toy)", "/data/g/hh/toy/price", [2.0, 2.0, 1.0]),
    (
        "instance('commune')/root/item[name = current()/../../../commune and province = 'p']/label",
        AGE,
        ["B", "B", "B", None],
    ),
    ("regex(name, '[A-Z][a-z]+')", "/data", [True, False, False]),
    ("translate(name, 'An', 'x')", "/data", ["x", None, "1,5"]),
    # what no column can say is worked out by row
    ("selected(province, size)", "/data", [None, None, "true"]),
    ("regex(name, province)", "/data", ["false", "false", "false"]),
    ("round(w, size - 2)", "/data", ["1.5", "0", "NaN"]),
    ("count(/data/g/hh/*[. != ''])", "/data", ["8", "3", "0"]),
    ("count(/data/g/hh/toy/../sex)", "/data", ["1", "1", "0"]),
    ("string-length(version())", "/data", ["0", "0", "0"]),
    ("join(name, /data/g/hh/sex)", "/data", ["fAnmAnf", "m", None]),
    ("base64-decode('%%%%')", "/data", [None, None, None]),
    ("base64-decode(name)", "/data", ["\x02", None, None]),
]


@pytest.mark.parametrize(("expression", "at", "expected"), COLUMNS)
def test_an_expression_is_a_column_beside_its_rows(expression: str, at: str, expected: list[object]) -> None:
    clock = pl.concat([CLOCK, pl.DataFrame({"submission_id": ["u3"], "now": ["2026-11-22"]})])
    found = plan(expression, SCHEMA, at).column(TABLES, "value", clock).to_list()
    assert found == [pytest.approx(value) if isinstance(value, float) else value for value in expected]


def test_the_same_links_serve_many_plans_and_change_nothing() -> None:
    links = link(SCHEMA, TABLES)
    for expression, at, _ in COLUMNS:
        made = plan(expression, SCHEMA, at)
        assert made.column(TABLES, "string", CLOCK, links).equals(made.column(TABLES, "string", CLOCK))


def test_a_household_alone_gets_what_it_gets_in_company() -> None:
    for expression, at, _ in COLUMNS:
        made = plan(expression, SCHEMA, at)
        together = made.column(TABLES, "string", CLOCK)
        whose = TABLES[made.table]["submission_id"]
        for submission in ("u1", "u2", "u3"):
            alone = {name: frame.filter(pl.col("submission_id") == submission) for name, frame in TABLES.items()}
            assert made.column(alone, "string", CLOCK).to_list() == together.filter(whose == submission).to_list()


AGES = st.lists(st.lists(st.none() | st.integers(-5, 120), max_size=5), max_size=6)


@given(AGES)
@settings(max_examples=60, deadline=None)
def test_folds_over_a_repeat_are_what_a_person_would_count(households: list[list[int | None]]) -> None:
    rows = [(str(house), place + 1, age) for house, ages in enumerate(households) for place, age in enumerate(ages)]
    types = {"submission_id": pl.String, "index": pl.Int64, AGE: pl.Int64}
    members = pl.DataFrame(rows, schema=types, orient="row").with_columns(row_id=pl.format("/data/g/hh[{}]", "index"))
    houses = pl.DataFrame(
        {"submission_id": [str(house) for house in range(len(households))]}, schema={"submission_id": pl.String}
    )
    tables = {
        "/data": houses,
        "/data/g/hh": members.with_columns(parent_row_id=pl.lit("/data")).sample(fraction=1, shuffle=True, seed=1),
    }

    def shown(expression: str) -> list[float | None]:
        return plan(expression, SCHEMA, "/data").column(tables, "number").to_list()

    known = [[age for age in ages if age is not None] for ages in households]
    assert shown("count(/data/g/hh)") == [len(ages) for ages in households]
    assert shown("count(/data/g/hh[age >= 15])") == [sum(age >= 15 for age in ages) for ages in known]
    assert shown("sum(/data/g/hh/age)") == [sum(ages) for ages in known]
    assert shown("min(/data/g/hh/age)") == [min(ages, default=None) for ages in known]
    assert shown("count-non-empty(/data/g/hh/age)") == [len(ages) for ages in known]
    assert shown("/data/g/hh[position() = 2]/age") == [ages[1] if len(ages) > 1 else None for ages in households]
    assert shown("indexed-repeat(/data/g/hh/age, /data/g/hh, 2)") == shown("/data/g/hh[position() = 2]/age")


def test_truths_are_never_null_and_texts_are_blank() -> None:
    made = plan("/data/size", SCHEMA, "/data")
    assert made.column(TABLES, "boolean").to_list() == [True, True, False]
    assert made.column(TABLES, "string").to_list() == ["3", "1", ""]
    assert made.column(TABLES, "number").to_list() == [3.0, 1.0, None]
    assert made.column(TABLES, "number").dtype == pl.Float64


def test_a_plan_names_every_question_it_reads_predicates_included() -> None:
    made = plan("count(/data/g/hh[age > 3 and sex = /data/name]) + if(size, 1, w)", SCHEMA, "/data")
    wanted = {"/data/g/hh/age", "/data/g/hh/sex", "/data/name", "/data/size", "/data/w"}
    assert made.dependencies == wanted
    assert made.functions == {"count", "if"}
    assert made.repeats == {"/data/g/hh"}
    assert plan("sum(../toy/price) + /data/size", SCHEMA, AGE).repeats == {"/data/g/hh/toy"}
    assert plan("indexed-repeat(/data/g/hh/age, /data/g/hh, 1)", SCHEMA, "/data").repeats == {"/data/g/hh"}
    assert plan("/data/g/hh/age", SCHEMA, AGE).repeats == frozenset()
    assert plan_choices("province = current()/../province", SCHEMA, "/data/commune", COMMUNES).dependencies == {
        "/data/province"
    }
    assert plan("jr:choice-name(/data/commune, '/data/commune')", SCHEMA, "/data").dependencies == {"/data/commune"}


def test_a_submission_without_a_clock_is_not_known_rather_than_wrong() -> None:
    made = plan(". <= today()", SCHEMA, "/data/visit")
    assert made.reads_clock
    assert made.column(TABLES, "boolean", CLOCK).to_list() == [True, False, None]
    assert made.column(TABLES, "boolean").to_list() == [None, None, None]
    in_rows = plan("today()", SCHEMA, "/data/g/hh/toy/price").column(TABLES, "string", CLOCK)
    assert in_rows.to_list() == ["2026-11-20", "2026-11-20", "2026-11-21"]
    assert not plan("1", SCHEMA, "/data").reads_clock


REFUSED = [
    ("/data/nope > 1", "/data", "unknown_path"),
    ("../../../../x", "/data/size", "unknown_path"),
    ("foo(1)", "/data", "unknown_function"),
    ("substr('a')", "/data", "arity"),
    ("/data/g/hh/age > 1", "/data", "repeated"),
    ("indexed-repeat(/data/g/hh/toy/price, /data/g/hh, 1)", "/data", "repeated"),
    ("selected(ops, 1)", "/data", "type"),
    ("count-selected(size)", "/data", "type"),
    ("sum(1)", "/data", "type"),
    ("regex(name, '(')", "/data", "pattern"),
    ("instance('nope')/root/item[name = 'a']/label", "/data", "unknown_instance"),
    ("instance('commune')/root/item[nope = 'a']/label", "/data", "unknown_path"),
    ("size | w", "/data", "unsupported"),
    ("uuid()", "/data", "unsupported"),
    ("random() > 0.5", "/data", "unsupported"),
    ("pulldata('f', 'a', 'b', 'c')", "/data", "unsupported"),
    ("/data/@version", "/data", "unsupported"),
]


@pytest.mark.parametrize(("expression", "at", "code"), REFUSED)
def test_what_cannot_be_evaluated_is_refused_when_it_is_planned(expression: str, at: str, code: str) -> None:
    with pytest.raises(XPathError) as caught:
        plan(expression, SCHEMA, at)
    assert caught.value.code == code
    assert isinstance(caught.value, XPathUnsupported) == (code == "unsupported")
    assert 0 <= caught.value.position < len(expression)


def test_an_unknown_node_cannot_hold_a_rule() -> None:
    with pytest.raises(XPathError, match="/data/nowhere"):
        plan("1", SCHEMA, "/data/nowhere")


def test_deep_and_wide_expressions_are_planned_and_run() -> None:
    deep = "if(size = 1, 2, " * 70 + "3" + ")" * 70
    assert plan(deep, SCHEMA, "/data").column(TABLES, "number").to_list() == [3.0, 2.0, 3.0]
    wide = " or ".join(f"size = {number}" for number in range(3, 900))
    assert plan(wide, SCHEMA, "/data").column(TABLES, "boolean").to_list() == [True, False, False]


@pytest.mark.parametrize(
    "name", ["round(%s)", "coalesce(%s, size)", "min(%s, w)", "if(%s > 1, 'x', %s)", "%s mod w", "(%s div w) > 1"]
)
def test_an_expression_does_not_outgrow_what_was_written(name: str) -> None:
    for inner in ("w", "1.5"):
        expression = inner
        for _ in range(40 if name.count("%s") == 1 else 6):
            expression = name.replace("%s", expression)
        assert plan(expression, SCHEMA, "/data").column(TABLES, "string").len() == 3


def test_columns_that_are_missing_or_still_text_are_read_as_the_schema_says() -> None:
    tables = {"/data": pl.DataFrame({"submission_id": ["u1"], "row_id": ["/data"], "/data/size": ["7"]})}
    assert plan("size + 1", SCHEMA, "/data").column(tables, "number").to_list() == [8.0]
    assert plan("name = ''", SCHEMA, "/data").column(tables, "boolean").to_list() == [True]
    assert plan("count(/data/g/hh[age > 1])", SCHEMA, "/data").column(tables, "number").to_list() == [0.0]
    assert plan("age > 1", SCHEMA, "/data/g/hh").column(tables, "boolean").len() == 0


def test_rows_whose_household_is_missing_stand_alone() -> None:
    rows = TABLES["/data/g/hh"].with_columns(pl.lit("lost").alias("submission_id"))
    tables = {**TABLES, "/data/g/hh": rows}
    assert plan("/data/size", SCHEMA, AGE).column(tables, "number").to_list() == [None] * 4
    assert plan("count(/data/g/hh)", SCHEMA, "/data").column(tables, "number").to_list() == [0.0, 0.0, 0.0]


def test_no_rows_give_no_values() -> None:
    empty = {name: frame.clear() for name, frame in TABLES.items()}
    for expression, at, _ in COLUMNS:
        assert plan(expression, SCHEMA, at).column(empty, "string", CLOCK).len() == 0


def test_a_choice_that_the_filter_hid_is_found() -> None:
    assert choice_allowed("province = /data/province", SCHEMA, "/data/commune", COMMUNES, TABLES).to_list() == [
        True,
        True,
        False,
    ]
    relative = choice_allowed("province=current()/../province or name='a'", SCHEMA, "/data/commune", COMMUNES, TABLES)
    assert relative.to_list() == [True, True, True]


def test_every_token_of_a_select_multiple_must_be_offered() -> None:
    operators = pl.DataFrame({"name": ["viettel", "vnpt", "none"], "least": ["0", "2", "0"]})
    offered = plan_choices("least < 2 or /data/size < 2", SCHEMA, "/data/ops", operators)
    assert offered.allowed(TABLES).to_list() == [False, True, True]
    answers = pl.Series(["viettel", "vnpt viettel", "vnpt unheard-of"])
    assert offered.allowed(TABLES, answers).to_list() == [True, True, False]


def test_a_name_offered_twice_is_allowed_when_either_passes() -> None:
    twice = pl.DataFrame({"name": ["b", "b", "c"], "province": ["x", "p", "q"]})
    assert choice_allowed("province = /data/province", SCHEMA, "/data/commune", twice, TABLES).to_list() == [
        True,
        True,
        True,
    ]


def test_a_filter_in_a_repeat_reads_its_own_row() -> None:
    sexes = pl.DataFrame({"name": ["f", "m"], "from_age": ["13", "0"]})
    allowed = choice_allowed("current()/../age >= from_age", SCHEMA, "/data/g/hh/sex", sexes, TABLES)
    assert allowed.to_list() == [True, False, False, True]  # a blank age compares with nothing


def test_a_plan_takes_a_tree_as_well_as_text_and_one_schema_serves_all() -> None:
    tree = parse("size + 1")
    assert plan(tree, SCHEMA, "/data").expression is tree
    bare = Schema("/d", {"/d": {"/d/a": "int"}})
    table = {"/d": pl.DataFrame({"submission_id": ["x"], "/d/a": [1]})}
    assert plan("a + 1", bare, "/d").column(table, "number").to_list() == [2.0]
