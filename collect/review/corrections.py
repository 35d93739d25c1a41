"""Puts corrections over answers: the text as received, then each correction in order, then every rule again.

A correction applies where the answer still is what it was when the correction was made; where another version brought
another answer meanwhile, it stays in the ledger and changes nothing. Parts on disk always hold what was received.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from collect import registry
from collect.forms import Form
from collect.journey import examine
from collect.keeping.ledger import Entry, entries
from collect.passing import Arrival
from collect.places import places_of
from collect.review.identity import index_of
from collect.store import Store
from collect.tables import Answers

OF_READING = ("FIL", "ID-")  # families of issues that come from reading the file, not from checking answers
LOST_COLUMN = "FIL-16"  # of the whole file, and the cause of what is missing in each of its rows


Cells = dict[tuple[str, str, str], str | None]  # (submission, row, question) to the answer as text


@dataclass(frozen=True, slots=True)
class Amended:
    """The corrected submissions of one upload: their tables as `collect.journey.examine` makes them.

    ``applied``: by submission, the numbers of the ledger entries that changed an answer.
    """

    frames: Mapping[str, pl.DataFrame]
    applied: Mapping[str, Sequence[int]]

    @property
    def counts(self) -> pl.DataFrame:
        """``submission_id`` and how many ``corrections`` apply."""
        rows = [(submission, len(numbers)) for submission, numbers in self.applied.items()]
        return pl.DataFrame(rows, schema={"submission_id": pl.String, "corrections": pl.Int64}, orient="row")

    def in_place(self, rows: pl.DataFrame, table: str) -> pl.DataFrame:
        """The rows of one of the upload's tables, with the corrected submissions' in the place of what they were."""
        better = self.frames[table]
        others = rows.filter(~pl.col("submission_id").is_in(list(self.applied)).fill_null(False))
        return pl.concat([others, better.select(rows.columns)])


def amended(
    store: Store, form: Form, counted: pl.DataFrame, until: datetime | None = None, more: Sequence[Entry] = ()
) -> dict[str, Amended]:
    """By upload: the submissions with a correction, corrected and checked again.

    Parameters
    ----------
    counted
        ``upload_id``, ``submission_id`` and ``interview`` of the versions to look at.
    more
        Corrections to try besides those in the ledger.
    """
    said = [*entries(store, form=form.form_id, kind="correction", until=until), *more]
    if not said:
        return {}
    by_interview = _by_interview(said)
    touched = counted.filter(pl.col("interview").is_in(list(by_interview)))
    found = {}
    for (upload_id,), rows in touched.group_by("upload_id", maintain_order=True):
        own = {row["submission_id"]: by_interview[row["interview"]] for row in rows.iter_rows(named=True)}
        found[str(upload_id)] = _amend(store, form.to_read, str(upload_id), own)
    return found


def _by_interview(said: Iterable[Entry]) -> dict[str, list[Entry]]:
    """A correction is made on a version and follows the interview through its edits."""
    grouped: dict[str, list[Entry]] = {}
    for one in said:
        grouped.setdefault(one.other, []).append(one)
    return grouped


def answers_as_received(store: Store, form: Form, upload_id: str, ids: Iterable[str]) -> Answers:
    """The answers of some submissions of one upload, as text, by repeat."""
    wanted, found = list(ids), {}
    for repeat in form.to_read.repeats:
        table = "answers" if repeat == form.root else f"answers{repeat}"
        if store.part(form.form_id, table, upload_id).is_file():
            whole = store.read_part(form.form_id, table, upload_id)
            found[repeat] = whole.filter(pl.col("submission_id").is_in(wanted))
    return Answers(found)


def cells_now(store: Store, form: Form, counted: pl.DataFrame) -> Cells:
    """Every answer of some submissions as text, corrections applied."""
    by_interview = _by_interview(entries(store, form=form.form_id, kind="correction"))
    found: Cells = {}
    for (upload_id,), rows in counted.group_by("upload_id", maintain_order=True):
        own = {row["submission_id"]: by_interview.get(row["interview"], []) for row in rows.iter_rows(named=True)}
        answers, _ = apply(answers_as_received(store, form, str(upload_id), own), form.to_read, own)
        for table in answers.values():
            for row in table.iter_rows(named=True):
                key = (row["submission_id"], row["row_id"])
                found |= {(*key, path): value or None for path, value in row.items() if path.startswith("/")}
    return found


def _amend(store: Store, form: Form, upload_id: str, said: Mapping[str, Sequence[Entry]]) -> Amended:
    """The corrected submissions of an upload, checked among all others of it: they tell how 1,234 is meant."""
    index = index_of(store, form.form_id, upload_id)
    answers, applied = apply(answers_as_received(store, form, upload_id, index["submission_id"]), form, said)
    stored = store.read_part(form.form_id, "issues", upload_id)
    mine = pl.col("submission_id").is_in(list(said)) | (pl.col("code") == LOST_COLUMN)
    reading = stored.filter(mine & pl.col("code").str.slice(0, 3).is_in(list(OF_READING)))
    upload = next(one for one in registry.uploads(store.engine) if one["upload_id"] == upload_id)
    day = datetime.fromisoformat(upload["received_at"]).date()
    partial = frozenset(index.filter(~pl.col("whole").fill_null(True))["submission_id"])
    told = {"dates": upload["forced_dates"], "decimals": upload["forced_decimals"]}
    arrival = Arrival(upload_id, day, partial=partial, **told)
    frames = examine(answers, form, places_of(store.folder), arrival, reading)
    own = pl.col("submission_id").is_in(list(said))
    return Amended({name: frame.filter(own) for name, frame in frames.items()}, applied)


def apply(answers: Answers, form: Form, said: Mapping[str, Sequence[Entry]]) -> tuple[Answers, dict[str, list[int]]]:
    """Put corrections, by submission and in order, over answers; also say which of them found what they correct."""
    places = {repeat: _places(table) for repeat, table in answers.items()}
    changed: dict[str, dict[str, list[str | None]]] = {repeat: {} for repeat in answers}
    applied: dict[str, list[int]] = {submission: [] for submission in said}
    for submission, ones in said.items():
        for one in ones:
            question = form.by_path.get(one.question)
            repeat = question.repeat if question else ""
            place = places.get(repeat, {}).get((submission, one.row_id))
            if place is None:
                continue
            values = changed[repeat].setdefault(one.question, _texts(answers[repeat], one.question))
            if (values[place] or None) == one.old:
                values[place] = one.new
                applied[submission].append(one.number)
    mended = {
        repeat: table.with_columns(pl.Series(name, values, pl.String) for name, values in changed[repeat].items())
        for repeat, table in answers.items()
    }
    return Answers(mended), applied


def _places(table: pl.DataFrame) -> dict[tuple[str, str], int]:
    pairs = table.select("submission_id", "row_id").iter_rows()
    return {(submission, row): place for place, (submission, row) in enumerate(pairs)}


def _texts(table: pl.DataFrame, path: str) -> list[str | None]:
    return table[path].to_list() if path in table.columns else [None] * table.height
