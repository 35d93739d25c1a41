"""Frames, and files that are no exports: cut off, renamed, mixed, from another survey; each gets its own reason."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from dataclasses import replace
from datetime import date, time
from pathlib import Path

import polars as pl
import pytest
from receive_tables import (
    EN,
    FIRST,
    FORM,
    KOBO,
    MEMBERS,
    NAMED,
    ROOT,
    SECOND,
    at,
    central,
    kobo,
    one,
    refused,
    workbook,
)

from collect.define.template import HEADER_ROW, LAYOUT, MARK
from collect.problems import ExportError
from collect.receive import SOURCES, receive
from collect.receive.sheets import cell_text
from collect.tables import FRAME

# --- the sampling frame


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_sampling_frame_is_recognised_and_typed(tmp_path: Path, suffix: str) -> None:
    rows: list[list[object]] = [
        ["K1", "29236", "2025-07", "01", "Ấp 1", "rural", 210, 0.5, "true"],
        ["K2", "29236", "2025-07", "02", "Ấp 2", "rural", 180, 0.25, "false"],
    ]
    table = [list[object](FRAME.schema), *rows]
    path = tmp_path / f"frame.{suffix}"
    if suffix == "xlsx":
        workbook(path, {"frame": table})
    else:
        path.write_text("\n".join(",".join(map(str, row)) for row in table), encoding="utf-8")
    received = one(path)
    assert (received.source, received.form) == ("frame", None)
    assert received.frame is not None
    assert received.frame.select("cluster", "households", "probability", "selected").rows() == [
        ("K1", 210, 0.5, True), ("K2", 180, 0.25, False),
    ]  # fmt: skip


def test_a_frame_with_faults_is_refused_naming_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "frame.csv"
    path.write_text(
        ",".join(FRAME.schema) + "\nK1,1,2025-07,,,a,many,2,true\nK1,1,2025-07,,,a,5,0.1,perhaps\n", "utf-8"
    )
    error = refused(path)
    assert error.code == "IN-18"
    for column in ("households", "probability", "selected", "cluster"):
        assert column in str(error.values["faults"])


# --- what is no export


def test_nothing_there_nothing_in_it_and_no_such_source_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "blank.csv").write_text("\n \n")
    (tmp_path / "folder").mkdir()
    assert refused(tmp_path / "absent.zip").code == "IN-01"
    assert refused(tmp_path / "empty.csv").code == "IN-02"
    assert refused(tmp_path / "blank.csv").code == "IN-02"
    assert refused(tmp_path / "folder").code == "IN-15"
    assert refused(tmp_path / "empty.csv", source="odk").code == "IN-08"
    assert refused(tmp_path / "empty.csv", form="nobody").code == "IN-24"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "IN-54"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(99), "IN-54"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(99), "IN-54"),
        (b"%PDF-1.7\n\x00\x01\x02\x03", "IN-55"),
        (struct.pack("<100I", *range(100)), "IN-03"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 600, "IN-20"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "IN-04"),
        (b"\x1f\x8b\x08" + bytes(99), "IN-68"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), "IN-68"),
        (b"a,b,c\n1,2,3\n", "IN-09"),
        (b"KEY,commune,size\nuuid:1,29242,3\nuuid:2,\x00\x00\x00\x00\x00,4\n", "IN-58"),
        (b'{"a": 1}', "IN-31"),
        (b"PK\x03\x04 and no more", "IN-05"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    for name in ("export.csv", "export.zip", "export.xlsx"):
        (tmp_path / name).write_bytes(data)
        assert refused(tmp_path / name).code == code


def test_a_document_is_a_zip_too_and_called_by_its_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.docx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
    assert refused(tmp_path / "x.docx").code == "IN-55"


@pytest.mark.parametrize(("second", "code"), [("choices", "IN-22"), ("answers", "IN-09")])
def test_a_form_definition_is_called_one_and_no_table_of_answers(tmp_path: Path, second: str, code: str) -> None:
    """An XLSForm is a workbook with the sheets survey and choices; one of them alone is a name like any other."""
    rows: list[list[object]] = [["type", "name", "label"], ["text", "visited", "Visited"]]
    workbook(tmp_path / "form.xlsx", {"survey": rows, second: [["list_name", "name", "label"], ["yn", "yes", "Yes"]]})
    assert refused(tmp_path / "form.xlsx").code == code


def test_another_survey_of_two_hundred_columns_is_refused(tmp_path: Path) -> None:
    headings = [f"q{number}" for number in range(196)] + ["visited", "KEY", "SubmissionDate", "commune"]
    (tmp_path / "other.csv").write_text(",".join(headings) + "\n" + ",".join("1" * 200) + "\n")
    error = refused(tmp_path / "other.csv")
    assert (error.code, error.values["known"], error.values["nearest"]) == ("IN-07", 2, "household")
    assert one(tmp_path / "other.csv", form="household").submissions == 1


def test_a_file_with_a_few_of_a_forms_columns_is_not_said_to_fit_none(tmp_path: Path) -> None:
    """Three of three columns known, and no form fits: nobody understood that."""
    row = "2026-11-20,29242,uuid:1,2026-11-20T03:00:00.000Z"
    (tmp_path / "few.csv").write_text(f"visited,commune,KEY,SubmissionDate\n{row}\n")
    error = refused(tmp_path / "few.csv")
    assert (error.code, error.values["known"], error.values["nearest"]) == ("IN-60", 2, "household")
    assert int(str(error.values["asked"])) > 4
    (tmp_path / "few.csv").rename(tmp_path / "household.csv")  # as the words advise
    assert one(tmp_path / "household.csv").submissions == 1


def test_a_form_that_was_named_and_knows_no_column_is_not_asked_to_be_named(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("fish,__version__,_uuid,_submission_time,_index\ncarp,v1,1,x,1\n")
    with pytest.raises(ExportError) as caught:
        one(tmp_path / "other.csv", form="household")
    assert (caught.value.code, caught.value.values["form"]) == ("IN-57", "household")


def test_an_encoding_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes((ROOT + FIRST.replace("\n", " ", 1).replace("Sơn", "Son\xe9")).encode("latin-1"))
    error = refused(path)
    assert (error.code, error.values["line"]) == ("IN-06", 2)


def test_utf16_and_semicolons_from_a_spreadsheet_program_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text((ROOT + SECOND).replace(",", "\t"), encoding="utf-16")
    assert one(path).submissions == 1
    path.write_text((ROOT + SECOND).replace(",", ";"), encoding="utf-8-sig")
    assert one(path).submissions == 1


def test_a_label_full_of_commas_does_not_hide_the_separator(tmp_path: Path) -> None:
    label = "Networks: A, B, C, D, E, F or\nnone, or all"
    form = replace(
        FORM, questions=(replace(FORM.questions[4], labels={EN: label}), *FORM.questions[5:7]), languages=(EN,)
    )
    path = tmp_path / "x.csv"
    path.write_text(f'"{label}";"_uuid";"_index"\r\n"Net A";"u-1";"1"\r\n', encoding="utf-8")
    (received,) = receive(path, (form,), form="household")
    assert received.answers["/data"].select("submission_id", "/data/signal").rows() == [("uuid:u-1", "a")]


def test_a_csv_cut_off_inside_a_quote_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(ROOT + SECOND + FIRST[: FIRST.index("lines")], encoding="utf-8")
    assert refused(path).code == "IN-12"


def test_rows_of_another_width_are_counted_and_the_rest_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        ROOT + SECOND + "1,2,3\n" + SECOND.replace("uuid:2", "uuid:3").strip() + ",extra\n", encoding="utf-8"
    )
    received = one(path)
    assert (received.submissions, received.unreadable) == (1, 2)
    (issue,) = received.issues.filter(pl.col("code") != "FIL-04").to_dicts()
    said = json.loads(issue["details"])
    assert (issue["code"], said["rows"], said["line"], said["cells"], said["columns"]) == ("FIL-15", 2, 3, 3, 22)


def test_a_zip_of_tables_that_are_no_exports_names_them(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("prices.csv", "crop,price\nrice,7\n")
        archive.writestr("notes/weather.csv", "day,rain\n1,2\n")
    error = refused(tmp_path / "x.zip")
    assert (error.code, error.values["tables"], error.values["names"]) == ("IN-53", 2, "weather.csv, prices.csv")


def test_a_zip_with_a_password_cut_off_or_full_of_air_is_refused(tmp_path: Path) -> None:
    whole = central(tmp_path / "whole.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) - 60])
    assert refused(tmp_path / "cut.zip").code == "IN-05"
    locked = bytearray(whole)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = locked.find(mark)
        locked[at + offset] |= 1
    (tmp_path / "locked.zip").write_bytes(bytes(locked))
    assert refused(tmp_path / "locked.zip").code == "IN-04"
    with zipfile.ZipFile(tmp_path / "air.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("household.csv", b"0" * (64 << 20))
    error = refused(tmp_path / "air.zip")
    told = {name: error.values[name] for name in ("file", "member", "megabytes", "limit")}
    times = error.values["times"]
    assert (error.code, told) == (
        "IN-62",
        {"file": "air.zip", "member": "household.csv", "megabytes": 64, "limit": 200},
    )
    assert isinstance(times, int)
    assert 900 < times < 1_100


@pytest.mark.parametrize(
    "name", ["../household.csv", "/etc/household.csv", "a/../../household.csv", "C:\\household.csv"]
)
def test_a_zip_whose_names_climb_out_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, ROOT)
    assert refused(tmp_path / "x.zip").code == "IN-10"


def test_a_zip_that_lies_about_its_sizes_is_damaged(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("household.csv", ROOT + SECOND * 100)
    raw = bytearray(data.getvalue())
    at = raw.find(b"PK\x01\x02")
    struct.pack_into("<I", raw, at + 24, 10)  # unpacked size
    (tmp_path / "x.zip").write_bytes(bytes(raw))
    assert refused(tmp_path / "x.zip").code == "IN-05"


def test_a_damaged_workbook_is_refused(tmp_path: Path) -> None:
    whole = kobo(tmp_path / "x.xlsx", NAMED, [], []).read_bytes()
    (tmp_path / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
    assert refused(tmp_path / "cut.xlsx").code == "IN-05"


def test_a_zip_with_repeats_only_says_what_is_missing(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("household-member.csv", MEMBERS)
    assert refused(tmp_path / "x.zip").code == "IN-23"


def test_of_several_exports_in_one_zip_one_is_read_whole_and_the_others_are_told(tmp_path: Path) -> None:
    kobo_csv = ";".join([*NAMED[:6], *KOBO]) + "\n"
    for name, data in (("other.csv", ROOT + SECOND), ("kobo.csv", kobo_csv), ("frame.csv", ",".join(FRAME.schema))):
        received = one(central(tmp_path / "x.zip", more={name: data.encode()}))
        unread = received.issues.filter(code="FIL-03")
        assert (received.submissions, received.counts["/data/people/member"]) == (2, 3)
        assert unread["found_in"].to_list() == [name]


def test_several_templates_whose_rows_nobody_can_tell_apart_are_named(tmp_path: Path) -> None:
    sheet = f"{MARK},household,{FORM.version},/data,{LAYOUT}\n" + "\n" * HEADER_ROW
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("an.csv", sheet)
        archive.writestr("binh.csv", sheet)
    error = refused(tmp_path / "x.zip")
    assert (error.code, error.values["names"]) == ("IN-25", "an.csv, binh.csv")


def test_answers_under_no_heading_are_not_lost_in_silence(tmp_path: Path) -> None:
    root = ROOT.replace("visited,", "visited,,") + FIRST.replace("2026-01-02,2026", "2026-01-02,stray,2026")
    received = one(central(tmp_path / "x.zip", root, MEMBERS.split("\n")[0]))
    assert received.issues.select("code", "details").rows() == [("FIL-02", '{"column": "#8"}')]


def test_a_source_can_be_insisted_on(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("commune,visited,began,signal\n29236,2026-01-02,,a\n", encoding="utf-8")
    assert refused(path).code == "IN-09"
    received = one(path, source="kobo-csv")
    assert received.answers["/data"]["/data/place/commune"].to_list() == ["29236"]
    assert "ID-03" in received.issues["code"]


def test_an_export_without_rows_is_an_answer_too(tmp_path: Path) -> None:
    received = one(central(tmp_path / "x.zip", ROOT, MEMBERS.split("\n", 1)[0] + "\n"))
    assert received.submissions == 0
    assert received.answers["/data/people/member"].columns[-1] == "/data/people/member/phone"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, None),
        ("", None),
        ("01", "01"),
        (1000.0, "1000"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "0.0000001"),
        (-2.5, "-2.5"),
        (True, "true"),
        (999_999_999_999_999.0, "999999999999999"),
        (1e15, "1E+15"),  # a spreadsheet keeps 15 digits of a number: the sixteenth may have been another
        (1_234_567_890_123_450.0, "1.23456789012345E+15"),
        (1_234_567_890_123_456.0, "1234567890123456"),  # no spreadsheet rounded this one
        (12_345_678_901_234_567_890.0, "1.23456789012346E+19"),
        (date(2026, 1, 2), "2026-01-02"),
        (at(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
        (time(14, 5), "14:05:00"),
    ],
)
def test_a_cell_says_what_the_device_would_have_written(cell: object, text: str | None) -> None:
    assert cell_text(cell) == text  # type: ignore[arg-type]


def test_every_reader_is_listed_by_name() -> None:
    assert list(SOURCES) == [
        "central-csv", "aggregate-csv", "surveycto-csv", "ona-csv", "kobo-xlsx", "kobo-csv", "submission-xml",
        "central-odata", "kobo-json", "template", "frame",
    ]  # fmt: skip
