"""The issues left in interviews as they stand now, corrections applied: what the issue spreadsheet is made of."""

from __future__ import annotations

import polars as pl

from collect.journey import Definitions
from collect.review.corrections import amended
from collect.review.standing import standing
from collect.store import Store
from collect.tables import FOLLOWS, ISSUES, SEVERITIES

WHERE = {"file": pl.String(), "form": pl.String()}


def outstanding(store: Store, definitions: Definitions, interviews: pl.DataFrame) -> pl.DataFrame:
    """The issues of some interviews, the gravest first, what follows from another last.

    Parameters
    ----------
    interviews
        Rows of `collect.review.queue.queue`.

    Returns
    -------
    DataFrame
        Rows of `collect.tables.ISSUES` with ``file`` (the upload's name) and ``form``, as `collect.review.sheet.write`
        takes them.
    """
    found = [pl.DataFrame(schema={**ISSUES.schema, **WHERE})]
    for (form_id,), own in interviews.group_by("form", maintain_order=True):
        form = definitions.form(str(form_id))
        stands = standing(store, form.form_id).filter(pl.col("submission_id").is_in(own["submission_id"].to_list()))
        mended = amended(store, form, stands)
        for (upload, file), rows in own.group_by("upload_id", "file", maintain_order=True):
            issues = store.read_part(form.form_id, "issues", str(upload))
            issues = mended[str(upload)].in_place(issues, "issues") if upload in mended else issues
            issues = issues.filter(pl.col("submission_id").is_in(rows["submission_id"].to_list()))
            found.append(issues.with_columns(file=pl.lit(file), form=pl.lit(form_id)).select(found[0].columns))
    gravest = pl.col("severity").replace_strict({name: place for place, name in enumerate(SEVERITIES)})
    return pl.concat(found).sort(FOLLOWS, gravest, maintain_order=True)
