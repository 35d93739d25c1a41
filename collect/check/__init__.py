"""Answers become typed tables and a list of broken rules: types first, then what the form asks, then what it demands.

    checked = check(answers, form, upload_id="u1", received_on=date(2026, 11, 22))
    households(checked, form, "u1"); persons(checked, form); measure(checked.tables, form, indicators, checked.issues)

The order matters. Every cell is typed by its question's bind type; relevance is settled in dependency order, and an
answer that was not relevant counts nowhere from then on; only then are choices, required, constraint, roster and dates
asked. A rule that cannot be evaluated is an issue (EXP-01), once per rule. Nothing here opens a file or reads
a clock: ``received_on`` is the day of the upload at the place of the survey.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from collect.check.cast import cast, report_types
from collect.check.causes import LOST_COLUMN, of_lost_columns, of_the_clock
from collect.check.choices import check_choices, tidy_choices
from collect.check.dates import check_dates, check_other_days, possible_days
from collect.check.household import households, persons
from collect.check.measure import answers_read, measure
from collect.check.report import Report
from collect.check.roster import check_ages, check_size
from collect.check.rules import check_constraints, check_fixed, check_required
from collect.check.settle import settle
from collect.check.sheets import Checked, sheets_of
from collect.check.spelling import UNTOLD, WHOLE, LeftOut, Spelling
from collect.check.versions import check_by_version
from collect.check.zeros import put_back
from collect.forms import Form
from collect.tables import Answers

__all__ = [
    "LOST_COLUMN",
    "Checked",
    "LeftOut",
    "Spelling",
    "answers_read",
    "check",
    "households",
    "measure",
    "of_lost_columns",
    "persons",
]


def check(
    answers: Answers,
    form: Form,
    *,
    upload_id: str = "",
    received_on: date | None = None,
    spelling: Spelling = UNTOLD,
    left_out: LeftOut = WHOLE,
) -> Checked:
    """Type the answers of one upload and ask every rule of the form again, of the version each submission names.

    A cell that cannot be read, and an answer where nothing was relevant, is null in the typed tables; rows of a repeat
    that was not relevant are not there. All other answers stay as given, whatever rule they break.

    ``spelling``: where somebody said how 12/7/2026 and 1,234 are meant; else a column tells by its other cells.
    ``left_out``: what the export does not hold. An answer that is demanded and has no column is missing all the same.
    """
    upload = _Upload(upload_id, received_on, spelling, left_out)
    return check_by_version(answers, form, upload_id, lambda part, version, lost: _check(part, version, lost, upload))


@dataclass(frozen=True, slots=True)
class _Upload:
    """What is known of an upload beside its answers: `check` says what each is."""

    upload_id: str
    received_on: date | None
    spelling: Spelling
    left_out: LeftOut


def _check(answers: Answers, form: Form, lost: Sequence[str], upload: _Upload) -> Checked:
    sheets, report = sheets_of(answers, form, upload.left_out), Report(upload.upload_id)
    cast(sheets, upload.received_on, upload.spelling)
    sheets.lose([*lost, *(path for path in form.by_path if path in upload.left_out.columns)])
    tidy_choices(sheets)
    settle(sheets, report)
    report_types(sheets, report, upload.spelling)
    put_back(sheets, report)
    days = possible_days(sheets, upload.received_on)
    check_dates(sheets, report, days)  # before the rules that read the day: right it first, and they hold
    check_choices(sheets, report)
    check_required(sheets, report)
    check_constraints(sheets, report)
    check_fixed(sheets, report)
    check_size(sheets, report)
    check_ages(sheets, report, days)
    check_other_days(sheets, report, days, upload.received_on)
    return Checked(sheets.typed, of_the_clock(report.issues(), sheets, days))
