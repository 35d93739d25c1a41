"""The pictures of a run: which rows each shows, for the command line and for the app alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collect.journey import Definitions
from collect.places import places_of
from collect.problems import CollectError
from collect.publish import withheld
from collect.publish.disclosure import FEWEST_INTERVIEWED, SMALL_COUNT
from collect.publish.pictures import inchworm, interviewers, organ_pipe
from collect.runs import Run, gather, gather_frame, target_of
from collect.scrutiny import Behind, behind
from collect.store import Store
from collect.targets import Target

if TYPE_CHECKING:
    import altair as alt

KEYS = ["indicator", "level", "vintage", "place", "round"]
FIGURES = ("value", "n_judged", "ci_low", "ci_high", "lower_bound", "upper_bound")


def communes_picture(run: Run, target: Target, units: pl.DataFrame, lang: str) -> alt.LayerChart:
    """The inchworm picture of a target, in its latest round; figures that rest on too few are left out."""
    verdicts = run.verdicts.filter(target_id=target.target_id, level="commune")
    latest = verdicts["round"].max()
    rows = verdicts.filter(round=latest).join(run.estimates.drop("lower_bound", "upper_bound"), on=KEYS, how="left")
    hidden = pl.col("place").is_in(list(withheld(rows)))
    rows = rows.with_columns(pl.when(~hidden).then(name).alias(name) for name in FIGURES)
    name = {"en": "name_en", "km": "name_km"}.get(lang, "name_vi")
    named = rows.join(units.select(pl.coalesce(name, "name_vi").alias("name"), place="code"), on="place", how="left")
    return inchworm(named, target, lang)


def behind_commune(store: Store, run: Run, definitions: Definitions, target: Target, commune: str) -> Behind | None:
    """What one commune's verdict rests on, from what is stored; None where nobody was interviewed or drawn."""
    indicator = next(one for one in definitions.indicators if one.indicator_id == target.indicator)
    form = definitions.form(indicator.form)
    gathered = None if form.design.unit == "commune" else gather(store, form, definitions)
    if gathered is None:
        return None
    places = places_of(store.folder, run.vintage)
    found = behind(gathered, gather_frame(store), definitions, places, target, commune)
    return found if found.households.height else None


def hamlets_shown(found: Behind) -> pl.DataFrame:
    """The hamlets of a commune as the table and the picture show them: ``cluster, weight, interviewed, share``.

    A share is rounded to tenths, and withheld as in the gap list (see `told_apart`): one rule, or what the table keeps
    back could be read off the picture.
    """
    rows = found.hamlets()
    holding = (pl.col("share") * pl.col("interviewed")).round()
    hidden = told_apart(rows.select("interviewed", holding=holding))
    return rows.with_columns(share=pl.when(~pl.Series(hidden, dtype=pl.Boolean)).then(pl.col("share").round(1)))


def told_apart(parts: pl.DataFrame) -> list[bool]:
    """Which parts of a commune would tell of single households; ``parts``: ``interviewed, holding``.

    Those of fewer than ten, or with one to four on one side of the answer; where that is one part alone, the commune's
    figure less the others would give it away, so the one with the fewest interviews beside it goes too.
    """
    against = pl.col("interviewed") - pl.col("holding")
    few = pl.col("interviewed") < FEWEST_INTERVIEWED
    small = pl.col("holding").is_between(1, SMALL_COUNT) | against.is_between(1, SMALL_COUNT)
    hidden: list[bool] = parts.select((few | small).fill_null(True)).to_series().to_list()
    if sum(hidden) == 1 and len(hidden) > 1:
        counts = parts["interviewed"].to_list()
        hidden[min((at for at, one in enumerate(hidden) if not one), key=lambda at: counts[at])] = True
    return hidden


def hamlets_picture(found: Behind, lang: str) -> alt.LayerChart | None:
    """The organ pipes of a commune; None where no hamlets were named."""
    hamlets = hamlets_shown(found)
    return organ_pipe(hamlets, found.target, _name(found, lang), lang) if hamlets.height else None


def hamlets_table(found: Behind) -> pl.DataFrame:
    """The hamlets of a commune by name: ``hamlet, interviewed, share``."""
    names = {} if found.frame is None else dict(found.frame.select("cluster", "hamlet_name").iter_rows())
    rows = hamlets_shown(found)
    return rows.select(
        hamlet=pl.Series([names.get(code) or code for code in rows["cluster"]], dtype=pl.String),
        interviewed="interviewed",
        share="share",
    ).sort("share", "hamlet", nulls_last=True)


def interviewers_picture(found: Behind, run: Run, lang: str) -> alt.LayerChart:
    """The commune's verdict without each interviewer; only the verdict where the difference would tell of households.

    What is left without somebody, taken from the whole, is that person's own count: it is withheld as a hamlet's.
    """
    rows = found.without_each(run.estimates)
    counts = {name: (asked, holding) for name, asked, holding in found.by_interviewer().iter_rows()}
    names = [name for name in rows["interviewer"] if name is not None]
    parts = [counts.get(name, (0, 0)) for name in names]
    schema = {"interviewed": pl.Int64, "holding": pl.Float64}
    few = told_apart(pl.DataFrame(parts, schema=schema, orient="row"))
    hidden = pl.col("interviewer").is_in([name for name, one in zip(names, few, strict=True) if one]).fill_null(False)
    figures = [pl.when(~hidden).then(name).alias(name) for name in ("value", "lower_bound", "upper_bound")]
    return interviewers(rows.with_columns(figures), found.target, _name(found, lang), lang)


def picture(
    kind: str, store: Store, definitions: Definitions, run: Run, chosen: tuple[str | None, str | None], lang: str
) -> alt.LayerChart:
    """Draw ``kind`` for the ``chosen`` target (default: as the map) and commune. Raises CollectError USE-01, PUB-05."""
    target = target_of(run, definitions, chosen[0])
    if kind == "inchworm":
        return communes_picture(run, target, places_of(store.folder, run.vintage).units(run.vintage), lang)
    found = behind_commune(store, run, definitions, target, chosen[1] or "") if chosen[1] else None
    made = None
    if found is not None:
        made = hamlets_picture(found, lang) if kind == "organpipe" else interviewers_picture(found, run, lang)
    if made is None:
        raise CollectError("PUB-05", commune=chosen[1] or "–", target=target.target_id)
    return made


def _name(found: Behind, lang: str) -> str:
    name = {"en": "name_en", "km": "name_km"}.get(lang, "name_vi")
    row = found.places.filter(code=found.commune).select(pl.coalesce(name, "name_vi")).item()
    return str(row)
