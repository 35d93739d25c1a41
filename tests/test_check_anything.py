"""Whatever stands in a cell, the checks come to an end, keep every row, and say what they did with it."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from check_tables import answers_of, form_of
from hypothesis import given, settings
from hypothesis import strategies as st

from collect.check import check, households
from collect.forms import Design
from collect.tables import Answers

KINDS = ("integer", "decimal", "date", "dateTime", "time", "geopoint", "geotrace", "geoshape", "text")
FORM = form_of(
    "| type | name | label |\n" + "\n".join(f"| {kind} | q_{kind.lower()} | Q |" for kind in KINDS),
    Design(interviewed_on="/data/q_date", started_at="/data/q_datetime", point="/data/q_geopoint"),
)
DIGITS = st.text(alphabet="0123456789០១២៣-+.,:;/ TZ\u200b\u00a0e", max_size=30)


SETTLED = settings(max_examples=12, deadline=None)
NOTHING = "\t\n\r \u00a0\u200b\u200c\u200d\u2009\u202f\ufeff"


def with_cells(path: str, cells: list[str]) -> Answers:
    lines = "\n".join(f"| h{number} | x |" for number in range(len(cells) + 1))
    answers = answers_of(FORM, f"| id | q_text |\n{lines}")
    return Answers({"/data": answers["/data"].with_columns(pl.Series(path, [*cells, None], dtype=pl.String))})


def read(kind: str, cells: list[str]) -> list[object]:
    path = f"/data/q_{kind.lower()}"
    return check(with_cells(path, cells), FORM).tables["/data"][path].to_list()[:-1]


@SETTLED
@given(cells=st.lists(st.one_of(st.text(max_size=40), DIGITS), min_size=1, max_size=40))
@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_is_read_or_told_and_never_lost_in_silence(kind: str, cells: list[str]) -> None:
    path = f"/data/q_{kind.lower()}"
    checked = check(with_cells(path, cells), FORM)
    told = checked.issues.filter(pl.col("question") == path, pl.col("code").str.starts_with("TYP"))
    codes = dict(told.select("submission_id", "code").rows())
    for number, (cell, value) in enumerate(zip([*cells, None], checked.tables["/data"][path], strict=True)):
        code = codes.get(f"uuid:h{number}")
        if cell is None or (value is None and not cell.strip(NOTHING)):
            assert code is None
        elif value is None:
            assert code == "TYP-01"
        else:
            assert code in (None, "TYP-02")
            assert code or kind in ("integer", "decimal", "date") or value == cell
    assert households(checked, FORM, "u").height == len(cells) + 1


@SETTLED
@given(numbers=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=40))
def test_a_whole_number_is_the_same_in_khmer_digits(numbers: list[int]) -> None:
    khmer = str.maketrans({str(digit): chr(0x17E0 + digit) for digit in range(10)})
    assert read("integer", [str(number) for number in numbers]) == numbers
    assert read("integer", [str(number).translate(khmer) for number in numbers]) == numbers
    assert read("integer", [f" {number}.0\u200b" for number in numbers]) == numbers


@SETTLED
@given(numbers=st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=40))
def test_a_decimal_is_the_same_with_a_comma(numbers: list[float]) -> None:
    texts = [f"{number:.4f}" for number in numbers]
    expected = [float(text) for text in texts]
    assert read("decimal", texts) == expected
    assert read("decimal", [text.replace(".", ",") for text in texts]) == expected


@SETTLED
@given(days=st.lists(st.dates(min_value=date(1000, 1, 1)), min_size=1, max_size=40))
def test_every_day_of_the_calendar_is_read_back(days: list[date]) -> None:
    assert read("date", [day.isoformat() for day in days]) == days
