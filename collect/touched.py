"""How many stored submissions a change between two versions of a form touches; the store is looked at, never made."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from collect.define import Change
from collect.forms import Form
from collect.registry import parts_of
from collect.review.identity import current
from collect.settings import Settings
from collect.store import Store, open_store


def touched(settings: Settings, old: Form, new: Form, changes: Sequence[Change]) -> list[int | None]:
    """For each change, the submissions that count now and hold an answer it is about; None where no store is.

    A question or a rule: an answer to the question, or to one inside the group. A choice: one that was chosen.
    """
    if not settings.data.is_dir():
        return [None] * len(changes)
    store = open_store(settings)
    try:
        tables = _answers(store, new)
    finally:
        store.engine.dispose()
    return [_count(change, tables, old, new) for change in changes]


def _answers(store: Store, form: Form) -> list[pl.DataFrame]:
    """Answers as text of every upload, the submissions that count now; one table per upload and repeat."""
    counted = current(store, form.form_id)
    found = []
    for part in parts_of(store.engine):
        if part["form"] != form.form_id:
            continue
        ids = counted.filter(pl.col("upload_id") == part["upload_id"])["submission_id"].implode()
        for repeat in form.to_read.repeats:
            name = "answers" if repeat == form.root else f"answers{repeat}"
            if store.part(form.form_id, name, part["upload_id"]).is_file():
                table = store.read_part(form.form_id, name, part["upload_id"])
                found.append(table.filter(pl.col("submission_id").is_in(ids)))
    return found


def _count(change: Change, tables: Sequence[pl.DataFrame], old: Form, new: Form) -> int:
    marks = []
    for table in tables:
        held = [_holds(change, path, old, new) for path in table.columns if _about(change, path, old, new)]
        if held:
            marks.append(table.filter(pl.any_horizontal(held))["submission_id"])
    return pl.concat(marks).n_unique() if marks else 0


def _about(change: Change, path: str, old: Form, new: Form) -> bool:
    if change.kind == "choice":
        offering = [form.by_path[path].choice_list for form in (old, new) if path in form.by_path]
        return change.path in offering
    return path == change.path or path.startswith(f"{change.path}/")


def _holds(change: Change, path: str, old: Form, new: Form) -> pl.Expr:
    if change.kind != "choice":
        return pl.col(path).is_not_null()
    kinds = {form.by_path[path].type for form in (old, new) if path in form.by_path}
    if kinds == {"select_one"}:
        return (pl.col(path) == change.part).fill_null(False)
    return pl.col(path).str.split(" ").list.contains(change.part).fill_null(False)
