"""How each submission stands with the people who review it, now or at a moment: what the ledger says of what counts.

A decision is about the version it was made on. One that was sent back returns by itself when another version comes, and
an accepted one that changes must be looked at again; rejected and deleted ones stay so whatever arrives, until somebody
decides otherwise. See docs/decisions/0081.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from collect.keeping.ledger import Entry, entries
from collect.review.identity import counting, versions
from collect.store import COUNTED_SO, Store

DECISIONS = ("accepted", "sent_back", "rejected", "deleted", "received")  # "received" takes the last one back
FINAL = ("rejected", "deleted")  # no later version undoes these
STATES = ("received", "with_issues", "accepted", "sent_back", "rejected", "superseded", "deleted")
OUT = ("sent_back", "rejected", "superseded", "deleted")  # of STATES, those that count nowhere
SERVER_SAYS = {  # the review states of Central, KoboToolbox, Ona and SurveyCTO, small and with _ between words
    "approved": "accepted",
    "rejected": "rejected",
    "not_approved": "rejected",
    "hasissues": "with_issues",
    "has_issues": "with_issues",
    "on_hold": "with_issues",
}
REVIEW = {
    "submission_id": pl.String(),
    "last_decision": pl.String(),
    "reason": pl.String(),
    "decided_by": pl.String(),
    "decided_at": pl.String(),
    "decided_on": pl.String(),  # the content it was about
}


def standing(store: Store, form: str, until: datetime | None = None) -> pl.DataFrame:
    """One row per interview of a form, as known at a moment (by default now).

    Returns
    -------
    DataFrame
        ``upload_id``, ``submission_id``, ``interview``, ``content`` of the version that counts, and whether it is
        ``whole`` (False: an export left its repeats out, and nobody has their rows); ``decision``: the one
        in force, empty where there is none; ``last_decision``, ``reason``, ``decided_by``, ``decided_at``: the last one
        made, in force or not; ``changed``: another version came after it; ``kept``: of a superseded one, the interview
        that counts in its place.
    """
    every = versions(store, form, until)
    said = entries(store, form=form, until=until)
    interviews = every.select("submission_id", "interview").unique()
    now = counting(every)
    reviewed = _reviews(said).join(interviews, on="submission_id", how="inner", maintain_order="left")
    last = reviewed.unique("interview", keep="last", maintain_order=True).drop("submission_id")
    last = _on_contents_as_counted_now(last, every)
    found = now.join(last, on="interview", how="left", maintain_order="left").join(
        _superseded(said, interviews), on="interview", how="left", maintain_order="left"
    )
    changed = (pl.col("content") != pl.col("decided_on")).fill_null(False)
    standing_still = pl.col("last_decision").is_in(FINAL) | ~changed
    return found.with_columns(
        changed=changed,
        decision=pl.when(pl.col("kept").is_not_null() & ~pl.col("last_decision").is_in(FINAL).fill_null(False))
        .then(pl.lit("superseded"))
        .when(standing_still & (pl.col("last_decision") != "received"))
        .then("last_decision"),
    ).drop("decided_on")


def _on_contents_as_counted_now(last: pl.DataFrame, every: pl.DataFrame) -> pl.DataFrame:
    """Decisions whose content was counted in another way were about what counted when they were made."""
    former = ~pl.col("decided_on").str.starts_with(COUNTED_SO)
    made = last.filter(former).select("interview", made_at=pl.col("decided_at").str.to_datetime(time_zone="UTC"))
    there = every.join(made, on="interview", how="inner", maintain_order="left").filter(
        pl.col("received_at") <= pl.col("made_at")
    )
    then = counting(there).select("interview", then="content")
    rows = last.join(then, on="interview", how="left", maintain_order="left")
    return rows.with_columns(decided_on=pl.coalesce("then", "decided_on")).drop("then")


def _reviews(said: Sequence[Entry]) -> pl.DataFrame:
    rows = [(one.submission_id, one.new, one.why, one.by, one.at, one.content) for one in said if one.kind == "review"]
    return pl.DataFrame(rows, schema=REVIEW, orient="row")


def _superseded(said: Sequence[Entry], interviews: pl.DataFrame) -> pl.DataFrame:
    """Per interview that was judged the same as another: the one kept. The last judgement of a pair stands."""
    judged = {
        frozenset((one.submission_id, one.other)): (one.submission_id, one.other, one.new)
        for one in said
        if one.kind == "pair"
    }
    same = [(kept, dropped) for kept, dropped, verdict in judged.values() if verdict == "same"]
    pairs = pl.DataFrame(same, schema={"kept": pl.String, "dropped": pl.String}, orient="row")
    named = pairs.join(interviews, left_on="dropped", right_on="submission_id", how="inner").join(
        interviews.rename({"interview": "kept_interview"}), left_on="kept", right_on="submission_id", how="inner"
    )
    apart = named.filter(pl.col("interview") != pl.col("kept_interview"))
    return apart.select("interview", kept="kept_interview").unique("interview", keep="last", maintain_order=True)


def by_server(review_state: pl.Expr) -> pl.Expr:
    """What the platform's own reviewers decided, as one of STATES; null where they said nothing of it."""
    plain = review_state.str.strip_chars().str.to_lowercase().str.replace_all(" ", "_")
    said = plain.str.strip_prefix("validation_status_")
    return said.replace_strict(SERVER_SAYS, default=None, return_dtype=pl.String).alias("server_state")


def decided(status: pl.Expr) -> pl.Expr:
    """A household's ``status`` once the decision in force (column ``decision``) is looked at."""
    decision = pl.col("decision")
    return (
        pl.when(decision.is_in(OUT))
        .then(decision)
        .when((decision == "accepted") & (status == "rejected"))  # the platform's word, overruled here
        .then(pl.lit("accepted"))
        .otherwise(status)
        .alias("status")
    )
