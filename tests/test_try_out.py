"""The try with made-up data takes the outlines that are on this machine, and asks no network for any."""

from __future__ import annotations

from pathlib import Path

import pytest

import geo
from collect.access import LOCAL
from collect.pages import live_desk
from collect.settings import settings_from

MIRRORS = {  # what COLLECT_GEO_MIRROR names, and the lists of communes that have outlines when houses are placed
    "{shared}/geo": sorted(geo.VINTAGES),
    "{empty}": [],
    "http://127.0.0.1:9/geo": [],
    "": [],
}


class ReachedError(Exception):
    """Houses would be placed now, on the outlines named."""


@pytest.mark.parametrize("mirror", MIRRORS)
def test_the_try_takes_outlines_from_a_folder_on_this_machine_and_asks_no_network(
    mirror: str, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_round(folder: Path, **_more: object) -> None:
        raise ReachedError(*sorted(file.stem for file in (folder.parent / "geo").glob("*.parquet")))

    asked: list[object] = []
    (tmp_path / "empty").mkdir()
    named = mirror.format(shared=shared, empty=tmp_path / "empty")
    monkeypatch.setattr("collect.demo.make_round", make_round)
    monkeypatch.setattr("urllib.request.urlopen", lambda *address, **_: asked.append(address))
    settings = settings_from({"COLLECT_DATA": str(tmp_path / "data"), "COLLECT_GEO_MIRROR": named})
    with pytest.raises(ReachedError) as seen:
        live_desk.try_out(settings, LOCAL, lambda _step, _share: None)
    assert list(seen.value.args) == MIRRORS[mirror]
    assert asked == []
