"""Every problem by its code: broken rules in the data (rows of the issues table) and reasons to stop (`CollectError`).

The words live in the catalogue under ``CODE.name``, ``CODE.found`` and ``CODE.mend``; a test compares both lists.
Answers, names and points of people never enter a message: messages name submissions, questions and codes.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Severity = Literal["error", "warning", "repaired"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that an answer can break."""

    code: str
    severity: Severity  # the usual one


# family: FIL the file, VER the form's version, TYP type, CHO choices, REL relevance, REQ required, CON constraint,
# CAL calculation, RDO read-only,
# ROS roster, ID identity, DAT dates, LOC place, EXP a rule that could not be evaluated
PROBLEMS: Mapping[str, Problem] = {
    problem.code: problem
    for problem in (
        Problem("TYP-01", "error"),  # not of the question's type
        Problem("TYP-02", "repaired"),  # of the type once tidied: Khmer digits, decimal comma, blanks around
        Problem("TYP-03", "warning"),  # text that a spreadsheet turned into a number with an exponent: digits are lost
        Problem("TYP-04", "repaired"),  # a zero that the form demands was lost at the front of a text
        Problem("TYP-05", "warning"),  # a zero seems to be lost at the front of a text
        Problem("CHO-01", "error"),  # not among the choices
        Problem("CHO-02", "error"),  # a choice, but not under this choice filter
        Problem("REL-01", "warning"),  # answered where the question was not relevant
        Problem("REQ-01", "error"),  # required and blank
        Problem("CON-01", "error"),  # constraint broken
        Problem("CAL-01", "warning"),  # stored calculation differs from the recomputed one
        Problem("EXP-01", "warning"),  # the rule could not be evaluated
        Problem("RDO-01", "warning"),  # a read-only answer differs from the one the form holds
        Problem("VER-01", "warning"),  # the version a submission names is not here: checked with the newest
        Problem("VER-02", "warning"),  # the export leaves out what only an older version asked
        Problem("ROS-01", "error"),  # roster rows differ from the declared size
        Problem("ROS-02", "error"),  # age and birth year contradict each other
        Problem("ID-01", "error"),  # the same instanceID twice in one upload, contents differ
        Problem("ID-02", "warning"),  # the same instanceID twice in one upload, same contents: kept once
        Problem("ID-03", "error"),  # no instanceID; a name was made from the contents
        Problem("DAT-01", "error"),  # the interview ends before it starts
        Problem("DAT-02", "error"),  # interview date outside the round, or in the future of the upload
        Problem("DAT-03", "warning"),  # a day that can hardly be meant: 1970-01-01, a Buddhist year, far past or ahead
        Problem("LOC-01", "error"),  # commune code unknown
        Problem("LOC-02", "repaired"),  # code of an older vintage: moved to the new commune
        Problem("LOC-03", "repaired"),  # name typed instead of a code
        Problem("LOC-04", "repaired"),  # leading zero or spacing lost
        Problem("LOC-05", "warning"),  # point lies in another commune, beyond its own accuracy
        Problem("LOC-06", "warning"),  # point lies outside the province
        Problem("LOC-07", "error"),  # no usable commune and no usable point
        Problem("LOC-08", "repaired"),  # commune left blank: taken from the point
        Problem("LOC-09", "warning"),  # name fits several communes
        Problem("FIL-01", "error"),  # a row that cannot be tied to a submission
        Problem("FIL-02", "warning"),  # a column the form does not know
        Problem("FIL-03", "error"),  # a file inside the upload could not be read
        Problem("FIL-04", "warning"),  # the export cannot hold repeats (Kobo CSV): the roster is missing
        Problem("FIL-05", "warning"),  # a heading that fits several questions: taken in the order of the form
        Problem("FIL-06", "repaired"),  # another encoding than UTF-8, told by evidence or insisted on
        Problem("FIL-07", "warning"),  # bytes of letters lost: U+FFFD in their place
        Problem("FIL-08", "repaired"),  # a column in the letters of an old font, or UTF-8 written twice
        Problem("FIL-09", "warning"),  # cells of 32,767 characters: cut by a spreadsheet program
        Problem("FIL-10", "warning"),  # formulas without a result: read as blank
        Problem("FIL-11", "warning"),  # a hidden sheet, read like the others
        Problem("FIL-12", "repaired"),  # a row of HXL tags below the headings, left out
        Problem("FIL-14", "warning"),  # text between the elements of a submission
        Problem("FIL-16", "error"),  # the column of a required question is not in the file
        Problem("FIL-15", "error"),  # rows with more or fewer cells than the headings
        Problem("FIL-17", "warning"),  # files inside the upload that nobody knows, and that were not read
        Problem("FIL-20", "warning"),  # an encrypted submission whose signature could not be confirmed
        Problem("FIL-13", "repaired"),  # headings found below titles
    )
}


class CollectError(Exception):
    """A reason to stop: what was found, and what to do, in the words of ``i18n/problems.toml``.

    ``values`` fill the message's placeholders; they hold file names, codes and counts, never answers.
    """

    exit_code = 2

    def __init__(self, code: str, **values: object) -> None:
        self.code = code
        self.values = values
        super().__init__(f"{code} {json.dumps(values, ensure_ascii=False, default=str)}")


class DefinitionError(CollectError):
    """A form, indicator or target is wrong."""

    exit_code = 10


class ExportError(CollectError):
    """An export cannot be read."""

    exit_code = 11


class PlaceError(CollectError):
    """A place or its boundaries are unknown."""

    exit_code = 12


class StoreError(CollectError):
    """The data folder or the registry is damaged."""

    exit_code = 13


class ServerError(CollectError):
    """A server cannot be asked, or does not answer as it should."""

    exit_code = 14


def fault_of(error: BaseException) -> str:
    """What kind of fault it was and where in the program; its own words may hold answers, so they are left out."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__} {where}".strip()
