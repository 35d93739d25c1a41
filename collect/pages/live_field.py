"""What is behind the survey team's pages while the app runs: field work as far as somebody may see it.

Every function asks again who wants to know. A survey team sees the interviews it sent itself; how many interviews a
hamlet has, and how many a commune still needs, everybody inside may know: teams share the plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import streamlit as st

import geo
from collect import fieldwork, registry
from collect.access import Who, require
from collect.define import Finding, find_form, lint_file, write_template
from collect.fieldwork import Field
from collect.forms import Form
from collect.keeping import ledger
from collect.pages.live import definitions, the_store
from collect.pages.trouble import unless_damaged
from collect.pages.words import NOTHING
from collect.places import ONE_AT_A_TIME, moved_frame, name_by_code, places_of
from collect.review.reviews import duplicates
from collect.runs import are_made_up, gather_frame, read_run
from collect.settings import Settings
from collect.tables import FRAME, VERDICTS_TABLE, frame_of_round
from collect.targets import Target

TEMPLATES = ("xlsx", "csv", "zip")


@dataclass(frozen=True, slots=True)
class Quality:
    """A form's field work for one person, and the pairs of interviews that may be one."""

    field: Field
    pairs: pl.DataFrame
    places: Mapping[str, str]  # communes by code, of every vintage that answers may name

    @property
    def made_up(self) -> bool:
        """Whether some of it is a demonstration."""
        return are_made_up(self.field.interviews["round"].unique())


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far the sample is covered; ``clusters`` is empty without a frame, ``nearby`` without a finished run."""

    clusters: pl.DataFrame
    communes: pl.DataFrame
    by_day: pl.DataFrame
    nearby: pl.DataFrame
    places: Mapping[str, str]
    targets: Mapping[str, str]  # short names of those that communes are judged by
    all_teams: bool  # whether ``by_day`` speaks of every team
    made_up: bool  # whether the round is a demonstration
    round: str = ""  # the one that counts, where there are others


@dataclass(frozen=True, slots=True)
class FormFiles:
    """A form as its page shows it: versions, what the linter says, interviews by version, each once."""

    form: Form
    source: Path
    findings: Sequence[Finding]
    received: Mapping[str, int] | None  # None where a table that tells is damaged: the questions stand without it


def forms(settings: Settings, who: Who) -> list[Form]:
    """Every form, households' first: one whose submissions speak of a commune comes after. Raises Forbidden."""
    require(who, "forms")
    return sorted(definitions(settings).forms, key=lambda form: form.design.unit != "household")


def quality(settings: Settings, who: Who, form_id: str, lang: str) -> Quality:
    """What a form's interviews look like. Raises Forbidden."""
    require(who, "households")
    found = _own(settings, who, _field(settings, form_id, state_of(settings)))
    ids = set(found.interviews["submission_id"])
    pairs = _pairs(settings, form_id, state_of(settings))
    own = pairs.filter(pl.col("one").is_in(list(ids)) & pl.col("other").is_in(list(ids)))
    return Quality(found, own, place_names(lang))


def coverage(settings: Settings, who: Who, lang: str) -> Coverage:
    """How far the sample is covered, and where to go next. Raises Forbidden."""
    require(who, "progress")
    form = forms(settings, who)[0]
    everything = _field(settings, form.form_id, state_of(settings))
    latest = _latest_round(everything.interviews)
    counted = latest.filter(~pl.col("status").is_in(["sent_back", "rejected"]))
    drawn = fieldwork.clusters(_frame(settings, _round_of(latest), state_of(settings)), counted)
    covered = fieldwork.communes(drawn, counted)
    own = _own(settings, who, replace(everything, interviews=latest)).interviews
    nearby = fieldwork.next_places(covered, _verdicts(settings), fieldwork.per_hamlet(drawn))
    drawn, covered, nearby = (in_scope(rows, who) for rows in (drawn, covered, nearby))
    return Coverage(
        drawn, covered, fieldwork.by_day(own), nearby, place_names(lang),
        targets=short_names(definitions(settings).targets),
        all_teams=who.sees_all_teams, made_up=are_made_up(latest["round"].unique()),
        round=str(latest["round"].first() or NOTHING) if latest.height < everything.interviews.height else "",
    )  # fmt: skip


def form_files(settings: Settings, who: Who, form_id: str) -> FormFiles:
    """A form with its linter's findings. Raises Forbidden."""
    require(who, "forms")
    form = next(one for one in definitions(settings).forms if one.form_id == form_id)
    source = _source(settings, form_id)
    counts: Mapping[str, int] | None = {}
    if who.sees_all_teams:
        counts = unless_damaged(partial(_versions, settings, form_id, state_of(settings)))
    return FormFiles(form, source, _lint(source, source.stat().st_mtime_ns), counts)


def template(settings: Settings, who: Who, form_id: str, suffix: str, lang: str) -> bytes:
    """A form's spreadsheet template, of one of `TEMPLATES`. Raises Forbidden."""
    require(who, "forms")
    form = next(one for one in definitions(settings).forms if one.form_id == form_id)
    with TemporaryDirectory() as folder:
        return write_template(form, Path(folder) / f"{form_id}.{suffix}", lang).read_bytes()


def state_of(settings: Settings) -> str:
    """One word for everything received and decided so far: what is kept for it is worth nothing afterwards."""
    store = the_store(settings)
    return f"{registry.last_sequence(store.engine)} {ledger.head(store)}"


def place_names(lang: str) -> dict[str, str]:
    """Communes by code, those of older lists included: field codes may be of any."""
    names: dict[str, str] = {}
    for vintage in geo.VINTAGES:
        names |= name_by_code(vintage, lang)
    return names


# Of the functions below, ``state`` and ``changed`` only say when what was kept is old; a name that begins with an
# underscore would not be looked at.


@st.cache_resource(show_spinner=False, max_entries=4)
def _field(settings: Settings, form_id: str, state: str) -> Field:
    with ONE_AT_A_TIME:
        return fieldwork.field_of(the_store(settings), definitions(settings).form(form_id))


@st.cache_resource(show_spinner=False, max_entries=4)
def _versions(settings: Settings, form_id: str, state: str) -> dict[str, int]:
    return fieldwork.versions_named(the_store(settings), form_id)


@st.cache_resource(show_spinner=False, max_entries=4)
def _pairs(settings: Settings, form_id: str, state: str) -> pl.DataFrame:
    return duplicates(the_store(settings), definitions(settings), form_id, undecided=False)


@st.cache_resource(show_spinner=False, max_entries=2)
def _frame(settings: Settings, round_: str | None, state: str) -> pl.DataFrame:
    """What was drawn for a round: a run weighs it by the same rows."""
    with ONE_AT_A_TIME:
        found = frame_of_round(moved_frame(gather_frame(the_store(settings)), places_of(settings.data)), round_)
    return FRAME.empty() if found is None else found


@st.cache_resource(show_spinner=False, max_entries=4)
def _lint(source: Path, changed: int) -> tuple[Finding, ...]:
    return lint_file(source)


def _source(settings: Settings, form_id: str) -> Path:
    from collect.define.folder import form_folders, load_form

    folders = form_folders(settings.forms)
    held = next(folder for folder in folders if load_form(folder).form_id == form_id)
    return find_form(str(held), settings.forms)


def _verdicts(settings: Settings) -> pl.DataFrame:
    """The latest run's verdicts on communes; of each target the last round."""
    store = the_store(settings)
    run_id = registry.shown_run(store.engine)
    if run_id is None:
        return VERDICTS_TABLE.empty()
    verdicts = read_run(store, run_id).verdicts.filter(level="commune")
    return verdicts.filter(pl.col("round") == pl.col("round").max().over("target_id"))


def _latest_round(interviews: pl.DataFrame) -> pl.DataFrame:
    """Interviews of the round that was in the field last."""
    ends = interviews.group_by("round").agg(pl.col("interviewed_on").max()).sort("interviewed_on", nulls_last=False)
    return interviews if ends.height < 2 else interviews.filter(pl.col("round").eq_missing(ends["round"][-1]))


def short_names(targets: Sequence[Target]) -> dict[str, str]:
    """What the plan calls the targets of communes, "S4"; with the year where it calls several alike, "S6 2030"."""
    of_communes = [target for target in targets if target.level == "commune"]
    times = Counter(target.number for target in of_communes)
    return {one.target_id: one.number if times[one.number] == 1 else f"{one.number} {one.year}" for one in of_communes}


def _round_of(interviews: pl.DataFrame) -> str | None:
    return interviews["round"][0] if interviews.height else None


def _own(settings: Settings, who: Who, field: Field) -> Field:
    kept = field if who.sees_all_teams else field.sent_by(who.signature)
    inside = in_scope(kept.interviews, who)
    return kept if inside.height == kept.interviews.height else kept.of(inside["submission_id"])


def in_scope(rows: pl.DataFrame, who: Who) -> pl.DataFrame:
    """Rows with a ``commune_code`` inside somebody's scope."""
    scope = who.scope
    if scope.communes is None and scope.provinces is None:
        return rows
    known = pl.concat([geo.units(vintage).select("code", "province_code") for vintage in geo.VINTAGES])
    inside = {code for code, province in known.iter_rows() if scope.holds_commune(code, province)}
    return rows.filter(pl.col("commune_code").is_in(sorted(inside)))
