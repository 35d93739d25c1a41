"""One row per household with the columns of the design, one per person, and a status that says what may be counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from check_tables import answers_of, form_of

from collect.check import check, households, persons
from collect.forms import Design

FORM = form_of(
    """
    | type     | name    | label | constraint |
    | today    | today   |       |            |
    | text     | round   | R     |            |
    | text     | cluster | C     |            |
    | decimal  | weight  | W     |            |
    | text     | consent | O     |            |
    | text     | commune | P     |            |
    | geopoint | point   | G     |            |
    | integer  | size    | S     | . > 0      |
    | begin_repeat | member | M  |            |
    | integer  | age     | A     |            |
    | end_repeat |       |       |            |
    """,
    Design(
        interviewed_on="/data/today",
        round="/data/round",
        cluster="/data/cluster",
        weight="/data/weight",
        consent="/data/consent",
        commune="/data/commune",
        point="/data/point",
        household_size="/data/size",
        roster="/data/member",
        vintage="2025-07",
    ),
)
ROOT = """
| id | today      | round  | cluster  | weight | consent | commune | point              | size | form_version |
| a  | 2026-11-20 | 2026-1 | 29242-07 | 1,5    | yes     | 29242   | 9.93 106.34 0 12.5 | 2    | 2026112201   |
| b  | 2026-11-20 | 2026-1 | 29242-07 |        | no      | 29242   | 106.34 99.3 0 0    |      |              |
"""


def test_the_designs_questions_become_the_declared_columns() -> None:
    answers = answers_of(FORM, ROOT, member="| id | age |\n| a | 40 |\n| a | 3 |")
    table = households(check(answers, FORM), FORM, "u1")
    first = table.row(0, named=True)
    assert {name: first[name] for name in table.columns if not name.startswith("/")} == {
        "submission_id": "uuid:a",
        "upload_id": "u1",
        "form_version": "2026112201",
        "status": "accepted",
        "round": "2026-1",
        "interviewed_on": date(2026, 11, 20),
        "interviewer": None,
        "declared_commune": "29242",
        "commune_code": None,
        "vintage": "2025-07",
        "placed_by": None,
        "hamlet": None,
        "cluster": "29242-07",
        "stratum": None,
        "weight_answered": 1.5,
        "household_size": 2,
        "longitude": 106.34,
        "latitude": 9.93,
        "accuracy_m": 12.5,
    }
    assert first["/data/size"] == 2
    assert first["/data/weight"] == 1.5
    assert table["latitude"].to_list() == [9.93, None]  # a point that cannot be is no point


@pytest.mark.parametrize(
    ("consent", "size", "review", "status"),
    [
        ("yes", "1", "", "accepted"),
        ("yes", "1", "approved", "accepted"),
        ("yes", "1", "hasIssues", "accepted"),  # the platform's doubts are its own; ours are counted from our issues
        ("yes", "0", "", "with_issues"),
        ("no", "", "", "no_consent"),
        ("no", "0", "", "no_consent"),
        ("", "1", "", "no_consent"),
        ("yes", "1", "rejected", "rejected"),
        ("no", "0", "rejected", "rejected"),
        ("yes", "1", "validation_status_not_approved", "rejected"),
        ("yes", "1", "Not approved", "rejected"),
    ],
)
def test_a_status_says_what_may_be_counted(consent: str, size: str, review: str, status: str) -> None:
    answers = answers_of(FORM, f"| id | consent | size | review_state |\n| a | {consent} | {size} | {review} |")
    assert households(check(answers, FORM), FORM, "u1")["status"].to_list() == [status]


def test_an_issue_of_a_roster_row_marks_its_household() -> None:
    answers = answers_of(
        FORM, "| id | consent | size |\n| a | yes | 1 |\n| b | yes | 1 |", member="| id | age |\n| a | old |\n| b | 9 |"
    )
    assert households(check(answers, FORM), FORM, "u1")["status"].to_list() == ["with_issues", "accepted"]


def test_what_was_repaired_or_only_warned_of_leaves_a_household_accepted() -> None:
    answers = answers_of(FORM, "| id | consent | size |\n| a | yes | ២ |", member="| id | age |\n| a | 9 |\n| a | 9 |")
    assert households(check(answers, FORM), FORM, "u1")["status"].to_list() == ["accepted"]


def test_a_form_that_asks_no_consent_needs_none() -> None:
    form = replace(FORM, design=replace(FORM.design, consent=""))
    assert households(check(answers_of(form, "| id | size |\n| a | 1 |"), form), form, "u")["status"][0] == "accepted"


def test_persons_are_the_rows_of_the_roster_in_their_place() -> None:
    answers = answers_of(FORM, ROOT, member="| id | age |\n| a | 40 |\n| a | ៣ |\n| b | x |")
    rows = persons(check(answers, FORM), FORM).rows()
    assert rows == [
        ("uuid:a", "/data/member[1]", 1, 40),
        ("uuid:a", "/data/member[2]", 2, 3),
        ("uuid:b", "/data/member[1]", 1, None),
    ]


def test_a_form_without_a_roster_has_no_persons() -> None:
    form = replace(FORM, design=replace(FORM.design, roster=""))
    assert persons(check(answers_of(form, ROOT), form), form).is_empty()
