"""Designs, indicators and targets: what does not fit the form is named, with the file, the place and what would do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from collect.define import (
    Finding,
    check_design,
    check_forms,
    check_indicator,
    check_targets,
    form_from_xlsform,
    load_design,
    load_form,
    load_forms,
    load_indicators,
    load_targets,
)
from collect.forms import Design, Form
from collect.i18n import LANGUAGES, catalogue
from collect.indicators import Indicator
from collect.problems import DefinitionError

FORMS = Path(__file__).parents[1] / "forms"
HOUSE = """
| survey |
| | type | name | label | relevant | constraint |
| | select_one yes_no | fibre | Fibre | | |
| | integer | size | Size | | . > 0 |
| | date | since | Since | ${fibre} = 'yes' | |
| | text | why | Why | | |
| | geopoint | point | Point | | |
| | begin_repeat | member | Member | | |
| | integer | age | Age | | |
| | select_multiple account | account | Account | | |
| | end_repeat | | | | |
| choices |
| | list_name | name | label |
| | yes_no | yes | Yes |
| | yes_no | no | No |
| | account | bank | Bank |
| | account | card | Card |
| settings |
| | form_id |
| | house |
"""


@pytest.fixture(scope="module")
def house() -> Form:
    return form_from_xlsform(HOUSE)


def codes(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    return [(finding.where, finding.code) for finding in findings]


def an_indicator(**changes: str) -> Indicator:
    plain = Indicator(
        "S2", "house", "/data", "true()", "if(fibre = 'yes', 1, 0)", "1", "build", "households",
        dict.fromkeys(LANGUAGES, "x"), dict.fromkeys(LANGUAGES, "x"), "a decision",
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


# --- designs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ('hamlets = "/data/x"', "DEF-04", "hamlets"),
        ("point = 3", "DEF-05", "point"),
        ('unknown = "dont_know"', "DEF-05", "unknown"),
        ('unit = "village"', "DEF-05", "unit"),
        ("point = ", "DEF-03", ""),
    ],
)
def test_a_design_that_cannot_be_read_names_its_file_and_key(tmp_path: Path, text: str, code: str, where: str) -> None:
    (tmp_path / "form.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as error:
        load_design(tmp_path / "form.toml")
    assert error.value.code == code
    assert str(error.value.values["file"]).endswith("form.toml")
    assert error.value.values.get("where", "") == where


@pytest.mark.parametrize(
    ("design", "expected"),
    [
        (Design(household_size="/data/sise"), [("household_size", "DEF-06")]),
        (Design(household_size="/data/member/age"), [("household_size", "DEF-05")]),
        (Design(point="/data/why"), [("point", "DEF-05")]),
        (Design(roster="/data/people"), [("roster", "DEF-06")]),
        (Design(roster="/data/member", age="/data/size"), [("age", "DEF-05")]),
        (Design(consent="/data/fibre", consent_given=("agree",)), [("consent_given", "DEF-07")]),
        (Design(unknown=("dont_know",)), [("unknown", "DEF-07")]),
        (Design(roster="/data/member", age="/data/member/age", household_size="/data/size", point="/data/point"), []),
    ],
)
def test_a_design_is_held_against_its_form(house: Form, design: Design, expected: list[tuple[str, str]]) -> None:
    assert codes(check_design(replace(house, design=design), "form.toml")) == expected


def test_a_wrong_path_is_answered_with_those_close_to_it(house: Form) -> None:
    (finding,) = check_design(replace(house, design=Design(household_size="/data/sise")), "form.toml")
    assert "/data/size" in finding.mend("en")


def test_loading_a_form_stops_at_a_design_that_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "form.md").write_text(HOUSE, encoding="utf-8")
    (tmp_path / "form.toml").write_text('weight = "/data/weight"', encoding="utf-8")
    with pytest.raises(DefinitionError, match="DEF-06"):
        load_form(tmp_path)


# --- indicators ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"numerator": "if(fiber = 'yes', 1, 0)"}, "DEF-14"),
        ({"numerator": "count(member[income > 3])"}, "DEF-14"),
        ({"numerator": "if(fibre = 'maybe', 1, 0)"}, "DEF-15"),
        ({"numerator": "if('maybe' = /data/fibre, 1, 0)"}, "DEF-15"),
        ({"unit": "/data/member", "numerator": "if(selected(account, 'wallet'), 1, 0)"}, "DEF-15"),
        ({"unit": "/data/member", "numerator": "if(account = 'bank', 1, 0)"}, "DEF-17"),
        ({"numerator": "if(why > 3, 1, 0)"}, "DEF-16"),
        ({"numerator": "if(size = 'many', 1, 0)"}, "DEF-16"),
        ({"numerator": "if(since > 2020, 1, 0)"}, "DEF-16"),
        ({"numerator": "if(selected(size, '1'), 1, 0)"}, "DEF-16"),
        ({"universe": "fibre = 'yes"}, "DEF-13"),
        ({"universe": "nosuchfunction(1)"}, "DEF-13"),
        ({"universe": "random() > 0.5"}, "DEF-26"),
        ({"unit": "/data/people"}, "DEF-06"),
        ({"unknown": "fibre = 'dont_know'"}, "DEF-15"),
    ],
)
def test_an_indicator_that_does_not_fit_its_form_is_refused(house: Form, changes: dict[str, str], code: str) -> None:
    assert code in {finding.code for finding in check_indicator(an_indicator(**changes), house)}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"universe": "fibre != '' and size >= 1"},
        {"numerator": "count(member[age >= 15 and selected(account, 'bank')])", "denominator": "count(member)"},
        {"unit": "/data/member", "universe": "age >= 15", "numerator": "if(../fibre = 'yes', 1, 0)"},
        {"unit": "/data/member", "numerator": "if(selected(account, 'bank') or selected(account, 'card'), 1, 0)"},
        {"universe": "since >= date('2020-01-01')"},
    ],
)
def test_an_indicator_in_the_forms_own_words_is_accepted(house: Form, changes: dict[str, str]) -> None:
    assert check_indicator(an_indicator(**changes), house) == ()


def write_indicator(folder: Path, **changes: str) -> Path:
    """One indicator file; a change of "" leaves the line out."""
    lines = {
        "id": "S2", "form": "house", "unit": "/data", "universe": "true()", "numerator": "if(fibre = 'yes', 1, 0)",
        "denominator": "1", "gap_type": "build", "counted_in": "households", "source": "a decision",
    } | changes  # fmt: skip
    words = "".join(f'\n[{table}]\nvi = "a"\nkm = "b"\nen = "c"\n' for table in ("labels", "definitions"))
    (folder / "indicators").mkdir(exist_ok=True)
    file = folder / "indicators" / f"{lines['id']}{len(list((folder / 'indicators').iterdir()))}.toml"
    file.write_text("".join(f'{key} = "{value}"\n' for key, value in lines.items() if value) + words, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"universe": ""}, "DEF-11", "universe"),
        ({"univers": "true()"}, "DEF-04", "univers"),
        ({"gap_type": "cable"}, "DEF-05", "gap_type"),
        ({"form": "hous"}, "DEF-10", "form"),
        ({"numerator": "if(fibre = 'maybe', 1, 0)"}, "DEF-15", "numerator"),
    ],
)
def test_an_indicator_file_that_is_wrong_names_file_and_key(
    tmp_path: Path, house: Form, changes: dict[str, str], code: str, where: str
) -> None:
    file = write_indicator(tmp_path, **changes)
    with pytest.raises(DefinitionError) as error:
        load_indicators(tmp_path, (house,))
    assert (error.value.code, error.value.values["file"], error.value.values["where"]) == (code, file.name, where)


def test_two_indicators_of_one_id_are_refused(tmp_path: Path, house: Form) -> None:
    write_indicator(tmp_path)
    assert [indicator.indicator_id for indicator in load_indicators(tmp_path, (house,))] == ["S2"]
    write_indicator(tmp_path)
    with pytest.raises(DefinitionError, match="DEF-22"):
        load_indicators(tmp_path, (house,))


def test_passed_and_subscribed_are_two_indicators_that_read_two_questions() -> None:
    indicators = {i.indicator_id: i for i in load_indicators(FORMS, load_forms(FORMS))}
    assert {"S1", "S2", "S3", "S4", "S5", "S6"} <= set(indicators)
    assert indicators["S2"].numerator != indicators["S2b"].numerator
    assert (indicators["S2"].gap_type, indicators["S2b"].gap_type) == ("build", "sell")


# --- targets ---------------------------------------------------------------------------------------------------------

HEAD = "target_id,number,indicator,level,year,operator,value,unit,decision,decided_on,label_vi,label_km,label_en,note\n"
GOOD = "S2-2025,S2,S2,province,2025,>,0.8,share,50/KH-UBND,2022-07-12,a,b,c,\n"


def a_target_file(folder: Path, *rows: str) -> Path:
    file = folder / "targets.csv"
    file.write_text(HEAD + "".join(rows), encoding="utf-8")
    return file


def test_a_target_is_exact_dated_and_keeps_its_operator(tmp_path: Path) -> None:
    (target,) = load_targets(a_target_file(tmp_path, GOOD))
    assert (target.value, target.operator, target.decided_on) == (Fraction(4, 5), ">", date(2022, 7, 12))
    assert not target.met_by(80, 100)
    assert target.met_by(81, 100)


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        (",>,", ",=>,", "operator"),
        ("0.8", "80", "value"),
        ("0.8", "1/0", "value"),
        ("0.8", "0,8".replace(",", "."), None),
        ("2022-07-12", "12/07/2022", "decided_on"),
        ("2022-07-12", "2022-02-30", "decided_on"),
        ("province", "village", "level"),
        (",2025,", ",25,", "year"),
        (",share,", ",percent,", "unit"),
        ("50/KH-UBND", "", "decision"),
        ("a,b,c", "a,,c", "label_km"),
        ("S2,S2,", "S2,S9,", "indicator"),
    ],
)
def test_a_wrong_cell_names_the_file_the_line_and_the_column(
    tmp_path: Path, old: str, new: str, column: str | None
) -> None:
    file = a_target_file(tmp_path, GOOD.replace("S2-2025", "S2-2030"), GOOD.replace(old, new, 1))
    found = check_targets(file, (an_indicator(),))
    assert [(f.file, f.where, f.values["column"]) for f in found] == ([("targets.csv", "3", column)] if column else [])


def test_a_target_twice_names_both_lines(tmp_path: Path) -> None:
    file = a_target_file(tmp_path, GOOD, "\n", GOOD)
    (finding,) = check_targets(file)
    assert (finding.code, finding.where, finding.values["first"]) == ("DEF-22", "4", 2)
    with pytest.raises(DefinitionError, match="DEF-22"):
        load_targets(file)


def test_a_target_file_without_its_columns_says_which(tmp_path: Path) -> None:
    (tmp_path / "targets.csv").write_text("target_id,value\nS2,0.8\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"DEF-20.*operator"):
        load_targets(tmp_path / "targets.csv")
    with pytest.raises(DefinitionError, match="DEF-03"):
        load_targets(tmp_path / "nowhere.csv")


def test_every_number_of_the_plan_is_there_and_unmeasured_ones_say_so() -> None:
    targets = load_targets(FORMS / "targets.csv", load_indicators(FORMS, load_forms(FORMS)))
    numbers = {target.number for target in targets}
    assert numbers >= {
        *(f"S{n}" for n in range(1, 7)),
        *(f"E{n}" for n in range(1, 5)),
        *(f"G{n}" for n in range(1, 14)),
    }
    assert {target.number[0] for target in targets if not target.indicator} == {"E", "G"}


# --- a whole folder --------------------------------------------------------------------------------------------------


def test_our_forms_folder_has_nothing_wrong() -> None:
    assert [finding.line("en") for finding in check_forms(FORMS)] == []


def test_everything_wrong_in_a_folder_is_said_at_once_errors_first(tmp_path: Path) -> None:
    wrong = HOUSE.replace(". > 0", ". > ../sise")
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "form.md").write_text(wrong, encoding="utf-8")
    (tmp_path / "house" / "form.toml").write_text('weight = "/data/weight"', encoding="utf-8")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "form.md").write_text("| survey |\n| | type |\n| | text |\n", encoding="utf-8")
    write_indicator(tmp_path, numerator="if(fibre = 'maybe', 1, 0)")
    a_target_file(tmp_path, GOOD.replace(",>,", ",<,"))
    findings = check_forms(tmp_path)
    assert {"DEF-01", "DEF-06", "DEF-14", "DEF-15", "DEF-21"} <= {finding.code for finding in findings}
    assert [f.severity for f in findings] == sorted(f.severity for f in findings)
    assert ("house/form.md", "/data/size") in {(f.file, f.where) for f in findings if f.code == "DEF-14"}


def test_a_rule_that_only_the_phone_can_evaluate_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    text = HOUSE.replace(". > 0", ". > random()")
    (tmp_path / "house" / "form.md").write_text(text, encoding="utf-8")
    a_target_file(tmp_path)
    found = {(f.code, f.severity) for f in check_forms(tmp_path) if f.where == "/data/size"}
    assert found == {("DEF-26", "warning"), ("DEF-34", "warning")}


def test_a_twin_that_differs_is_found_at_its_row(tmp_path: Path) -> None:
    from collect.define.twin import read_markdown, write_xlsx

    folder = tmp_path / "house"
    folder.mkdir()
    (folder / "form.md").write_text(HOUSE, encoding="utf-8")
    write_xlsx(read_markdown(folder / "form.md"), folder / "form.xlsx")
    a_target_file(tmp_path)
    assert "DEF-18" not in {finding.code for finding in check_forms(tmp_path)}
    (folder / "form.md").write_text(HOUSE.replace("| Size |", "| How many |"), encoding="utf-8")
    assert [f.where for f in check_forms(tmp_path) if f.code == "DEF-18"] == ["survey, 3"]


def test_a_missing_translation_is_a_warning_that_names_the_language(tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    text = """
| survey |
| | type | name | label::Tiếng Việt (vi) | label::English (en) |
| | text | a | Một | |
| | text | b | Hai | Two |
| settings |
| | form_id |
| | house |
"""
    (tmp_path / "house" / "form.md").write_text(text, encoding="utf-8")
    a_target_file(tmp_path)
    (finding,) = [finding for finding in check_forms(tmp_path) if finding.code == "DEF-23"]
    assert (finding.where, finding.values["missing"], finding.severity) == ("/data/a", "English (en)", "warning")


def test_every_finding_can_be_said_in_every_language(tmp_path: Path, house: Form) -> None:
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "form.md").write_text(HOUSE.replace(". > 0", ". > ../sise"), encoding="utf-8")
    a_target_file(tmp_path, GOOD.replace(",>,", ",<,"), GOOD)
    findings = [*check_forms(tmp_path), *check_indicator(an_indicator(universe="fibre = 'yes"), house, "S2.toml")]
    assert len(findings) > 3
    for finding in findings:
        for lang in LANGUAGES:
            assert "{" not in finding.found(lang).replace("${", "")
            assert finding.mend(lang)


def test_every_definition_code_has_its_words() -> None:
    for number in range(1, 38):
        for part in ("found", "mend"):
            assert f"DEF-{number:02}.{part}" in catalogue()
