"""Boundaries come from the pinned source or not at all; where there are none, schematic ones that say so."""

from __future__ import annotations

import importlib
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

import geo

WARD = "json/geojson/86_vinh_long/wards/29242_tra_vinh.geojson"
fetching = importlib.import_module("geo.fetch")  # `geo.fetch` itself is the function


class Quiet(SimpleHTTPRequestHandler):
    asked: list[str]

    def log_message(self, *_: Any) -> None:
        self.asked.append(self.path)


@pytest.fixture
def host(shared: Path) -> Iterator[tuple[str, list[str]]]:
    """The public repository's files on loopback, and what was asked of it."""
    asked: list[str] = []
    handler = type("Handler", (Quiet,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(shared / "geo" / "upstream")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def fetched(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("geo")
    geo.fetch(folder, str(shared / "geo"))
    return folder


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching.time, "sleep", lambda _seconds: None)


def test_every_file_is_brought_over_http_and_checked(host: tuple[str, list[str]], tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    done = geo.fetch(tmp_path, host[0], ["2025-07"], lambda *step: seen.append(step))
    assert (done.brought, done.kept) == (125, 0)
    assert seen[-1][:2] == (125, 125)
    frame = gpd.read_parquet(done.boundaries["2025-07"])
    assert sorted(frame["code"]) == geo.units("2025-07", "86")["code"].to_list()
    assert frame.crs.to_epsg() == 4326
    asked = len(host[1])
    again = geo.fetch(tmp_path, host[0], ["2025-07"])
    assert (again.brought, again.kept) == (0, 125)
    assert len(host[1]) == asked


def test_a_broken_off_download_goes_on_where_it_stopped(host: tuple[str, list[str]], tmp_path: Path) -> None:
    geo.fetch(tmp_path, host[0], ["2025-07"])
    damaged = tmp_path / "source" / WARD
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert geo.fetch(tmp_path, host[0], ["2025-07"]).brought == 1


def test_a_file_that_is_not_the_pinned_one_is_refused_and_leaves_nothing(shared: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    shutil.copytree(shared / "geo" / "upstream", mirror, copy_function=shutil.copyfile)
    for folder in (mirror, *mirror.rglob("*/")):
        folder.chmod(0o755)
    wrong = mirror / WARD
    wrong.write_bytes(wrong.read_bytes().replace(b"106.3", b"106.4", 1))
    with pytest.raises(geo.GeoError) as stop:
        geo.fetch(tmp_path / "geo", str(mirror), ["2025-07"])
    assert stop.value.code == "GEO-03"
    assert stop.value.values["file"] == WARD
    assert not (tmp_path / "geo" / "2025-07.parquet").exists()
    assert not (tmp_path / "geo" / "source" / WARD).exists()


def test_a_source_that_lacks_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(geo.GeoError) as stop:
        geo.fetch(tmp_path / "geo", str(tmp_path / "nothing here"), ["2025-07"])
    assert stop.value.code == "GEO-02"
    assert "geojson" in str(stop.value.values["file"])


def test_a_host_that_answers_once_in_a_while_is_asked_again(
    host: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every first request of a file breaks off."""
    real, broken, guard = fetching.urllib.request.urlopen, set[str](), threading.Lock()

    def flaky(address: str, timeout: float) -> Any:
        with guard:
            first = address not in broken
            broken.add(address)
        if first:
            raise ConnectionResetError
        return real(address, timeout=timeout)

    monkeypatch.setattr(fetching.urllib.request, "urlopen", flaky)
    assert geo.fetch(tmp_path, host[0], ["2025-07"]).brought == 125


def test_older_vintages_have_no_public_source_and_say_so(tmp_path: Path) -> None:
    with pytest.raises(geo.GeoError) as stop:
        geo.fetch(tmp_path, "", ["2024"])
    assert stop.value.code == "GEO-06"


def test_the_public_source_is_the_pinned_commit() -> None:
    wanted = fetching._wanted("2025-07", "")
    assert len(wanted) == 125
    assert {address.split("/json/")[0] for file in wanted for address in file.addresses} == {
        "https://raw.githubusercontent.com/thanglequoc/vietnamese-provinces-database/"
        "cd58063299585146ded3981f2272946ef19ced54"
    }


@pytest.mark.parametrize(("vintage", "communes"), [("2024", 106), ("2025-01", 104), ("2025-07", 41)])
def test_fetched_boundaries_say_what_they_are_and_fit_their_units(fetched: Path, vintage: str, communes: int) -> None:
    boundaries = geo.boundaries(vintage, fetched)
    units = geo.units(vintage)
    assert boundaries.kind == ("reference" if vintage == "2025-07" else "derived")
    assert boundaries.decides == (vintage == "2025-07")
    assert "thanglequoc" in boundaries.source
    assert boundaries.frame["code"].to_list() == units["code"].to_list()
    assert len(boundaries.frame) == communes
    inside = shapely.contains_xy(
        boundaries.frame.geometry.to_numpy(), units["longitude"].to_numpy(), units["latitude"].to_numpy()
    )
    assert inside.all()


def test_lighter_copies_keep_shared_edges(fetched: Path) -> None:
    boundaries = geo.boundaries("2025-07", fetched)
    light = boundaries.simplified(50)
    assert shapely.coverage_is_valid(light.geometry.to_numpy())
    assert light.geometry.count_coordinates().sum() < boundaries.frame.geometry.count_coordinates().sum() / 5


def test_a_damaged_boundary_file_is_named(fetched: Path, tmp_path: Path) -> None:
    (tmp_path / "2025-07.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(geo.GeoError) as stop:
        geo.boundaries("2025-07", tmp_path)
    assert stop.value.code == "GEO-04"


@pytest.mark.parametrize("vintage", ["2024", "2025-01", "2025-07"])
def test_schematic_communes_cover_without_overlap_and_keep_their_size(vintage: str, tmp_path: Path) -> None:
    drawn = geo.boundaries(vintage, tmp_path)
    units = geo.units(vintage)
    shapes = drawn.frame.geometry.to_numpy()
    assert drawn.kind == "schematic"
    assert not drawn.decides
    assert shapely.coverage_is_valid(shapes)
    assert shapely.contains_xy(shapes, units["longitude"].to_numpy(), units["latitude"].to_numpy()).all()
    area = drawn.frame.to_crs(32648).area.to_numpy() / 1e6
    assert abs(area.sum() / units["area_km2"].sum() - 1) < 0.02
    assert np.median(abs(area / units["area_km2"].to_numpy() - 1)) < 0.05


def test_schematic_communes_are_the_same_every_time() -> None:
    first, second = (geo.boundaries("2025-07", None).frame.geometry.to_wkb() for _ in range(2))
    assert first.equals(second)
