"""What lies in a zip beside the export that is read: told where it may hold answers, else passed over."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from check_tables import form_of, rows_of

from collect.problems import ExportError
from collect.receive import receive
from collect.wording.issues import words_of

FORM = form_of("| type | name | label |\n| text | owner | Owner |", settings="| form_id | version |\n| well | 1 |")
CENTRAL = "SubmissionDate,owner,meta-instanceID,KEY\n2026-01-02T03:00:00Z,Lan,uuid:1,uuid:1\n"
XML = '<data id="well"><owner>Lan</owner><meta><instanceID>uuid:{}</instanceID></meta></data>'


def zipped(**members: str | bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def book(heading: str) -> bytes:
    made, data = openpyxl.Workbook(), io.BytesIO()
    made.worksheets[0].append(["owner", heading, "_submission_time", "_index"])
    made.worksheets[0].append(["Lan", "u-1", "2026-11-20T08:00:00", "1"])
    made.save(data)
    return data.getvalue()


CONTENT: dict[str, str | bytes] = {
    "central": CENTRAL, "xml": XML.format(2), "form": "<h:html xmlns:h='x'/>", "cut": "<data id='well'><owner>",
    "sealed": '<data id="well" encrypted="yes"/>', "other": '{"a": 1}', "none": "[]",
    "odata": json.dumps([{"owner": "Lan", "__id": "3", "__system": {"submissionDate": "2026-01-01T00:00:00.000Z"}}]),
    "zip": zipped(**{"a.xml": XML.format(4)}), "kobo": book("_uuid"), "book": book("colour"),
}  # fmt: skip
MIXTURES = """
| members                                 | read | told                       |
| a.csv:central x/b.xml:xml               | 1    | x/b.xml IN-65              |
| a.csv:central b.json:odata              | 1    | b.json IN-65               |
| a.csv:central b.xlsx:kobo               | 1    | b.xlsx IN-65               |
| a.csv:central in.zip:zip                | 1    | in.zip IN-64               |
| a.csv:central b.xml:cut                 | 1    | b.xml IN-13                |
| a.csv:central b.xml:sealed              | 1    | b.xml IN-16                |
| a.xml:xml b.json:odata                  | 1    | b.json IN-65               |
| a.xml:xml b.xlsx:kobo in.zip:zip        | 1    | b.xlsx IN-65; in.zip IN-64 |
| a.json:odata in.zip:zip                 | 1    | in.zip IN-64               |
| a.csv:central b.xml:form c.json:other   | 1    |                            |
| a.xml:xml b.json:none c.xlsx:book       | 1    |                            |
| a.csv:central media/1.zip:zip           | 1    |                            |
"""


@pytest.mark.parametrize("row", rows_of(MIXTURES), ids=lambda row: str(row["members"]))
def test_what_may_hold_answers_and_is_not_read_is_told(tmp_path: Path, row: dict[str, str | None]) -> None:
    named = dict(one.split(":") for one in str(row["members"]).split())
    (tmp_path / "mixed.zip").write_bytes(zipped(**{name: CONTENT[what] for name, what in named.items()}))
    (received,) = receive(tmp_path / "mixed.zip", (FORM,))
    unread = received.issues.filter(code="FIL-03").sort("found_in")
    told = [f"{place} {json.loads(why)['reason']}" for place, why in unread.select("found_in", "details").iter_rows()]
    assert (received.submissions, "; ".join(told)) == (int(str(row["read"])), row["told"] or "")
    assert received.unreadable == len(told)


def test_whoever_insists_on_a_source_is_told_nothing_of_the_rest(tmp_path: Path) -> None:
    (tmp_path / "mixed.zip").write_bytes(zipped(**{"a.csv": CENTRAL, "b.xml": XML.format(2), "in.zip": "PK"}))
    (received,) = receive(tmp_path / "mixed.zip", (FORM,), source="submission-xml")
    assert (received.submissions, received.unreadable) == (1, 0)


@pytest.mark.parametrize(("what", "advice"), [("sealed", "passphrase"), ("zip", "inner one"), ("odata", "on its own")])
def test_the_words_say_what_to_do_with_it(tmp_path: Path, what: str, advice: str) -> None:
    name = {"sealed": "b.xml", "zip": "b.zip", "odata": "b.json"}[what]
    members = {"a.csv": CONTENT["central"], name: CONTENT[what]}
    (tmp_path / "mixed.zip").write_bytes(zipped(**members))
    (received,) = receive(tmp_path / "mixed.zip", (FORM,))
    [issue] = received.issues.filter(pl.col("code") == "FIL-03").iter_rows(named=True)
    assert advice in words_of({**issue, "value": None}, FORM, "en")[2]


def test_a_table_of_the_platforms_own_columns_alone_holds_no_answers(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("KEY,SubmissionDate\nuuid:1,2026-01-02T03:00:00Z\n")
    with pytest.raises(ExportError) as refused:
        receive(tmp_path / "own.csv", (FORM,))
    assert refused.value.code == "IN-67"
