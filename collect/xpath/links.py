"""Which row belongs to which: row numbers between the tables of one form, found once and used by every expression."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from collect.xpath.schema import Schema


class Links:
    """Row numbers from each table to the tables above it. They hold as long as rows are neither added nor moved."""

    def __init__(self, schema: Schema, tables: Mapping[str, pl.DataFrame]) -> None:
        self.schema = schema
        self._keys = {path: _keys(frame) for path, frame in tables.items() if path in schema.tables}
        self._up: dict[tuple[str, str], pl.Series] = {}
        self._positions: dict[str, pl.Series] = {}
        self._clock: tuple[pl.DataFrame | None, pl.Series] | None = None

    def height(self, table: str) -> int:
        """How many rows ``table`` has."""
        return self._keys[table].height if table in self._keys else 0

    def up(self, table: str, ancestor: str) -> pl.Series | None:
        """For each row of ``table`` its row number in ``ancestor``, null for an orphan; None: they are one table."""
        if table == ancestor:
            return None
        if (table, ancestor) not in self._up:
            parent = self.schema.parent(table)
            step = self._parent_rows(table, parent)
            above = self.up(parent, ancestor)
            self._up[table, ancestor] = step if above is None else above.gather(step)
        return self._up[table, ancestor]

    def rows_under(self, table: str) -> pl.Series:
        """How many rows of ``table`` each row of the table above it has."""
        parent = self.schema.parent(table)
        above = self.up(table, parent)
        assert above is not None  # a repeat is never its own parent
        return counted(above, self.height(parent))

    def _parent_rows(self, table: str, parent: str) -> pl.Series:
        on_child, on_parent = ["submission_id"], ["submission_id"]
        if parent != self.schema.root:
            on_child, on_parent = ["submission_id", "parent_row_id"], ["submission_id", "row_id"]
        if table not in self._keys or parent not in self._keys:
            return pl.Series([None] * self.height(table), dtype=pl.UInt32)
        child = self._keys[table].select(on_child)
        run = child.select(pl.any_horizontal(pl.all().ne_missing(pl.all().shift(1)))).to_series()
        if len(run):
            run[0] = True  # siblings mostly stand together: one of them is looked up for all
        heads, upper = child.filter(run), self._keys[parent].select(on_parent).with_row_index("row")
        found = heads.join(upper, left_on=on_child, right_on=on_parent, how="left", maintain_order="left_right")
        if found.height != heads.height:  # two rows above have one key: the first is meant
            upper = upper.unique(on_parent, keep="first", maintain_order=True)
            found = heads.join(upper, left_on=on_child, right_on=on_parent, how="left", maintain_order="left_right")
        return found["row"].gather(run.cast(pl.UInt32).cum_sum() - 1)

    def position(self, table: str) -> pl.Series:
        """Each row's place among its siblings, from 1."""
        if table not in self._positions:
            keys = self._keys[table]
            if "index" in keys.columns:
                found = keys["index"].cast(pl.Int64)
            else:
                found = keys["row_id"].str.extract(r"\[(\d+)\]$").cast(pl.Int64).fill_null(1)
            self._positions[table] = found
        return self._positions[table]

    def beside_root(self, clock: pl.DataFrame | None) -> pl.Series:
        """Column ``now`` of ``clock`` by row of the root, null where there is none. The last clock is kept."""
        if self._clock is None or self._clock[0] is not clock:
            keys = self._keys[self.schema.root].select("submission_id")
            known = pl.DataFrame(schema={"submission_id": pl.String, "now": pl.String})
            if clock is not None:
                known = clock.select("submission_id", pl.col("now").cast(pl.String))
                known = known.unique("submission_id", keep="first", maintain_order=True)
            self._clock = (clock, keys.join(known, on="submission_id", how="left", maintain_order="left")["now"])
        return self._clock[1]

    def child(self, table: str, parents: pl.Series, positions: pl.Series) -> pl.Series:
        """Row number in ``table`` of the child at ``positions`` below row ``parents`` of the table above, or null."""
        above = self.up(table, self.schema.parent(table))
        assert above is not None  # a repeat is never its own parent
        known = pl.DataFrame({"parent": above, "place": self.position(table)}).with_row_index("row")
        wanted = pl.DataFrame({"parent": parents.cast(pl.UInt32), "place": positions.cast(pl.Int64)})
        known = known.unique(["parent", "place"], keep="first", maintain_order=True)
        return wanted.join(known, on=["parent", "place"], how="left", maintain_order="left")["row"]


def counted(rows: pl.Series, height: int) -> pl.Series:
    """How often each of the row numbers below ``height`` stands in ``rows``; null is nobody's."""
    return pl.Series(np.bincount(rows.drop_nulls().to_numpy(), minlength=height))


def _keys(frame: pl.DataFrame) -> pl.DataFrame:
    wanted = ("submission_id", "row_id", "parent_row_id", "index")
    return frame.select(name for name in wanted if name in frame.columns)


def link(schema: Schema, tables: Mapping[str, pl.DataFrame]) -> Links:
    """Find the row numbers between ``tables`` once, for many plans over the same rows."""
    return Links(schema, tables)
