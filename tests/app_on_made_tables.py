"""The real app.py over tables made in memory: what `collect.pages.live` reaches is replaced, nothing else."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

sys.path.insert(0, str(Path(__file__).parent))

from app_tables import make_changes, make_issues, make_results

from collect import server
from collect.access import Who
from collect.cli import main
from collect.drawing import communes_picture
from collect.forms import Form
from collect.pages import live, live_desk, live_maps
from collect.pages.data import ShownBehind, Since
from collect.pages.upload_desk import Answers
from collect.problems import ExportError
from collect.receipts import SUBMISSION, Part, Receipt
from collect.settings import Settings

NOTHING_SAID = Answers()


def made_part() -> Part:
    """Three submissions: two new, one changed; two of them with issues."""
    rows = [("a", None, "1", "new", "with_issues"), ("b", None, "2", "new", "with_issues")]
    rows += [("c", None, "3", "changed", "accepted")]
    return Part(
        "household", "2026110101", "odk-csv", 3, 11, 2, 1, 0, 2, 0, make_issues(),
        pl.DataFrame(rows, schema=SUBMISSION, orient="row"),
    )  # fmt: skip


class MadeDesk:
    """A desk that knows three rows, and refuses a file whose name says so."""

    def forms(self) -> Mapping[str, Form]:
        return {}

    def add(
        self,
        path: Path,
        name: str,
        by: str,
        *,
        dry_run: bool,
        progress: Callable[[str, float], None],
        said: Answers = NOTHING_SAID,
    ) -> Receipt:
        progress("step.receive", 0.2)
        if name.startswith("letters") and not said.encoding:
            raise ExportError("IN-41", file=name, line=2, encodings="tcvn3, windows-1258")
        if name.startswith("bad"):
            raise ExportError("IN-01", path=name, file=name)
        part = made_part()
        if name.startswith("days") and not said.dates:
            part = replace(part, issues=part.issues.with_columns(value=pl.lit("7/12/2026")))
        if name.startswith("numbers") and not said.decimals:
            why = '{"expected": "12", "reason": "thousands_or_decimals"}'
            part = replace(part, issues=part.issues.with_columns(value=pl.lit("1,234"), details=pl.lit(why)))
        if not dry_run:
            st.session_state["made-waiting"] = True
        return Receipt(name, name, again=False, stored=not dry_run, parts=(part,))

    def refused(self) -> list[dict[str, Any]]:
        return []

    def received(self) -> list[dict[str, Any]]:
        return []

    def read_again(self, sha256: str, progress: Callable[[str, float], None]) -> Receipt:
        raise NotImplementedError

    def waiting(self) -> Since:
        return "files" if st.session_state.get("made-waiting") else ""

    def run(self, progress: Callable[[str, float], None]) -> str:
        progress("step.estimate", 0.5)
        st.session_state["made-waiting"] = False
        return "20260930-0123456789"


@st.cache_resource
def made_results() -> Any:
    return make_results()


def shown_results() -> Any:
    """Finished tables; APP_CHANGES names a verdict on what changed since the round before."""
    made, verdict = made_results(), os.environ.get("APP_CHANGES")
    if os.environ.get("APP_EMPTY"):
        return None
    if os.environ.get("APP_WORDS"):
        return named(made, os.environ["APP_WORDS"])
    return replace(made, changes=make_changes(made, verdict)) if verdict else made


def serve() -> None:
    """`collect app` with this file in the place of app.py."""
    server.script = lambda: Path(__file__).resolve()
    main()


def try_out(settings: Settings, who: Who, progress: Callable[[str, float], None]) -> str:
    progress("step.demo", 0.5)
    return "20260930-0123456789"


def named(made: Any, words: str) -> Any:
    """The same results, in which everything that somebody outside gave a name is called ``words``."""
    said = {lang: f"{words} {lang}" for lang in ("vi", "km", "en")}
    names = [pl.concat_str(pl.lit(f"{words} "), name).alias(name) for name in ("name_vi", "name_en", "name_km")]
    return replace(
        made,
        targets=tuple(replace(one, labels=said, number=words) for one in made.targets),
        indicators=tuple(replace(one, labels=said, definitions=said, source=words) for one in made.indicators),
        units=made.units.with_columns(
            *(one for one in names if one.meta.output_name() in made.units.columns), district=pl.lit(words)
        ),
        shapes=None if made.shapes is None else replace(made.shapes, source=words),
    )


live.results = lambda _settings, _who, vintage=None: (
    make_results(vintage="2024") if vintage == "2024" else shown_results()  # type: ignore[return-value]
)  # type: ignore[assignment]
live.uploads = lambda settings, who: 0
live.behind = lambda settings, who, vintage: ""
live_desk.try_out = try_out
live_desk.desk = lambda _settings, _who: MadeDesk()  # type: ignore[assignment,return-value]
live.vintages = lambda settings: ["2024", "2025-07"] if os.environ.get("APP_FORMER") else ["2025-07"]
live.communes_picture = lambda found, target, lang: communes_picture(found, target, found.units, lang)  # type: ignore[arg-type]
live.behind_pictures = lambda *_: ShownBehind()
live_maps.map_file = lambda *_, ground: b"<!doctype html>"
live_maps.sheet_file = lambda *_: b"%PDF-1.7"
if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).resolve().parents[1] / "app.py"), run_name="__main__")
