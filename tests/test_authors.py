"""Tools for form authors: expressions on a submission, and any export against any form, with no store made."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from collect.authors import check_file
from collect.cli import main
from collect.define import form_at, load_forms
from collect.i18n import t
from collect.intake import add_file
from collect.journey import Definitions
from collect.pages.issues import in_words
from collect.rebuild import rebuild
from collect.receive import receive
from collect.receive.apart import receive_apart
from collect.settings import settings_from
from collect.store import open_store

FORM = """
| survey |
| | type | name | label::English (en) | label::Tiếng Việt (vi) | constraint | constraint_message::English (en) | constraint_message::Tiếng Việt (vi) | calculation | read_only | default |
| | date | visit | Visit | Ngày | | | | | | |
| | begin_group | hh | H | H | | | | | | |
| | begin_repeat | member | M | M | | | | | | |
| | integer | age | Age | Tuổi | . < 120 | Too old | Quá già | | | |
| | end_repeat | | | | | | | | | |
| | end_group | | | | | | | | | |
| | text | fixed | Fixed | Cố định | | | | | yes | v1 |
| | calculate | risk | | | regex(uuid(), 'x') | | | | | |
| settings |
| | form_id | version |
| | house | 7 |
"""  # noqa: E501 a sheet is as wide as it is
SUBMISSION = """<data id="house" version="7"><visit>2026-11-20</visit>
<hh><member><age>30</age></member><member><age>140</age></member></hh><fixed>v1</fixed><risk/>
<meta><instanceID>uuid:a</instanceID></meta></data>"""


def run(*arguments: str, lang: str = "en", data: Path | None = None) -> Result:
    environment = {} if data is None else {"COLLECT_DATA": str(data)}
    return CliRunner().invoke(main, ["--lang", lang, *arguments], env=environment)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    (tmp_path / "form.md").write_text(FORM.replace("| calculate | risk | | | regex", "| text | risk | R | R | regex"),
                                      encoding="utf-8")  # fmt: skip
    (tmp_path / "one.xml").write_text(SUBMISSION, encoding="utf-8")
    return tmp_path


def test_an_expression_is_printed_with_its_type_and_value(bench: Path) -> None:
    named = ["--form", str(bench / "form.md"), "--submission", str(bench / "one.xml")]
    done = run("xpath", "count(/data/hh/member)", *named)
    assert (done.exit_code, done.output) == (0, "number\t2\n")
    there = run("xpath", ". + 1", *named, "--at", "/data/hh/member[2]/age", "--json")
    assert json.loads(there.output) == {"type": "number", "value": 141.0, "text": "141"}
    wrong = run("xpath", "nosuchfn(1)", *named)
    assert wrong.exit_code == 2
    assert "unknown_function" in wrong.output


def test_today_is_the_submissions_own_day(bench: Path) -> None:
    text = FORM.replace("| date | visit |", "| today | visit |").replace(
        "| calculate | risk | | |", "| text | risk | R | R |"
    )
    (bench / "form.md").write_text(text, encoding="utf-8")
    named = ["--form", str(bench / "form.md"), "--submission", str(bench / "one.xml")]
    assert "2026-11-20" in run("xpath", "format-date(today(), '%Y-%m-%d')", *named).output


def test_version_is_that_of_the_form_and_a_calculation_of_it_is_right(bench: Path) -> None:
    head, _ = FORM.split("| | calculate | risk")
    text = f"{head}| | calculate | risk | | | | | | version() | | |\n| settings |\n| | form_id | version |\n"
    text += "| | house | 7 |\n"
    (bench / "form.md").write_text(text, encoding="utf-8")
    (bench / "one.xml").write_text(SUBMISSION.replace("<risk/>", "<risk>7</risk>"), encoding="utf-8")
    named = ["--form", str(bench / "form.md")]
    assert run("xpath", "version()", *named, "--submission", str(bench / "one.xml")).output == "string\t7\n"
    assert "CAL-01" not in run("check", *named, str(bench / "one.xml")).output


def test_a_submission_is_checked_with_the_version_in_the_forms_folder_that_it_names(bench: Path) -> None:
    (bench / "versions").mkdir()
    newest = (bench / "form.md").read_text(encoding="utf-8")
    older = newest.replace(". < 120", ". < 150").replace("| house | 7 |", "| house | 6 |")
    (bench / "versions" / "6.md").write_text(older, encoding="utf-8")
    (bench / "old.xml").write_text(SUBMISSION.replace('version="7"', 'version="6"'), encoding="utf-8")
    found = {name: run("check", "--form", str(bench), str(bench / name)).output for name in ("one.xml", "old.xml")}
    assert "CON-01" in found["one.xml"]
    assert "CON-01" not in found["old.xml"]
    assert "VER-01" not in found["old.xml"]


def test_errors_never_stop_a_batch(bench: Path) -> None:
    good = {"form": "form.md", "submission": "one.xml", "at": "/data/hh/member[2]/age", "expression": ". > 100",
            "profile": "collect"}  # fmt: skip
    lines = [
        json.dumps(good), "no json", "[1]", json.dumps({**good, "expression": "1 +"}),
        json.dumps({**good, "form": "x.md"}),
        json.dumps({**good, "submission": "nowhere.xml"}), json.dumps({**good, "at": "/data/nowhere"}),
        json.dumps({**good, "profile": "other"}), json.dumps({"form": 3}),
        json.dumps({**good, "expression": "(" * 99999}),
        json.dumps({**good, "expression": "1 div 0"}), json.dumps({**good, "expression": "0 div 0"}),
        json.dumps({**good, "submission": None}), json.dumps(good),
    ]  # fmt: skip
    (bench / "batch.jsonl").write_text("\n".join(lines), encoding="utf-8")
    done = run("xpath", "--batch", str(bench / "batch.jsonl"))
    answers = [json.loads(line) for line in done.output.splitlines()]
    assert done.exit_code == 0
    assert len(answers) == len(lines)
    assert answers[0] == answers[-1] == {"type": "boolean", "value": True, "text": "true"}
    assert [answer.get("error") for answer in answers[1:6]] == ["json", "json", "syntax", "DEF-01", "file"]
    assert [answer.get("error") for answer in answers[6:9]] == ["unknown_path", "request", "request"]
    assert answers[9]["error"] in ("too_deep", "too_long", "syntax")
    assert [(answer["type"], answer["value"], answer["text"]) for answer in answers[10:12]] == [
        ("number", None, "Infinity"),
        ("number", None, "NaN"),
    ]
    assert answers[12]["error"] == "request"


def test_every_issue_of_an_export_is_printed_and_no_data_folder_is_made(bench: Path) -> None:
    data = bench / "data"
    named = ["check", "--form", str(bench / "form.md"), str(bench / "one.xml"), str(bench / "nowhere.xml"), "--json"]
    done = run(*named, lang="vi", data=data)
    first, second = json.loads(done.output)
    assert not data.exists()
    assert first["submissions"] == 1
    (issue,) = [issue for issue in first["issues"] if issue["code"] == "CON-01"]
    assert (issue["row_id"], issue["value"], issue["message"]) == ("/data/hh/member[2]", "140", "Quá già")
    assert "Quá già" in issue["found"]
    assert second["error"]["code"].startswith("IN-")
    assert done.exit_code == 11


def test_the_forms_message_is_said_in_the_language_asked_for(bench: Path) -> None:
    told = {lang: run("check", "--form", str(bench / "form.md"), str(bench / "one.xml"), lang=lang).output
            for lang in ("vi", "en", "km")}  # fmt: skip
    assert "Quá già" in told["vi"]
    assert "Too old" in told["en"]
    assert "Too old" in told["km"]  # the form has no Khmer: its own first language


def test_a_real_export_is_checked_with_its_own_form(shared: Path) -> None:
    place = shared / "exports" / "central_generated" / "ona_transportation"
    for form in ("form.xlsx", "form.xml"):
        done = run("check", "--form", str(place / form), str(place / "central_default.csv.zip"), "--json")
        (checked,) = json.loads(done.output)
        assert checked["submissions"] > 0
        assert checked["source"] == "central-csv"


PLOT = """
| survey | | | |
| | type | name | label::English (en) | required |
| | text | who | Who | |
| | decimal | area | Area | yes |
| | date | seen | Seen | |
| | decimal | size | Size | |
| | begin_repeat | tree | Tree | |
| | text | kind | Kind | |
| | end_repeat | | | |
| settings | |
| | form_id |
| | plot |
"""
PLOT_HEAD = "SubmissionDate,who,{0}seen,size,meta-instanceID,KEY\n"
PLOT_ROW = '2026-11-21T08:00:00.000Z,C\u00e1,{1}7/10/2026,"1,234",uuid:{0},uuid:{0}\n'


def checked(folder: Path, text: str, *options: str, encoding: str = "utf-8") -> list[dict[str, object]]:
    (folder / "plot.md").write_text(PLOT, encoding="utf-8")
    (folder / "plot.csv").write_bytes(text.encode(encoding))
    done = run("check", "--form", str(folder / "plot.md"), str(folder / "plot.csv"), "--json", *options)
    issues: list[dict[str, object]] = json.loads(done.output)[0]["issues"]
    return issues


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ((), ["seen", "size"]),
        (("--dates", "dmy"), ["size"]),
        (("--decimal", "point"), ["seen"]),
        (("--dates", "mdy", "--decimal", "comma", "--encoding", "windows-1252"), []),
    ],
)
def test_a_check_is_told_what_the_file_does_not_tell_with_the_options_of_an_upload(
    tmp_path: Path, options: tuple[str, ...], left: list[str]
) -> None:
    text = PLOT_HEAD.format("area,") + PLOT_ROW.format(1, "1,")
    found = checked(tmp_path, text, *options, encoding="windows-1252" if "--encoding" in options else "utf-8")
    assert [str(one["question"]).rsplit("/", 1)[-1] for one in found if one["code"] == "TYP-01"] == left


def test_a_lost_column_is_checked_as_it_is_received_told_once_with_what_follows(tmp_path: Path) -> None:
    text = PLOT_HEAD.format("") + "".join(PLOT_ROW.format(number, "") for number in range(3))
    found = checked(tmp_path, text, "--dates", "dmy", "--decimal", "comma")
    assert [(one["code"], one["details"]) for one in found if one["code"] in ("FIL-16", "REQ-01")] == [
        ("FIL-16", {"followed": 3, "column": "area"}),
        *[("REQ-01", {"follows": "FIL-16", "message": {}})] * 3,
    ]
    asked = ["check", "--form", str(tmp_path / "plot.md"), str(tmp_path / "plot.csv")]
    lines = run(*asked, "--dates", "dmy", "--decimal", "comma").output
    assert "no column “area” for this required question: 3 answers are missing." in lines
    assert t("FIL-16.mend", "en") in lines
    assert "REQ-01" not in lines
    assert "3 issues that follow" in lines


FROM_FILE = """
| survey |
| | type | name | label | constraint |
| | text | code | Code | . != random() |
| | select_one_from_file places.csv | place | Place | |
| settings |
| | form_id |
| | p |
"""

PULLED = """
| survey |
| | type | name | label | calculation |
| | select_one_from_file places.csv | place | Place | |
| | calculate | code | | pulldata('places', 'code', 'name', ${place}) |
| settings |
| | form_id |
| | p |
"""


def test_a_list_of_choices_is_taken_from_the_media_of_the_upload(tmp_path: Path) -> None:
    (tmp_path / "form.md").write_text(FROM_FILE, encoding="utf-8")
    (tmp_path / "in" / "media").mkdir(parents=True)
    for name, place in (("a", "x"), ("b", "z")):
        (tmp_path / "in" / f"{name}.xml").write_text(
            f'<data id="p"><code>c</code><place>{place}</place>'
            f"<meta><instanceID>uuid:{name}</instanceID></meta></data>",
            encoding="utf-8",
        )
    named = ["check", "--form", str(tmp_path / "form.md"), str(tmp_path / "in")]
    codes = [issue["code"] for issue in json.loads(run(*named, "--json").output)[0]["issues"]]
    assert sorted(codes) == ["EXP-01", "EXP-01"]  # the list is not known; the constraint is the device's
    (tmp_path / "in" / "media" / "places.csv").write_text("name,label\nx,X\n", encoding="utf-8")
    issues = json.loads(run(*named, "--json").output)[0]["issues"]
    assert [(issue["code"], issue["submission_id"]) for issue in issues if issue["code"] != "EXP-01"] == [
        ("CHO-01", "uuid:b")
    ]


@pytest.mark.parametrize("folder", ["media/", "household-media/", ""])
def test_a_team_upload_brings_its_lists_and_rebuilding_finds_them_again(tmp_path: Path, folder: str) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "form.md").write_text(PULLED, encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "up.zip", "w") as archive:
        for name, place, code in (("a", "x", "7"), ("b", "z", ""), ("c", "x", "8")):
            answers = f"<place>{place}</place><code>{code}</code><meta><instanceID>uuid:{name}</instanceID></meta>"
            archive.writestr(f"{name}/submission.xml", f'<data id="p">{answers}</data>')
        archive.writestr(f"{folder}places.csv", "name,label,code\nx,X,7\n".encode("utf-16"))
    definitions, store = (
        Definitions(load_forms(tmp_path), (), ()),
        open_store(settings_from({"COLLECT_DATA": str(tmp_path)})),
    )
    add_file(store, tmp_path / "up.zip", definitions)
    expected = [("CAL-01", "uuid:c"), ("CHO-01", "uuid:b")]
    for _ in range(2):
        (part,) = (tmp_path / "tables" / "p" / "issues").glob("*.parquet")
        found = pl.read_parquet(part).filter(pl.col("code") != "LOC-05").select("code", "submission_id").rows()
        assert sorted(found) == expected
        rebuild(store, definitions)


def test_lists_are_opened_where_files_are_read_and_come_back_with_the_answers(tmp_path: Path) -> None:
    (tmp_path / "form.md").write_text(PULLED, encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "up.zip", "w") as archive:
        archive.writestr("a.xml", '<data id="p"><place>x</place><meta><instanceID>uuid:a</instanceID></meta></data>')
        archive.writestr("media/places.csv", "name,label,code\nx,X,7\n")
    form = form_at(tmp_path / "form.md")
    (here,), (there,) = receive(tmp_path / "up.zip", [form]), receive_apart(tmp_path / "up.zip", [form])
    assert here.form is not None
    assert there.form is not None
    assert here.form.choices == there.form.choices
    assert "places" not in form.choices
    assert here.form.choices["places"][0].columns["code"] == "7"


def test_the_label_of_a_choice_whose_list_is_not_there_is_unknown_and_not_wrong(tmp_path: Path) -> None:
    sheet = "| survey |\n| | type | name | label | calculation |\n"
    sheet += "| | select_one_from_file places.csv | place | Place | |\n"
    sheet += "| | calculate | told | | jr:choice-name(${place}, '${place}') |\n"
    sheet += "| settings |\n| | form_id |\n| | trip |\n"
    (tmp_path / "form.md").write_text(sheet, encoding="utf-8")
    answers = '<data id="trip"><place>p</place><told>Market</told><meta><instanceID>uuid:t</instanceID></meta></data>'
    (tmp_path / "one.xml").write_text(answers, encoding="utf-8")
    done = run("check", "--form", str(tmp_path / "form.md"), str(tmp_path / "one.xml"), "--json")
    issues = {(issue["code"], issue["question"]) for issue in json.loads(done.output)[0]["issues"]}
    assert issues == {("EXP-01", "/data/place"), ("EXP-01", "/data/told")}


def test_a_list_in_another_encoding_stays_unknown(tmp_path: Path) -> None:
    (tmp_path / "form.md").write_text(FROM_FILE, encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "up.zip", "w") as archive:
        archive.writestr("a.xml", '<data id="p"><place>x</place><meta><instanceID>uuid:a</instanceID></meta></data>')
        archive.writestr("media/places.csv", b"name,label\nx,\xff\xfe\xb0\n")
    (checked,) = check_file(tmp_path / "up.zip", form_at(tmp_path / "form.md"))
    assert set(checked.issues["code"]) == {"EXP-01"}


def test_why_a_rule_could_not_be_checked_is_said_in_the_readers_language(tmp_path: Path) -> None:
    (tmp_path / "form.md").write_text(FROM_FILE, encoding="utf-8")
    (tmp_path / "one.xml").write_text('<data id="p"><code>c</code></data>', encoding="utf-8")
    told = run("check", "--form", str(tmp_path / "form.md"), str(tmp_path / "one.xml"), lang="vi").output
    assert t("rule.unsupported", "vi") in told
    assert "drawn on the device" not in told


def test_the_upload_page_shows_the_forms_own_message(bench: Path) -> None:
    form = form_at(bench / "form.md")
    (checked,) = check_file(bench / "one.xml", form)
    issues = checked.issues.filter(pl.col("code") == "CON-01").with_columns(file=pl.lit("f"), form=pl.lit("house"))
    for lang, message in (("vi", "Quá già"), ("en", "Too old")):
        assert message in in_words(issues, {"house": form}, lang)[t("issue.why", lang)][0]
