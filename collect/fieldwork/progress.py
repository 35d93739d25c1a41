"""How far the sample is covered: hamlets drawn, done, begun and missing, per commune and day, and where to go next."""

from __future__ import annotations

import polars as pl

ENOUGH = 0.75  # of the interviews usual in a hamlet: with so many it is done
STATES = ("done", "begun", "missing")


def clusters(frame: pl.DataFrame, interviews: pl.DataFrame) -> pl.DataFrame:
    """The hamlets drawn, and how many interviews each has.

    Parameters
    ----------
    frame
        Rows of `collect.tables.FRAME`, communes in the vintage of ``interviews``.
    interviews
        ``cluster``, ``interviewed_on``.

    Returns
    -------
    DataFrame
        ``cluster, commune_code, hamlet_name, households``, ``interviews``, ``expected``: the median of the hamlets that
        were reached, at most the households listed; ``state``: done from three quarters of ``expected``, begun, or
        missing; ``last_on``.
    """
    done = interviews.drop_nulls("cluster").group_by("cluster").agg(
        interviews=pl.len().cast(pl.Int64), last_on=pl.col("interviewed_on").max()
    )  # fmt: skip
    drawn = frame.filter("selected").unique("cluster", keep="last", maintain_order=True)
    rows = drawn.join(done, on="cluster", how="left", maintain_order="left").with_columns(
        pl.col("interviews").fill_null(0)
    )
    median = rows.filter(pl.col("interviews") > 0)["interviews"].median()
    usual = max(int(median), 1) if isinstance(median, int | float) else 1
    expected = pl.min_horizontal(pl.lit(usual, pl.Int64), pl.col("households").clip(1)).cast(pl.Int64)
    enough = pl.col("interviews") >= ENOUGH * pl.col("expected")
    state = pl.when(enough).then(pl.lit("done")).when(pl.col("interviews") > 0).then(pl.lit("begun"))
    return rows.with_columns(expected=expected).select(
        "cluster", "commune_code", "hamlet_name", "households", "interviews", "expected",
        state.otherwise(pl.lit("missing")).alias("state"), "last_on",
    )  # fmt: skip


def communes(drawn: pl.DataFrame, interviews: pl.DataFrame) -> pl.DataFrame:
    """One row per commune with a hamlet drawn or an interview: ``planned, done, begun, missing``, ``interviews``."""
    planned = drawn.group_by("commune_code").agg(
        planned=pl.len().cast(pl.Int64),
        **{state: (pl.col("state") == state).sum().cast(pl.Int64) for state in STATES},
    )
    asked = interviews.drop_nulls("commune_code").group_by("commune_code").agg(
        interviews=pl.len().cast(pl.Int64), last_on=pl.col("interviewed_on").max()
    )  # fmt: skip
    whole = planned.join(asked, on="commune_code", how="full", coalesce=True)
    counts = pl.col("planned", *STATES, "interviews").fill_null(0)
    return whole.with_columns(counts).sort("missing", "begun", "commune_code", descending=[True, True, False])


def by_day(interviews: pl.DataFrame) -> pl.DataFrame:
    """Interviews per day and interviewer: ``interviewed_on, interviewer, interviews``, in order."""
    return (
        interviews.drop_nulls("interviewed_on")
        .group_by("interviewed_on", "interviewer")
        .agg(interviews=pl.len().cast(pl.Int64))
        .sort("interviewed_on", "interviewer")
    )


def next_places(covered: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Where to go next: communes with hamlets missing, then those where the fewest interviews settle a target.

    Parameters
    ----------
    covered
        As `communes` returns it.
    verdicts
        ``target_id, place, verdict, interviews_needed, hamlets_needed`` of communes, one round.

    Returns
    -------
    DataFrame
        ``commune_code``; ``missing`` and ``begun`` hamlets of the plan; ``open``: targets without a verdict;
        ``interviews_needed`` and ``hamlets_needed``: the fewest that settle one of them; empty where none would do.
        Communes with nothing to do are left out.
    """
    undecided = verdicts.filter(pl.col("verdict").is_in(["undecided", "no_data"]))
    asked = undecided.group_by(commune_code="place").agg(
        open=pl.col("target_id").n_unique().cast(pl.Int64),
        interviews_needed=pl.col("interviews_needed").min(),
        hamlets_needed=pl.col("hamlets_needed").min(),
    )
    rows = covered.select("commune_code", "missing", "begun").join(asked, on="commune_code", how="full", coalesce=True)
    rows = rows.with_columns(pl.col("missing", "begun", "open").fill_null(0))
    useful = (pl.col("missing") + pl.col("begun") > 0) | pl.col("interviews_needed").is_not_null()
    return rows.filter(useful | pl.col("hamlets_needed").is_not_null()).sort(
        "missing", "begun", "interviews_needed", "hamlets_needed", "commune_code",
        descending=[True, True, False, False, False], nulls_last=True,
    )  # fmt: skip
