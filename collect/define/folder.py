"""Reads the forms of a folder: one folder per form, with its XLSForm, its design and the lists it names."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from collect.define.design import load_design, with_design_checked
from collect.define.xform import form_from_xform
from collect.define.xlsform import form_from_xlsform
from collect.forms import Design, Form
from collect.problems import DefinitionError

SOURCES = ("form.xlsx", "form.xls", "form.xml", "form.md")  # the first that is there is the form
VERSION_SUFFIXES = (".xlsx", ".xls", ".xml", ".md")
_read: dict[str, Form] = {}  # by the SHA-256 of everything the form is made of


def form_file(folder: Path) -> Path | None:
    """The file that holds the form, or None when the folder holds none."""
    return next((folder / name for name in SOURCES if (folder / name).is_file()), None)


def load_form(folder: Path, *, cache: Path | None = None) -> Form:
    """Read one form and its design. The same content is read once per process; ``cache`` spares later ones pyxform.

    Raises DefinitionError: no form here (DEF-08), or what `form_from_xlsform` and the design find.
    """
    source = form_file(folder)
    if source is None:
        raise DefinitionError("DEF-08", file=folder.name, near=", ".join(SOURCES))
    key = _fingerprint(folder, source)
    if key not in _read:
        form = read_form(source, cache=cache, lenient=True)  # an upload may bring the list among its media
        design = load_design(folder / "form.toml")
        merged = replace(form.design, **_stated(design))
        older = tuple(replace(old, design=merged) for old in read_versions(folder, form, cache=cache))
        _read[key] = with_design_checked(replace(form, design=merged, older=older), f"{folder.name}/form.toml")
    return _read[key]


def version_files(folder: Path) -> tuple[Path, ...]:
    """Files that hold earlier versions of the folder's form, by name: versions/*, and form-VERSION beside the form."""
    beside = [path for path in folder.glob("form-*") if path.suffix in VERSION_SUFFIXES]
    inside = [path for path in folder.glob("versions/*") if path.suffix in VERSION_SUFFIXES]
    return tuple(sorted(path for path in (*beside, *inside) if path.is_file() and not path.name.startswith("~$")))


def read_versions(folder: Path, form: Form, *, cache: Path | None = None) -> tuple[Form, ...]:
    """Earlier versions of a form, in the order of their files. Their lists of choices may lie in the form's own folder.

    Raises DefinitionError: DEF-36 for a file of another form, DEF-37 for a version that is there already.
    """
    found: list[Form] = []
    for path in version_files(folder):
        old = read_form(path, cache=cache, lenient=True)
        if old.form_id != form.form_id or old.root != form.root:
            raise DefinitionError("DEF-36", file=f"{folder.name}/{path.name}", value=old.form_id, expected=form.form_id)
        known = [form.version, *(one.version for one in found)]
        if old.version in known:
            raise DefinitionError("DEF-37", file=f"{folder.name}/{path.name}", value=old.version)
        found.append(old)
    return tuple(found)


def read_form(source: Path, *, cache: Path | None = None, lenient: bool = False) -> Form:
    """A form without its design, from whichever file holds it; ``lenient`` of choices whose CSV is not there."""
    if source.suffix.lower() == ".xml":
        return form_from_xform(source.read_bytes(), folder=source.parent, file=source.name, lenient=lenient)
    return form_from_xlsform(source, cache=cache, lenient=lenient)


def find_form(named: str, folder: Path) -> Path:
    """The file a form is named by: a path to any form, a folder that holds one, or a folder's name under ``folder``.

    Raises DefinitionError USE-01 when there is none.
    """
    for place in (Path(named), folder / named):
        if place.is_file():
            return place
        held = form_file(place) if place.is_dir() else None
        if held is not None:
            return held
    known = ", ".join(sub.name for sub in form_folders(folder)) or "-"
    raise DefinitionError("USE-01", what="form", name=named, known=known)


def form_at(source: Path) -> Form:
    """Any form from its file, with the design that lies beside it and, in a form's own folder, its earlier versions.

    Raises DefinitionError: what `read_form` and `read_versions` find.
    """
    form = read_form(source, lenient=True)
    if source.name in SOURCES:
        form = replace(form, older=read_versions(source.parent, form))
    return replace(form, design=replace(form.design, **_stated(load_design(source.parent / "form.toml"))))


def load_forms(folder: Path, *, cache: Path | None = None) -> tuple[Form, ...]:
    """Every form of a folder, by name of their folders. Raises DefinitionError, also when two have the same form_id."""
    forms = tuple(load_form(sub, cache=cache) for sub in form_folders(folder))
    if not forms:
        raise DefinitionError("DEF-08", file=folder.name, near=", ".join(SOURCES))
    identities = [form.form_id for form in forms]
    for form_id in identities:
        if identities.count(form_id) > 1:
            raise DefinitionError("DEF-09", file=folder.name, value=form_id)
    return forms


def form_folders(folder: Path) -> tuple[Path, ...]:
    """The folders that hold a form."""
    if not folder.is_dir():
        return ()
    return tuple(sub for sub in sorted(folder.iterdir()) if sub.is_dir() and form_file(sub) is not None)


def _stated(design: Design) -> dict[str, Any]:
    """What the design says itself; the rest stays as the form gives it."""
    plain, names = Design(), [field.name for field in fields(Design)]
    return {name: getattr(design, name) for name in names if getattr(design, name) != getattr(plain, name)}


def _fingerprint(folder: Path, source: Path) -> str:
    parts = [source, folder / "form.toml", *sorted(folder.glob("*.csv")), *version_files(folder)]
    parts += sorted(folder.glob("versions/*.csv"))
    digest = hashlib.sha256(folder.name.encode())
    for part in parts:
        if part.is_file():
            digest.update(part.name.encode() + b"\0" + hashlib.sha256(part.read_bytes()).digest())
    return digest.hexdigest()
