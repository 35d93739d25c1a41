"""What pyxform lets pass and phones refuse is found at its sheet, row and column; so is what can never be satisfied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from collect.cli import main
from collect.define import Finding, lint_file
from collect.define.twin import read_markdown, write_xlsx
from collect.i18n import LANGUAGES

FORMS = Path(__file__).parents[1] / "forms"
HEAD = """
| survey |
| | type | name | label | relevant | required | constraint | constraint_message | calculation | choice_filter |
| | integer | age | Age | | | . >= 0 and . <= 120 | 0 to 120 | | |
| | select_one yes_no | fibre | Fibre | | | | | | |
| | date | visit | Visit | | | | | | |
| | dateTime | seen | Seen | | | | | | |
| | begin_repeat | member | Member | | | | | | |
| | integer | years | Years | | | | | | |
| | end_repeat | | | | | | | | |
"""
TAIL = """
| choices |
| | list_name | name | label |
| | yes_no | yes | Yes |
| | yes_no | no | No |
| settings |
| | form_id |
| | house |
"""
COLUMNS = ("relevant", "required", "constraint", "constraint_message", "calculation", "choice_filter")
ROW = 9  # of the question under test, as a spreadsheet counts


def lint(folder: Path, *rows: str, tail: str = TAIL) -> list[Finding]:
    file = folder / "form.md"
    file.write_text(HEAD + "\n".join(rows) + tail, encoding="utf-8")
    return list(lint_file(file))


def asked(name: str = "q", kind: str = "text", **rules: str) -> str:
    cells = " | ".join(rules.get(column, "") for column in COLUMNS)
    return f"| | {kind} | {name} | Q | {cells} |"


def found(findings: list[Finding]) -> set[tuple[str, int, str]]:
    return {(f.code, f.place.row if f.place else 0, f.place.column if f.place else "") for f in findings}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"relevant": "foo(1"}, ("DEF-13", ROW, "relevant")),
        ({"relevant": ". >> 1"}, ("DEF-13", ROW, "relevant")),
        ({"relevant": "nosuchfn(1)"}, ("DEF-27", ROW, "relevant")),
        ({"calculation": "coalesce(1)", "kind": "calculate"}, ("DEF-28", ROW, "calculation")),
        ({"relevant": "/data/fiber = 'yes'"}, ("DEF-14", ROW, "relevant")),
        ({"relevant": "${years} = 1"}, ("DEF-31", ROW, "relevant")),
        ({"relevant": "${q} = 'a'"}, ("DEF-30", ROW, "relevant")),
        ({"required": ". = ''"}, ("DEF-30", ROW, "required")),
        ({"calculation": "${q} + 1", "kind": "calculate"}, ("DEF-30", ROW, "calculation")),
        ({"relevant": "${fibre} = 'perhaps'"}, ("DEF-15", ROW, "relevant")),
        ({"relevant": "${age} > 200"}, ("DEF-32", ROW, "relevant")),
        ({"relevant": "${age} > 17 and ${age} < 18"}, ("DEF-32", ROW, "relevant")),
        ({"relevant": "${fibre} = 'yes' and ${fibre} = 'no'"}, ("DEF-32", ROW, "relevant")),
        ({"constraint": "regex(., '[0-9]+')", "constraint_message": "digits"}, ("DEF-33", ROW, "constraint")),
        ({"relevant": "${visit} > '2026-01-01'"}, ("DEF-33", ROW, "relevant")),
        ({"relevant": "not(${fibre})"}, ("DEF-33", ROW, "relevant")),
        ({"calculation": "sum(${years})", "kind": "calculate"}, ("DEF-33", ROW, "calculation")),
        ({"constraint": "string-length(.) < 9"}, ("DEF-34", ROW, "constraint_message")),
        ({"relevant": "false()"}, ("DEF-35", ROW, "relevant")),
        ({"calculation": "1", "constraint": ". > 0", "kind": "calculate"}, ("DEF-35", ROW, "constraint")),
    ],
)
def test_a_rule_that_will_not_do_is_found_at_its_cell(
    tmp_path: Path, rules: dict[str, str], expected: tuple[str, int, str]
) -> None:
    assert expected in found(lint(tmp_path, asked(**rules)))


@pytest.mark.parametrize(
    "rules",
    [
        {"relevant": "${age} >= 18 and ${fibre} = 'yes'"},
        {"relevant": "${age} > 17 or ${age} < 18"},
        {"relevant": "count(${member}) > 2 and position(..) = 1"},
        {"relevant": "${fibre} != ''"},
        {"constraint": ". != 'x' and regex(., '^[a-z]+$')", "constraint_message": "letters"},
        {"relevant": "decimal-date-time(${seen}) > 20000"},
        {"calculation": "indexed-repeat(${years}, ${member}, 1)", "kind": "calculate"},
        {"calculation": "${fibre}", "kind": "calculate"},
    ],
)
def test_a_good_rule_is_left_alone(tmp_path: Path, rules: dict[str, str]) -> None:
    assert lint(tmp_path, asked(**rules)) == []


FILLED = """
| survey |
| | type | name | label | default | trigger | calculation |
| | integer | age | Age | | | |
| | text | torn | Torn | ${age} + | | |
| | text | odd | Odd | concat(${age}, nosuchfn(1)) | | |
| | text | told | Told | if(${age} > 1, nosuchfn(1), 2) | ${age} | |
| | calculate | later | | | ${age} | coalesce(1) |
| | text | drawn | Drawn | once(random()) | | |
| | text | plain | Plain | none yet | | |
"""


def test_defaults_worked_out_and_calculations_with_a_trigger_are_read_too(tmp_path: Path) -> None:
    file = tmp_path / "form.md"
    file.write_text(FILLED + "| settings |\n| | form_id |\n| | house |\n", encoding="utf-8")
    assert {place for place in found(list(lint_file(file))) if place[0] != "DEF-19"} == {
        ("DEF-13", 3, "default"), ("DEF-27", 4, "default"), ("DEF-27", 5, "default"), ("DEF-28", 6, "calculation"),
    }  # fmt: skip


def test_a_text_against_a_number_is_a_warning_because_phones_cast_it(tmp_path: Path) -> None:
    (one,) = lint(tmp_path, asked("said"), asked(relevant="${said} = 1"))
    assert (one.code, one.severity) == ("DEF-16", "warning")


def test_a_column_the_list_does_not_have_is_told_with_those_like_it(tmp_path: Path) -> None:
    (one,) = lint(tmp_path, asked(kind="select_one yes_no", choice_filter="labell = ${age}"))
    assert one.code == "DEF-14"
    assert "label" in one.mend("en")


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([asked("a", relevant="${b} = 1"), asked("b", relevant="${a} = 1")], {"a", "b"}),
        ([asked("a", required="${b} = 1"), asked("b", required="${a} = 1")], {"a", "b"}),
        ([asked("a", "calculate", calculation="${b}"), asked("b", "calculate", calculation="${c}"),
          asked("c", "calculate", calculation="${a}")], {"a", "b", "c"}),
        ([asked("g", "begin_group", relevant="${a} = 'x'"), asked("a"), asked("", "end_group")], {"a", "g"}),
        ([asked("g", "begin_group", relevant="${c} = 'x'"), asked("a"), asked("", "end_group"),
          asked("c", "calculate", calculation="${a}")], {"a", "c", "g"}),
    ],
)  # fmt: skip
def test_circles_are_told_once_with_everything_in_them(tmp_path: Path, rows: list[str], names: set[str]) -> None:
    (circle,) = [finding for finding in lint(tmp_path, *rows) if finding.code == "DEF-29"]
    assert set(str(circle.values["path"]).split(" → ")) == names
    assert circle.place is not None
    assert circle.place.row >= ROW


def test_constraints_that_read_each_other_are_no_circle(tmp_path: Path) -> None:
    rows = (asked("a", constraint=". != ${b}", constraint_message="x"),
            asked("b", constraint=". != ${a}", constraint_message="x"))  # fmt: skip
    assert lint(tmp_path, *rows) == []


def test_a_list_that_nobody_offers_and_a_missing_translation_are_found_on_their_sheets(tmp_path: Path) -> None:
    tail = TAIL.replace("| settings |", "| | ages | old | Old |\n| settings |")
    assert ("DEF-35", 4, "list_name") in found(lint(tmp_path, tail=tail))
    file = tmp_path / "two.md"
    file.write_text(
        "| survey |\n| | type | name | label::English (en) | label::Tiếng Việt (vi) |\n| | select_one l | a | A | |\n"
        "| | text | b | B | B |\n"
        "| choices |\n| | list_name | name | label::English (en) | label::Tiếng Việt (vi) |\n| | l | x | X | |\n"
        "| | l | y | Y | Y |\n",
        encoding="utf-8",
    )
    places = {(f.place.sheet, f.place.row) for f in lint_file(file) if f.code == "DEF-23" and f.place}
    assert places == {("survey", 2), ("choices", 2)}


def test_a_workbook_and_its_text_twin_say_the_same(tmp_path: Path) -> None:
    in_text = lint(tmp_path, asked(relevant="nosuchfn(1)"))
    write_xlsx(read_markdown(tmp_path / "form.md"), tmp_path / "form.xlsx")
    in_book = lint_file(tmp_path / "form.xlsx")
    assert [(f.code, f.place) for f in in_text] == [(f.code, f.place) for f in in_book]


def every_form(shared: Path) -> list[Path]:
    names = ("form.xlsx", "form.xml", "tutorial.xlsx", "tutorial_w_repeats.xlsx", "all-data-types.xml",
             "nested-repeats.xml")  # fmt: skip
    return [path for path in sorted((shared / "exports").rglob("*")) if path.name in names]


def test_every_form_at_hand_is_linted_without_a_crash(shared: Path) -> None:
    files = [*every_form(shared), FORMS / "household" / "form.xlsx", FORMS / "commune" / "form.xlsx"]
    assert len(files) > 8
    for file in files:
        for finding in lint_file(file):
            assert finding.code != "DEF-01", file
            for lang in LANGUAGES:
                assert "{" not in finding.line(lang).replace("${", ""), finding


def test_the_command_prints_cells_as_json_and_ends_with_10_on_errors(tmp_path: Path) -> None:
    lint(tmp_path, asked(relevant="nosuchfn(${age})"))
    done = CliRunner().invoke(main, ["--lang", "en", "forms", "check", str(tmp_path / "form.md"), "--json"])
    assert done.exit_code == 10
    (finding,) = [one for one in json.loads(done.output) if one["severity"] == "error"]
    assert (finding["sheet"], finding["row"], finding["column"]) == ("survey", ROW, "relevant")
    assert finding["cell"] == "nosuchfn(${age})"
    told = CliRunner().invoke(main, ["--lang", "vi", "forms", "check", str(tmp_path / "form.md")])
    assert "dòng : 9" in told.output


def test_a_form_folder_is_named_by_its_name_and_an_unknown_one_is_refused() -> None:
    environment = {"COLLECT_FORMS": str(FORMS)}
    assert CliRunner().invoke(main, ["forms", "check", "household"], env=environment).exit_code == 0
    done = CliRunner().invoke(main, ["--lang", "en", "forms", "check", "nowhere"], env=environment)
    assert done.exit_code == 10
    assert "household" in done.output


def test_a_file_that_is_no_form_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text("<a/>", encoding="utf-8")
    assert [finding.code for finding in lint_file(tmp_path / "x.xml")] == ["DEF-02"]


def test_a_bind_or_a_question_of_a_node_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "form.xml").write_text(
        """<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"><h:head><h:title>t</h:title>
<model><instance><data id="t" version="1"><fibre/></data></instance><bind nodeset="/data/fibre" type="string"/>
<bind nodeset="/data/fibres" required="true()"/></model></h:head>
<h:body><input ref="/data/fibre"/><input ref="/data/fee"/></h:body></h:html>""",
        encoding="utf-8",
    )
    told = [(f.code, f.where, f.values["path"], f.values["near"]) for f in lint_file(tmp_path / "form.xml")]
    assert [one for one in told if one[0] == "DEF-14"] == [
        ("DEF-14", "<bind>", "/data/fibres", "/data/fibre"),
        ("DEF-14", "<input>", "/data/fee", "/data/fibre"),
    ]
