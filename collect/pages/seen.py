"""A run as one person may see it: without what lies outside their scope; a partner gets its gaps, and no more.

Which figures are withheld is decided over all communes before any are cut out: what the published gap list tells of a
commune, nobody who may see that commune is refused.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from collect import tables
from collect.access import EVERYWHERE, Who, may
from collect.publish.disclosure import decide
from collect.runs import Run
from collect.sharing.vintages import scope_in


def as_seen(run: Run, units: pl.DataFrame, who: Who) -> Run:
    """The run for somebody. ``units``: the communes of its vintage, with their ``code`` and ``province_code``."""
    scope = scope_in(who.scope, run.vintage)
    gaps = tables.Gaps(scope.of_gaps(run.gaps))
    if not may(who, "results"):
        return _only_gaps(run, gaps)
    if scope == EVERYWHERE:
        return run
    all_communes = scope.provinces is None and scope.communes is None
    return replace(
        run,
        gaps=gaps,
        estimates=tables.Estimates(scope.of_places(run.estimates, units)),
        verdicts=tables.Verdicts(scope.of_places(decide(run.verdicts, run.estimates), units)),
        small_areas=tables.SmallAreas(scope.of_places(run.small_areas, units)),
        changes=tables.Changes(scope.of_places(run.changes, units)),
        tallies=run.tallies if all_communes else tables.Tallies(run.tallies.clear()),  # they count communes not seen
    )


def _only_gaps(run: Run, gaps: tables.Gaps) -> Run:
    """The gaps, and the verdicts of those that are not withheld: they name the targets and count the communes."""
    shown = gaps.filter(~pl.col("suppressed")).select("target_id", place="commune_code").unique()
    return replace(
        run,
        gaps=gaps,
        estimates=tables.Estimates(run.estimates.clear()),
        verdicts=tables.Verdicts(
            run.verdicts.join(shown, on=["target_id", "place"], how="semi", maintain_order="left")
        ),
        small_areas=tables.SmallAreas(run.small_areas.clear()),
        changes=tables.Changes(run.changes.clear()),
        tallies=tables.Tallies(run.tallies.clear()),
    )
