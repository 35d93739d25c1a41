"""Our own spreadsheet template: a form turned into sheets that an office can fill with any spreadsheet program.

Layout 1, the same in XLSX and CSV, recognised by its first cell and never by a file or sheet name:

====== ==========================================================================================================
row 1  the mark: ``phu:template`` | form_id | version | table path (``/data``, ``/data/roster/member``) | layout ``1``
       | language. Further cells are blank.
row 2  what each column asks, in the language of the template. For people; readers skip it.
row 3  the header: key columns, then questions as paths relative to the root (``house/electricity``,
       ``roster/member/age`` on the roster's sheet too).
row 4… answers, all text; a row with nothing in its question columns is not an answer.
====== ==========================================================================================================

*Key columns* are the only headers that begin with ``phu:``. The root sheet has ``phu:household``: a number or code the
office gives each household, unique in the file. A repeat's sheet has ``phu:household`` too (which household the row
belongs to), and ``phu:parent`` when the repeat lies inside another repeat, naming the ``phu:row`` of that row; a repeat
that holds repeats has ``phu:row``, unique within its household. Rows keep the order of the sheet.

*Cells.* Select one: the choice's name, or ``name | label`` as the drop-down list offers it (what stands before the
first ``" | "`` is the answer). Select multiple and rank: names with a blank between. Date ``2025-07-31``, time
``14:05``, point ``latitude longitude altitude accuracy`` with blanks between. Programs may turn dates into date cells:
readers accept both.

*Sheets of an XLSX*: one "read me" (three languages), one per table, ``lists`` with the choices. Readers take every
sheet whose A1 is ``phu:template`` and ignore the others. *CSV*: UTF-8 with a byte order mark, one file for a form
without repeats (``.csv``), else a zip (``.zip``) of one CSV per table, each with its own mark row.

Calculations, notes and files are left out, and so is metadata unless the design names it (the day of the interview):
such columns are absent, never blank columns that claim to have been asked.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from collect.define.words import cell_help, column_label
from collect.forms import Form, Question
from collect.harmless import harmless
from collect.i18n import t
from collect.problems import DefinitionError

MARK = "phu:template"
LAYOUT = "1"
KEY_PREFIX = "phu:"
HOUSEHOLD, ROW, PARENT = "phu:household", "phu:row", "phu:parent"
KEY_WORDS = {HOUSEHOLD: "template.key.household", ROW: "template.key.row", PARENT: "template.key.parent"}
LABEL_SEPARATOR = " | "  # a drop-down offers "name | label"; the name is the answer
HEADER_ROW = 3  # counted from 1
FIXED_TIME = (2026, 1, 1, 0, 0, 0)  # of the files inside a zip, so that the same form gives the same bytes


@dataclass(frozen=True, slots=True)
class TemplateColumn:
    """One column: ``question`` is None for a key column."""

    header: str
    label: str
    help: str
    question: Question | None


@dataclass(frozen=True, slots=True)
class TemplateTable:
    """One sheet or CSV file: the root, or a repeat."""

    path: str
    title: str
    columns: tuple[TemplateColumn, ...]


def template_tables(form: Form, lang: str) -> tuple[TemplateTable, ...]:
    """The tables of a form's template, the root first, with their explanations in ``lang``."""
    return tuple(_table(form, path, lang) for path in form.repeats if path == form.root or _columns(form, path, lang))


def write_template(form: Form, path: Path, language: str = "vi", *, blank_rows: int = 500) -> Path:
    """Write a form's template by the suffix of ``path`` (.xlsx, .csv, .zip of CSVs) and say where it lies.

    ``language`` is ours (vi, km, en): the form's own words are taken in the same language where it has them.
    ``blank_rows`` rows are prepared with drop-down lists in an XLSX. The same form gives the same bytes.

    Raises DefinitionError: DEF-24 for another suffix, DEF-25 for one CSV when the form has repeats.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise DefinitionError("DEF-24", file=path.name, near=", ".join(WRITERS))
    WRITERS[suffix](form, path, language, blank_rows)
    return path


def mark_row(form: Form, table: TemplateTable, lang: str) -> tuple[str, ...]:
    """The first row: what the file is, whoever renames it."""
    return (MARK, form.form_id, form.version, table.path, LAYOUT, lang)


def is_asked(question: Question, form: Form) -> bool:
    """Whether a template has a column for it: what a person answers, and what the design cannot do without."""
    if question.path == form.design.interviewed_on:
        return not question.calculate
    if question.calculate or not question.appears or question.type == "binary":
        return False
    return not (question.readonly or "").startswith("true")


def _table(form: Form, path: str, lang: str) -> TemplateTable:
    relative = path.removeprefix(form.root).strip("/").replace("/", ".")
    return TemplateTable(path, relative or form.root.strip("/"), _columns(form, path, lang))


def _columns(form: Form, path: str, lang: str) -> tuple[TemplateColumn, ...]:
    keys = [TemplateColumn(key, t(KEY_WORDS[key], lang), "", None) for key in _keys(form, path)]
    questions = [
        TemplateColumn(
            question.path.removeprefix(f"{form.root}/"),
            column_label(question, form, lang),
            cell_help(question, form, lang),
            question,
        )
        for question in form.questions_in(path)
        if is_asked(question, form)
    ]
    return (*keys, *questions) if questions or path == form.root or _holds_repeats(form, path) else ()


def _keys(form: Form, path: str) -> tuple[str, ...]:
    if path == form.root:
        return (HOUSEHOLD,)
    parent = next(section.parent_repeat for section in form.sections if section.path == path)
    inner = (PARENT,) if parent != form.root else ()
    return (HOUSEHOLD, *inner, *((ROW,) if _holds_repeats(form, path) else ()))


def _holds_repeats(form: Form, path: str) -> bool:
    return any(section.repeats and section.parent_repeat == path for section in form.sections)


def _csv_of(form: Form, table: TemplateTable, lang: str) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    width = max(len(table.columns), 6)
    for row in (
        mark_row(form, table, lang),
        [f"{column.label} {column.help}".strip() for column in table.columns],
        [column.header for column in table.columns],
    ):
        writer.writerow([*map(harmless, row), *[""] * (width - len(row))])
    return out.getvalue().encode("utf-8-sig")


def _write_csv(form: Form, path: Path, lang: str, _blank_rows: int) -> None:
    tables = template_tables(form, lang)
    if len(tables) > 1:
        raise DefinitionError("DEF-25", file=path.name, near=f"{path.stem}.zip, {path.stem}.xlsx")
    path.write_bytes(_csv_of(form, tables[0], lang))


def _write_zip(form: Form, path: Path, lang: str, _blank_rows: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for table in template_tables(form, lang):
            entry = zipfile.ZipInfo(f"{form.form_id}.{table.title}.csv", FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(entry, _csv_of(form, table, lang))


def _write_xlsx(form: Form, path: Path, lang: str, blank_rows: int) -> None:
    from collect.define.template_xlsx import write_workbook  # it needs the tables declared here

    write_workbook(form, path, lang, blank_rows)


WRITERS: Mapping[str, Callable[[Form, Path, str, int], None]] = {
    ".xlsx": _write_xlsx,
    ".csv": _write_csv,
    ".zip": _write_zip,
}
