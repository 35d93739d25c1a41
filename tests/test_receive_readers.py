"""The same households through every reader: three platforms' layouts of one round say the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import collect.demo
from collect.define import load_forms
from collect.demo.layouts import Export, write_central, write_kobo, write_submissions
from collect.receive import Received, receive
from collect.settings import shipped_forms

Answers = Mapping[str, Mapping[str, str]]


def said(received: Received) -> dict[str, dict[str, str]]:
    """By submission: positional path to answer. Of an edit sent as its own file only the newest, by its first name."""
    assert received.form is not None
    root = received.answers[received.form.root]
    replaced = {new: old for new, old in zip(root["submission_id"], root["replaces"], strict=True) if old}
    flat: dict[str, dict[str, str]] = {}
    for repeat, frame in received.answers.items():
        for row in frame.to_dicts():
            name = row["submission_id"]
            if name in replaced.values():
                continue
            answers = flat.setdefault(replaced.get(name, name), {})
            answers |= {
                row["row_id"] + path[len(repeat) :]: value
                for path, value in row.items()
                if path.startswith("/") and "/meta/" not in path and value is not None
            }
    return flat


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """One team's answers, as the demonstration round hands them to its writers."""
    caught: list[Export] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collect.demo, "write_kobo", lambda export, _path, _copies=(), **_more: caught.append(export))
        collect.demo.make_round(tmp_path_factory.mktemp("demo"), households=200)
    return caught[0]


def test_three_platforms_layouts_of_the_same_round_say_the_same(tmp_path: Path, export: Export) -> None:
    forms = load_forms(shipped_forms())
    write_central(export, tmp_path / "central.zip")
    write_kobo(export, tmp_path / "kobo.xlsx")
    write_submissions(export, tmp_path / "xml.zip")
    (central,) = receive(tmp_path / "central.zip", forms)
    (kobo,) = receive(tmp_path / "kobo.xlsx", forms)
    (submissions,) = receive(tmp_path / "xml.zip", forms)
    assert central.submissions == kobo.submissions == export.root.height > 0
    assert central.rows == kobo.rows
    assert sum(central.rows.values()) == export.rows.height > 0
    assert said(kobo) == said(central)
    assert said(submissions) == said(central)
    assert [one.issues["code"].to_list() for one in (central, kobo, submissions)] == [[], [], []]
