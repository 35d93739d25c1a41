"""One full journey on the made-up round, from the platforms' files to what a partner opens, beside the truth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import polars as pl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from collect.cli import main
from collect.intake import Receipt, add_file
from collect.journey import Definitions, define
from collect.publish import GROUND
from collect.rebuild import rebuild
from collect.receive.piles import uploads_in
from collect.review.identity import current
from collect.review.reviews import decide
from collect.runs import Run, latest_run, make_run
from collect.settings import settings_from
from collect.store import Store, open_store

pytestmark = pytest.mark.xdist_group("journey")  # the round is made and taken once


@dataclass(frozen=True)
class Trip:
    store: Store
    definitions: Definitions
    receipts: dict[str, Receipt]
    run: Run
    truth: dict[str, Any]
    environment: dict[str, str]

    def collect(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["--lang", "en", *arguments], env=self.environment)


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[Trip]:
    folder = tmp_path_factory.mktemp("trip")
    environment = {"COLLECT_DATA": str(folder), "COLLECT_GEO_MIRROR": str(shared / "geo"), "COLLECT_DATABASE": ""}
    for arguments in (["geo", "fetch"], ["demo", "--json"]):
        done = CliRunner().invoke(main, arguments, env=environment)
        assert done.exit_code == 0, done.output
    store = open_store(settings_from(environment))
    definitions = define(store.settings.forms)
    receipts = {path.name: add_file(store, path, definitions) for path in uploads_in(folder / "demo" / "round")}
    run = make_run(store, definitions)
    truth = json.loads((folder / "demo" / "truth.json").read_text("utf-8"))
    yield Trip(store, definitions, receipts, run, truth, environment)
    store.engine.dispose()


def stored(trip: Trip, table: str) -> pl.DataFrame:
    return pl.concat(
        [pl.read_parquet(path) for path in sorted((trip.store.folder / "tables/household" / table).glob("*.parquet"))],
        how="diagonal_relaxed",
    )


def test_three_platforms_bring_every_interview_once(trip: Trip) -> None:
    parts = [p for r in trip.receipts.values() for p in r.parts if p.form == "household"]
    assert all(p.read == p.new + p.changed + p.duplicate for p in parts)
    assert sum(p.duplicate for p in parts) == trip.truth["dirt"]["duplicate"]["count"]
    assert sum(p.new for p in parts) == trip.truth["interviews"]
    assert current(trip.store, "household").height == trip.truth["interviews"]
    assert {p.source for r in trip.receipts.values() for p in r.parts} == {
        "central-csv",
        "kobo-xlsx",
        "submission-xml",
        "frame",
    }


def test_every_kind_of_dirt_is_found_where_it_was_put(trip: Trip) -> None:
    issues = stored(trip, "issues")
    missed = {}
    for kind, facts in trip.truth["dirt"].items():
        ids = {row["submission_id"] for row in trip.truth["dirty"] if row["kind"] == kind}
        found = set(issues.filter(pl.col("code").is_in(facts["codes"]))["submission_id"]) if facts["codes"] else ids
        if ids - found:
            missed[kind] = len(ids - found)
    assert missed == {}


def test_clean_interviews_are_not_accused(trip: Trip) -> None:
    dirty = {row["submission_id"] for row in trip.truth["dirty"]} | {
        row.get("edited_as") for row in trip.truth["dirty"]
    }
    accused = set(stored(trip, "issues").filter(pl.col("severity") == "error")["submission_id"].drop_nulls())
    assert accused - dirty == set()


def test_the_truth_lies_in_the_intervals_about_as_often_as_they_say(trip: Trip) -> None:
    truth = pl.DataFrame(trip.truth["values"]).select("indicator", "level", "place", truth="value")
    told = trip.run.estimates.join(truth, on=["indicator", "level", "place"]).filter(pl.col("ci_low").is_not_null())
    communes = told.filter((pl.col("level") == "commune") & (pl.col("regime") == "clusters"))
    held = communes.select((pl.col("truth").is_between("ci_low", "ci_high")).mean()).item()
    assert communes.height > 150
    assert 0.88 <= held <= 1.0  # 95 % is meant; communes share the few thousand interviews of one made-up round


def test_a_commune_asked_in_full_is_known_exactly(trip: Trip) -> None:
    rows = trip.run.estimates.filter(pl.col("place").is_in(trip.truth["asked_in_full"]) & (pl.col("indicator") == "S2"))
    assert set(rows["regime"]) <= {"census", "near_census"}
    truth = {(v["indicator"], v["place"]): v["value"] for v in trip.truth["values"]}
    for row in rows.iter_rows(named=True):
        assert row["ci_low"] <= truth["S2", row["place"]] <= row["ci_high"]


def test_a_commune_nobody_visited_stays_on_the_list(trip: Trip) -> None:
    for code in trip.truth["not_visited"]:
        rows = trip.run.verdicts.filter((pl.col("place") == code) & (pl.col("indicator") == "S2"))
        assert rows["verdict"].to_list() == ["no_data"]
        gap = trip.run.gaps.filter((pl.col("commune_code") == code) & (pl.col("indicator") == "S2"))
        assert gap["gap_type"].to_list() == ["measure"]


def test_every_target_keeps_a_row_for_each_of_the_41_communes(trip: Trip) -> None:
    rows = trip.run.verdicts.filter(pl.col("level") == "commune").group_by("target_id").len()
    assert rows["len"].unique().to_list() == [41]


def test_the_same_file_twice_changes_nothing(trip: Trip) -> None:
    before = tables_of(trip.store)
    for path in uploads_in(trip.store.folder / "demo" / "round"):
        again = add_file(trip.store, path, trip.definitions)
        assert again.again
        assert sum(part.new + part.changed for part in again.parts) == 0
    assert tables_of(trip.store) == before


def tables_of(store: Store) -> dict[str, str]:
    return {
        str(path.relative_to(store.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((store.folder / "tables").rglob("*.parquet"))
    }


def test_every_table_can_be_made_again_from_the_raw_bytes(trip: Trip) -> None:
    before = tables_of(trip.store)
    for path in list(before)[::2]:
        (trip.store.folder / path).unlink()
    rebuild(trip.store, trip.definitions)
    assert tables_of(trip.store) == before


def test_an_original_that_is_gone_or_altered_is_named_and_the_rest_is_made_again(trip: Trip) -> None:
    original = next((trip.store.folder / "inbox").rglob("frame.csv"))
    before, content = tables_of(trip.store), original.read_bytes()
    original.write_bytes(content + b"\n")
    try:
        done = trip.collect("rebuild")
        assert done.exit_code == 13
        assert "frame.csv" in done.output
        assert tables_of(trip.store) == before
    finally:
        original.write_bytes(content)


def test_the_same_input_gives_the_same_run(trip: Trip) -> None:
    again = make_run(trip.store, trip.definitions)
    assert again.run_id == trip.run.run_id
    for name in ("estimates", "verdicts", "gaps"):
        assert getattr(again, name).equals(getattr(trip.run, name)), name
        assert getattr(latest_run(trip.store), name).equals(getattr(trip.run, name)), name


@pytest.mark.parametrize("suffix", ["parquet", "csv", "xlsx"])
def test_a_partner_gets_the_same_bytes_each_time(trip: Trip, tmp_path: Path, suffix: str) -> None:
    first, second = (tmp_path / number / f"gaps.{suffix}" for number in ("1", "2"))
    for path in (first, second):
        done = trip.collect("gaps", "--to", str(path))
        assert done.exit_code == 0, done.output
    assert first.read_bytes() == second.read_bytes()


def test_a_telecom_engineer_reads_the_gap_list_with_any_tool(trip: Trip, tmp_path: Path) -> None:
    for name in ("gaps.parquet", "gaps.geo.parquet"):
        trip.collect("gaps", "--to", str(tmp_path / name), "--indicator", "S2")
    table, places = pq.read_table(tmp_path / "gaps.parquet"), gpd.read_parquet(tmp_path / "gaps.geo.parquet")
    assert not {"geometry", "bbox"} & set(table.column_names)
    assert table.num_rows == len(places) > 0
    assert set(table["indicator"].to_pylist()) == {"S2"}
    assert all(b"description" in (field.metadata or {}) for field in table.schema if field.name not in ("bbox",))
    assert places.crs.is_geographic


def test_every_target_has_its_largest_need_at_the_top_of_the_list(trip: Trip) -> None:
    needy = trip.run.gaps.filter(pl.col("households_needed") > 0)
    targets = needy["target_id"].n_unique()
    top = trip.run.gaps.sort("priority").head(trip.run.gaps["target_id"].n_unique())
    assert top["target_id"].n_unique() == top.height >= targets > 3
    largest = needy.group_by("target_id").agg(pl.col("households_needed").max())
    assert set(largest.rows()) <= set(top.select("target_id", "households_needed").rows())
    assert set(trip.run.gaps["needed_unit"]) == {"households", "people", "communes"}


def test_all_communes_are_not_said_to_be_met_while_one_has_not_answered(trip: Trip) -> None:
    province = trip.run.verdicts.filter((pl.col("indicator") == "S1") & (pl.col("level") == "province"))
    assert province.select("verdict", "reason").rows() == [("undecided", "returns_missing")]


def test_the_map_as_a_file_has_roads_and_water_unless_they_are_not_wanted(trip: Trip, tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [(106.1, 9.9), (106.4, 9.7)]}
    stop = {"type": "Point", "coordinates": (106.2, 9.8)}
    features = [{"type": "Feature", "properties": {}, "geometry": one} for one in (line, stop)]
    roads = trip.store.folder / "geo" / "roads.geojson"
    roads.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    told = "1 feature of the file geo/roads.* is a point and is not drawn"
    for wanted, option in ((True, "--roads-water"), (False, "--no-roads-water")):
        done = trip.collect("map", "--to", str(tmp_path / "map.html"), option)
        assert done.exit_code == 0, done.output
        assert (str(GROUND["roads"]["color"]) in (tmp_path / "map.html").read_text("utf-8")) == wanted
        assert (told in done.stderr) == wanted
    roads.unlink()


def test_nothing_published_holds_a_household(trip: Trip, tmp_path: Path) -> None:
    trip.collect("gaps", "--to", str(tmp_path / "gaps.csv"))
    trip.collect("map", "--to", str(tmp_path / "map.html"))
    households = stored(trip, "households")
    secrets = [*households["submission_id"].head(400), *households["interviewer"].drop_nulls().unique()]
    secrets += households["cluster"].drop_nulls().unique().to_list()
    points = households.select(pl.concat_str("longitude", pl.lit(","), "latitude")).to_series().drop_nulls().head(400)
    for file in ("gaps.csv", "map.html"):
        text = (tmp_path / file).read_text("utf-8-sig")
        assert not [secret for secret in [*secrets, *points] if secret in text], file


def test_households_are_placed_in_an_older_vintage_too(trip: Trip) -> None:
    older = make_run(trip.store, trip.definitions, vintage="2024")
    communes = older.estimates.filter((pl.col("level") == "commune") & (pl.col("indicator") == "S2"))
    assert set(communes["vintage"]) == {"2024"}
    assert 60 <= communes.height <= 106
    assert older.verdicts.filter((pl.col("level") == "commune") & (pl.col("indicator") == "S2")).height == 106
    make_run(trip.store, trip.definitions)  # the latest run is the usual one again


def test_a_run_as_of_an_earlier_day_counts_only_what_was_asked_by_then(trip: Trip) -> None:
    day = trip.run.as_of.replace(day=1)
    earlier = make_run(trip.store, trip.definitions, as_of=day)
    assert earlier.submissions < trip.run.submissions
    assert earlier.estimates["last_interview_on"].max() <= day  # type: ignore[operator]
    make_run(trip.store, trip.definitions)


def test_the_made_up_round_says_so(trip: Trip) -> None:
    assert trip.run.made_up
    assert json.loads((trip.store.run_folder(trip.run.run_id) / "run.json").read_text("utf-8"))["made_up"] is True


def test_the_command_line_tells_the_same_story_to_scripts(trip: Trip, tmp_path: Path) -> None:
    added = json.loads(trip.collect("add", "--json", str(trip.store.folder / "demo" / "round")).output)
    assert [one["again"] for one in added] == [True] * len(added)
    made = json.loads(trip.collect("run", "--json").output)
    assert Path(made["folder"]).is_dir()
    assert made["run_id"] == trip.run.run_id
    wrong = trip.collect("gaps", "--to", str(tmp_path / "gaps.csv"), "--indicator", "S99", "--json")
    assert wrong.exit_code == 2
    assert json.loads(wrong.output)["code"] == "USE-01"


def test_a_run_as_of_a_moment_is_the_run_that_was_made_then(trip: Trip) -> None:
    """The last test of the module: what it decides stays decided."""
    before = make_run(trip.store, trip.definitions)
    moment = datetime.now(UTC)
    counted = current(trip.store, "household")["submission_id"].head(2).to_list()
    decide(trip.store, counted, "rejected", "never visited", "Lan")
    after = make_run(trip.store, trip.definitions)
    assert after.run_id != before.run_id
    assert before.submissions - after.submissions in (1, 2)  # one of them may have refused, and did not count before
    again = make_run(trip.store, trip.definitions, as_of=moment)
    assert again.run_id == before.run_id
    assert again.estimates.equals(before.estimates)
