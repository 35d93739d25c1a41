"""What a reviewer sees: every interview with its standing. `collect.review.reviews` is the door to it.

The table holds no answers but place, interviewer and day, and stays inside the data folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from collect import registry
from collect.forms import Form
from collect.journey import Definitions
from collect.problems import CollectError
from collect.review.attached import attached, counts
from collect.review.corrections import Amended, amended
from collect.review.standing import STATES, by_server, decided, standing
from collect.store import Store

FROM_TABLES = {
    "submission_id": pl.String(),
    "upload_id": pl.String(),
    "status": pl.String(),
    "errors": pl.Int64(),
    "warnings": pl.Int64(),
    "codes": pl.List(pl.String()),
    "corrections": pl.Int64(),
    "round": pl.String(),
    "interviewed_on": pl.Date(),
    "interviewer": pl.String(),
    "commune_code": pl.String(),
    "vintage": pl.String(),
    "hamlet": pl.String(),
    "cluster": pl.String(),
    "server_state": pl.String(),
}
FROM_STANDING = {
    "decision": pl.String(),
    "changed": pl.Boolean(),
    "last_decision": pl.String(),
    "reason": pl.String(),
    "decided_by": pl.String(),
    "decided_at": pl.String(),
    "kept": pl.String(),
}
FROM_FILES = {"files": pl.Int64(), "files_missing": pl.Int64()}
FROM_UPLOADS = {"file": pl.String(), "received_at": pl.String(), "received_by": pl.String()}
QUEUE = {"form": pl.String(), "state": pl.String(), **FROM_TABLES, **FROM_STANDING, **FROM_FILES, **FROM_UPLOADS}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which interviews to list; what is empty asks for nothing. ``codes``: with an issue of one of these codes.

    Unless states are named, what was deleted and what another interview stands for is left out.
    """

    form: str = ""
    states: tuple[str, ...] = ()
    interviewer: str = ""
    commune: str = ""  # where the interview was placed
    cluster: str = ""
    codes: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    changed: bool = False  # only what another version came of after the decision
    until: datetime | None = None  # as it stood at this moment


EVERYTHING = Filters()


def queue(store: Store, definitions: Definitions, filters: Filters = EVERYTHING) -> pl.DataFrame:
    """One row per interview received, as it stands now (or at ``filters.until``), last received first.

    Returns
    -------
    DataFrame
        ``state`` is one of `collect.review.standing.STATES`: the ``decision`` made here, else ``server_state``, that of
        the platform's reviewers, else what the form's rules say; ``status`` is what estimates look at; ``errors``,
        ``warnings`` and ``codes`` are of the issues left after the ``corrections`` that apply; ``changed``: another
        version came after ``last_decision``; ``kept``: of a superseded one, the interview that counts in its place;
        ``files``: photos and other files that came or that answers name, of which ``files_missing`` are not here.

    Raises
    ------
    CollectError
        USE-01 for a form or a state nobody knows.
    """
    one_of("state", filters.states, STATES)
    received = registry.uploads(store.engine)
    names = [form.form_id for form in definitions.forms]
    one_of("form", [filters.form] if filters.form else [], names)
    forms = [form for form in definitions.forms if filters.form in ("", form.form_id)]
    uploads = pl.DataFrame(
        [(up["upload_id"], up["file_name"], up["received_at"], up["received_by"]) for up in received],
        schema={"upload_id": pl.String(), **FROM_UPLOADS},
        orient="row",
    )
    rows = pl.concat([pl.DataFrame(schema=QUEUE), *(_of_form(store, form, uploads, filters) for form in forms)])
    return rows.sort("received_at", "submission_id", descending=[True, False], maintain_order=True)


def _of_form(store: Store, form: Form, uploads: pl.DataFrame, filters: Filters) -> pl.DataFrame:
    stands = standing(store, form.form_id, filters.until)
    if filters.ids:
        stands = stands.filter(pl.col("submission_id").is_in(list(filters.ids)))
    mended = amended(store, form, stands, filters.until)
    uploaded = stands["upload_id"].unique(maintain_order=True)
    pieces = [_from_tables(store, form, one, mended.get(one)) for one in uploaded]
    stored = pl.concat([pl.DataFrame(schema=FROM_TABLES), *pieces])
    rows = stands.join(stored, on=("upload_id", "submission_id"), maintain_order="left")
    rows = rows.join(uploads, on="upload_id", maintain_order="left")
    rows = rows.join(counts(attached(store, form, stands)), on="submission_id", how="left", maintain_order="left")
    rows = rows.with_columns(pl.col(*FROM_FILES).fill_null(0))
    own = pl.when(pl.col("status").is_in(["with_issues", "rejected"])).then("status").otherwise(pl.lit("received"))
    named = rows.with_columns(
        form=pl.lit(form.form_id), state=pl.coalesce("decision", "server_state", own)
    ).with_columns(decided(pl.col("status")))
    return _filtered(named.select(*QUEUE), filters)


def _from_tables(store: Store, form: Form, upload_id: str, mended: Amended | None) -> pl.DataFrame:
    """What the tables say of one upload's submissions, the corrected ones in the place of what they were."""
    roots = store.read_part(form.form_id, "households", upload_id, ())
    issues = store.read_part(form.form_id, "issues", upload_id)
    corrected = pl.DataFrame(schema={"submission_id": pl.String, "corrections": pl.Int64})
    if mended is not None:
        roots, issues = mended.in_place(roots, "households"), mended.in_place(issues, "issues")
        corrected = mended.counts
    found = issues.group_by("submission_id").agg(
        errors=(pl.col("severity") == "error").sum().cast(pl.Int64),
        warnings=(pl.col("severity") == "warning").sum().cast(pl.Int64),
        codes=pl.col("code").unique().sort(),
    )
    said = store.read_part(form.form_id, "answers", upload_id, ()).select(
        "submission_id", by_server(pl.col("review_state"))
    )
    whole = roots.join(said, on="submission_id", how="left")
    whole = whole.join(found, on="submission_id", how="left").join(corrected, on="submission_id", how="left")
    numbers = pl.col("errors", "warnings", "corrections").fill_null(0)
    return whole.with_columns(numbers, pl.col("codes").fill_null([])).select(
        pl.col(name).cast(kind) for name, kind in FROM_TABLES.items()
    )


def _filtered(rows: pl.DataFrame, filters: Filters) -> pl.DataFrame:
    wanted = pl.col("state").is_in(list(filters.states or [state for state in STATES if state not in HIDDEN]))
    exact = {"interviewer": filters.interviewer, "commune_code": filters.commune, "cluster": filters.cluster}
    for column, value in exact.items():
        wanted &= (pl.col(column) == value) if value else pl.lit(True)
    if filters.codes:
        wanted &= pl.col("codes").list.set_intersection(list(filters.codes)).list.len() > 0
    return rows.filter(wanted & (pl.col("changed") if filters.changed else pl.lit(True)))


HIDDEN = ("deleted", "superseded")


def one_of(what: str, names: Iterable[str], known: Sequence[str]) -> None:
    """Raise CollectError USE-01 for the first name that is not known."""
    for name in names:
        if name not in known:
            raise CollectError("USE-01", what=what, name=name, known=", ".join(known))
