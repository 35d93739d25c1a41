"""One interview opened: what is wrong beside the answers, what happened to it, the decision, and answers put right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import polars as pl
import streamlit as st

from collect.fieldwork import Answer, Interview
from collect.i18n import t
from collect.pages.live_reviews import LiveReviews
from collect.pages.review_words import short, tell_error
from collect.pages.words import NOTHING, as_text, day, moment, number
from collect.problems import CollectError
from collect.review.reviews import Correction
from collect.review.sheet import OF_THE_ANSWER
from collect.speech import said
from collect.wording.events import what_happened
from collect.wording.issues import words_of
from collect.wording.states import state_of

ICONS = {
    "accepted": ":material/check_circle:",
    "sent_back": ":material/undo:",
    "rejected": ":material/block:",
    "received": ":material/restart_alt:",
}
STANDING = ("state", "upload_id", "last_decision", "reason", "decided_at", "corrections", "changed")
Colour = Literal["green", "red", "orange", "gray", "blue"]
COLOURS: Mapping[str, Colour] = {
    "received": "blue",
    "with_issues": "orange",
    "accepted": "green",
    "sent_back": "orange",
    "rejected": "red",
    "superseded": "gray",
    "deleted": "gray",
}
SEVERITIES: Mapping[str, Colour] = {"error": "red", "warning": "orange", "repaired": "gray"}


def render(desk: LiveReviews, row: Mapping[str, Any], lang: str) -> None:
    """Draw one interview; ``row`` is its row of the queue."""
    ident = str(row["submission_id"])
    opened = desk.opened(ident, lang)
    history = desk.history(ident)
    with st.container(border=True):
        _head(row, desk.places(lang), lang)
        if desk.decides:
            _decision(desk, row, lang)
        else:
            st.caption(t("review.office_decides", lang))
        issues, answers, past = st.tabs(
            [
                t("review.tab.issues", lang, count=number(opened.issues.height, lang)),
                t("review.tab.answers", lang),
                t("review.tab.history", lang, count=number(history.height, lang)),
            ]
        )
        with issues:
            _issues(desk, opened, lang)
        with answers:
            _answers(desk, opened, lang)
        with past:
            _history(history, opened, lang)


def _head(row: Mapping[str, Any], places: Mapping[str, str], lang: str) -> None:
    where = places.get(row["commune_code"], row["commune_code"]) or t("review.no_place", lang)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"### {as_text(str(where))} · {day(row['interviewed_on'], lang)}", width="content")
        st.badge(t(f"review.state.{row['state']}", lang), color=COLOURS[row["state"]])
    facts = {
        "review.column.interviewer": row["interviewer"],
        "review.fact.cluster": row["cluster"],
        "review.column.file": row["file"],
        "review.fact.sent_by": row["received_by"],
        "issue.submission": short(row["submission_id"]),
    }
    st.caption(" · ".join(f"{t(key, lang)}: {as_text(str(value))}" for key, value in facts.items() if value))
    if row["files"]:
        counted = {name: number(row[name], lang) for name in ("files", "files_missing")}
        st.caption(t("review.files", lang, **counted))
    if row["server_state"] and row["server_state"] != row["decision"]:
        st.caption(as_text(state_of(row, lang)))
    if row["changed"]:
        st.warning(t("review.changed", lang), icon=":material/update:")
    if row["reason"]:
        said = {"by": as_text(row["decided_by"] or NOTHING), "why": as_text(row["reason"])}
        st.caption(t("review.last_reason", lang, **said))


def told(lang: str) -> None:
    """What the last click came to; said once, above whichever interview is open by then."""
    said = st.session_state.pop("review-told", None)
    if said is None:
        return
    kind, words = said
    if kind == "refused":
        tell_error(words, lang)
    elif kind in ICONS:
        st.toast(words, icon=ICONS[kind])
    else:
        (st.success if kind == "applied" else st.error)(words)


def _decision(desk: LiveReviews, row: Mapping[str, Any], lang: str) -> None:
    ident = row["submission_id"]
    st.text_input(
        t("review.reason", lang), key=f"reason-{ident}", max_chars=500, placeholder=t("review.reason.placeholder", lang)
    )
    offered = [one for one in ICONS if one != row["state"] and (one != "received" or row["last_decision"])]
    with st.container(horizontal=True, gap="small"):
        for decision in offered:
            st.button(
                t(f"review.do.{decision}", lang),
                icon=ICONS[decision],
                key=f"{decision}-{ident}",
                type="primary" if decision == "accepted" else "secondary",
                on_click=_decide,
                args=(desk, row, decision, lang),
            )


def _decide(desk: LiveReviews, shown: Mapping[str, Any], decision: str, lang: str) -> None:
    """Decide on what was on screen, unless it stands otherwise by now: the list may have moved on to another one.

    Runs before the page is drawn anew: a button that the new page lacks would be pressed in silence.
    """
    ident, session = shown["submission_id"], st.session_state
    try:
        now = desk.queue().filter(submission_id=ident)
        if now.is_empty() or any(now[name][0] != shown[name] for name in STANDING):
            session["review-told"] = "meanwhile", _meanwhile(desk, shown, now, lang)
            return
        signed = desk.signed(session.get("by") or "") if desk.asks_name else desk
        signed.decide([ident], decision, session.get(f"reason-{ident}") or "")
    except CollectError as error:
        session["review-told"] = "refused", error
        return
    session["review-told"] = decision, t("review.done", lang, state=t(f"review.state.{decision}", lang))


def _meanwhile(desk: LiveReviews, shown: Mapping[str, Any], now: pl.DataFrame, lang: str) -> str:
    """That somebody else was quicker: at which interview, who, when, and how it stands."""
    which = short(shown["submission_id"])
    if now.is_empty():
        return t("review.gone", lang, which=as_text(which))
    last = desk.history(shown["submission_id"]).row(-1, named=True)
    said = {"by": as_text(last["by"] or NOTHING), "at": moment(last["at"], lang)}
    return t("review.meanwhile", lang, which=as_text(which), state=t(f"review.state.{now['state'][0]}", lang), **said)


def _issues(desk: LiveReviews, opened: Interview, lang: str) -> None:
    if opened.issues.is_empty():
        st.success(t("review.no_issues", lang), icon=":material/check_circle:")
    answers = {(one.row_id, one.question): one for one in opened.answers}
    for place, issue in enumerate(opened.issues.iter_rows(named=True)):
        label, found, mend = words_of(issue, opened.form, lang)
        with st.container(border=True, gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                name = (issue["question"] or "").rpartition("/")[2]  # of a calculation, which has no label
                title = label or " · ".join(filter(None, [t(f"{issue['code']}.name", lang), name]))
                st.markdown(f"**{as_text(title)}**", width="content")
                st.badge(t(f"severity.{issue['severity']}", lang), color=SEVERITIES[issue["severity"]])
            given = t("review.given", lang, value=as_text(issue["value"])) + "  \n" if issue["value"] else ""
            st.markdown(f"{given}{as_text(found)}")
            st.caption(f"{as_text(mend)} · {issue['code']}")
            answer = answers.get((issue["row_id"] or opened.form.root, issue["question"]))
            if answer is not None and issue["code"].startswith(OF_THE_ANSWER):
                with st.expander(t("review.correct", lang), icon=":material/edit:"):
                    _correction(desk, opened, answer, f"issue-{place}", lang)


def _answers(desk: LiveReviews, opened: Interview, lang: str) -> None:
    wrong = {(row or opened.form.root, question) for row, question in opened.issues.select("row_id", "question").rows()}
    shown = pl.DataFrame(
        [
            (
                "⚠" if (one.row_id, one.question) in wrong else "",
                f"{_row(one, opened)}{one.label}",
                one.said or None,
            )
            for one in opened.answers
        ],
        schema=dict.fromkeys([" ", t("issue.question", lang), t("review.column.answer", lang)], pl.String),
        orient="row",
    )
    event: Any = st.dataframe(
        shown,
        hide_index=True,
        height=420,
        placeholder=NOTHING,
        alt=t("review.answers.alt", lang),
        on_select="rerun",
        selection_mode="single-row",
        key=f"answers-{opened.submission_id}",
        column_config={
            " ": st.column_config.Column(width=28),
            t("issue.question", lang): st.column_config.Column(width=300),
        },
    )
    chosen = [at for at in event.selection.rows if at < len(opened.answers)]
    if not chosen:
        st.caption(t("review.answers.pick", lang))
        return
    answer = opened.answers[chosen[0]]
    st.markdown(f"**{as_text(answer.label)}**")
    _correction(desk, opened, answer, "answer", lang)


def _row(answer: Answer, opened: Interview) -> str:
    """A repeat's row before its questions: '2. ' for the second person."""
    return "" if answer.row_id == opened.form.root else f"{answer.row_id.rpartition('[')[2].rstrip(']')}. "


def _correction(desk: LiveReviews, opened: Interview, answer: Answer, key: str, lang: str) -> None:
    question = opened.form.to_read.by_path[answer.question]
    choices = opened.form.choices.get(question.choice_list or "", ())
    with st.form(f"{key}-{opened.submission_id}-{answer.row_id}-{answer.question}", border=False):
        new: str | None
        if question.type == "select_one" and choices:
            labels = {one.name: said(one.labels, lang) or one.name for one in choices}
            known = list(labels)
            new = st.selectbox(
                t("issue.new", lang),
                known,
                format_func=lambda name: f"{labels[name]} ({name})",
                index=known.index(answer.given) if answer.given in known else None,
                placeholder=t("correction.blank", lang),
            )
        else:
            new = st.text_input(t("issue.new", lang), value=answer.given or "", max_chars=2000)
        why = st.text_input(t("issue.reason", lang), max_chars=500)
        if not st.form_submit_button(t("review.correct.save", lang), icon=":material/save:"):
            return
    correction = Correction(
        opened.submission_id,
        answer.question,
        new,
        why,
        "" if answer.row_id == opened.form.root else answer.row_id,
        seen=answer.given or "",
    )
    try:
        outcome = desk.correct([correction])[0]
    except CollectError as error:
        tell_error(error, lang)
        return
    st.session_state["review-told"] = outcome.result, t(f"correction.{outcome.result}", lang, code=outcome.code)
    st.rerun()


def _history(history: pl.DataFrame, opened: Interview, lang: str) -> None:
    for row in history.reverse().iter_rows(named=True):
        with st.container(border=True, gap="xsmall"):
            event = t(f"review.event.{row['event']}", lang)
            st.markdown(f"**{event}** · {_what(row, opened, lang)}")
            why = f" · {as_text(row['why'])}" if row["why"] else ""
            st.caption(f"{moment(row['at'], lang)} · {as_text(row['by'] or NOTHING)}{why}")


def _what(row: Mapping[str, Any], opened: Interview, lang: str) -> str:
    match row["event"]:
        case "pair":
            return as_text(short(row["old"])) + " → " + t(f"review.pair.{row['new']}", lang)
        case event if event != "correction":
            return as_text(what_happened(row, lang))
        case _:
            question = opened.form.to_read.by_path.get(row["question"])
            label = (said(question.labels, lang) or question.name) if question else row["question"]
            change = f"{row['old'] or t('correction.blank', lang)} → {row['new'] or t('correction.blank', lang)}"
            return f"{as_text(label)}: {as_text(change)}"
