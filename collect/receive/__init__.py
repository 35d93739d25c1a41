"""Received: an export or a submission becomes answers as text, one reader per source, recognised and not asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from collect.forms import Form
from collect.limits import Limits
from collect.problems import ExportError
from collect.receive import aggregate, central, documents, frames, kobo, ona, own, submissions
from collect.receive.brought import with_lists
from collect.receive.bundles import Bundle
from collect.receive.layout import Look, look_at
from collect.receive.letters import Note
from collect.receive.manner import USUAL, Manner
from collect.receive.received import IssueBook, Received
from collect.receive.refusals import NoneReadError, none_read, told_of
from collect.receive.sheets import Sheet
from collect.receive.unpack import unpacked
from collect.tables import Issues

__all__ = ["SOURCES", "Received", "receive"]

NO_SUBMISSION = "IN-15"  # only forms and the like: nothing is lost with them
Progress = Callable[[str, float], None]  # a key of the catalogue, and how far the reading is, 0 to 1


@dataclass(frozen=True)
class Reading:
    """What a reader is given."""

    look: Look
    bundle: Bundle
    forms: Sequence[Form]
    forced: Form | None
    progress: Progress

    @property
    def limits(self) -> Limits:
        """How large its tables may be."""
        return self.look.upload.manner.limits


def _central(reading: Reading) -> tuple[Received, ...]:
    return _keyed(reading, central.exports(reading.bundle.sheets))


def _aggregate(reading: Reading) -> tuple[Received, ...]:
    sheets, source = reading.bundle.sheets, reading.bundle.source
    return _keyed(reading, aggregate.tables(sheets, source, _offered(reading), reading.limits))


def _ona(reading: Reading) -> tuple[Received, ...]:
    return _keyed(reading, ona.tables(reading.bundle.sheets, _offered(reading), reading.limits))


def _offered(reading: Reading) -> Sequence[Form]:
    return [reading.forced] if reading.forced else reading.forms


def _keyed(reading: Reading, exports: list[central.Export]) -> tuple[Received, ...]:
    """Every form whose tables are there; one that no form knows, or a second of one form, is told beside the others."""
    received: dict[str, Received] = {}
    unread = _tied_to_none(reading.bundle.sheets, exports)
    failed: list[ExportError] = []
    reading.bundle.sheets.clear()
    for export in exports:
        places = [sheet.place for sheet in export.sheets]
        try:
            one = central.read(export, reading.look.file, reading.forms, reading.forced)
        except ExportError as error:
            failed.append(error)
            unread.append((export.place, error))
            continue
        if one.form is not None and received.setdefault(one.form.form_id, one) is not one:
            unread += [(place, ExportError("IN-65", file=place)) for place in places]
    if not received and len(unread) > 1:
        raise none_read(reading.look.file, [ExportError(why.code, **{**why.values, "file": at}) for at, why in unread])
    if not received:
        why = failed[0] if failed else ExportError("IN-23", file=reading.look.file)
        raise NoneReadError(why.code, unread, **why.values)
    reading.look.broken += unread
    return tuple(received.values())


def _tied_to_none(sheets: Sequence[Sheet], exports: Sequence[central.Export]) -> list[tuple[str, ExportError]]:
    """Tables of repeats whose submissions' own table is missing, or could be any of several."""
    tied = {sheet.place for export in exports for sheet in export.sheets}
    strays = (one.place for one in sheets if central.PARENT_KEY in one.headings and one.place not in tied)
    return [(place, ExportError("IN-23", file=place)) for place in strays]


def _kobo(reading: Reading) -> tuple[Received, ...]:
    source = kobo.XLSX_SOURCE if reading.bundle.source == kobo.XLSX_SOURCE else kobo.CSV_SOURCE
    sheets = [ona.answered(one) if ona.writes_not_answered(one.headings) else one for one in reading.bundle.sheets]
    return (kobo.read(sheets, reading.look.file, reading.forms, reading.forced, source=source),)


def _own(reading: Reading) -> tuple[Received, ...]:
    return (own.read(reading.bundle.sheets, reading.look.file, reading.forms, reading.forced),)


def _frame(reading: Reading) -> tuple[Received, ...]:
    sheet = next(sheet for sheet in reading.bundle.sheets if frames.is_frame(sheet.headings))
    return (frames.read(sheet, reading.look.file),)


def _submissions(reading: Reading) -> tuple[Received, ...]:
    those = replace(reading.look.upload, members=tuple(reading.bundle.members))
    return submissions.read(those, reading.forms, reading.forced, reading.progress)


def _documents(reading: Reading) -> tuple[Received, ...]:
    pages, file = reading.bundle.pages, reading.look.file
    return documents.read(pages, file, reading.forms, reading.forced, reading.progress, reading.limits)


SOURCES: dict[str, Callable[[Reading], tuple[Received, ...]]] = {
    central.SOURCE: _central,
    aggregate.SOURCE: _aggregate,
    aggregate.SURVEYCTO_SOURCE: _aggregate,
    ona.SOURCE: _ona,
    kobo.XLSX_SOURCE: _kobo,
    kobo.CSV_SOURCE: _kobo,
    submissions.SOURCE: _submissions,
    documents.ODATA_SOURCE: _documents,
    documents.KOBO_SOURCE: _documents,
    own.SOURCE: _own,
    frames.SOURCE: _frame,
}


def silent(_step: str, _share: float) -> None:
    """Tell nobody."""


def receive(
    path: Path | str,
    forms: Sequence[Form],
    *,
    form: Form | str | None = None,
    source: str | None = None,
    progress: Progress | None = None,
    manner: Manner = USUAL,
) -> tuple[Received, ...]:
    """Read a file, a folder or a zip: one `Received` per form in it, or one for a sampling frame.

    A list of choices that a form lacks and whose CSV lies in the upload is in the form that comes back.

    Parameters
    ------
    form
        A form (or its form_id) to insist on, where headings or ids would not tell.
    source
        A key of `SOURCES` to insist on.
    manner
        Limits, and an encoding to insist on.

    Raises
    ------
    ExportError
        The upload as a whole cannot be read: IN-nn. Nothing is half done.
    """
    tell = progress or silent
    if source is not None and source not in SOURCES:
        raise ExportError("IN-08", source=source, sources=", ".join(SOURCES))
    forced = _forced(form, forms)
    manner = replace(manner, forms=forms)
    with unpacked(Path(path), manner) as upload:
        tell("step.receive", 0.0)
        forms = [with_lists(one, upload) for one in forms]
        forced = with_lists(forced, upload) if forced else None
        look = look_at(upload, source)
        manner.at("")
        received, notes = _read(look, lambda bundle: Reading(look, bundle, forms, forced, tell))
        received = _with_notes(received, look, notes)
    tell("step.receive", 1.0)
    return received


Outcome = tuple[tuple[Received, ...], Sequence[Note]]


def _read(look: Look, reading: Callable[[Bundle], Reading]) -> Outcome:
    """The first bundle that holds anything, and what was repaired in it; what is in the others is told."""
    told, failed, empty = len(look.broken), list[ExportError](), list[Outcome]()
    for number, bundle in enumerate(look.bundles, 1):
        notes = bundle.notes
        try:
            received = SOURCES[bundle.source](reading(bundle))
        except ExportError as error:
            failed.append(error)
            look.broken += told_of(error, bundle.members[0].name) if error.code != NO_SUBMISSION else ()
            continue
        if not any(one.submissions or one.frame is not None for one in received):
            empty.append((received, notes))
            continue
        for other in look.bundles[number:]:
            look.broken += [(name, why or ExportError("IN-65", file=name)) for name, why in other.holding_answers()]
        return received, notes
    if empty:
        return empty[0]
    raise failed[0] if len(failed) == 1 and not told else look.none_read()


def _forced(form: Form | str | None, forms: Sequence[Form]) -> Form | None:
    if form is None or isinstance(form, Form):
        return form
    for known in forms:
        if known.form_id == form:
            return known
    raise ExportError("IN-24", form=form, forms=", ".join(known.form_id for known in forms) or "-")


def _with_notes(received: tuple[Received, ...], look: Look, notes: Sequence[Note]) -> tuple[Received, ...]:
    """Add to the first form's issues and counts what was repaired, and the members that were not read."""
    left = [one for one in look.left if one.base not in _attached(received)] if look.left else []
    if not look.broken and not look.ignored and not notes:
        return received
    book = IssueBook()
    for code, details in notes:
        book.note(code, found_in=str(details["file"]), **details)
    for member, error in look.broken:
        book.note_unread(member, error)
    book.note_left([one.name for one in left], look.file)
    first = received[0]
    issues = Issues(pl.concat([first.issues, book.table()]))
    changed = replace(
        first, issues=issues, unreadable=first.unreadable + len(look.broken), ignored=first.ignored + look.ignored
    )
    return (changed, *received[1:])


def _attached(received: Sequence[Received]) -> set[str]:
    """Names of the files that the answers speak of: photos, documents, what the device noted."""
    answers = (
        one.answers[question.repeat][question.path]
        for one in received
        if one.form is not None
        for question in one.form.questions
        if question.type == "binary"
    )
    return {str(name).rsplit("/", 1)[-1] for column in answers for name in column.drop_nulls()}
