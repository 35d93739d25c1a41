"""Which submissions are one interview, and which version of each counts: now, or as it was known at a moment.

An edit under a new id names the one it replaces, and all ids that hang together so are versions of one interview. Of
these one counts: the last by the server's own count of edits, then by order of arrival, then by the server's date; see
docs/decisions/0080.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from collect import registry
from collect.passing import FRAME
from collect.problems import CollectError
from collect.store import Store

INDEX: Mapping[str, pl.DataType] = {
    "submission_id": pl.String(),
    "replaces": pl.String(),
    "submitted_at": pl.String(),
    "edits": pl.Int64(),
    "content": pl.String(),
    "whole": pl.Boolean(),  # False: the export had no rows of a repeat, and none were held
    "draft": pl.String(),  # what it shares with the same interview under another id, as `duplicates.drafts` says
}
MOMENT = pl.Datetime("us", "UTC")
ORDER = ("edits", "sequence", "submitted_at")


def known_uploads(store: Store, until: datetime | None = None) -> list[Mapping[str, Any]]:
    """The uploads received up to a moment (by default all), in order of arrival."""
    received = registry.uploads(store.engine)
    return [one for one in received if until is None or datetime.fromisoformat(one["received_at"]) <= until]


def versions(store: Store, form: str, until: datetime | None = None) -> pl.DataFrame:
    """Every version of every submission of a form in order of arrival.

    Returns
    -------
    DataFrame
        ``upload_id``, ``sequence``, ``received_at``, ``submission_id``, ``replaces``, ``submitted_at``, ``edits``,
        ``content`` and ``interview``: the first id of the interview the version belongs to.
    """
    known = {one["upload_id"]: datetime.fromisoformat(one["received_at"]) for one in known_uploads(store, until)}
    nothing = pl.DataFrame(schema={**INDEX, "upload_id": pl.String, "sequence": pl.Int64, "received_at": MOMENT})
    frames = [
        index_of(store, form, part["upload_id"]).with_columns(
            upload_id=pl.lit(part["upload_id"]),
            sequence=pl.lit(part["sequence"], pl.Int64),
            received_at=pl.lit(known[part["upload_id"]].astimezone(UTC), MOMENT),
        )
        for part in registry.parts_of(store.engine)
        if part["form"] == form and part["upload_id"] in known
    ]
    return with_interview(pl.concat([nothing, *frames]))


def index_of(store: Store, form: str, upload_id: str) -> pl.DataFrame:
    """One upload's index in today's columns: one made by an older version counts no edits. Raises StoreError STO-02."""
    stored = store.read_part(form, "index", upload_id)
    absent = [pl.lit(None, kind).alias(name) for name, kind in INDEX.items() if name not in stored.columns]
    return stored.with_columns(absent).select(*INDEX)


def with_interview(rows: pl.DataFrame) -> pl.DataFrame:
    """Add ``interview``: ids tied by ``replaces``, over any number of steps, are one; its name is the id none replaces.

    Two edits of one original are one interview, and so is a circle of ids that replace one another.
    """
    ties = rows.filter(pl.col("replaces").is_not_null()).select("submission_id", "replaces").unique()
    if ties.is_empty():
        return rows.with_columns(interview=pl.col("submission_id"))
    ids = pl.concat([ties["submission_id"], ties["replaces"]]).unique().sort()
    places = {one: place for place, one in enumerate(ids)}
    ends = [np.array([places[one] for one in ties[name]]) for name in ("submission_id", "replaces")]
    matrix = coo_array((np.ones(ties.height, np.int8), (ends[0], ends[1])), shape=(len(ids), len(ids)))
    _, group = connected_components(matrix, directed=False)
    edits = ids.is_in(ties["submission_id"].implode())
    named = (
        pl.DataFrame({"submission_id": ids, "group": group, "edits": edits})
        .sort("edits", "submission_id", maintain_order=True)
        .with_columns(interview=pl.col("submission_id").first().over("group"))
        .select("submission_id", "interview")
    )
    return rows.join(named, on="submission_id", how="left", maintain_order="left").with_columns(
        interview=pl.coalesce("interview", "submission_id")
    )


def counting(rows: pl.DataFrame) -> pl.DataFrame:
    """Of `versions`, the one of each interview that counts: what no other replaces first, then the order of `ORDER`.

    A version whose people an export left out never stands in the way of one that has them (docs/decisions/0110).
    A version that tells no count of edits is no older than what came before it.
    """
    replaced = rows["replaces"].drop_nulls().unique()
    return (
        rows.with_columns(
            edits=pl.col("edits").forward_fill().over("submission_id").fill_null(0),
            last=~pl.col("submission_id").is_in(replaced.implode()),
            whole=pl.col("whole").fill_null(True),
        )
        .sort("whole", "last", *ORDER, nulls_last=False, maintain_order=True)
        .unique("interview", keep="last", maintain_order=True)
        .sort("sequence", maintain_order=True)
        .select("upload_id", "submission_id", "interview", "content", "whole")
    )


def successor(store: Store, form: str, submission_id: str) -> str | None:
    """The version that counts in place of an older one; None for one that counts itself or that nobody sent."""
    every = versions(store, form)
    own = every.filter(submission_id=submission_id)
    if own.is_empty():
        return None
    counts = counting(every).filter(interview=own["interview"][0])["submission_id"][0]
    return None if counts == submission_id else str(counts)


def current(store: Store, form: str, until: datetime | None = None) -> pl.DataFrame:
    """The version of each interview that counts: ``upload_id``, ``submission_id``, ``interview``, ``content``.

    What a reviewer decided is not looked at: `collect.review.standing.standing` does.
    """
    return counting(versions(store, form, until))


def found_in(store: Store, submission_id: str) -> tuple[str, pl.DataFrame]:
    """The form a submission belongs to, and every version of that form's submissions. Raises CollectError USE-01."""
    for form in forms_received(store):
        every = versions(store, form)
        if submission_id in every["submission_id"]:
            return form, every
    raise CollectError("USE-01", what="submission", name=submission_id, known="collect review list")


def forms_received(store: Store) -> list[str]:
    """The forms that submissions were received of."""
    return sorted({part["form"] for part in registry.parts_of(store.engine)} - {FRAME})
