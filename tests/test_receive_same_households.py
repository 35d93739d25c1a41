"""The same households through every reader: whatever platform wrote them, they are the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

import collect.demo
from benchmarks.export_layouts import WRITERS, write_kobo_labels
from collect.define import load_forms
from collect.demo.layouts import Export, write_central
from collect.forms import Form
from collect.receive import Received, receive
from collect.settings import shipped_forms
from collect.store import content_hashes

Answers = Mapping[str, Mapping[str, str]]
ENGLISH_DATES = {"briefcase.zip", "surveycto-long.zip", "surveycto-wide.csv"}  # no milliseconds, no time zone
SOURCES = {
    "central-odata.json": "central-odata",
    "kobo-api.json": "kobo-json",
    "ona.csv": "ona-csv",
    "briefcase.zip": "aggregate-csv",
    "surveycto-long.zip": "surveycto-csv",
    "surveycto-wide.csv": "surveycto-csv",
}


@pytest.fixture(scope="module")
def forms() -> tuple[Form, ...]:
    return load_forms(shipped_forms())


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """One team's answers, as the demonstration round hands them to its writers."""
    caught: list[Export] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collect.demo, "write_kobo", lambda export, _path, _copies=(), **_more: caught.append(export))
        collect.demo.make_round(tmp_path_factory.mktemp("demo"), households=200)
    return caught[0]


@pytest.fixture(scope="module")
def central(export: Export, forms: tuple[Form, ...], tmp_path_factory: pytest.TempPathFactory) -> Received:
    path = tmp_path_factory.mktemp("central") / "central.zip"
    write_central(export, path)
    (received,) = receive(path, forms)
    return received


def said(received: Received, *, coarse: bool = False) -> dict[str, dict[str, str]]:
    """By submission: positional path to answer; ``coarse``: instants to the second and without their zone."""
    assert received.form is not None
    instants = {question.path for question in received.form.questions if question.type == "dateTime"}
    flat: dict[str, dict[str, str]] = {name: {} for name in received.answers[received.form.root]["submission_id"]}
    for repeat, frame in received.answers.items():
        for row in frame.to_dicts():
            for path, value in row.items():
                if path.startswith("/") and "/meta/" not in path and value is not None:
                    if coarse and path in instants:
                        value = datetime.fromisoformat(value).replace(microsecond=0, tzinfo=None).isoformat()
                    flat[row["submission_id"]][row["row_id"] + path[len(repeat) :]] = value
    return flat


@pytest.mark.parametrize("layout", list(WRITERS))
def test_a_platforms_layout_says_what_centrals_csv_says(
    layout: str, export: Export, forms: tuple[Form, ...], central: Received, tmp_path: Path
) -> None:
    WRITERS[layout](export, tmp_path / layout)
    (received,) = receive(tmp_path / layout, forms)
    assert received.source == SOURCES[layout]
    assert received.submissions == export.root.height
    assert dict(received.rows) == dict(central.rows)
    assert received.issues["code"].to_list() == []
    coarse = layout in ENGLISH_DATES
    assert said(received, coarse=coarse) == said(central, coarse=coarse)


@pytest.mark.parametrize("language", ["Tiếng Việt (vi)", "ខ្មែរ (km)", "English (en)"])
@pytest.mark.parametrize("joint", ["", "/", " - "])
def test_labels_in_any_language_with_or_without_groups_say_what_names_say(
    language: str, joint: str, export: Export, forms: tuple[Form, ...], central: Received, tmp_path: Path
) -> None:
    write_kobo_labels(export, tmp_path / "labels.xlsx", language, joint)
    (received,) = receive(tmp_path / "labels.xlsx", forms)
    assert set(received.issues["code"]) <= {"FIL-05"}  # "Where" of two groups: taken in the order of the form
    assert said(received) == said(central)


def test_the_same_answers_have_the_same_content_whatever_platform_they_came_by(
    export: Export, forms: tuple[Form, ...], central: Received, tmp_path: Path
) -> None:
    """So that a household exported twice, from two places, is one household that did not change."""
    expected = content_hashes(central.answers)
    for layout in ("central-odata.json", "kobo-api.json", "ona.csv"):
        WRITERS[layout](export, tmp_path / layout)
        (received,) = receive(tmp_path / layout, forms)
        meta = {path for frame in received.answers.values() for path in frame.columns if "/meta/" in path}
        without = {name: frame.drop(meta, strict=False) for name, frame in received.answers.items()}
        plain = {name: frame.drop(meta, strict=False) for name, frame in central.answers.items()}
        assert content_hashes(without).sort("submission_id").equals(content_hashes(plain).sort("submission_id"))
    assert expected.height == central.submissions
