"""What stands behind one commune's verdict: its hamlets, and whose interviews it hangs on.

Like `collect.journey` it joins stages, but for one commune and after the run, from what is stored; nothing is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from collect import tables
from collect.check import measure
from collect.estimate import estimate, put_right, weigh
from collect.forms import Weighting
from collect.indicators import Indicator
from collect.journey import Definitions
from collect.judge import judge
from collect.locate import move
from collect.passing import Gathered
from collect.places import moved_frame
from collect.problems import CollectError
from collect.targets import Target
from geo import Gazetteer

UNTOUCHED = Weighting()


@dataclass(frozen=True)
class Behind:
    """Everything one indicator's figures of one commune rest on."""

    households: tables.Households  # placed in the vintage of the run, this commune's only
    measures: tables.Measures
    frame: tables.Frame | None
    places: tables.Units
    indicator: Indicator
    target: Target
    commune: str
    weighting: Weighting = UNTOUCHED
    refused: pl.DataFrame | None = None  # households of the commune that were asked and did not answer

    def hamlets(self) -> pl.DataFrame:
        """One row per hamlet: ``weight`` it stands for, ``share`` that holds, households ``interviewed``."""
        rows = self._weights(self.households).join(self.measures, on="submission_id").filter(pl.col("units") > 0)
        weighted = (pl.col(name) * pl.col("weight") for name in ("numerator", "denominator"))
        found = rows.filter(pl.col("cluster").is_not_null()).with_columns(weighted)
        return (
            found.group_by("cluster", maintain_order=True)
            .agg(pl.col("numerator").sum(), pl.col("denominator").sum().alias("weight"), pl.len().alias("interviewed"))
            .with_columns(share=pl.col("numerator") / pl.col("weight"))
            .sort("cluster")
        )

    def by_interviewer(self) -> pl.DataFrame:
        """One row per interviewer: households ``interviewed`` that tell, and ``holding``: for how many it holds."""
        rows = self.households.join(self.measures, on="submission_id").filter(pl.col("units") > 0)
        return rows.group_by("interviewer", maintain_order=True).agg(
            pl.len().cast(pl.Int64).alias("interviewed"),
            (pl.col("numerator").sum() / pl.col("denominator").sum() * pl.len()).round().alias("holding"),
        )

    def without_each(self, estimates: tables.Estimates) -> pl.DataFrame:
        """The verdict as it is, and as it would be without each interviewer's households.

        ``estimates`` are the run's: the other communes tell how alike hamlets are. One row per interviewer, first one
        with none (nobody left out).
        """
        names = self.households["interviewer"].drop_nulls().unique().sort().to_list()
        kept = [(None, self.households)] + [
            (name, self.households.filter(pl.col("interviewer").ne_missing(pl.lit(name)))) for name in names
        ]
        rows = [self._judged(name, tables.Households(left), estimates) for name, left in kept if left.height]
        return pl.DataFrame(rows, infer_schema_length=None)

    def _weights(self, households: tables.Households) -> tables.Weights:
        """As the run weighs them; known people of the whole province change a commune's shares by next to nothing."""
        own = households.select(list(tables.HOUSEHOLDS.schema))
        asked = own if self.refused is None else pl.concat([own, self.refused.select(own.columns)])
        weights = weigh(tables.Households(asked), self.frame, cells=self.weighting.nonresponse)
        return put_right(weights, self.places, replace(self.weighting, people=())).weights

    def _judged(
        self, without: str | None, households: tables.Households, estimates: tables.Estimates
    ) -> dict[str, object]:
        weights = self._weights(households)
        made = estimate(self.measures, weights, self.places, levels=("commune",)).filter(place=self.commune)
        others = estimates.filter(
            (pl.col("indicator") == self.indicator.indicator_id)
            & ~((pl.col("level") == "commune") & (pl.col("place") == self.commune))
        )
        together = tables.Estimates(tables.ESTIMATES.check(pl.concat([others, made], how="diagonal")))
        verdicts = judge(together, [self.target], [self.indicator], self.places, weights)
        last = verdicts.filter(place=self.commune).sort("round").row(-1, named=True)
        value = made.sort("round")["value"].last() if made.height else None
        shown = {name: last[name] for name in ("verdict", "lower_bound", "upper_bound", "p_meets")}
        return {"interviewer": without, "interviews": weights.height, "value": value, **shown}


def behind(  # it joins what a run joined
    gathered: Gathered,
    frame: tables.Frame | None,
    definitions: Definitions,
    places: Gazetteer,
    target: Target,
    commune: str,
) -> Behind:
    """Gather what one commune's figures for one target rest on, in its last round.

    Raises CollectError USE-01 for an unknown commune.
    """
    units = tables.Units(tables.UNITS.check(places.units(places.vintage)))
    if commune not in units["code"]:
        raise CollectError("USE-01", what="commune", name=commune, known=", ".join(units["code"].sort()))
    indicator = next(one for one in definitions.indicators if one.indicator_id == target.indicator)
    moved = move(gathered.households, places).filter(commune_code=commune)
    last = moved.sort("interviewed_on", nulls_last=False)["round"].tail(1)
    moved = moved.filter(pl.col("round").is_in(last.implode(), nulls_equal=True))
    own = moved.select("submission_id")
    typed = {repeat: rows.join(own, on="submission_id", how="semi") for repeat, rows in gathered.typed.items()}
    measures = measure(typed, gathered.form, [indicator], tables.Issues(gathered.issues), gathered.partial)
    refused = gathered.refused
    if refused is not None:
        refused = move(tables.Households(refused), places).filter(commune_code=commune)
        refused = refused.filter(pl.col("round").is_in(last.implode(), nulls_equal=True))
    drawn = tables.frame_of_round(moved_frame(frame, places), last[0] if last.len() else None)
    return Behind(
        tables.Households(moved), measures, drawn, units, indicator, target, commune,
        gathered.form.design.weights, refused,
    )  # fmt: skip
