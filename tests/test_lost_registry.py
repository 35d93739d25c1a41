"""A registry that is lost, or older than its data folder, costs nothing that was received or decided.

Whoever opens it is told, nothing is forgotten or called sound meanwhile, and a rebuild makes everything whole.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from field_office import Office, uuids
from test_cut_off import HOUSEHOLD, bring, collect, file, junk, killed_while, tables, uploads

from collect import registry
from collect.i18n import LANGUAGES, t
from collect.intake import Asked, add_file
from collect.journey import Definitions
from collect.keeping import downloads, ledger
from collect.keeping.mending import open_mended
from collect.keeping.verify import verify
from collect.problems import ExportError, StoreError
from collect.rebuild import rebuild
from collect.review.reviews import decide
from collect.store import BEGUN, kept, noted, open_store


def lose(office: Office, *, but: tuple[str, ...] = ()) -> None:
    with office.store.engine.begin() as connection:
        for table in reversed(registry.METADATA.sorted_tables):
            if table.name not in but:
                connection.execute(table.delete())


def damage(office: Office) -> list[str]:
    return [one.kind for one in verify(office.store).damage]


def rebuilt(office: Office, definitions: Definitions | None = None) -> list[str]:
    """What a rebuild, as the command does it, leaves."""
    store = open_mended(office.store.settings)
    try:
        return [one.code for one in rebuild(store, definitions or office.definitions).left]
    finally:
        store.engine.dispose()


NO_FORMS = Definitions((), (), ())


def test_a_lost_registry_opens_for_nobody_and_is_no_sound_store_until_it_is_made_again(office: Office) -> None:
    for name in ("a", "b"):
        bring(office, name)
    before = tables(office)
    lose(office)
    with pytest.raises(StoreError) as refused:
        open_store(office.store.settings)
    assert (refused.value.code, refused.value.exit_code) == ("STO-13", 13)
    assert [(one.kind, one.where) for one in verify(office.store).damage] == [("registry_lost", "2")]
    assert verify(office.store).unrecorded == ()
    assert rebuilt(office) == []
    open_store(office.store.settings).engine.dispose()
    assert (damage(office), tables(office), uploads(office)) == ([], before, [("a.xml", "Lan"), ("b.xml", "Lan")])


def test_a_store_with_nothing_but_files_that_were_cut_off_is_not_lost(office: Office) -> None:
    with killed_while("take"):
        bring(office, "a")
    open_store(office.store.settings).engine.dispose()
    assert damage(office) == []


def test_a_registry_from_a_backup_does_not_know_an_original_that_was_received(office: Office) -> None:
    for name in ("a", "b"):
        bring(office, name)
    b = registry.uploads(office.store.engine)[1]["upload_id"]
    with office.store.engine.begin() as connection:
        for table in (registry.PARTS, registry.FILES, registry.UPLOADS):
            connection.execute(table.delete().where(table.c.upload_id == b))
    assert [(one.kind, one.where) for one in verify(office.store).damage] == [("original_unknown", f"{b} (b.xml)")]
    assert (rebuilt(office), damage(office), len(uploads(office))) == ([], [], 2)


@pytest.mark.parametrize("before", ["received", "cut off"])
def test_a_refusal_forgets_no_bytes_that_lay_in_the_inbox_before(office: Office, before: str) -> None:
    bring(office, "a")
    if before == "received":
        bring(office, "b")
        lose(office, but=("schema",))
    else:
        with killed_while("take"):
            bring(office, "b")
    stored = next(one for one in kept(office.store) if one.name == "b.xml")
    said = noted(stored)
    for _ in range(2):
        with pytest.raises(ExportError) as refused:
            add_file(office.store, file(office, "b"), NO_FORMS, Asked(by="Minh"))
        assert refused.value.values["kept"] is True
    assert (stored.path.is_file(), noted(stored), BEGUN in (said or {})) == (True, said, before == "cut off")
    assert [row["file_name"] for row in registry.refused(office.store.engine)] == ["b.xml"]
    assert (rebuilt(office), sorted(uploads(office))) == ([], [("a.xml", "Lan"), ("b.xml", "Lan")])


def test_a_refusal_forgets_bytes_that_nobody_had_brought_before(office: Office) -> None:
    with pytest.raises(ExportError):
        add_file(office.store, junk(office), office.definitions)
    assert (kept(office.store), registry.refused(office.store.engine)) == ([], [])


# --- uploads without tables ---


@pytest.mark.parametrize("lost", ["their rows", "their files"])
def test_an_upload_without_tables_is_damage_and_the_same_file_makes_them_again(office: Office, lost: str) -> None:
    for name in ("a", "b"):
        bring(office, name)
    before, b = tables(office), registry.uploads(office.store.engine)[1]["upload_id"]
    if lost == "their rows":
        with office.store.engine.begin() as connection:
            for table in (registry.PARTS, registry.FILES):
                connection.execute(table.delete().where(table.c.upload_id == b))
        assert damage(office) == ["parts_missing"]
    for path in (office.store.folder / "tables").rglob(f"{b}.parquet"):
        path.unlink()
    assert damage(office) != []
    tried = add_file(office.store, file(office, "b"), office.definitions, dry_run=True)
    assert ([part.new for part in tried.parts], damage(office) != []) == ([1], True)
    receipt = add_file(office.store, file(office, "b"), office.definitions, Asked(by="Minh"))
    assert (receipt.again, [part.new for part in receipt.parts]) == (False, [1])
    assert (damage(office), tables(office), uploads(office)[1]) == ([], before, ("b.xml", "Lan"))
    assert add_file(office.store, file(office, "b"), office.definitions).again


def test_an_upload_that_still_cannot_be_read_is_not_answered_as_received_before(office: Office) -> None:
    bring(office, "a")
    lose(office)
    assert rebuilt(office, NO_FORMS) == ["STO-11"]
    assert damage(office) == ["parts_missing"]
    with pytest.raises(ExportError):
        add_file(office.store, file(office, "a"), NO_FORMS)
    bring(office, "a")
    assert damage(office) == []


def test_a_damaged_original_that_is_put_back_by_sending_it_has_its_tables_again(office: Office) -> None:
    for name in ("a", "b"):
        bring(office, name)
    before = tables(office)
    next(one for one in kept(office.store) if one.name == "a.xml").path.write_bytes(b"x")
    lose(office)
    shutil.rmtree(office.store.folder / "tables")
    assert (rebuilt(office), damage(office)) == (["STO-07"], ["original_altered", "parts_missing"])
    bring(office, "a")
    assert (damage(office), tables(office)) == ([], before)


# --- decisions ---


def decided(office: Office) -> list[tuple[int, str]]:
    return [(one.number, one.why) for one in ledger.entries(office.store)]


def reject(office: Office, why: str) -> None:
    decide(office.store, uuids("a"), "rejected", why, "Lan")
    decide(office.store, uuids("a"), "received", why, "Lan")


def forget_from(office: Office, number: int) -> None:
    with office.store.engine.begin() as connection:
        connection.execute(registry.LEDGER.delete().where(registry.LEDGER.c.number >= number))


@pytest.fixture
def reviewed(office: Office) -> Office:
    office.send("| id |\n| a |")
    reject(office, "one")
    return office


@pytest.mark.parametrize("first_lost", [1, 2])
def test_a_rebuild_takes_the_decisions_that_only_the_copy_holds(reviewed: Office, first_lost: int) -> None:
    told = ledger.entries(reviewed.store)
    forget_from(reviewed, first_lost)
    assert damage(reviewed) == ["ledger_short"]
    assert (rebuilt(reviewed), ledger.entries(reviewed.store), damage(reviewed)) == ([], told, [])


def test_a_decision_made_before_the_rebuild_follows_those_in_the_copy_and_is_copied(reviewed: Office) -> None:
    forget_from(reviewed, 2)
    decide(reviewed.store, uuids("a"), "rejected", "two", "Minh")
    assert decided(reviewed) == [(1, "one"), (2, "one"), (3, "two")]
    assert ledger.CHAIN.copied(reviewed.store.folder) == ledger.entries(reviewed.store)
    lose(reviewed)
    assert (rebuilt(reviewed), decided(reviewed)[-1], damage(reviewed)) == ([], (3, "two"), [])


def parted(office: Office) -> Path:
    """The registry goes on from its first decision without the copy, whose second one it does not know."""
    copy = office.store.folder / ledger.CHAIN.copy
    text = copy.read_text(encoding="utf-8")
    copy.unlink()
    forget_from(office, 2)
    reject(office, "another")
    copy.write_text(text, encoding="utf-8")
    return copy


@pytest.mark.parametrize("right", ["registry", "copy"])
def test_where_registry_and_copy_part_ways_a_rebuild_says_so_and_people_choose(reviewed: Office, right: str) -> None:
    copy = parted(reviewed)
    text = copy.read_text(encoding="utf-8")
    (left,) = rebuild(reviewed.store, reviewed.definitions).left
    assert (left.code, left.values["file"], left.values["number"]) == ("STO-14", "ledger.jsonl", 2)
    assert (damage(reviewed)[:1], copy.read_text(encoding="utf-8")) == (["ledger_differs"], text)
    if right == "registry":
        copy.unlink()
    else:
        lose(reviewed)
    assert (rebuilt(reviewed), damage(reviewed)) == ([], [])
    assert {why for _, why in decided(reviewed)} == ({"one", "another"} if right == "registry" else {"one"})


def test_downloads_come_back_from_their_copy_too(office: Office) -> None:
    bring(office, "a")
    for _ in range(2):
        downloads.note(office.store, downloads.Handed("VNPT", "", "", "cli", "r1", "gaps.csv", 2, "0" * 64))
    with office.store.engine.begin() as connection:
        connection.execute(registry.DOWNLOADS.delete().where(registry.DOWNLOADS.c.number == 2))
    assert (damage(office), rebuilt(office), damage(office)) == (["downloads_short"], [], [])


# --- as the commands tell it ---


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_every_command_but_verify_and_rebuild_refuses_a_lost_registry_in_words(
    data: Path, tmp_path: Path, lang: str
) -> None:
    path = tmp_path / "a.xml"
    path.write_text(HOUSEHOLD.format("a"), encoding="utf-8")
    assert collect(data, "add", str(path)).exit_code == 0
    for one in data.glob("collect.db*"):
        one.unlink()
    for command in (["add", str(path)], ["run"], ["review", "list"], ["phones"]):
        done = collect(data, *command, lang=lang)
        assert (done.exit_code, t("STO-13.mend", lang) in done.output) == (13, True), (command, done.output)
    looked = collect(data, "verify", lang=lang)
    assert (looked.exit_code, t("verify.registry_lost.mend", lang) in looked.output) == (13, True)
    assert [collect(data, command).exit_code for command in ("rebuild", "verify")] == [0, 0]
    assert "a.xml" in collect(data, "add", str(path)).output
