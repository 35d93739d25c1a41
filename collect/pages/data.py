"""The only door between the pages and everything else: finished tables in, one joined view per target out.

Nothing is computed here that a partner could quote: rows of finished tables are filtered, joined and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import polars as pl

from collect.indicators import Indicator
from collect.pages.words import target_value
from collect.tables import VERDICTS
from collect.targets import Target


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


@dataclass(frozen=True, slots=True)
class Goal:
    """One number of the plan in one year: as set for the province, and as read commune by commune."""

    province: Target | None
    commune: Target | None

    @property
    def target(self) -> Target:
        """The target to name it by."""
        return self.province or self.commune  # type: ignore[return-value]  # one of the two is always there


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
    missed = set(results.verdicts.filter(level="commune", verdict="not_met")["target_id"].unique())
    return next((target_id for target_id in judged if target_id in missed), judged[0] if judged else None)


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
    """Communes by verdict, all four verdicts present."""
    rows = results.verdicts.filter(target_id=target.target_id, level="commune")
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


WITHHELD = ("model_value", "value", "ci_low", "ci_high", "p_meets", "numerator", "denominator", "std_error")
NEEDED = ("households", "households_needed", "households_needed_low", "households_needed_high", "priority")


def communes(results: Results, target: Target, lang: str) -> pl.DataFrame:
    """One row per commune the target is judged in: its name, verdict, estimate, and what it would take.

    Figures that the gap list withholds are withheld here too: empty, with ``suppressed`` true.
    """
    verdicts = results.verdicts.filter(target_id=target.target_id, level="commune")
    keys = ["indicator", "level", "vintage", "place", "round"]
    gaps = results.gaps.filter(pl.col("target_id") == target.target_id, pl.col("hamlet").is_null())
    needed = gaps.select(pl.col("commune_code").alias("place"), *NEEDED, "gap_type", "suppressed").unique("place")
    names = results.units.select(pl.col("code").alias("place"), name_in(lang).alias("name"), "district")
    by_model = results.small_areas.filter(pl.col("how") != "counted")
    by_model = by_model.select("indicator", "vintage", "place", "round", "root_mse", model_value="value")
    shown = pl.col("suppressed").fill_null(False).not_()
    return (
        verdicts.join(results.estimates, on=keys, how="left")
        .join(by_model, on=["indicator", "vintage", "place", "round"], how="left")
        .join(needed, on="place", how="left")
        .join(names, on="place", how="left")
        .with_columns(pl.col("name").fill_null(pl.col("place")))
        .with_columns(pl.when(shown).then(name).alias(name) for name in WITHHELD)
        .sort("name")
    )


def name_in(lang: str) -> pl.Expr:
    """A commune's name in ``lang``; a Khmer name is used only where an official source gives one."""
    chosen = {"en": pl.col("name_en"), "km": pl.coalesce("name_km", "name_vi")}
    return chosen.get(lang, pl.col("name_vi"))
