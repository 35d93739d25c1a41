"""The shipped forms, indicators and targets: what the field asks, and what the plan promises."""

from __future__ import annotations

import hashlib
import re
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from pyxform.xls2xform import convert

from collect.check import check, measure
from collect.define import load_form, load_forms, load_indicators, load_targets
from collect.define.twin import Sheets, markdown_of, read_markdown, sheets_of_xlsx, write_xlsx
from collect.forms import Form
from collect.indicators import Indicator
from collect.tables import Answers
from geo import units

FORMS = Path(__file__).resolve().parents[1] / "forms"
LANGUAGES = ("Tiếng Việt (vi)", "ខ្មែរ (km)", "English (en)")
TEXTS = {  # each form's version, and what it asks
    "household": ("2026112301", "d471e009cf34cc6f"),
    "commune": ("2026112301", "35fe55ae4dde0163"),
}
BOTH = pytest.mark.parametrize("name", ["household", "commune"])


def rows_of(sheets: Sheets, sheet: str) -> list[dict[str, str]]:
    header, *rows = sheets[sheet]
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def forms() -> dict[str, Form]:
    return {form.form_id: form for form in load_forms(FORMS)}


@pytest.fixture(scope="module")
def indicators(forms: dict[str, Form]) -> dict[str, Indicator]:
    return {one.indicator_id: one for one in load_indicators(FORMS, tuple(forms.values()))}


# --- the two versions of a form ---------------------------------------------------------------------------------------


@BOTH
def test_the_workbook_and_its_text_twin_agree_cell_by_cell(name: str) -> None:
    assert sheets_of_xlsx(FORMS / name / "form.xlsx") == read_markdown(FORMS / name / "form.md")


@BOTH
def test_writing_the_workbook_again_gives_the_bytes_that_are_there(name: str, tmp_path: Path) -> None:
    write_xlsx(read_markdown(FORMS / name / "form.md"), tmp_path / "form.xlsx")
    assert (tmp_path / "form.xlsx").read_bytes() == (FORMS / name / "form.xlsx").read_bytes()


@BOTH
def test_a_form_that_changed_has_another_version(name: str) -> None:
    sheets = read_markdown(FORMS / name / "form.md")
    (settings,) = rows_of(sheets, "settings")
    asked = markdown_of({sheet: rows for sheet, rows in sheets.items() if sheet != "settings"})
    found = settings["version"], hashlib.sha256(asked.encode()).hexdigest()[:16]
    assert found == TEXTS[name], "phones and servers tell versions apart by the version alone: give it a new one"


def test_tables_written_as_markdown_are_read_back(tmp_path: Path) -> None:
    sheets = {"survey": [["type", "name"], ["text", "a"], ["end_group", ""]], "settings": [["form_id"], ["x"]]}
    (tmp_path / "form.md").write_text("# words\n\n" + markdown_of(sheets), encoding="utf-8")
    assert read_markdown(tmp_path / "form.md") == sheets


@BOTH
def test_a_form_compiles_without_a_warning(name: str) -> None:
    assert convert(str(FORMS / name / "form.xlsx")).warnings == []


@pytest.mark.java
@BOTH
def test_odk_validate_accepts_a_form(name: str) -> None:
    assert convert(str(FORMS / name / "form.xlsx"), validate=True).warnings == []


@BOTH
def test_everything_people_read_is_there_in_three_languages(name: str) -> None:
    sheets = read_markdown(FORMS / name / "form.md")
    for sheet in ("survey", "choices"):
        for row in rows_of(sheets, sheet):
            for kind in ("label", "hint", "constraint_message"):
                told = [bool(row.get(f"{kind}::{language}")) for language in LANGUAGES]
                assert all(told) or not any(told), (sheet, row["name"], kind)
    asked = [
        row for row in rows_of(sheets, "survey") if re.match("select|text|integer|date$|geopoint|note", row["type"])
    ]
    assert [row["name"] for row in asked if not row[f"label::{LANGUAGES[0]}"]] == []
    limited = [row for row in rows_of(sheets, "survey") if row["constraint"]]
    assert [row["name"] for row in limited if not row[f"constraint_message::{LANGUAGES[0]}"]] == []


@BOTH
def test_khmer_words_are_written_in_khmer_script(name: str) -> None:
    for row in rows_of(read_markdown(FORMS / name / "form.md"), "survey"):
        label = row[f"label::{LANGUAGES[1]}"]
        assert not label or re.search("[\u1780-\u17ff]", label), row["name"]


# --- places -----------------------------------------------------------------------------------------------------------


@BOTH
def test_a_form_offers_the_41_communes_by_code_and_name(name: str, forms: dict[str, Form]) -> None:
    offered = {choice.name: choice.labels[LANGUAGES[0]] for choice in forms[name].choices["commune"]}
    official = units("2025-07")
    assert offered == dict(zip(official["code"], official["name_vi"], strict=True))
    assert forms[name].design.vintage == "2025-07"


def test_every_commune_has_hamlets_of_its_own_and_they_say_they_are_made_up(forms: dict[str, Form]) -> None:
    hamlets = forms["household"].choices["hamlet"]
    assert {one.columns["commune"] for one in hamlets} == {one.name for one in forms["household"].choices["commune"]}
    assert all(one.name.startswith(one.columns["commune"] + "-") for one in hamlets)
    assert all("giả lập" in one.labels[LANGUAGES[0]] for one in hamlets)
    assert all("made up" in one.labels[LANGUAGES[2]] for one in hamlets)


# --- what is asked, and what is not -----------------------------------------------------------------------------------


def test_no_form_asks_who_somebody_is(forms: dict[str, Form]) -> None:
    asked = {q.name for form in forms.values() for q in form.questions if not q.path.startswith("/data/hamlets/")}
    assert not asked & {"name", "full_name", "phone", "phone_number", "address", "id_number", "account_number"}


def test_without_consent_nothing_but_the_place_is_asked(forms: dict[str, Form]) -> None:
    form = forms["household"]
    hidden = {s.path for s in form.sections if s.relevant} | {q.path for q in form.questions if q.relevant}
    after = [
        q.path
        for q in form.questions
        if q.appears and not q.path.startswith(("/data/interview", "/data/consent", "/data/place"))
    ]
    assert [path for path in after if not any(path.startswith(top) for top in hidden)] == []
    assert "/data/place/point" in hidden


BASE = {
    "/data/start": "2026-10-05T08:00:00.000+07:00", "/data/end": "2026-10-05T08:20:00.000+07:00",
    "/data/today": "2026-10-05", "/data/interview/round": "demo-2026", "/data/interview/interviewer": "DEMO-01",
    "/data/interview/cluster": "29242-01", "/data/consent": "yes", "/data/place/province": "86",
    "/data/place/commune": "29242", "/data/place/hamlet": "29242-01", "/data/household/size": "1",
    "/data/household/electricity": "grid", "/data/household/fibre_passed": "yes",
    "/data/household/fibre_subscribed": "yes", "/data/household/signal_viettel": "4g",
    "/data/household/signal_vinaphone": "none", "/data/household/signal_mobifone": "none",
    "/data/household/signal_vietnamobile": "none", "/data/totals/roster_checked": "yes",
}  # fmt: skip
PERSON = {
    "relation": "head", "sex": "female", "birth_year": "1980", "age": "46", "works_or_studies": "works",
    "own_phone": "yes", "smartphone": "yes", "sim_3_months": "yes", "account": "bank card",
    "account_used_12_months": "yes",
}  # fmt: skip


def household(form: Form, root: dict[str, str | None], people: list[dict[str, str | None]]) -> Answers:
    """Answers of one household: ``root`` by question name, ``people`` by question name; totals as the phone counts."""
    filled: dict[str, str | None] = dict(BASE)
    for name, value in root.items():
        filled[next(path for path in form.by_path if path.endswith(f"/{name}"))] = value
    rows = [{**PERSON, **person} for person in people]
    grown = [row for row in rows if int(row["age"] or 0) >= 15]
    accounts = [row for row in grown if re.search("bank|mobile_money|e_wallet|card", row["account"] or "")]
    for name, count in (
        ("people_listed", len(rows)),
        ("heads", sum(row["relation"] == "head" for row in rows)),
        ("adults_15_plus", len(grown)),
        ("working_age", sum(int(row["age"] or 0) <= 59 for row in grown)),
        ("smartphones", sum(row["smartphone"] == "yes" for row in rows)),
        ("with_account", len(accounts)),
    ):
        filled[f"/data/totals/{name}"] = str(count)
    member = "/data/people/member"
    head = {"submission_id": "uuid:1", "row_id": "/data", "found_in": "test"}
    columns = [q.path for q in form.questions_in("/data")]
    one = pl.DataFrame(
        [head | {path: filled.get(path) for path in columns}], schema_overrides=dict.fromkeys(columns, pl.String)
    )
    table = [
        {
            "submission_id": "uuid:1",
            "row_id": f"{member}[{n}]",
            "parent_row_id": "/data",
            "index": n,
            "found_in": "test",
        }
        | {q.path: str(n) if q.name == "line" else row.get(q.name) for q in form.questions_in(member)}
        for n, row in enumerate(rows, start=1)
    ]
    schema = dict.fromkeys((q.path for q in form.questions_in(member)), pl.String)
    names = ("form_version", "submitted_at", "submitted_by", "device_id", "review_state", "replaces")
    one = one.with_columns(pl.lit(None, pl.String).alias(name) for name in names)
    return Answers({"/data": one, member: pl.DataFrame(table, schema_overrides=schema)})


def broken(form: Form, root: dict[str, str | None], people: list[dict[str, str | None]]) -> set[str]:
    """Names of the questions whose rules the household breaks."""
    issues = check(household(form, root, people), form, upload_id="u", received_on=None).issues
    return {str(path).rsplit("/", 1)[-1] for path in issues["question"]}


def test_a_household_that_keeps_every_rule_has_no_issue(forms: dict[str, Form]) -> None:
    assert broken(forms["household"], {}, [{}]) == set()


CHILD = dict.fromkeys(PERSON) | {"relation": "child", "sex": "male", "birth_year": "2021", "age": "5"}


@pytest.mark.parametrize(
    ("root", "people", "names"),
    [
        ({"fibre_passed": "no"}, [{}], {"fibre_subscribed"}),
        ({"fibre_since": "2031-01-01"}, [{}], {"fibre_since"}),
        ({"size": "0"}, [{}], {"size", "roster_checked"}),
        ({"size": "2"}, [{}, {"relation": "spouse"}], set()),
        ({"size": "2"}, [{}, {}], {"roster_checked"}),
        ({"size": "2"}, [{}, CHILD], set()),
        ({"size": "2"}, [{}, CHILD | {"own_phone": "yes"}], {"own_phone"}),
        ({}, [{"account": "none bank"}], {"account", "account_used_12_months"}),
        ({}, [{"account": "none", "account_used_12_months": None}], set()),
        ({}, [{"account": "none"}], {"account_used_12_months"}),
        ({}, [{"age": "134", "birth_year": None}], {"age"}),
        ({}, [{"age": "64"}], {"age"}),
        ({}, [{"age": "45"}], set()),
        ({"interviewer": "lan"}, [{}], {"interviewer"}),
    ],
)  # fmt: skip
def test_the_household_form_catches_what_contradicts_itself(
    forms: dict[str, Form], root: dict[str, str | None], people: list[dict[str, str | None]], names: set[str]
) -> None:
    assert broken(forms["household"], root, people) == names


# --- indicators -------------------------------------------------------------------------------------------------------

OLD = {"birth_year": "1960", "age": "66"}
NO_PHONE = {"own_phone": "no", "smartphone": None, "sim_3_months": None}
NO_ACCOUNT = {"account": "none", "account_used_12_months": None}


@pytest.mark.parametrize(
    ("indicator", "root", "people", "told"),  # told: numerator of denominator, units unknown
    [
        ("S2", {"fibre_passed": "yes", "fibre_subscribed": "no", "fibre_why_not": "not_needed"}, [{}], (1, 1, 0)),
        ("S2", {"fibre_passed": "no", "fibre_subscribed": "no", "fibre_why_not": "no_line"}, [{}], (0, 1, 0)),
        ("S2", {"fibre_passed": "dont_know", "fibre_subscribed": "dont_know"}, [{}], (0, 0, 1)),
        ("S2b", {"fibre_passed": "yes", "fibre_subscribed": "no", "fibre_why_not": "not_needed"}, [{}], (0, 1, 0)),
        ("S2b", {}, [{}], (1, 1, 0)),
        ("S3", {"size": "2"}, [{}, CHILD], (2, 2, 0)),
        ("S3", {"size": "2", "signal_viettel": "3g"}, [{}, CHILD], (0, 2, 0)),
        ("S3", {"signal_viettel": "3g", "signal_vietnamobile": "5g"}, [{}], (1, 1, 0)),
        ("S4", {}, [NO_PHONE], (0, 1, 0)),
        ("S4", {"size": "2"}, [NO_PHONE, {"relation": "spouse"}], (1, 1, 0)),
        ("S5", {"size": "3"}, [{}, OLD | {"relation": "parent"}, CHILD], (1, 1, 0)),
        ("S5", {"size": "2"}, [{}, NO_PHONE | {"relation": "spouse"}], (1, 2, 0)),
        ("S5", {"size": "2"}, [{}, {"relation": "spouse", "smartphone": "refused"}], (1, 1, 1)),
        ("S6", {"size": "3"}, [{}, OLD | NO_ACCOUNT | {"relation": "parent"}, CHILD], (1, 2, 0)),
        ("S6", {}, [{"account": "mobile_money"}], (1, 1, 0)),
        ("S6", {}, [{"account": "dont_know", "account_used_12_months": None}], (0, 0, 1)),
    ],
)  # fmt: skip
def test_an_indicator_counts_what_it_says(
    forms: dict[str, Form],
    indicators: dict[str, Indicator],
    indicator: str,
    root: dict[str, str | None],
    people: list[dict[str, str | None]],
    told: tuple[int, int, int],
) -> None:
    form = forms["household"]
    checked = check(household(form, root, people), form, upload_id="u", received_on=None)
    found = measure(checked.tables, form, [indicators[indicator]], checked.issues)
    assert found.select("numerator", "denominator", "unknown").rows() == [told]


def test_nobody_who_refused_counts_for_anything(forms: dict[str, Form], indicators: dict[str, Indicator]) -> None:
    form = forms["household"]
    empty = {q.name: None for q in form.questions if q.path.startswith("/data/household/")}
    answers = household(form, {"consent": "no", **empty}, [{}])
    answers = Answers({path: table.clear() if path != "/data" else table for path, table in answers.items()})
    checked = check(answers, form, upload_id="u", received_on=None)
    mine = [one for one in indicators.values() if one.form == "household"]
    assert measure(checked.tables, form, mine, checked.issues)["units"].sum() == 0


def test_passed_and_subscribed_are_different_indicators(indicators: dict[str, Indicator]) -> None:
    assert indicators["S2"].numerator != indicators["S2b"].numerator
    assert (indicators["S2"].gap_type, indicators["S2b"].gap_type) == ("build", "sell")


def test_indicators_are_said_in_three_languages(indicators: dict[str, Indicator]) -> None:
    assert set(indicators) == {"S1", "S2", "S2b", "S3", "S4", "S5", "S6"}
    for one in indicators.values():
        assert all(one.labels[lang] and one.definitions[lang] for lang in ("vi", "km", "en")), one.indicator_id


# --- targets ----------------------------------------------------------------------------------------------------------

TARGETS = {target.target_id: target for target in load_targets(FORMS / "targets.csv")}


def test_every_numbered_target_of_the_plan_is_there() -> None:
    numbers = {target.number for target in TARGETS.values()}
    assert numbers == {
        *(f"S{n}" for n in range(1, 7)),
        *(f"E{n}" for n in range(1, 5)),
        *(f"G{n}" for n in range(1, 14)),
    }


def test_exactly_80_percent_meets_at_least_and_fails_more_than() -> None:
    assert not TARGETS["S2-2025"].met_by(80, 100)
    assert TARGETS["S2-2025"].met_by(81, 100)
    assert TARGETS["S5-2025"].met_by(80, 100)


def test_the_operator_follows_the_words_of_the_plan() -> None:
    for target in TARGETS.values():
        words = target.note.lower()
        if "trên" in words.split("'")[1]:
            assert target.operator == ">", target.target_id
        elif "tối thiểu" in words.split("'")[1]:
            assert target.operator == ">=", target.target_id
        else:
            assert target.operator == "=", target.target_id


def test_a_target_is_measured_by_an_indicator_or_says_that_no_form_does(indicators: dict[str, Indicator]) -> None:
    for target in TARGETS.values():
        assert target.indicator in indicators or "No form measures this yet" in target.note, target.target_id
        assert bool(target.indicator) == target.number.startswith("S")


def test_values_are_exact_shares_of_a_dated_decision() -> None:
    assert TARGETS["S2-2025"].value == Fraction(4, 5)
    assert TARGETS["E2-2025"].value == Fraction(23, 200)
    assert {(t.decision, str(t.decided_on)) for t in TARGETS.values()} == {("50/KH-UBND", "2022-07-12")}
    assert all(0 <= t.value <= 1 for t in TARGETS.values() if t.unit == "share")


def test_planners_read_society_targets_commune_by_commune_too() -> None:
    for number in ("S2", "S5", "S6"):
        province, commune = TARGETS[f"{number}-2025"], TARGETS[f"{number}-2025-commune"]
        assert (commune.level, commune.value, commune.operator) == ("commune", province.value, province.operator)


def test_the_form_file_names_the_questions_that_play_a_part() -> None:
    design = load_form(FORMS / "household").design
    assert (design.frame, design.unit, design.unknown) == ("clusters", "household", ("dont_know", "refused"))
    assert load_form(FORMS / "commune").design.unit == "commune"
