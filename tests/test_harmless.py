"""Words from outside run nowhere: not in a spreadsheet, not on a screen, not in a terminal."""

from __future__ import annotations

import ast
import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from check_tables import form_of
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from collect.cli import main
from collect.define import write_template
from collect.harmless import harmless, harmless_cells, shown
from collect.pages.issues import error_words
from collect.pages.words import as_text
from collect.problems import ExportError

RUNS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "@SUM(A1)",
    "+A1",
    "-A1",
    "\t=1",
    "\r=1",
    " =1",
    "＝1+1",
    "-2+3+cmd|x",
    "\n=x",
]
STAYS = ["-5", "+5", "-1.5", "-1,5", "+84 912 345 678", "-1.2E+05", "-10%", "", "a=b", "Trà Vinh", "4", ">=", "<", "'x"]


@pytest.mark.parametrize("cell", RUNS)
def test_what_a_spreadsheet_would_run_is_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", STAYS)
def test_numbers_stay_numbers_and_words_words(cell: str) -> None:
    assert harmless(cell) == cell


def test_a_table_is_treated_like_its_cells() -> None:
    cells = [*RUNS, *STAYS]
    made = harmless_cells(pl.DataFrame({"text": cells, "number": [-1] * len(cells)}))
    assert made["text"].to_list() == [harmless(cell) for cell in cells]
    assert made["number"].to_list() == [-1] * len(cells)


def test_a_heading_is_treated_like_a_cell() -> None:
    assert harmless_cells(pl.DataFrame({"=1+1": ["a"], "b": [1]})).columns == ["'=1+1", "b"]


def test_a_weighed_table_holds_no_formula(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("=who,w\n=1+1,2\n+A1,1\n")
    asked = ["weigh", str(tmp_path / "t.csv"), "--to", str(tmp_path / "w.csv"), "--weight", "w"]
    done = CliRunner().invoke(main, asked, env={"COLLECT_DATA": str(tmp_path / "data")})
    assert done.exit_code == 0, done.output
    with (tmp_path / "w.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert "'=1+1" in cells
    assert [cell for cell in cells if harmless(cell) != cell] == []


def test_a_template_holds_no_formula(tmp_path: Path) -> None:
    form = form_of("| type | name | label |\n| text | owner | =HYPERLINK('x') |\n| int | size | - number |")
    write_template(form, tmp_path / "t.csv", "en")
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert "=HYPERLINK('x')" in "".join(cells)
    assert all(harmless(cell) == cell for cell in cells)


NASTY = "**bold** <img src=x onerror=alert(1)> :red[x] $a$ [a](http://b) `c` # d\u202e\x1b[31m\nsecond"
SHOWN = "**bold** <img src=x onerror=alert(1)> :red[x] $a$ [a](http://b) `c` # d[31msecond"


def test_words_from_outside_mean_nothing_on_screen() -> None:
    unescaped = as_text(NASTY).replace("\\", "")
    assert unescaped == SHOWN
    assert as_text(">\u00a080\u00a0%") == "\\>\u00a080\u00a0\\%", "a figure keeps the blank before its sign"
    assert all(as_text(sign) == f"\\{sign}" for sign in "*_`<>[]()#:$~|&!")
    found, _mend = error_words(ExportError("IN-02", file=NASTY), "en")
    assert as_text(NASTY) in found


def _page(name: str) -> None:
    import streamlit as st

    from collect.pages.issues import reason
    from collect.pages.upload import Counter, Outcome, _receipt
    from collect.problems import ExportError

    error = ExportError("IN-02", file=name)
    nobody: Any = None  # whom a receipt of an unreadable file asks
    _receipt(Outcome(name, None, error), Counter(nobody, nobody, "", "en"), asking=False)
    reason(error, "en")
    st.session_state["done"] = True


def test_the_receipt_shows_a_file_name_as_it_is_written() -> None:
    page: Callable[..., Any] = _page
    app = AppTest.from_function(page, args=(NASTY,), default_timeout=60).run()
    assert not app.exception
    assert app.markdown[0].value == f"**{as_text(NASTY)}**"
    assert as_text(NASTY) in app.error[0].value


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("\x07\x1b[31mđiều tra", "\ufffd\ufffd[31mđiều tra"),
        ("a\u202etxt.exe", "a\ufffdtxt.exe"),
        ("\u2066a\u2069\x9bb\r", "\ufffda\ufffd\ufffdb\ufffd"),
        ("hai\tdòng\nភាសា\u200bខ្មែរ 1\u00a0234", "hai\tdòng\nភាសា\u200bខ្មែរ 1\u00a0234"),
    ],
)
def test_what_steers_a_terminal_is_not_printed(text: str, printed: str) -> None:
    assert shown(text) == printed


def test_commands_print_nothing_but_json_without_taking_that_off() -> None:
    root = Path(__file__).resolve().parents[1] / "collect"
    bare = []
    for path in [root / "cli.py", *(root / "commands").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "click.echo":
                said = ast.unparse(node.args[0])
                if "json" not in said and said != "shown(text)":
                    bare.append(f"{path.name}:{node.lineno}")
    assert bare == []


def test_a_command_that_shows_words_alone_loads_no_tables() -> None:
    """Polars takes a tenth of a second, which every command would wait for."""
    said = "import sys, collect.cli; print([name for name in ('polars', 'numpy', 'pyarrow') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout == "[]\n"
