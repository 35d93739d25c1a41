"""What the checks hand on: one row per household with the design's columns, one row per person, typed."""

from __future__ import annotations

import polars as pl

from collect.check.cast import point_part
from collect.check.dates import interview_day
from collect.check.sheets import Checked
from collect.forms import Form
from collect.tables import HOUSEHOLDS, PERSONS, Households, Persons

# As the platforms write it: Central; Kobo's XML and label exports; SurveyCTO.
REJECTED = ("rejected", "validation_status_not_approved", "not approved", "not_approved")


def households(checked: Checked, form: Form, upload_id: str) -> Households:
    """One row per submission: the declared columns from the design, then the typed questions of the root by path.

    ``status`` is the first of these that is true: "rejected" on the platform, "no_consent" (consent is asked and was
    not given, or left blank), "with_issues" (an issue of severity error), "accepted". ``commune_code`` is empty until
    the household is located.
    """
    root, design = checked.tables[form.root], form.design
    point = pl.col(design.point) if design.point in root.columns else pl.lit(None, pl.String)
    declared = root.select(
        "submission_id",
        pl.lit(upload_id).alias("upload_id"),
        "form_version",
        _status(checked, form),
        _text(root, design.round).alias("round"),
        interview_day(form, root).alias("interviewed_on"),
        _text(root, design.interviewer).alias("interviewer"),
        _text(root, design.commune).alias("declared_commune"),
        pl.lit(design.vintage or None, pl.String).alias("vintage"),
        _text(root, design.hamlet).alias("hamlet"),
        _text(root, design.cluster).alias("cluster"),
        _text(root, design.stratum).alias("stratum"),
        _number(root, design.weight).alias("weight_answered"),
        _number(root, design.household_size).cast(pl.Int64, strict=False).alias("household_size"),
        point_part(point, 1).alias("longitude"),
        point_part(point, 0).alias("latitude"),
        point_part(point, 3).alias("accuracy_m"),
    )
    questions = root.select(question.path for question in form.questions_in(form.root))
    return Households(HOUSEHOLDS.check(declared.hstack(questions)))


def persons(checked: Checked, form: Form) -> Persons:
    """One row per roster row, with the roster's typed questions by path; no rows for a form without a roster."""
    if form.design.roster not in checked.tables:
        return Persons(PERSONS.empty())
    roster = checked.tables[form.design.roster]
    questions = [question.path for question in form.questions_in(form.design.roster)]
    return Persons(PERSONS.check(roster.select("submission_id", "row_id", pl.col("index").alias("line"), *questions)))


def _status(checked: Checked, form: Form) -> pl.Expr:
    errors = checked.issues.filter(pl.col("severity") == "error")["submission_id"].drop_nulls().unique()
    rejected = pl.col("review_state").str.strip_chars().str.to_lowercase().is_in(list(REJECTED)).fill_null(False)
    consent = form.design.consent
    agreed = pl.col(consent).cast(pl.String).is_in(list(form.design.consent_given)) if consent else pl.lit(True)
    return (
        pl.when(rejected)
        .then(pl.lit("rejected"))
        .when(~agreed.fill_null(False))
        .then(pl.lit("no_consent"))
        .when(pl.col("submission_id").is_in(errors.to_list()))
        .then(pl.lit("with_issues"))
        .otherwise(pl.lit("accepted"))
        .alias("status")
    )


def _text(root: pl.DataFrame, path: str) -> pl.Expr:
    return pl.col(path).cast(pl.String) if path in root.columns else pl.lit(None, pl.String)


def _number(root: pl.DataFrame, path: str) -> pl.Expr:
    return pl.col(path).cast(pl.Float64, strict=False) if path in root.columns else pl.lit(None, pl.Float64)
