"""Upload: files are checked first and answered with a receipt; they are stored only when somebody says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl
import streamlit as st

from collect.forms import Form
from collect.i18n import t
from collect.pages.issues import error_words, filled, in_words
from collect.pages.layout import address, header
from collect.pages.words import as_text, number
from collect.problems import CollectError
from collect.review.sheet import write as sheet_of
from collect.tables import ISSUES

if TYPE_CHECKING:
    from collect.intake import Part, Receipt

MOST_SHOWN = 2000  # issues on screen; the file has them all
ISSUE_ROW = 64  # pixels: two or three lines of text
COUNTS = ("read", "new", "changed", "duplicate", "with_issues", "unreadable")
Progress = Callable[[str, float], None]


class Desk(Protocol):
    """What the page asks the rest to do."""

    def forms(self) -> Mapping[str, Form]:
        """Every form by its id."""

    def add(self, path: Path, name: str, by: str, *, dry_run: bool, progress: Progress) -> Receipt:
        """Take a file in, or say what that would do. Raises CollectError."""

    def waiting(self) -> bool:
        """Whether files are stored that the results do not know."""

    def run(self, progress: Progress) -> str:
        """Make the results again from everything stored; returns the run's id. Raises CollectError."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one file came to: a receipt, or the reason it could not be read."""

    file: str
    receipt: Receipt | None
    error: CollectError | None = None


def render(desk: Desk, lang: str, links: Mapping[str, st.Page]) -> None:
    """Draw the page."""
    header(t("upload.title", lang), lang)
    st.caption(t("upload.about", lang))
    turn = st.session_state.setdefault("upload-turn", 0)
    with st.container(key="files"):
        files = st.file_uploader(
            t("upload.files", lang), accept_multiple_files=True, key=f"files-{turn}", help=t("upload.files.help", lang)
        )
    by = st.text_input(t("upload.by", lang), key="by", persist_state="session", max_chars=80, width=360)
    checked = _each(files, by, desk, lang, dry_run=True, kept="checked")
    stored: list[Outcome] = st.session_state.get("stored", [])
    if files:
        _receipts(checked, desk, lang)
        _store_button(files, checked, by, desk, lang)
    elif stored:
        st.subheader(t("upload.stored", lang), anchor=False)
        _receipts(stored, desk, lang)
    if desk.waiting():
        _run_button(desk, lang)
    if st.session_state.get("results-made"):
        st.success(t("upload.run.done", lang, run=st.session_state["results-made"]), icon=":material/check_circle:")
        st.page_link(
            links["overview"],
            label=t("upload.to_overview", lang),
            icon=":material/dashboard:",
            query_params=address(lang),
        )


def _each(files: Sequence[Any], by: str, desk: Desk, lang: str, *, dry_run: bool, kept: str) -> list[Outcome]:
    """Take every file once; what is known from an earlier run of the page is not asked again."""
    known: dict[str, Outcome] = st.session_state.setdefault(kept, {})
    for file in files:
        if file.file_id not in known:
            known[file.file_id] = _take(file, by, desk, lang, dry_run=dry_run)
    return [known[file.file_id] for file in files]


def _take(file: Any, by: str, desk: Desk, lang: str, *, dry_run: bool) -> Outcome:
    name = Path(file.name).name
    with st.status(t("upload.working", lang, file=name), type="step") as status, TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(name).suffix}"
        path.write_bytes(file.getbuffer())

        def progress(step: str, share: float) -> None:
            status.update(label=f"{name}: {t(step, lang)} ({share:.0%})")

        try:
            receipt = desk.add(path, name, by, dry_run=dry_run, progress=progress)
        except CollectError as error:
            status.update(label=t("upload.failed", lang, file=name), state="error")
            return Outcome(name, None, error)
        status.update(label=t("upload.checked" if dry_run else "upload.kept", lang, file=name), state="complete")
        return Outcome(name, receipt)


def _receipts(outcomes: Sequence[Outcome], desk: Desk, lang: str) -> None:
    for outcome in outcomes:
        with st.container(border=True, gap="small"):
            _receipt(outcome, lang)
    parts = [(x.file, part) for x in outcomes if x.receipt for part in x.receipt.parts]
    if parts:
        _issues(parts, desk, lang)


def _receipt(outcome: Outcome, lang: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{as_text(outcome.file)}**", width="content")
        if outcome.receipt is None:
            st.badge(t("upload.state.unreadable", lang), icon=":material/error:", color="red")
        elif outcome.receipt.again:
            st.badge(t("upload.state.again", lang), icon=":material/content_copy:", color="gray")
        elif outcome.receipt.stored:
            st.badge(t("upload.state.stored", lang), icon=":material/check_circle:", color="green")
        else:
            st.badge(t("upload.state.checked", lang), icon=":material/preview:", color="blue")
    if outcome.error is not None:
        found, mend = error_words(outcome.error, lang)
        st.error(f"{found}\n\n**{mend}**\n\n{outcome.error.code}", icon=":material/error:")
    for part in outcome.receipt.parts if outcome.receipt else ():
        _part(part, lang)


def _part(part: Part, lang: str) -> None:
    form = t("receipt.form.frame", lang) if part.form == "frame" else as_text(f"{part.form} {part.form_version}")
    st.caption(
        t(
            "upload.part",
            lang,
            form=form,
            source=filled(f"source.{part.source}", lang, {}),
            rows=number(part.rows, lang),
        )
    )
    with st.grid(6, min_column_width=120, gap="small"):
        for name in COUNTS:
            words = t(f"receipt.count.{name}", lang)
            st.metric(words, number(getattr(part, name), lang), help=t(f"receipt.count.{name}.help", lang))


def _issues(parts: Sequence[tuple[str, Part]], desk: Desk, lang: str) -> None:
    nothing = ISSUES.empty().with_columns(file=pl.lit("").cast(pl.String), form=pl.lit("").cast(pl.String))
    frames = [part.issues.with_columns(file=pl.lit(file), form=pl.lit(part.form)) for file, part in parts]
    issues = pl.concat([nothing, *(frame.select(nothing.columns) for frame in frames)])
    if issues.is_empty():
        st.success(t("upload.no_issues", lang), icon=":material/check_circle:")
        return
    st.subheader(t("upload.issues", lang, issues=number(issues.height, lang)), anchor=False)
    forms = desk.forms()
    if issues.height > MOST_SHOWN:
        st.caption(t("upload.issues.first", lang, shown=number(MOST_SHOWN, lang)))
    _issue_table(in_words(issues.head(MOST_SHOWN), forms, lang), lang)
    st.download_button(
        t("upload.issues.download", lang),
        data=lambda: sheet_of(issues, forms, lang),
        file_name="issues.xlsx",
        mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        icon=":material/download:",
        on_click="ignore",
        help=t("upload.issues.download.help", lang),
    )


def _issue_table(rows: pl.DataFrame, lang: str) -> None:
    wide = {t(f"issue.{part}", lang): st.column_config.TextColumn(width="large") for part in ("why", "mend")}
    height = min(8, rows.height) * ISSUE_ROW + 40
    st.dataframe(
        rows,
        hide_index=True,
        height=height,
        row_height=ISSUE_ROW,
        column_config=wide,
        placeholder="–",
        alt=t("upload.issues.alt", lang),
    )


def _store_button(files: Sequence[Any], checked: Sequence[Outcome], by: str, desk: Desk, lang: str) -> None:
    ready = [file for file, x in zip(files, checked, strict=True) if x.receipt and not x.receipt.again]
    if not ready:
        st.info(t("upload.nothing_new", lang))
        return
    if not st.button(t("upload.store", lang, files=len(ready)), type="primary", icon=":material/save:"):
        return
    st.session_state["stored"] = _each(ready, by, desk, lang, dry_run=False, kept="kept")
    kept = [x for x in st.session_state["stored"] if x.receipt]
    if kept:
        st.session_state.pop("results-made", None)
        st.session_state["upload-turn"] += 1  # an empty drop zone for the next files
        st.toast(t("upload.stored.toast", lang, files=len(kept)), icon=":material/check_circle:")
        st.rerun()


def _run_button(desk: Desk, lang: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(t("upload.run.why", lang), width="stretch")
        pressed = st.button(t("upload.run", lang), type="primary", icon=":material/refresh:")
    if pressed:
        run(desk, lang)


def run(desk: Desk, lang: str) -> None:
    """Make the results again, showing each step; a reason to stop is said and changes nothing."""
    with st.status(t("upload.running", lang), type="step") as status:
        try:
            made = desk.run(lambda step, share: status.update(label=f"{t(step, lang)} ({share:.0%})"))
        except CollectError as error:
            status.update(label=t("upload.run.failed", lang), state="error")
            found, mend = error_words(error, lang)
            st.error(f"{found}\n\n**{mend}**\n\n{error.code}", icon=":material/error:")
            return
    st.session_state["results-made"] = made
    st.rerun()
