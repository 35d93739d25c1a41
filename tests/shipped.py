"""What tests must know of the forms that ship, read from them: with their next version it is another."""

from __future__ import annotations

from functools import cache

from collect.define.twin import read_markdown
from collect.settings import shipped_forms


@cache
def version_of(form: str) -> str:
    headings, row = read_markdown(shipped_forms() / form / "form.md")["settings"]
    return dict(zip(headings, row, strict=True))["version"]
