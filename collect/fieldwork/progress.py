"""How far the sample is covered: hamlets drawn, done, begun and missing, per commune and day, and where to go next."""

from __future__ import annotations

import polars as pl

ENOUGH = 0.75  # of the interviews usual in a hamlet: with so many it is done
STATES = ("done", "begun", "missing")
LAST = ("enumerate", "return")  # no work for a team on a round: every household asked, or the commune's own return
STEP = ("interviews_needed", "interviews_reason", "hamlets_needed", "work")


def clusters(frame: pl.DataFrame, interviews: pl.DataFrame) -> pl.DataFrame:
    """The hamlets drawn, and how many interviews each has.

    Parameters
    ----------
    frame
        Rows of `collect.tables.FRAME` that are of the round of ``interviews``, communes in their vintage.
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
    drawn = frame.filter("selected")
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


def per_hamlet(drawn: pl.DataFrame) -> int:
    """Interviews usual in a hamlet, from the rows of `clusters`; 1 where none is known."""
    usual = drawn["expected"].median()
    return max(int(usual), 1) if isinstance(usual, int | float) else 1


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


def next_places(covered: pl.DataFrame, verdicts: pl.DataFrame, per_hamlet: int) -> pl.DataFrame:
    """Where to go next: communes with hamlets missing, then those where the least work settles a target.

    Parameters
    ----------
    covered
        As `communes` returns it.
    verdicts
        ``target_id, place, verdict, interviews_needed, interviews_reason, hamlets_needed`` of communes, one round.
    per_hamlet
        Interviews usual in a hamlet: more hamlets and more interviews are weighed against one another with it.

    Returns
    -------
    DataFrame
        ``commune_code``; ``missing`` and ``begun`` hamlets of the plan; ``open``: targets without a verdict; the step
        of the least work that settles one of them (``interviews_needed``, ``interviews_reason``, ``hamlets_needed``,
        all of one target; empty where nothing would do), its ``work`` in interviews, and the ``targets`` it is for.
        Asking every household is no survey: such communes come last. Communes with nothing to do are left out.
    """
    undecided = verdicts.filter(pl.col("verdict").is_in(["undecided", "no_data"])).rename({"place": "commune_code"})
    by_hamlets, by_interviews = pl.col("hamlets_needed") * per_hamlet, pl.col("interviews_needed")
    reason = pl.col("interviews_reason")
    work = (
        pl.when(reason == "more_hamlets")
        .then(by_hamlets)
        .when(reason == "computed")
        .then(pl.min_horizontal(by_hamlets, by_interviews))
        .otherwise(by_interviews)
    )
    steps = undecided.with_columns(work=work, last=reason.is_in(LAST)).filter(pl.col("work").is_not_null())
    steps = steps.sort("last", "work", "target_id")
    chosen = steps.group_by("commune_code", maintain_order=True).first().select("commune_code", *STEP, "last")
    alike = steps.join(chosen.select("commune_code", "work", "last"), on=["commune_code", "last"], suffix="_chosen")
    settled = alike.filter(pl.col("work") <= pl.col("work_chosen")).group_by("commune_code")
    count = undecided.group_by("commune_code").agg(open=pl.col("target_id").n_unique().cast(pl.Int64))
    rows = covered.select("commune_code", "missing", "begun").join(count, on="commune_code", how="full", coalesce=True)
    rows = rows.join(chosen, on="commune_code", how="left")
    rows = rows.join(settled.agg(targets=pl.col("target_id").sort()), on="commune_code", how="left")
    rows = rows.with_columns(pl.col("missing", "begun", "open").fill_null(0))
    useful = (pl.col("missing") + pl.col("begun") > 0) | pl.col("work").is_not_null()
    return rows.filter(useful).sort(
        "missing", "begun", "last", "work", "commune_code",
        descending=[True, True, False, False, False], nulls_last=True,
    ).drop("last")  # fmt: skip
