"""Every code of the checks can be said in every language with what its issues carry."""

from __future__ import annotations

import json
import string

import pytest
from check_tables import answers_of, details, form_of

from collect.check import check
from collect.forms import Design
from collect.i18n import LANGUAGES, catalogue, t
from collect.problems import PROBLEMS
from collect.wording.issues import words_of

CODES = ("TYP-01", "TYP-02", "CHO-01", "CHO-02", "REL-01", "REQ-01", "CON-01", "CAL-01", "EXP-01", "ROS-01", "ROS-02",
         "DAT-01", "DAT-02", "DAT-03")  # fmt: skip
FORM = form_of(
    """
    | type                | name    | label | relevant   | required | constraint | calculation | choice_filter |
    | start               | start   |       |            |          |            |             |               |
    | end                 | end     |       |            |          |            |             |               |
    | today               | today   |       |            |          |            |             |               |
    | date                | since   | Since |            |          |            |             |               |
    | integer             | size    | S     |            |          | . < 10     |             |               |
    | decimal             | area    | A     | ${size} > 5 |         |            |             |               |
    | select_one place    | commune | C     |            | yes      |            |             |               |
    | select_one place    | hamlet  | H     |            |          |            |             | of = ${commune} |
    | begin_repeat        | member  | M     |            |          |            |             |               |
    | integer             | age     | A     |            |          |            |             |               |
    | integer             | born    | B     |            |          |            |             |               |
    | end_repeat          |         |       |            |          |            |             |               |
    | calculate           | twice   |       |            |          |            | ${size} * 2 |               |
    | calculate           | lot     |       |            |          |            | random()    |               |
    """,
    Design(
        household_size="/data/size",
        roster="/data/member",
        interviewed_on="/data/today",
        started_at="/data/start",
        ended_at="/data/end",
        age="/data/member/age",
        birth_year="/data/member/born",
    ),
    choices="| list_name | name | label | of |\n| place | p1 | 1 | |\n| place | p2 | 2 | p1 |",
)
CHECKED = check(
    answers_of(
        FORM,
        """
        | id | start | end | today | since | size | area | commune | hamlet | twice | lot |
        | a | 2026-11-20T08:00:00Z | 2026-11-20T07:00:00Z | 2026-11-20 | 2565-11-20 | 12 | | p1 | p1 | 3 | 7 |
        | b | | | 1970-01-01 | 1970-01-01 | x | 3 | p3 | p2 | | |
        | c | | | 2026-11-20 | 2080-02-01 | ៦ | | | | 12 | |
        | d | | | 2026-11-20 | | 1 | 3 | p1 | | 2 | |
        """,
        member="| id | age | born |\n| a | 40 | 1950 |",
    ),
    FORM,
)


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_raised_with_its_own_severity(code: str) -> None:
    severities = CHECKED.issues.filter(CHECKED.issues["code"] == code)["severity"].unique().to_list()
    assert severities == [PROBLEMS[code].severity]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_an_issue_carries_everything_its_words_ask_for(code: str, lang: str) -> None:
    for issue in CHECKED.issues.filter(code=code).iter_rows(named=True):
        _, found, mend = words_of(issue, FORM, lang)
        assert found
        assert "…" not in found + mend


@pytest.mark.parametrize("code", CODES)
def test_the_languages_name_the_same_things(code: str) -> None:
    for key in (f"{code}.found", f"{code}.mend"):
        named = {lang: {part[1] for part in string.Formatter().parse(catalogue()[key][lang])} for lang in LANGUAGES}
        assert len({frozenset(fields) for fields in named.values()}) == 1, key


def test_words_never_repeat_an_answer() -> None:
    for code in CODES:
        for row in CHECKED.issues.filter(CHECKED.issues["code"] == code).iter_rows(named=True):
            said = t(f"{code}.found", "en", **details(CHECKED, code)[0])
            assert row["value"] is None or len(row["value"]) < 3 or row["value"] not in said


@pytest.mark.parametrize(("lang", "written"), [("vi", "01/01/2026"), ("km", "01/01/2026"), ("en", "1 Jan 2026")])
@pytest.mark.parametrize("latest", ["", "2026-10-16"])
def test_days_an_interview_can_have_been_on_are_written_as_the_language_writes_days(
    lang: str, written: str, latest: str
) -> None:
    limits = json.dumps({"earliest": "2026-01-01", "latest": latest})
    found = words_of({"code": "DAT-02", "question": None, "value": "2016-05-01", "details": limits}, None, lang)[1]
    assert written in found
    assert "2026-" not in found


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_calculation_that_differs_is_told_with_its_name_and_what_comes_out_now(lang: str) -> None:
    (issue,) = CHECKED.issues.filter(code="CAL-01").iter_rows(named=True)
    found = words_of(issue, FORM, lang)[1]
    assert t("question.calculated", lang, name="twice") in found  # it has no label of its own
    assert str(details(CHECKED, "CAL-01")[0]["expected"]) in found
