"""The whole trip of a form on one screen: defined, received, checked, located, estimated, judged, published.

This is the only place that joins stages. `take` goes as far as one upload's own rows allow; `conclude` goes from all
that is stored to verdicts and gaps. Neither writes anything: `collect.intake` and `collect.runs` keep what they return.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
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
from collect.problems import DefinitionError
from collect.receive import Received, receive
from collect.smallarea import small_areas
from collect.targets import Target
from geo import Gazetteer

Progress = Callable[[str, float], None]  # which step (a key of the catalogue), and how far the whole is, 0 to 1
FRAME = "frame"  # a sampling frame is kept like the answers of a form of this name
COUNTED = ("accepted", "with_issues")  # a household with issues keeps its good answers; the bad ones are "unknown"


def silent(_step: str, _share: float) -> None:
    """Tell nobody."""


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
    read: int  # submissions, those repeated in the same upload included
    repeated: int
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
    places: Gazetteer,
    arrival: Arrival,
    progress: Progress = silent,
) -> tuple[Taken, ...]:
    """Receive a file and check and locate its rows, form by form. Raises ExportError."""
    progress("step.receive", 0.05)
    taken = []
    readable = [form.to_read for form in definitions.forms]
    everything = receive(path, readable, form=arrival.form, source=arrival.source, progress=_part(progress))
    for received in everything:
        form, reading = received.form, received.issues.with_columns(upload_id=pl.lit(arrival.upload_id))
        if form is None or received.frame is not None:
            taken.append(_frame_taken(received, reading))
            continue
        progress("step.check", 0.3)
        checked = check(received.answers, form, upload_id=arrival.upload_id, received_on=arrival.day)
        progress("step.locate", 0.7)
        located, strayed = _locate(households(checked, form, arrival.upload_id), form, places)
        issues = _found(pl.concat([reading, checked.issues, strayed]), received.answers[form.root])
        taken.append(
            Taken(
                form.form_id,
                form.version,
                received.source,
                read=located.height + received.repeated,
                repeated=received.repeated,
                rows=sum(frame.height for repeat, frame in received.answers.items() if repeat != form.root),
                with_issues=issues.filter(pl.col("severity") == "error")["submission_id"].drop_nulls().n_unique(),
                unreadable=received.unreadable,
                frames=_parts(form, received.answers, checked.tables, _marked(located, issues)) | {"issues": issues},
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


def _part(progress: Progress) -> Progress:
    """Reading is the first third of taking an upload in."""
    return lambda step, share: progress(step, 0.05 + 0.25 * share)


def _locate(found: tables.Households, form: Form, places: Gazetteer) -> tuple[tables.Households, tables.Issues]:
    """Locate households whose form asks where they are; another form's submissions stay where they are."""
    design = form.design
    if not (design.commune or design.point):
        return found, tables.Issues(tables.ISSUES.empty())
    asked = (design.commune, design.point)
    return locate(found, places, vintage_of_form=design.vintage, questions=asked)


def _frame_taken(received: Received, issues: pl.DataFrame) -> Taken:
    frame = received.frame if received.frame is not None else tables.FRAME.empty()
    return Taken(
        FRAME,
        form_version="",
        source=received.source,
        read=frame.height,
        repeated=0,
        rows=0,
        with_issues=0,
        unreadable=received.unreadable,
        frames={"frame": frame, "issues": issues},
    )


def _found(issues: pl.DataFrame, root: pl.DataFrame) -> pl.DataFrame:
    """Say of every issue where its submission was read, when its own row is not known."""
    where = root.select("submission_id", read_in="found_in")
    said = issues.join(where, on="submission_id", how="left", maintain_order="left")
    return tables.ISSUES.check(said.with_columns(pl.coalesce("found_in", "read_in").alias("found_in")))


def _marked(located: pl.DataFrame, issues: pl.DataFrame) -> pl.DataFrame:
    """Give a household the status its issues ask for, those of reading and placing included."""
    wrong = issues.filter(pl.col("severity") == "error")["submission_id"].unique()
    turned = (pl.col("status") == "accepted") & pl.col("submission_id").is_in(wrong.implode())
    return located.with_columns(status=pl.when(turned).then(pl.lit("with_issues")).otherwise(pl.col("status")))


# --- estimated, judged, published ---


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
class Named:
    """How a run is called on everything it publishes: its name, and the last day that counted."""

    release: str
    as_of: date
    model: bool = False  # whether small areas were asked for


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a run comes to."""

    estimates: tables.Estimates
    verdicts: tables.Verdicts
    tallies: tables.Tallies
    gaps: tables.Gaps
    small_areas: tables.SmallAreas


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


def moved_frame(frame: tables.Frame | None, places: Gazetteer) -> tables.Frame | None:
    """The frame with its communes in the vintage of ``places``, where each went whole into one."""
    if frame is None:
        return None
    moved = [
        part.with_columns(commune_code=places.recode(part["commune_code"], str(vintage), places.vintage))
        for (vintage,), part in frame.group_by("vintage", maintain_order=True)
    ]
    known = pl.concat(moved).with_columns(vintage=pl.lit(places.vintage)).drop_nulls("commune_code")
    return tables.Frame(tables.FRAME.check(known))


def outlines_of(places: Gazetteer) -> pl.DataFrame | None:
    """Outlines for the gap list as WKB, lightened; None when they are only schematic."""
    if places.boundaries.kind == "schematic":
        return None
    light = places.boundaries.simplified()
    return pl.DataFrame({"code": light["code"].to_list(), "geometry": light.geometry.to_wkb().to_list()}).with_columns(
        vintage=pl.lit(places.vintage)
    )
