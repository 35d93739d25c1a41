"""One form's interviews as field work sees them: when, where, by whom, how long, and which rules they break."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import polars as pl

from collect import registry
from collect.check.cast import read_instant
from collect.forms import Form
from collect.review.corrections import Amended, amended
from collect.review.standing import decided, standing
from collect.store import Store
from collect.tables import ISSUES

SECONDS = 60
INTERVIEWS = {
    "submission_id": pl.String(),
    "upload_id": pl.String(),
    "sent_by": pl.String(),
    "status": pl.String(),
    "round": pl.String(),
    "interviewer": pl.String(),
    "interviewed_on": pl.Date(),
    "hour": pl.Int64(),  # of the day, by the device's own clock, at which it began
    "minutes": pl.Float64(),
    "commune_code": pl.String(),
    "vintage": pl.String(),
    "cluster": pl.String(),
}
LEFT_OUT = ("deleted", "superseded")  # nobody's work any more
AGES = {"submission_id": pl.String(), "age": pl.Int64()}


@dataclass(frozen=True, slots=True)
class Field:
    """``interviews``: one row each, as `INTERVIEWS`; ``issues``: what they break now; ``ages``: of their rosters."""

    interviews: pl.DataFrame
    issues: pl.DataFrame
    ages: pl.DataFrame

    def of(self, ids: Collection[str]) -> Field:
        """The same for some interviews only."""
        kept = pl.col("submission_id").is_in(list(ids))
        return replace(
            self,
            interviews=self.interviews.filter(kept),
            issues=self.issues.filter(kept),
            ages=self.ages.filter(kept),
        )

    def sent_by(self, name: str) -> Field:
        """Only what one person handed in."""
        return self.of(self.interviews.filter(sent_by=name)["submission_id"])


def field_of(store: Store, form: Form) -> Field:
    """Everything received of a form, the version of each interview that counts, corrections put over it."""
    stands = standing(store, form.form_id)
    mended = amended(store, form, stands)
    sent = {one["upload_id"]: one["received_by"] for one in registry.uploads(store.engine)}
    nothing = Field(pl.DataFrame(schema=INTERVIEWS), ISSUES.empty(), pl.DataFrame(schema=AGES))
    found = [nothing]
    for (upload,), rows in stands.group_by("upload_id", maintain_order=True):
        found.append(_of_upload(store, form, rows, mended.get(str(upload)), sent.get(str(upload), "")))
    together = Field(*(pl.concat([getattr(one, name) for one in found]) for name in Field.__slots__))
    return together.of(together.interviews.filter(~pl.col("status").is_in(LEFT_OUT))["submission_id"])


def versions_named(store: Store, form_id: str) -> dict[str, int]:
    """How many interviews name each version of the form, "" where they name none; each is counted once."""
    counts: dict[str, int] = {}
    for (upload,), rows in standing(store, form_id).group_by("upload_id", maintain_order=True):
        stored = store.read_part(form_id, "households", str(upload), ()).join(rows, on="submission_id", how="semi")
        for version, count in stored["form_version"].fill_null("").value_counts().iter_rows():
            counts[version] = counts.get(version, 0) + count
    return counts


def _of_upload(store: Store, form: Form, stands: pl.DataFrame, mended: Amended | None, by: str) -> Field:
    upload, design = str(stands["upload_id"][0]), form.design

    def table(name: str, *questions: str) -> pl.DataFrame:
        stored = store.read_part(form.form_id, name, upload, {one for one in questions if one})
        return stored if mended is None else mended.in_place(stored, name)

    roots = table("households", design.started_at, design.ended_at)
    roots = stands.select("submission_id", "decision").join(roots, on="submission_id", how="inner")
    issues = table("issues")
    doubted = issues.filter(code="DAT-02")["submission_id"].unique()
    rows = roots.with_columns(
        decided(pl.col("status")),
        interviewed_on=pl.when(~pl.col("submission_id").is_in(doubted.implode())).then("interviewed_on"),
        sent_by=pl.lit(by),
        hour=_hour(roots, design.started_at),
        minutes=_minutes(roots, design.started_at, design.ended_at),
    )
    ages = pl.DataFrame(schema=AGES)
    if design.roster and design.age and store.part(form.form_id, "persons", upload).is_file():
        people = table("persons", design.age)
        if design.age in people.columns:
            ages = people.select("submission_id", age=pl.col(design.age).cast(pl.Int64, strict=False)).drop_nulls()
    return Field(rows.select(pl.col(name).cast(kind) for name, kind in INTERVIEWS.items()), issues, ages)


def _hour(rows: pl.DataFrame, started: str) -> pl.Expr:
    if started not in rows.columns:
        return pl.lit(None, pl.Int64)
    return pl.col(started).cast(pl.String).str.extract(r"[T ](\d{2}):", 1).cast(pl.Int64)


def _minutes(rows: pl.DataFrame, started: str, ended: str) -> pl.Expr:
    if started not in rows.columns or ended not in rows.columns:
        return pl.lit(None, pl.Float64)
    begin, end = (read_instant(pl.col(path).cast(pl.String)) for path in (started, ended))
    return (end - begin).dt.total_seconds() / SECONDS
