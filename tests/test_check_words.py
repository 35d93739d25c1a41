"""Every code of the checks can be said in every language with what its issues carry."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from dataclasses import replace

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


SEEN: dict[str, object] = {"commune": "29254", "seen": "29513", "vintage": "2025-07", "metres": 34831, "tolerance": 15}
FAR: dict[str, object] = {"metres": 11789250, "tolerance": 1500}
ENGLISH = "Long Thanh Commune (29513), 34.8 km from the commune answered, Ward 7 (29254), beyond the 15 m"
TOLD: tuple[tuple[str, Mapping[str, object], str, str], ...] = (
    ("LOC-05", SEEN, "en", ENGLISH),
    (
        "LOC-05",
        SEEN | {"seen": "29254"},
        "vi",
        "nằm ở Phường Nguyệt Hoá (29254), cách xã đã trả lời, Phường 7 (29254), 34,8 km",
    ),
    ("LOC-06", FAR, "vi", "cách 11.789,2 km (sai số cho phép 1,5 km)"),
    ("LOC-06", FAR, "km", "ចម្ងាយ 11,789.2 គីឡូម៉ែត្រ (កម្រិតលម្អៀង 1.5 គីឡូម៉ែត្រ)"),
    ("LOC-06", {"metres": 999.4, "tolerance": 999}, "en", "999.4 m away (it may be 999 m off)"),
    ("LOC-08", {"commune": "29254", "vintage": "2025-07"}, "en", "Nguyet Hoa Ward (29254) was taken from the point"),
    ("LOC-08", {"commune": "29254"}, "en", "Ward 7 (29254) was taken"),
    ("LOC-02", {"commune": "29266", "former": "29269, 1"}, "vi", "1; đã chuyển sang Thị trấn Càng Long (29266)"),
    ("LOC-03", {"commune": "99999"}, "en", "it was read as 99999."),
    ("VER-01", {"version": "1", "submissions": 11439, "newest": "2"}, "en", "11,439 submissions name"),
)


@pytest.mark.parametrize(("code", "said", "lang", "words"), TOLD)
def test_communes_are_told_by_name_and_code_and_lengths_and_counts_as_people_write_them(
    code: str, said: dict[str, object], lang: str, words: str
) -> None:
    """A code means different communes in different lists: that of the form asked, and that of the outlines seen."""
    form = replace(FORM, design=Design(vintage="2024"))
    issue = {"code": code, "details": json.dumps(said), "question": None, "value": None}
    assert words in words_of(issue, form, lang)[1]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_commune_that_is_not_in_the_list_was_answered_all_the_same(lang: str) -> None:
    """LOC-08 stands beside LOC-01 where an unknown code was typed: what it says must be true of a blank and of that."""
    blank = {"en": "names no commune", "vi": "không cho biết xã", "km": "មិនបញ្ជាក់ឃុំ"}
    assert blank[lang] not in t("LOC-08.found", lang)
