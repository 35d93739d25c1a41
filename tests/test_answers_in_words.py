"""What people read of a question without a label and of an answer that is a code, a day or an instant."""

from __future__ import annotations

import polars as pl
import pytest
from check_tables import form_of

from collect.forms import Form
from collect.i18n import LANGUAGES, t
from collect.pages.issues import in_words
from collect.review.sheet import write_csv
from collect.tables import ISSUES
from collect.wording.answers import answer_of, label_of

SURVEY = """
    | type          | name     | label         | calculation |
    | start         | start    |               |             |
    | end           | finished |               |             |
    | deviceid      | deviceid |               |             |
    | date          | since    | Since when?   |             |
    | select_one yn | fibre    | Fibre?        |             |
    | text          | remark   | Remark        |             |
    | calculate     | listed   |               | 1 + 1       |
"""
CHOICES = """
    | list_name | name | label     |
    | yn        | yes  | It has it |
"""
GIVEN = "2026-10-22T15:32:52.000+07:00"


@pytest.fixture(scope="module")
def form() -> Form:
    return form_of(SURVEY, choices=CHOICES)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("start", t("question.start", "en")), ("finished", t("question.end", "en")),
        ("deviceid", t("question.deviceid", "en")), ("fibre", "Fibre?"), ("listed", "listed (calculated)"),
    ],
)  # fmt: skip
def test_a_question_without_a_label_is_called_by_what_stands_there(form: Form, name: str, words: str) -> None:
    assert label_of(form.by_path[f"/data/{name}"], "en") == words


@pytest.mark.parametrize(
    ("name", "given", "lang", "words"),
    [
        ("start", GIVEN, "vi", "22/10/2026 15:32:52"), ("start", GIVEN, "en", "22 Oct 2026 15:32:52"),
        ("start", "2026-10-22T23:59:59.000-05:00", "km", "22/10/2026 23:59:59"), ("start", "noon", "en", "noon"),
        ("since", "2026-10-05", "vi", "05/10/2026"), ("since", "5/10", "vi", "5/10"), ("since", None, "vi", ""),
        ("fibre", "yes", "km", "It has it"), ("fibre", "perhaps", "km", "perhaps"), ("remark", "2026", "en", "2026"),
    ],
)  # fmt: skip
def test_an_answer_is_written_as_people_write_it(
    form: Form, name: str, given: str | None, lang: str, words: str
) -> None:
    assert answer_of(form.by_path[f"/data/{name}"], given, form, lang) == words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_screens_show_words_and_files_keep_what_was_written_and_the_name(form: Form, lang: str) -> None:
    issue = {"submission_id": "uuid:1", "row_id": "/data", "question": "/data/finished", "code": "DAT-01"}
    blank = dict.fromkeys(ISSUES.empty().columns)
    row = {**blank, **issue, "value": GIVEN, "severity": "error"}
    issues = pl.DataFrame([row], schema_overrides=dict(ISSUES.empty().schema)).with_columns(
        file=pl.lit("f.csv"), form=pl.lit("data")
    )
    forms = {"data": form}
    shown = in_words(issues, forms, lang).row(0, named=True)
    assert shown[t("issue.question", lang)] == t("question.end", lang)
    assert shown[t("issue.given", lang)] == answer_of(form.by_path["/data/finished"], GIVEN, form, lang)
    assert GIVEN not in shown.values()
    file = write_csv(issues, forms, lang).decode("utf-8-sig")
    assert GIVEN in file
    assert "/data/finished" in file
