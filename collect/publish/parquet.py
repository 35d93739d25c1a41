"""Parquet that explains itself: every field with its description and unit, outlines as GeoParquet 1.1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from collect.i18n import LANGUAGES, t
from collect.publish.dictionary import COLUMNS, description_of, unit_of
from collect.publish.release import Release

GEOPARQUET = "1.1.0"
ROWS_IN_GROUP = 50_000
COMPRESSION = ("zstd", 9)  # 9 costs four times as long as 3 and saves little, but a list is written once and read often
EDGES = ("xmin", "ymin", "xmax", "ymax")


def write_parquet(rows: pl.DataFrame, path: Path, release: Release, language: str) -> None:
    """Write ``rows``; with a ``geometry`` column of WKB the file is GeoParquet with a bbox covering column."""
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    facts = {**release.facts(), "title": t("publish.title", language), "language": language}
    notice = " ".join(release.notices(language))
    facts |= {"notice": notice} if notice else {}
    if "geometry" in rows.columns:
        table, facts["geo"] = _with_covering(table)
    schema = pa.schema([_explained(field, language) for field in table.schema], metadata=facts)
    pq.write_table(
        pa.Table.from_arrays(table.columns, schema=schema),
        path,
        compression=COMPRESSION[0],
        compression_level=COMPRESSION[1],
        row_group_size=ROWS_IN_GROUP,
        write_statistics=True,
        write_page_index=True,
        sorting_columns=[pq.SortingColumn(rows.columns.index("priority")), pq.SortingColumn(0)],
    )


def _explained(field: pa.Field, language: str) -> pa.Field:
    column = next((column for column in COLUMNS if column.name == field.name), None)
    kind = pa.string() if pa.types.is_large_string(field.type) else field.type
    kind = pa.binary() if pa.types.is_large_binary(kind) else kind
    if column is None:
        words = {"description": t("column.gaps.bbox", language), "unit": t("column.unit.degrees, WGS 84", language)}
        return pa.field(field.name, kind, metadata=words)
    words = {"description": description_of(column, language)}
    words |= {f"description:{lang}": description_of(column, lang) for lang in LANGUAGES}
    words |= {"unit": unit_of(column, language)} if column.unit else {}
    return pa.field(field.name, kind, nullable=not column.required, metadata=words)


def _with_covering(table: pa.Table) -> tuple[pa.Table, str]:
    shapes = shapely.from_wkb(table.column("geometry").to_pylist())
    bounds = shapely.bounds(shapes)
    empty = np.isnan(bounds[:, 0])
    sides = [pa.array(bounds[:, side], pa.float64(), mask=empty) for side in range(4)]
    fields = [pa.field(name, pa.float64()) for name in EDGES]
    box = pa.StructArray.from_arrays(sides, fields=fields, mask=pa.array(empty))
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted({shape.geom_type for shape in shapes if shape is not None}),
        "covering": {"bbox": {edge: ["bbox", edge] for edge in EDGES}},
    }  # no "crs": longitude and latitude, OGC:CRS84
    if not empty.all():
        column["bbox"] = [float(value) for value in shapely.total_bounds(shapes)]
    geo = {"version": GEOPARQUET, "primary_column": "geometry", "columns": {"geometry": column}}
    return table.append_column(pa.field("bbox", box.type), box), json.dumps(geo)
