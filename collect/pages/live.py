"""What is behind the screens while the app runs: store, latest run, outlines.

Finished tables are read once per run and shared by every visitor; nobody changes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

import geo
from collect import registry
from collect.access import Forbidden, Who, may, require
from collect.indicators import Indicator
from collect.journey import Definitions, define
from collect.keeping import ledger
from collect.openrosa.fold import fold
from collect.pages.data import Shapes, ShownBehind, Since, outlines_at_hand
from collect.pages.live_maps import outlines, outlines_changed
from collect.pages.seen import as_seen
from collect.places import ONE_AT_A_TIME
from collect.problems import CollectError, StoreError
from collect.review.since import changed_since
from collect.runs import Run, make_run, read_run
from collect.settings import Settings
from collect.sharing import releases
from collect.sharing.vintages import scope_in
from collect.store import Store, open_store
from collect.targets import Target

Progress = Callable[[str, float], None]
# what keeps the settings apart, without Streamlit's look into every part of them at every run
KEYS: dict[str | type[Any], Callable[[Any], Any]] = {Settings: repr}


@dataclass(frozen=True, slots=True)
class Found:
    """A finished run with what is needed to read and draw it."""

    run: Run
    targets: Sequence[Target]
    indicators: Sequence[Indicator]
    units: pl.DataFrame
    shapes: Shapes | None
    missing: CollectError | None = None  # why there are no shapes, where their file is damaged
    outdated: Since = ""  # what came since it was made, said to whoever may make results

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return self.run.run_id

    @property
    def estimates(self) -> pl.DataFrame:
        """Estimates table."""
        return self.run.estimates

    @property
    def verdicts(self) -> pl.DataFrame:
        """Verdicts table."""
        return self.run.verdicts

    @property
    def tallies(self) -> pl.DataFrame:
        """Communes of each target counted by verdict."""
        return self.run.tallies

    @property
    def small_areas(self) -> pl.DataFrame:
        """Model-based shares, where the run was asked for them."""
        return self.run.small_areas

    @property
    def weighing(self) -> Sequence[Mapping[str, Any]]:
        """What was done to the weights."""
        return self.run.weighing

    @property
    def changes(self) -> pl.DataFrame:
        """What changed from round to round; empty while there is one."""
        return self.run.changes

    @property
    def gaps(self) -> pl.DataFrame:
        """Gap list."""
        return self.run.gaps

    def meta(self) -> Mapping[str, object]:
        """What every published file says of its release."""
        return self.run.meta()

    @property
    def made_up(self) -> bool:
        """Whether the data are a demonstration."""
        return self.run.made_up

    @property
    def as_of(self) -> date | None:
        """Last day of interviews that counted."""
        return self.run.as_of

    @property
    def round(self) -> str:
        """Survey rounds."""
        return ", ".join(self.run.rounds)


@st.cache_resource(show_spinner=False, hash_funcs=KEYS)
def the_store(settings: Settings) -> Store:
    """The data folder with its registry, opened once."""
    return open_store(settings)


@st.cache_resource(show_spinner=False, hash_funcs=KEYS)
def definitions(settings: Settings) -> Definitions:
    """Forms, indicators and targets, read once."""
    return define(settings.forms)


def results(settings: Settings, who: Who, vintage: str | None = None) -> Found | None:
    """The latest run (of communes of ``vintage``, if named) as far as somebody may see it, or None before the first.

    Raises Forbidden.
    """
    require(who, "gap_files")
    engine = the_store(settings).engine
    run_id = registry.shown_run(engine) if vintage is None else registry.last_run(engine, vintage)
    if run_id is None:
        return None
    whole = found(settings, run_id)
    outdated = _since(settings, whole) if may(who, "run") else ""
    return replace(whole, run=as_seen(whole.run, whole.units, who), outdated=outdated)


def _since(settings: Settings, whole: Found) -> Since:
    """What came since a run: files or decisions that it does not count, or outlines where it was made without any."""
    if registry.count_uploads(the_store(settings).engine) > whole.run.uploads:
        return "files"
    if _decided_since(settings, whole):
        return "decisions"
    return "outlines" if outlines_at_hand(whole) and whole.run.boundaries == "schematic" else ""


def _decided_since(settings: Settings, whole: Found) -> bool:
    """Whether decisions and corrections since a run may change it; asked at each drawing: one look at the last line."""
    known, now = whole.run.ledger_head, ledger.head(the_store(settings))
    return known is not None and known != now and _changed_between(settings, known, now)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=KEYS)
def _changed_between(settings: Settings, known: str, now: str) -> bool:
    return changed_since(the_store(settings), known)


def decided_since(settings: Settings, who: Who) -> bool:
    """Whether decisions and corrections wait to be counted, for who may have them counted. Raises Forbidden."""
    require(who, "run")
    run_id = registry.shown_run(the_store(settings).engine)
    with suppress(StoreError):
        return run_id is not None and _decided_since(settings, found(settings, run_id))
    return False


def found(settings: Settings, run_id: str) -> Found:
    """A run as it stands, the whole of it: nobody's scope is applied, so pages ask for `results`. Raises STO-06."""
    return _found(settings, run_id, outlines_changed(settings.data))


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=KEYS)
def _found(settings: Settings, run_id: str, changed: tuple[int, ...]) -> Found:
    run, said = read_run(the_store(settings), run_id), definitions(settings)
    return Found(run, said.targets, said.indicators, geo.units(run.vintage), *outlines(settings.data, run.vintage))


def vintages(settings: Settings) -> list[str]:
    """The lists of communes that some run reports in, oldest first."""
    return registry.vintages_run(the_store(settings).engine)


def uploads(settings: Settings, who: Who) -> int:
    """How many files are stored. Raises Forbidden."""
    require(who, "run")
    return registry.count_uploads(the_store(settings).engine)


def received(settings: Settings, who: Who) -> list[Mapping[str, Any]]:
    """The uploads somebody may see, in the order of arrival: a survey team those it sent itself. Raises Forbidden."""
    require(who, "households")
    stored = registry.uploads(the_store(settings).engine)
    return [one for one in stored if who.sees_all_teams or one["received_by"] == who.signature]


def behind(settings: Settings, who: Who, vintage: str | None) -> Since:
    """What the latest run (of communes of ``vintage``, if named) lacks; every file, if damaged. Raises Forbidden."""
    require(who, "run")
    engine = the_store(settings).engine
    run_id = registry.shown_run(engine) if vintage is None else registry.last_run(engine, vintage)
    with suppress(StoreError):
        if run_id:
            return _since(settings, found(settings, run_id))
    return "files" if uploads(settings, who) else ""


def run(settings: Settings, who: Who, progress: Progress, vintage: str | None = None) -> str:
    """Make the results from everything stored, in the communes of ``vintage`` or of the list in force.

    Raises Forbidden, CollectError.
    """
    require(who, "run")
    with ONE_AT_A_TIME:
        fold(the_store(settings), definitions(settings))
        made = make_run(the_store(settings), definitions(settings), vintage=vintage, progress=progress)
    return made.run_id


def gap_file(settings: Settings, who: Who, found: Found, rows: pl.DataFrame, kind: str, lang: str) -> bytes:
    """The bytes of one gap file, made when somebody asks for it, and a line in the ledger. Raises Forbidden."""
    from collect.publish import write_gaps

    scope, vintage = require(who, "gap_files").scope, found.units["vintage"][0]
    rows = releases.inside(scope, rows, vintage)
    whole = rows.height == releases.inside(scope, found.gaps, vintage).height
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"gaps.{kind}"
        write_gaps(rows, path, language=lang, meta=found.meta())
        made = releases.file_at(path, found.run_id, scope, whole=whole)
        releases.hand_out(the_store(settings), who, made, "page")
        return path.read_bytes()


def communes_picture(found: Found, target: Target, lang: str) -> alt.LayerChart:
    """All communes against a target, as a chart."""
    from collect.drawing import communes_picture as draw

    return draw(found.run, target, found.units, lang)


def behind_pictures(settings: Settings, who: Who, run_id: str, target_id: str, commune: str, lang: str) -> ShownBehind:
    """The hamlets behind one commune's verdict and the verdict without each interviewer; nothing where nobody was.

    Raises Forbidden, also for a commune outside somebody's scope.
    """
    units = found(settings, run_id).units
    province = units.filter(pl.col("code") == commune)["province_code"].first()
    scope = scope_in(require(who, "results").scope, found(settings, run_id).run.vintage)
    if not scope.holds_commune(commune, str(province)):
        raise Forbidden("ACC-01", what="results", role=who.role)
    return _behind(settings, run_id, target_id, commune, lang)


@st.cache_resource(show_spinner=False, max_entries=8)
def _behind(settings: Settings, run_id: str, target_id: str, commune: str, lang: str) -> ShownBehind:
    from collect import drawing

    whole, said = found(settings, run_id), definitions(settings)
    target = next(target for target in said.targets if target.target_id == target_id)
    with ONE_AT_A_TIME:
        behind = drawing.behind_commune(the_store(settings), whole.run, said, target, commune)
        if behind is None:
            return ShownBehind()
        pipes = drawing.hamlets_picture(behind, lang)
        pictures = (*([pipes] if pipes is not None else []), drawing.interviewers_picture(behind, whole.run, lang))
        return ShownBehind(drawing.hamlets_table(behind), pictures)


def dictionary(lang: str) -> pl.DataFrame:
    """What every column of the gap list means."""
    from collect.publish import data_dictionary

    return data_dictionary(lang)
