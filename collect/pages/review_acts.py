"""What a press on the review page does, and what came of it, said once: on what still stands as it was shown, or not.

Each runs before the page is drawn anew: a button that the new page lacks, because another window was quicker, would be
pressed in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import streamlit as st

from collect.fieldwork import Answer
from collect.i18n import t
from collect.pages import review_open
from collect.pages.live_reviews import LiveReviews
from collect.pages.review_words import ICONS, result_of, short, tell_error
from collect.pages.words import NOTHING, as_text, counted, moment
from collect.problems import CollectError
from collect.review.reviews import Correction

MOST_TOLD = 5  # interviews that another window changed, each with who and when
Row = Mapping[str, Any]


def told(lang: str) -> None:
    """What the last press came to; said once, above whatever is open by then."""
    with st.container(key="told"):  # there though nothing is said: what stands below keeps its place, and stays open
        for kind, words in st.session_state.pop("review-told", ()):
            if kind == "refused":
                tell_error(words, lang)
            elif kind in ICONS:
                st.toast(words, icon=ICONS[kind])
            else:
                (st.success if kind == "applied" else st.error)(words)


def decide(desk: LiveReviews, shown: Sequence[Row], decision: str, reason: str, lang: str) -> None:
    """Decide on interviews as they were shown; those that stand otherwise by now are left alone, and told.

    ``reason``: the key of the field in which the reason is written.
    """
    try:
        found = _otherwise(desk, shown, lang)
        ids = [row["submission_id"] for row in shown if row["submission_id"] not in found]
        if ids:
            _signed(desk).decide(ids, decision, st.session_state.get(reason) or "")
            review_open.own(review_open.INTERVIEWS, ids)
            state, which = t(f"review.state.{decision}", lang), _which(ids)
            done = counted("review.decided", len(ids), lang, state=state, which=which)
            _tell(decision, done)
            st.session_state[reason] = ""
        _tell_all(list(found.values()))
    except CollectError as error:
        _tell("refused", error)


def put_right(desk: LiveReviews, shown: Row, answer: Answer, root: str, slot: str, lang: str) -> None:
    """Save the answer typed in the form ``slot`` of an interview whose root is ``root``."""
    session, ident = st.session_state, str(shown["submission_id"])
    row = "" if answer.row_id == root else answer.row_id
    typed = Correction(ident, answer.question, session[f"{slot}-new"], session[f"{slot}-why"] or "", row)
    try:
        if found := _otherwise(desk, [shown], lang):
            _tell_all(list(found.values()))
            return
        (outcome,) = _signed(desk).correct([replace(typed, seen=answer.given or "")])
    except CollectError as error:
        _tell("refused", error)
        return
    if outcome.result == "applied":
        review_open.own(review_open.INTERVIEWS, [ident])
    _tell(outcome.result, f"{as_text(answer.label)}: {as_text(result_of(outcome, lang))}")


def judge(desk: LiveReviews, pair: Row, shown: Sequence[Row], meaning: tuple[str, str, bool], lang: str) -> None:
    """Say of a pair which is kept, which is the other, and whether they are one interview."""
    try:
        found = list(_otherwise(desk, shown, lang).values()) or _judged_meanwhile(desk, pair, lang)
        if found:
            _tell_all(found)
            return
        why = st.session_state.get(f"pair-why-{pair['one']}-{pair['other']}") or ""
        _signed(desk).judge(*meaning, why)
    except CollectError as error:
        _tell("refused", error)
        return
    review_open.own(review_open.INTERVIEWS, [pair["one"], pair["other"]])
    review_open.own(review_open.PAIRS, [review_open.pair_of(pair)])
    _tell("accepted", t("review.pairs.said", lang, **{name: as_text(short(pair[name])) for name in ("one", "other")}))


def _which(ids: Sequence[str]) -> str:
    """The first of some interviews: two notes that follow one another and read alike would be shown as one."""
    named = [as_text(short(one)) for one in ids[:MOST_TOLD]]
    return ", ".join([*named, *(["…"] if len(ids) > MOST_TOLD else [])])


def _tell(kind: str, words: object) -> None:
    st.session_state.setdefault("review-told", []).append((kind, words))


def _tell_all(found: Sequence[str]) -> None:
    for words in found[:MOST_TOLD]:
        _tell("meanwhile", words)


def _signed(desk: LiveReviews) -> LiveReviews:
    return desk.signed(st.session_state.get("by") or "") if desk.asks_name else desk


def _otherwise(desk: LiveReviews, shown: Sequence[Row], lang: str) -> dict[str, str]:
    """Those that no longer stand as they were shown, and the words for each: who changed them, when, how they stand."""
    queue = desk.queue().filter(pl.col("submission_id").is_in([row["submission_id"] for row in shown]))
    now = {row["submission_id"]: row for row in queue.iter_rows(named=True)}
    found = {}
    for row in shown:
        ident = row["submission_id"]
        stands = now.get(ident)
        if stands is None:
            found[ident] = t("review.gone", lang, which=as_text(short(ident)))
        elif review_open.standing(stands) != review_open.standing(row):
            found[ident] = _changed("review.meanwhile", desk, stands, lang)
    return found


def elsewhere(desk: LiveReviews, stands: Row, lang: str) -> str:
    """The words for an interview that another window changed while it was open in this one."""
    return _changed("review.elsewhere", desk, stands, lang)


def _changed(words: str, desk: LiveReviews, stands: Row, lang: str) -> str:
    ident, state = stands["submission_id"], t(f"review.state.{stands['state']}", lang)
    last = desk.history(ident).row(-1, named=True)
    whom = {"by": as_text(last["by"] or NOTHING), "at": moment(last["at"], lang)}
    return t(words, lang, which=as_text(short(ident)), state=state, **whom)


def _judged_meanwhile(desk: LiveReviews, pair: Row, lang: str) -> list[str]:
    """Whether somebody has said something of this pair since it was shown, and the words for it."""
    now = desk.pairs().filter(one=pair["one"], other=pair["other"])
    if now.height and now["verdict"][0] == pair["verdict"]:
        return []
    found = _judged("review.pair.meanwhile", desk, now.row(0, named=True), lang) if now.height else None
    return [found or t("review.gone", lang, which=as_text(short(pair["other"])))]


def judged_elsewhere(desk: LiveReviews, pair: Row, lang: str) -> str | None:
    """The words for a pair that another window decided on while it was open in this one."""
    return _judged("review.pair.elsewhere", desk, pair, lang)


def _judged(words: str, desk: LiveReviews, pair: Row, lang: str) -> str | None:
    """Who said what of a pair, and when; None where nobody did."""
    lines = desk.history(pair["one"]).filter(event="pair")
    if pair["verdict"] is None or lines.is_empty():
        return None
    last = lines.row(-1, named=True)
    whom = {"by": as_text(last["by"] or NOTHING), "at": moment(last["at"], lang)}
    return t(words, lang, verdict=t(f"review.pair.{pair['verdict']}", lang), **whom)
