"""What a reader hands over: one form's answers as text, what was wrong with the file, and how much was read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from collect.forms import Form
from collect.problems import PROBLEMS, ExportError
from collect.tables import ISSUES, ROOT_ANSWERS, ROW_ANSWERS, Answers, Frame, Issues

MOST_STRAYS_NAMED = 1_000  # rows of one table
MOST_LEFT_NAMED = 20  # files of which nobody knows what they are


@dataclass(frozen=True)
class Received:
    """One form's share of an upload, or a sampling frame (``form`` is None and ``frame`` is filled).

    ``unreadable`` counts submissions, rows or members that were found and could not be read; each has its issue.
    ``ignored`` counts members that are no answers: photos, audits, the form itself, or nobody knows (FIL-17).
    """

    source: str  # key of SOURCES
    file: str
    form: Form | None
    answers: Answers
    issues: Issues
    unreadable: int = 0
    ignored: int = 0
    frame: Frame | None = None

    @property
    def submissions(self) -> int:
        """How many submissions were read."""
        return self.answers[self.form.root].height if self.form is not None else 0

    @property
    def rows(self) -> Mapping[str, int]:
        """How many rows of each repeat were read, by its path."""
        root = self.form.root if self.form is not None else ""
        return {repeat: frame.height for repeat, frame in self.answers.items() if repeat != root}

    @property
    def repeated(self) -> int:
        """How many submissions stood in the file again under a name already there: only the last of each is kept."""
        return int(self.issues["code"].is_in(["ID-01", "ID-02"]).sum())

    @property
    def lacks_repeats(self) -> bool:
        """Whether the export left out the table of a repeat: no rows there does not mean that nobody was named."""
        repeats = self.form.repeats[1:] if self.form is not None else ()
        return bool(repeats) and "FIL-04" in self.issues["code"]

    @property
    def counts(self) -> Mapping[str, int]:
        """Submissions, rows of each repeat, and what could not be read: the receipt's numbers."""
        rest = {"repeated": self.repeated, "unreadable": self.unreadable, "ignored": self.ignored}
        return {"submissions": self.submissions, **self.rows, **rest}


@dataclass
class IssueBook:
    """Collects the issues of one reading; columns that name nothing stay empty."""

    rows: list[dict[str, str | None]] = field(default_factory=list)

    def note(
        self,
        code: str,
        *,
        found_in: str | None = None,
        submission_id: str | None = None,
        row_id: str | None = None,
        question: str | None = None,
        **details: object,
    ) -> None:
        """Write one issue down. ``details`` fill the placeholders of its message: names and counts, never answers."""
        self.rows.append(
            {
                "submission_id": submission_id,
                "row_id": row_id,
                "question": question,
                "code": code,
                "severity": PROBLEMS[code].severity,
                "details": json.dumps(details, ensure_ascii=False, default=str),
                "found_in": found_in,
            }
        )

    def note_unread(self, member: str, error: ExportError) -> None:
        """Write down that a file inside the upload could not be read, and all that is known of why."""
        details: dict[str, Any] = {**error.values, "file": member, "reason": error.code}
        self.note("FIL-03", found_in=member, **details)

    def note_left(self, members: Sequence[str], file: str) -> None:
        """Write down, all in one, the files inside the upload that went to no reader and are not known to belong."""
        if members:
            more = ", …" if len(members) > MOST_LEFT_NAMED else ""
            names = ", ".join(sorted(members)[:MOST_LEFT_NAMED]) + more
            self.note("FIL-17", found_in=file, file=file, files=len(members), names=names)

    def note_strays(self, places: Sequence[str], table: str) -> None:
        """Write down rows that cannot be tied to a submission: each, or their number when there are very many."""
        if len(places) > MOST_STRAYS_NAMED:
            self.note("FIL-01", found_in=table, file=table, rows=len(places))
        else:
            for place in places:
                self.note("FIL-01", found_in=place, file=place, rows=1)

    def table(self) -> Issues:
        """The issues as their table."""
        schema = {name: kind for name, kind in ISSUES.schema.items() if name not in ("upload_id", "value")}
        return Issues(ISSUES.check(pl.DataFrame(self.rows, schema=schema)))


def checked_answers(tables: Mapping[str, pl.DataFrame], form: Form) -> Answers:
    """Every table the form fills, held to its contract; a repeat nobody answered is there with no rows."""
    answers: dict[str, pl.DataFrame] = {}
    for repeat in form.repeats:
        contract = ROOT_ANSWERS if repeat == form.root else ROW_ANSWERS
        questions = [question.path for question in form.questions_in(repeat)]
        frame = tables.get(repeat)
        if frame is None:
            frame = pl.DataFrame(schema=contract.schema | dict.fromkeys(questions, pl.String()))
        answers[repeat] = contract.check(frame).select(*contract.schema, *questions)
    return Answers(answers)
