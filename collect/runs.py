"""Runs: everything received, taken to verdicts and gaps, written so that the same input gives the same bytes.

A run's name is made of its last interview day and a hash of all that went into it, so two offices with the same uploads
and the same definitions get the same run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from collect import __version__, registry, tables
from collect.forms import Form
from collect.i18n import t
from collect.journey import Definitions, conclude
from collect.keeping import ledger
from collect.passing import COUNTED, FRAME, REFUSED, Gathered, Named, Progress, rows_table, silent
from collect.places import digest_of, places_of
from collect.problems import CollectError, StoreError
from collect.publish import MapLayer, map_layer
from collect.review.corrections import Amended, amended
from collect.review.identity import known_uploads
from collect.review.standing import decided, standing
from collect.store import Store, written_whole
from collect.targets import Target
from geo import Gazetteer

MADE_UP_ROUNDS = "demo"  # a round whose name begins so is a demonstration, and every screen and file says it
WRITTEN = ("estimates", "verdicts", "tallies", "gaps", "small_areas", "changes")


def are_made_up(rounds: Iterable[str | None]) -> bool:
    """Whether some round is a demonstration."""
    return any(name.startswith(MADE_UP_ROUNDS) for name in rounds if name)


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run, as read from its folder. Its tables hold no household."""

    run_id: str
    vintage: str
    as_of: date
    rounds: tuple[str, ...]
    made_up: bool
    boundaries: str  # reference, derived or schematic
    boundaries_source: str
    submissions: int
    uploads: int
    estimates: tables.Estimates
    verdicts: tables.Verdicts
    tallies: tables.Tallies
    gaps: tables.Gaps
    small_areas: tables.SmallAreas  # empty unless the run was asked for them
    weighing: tuple[dict[str, Any], ...]  # per form: what was done to its weights; see `collect.passing.Weighed`
    changes: tables.Changes  # empty while there is one round
    ledger_head: str | None = None  # digest of the last decision it knew ("": of none); None: made before runs noted it

    def facts(self) -> dict[str, Any]:
        """What is true of the run as a whole: what run.json holds."""
        names = (
            "run_id",
            "vintage",
            "as_of",
            "rounds",
            "made_up",
            "boundaries",
            "boundaries_source",
            "submissions",
            "uploads",
            "weighing",
            "ledger_head",
        )
        return {name: getattr(self, name) for name in names}

    def gaps_of(self, indicator: str | None) -> tables.Gaps:
        """The gap list, or one indicator's. Raises CollectError USE-01 for an indicator it does not hold."""
        if indicator is None:
            return self.gaps
        known = self.estimates["indicator"].unique().sort().to_list()
        if indicator not in known:
            raise CollectError("USE-01", what="indicator", name=indicator, known=", ".join(known))
        return tables.Gaps(self.gaps.filter(pl.col("indicator") == indicator))

    def changes_between(self, earlier: str | None = None, later: str | None = None) -> tables.Changes:
        """What changed between two rounds; unless they are named, between the last two.

        Raises CollectError USE-30 where the run holds one round, USE-01 for a round that it does not compare.
        """
        ends = self.estimates.group_by("round").agg(pl.col("last_interview_on").max())
        rounds = ends.sort("last_interview_on", "round", nulls_last=False)["round"].to_list()
        compared = {*self.changes["round_from"], *self.changes["round_to"]}
        known = [name for name in rounds if name in compared]
        if not known:
            raise CollectError("USE-30", rounds=", ".join(rounds))
        last = later or known[-1]
        before = known[: known.index(last)] if last in known else []
        first = earlier or (before[-1] if before else "")
        if first not in before:
            wrong = first if before else last
            raise CollectError("USE-01", what="round", name=wrong, known=", ".join(before or known[1:]))
        return tables.Changes(self.changes.filter(round_from=first, round_to=last))

    def meta(self) -> dict[str, Any]:
        """What every published file says of its release."""
        return {
            "release": self.run_id,
            "as_of": self.as_of.isoformat(),
            "made_up": self.made_up,
            "boundaries": self.boundaries,
            "boundaries_source": self.boundaries_source,
        }

    def summary(self, folder: Path) -> dict[str, Any]:
        """The run for a script: its folder, its facts, and how many places of each target have each verdict."""
        return {"folder": str(folder), **self.facts(), "gaps": self.gaps.height, "verdicts": self.counts().to_dicts()}

    def lines(self, targets: Sequence[Target], lang: str) -> list[str]:
        """The run in words: per commune target, how many communes have each verdict."""
        labels = {target.target_id: f"{target.number} {target.labels[lang]} ({target.year})" for target in targets}
        rows = self.counts().filter(pl.col("level") == "commune").iter_rows(named=True)
        return [t("cli.run.counts", lang, label=labels[row["target_id"]], **row) for row in rows]

    def counts(self) -> pl.DataFrame:
        """How many places of each target have each verdict in its last round: one row per target and level."""
        return (
            self.verdicts.filter(pl.col("round") == pl.col("round").max().over("target_id"))
            .group_by("target_id", "level")
            .agg(pl.col("verdict").eq(name).sum().alias(name) for name in tables.VERDICTS)
            .sort("target_id", "level")
        )


def make_run(
    store: Store,
    definitions: Definitions,
    *,
    vintage: str | None = None,
    as_of: date | datetime | None = None,
    model: bool = False,
    progress: Progress = silent,
) -> Run:
    """Take everything that counts to verdicts and gaps, and keep the result as the latest run.

    Parameters
    ----------
    vintage
        The list of communes to report in; by default the latest.
    as_of
        A day: only interviews up to its end, with all that is known of them now. A moment: what was known then; only
        uploads, reviews and corrections up to it, so that the run is the one that could have been made there and then.
        By default everything. The day of the last interview names the run.
    model
        Also estimate every commune by a model, beside the direct estimates; verdicts do not look at it.

    Raises
    ------
    StoreError
        STO-02 when a part is damaged.
    CollectError
        STO-05 when nothing that counts was received (nothing is damaged by that);
        USE-22 for a day or moment that has not come: nobody can say what will be known by then.
    """
    if as_of is not None:
        _must_have_come(store, as_of)
    places = places_of(store.folder, vintage)
    progress("step.gather", 0.0)
    known = Known(as_of.astimezone()) if isinstance(as_of, datetime) else Known(None, as_of)
    head = ledger.head(store, known.until)  # first: what is decided meanwhile may be in, and is told as not yet counted
    gathered = [found for form in definitions.forms if (found := gather(store, form, definitions, known)) is not None]
    last = known.day or last_credible_day(gathered)
    if last is None or not gathered:
        raise CollectError("STO-05")
    frame = gather_frame(store, known.until)
    received = {one["upload_id"] for one in known_uploads(store, known.until)}
    uploads = [part["upload_id"] for part in registry.parts_of(store.engine) if part["upload_id"] in received]
    run_id = f"{last:%Y%m%d}-{_digest([*uploads, head], definitions, places, last)}" + ("-model" if model else "")
    conclusion = conclude(gathered, frame, definitions, places, Named(run_id, last, model), progress)
    rounds = sorted({name for one in gathered for name in one.households["round"].drop_nulls().unique().to_list()})
    run = Run(
        run_id=run_id,
        vintage=places.vintage,
        as_of=last,
        rounds=tuple(rounds),
        made_up=are_made_up(rounds),
        boundaries=places.boundaries.kind,
        boundaries_source=places.boundaries.source,
        submissions=sum(one.households.height for one in gathered),
        uploads=len(set(uploads)),
        **{name: getattr(conclusion, name) for name in WRITTEN},
        weighing=tuple(asdict(weighed) for weighed in conclusion.weighing),
        ledger_head=head,
    )
    progress("step.publish", 0.95)
    write_run(store, run)
    registry.record_run(store.engine, run.run_id, run.vintage, run.as_of, head)
    progress("step.done", 1.0)
    return run


def _must_have_come(store: Store, as_of: date | datetime) -> None:
    """Refuse what lies ahead. A clock set back since uploads came is no reason to: their last moment was there."""
    received = registry.last_received_at(store.engine)
    known = [datetime.now(UTC), *([datetime.fromisoformat(received)] if received else [])]
    now = max(known).astimezone()
    ahead = as_of.astimezone() > now if isinstance(as_of, datetime) else as_of > now.date()
    if ahead:
        raise CollectError("USE-22", given=as_of.isoformat(), now=now.isoformat(timespec="seconds"))


def last_credible_day(gathered: Sequence[Gathered]) -> date | None:
    """The last interview day that no rule questions; see docs/decisions/0004."""
    days = pl.concat([one.households.select("interviewed_on") for one in gathered]) if gathered else None
    return None if days is None else days.select(pl.col("interviewed_on").max()).item()


def _without_doubtful_days(roots: pl.DataFrame, issues: pl.DataFrame) -> pl.DataFrame:
    """A day that a rule questions is no day: the interview counts, its date does not."""
    doubted = issues.filter(pl.col("code").str.starts_with("DAT"))["submission_id"].unique()
    sure = ~pl.col("submission_id").is_in(doubted.implode())
    return roots.with_columns(interviewed_on=pl.when(sure).then("interviewed_on"))


@dataclass(frozen=True, slots=True)
class Known:
    """What a run looks at: what was known at a moment (None: now), and of that interviews up to a day (None: all)."""

    until: datetime | None = None
    day: date | None = None


NOW = Known()


def gather(store: Store, form: Form, definitions: Definitions, known: Known = NOW) -> Gathered | None:
    """All submissions of a form that count, with the answers the indicators look at; None when there are none.

    What reviewers sent back, rejected or deleted does not count; corrections that apply do. A day leaves out interviews
    after it, and those without a day that can be believed.
    """
    read = definitions.answers_read(form)
    stands = standing(store, form.form_id, known.until)
    mended = amended(store, form, stands, known.until)
    kept = [
        _piece(store, form, stands.filter(upload_id=upload), mended.get(upload), read)
        for upload in stands["upload_id"].unique(maintain_order=True)
    ]
    if not kept:
        return None
    typed = {repeat: pl.concat([piece.typed[repeat] for piece in kept], how="diagonal") for repeat in form.repeats}
    issues = pl.concat([piece.issues for piece in kept])
    refused = pl.concat([piece.refused for piece in kept if piece.refused is not None])
    if known.day is not None:
        refused = refused.filter(pl.col("interviewed_on") <= known.day)
        typed[form.root] = typed[form.root].filter(pl.col("interviewed_on") <= known.day)
        counted = typed[form.root].select("submission_id")
        typed = {repeat: _of(frame, counted) for repeat, frame in typed.items()}
    partial = frozenset(stands.filter(~pl.col("whole"))["submission_id"])
    return Gathered(form, typed, issues, refused, partial) if typed[form.root].height else None


def _piece(store: Store, form: Form, stands: pl.DataFrame, mended: Amended | None, read: frozenset[str]) -> Gathered:
    """One upload's share. Rows are only gone through where some do not count: a province fills half the memory."""
    upload = stands["upload_id"][0]

    def table(name: str) -> pl.DataFrame:
        stored = store.read_part(form.form_id, name, upload, read)
        return stored if mended is None else mended.in_place(stored, name)

    issues, stored = table("issues"), table("households")
    roots = stored if stands.height == stored.height else _of(stored, stands)
    if stands["decision"].null_count() < stands.height:
        asked = stands.select("submission_id", "decision")
        joined = roots.join(asked, on="submission_id", how="left", maintain_order="left")
        roots = joined.with_columns(decided(pl.col("status"))).drop("decision")
    refused = roots.filter(pl.col("status") == REFUSED).select(list(tables.HOUSEHOLDS.schema))
    if not roots["status"].is_in(COUNTED).all():
        roots = roots.filter(pl.col("status").is_in(COUNTED))
    typed = {form.root: _without_doubtful_days(roots, issues)}
    for repeat in form.repeats[1:]:
        rows = table(rows_table(form, repeat))
        typed[repeat] = rows if roots.height == stored.height else _of(rows, roots.select("submission_id"))
    return Gathered(form, typed, _of(issues, roots.select("submission_id")), refused)


def _of(rows: pl.DataFrame, submissions: pl.DataFrame) -> pl.DataFrame:
    return rows.join(submissions, on="submission_id", how="semi", maintain_order="left")


def gather_frame(store: Store, until: datetime | None = None) -> tables.Frame | None:
    """The sampling frame: of a cluster stated twice for one round, the later upload's row."""
    received = {one["upload_id"] for one in known_uploads(store, until)}
    parts = registry.parts_of(store.engine)
    uploads = [part["upload_id"] for part in parts if part["form"] == FRAME and part["upload_id"] in received]
    if not uploads:
        return None
    whole = pl.concat([tables.FRAME.check(store.read_part(FRAME, "frame", upload)) for upload in uploads])
    return tables.Frame(tables.FRAME.check(whole.unique(["cluster", "round"], keep="last", maintain_order=True)))


def _digest(uploads: Sequence[str], definitions: Definitions, places: Gazetteer, as_of: date) -> str:
    """Ten hexadecimal digits of a hash over all that a run depends on."""
    forms = [(form.form_id, form.sha256, repr(form.design)) for form in definitions.forms]
    said = repr((__version__, list(uploads), forms, definitions.indicators, definitions.targets, as_of.isoformat(),
                 places.vintage, places.boundaries.kind, digest_of(places)))  # fmt: skip
    return hashlib.sha256(said.encode()).hexdigest()[:10]


def write_run(store: Store, run: Run) -> Path:
    """Write a run's tables and facts into its folder; return the folder."""
    folder = store.run_folder(run.run_id)
    for name in WRITTEN:
        with written_whole(folder / f"{name}.parquet") as temporary:
            getattr(run, name).write_parquet(temporary, compression="zstd")
    with written_whole(folder / "run.json") as temporary:
        temporary.write_text(
            json.dumps(run.facts(), ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8"
        )
    return folder


def read_run(store: Store, run_id: str) -> Run:
    """Read a run back. Raises StoreError STO-06 when its folder is gone or damaged."""
    folder = store.run_folder(run_id)
    try:
        facts: Mapping[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        read = {name: pl.read_parquet(folder / f"{name}.parquet") for name in WRITTEN}
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise StoreError("STO-06", run=run_id) from error
    plain = {name: value for name, value in facts.items() if name not in ("as_of", "rounds", "weighing")}
    return Run(
        **plain,
        as_of=date.fromisoformat(facts["as_of"]),
        rounds=tuple(facts["rounds"]),
        weighing=tuple(facts.get("weighing", ())),
        estimates=tables.Estimates(read["estimates"]),
        verdicts=tables.Verdicts(read["verdicts"]),
        tallies=tables.Tallies(read["tallies"]),
        gaps=tables.Gaps(read["gaps"]),
        small_areas=tables.SmallAreas(read["small_areas"]),
        changes=tables.Changes(read["changes"]),
    )


def latest_run(store: Store) -> Run:
    """The run made last. Raises CollectError STO-04 when there is none yet."""
    run_id = registry.last_run(store.engine)
    if run_id is None:
        raise CollectError("STO-04")
    return read_run(store, run_id)


def target_of(run: Run, definitions: Definitions, target_id: str | None = None) -> Target:
    """The target of this name; unless one is named, the first whose communes differ.

    Raises CollectError USE-01 for a target that no commune of this run was judged by.
    """
    classes = run.verdicts.filter((pl.col("level") == "commune") & (pl.col("verdict") != "no_data"))
    kinds = dict(classes.group_by("target_id").agg(pl.col("verdict").n_unique()).rows())
    judged = set(run.verdicts.filter(pl.col("level") == "commune")["target_id"])
    mapped = [target for target in definitions.targets if target.target_id in judged]
    found = [target for target in mapped if target_id in (None, target.target_id)]
    if not found:
        known = ", ".join(target.target_id for target in mapped)
        raise CollectError("USE-01", what="target", name=target_id or "-", known=known)
    return next((target for target in found if kinds.get(target.target_id, 0) > 1), found[0])


def layer_of(store: Store, run: Run, definitions: Definitions, target_id: str | None = None) -> MapLayer:
    """The map of one target's verdicts by commune, chosen as `target_of` says. Raises CollectError USE-01."""
    chosen = target_of(run, definitions, target_id)
    indicator = next(one for one in definitions.indicators if one.indicator_id == chosen.indicator)
    outlines = places_of(store.folder, run.vintage).boundaries
    return map_layer(chosen, run.estimates, run.verdicts, outlines, indicator=indicator, meta=run.meta())
