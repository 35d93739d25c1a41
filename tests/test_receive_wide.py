"""Rows that stand side by side: their numbers, their parents, and the columns that only look like theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from collect.define import form_from_xlsform
from collect.problems import ExportError
from collect.receive import receive

FORM = """
| survey | | | |
| | type | name | label |
| | text | head | Head |
| | text | phone_2 | Second phone |
| | begin group | grp | Group |
| | begin repeat | person | Person |
| | text | name | Name |
| | select_multiple lang | langs | Languages |
| | begin repeat | phone | Phone |
| | text | number | Number |
| | end repeat | | |
| | end repeat | | |
| | end group | | |
| settings | | | |
| | form_id | version | |
| | people | 1 | |
| choices | | | |
| | list_name | name | label |
| | lang | vi | Vietnamese |
| | lang | -99 | None |
"""
ONA = "head,grp/person[1]/name,grp/person[1]/langs/vi,grp/person[2]/name,grp/person[2]/phone[1]/number,grp/person[2]/phone[2]/number,meta/instanceID,_uuid,_submission_time"  # noqa: E501
SURVEYCTO = "SubmissionDate,head,phone_2,person_count,name_1,langs_1,langs_vi_1,langs__99_1,name_2,langs_2,number_2_1,number_2_2,formdef_version,KEY"  # noqa: E501


def rows_of(path: Path, text: str) -> dict[str, list[tuple[object, ...]]]:
    path.write_text(text, encoding="utf-8")
    (received,) = receive(path, (form_from_xlsform(FORM),))
    assert received.issues["code"].to_list() == []
    found = {}
    for repeat, frame in received.answers.items():
        if "parent_row_id" in frame.columns:
            answers = [name for name in frame.columns if "/" in name]
            found[repeat.rsplit("/", 1)[-1]] = frame.select("row_id", "parent_row_id", *answers).rows()
    return found


@pytest.mark.parametrize(
    ("file", "head", "line"),
    [
        ("ona.csv", ONA, "An,Bình,True,n/a,1,2,uuid:1,1,2026-01-01T00:00:00"),
        ("surveycto.csv", SURVEYCTO, '"Jan 1, 2026 9:00:00 AM",An,090,2,Bình,vi,1,0,,,1,2,7,uuid:1'),
    ],
)
def test_rows_inside_rows_find_their_parents_though_the_parent_says_nothing(
    tmp_path: Path, file: str, head: str, line: str
) -> None:
    rows = rows_of(tmp_path / file, f"{head}\n{line}\n")
    person, phone = "/data/grp/person", "/data/grp/person[2]/phone"
    assert rows["person"] == [(f"{person}[1]", "/data", "Bình", "vi"), (f"{person}[2]", "/data", None, None)]
    assert rows["phone"] == [(f"{phone}[1]", f"{person}[2]", "1"), (f"{phone}[2]", f"{person}[2]", "2")]


def test_a_blank_row_between_filled_ones_keeps_its_number_and_one_at_the_end_is_not_there(tmp_path: Path) -> None:
    head = "head," + ",".join(f"grp/person[{number}]/name" for number in (1, 2, 3, 4))
    lines = "a,An,n/a,Chi,n/a,uuid:1,1,x\nb,n/a,n/a,n/a,n/a,uuid:2,2,x\n"
    rows = rows_of(tmp_path / "ona.csv", f"{head},meta/instanceID,_uuid,_submission_time\n{lines}")
    assert [(row[0][-2], row[2]) for row in rows["person"]] == [("1", "An"), ("2", None), ("3", "Chi")]  # type: ignore[index]


def test_a_column_of_the_forms_own_that_ends_in_a_number_is_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "surveycto.csv"
    path.write_text(f'{SURVEYCTO}\n"Jan 1, 2026 9:00:00 AM",An,090,0,,,,,,,,,7,uuid:1\n', encoding="utf-8")
    (received,) = receive(path, (form_from_xlsform(FORM),))
    assert received.answers["/data"]["/data/phone_2"].to_list() == ["090"]
    assert received.answers["/data"]["submitted_at"].to_list() == ["2026-01-01T09:00:00"]
    assert sum(received.rows.values()) == 0


def test_an_ona_row_without_an_id_is_named_by_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "ona.csv"
    path.write_text(f"{ONA}\nAn,Bình,True,n/a,1,2,,,2026-01-01T00:00:00\n", encoding="utf-8")
    (received,) = receive(path, (form_from_xlsform(FORM),))
    assert received.answers["/data"]["submission_id"][0].startswith("sha256:")
    assert received.issues["code"].to_list() == ["ID-03"]
    assert dict(received.rows) == {"/data/grp/person": 2, "/data/grp/person/phone": 2}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("head,grp/person[900000000]/name,meta/instanceID,_uuid,_submission_time\nAn,Bình,uuid:1,1,x\n", "IN-47"),
        (f"head,grp/person[{'9' * 5_000}]/name,meta/instanceID,_uuid,_submission_time\nAn,Ba,uuid:1,1,x\n", "IN-07"),
        ('SubmissionDate,head,name_900000000,formdef_version,KEY\n"Jan 1, 2026 9:00:00 AM",An,Ba,7,uuid:1\n', "IN-47"),
    ],
)
def test_a_rows_number_beyond_all_limits_does_not_fill_the_memory(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ExportError) as refused:
        receive(tmp_path / "x.csv", (form_from_xlsform(FORM),))
    assert refused.value.code == code


def test_surveyctos_count_of_rows_is_no_unknown_column_and_another_count_is(tmp_path: Path) -> None:
    path = tmp_path / "surveycto.csv"
    head = "SubmissionDate,formdef_version,KEY,head,phone_2,grp-person_count,people_count"
    path.write_text(f"{head}\n,7,uuid:1,An,090,2,3\n", encoding="utf-8")
    (received,) = receive(path, (form_from_xlsform(FORM),))
    unknown = received.issues.filter(code="FIL-02")["details"].to_list()
    assert unknown == ['{"column": "people_count"}']
