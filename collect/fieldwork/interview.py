"""One interview opened: its answers in the form's own words, corrections put over them, beside what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from collect.forms import Form, Question
from collect.problems import CollectError
from collect.review.corrections import amended, cells_now
from collect.review.standing import standing
from collect.store import Store
from collect.wording.answers import answer_of, label_of


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: in which row, to which question, as it was written, and as people read it."""

    row_id: str
    question: str
    label: str
    given: str | None
    said: str  # as `collect.wording.answers.answer_of` writes it


@dataclass(frozen=True, slots=True)
class Interview:
    """``answers`` in the order of the form, repeats after the root; ``issues``: rows of `collect.tables.ISSUES`."""

    form: Form
    submission_id: str
    answers: Sequence[Answer]
    issues: pl.DataFrame


def the_interview(store: Store, form: Form, submission_id: str, lang: str) -> Interview:
    """An interview as it stands now. Raises CollectError USE-01 for one that nobody sent or that another replaced."""
    stands = standing(store, form.form_id).filter(submission_id=submission_id)
    if stands.is_empty():
        raise CollectError("USE-01", what="submission", name=submission_id, known="–")
    cells = cells_now(store, form, stands)
    read = form.to_read
    order = {question.path: place for place, question in enumerate(read.questions)}
    found = [
        _answer(read.by_path[path], row, given, form, lang)
        for (_, row, path), given in cells.items()
        if path in order and (given is not None or _asked(read.by_path[path]))
    ]
    found.sort(key=lambda one: (one.row_id != form.root, *_natural(one.row_id), order[one.question]))
    upload = str(stands["upload_id"][0])
    issues = store.read_part(form.form_id, "issues", upload)
    better = amended(store, form, stands).get(upload)
    issues = (issues if better is None else better.in_place(issues, "issues")).filter(submission_id=submission_id)
    return Interview(form, submission_id, found, issues)


def _asked(question: Question) -> bool:
    """Whether a blank says something: notes and calculations are blank for everybody."""
    return question.appears and not question.readonly and not question.calculate


def _natural(row: str) -> tuple[str, int]:
    """Rows in the order of their numbers: [10] after [9]."""
    path, _, number = row.rstrip("]").rpartition("[")
    return (path, int(number)) if number.isdigit() else (row, 0)


def _answer(question: Question, row: str, given: str | None, form: Form, lang: str) -> Answer:
    return Answer(row, question.path, label_of(question, lang), given, answer_of(question, given, form, lang))


def side_by_side(one: Interview, other: Interview) -> list[tuple[Answer, Answer]]:
    """The answers of two interviews in pairs, in the order of the first; what only one has stands beside a blank."""
    theirs = {(answer.row_id, answer.question): answer for answer in other.answers}
    pairs = [(mine, theirs.pop((mine.row_id, mine.question), _blank(mine))) for mine in one.answers]
    return [*pairs, *((_blank(left), left) for left in theirs.values())]


def _blank(answer: Answer) -> Answer:
    return Answer(answer.row_id, answer.question, answer.label, None, "")
