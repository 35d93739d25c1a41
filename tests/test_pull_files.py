"""Photos that a server gave lie where phones' own lie: each asked for once, of nobody else, and never without limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from check_tables import rows_of
from fake_servers import Elsewhere, Fake, serving
from pulls import ASKING, KINDS, SECRETS, bring, broken_off, collect, log_in, name_of, store_in

from collect.journey import Definitions
from collect.keeping.attachments import files_of
from collect.keeping.mending import open_mended
from collect.keeping.verify import verify
from collect.pull.wire import TRIES, within
from collect.registry import ATTACHMENTS
from collect.review.attached import attached
from collect.review.standing import standing

pytestmark = pytest.mark.usefixtures("data")


@pytest.fixture
def server(kind: str) -> Iterator[Fake]:
    """Twelve submissions, ten to a page; the second and the twelfth with a photo each, the third with none."""
    rows = [KINDS[kind](number, number) for number in range(1, 13)]
    with serving(Fake(rows, page_size=10, secret=SECRETS[kind])) as fake:
        for number in (2, 12):
            with_photo(fake, kind, number, f"photo {number}".encode())
        yield fake


def with_photo(server: Fake, kind: str, number: int, content: object) -> None:
    """Give a submission a photo; KoboToolbox says where it lies by an address, here by another host's."""
    row: dict[str, Any] = server.rows[number - 1]
    if kind == "central":
        base = f"/v1/projects/1/forms/household/submissions/{row['__id']}/attachments"
        row["__system"] |= {"attachmentsPresent": 1, "attachmentsExpected": 2}
        server.files[base] = [{"name": "a.jpg", "exists": True}, {"name": "b.jpg", "exists": False}]
        server.files[f"{base}/a.jpg"] = content
    else:
        path = f"/api/v2/assets/aHousehold/data/{number}/attachments/att{number}/"
        row["_attachments"] = [
            {"download_url": f"https://kobo.example{path}", "filename": "ann/attachments/f/u/a.jpg"},
            {"download_url": f"https://kobo.example{path}gone", "filename": "ann/gone.jpg", "is_deleted": True},
        ]
        server.files[path] = content


def photos(folder: Path) -> dict[str, dict[str, bytes]]:
    """By submission: the files that are here, by name."""
    found = files_of(store_in(folder), "household")
    return {name: {one: path.read_bytes() for one, path in files.items()} for name, files in found.items()}


def test_photos_come_with_their_submissions_and_each_is_asked_for_once(tmp_path: Path, kind: str, server: Fake) -> None:
    log_in(tmp_path, kind, server)
    assert "files" not in bring(tmp_path, kind)
    assert photos(tmp_path) == {}
    found = bring(tmp_path, kind, "--since", "all", "--media")
    assert (found["files"], found["files_left"], found["duplicate"]) == (2, 0, 12)
    assert photos(tmp_path) == {name_of(kind, number): {"a.jpg": f"photo {number}".encode()} for number in (2, 12)}
    assert bring(tmp_path, kind, "--since", "all", "--media")["files"] == 0
    assert sum(asked.endswith(("/a.jpg", "/att2/", "/att12/")) for asked in server.asked) == 2
    assert verify(store_in(tmp_path)).damage == ()


def test_photos_that_a_server_gave_are_listed_with_their_interviews(
    tmp_path: Path, kind: str, server: Fake, definitions: Definitions
) -> None:
    log_in(tmp_path, kind, server)
    bring(tmp_path, kind, "--media")
    store = store_in(tmp_path)
    rows = attached(store, definitions.form("household"), standing(store, "household"))
    assert set(rows["submission_id"]) == {name_of(kind, 2), name_of(kind, 12)}
    assert [(store.folder / place).is_file() for place in rows["place"]] == [True, True]


def test_a_pull_that_breaks_off_among_photos_goes_on_with_them(
    tmp_path: Path, kind: str, server: Fake, waits: list[float]
) -> None:
    server.file_trouble = ["cut"] * TRIES
    broken_off(tmp_path, kind, server, more=("--media",))
    server.file_trouble = []
    found = bring(tmp_path, kind, "--media")
    assert (found["files"], found["new"], found["duplicate"]) == (2, 2, 10)


TROUBLES = """
| trouble             | waits    | begins again at |
| cut                 | 1        | 50              |
| cut cut             | 1 2      | 50 75           |
| busy                | 7        |                 |
| busy cut            | 7 2      | 50              |
| expire              |          |                 |
"""


@pytest.mark.parametrize("row", rows_of(TROUBLES), ids=lambda row: str(row["trouble"]))
def test_a_photo_comes_whole_through_trouble_and_only_the_rest_of_it_is_asked_for_again(
    tmp_path: Path, kind: str, server: Fake, waits: list[float], row: dict[str, str | None]
) -> None:
    """Sessions end at Central alone."""
    content = bytes(range(100))
    with_photo(server, kind, 2, content)
    with_photo(server, kind, 12, None)
    log_in(tmp_path, kind, server)
    server.file_trouble = str(row["trouble"]).split()
    bring(tmp_path, kind, "--media")
    assert photos(tmp_path) == {name_of(kind, 2): {"a.jpg": content}}
    assert waits == [float(one) for one in (row["waits"] or "").split()]
    assert server.rests == [int(one) for one in (row["begins again at"] or "").split()]


def test_a_photo_that_changed_on_the_way_is_asked_for_as_a_whole(
    tmp_path: Path, kind: str, server: Fake, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_photo(server, kind, 2, b"the first photo")
    with_photo(server, kind, 12, None)
    log_in(tmp_path, kind, server)
    server.file_trouble = ["cut"]
    monkeypatch.setattr("collect.pull.wire.time.sleep", lambda _seconds: with_photo(server, kind, 2, b"another one"))
    bring(tmp_path, kind, "--media")
    assert photos(tmp_path) == {name_of(kind, 2): {"a.jpg": b"another one"}}


def test_a_page_that_a_gate_shows_is_no_photo(tmp_path: Path, kind: str, server: Fake) -> None:
    log_in(tmp_path, kind, server)
    server.file_trouble = ["gate"]
    assert collect(tmp_path, *ASKING[kind], "--media").exit_code == 14
    assert photos(tmp_path) == {}
    assert bring(tmp_path, kind, "--media")["files"] == 2


def test_where_files_lie_elsewhere_nobody_there_sees_credentials(tmp_path: Path, kind: str, server: Fake) -> None:
    with serving(Fake([], files={"/store/a.jpg": b"from the store"})) as elsewhere:
        with_photo(server, kind, 2, Elsewhere(f"{elsewhere.url}/store/a.jpg"))
        log_in(tmp_path, kind, server)
        assert bring(tmp_path, kind, "--media")["files"] == 2
    assert photos(tmp_path)[name_of(kind, 2)] == {"a.jpg": b"from the store"}
    assert elsewhere.shown == [None]


@pytest.mark.parametrize(
    ("link", "asked"),
    [
        ("https://other.example/a/b.jpg?x=1", "/a/b.jpg?x=1"),
        ("/a/b.jpg", "/a/b.jpg"),
        ("@other.example/a", ""),
        ("https://other.example", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_link_leads_to_no_other_server(link: object, asked: str) -> None:
    assert within(link) == asked
    assert not asked or urlsplit(f"https://ours{within(link)}").hostname == "ours"


def test_what_is_too_large_or_gone_is_left_and_said(
    tmp_path: Path, kind: str, server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLLECT_LIMIT_SUBMISSION_MEGABYTES", "1")
    with_photo(server, kind, 2, b"x" * ((1 << 20) + 1))
    with_photo(server, kind, 12, None)
    log_in(tmp_path, kind, server)
    done = collect(tmp_path, *ASKING[kind], "--media")
    assert "0 files brought; 2 are no longer on the server or too large." in done.output
    assert photos(tmp_path) == {}


def test_a_lost_registry_learns_again_whose_photos_are_whose(tmp_path: Path, kind: str, server: Fake) -> None:
    log_in(tmp_path, kind, server)
    bring(tmp_path, kind, "--media")
    before, store = photos(tmp_path), store_in(tmp_path)
    with store.engine.begin() as connection:
        connection.execute(ATTACHMENTS.delete())
    store.engine.dispose()
    open_mended(store.settings).engine.dispose()
    assert photos(tmp_path) == before
