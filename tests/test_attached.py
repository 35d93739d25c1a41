"""Photos and other files of interviews: none is lost, each is counted as here or as missing, whichever way it came."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from check_tables import form_of, rows_of
from click.testing import CliRunner
from field_office import Office
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collect import openrosa
from collect.cli import main
from collect.forms import Form
from collect.intake import add_file
from collect.openrosa import people
from collect.openrosa.fold import fold
from collect.rebuild import rebuild
from collect.review.attached import attached, of_one
from collect.review.reviews import Filters, history, queue
from collect.review.standing import standing

SURVEY = """
    | type         | name   | label  |
    | text         | remark | Remark |
    | image        | house  | House  |
    | begin_repeat | mast   | Mast   |
    | image        | photo  | Photo  |
    | end_repeat   |        |        |
"""


@pytest.fixture(scope="module")
def form() -> Form:
    return form_of(SURVEY, settings="| form_id | version |\n| hh | 1 |")


@pytest.fixture
def office(tmp_path: Path, form: Form) -> Iterator[Office]:
    made = Office(tmp_path, form=form)
    yield made
    made.close()


def xml(name: str, house: str | None, masts: str | None = None, edits: str = "") -> str:
    rows = "".join(f"<mast><photo>{one}</photo></mast>" for one in (masts or "").split())
    meta = f"<instanceID>uuid:{name}</instanceID>" + (f"<deprecatedID>uuid:{edits}</deprecatedID>" if edits else "")
    return f'<data id="hh" version="1"><house>{house or ""}</house>{rows}<meta>{meta}</meta></data>'


def files_of(office: Office) -> dict[str, tuple[int, int]]:
    """By short id: how many files, how many of them missing."""
    rows = queue(office.store, office.definitions, Filters())
    return {one.removeprefix("uuid:"): (files, gone) for one, files, gone in
            rows.select("submission_id", "files", "files_missing").iter_rows()}  # fmt: skip


IN_A_ZIP = """
| id | house | masts       | beside             | files | missing |
| a  | a.jpg |             | a.jpg              | 1     | 0       |
| b  | a.jpg |             |                    | 1     | 1       |
| c  | c.jpg | 1.jpg 2.jpg | c.jpg 1.jpg        | 3     | 1       |
| d  |       |             |                    | 0     | 0       |
"""


def test_files_in_the_folder_of_their_submission_are_told_from_those_of_others(office: Office) -> None:
    with zipfile.ZipFile(office.folder / "x.zip", "w") as archive:
        for row in rows_of(IN_A_ZIP):
            archive.writestr(f"{row['id']}/submission.xml", xml(str(row["id"]), row["house"], row["masts"]))
            for name in (row["beside"] or "").split():
                archive.writestr(f"{row['id']}/{name}", b"picture")
    add_file(office.store, office.folder / "x.zip", office.definitions)
    expected = {str(row["id"]): (int(str(row["files"])), int(str(row["missing"]))) for row in rows_of(IN_A_ZIP)}
    assert files_of(office) == expected
    rebuild(office.store, office.definitions)
    assert files_of(office) == expected


@pytest.mark.parametrize(("media", "missing"), [("media/a.jpg", 0), ("media/b.jpg", 1), ("other/a.jpg", 1)])
def test_files_beside_centrals_tables_lie_in_its_folder_of_media(office: Office, media: str, missing: int) -> None:
    headings, row = "SubmissionDate,remark,house,meta-instanceID,KEY", "2026-01-01,x,a.jpg,uuid:a,uuid:a"
    with zipfile.ZipFile(office.folder / "hh.zip", "w") as archive:
        archive.writestr("hh.csv", f"{headings}\n{row}\n")
        archive.writestr(media, b"picture")
    add_file(office.store, office.folder / "hh.zip", office.definitions)
    assert files_of(office) == {"a": (1, missing)}


def test_files_that_phones_send_in_several_posts_arrive_one_by_one(office: Office) -> None:
    token = people.add(office.store.engine, office.store.folder, "lan", people.Wanted()).token
    app = Starlette(routes=openrosa.routes(office.store.settings))
    phone = TestClient(app, base_url=f"http://127.0.0.1:8501/key/{token}", headers={"X-OpenRosa-Version": "1.0"})
    with phone, pytest.MonkeyPatch.context() as patch:
        patch.setattr("collect.openrosa.desk.define", lambda *_: office.definitions)
        for name, files in (("a", ()), ("a", ("a.jpg",)), ("b", ("1.jpg", "audit.csv"))):
            data = xml("a", "a.jpg") if name == "a" else xml("b", "a.jpg", "1.jpg", edits="a")
            parts = {one: (one, b"picture", "image/jpeg") for one in files}
            parts["xml_submission_file"] = ("submission.xml", data.encode(), "text/xml")
            assert phone.post("/submission", files=parts).status_code == 201
    fold(office.store, office.definitions)
    assert files_of(office) == {"b": (3, 0)}, "the edit names a photo that came with the first version"
    rows = attached(office.store, office.form, standing(office.store, "hh"))
    assert rows.sort("name").select("name", "question").rows() == [
        ("1.jpg", "/data/mast/photo"), ("a.jpg", "/data/house"), ("audit.csv", None),
    ]  # fmt: skip
    for place in rows["place"]:
        assert (office.store.folder / place).read_bytes() == b"picture"


PIECES = """
| post  | files        | more | edit of | events                   | missing     |
| whole | a.jpg 1.jpg  | no   |         | waiting files            |             |
| first | a.jpg        | yes  |         | incomplete files         | 1.jpg       |
| none  |              | yes  |         | incomplete               | 1.jpg a.jpg |
| edit  | a.jpg        | yes  | z       | received incomplete files | 1.jpg       |
"""


@pytest.mark.parametrize("row", rows_of(PIECES), ids=lambda row: str(row["post"]))
def test_one_whose_files_are_still_coming_says_what_came_and_what_is_missing(
    office: Office, row: dict[str, str | None]
) -> None:
    (office.folder / "z.xml").write_text(xml("z", None), encoding="utf-8")
    add_file(office.store, office.folder / "z.xml", office.definitions)
    document, missing = xml("a", "a.jpg", "1.jpg", edits=row["edit of"] or ""), (row["missing"] or "").split()
    send(office, document, (row["files"] or "").split(), more=row["more"] == "yes")
    told = history(office.store, "uuid:a")
    assert told["event"].to_list() == str(row["events"]).split()
    phone = told.filter(pl.col("event").is_in(["waiting", "incomplete"]))
    assert phone.select("by", "new").rows() == [("Team A", "lan")]
    files = of_one(office.store, office.definitions, "uuid:a")
    assert files.filter(pl.col("place").is_null())["name"].sort().to_list() == missing
    assert set(files["question"]) == {"/data/house", "/data/mast/photo"}
    said = commanded(office, "review", "history", "uuid:a")
    assert sorted(line.split()[0] for line in said.splitlines() if line.endswith("  missing")) == missing


def send(office: Office, document: str, files: list[str], more: bool) -> None:
    """What a phone does, in one post."""
    token = people.add(office.store.engine, office.store.folder, "lan", people.Wanted("Team A")).token
    app = Starlette(routes=openrosa.routes(office.store.settings))
    phone = TestClient(app, base_url=f"http://127.0.0.1:8501/key/{token}", headers={"X-OpenRosa-Version": "1.0"})
    with phone, pytest.MonkeyPatch.context() as patch:
        patch.setattr("collect.openrosa.desk.define", lambda *_: office.definitions)
        parts = {one: (one, b"picture", "image/jpeg") for one in files}
        parts["xml_submission_file"] = ("submission.xml", document.encode(), "text/xml")
        answer = phone.post("/submission", files=parts, data={"*isIncomplete*": "yes"} if more else {})
        assert answer.status_code == 201


def commanded(office: Office, *words: str) -> str:
    """What a command says in English."""
    environment = {"COLLECT_DATA": str(office.store.folder), "COLLECT_DATABASE": "", "COLLECT_GEO_MIRROR": ""}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collect.commands.shared.Session.definitions", lambda _session: office.definitions)
        return CliRunner().invoke(main, ["--lang", "en", *words], env=environment).output


def test_files_are_listed_where_each_lies_and_what_never_came(office: Office, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a/submission.xml", xml("a", "a.jpg", "1.jpg"))
        archive.writestr("a/a.jpg", b"picture")
    add_file(office.store, tmp_path / "x.zip", office.definitions)
    environment = {"COLLECT_DATA": str(office.store.folder), "COLLECT_DATABASE": "", "COLLECT_GEO_MIRROR": ""}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collect.commands.shared.Session.definitions", lambda _session: office.definitions)
        told = CliRunner().invoke(main, ["--lang", "en", "review", "files", "uuid:a"], env=environment)
        data = CliRunner().invoke(main, ["review", "files", "uuid:a", "--json"], env=environment)
        listed = CliRunner().invoke(main, ["--lang", "en", "review", "list"], env=environment)
    assert "x.zip:a/a.jpg" in told.output
    assert "files: 2, missing: 1" in told.output
    assert "files: 2, missing: 1" in listed.output
    assert pl.DataFrame(json.loads(data.output))["place"].null_count() == 1
