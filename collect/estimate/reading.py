"""Columns of a stranger's table become the columns that estimation reads, or a clear refusal.

Words are told from numbers here: yes and no, true and false are 1 and 0. Nothing is dropped: a row outside ``where``
keeps its place in the design.
"""

from __future__ import annotations

import polars as pl

from collect.estimate.linearised import Sample
from collect.estimate.spec import TableSpec
from collect.problems import CollectError

Y, X, W, STRATUM, INSIDE = "table:y", "table:x", "table:w", "table:stratum", "table:inside"
STAGE = ("table:cluster", "table:unit")
OUT_OF = ("table:out_of", "table:units_out_of")
YES, NO = ["yes", "true", "1", "1.0", "có"], ["no", "false", "0", "0.0", "không"]
TOGETHER = 2  # stages of drawing whose variance is computed


def as_designed(frame: pl.DataFrame, spec: TableSpec) -> tuple[pl.DataFrame, Sample]:
    """The table with its value, base, weight, stages and domain under names of ours, and how its rows were drawn."""
    _known(frame, spec)
    if frame.is_empty():
        raise CollectError("USE-11", column=spec.y, rows=0, need="rows")
    stages = spec.clusters[:TOGETHER]
    found = frame.with_columns(
        _values(frame, spec.y).alias(Y),
        (_values(frame, spec.x) if spec.x else pl.lit(1.0)).alias(X),
        _label(frame, spec.stratum).alias(STRATUM),
        _inside(frame, spec).alias(INSIDE),
        *(_label(frame, name).alias(own) for name, own in zip(stages, STAGE, strict=False)),
    )
    if not stages:
        found = found.with_columns(pl.int_range(pl.len()).alias(STAGE[0]))
    found = _out_of(found, spec)
    found = found.with_columns(_weights(found, spec).alias(W))
    two = len(stages) == TOGETHER and len(spec.fpc) >= TOGETHER
    inner = (STAGE[1], OUT_OF[1]) if two else (None, None)
    return found, Sample(W, STRATUM, STAGE[0], OUT_OF[0] if spec.fpc else None, *inner)


def _known(frame: pl.DataFrame, spec: TableSpec) -> None:
    replicates = spec.replicates.columns if spec.replicates else ()
    margins = [part for margin in spec.margins for part in margin.column.split(":")]
    asked = [spec.y, spec.x, spec.weight, spec.stratum, *spec.clusters, *spec.fpc, *spec.by, *replicates, *margins]
    for name in [*asked, *(column for column, _ in spec.where)]:
        if name and name not in frame.columns:
            raise CollectError("USE-10", column=name, known=", ".join(frame.columns))


def numbers(frame: pl.DataFrame, name: str) -> pl.Series:
    """A column as numbers; what is not a number is refused, and never taken for missing."""
    column = frame[name]
    if column.dtype == pl.Boolean or column.dtype.is_numeric():
        return column.cast(pl.Float64).fill_nan(None)
    text = column.cast(pl.String).str.strip_chars()
    text = text.set(text == "", None)
    found = text.cast(pl.Float64, strict=False).fill_nan(None)
    wrong = int((found.is_null() & text.is_not_null() & ~text.is_in(["NaN", "nan"])).sum())
    if wrong:
        raise CollectError("USE-11", column=name, rows=wrong, need="number")
    return found


def values_of(frame: pl.DataFrame, name: str) -> pl.Series:
    """A column as numbers, yes and no, true and false as 1 and 0, blank as missing."""
    if name not in frame.columns:
        raise CollectError("USE-10", column=name, known=", ".join(frame.columns))
    return _values(frame, name)


def _values(frame: pl.DataFrame, name: str) -> pl.Series:
    column = frame[name]
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return _finite(numbers(frame, name), name)
    text = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    text = text.set(text == "", None)
    if text.drop_nulls().is_in([*YES, *NO]).all():
        return text.is_in(YES).cast(pl.Float64).set(text.is_null(), None)
    return _finite(numbers(frame, name), name)


def _finite(values: pl.Series, name: str) -> pl.Series:
    wrong = int(values.is_infinite().sum())
    if wrong:
        raise CollectError("USE-11", column=name, rows=wrong, need="number")
    return values


def _label(frame: pl.DataFrame, name: str | None) -> pl.Series:
    """A stratum or cluster; a row without one was drawn by nobody knows what."""
    if name is None:
        return pl.repeat(1, frame.height, eager=True)
    _complete(frame[name], name)
    return frame[name]


def _complete(column: pl.Series, name: str) -> None:
    blank = column.null_count() + (int(column.is_nan().sum()) if column.dtype.is_float() else 0)
    if blank:
        raise CollectError("USE-11", column=name, rows=blank, need="complete")


def _inside(frame: pl.DataFrame, spec: TableSpec) -> pl.Series:
    inside = pl.repeat(True, frame.height, eager=True)
    for name, value in spec.where:
        column = frame[name]
        if column.dtype == pl.Boolean:
            wanted = {**dict.fromkeys(YES, True), **dict.fromkeys(NO, False)}.get(value.strip().lower())
            same = column == wanted if wanted is not None else pl.Series([False] * frame.height)
        elif column.dtype.is_numeric():
            number = pl.Series([value.strip()]).cast(pl.Float64, strict=False)[0]
            if number is None:
                raise CollectError("USE-12", column=name, value=value)
            same = column.cast(pl.Float64) == number
        else:
            same = column.cast(pl.String) == value
        inside &= same.fill_null(False)
    return inside


def _out_of(found: pl.DataFrame, spec: TableSpec) -> pl.DataFrame:
    """How many could have been drawn at each stage; a share is taken for a share (R does so too)."""
    within = ([STRATUM], [STRATUM, STAGE[0]])
    for name, own, around, drawn in zip(spec.fpc, OUT_OF, within, STAGE, strict=False):
        if drawn not in found.columns:
            break
        values = numbers(found, name)
        _complete(values, name)
        found = found.with_columns(values.alias(own))
        if bool(((values > 0) & (values <= 1)).all()):
            found = found.with_columns((pl.col(drawn).n_unique().over(around) / values).alias(own))
        facts = found.group_by(around).agg(
            pl.col(own).n_unique().alias("sizes"),
            (pl.col(drawn).n_unique() > pl.col(own).first() * (1 + 1e-9)).alias("more"),
        )
        if bool((facts["sizes"] > 1).any()) or bool(facts["more"].any()):
            wrong = facts.filter((pl.col("sizes") > 1) | pl.col("more")).height
            raise CollectError("USE-14", column=name, groups=wrong)
    return found


def _weights(found: pl.DataFrame, spec: TableSpec) -> pl.Series:
    """The column of weights; else, by the sampled share of every stage; else 1."""
    if spec.weight:
        weights = numbers(found, spec.weight)
        _complete(weights, spec.weight)
        wrong = int(((weights < 0) | weights.is_infinite()).sum())
        if wrong:
            raise CollectError("USE-11", column=spec.weight, rows=wrong, need="weight")
        return weights
    share = pl.lit(1.0)
    for own, around, drawn in zip(OUT_OF, ([STRATUM], [STRATUM, STAGE[0]]), STAGE, strict=True):
        if own in found.columns:
            share = share * pl.col(own) / pl.col(drawn).n_unique().over(around)
    if not spec.fpc:
        return pl.repeat(1.0, found.height, eager=True)
    return found.select(share.alias(W))[W]
