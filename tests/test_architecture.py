"""Every arrow between modules that is allowed; to add one is a design decision."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

WORDS = {  # declarations all may know
    "contract", "forms", "indicators", "targets", "tables", "problems", "limits", "harmless", "speech",
}  # fmt: skip

# package or module of collect -> what of ours it may import
ARROWS: dict[str, set[str]] = {
    "forms": set(),
    "indicators": set(),
    "targets": set(),
    "contract": set(),
    "tables": {"contract"},
    "problems": set(),
    "limits": set(),
    "harmless": set(),
    "speech": {"forms"},
    "settings": {"limits", "problems"},
    "i18n": set(),
    "xpath": set(),
    "define": WORDS | {"xpath", "i18n"},
    "receive": WORDS | {"define"},
    "check": WORDS | {"xpath"},
    "locate": WORDS | {"geo"},
    "estimate": WORDS,
    "judge": WORDS,
    "smallarea": WORDS,
    "publish": WORDS | {"i18n", "geo"},
    "demo": WORDS | {"define", "geo", "i18n", "publish", "settings"},
    "rounds": WORDS | {"estimate", "judge"},  # the journey once more, for two rounds on the ground both reached
    "passing": WORDS | {"receive"},
    "journey": WORDS
    | {"define", "receive", "check", "locate", "estimate", "judge", "rounds", "smallarea", "passing"}
    | {"places", "geo"},
    "places": {"problems", "settings", "locate", "geo", "tables"},
    "migrations": {"problems"},
    "registry": {"problems", "migrations"},
    "store": {"harmless", "problems", "settings", "registry"},
    "keeping": {"harmless", "problems", "settings", "migrations", "registry", "store"},
    "review": WORDS
    | {"receive", "settings", "registry", "store", "keeping", "passing", "places", "journey", "wording", "i18n"},
    "receipts": set(),  # what an upload came to: counts, without a store
    "lacking": WORDS | {"passing", "review", "registry", "store"},
    "contents": {"receipts", "receive", "review", "journey", "lacking", "passing", "store", "registry", "places"}
    | {"problems"},
    "intake": {"contents", "receipts", "receive", "journey", "lacking", "passing", "store", "registry", "problems"},
    "rebuild": {"contents", "receipts", "receive", "journey", "lacking", "passing", "store", "registry", "problems"}
    | {"keeping"},
    "runs": WORDS
    | {"journey", "passing", "review", "keeping", "store", "registry", "places", "publish", "i18n", "settings", "geo"},
    "pull": {"problems"},
    "access": {"problems"},
    "sharing": WORDS | {"access", "keeping", "registry", "runs", "store", "places", "publish", "i18n", "geo"},
    "api": WORDS | {"access", "sharing", "registry", "settings", "store", "i18n"},
    "openrosa": WORDS  # the outermost door for phones, beside the pages
    | {"access", "api", "define", "geo", "i18n", "intake", "journey", "keeping", "migrations", "passing", "places"}
    | {"receive", "registry", "settings", "store"},
    "wording": {"define", "forms", "i18n", "intake", "places", "speech", "tables"},
    "fieldwork": WORDS | {"check", "review", "wording", "registry", "store"},
    "touched": {"define", "forms", "review", "registry", "settings", "store"},
    "authors": WORDS | {"define", "receive", "check", "xpath", "i18n"},  # beside the journey: no store
    "scrutiny": WORDS
    | {"check", "journey", "passing", "places", "locate", "estimate", "judge", "geo"},  # a journey for one commune
    "drawing": WORDS | {"journey", "runs", "places", "publish", "scrutiny", "store"},
}
FREE = {"cli", "commands", "pages", "server", "__init__", "__main__"}  # the outermost: they may call anything
SEALED = ("check", "locate", "estimate", "judge", "rounds", "smallarea")
FORBIDDEN_CALLS = {"open", "read_text", "read_bytes", "write_text", "read_csv", "read_parquet", "write_parquet",
                   "now", "today", "utcnow", "random", "default_rng", "urlopen", "getenv"}  # fmt: skip


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / "collect").rglob("*.py")):
        inside = path.relative_to(ROOT / "collect")
        yield inside.parts[0].removesuffix(".py"), path


def imports(path: Path) -> Iterator[str]:
    """Names of ours that a module imports: 'geo', or the first name below collect."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "collect" else [f"collect.{a.name}" for a in node.names]
            names = [name for name in names if name != "collect.__version__"]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            if first == "geo":
                yield "geo"
            elif first == "collect":
                yield rest.split(".")[0] or "__init__"


@pytest.mark.parametrize("name", sorted({name for name, _ in modules()} - FREE))
def test_a_module_imports_only_what_its_arrows_allow(name: str) -> None:
    assert name in ARROWS, f"collect/{name} has no arrows yet: decide what it may import"
    taken = {found for owner, path in modules() if owner == name for found in imports(path)} - {name}
    assert taken <= ARROWS[name], f"collect/{name} may not import {sorted(taken - ARROWS[name])}"


def test_places_know_nothing_of_the_survey() -> None:
    for path in (ROOT / "geo").rglob("*.py"):
        assert not [name for name in imports(path) if name != "geo"], path.name


@pytest.mark.parametrize("name", SEALED)
def test_a_sealed_stage_opens_no_file_reads_no_clock_and_draws_no_chance(name: str) -> None:
    for owner, path in modules():
        if owner != name:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                assert called not in FORBIDDEN_CALLS, f"{path.name}:{node.lineno} calls {called}"


def test_only_screens_know_streamlit() -> None:
    for owner, path in modules():
        text = path.read_text(encoding="utf-8")
        if owner not in ("pages", "server"):
            assert "import streamlit" not in text, path.name


def test_the_top_level_tells_the_journey() -> None:
    for name in ("collect", "app.py", "forms", "geo", "data", "tests", "pyproject.toml", "README.md"):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "data/README.md"])
def test_a_page_names_no_file_that_is_not_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:collect|docs|forms|geo|tests|benchmarks)/[\w./-]+?)/?`", text))
    named |= set(re.findall(r"\]\(((?:docs|forms|geo|collect)/[\w./-]+)\)", text))
    missing = [name for name in sorted(named) if "NAME" not in name and not list(ROOT.glob(name))]
    assert missing == []


def test_no_python_runs_inside_a_polars_expression() -> None:
    """Polars' threads would wait for the interpreter while another visitor's page holds it and waits for them."""
    asked = [path.name for _, path in modules() if re.search(r"\.map_(elements|batches)", path.read_text("utf-8"))]
    assert asked == []


def test_importing_starts_no_thread_of_the_column_engine() -> None:
    """Reading in lanes forks, and threads of Polars' pool do not come along into a fork."""
    told = "print([open(file).read().strip() for file in glob.glob('/proc/self/task/*/comm')])"
    asked = f"import glob, collect.intake, collect.publish, collect.receive, geo; {told}"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert "polars-0" not in done.stdout


def test_the_command_line_loads_what_a_command_needs_when_it_runs() -> None:
    heavy = ("sqlalchemy", "starlette", "streamlit", "pandas", "geopandas", "shapely", "lxml", "argon2")
    program = f"import sys, collect.cli; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip() == "[]"
