"""A data folder with two finished runs made in memory, for the tests of who may see what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from app_tables import make_results

import geo
from collect import registry, tables
from collect.runs import Run, write_run
from collect.settings import Settings, settings_from
from collect.sharing import partners
from collect.store import Store, open_store

FIRST, LAST = "20260831-aaaaaaaaaa", "20260930-0123456789"

SUPPRESSED = ["29254"]  # too few were asked here


def made_run(run_id: str = LAST) -> Run:
    made = make_results()
    few = pl.col("commune_code").is_in(SUPPRESSED)
    gaps = made.gaps.with_columns(release=pl.lit(run_id), suppressed=few | pl.col("suppressed"))
    return Run(
        run_id=run_id, vintage="2025-07", as_of=date(2026, 9, 30), rounds=("demo",), made_up=True,
        boundaries="schematic", boundaries_source="", submissions=100, uploads=1,
        estimates=tables.Estimates(tables.ESTIMATES.check(made.estimates)),
        verdicts=tables.Verdicts(tables.VERDICTS_TABLE.check(made.verdicts)),
        tallies=tables.Tallies(made.tallies),
        gaps=tables.Gaps(tables.GAPS.check(gaps)),
        small_areas=tables.SmallAreas(made.small_areas),
        changes=tables.Changes(tables.CHANGES.empty()),
        weighing=(),
    )  # fmt: skip


def settings_in(folder: Path) -> Settings:
    return settings_from({"COLLECT_DATA": str(folder), "COLLECT_LANG": "vi"})


def store_with_runs(folder: Path) -> Store:
    store = open_store(settings_in(folder))
    for run_id in (FIRST, LAST):
        write_run(store, made_run(run_id))
        registry.record_run(store.engine, run_id, "2025-07", date(2026, 9, 30))
    return store


def outlines_come(folder: Path) -> None:
    """Outlines of the list in force, as `collect geo fetch` leaves them in a data folder."""
    (folder / "geo").mkdir(exist_ok=True)
    drawn = geo.boundaries(geo.LATEST).frame[["code", "geometry"]]
    drawn.to_parquet(folder / "geo" / f"{geo.LATEST}.parquet", index=False)


def runs_behind_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The same store, which is the app's; for a module's fixture."""
    monkeypatch.setenv("COLLECT_DATA", str(tmp_path))
    monkeypatch.setenv("COLLECT_DATABASE", "")
    opened = store_with_runs(tmp_path)
    yield opened
    opened.engine.dispose()


def expired_token(store: Store, partner: str) -> str:
    """A token that opened until yesterday."""
    before = {token.token_id for token in partners.of(store.engine, partner).tokens}  # two may bear one millisecond
    secret = partners.new_token(store.engine, partner)
    (newest,) = {token.token_id for token in partners.of(store.engine, partner).tokens} - before
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="milliseconds")
    with store.engine.begin() as connection:
        ended = registry.TOKENS.update().where(registry.TOKENS.c.token_id == newest)
        connection.execute(ended.values(expires_at=yesterday))
    return secret
