"""Submission XML as phones and servers write it and as people change it: what is read, told, refused."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import polars as pl
import pytest
from check_tables import rows_of
from receive_tables import (
    FORM,
    one,
    refused,
)

from collect.forms import Form, Question
from collect.receive import receive

XML = (
    '<?xml version="1.0"?><h xmlns="http://x" xmlns:o="http://openrosa.org/xforms" id="{form}" version="3"><!-- c -->'
    "<place><commune>29236</commune></place><visited> </visited><unknown>1</unknown>"
    "<people><member><age>{age}</age></member><member/></people>{meta}</h>"
)
META = "<o:meta><o:instanceID>{}</o:instanceID></o:meta>"


def xml(age: object = 1, meta: str = META.format("uuid:1"), form: str = "household") -> str:
    return XML.format(age=age, meta=meta, form=form)


def test_namespaces_root_names_comments_and_empty_rows_do_not_disturb(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(xml(), encoding="utf-8")
    received = one(tmp_path / "a.xml")
    member = received.answers["/data/people/member"]
    assert member.select("submission_id", "row_id", "/data/people/member/age").rows() == [
        ("uuid:1", "/data/people/member[1]", "1"), ("uuid:1", "/data/people/member[2]", None),
    ]  # fmt: skip
    assert received.answers["/data"].select("form_version", "/data/visited", "/data/meta/instanceID").row(0) == (
        "3", None, "uuid:1",
    )  # fmt: skip
    assert received.issues.select("code", "details").rows() == [("FIL-02", '{"column": "/data/unknown"}')]


def test_a_folder_of_two_forms_gives_one_answer_each_and_names_what_is_broken(tmp_path: Path) -> None:
    other = Form("other", "1", "Other", "/data", ("",), (Question("/data/visited", "date", "/data"),), (), {})
    files = {
        "a.xml": xml(),
        "b/c.xml": xml(form="other"),
        "d.xml": "<h id='household'><a>",
        "e.xml": "<h id='?'/>",
        "form.xml": "<h:html xmlns:h='x'/>",
        "pic.jpg": "x",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    first, second = receive(tmp_path, (FORM, other))
    assert (first.form, second.form) == (FORM, other)
    assert (first.submissions, second.submissions) == (1, 1)
    assert (first.unreadable, first.ignored) == (2, 2)
    broken = first.issues.filter(pl.col("code") == "FIL-03")
    assert broken["found_in"].to_list() == ["d.xml", "e.xml"]
    assert ["IN-13" in details or "IN-17" in details for details in broken["details"]] == [True, True]


def test_a_submission_without_a_name_gets_the_same_one_every_time(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(xml(meta=""), encoding="utf-8")
    (tmp_path / "b.xml").write_text(xml(age=2, meta=""), encoding="utf-8")
    (tmp_path / "c.xml").write_text(xml(age=2, meta="<meta><instanceID/></meta>"), encoding="utf-8")
    received = one(tmp_path)
    names = received.answers["/data"]["submission_id"].to_list()
    assert len(set(names)) == 2
    assert all(name.startswith("sha256:") and len(name) == 71 for name in names)
    assert names == one(tmp_path).answers["/data"]["submission_id"].to_list()
    assert sorted(received.issues["code"]) == ["FIL-02", "ID-02", "ID-03", "ID-03", "ID-03"]
    assert received.answers["/data/people/member"].height == 4


def test_the_first_version_that_kobo_remembers_is_what_an_edit_replaces(tmp_path: Path) -> None:
    meta = "<meta><instanceID>uuid:3</instanceID>{}<rootUuid>uuid:1</rootUuid></meta>"
    (tmp_path / "a.xml").write_text(xml(meta=meta.format("")), encoding="utf-8")
    (tmp_path / "b.xml").write_text(
        xml(meta=meta.format("<deprecatedID>uuid:2</deprecatedID>").replace("3", "4")), encoding="utf-8"
    )
    assert one(tmp_path).answers["/data"]["replaces"].to_list() == ["uuid:1", "uuid:2"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<a><b></a>", "IN-13"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a id="household">&x;</a>', "IN-14"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a id="household"/>', "IN-14"),
        ('<?xml version="1.0" encoding="UTF-7"?><a id="household"/>', "IN-06"),
        ("<h id='strange'/>", "IN-17"),
        ("<h id='household' encrypted='yes'/>", "IN-16"),
        ("<h:html xmlns:h='http://www.w3.org/1999/xhtml'/>", "IN-22"),
        ("<edmx:Edmx xmlns:edmx='http://docs.oasis-open.org/odata/ns/edmx' Version='4.0'/>", "IN-22"),
        ("<html><body>Sign in</body></html>", "IN-21"),
        ("<!DOCTYPE html><html></html>", "IN-21"),
    ],
)
def test_xml_that_is_no_submission_is_refused_with_its_reason(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "a.xml").write_text(text, encoding="utf-8")
    assert refused(tmp_path / "a.xml").code == code


WRITTEN = """
| declared     | bytes        | mark | note                | code   |
| UTF-8        | utf-8        |      |                     |        |
| UTF-8        | utf-8-sig    |      |                     |        |
| -            | utf-8        |      |                     |        |
| UTF-16       | utf-16-le    | yes  |                     | FIL-06 |
| UTF-16       | utf-16-be    | yes  |                     | FIL-06 |
| UTF-16LE     | utf-16-le    |      |                     | FIL-06 |
| -            | utf-16-be    |      |                     | FIL-06 |
| UTF-32       | utf-32       |      |                     | FIL-06 |
| UTF-16       | utf-8        |      | saved again         | FIL-06 |
| windows-1258 | cp1258       |      |                     | FIL-06 |
| windows-874  | -            |      | no codec of Python  | IN-06  |
| UTF-7        | utf-8        |      | could hide anything | IN-06  |
"""


@pytest.mark.parametrize("row", rows_of(WRITTEN), ids=lambda row: f"{row['declared']} in {row['bytes']}")
def test_a_submission_says_the_same_in_whatever_encoding_it_was_saved(
    tmp_path: Path, row: dict[str, str | None]
) -> None:
    declared = "" if row["declared"] == "-" else f' encoding="{row["declared"]}"'
    name = "Sơn" if row["bytes"] != "cp1258" else unicodedata.normalize("NFD", "Bá")
    body = f'<h id="household"><house><name>{name}</name></house><meta><instanceID>a</instanceID></meta></h>'
    text = f'<?xml version="1.0"{declared}?>{body}'
    data = (("\ufeff" if row["mark"] else "") + text).encode("utf-8" if row["bytes"] == "-" else str(row["bytes"]))
    (tmp_path / "a.xml").write_bytes(data)
    if row["code"] == "IN-06":
        assert refused(tmp_path / "a.xml").code == "IN-06"
        return
    received = one(tmp_path / "a.xml")
    assert received.answers["/data"]["/data/house/name"].to_list() == [unicodedata.normalize("NFC", name)]
    assert received.issues["code"].to_list() == ([row["code"]] if row["code"] else [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_no_encoding_hides_a_document_type(tmp_path: Path, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY x "y">]><a id="household">&x;</a>'
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    assert refused(tmp_path / "a.xml").code == "IN-14"


MIXED = """
| inside the household                                      | name             | told at          |
| <house><name>Lan</name></house>                           | Lan              |                  |
| <house><name>Lan <b>of</b> the mill</name></house>        | Lan of the mill  | /data/house/name |
| <house><name><i>Lan</i></name></house>                    | Lan              | /data/house/name |
| <house>by the road<name>Lan</name></house>                | Lan              | /data/house      |
| <house><name>Lan</name></house> seen twice                | Lan              | /data            |
| <house><name><!-- typed -->Lan<!-- again --></name></house> | Lan            |                  |
| <house><name><![CDATA[Lan <b>]]></name></house>           | Lan <b>          |                  |
| <house>¶  <name>Lan</name>¶</house>¶                      | Lan              |                  |
"""


@pytest.mark.parametrize("row", rows_of(MIXED), ids=lambda row: row["inside the household"])
def test_text_between_elements_is_read_where_it_answers_and_told_everywhere(
    tmp_path: Path, row: dict[str, str | None]
) -> None:
    inside = str(row["inside the household"]).replace("¶", "\n")
    meta = "<meta><instanceID>uuid:1</instanceID></meta>"
    (tmp_path / "a.xml").write_text(f'<h id="household">{inside}{meta}</h>', encoding="utf-8")
    received = one(tmp_path / "a.xml")
    told = received.issues.select("code", "question", "submission_id").rows()
    assert received.answers["/data"]["/data/house/name"].to_list() == [row["name"]]
    assert told == ([("FIL-14", row["told at"], "uuid:1")] if row["told at"] else [])


def test_entities_never_grow_and_never_reach_for_files(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "xxxxxxxxxx">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("bcdefghij", "cdefghijk", strict=True)
    )
    (tmp_path / "a.xml").write_text(bomb + "]><a id='household'><visited>&k;</visited></a>", encoding="utf-8")
    assert refused(tmp_path / "a.xml").code == "IN-14"
