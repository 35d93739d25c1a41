"""Rules of forms in words: every rule of the shipped forms as a table, and what is left to XPath."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from collect.define.rule_words import in_words
from collect.define.words import as_written, cell_help
from collect.forms import Choice, Form, Question, Section
from collect.i18n import LANGUAGES
from collect.journey import define
from collect.settings import shipped_forms

TABLE = tomllib.loads((Path(__file__).parent / "rules_in_words.toml").read_text(encoding="utf-8"))
PATTERNS = {  # no words for a pattern: the forms' own messages explain these
    "household /data/interview/round constraint", "household /data/interview/interviewer constraint",
    "household /data/interview/cluster constraint", "commune /data/interview/round constraint",
    "commune /data/interview/officer constraint", "commune /data/hamlets/hamlet/code constraint",
}  # fmt: skip


@pytest.fixture(scope="module")
def shipped() -> dict[str, Form]:
    return {form.form_id: form for form in define(shipped_forms()).forms}


def rules(form: Form) -> dict[str, tuple[str, str]]:
    """Every condition and rule of a form by its name in the table, with the node it stands at."""
    holders: list[Question | Section] = [*form.sections, *form.questions]
    found = {(one.path, "relevant"): one.relevant for one in holders}
    found |= {(one.path, "constraint"): one.constraint for one in form.questions}
    return {f"{form.form_id} {at} {kind}": (at, rule) for (at, kind), rule in found.items() if rule}


def test_every_rule_of_the_shipped_forms_is_in_the_table_but_patterns(shipped: dict[str, Form]) -> None:
    names = {name for form in shipped.values() for name in rules(form)}
    assert set(TABLE) == names - PATTERNS
    assert names >= PATTERNS


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_rules_of_the_shipped_forms_read_as_the_table_says(shipped: dict[str, Form], lang: str) -> None:
    said = {
        name: in_words(rule, form, at, lang) for form in shipped.values() for name, (at, rule) in rules(form).items()
    }
    assert said == {name: TABLE.get(name, {}).get(lang) for name in said}


YES_NO = tuple(Choice(name, {"": label}) for name, label in (("yes", "Yes"), ("no", "No"), ("dk", "Unknown")))
SMALL = Form(
    form_id="small", version="1", title="Small", root="/data", languages=("",),
    questions=(
        Question("/data/age", "int", "/data", {"": "Age"}),
        Question("/data/phone", "select_one", "/data", {"": "A phone?"}, choice_list="yes_no"),
        Question("/data/uses", "select_multiple", "/data", {"": "Used for"}, choice_list="yes_no"),
        Question("/data/code", "select_one", "/data", {"": "Commune"}, choice_list="from_a_file"),
        Question("/data/visit", "date", "/data", {"": "Day"}),
        Question("/data/hidden", "string", "/data"),
        Question("/data/heads", "string", "/data", calculate="count(/data/person[kin = 'head'])", appears=False),
        Question("/data/double", "string", "/data", calculate="/data/heads * 2", appears=False),
        Question("/data/person/kin", "string", "/data/person", {"": "Kin"}),
    ),
    sections=(Section("/data/person", True, "/data", {"": "Person"}),),
    choices={"yes_no": YES_NO},
)  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("/data/phone = 'yes'", "“A phone?” is “Yes”"),
        ("'yes' = ../phone", "“A phone?” is “Yes”"),
        ("15 <= ../age", "“Age” is at least 15"),
        ("../age > 1.5 and ../age < 90", "“Age” is above 1.5 and “Age” is below 90"),
        ("../age <= 90 and ../age >= 15", "“Age” is from 15 to 90"),
        ("../age <= 90 or ../age >= 15", "“Age” is at most 90 or “Age” is at least 15"),
        ("../age = ''", "“Age” is blank"),
        ("not(../age = '')", "“Age” is not blank"),
        ("not(not(../phone = 'no'))", "“A phone?” is “No”"),
        ("../phone = 'yes' or ../phone = 'dk'", "“A phone?” is “Yes” or “Unknown”"),
        ("../phone != 'yes' and ../phone != 'dk'", "“A phone?” is not “Yes” or “Unknown”"),
        ("../phone != 'yes' or ../age != 3", "“A phone?” is not “Yes” or “Age” is not 3"),
        ("../phone = 'yes' and (../age = 1 or ../age = '')", "“A phone?” is “Yes” and (“Age” is 1 or “Age” is blank)"),
        (
            "selected(../uses, 'yes') and selected(../uses, 'no')",
            "“Used for” includes “Yes” and “Used for” includes “No”",
        ),
        ("not(selected(../uses, 'yes') or selected(../uses, 'no'))", "“Used for” does not include “Yes” or “No”"),
        ("not(count-selected(../uses) > 1)", "the number of choices ticked in “Used for” is at most 1"),
        ("../code = '29242'", "“Commune” is “29242”"),
        ("../visit >= date('2026-01-31')", "“Day” is not before 31 Jan 2026"),
        ("../visit < today()", "“Day” is before today"),
        ("count(/data/person) >= -1", "the number of “Person” is at least −1"),
        ("/data/heads = 1", "the number of “Person” (where “Kin” is “head”) is 1"),
        ("sum(/data/person/kin) = ../age * 2 - 1", "the sum of “Kin” is (“Age” × 2) − 1"),
        ("string-length(.) = 10", "the number of characters of the answer is 10"),
        ("starts-with(., ../code)", "the answer begins with “Commune”"),
        ("regex(., '^[0-9]{10}$')", "the answer is 10 digits"),
        (r"regex(., '^\d{1}$')", "the answer is 1 digit"),
        ("regex(../code, '^[0-9]{9,10}$')", "“Commune” is 9–10 digits"),
        ("regex(., '^0[0-9]{8,9}$')", "the answer is 9–10 digits beginning with 0"),
    ],
)  # fmt: skip
def test_a_rule_is_said_whole(rule: str, said: str) -> None:
    assert in_words(rule, SMALL, "/data/new", "en") == said


@pytest.mark.parametrize(
    "rule",
    [
        "", "1 +", "true()", "../age", "1 < ../age < 3", "regex(., 'a')", "if(../age > 1, 1, 0) = 1",
        "regex(., '[0-9]{10}')", "regex(., '^[1-9]{10}$')", "not(regex(., '^[0-9]{10}$'))",
        "../phone = 'yes' and regex(., 'a')",  # half a rule would mislead
        "not(../age > 5)",  # a blank age is asked, too: neither above 5 nor at most 5
        "not(starts-with(., 'a'))",
        "/data/hidden = 'a'", "/data/nowhere = 'a'", "instance('x')/root/item[name = 'a']/label = 'b'",
        "/data/double = 2",  # a calculation inside a calculation
        "count(/data/person[kin = 'a'][kin = 'b']) = 1", "position(..) = 1",
    ],
)  # fmt: skip
def test_what_has_no_words_stays_as_it_is_written(rule: str) -> None:
    assert in_words(rule, SMALL, "/data/new", "en") is None


def test_a_decimal_is_written_as_the_language_writes_it() -> None:
    assert in_words("../age > 1.5", SMALL, "/data/new", "vi") == "“Age” lớn hơn 1,5"


def test_help_says_a_rule_in_words_and_xpath_only_where_there_are_none(shipped: dict[str, Form]) -> None:
    asked = shipped["household"].by_path["/data/household/fibre_since"]
    told = cell_help(asked, shipped["household"], "en")
    assert told.endswith(
        "Asked only if: “Do you agree to answer?” is “Agrees”; "
        "“Does the household have a fibre subscription in use?” is “Yes”."
    )
    assert as_written(asked, shipped["household"]).splitlines() == [
        "relevant: consent = 'yes'",
        "relevant: household/fibre_subscribed = 'yes'",
        "constraint: . >= date('2008-01-01') and . <= today",
    ]
    bare = Question("/data/new", "string", "/data", relevant="regex(/data/hidden, 'a')", constraint=". != 'x'")
    assert cell_help(bare, SMALL, "en") == "Rule: the answer is not “x”. Asked only if: regex(hidden, 'a')."
