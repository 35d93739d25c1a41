"""One interview opened: what is wrong beside the answers, what happened to it, the decision, and answers put right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import polars as pl
import streamlit as st

from collect.fieldwork import Answer, Interview
from collect.i18n import t
from collect.i18n.figures import counted
from collect.pages import review_acts
from collect.pages.live_reviews import LiveReviews
from collect.pages.review_words import ICONS, short
from collect.pages.words import NOTHING, as_text, day, moment, number
from collect.review.sheet import OF_THE_ANSWER
from collect.speech import said
from collect.tables import FOLLOWS
from collect.wording.answers import answer_of, label_of
from collect.wording.events import what_happened
from collect.wording.issues import given_of, words_of
from collect.wording.states import state_of

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
            _issues(desk, row, opened, lang)
        with answers:
            _answers(desk, row, opened, lang)
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
        whom = {"by": as_text(row["decided_by"] or NOTHING), "why": as_text(row["reason"])}
        st.caption(t("review.last_reason", lang, **whom))


def _decision(desk: LiveReviews, row: Mapping[str, Any], lang: str) -> None:
    ident = row["submission_id"]
    st.text_input(
        t("review.reason", lang),
        key=f"reason-{ident}",
        max_chars=500,
        placeholder=t("review.reason.placeholder", lang),
        persist_state="session",  # a look at another interview costs nobody their words
    )
    offered = [one for one in ICONS if one != row["state"] and (one != "received" or row["last_decision"])]
    with st.container(horizontal=True, gap="small"):
        for decision in offered:
            st.button(
                t(f"review.do.{decision}", lang),
                icon=ICONS[decision],
                key=f"{decision}-{ident}",
                type="primary" if decision == "accepted" else "secondary",
                on_click=review_acts.decide,
                args=(desk, [row], decision, f"reason-{ident}", lang),
            )


def _issues(desk: LiveReviews, shown: Mapping[str, Any], opened: Interview, lang: str) -> None:
    if opened.issues.is_empty():
        st.success(t("review.no_issues", lang), icon=":material/check_circle:")
    answers = {(one.row_id, one.question): one for one in opened.answers}
    following = opened.issues.filter(FOLLOWS)
    for place, issue in enumerate(opened.issues.filter(~FOLLOWS).iter_rows(named=True)):
        label, found, mend = words_of(issue, opened.form, lang)
        with st.container(border=True, gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                name = t(f"{issue['code']}.name", lang)
                person = _person(issue["row_id"], opened, lang)
                st.markdown(f"**{as_text(person + (label or name))}**", width="content")
                st.badge(t(f"severity.{issue['severity']}", lang), color=SEVERITIES[issue["severity"]])
            value = given_of(issue, opened.form, lang)
            given = t("review.given", lang, value=as_text(value)) + "  \n" if value else ""
            st.markdown(f"{given}{as_text(found)}")
            st.caption(f"{as_text(mend)} · {issue['code']}")
            answer = answers.get((issue["row_id"] or opened.form.root, issue["question"]))
            if answer is not None and issue["code"].startswith(OF_THE_ANSWER):
                with st.expander(t("review.correct", lang), icon=":material/edit:"):
                    _correction(desk, shown, opened, answer, f"issue-{place}", lang)
    if following.height:
        told = counted("issue.follow", following.height, lang)
        alone = following.height == opened.issues.height  # what they follow from is told of the file, not here
        with st.expander(told, expanded=alone, icon=":material/subdirectory_arrow_right:"):
            for issue in following.iter_rows(named=True):
                label, found, mend = words_of(issue, opened.form, lang)
                who = _person(issue["row_id"], opened, lang)
                st.markdown(f"**{as_text(who + (label or issue['code']))}**  \n{as_text(found)}")
                st.caption(f"{as_text(mend)} · {issue['code']}")


def _answers(desk: LiveReviews, shown: Mapping[str, Any], opened: Interview, lang: str) -> None:
    wrong = {(row or opened.form.root, question) for row, question in opened.issues.select("row_id", "question").rows()}
    listed = pl.DataFrame(
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
        listed,
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
    _correction(desk, shown, opened, answer, "answer", lang)


def _person(row_id: str | None, opened: Interview, lang: str) -> str:
    """Which of a repeat's rows, before its questions: 'Member 2 · '."""
    path, _, place = (row_id or "").rpartition("[")
    labels = next((one.labels for one in opened.form.to_read.sections if one.path == path), {})
    return f"{said(labels, lang)} {place.rstrip(']')} · ".lstrip() if path else ""


def _row(answer: Answer, opened: Interview) -> str:
    """A repeat's row before its questions: '2. ' for the second person."""
    return "" if answer.row_id == opened.form.root else f"{answer.row_id.rpartition('[')[2].rstrip(']')}. "


def _correction(  # six: the interview as the list shows it, and as it was opened
    desk: LiveReviews, shown: Mapping[str, Any], opened: Interview, answer: Answer, key: str, lang: str
) -> None:
    question = opened.form.to_read.by_path[answer.question]
    choices = opened.form.choices.get(question.choice_list or "", ())
    slot = f"{key}-{opened.submission_id}-{answer.row_id}-{answer.question}"
    with st.form(slot, border=False):
        if question.type == "select_one" and choices:
            labels = {one.name: said(one.labels, lang) or one.name for one in choices}
            known = list(labels)
            st.selectbox(
                t("issue.new", lang),
                known,
                format_func=lambda name: f"{labels[name]} ({name})",
                index=known.index(answer.given) if answer.given in known else None,
                placeholder=t("correction.blank", lang),
                key=f"{slot}-new",
            )
        else:
            st.text_input(t("issue.new", lang), value=answer.given or "", max_chars=2000, key=f"{slot}-new")
        st.text_input(t("issue.reason", lang), max_chars=500, key=f"{slot}-why")
        st.form_submit_button(
            t("review.correct.save", lang),
            icon=":material/save:",
            on_click=review_acts.put_right,
            args=(desk, shown, answer, opened.form.root, slot, lang),
        )


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
            label = label_of(question, lang) if question else row["question"]
            old, new = (
                (answer_of(question, row[name], opened.form, lang) if question else row[name])
                or t("correction.blank", lang)
                for name in ("old", "new")
            )
            return f"{as_text(label)}: {as_text(f'{old} → {new}')}"
