"""Several versions of a form live side by side: each submission is asked the rules of the version it names."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from check_tables import answers_of, codes, details, form_of, found, rows_of
from click.testing import CliRunner, Result

from collect.check import check
from collect.cli import main
from collect.define import diff_forms, load_form
from collect.forms import Form
from collect.problems import DefinitionError
from collect.receive import receive
from collect.tables import Answers

SURVEY = """
| type | name | label | constraint | constraint_message |
| begin_group | hh | H | | |
| select_one yes_no | fibre | Fibre | | |
| integer | size | Size | . <= {limit} | too many |
| {last} | {name} | Last | | |
| end_group | | | | |
| begin_repeat | member | M | | |
| integer | age | Age | | |
| end_repeat | | | | |
"""
CHOICES = "| list_name | name | label |\n| yes_no | yes | Yes |\n| yes_no | {second} | No |"


def version(number: str, limit: int = 10, last: str = "text", name: str = "note_old", second: str = "no") -> Form:
    survey = SURVEY.format(limit=limit, last=last, name=name)
    settings = f"| form_id | version |\n| house | {number} |"
    return form_of(survey, choices=CHOICES.format(second=second), settings=settings)


@pytest.fixture(scope="module")
def house() -> Form:
    old = version("1", limit=5)
    return replace(version("2", limit=10, last="integer", name="count_new", second="never"), older=(old,))


def both(house: Form) -> Answers:
    return answers_of(
        house.to_read,
        """
        | id | form_version | fibre | size | note_old | count_new |
        | a | 1 | no | 8 | hello | |
        | b | 2 | no | 8 | | 3 |
        | c | 1 | never | 4 | | |
        | d | 2 | never | 11 | | x |
        | e | 9 | yes | 8 | | |
        | f | | yes | 11 | | |
        """,
        member="| id | age |\n| a | 30 |\n| b | 40 |\n| c | 50 |\n| c | x |",
    )


def test_each_submission_is_asked_the_rules_of_its_own_version(house: Form) -> None:
    checked = check(both(house), house.to_read)
    assert found(checked, "CON-01") == [("a", "data", "size"), ("d", "data", "size"), ("f", "data", "size")]
    assert found(checked, "CHO-01") == [("c", "data", "fibre"), ("b", "data", "fibre")]
    assert found(checked, "TYP-01") == [("c", "member[2]", "age"), ("d", "data", "count_new")]


def test_tables_come_back_in_the_order_and_types_of_the_newest_version(house: Form) -> None:
    checked = check(both(house), house.to_read)
    root, members = checked.tables["/data"], checked.tables["/data/member"]
    assert root["submission_id"].to_list() == [f"uuid:{name}" for name in "abcdef"]
    assert root["/data/hh/size"].to_list() == [8, 8, 4, 11, 8, 11]
    assert root["/data/hh/note_old"].to_list() == ["hello", None, None, None, None, None]
    assert root["/data/hh/count_new"].to_list() == [None, 3, None, None, None, None]
    assert members["/data/member/age"].to_list() == [30, 40, 50, None]
    assert members.schema["/data/member/age"] == pl.Int64()


def test_a_version_that_is_not_here_is_told_once_with_how_many_name_it(house: Form) -> None:
    checked = check(both(house), house.to_read)
    assert [(d["version"], d["submissions"], d["newest"]) for d in details(checked, "VER-01")] == [
        ("9", 1, "2"),
        ("-", 1, "2"),
    ]


def test_one_version_alone_and_submissions_that_name_it_or_none_need_no_word(house: Form) -> None:
    alone = replace(house, older=())
    answers = answers_of(alone, "| id | form_version | fibre |\n| a | 2 | yes |\n| b | | yes |")
    assert check(answers, alone).issues.is_empty()
    assert alone.to_read is alone


def test_only_old_answers_have_the_newest_versions_columns_too(house: Form) -> None:
    answers = answers_of(house.to_read, "| id | form_version | size |\n| a | 1 | 8 |")
    root = check(answers, house.to_read).tables["/data"]
    assert root.schema["/data/hh/count_new"] == pl.Int64()


def test_versions_lie_beside_the_form_or_in_its_folder_versions(tmp_path: Path) -> None:
    text = "| survey |\n| | type | name | label |\n| | text | {name} | A |\n"
    text += "| settings |\n| | form_id | version |\n| | h | {v} |\n"
    (tmp_path / "versions").mkdir()
    for file, v in (("form.md", 3), ("form-2.md", 2), ("versions/first.md", 1)):
        (tmp_path / file).write_text(text.format(name=f"q{v}", v=v), encoding="utf-8")
    form = load_form(tmp_path)
    assert (form.version, [old.version for old in form.older]) == ("3", ["2", "1"])
    assert set(form.by_path) == {"/data/q3"}
    assert set(form.to_read.by_path) == {"/data/q1", "/data/q2", "/data/q3"}
    (tmp_path / "versions" / "again.md").write_text(text.format(name="q", v=2), encoding="utf-8")
    with pytest.raises(DefinitionError, match="DEF-37"):
        load_form(tmp_path)
    (tmp_path / "versions" / "again.md").write_text(
        text.format(name="q", v=4).replace("| h |", "| x |"), encoding="utf-8"
    )
    with pytest.raises(DefinitionError, match="DEF-36"):
        load_form(tmp_path)


def test_what_changed_between_two_versions_is_named(house: Form) -> None:
    changes = {(c.kind, c.what, c.path, c.part) for c in diff_forms(house.older[0], house)}
    assert changes == {
        ("question", "added", "/data/hh/count_new", ""),
        ("question", "removed", "/data/hh/note_old", ""),
        ("rule", "changed", "/data/hh/size", "constraint"),
        ("choice", "added", "yes_no", "never"),
        ("choice", "removed", "yes_no", "no"),
    }
    assert diff_forms(house, house) == ()


# --- on the command line, with a store ---

SHEETS = """
| survey |
| | type | name | label | constraint | constraint_message |
| | integer | size | Size | . <= {limit} | too many |
| | select_one l | one | One | | |
| choices |
| | list_name | name | label |
| | l | a | A |
| | l | {second} | B |
| settings |
| | form_id | version |
| | house | {number} |
"""


def run(folder: Path, *arguments: str) -> Result:
    environment = {"COLLECT_FORMS": str(folder / "forms"), "COLLECT_DATA": str(folder / "data")}
    return CliRunner().invoke(main, ["--lang", "en", *arguments], env=environment)


def test_a_diff_says_how_many_submissions_each_change_touches(tmp_path: Path) -> None:
    folder = tmp_path / "forms" / "house"
    (folder / "versions").mkdir(parents=True)
    (folder / "form.md").write_text(SHEETS.format(limit=9, second="c", number=2), encoding="utf-8")
    (folder / "versions" / "1.md").write_text(SHEETS.format(limit=5, second="b", number=1), encoding="utf-8")
    (tmp_path / "forms" / "targets.csv").write_text(
        (Path(__file__).parents[1] / "forms" / "targets.csv").read_text(encoding="utf-8").splitlines()[0] + "\n",
        encoding="utf-8",
    )
    before = run(tmp_path, "forms", "diff", "house", "1", "2", "--json")
    assert {change["submissions"] for change in json.loads(before.output)["changes"]} == {None}
    assert not (tmp_path / "data").exists()
    (tmp_path / "in").mkdir()
    for name, number, size, one in (("x", 1, 7, "b"), ("y", 1, 3, "a"), ("z", 2, "", "c")):
        (tmp_path / "in" / f"{name}.xml").write_text(
            f'<data id="house" version="{number}"><size>{size}</size><one>{one}</one>'
            f"<meta><instanceID>uuid:{name}</instanceID></meta></data>",
            encoding="utf-8",
        )
    added = run(tmp_path, "add", str(tmp_path / "in"), "--json")
    assert added.exit_code == 0, added.output
    changes = json.loads(run(tmp_path, "forms", "diff", "house", "1", "2", "--json").output)["changes"]
    counts = {(change["path"], change["part"]): change["submissions"] for change in changes}
    assert counts == {("/data/size", "constraint"): 2, ("l", "c"): 1, ("l", "b"): 1}
    told = run(tmp_path, "forms", "diff", "house", "1", "2")
    assert "3 changes" in told.output
    unknown = run(tmp_path, "forms", "diff", "house", "1", "7")
    assert unknown.exit_code == 10


def test_an_export_of_several_versions_is_checked_row_by_row(house: Form, tmp_path: Path) -> None:
    """Size 8 breaks the rule of version 1 (at most 5) and none of version 2 (at most 10)."""
    rows = [
        {"hh": {"size": 8, name: value}, "__id": f"uuid:{number}", "__system": {"formVersion": number}}
        for number, name, value in (("1", "note_old", "hello"), ("2", "count_new", 3))
    ]
    context = "https://central.example/v1/projects/1/forms/house.svc/$metadata#Submissions"
    (tmp_path / "page.json").write_text(json.dumps({"value": rows, "@odata.context": context}), encoding="utf-8")
    (received,) = receive(tmp_path / "page.json", (house.to_read,))
    assert received.issues["code"].to_list() == []
    checked = check(received.answers, house, upload_id="u", received_on=date(2026, 11, 20))
    broken = checked.issues.filter(pl.col("code") == "CON-01")
    assert broken["submission_id"].to_list() == ["uuid:1"]
    assert "VER-01" not in checked.issues["code"]


RENAMED = """
| answered          | told          |
| neither           | VER-02        |
| one of them       | REQ-01        |
| both              |               |
"""


@pytest.mark.parametrize("row", rows_of(RENAMED), ids=lambda row: str(row["answered"]))
def test_what_an_export_leaves_out_of_an_older_version_is_held_against_nobody(row: dict[str, str | None]) -> None:
    """The old form demands how many people live there, the new one calls it size; a total counts on it."""
    survey = (
        "| type | name | label | required | constraint |\n| integer | {} | N | yes | |\n| integer | all | A | | {} |"
    )
    settings = "| form_id | version |\n| house | {} |"
    old = form_of(survey.format("people", ". = ${people}"), settings=settings.format(1))
    new = replace(form_of(survey.format("size", ""), settings=settings.format(2)), older=(old,))
    first, second = {"neither": ("", ""), "one of them": ("4", ""), "both": ("4", "5")}[str(row["answered"])]
    table = f"""
    | id | form_version | people | size | all |
    | a  | 1            | {first}  |      | 4   |
    | b  | 1            | {second} |      | 5   |
    | c  | 2            |          | 6    | 6   |
    """
    checked = check(answers_of(new.to_read, table), new.to_read)
    told = [code for code in codes(checked) if code != "CON-01"]
    assert " ".join(told) == (row["told"] or "")
    if row["told"] == "VER-02":
        assert codes(checked) == ["VER-02"]
        assert details(checked, "VER-02") == [{"version": "1", "submissions": 2, "questions": "people"}]


DROPPED = (
    "text", "integer", "decimal", "date", "time", "dateTime", "geopoint", "geotrace", "geoshape", "image", "audio",
    "file", "barcode", "acknowledge", "range", "select_one kind", "select_multiple kind", "rank kind",
)  # fmt: skip


@pytest.mark.parametrize("kind", DROPPED)
def test_a_demanded_question_that_the_newest_version_dropped_may_be_of_any_type(kind: str) -> None:
    survey = "| type | name | label | required |\n| text | owner | O | |\n| {} | last | L | yes |"
    choices, settings = "| list_name | name | label |\n| kind | dug | Dug |", "| form_id | version |\n| well | {} |"
    old = form_of(survey.format(kind), choices=choices, settings=settings.format(1))
    new = form_of(survey.format("note").replace("yes", ""), choices=choices, settings=settings.format(2))
    new = replace(new, questions=tuple(one for one in new.questions if one.path != "/data/last"), older=(old,))
    checked = check(
        answers_of(new.to_read, "| id | form_version | owner |\n| a | 1 | Lan |\n| b | 1 | Hoa |"), new.to_read
    )
    assert codes(checked) == ["VER-02"]
