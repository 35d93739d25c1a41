"""Answers that nobody can change, repeat counts, the other of or_other, and choices that come from a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from check_tables import answers_of, codes, details, form_of, found

from collect.check import check
from collect.define import form_from_xlsform
from collect.forms import Form

SURVEY = """
| type | name | label | readonly | default | calculation | repeat_count |
| text | project | Project | yes | P-7 | | |
| integer | quota | Quota | yes | 12 | | |
| text | empty | Empty | yes | | | |
| text | made | Made | yes | | concat('a', 'b') | |
| text | filled | Filled | yes | today() | | |
| text | free | Free | | x | | |
| integer | size | Size | | | | |
| begin_repeat | member | M | | | | ${size} |
| integer | age | Age | | | | |
| end_repeat | | | | | | |
"""


@pytest.fixture(scope="module")
def form() -> Form:
    return form_of(SURVEY)


def test_a_read_only_answer_that_differs_from_the_forms_own_is_told(form: Form) -> None:
    answers = answers_of(
        form,
        """
        | id | project | quota | empty | filled | free |
        | a | P-7 | 12 | | 2026-11-20 | y |
        | b | P-8 | 12 | | | |
        | c | P-7 | 13 | w | | |
        | d | | | | | |
        """,
    )
    checked = check(answers, form)
    assert found(checked, "RDO-01") == [("b", "data", "project"), ("c", "data", "quota"), ("c", "data", "empty")]
    assert [one["expected"] for one in details(checked, "RDO-01")] == ["P-7", "12", ""]


def test_a_read_only_question_in_a_number_is_compared_as_a_number(form: Form) -> None:
    assert codes(check(answers_of(form, "| id | quota |\n| a | 12.0 |"), form)) == ["TYP-02"]


def test_a_repeat_count_that_is_not_the_number_of_rows_is_told(form: Form) -> None:
    answers = answers_of(form, "| id | size |\n| a | 2 |\n| b | 1 |", member="| id | age |\n| a | 3 |\n| b | 4 |")
    assert [one["expected"] for one in details(check(answers, form), "ROS-01")] == [2]


def test_other_is_a_choice_where_the_form_says_or_other() -> None:
    form = form_of(
        "| type | name | label |\n| select_one roof or_other | roof | Roof |\n| select_one wall | plain | Plain |",
        choices="| list_name | name | label |\n| roof | tin | Tin |\n| wall | tin | Tin |",
    )
    answers = answers_of(form, "| id | roof | plain |\n| a | other | tin |\n| b | tin | other |\n| c | straw | |")
    assert found(check(answers, form), "CHO-01") == [("c", "data", "roof"), ("b", "data", "plain")]


FROM_FILE = """
| survey |
| | type | name | label | choice_filter |
| | text | province | Province | |
| | select_one_from_file places.csv | place | Place | province = ${province} |
| settings |
| | form_id |
| | p |
"""


def test_choices_of_a_file_beside_the_form_are_known_with_their_filter(tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text("name,label,province\nx,X,86\ny,Y,87\n", encoding="utf-8")
    (tmp_path / "form.md").write_text(FROM_FILE, encoding="utf-8")
    form = form_from_xlsform(tmp_path / "form.md")
    answers = answers_of(form, "| id | province | place |\n| a | 86 | x |\n| b | 86 | y |\n| c | 86 | z |")
    checked = check(answers, form)
    assert found(checked, "CHO-01") == [("c", "data", "place")]
    assert found(checked, "CHO-02") == [("b", "data", "place")]


def test_a_file_that_is_not_there_leaves_the_choices_unknown_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "form.md").write_text(FROM_FILE, encoding="utf-8")
    form = form_from_xlsform(tmp_path / "form.md", lenient=True)
    checked = check(answers_of(form, "| id | province | place |\n| a | 86 | x |"), form)
    assert "no_choices" in {one["why"] for one in details(checked, "EXP-01")}


def test_where_a_browser_would_let_an_answer_pass_the_issue_is_a_warning_that_names_both() -> None:
    form = form_of(
        "| type | name | label | constraint | required |\n| begin_repeat | member | M | | |\n"
        "| text | code | Code | regex(., '[0-9]+') | |\n| text | why | Why | | not(../code) |\n| end_repeat | | | | |"
    )
    answers = answers_of(
        form, "| id |\n| a |\n| b |", member="| id | code |\n| a | 12 |\n| a | x1 |\n| b | x |\n| b | |"
    )
    issues = check(answers, form).issues.filter(pl.col("code") == "CON-01")
    assert issues.select("row_id", "severity").rows() == [
        ("/data/member[1]", "error"),
        ("/data/member[2]", "warning"),
    ]
    assert [json.loads(text).get("engines") for text in issues["details"]] == [
        None,
        {"collect": "false", "web": "true"},
    ]
    blank = check(answers, form).issues.filter(pl.col("code") == "REQ-01")
    assert blank.select("submission_id", "row_id", "severity").rows() == [("uuid:b", "/data/member[2]", "warning")]


BOTH = """
| type | name | label | constraint | relevant | calculation | required | choice_filter |
| integer | size | Size | round(. div 2) >= -2 | | | | |
| text | why | Why | | regex(${size}, '1') | | | |
| begin_group | more | More | | not(${size}) | | | |
| text | note | Note | | | | | |
| end_group | | | | | | | |
| text | half | Half | | | round(${size} div 2) | | |
| select_one c | pick | Pick | | | | | regex(${size}, least) |
"""
CHOICES = "| list_name | name | label | least |\n| c | x | X | 1 |"


def test_where_only_a_browser_refuses_the_issue_is_a_warning_that_names_both_too() -> None:
    form = form_of(BOTH, choices=CHOICES)
    answers = answers_of(
        form,
        "| id | size | why | note | half | pick |\n"
        "| a | -5 | | | -2 | |\n"  # Collect rounds -2.5 to -2, a browser to -3
        "| b | -5 | | | -3 | |\n"
        "| c | 10 | w | | 5 | x |\n"  # Collect's regex matches all of the text
        "| d | 1 | w | n | 1 | x |\n"  # both agree: the note was not to be asked for
        "| e | | | n | | |",  # a blank is no answer to Collect, and still a node to a browser
    )
    issues = check(answers, form).issues
    told = issues.with_columns(engines=pl.col("details").str.json_path_match("$.engines.web"))
    assert sorted(told.select("submission_id", "code", "severity", "engines").rows()) == [
        ("uuid:a", "CON-01", "warning", "false"),
        ("uuid:b", "CAL-01", "warning", "-3"),
        ("uuid:b", "CON-01", "warning", "false"),
        ("uuid:c", "CHO-02", "warning", "true"),
        ("uuid:c", "REL-01", "warning", "true"),
        ("uuid:d", "REL-01", "warning", None),
        ("uuid:e", "REL-01", "warning", "false"),
    ]


@pytest.mark.parametrize(
    ("rule", "disputed"),
    [
        ("count-selected(/data/member/ops) = 1", True),  # Collect stays in the row, a browser reads the first
        ("count-selected(../ops) = 1", False),
        ("count(../../member[position() > 1]) = 1", False),  # the same in both: members of one household
    ],
)
def test_a_full_path_into_the_rows_around_a_rule_is_asked_of_both_engines(rule: str, disputed: bool) -> None:
    form = form_of(
        "| type | name | label | constraint |\n| begin_repeat | member | M | |\n"
        f"| text | ops | Ops | |\n| text | why | Why | {rule} |\n| end_repeat | | | |"
    )
    answers = answers_of(form, "| id |\n| a |", member="| id | ops | why |\n| a | x | y |\n| a | x z | y |")
    told = check(answers, form).issues.filter(pl.col("code") == "CON-01")
    assert ("warning" in told["severity"].to_list()) is disputed


@pytest.mark.parametrize("rule", ["not()", "date() > 1", "count()", "(", "nofunction(1)", "random() > 2"])
def test_a_rule_that_cannot_be_read_is_told_and_stops_nothing(rule: str) -> None:
    form = form_of(
        "| type | name | label | constraint | relevant | required |\n| text | a | A | | | |\n| text | b | B | | | |"
    )
    b = replace(form.by_path["/data/b"], constraint=rule, relevant=rule, required=rule)
    form = replace(form, questions=(form.by_path["/data/a"], b))
    checked = check(answers_of(form, "| id | a | b |\n| u | x | y |\n| v | x | |"), form)
    assert set(codes(checked)) == {"EXP-01"}
