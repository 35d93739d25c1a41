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
from collect.receive.layout import Look, look_at
from collect.receive.letters import Note
from collect.receive.manner import USUAL, Manner
from collect.receive.received import IssueBook, Received
from collect.receive.unpack import unpacked
from collect.tables import Issues

__all__ = ["SOURCES", "Received", "receive"]

Progress = Callable[[str, float], None]  # a key of the catalogue, and how far the reading is, 0 to 1


@dataclass(frozen=True)
class Reading:
    """What a reader is given."""

    look: Look
    forms: Sequence[Form]
    forced: Form | None
    progress: Progress

    @property
    def limits(self) -> Limits:
        """How large its tables may be."""
        return self.look.upload.manner.limits


def _central(reading: Reading) -> tuple[Received, ...]:
    return _keyed(reading, central.exports(reading.look.sheets))


def _aggregate(reading: Reading) -> tuple[Received, ...]:
    return _keyed(
        reading, aggregate.tables(reading.look.sheets, reading.look.source, _offered(reading), reading.limits)
    )


def _ona(reading: Reading) -> tuple[Received, ...]:
    return _keyed(reading, ona.tables(reading.look.sheets, _offered(reading), reading.limits))


def _offered(reading: Reading) -> Sequence[Form]:
    return [reading.forced] if reading.forced else reading.forms


def _keyed(reading: Reading, exports: list[central.Export]) -> tuple[Received, ...]:
    """Every form whose tables are there; one that no form knows is an issue when others are known."""
    received: list[Received] = []
    failed: list[ExportError] = []
    reading.look.sheets.clear()
    for export in exports:
        try:
            received.append(central.read(export, reading.look.file, reading.forms, reading.forced))
        except ExportError as error:
            failed.append(error)
            reading.look.broken.append((export.place, error))
    if not received:
        raise failed[0] if failed else _rootless(reading.look)
    return tuple(received)


def _rootless(look: Look) -> ExportError:
    """The submissions' own table is missing or broken."""
    if look.broken:
        return look.none_read()
    return ExportError("IN-23", file=look.file)


def _kobo(reading: Reading) -> tuple[Received, ...]:
    source = kobo.XLSX_SOURCE if reading.look.source == kobo.XLSX_SOURCE else kobo.CSV_SOURCE
    sheets = [ona.answered(one) if ona.writes_not_answered(one.headings) else one for one in reading.look.sheets]
    return (kobo.read(sheets, reading.look.file, reading.forms, reading.forced, source=source),)


def _own(reading: Reading) -> tuple[Received, ...]:
    return (own.read(reading.look.sheets, reading.look.file, reading.forms, reading.forced),)


def _frame(reading: Reading) -> tuple[Received, ...]:
    sheet = next(sheet for sheet in reading.look.sheets if frames.is_frame(sheet.headings))
    return (frames.read(sheet, reading.look.file),)


def _submissions(reading: Reading) -> tuple[Received, ...]:
    return submissions.read(reading.look.upload, reading.forms, reading.forced, reading.progress)


def _documents(reading: Reading) -> tuple[Received, ...]:
    look = reading.look
    return documents.read(look.pages, look.file, reading.forms, reading.forced, reading.progress, reading.limits)


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
        notes = look.notes
        received = SOURCES[look.source](Reading(look, forms, forced, tell))
    tell("step.receive", 1.0)
    if len({one.form.form_id for one in received if one.form}) < sum(1 for one in received if one.form):
        raise ExportError("IN-25", file=look.file, tables=len(received))
    return _with_notes(received, look, notes)


def _forced(form: Form | str | None, forms: Sequence[Form]) -> Form | None:
    if form is None or isinstance(form, Form):
        return form
    for known in forms:
        if known.form_id == form:
            return known
    raise ExportError("IN-24", form=form, forms=", ".join(known.form_id for known in forms) or "-")


def _with_notes(received: tuple[Received, ...], look: Look, notes: Sequence[Note]) -> tuple[Received, ...]:
    """Add to the first form's issues and counts what was repaired, and the members that could not be read."""
    if not look.broken and not look.ignored and not notes:
        return received
    book = IssueBook()
    for code, details in notes:
        book.note(code, found_in=str(details["file"]), **details)
    for member, error in look.broken:
        book.note_unread(member, error)
    first = received[0]
    issues = Issues(pl.concat([first.issues, book.table()]))
    changed = replace(
        first, issues=issues, unreadable=first.unreadable + len(look.broken), ignored=first.ignored + look.ignored
    )
    return (changed, *received[1:])
