"""ODK Web Forms' own engine in Node: one process, asked a form with its submissions at a time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

FOLDER = Path(__file__).parent / "node"
ZONE = "Etc/GMT-7"  # +07:00, without the changes of clocks that a city has seen


@dataclass(frozen=True)
class Answer:
    """What the engine made of one submission: relevant values by reference, refusals, or the error it stopped at."""

    values: dict[str, str | None]
    refused: list[tuple[str, str]]
    error: str = ""


class Engine:
    """The running engine."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, form: str, submissions: Sequence[str]) -> list[Answer]:
        """Its answers to a form's submissions, all XML; a form that it cannot load has a single answer, the error."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"form": form, "submissions": list(submissions)}) + "\n")
        self.process.stdin.flush()
        return [_answer(one) for one in json.loads(self.process.stdout.readline())]


def _answer(one: dict[str, object]) -> Answer:
    if "error" in one:
        return Answer({}, [], str(one["error"]))
    refused = [(str(where), str(what)) for where, what in one["refused"]]  # type: ignore[attr-defined]
    return Answer(dict(one["values"]), refused)  # type: ignore[call-overload]


def node() -> str:
    """A Node of version 20 or newer: the machine's own, or the one inside Playwright's wheel."""
    own = shutil.which("node")
    if own:
        version = subprocess.run([own, "--version"], capture_output=True, text=True, check=True).stdout
        if int(version.lstrip("v").split(".")[0]) >= 20:
            return own
    return str(compute_driver_executable()[0])


@contextmanager
def engine() -> Iterator[Engine]:
    """The engine, for as long as it is needed; without its packages the test fails in CI and is skipped elsewhere."""
    if not (FOLDER / "node_modules" / "@getodk" / "xforms-engine").is_dir():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("The npm packages are missing: sh tests/machine.sh")
    process = subprocess.Popen(
        [node(), str(FOLDER / "webforms.mjs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "TZ": ZONE},
    )
    with process:
        yield Engine(process)
        assert process.stdin is not None
        process.stdin.close()
