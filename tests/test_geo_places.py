"""Communes, their vintages and their lineage say what the official lists say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

import geo
from collect.tables import UNITS
from geo import restate

HOUSEHOLDS_2019, PEOPLE_2019 = 284_675, 1_009_168  # census 2019, province of Trà Vinh


@pytest.mark.parametrize(("vintage", "communes"), [("2024", 106), ("2025-01", 104), ("2025-07", 41)])
def test_every_vintage_has_its_communes_and_the_whole_census(vintage: str, communes: int) -> None:
    units = geo.units(vintage)
    assert units.height == communes == geo.VINTAGES[vintage].communes
    assert units["households_2019"].sum() == HOUSEHOLDS_2019
    assert units["population_2019"].sum() == PEOPLE_2019
    assert UNITS.check(units).equals(units)


def test_the_whole_of_new_vinh_long_has_124_communes_of_which_41_are_surveyed() -> None:
    whole = geo.units("2025-07", "86")
    assert whole.height == 124
    assert whole.join(geo.units("2025-07"), on="code", how="anti").height == 83
    assert UNITS.check(whole).equals(whole)


def test_the_types_are_those_of_the_reform() -> None:
    assert dict(geo.units("2025-07").group_by("type").len().rows()) == {"xã": 35, "phường": 6}
    assert dict(geo.units("2024").group_by("type").len().rows()) == {"xã": 85, "phường": 11, "thị trấn": 10}


def test_a_code_means_another_commune_in_another_vintage() -> None:
    names = {
        vintage: geo.units(vintage).filter(pl.col("code") == "29242").row(0, named=True) for vintage in geo.VINTAGES
    }
    assert [names[vintage]["name_vi"] for vintage in geo.VINTAGES] == ["Phường 3", "Phường 3", "Phường Trà Vinh"]
    assert names["2025-07"]["households_2019"] == 13_073
    assert names["2024"]["area_km2"] < 0.2 < 15 < names["2025-07"]["area_km2"]


@pytest.mark.parametrize(
    ("day", "vintage"),
    [
        (date(2019, 4, 1), "2024"),
        (date(2024, 12, 31), "2024"),
        (date(2025, 1, 1), "2025-01"),
        (date(2025, 6, 30), "2025-01"),
        (date(2025, 7, 1), "2025-07"),
        (date(2026, 11, 22), "2025-07"),
    ],
)
def test_each_day_has_one_vintage(day: date, vintage: str) -> None:
    assert geo.vintage_on(day) == vintage


def test_every_old_commune_goes_whole_into_one_new_one() -> None:
    for old, new in (("2024", "2025-01"), ("2025-01", "2025-07"), ("2024", "2025-07")):
        step = geo.lineage().filter(pl.col("old_vintage") == old, pl.col("new_vintage") == new)
        assert sorted(step["old_code"]) == sorted(geo.units(old)["code"])
        assert set(step["new_code"]) == set(geo.units(new)["code"])
        assert step["share"].unique().to_list() == [1.0]
        assert step["decree"].null_count() == 0


def test_two_steps_of_lineage_lead_where_one_leads() -> None:
    codes = geo.units("2024")["code"]
    by_steps = geo.recode(geo.recode(codes, "2024", "2025-01"), "2025-01", "2025-07")
    assert by_steps.to_list() == geo.recode(codes, "2024", "2025-07").to_list()


def test_recoding_moves_the_census_to_where_the_new_list_has_it() -> None:
    old = geo.units("2024")
    moved = old.with_columns(code=geo.recode(old["code"], "2024", "2025-07")).group_by("code")
    sums = moved.agg(pl.col("households_2019", "population_2019").sum()).sort("code")
    assert sums.equals(geo.units("2025-07").select("code", "households_2019", "population_2019"))


def test_a_reused_code_always_moves_to_itself_so_old_answers_land_right() -> None:
    new = geo.units("2025-07")["code"]
    for old in ("2024", "2025-01"):
        reused = geo.units(old).filter(pl.col("code").is_in(new.to_list()))["code"]
        assert reused.len() == 41
        assert geo.recode(reused, old, "2025-07").to_list() == reused.to_list()


def test_an_unknown_code_has_no_place_in_any_vintage() -> None:
    odd = pl.Series(["99999", None, "29245"])
    assert geo.recode(odd, "2024", "2025-07").to_list() == [None, None, "29242"]
    assert geo.recode(odd, "2025-07", "2025-07").to_list() == [None, None, None]


def test_going_back_is_answered_only_where_the_reform_left_a_commune_alone() -> None:
    back = geo.recode(geo.units("2025-07")["code"], "2025-07", "2024").drop_nulls()
    assert back.to_list() == ["29410", "29413", "29533", "29536"]


def test_a_new_commune_knows_the_old_ones_it_was_made_of() -> None:
    assert geo.former_units("29242") == ("29239", "29242", "29245", "29251", "29260")
    assert geo.former_units("29242", "2025-01") == ("29242", "29245", "29251")
    assert sum(len(geo.former_units(code)) for code in geo.units("2025-07")["code"]) == 106


def test_the_districts_are_nine_and_hold_the_whole_province() -> None:
    districts = geo.districts()
    assert districts.height == 9
    assert districts["communes"].sum() == 106
    assert districts["population_2019"].sum() == PEOPLE_2019


def test_an_unknown_vintage_is_a_reason_to_stop() -> None:
    with pytest.raises(geo.GeoError) as stop:
        geo.units("2031")
    assert stop.value.code == "GEO-01"
    assert stop.value.values["vintage"] == "2031"


def test_the_kept_tables_are_what_the_place_folder_says(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = restate.HERE
    (tmp_path / "units").mkdir()
    monkeypatch.setattr(restate, "HERE", tmp_path)
    restate.main(shared / "geo")
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.csv"))
    assert len(made) == 7
    for name in made:
        assert (kept / name).read_text("utf-8") == (tmp_path / name).read_text("utf-8"), name
