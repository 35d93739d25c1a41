"""Knows Ona's wide CSV: repeats side by side (``children[1]/age``), "n/a" where nothing was answered, True and False.

A submission's name is ``meta/instanceID``, else ``_uuid``; a row without either is named by all it says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from collect.forms import Form
from collect.limits import Limits
from collect.receive.central import KEY, PARENT_KEY, Dialect, Export
from collect.receive.identify import NAMED_BY_CONTENTS
from collect.receive.kobo import OWN, PARENT_TABLE
from collect.receive.sheets import Sheet
from collect.receive.wide import NUMBER, fold, numbered_on_the_way

SOURCE = "ona-csv"
NOT_ANSWERED = "n/a"
MARKS = {"_uuid", "_submission_time"}
OF_KOBO = {"__version__", "_validation_status", "_index"}
ONA = Dialect(
    SOURCE,
    {"submitted_at": "_submission_time", "submitted_by": "_submitted_by", "review_state": "_review_status",
     "form_version": "_version"},
    OWN | {KEY, PARENT_KEY, "_review_status", "_review_comment", "_edited", "_date_modified"},
    quiet=frozenset({"meta/instanceName", "meta/deprecatedID"}),
)  # fmt: skip


def is_ona(headings: Sequence[str]) -> bool:
    """Whether these are the headings of Ona's CSV."""
    wide = "meta/instanceID" in headings and any(NUMBER.search(heading) for heading in headings)
    return (wide or {*headings} >= MARKS) and not OF_KOBO & {*headings}


def writes_not_answered(headings: Sequence[str]) -> bool:
    """Whether a workbook laid out like Kobo's is Ona's, which writes "n/a" for no answer."""
    return {"_version", "_duration"} <= {*headings} and "__version__" not in headings


def rooted(sheet: Sheet) -> Sheet:
    """The same sheet without the mark of a repeat, where it is the submissions' own: Ona leaves it blank there."""
    if PARENT_TABLE not in sheet.headings or not sheet.frame.height:
        return sheet
    place = sheet.headings.index(PARENT_TABLE)
    if sheet.frame[str(place)].null_count() < sheet.frame.height:
        return sheet
    return replace(sheet, headings=(*sheet.headings[:place], "", *sheet.headings[place + 1 :]))


def answered(sheet: Sheet) -> Sheet:
    """The same table with nothing where Ona writes "n/a"."""
    return replace(sheet, frame=sheet.frame.with_columns(pl.when(pl.all() != NOT_ANSWERED).then(pl.all())))


def tables(sheets: Sequence[Sheet], forms: Sequence[Form], limits: Limits) -> list[Export]:
    """Each sheet as an export, its repeats folded out of it."""
    named = [_named(answered(sheet)) for sheet in sheets if is_ona(sheet.headings)]
    return [Export(sheet.place, fold(sheet, forms, numbered_on_the_way, limits), ONA) for sheet in named]


def _named(sheet: Sheet) -> Sheet:
    """The table with a KEY column behind the others; lines without any answer are left out."""
    filled = sheet.frame.filter(pl.any_horizontal(pl.all().is_not_null()))
    uuids = [pl.col(str(sheet.headings.index(name))) for name in ("meta/instanceID", "_uuid") if name in sheet.headings]
    given = pl.concat_str(pl.lit("uuid:"), pl.coalesce(uuids).str.strip_prefix("uuid:"))
    key = filled.select(given.alias(KEY)).to_series()
    if key.null_count():
        made = [NAMED_BY_CONTENTS + hashlib.sha256(repr(row).encode()).hexdigest() for row in filled.iter_rows()]
        key = key.zip_with(key.is_not_null(), pl.Series(made, dtype=pl.String))
    frame = filled.with_columns(key.alias(str(len(sheet.headings))))
    return replace(sheet, headings=(*sheet.headings, KEY), frame=frame)
