"""A field office in miniature: one short form, phones that send its submissions, and a store that takes them in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import polars as pl
from check_tables import form_of, rows_of

from collect.forms import Design, Form
from collect.intake import Asked, Receipt, add_file
from collect.journey import Definitions
from collect.review.reviews import Correction, Filters, correct, queue
from collect.settings import settings_from
from collect.store import Store, open_store

SURVEY = """
    | type           | name        | label       | required | constraint          |
    | text           | round       | Round       |          |                     |
    | text           | interviewer | Interviewer |          |                     |
    | text           | hamlet      | Hamlet      |          |                     |
    | text           | number      | Number      |          |                     |
    | date           | day         | Day         |          |                     |
    | integer        | size        | People      | yes      | . >= 1 and . <= 30  |
    | select_one yn  | fibre       | Fibre       | yes      |                     |
    | text           | remark      | Remark      |          |                     |
    | begin_repeat   | member      | Member      |          |                     |
    | integer        | age         | Age         |          | . >= 0 and . <= 120 |
    | text           | work        | Work        |          |                     |
    | end_repeat     |             |             |          |                     |
"""
CHOICES = """
    | list_name | name | label |
    | yn        | yes  | Yes   |
    | yn        | no   | No    |
"""
SETTINGS = """
    | form_id | version |
    | hh      | 1       |
"""
DESIGN = Design(
    round="/data/round",
    interviewer="/data/interviewer",
    hamlet="/data/hamlet",
    interviewed_on="/data/day",
    household_size="/data/size",
    roster="/data/member",
    age="/data/member/age",
)


@cache
def the_form(design: Design = DESIGN) -> Form:
    return form_of(SURVEY, design, CHOICES, SETTINGS)


class Office:
    """A store with one form; `send` is what a phone does."""

    def __init__(self, folder: Path, database: str = "", form: Form | None = None) -> None:
        self.folder = folder
        self.form = form or the_form()
        self.definitions = Definitions((self.form,), (), ())
        self.store: Store = open_store(
            settings_from({"COLLECT_DATA": str(folder / "data"), "COLLECT_DATABASE": database})
        )
        self.sent = 0

    def send(self, table: str, members: Sequence[dict[str, str]] | None = None, by: str = "phone") -> Receipt:
        """Submissions as a pipe table, sent together: ``id``, ``replaces`` and questions; members: as many as size."""
        self.sent += 1
        folder = self.folder / f"sent-{self.sent}"
        folder.mkdir()
        for row in rows_of(table):
            (folder / f"{row['id']}.xml").write_text(submission(row, members), encoding="utf-8")
        return add_file(self.store, folder, self.definitions, Asked(by=by))

    def close(self) -> None:
        self.store.engine.dispose()


def correction(submission: str, question: str, new: str | None, **more: Any) -> Correction:
    """One answer put right, by short id and the question's path below the root."""
    return Correction(f"uuid:{submission}", f"/data/{question}", new, why="asked by phone", **more)


def corrected(office: Office, *corrections: Correction) -> list[tuple[str, str]]:
    """What became of corrections."""
    found = correct(office.store, office.definitions, corrections, "Lan")
    return [(outcome.result, outcome.code) for outcome in found]


def listed(office: Office, **wanted: Any) -> dict[str, Any]:
    """The states of the interviews that a reviewer sees."""
    return states(queue(office.store, office.definitions, Filters(**wanted)))


def uuids(*names: str) -> list[str]:
    return [f"uuid:{name}" for name in names]


def submission(row: dict[str, str | None], members: Sequence[dict[str, str]] | None = None) -> str:
    meta = f"<instanceID>uuid:{row['id']}</instanceID>"
    if row.get("replaces"):
        meta += f"<deprecatedID>uuid:{row['replaces']}</deprecatedID>"
    answers = {"size": "3", "fibre": "yes", "day": "2026-03-01"} | {k: v for k, v in row.items() if v}
    texts = "".join(_element(name, value) for name, value in answers.items() if name not in ("id", "replaces"))
    people = [{"age": "30"}] * int(answers["size"]) if members is None else members
    rows = "".join(f"<member>{''.join(_element(*cell) for cell in one.items())}</member>" for one in people)
    return f'<data id="hh" version="1">{texts}{rows}<meta>{meta}</meta></data>'


def _element(name: str, value: str) -> str:
    return "" if value == "-" else f"<{name}>{escape(value)}</{name}>"


def states(rows: pl.DataFrame) -> dict[str, Any]:
    """``state`` by short id."""
    return {one.removeprefix("uuid:"): state for one, state in rows.select("submission_id", "state").iter_rows()}
