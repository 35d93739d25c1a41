"""Writes the gap list in the file a partner asks for; the same rows always give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from collect.harmless import as_csv
from collect.problems import CollectError
from collect.publish.dictionary import write_package
from collect.publish.parquet import write_parquet
from collect.publish.release import Release, release_of
from collect.publish.sheets import write_xlsx
from collect.tables import GAPS, Gaps

SUFFIXES = (".parquet", ".csv", ".xlsx")
OUTLINED = ".geo.parquet"  # how the name of a file ends that has outlines or is not written at all
FIGURES = (
    "estimate", "ci_low", "ci_high", "p_meets_target", "interviews_needed", "hamlets_needed",
    "interviews_reason", "universe", "households_needed", "households_needed_low", "households_needed_high",
)  # fmt: skip


def write_gaps(
    gaps: Gaps,
    path: Path,
    *,
    language: str = "vi",
    meta: Mapping[str, object] | None = None,
) -> Path:
    """Write the gap list by the suffix of ``path``, and a ``datapackage.json`` beside it; return ``path``.

    Parameters
    ----------
    path
        ``.geo.parquet``: GeoParquet 1.1 with outlines and the bbox covering column, or nothing; ``.parquet``: the same
        without outlines; both zstd. ``.csv``: UTF-8 with a byte order mark. ``.xlsx``: a workbook that explains its
        columns. Each has ``made_up`` in every row: rows are copied out of their file, and its facts stay behind.
    language
        Of descriptions and explanations; column names are the same in every language.
    meta
        Facts of the run: ``release``, ``as_of``, ``licence``, ``made_up``, ``boundaries``, ``boundaries_source``.

    Raises
    ------
    CollectError
        PUB-01 for another suffix, PUB-03 when the file cannot be written, PUB-07 for GeoParquet without outlines.
    """
    suffix = path.suffix.lower()
    outlined = kind_of(path) == OUTLINED
    if suffix not in SUFFIXES:
        raise CollectError("PUB-01", file=path.name, near=", ".join(SUFFIXES))
    rows = in_order(withheld(GAPS.check(gaps)))
    release = release_of(meta or {}, rows)
    rows = rows.with_columns(made_up=pl.lit(release.made_up))
    if outlined and not has_outlines(rows):
        raise CollectError("PUB-07")
    rows = rows if outlined else rows.drop("geometry")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(rows, path, suffix, release, language)
        write_package(path, rows.columns, rows.height, release, language)
    except OSError as error:
        raise CollectError("PUB-03", file=path.name, reason=str(error.strerror or error)) from error
    return path


def kind_of(path: Path) -> str:
    """The ending of a file's name that says what is in it: of two steps for GeoParquet."""
    return OUTLINED if path.name.lower().endswith(OUTLINED) else path.suffix.lower()


def has_outlines(rows: pl.DataFrame) -> bool:
    """Whether these rows make a GeoParquet file: a list without rows lacks no outline."""
    return rows.is_empty() or rows["geometry"].null_count() < rows.height


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
        path.write_bytes(as_csv(rows))
    else:
        write_xlsx(rows, path, release, language)
