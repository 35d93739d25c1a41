"""The roster against what the household declared, ages against birth years, and days an interview can have been on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from check_tables import answers_of, codes, details, form_of, found, rows_of

from collect.check import Checked, check
from collect.forms import Design, Form
from collect.i18n import LANGUAGES, t
from collect.i18n.figures import counted
from collect.tables import FOLLOWS
from collect.wording.issues import words_of

SURVEY = """
| type     | name   | label | relevant  | repeat_count |
| start    | start  |       |           |              |
| end      | end    |       |           |              |
| today    | today  |       |           |              |
| text     | round  | R     |           |              |
| integer  | size   | S     |           |              |
| begin_repeat | member | M |           | ${size}      |
| integer  | age    | A     |           |              |
| text     | born   | B     |           |              |
| end_repeat |      |       |           |              |
"""
DESIGN = Design(
    household_size="/data/size",
    roster="/data/member",
    round="/data/round",
    interviewed_on="/data/today",
    started_at="/data/start",
    ended_at="/data/end",
    age="/data/member/age",
    birth_year="/data/member/born",
    unknown=("dont_know", "9999"),
)
FORM = form_of(SURVEY, DESIGN)


def of_day(day: str, age: str, born: str) -> Checked:
    root = f"| id | today | size |\n| a | {day} | 1 |"
    return check(answers_of(FORM, root, member=f"| id | age | born |\n| a | {age} | {born} |"), FORM)


# --- size ---


def test_as_many_rows_as_declared_is_well() -> None:
    answers = answers_of(
        FORM, "| id | size |\n| a | 2 |\n| b | 0 |\n| c | |", member="| id | age |\n| a | 40 |\n| a | 41 |\n| c | 3 |"
    )
    assert codes(check(answers, FORM)) == []


def test_another_number_of_rows_than_declared_is_told_once() -> None:
    answers = answers_of(
        FORM, "| id | size |\n| a | 2 |\n| b | 1 |", member="| id | age |\n| a | 40 |\n| a | 41 |\n| a | 9 |"
    )
    checked = check(answers, FORM)
    assert found(checked, "ROS-01") == [("a", "data", "size"), ("b", "data", "size")]
    assert details(checked, "ROS-01") == [{"expected": 2, "found": 3}, {"expected": 1, "found": 0}]
    assert codes(checked) == ["ROS-01"]


def test_a_repeat_count_of_the_form_is_held_against_the_rows_too() -> None:
    form = replace(FORM, design=Design())
    answers = answers_of(form, "| id | size |\n| a | 2 |\n| b | 1 |", member="| id | age |\n| a | 40 |\n| b | 3 |")
    assert found(check(answers, form), "ROS-01") == [("a", "data", "member")]


def test_a_nested_repeat_is_counted_under_its_own_row() -> None:
    form = form_of(
        """
        | type    | name | label | repeat_count |
        | begin_repeat | child | C | |
        | integer | toys | T | |
        | begin_repeat | toy | O | ${toys} |
        | text | kind | K | |
        | end_repeat | | | |
        | end_repeat | | | |
        """
    )
    answers = answers_of(
        form,
        "| id |\n| a |\n| b |",
        child="| id | toys |\n| a | 1 |\n| a | 2 |\n| b | 1 |",
        toy="| id | under | kind |\n| a | 1 | ball |\n| a | 2 | kite |\n| b | 1 | ball |",
    )
    assert found(check(answers, form), "ROS-01") == [("a", "child[2]", "toy")]


def test_a_roster_that_was_not_asked_has_no_size_to_keep() -> None:
    survey = SURVEY.replace(
        "| begin_repeat | member | M |           |", "| begin_repeat | member | M | ${round} = 'r1' |"
    )
    form = form_of(survey, DESIGN)
    answers = answers_of(
        form, "| id | round | size |\n| a | r2 | 2 |\n| b | r1 | 2 |", member="| id | age |\n| b | 40 |"
    )
    assert found(check(answers, form), "ROS-01") == [("b", "data", "size")]


def test_an_export_that_cannot_hold_rosters_is_not_blamed_on_households() -> None:
    assert codes(check(answers_of(FORM, "| id | size |\n| a | 2 |"), FORM)) == []


# --- age and birth year ---


@pytest.mark.parametrize(
    ("day", "age", "born"),
    [
        ("2026-11-20", "46", "1980"),
        ("2026-11-20", "45", "1980"),  # the birthday is still to come
        ("2026-11-20", "47", "1980"),  # counted the Vietnamese way
        ("2026-11-20", "0", "2026"),
        ("2026-11-20", "40", ""),
        ("2026-11-20", "", "1980"),
        ("2026-11-20", "40", "9999"),  # not known
        ("", "30", "1980"),  # no day to count from
        ("1970-01-01", "46", "1980"),  # an impossible day is told as such, not as an age
    ],
)
def test_age_and_birth_year_that_can_both_be_right_are_left_alone(day: str, age: str, born: str) -> None:
    assert found(of_day(day, age, born), "ROS-02") == []


@pytest.mark.parametrize(("age", "born"), [("44", "1980"), ("48", "1980"), ("30", "1980"), ("5", "2027")])
def test_age_and_birth_year_that_contradict_each_other_are_told(age: str, born: str) -> None:
    checked = of_day("2026-11-20", age, born)
    assert found(checked, "ROS-02") == [("a", "member[1]", "age")]
    assert details(checked, "ROS-02") == [{"other": "/data/member/born", "year": 2026, "limit": 1}]


def test_age_and_birth_year_asked_in_different_tables_are_told_as_a_rule_that_cannot_be_read() -> None:
    form = replace(FORM, design=replace(DESIGN, birth_year="/data/size"))
    answers = answers_of(form, "| id | today | size |\n| a | 2026-11-20 | 1 |", member="| id | age |\n| a | 40 |")
    assert [one["rule"] for one in details(check(answers, form), "EXP-01")] == ["age"]


# --- days ---


def of_times(start: str, end: str) -> Checked:
    return check(answers_of(FORM, f"| id | start | end |\n| a | {start} | {end} |"), replace(FORM, design=TIMES))


TIMES = Design(started_at="/data/start", ended_at="/data/end")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-20T08:00:00.000+07:00", "2026-11-20T08:30:00.000+07:00"),
        ("2026-11-20T08:00:00.000+07:00", "2026-11-20T08:00:00.000+07:00"),
        ("2026-11-20T08:00:00.000+07:00", "2026-11-20T01:30:00.000Z"),  # half past eight in Trà Vinh
        ("2026-11-20T08:00:00.000", "2026-11-20T08:30:00.000+07:00"),
        ("2026-11-20T08:00:00.000+07:00", ""),
    ],
)
def test_an_interview_that_ends_after_it_starts_is_well(start: str, end: str) -> None:
    assert found(of_times(start, end), "DAT-01") == []


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-20T08:00:00.000+07:00", "2026-11-20T07:59:59.000+07:00"),
        ("2026-11-20T08:00:00.000+07:00", "2026-11-20T00:30:00.000Z"),
        ("2026-11-20T08:00:00.000", "2026-11-19T08:00:00.000+07:00"),
    ],
)
def test_an_interview_that_ends_before_it_starts_is_told(start: str, end: str) -> None:
    checked = of_times(start, end)
    assert found(checked, "DAT-01") == [("a", "data", "end")]
    assert details(checked, "DAT-01") == [{"other": "/data/start"}]


def days(table: str, received_on: date | None = None, form: Form = FORM) -> list[str | None]:
    return [issue[0] for issue in found(check(answers_of(form, table), form, received_on=received_on), "DAT-02")]


def test_an_interview_after_the_day_it_was_received_is_told() -> None:
    table = "| id | today |\n| a | 2026-11-21 |\n| b | 2026-11-22 |\n| c | |"
    assert days(table, date(2026, 11, 21)) == ["b"]
    assert days(table) == []


def test_an_interview_long_after_the_server_stamped_it_is_told_whatever_the_day_of_the_upload() -> None:
    table = """
    | id | today      | submitted_at             |
    | a  | 2026-11-21 | 2026-11-20T18:30:00.000Z |
    | b  | 2026-11-22 | 2026-11-20T18:30:00.000Z |
    """
    assert days(table) == ["b"]


@pytest.mark.parametrize(
    ("round_name", "version", "day", "wrong"),
    [
        ("2026-1", "", "2025-12-31", True),
        ("2026-1", "", "2026-01-01", False),
        ("2026", "", "2025-12-31", True),
        ("demo-2026", "", "2025-12-31", True),
        ("pilot", "2025060101", "2024-12-31", True),
        ("pilot", "2025060101", "2025-01-01", False),
        ("2024-2", "2025060101", "2024-12-31", False),  # the round knows better than the form
        ("pilot", "v7", "2000-01-01", True),  # a phone that lost its clock
        ("pilot", "20", "2001-01-01", False),
        ("", "", "1970-01-01", True),
    ],
)
def test_an_interview_before_its_round_can_have_begun_is_told(
    round_name: str, version: str, day: str, wrong: bool
) -> None:
    table = f"| id | round | form_version | today |\n| a | {round_name} | {version} | {day} |"
    assert days(table) == (["a"] if wrong else [])


def test_an_impossible_day_says_its_limits() -> None:
    answers = answers_of(FORM, "| id | round | today |\n| a | 2026-1 | 2025-01-01 |\n| b | 2026-1 | 2027-01-01 |")
    checked = check(answers, FORM, received_on=date(2026, 11, 22))
    assert details(checked, "DAT-02") == [{"earliest": "2026-01-01", "latest": "2026-11-22"}] * 2


def test_the_day_is_that_of_the_start_where_the_form_has_no_other() -> None:
    form = replace(FORM, design=Design(started_at="/data/start"))
    assert days("| id | start |\n| a | 1970-01-01T07:00:00.000+07:00 |", form=form) == ["a"]


DOUBTED = """
| question | day                      | doubt        | offered    |
| born     | 1985-07-25               |              |            |
| born     | 1970-01-01               | clock_zero   |            |
| born     | 1970-01-02               |              |            |
| born     | 2528-07-25               | buddhist_era | 1985-07-25 |
| born     | 25/7/2528                | buddhist_era | 1985-07-25 |
| born     | 1905-01-01               | far_away     |            |
| born     | 1906-01-01               |              |            |
| born     | 2076-12-31               |              |            |
| born     | 2080-03-01               | far_away     |            |
| seen     | 1970-01-01T07:00:00.000+07:00 | clock_zero |         |
| seen     | 1969-12-31T17:00:00.000-07:00 | clock_zero |         |
| seen     | 2080-01-01T08:00:00Z     | far_away     |            |
| start    | 1970-01-01T08:00:00Z     | clock_zero   |            |
"""
DAYS = form_of(
    """
    | type     | name  | label |
    | date     | today | Today |
    | start    | start |       |
    | date     | born  | Born  |
    | dateTime | seen  | Seen  |
    """,
    Design(interviewed_on="/data/today", started_at="/data/start"),
)


@pytest.mark.parametrize("row", rows_of(DOUBTED), ids=lambda row: f"{row['question']} {row['day']}")
def test_a_day_that_can_hardly_be_meant_is_told_whatever_question_it_answers(row: dict[str, str | None]) -> None:
    table = f"| id | today | {row['question']} |\n| a | 2026-11-20 | {row['day']} |"
    checked = check(answers_of(DAYS, table), DAYS, received_on=date(2026, 11, 22))
    told = [(one["reason"], one["offered"] or None) for one in details(checked, "DAT-03")]
    assert told == ([(row["doubt"], row["offered"])] if row["doubt"] else [])


def test_a_clock_that_was_wrong_is_told_once() -> None:
    table = "| id | today | start | born |\n| a | 1970-01-01 | 1970-01-01T08:00:00Z | 1970-01-01 |"
    checked = check(answers_of(DAYS, table), DAYS, received_on=date(2026, 11, 22))
    assert found(checked, "DAT-02") == [("a", "data", "today")]
    assert found(checked, "DAT-03") == [("a", "data", "born")]


def test_an_interview_in_a_year_of_the_buddhist_era_is_offered_the_common_one() -> None:
    checked = check(answers_of(DAYS, "| id | today |\n| a | 20/11/2569 |"), DAYS, received_on=date(2026, 11, 22))
    (said,) = details(checked, "DAT-02")
    assert (said["reason"], said["offered"]) == ("buddhist_era", "2026-11-20")


LEAP_DAYS = """
| written             | read       | told                     | because                                       |
| 29/2/2567           | 2024-02-29 | TYP-02 buddhist_leap_day | 2567 is the leap year 2024                    |
| 2567-02-29          | 2024-02-29 | TYP-02 buddhist_leap_day |                                               |
| 29 tháng 2 năm 2567 | 2024-02-29 | TYP-02 buddhist_leap_day |                                               |
| ២៩/២/២៥៦៧           | 2024-02-29 | TYP-02 buddhist_leap_day | in Khmer digits                               |
| 29/2/2024           | 2024-02-29 | TYP-02 day_first         | of the common era                             |
| 29/2/2566           | -          | TYP-01 no_such_day       | 2023 has none                                 |
| 29/2/2568           | -          | TYP-01 no_such_day       | 2025 has none, though 2568 would be a leap year |
| 2568-02-29          | -          | TYP-01 no_such_day       |                                               |
| 29 tháng 2 năm 2568 | -          | TYP-01 no_such_day       |                                               |
| 2/29/2568           | -          | TYP-01 no_such_day       |                                               |
| ២៩/២/២៥៦៨           | -          | TYP-01 no_such_day       |                                               |
| 29/2/2023           | -          | TYP-01 no_such_day       |                                               |
| 2023-02-30          | -          | TYP-01 no_such_day       |                                               |
| 31/4/2026           | -          | TYP-01 no_such_day       |                                               |
| 4/31/2026           | -          | TYP-01 no_such_day       |                                               |
| 2/3/2567            | -          | TYP-01 day_or_month_first | what was open stays open                     |
"""


@pytest.mark.parametrize("row", rows_of(LEAP_DAYS), ids=lambda row: str(row["written"]))
def test_the_29th_of_february_is_read_by_the_calendar_that_has_it_and_none_is_told_plainly(
    row: dict[str, str | None],
) -> None:
    checked = check(answers_of(DAYS, f"| id | born |\n| a | {row['written']} |"), DAYS)
    (born,) = checked.tables["/data"]["/data/born"]
    assert (str(born) if born else "-") == row["read"]
    assert [f"{code} {json.loads(one)['reason']}" for code, one in checked.issues.select("code", "details").rows()] == [
        row["told"]
    ]


def test_the_29th_of_february_as_an_instant_keeps_its_hour() -> None:
    checked = check(answers_of(DAYS, "| id | seen |\n| a | 2567-02-29T08:30:00.000+07:00 |"), DAYS)
    assert checked.tables["/data"]["/data/seen"].to_list() == ["2024-02-29T08:30:00.000+07:00"]


CLOCKED = form_of(
    """
 | type | name | label | constraint | required | calculation |
 | today | today | | | | |
 | start | start | | | | |
 | end | end | | | | |
 | calculate | year | | | | number(substr(${today}, 0, 4)) |
 | calculate | next | | | | ${year} + 1 |
 | integer | born | B | . < ${next} | | |
 | date | since | S | . <= today() | | |
 | integer | size | Z | . < 30 | | |
 | text | why | W | | ${next} < 2000 | |
    """,
    Design(interviewed_on="/data/today", started_at="/data/start", ended_at="/data/end"),
)


def test_what_a_wrong_clock_makes_look_wrong_names_it_and_is_counted_by_it_interview_by_interview() -> None:
    lost, kept = "1970-01-01", "2026-11-20"
    rows = [
        f"| a | {lost} | {lost}T08:00:00Z | {lost}T07:00:00Z | 1980 | 2020-01-01 | 99 |",
        f"| b | {lost} | {lost}T08:00:00Z | {lost}T08:30:00Z | 1960 |            | 4  |",
        f"| c | {kept} | {kept}T08:00:00Z | {kept}T08:30:00Z | 2080 | 2020-01-01 | 99 |",
    ]
    table = "\n".join(["| id | today | start | end | born | since | size |", *rows])
    checked = check(answers_of(CLOCKED, table), CLOCKED, received_on=date(2026, 11, 23))
    told = {(s, code, (q or "").rsplit("/", 1)[-1]): json.loads(one) for s, code, q, one in
            checked.issues.select("submission_id", "code", "question", "details").rows()}  # fmt: skip
    follows = {key for key, one in told.items() if one.get("follows") == "DAT-02"}
    assert follows == {
        ("uuid:a", "DAT-01", "end"), ("uuid:a", "CON-01", "born"), ("uuid:a", "CON-01", "since"),
        ("uuid:a", "REQ-01", "why"), ("uuid:b", "REQ-01", "why"),
    }  # fmt: skip
    assert {key: one["followed"] for key, one in told.items() if "followed" in one} == {
        ("uuid:a", "DAT-02", "today"): 4,
        ("uuid:b", "DAT-02", "today"): 1,
    }
    others = {key for key in told if key not in follows}
    assert ("uuid:a", "CON-01", "size") in others, "no clock was asked"
    assert ("uuid:c", "CON-01", "born") in others, "this clock was right"
    assert checked.issues.filter(FOLLOWS).height == len(follows)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_cause_says_how_many_follow_and_what_follows_names_the_cause(lang: str) -> None:
    table = "| id | today | born | since |\n| a | 1970-01-01 | 1980 | 2020-01-01 |"
    checked = check(answers_of(CLOCKED, table), CLOCKED, received_on=date(2026, 11, 23))
    words = {issue["code"]: words_of(issue, CLOCKED, lang)[1] for issue in checked.issues.iter_rows(named=True)}
    assert counted("issue.followed", 3, lang) in words["DAT-02"]
    assert t("DAT-02.name", lang) in words["CON-01"]


def test_a_wrong_day_is_told_before_the_answers_it_makes_look_wrong_and_to_right_it_rights_them() -> None:
    form = form_of(
        """
        | type    | name  | label | constraint |
        | today   | today |       |            |
        | integer | born  | B     | . <= number(substr(${today}, 0, 4)) |
        """,
        Design(interviewed_on="/data/today"),
    )

    def told(day: str) -> list[str]:
        checked = check(answers_of(form, f"| id | today | born |\n| a | {day} | 1980 |"), form)
        return [code for code in checked.issues["code"].to_list() if code in ("DAT-02", "CON-01")]

    assert told("1970-01-01") == ["DAT-02", "CON-01"]
    assert told("2026-11-20") == []
