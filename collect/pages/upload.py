"""Upload: files are checked and answered with what storing them would do; they are stored when somebody says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import streamlit as st

from collect.i18n import t
from collect.pages import (
    upload_ask,
    upload_issues,
    upload_key,
    upload_lines,
    upload_received,
    upload_refused,
    upload_run,
)  # fmt: skip
from collect.pages.issues import reason
from collect.pages.layout import address, header
from collect.pages.signing import ask_name
from collect.pages.upload_desk import Answers, Desk, Mending
from collect.pages.words import as_text, counted, number
from collect.problems import CollectError
from collect.receipts import brought_by, total
from collect.receive.sealed import holds_sealed
from collect.store import safe_name

if TYPE_CHECKING:
    from collect.intake import Receipt
    from collect.receive.sealed import Keys
    from collect.review.reviews import Correction
    from collect.review.reviews import Outcome as Corrected

IMPACT = upload_lines.COUNTS[1:]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one file came to: a receipt, corrections and what becomes of each, or the reason it could not be read."""

    file: str
    receipt: Receipt | None = None
    error: CollectError | None = None
    corrections: Sequence[Correction] | None = None
    corrected: Sequence[Corrected] = ()
    awaited: Collection[str] = ()  # submissions that come with it, or change: corrections of theirs are tried then
    sealed: bool = False  # whether it is a zip of encrypted submissions

    @property
    def is_question(self) -> bool:
        """Whether the page asks what is missing: the encoding, or the key."""
        code = "" if self.error is None else self.error.code
        return upload_ask.letters_untold(self.error) or (self.sealed and code == upload_key.NO_KEY)

    @property
    def storable(self) -> bool:
        """Whether there is something in it that is not stored yet."""
        if self.receipt is not None:
            return not self.receipt.again
        return any(one.result == "applied" or one.correction.submission_id in self.awaited for one in self.corrected)


@dataclass(frozen=True, slots=True)
class Counter:
    """The desk, who puts answers right, who hands in, and the language: what every step of the page needs."""

    desk: Desk
    mending: Mending
    by: str
    lang: str
    key: Keys | None = field(default=None, repr=False)
    lacks_name: bool = False  # answers are to be put right, and nobody said by whom

    def signed(self, *, needed: bool) -> Counter:
        """The same with the name of who hands in, asked where nobody logs in; ``needed``: nothing is stored without."""
        who = st.session_state["who"]
        by = ask_name(who, t("upload.by.needed" if needed else "upload.by", self.lang), width=360)
        lacks = needed and who.local and not by.strip()
        return replace(self, mending=self.mending.signed(by), by=by, lacks_name=lacks)


def render(desk: Desk, mending: Mending, lang: str, links: Mapping[str, st.Page]) -> None:
    """Draw the page."""
    header(t("upload.title", lang), lang)
    st.caption(t("upload.about", lang))
    st.html(upload_lines.SAID)
    turn = st.session_state.setdefault("upload-turn", 0)
    with st.container(key="files"):
        files = st.file_uploader(
            t("upload.files", lang), accept_multiple_files=True, key=f"files-{turn}", help=t("upload.files.help", lang)
        )
    name_field = st.container()
    keys = upload_key.given(turn, lang)
    at = Counter(desk, mending, "", lang, keys.keys)
    checked = _each(files, at, dry_run=True, kept="checked")
    with name_field:  # its label says whether a name is needed, which only the files tell
        at = at.signed(needed=any(one.corrections and one.storable for one in checked))
    stored: list[Outcome] = st.session_state.get("stored", [])
    if not files:
        st.session_state.pop("storing", None)
    if files:
        closed = [one.file for one in checked if upload_key.wanted(one.sealed, one.receipt, one.error)]
        if closed or not keys.nothing:
            upload_key.ask(turn, closed, keys, lang)
        _impact(files, checked, at)
        for file, outcome in zip(files, checked, strict=True):
            upload_ask.questions(file, outcome.receipt, outcome.error, lang)
        _receipts(checked, at, asking=True)
    elif stored:
        news = any(one.receipt is None or not one.receipt.again for one in stored)
        st.subheader(t("upload.stored" if news else "upload.state.again", lang), anchor=False)
        _stored(stored, lang, links)
        _receipts(stored, at, asking=False)
    upload_refused.render(desk.refused(), desk.read_again, lang)
    upload_received.render(desk.received(), lang)
    upload_run.offer(desk.waiting(), desk.run, lang, links)


def _each(files: Sequence[Any], at: Counter, *, dry_run: bool, kept: str) -> list[Outcome]:
    """Take every file once; what is known from an earlier run of the page is not asked again."""
    known: dict[tuple[str, ...], Outcome] = st.session_state.setdefault(kept, {})
    found, key = list[Outcome](), tuple[str, ...]()
    for file in files:
        key = (*key, *_key(file, at)) if dry_run else _key(file, at)  # what one would do hangs on those before it
        if key not in known:
            known[key] = _take(file, at, key, found if dry_run else None)
        else:  # the page is drawn anew, in another language perhaps: what was done is still said
            outcome = known[key]
            _step(outcome, dry_run, st.status(as_text(outcome.file), type="step"), at.lang)
        found.append(known[key])
    return _together(found) if dry_run else found


def _key(file: Any, at: Counter) -> tuple[str, ...]:
    return file.file_id, *upload_ask.said(file).values(), upload_key.fingerprint(at.key)


def _together(checked: Sequence[Outcome]) -> list[Outcome]:
    """What corrections come to, tried as though every file on the page were stored."""
    brought = brought_by([one.receipt for one in checked if one.receipt])
    return [one if one.corrections is None else replace(one, awaited=brought) for one in checked]


def _take(file: Any, at: Counter, key: tuple[str, ...], tried: Sequence[Outcome] | None) -> Outcome:
    """Store a file; or only try, after the files ``tried`` before it. The answer is kept under ``key``."""
    name, lang, dry_run = Path(file.name).name, at.lang, tried is not None
    known = st.session_state["checked" if dry_run else "kept"]
    shown = as_text(name)
    with st.status(t("upload.working", lang, file=shown), type="step") as status, TemporaryDirectory() as folder:
        path = Path(folder) / safe_name(name)  # its own name: errors bear it
        path.write_bytes(file.getbuffer())
        sealed = holds_sealed(path)

        def progress(step: str, share: float) -> None:
            if share < 1:  # to draw may end this run of the page, and at the end the file is stored already
                status.update(label=f"{shown}: {t(step, lang)} ({share:.0%})")

        try:
            found = at.mending.corrections(path)
            if found is not None:
                outcome = Outcome(name, corrections=found, corrected=at.mending.correct(found, dry_run=dry_run))
            else:
                after = tuple(one.receipt for one in tried or () if one.receipt)
                said = Answers(**upload_ask.said(file), key=at.key, after=after)
                receipt = at.desk.add(path, name, at.by, dry_run=dry_run, progress=progress, said=said)
                outcome = Outcome(name, receipt, sealed=sealed)
        except CollectError as error:
            outcome = Outcome(name, error=error, sealed=sealed)
        else:
            known[key] = outcome  # to draw, or to look into the session, may end this run of the page: stored is stored
        _step(outcome, dry_run, status, lang)
        return outcome


def _step(outcome: Outcome, dry_run: bool, status: Any, lang: str) -> None:
    """What became of a file, as the end of its step."""
    failed = outcome.error is not None
    word = "asks" if outcome.is_question else "failed" if failed else "checked" if dry_run else "kept"
    label = t(f"upload.{word}", lang, file=as_text(outcome.file))
    status.update(label=label, state="error" if failed else "complete")


def _impact(files: Sequence[Any], checked: Sequence[Outcome], at: Counter) -> None:
    """What storing would do, all files together, and the button that does it."""
    lang = at.lang
    both = sorted(zip(files, checked, strict=True), key=lambda pair: pair[1].corrections is not None)
    ready = [file for file, outcome in both if outcome.storable]  # corrections last: of interviews handed in with them
    receipts = [one.receipt for one in checked if one.receipt and not one.receipt.again]
    if not ready and any(one.is_question for one in checked):
        return  # the question comes first
    with st.container(border=True):
        if receipts:
            st.markdown(f"### {t('upload.impact', lang)}")
            st.caption(t("upload.impact.about", lang))
            whole = total(receipts)
            with st.grid(5, min_column_width=120, gap="small"):
                for name in IMPACT:
                    words, helped = t(f"receipt.count.{name}", lang), t(f"receipt.count.{name}.help", lang)
                    st.metric(words, number(getattr(whole, name), lang), help=helped)
        if not ready:
            st.info(t("upload.nothing_new", lang), icon=":material/info:")
            st.session_state.pop("storing", None)
        else:
            if any(upload_ask.left_open(file, outcome.receipt) for file, outcome in both):
                st.warning(t("upload.ask.open", lang), icon=":material/help:")
            if _asked_to_store(len(ready), at):
                _store(ready, [one for one in checked if not one.storable], at)


def _asked_to_store(files: int, at: Counter) -> bool:
    """The button, or one pressed before: a language chosen meanwhile draws the page anew, and storing goes on."""
    if at.lacks_name:
        st.warning(t("upload.needs_name", at.lang), icon=":material/signature:")
        st.session_state.pop("storing", None)
    st.button(
        counted("upload.store", files, at.lang),
        type="primary",
        icon=":material/save:",
        on_click=st.session_state.update,
        args=({"storing": True},),
    )
    return bool(st.session_state.get("storing"))


def _store(ready: Sequence[Any], others: Sequence[Outcome], at: Counter) -> None:
    """Store what can be; what cannot stays in sight with its reason, though the drop zone is emptied."""
    done = _each(ready, at, dry_run=False, kept="kept")
    st.session_state["stored"] = [*done, *others]
    kept = [one for one in done if one.error is None]
    st.session_state.pop("kept", None)  # what failed may be tried again
    st.session_state.pop("storing", None)
    if kept:
        st.session_state.pop("results-made", None)
        st.session_state.pop("checked", None)
        st.session_state["upload-turn"] += 1  # an empty drop zone for the next files
        if news := sum(1 for one in kept if one.receipt is None or not one.receipt.again):  # nobody else was quicker
            st.toast(counted("upload.stored.toast", news, at.lang), icon=":material/check_circle:")
        st.rerun()
    for outcome in st.session_state.pop("stored"):
        if outcome.error is not None:
            reason(outcome.error, at.lang)


def _stored(outcomes: Sequence[Outcome], lang: str, links: Mapping[str, st.Page]) -> None:
    """How many of the stored interviews count already, and where the others are mended."""
    whole = total([one.receipt for one in outcomes if one.receipt])
    if not whole.new + whole.changed + whole.duplicate:
        return
    st.success(upload_lines.kept(whole, lang), icon=":material/inventory_2:")
    if whole.with_issues and "review" in links:
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
            _receipt(outcome, at, asking=asking)
            if outcome.error is not None and not (asking and outcome.is_question):
                reason(outcome.error, at.lang)
    parts = [(one.file, part) for one in outcomes if one.receipt for part in one.receipt.parts]
    if parts:
        upload_issues.render(parts, at.desk.forms(), at.lang)


def _receipt(outcome: Outcome, at: Counter, *, asking: bool) -> None:
    lang = at.lang
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{as_text(outcome.file)}**", width="content")
        if outcome.corrections is not None:
            st.badge(t("upload.sheet.state", lang), icon=":material/edit_note:", color="blue")
        elif asking and outcome.is_question:
            st.badge(t("upload.state.asks", lang), icon=":material/help:", color="orange")
        elif outcome.receipt is None:
            st.badge(t("upload.state.unreadable", lang), icon=":material/error:", color="red")
        elif outcome.receipt.again:
            same = "again" if outcome.receipt.stored else "twin"  # the same bytes are stored, or go with it
            st.badge(t(f"upload.state.{same}", lang), icon=":material/content_copy:", color="gray")
        elif outcome.receipt.stored:
            st.badge(t("upload.state.stored", lang), icon=":material/check_circle:", color="green")
        else:
            st.badge(t("upload.state.checked", lang), icon=":material/preview:", color="blue")
    if outcome.corrections is not None:
        upload_issues.corrections(outcome.corrected, at.desk.forms(), lang, outcome.awaited if asking else None)
    for part in outcome.receipt.parts if outcome.receipt else ():
        upload_lines.part(part, lang)
