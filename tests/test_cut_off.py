"""Whoever is cut off while bringing a file loses nothing by it: what lies in the inbox without an upload is told, taken
up, and counted once; and what cannot be read again costs no other upload its tables."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from field_office import Office, submission

from collect import contents, journey, registry
from collect.cli import main
from collect.i18n import LANGUAGES, t
from collect.intake import Asked, add_file
from collect.journey import Definitions
from collect.keeping.mending import open_mended
from collect.keeping.verify import verify
from collect.openrosa.door import Door, Sending
from collect.openrosa.fold import fold
from collect.problems import CollectError
from collect.rebuild import rebuild
from collect.store import held, kept, once_recorded, open_store


class Killed(BaseException):
    """Nothing is tidied up after it."""


@contextmanager
def killed_while(step: str, error: type[BaseException] = Killed) -> Iterator[None]:
    """Whoever brings a file meanwhile ends in this step of taking it in."""

    def end(*_: Any, **__: Any) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"collect.contents.{step}", end)
        if error is Killed:
            patch.setattr("collect.intake._turn_away", lambda *_: None)
        with pytest.raises(error):
            yield


def file(office: Office, name: str, size: str = "2") -> Path:
    path = office.folder / f"{name}.xml"
    path.write_text(submission({"id": name, "size": size}), encoding="utf-8")
    return path


def bring(office: Office, name: str, **more: Any) -> None:
    add_file(office.store, file(office, name), office.definitions, Asked(by="Lan", **more))


def told(office: Office) -> list[tuple[str, str]]:
    """Files in no upload, as `collect verify` tells them, each with the code of why it cannot be read."""
    found = verify(office.store)
    assert found.damage == ()
    return [(one.file_name, one.code) for one in found.unrecorded]


def uploads(office: Office) -> list[tuple[str, str]]:
    return [(one["file_name"], one["received_by"]) for one in registry.uploads(office.store.engine)]


def tables(office: Office) -> dict[str, bytes]:
    folder = office.store.folder / "tables"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.parquet")}


@pytest.mark.parametrize("step", ["take", "write", "registry.record_upload"])
def test_what_a_kill_leaves_in_the_inbox_is_told_and_taken_up_signed_by_who_sent_it(office: Office, step: str) -> None:
    bring(office, "a")
    with killed_while(step):
        bring(office, "b")
    assert told(office) == [("b.xml", "")]
    found = rebuild(office.store, office.definitions)
    assert ([one.file for one in found.made], [one.file for one in found.taken_up]) == (["a.xml"], ["b.xml"])
    assert found.left == ()
    assert (told(office), uploads(office)) == ([], [("a.xml", "Lan"), ("b.xml", "Lan")])
    before = tables(office)
    assert rebuild(office.store, office.definitions).taken_up == ()
    bring(office, "b")
    assert (tables(office), len(uploads(office))) == (before, 2)


@pytest.mark.parametrize("step", ["take", "write", "note", "registry.record_upload"])
def test_what_was_cut_off_and_is_sent_again_is_one_upload(office: Office, step: str) -> None:
    with killed_while(step):
        bring(office, "b")
    bring(office, "b")
    assert (told(office), uploads(office)) == ([], [("b.xml", "Lan")])
    assert rebuild(office.store, office.definitions).taken_up == ()


@pytest.mark.parametrize("then", ["sent again", "rebuilt"])
def test_an_upload_whose_note_a_kill_cut_off_is_noted_by_whoever_comes_next(office: Office, then: str) -> None:
    with killed_while("note"):
        bring(office, "b")
    (stored,) = kept(office.store)
    assert (told(office), uploads(office), once_recorded(stored)) == ([], [("b.xml", "Lan")], None)
    if then == "rebuilt":
        rebuild(office.store, office.definitions)
    else:
        bring(office, "b")
    assert (once_recorded(stored) or {})["received_by"] == "Lan"


@pytest.mark.parametrize("step", ["take", "write"])
def test_ctrl_c_while_reading_forgets_the_file_and_later_leaves_it_to_be_taken_up(office: Office, step: str) -> None:
    with killed_while(step, KeyboardInterrupt):
        bring(office, "b")
    assert told(office) == ([] if step == "take" else [("b.xml", "")])
    assert len(rebuild(office.store, office.definitions).taken_up) == len(kept(office.store))


def test_what_was_said_with_a_file_is_said_again_when_it_is_taken_up(office: Office) -> None:
    with killed_while("take"):
        bring(office, "b", dates="dmy", encoding="utf-8")
    rebuild(office.store, office.definitions)
    (upload,) = registry.uploads(office.store.engine)
    assert (upload["forced_dates"], upload["forced_encoding"]) == ("dmy", "utf-8")


def test_a_lost_registry_learns_of_no_upload_that_was_never_received(office: Office) -> None:
    bring(office, "a")
    with killed_while("take"):
        bring(office, "b")
    with office.store.engine.begin() as connection:
        for table in reversed(registry.METADATA.sorted_tables):
            connection.execute(table.delete())
    again = open_mended(office.store.settings)
    assert [one["file_name"] for one in registry.uploads(again.engine)] == ["a.xml"]
    assert [one.file for one in rebuild(again, office.definitions).taken_up] == ["b.xml"]
    again.engine.dispose()


def test_a_file_that_somebody_is_bringing_just_now_is_not_told(office: Office) -> None:
    with killed_while("take"):
        bring(office, "b")
    (stored,) = kept(office.store)
    with held(stored.path.parent):
        assert told(office) == []
    assert told(office) == [("b.xml", "")]


def test_a_rebuild_waits_for_who_is_bringing_a_file_and_counts_it_once(office: Office) -> None:
    reading, go_on, taken, found = threading.Event(), threading.Event(), journey.take, list[Any]()

    def slowly(*given: Any) -> Any:
        reading.set()
        go_on.wait(30)
        return taken(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "take", slowly)
        bringing = threading.Thread(target=bring, args=(office, "b"))
        bringing.start()
        assert reading.wait(30)
        again = open_store(office.store.settings)
        rebuilding = threading.Thread(target=lambda: found.append(rebuild(again, office.definitions)))
        rebuilding.start()
        rebuilding.join(0.2)
        assert rebuilding.is_alive()
        go_on.set()
        for thread in (bringing, rebuilding):
            thread.join(30)
    assert [(one.taken_up, one.left) for one in found] == [((), ())]
    assert uploads(office) == [("b.xml", "Lan")]
    again.engine.dispose()


@pytest.mark.parametrize("then", ["rebuild", "fold"])
def test_what_phones_sent_is_in_one_upload_of_its_team_whoever_goes_on_with_it(office: Office, then: str) -> None:
    door = Door(lambda: office.store)
    door.send(Sending("hh", "uuid:a", "1", "", submission({"id": "a"}).encode(), "Team A")).result()
    door.close()
    with killed_while("write"):
        fold(office.store, office.definitions)
    assert told(office) == [("phones-1-1.zip", "")]
    if then == "rebuild":
        assert len(rebuild(office.store, office.definitions).taken_up) == 1
    assert len(fold(office.store, office.definitions)) == (1 if then == "fold" else 0)
    assert (told(office), uploads(office)) == ([], [("phones-1-1.zip", "Team A")])


# --- what cannot be read ---


def junk(office: Office) -> Path:
    path = office.folder / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0 no export")
    return path


def test_bytes_in_no_upload_that_cannot_be_read_stay_and_are_told_until_somebody_removes_them(office: Office) -> None:
    bring(office, "a")
    with killed_while("take"):
        add_file(office.store, junk(office), office.definitions)
    assert told(office) == [("photo.jpg", "")]
    for _ in range(2):
        found = rebuild(office.store, office.definitions)
        assert ([one.file for one in found.made], [one.code for one in found.left]) == (["a.xml"], ["STO-12"])
        assert "photo.jpg" in str(found.left[0].values["upload"])
        assert [name for name, code in told(office) if code] == ["photo.jpg"]
    stored = next(one for one in kept(office.store) if one.name == "photo.jpg")
    shutil.rmtree(stored.path.parent)
    assert rebuild(office.store, office.definitions).left == ()
    assert (told(office), registry.refused(office.store.engine)) == ([], [])


def test_bytes_in_no_upload_that_are_no_longer_what_came_are_told(office: Office) -> None:
    with killed_while("take"):
        bring(office, "b")
    (stored,) = kept(office.store)
    stored.path.write_bytes(b"x")
    (left,) = rebuild(office.store, office.definitions).left
    assert (left.code, "STO-07" in str(left.values["upload"])) == ("STO-12", True)
    bring(office, "b")  # mends it
    assert (told(office), len(uploads(office))) == ([], 1)


def lose_tables(office: Office) -> None:
    for path in (office.store.folder / "tables").rglob("*.parquet"):
        path.unlink()


@contextmanager
def a_fault_over(name: str) -> Iterator[None]:
    """A fault of the program's own that one file brings to light."""
    real = journey.take

    def take(path: Path, *rest: Any) -> Any:
        if name in path.name:
            raise KeyError("secret")
        return real(path, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "take", take)
        yield


def test_a_fault_over_one_upload_costs_no_other_and_takes_no_table_from_that_one(office: Office) -> None:
    for name in ("a", "b", "c"):
        bring(office, name)
    before = tables(office)
    b = registry.uploads(office.store.engine)[1]["upload_id"]
    for path in (office.store.folder / "tables").rglob("*.parquet"):
        if b not in path.name:
            path.unlink()
    with a_fault_over("b.xml"):
        found = rebuild(office.store, office.definitions)
    assert [one.file for one in found.made] == ["a.xml", "c.xml"]
    (left,) = found.left
    assert (left.code, left.values["upload"]) == ("STO-11", f"{b} (b.xml): IN-46")
    assert "secret" not in str(left)
    assert (tables(office), verify(office.store).damage) == (before, ())


def test_what_rests_on_tables_that_are_lost_is_told_with_them(office: Office) -> None:
    for name in ("a", "b"):
        bring(office, name)
    lose_tables(office)
    with a_fault_over("a.xml"):
        (left,) = rebuild(office.store, office.definitions).left
    assert [part.rpartition(" ")[2] for part in str(left.values["upload"]).split(", ")] == ["IN-46", "STO-02"]
    assert rebuild(office.store, office.definitions).left == ()
    assert verify(office.store).damage == ()


def test_without_its_form_an_upload_keeps_its_tables(office: Office) -> None:
    bring(office, "a")
    with killed_while("take"):
        bring(office, "b")
    before, there = tables(office), kept(office.store)
    found = rebuild(office.store, Definitions((), (), ()))
    assert [one.code for one in found.left] == ["STO-11", "STO-12"]
    assert (tables(office), kept(office.store)) == (before, there)
    assert [one.file for one in rebuild(office.store, office.definitions).taken_up] == ["b.xml"]


@pytest.mark.parametrize("code", ["STO-03", "STO-09"])
def test_what_ails_the_disk_or_the_registry_ends_a_rebuild(office: Office, code: str) -> None:
    bring(office, "a")

    def fail(*_: Any, **__: Any) -> None:
        raise CollectError(code)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collect.contents.registry.replace_parts", fail)
        with pytest.raises(CollectError) as caught:
            rebuild(office.store, office.definitions)
    assert caught.value.code == code


# --- as the commands tell it ---

HOUSEHOLD = '<data id="household" version="1"><meta><instanceID>uuid:{}</instanceID></meta></data>'


def collect(data: Path, *arguments: str, lang: str = "en") -> Result:
    environment = {"COLLECT_DATA": str(data), "COLLECT_DATABASE": "", "COLLECT_FORMS": "", "COLLECT_WORKER": "off"}
    return CliRunner().invoke(main, ["--lang", lang, *arguments], env=environment)


@pytest.fixture
def cut_off(data: Path, tmp_path: Path) -> Path:
    """A data folder with one upload, and a file that somebody was cut off over."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.xml").write_text(HOUSEHOLD.format(name), encoding="utf-8")
    assert collect(data, "add", str(tmp_path / "a.xml")).exit_code == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collect.intake._turn_away", lambda *_: None)
        patch.setattr("collect.contents.take", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert collect(data, "add", str(tmp_path / "b.xml")).exit_code == 130
    return data


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_the_commands_tell_what_lies_in_no_upload_and_what_was_taken_up(cut_off: Path, lang: str) -> None:
    looked = collect(cut_off, "verify", lang=lang)
    (path,) = [one.relative_to(cut_off).as_posix() for one in (cut_off / "inbox").rglob("b.xml")]
    assert (looked.exit_code, path in looked.output) == (0, True)
    assert t("verify.unrecorded.mend", lang) in looked.output
    found = json.loads(collect(cut_off, "verify", "--json", lang=lang).output)
    assert (found["sound"], [one["file_name"] for one in found["unrecorded"]]) == (True, ["b.xml"])
    made = collect(cut_off, "rebuild", lang=lang)
    assert (made.exit_code, "(b.xml)" in made.output) == (0, True)
    assert json.loads(collect(cut_off, "verify", "--json", lang=lang).output)["unrecorded"] == []


def test_a_script_reads_which_uploads_a_rebuild_took_up(cut_off: Path) -> None:
    made = json.loads(collect(cut_off, "rebuild", "--json").output)
    assert [(one["file"], one["taken_up"]) for one in made] == [("a.xml", False), ("b.xml", True)]
    made = json.loads(collect(cut_off, "rebuild", "--json").output)
    assert [one["taken_up"] for one in made] == [False, False]


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_a_rebuild_names_what_it_left_and_why_and_does_not_end_well(cut_off: Path, lang: str) -> None:
    with a_fault_over("a.xml"):
        done = collect(cut_off, "rebuild", lang=lang)
        assert (done.exit_code, "(a.xml): IN-46" in done.output) == (13, True)
        for words in (t("STO-11.mend", lang), t("IN-46.mend", lang), t("cli.rebuild.made", lang, uploads=1)):
            assert words in done.output
        said = json.loads(collect(cut_off, "rebuild", "--json", lang=lang).output)
    assert (said["code"], [one["code"] for one in said["left"]]) == ("STO-11", ["STO-11"])
    assert [one["file"] for one in said["made"]] == ["b.xml"]
    assert collect(cut_off, "rebuild", lang=lang).exit_code == 0
