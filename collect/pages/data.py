"""The only door between the pages and everything else: finished tables in, one joined view per target out.

Nothing is computed here that a partner could quote: rows of finished tables are filtered, joined and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Protocol

import polars as pl

import geo
from collect.indicators import Indicator
from collect.pages.words import target_value
from collect.problems import CollectError
from collect.publish import standings
from collect.tables import VERDICTS
from collect.targets import Target

if TYPE_CHECKING:
    import altair as alt

Since = Literal["", "files", "decisions", "outlines"]  # what came after a run was made and is not in it


class Results(Protocol):
    """What the pages need of a run: its finished tables, and what must be said with them."""

    @property
    def run_id(self) -> str:
        """Name of the run."""

    @property
    def estimates(self) -> pl.DataFrame:
        """Estimates table."""

    @property
    def verdicts(self) -> pl.DataFrame:
        """Verdicts table."""

    @property
    def tallies(self) -> pl.DataFrame:
        """Communes of each target counted by verdict."""

    @property
    def small_areas(self) -> pl.DataFrame:
        """Model-based shares, where the run was asked for them."""

    @property
    def weighing(self) -> Sequence[Mapping[str, Any]]:
        """Per form, what was done to its weights and which communes have no frame."""

    @property
    def gaps(self) -> pl.DataFrame:
        """Gap list."""

    @property
    def changes(self) -> pl.DataFrame | None:
        """What changed from round to round, by indicator and place; None where a run does not say."""

    @property
    def targets(self) -> Sequence[Target]:
        """Every numbered target, those no form measures included."""

    @property
    def indicators(self) -> Sequence[Indicator]:
        """Every indicator."""

    @property
    def units(self) -> pl.DataFrame:
        """Communes of the run's vintage."""

    @property
    def shapes(self) -> Shapes | None:
        """Outlines to draw, or None where none are at hand."""

    @property
    def missing(self) -> CollectError | None:
        """Why there are no outlines, where their file is damaged."""

    @property
    def outdated(self) -> Since:
        """What came since it was made, for whoever may make results."""

    @property
    def made_up(self) -> bool:
        """Whether the data are a demonstration."""

    @property
    def as_of(self) -> date | None:
        """Last day of interviews that counted."""

    @property
    def round(self) -> str:
        """Survey round, or rounds."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """Outlines for the screen: GeoJSON with commune codes as feature ids, a point inside each, and their origin."""

    key: str  # hash of the geometry
    geometry: Mapping[str, Any]
    centres: Mapping[str, tuple[float, float]]
    schematic: bool
    source: str
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by code, then by language
    ground: geo.Ground = field(default_factory=geo.Ground)  # water and roads, where the data folder has them


@dataclass(frozen=True, slots=True)
class ShownBehind:
    """What stands behind a commune's verdict, as far as it may be shown; empty where nobody was interviewed."""

    hamlets: pl.DataFrame | None = None  # hamlet, interviewed, share (empty where withheld)
    pictures: Sequence[alt.LayerChart] = ()


@dataclass(frozen=True, slots=True)
class Goal:
    """One number of the plan in one year: as set for the province, and as read commune by commune."""

    province: Target | None
    commune: Target | None

    @property
    def target(self) -> Target:
        """The target to name it by."""
        return self.province or self.commune  # type: ignore[return-value]  # one of the two is always there


def outlines_at_hand(results: Results) -> bool:
    """Whether there are outlines now, whatever the results were made with."""
    return results.shapes is not None and not results.shapes.schematic


def last_round(results: Results) -> str:
    """The round whose figures the pages show; those before it stand in the history of a commune."""
    return str(results.verdicts["round"].max() or results.round)


def goals(results: Results) -> list[Goal]:
    """Every goal with a verdict in this run, first those due first."""
    found: dict[tuple[int, str, str], dict[str, Target]] = {}
    for target in measured(results):
        found.setdefault((target.year, target.number, target.indicator), {})[target.level] = target
    return [Goal(levels.get("province"), levels.get("commune")) for _, levels in sorted(found.items())]


def measured(results: Results, level: str | None = None) -> list[Target]:
    """Targets with a verdict in this run (at one level, if asked), first those due first."""
    verdicts = results.verdicts if level is None else results.verdicts.filter(level=level)
    judged = set(verdicts["target_id"].unique())
    return sorted((x for x in results.targets if x.target_id in judged), key=lambda x: (x.year, x.number, x.target_id))


def first_to_show(results: Results) -> str | None:
    """The target to open with: the plan's first that some commune misses, else its first."""
    judged = [target.target_id for target in measured(results, "commune")]
    missed = (target_id for target_id in judged if counts_of(results, target_id)["not_met"])
    return next(missed, judged[0] if judged else None)


def unmeasured(results: Results) -> list[Target]:
    """Targets that no form measures yet."""
    judged = set(results.verdicts["target_id"].unique())
    return [target for target in results.targets if target.target_id not in judged]


def name_of(results: Results, target: Target, lang: str) -> str:
    """A target on one line: what is measured, what is asked, by when."""
    indicator = indicator_of(results, target)
    return (
        f"{indicator.labels[lang] if indicator else target.labels[lang]} · {target_value(target, lang)} · {target.year}"
    )


def indicator_of(results: Results, target: Target) -> Indicator | None:
    """The indicator a target speaks of."""
    return next((x for x in results.indicators if x.indicator_id == target.indicator), None)


def asks_communes(results: Results, target: Target) -> bool:
    """Whether the figures come from communes' own returns rather than from households."""
    indicator = indicator_of(results, target)
    return indicator is not None and indicator.counted_in == "communes"


def counts(results: Results, target: Target) -> dict[str, int]:
    """Communes by verdict in the last round, all four verdicts present."""
    return counts_of(results, target.target_id)


def counts_of(results: Results, target_id: str) -> dict[str, int]:
    """The same by the target's name."""
    rows = latest(results.verdicts.filter(target_id=target_id, level="commune"))
    found = dict(rows.group_by("verdict").len().iter_rows())
    return {verdict: int(found.get(verdict, 0)) for verdict in VERDICTS}


def province(results: Results, target: Target) -> dict[str, Any] | None:
    """The province's estimate and, where the target is judged there, its verdict; None where there is no estimate."""
    estimates = results.estimates.filter(indicator=target.indicator, level="province")
    if estimates.is_empty():
        return None
    verdicts = results.verdicts.filter(target_id=target.target_id, level="province")
    keys = ["indicator", "level", "vintage", "place", "round"]
    extra = ["verdict", "p_meets", "interviews_needed", "reason"]
    joined = estimates.join(verdicts.select(*keys, *extra), on=keys, how="left")
    return joined.sort("round").row(-1, named=True)


def communes(results: Results, target: Target, lang: str) -> pl.DataFrame:
    """One row per commune the target is judged in: its name, verdict, estimate, and what it would take.

    Figures that the gap list or the map withholds are withheld here too: empty, with ``suppressed`` true.
    """
    return latest(_standings(results, results.verdicts.filter(target_id=target.target_id), lang))


def commune(results: Results, code: str, lang: str) -> pl.DataFrame:
    """One row per target (and round) that a commune is judged by, with its figures.

    All communes are read first: what is withheld of one depends on the others.
    """
    return _standings(results, results.verdicts, lang).filter(place=code)


def _standings(results: Results, verdicts: pl.DataFrame, lang: str) -> pl.DataFrame:
    names = results.units.select(pl.col("code").alias("place"), name_in(lang).alias("name"), "district")
    rows = standings(results.estimates, verdicts, results.gaps, results.small_areas)
    return rows.join(names, on="place", how="left").with_columns(pl.col("name").fill_null(pl.col("place"))).sort("name")


def latest(rows: pl.DataFrame) -> pl.DataFrame:
    """Of several rounds the last by name."""
    return rows.filter(pl.col("round") == rows["round"].max()) if rows.height else rows


def changes_of(results: Results, indicator: str, level: str) -> pl.DataFrame:
    """What changed between the last round and the one before it, for an indicator at one level.

    ``place, round_from, difference`` (a share), ``ci_low, ci_high, verdict`` (better, worse, same, cannot_tell); no
    rows where there was no round before.
    """
    changes = results.changes
    if changes is None or changes.is_empty():
        return pl.DataFrame(schema={"place": pl.String, "difference": pl.Float64, "verdict": pl.String})
    rows = changes.filter(pl.col("indicator") == indicator, pl.col("level") == level)
    rows = rows.filter(pl.col("round_to") == pl.col("round_to").max())
    return rows.filter(pl.col("round_from") == pl.col("round_from").max())


def name_in(lang: str) -> pl.Expr:
    """A commune's name in ``lang``; a Khmer name is used only where an official source gives one."""
    chosen = {"en": pl.col("name_en"), "km": pl.coalesce("name_km", "name_vi")}
    return chosen.get(lang, pl.col("name_vi"))
