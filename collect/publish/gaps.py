"""Writes the gap list in the file a partner asks for; the same rows always give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from collect.csv_files import marked
from collect.problems import CollectError
from collect.publish.dictionary import write_package
from collect.publish.parquet import write_parquet
from collect.publish.release import Release, release_of
from collect.publish.sheets import write_csv, write_xlsx
from collect.tables import GAPS, Gaps

SUFFIXES = (".parquet", ".csv", ".xlsx")
FIGURES = (
    "estimate", "ci_low", "ci_high", "p_meets_target", "households_needed", "households_needed_low",
    "households_needed_high",
)  # fmt: skip


def write_gaps(
    gaps: Gaps,
    path: Path,
    *,
    language: str = "vi",
    meta: Mapping[str, object] | None = None,
    geometry: bool = True,
) -> Path:
    """Write the gap list by the suffix of ``path``, and a ``datapackage.json`` beside it; return ``path``.

    Parameters
    ----------
    path
        ``.parquet``: zstd, GeoParquet 1.1 with the bbox covering column when any row has an outline and ``geometry``
        is asked for, plain Parquet otherwise. ``.csv``: UTF-8 with a byte order mark; ``made_up`` in every row, for
        want of another place. ``.xlsx``: a workbook that explains its columns.
    language
        Of descriptions and explanations; column names are the same in every language.
    meta
        Facts of the run: ``release``, ``as_of``, ``licence``, ``made_up``, ``boundaries``, ``boundaries_source``.

    Raises
    ------
    CollectError
        PUB-01 for another suffix, PUB-03 when the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise CollectError("PUB-01", file=path.name, near=", ".join(SUFFIXES))
    rows = in_order(withheld(GAPS.check(gaps)))
    release = release_of(meta or {}, rows)
    if suffix != ".parquet" or not geometry or rows["geometry"].null_count() == rows.height:
        rows = rows.drop("geometry")
    if suffix == ".csv":
        rows = marked(rows, release.made_up)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(rows, path, suffix, release, language)
        write_package(path, rows.columns, rows.height, release, language)
    except OSError as error:
        raise CollectError("PUB-03", file=path.name, reason=str(error.strerror or error)) from error
    return path


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Most urgent first, ties by name: an order that depends on nothing but the rows."""
    return rows.sort("priority", "gap_id")


def withheld(rows: pl.DataFrame) -> pl.DataFrame:
    """A last lock on the door: of a suppressed row no figure leaves, whatever the stages before let through."""
    return rows.with_columns(pl.when(~pl.col("suppressed")).then(pl.col(name)).alias(name) for name in FIGURES)


def _write(rows: pl.DataFrame, path: Path, suffix: str, release: Release, language: str) -> None:
    if suffix == ".parquet":
        write_parquet(rows, path, release, language)
    elif suffix == ".csv":
        write_csv(rows, path)
    else:
        write_xlsx(rows, path, release, language)
