# ruff: noqa: E501 - tables of folders are wider than code
"""A folder is handed in as it was found: each export in it is an upload, and what belongs together goes together."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_tables import rows_of
from receive_tables import workbook

from collect.receive.piles import uploads_in

CENTRAL = "SubmissionDate,place-commune,meta-instanceID,KEY\n2026-01-02T03:00:00Z,29236,uuid:1,uuid:1\n"
MEMBERS = "age,PARENT_KEY,KEY\n34,uuid:1,uuid:1/people/member[1]\n"
CONTENT = {
    "root": CENTRAL, "rows": MEMBERS, "xml": "<data id='household'/>", "photo": "GIF89a", "words": "remember the milk",
    "page2": "<!DOCTYPE html>", "records": '[{"a": 1}]', "pdf": "%PDF-1.7", "shapes": '{"type": "FeatureCollection"}',
    "list": "name,label\n29236,Xã\n", "page": '{"value": [{"__system": {}}]}', "other": '{"a": 1}', "zip": "PK",
    "lines": '{"a": 1}\n{"a": 2}\n', "xform": '<?xml version="1.0"?><h:html xmlns:h="h"/>', "audit": "event,node\nstart,\n",
}  # fmt: skip
FOLDERS = """
| files                                                   | uploads                                             | what it is                  |
| a.zip:zip b.xlsx:zip notes.txt:words                    | a.zip; b.xlsx                                       | downloads                   |
| a.xml:xml b.xml:xml photo.jpg:photo villages.csv:list   | F(a.xml b.xml photo.jpg villages.csv)               | submissions of a phone      |
| a.xml:xml b.xml:xml old.zip:zip photo.jpg:photo         | F(a.xml b.xml photo.jpg); old.zip                   | submissions beside an export |
| a.xml:xml old.zip:zip                                   | a.xml; old.zip                                      | one submission and an export |
| hh.csv:root hh-member.csv:rows                          | F(hh-member.csv hh.csv)                             | a zip of Central, unpacked  |
| hh.csv:root hh-member.csv:rows media/1.jpg:photo        | F(hh-member.csv hh.csv media)                       | the same with its photos    |
| hh.csv:root hh-member.csv:rows new.zip:zip              | hh(hh-member.csv hh.csv); new.zip                   | the same among others       |
| a.csv:root a-m.csv:rows a-b.csv:root a-b-m.csv:rows     | a(a-m.csv a.csv); a-b(a-b-m.csv a-b.csv)            | two forms, unpacked         |
| villages.csv:list                                       | villages.csv                                        | a table that is no export   |
| hh-member.csv:rows a.zip:zip                            | a.zip; hh-member.csv                                | rows without their root     |
| page.json:page truth.json:other                         | page.json; truth.json                               | pages, and data nobody knows |
| hh.csv:root day.json:lines                              | day.json; hh.csv                                    | a line of JSON each          |
| hh.csv:root hh-audit.csv:audit audit.csv:audit          | hh.csv                                              | what the device noted       |
| hh.csv:root form.xml:xform form.xlsx:xlsform            | hh.csv                                              | an export beside its form   |
| form.xml:xform                                          | F(form.xml)                                         | nothing but a form          |
| form.xlsx:xlsform                                       | form.xlsx                                           | nothing but a spreadsheet form |
| a.zip:zip .b.xml:xml ._c.xml:xml .DS_Store:words        | .b.xml; a.zip                                       | a name with a dot           |
| b.txt:xml photo.jpg:photo                               | F(b.txt photo.jpg)                                  | a submission under another name |
| a.zip:zip b.txt:xml notes.txt:words                     | a.zip; F(b.txt notes.txt)                           | the same beside an export   |
| a.zip:zip hh.txt:root                                   | a.zip; hh.txt                                       | a table under another name  |
| a.zip:zip photo.jpg:photo site.html:page2 x.geojson:shapes | a.zip                                            | what belongs there          |
| a.zip:zip deed.pdf:pdf day.json:records                 | a.zip; day.json; deed.pdf                           | refused aloud, each by itself |
| a.zip:zip Thumbs.db:zip ~$b.xlsx:words                  | a.zip                                               | what systems leave          |
| week1/a.zip:zip week2/b.zip:zip week2/c.xml:xml         | a.zip; b.zip; c.xml                                 | a folder a week             |
"""


@pytest.mark.parametrize("row", rows_of(FOLDERS), ids=lambda row: row["what it is"])
def test_a_folder_is_the_uploads_that_lie_in_it(tmp_path: Path, row: dict[str, str | None]) -> None:
    folder = tmp_path / "F"
    for name, content in (one.split(":") for one in str(row["files"]).split()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if content == "xlsform":
            workbook(folder / name, {"survey": [["type"]], "choices": [["name"]]})
        else:
            (folder / name).write_text(CONTENT[content], encoding="utf-8")
    found = []
    for upload in uploads_in(folder):
        parts = " ".join(sorted(one.name for one in upload.iterdir())) if upload.is_dir() else ""
        found.append(f"{upload.name}({parts})" if parts else upload.name)
    assert sorted(found) == sorted(str(row["uploads"]).split("; "))


def test_very_many_files_that_are_no_export_are_refused_once(tmp_path: Path) -> None:
    for number in range(1_000):
        (tmp_path / f"{number}.pdf").write_text("%PDF")
    (tmp_path / "a.zip").write_text("PK")
    assert [one.name for one in uploads_in(tmp_path)] == [tmp_path.name, "a.zip"]


def test_a_file_somebody_names_is_an_upload_whatever_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("remember the milk")
    assert list(uploads_in(tmp_path / "notes.txt")) == [tmp_path / "notes.txt"]
