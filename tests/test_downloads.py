"""The ledger of downloads: a line for each gap list that leaves, chained, copied, and missed when it is gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from access_tables import LAST, store_with_runs
from click.testing import CliRunner

from collect import registry
from collect.access import LOCAL
from collect.cli import main
from collect.keeping import downloads
from collect.keeping.downloads import CHAIN, Handed
from collect.keeping.verify import verify
from collect.migrations import LATEST, SCHEMA
from collect.problems import StoreError
from collect.registry import DOWNLOADS
from collect.settings import settings_from
from collect.store import Store, open_store

A_FILE = Handed("VNPT", "vnpt", "01234567", "api", LAST, "gaps.csv", 12, "0" * 64)


@pytest.fixture
def store(tmp_path: Path, database: str) -> Iterator[Store]:
    opened = open_store(settings_from({"COLLECT_DATA": str(tmp_path), "COLLECT_DATABASE": database}))
    for number in range(3):
        downloads.note(opened, replace(A_FILE, size_bytes=number))
    yield opened
    opened.engine.dispose()


def damage(store: Store) -> list[tuple[str, str]]:
    return [(one.kind, one.where) for one in verify(store).damage]


def change(store: Store, statement: sa.sql.dml.UpdateBase) -> None:
    with store.engine.begin() as connection:
        connection.execute(statement)


def unlink_copy(store: Store) -> None:
    (store.folder / CHAIN.copy).unlink()


def cut_copy(store: Store) -> None:
    copy = store.folder / CHAIN.copy
    copy.write_bytes(b"".join(copy.read_bytes().splitlines(keepends=True)[:2]))


def garble_copy(store: Store) -> None:
    (store.folder / CHAIN.copy).write_bytes(b"no line\n")


HARM: dict[str, tuple[Callable[[Store], None], list[tuple[str, str]]]] = {
    "nothing": (lambda store: None, []),
    "who took it": (
        lambda store: change(store, DOWNLOADS.update().where(DOWNLOADS.c.number == 2).values(who="nobody")),
        [("downloads", "2"), ("downloads_differs", "2")],
    ),
    "one line gone": (
        lambda store: change(store, DOWNLOADS.delete().where(DOWNLOADS.c.number == 2)),
        [("downloads", "2"), ("downloads_differs", "2")],
    ),
    "the last line gone": (
        lambda store: change(store, DOWNLOADS.delete().where(DOWNLOADS.c.number == 3)),
        [("downloads_short", "3")],
    ),
    "all gone": (lambda store: change(store, DOWNLOADS.delete()), [("downloads_short", "1")]),
    "the copy gone": (unlink_copy, [("downloads_behind", "1")]),
    "the copy's end gone": (cut_copy, [("downloads_behind", "3")]),
    "the copy garbled": (garble_copy, [("downloads_copy", "downloads.jsonl")]),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_changed_or_deleted_line_is_found(store: Store, harm: str) -> None:
    do, found = HARM[harm]
    do(store)
    assert damage(store) == found


def test_a_line_names_the_file_its_bytes_and_who_took_it_and_the_latest_stands_first(store: Store) -> None:
    lines = downloads.downloads(store)
    assert [line.number for line in lines] == [3, 2, 1]
    assert (lines[0].who, lines[0].via, lines[0].file, lines[0].size_bytes) == ("VNPT", "api", "gaps.csv", 2)
    assert len(downloads.downloads(store, 2)) == 2
    assert verify(store).handed == 3


def test_an_end_cut_off_ledger_and_copy_alike_is_missed_by_whoever_noted_it(store: Store) -> None:
    head = verify(store).heads["downloads"]
    change(store, DOWNLOADS.delete().where(DOWNLOADS.c.number == 3))
    cut_copy(store)
    assert damage(store) == []
    noted = verify(store, noted=[head, CHAIN.lines(store)[0].digest]).damage
    assert [(one.kind, one.where) for one in noted] == [("noted", head)]


def test_a_line_whose_copy_cannot_be_continued_is_written_and_said(store: Store) -> None:
    garble_copy(store)
    with pytest.raises(StoreError) as error:
        downloads.note(store, A_FILE)
    assert error.value.code == "STO-10"
    assert len(CHAIN.lines(store)) == 4


def test_a_lost_ledger_is_made_again_from_its_copy(store: Store) -> None:
    told = CHAIN.lines(store)
    change(store, DOWNLOADS.delete())
    assert CHAIN.restore(store) == 3
    downloads.note(store, A_FILE)
    assert CHAIN.lines(store)[:3] == told
    assert damage(store) == []


def test_partners_who_fetch_at_the_same_moment_each_have_their_line(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: downloads.note(store, replace(A_FILE, who=str(number))), range(12)))
    assert {line.who for line in downloads.downloads(store, 12)} == {str(number) for number in range(12)}
    assert damage(store) == []


def test_lines_of_an_older_release_are_chained_when_the_registry_is_opened(tmp_path: Path, database: str) -> None:
    settings = settings_from({"COLLECT_DATA": str(tmp_path), "COLLECT_DATABASE": database})
    store = open_store(settings)
    downloads.note(store, A_FILE)
    as_it_was = [
        "ALTER TABLE downloads DROP COLUMN previous", "ALTER TABLE downloads DROP COLUMN digest",
        "ALTER TABLE downloads RENAME COLUMN number TO sequence", "UPDATE downloads SET sequence = 7",
        "ALTER TABLE uploads DROP COLUMN forced_decimals",
    ]  # fmt: skip
    with store.engine.begin() as connection:
        for statement in as_it_was:
            connection.exec_driver_sql(statement)
        connection.execute(SCHEMA.update().values(version=3))
    store.engine.dispose()
    unlink_copy(store)
    for number in (2, 3):  # opened twice, it is chained once
        store = open_store(settings)
        downloads.note(store, A_FILE)
        assert [line.number for line in CHAIN.lines(store)] == list(range(1, number + 1))
        assert damage(store) == []
        with store.engine.connect() as connection:
            assert connection.execute(sa.select(SCHEMA.c.version)).scalar_one() == LATEST
        store.engine.dispose()


def test_a_list_written_from_the_command_line_leaves_a_line_for_whom_it_was_written(tmp_path: Path) -> None:
    store = store_with_runs(tmp_path)
    environment = {"COLLECT_DATA": str(tmp_path), "COLLECT_DATABASE": ""}

    def run(*words: str) -> str:
        return CliRunner().invoke(main, list(words), env=environment, catch_exceptions=False).output

    run("partners", "add", "vnpt", "--commune", "29242")
    run("gaps", "--to", str(tmp_path / "all.CSV"))
    run("gaps", "--partner", "vnpt", "--to", str(tmp_path / "theirs.xlsx"))
    theirs, ours = downloads.downloads(store)
    assert (ours.who, ours.partner, ours.via, ours.file, ours.release) == (LOCAL.signature, "", "cli", "gaps.csv", LAST)
    assert (theirs.who, theirs.partner, theirs.file) == ("vnpt", "vnpt", "gaps.xlsx")
    assert theirs.release.startswith(f"{LAST}.")
    looked = json.loads(run("verify", "--json"))
    assert (looked["handed"], looked["heads"]) == (2, {"ledger": "", "downloads": theirs.digest})
    told = run("--lang", "en", "verify")
    assert f"The last download is number 2, digest {theirs.digest}." in told
    assert f"collect verify --noted {theirs.digest}\n" in told
    assert "No ledger holds the line noted as 0000" in run("--lang", "en", "verify", "--noted", "0" * 64)
    change(store, DOWNLOADS.update().where(DOWNLOADS.c.number == 1).values(partner="bank"))
    said = CliRunner().invoke(main, ["--lang", "en", "verify"], env=environment)
    assert said.exit_code == 13
    assert "ledger of downloads was changed" in said.output
    assert registry.shown_run(store.engine) == LAST
