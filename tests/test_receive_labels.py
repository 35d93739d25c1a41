"""Choices that share a label are told apart by the answer their filter goes by."""

from __future__ import annotations

import polars as pl
import pytest

from collect.define import form_from_xlsform
from collect.receive.arrange import arrange
from collect.receive.headings import Columns, Match
from collect.receive.sheets import Sheet

FORM = """
| survey | | | | |
| | type | name | label | choice_filter |
| | select_one commune | commune | Commune | |
| | select_one hamlet | hamlet | Hamlet | commune = ${commune} |
| choices | | | | |
| | list_name | name | label | commune |
| | commune | a | An Long | |
| | commune | b | Binh Long | |
| | hamlet | a-1 | Hamlet 1 | a |
| | hamlet | b-1 | Hamlet 1 | b |
| | hamlet | b-2 | Hamlet 2 | b |
"""


@pytest.mark.parametrize(
    ("commune", "hamlet", "names"),
    [
        ("An Long", "Hamlet 1", ("a", "a-1")),
        ("Binh Long", "Hamlet 1", ("b", "b-1")),
        ("Binh Long", "Hamlet 2", ("b", "b-2")),
        ("An Long", "Hamlet 2", ("a", "b-2")),  # not offered there: the check says so
        (None, "Hamlet 2", (None, "b-2")),
        ("An Long", None, ("a", None)),
    ],
)
def test_a_hamlet_of_every_communes_name_is_the_one_of_its_commune(
    commune: str | None, hamlet: str | None, names: tuple[str | None, str | None]
) -> None:
    form = form_from_xlsform(FORM)
    frame = pl.DataFrame({"0": [commune], "1": [hamlet]}, schema={"0": pl.String, "1": pl.String})
    match = Match("/data", form.languages[0], {"/data/commune": Columns(0), "/data/hamlet": Columns(1)}, 2, (), ())
    rows = arrange(Sheet("kobo.xlsx", "data", ("Commune", "Hamlet"), frame), match, form)
    assert rows.select("/data/commune", "/data/hamlet").row(0) == names
