"""One form and its exports in small, written as people's platforms write them; what several tests of reading need."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter

from collect.forms import Choice, Form, Question, QuestionType, Section
from collect.problems import ExportError
from collect.receive import Received, receive

EN, VI, KM = "English (en)", "Tiếng Việt (vi)", "ភាសាខ្មែរ (km)"


def question(path: str, kind: QuestionType, en: str, vi: str, km: str, choices: str | None = None) -> Question:
    repeat = "/data/people/member" if path.startswith("/data/people/member/") else "/data"
    return Question(path, kind, repeat, labels={EN: en, VI: vi, KM: km}, choice_list=choices)


FORM = Form(
    form_id="household",
    version="3",
    title="Household survey of the province, spring round",
    root="/data",
    languages=(EN, VI, KM),
    questions=(
        question("/data/place/commune", "select_one", "Commune", "Xã", "ឃុំ", "commune"),
        question("/data/place/point", "geopoint", "Point", "Toạ độ", "ទីតាំង"),
        question("/data/visited", "date", "Day of visit", "Ngày thăm", "ថ្ងៃ"),
        question("/data/began", "dateTime", "Began", "Bắt đầu", "ចាប់ផ្តើម"),
        question("/data/signal", "select_multiple", "Which networks?", "Mạng nào?", "បណ្តាញណា?", "network"),
        question("/data/house/name", "string", "Name", "Tên", "ឈ្មោះ"),
        question("/data/owner/name", "string", "Name", "Tên", "ឈ្មោះ"),
        question("/data/people/member/age", "int", "Age", "Tuổi", "អាយុ"),
        question("/data/people/member/phone", "select_one", "Own phone", "Có điện thoại", "ទូរស័ព្ទ", "yesno"),
        question("/data/meta/instanceID", "string", "", "", ""),
    ),
    sections=(
        Section("/data/place", False, "/data", {EN: "Place", VI: "Nơi ở", KM: "ទីកន្លែង"}),
        Section("/data/house", False, "/data", {EN: "House", VI: "Nhà", KM: "ផ្ទះ"}),
        Section("/data/owner", False, "/data", {EN: "Owner", VI: "Chủ hộ", KM: "ម្ចាស់"}),
        Section("/data/people", False, "/data", {EN: "People", VI: "Người", KM: "មនុស្ស"}),
        Section("/data/people/member", True, "/data", {EN: "Member", VI: "Thành viên", KM: "សមាជិក"}),
    ),
    choices={
        "commune": (Choice("29236", {EN: "Xã Càng Long", VI: "Xã Càng Long", KM: "ឃុំ ក"}),
                    Choice("29245", {EN: "Xã Tân An", VI: "Xã Tân An", KM: "ឃុំ ខ"})),
        "network": (Choice("a", {EN: "Net A", VI: "Mạng A", KM: "ក"}),
                    Choice("ab", {EN: "Net A Net B", VI: "Mạng A Mạng B", KM: "ក ខ"}),
                    Choice("b", {EN: "Net B", VI: "Mạng B", KM: "ខ"})),
        "yesno": (Choice("1", {EN: "Yes", VI: "Có", KM: "បាទ"}), Choice("0", {EN: "No", VI: "Không", KM: "ទេ"})),
    },
)  # fmt: skip

ROOT = (
    "SubmissionDate,place-commune,place-point-Latitude,place-point-Longitude,place-point-Altitude,place-point-Accuracy,"
    "visited,began,signal,house-name,owner-name,meta-instanceID,KEY,SubmitterID,SubmitterName,AttachmentsPresent,"
    "AttachmentsExpected,Status,ReviewState,DeviceID,Edits,FormVersion\n"
)
FIRST = (
    "2026-01-02T03:00:00.000Z,29236,9.99,106.2,,4.5,2026-01-02,2026-01-02T08:00:00.000+07:00,a b,"
    '" two\nlines ",Sơn,uuid:1,uuid:1,12,ann,0,0,,approved,dev1,0,3\n'
)
SECOND = "2026-01-02T04:00:00.000Z,29245,,,,,,,,,,uuid:2,uuid:2,12,ann,0,0,,,dev1,0,3\n"
MEMBERS = (
    "age,phone,PARENT_KEY,KEY\n34,1,uuid:1,uuid:1/people/member[1]\n012,,uuid:1,uuid:1/people/member[2]\n"
    "7,0,uuid:2,uuid:2/people/member[1]\n"
)


def central(
    path: Path, root: str = ROOT + FIRST + SECOND, members: str | bytes = MEMBERS, more: dict[str, bytes] | None = None
) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("household.csv", root)
        archive.writestr("household-member.csv", members)
        for name, data in (more or {}).items():
            archive.writestr(name, data)
    return path


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    with xlsxwriter.Workbook(str(path), {"strings_to_numbers": False}) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for title, rows in sheets.items():
            sheet = book.add_worksheet(title)
            for row, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    if isinstance(cell, datetime):
                        sheet.write_datetime(row, column, cell, moment)
                    elif isinstance(cell, date):
                        sheet.write_datetime(row, column, cell, day)
                    elif cell is not None:
                        sheet.write(row, column, cell)
    return path


def at(*moment: int) -> datetime:
    """A moment as a spreadsheet cell knows it: without a zone."""
    return datetime(*moment)  # type: ignore[arg-type]  # noqa: DTZ001


def one(path: Path, **asked: str) -> Received:
    (received,) = receive(path, (FORM,), form=asked.get("form"), source=asked.get("source"))
    return received


def refused(path: Path, **asked: str) -> ExportError:
    with pytest.raises(ExportError) as caught:
        one(path, **asked)
    assert caught.value.exit_code == 11
    return caught.value


KOBO = [
    "_id",
    "_uuid",
    "_submission_time",
    "_validation_status",
    "_submitted_by",
    "__version__",
    "meta/rootUuid",
    "_index",
]
NAMED = [
    "commune",
    "point",
    "_point_latitude",
    "_point_longitude",
    "_point_altitude",
    "_point_precision",
    "visited",
    "began",
    "signal",
    "signal/a",
    "signal/b",
    "signal/ab",
    "name",
    "name",
]
LINK = ["_index", "_parent_table_name", "_parent_index", "_submission__id", "_submission__uuid"]


def kobo(path: Path, headings: list[str], rows: list[list[object]], members: list[list[object]], age: str = "age",
         phone: str = "phone") -> Path:  # fmt: skip
    return workbook(
        path, {FORM.title[:28] + "...": [[*headings, *KOBO], *rows], "member": [[age, phone, *LINK], *members]}
    )


FACTS: list[object] = [1000, "u-1", "2026-01-02T03:00:00", "validation_status_not_approved", "ann", "v9", "", 1]
