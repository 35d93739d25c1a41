"""What makes a supervisor look twice: rules broken often, interviewers unlike the others, odd hours, far-off points.

None of it proves anything by itself; each table says how many interviews a figure rests on.
"""

from __future__ import annotations

import polars as pl

from collect.fieldwork.gathered import Field
from collect.tables import FOLLOWS

FEWEST_AGES = 50  # below it an index of heaping says nothing
HEAPED = (23, 62)  # the ages that Whipple's index counts
SHORT = 0.5  # of the usual length: shorter interviews are counted as hurried
LONGEST = 24 * 60  # minutes: beyond it the device's clock was set, or the form stayed open


def rules(field: Field) -> pl.DataFrame:
    """How often each rule is broken, most often first: ``code, severity, issues, submissions, share`` of interviews.

    What follows from another issue is that one's and not counted again.
    """
    asked = max(field.interviews.height, 1)
    return (
        field.issues.filter(~FOLLOWS)
        .group_by("code", "severity")
        .agg(issues=pl.len().cast(pl.Int64), submissions=pl.col("submission_id").n_unique().cast(pl.Int64))
        .with_columns(share=pl.col("submissions") / asked)
        .sort("issues", "code", descending=[True, False])
    )


def interviewers(field: Field) -> pl.DataFrame:
    """Interviewers beside one another, most issues per interview first.

    Returns
    -------
    DataFrame
        ``interviewer``; ``interviews``; ``days`` with an interview; ``minutes``: the median; ``hurried``: share of
        interviews shorter than half of everybody's median; ``errors`` per interview; ``with_errors``: share of
        interviews with one; ``heaping``: Whipple's index of ages that end in 0 or 5, 100 where none is preferred and
        500 where all are (United Nations 1983, Manual X), empty below `FEWEST_AGES` ages.
    """
    credible = pl.col("minutes").is_between(0, LONGEST)
    timed = field.interviews.with_columns(minutes=pl.when(credible).then("minutes"))
    usual = timed["minutes"].median()
    hurried = pl.col("minutes") < SHORT * (float(usual) if isinstance(usual, int | float) else 0.0)
    wrong = field.issues.filter(severity="error").group_by("submission_id").agg(errors=pl.len())
    rows = timed.join(wrong, on="submission_id", how="left").with_columns(pl.col("errors").fill_null(0))
    beside = rows.drop_nulls("interviewer").group_by("interviewer").agg(
        interviews=pl.len().cast(pl.Int64),
        days=pl.col("interviewed_on").drop_nulls().n_unique().cast(pl.Int64),
        minutes=pl.col("minutes").median(),
        hurried=hurried.mean(),
        errors=pl.col("errors").mean(),
        with_errors=(pl.col("errors") > 0).mean(),
    )  # fmt: skip
    return beside.join(_heaping(field), on="interviewer", how="left").sort(
        "errors", "interviewer", descending=[True, False]
    )


def _heaping(field: Field) -> pl.DataFrame:
    low, high = HEAPED
    ages = field.ages.filter(pl.col("age").is_between(low, high)).join(
        field.interviews.select("submission_id", "interviewer"), on="submission_id"
    )
    index = 500 * (pl.col("age") % 5 == 0).mean()
    counted = ages.group_by("interviewer").agg(heaping=pl.when(pl.len() >= FEWEST_AGES).then(index))
    return counted.select("interviewer", "heaping")


def started(field: Field) -> pl.DataFrame:
    """How many interviews began in each hour of the day, hours without any included: ``hour, interviews``."""
    hours = pl.DataFrame({"hour": list(range(24))}, schema={"hour": pl.Int64})
    counted = field.interviews.drop_nulls("hour").group_by("hour").agg(interviews=pl.len().cast(pl.Int64))
    return hours.join(counted, on="hour", how="left", maintain_order="left").with_columns(
        pl.col("interviews").fill_null(0)
    )


def minutes(field: Field, width: int = 5, last: int = 90) -> pl.DataFrame:
    """How long interviews took, in classes of ``width``: ``from``, ``interviews``; ``last`` and longer in one."""
    told = field.interviews.filter(pl.col("minutes") >= 0)
    begin = ((pl.col("minutes") // width) * width).clip(0, last).cast(pl.Int64)
    every = pl.DataFrame({"from": list(range(0, last + 1, width))}, schema={"from": pl.Int64})
    counted = told.group_by(begin.alias("from")).agg(interviews=pl.len().cast(pl.Int64))
    return every.join(counted, on="from", how="left", maintain_order="left").with_columns(
        pl.col("interviews").fill_null(0)
    )


def strayed(field: Field) -> pl.DataFrame:
    """Interviews whose point lies far from the commune they name, farthest first.

    Returns
    -------
    DataFrame
        ``submission_id``, ``interviewer``, ``interviewed_on``, ``commune``: as answered; ``seen``: the commune the
        point lies in, empty outside the province; ``metres`` between the two. No point is among them.
    """
    told = pl.Struct({"commune": pl.String, "seen": pl.String, "metres": pl.Float64})
    far = field.issues.filter(pl.col("code").is_in(["LOC-05", "LOC-06"]))
    said = far.with_columns(pl.col("details").fill_null("{}").str.json_decode(told).alias("told")).unnest("told")
    return (
        said.unique("submission_id", keep="first", maintain_order=True)
        .join(field.interviews.drop("upload_id"), on="submission_id", how="inner")
        .select(
            "submission_id",
            "interviewer",
            "interviewed_on",
            pl.coalesce("commune", "commune_code").alias("commune"),
            "seen",
            "metres",
        )
        .sort("metres", "submission_id", descending=[True, False], nulls_last=True)
    )
