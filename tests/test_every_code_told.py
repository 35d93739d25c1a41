"""Every problem as whatever finds it writes it down, told in every language: no value left out, no bare brace."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from check_tables import form_of
from test_dirty_text import TEXT as DIRTY
from test_dirty_text import cp1258, tcvn3
from test_locate import PLACES
from xlsxwriter import Workbook

from collect.forms import Design
from collect.i18n import LANGUAGES, t
from collect.journey import Definitions, take
from collect.passing import Arrival
from collect.problems import PROBLEMS
from collect.receipts import Part, Receipt
from collect.review.sheet import write_csv
from collect.tables import ISSUES
from collect.wording.issues import words_of
from collect.wording.receipts import receipt_lines

SURVEY = """
    | type             | name    | label::Tiếng Việt (vi)  | label::ខ្មែរ (km) | label::English (en) | relevant   | required | constraint               | calculation | choice_filter   | read_only | default |
    | start            | start   |                         |                   |                     |            |          |                          |             |                 |           |         |
    | end              | end     |                         |                   |                     |            |          |                          |             |                 |           |         |
    | today            | today   |                         |                   |                     |            |          |                          |             |                 |           |         |
    | text             | owner   | Họ tên chủ hộ           | ម្ចាស់            | Owner               |            |          |                          |             |                 |           |         |
    | text             | commune | Xã                      | ឃុំ               | Commune             |            |          |                          |             |                 |           |         |
    | geopoint         | point   | Toạ độ                  | ទីតាំង            | Point               |            |          |                          |             |                 |           |         |
    | select_one place | village | Ấp                      | ភូមិ              | Village             |            |          |                          |             |                 |           |         |
    | select_one place | hamlet  | Khóm                    | ក្រុម             | Hamlet              |            |          |                          |             | of = ${village} |           |         |
    | integer          | size    | Số người                | ចំនួន             | Size                |            |          | . < 10                   |             |                 |           |         |
    | decimal          | area    | Diện tích               | ផ្ទៃ              | Area                | ${size} > 5 |         |                          |             |                 |           |         |
    | text             | net     | Mạng                    | បណ្តាញ            | Network             |            | yes      |                          |             |                 |           |         |
    | date             | since   | Từ ngày                 | ពីថ្ងៃ            | Since               |            |          |                          |             |                 |           |         |
    | text             | phone   | Điện thoại              | ទូរស័ព្ទ          | Phone               |            |          | regex(., '^0[0-9]{9}$') |             |                 |           |         |
    | text             | card    | Thẻ                     | កាត               | Card                |            |          |                          |             |                 |           |         |
    | text             | fixed   | Cố định                 | ថេរ               | Fixed               |            |          |                          |             |                 | yes       | v1      |
    | begin_repeat     | member  | Người                   | មនុស្ស            | Member              |            |          |                          |             |                 |           |         |
    | integer          | age     | Tuổi                    | អាយុ              | Age                 |            |          |                          |             |                 |           |         |
    | integer          | born    | Năm sinh                | ឆ្នាំ             | Born                |            |          |                          |             |                 |           |         |
    | end_repeat       |         |                         |                   |                     |            |          |                          |             |                 |           |         |
    | begin_group      | yard    | Sân                     | ទីធ្លា            | Yard                |            |          |                          |             |                 |           |         |
    | text             | note    | Ghi chú                 | កំណត់             | Note                |            |          |                          |             |                 |           |         |
    | end_group        |         |                         |                   |                     |            |          |                          |             |                 |           |         |
    | begin_group      | house   | Nhà                     | ផ្ទះ              | House               |            |          |                          |             |                 |           |         |
    | text             | note    | Ghi chú                 | កំណត់             | Note                |            |          |                          |             |                 |           |         |
    | end_group        |         |                         |                   |                     |            |          |                          |             |                 |           |         |
    | calculate        | twice   |                         |                   |                     |            |          |                          | ${size} * 2 |                 |           |         |
    | calculate        | lot     |                         |                   |                     |            |          |                          | random()    |                 |           |         |
"""  # noqa: E501 a sheet is as wide as it is
CHOICES = """
    | list_name | name | label::Tiếng Việt (vi) | of |
    | place     | p1   | Một                    |    |
    | place     | p2   | Hai                    | p1 |
"""
DESIGN = Design(
    household_size="/data/size", roster="/data/member", interviewed_on="/data/today", started_at="/data/start",
    ended_at="/data/end", age="/data/member/age", birth_year="/data/member/born", commune="/data/commune",
    point="/data/point", vintage="2025-07",
)  # fmt: skip
ONCE_ASKED = "    | text | water | Nước | ទឹក | Water | | yes | | | | | |\n"
OLDER = form_of(SURVEY + ONCE_ASKED, DESIGN, CHOICES, "| form_id | version |\n| every | 1 |")
FORM = replace(form_of(SURVEY, DESIGN, CHOICES, "| form_id | version |\n| every | 2 |"), older=(OLDER,))
DEFINITIONS = Definitions((FORM,), (), ())
FACTS = "SubmissionDate,{0},meta-instanceID,KEY,Edits,FormVersion\n"
POINT = "point-Latitude,point-Longitude,point-Altitude,point-Accuracy"


def central(columns: str, *rows: str, version: str = "2", ids: str = "") -> str:
    """A table as ODK Central writes it; ``ids``: a letter for each row, else every row has one of its own."""
    names = [f"uuid:{ids[place]}" if ids else f"uuid:{place}" for place in range(len(rows))]
    lines = (
        f"2026-11-21T08:00:00.000Z,{row},{name},{name},0,{version}\n" for row, name in zip(rows, names, strict=True)
    )
    return FACTS.format(columns) + "".join(lines)


XML = '<data id="every" version="2" {0}>{1}<net>a</net><meta><instanceID>uuid:x</instanceID></meta></data>'
KOBO = "_uuid,_index,_submission_time,owner,net"
KOBO_ROWS = ("u-1,1,2026-11-20T08:00:00,Nguyễn Thị Hường,a", "u-2,2,2026-11-20T09:00:00,Kim Sô Phát xã Hàm Giang,b")
CELLS = [row.split(",") for row in (KOBO, *KOBO_ROWS)]
FILES: Mapping[str, str | bytes] = {  # what is handed in, each a part of the field's trouble
    "answers.csv": central(
        "start,end,today,village,hamlet,size,area,net,since,fixed,twice,lot",
        "2026-11-20T08:00:00Z,2026-11-20T07:00:00Z,2026-11-20,p1,p1,12,,,2565-11-20,v2,3,7",
        ",,1970-01-01,p3,p2,x,3,b,1970-01-01,,,",
        ",,2026-11-20,,,៦,,c,2080-02-01,,12,",
        ",,2026-11-20,,,1,3,d,29/2/2568,,2,",
    ),
    "digits.csv": central("net,phone,card", "a,912345678,0912345679", "b,0912345679,912345678", "c,,1.23457E+15"),
    "places.csv": central(
        f"net,commune,{POINT}",
        "a,29242,9.92,106.36,0,5", "b,29242,9.92,106.29,0,5", "c,,9.92,106.32,0,5", "d,,,,,",
        "e,29242.0,9.92,106.32,0,5", "f,Phường Trà Vinh,9.92,106.32,0,5", "g,29245,9.92,106.32,0,5",
        "h,99999,9.92,106.32,0,5", "i,Phường 1,9.92,106.32,0,5",
    ),
    "lost.csv": central("owner,since", "a,2026-01-01", "b,"),
    "clock.csv": central("today,start,end,net", "1970-01-01,1970-01-01T08:00:00Z,1970-01-01T07:00:00Z,"),
    "unknown_version.csv": central("net", "a", version="9"),
    "older.csv": central("net", "a", "b", version="1"),
    "twice.csv": central("net", "a", "b", "c", "c", ids="aabb"),
    "strange.csv": central("net,colour,note,note", "a,red,b,c", "b,blue,", "c,green,d,e,f"),
    "letters.csv": cp1258(DIRTY),
    "font.csv": "\n".join([KOBO, *map(tcvn3, KOBO_ROWS)]),
    "damaged.csv": "\n".join([KOBO, *KOBO_ROWS * 9]).encode().replace("Phát".encode(), b"Ph\xe1t", 1),
    "beside.xml": XML.format("", "between<owner>An</owner>"),
    "unsigned.xml": XML.format('collect-unsigned="yes"', ""),
    "nameless.xml": XML.replace("<meta><instanceID>uuid:x</instanceID></meta>", "").format("", ""),
}  # fmt: skip
MEMBERS = "age,born,PARENT_KEY,KEY\n40,1950,uuid:0,uuid:0/member[1]\n5,2021,uuid:9,uuid:9/member[1]\n"


@cache
def _written(folder: Path) -> tuple[Path, ...]:
    for name, content in FILES.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with zipfile.ZipFile(folder / "members.zip", "w") as archive:
        archive.writestr("every.csv", central("today,net,size", "2026-11-20,a,4"))
        archive.writestr("every-member.csv", MEMBERS)
        archive.writestr("broken.xml", "<a><b></a>")
        archive.writestr("scan.pdf", "%PDF-1.4")
    _book(folder / "titled.xlsx", [["Khảo sát hộ 2026"], [], *CELLS])
    _book(folder / "tagged.xlsx", [CELLS[0], ["", "", "#date", "#contact", "#x"], *CELLS[1:]])
    _book(folder / "cut.xlsx", [CELLS[0], [*CELLS[1][:3], "x" * 32_767, "a"]])
    _book(folder / "hidden.xlsx", CELLS, hidden=True)
    return tuple(sorted(path for path in folder.iterdir() if path.is_file()))


def _book(path: Path, cells: list[list[str]], hidden: bool = False) -> None:
    with Workbook(str(path), {"strings_to_numbers": False}) as book:
        sheet = book.add_worksheet("every")
        for row, values in enumerate(cells):
            sheet.write_row(row, 0, values)
        sheet.write_formula(len(cells), 4, "=2+2", None, "")
        sheet.write_row(len(cells), 0, ["u-9", "9", "2026-11-20T08:00:00"])
        if hidden:
            book.add_worksheet("seen").activate()
            sheet.hide()


@pytest.fixture(scope="module")
def issues(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Everything that is found in all files, with the ``file`` it was found in."""
    found = []
    for path in _written(tmp_path_factory.mktemp("every")):
        for one in take(path, DEFINITIONS, PLACES, Arrival("u1", date(2026, 11, 22), form="every")):
            found.append(one.issues.with_columns(file=pl.lit(path.name), form=pl.lit("every")))
    return pl.concat(found)


FOR_AUTHORS = (" (random())", " regex(., '^0[0-9]{9}$')", " /data")  # of EXP-01, TYP-05 and FIL-14


def _bared(told: str) -> str:
    """Without what is said to whoever wrote the form, of the rule itself."""
    for one in FOR_AUTHORS:
        told = told.replace(one, "")
    return told


HOLES = re.compile(r"…|[{}]|“\s*”|«\s*»|\(\s*\)|\bNone\b|\bnan\b|  | [,.;:។]|: *[)។]|/data\b")


def test_the_files_have_every_trouble_there_is(issues: pl.DataFrame) -> None:
    assert set(issues["code"]) == set(PROBLEMS)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_a_problem_is_told_without_a_hole_and_without_xpath(issues: pl.DataFrame, code: str, lang: str) -> None:
    for issue in issues.filter(code=code).iter_rows(named=True):
        label, found, mend = words_of(issue, FORM, lang)
        assert found, issue["details"]
        assert mend, issue["details"]
        told = f"{label} {found} {mend}" if label else f"{found} {mend}"
        assert not HOLES.search(_bared(told)), (told, issue["details"])
        assert lang != "km" or not re.search(r"[a-z]{4,} [a-z]{4,} [a-z]{4,}", found), found


@pytest.mark.parametrize("lang", LANGUAGES)
def test_receipt_and_spreadsheet_tell_them_all_without_a_hole(issues: pl.DataFrame, lang: str) -> None:
    for (file,), own in issues.group_by("file"):
        part = Part("every", "2", "central-csv", 1, 0, 1, 0, 0, 1, 0, own.drop("file", "form"))
        told = "\n".join(receipt_lines(Receipt(str(file), "u1", again=False, stored=True, parts=(part,)), lang))
        assert not re.search(r"…|[{}]|“”|None", told), told
    sheet = pl.read_csv(write_csv(issues, {"every": FORM}, lang), infer_schema=False)
    words = [text for column in sheet.columns[4:6] for text in sheet[column]]
    assert len(words) == 2 * issues.height
    assert [text for text in words if HOLES.search(_bared(text))] == []


def test_what_costs_a_file_its_column_stands_first_however_many_other_issues_there_are(issues: pl.DataFrame) -> None:
    part = Part("every", "2", "central-csv", 1, 0, 1, 0, 0, 1, 0, issues.drop("file", "form"))
    lines = receipt_lines(Receipt("all.zip", "u1", again=False, stored=True, parts=(part,)), "en")
    codes = [line.split()[0] for line in lines if " × " in line]
    assert codes[8:] == ["FIL-17"], "what nobody read is always told"
    assert {"FIL-01", "FIL-03", "FIL-15", "FIL-16"} <= set(codes[:5])
    assert any("no column “net” for this required question" in line for line in lines)


def test_versions_that_are_not_here_are_told_one_by_one_and_encrypted_submissions_together() -> None:
    rows = [("VER-01", "warning", {"version": name, "submissions": 2, "newest": "3"}) for name in ("1", "2")]
    rows += [("FIL-03", "error", {"file": f"{name}.xml", "reason": "IN-16", "submissions": 1}) for name in "abc"]
    made = [{"code": code, "severity": severity, "details": json.dumps(said)} for code, severity, said in rows]
    part = Part("hh", "3", "submission-xml", 4, 0, 4, 0, 0, 0, 3, pl.DataFrame(made, schema=ISSUES.schema))
    told = "\n".join(receipt_lines(Receipt("day.zip", "u", again=False, stored=True, parts=(part,)), "en"))
    assert "2 submissions name the form's version “1”" in told
    assert "2 submissions name the form's version “2”" in told
    assert told.count(t("VER-01.mend", "en")) == 1
    assert "3: 3 submissions in “day.zip” are still encrypted." in told
    assert t("IN-16.mend", "en") in told
