"""The whole trip of a form on one screen: defined, received, checked, located, estimated, judged, published.

This is the only place that joins stages. `take` goes as far as one upload's own rows allow; `conclude` goes from all
that is stored to verdicts and gaps. Neither writes anything: `collect.intake` and `collect.runs` keep what they return.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from collect import tables
from collect.check import LOST_COLUMN, LeftOut, Spelling, answers_read, check, households, measure, of_lost_columns
from collect.define import load_forms, load_indicators, load_targets
from collect.estimate import Righted, estimate, makeup, put_right, weigh
from collect.forms import Form
from collect.indicators import Indicator
from collect.judge import gaps, judge, tally
from collect.locate import locate, move
from collect.passing import (
    LONGEST_VERSION,
    Arrival,
    Conclusion,
    Gathered,
    Named,
    Progress,
    Taken,
    Weighed,
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
from collect.rounds import compare_rounds, districts_of
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

    @property
    def in_gap_lists(self) -> tuple[Indicator, ...]:
        """The indicators that some target sets for communes: gap lists have rows of these alone."""
        aimed_at = {target.indicator for target in self.targets if target.level == "commune" and target.unit == "share"}
        return tuple(one for one in self.indicators if one.indicator_id in aimed_at)

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
    taken, none = [], frozenset[str]()
    readable = [form.to_read for form in definitions.forms]
    for received in arrival.read(path, readable, first_third(progress)):
        form, reading = received.form, received.issues.with_columns(upload_id=pl.lit(arrival.upload_id))
        if form is None or received.frame is not None:
            taken.append(frame_taken(received, reading))
            continue
        answers, partial = arrival.held(form, received.answers) if received.lacks_repeats else (received.answers, none)
        frames = examine(answers, form, places, replace(arrival, partial=partial), reading, progress)
        taken.append(
            Taken(
                form.form_id,
                _version_named(answers[form.root], form),
                received.source,
                read=frames["households"].height + received.repeated,
                repeated=received.repeated,
                rows=sum(frame.height for repeat, frame in received.answers.items() if repeat != form.root),
                with_issues=with_errors(frames["issues"]),
                unreadable=received.unreadable,
                frames=frames,
                partial=partial,
            )
        )
    return tuple(taken)


def _version_named(root: pl.DataFrame, form: Form) -> str:
    """The versions that submissions name, in the order they came; the newest here where none names any."""
    named = root["form_version"].drop_nulls().unique(maintain_order=True) if "form_version" in root.columns else ()
    return ", ".join(filter(None, named))[:LONGEST_VERSION] or form.version


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
    checked = check(
        answers,
        form,
        upload_id=arrival.upload_id,
        received_on=arrival.day,
        spelling=Spelling(arrival.dates, arrival.decimals),
        left_out=LeftOut(arrival.partial, frozenset(reading.filter(code=LOST_COLUMN)["question"])),
    )
    progress("step.locate", 0.7)
    located, strayed = _locate(households(checked, form, arrival.upload_id), form, places)
    found = of_lost_columns(pl.concat([reading, checked.issues, strayed]))
    issues = with_place(found, answers[form.root])
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
    measures, righted = [], []
    for number, one in enumerate(gathered):
        progress("step.measure", 0.2 + 0.4 * number / len(gathered))
        measures.append(measure(one.typed, one.form, definitions.indicators, tables.Issues(one.issues), one.partial))
        righted.append(weigh_form(one, frame, places))
    everything = tables.Weights(pl.concat([one.weights for one in righted]))
    progress("step.estimate", 0.7)
    measured = tables.Measures(pl.concat(measures))
    estimates = _estimates(measures, righted, communes)
    homes = districts_of([one.households for one in gathered], everything, frame, places)
    changed = compare_rounds(measured, everything, estimates, communes, homes)
    progress("step.judge", 0.8)
    there = moved_frame(frame, places)
    verdicts = judge(estimates, definitions.targets, definitions.indicators, communes, everything, frame=there)
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
    weighing = tuple(
        Weighed(one.form.form_id, made.steps, made.communes_equal)
        for one, made in zip(gathered, righted, strict=True)
        if made.steps
    )
    return Conclusion(estimates, verdicts, tally(verdicts), listed, modelled, changed, weighing)


def weigh_form(gathered: Gathered, frame: tables.Frame | None, places: Gazetteer) -> Righted:
    """Weigh one form's submissions, and do to the weights what its design asks for."""
    design, asked = gathered.form.design, gathered.form.design.weights
    communes = tables.Units(tables.UNITS.check(places.units(places.vintage)))
    there = moved_frame(frame, places)
    moved = move(gathered.asked, places)
    rounds = moved.partition_by("round", maintain_order=True) or [moved]
    parts = [
        weigh(
            tables.Households(part),
            tables.frame_of_round(there, part["round"][0] if part.height else None),
            unit=design.unit,
            places=communes,
            cells=asked.nonresponse,
        )
        for part in rounds
    ]
    weights = tables.Weights(pl.concat(parts).sort("submission_id"))
    people = makeup(gathered.typed[design.roster], asked.sex, design.age, asked.people) if asked.people else None
    return put_right(weights, communes, asked, people)


def _estimates(
    measures: Sequence[pl.DataFrame], righted: Sequence[Righted], communes: tables.Units
) -> tables.Estimates:
    """Form by form, each with its own weights."""
    found = [
        estimate(tables.Measures(whole), made.weights, communes, explained=made.explained)
        for whole, made in zip(measures, righted, strict=True)
    ]
    return tables.Estimates(tables.ESTIMATES.check(pl.concat(found).sort(tables.ESTIMATES.key)))
