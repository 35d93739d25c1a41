"""The same households through every reader: whatever platform wrote them, they are the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

import collect.demo
from benchmarks.export_layouts import WRITERS, write_kobo_csv, write_kobo_grouped, write_kobo_labels
from collect.define import form_from_xlsform, load_forms
from collect.demo.layouts import Export, write_central
from collect.forms import Form
from collect.receive import Received, receive
from collect.settings import shipped_forms
from collect.store import content_hashes

Answers = Mapping[str, Mapping[str, str]]
ENGLISH_DATES = {"briefcase.zip", "surveycto-long.zip", "surveycto-wide.csv"}  # no milliseconds, no time zone
POWER, REASONS = "/data/household/electricity", "/data/household/fibre_why_not"
OTHER_POWER, OTHER_REASON = f"{POWER}_other", f"{REASONS}_other"
SOURCES = {
    "central-odata.json": "central-odata",
    "kobo-api.json": "kobo-json",
    "kobo-grouped.xlsx": "kobo-xlsx",
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


@pytest.mark.parametrize("multiple", ["details", "summary", "both"])
def test_kobos_ways_to_write_several_choices_say_the_same(
    multiple: str, export: Export, forms: tuple[Form, ...], central: Received, tmp_path: Path
) -> None:
    write_kobo_grouped(export, tmp_path / "grouped.xlsx", multiple)
    (received,) = receive(tmp_path / "grouped.xlsx", forms)
    assert received.issues["code"].to_list() == []
    assert said(received) == said(central)


def test_kobos_csv_has_every_household_and_says_that_its_people_are_missing(
    export: Export, forms: tuple[Form, ...], central: Received, tmp_path: Path
) -> None:
    write_kobo_csv(export, tmp_path / "kobo.csv")
    (received,) = receive(tmp_path / "kobo.csv", forms)
    assert (received.source, received.issues["code"].to_list()) == ("kobo-csv", ["FIL-04"])
    whole = said(central)
    assert said(received) == {name: {p: a for p, a in one.items() if "]" not in p} for name, one in whole.items()}


@pytest.fixture(scope="module")
def with_other(forms: tuple[Form, ...]) -> Form:
    """The household form with ``or_other``: the platform adds a choice "other" and a question, without a label, for the
    words."""
    text = (shipped_forms() / "household" / "form.md").read_text(encoding="utf-8").splitlines()
    own = ("| | electricity | other |", "| | why_not | other |", "| | text | fibre_why_not_other |")
    kept = "\n".join(line for line in text if not line.startswith(own))
    for kind in ("select_one electricity", "select_multiple why_not"):
        assert f"| {kind} |" in kept
        kept = kept.replace(f"| {kind} |", f"| {kind} or_other |")
    form = form_from_xlsform(kept)
    assert {OTHER_POWER, OTHER_REASON} <= form.by_path.keys()
    bare = tuple(replace(q, labels={}) if q.path in (OTHER_POWER, OTHER_REASON) else q for q in form.questions)
    return replace(form, questions=bare, design=next(one.design for one in forms if one.form_id == "household"))


@pytest.fixture(scope="module")
def others(export: Export, with_other: Form) -> Export:
    """The same answers, every third household with another source of power in words."""
    third = (pl.int_range(pl.len()) % 3 == 0) & pl.col(POWER).is_not_null()
    power = pl.when(third).then(pl.lit("other")).otherwise(POWER).alias(POWER)
    words = pl.when(third).then(pl.lit("pin 12 V; máy nổ")).alias(OTHER_POWER)
    return replace(export, form=with_other, root=export.root.with_columns(power, words))


@pytest.fixture(scope="module")
def others_in_central(others: Export, tmp_path_factory: pytest.TempPathFactory) -> Received:
    path = tmp_path_factory.mktemp("central") / "central.zip"
    write_central(others, path)
    (received,) = receive(path, (others.form,))
    assert received.issues["code"].to_list() == []
    assert {"pin 12 V; máy nổ"} == {one[OTHER_POWER] for one in said(received).values() if OTHER_POWER in one}
    return received


@pytest.mark.parametrize("layout", [*WRITERS, "labels.xlsx", "details.xlsx", "summary.xlsx"])
def test_other_answers_in_words_come_through_every_layout(
    layout: str, others: Export, others_in_central: Received, tmp_path: Path
) -> None:
    if layout == "labels.xlsx":
        write_kobo_labels(others, tmp_path / layout, "Tiếng Việt (vi)", "/")
    elif layout in WRITERS:
        WRITERS[layout](others, tmp_path / layout)
    else:
        write_kobo_grouped(others, tmp_path / layout, layout.removesuffix(".xlsx"))
    (received,) = receive(tmp_path / layout, (others.form,))
    assert set(received.issues["code"]) <= {"FIL-05"}
    coarse = layout in ENGLISH_DATES
    assert said(received, coarse=coarse) == said(others_in_central, coarse=coarse)


@pytest.mark.parametrize("layout", [*WRITERS, "summary.xlsx"])
def test_other_answers_that_the_form_does_not_ask_for_are_told_and_the_rest_is_read(
    layout: str, others: Export, forms: tuple[Form, ...], tmp_path: Path
) -> None:
    """Somebody added ``or_other`` to the form on the platform, and nobody brought it here."""
    if layout in WRITERS:
        WRITERS[layout](others, tmp_path / layout)
    else:
        write_kobo_grouped(others, tmp_path / layout, "summary")
    (shipped,) = (form for form in forms if form.form_id == "household")
    without = tuple(q for q in shipped.questions if q.path != OTHER_REASON)
    (received,) = receive(tmp_path / layout, (replace(shipped, questions=without),), form="household")
    told = [json.loads(one)["column"] for one in received.issues.filter(code="FIL-02")["details"]]
    assert sorted(one.rsplit("/", 1)[-1].rsplit("-", 1)[-1] for one in told) == [
        "electricity_other",
        "fibre_why_not_other",
    ]
    assert received.submissions == others.root.height


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
