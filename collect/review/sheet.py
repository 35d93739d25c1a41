"""The issues as a spreadsheet in which people write the right answers, and back from it into corrections.

Columns that are read again carry a mark such as ``(phu:new)`` in their heading, whatever the language, so the sheet may
be sorted, filtered, cut and saved by any program. Every cell is text: no program guesses a number or runs a formula.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from collect.forms import Form
from collect.harmless import as_csv
from collect.i18n import LANGUAGES, t
from collect.journey import Definitions
from collect.problems import ExportError
from collect.receive.apart import UNREADABLE, returned_apart
from collect.receive.manner import Manner
from collect.receive.returned import FORMULA, returned
from collect.review.reviews import Correction, Outcome, correct
from collect.settings import Settings
from collect.store import Store
from collect.wording.issues import details_of, words_of

NEEDED = ("new", "submission", "question")  # marks of the columns without which nothing can be put right
COLUMNS = (  # a key of the catalogue below "issue.", its mark where it is read again, its width in characters
    ("new", "new", 22), ("reason", "why", 26), ("question", "", 34), ("given", "given", 22), ("why", "", 60),
    ("mend", "", 50), ("severity", "", 12), ("code", "code", 14), ("file", "", 24), ("found_in", "", 30),
    ("submission", "submission", 44), ("path", "question", 34), ("row", "row", 30),
    ("rule", "", 40),
)  # fmt: skip
OF_THE_ANSWER = ("TYP", "CHO", "CON", "REQ", "REL", "DAT")  # families whose value is the answer at the question itself
LONGEST = 32_767  # characters Excel keeps in a cell


def write(issues: pl.DataFrame, forms: Mapping[str, Form], lang: str) -> bytes:
    """An XLSX file with one row per issue and room for the right answer.

    Parameters
    ----------
    issues
        Rows of `collect.tables.ISSUES` with two columns more: ``file`` (its name) and ``form`` (form_id).
    """
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet(t("issue.sheet", lang))
        head = book.add_format({"bold": True, "bg_color": "#1B4B7A", "font_color": "#FFFFFF", "text_wrap": True})
        text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        room = book.add_format({"num_format": "@", "bg_color": "#FFF6D6", "valign": "top"})
        for place, (name, mark, width) in enumerate(COLUMNS):
            sheet.set_column(place, place, width, room if name in ("new", "reason") else text)
            heading = t(f"issue.{name}", lang)
            sheet.write_string(0, place, f"{heading} (phu:{mark})" if mark else heading, head)
        for row, issue in enumerate(issues.iter_rows(named=True), start=1):
            for place, value in enumerate(_cells(issue, forms.get(issue["form"]), lang)):
                if value:
                    sheet.write_string(row, place, value[:LONGEST], room if place < 2 else text)
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, max(issues.height, 1), len(COLUMNS) - 1)
    return made.getvalue()


def write_csv(issues: pl.DataFrame, forms: Mapping[str, Form], lang: str, *, made_up: bool | None = None) -> bytes:
    """The same as CSV; ``made_up``: see `collect.harmless.as_csv`."""
    headings = [t(f"issue.{name}", lang) + (f" (phu:{mark})" if mark else "") for name, mark, _ in COLUMNS]
    rows = [_cells(issue, forms.get(issue["form"]), lang) for issue in issues.iter_rows(named=True)]
    table = pl.DataFrame(rows, schema=dict.fromkeys(headings, pl.String), orient="row")
    return as_csv(table, made_up=made_up)


def _cells(issue: Mapping[str, Any], form: Form | None, lang: str) -> tuple[str | None, ...]:
    label, found, mend = words_of(issue, form, lang)
    details = details_of(issue)
    return (
        None, None, label, issue["value"], found, mend, t(f"severity.{issue['severity']}", lang), issue["code"],
        issue["file"], issue["found_in"], issue["submission_id"], issue["question"], issue["row_id"],
        str(details.get("expression") or details.get("rule") or "") or None,
    )  # fmt: skip


def take(store: Store, definitions: Definitions, path: Path, by: str, *, dry_run: bool = False) -> list[Outcome] | None:
    """Make corrections of a sheet's rows that hold a right answer, or try to; say of each what becomes of it.

    Returns None for any other file. Raises ExportError like `corrections_in`, CollectError REV-02 without a name.
    """
    found = corrections_in(path, store.settings)
    return None if found is None else correct(store, definitions, found, by, dry_run=dry_run)


def corrections_in(path: Path, settings: Settings) -> list[Correction] | None:
    """The rows of a sheet that hold a right answer, each answer to a question once; None for any other file.

    Raises
    ------
    ExportError
        IN-nn when the file is damaged or larger than the limits, REV-06 when it brings its reader down, REV-04 when it
        lacks a column that is needed.
    """
    if path.is_dir():
        return None
    try:
        sheet = (returned_apart if settings.apart else returned)(path, Manner(limits=settings.limits))
    except ExportError as error:
        if error.code not in UNREADABLE:
            raise
        # uploads are told that the original is kept; of a sheet only what applies is
        raise ExportError("REV-06", file=path.name, reason=error.code) from error
    if sheet is None:
        return None
    missing = [f"(phu:{name})" for name in NEEDED if name not in sheet.marks]
    if missing:
        raise ExportError("REV-04", file=path.name, columns=", ".join(missing))
    found = filter(None, map(_correction, sheet.rows))
    return list({(one.submission_id, one.row_id, one.question, one.new, one.unworked): one for one in found}.values())


def _correction(row: Mapping[str, str]) -> Correction | None:
    unworked = FORMULA in row.values()  # the answer, its reason, or which it is of: nobody can say what was meant
    row = {mark: "=" if text == FORMULA else text for mark, text in row.items()}
    if not row["submission"] or not row["question"]:
        return None
    blank = row["new"] in {t("correction.blank", lang) for lang in LANGUAGES}
    seen = row.get("given", "") if row.get("code", "").startswith(OF_THE_ANSWER) else None
    why = row.get("why") or row.get("code") or ""
    # a root question's row is the form's root, which an empty cell means too
    place = row["submission"], row["question"]
    if unworked:
        return Correction(*place, None, why, row.get("row", ""), seen, unworked=True)
    return Correction(*place, None if blank else row["new"], why, row.get("row", ""), seen)
