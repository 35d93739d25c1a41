"""Our spreadsheet template: what an office fills in must come back with its zeros, its households and its form."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from collect.define import form_from_xlsform, load_form, write_template
from collect.define.template import HEADER_ROW, MARK, template_tables
from collect.define.words import cell_help
from collect.forms import Form
from collect.i18n import LANGUAGES
from collect.problems import DefinitionError
from collect.speech import said, untranslated

FORMS = Path(__file__).parents[1] / "forms"
NESTED = """
| survey |
| | type | name | label | calculation | relevant |
| | start | start | | | |
| | text | lists | =1+1 | | |
| | note | hello | Hello | | |
| | image | photo | Photo | | |
| | begin_repeat | lists_ | Child | | |
| | text | name | Name | | ${lists} != '' |
| | begin_repeat | toy | Toy | | |
| | text | colour | Colour | | |
| | end_repeat | | | | |
| | end_repeat | | | | |
| | calculate | n | | count(${lists_}) | |
| settings |
| | form_id | version |
| | nested | 01 |
"""
FLAT = """
| survey |
| | type | name | label::Tiếng Việt (vi) | label::English (en) | hint::English (en) | required | constraint | constraint_message::English (en) |
| | select_one yn | fibre | Cáp quang? | Fibre? | Look | yes | | |
| | select_multiple yn | many | Nhiều | Many | | | | |
| | integer | size | Số người | People | | | . > 0 | At least 1 |
| choices |
| | list_name | name | label::Tiếng Việt (vi) | label::English (en) |
| | yn | 01 | Có | Yes |
| | yn | 02 | Không | No |
| settings |
| | form_id |
| | flat |
"""  # noqa: E501  # a form's rows are as long as they are


@pytest.fixture(scope="module")
def household() -> Form:
    return load_form(FORMS / "household")


def rows_of(path: Path) -> dict[str, list[list[str]]]:
    """Sheets whose first cell is the mark, by the table path they name."""
    book = openpyxl.load_workbook(path)
    sheets = {}
    for sheet in book.worksheets:
        if sheet["A1"].value == MARK:
            sheets[str(sheet["D1"].value)] = [[str(cell or "") for cell in row] for row in sheet.values]
    return sheets


def test_every_table_says_which_form_version_and_table_it_is(household: Form, tmp_path: Path) -> None:
    sheets = rows_of(write_template(household, tmp_path / "t.xlsx", "vi"))
    assert list(sheets) == ["/data", "/data/people/member"]
    for path, rows in sheets.items():
        assert rows[0][:6] == [MARK, household.form_id, household.version, path, "1", "vi"]


def test_the_header_names_every_answer_a_person_gives_relative_to_the_root(household: Form, tmp_path: Path) -> None:
    sheets = rows_of(write_template(household, tmp_path / "t.xlsx", "vi"))
    root, roster = (rows[HEADER_ROW - 1] for rows in sheets.values())
    assert {"phu:household", "place/commune", "consent", "household/size", "today"} <= set(root)
    assert not {"start", "end"} & set(root), "only a phone knows them"
    assert {"phu:household", "people/member/age"} <= set(roster)
    assert not {"totals/people_listed", "consent_text", "deviceid"} & set(root), "calculations and notes are not asked"


def test_nested_rows_name_their_household_and_the_row_above() -> None:
    tables = template_tables(form_from_xlsform(NESTED), "en")
    keys = {table.path: [column.header for column in table.columns if not column.question] for table in tables}
    assert keys == {
        "/data": ["phu:household"],
        "/data/lists_": ["phu:household", "phu:row"],
        "/data/lists_/toy": ["phu:household", "phu:parent"],
    }


def test_cells_to_fill_are_text_so_that_leading_zeros_survive(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write_template(form_from_xlsform(FLAT), tmp_path / "t.xlsx", "en"))
    sheet = book["data"]
    formats = {sheet.column_dimensions[letter].number_format for letter in "ABCD" if letter in sheet.column_dimensions}
    assert formats == {"@"}
    assert sheet.freeze_panes == "B4"


def test_one_answer_comes_from_a_list_and_several_do_not(tmp_path: Path) -> None:
    path = write_template(form_from_xlsform(FLAT), tmp_path / "t.xlsx", "en", blank_rows=20)
    book = openpyxl.load_workbook(path)
    rules = {str(rule.sqref): rule for rule in book["data"].data_validations.dataValidation}
    assert (rules["B4:B23"].type, rules["B4:B23"].formula1) == ("list", "lists!$A$2:$A$3")
    assert rules["C4:C23"].type in (None, "none")
    assert [cell.value for cell in book["lists"]["A"]] == ["yn", "01 | Yes", "02 | No"]


@pytest.mark.parametrize(("lang", "label", "rule"), [("en", "People", "At least 1"), ("vi", "Số người", "Quy tắc")])
def test_each_question_is_explained_in_the_language(tmp_path: Path, lang: str, label: str, rule: str) -> None:
    sheet = openpyxl.load_workbook(write_template(form_from_xlsform(FLAT), tmp_path / "t.xlsx", lang))["data"]
    fibre, size = sheet.cell(2, 2), sheet.cell(2, 4)
    assert size.value == label
    assert size.comment is not None
    assert rule in size.comment.text
    assert fibre.comment is not None
    assert "01 = " in fibre.comment.text


def test_a_comment_says_in_words_when_a_question_is_asked(household: Form) -> None:
    root, _ = template_tables(household, "en")
    since = next(column for column in root.columns if column.header == "household/fibre_since")
    assert "Asked only if: “Do you agree to answer?” is “Agrees”; “Does the household have a fibre" in since.help


def test_the_read_me_speaks_all_languages(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write_template(form_from_xlsform(FLAT), tmp_path / "t.xlsx", "vi"))
    titles = [cell.value for cell in book["read me"]["A"]]
    assert [title for title in titles if title in LANGUAGES.values()] == list(LANGUAGES.values())


def test_words_of_a_form_never_become_formulas_and_sheet_names_never_clash(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write_template(form_from_xlsform(NESTED), tmp_path / "t.xlsx", "en"))
    assert book["data"].cell(2, 2).value == "=1+1"
    assert book["data"].cell(2, 2).data_type == "s"
    assert len({name.lower() for name in book.sheetnames}) == len(book.sheetnames) == 5


def test_the_same_form_gives_the_same_bytes(household: Form, tmp_path: Path) -> None:
    for suffix in ("xlsx", "zip"):
        first = write_template(household, tmp_path / f"a.{suffix}", "km").read_bytes()
        assert write_template(household, tmp_path / f"b.{suffix}", "km").read_bytes() == first


def test_a_form_without_repeats_fits_one_csv_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = write_template(form_from_xlsform(FLAT), tmp_path / "t.csv", "vi")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf" + MARK.encode())
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert rows[HEADER_ROW - 1][:4] == ["phu:household", "fibre", "many", "size"]
    assert len({len(row) for row in rows}) == 1


def test_a_form_with_repeats_is_a_zip_of_csv_files_and_no_single_csv(tmp_path: Path) -> None:
    form = form_from_xlsform(NESTED)
    with pytest.raises(DefinitionError, match="DEF-25"):
        write_template(form, tmp_path / "t.csv", "vi")
    with zipfile.ZipFile(write_template(form, tmp_path / "t.zip", "vi")) as bundle:
        marks = [bundle.read(name).decode("utf-8-sig").split(",")[:4] for name in bundle.namelist()]
    assert marks == [[MARK, "nested", "01", path] for path in form.repeats]


def test_another_suffix_is_refused_with_those_that_work(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"DEF-24.*\.xlsx"):
        write_template(form_from_xlsform(FLAT), tmp_path / "t.ods", "vi")
    assert not (tmp_path / "t.ods").exists()


def test_our_language_finds_the_forms_own_key(household: Form) -> None:
    words = dict(zip(household.languages, ("một", "មួយ", "one"), strict=True))
    assert [said(words, lang) for lang in LANGUAGES] == list(words.values())
    assert said({"Tiếng Việt (vi)": "một", "English": ""}, "en") == "một", "the default stands in"
    assert said({"English": "${line}. Name?", "ខ្មែរ": "មួយ"}, "en") == "…. Name?", "an answer that a phone would show"
    assert said({}, "vi") == ""
    assert untranslated(form_from_xlsform(FLAT), "km")[0] > 0
    assert untranslated(household, "km")[0] == 0


@pytest.mark.parametrize(
    ("hint", "lang", "told"),
    [
        ("Ask the head ", "en", "Ask the head. Choose one"),
        ("Ask the head?", "en", "Ask the head? Choose one"),
        ("Hỏi chủ hộ", "vi", "Hỏi chủ hộ. "),
        ("សួរមេគ្រួសារ", "km", "សួរមេគ្រួសារ។ "),
        ("សួរមេគ្រួសារ។", "km", "សួរមេគ្រួសារ។ "),
    ],
)
def test_a_hint_ends_before_what_follows_it_begins(household: Form, hint: str, lang: str, told: str) -> None:
    fibre = next(question for question in household.questions if question.name == "fibre_passed")
    asked = replace(fibre, hints={lang: hint})
    assert cell_help(asked, household, lang).startswith(told)
