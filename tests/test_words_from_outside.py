"""Words from outside (labels, names, answers, files) stand on every page as they were written, never as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from check_tables import form_of
from field_office import CHOICES, DESIGN, Office, submission
from pages_opened import open_page, page_of_app
from streamlit.testing.v1 import AppTest

from collect.access import LOCAL, Who
from collect.i18n import LANGUAGES
from collect.intake import Asked, add_file
from collect.journey import Definitions
from collect.pages import doors, live, live_field, live_reviews

SIGNS = ("**b**", "[l](http://evil.example)", "![i](", ":red[x]", "$y$", "<b>i", "`c`", "_u_")
HOSTILE = "zz **b** [l](http://evil.example) ![i](http://evil.example/a.png) :red[x] $y$ <b>i</b> `c` _u_"
MARKDOWN = ("body", "label", "help")  # of Streamlit's messages; options of a list are plain text
SURVEY = f"""
    | type           | name        | label                 | required | constraint         | constraint_message |
    | text           | round       | Round                 |          |                    |                    |
    | text           | interviewer | {HOSTILE} interviewer |          |                    |                    |
    | begin_group    | part        | {HOSTILE} part        |          |                    |                    |
    | text           | hamlet      | {HOSTILE} hamlet      |          |                    |                    |
    | text           | number      | Number                |          |                    |                    |
    | end_group      |             |                       |          |                    |                    |
    | date           | day         | Day                   |          |                    |                    |
    | integer        | size        | {HOSTILE} size        | yes      | . >= 1 and . <= 30 | {HOSTILE} message  |
    | select_one yn  | fibre       | Fibre                 | yes      |                    |                    |
    | text           | remark      | {HOSTILE} remark      |          | . = 'a'            |                    |
    | begin_repeat   | member      | Member                |          |                    |                    |
    | integer        | age         | Age                   |          |                    |                    |
    | end_repeat     |             |                       |          |                    |                    |
"""
SETTINGS = f"""
    | form_id | version | form_title |
    | hh      | 1       | {HOSTILE}  |
"""
PAGES = ("review", "quality", "progress", "forms", "upload")
SECTIONS: tuple[tuple[str, str], ...] = (
    ("view", "queue"), ("view", "pairs"), ("of_form", "check"), ("of_form", "files"), ("of_form", "phones"),
    ("section", "interviewers"), ("section", "pairs"),
)  # fmt: skip


def told(node: Any) -> Iterator[tuple[str, str, str]]:
    """Every text of a page that Streamlit reads as Markdown, and what it draws as HTML."""
    yield from _texts(type(node).__name__, getattr(node, "proto", None))
    for child in getattr(node, "children", {}).values():
        yield from told(child)


def _texts(kind: str, proto: Any) -> Iterator[tuple[str, str, str]]:
    for field, value in proto.ListFields() if hasattr(proto, "ListFields") else ():
        if isinstance(value, str) and field.name in MARKDOWN:
            yield kind, "html" if "Html" in type(proto).__name__ else "markdown", value
        elif hasattr(value, "ListFields"):
            yield from _texts(kind, value)


def assert_as_written(app: AppTest, where: object) -> int:
    """No word from outside has a meaning; returns how often one is shown."""
    shown = 0
    for kind, what, text in told(app._tree):
        alive = [sign for sign in SIGNS if sign in text and (what == "markdown" or sign.startswith("<"))]
        assert not alive, (where, kind, text)
        shown += "zz" in text
    return shown


@pytest.fixture
def field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    form = form_of(SURVEY, replace(DESIGN, hamlet="/data/part/hamlet"), CHOICES, SETTINGS)
    office = Office(tmp_path, form=form)
    folder = tmp_path / f"{HOSTILE.replace('/', ':')}.d"
    folder.mkdir()
    for name, size in (("a", "99"), ("b", "3"), ("c", "3")):
        row: dict[str, str | None] = {"id": name, "round": "1", "interviewer": HOSTILE, "size": size, "remark": HOSTILE}
        (folder / f"{name}.xml").write_text(submission(row, [{"age": "30"}]), encoding="utf-8")
    add_file(office.store, folder, office.definitions, Asked(by=HOSTILE, name=f"{HOSTILE}.zip".replace("/", ":")))
    for module in (live, live_field, live_reviews):
        monkeypatch.setattr(module, "definitions", lambda _settings: Definitions((form,), (), ()))
    (tmp_path / "form.xml").write_bytes(form.xform)
    monkeypatch.setattr(live_field, "_source", lambda *_: tmp_path / "form.xml")
    monkeypatch.setenv("COLLECT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLLECT_WORKER", "off")
    yield office
    office.close()


def test_the_survey_teams_pages_show_words_of_forms_and_answers_as_they_are(
    field: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "visitor", lambda _settings: Who(HOSTILE, "admin", subject="1"))
    shown = 0
    for page in PAGES:
        for codes in SECTIONS if page in ("review", "quality", "forms") else SECTIONS[:1]:
            app = page_of_app(page, **dict([("state", ""), codes]))
            assert not app.exception, (page, codes)
            shown += assert_as_written(app, (page, codes))
    assert shown > 20


def test_a_files_name_is_no_markdown_on_any_line_of_the_upload(field: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "visitor", lambda _settings: LOCAL)
    app = page_of_app("upload")
    app.file_uploader[0].upload(f"{HOSTILE}.csv".replace("/", ":"), b"a,b\n1,2\n", "text/csv").run()
    assert assert_as_written(app, "upload") >= 2


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_planners_pages_show_words_of_the_plan_as_they_are(lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_WORDS", HOSTILE)
    shown = 0
    for page, codes in (("", {}), ("map", {"commune": "29236"}), ("commune", {"id": "29236"}),
                        ("commune", {"id": HOSTILE}), ("gaps", {}), ("method", {})):  # fmt: skip
        app = open_page(page, lang, **codes)
        assert not app.exception, page
        shown += assert_as_written(app, page)
    assert shown > 10
