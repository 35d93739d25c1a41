"""What a table that travels is held to: columns with kind and unit, a key, limits; every fault is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

TYPES: Mapping[str, pl.DataType] = {
    "text": pl.String(),
    "whole": pl.Int64(),
    "share": pl.Float64(),
    "number": pl.Float64(),
    "date": pl.Date(),
    "instant": pl.Datetime("us", "UTC"),
    "yes_no": pl.Boolean(),
    "bytes": pl.Binary(),
}


class TableError(Exception):
    """A table broke its contract: a fault of ours, never of the data."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``kind`` is a key of `TYPES`; ``unit`` is said wherever it could be doubted."""

    name: str
    kind: str
    description: str
    unit: str = ""
    required: bool = False
    between: tuple[float, float] | None = None
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A declared table. ``open_ended`` ones keep the form's questions, named by path, after the declared columns."""

    name: str
    one_row_per: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    open_ended: bool = False

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Polars types of the declared columns, in order."""
        return {column.name: TYPES[column.kind] for column in self.columns}

    def empty(self) -> pl.DataFrame:
        """No rows, all declared columns."""
        return pl.DataFrame(schema=self.schema)

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return ``frame`` cut to the declared columns, or raise `TableError` listing every fault.

        A declared column that is absent and not required is added empty.
        """
        faults = [f"{c.name} is missing" for c in self.columns if c.required and c.name not in frame.columns]
        absent = [pl.lit(None, TYPES[c.kind]).alias(c.name) for c in self.columns if c.name not in frame.columns]
        whole = frame.with_columns(absent) if absent else frame
        declared = whole.select(pl.col(name).cast(kind) for name, kind in self.schema.items())
        for column in self.columns:
            faults += _faults_of(column, declared[column.name])
        if self.key and _repeats(declared.select(self.key)):
            faults.append(f"the key {', '.join(self.key)} repeats")
        if faults:
            raise TableError(f"{self.name}: {'; '.join(faults)}")
        if not self.open_ended:
            return declared
        extra = [name for name in whole.columns if name not in self.schema]
        return whole.select(*(pl.col(name).cast(kind) for name, kind in self.schema.items()), *extra)


def _repeats(keys: pl.DataFrame) -> bool:
    """Whether two rows are the same. Different hashes settle it cheaply; only equal ones ask for the rows."""
    return keys.hash_rows().n_unique() < keys.height and bool(keys.is_duplicated().any())


def _faults_of(column: Column, values: pl.Series) -> list[str]:
    faults = []
    if column.required and values.null_count():
        faults.append(f"{column.name} is empty in {values.null_count()} rows")
    if column.between is not None:
        outside = int((~values.is_between(*column.between) & ~values.is_nan()).sum())
        if outside:
            faults.append(f"{column.name} is outside {column.between[0]:g} to {column.between[1]:g} in {outside} rows")
    if column.among:
        strange = values.drop_nulls().unique().filter(~values.drop_nulls().unique().is_in(list(column.among)))
        if strange.len():
            faults.append(f"{column.name} holds {strange.sort().to_list()[:5]}, not among {', '.join(column.among)}")
    return faults
