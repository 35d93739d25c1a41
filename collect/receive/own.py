"""Reads our own spreadsheet template, filled in an office: XLSX, one CSV, or a zip of one CSV per table.

The template knows no instanceID. A household's name is made of the form, the office's number for it, and the answers
that say where it is and who asked: the same sheet handed in again after a correction holds the same households,
changed, and two offices that both count from 1 do not overwrite each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

from collect.define.template import HEADER_ROW, HOUSEHOLD, KEY_PREFIX, LABEL_SEPARATOR, LAYOUT, MARK, PARENT, ROW
from collect.forms import Form
from collect.problems import ExportError
from collect.receive.arrange import arrange, note_headings
from collect.receive.headings import NAMES, match
from collect.receive.identify import OF, Tables, identify
from collect.receive.received import IssueBook, Received, checked_answers
from collect.receive.recognise import form_named, nothing_quiet
from collect.receive.sheets import Sheet

SOURCE = "template"
NAMED_HERE = "sheet:"  # how a submission_id made by this reader begins
NAMING = ("round", "commune", "hamlet", "cluster", "interviewer")  # parts of the design that tell offices apart


def is_own(headings: Sequence[str]) -> bool:
    """Whether the first row is the template's mark."""
    return bool(headings) and headings[0] == MARK


def read(sheets: Sequence[Sheet], file: str, forms: Sequence[Form], forced: Form | None) -> Received:
    """Read all tables of one filled template.

    Raises
    ------
    ExportError
        IN-07 when its form is not known, IN-19 for another layout or a missing first table,
        IN-25 for one of its tables several times.
    """
    marked = [sheet for sheet in sheets if is_own(sheet.headings)]
    _refuse_twice(marked, file)
    form = forced or form_named(file, "".join(marked[0].headings[1:2]), forms)
    tables_of = {sheet.headings[3]: sheet for sheet in marked if len(sheet.headings) > 4}
    if form.root not in tables_of or any(sheet.headings[4] != LAYOUT for sheet in tables_of.values()):
        raise ExportError("IN-19", file=file, layout=marked[0].headings[4] if len(marked[0].headings) > 4 else "-")
    version = tables_of[form.root].headings[2] or None
    issues = IssueBook()
    tables: Tables = {form.root: _root(tables_of[form.root].below(HEADER_ROW - 1), form, version, issues)}
    strays = sum(sheet.lost for sheet in tables_of.values())
    for path in form.repeats[1:]:
        if path in tables_of:
            tables[path], lost = _rows(tables_of[path].below(HEADER_ROW - 1), path, form, tables, issues)
            strays += lost
    tables = identify({path: frame.drop(HOUSEHOLD, ROW, strict=False) for path, frame in tables.items()}, form, issues)
    return Received(SOURCE, file, form, checked_answers(tables, form), issues.table(), strays)


def _refuse_twice(marked: Sequence[Sheet], file: str) -> None:
    """Raise ExportError IN-25 for several tables of one kind: nobody can tell which rows belong to which."""
    kinds = [sheet.headings[1:4:2] for sheet in marked]
    twice = [sheet.place for sheet, kind in zip(marked, kinds, strict=True) if kinds.count(kind) > 1]
    if twice:
        raise ExportError("IN-25", file=file, tables=len(twice), names=", ".join(twice))


def _answers(sheet: Sheet, path: str, form: Form, issues: IssueBook) -> pl.DataFrame:
    """Key columns, place in the file and answers of the rows that say anything."""
    asked = tuple("" if heading.startswith(KEY_PREFIX) else heading for heading in sheet.headings)
    matched = match(asked, form, path, nothing_quiet, NAMES)
    note_headings(sheet, matched, form, issues)
    keys = [
        (pl.col(str(sheet.headings.index(key))) if key in sheet.headings else pl.lit(None, pl.String)).alias(key)
        for key in (HOUSEHOLD, ROW, PARENT)
    ]
    head = sheet.frame.select(*keys, sheet.places.alias("found_in"))
    chosen = [question.path for question in form.questions_in(path) if question.type == "select_one"]
    name = pl.col(chosen).str.split_exact(LABEL_SEPARATOR, 1).struct.field("field_0").str.strip_chars()
    answers = arrange(sheet, matched, form).with_columns(name.name.keep())
    said = pl.any_horizontal(pl.col(answers.columns).is_not_null()) if answers.width else pl.lit(False)
    return head.hstack(answers).filter(said)


def _root(sheet: Sheet, form: Form, version: str | None, issues: IssueBook) -> pl.DataFrame:
    frame = _answers(sheet, form.root, form, issues)
    naming = [path for part in NAMING if (path := getattr(form.design, part)) in frame.columns]
    names = [
        NAMED_HERE + hashlib.sha256("\x1f".join((form.form_id, number, *(x or "" for x in rest))).encode()).hexdigest()
        if number
        else None
        for number, *rest in frame.select(HOUSEHOLD, *naming).rows()
    ]
    return frame.drop(PARENT, ROW).with_columns(
        pl.Series("submission_id", names, pl.String),
        pl.int_range(pl.len(), dtype=pl.UInt32).alias(OF),
        pl.lit(form.root).alias("row_id"),
        pl.lit(version, pl.String).alias("form_version"),
    )


def _rows(sheet: Sheet, path: str, form: Form, tables: Tables, issues: IssueBook) -> tuple[pl.DataFrame, int]:
    """A repeat's rows tied to their household, or to the row of the repeat around them."""
    frame = _answers(sheet, path, form, issues)
    outer = next(section.parent_repeat for section in form.sections if section.path == path)
    above = tables.get(outer)
    keys = [HOUSEHOLD] if outer == form.root else [HOUSEHOLD, PARENT]
    if above is None:
        tied = frame.with_columns(pl.lit(None, pl.UInt32).alias(OF), pl.lit(None, pl.String).alias("parent_row_id"))
    else:
        parents = above.select(
            HOUSEHOLD, *([pl.col(ROW).alias(PARENT)] if outer != form.root else []), OF,
            pl.col("row_id").alias("parent_row_id"),
        ).drop_nulls().unique(keys, keep="last", maintain_order=True)  # fmt: skip
        tied = frame.join(parents, on=keys, how="left", maintain_order="left")
    issues.note_strays(tied.filter(pl.col(OF).is_null())["found_in"].to_list(), sheet.place)
    rows = tied.filter(pl.col(OF).is_not_null()).drop(PARENT).with_columns(
        (pl.int_range(pl.len()).over(OF, "parent_row_id") + 1).cast(pl.Int64).alias("index"),
        pl.lit(None, pl.String).alias("submission_id"),
    )  # fmt: skip
    own = pl.concat_str("parent_row_id", pl.lit(f"{path[len(outer) :]}["), pl.col("index").cast(pl.String), pl.lit("]"))
    return rows.with_columns(own.alias("row_id")), tied.height - rows.height
