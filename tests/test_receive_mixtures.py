# ruff: noqa: E501 - tables of neighbours are wider than code
"""What lies in a zip or a folder beside an export: read with it, known to belong there, or told by name; never lost."""

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
from collect.tables import FRAME
from collect.wording.issues import words_of

FORM = form_of(
    "| type | name | label |\n| text | owner | Owner |\n| file | paper | Paper |",
    settings="| form_id | version |\n| well | 1 |",
)
CENTRAL = "SubmissionDate,owner,meta-instanceID,KEY\n2026-01-02T03:00:00Z,Lan,uuid:1,uuid:1\n"
XML = '<data id="well"><owner>Lan</owner><paper>deed.pdf</paper><meta><instanceID>uuid:{}</instanceID></meta></data>'
ODATA = [{"owner": "Lan", "__id": "3", "__system": {"submissionDate": "2026-01-01T00:00:00.000Z"}}]


def zipped(**members: str | bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def book(*headings: str) -> bytes:
    made, data = openpyxl.Workbook(), io.BytesIO()
    made.worksheets[0].append(headings)
    made.worksheets[0].append(["1"] * len(headings))
    made.save(data)
    return data.getvalue()


CONTENT: dict[str, str | bytes] = {
    "central": CENTRAL, "central2": CENTRAL.replace("uuid:1", "uuid:7"), "other": CENTRAL.replace("owner", "fish,boat").replace("Lan", "carp,no"),
    "kobo0": "owner,_id,_uuid,_submission_time,_index\n", "keys": "KEY,SubmissionDate\n1,2\n", "rows": "age,PARENT_KEY,KEY\n34,uuid:9,uuid:9/member[1]\n",
    "bare": "owner,paper\nLan,none\n", "list": "code,name,parent\n1,A,2\n", "frame": ",".join(FRAME.schema) + "\nK1,29236,2025-07,01,A,rural,210,0.5,true\n",
    "xml": XML.format(2), "xml16": XML.format(5).encode("utf-16"), "strange": XML.format(6).replace("well", "boat"), "form": "<h:html xmlns:h='x'/>",
    "cut": "<data id='well'><owner>", "sealed": '<data id="well" encrypted="yes"><encryptedXmlFile>submission.xml.enc</encryptedXmlFile></data>',
    "odata": json.dumps(ODATA), "odata2": json.dumps([{**ODATA[0], "__id": "4"}]), "records": '[{"a": 1}]', "none": "[]", "brace": '{"a": 1',
    "shapes": '{"type": "FeatureCollection", "features": []}', "zip": zipped(**{"a.xml": XML.format(4)}), "gz": b"\x1f\x8b\x08" + bytes(40),
    "tar": b"a.xml".ljust(257, b"\0") + b"ustar" + bytes(250), "rar": b"Rar!\x1a\x07\x00", "7z": b"7z\xbc\xaf\x27\x1c", "xls": b"\xd0\xcf\x11\xe0" + bytes(600),
    "kobo": book("owner", "_uuid", "_submission_time", "_index"), "book": book("fish", "_index"), "asked": book("owner", "paper"),
    "pdf": b"%PDF-1.7 \x00", "photo": b"\xff\xd8\xff\xe0" + bytes(40), "sound": b"#!AMR\n\x01", "words": "remember, the milk\n", "page": "<!DOCTYPE html><p>",
    "noise": bytes(range(1, 32)) * 9, "empty": "", "doc": zipped(**{"[Content_Types].xml": "<a/>", "word/document.xml": "<a/>"}),
}  # fmt: skip
MIXTURES = """
| members                                          | read | told                            | what it is |
| a.csv:central x/b.xml:xml                        | 1    | x/b.xml IN-65                   | another kind of export |
| a.csv:central b.json:odata                       | 1    | b.json IN-65                    | |
| a.csv:central b.xlsx:kobo                        | 1    | b.xlsx IN-65                    | |
| a.xml:xml b.json:odata                           | 1    | b.json IN-65                    | |
| a.xml:xml b.xlsx:kobo in.zip:zip                 | 1    | b.xlsx IN-65; in.zip IN-64      | |
| a.csv:central b.csv:central2                     | 1    | b.csv IN-65                     | a second export of the same form |
| a.xlsx:kobo b.xlsx:kobo                          | 1    | b.xlsx IN-65                    | |
| a.csv:central frame.csv:frame                    | 1    | frame.csv IN-65                 | a sampling frame comes after households |
| frame.csv:frame x.xml:xml                        | 1    | frame.csv IN-65                 | |
| a.csv:kobo0 b.csv:central                        | 1    |                                 | an export of nothing gives way |
| a.csv:kobo0 b.xml:xml                            | 1    |                                 | |
| a.xml:xml b.csv:keys                             | 1    | b.csv IN-67                     | one that cannot be read gives way |
| a.csv:keys b.csv:central                         | 1    | a.csv IN-67                     | |
| a.csv:other b.xml:xml                            | 1    | a.csv IN-07                     | |
| a.csv:other b.csv:central                        | 1    | a.csv IN-07                     | |
| a.csv:central b.csv:central2 m.csv:rows          | 1    | b.csv IN-65; m.csv IN-23        | rows of nobody knows which |
| a.xml:xml m.csv:rows                             | 1    | m.csv IN-23                     | |
| a.xml:xml b.xml:strange                          | 1    | b.xml IN-17                     | a submission of another form |
| a.csv:central b.xml:cut                          | 1    | b.xml IN-13                     | broken |
| a.csv:central b.xml:sealed                       | 1    | b.xml IN-16                     | |
| a.xml:xml b.json:brace c.xlsx:words              | 1    | b.json IN-30; c.xlsx IN-05      | |
| a.xml:xml b.csv:photo c.csv:page d.json:empty    | 1    | b.csv IN-54; c.csv IN-21; d.json IN-02 | called an export and none |
| a.csv:central in.zip:zip                         | 1    | in.zip IN-64                    | packed |
| a.json:odata in.zip:zip                          | 1    | in.zip IN-64                    | |
| a.xml:xml b.csv.gz:gz c.tar:tar d.7z:7z e.rar:rar | 1   | b.csv.gz IN-68; c.tar IN-68; d.7z IN-68; e.rar IN-68 | |
| a.xml:xml b.xls:xls                              | 1    | b.xls IN-20                     | |
| a.xml:xml b.csv:bare                             | 1    | b.csv IN-09                     | a form's columns without the platform's |
| a.xml:xml b.txt:bare c.xlsx:asked                | 1    | b.txt IN-09; c.xlsx IN-09       | |
| a.xml:xml b.txt:xml16                            | 2    |                                 | recognised by its bytes |
| a.XML:xml b:xml16 c.txt:cut                      | 2    | c.txt IN-13                     | |
| a.json:odata b.txt:odata2                        | 2    |                                 | |
| a.xml:form b.txt:central                         | 1    |                                 | |
| b.dat:kobo notes.txt:words                       | 1    |                                 | |
| a.xml:xml b.txt:sealed                           | 1    | b.txt IN-16                     | |
| a.xml:xml b.json:records                         | 1    | FIL-17 b.json                   | nobody knows what it is |
| a.xml:xml b.csv:list x/c.csv:list d.pdf:pdf      | 1    | FIL-17 b.csv, d.pdf, x/c.csv    | |
| a.xml:xml b.doc:xls c.docx:doc d.bin:noise e:empty | 1  | FIL-17 b.doc, c.docx, d.bin, e  | |
| a.xml:xml b.xlsx:book                            | 1    | FIL-17 b.xlsx                   | |
| a.xml:xml one.enc:noise                          | 1    | FIL-17 one.enc                  | encrypted, and its envelope is missing |
| a.xml:xml x/submission.xml:sealed x/submission.xml.enc:noise | 1 | x/submission.xml IN-16 | |
| a.xml:xml deed.pdf:pdf                           | 1    |                                 | a submission names it |
| a.csv:central b.xml:form c.json:none             | 1    |                                 | it belongs there |
| a.xml:xml 1.jpg:photo 2.amr:sound media/x.pdf:pdf media/y.csv:list | 1 |                      | |
| a.xml:xml media/3.zip:zip                        | 1    | FIL-17 media/3.zip              | an export that strayed among the photos |
| a.xml:xml media/4.csv:central                    | 1    | media/4.csv IN-65               | |
| a.xml:xml e.xml:empty                            | 1    | e.xml IN-02                     | |
| a.xml:xml .b.xml:xml16 .c.csv:bare .DS_Store:noise ._a.xml:noise | 2 | .c.csv IN-09        | a dot alone hides nothing |
| a.xml:xml audit.csv:list itemsets.csv:list a.geojson:shapes | 1 |                            | |
| a.xml:xml notes.txt:words read.me.html:page Thumbs.db:xls ~$b.xlsx:noise | 1 |   | |
| __MACOSX/._a.xml:noise a.xml:xml x/desktop.ini:words | 1 |                                | |
"""  # fmt: skip


def told(issues: pl.DataFrame) -> str:
    """Members with the reason why they were not read, then those that nobody knows."""
    unread = issues.filter(code="FIL-03").sort("found_in").select("found_in", "details")
    said = [f"{place} {json.loads(why)['reason']}" for place, why in unread.iter_rows()]
    said += [f"FIL-17 {json.loads(why)['names']}" for why in issues.filter(code="FIL-17")["details"]]
    return "; ".join(said)


@pytest.mark.parametrize("folder", [False, True], ids=["zip", "folder"])
@pytest.mark.parametrize("row", rows_of(MIXTURES), ids=lambda row: str(row["members"]))
def test_whatever_lies_beside_an_export_is_read_or_belongs_or_is_told(
    tmp_path: Path, row: dict[str, str | None], folder: bool
) -> None:
    named = dict(one.split(":") for one in str(row["members"]).split())
    if folder:
        for name, what in named.items():
            (tmp_path / "mixed" / name).parent.mkdir(parents=True, exist_ok=True)
            content = CONTENT[what]
            (tmp_path / "mixed" / name).write_bytes(content.encode() if isinstance(content, str) else content)
    else:
        (tmp_path / "mixed").write_bytes(zipped(**{name: CONTENT[what] for name, what in named.items()}))
    (received,) = receive(tmp_path / "mixed", (FORM,))
    assert (received.submissions, told(received.issues)) == (int(str(row["read"])), row["told"] or "")
    assert received.unreadable == received.issues.filter(code="FIL-03").height


def test_a_thousand_files_that_nobody_knows_are_one_issue_with_their_number(tmp_path: Path) -> None:
    papers: dict[str, str | bytes] = {f"{number:04d}.pdf": b"%PDF" for number in range(1_000)}
    (tmp_path / "mixed.zip").write_bytes(zipped(**papers, **{"a.xml": XML.format(1)}))
    (received,) = receive(tmp_path / "mixed.zip", (FORM,))
    [issue] = received.issues.iter_rows(named=True)
    _, found, mend = words_of({**issue, "value": None}, FORM, "en")
    assert found.startswith("1000 files in “mixed.zip” were not read (0000.pdf, ")
    assert found.count(".pdf") == 20
    assert "send on its own" in mend


def test_photos_are_told_from_other_files_by_their_first_bytes_alone(tmp_path: Path) -> None:
    """The rest of them is damaged here, and nobody notices."""
    data = bytearray(zipped(**{"a.xml": XML.format(1).encode(), "b.jpg": b"\xff\xd8\xff" + b"\7" * 99_999}))
    data[data.index(b"\7" * 9_999) + 9_000] = 8
    (tmp_path / "mixed.zip").write_bytes(data)
    (received,) = receive(tmp_path / "mixed.zip", (FORM,))
    assert (received.submissions, told(received.issues)) == (1, "")


def test_whoever_insists_on_a_source_is_told_what_is_not_known_to_be_of_another(tmp_path: Path) -> None:
    (tmp_path / "mixed.zip").write_bytes(zipped(**{"a.csv": CENTRAL, "b.xml": XML.format(2), "in.zip": "PK"}))
    (received,) = receive(tmp_path / "mixed.zip", (FORM,), source="submission-xml")
    assert (received.submissions, told(received.issues)) == (1, "in.zip IN-64")


NOTHING = """
| members                        | code  | what it is |
| a.csv:keys b.csv:other         | IN-59 | each cannot be read for a reason of its own |
| a.csv:keys                     | IN-67 | |
| a.csv:bare                     | IN-09 | |
| a.csv:list b.csv:list          | IN-53 | tables of something else |
| a.pdf:pdf b.txt:words          | IN-15 | |
| a.zip:zip b.txt:words          | IN-42 | |
| a.gz:gz                        | IN-68 | |
| a.xml:form                     | IN-15 | |
| a.csv:rows                     | IN-23 | |
"""  # fmt: skip


@pytest.mark.parametrize("row", rows_of(NOTHING), ids=lambda row: str(row["members"]))
def test_a_zip_without_any_submission_says_why(tmp_path: Path, row: dict[str, str | None]) -> None:
    named = dict(one.split(":") for one in str(row["members"]).split())
    (tmp_path / "mixed.zip").write_bytes(zipped(**{name: CONTENT[what] for name, what in named.items()}))
    with pytest.raises(ExportError) as refused:
        receive(tmp_path / "mixed.zip", (FORM,))
    assert refused.value.code == row["code"]


@pytest.mark.parametrize(
    ("what", "advice"),
    [
        ("sealed", "passphrase"),
        ("zip", "inner one"),
        ("odata", "on its own"),
        ("strange", "add that form"),
        ("gz", "Unpack it"),
        ("bare", "KEY"),
        ("records", "on its own"),
        ("cut", "from the phone"),
    ],
)
def test_the_words_say_what_to_do_with_it(tmp_path: Path, what: str, advice: str) -> None:
    members = {"a.xml": CONTENT["xml"], "b.txt": CONTENT[what]}
    (tmp_path / "mixed.zip").write_bytes(zipped(**members))
    (received,) = receive(tmp_path / "mixed.zip", (FORM,))
    [issue] = received.issues.filter(pl.col("code").is_in(["FIL-03", "FIL-17"])).iter_rows(named=True)
    assert advice in words_of({**issue, "value": None}, FORM, "en")[2]


def test_a_table_of_the_platforms_own_columns_alone_holds_no_answers(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("KEY,SubmissionDate\nuuid:1,2026-01-02T03:00:00Z\n")
    with pytest.raises(ExportError) as refused:
        receive(tmp_path / "own.csv", (FORM,))
    assert refused.value.code == "IN-67"
