"""What the two halves of the journey hand over: an upload taken in, answers gathered, a run concluded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from collect import tables
from collect.forms import Form
from collect.receive import Received, receive
from collect.receive.apart import receive_apart
from collect.receive.manner import USUAL, Manner

Progress = Callable[[str, float], None]  # which step (a key of the catalogue), and how far the whole is, 0 to 1
FRAME = "frame"  # a sampling frame is kept like the answers of a form of this name
LONGEST_VERSION = 255  # characters that the registry keeps
REFUSED = "no_consent"  # counted by nobody, but others stand for it
COUNTED = ("accepted", "with_issues")  # a household with issues keeps its good answers; the bad ones are "unknown"


Held = Callable[[Form, tables.Answers], tuple[tables.Answers, frozenset[str]]]


def nothing_held(_form: Form, answers: tables.Answers) -> tuple[tables.Answers, frozenset[str]]:
    """Answers as they came, where nothing received before may stand in for what they lack."""
    return answers, frozenset()


def silent(_step: str, _share: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How an upload came: the day it was received (a date, never the clock), and what the team insisted on.

    ``dates``: "dmy" or "mdy" for days written with the year last, "" where the columns themselves must tell;
    ``decimals``: "comma" or "point", likewise for numbers such as 1,234. ``apart``: read in a process of its own,
    within the limits of ``manner``. ``partial``: see `collect.check.check`.
    """

    upload_id: str
    day: date
    form: str | None = None
    source: str | None = None
    dates: str = ""
    decimals: str = ""
    manner: Manner = USUAL
    apart: bool = False
    held: Held = nothing_held  # puts rows received before in the place of repeats that an export left out
    partial: frozenset[str] = frozenset()

    def read(self, path: Path, forms: Sequence[Form], progress: Progress) -> tuple[Received, ...]:
        """Everything in the upload, as text. Raises ExportError."""
        reader = receive_apart if self.apart else receive
        return reader(path, forms, form=self.form, source=self.source, progress=progress, manner=self.manner)


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
    partial: frozenset[str] = frozenset()  # submissions whose repeats were left out, and nobody has their rows

    @property
    def issues(self) -> pl.DataFrame:
        """Broken rules; they hold answers, so they stay inside the data folder."""
        return self.frames["issues"]


@dataclass(frozen=True, slots=True)
class Gathered:
    """All current answers of one form: typed tables by repeat (the root's are its households), and their issues.

    ``refused``: households that were asked and did not answer, by the columns that every form's households have.
    ``partial``: submissions whose repeats an export left out, and whose rows nobody has.
    """

    form: Form
    typed: Mapping[str, pl.DataFrame]
    issues: pl.DataFrame
    refused: pl.DataFrame | None = None
    partial: frozenset[str] = frozenset()

    @property
    def households(self) -> tables.Households:
        """The root table."""
        return tables.Households(self.typed[self.form.root])

    @property
    def asked(self) -> tables.Households:
        """Everybody asked, those who refused too: what weights are made of."""
        own = self.typed[self.form.root].select(list(tables.HOUSEHOLDS.schema))
        parts = [own] if self.refused is None else [own, self.refused.select(own.columns)]
        return tables.Households(pl.concat(parts))


@dataclass(frozen=True, slots=True)
class Named:
    """How a run is called on everything it publishes: its name, and the last day that counted."""

    release: str
    as_of: date
    model: bool = False  # whether small areas were asked for


@dataclass(frozen=True, slots=True)
class Weighed:
    """What was done to one form's weights, step by step, and the communes in which every interview counts the same."""

    form: str
    steps: tuple[dict[str, object], ...]
    communes_equal: tuple[dict[str, object], ...]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a run comes to."""

    estimates: tables.Estimates
    verdicts: tables.Verdicts
    tallies: tables.Tallies
    gaps: tables.Gaps
    small_areas: tables.SmallAreas
    changes: tables.Changes
    weighing: tuple[Weighed, ...] = ()


def parts_of(
    form: Form, answers: Mapping[str, pl.DataFrame], typed: Mapping[str, pl.DataFrame], located: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """The tables to keep of one form's share: answers as text, households, and the typed rows of repeats."""
    texts = {"answers" if repeat == form.root else f"answers{repeat}": frame for repeat, frame in answers.items()}
    rows = {rows_table(form, repeat): frame for repeat, frame in typed.items() if repeat != form.root}
    return {**texts, **rows, "households": located}


def rows_table(form: Form, repeat: str) -> str:
    """The name of the table that keeps a repeat's typed rows: persons for the roster."""
    return "persons" if repeat == form.design.roster else f"rows{repeat}"


def first_third(progress: Progress) -> Progress:
    """Reading is the first third of taking an upload in."""
    return lambda step, share: progress(step, 0.05 + 0.25 * share)


def frame_taken(received: Received, issues: pl.DataFrame) -> Taken:
    """A sampling frame as an upload's share."""
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


def with_place(issues: pl.DataFrame, root: pl.DataFrame) -> pl.DataFrame:
    """Say of every issue where its submission was read, when its own row is not known."""
    where = root.select("submission_id", read_in="found_in")
    said = issues.join(where, on="submission_id", how="left", maintain_order="left")
    return tables.ISSUES.check(said.with_columns(pl.coalesce("found_in", "read_in").alias("found_in")))


def with_status(located: pl.DataFrame, issues: pl.DataFrame) -> pl.DataFrame:
    """Give a household the status its issues ask for, those of reading and placing included."""
    wrong = issues.filter(pl.col("severity") == "error")["submission_id"].unique()
    turned = (pl.col("status") == "accepted") & pl.col("submission_id").is_in(wrong.implode())
    return located.with_columns(status=pl.when(turned).then(pl.lit("with_issues")).otherwise(pl.col("status")))


def with_errors(issues: pl.DataFrame) -> int:
    """How many submissions have an issue of severity error."""
    return issues.filter(pl.col("severity") == "error")["submission_id"].drop_nulls().n_unique()
