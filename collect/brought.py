"""Lists of choices that an upload brings along: the CSVs a form reads, where only the media of the export hold them."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from collect.define import form_from_xform
from collect.forms import Form
from collect.problems import ExportError
from collect.receive.sheets import as_utf8
from collect.receive.unpack import unpacked

LIST_FILE = re.compile(r"jr://file-csv/([^\"'<>]+\.csv)")


def with_lists(form: Form, path: Path) -> Form:
    """The form and its older versions with those lists they lack whose CSV lies in the upload at ``path``.

    What the form has itself stays. A CSV that cannot be read stays unknown, which checking tells (EXP-01).
    Raises ExportError when the upload cannot be opened.
    """
    wanted = {name for one in (form, *form.older) for name in _lacking(one)}
    if not wanted or not path.exists():
        return form
    with TemporaryDirectory() as name, unpacked(path) as upload:
        folder = Path(name)
        for member in upload.members:
            if member.base in wanted and not upload.single:
                (folder / member.base).write_bytes(_text(member.read(), member.name))
        return replace(_filled(form, folder), older=tuple(_filled(old, folder) for old in form.older))


def _lacking(form: Form) -> set[str]:
    """Names of the CSVs that a form reads and that were not beside it."""
    named = {PurePosixPath(name).name for name in LIST_FILE.findall(form.xform.decode(errors="replace"))}
    return {name for name in named if PurePosixPath(name).stem not in form.choices}


def _text(data: bytes, place: str) -> bytes:
    """A CSV as UTF-8; empty, as if it was not there, when it is in another encoding."""
    try:
        return as_utf8(data, place).decode().encode()
    except (ExportError, UnicodeDecodeError):
        return b""


def _filled(form: Form, folder: Path) -> Form:
    try:
        found = form_from_xform(form.xform, form.design, folder=folder, lenient=True)
    except csv.Error:
        return form
    return replace(form, choices={**{name: list_ for name, list_ in found.choices.items() if list_}, **form.choices})
