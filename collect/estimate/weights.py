"""What each submission stands for, and how chance came to draw it.

In a commune where hamlets were drawn, chance drew hamlets. Where every hamlet was to be enumerated, hamlets are strata
and what chance left out is single households: those that did not answer. `weigh` says which, row by row, so that
nothing after it needs to know.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from collect.tables import FRAME, WEIGHTS, Frame, Households, Units, Weights

COUNTED = ("accepted", "with_issues")
SILENT = "no_consent"  # found at home and asked, but did not answer
Cells = Literal["hamlet", "stratum", "commune"]
NEARLY_ALL = 0.8  # WA-DOH small numbers standard: from 80 % of the eligible, a survey is treated as an enumeration
NO_CLUSTER = "?"  # households of a clustered survey that name no cluster are taken as one
PER_COMMUNE = ("vintage", "commune_code", "round")


def weigh(
    households: Households,
    frame: Frame | None,
    *,
    unit: Literal["household", "commune"] = "household",
    places: Units | None = None,
    cells: Cells = "hamlet",
) -> Weights:
    """Weigh the submissions of one form that may be counted and have a commune.

    Parameters
    ----------
    households
        The root table of the form, placed. Submissions of another status than `COUNTED` are left out; those that were
        asked and refused (`SILENT`) are spoken for by the others of their cell.
    frame
        All hamlets that could have been drawn, with ``commune_code`` in the households' vintage. None: the weight
        answered in the form is used where there is one, else every submission counts the same.
    unit
        ``"commune"`` when a submission is a commune's return: the latest of each commune counts, with weight 1.
    places
        The communes that were to send a return; only read for ``unit="commune"``.
    cells
        Within which those who answered stand for all who were asked.

    Returns
    -------
    Weights: one row per counted submission. ``weight`` is (households listed in the hamlet / households interviewed
    there) / chance of the hamlet, times the same kind of ratio for drawn hamlets of the commune nobody reached. So
    communes never reached are spoken for by nobody. A household whose cluster the frame does not know gets the mean
    weight of its commune (of all, if there is none) and ``weighting`` "equal".
    """
    rows = _asked(households)
    if unit == "commune":
        return _returns(rows.filter("spoke"), places)
    facts = _frame_facts(rows, FRAME.empty() if frame is None else frame, by_hamlet=cells == "hamlet")
    rows = rows.join(facts, on="submission_id", how="left", maintain_order="left")
    rows = _with_weights(rows, has_frame=frame is not None, cells=cells)
    return Weights(WEIGHTS.check(_as_drawn(rows).with_columns(unit=pl.lit("household"))))


def _asked(households: Households) -> pl.DataFrame:
    placed = pl.col("commune_code").is_not_null() & pl.col("vintage").is_not_null()
    names = ("submission_id", "vintage", "commune_code", "hamlet", "round", "interviewed_on", "cluster", "stratum")
    spoke = pl.col("status").is_in(COUNTED)
    asked = households.filter((spoke | (pl.col("status") == SILENT)) & placed)
    cluster = pl.coalesce("cluster", "hamlet").alias("cluster")
    chosen = asked.select(*names, "weight_answered", spoke=spoke)
    return chosen.with_columns(pl.col("round").fill_null(""), cluster).sort("submission_id")


def _returns(rows: pl.DataFrame, places: Units | None) -> Weights:
    latest = rows.sort("interviewed_on", "submission_id", nulls_last=False).group_by(PER_COMMUNE).last()
    if places is None:
        expected = latest.select("vintage", drawn_from=pl.lit(None, pl.Float64)).unique()
    else:
        expected = places.group_by("vintage").agg(pl.len().cast(pl.Float64).alias("drawn_from"))
    found = latest.join(expected, on="vintage", how="left").with_columns(
        unit=pl.lit("commune"),
        weight=pl.lit(1.0),
        weight_designed=pl.lit(1.0),
        weighting=pl.lit("equal"),
        cluster=pl.lit(None, pl.String),
        stratum=pl.lit("returns"),
        drawn_stratum=pl.format("commune|{}|{}", "vintage", "round"),
        drawn_unit=pl.col("commune_code"),
        households_listed=pl.lit(1),
        households_interviewed=pl.lit(1),
        fraction_interviewed=pl.lit(1.0),
        fully_listed=pl.lit(True),
    )
    return Weights(WEIGHTS.check(found.sort("submission_id")))


def _frame_facts(rows: pl.DataFrame, frame: pl.DataFrame, *, by_hamlet: bool) -> pl.DataFrame:
    """What the frame says of each submission's hamlet and commune, in its round. Empty where it says nothing.

    ``by_hamlet``: a hamlet in which nobody spoke counts as one nobody reached.
    """
    hamlets = frame.select(
        "cluster", "vintage", "selected", "probability",
        home="commune_code", listed="households", framed=pl.col("stratum"),
        at_home=pl.lit(True),
    )  # fmt: skip
    mine = rows.join(hamlets.drop("at_home", "selected"), on=["cluster", "vintage"], how="inner")
    reached = mine.group_by("vintage", "home", "round", "cluster").agg(
        pl.col("spoke").sum().alias("interviewed"), pl.len().alias("asked")
    )
    visited = reached.select("vintage", "home", "round").unique()
    all_hamlets = visited.join(hamlets, on=["vintage", "home"]).join(
        reached, on=["vintage", "home", "round", "cluster"], how="left"
    )
    all_hamlets = (
        all_hamlets.sort("vintage", "home", "round", "cluster")
        .with_columns(
            pl.max_horizontal("listed", "interviewed").alias("listed"),
            went=pl.col("interviewed" if by_hamlet else "asked").fill_null(0) > 0,
        )
        .with_columns(stands_for=pl.when(pl.col("probability") > 0).then(pl.col("listed") / pl.col("probability")))
    )
    drawn = pl.col("selected") | pl.col("went")
    all_hamlets = all_hamlets.with_columns(
        makes_up_for=pl.col("stands_for").filter(drawn).sum().over("vintage", "home", "round", "framed")
        / pl.col("stands_for").filter("went").sum().over("vintage", "home", "round", "framed"),
        **_of_commune(),
    )
    facts = mine.select("submission_id", "vintage", "home", "round", "cluster").join(
        all_hamlets, on=["vintage", "home", "round", "cluster"]
    )
    return facts.select(
        "submission_id", "home", "framed", "listed", "interviewed",
        "hamlets_in_frame", "households_listed", "interviewed_at_home", "enumerated", "all_reached",
        framed_design=pl.col("stands_for") * pl.col("makes_up_for") / pl.col("asked"),
        framed_weight=pl.col("stands_for") * pl.col("makes_up_for") / pl.col("interviewed" if by_hamlet else "asked"),
    )  # fmt: skip


def _of_commune() -> dict[str, pl.Expr]:
    whole = ("vintage", "home", "round")
    lived_in = pl.col("listed") > 0
    return {
        "hamlets_in_frame": pl.len().over(whole),
        "households_listed": pl.col("listed").sum().over(whole),
        "interviewed_at_home": pl.col("interviewed").fill_null(0).sum().over(whole),
        "enumerated": ((pl.col("probability") >= 1) | ~lived_in).all().over(whole),
        "all_reached": ((pl.col("interviewed").fill_null(0) > 0) | ~lived_in).all().over(whole),
    }


def _with_weights(rows: pl.DataFrame, *, has_frame: bool, cells: Cells) -> pl.DataFrame:
    """Weights of those who spoke; those who were asked and did not are spoken for and leave."""
    usable = pl.when(pl.col("weight_answered") >= 0).then(pl.col("weight_answered"))
    rows = rows.with_columns(
        given=pl.col("framed_weight") if has_frame else usable,
        designed=pl.col("framed_design") if has_frame else usable,
        stratum=pl.coalesce("framed", "stratum", "commune_code"),
    )
    if not (has_frame and cells == "hamlet"):
        within = ["vintage", "round", *{"hamlet": ("commune_code", "cluster"), "stratum": ("stratum",),
                                        "commune": ("commune_code",)}[cells]]  # fmt: skip
        given = pl.col("given")
        rows = rows.with_columns(given=given * given.sum().over(within) / given.filter("spoke").sum().over(within))
    rows = rows.filter("spoke").with_columns(pl.col("given").fill_nan(None))
    usual = pl.coalesce(pl.col("given").mean().over(PER_COMMUNE), pl.col("given").mean(), pl.lit(1.0))
    source = pl.lit("frame" if has_frame else "answered")
    return rows.with_columns(
        weight=pl.coalesce("given", usual),
        weight_designed=pl.coalesce("designed", usual),
        weighting=pl.when(pl.col("given").is_null()).then(pl.lit("equal")).otherwise(source),
    )


def _as_drawn(rows: pl.DataFrame) -> pl.DataFrame:
    """Name the stratum and unit that chance drew, and give every row what is known of its commune."""
    at_home = pl.col("home") == pl.col("commune_code")
    own = {
        name: pl.col(name).filter(at_home).first().over(PER_COMMUNE)
        for name in ("hamlets_in_frame", "households_listed", "interviewed_at_home", "enumerated", "all_reached")
    }
    rows = rows.with_columns(**own).with_columns(
        households_interviewed=pl.len().over(PER_COMMUNE),
        hamlets_reached=pl.col("cluster").drop_nulls().n_unique().over(PER_COMMUNE),
        fraction_interviewed=pl.col("interviewed_at_home") / pl.col("households_listed"),
        fully_listed=pl.col("enumerated").fill_null(False),
        clustered=pl.col("cluster").is_not_null().any().over(PER_COMMUNE),
    )
    nearly = pl.col("all_reached") | (pl.col("fraction_interviewed") >= NEARLY_ALL)
    rows = rows.with_columns(by_household=(pl.col("fully_listed") & nearly & at_home).fill_null(False))
    single = pl.col("by_household") | ~pl.col("clustered")
    hamlet = pl.col("cluster").fill_null(NO_CLUSTER)
    return rows.with_columns(
        drawn_stratum=pl.when("by_household")
        .then(pl.format("hamlet|{}|{}", "round", "cluster"))
        .otherwise(pl.format("sample|{}|{}", "round", "stratum")),
        drawn_unit=pl.when(single)
        .then(pl.col("submission_id"))
        .when(pl.col("cluster").is_null())
        .then(pl.concat_str(pl.lit(NO_CLUSTER), "commune_code"))
        .otherwise(hamlet),
        drawn_from=pl.when("by_household").then(pl.col("listed").cast(pl.Float64)),
    )
