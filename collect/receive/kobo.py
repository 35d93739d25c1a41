"""Reads KoboToolbox exports: XLSX (a sheet per repeat) and CSV (the root alone: the platform leaves repeats out).

A submission's name is ``meta/rootUuid`` where it is filled, because Kobo keeps it through edits and gives every edit a
new ``_uuid``; else ``meta/instanceID``, else ``_uuid``. They are instanceIDs; a "uuid:" they have lost is put back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from collect.forms import Form
from collect.receive.arrange import arrange, note_headings
from collect.receive.headings import Match, match, steps
from collect.receive.identify import OF, Tables, identify
from collect.receive.received import IssueBook, Received, checked_answers
from collect.receive.recognise import Candidate, form_of
from collect.receive.sheets import Sheet

XLSX_SOURCE, CSV_SOURCE = "kobo-xlsx", "kobo-csv"
FACTS = {
    "submitted_at": "_submission_time",
    "submitted_by": "_submitted_by",
    "form_version": "__version__",
    "review_state": "_validation_status",
}
NAMES_OF = ("meta/rootUuid", "meta/instanceID", "_uuid")  # the surest first
REVIEW_PREFIX = "validation_status_"
PARENT_TABLE, PARENT_INDEX, INDEX = "_parent_table_name", "_parent_index", "_index"
OWN = frozenset(
    {*FACTS.values(), *NAMES_OF, INDEX, PARENT_TABLE, PARENT_INDEX, "_id", "_notes", "_status", "_tags", "_attachments",
     "_geolocation", "_xform_id_string", "_duration", "_total_media", "_media_count", "_media_all_received",
     "_xform_id", "_version", "_version_", "formhub/uuid", "_bamboo_dataset_id", "_supplementalDetails"}
)  # fmt: skip
MARKS = ({"_uuid", INDEX}, {"_uuid", "_submission_time"}, {"_id", "_submission_time", INDEX})
SHEET_NAME_LENGTH = 31


def is_kobo(headings: Sequence[str]) -> bool:
    """Whether these are the headings of a Kobo export's root sheet."""
    return PARENT_TABLE not in headings and any(mark <= {*headings} for mark in MARKS)


def read(sheets: Sequence[Sheet], file: str, forms: Sequence[Form], forced: Form | None, *, source: str) -> Received:
    """Read a root sheet and the repeat sheets beside it.

    Raises
    ------
    ExportError
        IN-07 when no form fits.
    """
    issues = IssueBook()
    roots = [sheet for sheet in sheets if PARENT_TABLE not in sheet.headings]
    root_sheet = next((sheet for sheet in roots if is_kobo(sheet.headings)), None) or (roots or list(sheets))[0]
    form, matched = form_of(Candidate(file, root_sheet.title, _asked(root_sheet.headings), _quiet), forms, forced)
    root = _root(root_sheet, matched, form, issues)
    tables: Tables = {form.root: root}
    unreadable = root_sheet.lost
    found = _repeat_sheets(sheets, form, matched.style)
    if any(path not in found for path in form.repeats[1:]):
        issues.note("FIL-04", found_in=file, file=file)
    for path in form.repeats[1:]:
        for sheet in found.get(path, ()):
            frame, strays = _rows(sheet, path, form, tables, matched, issues)
            unreadable += strays
            tables[path] = pl.concat([tables[path], frame]) if path in tables else frame
    tables = identify({path: frame.drop(INDEX, "_id") for path, frame in tables.items()}, form, issues)
    return Received(source, file, form, checked_answers(tables, form), issues.table(), unreadable)


def _asked(headings: Sequence[str]) -> tuple[str, ...]:
    return tuple("" if heading in OWN - {"__version__"} or heading.startswith("_submission_") else heading
                 for heading in headings)  # fmt: skip


def _quiet(heading: str) -> bool:
    return heading == "__version__" or heading.startswith(("meta/", "_version"))


def _column(sheet: Sheet, *headings: str) -> pl.Expr:
    """A platform column by the first of its spellings that is there; null without."""
    places = [len(sheet.headings) - 1 - sheet.headings[::-1].index(name) for name in headings if name in sheet.headings]
    return pl.col(str(places[0])) if places else pl.lit(None, pl.String)


def _prefixed(uuid: pl.Expr) -> pl.Expr:
    return uuid.str.replace(r"^(?:uuid:)*", "uuid:")  # Ona writes it twice in workbooks


def _root(sheet: Sheet, matched: Match, form: Form, issues: IssueBook) -> pl.DataFrame:
    note_headings(sheet, matched, form, issues)
    review = _column(sheet, "_validation_status")
    facts = sheet.frame.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias(OF),
        pl.coalesce(*(_prefixed(_column(sheet, name)) for name in NAMES_OF)).alias("submission_id"),
        pl.lit(form.root).alias("row_id"),
        *(_column(sheet, heading).alias(name) for name, heading in FACTS.items() if name != "review_state"),
        review.str.strip_prefix(REVIEW_PREFIX).str.to_lowercase().str.replace_all(" ", "_").alias("review_state"),
        _prefixed(_column(sheet, "meta/deprecatedID")).alias("replaces"),
        _column(sheet, "deviceid", "device_id").alias("device_id"),
        sheet.places.alias("found_in"),
        _column(sheet, INDEX).alias(INDEX),
        _column(sheet, "_id").alias("_id"),
    )
    answers = arrange(sheet, matched, form)
    return _without_blank_rows(facts.hstack(answers) if answers.width else facts, sheet)


def _without_blank_rows(frame: pl.DataFrame, sheet: Sheet) -> pl.DataFrame:
    """Leave out what is no row: nothing in any cell, or tags (#adm1+name) under the headings."""
    cells = pl.concat_str(pl.all(), ignore_nulls=True).str.strip_chars()
    tag = pl.all_horizontal(pl.all().fill_null("").str.contains("^(#.*)?$"))
    said = sheet.frame.select(((cells.str.len_bytes() > 0) & ~(tag & (pl.int_range(pl.len()) == 0))).alias("said"))
    return frame.filter(said["said"])


def _repeat_sheets(sheets: Sequence[Sheet], form: Form, style: str) -> dict[str, list[Sheet]]:
    """Each sheet with a parent table goes to the repeat whose questions its headings are; its name settles a draw."""
    found: dict[str, list[Sheet]] = {}
    for sheet in sheets:
        if PARENT_TABLE in sheet.headings and len(form.repeats) > 1:
            best = max(form.repeats[1:], key=lambda path: _fit(sheet, path, form, style))
            found.setdefault(best, []).append(sheet)
    return found


def _fit(sheet: Sheet, path: str, form: Form, style: str) -> tuple[int, bool]:
    known = match(_asked(sheet.headings), form, path, _quiet, style).known
    cut = SHEET_NAME_LENGTH - 3
    return known, sheet.title[:cut] == steps(path, form)[-1][:cut]


def _rows(
    sheet: Sheet, path: str, form: Form, tables: Mapping[str, pl.DataFrame], root: Match, issues: IssueBook
) -> tuple[pl.DataFrame, int]:
    """One repeat sheet's rows tied to their parents by _parent_index, or by the submission's number or name.

    ``_index`` is counted anew in every export, so it ties within one file only, and only while both sheets stand as
    they were written: the submission's own number, repeated on every row, must agree.
    """
    matched = match(_asked(sheet.headings), form, path, _quiet, root.style)
    note_headings(sheet, matched, form, issues)
    outer = next(section.parent_repeat for section in form.sections if section.path == path)
    own = sheet.frame.select(
        _column(sheet, INDEX).alias(INDEX),
        _column(sheet, PARENT_INDEX).alias("parent"),
        _column(sheet, "_submission__id").alias("_id"),
        _prefixed(_column(sheet, "_submission_meta/rootUuid", "_submission__uuid")).alias("uuid"),
        sheet.places.alias("found_in"),
    )
    whole = own.hstack(arrange(sheet, matched, form))
    whole = _without_blank_rows(whole, sheet)
    if outer not in tables:
        tied = whole.with_columns(pl.lit(None, pl.UInt32).alias(OF), pl.lit(None, pl.String).alias("parent_row_id"))
    else:
        tied = _tied(whole, tables[outer], first_level=outer == form.root)
    strange = tied.filter(pl.col(OF).is_null())
    issues.note_strays(strange["found_in"].to_list(), sheet.place)
    below = path[len(outer) :]
    rows = tied.filter(pl.col(OF).is_not_null()).with_columns(
        (pl.int_range(pl.len()).over(OF, "parent_row_id") + 1).cast(pl.Int64).alias("index"),
        pl.lit(None, pl.String).alias("submission_id"),
    )
    row_id = pl.concat_str("parent_row_id", pl.lit(f"{below}["), pl.col("index").cast(pl.String), pl.lit("]"))
    return rows.with_columns(row_id.alias("row_id")).drop("parent", "uuid"), strange.height + sheet.lost


def _tied(rows: pl.DataFrame, parents: pl.DataFrame, *, first_level: bool) -> pl.DataFrame:
    """Add ``#`` and parent_row_id; null for a row whose parent is not in the file."""
    by_index = parents.select(
        OF, pl.col(INDEX).alias("parent"), pl.col("row_id").alias("parent_row_id"), pl.col("_id").alias("of_id")
    ).unique("parent", keep="first", maintain_order=True)
    tied = rows.join(by_index, on="parent", how="left", maintain_order="left")
    agrees = (pl.col("of_id") == pl.col("_id")).fill_null(True)
    tied = tied.with_columns(pl.when(agrees).then(pl.col(name)).alias(name) for name in (OF, "parent_row_id"))
    if not first_level:
        return tied.drop("of_id")
    for key, name in (("_id", "_id"), ("uuid", "submission_id")):
        other = parents.select(pl.col(name).alias(key), pl.col(OF).alias("other")).drop_nulls()
        other = other.unique(key, keep="last", maintain_order=True)
        tied = tied.join(other, on=key, how="left", maintain_order="left")
        tied = tied.with_columns(pl.coalesce(OF, "other").alias(OF)).drop("other")
    root = parents["row_id"][0] if parents.height else None
    found = pl.when(pl.col(OF).is_not_null()).then(pl.lit(root, pl.String))
    return tied.with_columns(found.alias("parent_row_id")).drop("of_id")
