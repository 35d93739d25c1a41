"""Text becomes typed answers: what can be read one way only is read, the rest is told."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from check_tables import answers_of, codes, details, form_of, found, rows_of

from collect.check import Spelling, check
from collect.forms import Design

FORM = form_of(
    """
    | type     | name   | label |
    | integer  | people | People |
    | decimal  | area   | Area |
    | date     | day    | Day |
    | dateTime | began  | Began |
    | time     | clock  | Clock |
    | geopoint | spot   | Spot |
    | text     | remark | Remark |
    """
)


def typed(question: str, cell: str) -> tuple[object, list[str]]:
    checked = check(answers_of(FORM, f"| id | {question} |\n| a | {cell} |"), FORM)
    return checked.tables["/data"][f"/data/{question}"][0], codes(checked)


@pytest.mark.parametrize(
    ("question", "cell", "value"),
    [
        ("people", "4", 4),
        ("people", "007", 7),
        ("people", "-3", -3),
        ("area", "12.5", 12.5),
        ("area", "1.0E7", 1e7),  # how a phone writes ten million
        ("day", "2026-11-20", date(2026, 11, 20)),
        ("began", "2026-11-20T08:30:00.000+07:00", "2026-11-20T08:30:00.000+07:00"),
        ("began", "2026-11-20T08:30:00Z", "2026-11-20T08:30:00Z"),
        ("clock", "08:30:00.000+07:00", "08:30:00.000+07:00"),
        ("spot", "9.9347 106.3453 0 5", "9.9347 106.3453 0 5"),
        ("spot", "9.9347 106.3453", "9.9347 106.3453"),
        ("remark", "០១ ,5·", "០១ ,5 "),
    ],
)
def test_answers_in_their_own_form_are_read_and_nothing_is_said(question: str, cell: str, value: object) -> None:
    assert typed(question, cell) == (value, [])


@pytest.mark.parametrize(
    ("question", "cell", "value"),
    [
        ("people", "·4·", 4),
        ("people", "៤", 4),
        ("people", "១២", 12),
        ("people", "4.0", 4),
        ("people", "\u200b4\u00a0", 4),
        ("area", "12,5", 12.5),
        ("area", "១២,៥", 12.5),
        ("area", "1.250,5", 1250.5),  # both signs: the last is the decimal's
        ("area", "1,250.5", 1250.5),
        ("area", "1.250.000", 1250000.0),
        ("people", "1.250.000", 1250000),
        ("day", "·2026-11-20", date(2026, 11, 20)),
        ("day", "2026/11/20", date(2026, 11, 20)),
        ("day", "20/11/2026", date(2026, 11, 20)),  # there is no twentieth month
        ("day", "11/20/2026", date(2026, 11, 20)),
        ("day", "5-5-2026", date(2026, 5, 5)),
        ("day", "20/11/2026 00:00", date(2026, 11, 20)),
        ("day", "ngày 5 tháng 6 năm 2026", date(2026, 6, 5)),
        ("began", "20/11/2026 8:30", "2026-11-20T08:30:00"),
        ("day", "2026-1-5", date(2026, 1, 5)),
        ("day", "2026-11-20 00:00:00", date(2026, 11, 20)),
        ("day", "២០២៦-១១-២០", date(2026, 11, 20)),
        ("began", "2026-11-20 08:30:00", "2026-11-20T08:30:00"),
        ("spot", "9.9347, 106.3453", "9.9347 106.3453"),
        ("spot", "9.9347  106.3453 0 0", "9.9347 106.3453 0 0"),
        ("spot", "9,9347 106,3453 0,8 4,0", "9.9347 106.3453 0.8 4.0"),
        ("spot", "10 106,3453 0 4", "10 106.3453 0 4"),
        ("spot", "9,106,0,5", "9 106 0 5"),
        ("spot", "106.3453 9.9347 0 5", "9.9347 106.3453 0 5"),  # longitude first: no latitude is 106
    ],
)
def test_what_can_be_read_one_way_only_is_repaired_and_told(question: str, cell: str, value: object) -> None:
    assert typed(question, cell) == (value, ["TYP-02"])


@pytest.mark.parametrize(
    ("question", "cell"),
    [
        ("people", "four"),
        ("people", "4.5"),
        ("people", "1.000"),  # one, or a thousand
        ("people", "99999999999999999999"),
        ("area", "nan"),
        ("area", "Infinity"),
        ("day", "2026-02-30"),
        ("day", "31/02/2026"),
        ("day", "05/06/2026"),
        ("day", "46346"),
        ("began", "2026-02-30T08:30:00.000+07:00"),
        ("began", "2026-11-20T25:30:00.000+07:00"),
        ("began", "yesterday"),
        ("clock", "24:30:00"),
        ("spot", "106.3453 99.9347 0 5"),  # neither can be a latitude
        ("spot", "9.9347"),
        ("spot", "9.9347 181 0 0"),
    ],
)
def test_what_cannot_be_read_or_could_be_read_two_ways_is_null_and_told(question: str, cell: str) -> None:
    assert typed(question, cell) == (None, ["TYP-01"])


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("46346", "excel_serial"),
        ("05/06/2026", "day_or_month_first"),
        ("៥/៦/២០២៦", "day_or_month_first"),
        ("05/06/26", "year_of_two_digits"),
        ("?", "not_of_this_type"),
    ],
)
def test_a_refused_date_says_why(cell: str, reason: str) -> None:
    checked = check(answers_of(FORM, f"| id | day |\n| a | {cell} |"), FORM)
    assert [one["reason"] for one in details(checked, "TYP-01")] == [reason]


def test_a_cell_of_nothing_but_blanks_is_a_blank_answer() -> None:
    assert typed("people", "··") == (None, [])


def test_only_the_offending_rows_become_issues_with_the_answer_as_it_came() -> None:
    checked = check(
        answers_of(
            FORM,
            """
            | id | people | area |
            | a  | 4      | 1.5  |
            | b  | many   | 2,5  |
            | c  |        |      |
            """,
        ),
        FORM,
        upload_id="u1",
    )
    told = checked.issues.select(
        "upload_id", "submission_id", "question", "code", "severity", "value", "found_in"
    ).rows()
    assert told == [
        ("u1", "uuid:b", "/data/people", "TYP-01", "error", "many", "answers.csv, row 3"),
        ("u1", "uuid:b", "/data/area", "TYP-02", "repaired", "2,5", "answers.csv, row 3"),
    ]
    assert checked.tables["/data"]["/data/people"].to_list() == [4, None, None]
    assert checked.tables["/data"]["/data/area"].to_list() == [1.5, 2.5, None]


def test_the_answers_that_came_in_are_left_as_they_were() -> None:
    answers = answers_of(FORM, "| id | people |\n| a | ៤ |")
    before = {path: table.clone() for path, table in answers.items()}
    check(answers, FORM)
    assert all(answers[path].equals(before[path]) for path in before)


def test_questions_the_export_left_out_are_there_and_empty_and_columns_nobody_asked_for_stay() -> None:
    answers = answers_of(FORM, "| id | people |\n| a | 4 |")
    answers["/data"] = answers["/data"].with_columns(pl.lit("x").alias("/data/stranger"))
    table = check(answers, FORM).tables["/data"]
    assert table.schema["/data/day"] == pl.Date()
    assert table["/data/day"].null_count() == 1
    assert table["/data/stranger"].to_list() == ["x"]


def test_an_empty_export_gives_empty_typed_tables() -> None:
    answers = answers_of(FORM, "| id | people |\n| a | 4 |")
    answers["/data"] = answers["/data"].clear()
    checked = check(answers, FORM)
    assert checked.tables["/data"].height == 0
    assert checked.tables["/data"].schema["/data/people"] == pl.Int64()
    assert found(checked, "TYP-01") == []


DAY_COLUMNS = {
    "one day past the twelfth tells for the column": (["12/7/2026", "25/7/2026"], "", ["2026-07-12", "2026-07-25"]),
    "a month past the twelfth place does too": (["7/12/2026", "7/25/2026"], "", ["2026-07-12", "2026-07-25"]),
    "nothing tells": (["12/7/2026", "1/7/2026"], "", [None, None]),
    "nothing tells, and somebody said day first": (["12/7/2026", "1/7/2026"], "dmy", ["2026-07-12", "2026-07-01"]),
    "nothing tells, and somebody said month first": (["12/7/2026", "1/7/2026"], "mdy", ["2026-12-07", "2026-01-07"]),
    "cells contradict one another": (
        ["12/7/2026", "25/7/2026", "7/25/2026"],
        "",
        [None, "2026-07-25", "2026-07-25"],
    ),
    "exports write ISO": (["2026-07-12", "2026-12-07"], "", ["2026-07-12", "2026-12-07"]),
    "a number of days that can only count from 1900": (["46346", "30000"], "", ["2026-11-20", "1982-02-18"]),
    "numbers that could count from 1900 or 1904": (["30000", "31000"], "", [None, None]),
}


@pytest.mark.parametrize("case", sorted(DAY_COLUMNS))
def test_a_column_of_days_tells_how_it_is_written(case: str) -> None:
    cells, dates, days = DAY_COLUMNS[case]
    table = "| id | day |\n" + "\n".join(f"| {number} | {cell} |" for number, cell in enumerate(cells))
    checked = check(answers_of(FORM, table), FORM, received_on=date(2026, 11, 23), spelling=Spelling(dates))
    assert [str(day) if day else None for day in checked.tables["/data"]["/data/day"]] == days


NUMBER_COLUMNS = """
| because                                | question | cells               | other     | read              |
| nothing tells                          | area     | 1,234; 2,500        |           | -; -              |
| what every platform writes             | area     | 1.234; 2.5          |           | 1.234; 2.5        |
| another cell has two decimals          | area     | 1,234; 12,25        |           | 1.234; 12.25      |
| another cell has four                  | area     | 1,234; 0,1234       |           | 1.234; 0.1234     |
| no thousand begins with 0              | area     | 0,250               |           | 0.25              |
| nor has it four digits before          | area     | 1234,500            |           | 1234.5            |
| another cell has both signs            | area     | 1,234; 1,234.5      |           | 1234.0; 1234.5    |
| another cell has two commas            | area     | 1,234; 1,234,567    |           | 1234.0; 1234567.0 |
| a point proves nothing of commas       | area     | 1,234; 2.5          |           | -; 2.5            |
| cells contradict one another           | area     | 1,234; 2,25; 1,234.5 |          | -; 2.25; 1234.5   |
| a point beside decimal commas is asked | area     | 1.234; 12,25        |           | -; 12.25          |
| unless it parts thousands elsewhere    | area     | 1.234; 1.234,5      |           | 1234.0; 1234.5    |
| blanks around change nothing           | area     | ·1.234; 2.5         |           | 1.234; 2.5        |
| Khmer digits neither                   | area     | ១,២៣៤; ១២,៥          |           | 1.234; 12.5       |
| another question of the upload tells   | area     | 1,234               | 1,234,567 | 1234.0            |
| a column that tells needs no other     | area     | 1,234; 2,5          | 1,234,567 | 1.234; 2.5        |
| a whole number asks too                | people   | 1.000; 2            |           | -; 2              |
| and its column tells                   | people   | 1.000; 1.234.567    |           | 1000; 1234567     |
| or another question                    | people   | 1,000               | 1,250.5   | 1000              |
| but no decimal sign makes it whole     | people   | 1,000               | 12,5      | -                 |
| as accountants write                   | people   | 1,000.00            |           | 1000              |
"""


@pytest.mark.parametrize("row", rows_of(NUMBER_COLUMNS), ids=lambda row: str(row["because"]))
def test_a_column_of_numbers_tells_what_its_commas_and_points_are_or_is_asked(row: dict[str, str | None]) -> None:
    question, other = str(row["question"]), "area" if row["question"] == "people" else "people"
    written = [
        f"| {place} | {cell} | {row['other'] or ''} |" for place, cell in enumerate(str(row["cells"]).split("; "))
    ]
    checked = check(answers_of(FORM, "\n".join([f"| id | {question} | {other} |", *written])), FORM)
    values = checked.tables["/data"][f"/data/{question}"]
    assert "; ".join("-" if value is None else str(value) for value in values) == row["read"]
    assert [one["reason"] for one in details(checked, "TYP-01")] == ["thousands_or_decimals"] * values.null_count()


SAID_OF_NUMBERS = """
| said  | question | cells               | read                | because                                       |
| comma | area     | 1,234; 2,500        | 1.234; 2.5          | it begins the decimals                        |
| point | area     | 1,234; 2,500        | 1234.0; 2500.0      | the comma parts thousands                     |
| comma | area     | 1,234; 1.234        | 1.234; 1234.0       | beside commas the point parts thousands       |
| point | area     | 1.234; 12,25        | 1.234; 12.25        | what can only be one thing stays that         |
| comma | area     | 1.234; 2.5          | 1.234; 2.5          | no comma, no doubt: as every platform writes  |
| point | area     | 1,234; 2,25; 1,234.5 | 1234.0; 2.25; 1234.5 | cells that contradict one another are settled |
| comma | area     | ១,២៣៤               | 1.234               | Khmer digits too                              |
| point | people   | 1,000; 2            | 1000; 2             | of whole numbers likewise                     |
| comma | people   | 1.000; 1.250        | 1000; 1250          | and the other way round                       |
| comma | people   | 1,000; 1,234        | 1; -                | no whole number with a decimal comma          |
| point | people   | 1.000; 1.234        | 1; -                | nor with a decimal point                      |
"""


@pytest.mark.parametrize("row", rows_of(SAID_OF_NUMBERS), ids=lambda row: f"{row['said']}: {row['because']}")
def test_whoever_says_which_sign_begins_decimals_settles_the_doubtful_and_is_not_asked_again(
    row: dict[str, str | None],
) -> None:
    written = [f"| {place} | {cell} |" for place, cell in enumerate(str(row["cells"]).split("; "))]
    answers = answers_of(FORM, "\n".join([f"| id | {row['question']} |", *written]))
    checked = check(answers, FORM, spelling=Spelling(decimals=str(row["said"])))
    values = checked.tables["/data"][f"/data/{row['question']}"]
    assert "; ".join("-" if value is None else str(value) for value in values) == row["read"]
    assert [one["reason"] for one in details(checked, "TYP-01")] == ["not_of_this_type"] * values.null_count()


READ_AS = """
| question | cells                | read as                                           |
| area     | 1,234; 12,25         | decimal_comma; decimal_comma                      |
| area     | 1,234; 1,234.5       | thousands_apart; thousands_apart                  |
| area     | ១២.៥                 | tidied                                            |
| people   | 1.250.000            | thousands_apart                                   |
| day      | 25/7/2026; 12/7/2026 | day_first; day_first                              |
| day      | 7/25/2026; 7/12/2026 | month_first; month_first                          |
| day      | 2026/7/25            | tidied                                            |
| day      | 46346                | counted_from_1900                                 |
| began    | 20/11/2026 8:30      | day_first                                         |
"""


@pytest.mark.parametrize("row", rows_of(READ_AS), ids=lambda row: f"{row['question']} {row['cells']}")
def test_what_was_repaired_says_as_what_it_was_read(row: dict[str, str | None]) -> None:
    cells = str(row["cells"]).split("; ")
    table = f"| id | {row['question']} |\n" + "\n".join(f"| {place} | {cell} |" for place, cell in enumerate(cells))
    checked = check(answers_of(FORM, table), FORM, received_on=date(2026, 11, 23))
    assert "; ".join(one["reason"] for one in details(checked, "TYP-02")) == row["read as"]


MADE_NUMBERS = """
| cells                                              | told |
| 1.23457E+15, abc                                   | 1    |
| 1,23457E+15                                        | 1    |
| 1E+18, 1234                                        | 1    |
| 123456789012345678                                 | 0    |
| 123456789012345000                                 | 1    |
| 1234567890123450                                   | 0    |
| 1234567890123450, 1234567890123460, 1234567890123470 | 3  |
| 1234567890123450, 1234567890123460, 1234567890123471 | 0  |
| 1E18, 1.5E-07, 12E+15, +84 912, 3E+1               | 0    |
"""


@pytest.mark.parametrize("row", rows_of(MADE_NUMBERS), ids=lambda row: str(row["cells"]))
def test_text_that_a_spreadsheet_made_a_number_is_told(row: dict[str, str | None]) -> None:
    table = "\n".join(f"| {place} | {cell} |" for place, cell in enumerate(str(row["cells"]).split(", ")))
    checked = check(answers_of(FORM, f"| id | remark |\n{table}"), FORM)
    assert str(len(found(checked, "TYP-03"))) == row["told"]
    assert checked.issues.height == len(found(checked, "TYP-03"))


INTERVIEWED = form_of(
    """
    | type | name  | label      | constraint                     |
    | date | day   | Day        |                                |
    | date | born  | Born       |                                |
    | text | phone | Phone      | regex(., '^0[0-9]{9}$')        |
    | text | other | Other      | regex(., '[a-z0-9]{2,9}')       |
    | text | card  | Card       |                                |
    """,
    Design(interviewed_on="/data/day"),
)
SHORT_YEARS = """
| question | cell           | said | read       |
| day      | 20/11/26       |      | 2026-11-20 |
| day      | 20-11-26       |      | 2026-11-20 |
| day      | 20.11.24       |      | 2024-11-20 |
| day      | 20/11/26 08:30 |      | 2026-11-20 |
| day      | 05/06/26       | dmy  | 2026-06-05 |
| day      | 05/06/26       |      |            |
| day      | 25/11/26       |      |            |
| day      | 25/11/26       | dmy  | 2026-11-25 |
| day      | 20/11/22       |      |            |
| day      | 20/11/85       |      |            |
| born     | 20/11/85       |      |            |
| born     | 20/11/26       |      |            |
"""


@pytest.mark.parametrize("row", rows_of(SHORT_YEARS), ids=lambda row: f"{row['question']} {row['cell']} {row['said']}")
def test_a_year_of_two_digits_is_told_only_for_the_day_of_the_interview(row: dict[str, str | None]) -> None:
    answers = answers_of(INTERVIEWED, f"| id | {row['question']} |\n| a | {row['cell']} |")
    checked = check(answers, INTERVIEWED, received_on=date(2026, 11, 30), spelling=Spelling(row["said"] or ""))
    value = checked.tables["/data"][f"/data/{row['question']}"][0]
    assert (str(value) if value else None) == row["read"]
    assert [code for code in codes(checked) if code.startswith("TYP")] == ["TYP-02" if row["read"] else "TYP-01"]


ZEROS = """
| cells                                | question | read                                   | told               |
| 912345678, 0912345679                | phone    | 0912345678, 0912345679                 | TYP-04             |
| 91234567                             | phone    | 91234567                               | CON-01             |
| abc                                  | phone    | abc                                    | CON-01             |
| 912345678                            | other    | 912345678                              |                    |
| 0912345679, 912345678                | card     | 0912345679, 912345678                  | TYP-05             |
| 912345678, 912345679, 912345670      | card     | 912345678, 912345679, 912345670        | TYP-05               |
| 912345678, 912345679                 | card     | 912345678, 912345679                   |                    |
| 084123456789, 84123456789, 12        | card     | 084123456789, 84123456789, 12          | TYP-05             |
| 01, 2, 3                             | card     | 01, 2, 3                               |                    |
| 01234, 29242, 29254, 1235            | card     | 01234, 29242, 29254, 1235              | TYP-05             |
| 01234, 29242, 29254, 12              | card     | 01234, 29242, 29254, 12                |                    |
| 01234, 1235                          | card     | 01234, 1235                            |                    |
| 012345678, 0123456789, 912345678     | card     | 012345678, 0123456789, 912345678       |                    |
"""  # phone numbers nobody has


@pytest.mark.parametrize("row", rows_of(ZEROS), ids=lambda row: f"{row['question']} {row['cells']}")
def test_a_lost_zero_is_put_back_where_the_form_demands_it_and_told_where_it_seems_lost(
    row: dict[str, str | None],
) -> None:
    cells = str(row["cells"]).split(", ")
    table = f"| id | {row['question']} |\n" + "\n".join(f"| {place} | {cell} |" for place, cell in enumerate(cells))
    checked = check(answers_of(INTERVIEWED, table), INTERVIEWED)
    assert ", ".join(checked.tables["/data"][f"/data/{row['question']}"]) == row["read"]
    assert " ".join(codes(checked)) == (row["told"] or "")
