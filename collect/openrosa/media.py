"""The files that a form reads on the phone: what lies in its folder, and the lists of communes and hamlets.

A form that takes its choices from ``communes.csv`` or ``hamlets.csv`` and has no such file beside it gets the communes
of today, and the hamlets of the sampling frame that was received last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import polars as pl

from collect import registry
from collect.define.folder import form_folders, load_form
from collect.forms import Form
from collect.passing import FRAME
from collect.places import list_units
from collect.store import Store

NAMED = re.compile(rb"jr://(?:file|file-csv|images|audio|video)/([^\"'<>\s]+)")


def names_of(form: Form) -> tuple[str, ...]:
    """The files a form names, without folders, in order."""
    return tuple(dict.fromkeys(PurePosixPath(name.decode(errors="replace")).name for name in NAMED.findall(form.xform)))


def file_of(store: Store, form: Form, name: str) -> bytes | None:
    """One file of a form; None for one that it does not name or that is nowhere."""
    if name not in names_of(form):
        return None
    beside = _folder_of(store, form)
    if beside is not None:
        for path in (beside / name, beside / "media" / name):
            if path.is_file():
                return path.read_bytes()
    made = MADE.get(name)
    return made(store) if made is not None else None


def lists_for(store: Store, forms: Sequence[Form]) -> dict[str, bytes]:
    """The lists that some forms read and may not have themselves, as phones get them: checking needs them too."""
    wanted = {name: form for form in forms for name in names_of(form) if name in MADE}
    return {name: data for name, form in sorted(wanted.items()) if (data := file_of(store, form, name)) is not None}


def _folder_of(store: Store, form: Form) -> Path | None:
    cache = store.folder / "cache" / "forms"
    folders = form_folders(store.settings.forms)
    return next((folder for folder in folders if load_form(folder, cache=cache).form_id == form.form_id), None)


def _communes(store: Store) -> bytes:
    """``name`` (official code), ``label``, ``label_km``, ``label_en``, ``province``: the communes of today."""
    units = list_units()
    rows = units.select(
        name="code",
        label="name_vi",
        label_km=pl.coalesce("name_km", "name_vi"),
        label_en="name_en",
        province="province_code",
    )
    return rows.write_csv().encode()


def _hamlets(store: Store) -> bytes:
    """``name`` (hamlet code), ``label``, ``commune``, ``cluster``: the hamlets of the frame received last."""
    uploads = [part["upload_id"] for part in registry.parts_of(store.engine) if part["form"] == FRAME]
    empty = pl.DataFrame(schema=dict.fromkeys(("name", "label", "commune", "cluster"), pl.String))
    if not uploads:
        return empty.write_csv().encode()
    frame = store.read_part(FRAME, "frame", uploads[-1])
    rows = frame.select(
        name=pl.coalesce("hamlet", "cluster"), label=pl.coalesce("hamlet_name", "hamlet", "cluster"),
        commune="commune_code", cluster="cluster",
    )  # fmt: skip
    return rows.unique("name", keep="first", maintain_order=True).write_csv().encode()


MADE: Mapping[str, Callable[[Store], bytes]] = {"communes.csv": _communes, "hamlets.csv": _hamlets}
