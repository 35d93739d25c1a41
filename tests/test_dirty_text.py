"""Text as it comes from the field: any encoding, old fonts, titles above headings. Repaired and told, or asked."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter
from check_tables import answers_of, codes, form_of, rows_of

from collect.check import check
from collect.problems import ExportError
from collect.receive import Received, receive
from collect.receive.lettering import ANSI, FONTS, TCVN3, VNI, from_twice_utf8, is_vietnamese
from collect.receive.letters import SHOWN_OF_A_WORD, as_it_would_read
from collect.receive.manner import Manner

FORM = form_of(
    """
    | type   | name   | label |
    | string | owner  | Họ tên chủ hộ |
    | string | hamlet | Ấp, khóm, xã Hàm Giang, huyện Trà Cú |
    | int    | size   | Số người |
    """
)
HEAD = "_uuid,_index,_submission_time,owner,hamlet,size"
ROWS = [
    "u-1,1,2026-11-20T08:00:00,Nguyễn Thị Hường,ấp Trà Cú,4",
    "u-2,2,2026-11-20T09:00:00,Kim Sô Phát,xã Hàm Giang,5",
]
TEXT = "\r\n".join([HEAD, *ROWS]) + "\r\n"
SAID = [("Nguyễn Thị Hường", "ấp Trà Cú", "4"), ("Kim Sô Phát", "xã Hàm Giang", "5")]


def cp1258(text: str) -> bytes:
    """Windows' Vietnamese code page: letters with roof, horn or breve whole, the tone after them."""
    written = []
    for letter in text:
        try:
            written.append(letter.encode("cp1258"))
        except UnicodeEncodeError:
            tones = [mark for mark in unicodedata.normalize("NFD", letter) if mark in "\u0300\u0301\u0303\u0309\u0323"]
            rest = "".join(mark for mark in unicodedata.normalize("NFD", letter) if mark not in tones)
            written.append((unicodedata.normalize("NFC", rest) + tones[0]).encode("cp1258"))
    return b"".join(written)


def in_font(text: str, letters: dict[str, str]) -> str:
    """Unicode text as an old font wants it."""
    back = {new: old for old, new in letters.items()}
    return "".join(back.get(letter, letter) for letter in text)


def tcvn3(text: str) -> str:
    return in_font(text, {chr(old): chr(new) for old, new in TCVN3.items()})


def vni(text: str) -> str:
    return in_font(text, {old: new for old, new in VNI.items() if old[0].islower() == new.islower()})


def ansi(text: str) -> bytes:
    return bytes(ANSI.index(letter) for letter in text)


BYTES: dict[str, tuple[Callable[[str], bytes], list[str]]] = {
    "UTF-8": (lambda text: text.encode(), []),
    "UTF-8 with a mark": (lambda text: text.encode("utf-8-sig"), []),
    "UTF-8, marks apart": (lambda text: unicodedata.normalize("NFD", text).encode(), []),
    "UTF-16 little endian": (lambda text: text.encode("utf-16"), []),
    "UTF-16 big endian": (lambda text: b"\xfe\xff" + text.encode("utf-16-be"), []),
    "UTF-16 without a mark": (lambda text: text.encode("utf-16-le"), []),
    "semicolons": (lambda text: text.replace(",", ";").encode(), []),
    "tabs": (lambda text: text.replace(",", "\t").encode(), []),
    "line feeds alone": (lambda text: text.replace("\r\n", "\n").encode(), []),
    "windows-1258": (cp1258, ["FIL-06"]),
    "TCVN3 as bytes": (lambda text: ansi(tcvn3(text)), ["FIL-06"]),
    "VNI as bytes": (lambda text: ansi(vni(text)), ["FIL-06"]),
    "TCVN3 letters in UTF-8": (lambda text: tcvn3(text).encode(), ["FIL-08", "FIL-08"]),
    "VNI letters in UTF-8": (lambda text: vni(text).encode(), ["FIL-08", "FIL-08"]),
    "UTF-8 written twice": (
        lambda text: text.encode().decode("latin-1").translate(dict(enumerate(ANSI))).encode(),
        ["FIL-08", "FIL-08"],
    ),
}


def read(path: Path, **how: object) -> Received:
    (received,) = receive(path, (FORM,), manner=Manner(**how))  # type: ignore[arg-type]
    return received


def answers(received: Received) -> list[tuple[object, ...]]:
    return received.answers["/data"].select("/data/owner", "/data/hamlet", "/data/size").rows()


@pytest.mark.parametrize("case", sorted(BYTES))
def test_letters_come_out_the_same_however_they_were_written(case: str, tmp_path: Path) -> None:
    write, codes = BYTES[case]
    (tmp_path / "kobo.csv").write_bytes(write(TEXT))
    received = read(tmp_path / "kobo.csv")
    assert answers(received) == SAID
    assert received.issues["code"].to_list() == codes


def test_an_encoding_can_be_insisted_on(tmp_path: Path) -> None:
    (tmp_path / "kobo.csv").write_bytes((HEAD + "\nu-1,1,2026-11-20T08:00:00,t\xe1,Caf\xe9,4\n").encode("latin-1"))
    with pytest.raises(ExportError) as caught:
        read(tmp_path / "kobo.csv")
    assert caught.value.code == "IN-06"
    assert answers(read(tmp_path / "kobo.csv", encoding="windows-1252")) == [("tá", "Café", "4")]
    assert answers(read(tmp_path / "kobo.csv", encoding="tcvn3")) == [("tỏ", "Cafộ", "4")]


def test_letters_that_could_be_read_two_ways_are_asked(tmp_path: Path) -> None:
    (tmp_path / "kobo.csv").write_bytes((HEAD + "\nu-1,1,2026-11-20T08:00:00,t\xe1,b\xe1,4\n").encode("latin-1"))
    with pytest.raises(ExportError) as caught:
        read(tmp_path / "kobo.csv")
    assert caught.value.code == "IN-41"
    assert "tcvn3" in str(caught.value.values["encodings"])


def test_a_few_damaged_bytes_do_not_cost_the_file(tmp_path: Path) -> None:
    good = (TEXT + "".join(row.replace("u-", f"u-{number}") + "\r\n" for number in range(9) for row in ROWS)).encode()
    (tmp_path / "kobo.csv").write_bytes(good.replace("Phát".encode(), b"Ph\xe1t", 1))
    received = read(tmp_path / "kobo.csv")
    assert answers(received)[1][0] == "Kim Sô Ph\ufffdt"
    assert received.issues["code"].to_list() == ["FIL-07"]


TWICE = """
| cell                          | read                  |
| NhÃ~ bÃ~                      | Nhà bà                |
| NhÃ bÃ¨                       | NhÃ bÃ¨               |
| Ä‘ang Ä‘i váº¯ng               | đang đi vắng          |
| áž—áž¼áž˜                     | ភូម                  |
| XÃ HÀM GIANG                  | XÃ HÀM GIANG          |
| XÃ                            | XÃ                    |
| XÃ…                           | XÃ…                   |
| CHÂ°                          | CHÂ°                  |
| MÃ¼ller                       | MÃ¼ller               |
| nhà bà                        | nhà bà                |
| 12 mÂ²                        | 12 mÂ²                |
"""  # "~" stands for a no-break space; where it became a blank, nobody can tell whether one stood there before


@pytest.mark.parametrize("row", rows_of(TWICE), ids=lambda row: row["cell"])
def test_a_cell_of_utf8_written_twice_is_read_by_itself_and_only_where_all_of_it_is(row: dict[str, str]) -> None:
    assert from_twice_utf8(row["cell"].replace("~", "\u00a0")) == row["read"]


@pytest.mark.parametrize("code", ["windows-1252", "latin-1"])
def test_some_cells_of_utf8_written_twice_are_mended_and_the_others_stay(code: str, tmp_path: Path) -> None:
    ansi_letters = dict(enumerate(ANSI)) if code == "windows-1252" else {}
    twice = "Điện thoại cũ, rất hỏng".replace(",", ";").encode().decode("latin-1").translate(ansi_letters)
    rows = [f"u-{place},{place},2026-11-20T08:00:00,{owner},x,4" for place, owner in enumerate([twice, "Sô Phát"])]
    (tmp_path / "kobo.csv").write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    received = read(tmp_path / "kobo.csv")
    assert [one[0] for one in answers(received)] == ["Điện thoại cũ; rất hỏng", "Sô Phát"]
    (issue,) = received.issues.iter_rows(named=True)
    assert issue["code"] == "FIL-08"
    assert json.loads(issue["details"])["cells"] == 1


def test_utf8_written_twice_that_lost_letters_since_stays_and_is_told(tmp_path: Path) -> None:
    damaged = "háº¹n láº¡i chiá»\ufffdu"
    row = f"u-1,1,2026-11-20T08:00:00,{damaged},x,4"
    (tmp_path / "kobo.csv").write_text(f"{HEAD}\n{row}\n", encoding="utf-8")
    received = read(tmp_path / "kobo.csv")
    assert answers(received)[0][0] == damaged
    assert received.issues["code"].to_list() == ["FIL-07"]


@pytest.mark.parametrize("name", sorted(FONTS))
def test_good_unicode_is_left_alone(name: str) -> None:
    assert FONTS[name]("plain ASCII, 12°") == "plain ASCII, 12°"


def test_names_in_other_languages_are_not_taken_for_old_fonts(tmp_path: Path) -> None:
    row = "u-1,1,2026-11-20T08:00:00,Ñandú Øster Müller «ភូមិ»,12 m² ±½,4\n"
    (tmp_path / "kobo.csv").write_text(HEAD + "\n" + row, encoding="utf-8")
    received = read(tmp_path / "kobo.csv")
    assert answers(received) == [("Ñandú Øster Müller «ភូមិ»", "12 m² ±½", "4")]
    assert received.issues.is_empty()


@pytest.mark.parametrize("word", ["Trà", "xã", "Đức", "nước", "nghiêng", "khuya", "quốc", "giếng", "yêu", "ẤP"])
def test_a_vietnamese_syllable_is_known_by_its_build(word: str) -> None:
    assert is_vietnamese(word)


@pytest.mark.parametrize("word", ["Trµ", "nưòc", "tọ́", "bcd", "Café", "xÀ", "quốcc", "ắ̀"])
def test_what_is_built_otherwise_is_none(word: str) -> None:
    assert not is_vietnamese(word)


Cells = Sequence[Sequence[object]]
COLUMNS = HEAD.split(",")
TAGS: list[object] = ["", "", "#date", "#contact+name", "#adm4", "#affected"]
PLAIN: Cells = [COLUMNS, *(row.split(",") for row in ROWS)]


def book(path: Path, cells: Cells, change: Callable[[xlsxwriter.Workbook], None] | None = None) -> Path:
    with xlsxwriter.Workbook(str(path), {"strings_to_numbers": False}) as workbook:
        sheet = workbook.add_worksheet("household")
        for row, values in enumerate(cells):
            for column, value in enumerate(values):
                sheet.write(row, column, value)
        if change:
            change(workbook)
    return path


def merged(workbook: xlsxwriter.Workbook) -> None:
    workbook.worksheets()[0].merge_range(0, 0, 0, len(COLUMNS) - 1, "Khảo sát hộ")


def formula(workbook: xlsxwriter.Workbook) -> None:
    workbook.worksheets()[0].write_formula(1, 5, "=2+2", None, "")


def hidden(workbook: xlsxwriter.Workbook) -> None:
    workbook.add_worksheet("seen")
    workbook.worksheets()[0].hide()
    workbook.worksheets()[1].activate()


SHEETS: dict[str, tuple[Cells, Callable[[xlsxwriter.Workbook], None] | None, list[str]]] = {
    "as platforms write it": (PLAIN, None, []),
    "a title above": ([["Khảo sát hộ 2026"], [], *PLAIN], None, ["FIL-13"]),
    "a title in merged cells": ([["Khảo sát hộ 2026"], *PLAIN], merged, []),
    "a row of HXL tags": (
        [COLUMNS, ["", "", "#date", "#contact+name", "#adm4", "#affected"], *PLAIN[1:]],
        None,
        ["FIL-12"],
    ),
    "a hidden sheet": (PLAIN, hidden, ["FIL-11"]),
    "old fonts": ([COLUMNS, *([tcvn3(str(cell)) for cell in row] for row in PLAIN[1:])], None, ["FIL-08", "FIL-08"]),
}


@pytest.mark.parametrize("case", sorted(SHEETS))
def test_a_workbook_is_read_however_people_dressed_it(case: str, tmp_path: Path) -> None:
    cells, change, codes = SHEETS[case]
    received = read(book(tmp_path / "kobo.xlsx", cells, change))
    assert answers(received) == SAID
    assert received.issues["code"].to_list() == codes


def test_a_formula_without_a_result_is_told_and_not_taken_for_no_answer(tmp_path: Path) -> None:
    received = read(book(tmp_path / "kobo.xlsx", PLAIN, formula))
    assert answers(received)[0][2] is None
    assert received.issues["code"].to_list() == ["FIL-10"]


@pytest.mark.parametrize("error", ["#DIV/0!", "#N/A", "#REF!"])
def test_an_error_in_a_cell_is_told_as_a_formula_without_a_result_is(tmp_path: Path, error: str) -> None:
    def divided(workbook: xlsxwriter.Workbook) -> None:
        workbook.worksheets()[0].write_formula(1, 5, "=A1/0", None, error)
        workbook.worksheets()[0].write_formula(2, 5, "=2+2", None, 4)

    received = read(book(tmp_path / "kobo.xlsx", PLAIN, divided))
    assert [row[2] for row in answers(received)] == [None, "4", *(row[2] for row in SAID[2:])]
    assert received.issues["code"].to_list() == ["FIL-10"]
    assert json.loads(received.issues["details"][0])["cells"] == 1


@pytest.mark.parametrize("count_from", [1900, 1904])
def test_days_of_a_workbook_are_counted_from_where_the_workbook_counts(count_from: int, tmp_path: Path) -> None:
    form = form_of("| type | name | label |\n| date | day | Day |\n| dateTime | began | Began |")
    with xlsxwriter.Workbook(str(tmp_path / "kobo.xlsx"), {"date_1904": count_from == 1904}) as workbook:
        sheet = workbook.add_worksheet("data")
        shown = workbook.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        sheet.write_row(0, 0, ["_uuid", "_index", "_submission_time", "day", "began"])
        sheet.write_row(1, 0, ["u-1", 1, "2026-11-20T08:00:00"])
        sheet.write_datetime(1, 3, datetime.fromisoformat("2026-07-12"), shown)
        sheet.write_datetime(1, 4, datetime.fromisoformat("2026-07-12T08:30"), shown)
    (received,) = receive(tmp_path / "kobo.xlsx", (form,))
    typed = check(received.answers, form).tables["/data"]
    assert typed.select("/data/day", "/data/began").row(0) == (date(2026, 7, 12), "2026-07-12T08:30:00")


def test_a_cell_that_a_spreadsheet_program_cut_is_told(tmp_path: Path) -> None:
    long = [*PLAIN[1][:3], "x" * 32_767, *PLAIN[1][4:]]
    received = read(book(tmp_path / "kobo.xlsx", [COLUMNS, long]))
    assert received.issues["code"].to_list() == ["FIL-09"]


def test_groups_above_their_questions_in_merged_cells_are_joined(tmp_path: Path) -> None:
    def merge(workbook: xlsxwriter.Workbook) -> None:
        workbook.worksheets()[0].merge_range(0, 3, 0, 4, "about")

    path = book(tmp_path / "kobo.xlsx", [["", "", "", "", "", ""], COLUMNS, *PLAIN[1:]], merge)
    grouped = form_of(
        """
        | type        | name   | label |
        | begin group | about  | About |
        | string      | owner  | Owner |
        | string      | hamlet | Hamlet |
        | end group   |        |       |
        | int         | size   | Size |
        """
    )
    (received,) = receive(path, (grouped,))
    root = received.answers["/data"]
    assert root.select("/data/about/owner", "/data/about/hamlet", "/data/size").rows() == SAID


CODES = """
| list_name | name  | label |
| code      | 01    | One   |
| code      | 12    | Twelve |
| free      | 01    | One   |
| free      | 1     | Other |
| twice     | 01    | One   |
| twice     | 001   | Other |
| mixed     | 01234 | One   |
| mixed     | 29242 | Two   |
| mixed     | other | Other |
"""
LOST_ZEROS = """
| question | cells          | read             | told           |
| code     | 1, 12, 7       | 01, 12, 7        | CHO-01, TYP-04 |
| free     | 1, 01          | 1, 01            |                |
| twice    | 1              | 1                | CHO-01         |
| mixed    | 1234, 29242    | 01234, 29242     | TYP-04         |
| several  | 1, 01 12, 12   | 01, 01 12, 12    | TYP-04         |
"""


@pytest.mark.parametrize("row", rows_of(LOST_ZEROS), ids=lambda row: f"{row['question']} {row['cells']}")
def test_zeros_that_a_spreadsheet_took_off_a_code_are_put_back_and_told(row: dict[str, str | None]) -> None:
    questions = "\n".join(f"| select_one {name} | {name} | Q |" for name in ("code", "free", "twice", "mixed"))
    form = form_of(
        f"| type | name | label |\n{questions}\n| select_multiple code | several | Q |",
        choices=CODES.strip(),
        settings="| allow_choice_duplicates |\n| yes |",
    )
    table = "\n".join(f"| {place} | {cell} |" for place, cell in enumerate(str(row["cells"]).split(", ")))
    checked = check(answers_of(form, f"| id | {row['question']} |\n{table}"), form)
    assert ", ".join(checked.tables["/data"][f"/data/{row['question']}"]) == row["read"]
    assert ", ".join(codes(checked)) == (row["told"] or "")


def test_a_name_that_an_editor_wrapped_or_indented_is_the_same_name(tmp_path: Path) -> None:
    for number, name in enumerate(["uuid:1", "\n    uuid:1\n  ", "uuid:2 b", "uuid:2\n b"]):
        told = f"<data id='data'><owner>An</owner><meta><instanceID>{name}</instanceID></meta></data>"
        (tmp_path / f"{number}.xml").write_text(told, encoding="utf-8")
    form = form_of("| type | name | label |\n| string | owner | Owner |", settings="| form_id |\n| data |")
    (received,) = receive(tmp_path, (form,))
    assert received.answers["/data"]["submission_id"].to_list() == ["uuid:1", "uuid:2 b"]
    assert received.issues["code"].to_list() == ["ID-02", "ID-02"]


@pytest.mark.parametrize(
    ("written", "encoding"),
    [
        pytest.param(cp1258(TEXT), "windows-1258", id="Windows' code page"),
        pytest.param(tcvn3(TEXT).encode("cp1252"), "tcvn3", id="an old font"),
        pytest.param(TEXT.encode(), "utf-8", id="UTF-8"),
    ],
)
def test_the_first_odd_words_are_shown_as_each_encoding_would_have_them(written: bytes, encoding: str) -> None:
    shown = as_it_would_read(written)
    assert shown[encoding] == "Nguyễn · Thị · Hường"
    assert [name for name, words in shown.items() if words == shown[encoding]] == [encoding]


@pytest.mark.parametrize(
    ("data", "shown"),
    [(b"a,b\n1,2\n", {}), (TEXT.encode("utf-16"), {}), (b"PK\x03\x04\x00\xff\xfe", {})],
    ids=["ASCII", "UTF-16", "a zip"],
)
def test_where_there_is_nothing_to_choose_by_nothing_is_shown(data: bytes, shown: dict[str, str]) -> None:
    assert as_it_would_read(data) == shown


def test_a_word_without_end_is_shown_by_its_beginning() -> None:
    assert len(as_it_would_read(b"\xe9" * 100_000)["windows-1252"]) == SHOWN_OF_A_WORD
