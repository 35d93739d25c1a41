"""Rules that nobody can evaluate are told once, and everything else is checked as ever."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from check_tables import answers_of, codes, details, form_of, found

from collect.check import check
from collect.forms import Form
from collect.i18n import t


def by_hand(**rules: str) -> Form:
    """A form of two whole numbers whose rules no XLSForm compiler saw: ``two_relevant`` is the relevance of ``two``."""
    form = form_of("| type | name | label |\n| integer | one | One |\n| integer | two | Two |")
    changes: dict[str, dict[str, Any]] = {question.name: {} for question in form.questions}
    for name, text in rules.items():
        changes[name.partition("_")[0]][name.partition("_")[2]] = text
    questions = tuple(replace(question, **changes[question.name]) for question in form.questions)
    return replace(form, questions=questions)


@pytest.mark.parametrize(
    ("rules", "rule"),
    [
        ({"two_constraint": "uuid() = ."}, "constraint"),
        ({"two_constraint": ". >> 1"}, "constraint"),
        ({"two_relevant": "nosuch(1)"}, "relevant"),
        ({"two_relevant": "/data/three = 1"}, "relevant"),
        ({"two_calculate": "random()"}, "calculation"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_is_told_once_not_once_a_row(rules: dict[str, str], rule: str) -> None:
    form = by_hand(**rules)
    checked = check(answers_of(form, "| id | one | two |\n| a | 1 | 2 |\n| b | 1 | 2 |\n| c | 3 | 4 |"), form)
    issues = checked.issues.select("submission_id", "question", "code", "severity").rows()
    assert issues == [(None, "/data/two", "EXP-01", "warning")]
    said = json.loads(checked.issues["details"][0])
    assert said["rule"] == rule
    assert said["reason"]
    assert t(f"rule.{said['why']}", "km")


def test_a_required_rule_that_cannot_be_evaluated_is_told_where_it_mattered() -> None:
    form = by_hand(two_required="property('x') = 1")
    assert [one["rule"] for one in details(check(answers_of(form, "| id | one |\n| a | 1 |"), form), "EXP-01")] == [
        "required"
    ]


def test_rules_that_depend_on_each_other_in_a_circle_are_told_not_looped() -> None:
    form = by_hand(one_relevant="/data/two = 1", two_relevant="/data/one = 1")
    checked = check(answers_of(form, "| id | one | two |\n| a | 1 | 1 |\n| b | 2 | 2 |"), form)
    assert [(one["rule"], one["reason"][:28]) for one in details(checked, "EXP-01")] == [
        ("relevant", "the rule depends on itself, "),
        ("relevant", "the rule depends on itself, "),
    ]
    assert codes(checked) == ["EXP-01"]


def test_a_rule_behind_a_circle_is_still_asked() -> None:
    form = form_of("| type | name | label |\n| integer | one | 1 |\n| integer | two | 2 |\n| integer | three | 3 |")
    rules = {"one": "/data/two = 1", "two": "/data/one = 1", "three": "/data/one = 1"}
    questions = tuple(replace(question, relevant=rules[question.name]) for question in form.questions)
    circle = replace(form, questions=questions)
    checked = check(answers_of(circle, "| id | one | two | three |\n| a | 2 | 2 | 5 |"), circle)
    assert found(checked, "REL-01") == [("a", "data", "three")]


def test_a_rule_over_a_roster_the_export_cannot_hold_is_told() -> None:
    form = form_of("""
        | type         | name   | label  | calculation                   |
        | begin_repeat | member | Member |                               |
        | integer      | age    | Age    |                               |
        | end_repeat   |        |        |                               |
        | calculate    | adults |        | count(/data/member[age >= 15]) |
    """)
    answers = answers_of(form, "| id | adults |\n| a | 2 |")
    checked = check(answers, form)
    assert "/data/member" not in answers
    assert [(one["rule"], one["reason"]) for one in details(checked, "EXP-01")] == [
        ("calculation", "the export does not hold /data/member")
    ]
    assert codes(checked) == ["EXP-01"]
    assert checked.tables["/data/member"].height == 0
