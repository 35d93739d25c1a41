"""Knows the CSV of ODK Aggregate, ODK Briefcase and SurveyCTO: tables tied by KEY, dates as English words.

Briefcase and SurveyCTO (long) write a file per repeat with a ``SET-OF-`` column; SurveyCTO (wide) puts rows side by
side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from collect.forms import Form
from collect.limits import Limits
from collect.receive.central import CENTRAL, KEY, PARENT_KEY, Dialect, Export, exports
from collect.receive.sheets import Sheet
from collect.receive.wide import fold, numbered_behind

SOURCE, SURVEYCTO_SOURCE = "aggregate-csv", "surveycto-csv"
SET_OF = "SET-OF-"
INSTANCE = "*meta-instance-id*"  # Aggregate's own way to write KEY
ALIASES = {INSTANCE: KEY, "*meta-submission-date*": "SubmissionDate", "*meta-model-version*": "FormVersion"}
NOT_ASKED = ("*meta-ui-version*", "*meta-is-complete*", "*meta-date-marked-as-complete*", "isValidated")
AGGREGATE = Dialect(SOURCE, CENTRAL.facts, CENTRAL.own | {*NOT_ASKED})
SURVEYCTO = Dialect(
    SURVEYCTO_SOURCE,
    {"submitted_at": "SubmissionDate", "device_id": "deviceid", "review_state": "review_status",
     "form_version": "formdef_version"},
    frozenset({KEY, PARENT_KEY, "SubmissionDate", "CompletionDate", "formdef_version", "instanceID", "instanceName",
               "review_status", "review_quality", "review_comments", "review_corrections"}),
    quiet=frozenset({"starttime", "endtime", "deviceid", "subscriberid", "simid", "devicephonenum", "username",
                     "duration", "caseid"}),
)  # fmt: skip
OF_CENTRAL = {"SubmitterID", "SubmitterName", "FormVersion", "Status"}


def is_surveycto(headings: Sequence[str]) -> bool:
    """Whether these are the headings of SurveyCTO's main table, long or wide."""
    return KEY in headings and "formdef_version" in headings


def is_aggregate(headings: Sequence[str]) -> bool:
    """Whether these are the headings of a table of Aggregate or Briefcase, or of a repeat's with its SET-OF column."""
    if INSTANCE in headings or (KEY in headings and any(heading.startswith(SET_OF) for heading in headings)):
        return True
    return {KEY, "SubmissionDate"} <= {*headings} and not OF_CENTRAL & {*headings}


def tables(sheets: Sequence[Sheet], source: str, forms: Sequence[Form], limits: Limits) -> list[Export]:
    """Each form's tables as one export, a wide one folded."""
    dialect = SURVEYCTO if source == SURVEYCTO_SOURCE else AGGREGATE
    named = [replace(sheet, headings=tuple(ALIASES.get(heading, heading) for heading in sheet.headings))
             for sheet in sheets]  # fmt: skip
    found = [replace(export, dialect=dialect) for export in exports(named)]
    if dialect is AGGREGATE:
        return found
    parted = [replace(one, sheets=[_choices_apart(sheet) for sheet in one.sheets]) for one in found]
    return [
        replace(one, sheets=fold(one.sheets[0], forms, numbered_behind, limits)) if len(one.sheets) == 1 else one
        for one in parted
    ]


def _choices_apart(sheet: Sheet) -> Sheet:
    """Of two columns called ``why_other`` the first is the choice "other" of ``why``, the second a question."""
    headings = list(sheet.headings)
    for place, heading in enumerate(headings):
        if heading in headings[place + 1 :]:
            of = [base for base in headings[:place] if heading.startswith(f"{base}_")]
            if of:
                base = max(of, key=len)
                headings[place] = f"{base}/{heading[len(base) + 1 :]}"
    return replace(sheet, headings=tuple(headings))
