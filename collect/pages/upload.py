"""Upload: files are checked and answered with what storing them would do; they are stored when somebody says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

import streamlit as st

from collect.forms import Form
from collect.i18n import t
from collect.pages import upload_ask, upload_issues, upload_key, upload_refused
from collect.pages.issues import error_words, filled
from collect.pages.layout import address, header
from collect.pages.making import make
from collect.pages.words import as_text, number
from collect.problems import CollectError
from collect.receive.sealed import holds_sealed

if TYPE_CHECKING:
    from collect.intake import Part, Receipt
    from collect.receive.sealed import PrivateKey
    from collect.review.reviews import Correction
    from collect.review.reviews import Outcome as Corrected

COUNTS = ("read", "new", "changed", "duplicate", "with_issues", "unreadable")
IMPACT = COUNTS[1:]
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Answers:
    """What the team answered for a file: the order of its days, its encoding; the key that opens it, kept nowhere."""

    dates: str = ""
    encoding: str = ""
    key: PrivateKey | None = field(default=None, repr=False)


class Desk(Protocol):
    """What the page asks the rest to do."""

    def forms(self) -> Mapping[str, Form]:
        """Every form by its id."""

    def add(self, path: Path, name: str, by: str, *, dry_run: bool, progress: Progress, said: Answers) -> Receipt:
        """Take a file in, or say what that would do. Raises CollectError."""

    def refused(self) -> Sequence[Mapping[str, Any]]:
        """Files that brought their reader down and are kept, as the registry notes them, with the limits that held."""

    def read_again(self, sha256: str, progress: Progress) -> Receipt:
        """Take such a file in after all. Raises CollectError."""

    def waiting(self) -> bool:
        """Whether files are stored that the results do not know."""

    def run(self, progress: Progress) -> str:
        """Make the results again from everything stored; returns the run's id. Raises CollectError."""


class Mending(Protocol):
    """Who puts answers right when an issue spreadsheet comes back."""

    def signed(self, name: str) -> Mending:
        """The same, signed."""

    def corrections(self, path: Path) -> list[Correction] | None:
        """What a file asks to put right; None where it is no issue spreadsheet. Raises CollectError."""

    def correct(self, corrections: Sequence[Correction]) -> list[Corrected]:
        """Correct answers, and say of each what became of it. Raises CollectError."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one file came to: a receipt, corrections (tried, once stored), or the reason it could not be read."""

    file: str
    receipt: Receipt | None = None
    error: CollectError | None = None
    corrections: Sequence[Correction] | None = None
    corrected: Sequence[Corrected] = ()
    sealed: bool = False  # whether it is a zip of encrypted submissions

    @property
    def is_question(self) -> bool:
        """Whether the page asks what is missing: the encoding, or the key."""
        code = "" if self.error is None else self.error.code
        return code == upload_ask.SEVERAL_READINGS or (self.sealed and code == upload_key.NO_KEY)

    @property
    def storable(self) -> bool:
        """Whether there is something in it that is not stored yet."""
        return bool(self.corrections) or (self.receipt is not None and not self.receipt.again)


@dataclass(frozen=True, slots=True)
class Counter:
    """The desk, who puts answers right, who hands in, and the language: what every step of the page needs."""

    desk: Desk
    mending: Mending
    by: str
    lang: str
    key: PrivateKey | None = field(default=None, repr=False)


def render(desk: Desk, mending: Mending, lang: str, links: Mapping[str, st.Page]) -> None:
    """Draw the page."""
    header(t("upload.title", lang), lang)
    st.caption(t("upload.about", lang))
    turn = st.session_state.setdefault("upload-turn", 0)
    with st.container(key="files"):
        files = st.file_uploader(
            t("upload.files", lang), accept_multiple_files=True, key=f"files-{turn}", help=t("upload.files.help", lang)
        )
    by = st.text_input(t("upload.by", lang), key="by", persist_state="session", max_chars=80, width=360)
    key, no_key = upload_key.given(turn)
    at = Counter(desk, mending.signed(by), by, lang, key)
    checked = _each(files, at, dry_run=True, kept="checked")
    stored: list[Outcome] = st.session_state.get("stored", [])
    if files:
        closed = [one.file for one in checked if upload_key.wanted(one.sealed, one.receipt, one.error)]
        if closed or key is not None or no_key is not None:
            upload_key.ask(turn, closed, key, no_key, lang)
        _impact(files, checked, at)
        for file, outcome in zip(files, checked, strict=True):
            upload_ask.questions(file, outcome.receipt, outcome.error, lang)
        _receipts(checked, at, asking=True)
    elif stored:
        st.subheader(t("upload.stored", lang), anchor=False)
        _stored(stored, lang, links)
        _receipts(stored, at, asking=False)
    upload_refused.render(desk.refused(), desk.read_again, lang)
    if desk.waiting():
        _run_button(desk, lang)
    if st.session_state.get("results-made"):
        st.success(t("upload.run.done", lang, run=st.session_state["results-made"]), icon=":material/check_circle:")
        if "overview" in links and links["overview"].visibility == "visible":
            st.page_link(
                links["overview"],
                label=t("upload.to_overview", lang),
                icon=":material/dashboard:",
                query_params=address(lang),
            )


def _each(files: Sequence[Any], at: Counter, *, dry_run: bool, kept: str) -> list[Outcome]:
    """Take every file once; what is known from an earlier run of the page is not asked again."""
    known: dict[tuple[str, ...], Outcome] = st.session_state.setdefault(kept, {})
    found = []
    for file in files:
        key = (file.file_id, *upload_ask.said(file), upload_key.fingerprint(at.key))
        if key not in known:
            known[key] = _take(file, at, dry_run=dry_run)
        found.append(known[key])
    return found


def _take(file: Any, at: Counter, *, dry_run: bool) -> Outcome:
    name, lang = Path(file.name).name, at.lang
    with st.status(t("upload.working", lang, file=name), type="step") as status, TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(name).suffix}"
        path.write_bytes(file.getbuffer())
        sealed = holds_sealed(path)

        def progress(step: str, share: float) -> None:
            status.update(label=f"{name}: {t(step, lang)} ({share:.0%})")

        try:
            found = at.mending.corrections(path)
            if found is not None:
                outcome = Outcome(name, corrections=found, corrected=() if dry_run else at.mending.correct(found))
            else:
                said = Answers(*upload_ask.said(file), at.key)
                receipt = at.desk.add(path, name, at.by, dry_run=dry_run, progress=progress, said=said)
                outcome = Outcome(name, receipt, sealed=sealed)
        except CollectError as error:
            status.update(label=t("upload.failed", lang, file=name), state="error")
            return Outcome(name, error=error, sealed=sealed)
        status.update(label=t("upload.checked" if dry_run else "upload.kept", lang, file=name), state="complete")
        return outcome


def _impact(files: Sequence[Any], checked: Sequence[Outcome], at: Counter) -> None:
    """What storing would do, all files together, and the button that does it."""
    lang = at.lang
    ready = [file for file, outcome in zip(files, checked, strict=True) if outcome.storable]
    parts = [part for one in checked if one.receipt and not one.receipt.again for part in one.receipt.parts]
    with st.container(border=True):
        if parts:
            st.markdown(f"### {t('upload.impact', lang)}")
            st.caption(t("upload.impact.about", lang))
            with st.grid(5, min_column_width=120, gap="small"):
                for name in IMPACT:
                    total = sum(getattr(part, name) for part in parts if part.form != "frame" or name == "unreadable")
                    words, helped = t(f"receipt.count.{name}", lang), t(f"receipt.count.{name}.help", lang)
                    st.metric(words, number(total, lang), help=helped)
        if not ready:
            st.info(t("upload.nothing_new", lang))
        elif st.button(t("upload.store", lang, files=len(ready)), type="primary", icon=":material/save:"):
            _store(ready, [one for one in checked if not one.storable], at)


def _store(ready: Sequence[Any], others: Sequence[Outcome], at: Counter) -> None:
    """Store what can be; what cannot stays in sight with its reason, though the drop zone is emptied."""
    done = _each(ready, at, dry_run=False, kept="kept")
    st.session_state["stored"] = [*done, *others]
    kept = [one for one in done if one.error is None]
    if kept:
        st.session_state.pop("results-made", None)
        st.session_state["upload-turn"] += 1  # an empty drop zone for the next files
        st.toast(t("upload.stored.toast", at.lang, files=len(kept)), icon=":material/check_circle:")
        st.rerun()


def _stored(outcomes: Sequence[Outcome], lang: str, links: Mapping[str, st.Page]) -> None:
    """How many of the stored interviews count already, and where the others are mended."""
    parts = [part for one in outcomes if one.receipt for part in one.receipt.parts if part.form != "frame"]
    bad = sum(part.with_issues for part in parts)
    if not parts:
        return
    good = sum(part.new + part.changed for part in parts) - bad
    st.success(
        t("upload.kept.mending", lang, good=number(max(good, 0), lang), bad=number(bad, lang)),
        icon=":material/inventory_2:",
    )
    if bad and "review" in links:
        st.page_link(
            links["review"],
            label=t("upload.to_review", lang),
            icon=":material/arrow_forward:",
            query_params=address(lang),
        )


def _receipts(outcomes: Sequence[Outcome], at: Counter, *, asking: bool) -> None:
    """Every file's receipt; ``asking``: what somebody is being asked about a file need not be said again as trouble."""
    for outcome in outcomes:
        with st.container(border=True, gap="small"):
            _receipt(outcome, at.lang)
            if outcome.error is not None and not (asking and outcome.is_question):
                found, mend = error_words(outcome.error, at.lang)
                st.error(f"{found}\n\n**{mend}**\n\n{outcome.error.code}", icon=":material/error:")
    parts = [(one.file, part) for one in outcomes if one.receipt for part in one.receipt.parts]
    if parts:
        upload_issues.render(parts, at.desk.forms(), at.lang)


def _receipt(outcome: Outcome, lang: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{as_text(outcome.file)}**", width="content")
        if outcome.corrections is not None:
            st.badge(t("upload.sheet.state", lang), icon=":material/edit_note:", color="blue")
        elif outcome.receipt is None:
            st.badge(t("upload.state.unreadable", lang), icon=":material/error:", color="red")
        elif outcome.receipt.again:
            st.badge(t("upload.state.again", lang), icon=":material/content_copy:", color="gray")
        elif outcome.receipt.stored:
            st.badge(t("upload.state.stored", lang), icon=":material/check_circle:", color="green")
        else:
            st.badge(t("upload.state.checked", lang), icon=":material/preview:", color="blue")
    if outcome.corrections is not None:
        upload_issues.corrections(outcome.corrections, outcome.corrected, lang)
    for part in outcome.receipt.parts if outcome.receipt else ():
        _part(part, lang)


def _part(part: Part, lang: str) -> None:
    form = t("receipt.form.frame", lang) if part.form == "frame" else as_text(f"{part.form} {part.form_version}")
    source, rows = filled(f"source.{part.source}", lang, {}), number(part.rows, lang)
    st.caption(t("upload.part", lang, form=form, source=source, rows=rows))
    told = (f"{t(f'receipt.count.{name}', lang)} **{number(getattr(part, name), lang)}**" for name in COUNTS)
    st.markdown(" · ".join(told))


def _run_button(desk: Desk, lang: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(t("upload.run.why", lang), width="stretch")
        pressed = st.button(t("upload.run", lang), type="primary", icon=":material/refresh:")
    if pressed and (made := make(desk.run, lang)) is not None:
        st.session_state["results-made"] = made
        st.rerun()
