"""A file that brings its reader down takes nothing else with it: it is refused in words, kept, and the rest goes on."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from workshops import workshop_told

from collect import registry
from collect.cli import main
from collect.define import load_forms
from collect.forms import Form
from collect.i18n import t
from collect.intake import Asked, add_file
from collect.journey import define
from collect.limits import DEFAULT
from collect.problems import CollectError, ExportError
from collect.rebuild import Rebuilt, rebuild
from collect.receive import apart, receive
from collect.receive.apart import receive_apart
from collect.receive.manner import Manner
from collect.server import found_by_streamlit
from collect.settings import settings_from, shipped_forms
from collect.store import kept, open_store

SUBMISSION = '<data id="household" version="1"><meta><instanceID>uuid:{}</instanceID></meta></data>'
FRAME = "cluster,commune_code,vintage,hamlet,hamlet_name,stratum,households,probability,selected\n29242-01,29242,2025-07,01,,29242,90,0.5,true\n"  # fmt: skip  # noqa: E501


@pytest.fixture(scope="module")
def forms() -> Sequence[Form]:
    return load_forms(shipped_forms())


# file name, code, reason
TROUBLE = [
    ("segfault.xml", "IN-46", "signal 11"),
    ("hang.xml", "IN-44", "time"),
    ("spin.xml", "IN-44", "time"),
    ("swell.xml", "IN-45", "memory"),
    ("swell_at_once.xml", "IN-45", "memory"),
    ("fault.xml", "IN-46", "KeyError trouble.py"),
    ("leave.xml", "IN-46", "exit"),
    ("killed.xml", "IN-46", "signal 9"),
]


@pytest.fixture(scope="module", autouse=True)
def _a_workshop_that_meets_trouble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    wrapped = "import collect.receive as one, trouble", "one.receive = trouble.into_trouble(one.receive)"
    with workshop_told(tmp_path_factory.mktemp("path"), *wrapped):
        yield


LITTLE = Manner(limits=replace(DEFAULT, seconds=60, memory_megabytes=400))
SHORT = Manner(limits=replace(DEFAULT, seconds=1))  # for those that would never end


MOST_SECONDS = 120  # a test waits for what is sure to happen


def write(path: Path, number: int = 1) -> Path:
    path.write_text(SUBMISSION.format(number))
    return path


def zipped(path: Path, names: str) -> Path:
    """A zip of submissions, one a letter."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"{name}.xml", SUBMISSION.format(name))
    return path


@pytest.mark.parametrize(("name", "code", "reason"), TROUBLE)
def test_trouble_in_the_reader_is_a_refusal_in_words_and_the_next_file_is_read(
    name: str, code: str, reason: str, forms: Sequence[Form], tmp_path: Path
) -> None:
    with pytest.raises(ExportError) as caught:
        receive_apart(write(tmp_path / name), forms, manner=SHORT if reason == "time" else LITTLE)
    assert caught.value.code == code
    assert str(caught.value.values["reason"]).startswith(reason)
    assert "secret" not in str(caught.value)
    (received,) = receive_apart(write(tmp_path / "good.xml"), forms, manner=LITTLE)
    assert received.submissions == 1


def test_a_member_that_brings_the_reader_down_is_left_out_and_the_rest_is_read(
    forms: Sequence[Form], tmp_path: Path
) -> None:
    (received,) = receive_apart(zipped(tmp_path / "segfault.zip", "abc"), forms, manner=LITTLE)
    assert received.answers["/data"]["submission_id"].to_list() == ["uuid:a", "uuid:c"]
    assert received.issues.select("code", "found_in").rows() == [("FIL-03", "b.xml")]
    assert received.unreadable == 1


def test_a_reader_ended_from_outside_accuses_no_member_and_reads_all_once_more(
    forms: Sequence[Form], tmp_path: Path
) -> None:
    (received,) = receive_apart(zipped(tmp_path / "killed_once.zip", "abc"), forms, manner=LITTLE)
    assert received.answers["/data"]["submission_id"].to_list() == ["uuid:a", "uuid:b", "uuid:c"]
    assert received.issues.height == 0
    assert (tmp_path / "killed_once.struck").exists()


def test_where_nothing_else_is_left_the_refusal_says_how_the_reader_ended(
    forms: Sequence[Form], tmp_path: Path
) -> None:
    with pytest.raises(ExportError) as caught:
        receive_apart(zipped(tmp_path / "segfault.zip", "b"), forms, manner=LITTLE)
    assert (caught.value.code, caught.value.values["reason"]) == ("IN-46", "signal 11")
    assert str(caught.value.values["file"]).endswith("b.xml")


def test_reading_apart_and_reading_here_say_the_same(forms: Sequence[Form], tmp_path: Path) -> None:
    (tmp_path / "frame.csv").write_text(FRAME)
    for path in (write(tmp_path / "a.xml"), tmp_path / "frame.csv"):
        (here,), (there,) = receive(path, forms), receive_apart(path, forms)
        assert (here.source, here.file, here.counts) == (there.source, there.file, there.counts)
        assert all(here.answers[name].equals(there.answers[name]) for name in here.answers)
        assert (here.frame is None and there.frame is None) or here.frame.equals(there.frame)  # type: ignore[union-attr, arg-type]
    with pytest.raises(ExportError) as caught:
        receive_apart(write(tmp_path / "b.xml"), forms, form="nobody's")
    assert caught.value.code == "IN-24"


def test_progress_is_told_while_reading(forms: Sequence[Form], tmp_path: Path) -> None:
    told: list[float] = []
    receive_apart(write(tmp_path / "a.xml"), forms, progress=lambda _step, share: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_several_threads_share_one_workshop(forms: Sequence[Form], tmp_path: Path) -> None:
    found: dict[int, str] = {}

    def read(number: int) -> None:
        (received,) = receive_apart(write(tmp_path / f"{number}.xml", number), forms)
        found[number] = received.answers["/data"]["submission_id"][0]

    threads = [threading.Thread(target=read, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"uuid:{number}" for number in range(6)}


def test_whoever_stops_waiting_ends_the_reader(
    forms: Sequence[Form], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stop(line: socket.socket, _tell: object) -> dict[str, object]:
        with line:
            assert until(lambda: bool(_readers()))
            raise KeyboardInterrupt

    monkeypatch.setattr(apart, "_followed", stop)
    with pytest.raises(KeyboardInterrupt):
        receive_apart(write(tmp_path / "hang.xml"), forms)
    assert until(lambda: not _readers())


def until(happened: Callable[[], bool]) -> bool:
    """Wait for something that takes a moment; minutes on a machine with other work are no failure."""
    deadline = time.monotonic() + MOST_SECONDS
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.02)
    return happened()


def _readers() -> list[str]:
    """Processes below the workshop: of this test's own, no other's."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _, _, rest = status.read_text().rpartition(") ")
            parents[status.parent.name] = rest.split()[1]
    mine = {process for process, parent in parents.items() if parent == str(os.getpid())}
    return [process for process, parent in parents.items() if parent in mine]


def test_a_workshop_that_died_is_started_again(forms: Sequence[Form], tmp_path: Path) -> None:
    receive_apart(write(tmp_path / "a.xml"), forms)
    assert apart._WORKSHOP._control is not None
    apart._WORKSHOP._control.close()
    (received,) = receive_apart(write(tmp_path / "a.xml"), forms)
    assert received.submissions == 1


def test_bytes_that_brought_their_reader_down_stay_marked_until_they_are_read(tmp_path: Path) -> None:
    definitions = define(shipped_forms())
    store = open_store(settings_from({"COLLECT_DATA": str(tmp_path / "data")}))
    with pytest.raises(ExportError):
        add_file(store, write(tmp_path / "segfault.xml"), definitions, Asked(by="Lan"))
    (mark,) = registry.refused(store.engine)
    assert [mark[name] for name in ("file_name", "code", "reason", "received_by")] == [
        "segfault.xml", "IN-46", "signal 11", "Lan",
    ]  # fmt: skip
    assert [stored.name for stored in kept(store)] == ["segfault.xml"]
    found = rebuild(store, definitions)
    assert (found.made, found.taken_up, [one.code for one in found.left]) == ((), (), ["STO-12"])
    here = replace(store, settings=replace(store.settings, apart=False))
    assert add_file(here, tmp_path / "segfault.xml", definitions).parts[0].read == 1
    assert registry.refused(store.engine) == []
    assert registry.uploads(store.engine)[0]["file_name"] == "segfault.xml"


def test_a_limit_that_is_no_number_is_said() -> None:
    assert settings_from({"COLLECT_LIMIT_SECONDS": "20"}).limits.seconds == 20
    for wrong in ("0", "-1", "many", "1.5"):
        with pytest.raises(CollectError) as caught:
            settings_from({"COLLECT_LIMIT_SECONDS": wrong})
        assert (caught.value.code, caught.value.values) == ("USE-05", {"name": "COLLECT_LIMIT_SECONDS"})


@pytest.mark.parametrize("lang", ["vi", "km", "en"])
@pytest.mark.parametrize("command", [("review", "list"), ("add", "x.xml"), ("app",)])
def test_a_limit_that_is_no_number_is_said_by_every_command(command: tuple[str, ...], lang: str) -> None:
    wrong = {"COLLECT_LIMIT_SECONDS": "abc", "COLLECT_LANG": lang}
    done = CliRunner().invoke(main, command, env=wrong)
    assert (done.exit_code, t("USE-05.mend", lang) in done.output) == (2, True)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in wrong.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit, match="COLLECT_LIMIT_SECONDS"):
            found_by_streamlit()


def test_a_limit_that_is_no_number_is_said_to_a_script_as_data() -> None:
    done = CliRunner().invoke(main, ["review", "list", "--json"], env={"COLLECT_LIMIT_SECONDS": "abc"})
    assert json.loads(done.output)["code"] == "USE-05"


def test_while_a_dry_run_reads_nothing_lies_where_a_rebuild_would_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definitions, seen = define(shipped_forms()), list[object]()
    store = open_store(settings_from({"COLLECT_DATA": str(tmp_path / "data"), "COLLECT_WORKER": "off"}))
    (tmp_path / "a.xml").write_text(SUBMISSION.format(1), encoding="utf-8")

    def killed(readable: Path, *_more: object) -> None:
        seen.extend([readable.read_bytes(), kept(store)])
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("collect.contents.take", killed)
        with pytest.raises(KeyboardInterrupt):
            add_file(store, tmp_path / "a.xml", definitions, dry_run=True)
    assert seen == [SUBMISSION.format(1).encode(), []]
    assert (kept(store), rebuild(store, definitions)) == ([], Rebuilt((), (), ()))


@pytest.mark.parametrize("lang", ["vi", "km", "en"])
def test_a_dry_run_that_brings_its_reader_down_keeps_nothing_and_says_nothing_else(tmp_path: Path, lang: str) -> None:
    bad = write(tmp_path / "segfault.xml")
    where = {"COLLECT_DATA": str(tmp_path / "data"), "COLLECT_DATABASE": ""}
    store = open_store(settings_from(where))
    told = []
    for more in (["--dry-run"], []):
        done = CliRunner().invoke(main, ["--lang", lang, "add", *more, str(bad)], env=where)
        assert t("IN-46.mend", lang) in done.output
        told.append((done.exit_code, t("intake.kept", lang) in done.output, len(kept(store)), len(registry.refused(store.engine))))  # fmt: skip  # noqa: E501
    assert told == [(11, False, 0, 0), (11, True, 1, 1)]


def test_uploads_are_read_apart_unless_somebody_says_otherwise() -> None:
    assert settings_from({}).apart
    assert not settings_from({"COLLECT_WORKER": "off"}).apart


def test_the_authors_check_reads_apart_too_and_a_bad_file_costs_only_itself(tmp_path: Path) -> None:
    files = [str(write(tmp_path / name)) for name in ("segfault.xml", "good.xml")]
    done = CliRunner().invoke(main, ["check", "--form", str(shipped_forms() / "household"), "--json", *files])
    bad, good = json.loads(done.output)
    assert (done.exit_code, bad["error"]["code"], good["submissions"]) == (11, "IN-46", 1)
