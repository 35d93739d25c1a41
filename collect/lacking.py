"""People whom an export left out stay: where it has no table of a repeat, the rows received before stand in for it.

A Kobo CSV, or OData that was not expanded, says nothing of a household's members. It must not read as though there were
none; see docs/decisions/0110.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from collect import registry
from collect.forms import Form
from collect.passing import Held
from collect.review.identity import INDEX, counting, index_of, with_interview
from collect.store import Store
from collect.tables import Answers


@dataclass(frozen=True, slots=True)
class Tried:
    """One form's share of a file that was tried and not stored: its index and the answers of its repeats, by table."""

    upload_id: str
    form: str
    tables: Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Before:
    """What came before an upload, or before everything received where ``upload_id`` is None: stored, then ``tried``.

    So a dry run of several files looks at what storing them one after the other would look at.
    """

    store: Store
    upload_id: str | None
    tried: Sequence[Tried] = ()

    def indexes(self, form: str) -> list[pl.DataFrame]:
        """Of every such upload its index, with ``upload_id`` and ``sequence``, in order of arrival."""
        parts = [part for part in registry.parts_of(self.store.engine) if part["form"] == form]
        own = next((part["sequence"] for part in parts if part["upload_id"] == self.upload_id), None)
        stored = [part for part in parts if own is None or part["sequence"] < own]
        last = max((part["sequence"] for part in parts), default=0)
        found = [(one["upload_id"], one["sequence"], index_of(self.store, form, one["upload_id"])) for one in stored]
        tried = [one for one in self.tried if one.form == form]
        found += [(one.upload_id, last + place, one.tables["index"]) for place, one in enumerate(tried, 1)]
        return [
            index.with_columns(upload_id=pl.lit(upload), sequence=pl.lit(sequence, pl.Int64))
            for upload, sequence, index in found
        ]

    def rows(self, form: str, repeat: str, upload_id: str) -> pl.DataFrame:
        """The answers of a repeat that one of them brought. Raises StoreError STO-02."""
        table = f"answers{repeat}"
        tried = next((one for one in self.tried if (one.upload_id, one.form) == (upload_id, form)), None)
        return self.store.read_part(form, table, upload_id) if tried is None else tried.tables[table]


def held_before(before: Before) -> Held:
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
        sources = _sources(before, form, root).join(lacking, on="submission_id", how="semi")
        filled, known = {form.root: root}, root.select("submission_id", "row_id")
        for repeat in form.repeats[1:]:
            wanted = sources.join(short[repeat], on="submission_id", how="semi")
            rows = _rows(before, form, repeat, wanted).join(
                known, left_on=["submission_id", "parent_row_id"], right_on=["submission_id", "row_id"], how="semi"
            )
            own = answers[repeat]
            filled[repeat] = pl.concat([own, rows], how="diagonal").select(own.columns)
            known = pl.concat([known, filled[repeat].select(known.columns)])
        return Answers(filled), frozenset(lacking["submission_id"]) - frozenset(sources["submission_id"])

    return held


def _sources(before: Before, form: Form, root: pl.DataFrame) -> pl.DataFrame:
    """Per submission, the version received before that has its people: ``submission_id``, ``upload``, ``version``."""
    own = root.select("submission_id", "replaces").with_columns(upload_id=pl.lit(before.upload_id), whole=pl.lit(False))
    nothing = pl.DataFrame(schema={**INDEX, "upload_id": pl.String, "sequence": pl.Int64})
    every = with_interview(pl.concat([nothing, *before.indexes(form.form_id), own], how="diagonal"))
    earlier = pl.col("sequence").is_not_null()
    held = counting(every.filter(earlier & pl.col("whole").fill_null(True)))
    return (
        every.filter(~earlier)
        .select("submission_id", "interview")
        .join(held, on="interview", how="inner", maintain_order="left")
        .select("submission_id", upload="upload_id", version="submission_id_right")
    )


def _rows(before: Before, form: Form, repeat: str, wanted: pl.DataFrame) -> pl.DataFrame:
    """The held rows of a repeat, under the names of the submissions that want them, in their order."""
    found = [
        mine.drop("upload").join(
            before.rows(form.form_id, repeat, mine["upload"][0]).rename({"submission_id": "version"}),
            on="version",
            how="inner",
            maintain_order="left_right",
        )
        for mine in wanted.partition_by("upload", maintain_order=True)
    ]
    nothing = pl.DataFrame(schema=dict.fromkeys(("submission_id", "row_id", "parent_row_id"), pl.String))
    return pl.concat([nothing, *(rows.drop("version") for rows in found)], how="diagonal")
