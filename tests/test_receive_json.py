"""JSON that is no export, or lies: words and never a crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collect.define import form_from_xlsform
from collect.problems import ExportError
from collect.receive import receive
from collect.receive.documents import page_of, read

FORM = form_from_xlsform(
    """
| survey | | | |
| | type | name | label |
| | text | head | Head |
| | geopoint | spot | Spot |
| | geotrace | way | Way |
| | begin repeat | person | Person |
| | integer | age | Age |
| | end repeat | | |
| settings | | | |
| | form_id | version | |
| | people | 1 | |
"""
)
SYSTEM = {"submissionDate": "2026-01-01T00:00:00.000Z", "formVersion": "1", "edits": 2}
KEYS = st.sampled_from(
    [
        "head",
        "spot",
        "way",
        "person",
        "age",
        "__id",
        "__system",
        "meta",
        "instanceID",
        "type",
        "coordinates",
        "properties",
        "status",
        "_uuid",
        "person@odata.navigationLink",
        "a/b",
        "",
    ]
)
TEXTS = ["Point", "LineString", "Polygon", "POINT (1 2)", "POINT (1)", "notDecrypted", "x"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=6), max_size=3))
def test_whatever_stands_in_a_page_it_is_read_or_refused_with_a_code(rows: list[dict[str, Any]]) -> None:
    content = {"value": rows, "@odata.context": "https://x/v1/projects/1/forms/people.svc/$metadata#Submissions"}
    page = page_of(json.dumps(content).encode(), "page.json")
    assert page is not None
    open_rows = [row for row in rows if not encrypted(row)]
    if not open_rows:
        with pytest.raises(ExportError, match="IN-16" if rows else "IN-31"):
            read((page,), "page.json", (FORM,), FORM, lambda _step, _share: None)
        return
    (received,) = read((page,), "page.json", (FORM,), FORM, lambda _step, _share: None)
    assert received.submissions + received.repeated == len(open_rows)


def encrypted(row: dict[str, Any]) -> bool:
    system = row.get("__system")
    return isinstance(system, dict) and system.get("status") == "notDecrypted"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ({"type": "Point", "coordinates": [106.2, 9.9, 3], "properties": {"accuracy": 4}}, "9.9 106.2 3 4"),
        ({"type": "Point", "coordinates": [106.2, 9.9], "properties": {"accuracy": 4.5}}, "9.9 106.2 0 4.5"),
        ({"type": "Point", "coordinates": [106.25, 9.9]}, "9.9 106.25"),
        ("POINT (106.2 9.9 3)", "9.9 106.2 3"),
        ({"type": "Point", "coordinates": [106.2]}, None),
        ({"type": "Point", "coordinates": None}, None),
    ],
)
def test_a_servers_place_becomes_what_the_device_wrote(tmp_path: Path, place: object, text: str | None) -> None:
    row = {"head": "An", "spot": place, "__id": "uuid:1", "__system": SYSTEM}
    (tmp_path / "page.json").write_text(json.dumps([row]))
    (received,) = receive(tmp_path / "page.json", (FORM,))
    assert received.answers["/data"]["/data/spot"].to_list() == [text]
    assert received.answers["/data"]["edits"].to_list() == [2]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"value": [{"head": "An"', "IN-30"),
        ("[{" + "[" * 100_000, "IN-09"),
        ('{"a":' * 90_000, "IN-30"),
        ('{"value": [], "@odata.context": "x/forms/people.svc/$metadata#Submissions"}', "IN-31"),
        ('{"name": "a web site", "version": 3}', "IN-31"),
        ('[{"catch": "carp", "__id": "1", "__system": {}}]', "IN-07"),
        ('[{"__id": "1", "__system": {}}]', "IN-67"),
        ('[{"__id": "1", "__system": {"status": "notDecrypted"}}]', "IN-16"),
    ],
)
def test_json_that_holds_no_submissions_of_ours_is_refused_in_words(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "page.json").write_text(text)
    with pytest.raises(ExportError) as refused:
        receive(tmp_path / "page.json", (FORM,))
    assert refused.value.code == code


@pytest.mark.parametrize("closed_first", [True, False])
def test_what_is_encrypted_is_told_and_the_open_rest_read(tmp_path: Path, closed_first: bool) -> None:
    closed = [{"__id": f"uuid:{number}", "__system": {**SYSTEM, "status": "notDecrypted"}} for number in (1, 2)]
    pages = [closed, [{"head": "An", "__id": "uuid:3", "__system": SYSTEM}, closed[0]]]
    for number, page in enumerate(pages if closed_first else pages[::-1]):
        (tmp_path / f"{number}.json").write_text(json.dumps(page))
    (received,) = receive(tmp_path, (FORM,))
    assert (received.submissions, received.unreadable) == (1, 3)
    assert sorted(str(one) for one in received.issues["submission_id"]) == ["uuid:1", "uuid:1", "uuid:2"]
    assert set(received.issues["code"]) == {"FIL-03"}


def test_when_all_is_encrypted_it_is_told_how_much(tmp_path: Path) -> None:
    sealed = '<data id="people" encrypted="yes" version="1"/>'
    rows = [{"__id": f"uuid:{number}", "__system": {**SYSTEM, "status": "notDecrypted"}} for number in range(3)]
    files = {"page.json": json.dumps(rows), "one.xml": sealed, "two/a.xml": sealed, "two/b.xml": sealed}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    told = []
    for name in ("page.json", "one.xml", "two"):
        with pytest.raises(ExportError) as refused:
            receive(tmp_path / name, (FORM,))
        told.append((refused.value.code, refused.value.values["file"], refused.value.values["submissions"]))
    assert told == [("IN-16", "page.json", 3), ("IN-16", "one.xml", 1), ("IN-16", "two", 2)]


def test_words_that_look_like_a_place_stay_words(tmp_path: Path) -> None:
    row = {"head": "POINT (1 2)", "spot": "POINT (106.2 9.9)", "__id": "uuid:1", "__system": SYSTEM}
    (tmp_path / "page.json").write_text(json.dumps([row]))
    (received,) = receive(tmp_path / "page.json", (FORM,))
    assert received.answers["/data"].select("/data/head", "/data/spot").row(0) == ("POINT (1 2)", "9.9 106.2")


def test_objects_inside_objects_without_end_are_refused() -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = {"a": deep}
    with pytest.raises(ExportError):
        page_of(json.dumps([{"head": deep, "__system": {}}]).encode(), "page.json")


def test_json_lying_in_a_folder_is_read_or_told_and_shapes_belong_there(tmp_path: Path) -> None:
    from collect.receive.piles import uploads_in

    (tmp_path / "page.json").write_text(json.dumps({"value": [{"__id": "uuid:1", "__system": SYSTEM}]}))
    (tmp_path / "truth.json").write_text(json.dumps({"households": 3}))
    (tmp_path / "roads.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    assert [path.name for path in uploads_in(tmp_path)] == ["page.json", "truth.json"]


@pytest.mark.parametrize("key", ["results", "data"])
def test_rows_of_kobo_are_read_under_whatever_key_lists_them(key: str) -> None:
    page = page_of(json.dumps({key: [{"_uuid": "1", "_submission_time": "2026-03-01T08:00:00"}]}).encode(), "page.json")
    assert page is not None
    assert (page.source, len(page.rows)) == ("kobo-json", 1)


def test_one_submission_with_a_repeat_called_data_is_one_submission() -> None:
    one = {"_uuid": "1", "_submission_time": "2026-03-01T08:00:00", "data": [{"data/age": "3"}]}
    page = page_of(json.dumps(one).encode(), "page.json")
    assert page is not None
    assert page.rows == [one]


def test_half_of_an_emoji_costs_that_letter_alone(tmp_path: Path) -> None:
    row = {"head": "An \ud83d, \U0001f642", "__id": "uuid:1", "__system": SYSTEM}
    (tmp_path / "page.json").write_text(json.dumps([row, {**row, "head": "Ba", "__id": "uuid:2"}]))
    (received,) = receive(tmp_path / "page.json", (FORM,))
    assert received.answers["/data"]["/data/head"].to_list() == ["An \ufffd, \U0001f642", "Ba"]
    assert received.issues.select("code", "details").rows() == [("FIL-07", '{"file": "page.json", "letters": 1}')]
