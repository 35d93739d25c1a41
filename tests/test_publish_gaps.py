"""Published gap lists: what partners open must say what it is, keep its codes, and never change without a reason."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import shapely

from collect.i18n import LANGUAGES
from collect.problems import CollectError
from collect.publish import data_dictionary, write_gaps
from collect.publish.dictionary import COLUMNS
from collect.tables import GAPS, Gaps

META = {"release": "20250731-ab", "as_of": date(2025, 7, 31), "made_up": True, "boundaries": "schematic"}
TABLE = [*(column.name for column in GAPS.columns if column.name != "geometry"), "made_up"]  # of every file
SQUARES = {"00123": (106.0, 9.5), "29242": (106.5, 10.0), "29254": (107.0, 10.5)}


def a_gap(code: str, priority: int, **changes: Any) -> dict[str, Any]:
    west, south = SQUARES[code]
    outline = shapely.box(west, south, west + 0.1, south + 0.1)
    row = {
        "gap_id": f"S2-2025-commune/{code}", "release": "20250731-ab", "as_of": date(2025, 7, 31), "indicator": "S2",
        "target_id": "S2-2025-commune", "decision": "50/KH-UBND", "operator": ">", "target": 0.8, "target_year": 2025,
        "province_code": "86", "commune_code": code, "commune_vintage": "2025-07", "commune_name": f"Xã Số {priority}",
        "households": 1200, "interviewed": 60, "estimate": 0.5925, "ci_low": 0.5, "ci_high": 0.68,
        "verdict": "not_met", "p_meets_target": 0.001, "gap_type": "build", "universe": 1182,
        "households_needed": 250, "interviews_needed": 90, "hamlets_needed": 13, "interviews_reason": "every_hamlet",
        "priority": priority, "last_interview_on": date(2025, 7, 30), "suppressed": False,
        "longitude": west + 0.05, "latitude": south + 0.05, "geometry": outline.wkb,
    }  # fmt: skip
    return row | changes


def gaps(*rows: dict[str, Any]) -> Gaps:
    return Gaps(GAPS.check(pl.DataFrame(list(rows), schema_overrides=dict(GAPS.schema))))


@pytest.fixture
def three() -> Gaps:
    unknown = {"estimate": None, "ci_low": None, "ci_high": None, "verdict": "no_data", "gap_type": "measure"}
    return gaps(a_gap("29254", 3, suppressed=True, **unknown), a_gap("00123", 1), a_gap("29242", 2))


def read(path: Path) -> pd.DataFrame:
    """As a partner would, with pandas."""
    if path.suffix == ".xlsx":
        return pd.read_excel(path, engine="calamine")
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def test_parquet_with_outlines_is_geoparquet_that_answers_a_bounding_box(three: Gaps, tmp_path: Path) -> None:
    path = write_gaps(three, tmp_path / "gaps.geo.parquet", meta=META)
    whole = gpd.read_parquet(path)
    assert list(whole["commune_code"]) == ["00123", "29242", "29254"], "most urgent first, zeros kept"
    assert whole.crs.to_epsg() == 4326 or whole.crs.to_string() == "OGC:CRS84"
    inside = gpd.read_parquet(path, bbox=(106.45, 9.95, 106.7, 10.2))
    assert list(inside["commune_code"]) == ["29242"]


def test_the_geo_metadata_follows_the_standard(three: Gaps, tmp_path: Path) -> None:
    schema = pq.read_schema(write_gaps(three, tmp_path / "gaps.geo.parquet", meta=META))
    geo = json.loads(schema.metadata[b"geo"])
    column = geo["columns"]["geometry"]
    assert (geo["version"], geo["primary_column"], column["encoding"]) == ("1.1.0", "geometry", "WKB")
    assert column["geometry_types"] == ["Polygon"]
    assert column["bbox"] == pytest.approx([106.0, 9.5, 107.1, 10.6])
    assert column["covering"]["bbox"]["ymax"] == ["bbox", "ymax"]
    assert [field.name for field in schema.field("bbox").type] == ["xmin", "ymin", "xmax", "ymax"]


def test_every_field_carries_its_description_and_unit(three: Gaps, tmp_path: Path) -> None:
    schema = pq.read_schema(write_gaps(three, tmp_path / "gaps.geo.parquet", language="vi", meta=META))
    for column in COLUMNS:
        words = schema.field(column.name).metadata
        assert words[b"description:en"].decode() == column.description
        assert words[b"description"] == words[b"description:vi"]
        assert (b"unit" in words) == bool(column.unit)


def test_the_file_says_which_release_it_is_and_that_it_is_made_up(three: Gaps, tmp_path: Path) -> None:
    metadata = pq.read_schema(write_gaps(three, tmp_path / "gaps.geo.parquet", language="en", meta=META)).metadata
    facts = {name.decode(): value.decode() for name, value in metadata.items()}
    assert (facts["release"], facts["as_of"], facts["made_up"]) == ("20250731-ab", "2025-07-31", "true")
    assert facts["licence"]
    assert "MADE-UP" in facts["notice"]
    real = write_gaps(three, tmp_path / "real.parquet", meta={})
    stated = pq.read_schema(real).metadata
    assert (stated[b"made_up"], stated[b"release"]) == (b"false", b"20250731-ab"), "the rows say their release"
    assert b"notice" not in stated


def test_parquet_is_zstd_with_statistics_and_page_index(three: Gaps, tmp_path: Path) -> None:
    group = pq.ParquetFile(write_gaps(three, tmp_path / "gaps.geo.parquet", meta=META)).metadata.row_group(0)
    columns = {group.column(number).path_in_schema: group.column(number) for number in range(group.num_columns)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert (columns["priority"].statistics.min, columns["priority"].statistics.max) == (1, 3)
    assert columns["bbox.xmin"].statistics.min == 106.0
    assert all(column.has_offset_index for column in columns.values())


def test_plain_parquet_has_neither_outlines_nor_geo_metadata(three: Gaps, tmp_path: Path) -> None:
    without = gaps(a_gap("29242", 1, geometry=None))
    for path in (write_gaps(rows, tmp_path / f"{rows.height}.parquet", meta=META) for rows in (three, without)):
        schema = pq.read_schema(path)
        assert b"geo" not in schema.metadata
        assert not {"geometry", "bbox"} & set(schema.names)
        assert pd.read_parquet(path)["longitude"].notna().all()


def test_a_row_without_an_outline_stays_in_a_file_with_outlines(tmp_path: Path) -> None:
    rows = gaps(a_gap("29242", 1), a_gap("29254", 2, geometry=None))
    path = write_gaps(rows, tmp_path / "gaps.geo.parquet", meta=META)
    frame = gpd.read_parquet(path)
    assert list(frame.geometry.isna()) == [False, True]
    assert pq.read_table(path)["bbox"].to_pylist()[1] is None


def test_a_suppressed_figure_is_empty_in_every_file_and_never_zero(three: Gaps, tmp_path: Path) -> None:
    for suffix in (".parquet", ".csv", ".xlsx"):
        path = write_gaps(three, tmp_path / f"gaps{suffix}", language="en", meta=META)
        last = read(path).iloc[2]
        assert bool(last["suppressed"]) is True
        assert pd.isna(last["estimate"])
        assert pd.isna(last["ci_low"])


def test_figures_of_a_suppressed_row_are_withheld_even_if_they_arrive(tmp_path: Path) -> None:
    leaky = gaps(a_gap("29242", 1, suppressed=True), a_gap("29254", 2))
    back = pl.read_parquet(write_gaps(leaky, tmp_path / "gaps.parquet", meta=META))
    figures = ["estimate", "ci_low", "ci_high", "p_meets_target", "interviews_needed", "hamlets_needed", "universe"]
    figures += ["households_needed", "interviews_reason"]
    assert back.select(figures).row(0) == (None,) * 9
    assert None not in back.select(figures).row(1)


@pytest.mark.parametrize("name", ["gaps.parquet", "gaps.geo.parquet", "gaps.csv", "gaps.xlsx"])
def test_every_file_says_how_many_hamlets_and_what_the_share_is_of(tmp_path: Path, name: str) -> None:
    back = read(write_gaps(gaps(a_gap("29242", 1)), tmp_path / name, meta=META))
    columns = list(back.columns)
    assert columns[columns.index("interviews_needed") :][1:3] == ["hamlets_needed", "interviews_reason"]
    assert list(back["interviews_reason"]) == ["every_hamlet"]
    assert [list(back["hamlets_needed"]), list(back["universe"])] == [[13], [1182]]


@pytest.mark.parametrize("name", ["gaps.parquet", "gaps.geo.parquet", "gaps.csv", "gaps.xlsx"])
def test_a_list_made_before_a_column_was_known_is_still_written(three: Gaps, tmp_path: Path, name: str) -> None:
    older = Gaps(three.drop("hamlets_needed", "interviews_reason", "universe"))
    back = read(write_gaps(older, tmp_path / name, meta=META))
    assert list(pd.isna(back["hamlets_needed"])) == [True] * 3
    assert list(pd.isna(back["interviews_needed"])) == [False, False, True]


def test_a_column_nobody_declared_is_not_published(tmp_path: Path) -> None:
    stray = Gaps(gaps(a_gap("29242", 1)).with_columns(phone=pl.lit("0900000000")))
    for suffix in (".parquet", ".csv"):
        path = write_gaps(stray, tmp_path / f"gaps{suffix}", meta=META)
        assert b"0900000000" not in path.read_bytes()
    assert "phone" not in pq.read_schema(tmp_path / "gaps.parquet").names


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".xlsx"])
def test_the_same_rows_give_the_same_bytes_whatever_their_order(three: Gaps, tmp_path: Path, suffix: str) -> None:
    first = write_gaps(three, tmp_path / f"a{suffix}", meta=META).read_bytes()
    assert write_gaps(Gaps(three.reverse()), tmp_path / f"b{suffix}", meta=META).read_bytes() == first


def test_csv_opens_in_excel_with_its_accents_and_reads_back(three: Gaps, tmp_path: Path) -> None:
    path = write_gaps(three, tmp_path / "gaps.csv", meta=META)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfgap_id,")
    back = pl.read_csv(path, infer_schema=False)
    assert back.columns == TABLE
    assert back["commune_code"].to_list() == ["00123", "29242", "29254"]
    assert back["operator"].to_list() == [">", ">", ">"]
    assert back["as_of"][0] == "2025-07-31"


@pytest.mark.parametrize("made_up", [True, False])
@pytest.mark.parametrize("suffix", [".parquet", ".geo.parquet", ".csv", ".xlsx"])
def test_every_file_has_the_same_columns_and_says_in_each_row_whether_it_is_made_up(
    three: Gaps, tmp_path: Path, made_up: bool, suffix: str
) -> None:
    path = write_gaps(three, tmp_path / f"gaps{suffix}", meta=META | {"made_up": made_up})
    rows = read(path)
    assert rows["made_up"].to_list() == [made_up] * 3
    shapes = ("geometry", "bbox") if suffix == ".geo.parquet" else ()
    assert [name for name in rows.columns if name not in shapes] == TABLE
    (entry,) = json.loads((tmp_path / "datapackage.json").read_text(encoding="utf-8"))["resources"]
    field = entry["schema"]["fields"][-1]
    assert (field["name"], field["type"]) == ("made_up", "boolean")
    assert field["descriptions"]["en"].startswith("whether the figures are made up")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_text_from_outside_never_becomes_a_formula(tmp_path: Path, start: str) -> None:
    hostile = gaps(a_gap("29242", 1, commune_name=f"{start}cmd|' /C calc'!A0"))
    text = write_gaps(hostile, tmp_path / "gaps.csv", meta=META).read_text(encoding="utf-8-sig")
    assert f",'{start}cmd" in text or f"\"'{start}cmd" in text
    sheet = openpyxl.load_workbook(write_gaps(hostile, tmp_path / "gaps.xlsx", meta=META)).worksheets[0]
    (cell,) = [cell for cell in sheet[2] if "cmd" in str(cell.value)]
    assert cell.data_type == "s"
    assert str(cell.value).strip().endswith("!A0")


def test_an_equals_operator_stays_itself_in_a_csv(tmp_path: Path) -> None:
    path = write_gaps(gaps(a_gap("29242", 1, operator="=")), tmp_path / "gaps.csv", meta=META)
    assert pl.read_csv(path, infer_schema=False)["operator"].to_list() == ["="]


def test_a_workbook_keeps_codes_as_text_and_explains_its_columns(three: Gaps, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write_gaps(three, tmp_path / "gaps.xlsx", language="vi", meta=META))
    listed, columns, about = book.worksheets
    header = [cell.value for cell in listed[1]]
    codes = [cell.value for cell in list(listed.columns)[header.index("commune_code")]][1:]
    assert codes == ["00123", "29242", "29254"]
    assert [row[0] for row in columns.iter_rows(min_row=2, values_only=True)] == header
    assert any("GIẢ LẬP" in str(cell) for row in about.iter_rows(values_only=True) for cell in row)


def test_the_package_beside_the_files_describes_each_with_hash_and_size(three: Gaps, tmp_path: Path) -> None:
    paths = [write_gaps(three, tmp_path / name, language="en", meta=META) for name in ("gaps.csv", "gaps.geo.parquet")]
    package = json.loads((tmp_path / "datapackage.json").read_text(encoding="utf-8"))
    assert package["made_up"] is True
    assert [entry["path"] for entry in package["resources"]] == ["gaps.csv", "gaps.geo.parquet"]
    for entry, path in zip(package["resources"], paths, strict=True):
        assert entry["bytes"] == path.stat().st_size
        assert entry["hash"] == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
        fields = [field["name"] for field in entry["schema"]["fields"]]
        assert ("geometry" in fields) == (path.suffix == ".parquet")
    verdict = next(f for f in package["resources"][0]["schema"]["fields"] if f["name"] == "verdict")
    assert verdict["constraints"]["enum"] == ["met", "not_met", "undecided", "no_data"]


def test_a_package_of_somebody_else_is_left_alone(three: Gaps, tmp_path: Path) -> None:
    (tmp_path / "datapackage.json").write_text('{"name": "theirs"}', encoding="utf-8")
    write_gaps(three, tmp_path / "gaps.csv", meta=META)
    assert json.loads((tmp_path / "datapackage.json").read_text())["name"] == "theirs"
    assert json.loads((tmp_path / "gaps.datapackage.json").read_text())["name"] == "phu-gaps"


def test_a_file_that_changed_or_went_leaves_the_package(three: Gaps, tmp_path: Path) -> None:
    write_gaps(three, tmp_path / "old.csv", meta=META).write_text("changed", encoding="utf-8")
    write_gaps(three, tmp_path / "gone.csv", meta=META).unlink()
    write_gaps(three, tmp_path / "new.csv", meta=META)
    package = json.loads((tmp_path / "datapackage.json").read_text(encoding="utf-8"))
    assert [entry["path"] for entry in package["resources"]] == ["new.csv"]


def test_another_suffix_is_refused_and_nothing_is_written(three: Gaps, tmp_path: Path) -> None:
    with pytest.raises(CollectError, match=r"PUB-01.*\.xlsx"):
        write_gaps(three, tmp_path / "gaps.ods", meta=META)
    assert list(tmp_path.iterdir()) == []


def test_geoparquet_is_asked_for_by_name_and_never_a_table_without_outlines(three: Gaps, tmp_path: Path) -> None:
    bare = Gaps(three.with_columns(geometry=pl.lit(None, pl.Binary)))
    with pytest.raises(CollectError, match="PUB-07"):
        write_gaps(bare, tmp_path / "gaps.geo.parquet", meta=META)
    assert list(tmp_path.iterdir()) == []
    for rows, number in ((three, 3), (Gaps(GAPS.empty()), 0)):  # a partner without gaps lacks no outline
        found = gpd.read_parquet(write_gaps(rows, tmp_path / "gaps.geo.parquet", meta=META))
        assert (len(found), found.active_geometry_name) == (number, "geometry")


def test_a_place_that_cannot_be_written_is_a_reason_to_stop(three: Gaps, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CollectError, match="PUB-03"):
        write_gaps(three, tmp_path / "file" / "gaps.csv", meta=META)


def test_an_empty_list_is_still_a_file_with_every_column(tmp_path: Path) -> None:
    for suffix in (".parquet", ".csv", ".xlsx"):
        write_gaps(Gaps(GAPS.empty()), tmp_path / f"gaps{suffix}", meta=META)
        assert list(read(tmp_path / f"gaps{suffix}").columns) == TABLE
        assert len(read(tmp_path / f"gaps{suffix}")) == 0


def test_the_dictionary_has_a_line_per_column_in_every_language() -> None:
    for lang in LANGUAGES:
        dictionary = data_dictionary(lang)
        assert dictionary["column"].to_list() == [*(column.name for column in GAPS.columns), "made_up"]
        assert dictionary["description"].str.len_chars().min() > 0  # type: ignore[operator]
    english = data_dictionary("en")
    allowed = dict(english.select("column", "allowed").rows())
    assert allowed["households_source"] == "frame | census_2019"
    assert english["description"].to_list()[:-1] == [column.description for column in GAPS.columns]
    assert english["unit"].to_list()[:-1] == [column.unit for column in GAPS.columns]
