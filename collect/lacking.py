"""People whom an export left out stay: where it has no table of a repeat, the rows received before stand in for it.

A Kobo CSV, or OData that was not expanded, says nothing of a household's members. It must not read as though there were
none; see docs/decisions/0110.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from collect import registry
from collect.forms import Form
from collect.passing import Held
from collect.review.identity import INDEX, counting, index_of, with_interview
from collect.store import Store
from collect.tables import Answers


def parts_before(store: Store, form: str, upload_id: str | None) -> Sequence[Mapping[str, Any]]:
    """A form's parts that were received before an upload, in order of arrival: all of them where it is new."""
    parts = [part for part in registry.parts_of(store.engine) if part["form"] == form]
    own = next((part["sequence"] for part in parts if part["upload_id"] == upload_id), None)
    return [part for part in parts if own is None or part["sequence"] < own]


def held_before(store: Store, upload_id: str) -> Held:
    """What fills the gaps of an upload: only what came before it, so that making it again gives the same."""

    def held(form: Form, answers: Answers) -> tuple[Answers, frozenset[str]]:
        """The answers with the rows held of repeats without any; the submissions of which nobody has the rows."""
        root = answers[form.root]
        short = {
            repeat: root.select("submission_id").join(rows, on="submission_id", how="anti")
            for repeat, rows in answers.items()
            if repeat != form.root
        }
        lacking = pl.concat(list(short.values())).unique()
        sources = _sources(store, form, root, upload_id).join(lacking, on="submission_id", how="semi")
        filled, known = {form.root: root}, root.select("submission_id", "row_id")
        for repeat in form.repeats[1:]:
            wanted = sources.join(short[repeat], on="submission_id", how="semi")
            rows = _rows(store, form, repeat, wanted).join(
                known, left_on=["submission_id", "parent_row_id"], right_on=["submission_id", "row_id"], how="semi"
            )
            own = answers[repeat]
            filled[repeat] = pl.concat([own, rows], how="diagonal").select(own.columns)
            known = pl.concat([known, filled[repeat].select(known.columns)])
        return Answers(filled), frozenset(lacking["submission_id"]) - frozenset(sources["submission_id"])

    return held


def _sources(store: Store, form: Form, root: pl.DataFrame, upload_id: str) -> pl.DataFrame:
    """Per submission, the version received before that has its people: ``submission_id``, ``upload``, ``version``."""
    own = root.select("submission_id", "replaces").with_columns(upload_id=pl.lit(upload_id), whole=pl.lit(False))
    nothing = pl.DataFrame(schema={**INDEX, "upload_id": pl.String, "sequence": pl.Int64})
    earlier = [
        index_of(store, form.form_id, part["upload_id"]).with_columns(
            upload_id=pl.lit(part["upload_id"]), sequence=pl.lit(part["sequence"], pl.Int64)
        )
        for part in parts_before(store, form.form_id, upload_id)
    ]
    every = with_interview(pl.concat([nothing, *earlier, own], how="diagonal"))
    before = pl.col("sequence").is_not_null()
    held = counting(every.filter(before & pl.col("whole").fill_null(True)))
    return (
        every.filter(~before)
        .select("submission_id", "interview")
        .join(held, on="interview", how="inner", maintain_order="left")
        .select("submission_id", upload="upload_id", version="submission_id_right")
    )


def _rows(store: Store, form: Form, repeat: str, wanted: pl.DataFrame) -> pl.DataFrame:
    """The held rows of a repeat, under the names of the submissions that want them, in their order."""
    found = [
        mine.drop("upload").join(
            store.read_part(form.form_id, f"answers{repeat}", mine["upload"][0]).rename({"submission_id": "version"}),
            on="version",
            how="inner",
            maintain_order="left_right",
        )
        for mine in wanted.partition_by("upload", maintain_order=True)
    ]
    nothing = pl.DataFrame(schema=dict.fromkeys(("submission_id", "row_id", "parent_row_id"), pl.String))
    return pl.concat([nothing, *(rows.drop("version") for rows in found)], how="diagonal")
