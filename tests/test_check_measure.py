"""Indicators on tables of households that a statistician can read: holds, does not, or is not known."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from check_tables import answers_of, form_of, rows_of

from collect.check import LeftOut, check, measure
from collect.forms import Design, Form
from collect.indicators import Indicator
from collect.problems import DefinitionError
from collect.tables import Answers

CHOICES = """
| list_name | name      | label |
| yes_no    | yes       | Yes   |
| yes_no    | no        | No    |
| yes_no    | dont_know | ?     |
| account   | bank      | Bank  |
| account   | none      | None  |
| account   | refused   | ?     |
"""
FORM = form_of(
    """
    | type                    | name    | label | relevant           | required | constraint | calculation |
    | today                   | today   |       |                    |          |            |             |
    | select_one yes_no       | consent | C     |                    | yes      |            |             |
    | integer                 | size    | S     | ${consent} = 'yes' |          |            |             |
    | select_one yes_no       | passed  | P     | ${consent} = 'yes' |          |            |             |
    | select_one yes_no       | fibre   | F     | ${passed} = 'yes'  |          |            |             |
    | begin_repeat            | member  | M     |                    |          |            |             |
    | integer                 | age     | A     |                    |          | . <= 120   |             |
    | integer                 | born    | B     |                    |          |            |             |
    | select_one yes_no       | phone   | P     | ${age} >= 6        |          |            |             |
    | select_multiple account | account | T     | ${age} >= 15       |          |            |             |
    | end_repeat              |         |       |                    |          |            |             |
    | calculate | phones | | | | | count(/data/member[phone = 'yes']) |
    """,
    Design(
        interviewed_on="/data/today",
        consent="/data/consent",
        household_size="/data/size",
        roster="/data/member",
        age="/data/member/age",
        birth_year="/data/member/born",
        unknown=("dont_know", "refused"),
    ),
    choices=CHOICES,
)


def indicator(unit: str, universe: str, numerator: str, denominator: str = "1") -> Indicator:
    return Indicator(
        "I", FORM.form_id, unit, universe, numerator, denominator, "build", "households", {}, {}, "made up"
    )


def measured(answers: Answers, wanted: Indicator, form: Form = FORM) -> list[tuple[str, int, int, float, float]]:
    """Submission, units, unknown, numerator, denominator."""
    checked = check(answers, form)
    table = measure(checked.tables, form, [wanted], checked.issues)
    return [(row[0].removeprefix("uuid:"), *row[2:]) for row in table.rows()]


FIBRE = """
| id | consent | passed    | fibre     | holds   |
| a  | yes     | yes       | yes       | yes     |
| b  | yes     | yes       | no        | no      |
| c  | yes     | yes       | dont_know | unknown |
| d  | yes     | yes       |           | unknown |
| e  | yes     | no        |           | no      |
| f  | yes     | no        | yes       | no      |
| g  | yes     | yes       | maybe     | unknown |
| h  | yes     | dont_know |           | unknown |
| i  | no      |           |           | outside |
"""


def test_a_household_holds_or_not_or_is_not_known() -> None:
    """A blank where the form does not ask is an answer (no line, no subscription), unless it did not ask because the
    answer before is not known (h); a blank where it asks is unknown."""
    wanted = indicator("/data", "/data/consent = 'yes'", "if(/data/fibre = 'yes', 1, 0)")
    results = {"yes": (1, 0, 1.0, 1.0), "no": (1, 0, 0.0, 1.0), "unknown": (0, 1, 0.0, 0.0)}
    expected = [(row["id"], *results[str(row["holds"])]) for row in rows_of(FIBRE) if row["holds"] != "outside"]
    without = "\n".join(line.rsplit("|", 2)[0] + "|" for line in FIBRE.strip().splitlines())
    assert measured(answers_of(FORM, without), wanted) == expected


PERSONS = """
| id | age | phone     | account      |
| a  | 40  | yes       | bank         |
| a  | 15  | no        | none         |
| a  | 14  | yes       |              |
| a  | 5   |           |              |
| b  | 30  | dont_know | refused      |
| b  | 31  |           | none refused |
| b  | 121 | yes       | bank         |
| b  |     |           |              |
| c  | 3   |           |              |
"""
HOUSES = "| id | consent |\n| a | yes |\n| b | yes |\n| c | yes |"


def test_persons_are_added_up_per_household_and_a_household_without_any_has_no_say() -> None:
    wanted = indicator("/data/member", "age >= 15", "if(selected(account, 'bank'), 1, 0)")
    assert measured(answers_of(FORM, HOUSES, member=PERSONS), wanted) == [
        ("a", 2, 0, 1.0, 2.0),
        (
            "b",
            0,
            4,
            0.0,
            0.0,
        ),  # two refusals; an age beyond its constraint; an age left blank: who knows if they are 15
    ]


def test_a_blank_the_form_did_not_ask_for_is_no_unknown() -> None:
    wanted = indicator("/data/member", "true()", "if(phone = 'yes', 1, 0)")
    answers = answers_of(FORM, HOUSES, member="| id | age | phone |\n| a | 5 | |\n| a | 40 | yes |\n| c | 40 | |")
    assert measured(answers, wanted) == [("a", 2, 0, 1.0, 2.0), ("c", 0, 1, 0.0, 0.0)]


def test_a_household_indicator_over_its_roster_is_unknown_when_one_member_is() -> None:
    wanted = indicator("/data", "consent = 'yes'", "if(count(member[phone = 'yes']) > 0, 1, 0)")
    answers = answers_of(
        FORM,
        HOUSES + "\n| d | yes |",
        member="""
        | id | age | phone     |
        | a  | 40  | yes       |
        | a  | 5   |           |
        | b  | 40  | no        |
        | c  | 40  | yes       |
        | c  | 41  | dont_know |
        """,
    )
    assert measured(answers, wanted) == [
        ("a", 1, 0, 1.0, 1.0),
        ("b", 1, 0, 0.0, 1.0),
        ("c", 0, 1, 0.0, 0.0),
        ("d", 1, 0, 0.0, 1.0),
    ]


def test_what_a_calculation_reads_the_indicator_reads() -> None:
    wanted = indicator("/data", "consent = 'yes'", "if(phones > 0, 1, 0)")
    answers = answers_of(
        FORM, HOUSES, member="| id | age | phone |\n| a | 40 | yes |\n| b | 40 | dont_know |\n| c | 40 | no |"
    )
    assert measured(answers, wanted) == [("a", 1, 0, 1.0, 1.0), ("b", 0, 1, 0.0, 0.0), ("c", 1, 0, 0.0, 1.0)]


def test_a_household_answer_counts_for_each_of_its_members() -> None:
    wanted = indicator("/data/member", "age >= 0", "if(/data/passed = 'yes', 1, 0)")
    answers = answers_of(
        FORM,
        "| id | consent | passed |\n| a | yes | yes |\n| b | yes | dont_know |\n| c | yes | no |",
        member="| id | age |\n| a | 40 |\n| a | 41 |\n| b | 1 |\n| c | 2 |",
    )
    assert measured(answers, wanted) == [("a", 2, 0, 2.0, 2.0), ("b", 0, 1, 0.0, 0.0), ("c", 1, 0, 0.0, 1.0)]


def test_residents_are_summed_and_a_size_that_the_roster_contradicts_is_not_guessed() -> None:
    wanted = indicator("/data", "consent = 'yes'", "if(passed = 'yes', size, 0)", "size")
    answers = answers_of(
        FORM,
        """
        | id | consent | passed | size |
        | a  | yes     | yes    | 2    |
        | b  | yes     | no     | 1    |
        | c  | yes     | yes    | 5    |
        | d  | yes     | yes    |      |
        """,
        member="| id | age |\n| a | 40 |\n| a | 41 |\n| b | 1 |\n| c | 2 |",
    )
    assert measured(answers, wanted) == [
        ("a", 1, 0, 2.0, 2.0),
        ("b", 1, 0, 0.0, 1.0),
        ("c", 0, 1, 0.0, 0.0),
        ("d", 0, 1, 0.0, 0.0),
    ]


@pytest.mark.parametrize("reads", ["age", "born"])
def test_of_an_age_and_a_birth_year_that_contradict_each_other_neither_is_believed(reads: str) -> None:
    wanted = indicator("/data/member", f"{reads} > 0", "1")
    answers = answers_of(
        FORM,
        "| id | today | consent |\n| a | 2026-11-20 | yes |",
        member="| id | age | born |\n| a | 40 | 1986 |\n| a | 20 | 1986 |",
    )
    assert measured(answers, wanted) == [("a", 1, 1, 1.0, 1.0)]


def test_an_indicator_may_say_itself_when_its_answer_is_not_known() -> None:
    """One member's phone settles the household; only where nobody is known to have one does a doubt remain."""
    wanted = replace(
        indicator("/data", "consent = 'yes'", "if(count(member[phone = 'yes']) > 0, 1, 0)"),
        unknown="count(member[phone = 'yes']) = 0 and count(member[phone = 'dont_know']) > 0",
    )
    answers = answers_of(
        FORM,
        HOUSES,
        member="""
        | id | age | phone     |
        | a  | 40  | yes       |
        | a  | 41  | dont_know |
        | b  | 40  | no        |
        | b  | 41  | dont_know |
        | c  | 40  | no        |
        """,
    )
    assert measured(answers, wanted) == [("a", 1, 0, 1.0, 1.0), ("b", 0, 1, 0.0, 0.0), ("c", 1, 0, 0.0, 1.0)]


def test_without_issues_only_blanks_and_words_for_not_known_are_unknown() -> None:
    wanted = indicator("/data/member", "age >= 15", "if(phone = 'yes', 1, 0)")
    checked = check(answers_of(FORM, HOUSES, member="| id | age | phone |\n| a | 121 | yes |"), FORM)
    assert measure(checked.tables, FORM, [wanted]).row(0)[2:] == (1, 0, 1.0, 1.0)
    assert measure(checked.tables, FORM, [wanted], checked.issues).row(0)[2:] == (0, 1, 0.0, 0.0)


def test_a_value_that_is_no_number_is_unknown() -> None:
    wanted = indicator("/data", "consent = 'yes'", "number('x')")
    assert measured(answers_of(FORM, "| id | consent |\n| a | yes |"), wanted) == [("a", 0, 1, 0.0, 0.0)]


def test_stored_households_without_row_ids_measure_the_same() -> None:
    wanted = indicator("/data", "consent = 'yes'", "if(fibre = 'yes', 1, 0)")
    without = "\n".join(line.rsplit("|", 2)[0] + "|" for line in FIBRE.strip().splitlines())
    checked = check(answers_of(FORM, without), FORM)
    stored = {path: table.drop("row_id") if path == "/data" else table for path, table in checked.tables.items()}
    assert measure(stored, FORM, [wanted], checked.issues).equals(
        measure(checked.tables, FORM, [wanted], checked.issues)
    )


def test_indicators_of_other_forms_are_left_to_them() -> None:
    checked = check(answers_of(FORM, "| id | consent |\n| a | yes |"), FORM)
    other = replace(indicator("/data", "true()", "1"), form="commune")
    assert measure(checked.tables, FORM, [other], checked.issues).is_empty()


def test_an_indicator_that_cannot_be_evaluated_is_a_reason_to_stop() -> None:
    checked = check(answers_of(FORM, "| id | consent |\n| a | yes |"), FORM)
    with pytest.raises(DefinitionError) as stopped:
        measure(checked.tables, FORM, [indicator("/data", "true()", "if(/data/nothing = 1, 1, 0)")], checked.issues)
    assert stopped.value.code == "DEF-13"
    assert stopped.value.values["where"] == "numerator"


def test_several_indicators_share_one_table() -> None:
    checked = check(answers_of(FORM, HOUSES, member=PERSONS), FORM)
    both = [
        replace(indicator("/data", "true()", "1"), indicator_id="H"),
        replace(indicator("/data/member", "age > 0", "1"), indicator_id="P"),
    ]
    table = measure(checked.tables, FORM, both, checked.issues)
    assert table.group_by("indicator").agg(pl.len()).sort("indicator").rows() == [("H", 3), ("P", 3)]


@pytest.mark.parametrize(
    ("numerator", "universe", "found"),
    [
        pytest.param("if(count(member) > 2, 1, 0)", "consent = 'yes'", (0, 1, 0.0, 0.0), id="rows are counted"),
        pytest.param("if(count(member[age > 6]) > 0, 1, 0)", "consent = 'yes'", (0, 1, 0.0, 0.0), id="rows are read"),
        pytest.param("1", "count(member) > 0", (0, 1, 0.0, 0.0), id="rows tell who belongs"),
        pytest.param("if(fibre = 'yes', 1, 0)", "consent = 'yes'", (1, 0, 1.0, 1.0), id="the household's own answer"),
        pytest.param("if(phones > 0, 1, 0)", "consent = 'yes'", (1, 0, 1.0, 1.0), id="what the phone computed of them"),
    ],
)  # fmt: skip
def test_where_an_export_left_the_people_out_what_looks_at_them_is_unknown(
    numerator: str, universe: str, found: tuple[int, int, float, float]
) -> None:
    rows = "| id | consent | size | passed | fibre | phones |\n| a | yes | 3 | yes | yes | 2 |"
    checked = check(answers_of(FORM, rows), FORM, left_out=LeftOut(frozenset({"uuid:a"})))
    wanted = indicator("/data", universe, numerator)
    assert measure(checked.tables, FORM, [wanted], checked.issues, frozenset({"uuid:a"})).row(0)[2:] == found
    nobody_there = measure(checked.tables, FORM, [wanted], checked.issues)
    assert nobody_there.filter(pl.col("unknown") > 0).is_empty()
