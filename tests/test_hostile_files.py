"""Files from people with bad intentions: refused in words, within seconds and little memory, by limits one can set."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from check_tables import form_of

from collect.limits import DEFAULT, Limits
from collect.problems import ExportError
from collect.receive import receive
from collect.receive.manner import Manner
from collect.store import safe_name

FORM = form_of(
    "| type | name | label |\n| text | owner | Owner |\n| int | size | Size |\n"
    "| begin repeat | child | C |\n| int | age | Age |\n| end repeat | | |"
)
HEAD = "_uuid,_index,_submission_time,owner,size\n"
ROW = "u-1,1,2026-11-20T08:00:00,Lan,4\n"
XML = '<data id="data"><owner>{}</owner><meta><instanceID>uuid:1</instanceID></meta></data>'
MB = 1 << 20


def zipped(**members: bytes | str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def bomb() -> bytes:
    return zipped(**{"a.csv": bytes(64 * MB)})


def overlapping() -> bytes:
    """Two entries of the directory that stand for the same bytes."""
    data = bytearray(zipped(**{"a.xml": XML.format("a"), "b.xml": XML.format("b")}))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    data[second + 42 : second + 46] = struct.pack("<L", 8)
    return bytes(data)


def climbing() -> bytes:
    return zipped(**{"../../etc/a.xml": XML.format("a")})


def link() -> bytes:
    info = zipfile.ZipInfo("a.xml")
    info.external_attr = 0o120777 << 16
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return data.getvalue()


def lying_about_its_size() -> bytes:
    data = bytearray(zipped(**{"a.csv": HEAD + ROW * 999}))
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = struct.pack("<L", 40)
    return bytes(data)


def workbook(sheet: str) -> bytes:
    """A workbook of one sheet, its cells as they are given."""
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    book_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    return zipped(
        **{
            "[Content_Types].xml": f'<Types xmlns="{types}"><Override PartName="/xl/workbook.xml" '
            f'ContentType="{book_type}"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="rId1" '
            f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
            '<sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="rId1" '
            f'Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}">{sheet}</worksheet>',
        }
    )


def far_apart() -> bytes:
    cell = '<c r="{}" t="inlineStr"><is><t>x</t></is></c>'
    return workbook(
        '<dimension ref="A1:B2"/><sheetData>'
        f'<row r="1">{cell.format("A1")}</row><row r="1048576">{cell.format("XFD1048576")}</row></sheetData>'
    )


def entity_in_a_sheet() -> bytes:
    return workbook('<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&a;</t></is></c></row></sheetData>')


def sheet_past_the_end() -> bytes:
    """A workbook whose directory says that its last member goes on beyond the end of the file."""
    data = bytearray(workbook("<sheetData/>"))
    entry = data.rfind(b"PK\x01\x02")
    struct.pack_into("<H", data, entry + 10, zipfile.ZIP_STORED)
    struct.pack_into("<2L", data, entry + 20, len(data), len(data))
    return bytes(data)


def laughs(declaration: str = "") -> bytes:
    rows = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'{declaration}<!DOCTYPE d [<!ENTITY l0 "ha">{rows}]>{XML.format("&l9;")}'.encode()


def outside() -> bytes:
    return f'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>{XML.format("&x;")}'.encode()


def deep() -> bytes:
    return ('<data id="form">' + "<a>" * 5_000 + "</a>" * 5_000 + "</data>").encode()


def many_rows() -> bytes:
    return f'<data id="data"><owner>Lan</owner>{"<child><age>1</age></child>" * 3}</data>'.encode()


def many_rows_of_a_page() -> bytes:
    row = '{"owner": "Lan", "child": [{"age": 1}, {"age": 2}, {"age": 3}], "__id": "1", "__system": {}}'
    return f"[{row}]".encode()


FEW = replace(DEFAULT, rows=2, columns=50, cell_characters=1_000, upload_megabytes=1)

HOSTILE: dict[str, tuple[str, Callable[[], bytes], Limits, str]] = {
    "a zip bomb": ("x.zip", bomb, DEFAULT, "IN-62"),
    "more than may be unpacked": (
        "x.zip",
        lambda: zipped(**{"a.csv": "a" * (2 << 20)}),
        replace(DEFAULT, unpacked_megabytes=1),
        "IN-11",
    ),
    "members that overlap": ("x.zip", overlapping, DEFAULT, "IN-43"),
    "a zip inside a zip": ("x.zip", lambda: zipped(**{"y.zip": bomb()}), DEFAULT, "IN-42"),
    "a path that climbs": ("x.zip", climbing, DEFAULT, "IN-10"),
    "a link": ("x.zip", link, DEFAULT, "IN-10"),
    "a member that lies about its size": ("x.zip", lying_about_its_size, DEFAULT, "IN-05"),
    "too many members": (
        "x.zip",
        lambda: zipped(**{f"{n}.xml": "" for n in range(9)}),
        replace(DEFAULT, members=8),
        "IN-61",
    ),
    "an entity bomb": ("x.xml", laughs, DEFAULT, "IN-14"),
    "an entity bomb that hides its letters": (
        "x.xml",
        lambda: laughs('<?xml version="1.0" encoding="UTF-16"?>').decode().encode("utf-16"),
        DEFAULT,
        "IN-14",
    ),
    "an outside entity": ("x.xml", outside, DEFAULT, "IN-14"),
    "elements without end": ("x.xml", deep, DEFAULT, "IN-50"),
    "lists without end": ("x.json", lambda: b'{"value": ' + b"[" * 100_000, DEFAULT, "IN-30"),
    "two cells that are a world apart": ("x.xlsx", far_apart, DEFAULT, "IN-51"),
    "a workbook that goes on beyond its end": ("x.xlsx", sheet_past_the_end, DEFAULT, "IN-05"),
    "an entity in a workbook": ("x.xlsx", entity_in_a_sheet, DEFAULT, "IN-05"),
    "a billion commas": ("x.csv", lambda: b"," * (1 << 24), DEFAULT, "IN-48"),
    "a billion commas in the second line": ("x.csv", lambda: HEAD.encode() + b"," * (1 << 24), DEFAULT, "IN-48"),
    "one cell of 200,000 characters before any heading": ("x.csv", lambda: b"," + b"[" * 200_000, DEFAULT, "IN-09"),
    "a comma too many in every row": ("x.csv", lambda: HEAD.encode() + b"u-1,1,t,Lan,1,5\n" * 3, DEFAULT, "IN-52"),
    "a quote that never closes": ("x.csv", lambda: (HEAD + 'u-1,1,t,"Lan,4\n' + ROW * 9).encode(), DEFAULT, "IN-12"),
    "a quote that never closes in the headings": ("x.csv", lambda: b'"' + HEAD.encode() + ROW.encode(), DEFAULT, "*"),
    "a file past the limit": ("x.csv", lambda: HEAD.encode() + ROW.encode() * (1 << 16), FEW, "IN-40"),
    "rows past the limit": ("x.csv", lambda: (HEAD + ROW * 3).encode(), FEW, "IN-47"),
    "submissions past the limit": (
        "x.zip",
        lambda: zipped(**{f"{n}.xml": XML.format(n) for n in range(3)}),
        FEW,
        "IN-47",
    ),
    "rows of one submission past the limit": ("x.xml", many_rows, FEW, "IN-47"),
    "rows of a page past the limit": ("x.json", many_rows_of_a_page, FEW, "IN-47"),
    "columns past the limit": ("x.csv", lambda: ("a," * 51 + "\n").encode(), FEW, "IN-48"),
    "a cell past the limit": ("x.csv", lambda: (HEAD + ROW.replace("Lan", "x" * 1_001)).encode(), FEW, "IN-49"),
    "a program": ("x.csv", lambda: b"\x7fELF" + bytes(range(256)) * 9, DEFAULT, "IN-03"),
    "a picture": ("x.xlsx", lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(32)) * 40, DEFAULT, "IN-54"),
    "a page": ("x.csv", lambda: b"<!DOCTYPE html><html><script>alert(1)</script></html>", DEFAULT, "IN-21"),
    "a cut workbook": ("x.xlsx", lambda: workbook("<sheetData/>")[:300], DEFAULT, "IN-05"),
}


@pytest.mark.parametrize("case", sorted(HOSTILE))
def test_a_hostile_file_is_refused_in_words(case: str, tmp_path: Path) -> None:
    name, make, limits, code = HOSTILE[case]
    (tmp_path / name).write_bytes(make())
    with pytest.raises(ExportError) as caught:
        receive(tmp_path / name, (FORM,), manner=Manner(limits=limits))
    assert caught.value.code == code or code == "*"


RENAMED = {
    "a workbook named .csv": ("x.csv", "xlsx"),
    "a CSV named .xlsx": ("x.xlsx", "csv"),
    "a zip named .xml": ("x.xml", "zip"),
    "XML named .zip": ("x.zip", "xml"),
}


@pytest.mark.parametrize("case", sorted(RENAMED))
def test_a_file_is_what_its_bytes_say(case: str, tmp_path: Path) -> None:
    name, kind = RENAMED[case]
    cells = "".join(
        f'<row r="{row}">'
        + "".join(f'<c r="{"ABCDE"[n]}{row}" t="inlineStr"><is><t>{cell}</t></is></c>' for n, cell in enumerate(line))
        + "</row>"
        for row, line in enumerate((HEAD.strip().split(","), ROW.strip().split(",")), start=1)
    )
    data = {
        "csv": (HEAD + ROW).encode(),
        "xlsx": workbook(f"<sheetData>{cells}</sheetData>"),
        "zip": zipped(**{"a.xml": XML.format("Lan")}),
        "xml": XML.format("Lan").encode(),
    }[kind]
    (tmp_path / name).write_bytes(data)
    (received,) = receive(tmp_path / name, (FORM,))
    assert received.answers["/data"]["/data/owner"].to_list() == ["Lan"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x00b\x1b[31m.csv", "a_b_[31m.csv"),
        ("gnp.\u202ecsv", "gnp._csv"),  # shows as gnp.vsc
        ("..\\..\\x.csv", "x.csv"),
        ("/etc/passwd", "passwd"),
        ("<b>x</b>.csv", "b_.csv"),
        ("", "file"),
        ("CON\u2066.csv", "CON_.csv"),
    ],
)
def test_a_file_name_has_nothing_in_it_that_misleads(name: str, shown: str) -> None:
    assert safe_name(name) == shown
