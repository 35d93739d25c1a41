"""Every household finds its commune, or says why not. Tables of households that a survey officer can read."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import polars as pl
import pytest
import shapely

import geo
from collect.i18n import LANGUAGES, t
from collect.locate import locate
from collect.tables import HOUSEHOLDS, Households

# Two communes side by side, west of and east of 106.35 E; a point's degree of longitude is 109.7 km here.
WEST, EAST = "29242", "29398"
PLACES = geo.Gazetteer(
    geo.Boundaries(
        "2025-07",
        "reference",
        "made up",
        "",
        True,
        10.0,
        gpd.GeoDataFrame(
            {"code": [WEST, EAST], "name": ["Phường Trà Vinh", "Phường Hoà Thuận"]},
            geometry=[shapely.box(106.30, 9.90, 106.35, 9.95), shapely.box(106.35, 9.90, 106.40, 9.95)],
            crs="EPSG:4326",
        ),
    )
)


def table_of(text: str) -> Households:
    """Households written as a table: declared commune, longitude, accuracy in metres (blank: none), all at 9.92 N."""
    rows = [[cell.strip() or None for cell in line.split("|")[1:-1]] for line in text.strip().splitlines()]
    declared, longitude, accuracy = (list(column) for column in zip(*rows, strict=True))
    frame = pl.DataFrame(
        {
            "submission_id": [f"uuid:{number}" for number in range(len(rows))],
            "upload_id": "u1",
            "status": "accepted",
            "declared_commune": pl.Series(declared, dtype=pl.String),
            "longitude": pl.Series(longitude, dtype=pl.String).cast(pl.Float64),
            "accuracy_m": pl.Series(accuracy, dtype=pl.String).cast(pl.Float64),
        }
    ).with_columns(latitude=pl.when(pl.col("longitude").is_not_null()).then(9.92))
    return Households(HOUSEHOLDS.check(frame))


def placed(text: str, vintage: str = "2025-07", places: geo.Gazetteer = PLACES) -> list[tuple[str | None, ...]]:
    """Commune, what it was placed by, and the codes of the issues, row by row."""
    households, issues = locate(table_of(text), places, vintage_of_form=vintage)
    codes = dict(issues.group_by("submission_id").agg(pl.col("code").sort().str.join(" ")).rows())
    return [
        (code, by, codes.get(name, ""))
        for name, code, by in households.select("submission_id", "commune_code", "placed_by").rows()
    ]


def test_answer_and_point_that_agree_are_both() -> None:
    assert placed("| 29242 | 106.32 | 5 |\n| 29398 | 106.38 |   |") == [(WEST, "both", ""), (EAST, "both", "")]


def test_an_answer_without_a_point_stands() -> None:
    assert placed("| 29242 | | |") == [(WEST, "answer", "")]


def test_a_point_may_be_as_far_off_as_its_own_accuracy_and_ten_metres() -> None:
    """0.001 degree is 109.7 m: within 100 m of accuracy and 10 m of floor, not within 99."""
    table = "| 29242 | 106.351 | 100 |\n| 29242 | 106.351 | 99 |\n| 29242 | 106.351 | |"
    assert placed(table) == [(WEST, "both", ""), (WEST, "answer", "LOC-05"), (WEST, "answer", "LOC-05")]


def test_a_stated_tolerance_takes_the_place_of_the_outlines_own() -> None:
    households, issues = locate(
        table_of("| 29242 | 106.351 | 5 |"), PLACES, vintage_of_form="2025-07", tolerance_m=200.0
    )
    assert households["placed_by"].to_list() == ["both"]
    assert issues.is_empty()


def test_a_contradicting_point_is_told_of_and_the_answer_kept() -> None:
    _, issues = locate(
        table_of("| 29242 | 106.36 | 5 |"), PLACES, vintage_of_form="2025-07", questions=("/d/c", "/d/p")
    )
    issue = issues.row(0, named=True)
    assert (issue["code"], issue["severity"], issue["question"]) == ("LOC-05", "warning", "/d/p")
    said = json.loads(issue["details"])
    assert (said["commune"], said["seen"], said["tolerance"]) == (WEST, EAST, 15)
    assert said["metres"] == pytest.approx(1097, abs=3)


def test_a_point_outside_the_ground_is_told_of() -> None:
    table = "| 29242 | 106.29 | 5 |\n| 29242 | 106.29999 | 5 |\n| | 106.29 | 5 |\n| 29242 | 0 | 5 |"
    assert placed(table) == [
        (WEST, "answer", "LOC-06"),
        (WEST, "both", ""),
        (None, None, "LOC-06 LOC-07"),
        (WEST, "answer", "LOC-06"),
    ]


def test_a_blank_commune_is_taken_from_a_point_that_is_sure_enough() -> None:
    table = "| | 106.32 | 5 |\n| | 106.32 | |\n| | 106.32 | 1000 |\n| | 106.32 | 1001 |\n| | | |"
    assert placed(table) == [
        (WEST, "point", "LOC-08"),
        (WEST, "point", "LOC-08"),
        (WEST, "point", "LOC-08"),
        (None, None, "LOC-07"),
        (None, None, "LOC-07"),
    ]


def test_repairs_are_made_and_said() -> None:
    table = (
        "| 29242.0 | 106.32 | 5 |\n| Phường Trà Vinh | 106.32 | 5 |\n| phuong hoa thuan | | |\n"
        "| 29245 | 106.32 | 5 |\n| 99999 | 106.32 | 5 |\n| 99999 | | |\n| 28756 | | |"
    )
    assert placed(table) == [
        (WEST, "both", "LOC-04"),
        (WEST, "both", "LOC-03"),
        (EAST, "answer", "LOC-03"),
        (WEST, "both", "LOC-02"),
        (WEST, "point", "LOC-01 LOC-08"),
        (None, None, "LOC-01 LOC-07"),
        (None, None, "LOC-01 LOC-07"),
    ]


def test_a_name_that_fits_several_communes_is_settled_by_the_point_or_not_at_all() -> None:
    """Phường 1 was in Trà Vinh city (now 29242) and in Duyên Hải town (now 29512); never in what is now 29398."""
    table = "| Phường 1 | 106.32 | 5 |\n| Phường 1 | 106.38 | 5 |\n| Phường 1 | | |"
    assert placed(table) == [
        (WEST, "point", "LOC-08 LOC-09"),
        (None, None, "LOC-07 LOC-09"),
        (None, None, "LOC-07 LOC-09"),
    ]


def test_a_form_of_an_older_list_keeps_its_codes_and_is_compared_along_the_lineage() -> None:
    table = "| 29245 | 106.32 | 5 |\n| 29245 | 106.36 | 5 |\n| Phường 1 | 106.32 | 5 |"
    assert placed(table, "2024") == [
        ("29245", "both", ""),
        ("29245", "answer", "LOC-05"),
        ("29239", "point", "LOC-08 LOC-09"),
    ]


def test_a_point_that_cannot_tell_which_old_commune_it_was_gives_the_new_one_and_says_so() -> None:
    households, _ = locate(table_of("| | 106.32 | 5 |\n| 29245 | | |"), PLACES, vintage_of_form="2024")
    assert households.select("commune_code", "vintage").rows() == [(WEST, "2025-07"), ("29245", "2024")]


def test_a_form_without_a_vintage_is_read_in_that_of_the_outlines() -> None:
    households, _ = locate(table_of("| 29242 | 106.32 | 5 |"), PLACES, vintage_of_form="")
    assert households["vintage"].to_list() == ["2025-07"]


def test_schematic_communes_never_contradict_an_answer_nor_stand_in_for_one() -> None:
    schematic = geo.gazetteer(None)
    table = "| 29242 | 106.60 | 5 |\n| | 106.34 | 5 |\n| 29242 | 2.5 | 5 |"
    assert placed(table, places=schematic) == [
        (WEST, "answer", ""),
        (None, None, "LOC-07"),
        (WEST, "answer", "LOC-06"),
    ]


def test_the_two_sides_of_the_canal_are_told_apart(shared: Path, tmp_path: Path) -> None:
    geo.fetch(tmp_path, str(shared / "geo"), ["2025-07"])
    households = table_of("| 29242 | 106.3414 | 5 |\n| 29242 | 106.345 | 5 |")
    households = Households(households.with_columns(latitude=pl.Series([9.9347, 9.934])))
    done, issues = locate(households, geo.gazetteer(tmp_path), vintage_of_form="2025-07")
    assert done["placed_by"].to_list() == ["both", "answer"]
    assert issues["code"].to_list() == ["LOC-05"]
    assert json.loads(issues["details"][0])["seen"] == EAST


@pytest.mark.parametrize("status", ["no_consent", "superseded", "rejected"])
def test_households_that_do_not_count_are_placed_without_complaint(status: str) -> None:
    households = Households(table_of("| 29242.0 | 106.36 | 5 |").with_columns(status=pl.lit(status)))
    done, issues = locate(households, PLACES, vintage_of_form="2025-07")
    assert done["commune_code"].to_list() == [WEST]
    assert issues.is_empty()


def test_the_answer_is_left_as_it_was_and_the_input_too() -> None:
    before = table_of("| 29242.0 | 106.32 | 5 |")
    kept = before.clone()
    done, _ = locate(before, PLACES, vintage_of_form="2025-07")
    assert done["declared_commune"].to_list() == ["29242.0"]
    assert before.equals(kept)


def test_where_a_house_stands_never_enters_the_issues() -> None:
    table = "| 29242 | 106.36123 | 5 |\n| | 106.29123 | 5 |\n| | 106.32123 | 5 |"
    _, issues = locate(table_of(table), PLACES, vintage_of_form="2025-07")
    assert issues.height == 4
    assert "106." not in issues.select("value", "details").write_csv()
    assert "9.92" not in issues.select("value", "details").write_csv()


def test_the_words_of_every_place_rule_are_filled_from_its_details() -> None:
    table = (
        "| 29242.0 | 106.36 | 5 |\n| Phường Trà Vinh | 0 | 5 |\n| 29245 | | |\n| 99999 | | |\n"
        "| Phường 1 | 106.32 | 5 |\n| | | |"
    )
    _, issues = locate(table_of(table), PLACES, vintage_of_form="2025-07")
    assert set(issues["code"]) == {f"LOC-{number:02d}" for number in range(1, 10)}
    for code, details in issues.select("code", "details").rows():
        for lang in LANGUAGES:
            for part in ("found", "mend"):
                words = t(f"{code}.{part}", lang, **json.loads(details))
                assert "{" not in words
                assert "None" not in words


def test_no_households_are_no_trouble() -> None:
    done, issues = locate(Households(HOUSEHOLDS.empty()), PLACES, vintage_of_form="2025-07")
    assert done.is_empty()
    assert issues.is_empty()
