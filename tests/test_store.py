"""Bytes first, whole or not at all; the same content is the same wherever it came from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from collect import registry
from collect.problems import ExportError, StoreError
from collect.settings import settings_from
from collect.store import (
    LEFT_BEHIND_AFTER,
    Store,
    content_hashes,
    forget,
    in_hand,
    keep,
    kept,
    open_store,
    safe_name,
    sweep,
    written_whole,
)


@pytest.fixture
def store(tmp_path: Path, database: str) -> Iterator[Store]:
    opened = open_store(settings_from({"COLLECT_DATA": str(tmp_path / "data"), "COLLECT_DATABASE": database}))
    yield opened
    opened.engine.dispose()


def upload_row(upload_id: str) -> dict[str, object]:
    return {
        "upload_id": upload_id,
        "sha256": upload_id * 4,
        "file_name": "a.csv",
        "size_bytes": 3,
        "forced_form": "",
        "forced_source": "",
        "received_at": "2026-11-22T00:00:00+00:00",
        "received_by": "",
    }


def test_the_same_bytes_are_kept_once_whatever_they_are_called(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "b.csv").write_text("x")
    first, second = keep(store, tmp_path / "a.csv"), keep(store, tmp_path / "b.csv")
    assert first == second
    assert [stored.name for stored in kept(store)] == ["a.csv"]


def test_a_folder_is_one_upload_and_the_clock_is_not_part_of_it(store: Store, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "s.xml").write_text("<data/>")
    (tmp_path / "two" / "s.xml").touch()
    assert keep(store, tmp_path / "one").sha256 == keep(store, tmp_path / "two").sha256


def test_a_file_that_is_not_there_stops_with_words(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ExportError) as error:
        keep(store, tmp_path / "nothing.zip")
    assert error.value.code == "IN-01"
    assert not list((store.folder / "inbox").iterdir())


def test_what_is_forgotten_leaves_no_trace_but_what_is_registered_stays(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    stored = keep(store, tmp_path / "a.csv")
    forget(stored, store)
    assert kept(store) == []
    stored = keep(store, tmp_path / "a.csv")
    row = upload_row(stored.upload_id) | {"sha256": stored.sha256}
    assert registry.record_upload(store.engine, row, [])
    forget(stored, store)
    assert [again.sha256 for again in kept(store)] == [stored.sha256]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\bao cao\\xã.csv", "xã.csv"),
        ("a\x00b\n.csv", "a_b_.csv"),
        ("xa\u0303.csv", "xã.csv"),
        ("...", "file"),
        ("", "file"),
    ],
)
def test_a_file_name_cannot_lead_elsewhere(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_very_long_name_keeps_its_suffix() -> None:
    assert safe_name("ព" * 300 + ".xlsx").endswith(".xlsx")
    assert len(safe_name("ព" * 300 + ".xlsx").encode()) < 255


def test_a_part_that_fails_half_way_is_never_seen(tmp_path: Path) -> None:
    def fail_half_way() -> None:
        with written_whole(tmp_path / "part.parquet") as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []


def test_bytes_damaged_in_the_inbox_are_mended_by_bringing_them_again(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    keep(store, tmp_path / "a.csv").path.write_text("y")
    assert keep(store, tmp_path / "a.csv").path.read_text() == "x"


def test_who_brings_the_same_bytes_meanwhile_waits(store: Store, tmp_path: Path) -> None:
    from threading import Thread

    (tmp_path / "a.csv").write_text("x")
    order: list[str] = []

    def second() -> None:
        with in_hand(store, tmp_path / "a.csv"):
            order.append("second")

    with in_hand(store, tmp_path / "a.csv") as stored:
        other = Thread(target=second)
        other.start()
        other.join(0.2)
        forget(stored, store)  # a dry run, say: the one who waits must not lose the bytes by it
        order.append("first")
    other.join()
    assert order == ["first", "second"]
    assert [one.sha256 for one in kept(store)] == [stored.sha256]


def test_what_a_killed_writer_left_half_written_is_no_original_and_goes_after_a_day(
    store: Store, tmp_path: Path
) -> None:
    import os
    import time

    (tmp_path / "a.csv").write_text("x")
    stored = keep(store, tmp_path / "a.csv")
    torn = [stored.path.with_name(".upload.json.0123.part"), store.folder / "inbox" / ".incoming-x"]
    for path in torn:
        path.write_text("half")
    torn.append(store.folder / ".opened-x")
    (torn[-1] / "inner").mkdir(parents=True)
    assert kept(store) == [stored]
    assert sweep(store) == 0
    for path in torn:
        os.utime(path, (0, time.time() - LEFT_BEHIND_AFTER - 1))
    assert sweep(store) == 3
    assert not any(path.exists() for path in torn)
    assert kept(store) == [stored]


def test_a_damaged_part_says_how_to_mend_it(store: Store) -> None:
    store.write_part("household", "households", "u1", pl.DataFrame({"a": [1]}))
    store.part("household", "households", "u1").write_bytes(b"PAR1 torn")
    with pytest.raises(StoreError) as error:
        store.read_part("household", "households", "u1")
    assert error.value.code == "STO-02"


def test_a_part_stays_inside_the_data_folder(store: Store) -> None:
    path = store.part("../../evil", "../x", "u1")
    assert (store.folder / "tables") in path.parents


def test_an_upload_is_recorded_once_even_when_two_hands_bring_it(store: Store) -> None:
    row = upload_row("a" * 16)
    assert registry.record_upload(store.engine, row, [])
    assert not registry.record_upload(store.engine, row, [])
    assert len(registry.uploads(store.engine)) == 1


def test_the_last_run_is_the_one_on_screen(store: Store) -> None:
    assert registry.last_run(store.engine) is None
    for run_id in ("a", "b", "a"):
        registry.record_run(store.engine, run_id, "2025-07", date(2026, 1, 1))
    assert registry.last_run(store.engine) == "a"


def test_a_database_that_is_none_stops_with_words(tmp_path: Path) -> None:
    (tmp_path / "collect.db").write_text("this is no database, only a long enough text to be taken for one" * 20)
    with pytest.raises(StoreError) as error:
        open_store(settings_from({"COLLECT_DATA": str(tmp_path)}))
    assert error.value.code == "STO-01"


def answers(**columns: list[str | None]) -> dict[str, pl.DataFrame]:
    root = {name.replace("__", "/"): values for name, values in columns.items()}
    return {"/data": pl.DataFrame({"row_id": ["/data"] * len(next(iter(root.values()))), **root})}


def test_content_is_what_was_answered_not_who_sent_it_or_which_blank_columns_came_along() -> None:
    first = answers(submission_id=["a"], __data__x=["1"], submitted_at=["monday"])
    second = answers(submission_id=["a"], __data__x=["1"], __data__y=[None], submitted_at=["tuesday"])
    other = answers(submission_id=["a"], __data__x=["2"])
    assert content_hashes(first).equals(content_hashes(second))
    assert not content_hashes(first).equals(content_hashes(other))
