"""Every file that the pages offer: whatever people outside call things, nothing in it runs or is Markdown."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
import streamlit as st
from made_rounds import renamed, settings_in, stored, submissions, zipped
from pages_opened import page_of_app
from streamlit.testing.v1 import AppTest

from collect import fieldwork
from collect.define import Finding
from collect.demo import make_round
from collect.harmless import harmless
from collect.intake import Asked
from collect.journey import Definitions, define
from collect.keeping import downloads
from collect.keeping.downloads import Handed
from collect.pages import live_field
from collect.settings import Settings
from collect.store import Store

EVIL = '=HYPERLINK("http://x") *b* [a](http://x)'  # a formula, and Markdown
SPREADSHEETS = (".csv", ".xlsx", ".zip")
HELD = {  # page, its view -> every download there: its key, and whether people outside named something in it
    ("gaps", ""): {
        "download-parquet": False, "download-geoparquet": False, "download-csv": False, "download-xlsx": False,
        "ledger": True,
    },
    ("commune", "id=29308"): {"sheet": False},
    ("map", ""): {
        "map-png": False, "map-html": False,
        "take-map-S2-2025-commune-xlsx": False, "take-map-S2-2025-commune-csv": False,
    },
    ("", ""): {}, ("method", ""): {}, ("upload", ""): {},
    ("review", ""): {"take-interviews-xlsx": True, "take-interviews-csv": True, "review-issues": True},
    ("quality", "section=rules"): {"take-quality-rules-xlsx": False, "take-quality-rules-csv": False},
    ("quality", "section=interviewers"): {
        "take-quality-interviewers-xlsx": True, "take-quality-interviewers-csv": True,
    },
    ("quality", "section=times"): {
        f"take-quality-{name}-{kind}": False for name in ("hours", "lengths") for kind in ("xlsx", "csv")
    },
    ("quality", "section=places"): {"take-quality-places-xlsx": True, "take-quality-places-csv": True},
    ("quality", "section=pairs"): {"take-quality-pairs-xlsx": True, "take-quality-pairs-csv": True},
    ("progress", "progress=next"): {"take-progress-next-xlsx": False, "take-progress-next-csv": False},
    ("progress", "progress=communes"): {"take-progress-communes-xlsx": False, "take-progress-communes-csv": False},
    ("progress", "progress=clusters"): {"take-progress-clusters-xlsx": True, "take-progress-clusters-csv": True},
    ("progress", "progress=days"): {"take-progress-days-xlsx": True, "take-progress-days-csv": True},
    ("forms", "of_form=questions"): {"take-household-questions-xlsx": True, "take-household-questions-csv": True},
    ("forms", "of_form=files"): {
        "form-xlsform": False, "form-xform": False, "form-template.xlsx": True, "form-template.zip": True,
    },
    ("forms", "of_form=phones"): {"qr": False},
    ("forms", "of_form=check"): {"take-household-findings-xlsx": True, "take-household-findings-csv": True},
}  # fmt: skip
FAR = pl.DataFrame({
    "submission_id": ["uuid:1"], "interviewer": [EVIL], "interviewed_on": [date(2026, 10, 1)], "commune": ["29308"],
    "seen": ["29242"], "metres": [9000.0],
})  # fmt: skip
OF_INTERVIEWS = re.compile(r"take-(interviews|quality|progress)")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_in(tmp_path_factory.mktemp("evil"))


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[Store]:
    """A round in which interviewers, hamlets, files and partners are called as nobody should be."""
    made = make_round(settings.data / "demo", households=400)
    frame = settings.data / "frame.csv"
    _hamlets_renamed(made.frame, frame)
    evil = submissions(made.files[2], lambda text: re.sub("<interviewer>[^<]*<", f"<interviewer>{EVIL}<", text))
    twice = [renamed(text, f"uuid:{place}") for place, text in enumerate(evil[:2])]
    sent = zipped([*evil, *twice], settings.data / "sent.zip")
    files = ((frame, "frame.csv"), (made.files[0], "day.zip"), (sent, f"{EVIL}.zip"))
    with stored(settings, [(path, Asked(by=EVIL, name=name)) for path, name in files]) as opened:
        downloads.note(opened, Handed(EVIL, "vnpt", "t", "api", "r", "gaps.csv", 1, "0" * 64))
        yield opened


def _hamlets_renamed(source: Path, target: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(source.read_text(encoding="utf-8-sig"))))
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"hamlet_name": EVIL} for row in rows)


@pytest.fixture
def taken(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, bytes]]:
    """Every download of the page that is opened next, by its key: the file's name and, of spreadsheets, its bytes."""
    monkeypatch.setenv("COLLECT_DATA", str(settings.data))
    monkeypatch.setenv("COLLECT_WORKER", "off")
    monkeypatch.setattr(live_field, "definitions", lambda _settings: _forms_renamed(define(settings.forms)))
    monkeypatch.setattr(live_field, "_lint", lambda _source, _changed: (Finding(EVIL, EVIL, "DEF-01", values={}),))
    monkeypatch.setattr(fieldwork, "strayed", lambda _field: FAR)  # without boundaries no point is far from anywhere
    found: dict[str, tuple[str, bytes]] = {}

    def offered(label: str, data: Callable[[], bytes] | bytes, file_name: str, key: str = "", **_more: Any) -> bool:
        made = data() if callable(data) and file_name.endswith(SPREADSHEETS) else b""
        found[key or {"downloads.csv": "ledger"}.get(file_name, "sheet")] = (file_name, bytes(made))
        return False

    monkeypatch.setattr(st, "download_button", offered)
    return found


def _forms_renamed(known: Definitions) -> Definitions:
    """The same forms, whose questions are called as nobody should call them; the file of the form is its own."""
    return replace(known, forms=tuple(
        replace(form, questions=tuple(
            replace(one, labels=dict.fromkeys(form.languages, EVIL)) if one.labels else one for one in form.questions
        ))
        for form in known.forms
    ))  # fmt: skip


def cells(name: str, content: bytes) -> list[list[Any]]:
    """What a spreadsheet holds, a list of cells per row; of a zip all its CSVs."""
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as bundle:
            return [row for one in bundle.namelist() for row in cells(one, bundle.read(one))]
    if name.endswith(".csv"):
        return [*csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))]
    book = openpyxl.load_workbook(io.BytesIO(content))
    every = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert [cell.coordinate for cell in every if cell.data_type == "f" or cell.hyperlink] == []
    return [[cell.value for cell in row] for sheet in book for row in sheet.iter_rows()]


@pytest.mark.parametrize(("page", "view"), HELD, ids=lambda said: said or "-")
def test_nothing_in_a_spreadsheet_runs_or_is_markdown(
    taken: dict[str, tuple[str, bytes]], page: str, view: str
) -> None:
    name, _, code = view.partition("=")
    app = page_of_app(page, "en", **({name: code} if name else {}))
    assert not app.exception
    assert set(taken) == set(HELD[page, view]), "a download that this table does not know, or one that is gone"
    for key, (file, content) in taken.items():
        if not file.endswith(SPREADSHEETS) or key == "form-xlsform":
            continue
        rows = cells(file, content)
        texts = [cell for row in rows for cell in row if isinstance(cell, str)]
        assert any("HYPERLINK" in cell for cell in texts) is HELD[page, view][key], key
        assert [cell for cell in texts if re.search(r"\\[*_\[(]|:material/", cell)] == [], key
        if not file.endswith(".xlsx"):
            assert [cell for cell in texts if harmless(cell) != cell] == [], key
        if OF_INTERVIEWS.match(key):
            assert "made_up" in rows[0][-1], key
            assert {str(row[-1]).lower() for row in rows[1:]} == {"true"}, key


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_the_issues_of_an_upload_run_nothing_either(
    taken: dict[str, tuple[str, bytes]], settings: Settings, kind: str
) -> None:
    app: AppTest = page_of_app("upload")
    app.file_uploader[0].upload(f"{EVIL}.zip", (settings.data / "sent.zip").read_bytes(), "application/zip").run()
    assert not app.exception
    assert set(taken) == {"issues-xlsx", "issues-csv"}
    rows = cells(*taken[f"issues-{kind}"])
    texts = [cell for row in rows for cell in row if isinstance(cell, str)]
    assert any("HYPERLINK" in cell for cell in texts)
    assert kind == "xlsx" or [cell for cell in texts if harmless(cell) != cell] == []
