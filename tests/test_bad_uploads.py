"""A file that is not what it says gets words, an exit code, and leaves the store as it was; the others go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from collect import journey
from collect.cli import main
from collect.i18n import LANGUAGES
from collect.settings import shipped_forms
from collect.tables import Answers

SECRET = "0912345678"  # a phone number nobody has: it may turn up nowhere but in the data folder

FORM = shipped_forms() / "household"
HOUSEHOLD = '<data id="household" version="1"><meta><instanceID>uuid:{}</instanceID></meta></data>'


def collect(data: Path, *arguments: str, lang: str = "en") -> Result:
    environment = {"COLLECT_DATA": str(data), "COLLECT_DATABASE": "", "COLLECT_GEO_MIRROR": ""}
    return CliRunner().invoke(main, ["--lang", lang, *arguments], env=environment)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 40)


def torn_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("household.csv", "KEY,start\n" + "uuid:1,x\n" * 500)
    path.write_bytes(path.read_bytes()[:200])


def locked_zip(path: Path) -> None:
    """A zip whose member says it is encrypted: bit 0 of the flags in both headers."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("household.csv", "KEY,start\nuuid:1,x\n")
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(raw))


def other_survey(path: Path) -> None:
    header = ",".join(f"column_{number}" for number in range(200))
    path.write_text(header + "\n" + ",".join([SECRET] * 200) + "\n", encoding="utf-8")


def unknown_form(path: Path) -> None:
    path.write_text(
        f'<data id="fish_catch" version="1"><catch>{SECRET}</catch><meta><instanceID>uuid:1</instanceID></meta></data>'
    )


def entity_bomb(path: Path) -> None:
    path.write_text(
        '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        '<data id="household"><consent>&b;</consent></data>'
    )


def spreadsheet_that_is_none(path: Path) -> None:
    path.write_text("this is a letter, not a spreadsheet")


BAD: dict[str, tuple[str, Callable[[Path], None]]] = {
    "an empty file": ("empty.csv", empty),
    "bytes that are no text": ("noise.csv", binary),
    "a zip cut short": ("torn.zip", torn_zip),
    "a zip with a password": ("locked.zip", locked_zip),
    "a sheet of 200 columns from another survey": ("other.csv", other_survey),
    "a form nobody knows": ("fish.xml", unknown_form),
    "an entity bomb": ("bomb.xml", entity_bomb),
    "a letter named .xlsx": ("letter.xlsx", spreadsheet_that_is_none),
}


def everything_under(folder: Path) -> set[str]:
    kept = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in kept if not name.startswith(("collect.db", "cache/"))}


@pytest.mark.parametrize("case", sorted(BAD))
@pytest.mark.parametrize("lang", sorted(LANGUAGES))
def test_a_bad_file_gets_words_and_leaves_the_store_as_it_was(case: str, lang: str, tmp_path: Path) -> None:
    name, make = BAD[case]
    make(tmp_path / name)
    done = collect(tmp_path / "data", "add", str(tmp_path / name), lang=lang)
    assert done.exit_code == 11, done.output
    assert name in done.output
    assert SECRET not in done.output
    assert len(done.output.splitlines()) >= 2  # what was found, and what to do
    assert "Traceback" not in done.output
    assert everything_under(tmp_path / "data") == set()


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    empty(tmp_path / "a.csv")
    frame = pl.DataFrame(
        {"cluster": ["29242-01"], "commune_code": ["29242"], "vintage": ["2025-07"], "hamlet": ["01"],
         "hamlet_name": [None], "stratum": ["29242"], "households": [90], "probability": [0.5], "selected": [True]}
    )  # fmt: skip
    frame.write_csv(tmp_path / "b.csv")
    done = collect(tmp_path / "data", "add", "--json", str(tmp_path / "a.csv"), str(tmp_path / "b.csv"))
    answered = json.loads(done.output)
    assert done.exit_code == 11
    assert answered[0]["error"]["code"].startswith("IN-")
    assert answered[1]["parts"][0]["form"] == "frame"
    assert answered[1]["stored"]


REASONS = {
    "n1.xml": '<data id="nobody"><a>1</a></data>',
    "n2.xml": '<data id="nobody"><a>1</a></data>',
    "cut.xml": '<data id="household"><a>1</a>',
    "bomb.xml": '<!DOCTYPE x><data id="household"/>',
}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_folder_of_which_nothing_can_be_read_tells_each_reason_once(lang: str, tmp_path: Path) -> None:
    folder = tmp_path / "phones"
    folder.mkdir()
    for name, text in REASONS.items():
        (folder / name).write_text(text)
    told = collect(tmp_path / "data", "add", str(folder), lang=lang).output
    for name in ("n1.xml", "cut.xml", "bomb.xml"):
        assert name in told
    assert "n2.xml" not in told
    (folder / "cut.xml").unlink()
    (folder / "bomb.xml").unlink()
    (answer,) = json.loads(collect(tmp_path / "data", "add", str(folder), "--json").output)
    assert answer["error"]["code"] == "IN-17"  # one reason for all is told as it is


@pytest.mark.parametrize(("lang", "columns"), [("vi", "1.048.560"), ("en", "1,048,560")])
def test_a_count_too_long_to_read_at_a_glance_is_written_in_groups(lang: str, columns: str, tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("KEY,SubmissionDate" + "," * 1_048_558 + "\n")
    assert columns in collect(tmp_path / "data", "add", str(tmp_path / "wide.csv"), lang=lang).output


def test_names_in_letters_of_an_old_system_are_read_and_shown(tmp_path: Path) -> None:
    submission = '<data id="household"><meta><instanceID>uuid:{}</instanceID></meta></data>'
    folder = tmp_path / "the day"
    folder.mkdir()
    for number, name in enumerate((b"h\xe9.xml", b"h\xea.xml", b"ok.xml")):
        try:
            (folder / os.fsdecode(name)).write_text(submission.format(number), encoding="utf-8")
        except OSError:
            pytest.skip("this disk takes no such names")
    single = tmp_path / os.fsdecode(b"b\xe9.csv")
    single.write_text("a,b\n1,2\n", encoding="utf-8")
    coloured = tmp_path / "c\x1b[31m\n.csv"
    coloured.write_bytes(single.read_bytes())
    said = collect(tmp_path / "data", "add", str(single), str(coloured)).output
    assert "✗ b_.csv:" in said
    assert "✗ c_[31m_.csv:" in said
    done = collect(tmp_path / "data", "add", "--json", str(single), str(folder))
    refused, taken = json.loads(done.output)
    assert refused["error"]["code"] == "IN-09"
    assert [part["read"] for part in taken["parts"]] == [3]


def test_a_dry_run_says_what_would_happen_and_stores_nothing(tmp_path: Path) -> None:
    answers = "\n".join(["cluster,commune_code,vintage,hamlet,hamlet_name,stratum,households,probability,selected",
                         "29242-01,29242,2025-07,01,,29242,90,0.5,true"])  # fmt: skip
    (tmp_path / "frame.csv").write_text(answers)
    done = collect(tmp_path / "data", "add", "--dry-run", "--json", str(tmp_path / "frame.csv"))
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)[0]["stored"] is False
    assert everything_under(tmp_path / "data") == set()


def test_running_without_forms_says_what_to_do(tmp_path: Path) -> None:
    for command in (["run"], ["gaps", "--to", str(tmp_path / "g.csv")], ["map", "--to", str(tmp_path / "m.html")]):
        done = collect(tmp_path / "data", *command)
        assert done.exit_code == 2, "nothing is damaged"
        assert "collect add" in done.output


def test_a_file_that_does_not_exist_is_said_to_be_missing(tmp_path: Path) -> None:
    done = collect(tmp_path / "data", "add", str(tmp_path / "nothing.zip"))
    assert done.exit_code == 11
    assert "nothing.zip" in done.output


def test_a_vintage_nobody_knows_is_a_place_error(tmp_path: Path) -> None:
    done = collect(tmp_path / "data", "geo", "units", "--vintage", "1976")
    assert done.exit_code == 12
    assert "2025-07" in done.output


def test_a_form_that_is_wrong_is_a_definition_error(tmp_path: Path) -> None:
    (tmp_path / "forms" / "bad").mkdir(parents=True)
    (tmp_path / "forms" / "bad" / "form.xlsx").write_bytes(b"no spreadsheet")
    (tmp_path / "forms" / "targets.csv").write_text("")
    environment = {"COLLECT_DATA": str(tmp_path / "data"), "COLLECT_FORMS": str(tmp_path / "forms")}
    done = CliRunner().invoke(main, ["--lang", "en", "run"], env=environment)
    assert done.exit_code == 10, done.output
    assert "Traceback" not in done.output


def test_wrong_use_ends_with_2(tmp_path: Path) -> None:
    assert collect(tmp_path, "gaps").exit_code == 2
    assert collect(tmp_path, "nonsense").exit_code == 2


@pytest.mark.parametrize("module", ["collect", "collect.cli"])
def test_either_module_is_the_command_line(module: str) -> None:
    """The second once did nothing, and ended with 0."""
    said = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert "collect" in said.stdout


def a_check_that_fails_on(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """A fault of the program's own that one file brings to light."""
    real = journey.examine

    def examine(answers: Answers, *rest: Any, **more: Any) -> Any:
        if answer in answers["/data"]["submission_id"]:
            raise KeyError(SECRET)
        return real(answers, *rest, **more)

    monkeypatch.setattr(journey, "examine", examine)


def test_a_fault_in_checking_one_file_costs_no_other(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_check_that_fails_on(monkeypatch, "uuid:bad")
    for name in ("bad", "good"):
        (tmp_path / f"{name}.xml").write_text(HOUSEHOLD.format(name), encoding="utf-8")
    done = collect(data, "add", str(tmp_path / "bad.xml"), str(tmp_path / "good.xml"), "--json")
    bad, good = json.loads(done.output)
    assert (done.exit_code, bad["error"]["code"], good["parts"][0]["new"]) == (11, "IN-46", 1)
    assert bad["error"]["values"]["reason"].startswith("KeyError test_bad_uploads.py:")
    assert SECRET not in done.output
    monkeypatch.undo()
    rebuilt = collect(data, "rebuild")
    assert rebuilt.exit_code == 0, rebuilt.output
    again = json.loads(collect(data, "add", str(tmp_path / "bad.xml"), "--json").output)
    assert again[0]["parts"][0]["read"] == 1


def test_a_pipe_or_a_device_is_refused_at_once(data: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "good.xml").write_text(HOUSEHOLD.format("good"), encoding="utf-8")
    done = collect(data, "add", "--dry-run", "--json", *map(str, (tmp_path / "pipe.csv", "/dev/zero", tmp_path)))
    pipe, device, folder = json.loads(done.output)
    assert [pipe["error"]["code"], device["error"]["code"]] == ["IN-66", "IN-66"]
    assert folder["parts"][0]["read"] == 1
    checked = collect(data, "check", "--form", str(FORM), str(tmp_path / "pipe.csv"), "--json")
    assert "IN-66" in checked.output
