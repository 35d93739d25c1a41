"""Interviews that may be one and the same, side by side; somebody says whether they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import streamlit as st

from collect.fieldwork import side_by_side
from collect.i18n import t
from collect.pages import review_acts, review_open, wrapped
from collect.pages.live_reviews import LiveReviews
from collect.pages.review_words import sentence, short
from collect.pages.words import NOTHING, as_text, day, percent


def render(desk: LiveReviews, pairs: pl.DataFrame, rows: pl.DataFrame, lang: str) -> None:
    """Draw the pairs; ``rows`` is the queue, which says when and where each was asked."""
    st.caption(t("review.pairs.about", lang))
    everything = st.toggle(t("review.pairs.judged", lang), key="pairs-judged")
    found = pairs if everything else pairs.filter(pl.col("verdict").is_null())
    by_name = {review_open.pair_of(pair): pair for pair in pairs.iter_rows(named=True)}

    def stands(name: str) -> tuple[Any, ...] | None:
        return (by_name[name]["verdict"],) if name in by_name else None

    shown = [review_open.pair_of(pair) for pair in found.iter_rows(named=True)]
    kept = review_open.settle(review_open.PAIRS, stands, shown)
    opened = by_name.get(kept.ident or "")
    known = {row["submission_id"]: row for row in rows.iter_rows(named=True)}
    if found.is_empty():
        review_acts.told(lang)
        st.success(t("review.pairs.none", lang), icon=":material/check_circle:")
        if opened is not None:
            _opened(desk, kept, opened, known, lang)
        return
    left, right = st.columns([5, 7], gap="medium")
    with left:
        st.dataframe(
            _listed(found if everything else found.drop("verdict"), known, desk.places(lang), lang),
            hide_index=True,
            placeholder=NOTHING,
            on_select="rerun",
            selection_mode="single-row",
            selection_default={"selection": {"rows": kept.rows}},
            key=kept.key,
            alt=t("review.pairs.alt", lang),
        )
    with right:
        review_acts.told(lang)
        if opened is not None:
            _opened(desk, kept, opened, known, lang)
        else:
            st.info(t("review.pick", lang), icon=":material/touch_app:")


def _opened(
    desk: LiveReviews,
    kept: review_open.Open,
    pair: Mapping[str, Any],
    known: Mapping[str, Mapping[str, Any]],
    lang: str,
) -> None:
    if kept.elsewhere and (said := review_acts.judged_elsewhere(desk, pair, lang)):
        st.warning(said, icon=":material/sync_problem:")
    _pair(desk, pair, known, lang)


def _listed(
    pairs: pl.DataFrame, known: Mapping[str, Mapping[str, Any]], places: Mapping[str, str], lang: str
) -> pl.DataFrame:
    lines = []
    for pair in pairs.iter_rows(named=True):
        one, other = known[pair["one"]], known[pair["other"]]
        people = dict.fromkeys(str(row["interviewer"] or NOTHING) for row in (one, other))
        lines.append(
            {
                t("column.commune", lang): places.get(one["commune_code"], one["commune_code"]),
                **({t("review.column.state", lang): _verdict(pair, lang)} if "verdict" in pair else {}),
                t("review.pairs.alike", lang): percent(pair["share"], lang),
                t("review.pairs.kind", lang): t(f"review.pair.{pair['kind']}", lang),
                t("review.column.interviewer", lang): ", ".join(people),
            }
        )
    return pl.DataFrame(lines, infer_schema_length=None)


def _pair(desk: LiveReviews, pair: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], lang: str) -> None:
    one, other = (desk.opened(pair[name], lang) for name in ("one", "other"))
    rows = [known[pair[name]] for name in ("one", "other")]
    heads = [_head(row, lang) for row in rows]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown("### " + sentence(t(f"review.pair.{pair['kind']}", lang)), width="content")
            if pair["verdict"]:
                st.badge(sentence(_verdict(pair, lang)), color="blue")
        if desk.decides:
            _judge(desk, pair, rows, lang)
        else:
            st.caption(t("review.office_decides", lang))
        only = st.toggle(t("review.pairs.differences", lang), value=pair["kind"] != "answers", key="pairs-only")
        lines = [
            (
                f"{'' if only or mine.given == theirs.given else '≠ '}{mine.label}",
                mine.said or None,
                theirs.said or None,
            )
            for mine, theirs in side_by_side(one, other)
            if mine.given != theirs.given or (not only and mine.given is not None)
        ]
        if not lines:
            st.info(t("review.pairs.no_differences", lang), icon=":material/content_copy:")
            return
        question = t("issue.question", lang)
        beside = pl.DataFrame(lines, schema=dict.fromkeys([question, *heads], pl.String), orient="row")
        wrapped.draw(beside, "beside", t("review.pairs.beside", lang), lang, strong=question)


def _verdict(pair: Mapping[str, Any], lang: str) -> str:
    """What somebody said of a pair."""
    return t(f"review.pair.{pair['verdict'] or 'open'}", lang)


def _head(row: Mapping[str, Any], lang: str) -> str:
    return f"{short(row['submission_id'])} · {row['interviewer'] or NOTHING} · {day(row['interviewed_on'], lang)}"


def _judge(desk: LiveReviews, pair: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], lang: str) -> None:
    one, other = pair["one"], pair["other"]
    st.text_input(
        t("review.reason.optional", lang),
        key=f"pair-why-{one}-{other}",
        max_chars=500,
        persist_state="session",  # a look at another pair costs nobody their words
    )
    merge, split = ":material/merge:", ":material/call_split:"
    offered = (  # key, words, icon, and what is said: which is kept, which is the other, whether they are one
        ("one", t("review.pairs.keep", lang, which=short(one)), merge, (one, other, True)),
        ("other", t("review.pairs.keep", lang, which=short(other)), merge, (other, one, True)),
        ("different", t("review.pairs.different", lang), split, (one, other, False)),
    )
    with st.container(horizontal=True, gap="small"):
        for name, words, icon, meaning in offered:
            st.button(
                as_text(words),
                key=f"judge-{name}-{one}-{other}",  # a press that overtakes a drawing is of the pair it was made on
                icon=icon,
                on_click=review_acts.judge,
                args=(desk, pair, rows, meaning, lang),
            )
