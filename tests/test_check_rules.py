# ruff: noqa: E501 - tables of a form are wider than code
"""The form's own rules on what arrived: relevance first, then choices, required, constraints and calculations."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from check_tables import answers_of, codes, details, form_of, found

from collect.check import check
from collect.forms import Design

CHOICES = """
| list_name | name | label | commune |
| yes_no    | yes  | Yes   |         |
| yes_no    | no   | No    |         |
| why       | cost | Cost  |         |
| why       | far  | Far   |         |
| commune   | 29242 | Ward 1 |       |
| commune   | 29254 | Ward 2 |       |
| hamlet    | h1   | Hamlet 1 | 29242 |
| hamlet    | h2   | Hamlet 2 | 29254 |
"""
HOUSE = form_of(
    """
    | type                | name    | label | relevant           | required | constraint | constraint_message | choice_filter |
    | select_one yes_no   | consent | C     |                    | yes      |            |                    |               |
    | begin_group         | home    | G     | ${consent} = 'yes' |          |            |                    |               |
    | select_one yes_no   | fibre   | F     |                    | yes      |            |                    |               |
    | select_multiple why | why     | W     | ${fibre} = 'no'    | yes      |            |                    |               |
    | text                | remark  | R     | selected(${why}, 'cost') |    |            |                    |               |
    | integer             | rooms   | N     |                    |          | . >= 1 and . <= 20 | One to twenty |       |
    | end_group           |         |       |                    |          |            |                    |               |
    | select_one commune  | commune | P     |                    |          |            |                    |               |
    | select_one hamlet   | hamlet  | H     |                    |          |            |                    | commune = ${commune} |
    """,
    choices=CHOICES,
)
ROSTER = form_of(
    """
    | type              | name   | label  | relevant           | required | constraint | calculation |
    | select_one yes_no | consent | Consent |                 |          |            |             |
    | begin_repeat      | member | Member | ${consent} = 'yes' |          |            |             |
    | integer           | age    | Age    |                    | yes      | . <= 120   |             |
    | select_one yes_no | works  | Works  | ${age} >= 15       | yes      |            |             |
    | begin_repeat      | job    | Job    |                    |          |            |             |
    | text              | trade  | Trade  | ${works} = 'yes'   | yes      |            |             |
    | end_repeat        |        |        |                    |          |            |             |
    | end_repeat        |        |        |                    |          |            |             |
    | calculate         | adults |        |                    |          |            | count(${member}[age >= 15]) |
    """.replace("count(${member}[age >= 15])", "count(/data/member[age >= 15])"),
    choices=CHOICES,
)

GOOD = """
| id | consent | fibre | why      | remark | rooms | commune | hamlet |
| a  | yes     | yes   |          |        | 3     | 29242   | h1     |
| b  | yes     | no    | cost far | dear   |       | 29254   | h2     |
| c  | yes     | no    | far      |        | 20    |         |        |
| d  | no      |       |          |        |       | 29242   |        |
"""


def test_a_household_that_keeps_to_the_form_raises_nothing() -> None:
    checked = check(answers_of(HOUSE, GOOD), HOUSE)
    assert codes(checked) == []


# --- relevance ---


def test_an_answer_where_nothing_was_asked_is_told_and_counts_nowhere() -> None:
    answers = answers_of(HOUSE, "| id | consent | fibre | why |\n| a | yes | yes | cost |")
    checked = check(answers, HOUSE)
    assert found(checked, "REL-01") == [("a", "data", "why")]
    assert details(checked, "REL-01") == [{"rule": "/data/home/fibre  = 'no'", "hidden_by": "/data/home/why"}]
    assert checked.tables["/data"]["/data/home/why"].to_list() == [None]
    assert codes(checked) == ["REL-01"]


def test_a_group_that_was_not_asked_hides_its_questions_and_what_depends_on_them() -> None:
    answers = answers_of(HOUSE, "| id | consent | fibre | why | remark | rooms |\n| a | no | no | cost | dear | 99 |")
    checked = check(answers, HOUSE)
    assert found(checked, "REL-01") == [
        ("a", "data", "fibre"),
        ("a", "data", "why"),
        ("a", "data", "remark"),
        ("a", "data", "rooms"),
    ]
    assert {one["hidden_by"] for one in details(checked, "REL-01")} == {"/data/home"}
    assert codes(checked) == ["REL-01"]  # no constraint, no requirement, no choice is judged where nothing was asked
    assert checked.tables["/data"].select("^/data/home/.*$").null_count().row(0) == (1, 1, 1, 1)


def test_relevance_reads_answers_that_were_themselves_settled_first() -> None:
    """'remark' hangs on 'why', which hangs on 'fibre': with fibre there is no reason, and so no remark."""
    answers = answers_of(HOUSE, "| id | consent | fibre | why | remark |\n| a | yes | yes | cost | dear |")
    assert found(check(answers, HOUSE), "REL-01") == [("a", "data", "why"), ("a", "data", "remark")]


def test_an_unreadable_answer_that_was_not_asked_is_told_once_as_not_relevant() -> None:
    answers = answers_of(HOUSE, "| id | consent | rooms |\n| a | no | many |")
    assert codes(check(answers, HOUSE)) == ["REL-01"]


def test_relevance_in_a_roster_looks_at_the_row_itself() -> None:
    answers = answers_of(
        ROSTER,
        "| id | consent |\n| a | yes |\n| b | yes |",
        member="| id | age | works |\n| a | 40 | yes |\n| a | 9 | yes |\n| b | 14 | |",
        job="| id | under | trade |\n| a | 1 | farmer |\n| a | 2 | fisher |",
    )
    checked = check(answers, ROSTER)
    assert found(checked, "REL-01") == [("a", "member[2]", "works"), ("a", "job[1]", "trade")]
    assert checked.tables["/data/member"]["/data/member/works"].to_list() == ["yes", None, None]
    assert checked.tables["/data/member/job"]["/data/member/job/trade"].to_list() == ["farmer", None]


def test_rows_of_a_roster_that_was_not_asked_are_told_and_no_longer_counted() -> None:
    answers = answers_of(
        ROSTER,
        "| id | consent | adults |\n| a | no | 0 |\n| b | yes | 1 |",
        member="| id | age | works |\n| a | x | yes |\n| b | 30 | yes |",
        job="| id | under | trade |\n| a | 1 | farmer |\n| b | 1 | |",
    )
    checked = check(answers, ROSTER)
    assert found(checked, "REL-01") == [("a", "member[1]", "member")]
    assert checked.tables["/data/member"]["submission_id"].to_list() == ["uuid:b"]
    assert checked.tables["/data/member/job"]["submission_id"].to_list() == ["uuid:b"]
    assert found(checked, "REQ-01") == [("b", "job[1]", "trade")]
    assert codes(checked) == ["REL-01", "REQ-01"]


# --- choices ---


def test_several_choices_may_stand_in_any_order_and_spacing() -> None:
    answers = answers_of(HOUSE, "| id | consent | fibre | why |\n| a | yes | no | ·far··cost |")
    assert codes(check(answers, HOUSE)) == []


def test_an_answer_no_choice_matches_is_told_and_kept() -> None:
    answers = answers_of(
        HOUSE,
        "| id | consent | fibre | why |\n| a | yes | maybe | |\n| b | yes | no | cost luck |\n| c | yes | no | far |",
    )
    checked = check(answers, HOUSE)
    assert found(checked, "CHO-01") == [("a", "data", "fibre"), ("b", "data", "why")]
    assert details(checked, "CHO-01") == [{"list": "yes_no"}, {"list": "why"}]
    assert checked.tables["/data"]["/data/home/fibre"].to_list() == ["maybe", "no", "no"]


def test_a_choice_with_stray_blanks_is_that_choice() -> None:
    checked = check(answers_of(HOUSE, "| id | consent | fibre |\n| a | ·yes | yes\u200b |"), HOUSE)
    assert codes(checked) == ["TYP-02"]
    assert checked.tables["/data"].select("/data/consent", "/data/home/fibre").row(0) == ("yes", "yes")


def test_a_choice_that_the_filter_does_not_leave_is_told() -> None:
    answers = answers_of(
        HOUSE,
        "| id | consent | commune | hamlet |\n| a | no | 29242 | h1 |\n| b | no | 29242 | h2 |\n| c | no | | h1 |",
    )
    checked = check(answers, HOUSE)
    assert found(checked, "CHO-02") == [("b", "data", "hamlet"), ("c", "data", "hamlet")]
    assert details(checked, "CHO-02")[0] == {"list": "hamlet", "rule": "commune =  /data/commune"}


def test_a_filter_is_not_asked_where_the_answer_it_reads_is_itself_no_choice() -> None:
    checked = check(answers_of(HOUSE, "| id | consent | commune | hamlet |\n| a | no | 99999 | h1 |"), HOUSE)
    assert found(checked, "CHO-01") == [("a", "data", "commune")]
    assert found(checked, "CHO-02") == []


def test_a_filter_in_a_roster_may_read_the_household_and_its_own_row() -> None:
    form = form_of(
        """
        | type               | name    | label | choice_filter        |
        | select_one commune | commune | C     |                      |
        | begin_repeat       | a       | A     |                      |
        | select_one commune | near    | N     |                      |
        | end_repeat         |         |       |                      |
        | begin_repeat       | ab      | B     |                      |
        | select_one commune | place   | P     |                      |
        | select_one hamlet  | home    | H     | commune = ${commune} |
        | select_one hamlet  | field   | F     | commune = ${place}   |
        | end_repeat         |         |       |                      |
        """,
        choices=CHOICES,
    )
    answers = answers_of(
        form,
        "| id | commune |\n| a | 29242 |\n| b | 99999 |",
        a="| id | near |\n| a | 1 |",
        ab="| id | place | home | field |\n| a | 29254 | h1 | h2 |\n| a | 29254 | h2 | h1 |\n| b | x | h1 | h1 |",
    )
    assert found(check(answers, form), "CHO-02") == [("a", "ab[2]", "home"), ("a", "ab[2]", "field")]


def test_the_commune_is_left_to_the_place_rules() -> None:
    placed = form_of(
        "| type | name | label |\n| select_one commune | commune | Commune |",
        Design(commune="/data/commune"),
        choices=CHOICES,
    )
    assert codes(check(answers_of(placed, "| id | commune |\n| a | 99999 |"), placed)) == []


def test_or_other_allows_other() -> None:
    form = form_of("| type | name | label |\n| select_one yes_no or_other | fibre | Fibre |", choices=CHOICES)
    answers = answers_of(form, "| id | fibre | fibre_other |\n| a | other | satellite |\n| b | neither | |")
    assert found(check(answers, form), "CHO-01") == [("b", "data", "fibre")]


def test_a_ranking_holds_choices_only() -> None:
    form = form_of("| type | name | label |\n| rank why | order | Order |", choices=CHOICES)
    answers = answers_of(form, "| id | order |\n| a | far cost |\n| b | far luck |")
    assert found(check(answers, form), "CHO-01") == [("b", "data", "order")]


def test_a_list_the_form_does_not_carry_is_told_once() -> None:
    bare = replace(HOUSE, choices={})
    checked = check(answers_of(bare, "| id | consent |\n| a | yes |\n| b | no |"), bare)
    assert [one["rule"] for one in details(checked, "EXP-01")] == ["choices"]


def test_what_the_device_drew_once_is_right_whatever_it_is() -> None:
    form = form_of(
        "| type | name | label | calculation |\n| calculate | key | | once(uuid()) |\n| calculate | dice | | random() |"
    )
    checked = check(answers_of(form, "| id | key | dice |\n| a | 5a1c | 0.25 |\n| b | | |"), form)
    assert found(checked, "EXP-01") == [(None, None, "dice")]


# --- required ---


def test_a_required_question_left_blank_is_told_where_it_was_asked() -> None:
    answers = answers_of(HOUSE, "| id | consent | fibre |\n| a | yes | |\n| b | no | |\n| c | | |\n| d | yes | no |")
    checked = check(answers, HOUSE)
    assert found(checked, "REQ-01") == [("c", "data", "consent"), ("a", "data", "fibre"), ("d", "data", "why")]


def test_required_may_depend_on_other_answers() -> None:
    form = form_of("| type | name | label | required |\n| integer | size | S | |\n| text | head | H | ${size} > 1 |")
    answers = answers_of(form, "| id | size | head |\n| a | 1 | |\n| b | 2 | |\n| c | 2 | x |")
    assert found(check(answers, form), "REQ-01") == [("b", "data", "head")]


def test_an_unreadable_answer_is_not_a_missing_one() -> None:
    answers = answers_of(
        ROSTER,
        "| id | consent |\n| a | yes |",
        member="| id | age |\n| a | many |",
        job="| id | under | trade |\n| b | 1 | x |",
    )
    checked = check(answers, ROSTER)
    assert ("a", "member[1]", "age") not in found(checked, "REQ-01")
    assert found(checked, "TYP-01") == [("a", "member[1]", "age")]


def test_what_hangs_on_an_unreadable_answer_is_neither_hidden_nor_demanded() -> None:
    """One fault, one issue: with the age unreadable nobody can tell whether work was to be asked about."""
    answers = answers_of(
        ROSTER,
        "| id | consent | adults |\n| a | yes | 1 |",
        member="| id | age | works |\n| a | 4o | yes |\n| a | 3o | |",
        job="| id | under | trade |\n| a | 1 | farmer |",
    )
    checked = check(answers, ROSTER)
    assert codes(checked) == ["TYP-01"]
    assert checked.tables["/data/member"]["/data/member/works"].to_list() == ["yes", None]
    assert checked.tables["/data/member/job"]["/data/member/job/trade"].to_list() == ["farmer"]


def test_a_group_that_hangs_on_an_unreadable_answer_keeps_its_answers() -> None:
    form = form_of(
        """
        | type        | name | label | relevant    | required | constraint   |
        | integer     | size | S     |             |          |              |
        | begin_group | g    | G     | ${size} > 1 |          |              |
        | integer     | kids | K     |             | yes      | . <= ${size} |
        | text        | note | N     |             | yes      |              |
        | end_group   |      |       |             |          |              |
        """
    )
    answers = answers_of(form, "| id | size | kids | note |\n| a | two | 1 | |\n| b | 1 | 1 | |\n| c | 3 | 5 | x |")
    checked = check(answers, form)
    assert found(checked, "TYP-01") == [("a", "data", "size")]
    assert found(checked, "REL-01") == [("b", "data", "kids")]
    assert found(checked, "REQ-01") == []
    assert found(checked, "CON-01") == [("c", "data", "kids")]
    assert checked.tables["/data"]["/data/g/kids"].to_list() == [1, None, 5]


# --- constraint ---


def test_a_broken_constraint_carries_the_forms_own_message() -> None:
    answers = answers_of(
        HOUSE, "| id | consent | fibre | rooms |\n| a | yes | yes | 0 |\n| b | yes | yes | 1 |\n| c | yes | yes | |"
    )
    checked = check(answers, HOUSE)
    assert found(checked, "CON-01") == [("a", "data", "rooms")]
    assert details(checked, "CON-01") == [{"rule": ". >= 1 and . <= 20", "message": {"": "One to twenty"}}]
    assert checked.tables["/data"]["/data/home/rooms"].to_list() == [0, 1, None]


def test_constraint_messages_come_in_every_language_of_the_form() -> None:
    form = form_of(
        """
        | type    | name | label::Việt (vi) | label::English (en) | constraint | constraint_message::Việt (vi) | constraint_message::English (en) |
        | integer | size | Số người         | Size                | . > 0      | Ít nhất một người             | At least one |
        """
    )
    message = details(check(answers_of(form, "| id | size |\n| a | 0 |"), form), "CON-01")[0]["message"]
    assert message == {"Việt (vi)": "Ít nhất một người", "English (en)": "At least one"}


def test_a_constraint_in_a_roster_is_asked_of_every_row() -> None:
    answers = answers_of(
        ROSTER, "| id | consent |\n| a | yes |", member="| id | age | works |\n| a | 121 | no |\n| a | 120 | no |"
    )
    assert found(check(answers, ROSTER), "CON-01") == [("a", "member[1]", "age")]


def test_a_constraint_may_ask_the_day_of_the_interview_never_the_clock() -> None:
    form = form_of(
        "| type | name | label | constraint |\n| today | today | | |\n| date | since | Since | . <= today() |",
        Design(interviewed_on="/data/today"),
    )
    answers = answers_of(
        form, "| id | today | since |\n| a | 2026-11-20 | 2026-11-20 |\n| b | 2026-11-20 | 2026-11-21 |"
    )
    assert found(check(answers, form), "CON-01") == [("b", "data", "since")]


def test_a_rule_that_asks_the_day_of_a_submission_without_one_is_told() -> None:
    form = form_of(
        "| type | name | label | constraint |\n| today | today | | |\n| date | since | Since | . <= today() |",
        Design(interviewed_on="/data/today"),
    )
    answers = answers_of(form, "| id | today | since |\n| a | | 2026-11-20 |\n| b | 2026-11-20 | 2026-11-21 |")
    checked = check(answers, form)
    assert found(checked, "CON-01") == [("b", "data", "since")]
    assert [one["reason"] for one in details(checked, "EXP-01")] == ["1 rows do not say when they were made"]


# --- calculations ---

SUMS = form_of(
    """
    | type      | name   | label | calculation       | bind::type |
    | integer   | men    | Men   |                   |            |
    | integer   | women  | Women |                   |            |
    | calculate | people |       | ${men} + ${women} |            |
    | calculate | share  |       | ${men} div ${people} | decimal |
    | calculate | words  |       | concat(${men}, ' + ', ${women}) | |
    """
)


def test_a_stored_calculation_is_compared_with_tolerance_and_never_overwritten() -> None:
    answers = answers_of(
        SUMS,
        """
        | id | men | women | people | share        | words |
        | a  | 1   | 2     | 3      | 0.3333333333 | 1 + 2 |
        | b  | 1   | 2     | 3.0    | 0.33         | 1 + 2 |
        | c  | 1   | 2     | 4      | 0.25         | 1 + 3 |
        | d  | 1   | 2     |        | 0.3333333333 | 1 + 2 |
        """,
    )
    checked = check(answers, SUMS)
    assert sorted(found(checked, "CAL-01")) == [
        ("b", "data", "share"),
        ("c", "data", "people"),
        ("c", "data", "words"),
        ("d", "data", "people"),
        ("d", "data", "share"),
    ]
    assert details(checked, "CAL-01")[0]["expected"] == "3"
    assert checked.tables["/data"]["/data/people"].to_list() == ["3", "3.0", "4", None]


def test_calculations_the_export_does_not_hold_are_made_and_nothing_is_said() -> None:
    checked = check(answers_of(SUMS, "| id | men | women |\n| a | 1 | 2 |\n| b | | 2 |"), SUMS)
    assert codes(checked) == []
    assert checked.tables["/data"]["/data/people"].to_list() == ["3", None]
    assert checked.tables["/data"]["/data/share"].to_list() == [pytest.approx(1 / 3), None]


def test_a_count_over_the_roster_is_made_again() -> None:
    answers = answers_of(
        ROSTER,
        "| id | consent | adults |\n| a | yes | 1 |\n| b | yes | 1 |",
        member="| id | age | works |\n| a | 40 | no |\n| a | 9 | |\n| b | 20 | no |\n| b | 70 | no |",
    )
    assert found(check(answers, ROSTER), "CAL-01") == [("b", "data", "adults")]


def test_issues_and_tables_come_out_the_same_twice() -> None:
    answers = answers_of(HOUSE, GOOD.replace("| 3 ", "| 0 ").replace("h1", "h9"))
    first, second = check(answers, HOUSE), check(answers, HOUSE)
    assert first.issues.equals(second.issues)
    assert not first.issues.is_empty()
    assert all(first.tables[path].equals(second.tables[path]) for path in first.tables)
    assert isinstance(first.issues, pl.DataFrame)


CODES = form_of(
    """
    | type                | name | label |
    | select_one unit     | unit | U |
    | select_multiple unit | units | S |
    | select_one point    | point | P |
    | select_one short    | short | Z |
    """,
    choices="""
    | list_name | name | label |
    | unit | 86 | a |
    | unit | -99 | b |
    | point | 1 | c |
    | point | 1.0 | d |
    | short | 01 | e |
    """,
)


@pytest.mark.parametrize(
    ("question", "cell", "read", "told"),
    [
        ("unit", "86.0", "86", ["TYP-02"]),
        ("unit", "-99.0", "-99", ["TYP-02"]),
        ("unit", "·86.00·", "86", ["TYP-02"]),
        ("units", "86.0", "86", ["TYP-02"]),
        ("units", "86 -99", "86 -99", []),
        ("unit", "87.0", "87.0", ["CHO-01"]),
        ("unit", "86.5", "86.5", ["CHO-01"]),
        ("point", "1.0", "1.0", []),  # a choice of its own
        ("short", "1.0", "01", ["TYP-04"]),
    ],
)
def test_a_code_that_a_program_wrote_as_a_number_is_read_as_the_choice(
    question: str, cell: str, read: str, told: list[str]
) -> None:
    checked = check(answers_of(CODES, f"| id | {question} |\n| a | {cell} |"), CODES)
    assert checked.tables["/data"][f"/data/{question}"][0] == read
    assert codes(checked) == told
