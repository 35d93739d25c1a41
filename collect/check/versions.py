"""Each submission is checked with the version of the form it names, and the tables are put together again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from collect.check.planner import ALWAYS
from collect.check.report import Report, said
from collect.check.sheets import Checked
from collect.forms import Form
from collect.tables import ISSUES, Answers, Issues

TYPED: Mapping[str, pl.DataType] = {"int": pl.Int64(), "decimal": pl.Float64(), "date": pl.Date()}
CheckOne = Callable[[Answers, Form, Sequence[str]], Checked]  # the questions that the export left out come last


def check_by_version(answers: Answers, form: Form, upload_id: str, check_one: CheckOne) -> Checked:
    """Check every submission with its own version; one whose version is not here with the newest, which is told.

    A submission that names no version is checked with the newest too, and that is told where there are several.
    Answers that only an older version demands and that none of its submissions has were left out by the export, as
    ODK Central leaves out what the published form no longer asks: that is told once (VER-02) and held against nobody.
    """
    report = Report(upload_id)
    root = answers.get(form.root)
    named = {} if root is None or "form_version" not in root.columns else _named(root)
    for version, count in named.items():
        unknown = form.of_version(version) is None and bool(version or form.older)
        if unknown and form.version:
            details = said(version=version or "-", submissions=count, newest=form.version)
            report.whole("VER-01", details)
    old = [version for version in named if any(version == one.version for one in form.older)]
    if not old:
        checked = check_one(answers, form, ())
        return Checked(checked.tables, _joined([report.issues(), checked.issues]))
    newest = [version for version in named if version not in old]
    parts = []
    for version in old:
        part, asked = _only(answers, form, [version]), _as_asked(form, version)
        lost = _left_out(part, asked, form)
        if lost:
            names = ", ".join(path.rsplit("/", 1)[-1] for path in lost)
            report.whole("VER-02", said(version=version, submissions=named[version], questions=names))
        parts.append(check_one(part, asked, lost))
    parts += [check_one(_only(answers, form, newest), form, ())] if newest else []
    tables = {repeat: _together(answers, form, repeat, [part.tables for part in parts]) for repeat in form.repeats}
    return Checked(tables, _joined([report.issues(), *(part.issues for part in parts)]))


def _named(root: pl.DataFrame) -> dict[str, int]:
    counts = root.group_by(pl.col("form_version").fill_null(""), maintain_order=True).len()
    return dict(counts.iter_rows())


def _as_asked(form: Form, version: str) -> Form:
    """An older version with its own rules, and without any those questions that it did not have."""
    old = form.of_version(version)
    assert old is not None  # the caller asks for versions that are there
    later = replace(old, older=(form,))
    return replace(later.to_read, older=())


def _left_out(answers: Answers, old: Form, newest: Form) -> list[str]:
    """Questions that ``old`` always demands, the newest form does not have, and nobody answered."""
    return [
        question.path
        for question in old.questions
        if question.required in ALWAYS and not question.relevant and not _asks(newest, question.path)
        if question.repeat in answers and answers[question.repeat].height
        if question.path not in (table := answers[question.repeat]) or table[question.path].null_count() == table.height
    ]


def _asks(form: Form, path: str) -> bool:
    """Whether the form itself asks a question; one that it only reads, for an older version, does not appear."""
    question = form.by_path.get(path)
    return question is not None and question.appears


def _only(answers: Answers, form: Form, versions: list[str]) -> Answers:
    kept = answers[form.root].filter(pl.col("form_version").fill_null("").is_in(versions))
    ids = kept["submission_id"].implode()
    tables = {repeat: table.filter(pl.col("submission_id").is_in(ids)) for repeat, table in answers.items()}
    return Answers({**tables, form.root: kept})


def _together(answers: Answers, form: Form, repeat: str, parts: list[Mapping[str, pl.DataFrame]]) -> pl.DataFrame:
    """One typed table in the order the rows came in, each column of the newest version's type."""
    tables = [part[repeat] for part in parts]
    kinds = {name: kind for table in tables for name, kind in table.schema.items()}
    kinds |= {q.path: TYPED.get(q.type, pl.String()) for q in form.questions_in(repeat)}
    alike = [table.select(_column(table, name, kind) for name, kind in kinds.items()) for table in tables]
    whole = pl.concat(alike)
    if repeat not in answers:
        return whole
    keys = ["submission_id", "row_id"]
    order = answers[repeat].select(keys).with_row_index("came")
    return whole.join(order, on=keys, how="left", maintain_order="left").sort("came", maintain_order=True).drop("came")


def _column(table: pl.DataFrame, name: str, kind: pl.DataType) -> pl.Expr:
    return (pl.col(name).cast(kind, strict=False) if name in table.columns else pl.lit(None, kind)).alias(name)


def _joined(parts: list[Issues]) -> Issues:
    return Issues(ISSUES.check(pl.concat(parts)))
