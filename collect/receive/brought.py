"""Lists of choices that an upload brings along: the CSVs a form reads, where only the media of the export hold them."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from collect.define import form_from_xform
from collect.forms import Choice, Form
from collect.problems import ExportError
from collect.receive.letters import utf8_of
from collect.receive.unpack import Member, Upload

LIST_FILE = re.compile(r"jr://file-csv/([^\"'<>]+\.csv)")


def with_lists(form: Form, upload: Upload) -> Form:
    """The form and its older versions with those lists they lack whose CSV lies in the upload.

    What the form has itself stays. A CSV that cannot be read stays unknown, which checking tells (EXP-01).
    """
    wanted = {name for one in (form, *form.older) for name in _lacking(one)}
    found = [member for member in upload.members if member.base in wanted]
    if not found or upload.single:
        return form
    with TemporaryDirectory() as name:
        folder = Path(name)
        for member in found:
            upload.manner.at(member.name)
            (folder / member.base).write_bytes(_text(member))
        return replace(_filled(form, folder), older=tuple(_filled(old, folder) for old in form.older))


def lists_read_by(forms: Sequence[Form]) -> frozenset[str]:
    """Names of every CSV that the forms and their older versions read."""
    return frozenset(name for form in forms for one in (form, *form.older) for name in _named(one))


def added(form: Form, asked: Form) -> list[dict[str, list[list[Any]]]]:
    """The lists that a form and its older versions have and that the form ``asked`` for had not, as JSON holds them."""
    return [
        {
            name: [[choice.name, dict(choice.labels), dict(choice.columns)] for choice in choices]
            for name, choices in one.choices.items()
            if name not in before.choices
        }
        for one, before in zip((form, *form.older), (asked, *asked.older), strict=True)
    ]


def put_back(form: Form, lists: list[dict[str, list[list[Any]]]]) -> Form:
    """A form with the lists that `added` wrote down."""
    if not any(lists):
        return form
    first, *older = (
        replace(
            one, choices={**{name: tuple(Choice(*c) for c in choices) for name, choices in more.items()}, **one.choices}
        )
        for one, more in zip((form, *form.older), lists, strict=True)
    )
    return replace(first, older=tuple(older))


def _lacking(form: Form) -> set[str]:
    """Names of the CSVs that a form reads and that were not beside it."""
    return {name for name in _named(form) if PurePosixPath(name).stem not in form.choices}


def _named(form: Form) -> set[str]:
    return {PurePosixPath(name).name for name in LIST_FILE.findall(form.xform.decode(errors="replace"))}


def _text(member: Member) -> bytes:
    """A CSV as UTF-8; empty, as if it was not there, when it is damaged or in an encoding nobody can tell."""
    try:
        return utf8_of(member.read(), member.name).data
    except ExportError:
        return b""


def _filled(form: Form, folder: Path) -> Form:
    try:
        found = form_from_xform(form.xform, form.design, folder=folder, lenient=True)
    except csv.Error:
        return form
    return replace(form, choices={**{name: list_ for name, list_ in found.choices.items() if list_}, **form.choices})
