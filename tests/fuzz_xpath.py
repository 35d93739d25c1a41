"""Expressions that coverage leads to: `python tests/fuzz_xpath.py [libFuzzer options]`, with atheris installed.

Whatever the text, the parser reads or refuses it, a tree that was read is read back from what it prints, and the
planner and both engines' interpreters come to a value or to an `XPathError`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]
from xpath_made import TEMPLATES, make_expressions, make_form, make_submission

with atheris.instrument_imports(include=["collect.xpath"]):
    for name in [name for name in sys.modules if name.startswith("collect.xpath")]:
        del sys.modules[name]  # imported again, watched
    import xml.etree.ElementTree as ET

    from collect.xpath import Schema, XPathError, evaluate, plan
    from collect.xpath.parse import parse

MADE = make_form(1)
SCHEMA = Schema("/data", MADE.schema.tables, MADE.schema.lists, MADE.schema.list_of, version="7")
ANSWERS = ET.fromstring(make_submission(MADE, 1))
AT = "/data/home/person/age"  # two rows deep


def one(data: bytes) -> None:
    """One text through everything."""
    text = data.decode(errors="replace")
    try:
        tree = parse(text)
    except XPathError as error:
        assert 0 <= error.position <= len(text)  # noqa: PT017 this is no test, it is run by libFuzzer
        return
    assert parse(str(tree)) == tree
    for act in (
        lambda: plan(tree, SCHEMA, AT),
        lambda: evaluate(tree, SCHEMA, ANSWERS, AT),
        lambda: evaluate(tree, SCHEMA, ANSWERS, AT, profile="web", now="2026-11-23T09:00:00.000+07:00"),
    ):
        try:
            act()
        except XPathError:
            continue


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        wanted = sum(map(len, TEMPLATES.values()))
        for number, (_, text) in enumerate(make_expressions(MADE.schema, wanted, 1)):
            (Path(folder) / str(number)).write_text(text, encoding="utf-8")
        run: Callable[[], None] = atheris.Fuzz
        atheris.Setup([*sys.argv, folder], one)
        run()
