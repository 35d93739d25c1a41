"""Says which form an export's columns belong to, or that no form fits: a guess would be worse than a question."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from collect.forms import Form
from collect.problems import ExportError
from collect.receive.headings import Match, match

KNOWN_AT_LEAST = 2 / 3  # of the file's columns: below this it is another survey's, whatever a few names say
ASKED_AT_LEAST = 1 / 2  # of the form's own questions: below this it is a list that happens to share words
KNOWN_WHEN_NAMED = 1 / 2  # enough when the file or the sheet bears the form's own name
NOT_AN_IDENTIFIER = re.compile(r"(?<![^/])[^A-Za-z_/]|[^A-Za-z0-9_/]")  # OData writes "_" instead
TITLE_LENGTH = 28  # a sheet's name is cut to 31 characters, the last three being dots


def nothing_quiet(_heading: str) -> bool:
    """Every heading the form does not know is worth a word."""
    return False


@dataclass(frozen=True)
class Candidate:
    """A root table in search of its form. Platform columns are "" in ``headings``; ``quiet`` ones may be unknown."""

    file: str
    title: str  # the file's stem or the sheet's name
    headings: tuple[str, ...]
    quiet: Callable[[str], bool] = nothing_quiet


def form_of(candidate: Candidate, forms: Sequence[Form], forced: Form | None) -> tuple[Form, Match]:
    """The form whose questions the headings are, and what each heading means.

    Raises
    ------
    ExportError
        IN-07 when none fits, IN-60 when one knows the columns and they are few of its questions, IN-57 when a forced
        form, which only has to know one column, knows none, IN-67 when there is no column but the platform's.
    """
    offered = [forced] if forced else forms
    tried = [(form, match(candidate.headings, form, form.root, candidate.quiet)) for form in offered]
    ranked = sorted(tried, key=lambda pair: (_is_named(candidate, pair[0]), pair[1].known), reverse=True)
    for form, found in ranked:
        if (forced and found.known) or _fits(candidate, form, found):
            return form, found
    columns = sum(1 for heading in candidate.headings if heading)
    if not columns:
        raise ExportError("IN-67", file=candidate.file)
    if forced:
        raise ExportError("IN-57", file=candidate.file, form=forced.form_id, columns=columns)
    nearest = max(ranked, key=lambda pair: pair[1].known, default=None)
    if nearest and nearest[1].known >= KNOWN_AT_LEAST * max(1, columns):
        asked, known = len(_asked(nearest[0])), nearest[1].known
        raise ExportError("IN-60", file=candidate.file, known=known, nearest=nearest[0].form_id, asked=asked)
    raise ExportError(
        "IN-07",
        file=candidate.file,
        columns=columns,
        known=nearest[1].known if nearest else 0,
        nearest=nearest[0].form_id if nearest else "-",
        forms=", ".join(form.form_id for form in forms) or "-",
    )


def _is_named(candidate: Candidate, form: Form) -> bool:
    title = candidate.title.strip()
    return title in (form.form_id, form.title) or (
        len(title) >= TITLE_LENGTH and form.title.startswith(title.removesuffix("...").strip())
    )


def _fits(candidate: Candidate, form: Form, found: Match) -> bool:
    columns = found.known + len(found.unknown)
    asked = _asked(form)
    answered = len(asked & found.questions.keys())
    if _is_named(candidate, form):
        return columns == 0 or found.known >= KNOWN_WHEN_NAMED * columns
    return (
        found.known > 0 and found.known >= KNOWN_AT_LEAST * columns and answered >= max(1, ASKED_AT_LEAST * len(asked))
    )


def _asked(form: Form) -> set[str]:
    """The questions of the form's own that people answer."""
    return {question.path for question in form.questions_in(form.root) if question.appears and not question.readonly}


def has_columns_of(headings: Sequence[str], forms: Sequence[Form]) -> bool:
    """Whether most of the headings are questions of one of these forms, in one of its tables."""
    columns = sum(1 for heading in headings if heading)
    tables = ((form, repeat) for form in forms for repeat in form.repeats)
    return columns > 1 and any(
        match(headings, form, repeat, nothing_quiet).known >= KNOWN_AT_LEAST * columns for form, repeat in tables
    )


def form_named(file: str, form_id: str, forms: Sequence[Form]) -> Form:
    """The form of this name. Raises ExportError IN-17 when there is none."""
    for form in forms:
        if form.form_id == form_id:
            return form
    raise ExportError("IN-17", file=file, form=form_id, forms=", ".join(form.form_id for form in forms) or "-")


def form_by_paths(file: str, form_id: str, paths: Sequence[str], forms: Sequence[Form]) -> Form:
    """The form that knows these paths below its root; whole paths are sure, so unasked questions do not count.

    Raises
    ------
    ExportError
        IN-07 when none knows two thirds of them, or half where the file names it; IN-67 when there are none.
    """
    known = {form.form_id: sum(path in _paths_of(form) for path in paths) for form in forms}
    ranked = sorted(forms, key=lambda form: (form.form_id == form_id, known[form.form_id]), reverse=True)
    for form in ranked:
        least = KNOWN_WHEN_NAMED if form.form_id == form_id else KNOWN_AT_LEAST
        if known[form.form_id] >= max(1, least * len(paths)):
            return form
    if not paths:
        raise ExportError("IN-67", file=file)
    nearest = max(ranked, key=lambda form: known[form.form_id], default=None)
    raise ExportError(
        "IN-07",
        file=file,
        columns=len(paths),
        known=known[nearest.form_id] if nearest else 0,
        nearest=nearest.form_id if nearest else "-",
        forms=", ".join(form.form_id for form in forms) or "-",
    )


def _paths_of(form: Form) -> frozenset[str]:
    """Every question and repeat by its path below the root, in letters that any platform may write."""
    found = (*form.by_path, *form.repeats[1:])
    return frozenset(NOT_AN_IDENTIFIER.sub("_", path[len(form.root) + 1 :]) for path in found)
