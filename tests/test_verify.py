"""Damage is found and named, and `collect rebuild` mends what can be made again: on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from field_office import Office, states

from collect import registry
from collect.cli import main
from collect.keeping import ledger
from collect.keeping.mending import open_mended
from collect.keeping.verify import verify
from collect.migrations import LATEST, SCHEMA
from collect.problems import StoreError
from collect.rebuild import rebuild
from collect.review.reviews import Correction, correct, decide, queue
from collect.store import NOTE, kept, open_store


@pytest.fixture
def office(tmp_path: Path, database: str) -> Iterator[Office]:
    made = Office(tmp_path, database)
    made.send("| id | size |\n| a | 3 |\n| b | 99 |", [{"age": "30"}], by="tablet 7")
    made.send("| id | replaces | size |\n| c | a | 1 |")
    decide(made.store, ["uuid:b"], "rejected", "never visited", "Lan")
    correct(made.store, made.definitions, [Correction("uuid:c", "/data/size", "2", "by phone")], "Lan")
    yield made
    made.close()


def damage(office: Office) -> list[str]:
    return [one.kind for one in verify(office.store).damage]


def parts(office: Office) -> dict[str, bytes]:
    folder = office.store.folder / "tables"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.parquet")}


def test_what_is_as_it_was_stored_is_sound(office: Office) -> None:
    found = verify(office.store)
    assert (found.damage, found.uploads, found.entries) == ((), 2, 2)
    assert found.parts == len(parts(office))


@pytest.mark.parametrize("harm", ["truncated", "deleted", "one byte"])
def test_a_harmed_part_is_found_and_made_again_to_the_byte(office: Office, harm: str) -> None:
    before = parts(office)
    path = sorted((office.store.folder / "tables").rglob("*.parquet"))[3]
    whole = path.read_bytes()
    if harm == "deleted":
        path.unlink()
    else:
        path.write_bytes(whole[:-7] if harm == "truncated" else whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    assert damage(office) == ["part_gone" if harm == "deleted" else "part_altered"]
    rebuild(office.store, office.definitions)
    assert damage(office) == []
    assert parts(office) == before


def test_an_original_that_is_gone_or_altered_is_named(office: Office) -> None:
    first, second = kept(office.store)
    first.path.write_bytes(b"x")
    second.path.unlink()
    assert sorted(damage(office)) == ["original_altered", "original_gone"]


def test_a_changed_or_shortened_ledger_is_found(office: Office) -> None:
    with office.store.engine.begin() as connection:
        connection.execute(registry.LEDGER.update().where(registry.LEDGER.c.number == 2).values(why="because"))
    assert damage(office) == ["ledger", "ledger_differs"]
    with office.store.engine.begin() as connection:
        connection.execute(registry.LEDGER.delete().where(registry.LEDGER.c.number == 2))
    assert damage(office) == ["ledger_short"]


def test_a_run_remembers_the_last_decision_it_knew(office: Office) -> None:
    from datetime import date

    registry.record_run(office.store.engine, "r1", "2025-07", date(2026, 3, 1), ledger.head(office.store))
    assert damage(office) == []
    with office.store.engine.begin() as connection:
        connection.execute(registry.LEDGER.delete().where(registry.LEDGER.c.number == 2))
    (office.store.folder / ledger.CHAIN.copy).unlink()
    assert damage(office) == ["ledger_behind", "ledger_unknown"]


def test_a_tail_cut_off_ledger_and_copy_is_found_by_what_runs_and_people_noted(office: Office) -> None:
    head = verify(office.store).heads["ledger"]
    assert head == ledger.head(office.store)
    run = office.store.run_folder("r1")
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"ledger_head": head}), encoding="utf-8")
    with office.store.engine.begin() as connection:
        connection.execute(registry.LEDGER.delete().where(registry.LEDGER.c.number == 2))
    copy = office.store.folder / ledger.CHAIN.copy
    copy.write_bytes(copy.read_bytes().splitlines(keepends=True)[0])
    assert damage(office) == ["ledger_unknown"]
    assert [one.kind for one in verify(office.store, noted=[head]).damage] == ["ledger_unknown", "noted"]


def test_a_copy_that_is_gone_while_there_are_decisions_is_found(office: Office) -> None:
    (office.store.folder / ledger.CHAIN.copy).unlink()
    assert damage(office) == ["ledger_behind"]
    open_mended(office.store.settings).engine.dispose()
    assert damage(office) == []


def test_bytes_that_were_kept_and_never_recorded_are_taken_up(office: Office) -> None:
    with office.store.engine.begin() as connection:
        last = connection.execute(sa.select(sa.func.max(registry.UPLOADS.c.sequence))).scalar_one()
        upload = connection.execute(
            sa.select(registry.UPLOADS.c.upload_id).where(registry.UPLOADS.c.sequence == last)
        ).scalar_one()
        for table in (registry.PARTS, registry.FILES, registry.UPLOADS):
            connection.execute(table.delete().where(table.c.upload_id == upload))
    rebuild(office.store, office.definitions)
    assert len(registry.uploads(office.store.engine)) == 2


def test_a_lost_registry_is_made_again_from_the_data_folder(office: Office) -> None:
    """The same when `COLLECT_DATABASE` names another, empty database."""
    before, shown = parts(office), queue(office.store, office.definitions)
    with office.store.engine.begin() as connection:
        for table in reversed(registry.METADATA.sorted_tables):
            connection.execute(table.delete())
    office.store.engine.dispose()
    again = open_mended(office.store.settings)
    rebuild(again, office.definitions)
    assert verify(again).damage == ()
    assert parts(office) == before
    assert queue(again, office.definitions).equals(shown)
    assert [one["received_by"] for one in registry.uploads(again.engine)] == ["tablet 7", "phone"]
    again.engine.dispose()


def test_a_note_of_an_older_release_is_written_by_rebuild(office: Office) -> None:
    for path in (office.store.folder / "inbox").rglob(NOTE):
        path.unlink()
    rebuild(office.store, office.definitions)
    assert len(list((office.store.folder / "inbox").rglob(NOTE))) == 2


# --- SQLite's own file ---


def environment(office: Office) -> dict[str, str]:
    return {"COLLECT_DATA": str(office.store.folder), "COLLECT_DATABASE": "", "COLLECT_FORMS": ""}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_corrupted_page_is_found_and_mended(office: Office) -> None:
    shown, file = queue(office.store, office.definitions), office.store.folder / "collect.db"
    with office.store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.exec_driver_sql("SELECT rootpage FROM sqlite_master WHERE name = 'ledger'").scalar_one()
        size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    office.close()
    with file.open("r+b") as raw:
        raw.seek((page - 1) * size)
        raw.write(b"\xde\xad" * (size // 2))
    told = CliRunner().invoke(main, ["--lang", "en", "verify", "--json"], env=environment(office))
    assert told.exit_code == 13
    assert [one["kind"] for one in json.loads(told.output)["damage"]] == ["registry"]
    assert "collect rebuild" in json.loads(told.output)["damage"][0]["mend"]
    again = open_mended(office.store.settings)
    rebuild(again, office.definitions)
    assert verify(again).damage == ()
    assert states(queue(again, office.definitions)) == states(shown)
    assert (office.store.folder / "collect.db.damaged-1").is_file()
    again.engine.dispose()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_registry_that_is_no_database_any_more_is_mended(office: Office) -> None:
    office.close()
    (office.store.folder / "collect.db").write_bytes(
        b"no database, only text that is long enough to be read as one" * 99
    )
    told = CliRunner().invoke(main, ["--lang", "en", "verify", "--json"], env=environment(office))
    assert (told.exit_code, json.loads(told.output)["code"]) == (13, "STO-01")
    again = open_mended(office.store.settings)
    assert len(registry.uploads(again.engine)) == 2
    again.engine.dispose()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_locked_registry_stops_with_words_and_exit_code_13(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "PATIENCE_MS", 50)
    office.store.engine.dispose()
    holder = sa.create_engine(office.store.settings.database)
    with holder.connect() as connection:
        connection.exec_driver_sql("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError) as error:
            decide(office.store, ["uuid:c"], "accepted", "", "Lan")
    holder.dispose()
    assert (error.value.code, error.value.exit_code) == ("STO-09", 13)
    decide(office.store, ["uuid:c"], "accepted", "", "Lan")


# --- older and newer registries ---


FIRST_RELEASE = """
    CREATE TABLE uploads (sequence {number}, upload_id VARCHAR(16) NOT NULL UNIQUE, sha256 VARCHAR(64) NOT NULL UNIQUE,
        file_name VARCHAR(255) NOT NULL, size_bytes BIGINT NOT NULL, forced_form VARCHAR(255) NOT NULL,
        forced_source VARCHAR(64) NOT NULL, received_at VARCHAR(32) NOT NULL, received_by VARCHAR(255) NOT NULL);
    CREATE TABLE parts (upload_id VARCHAR(16) NOT NULL REFERENCES uploads (upload_id), form VARCHAR(255) NOT NULL,
        form_version VARCHAR(255) NOT NULL, source VARCHAR(64) NOT NULL, read INTEGER NOT NULL, rows INTEGER NOT NULL,
        new INTEGER NOT NULL, changed INTEGER NOT NULL, duplicate INTEGER NOT NULL, with_issues INTEGER NOT NULL,
        unreadable INTEGER NOT NULL, issues INTEGER NOT NULL, PRIMARY KEY (upload_id, form));
    CREATE TABLE runs (sequence {number}, run_id VARCHAR(64) NOT NULL, vintage VARCHAR(16) NOT NULL,
        as_of VARCHAR(10) NOT NULL, made_at VARCHAR(32) NOT NULL);
    INSERT INTO uploads (upload_id, sha256, file_name, size_bytes, forced_form, forced_source, received_at, received_by)
        VALUES ('u', 's', 'a.csv', 1, '', '', '2026-01-01T00:00:00+07:00', 'Lan');
    INSERT INTO runs (run_id, vintage, as_of, made_at) VALUES ('r', 'v', 'd', 'm')
"""


def as_of_the_first_release(url: str) -> None:
    """A registry as version 1 made it: no ledger, no digests, no table that says which version it is."""
    engine = sa.create_engine(url)
    serial = "INTEGER PRIMARY KEY" if engine.dialect.name == "sqlite" else "SERIAL PRIMARY KEY"
    with engine.begin() as connection:
        for statement in FIRST_RELEASE.format(number=serial).split(";"):
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_an_older_registry_gains_what_is_new_and_keeps_what_it_has(tmp_path: Path, database: str) -> None:
    url = database or f"sqlite:///{tmp_path / 'collect.db'}"
    as_of_the_first_release(url)
    for _ in range(2):
        engine = registry.open_registry(url)
        assert registry.every_run(engine)[0]["ledger_head"] == ""
        upload = registry.uploads(engine)[0]
        assert upload.keys() == set(registry.UPLOADS.c.keys())
        assert upload["received_by"] == "Lan"
        with engine.connect() as connection:
            assert connection.execute(sa.select(SCHEMA.c.version)).scalar_one() == LATEST
            assert set(registry.METADATA.tables) <= set(sa.inspect(connection).get_table_names())
        engine.dispose()


def test_a_registry_of_a_newer_release_is_left_alone(tmp_path: Path, database: str) -> None:
    url = database or f"sqlite:///{tmp_path / 'collect.db'}"
    engine = registry.open_registry(url)
    with engine.begin() as connection:
        connection.execute(SCHEMA.update().values(version=LATEST + 1))
    engine.dispose()
    with pytest.raises(StoreError) as error:
        registry.open_registry(url)
    assert error.value.code == "STO-08"


def test_many_may_open_a_new_registry_at_once(tmp_path: Path, database: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    url = database or f"sqlite:///{tmp_path / 'collect.db'}"
    with ThreadPoolExecutor(8) as pool:
        for engine in pool.map(lambda _: registry.open_registry(url), range(8)):
            engine.dispose()


def test_reviewers_at_the_same_moment_wait_for_one_another(office: Office) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def decide_often(name: str) -> None:
        for turn in range(5):
            decide(office.store, ["uuid:c"], "sent_back", f"{name} {turn}", name)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(decide_often, "abcd"))
    assert len(ledger.entries(office.store)) == 22
    assert damage(office) == []


def test_opening_again_makes_nothing_new(office: Office) -> None:
    again = open_store(office.store.settings)
    assert len(registry.uploads(again.engine)) == 2
    again.engine.dispose()
