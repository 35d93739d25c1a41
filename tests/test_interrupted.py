"""Somebody presses Ctrl-C: the command says so in their language, and nothing of Python's is shown."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from collect.cli import main
from collect.i18n import LANGUAGES, t


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_a_command_that_is_stopped_says_what_holds(tmp_path: Path, lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # put back afterwards
    monkeypatch.setattr("collect.receive.piles.uploads_in", stopped)
    found = CliRunner().invoke(
        main, ["--lang", lang, "add", "a.zip"], env={"COLLECT_DATA": str(tmp_path), "COLLECT_WORKER": "off"}
    )
    assert (found.exit_code, found.output.strip()) == (130, t("cli.stopped", lang))
