"""The whole trip of a form on one screen: defined, received, checked, located, estimated, judged, published.

This is the only place that joins stages. `take` goes as far as one upload's own rows allow; `conclude` goes from all
that is stored to verdicts and gaps. Neither writes anything: `collect.intake` and `collect.runs` keep what they return.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from collect import tables
from collect.check import answers_read, check, households, measure
from collect.define import load_forms, load_indicators, load_targets
from collect.estimate import estimate, weigh
from collect.forms import Form
from collect.indicators import Indicator
from collect.judge import gaps, judge, tally
from collect.locate import locate, move
from collect.passing import (
    Arrival,
    Conclusion,
    Gathered,
    Named,
    Progress,
    Taken,
    first_third,
    frame_taken,
    parts_of,
    silent,
    with_errors,
    with_place,
    with_status,
)
from collect.places import moved_frame, outlines_of
from collect.problems import DefinitionError
from collect.smallarea import small_areas
from collect.targets import Target
from geo import Gazetteer

# --- defined ---


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything declared in ``forms/``."""

    forms: tuple[Form, ...]
    indicators: tuple[Indicator, ...]
    targets: tuple[Target, ...]

    def form(self, form_id: str) -> Form:
        """The form of this id. Raises DefinitionError USE-01 when there is none."""
        found = next((form for form in self.forms if form.form_id == form_id), None)
        if found is None:
            raise DefinitionError("USE-01", what="form", name=form_id, known=", ".join(f.form_id for f in self.forms))
        return found

    def answers_read(self, form: Form) -> frozenset[str]:
        """The questions of a form that its indicators look at."""
        return answers_read(form, self.indicators)


def define(folder: Path, cache: Path | None = None) -> Definitions:
    """Read the forms, indicators and targets; compiled forms are kept in ``cache``. Raises DefinitionError."""
    forms = load_forms(folder, cache=cache)
    return Definitions(forms, load_indicators(folder, forms), load_targets(folder / "targets.csv"))


# --- received, checked, located ---


def take(
    path: Path,
    definitions: Definitions,
    places: Gazetteer,
    arrival: Arrival,
    progress: Progress = silent,
) -> tuple[Taken, ...]:
    """Receive a file and check and locate its rows, form by form. Raises ExportError."""
    progress("step.receive", 0.05)
    taken = []
    readable = [form.to_read for form in definitions.forms]
    for received in arrival.read(path, readable, first_third(progress)):
        form, reading = received.form, received.issues.with_columns(upload_id=pl.lit(arrival.upload_id))
        if form is None or received.frame is not None:
            taken.append(frame_taken(received, reading))
            continue
        frames = examine(received.answers, form, places, arrival, reading, progress)
        taken.append(
            Taken(
                form.form_id,
                form.version,
                received.source,
                read=frames["households"].height + received.repeated,
                repeated=received.repeated,
                rows=sum(frame.height for repeat, frame in received.answers.items() if repeat != form.root),
                with_issues=with_errors(frames["issues"]),
                unreadable=received.unreadable,
                frames=frames,
            )
        )
    return tuple(taken)


def examine(  # everything a row's own form and place can say of it
    answers: tables.Answers,
    form: Form,
    places: Gazetteer,
    arrival: Arrival,
    reading: pl.DataFrame,
    progress: Progress = silent,
) -> dict[str, pl.DataFrame]:
    """Check and locate one form's answers: the tables to keep, by name; ``issues`` begins with those of ``reading``."""
    progress("step.check", 0.3)
    checked = check(answers, form, upload_id=arrival.upload_id, received_on=arrival.day, dates=arrival.dates)
    progress("step.locate", 0.7)
    located, strayed = _locate(households(checked, form, arrival.upload_id), form, places)
    issues = with_place(pl.concat([reading, checked.issues, strayed]), answers[form.root])
    return parts_of(form, answers, checked.tables, with_status(located, issues)) | {"issues": issues}


def _locate(found: tables.Households, form: Form, places: Gazetteer) -> tuple[tables.Households, tables.Issues]:
    """Locate households whose form asks where they are; another form's submissions stay where they are."""
    design = form.design
    if not (design.commune or design.point):
        return found, tables.Issues(tables.ISSUES.empty())
    asked = (design.commune, design.point)
    return locate(found, places, vintage_of_form=design.vintage, questions=asked)


# --- estimated, judged, published ---


def conclude(
    gathered: Sequence[Gathered],
    frame: tables.Frame | None,
    definitions: Definitions,
    places: Gazetteer,
    named: Named,
    progress: Progress = silent,
) -> Conclusion:
    """Estimate every indicator, judge it against its targets, and list the gaps, in the vintage of ``places``."""
    communes = tables.Units(tables.UNITS.check(places.units(places.vintage)))
    measures, weights = [], []
    for number, one in enumerate(gathered):
        progress("step.measure", 0.2 + 0.4 * number / len(gathered))
        measures.append(measure(one.typed, one.form, definitions.indicators, tables.Issues(one.issues)))
        moved, frame_there = move(one.households, places), moved_frame(frame, places)
        weights.append(weigh(moved, frame_there, unit=one.form.design.unit, places=communes))
    everything = tables.Weights(pl.concat(weights))
    progress("step.estimate", 0.7)
    estimates = _estimates(pl.concat(measures), everything, communes)
    progress("step.judge", 0.8)
    verdicts = judge(estimates, definitions.targets, definitions.indicators, communes, everything)
    listed = gaps(
        verdicts,
        estimates,
        definitions.targets,
        definitions.indicators,
        communes,
        everything,
        release=named.release,
        as_of=named.as_of,
        outlines=outlines_of(places),
    )
    modelled = small_areas(estimates, communes) if named.model else tables.SmallAreas(tables.SMALL_AREAS.empty())
    return Conclusion(estimates, verdicts, tally(verdicts), listed, modelled)


def _estimates(measures: pl.DataFrame, weights: tables.Weights, communes: tables.Units) -> tables.Estimates:
    """Indicator by indicator: none needs another's rows, and a province's fill much of the memory."""
    parts = measures.partition_by("indicator") or [measures]
    found = [estimate(tables.Measures(part), weights, communes) for part in parts]
    return tables.Estimates(tables.ESTIMATES.check(pl.concat(found).sort(tables.ESTIMATES.key)))
