"""The whole trip of a form on one screen: defined, received, checked, located, estimated, judged, published.

This is the only place that joins stages. `take` goes as far as one upload's own rows allow; `conclude` goes from all that
is stored to verdicts and gaps. Neither writes anything: `collect.intake` and `collect.runs` keep what they return.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from collect import tables
from collect.check import check, households, measure
from collect.define import load_forms, load_indicators, load_targets
from collect.estimate import estimate, weigh
from collect.forms import Form
from collect.indicators import Indicator
from collect.judge import gaps, judge
from collect.locate import Places, locate
from collect.receive import receive
from collect.targets import Target

Progress = Callable[[str, float], None]  # which step (a key of the catalogue), and how far the whole is, 0 to 1
FRAME = "frame"  # a sampling frame is kept like the answers of a form of this name
COUNTED = ("accepted", "with_issues")  # a household with issues keeps its good answers; the bad ones are "unknown"


def silent(_step: str, _share: float) -> None:
    """Tell nobody."""


# --- defined -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything declared in ``forms/``."""

    forms: tuple[Form, ...]
    indicators: tuple[Indicator, ...]
    targets: tuple[Target, ...]


def define(folder: Path) -> Definitions:
    """Read the forms, indicators and targets. Raises DefinitionError."""
    forms = load_forms(folder)
    return Definitions(forms, load_indicators(folder, forms), load_targets(folder / "targets.csv"))


# --- received, checked, located ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arrival:
    """How an upload came: the day it was received (a date, never the clock), and what the team insisted on."""

    upload_id: str
    day: date
    form: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """One form's share of an upload. ``frames`` are the parts to keep, by table."""

    form: str
    form_version: str
    source: str
    read: int
    rows: int
    with_issues: int
    unreadable: int
    frames: Mapping[str, pl.DataFrame]

    @property
    def issues(self) -> pl.DataFrame:
        """Broken rules; they hold answers, so they stay inside the data folder."""
        return self.frames["issues"]


def take(
    path: Path,
    definitions: Definitions,
    places_of: Callable[[str], Places],
    arrival: Arrival,
    progress: Progress = silent,
) -> tuple[Taken, ...]:
    """Receive a file and check and locate its rows, form by form. Raises ExportError."""
    progress("step.receive", 0.05)
    taken = []
    for received in receive(path, definitions.forms, form=arrival.form, source=arrival.source):
        form, reading = received.form, received.issues.with_columns(upload_id=pl.lit(arrival.upload_id))
        if form is None:
            frames = {"frame": received.frame, "issues": reading}
            taken.append(Taken(FRAME, "", received.source, received.frame.height, 0, 0, received.unreadable, frames))
            continue
        progress("step.check", 0.3)
        checked = check(received.answers, form, upload_id=arrival.upload_id, received_on=arrival.day)
        progress("step.locate", 0.7)
        places = places_of(form.design.vintage)
        located, strayed = locate(
            households(checked, form, upload_id=arrival.upload_id), places, vintage_of_form=form.design.vintage
        )
        issues = tables.ISSUES.check(pl.concat([reading, checked.issues, strayed]))
        located = _marked(located, strayed)
        taken.append(
            Taken(
                form.form_id,
                form.version,
                received.source,
                read=located.height,
                rows=sum(frame.height for repeat, frame in received.answers.items() if repeat != form.root),
                with_issues=int((located["status"] == "with_issues").sum()),
                unreadable=received.unreadable,
                frames=_parts(form, received.answers, checked.tables, located) | {"issues": issues},
            )
        )
    return tuple(taken)


def _parts(
    form: Form, answers: Mapping[str, pl.DataFrame], typed: Mapping[str, pl.DataFrame], located: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    texts = {"answers" if repeat == form.root else f"answers{repeat}": frame for repeat, frame in answers.items()}
    rows = {rows_table(form, repeat): frame for repeat, frame in typed.items() if repeat != form.root}
    return {**texts, **rows, "households": located}


def rows_table(form: Form, repeat: str) -> str:
    """The name of the table that keeps a repeat's typed rows: persons for the roster."""
    return "persons" if repeat == form.design.roster else f"rows{repeat}"


def _marked(located: pl.DataFrame, strayed: pl.DataFrame) -> pl.DataFrame:
    """Give a household that could not be placed the status its issues ask for."""
    wrong = strayed.filter(pl.col("severity") == "error")["submission_id"].unique()
    turned = (pl.col("status") == "accepted") & pl.col("submission_id").is_in(wrong.implode())
    return located.with_columns(status=pl.when(turned).then(pl.lit("with_issues")).otherwise(pl.col("status")))


# --- estimated, judged, published --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gathered:
    """All current answers of one form: typed tables by repeat (the root's are its households), and their issues."""

    form: Form
    typed: Mapping[str, pl.DataFrame]
    issues: pl.DataFrame

    @property
    def households(self) -> tables.Households:
        """The root table."""
        return tables.Households(self.typed[self.form.root])


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a run comes to."""

    estimates: tables.Estimates
    verdicts: tables.Verdicts
    gaps: tables.Gaps


def conclude(
    gathered: Sequence[Gathered],
    frame: tables.Frame | None,
    definitions: Definitions,
    places: Places,
    *,
    as_of: date,
    release: str,
    progress: Progress = silent,
) -> Conclusion:
    """Estimate every indicator, judge it against its targets, and list the gaps, in the vintage of ``places``."""
    raise NotImplementedError(gathered, frame, estimate, weigh, judge, gaps, measure, as_of, release, progress)
