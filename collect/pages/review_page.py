"""Review: what waits for a decision, one interview opened beside the list, and interviews that may be one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages import finding, review_acts, review_one, review_open, review_pairs
from collect.pages.layout import header, made_up_banner, outdated, to_upload
from collect.pages.live_reviews import LiveReviews
from collect.pages.picking import Kind, section, several
from collect.pages.review_words import ICONS, short
from collect.pages.signing import ask_name
from collect.pages.tables import in_words, name_width
from collect.pages.take_away import XLSX, buttons
from collect.pages.words import day, number
from collect.review.reviews import STATES
from collect.review.sheet import write
from collect.runs import are_made_up
from collect.speech import title_of

MOST_SHOWN = 1000  # rows on screen; the file has them all
DAY_WIDTH, INTERVIEWER_WIDTH, ERRORS_WIDTH = 124, 104, 64  # pixels
VIEWS = ("queue", "pairs")
WAITING = "with_issues"
BULK = ("accepted", "sent_back", "rejected", "received")


def render(desk: LiveReviews, lang: str, links: Mapping[str, st.Page]) -> None:
    """Draw the page."""
    header(t("review.title", lang), lang)
    st.caption(t("review.about" if desk.decides else "review.about.own", lang))
    rows = desk.queue()
    if rows.is_empty():
        with st.container(border=True, width=640):
            st.markdown(f"### :material/inbox: {t('review.empty', lang)}\n\n{t('review.empty.about', lang)}")
            to_upload(links, lang)
        return
    outdated("decisions" if desk.uncounted else "", lang, links)
    made_up_banner(are_made_up(rows["round"].unique()), lang)
    pairs = desk.pairs()
    waiting = pairs.filter(pl.col("verdict").is_null()).height
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        views = {code: t(f"review.view.{code}", lang, count=number(waiting, lang)) for code in VIEWS}
        view = section("view", t("review.view", lang), views)
        desk = desk.signed(ask_name(desk.who, t("review.by", lang)))
    if view == "pairs":
        review_pairs.render(desk, pairs, rows, lang)
    else:
        _queue(desk, rows, lang)


def _queue(desk: LiveReviews, rows: pl.DataFrame, lang: str) -> None:
    found = _filtered(desk, rows, lang)
    if sealed := desk.waiting_for_the_key:
        st.info(t("cli.phones.sealed", lang, sealed=number(sealed, lang)), icon=":material/lock:")
    st.caption(t("review.count", lang, rows=number(found.height, lang), all=number(rows.height, lang)))
    shown = found.head(MOST_SHOWN)

    def stands(ident: str) -> tuple[Any, ...] | None:
        held = rows.filter(submission_id=ident)
        return review_open.standing(held.row(0, named=True)) if held.height else None

    kept = review_open.settle(review_open.INTERVIEWS, stands, shown["submission_id"].to_list())
    if found.is_empty():
        review_acts.told(lang)
        if st.session_state["state"] == [WAITING] and rows.filter(state=WAITING).is_empty():
            st.success(t("review.none_waiting", lang), icon=":material/check_circle:")
        else:
            st.info(t("review.filtered_out", lang), icon=":material/filter_alt_off:")
        if kept.ident:
            _opened(desk, kept, rows, lang)
        return
    left, right = st.columns(2, gap="medium")
    with left:
        ticked = _list(desk, found, kept, lang)
    with right:
        review_acts.told(lang)
        if st.session_state.get("several") and desk.decides:
            _several(desk, rows.filter(pl.col("submission_id").is_in(ticked)), lang)
        elif kept.ident:
            _opened(desk, kept, rows, lang)
        else:
            st.info(t("review.pick", lang), icon=":material/touch_app:")


def _opened(desk: LiveReviews, kept: review_open.Open, rows: pl.DataFrame, lang: str) -> None:
    row = rows.filter(submission_id=kept.ident).row(0, named=True)
    if kept.elsewhere:
        st.warning(review_acts.elsewhere(desk, row, lang), icon=":material/sync_problem:")
    review_one.render(desk, row, lang)


def _filtered(desk: LiveReviews, rows: pl.DataFrame, lang: str) -> pl.DataFrame:
    present = {name: rows[name].drop_nulls().unique().sort().to_list() for name in ("form", "interviewer")}
    places = desk.places(lang)
    communes = {
        code: finding.commune(places.get(code, code), code) for code in rows["commune_code"].drop_nulls().unique()
    }
    codes = rows["codes"].explode().drop_nulls().unique().sort().to_list()
    counts = dict(rows["state"].value_counts().iter_rows())
    states = {  # what waits stays a choice when nothing does: who decides on the last must not find others in its place
        state: f"{t(f'review.state.{state}', lang)} ({number(counts.get(state, 0), lang)})"
        for state in STATES
        if state in counts or state == WAITING
    }
    titles = {name: title_of(form, lang) for name, form in desk.forms().items()}
    kinds = {
        "state": Kind("state", t("review.filter.state", lang), states, (WAITING,)),
        "form": Kind("form", t("review.filter.form", lang), {name: titles.get(name, name) for name in present["form"]}),
        "commune_code": Kind(
            "at", t("review.filter.commune", lang), dict(sorted(communes.items(), key=lambda x: x[1]))
        ),
        "interviewer": Kind(
            "interviewer", t("review.filter.interviewer", lang), {name: name for name in present["interviewer"]}
        ),
        "codes": Kind(
            "code", t("review.filter.code", lang), {code: f"{code} {t(f'{code}.name', lang)}" for code in codes}
        ),
    }
    everything = t("gap_list.filter.all", lang)
    with st.container(border=True), st.grid(5, min_column_width=135, gap="small"):
        for column, kind in kinds.items():
            picked = several(kind, everything)
            if picked and column == "codes":
                rows = rows.filter(pl.col("codes").list.set_intersection(picked).list.len() > 0)
            elif picked:
                rows = rows.filter(pl.col(column).is_in(picked))
    return rows


def _list(desk: LiveReviews, rows: pl.DataFrame, kept: review_open.Open, lang: str) -> list[str]:
    """Draw the list, the open interview ticked in it; returns what is ticked for several."""
    shown = rows.head(MOST_SHOWN)
    several = desk.decides and st.toggle(
        t("review.list.several", lang), key="several", help=t("review.list.several.help", lang)
    )
    table = listed(shown, desk.places(lang), lang)
    if shown["state"].n_unique() == 1:  # the filter says it already
        table = table.drop(t("review.column.state", lang))
    event: Any = st.dataframe(
        table,
        hide_index=True,
        height=min(36 * (table.height + 1) + 4, 520),
        placeholder="–",
        alt=t("review.list.alt", lang),
        on_select="rerun",
        selection_mode="multi-row" if several else "single-row",
        selection_default={"selection": {"rows": [] if several else kept.rows}},
        key=f"review-rows-{shown['submission_id'].hash().sum()}" if several else kept.key,  # ticks are of these rows
        column_config={
            t("column.commune", lang): st.column_config.Column(width=name_width(lang)),
            t("review.column.state", lang): st.column_config.Column(width=104),
            t("review.column.day", lang): st.column_config.Column(width=DAY_WIDTH),
            t("review.column.interviewer", lang): st.column_config.Column(width=INTERVIEWER_WIDTH),
            t("review.column.errors", lang): st.column_config.Column(width=ERRORS_WIDTH),
        },
    )
    if rows.height > shown.height:
        st.caption(t("review.list.first", lang, shown=number(MOST_SHOWN, lang)))
    made_up = are_made_up(rows["round"].unique())
    buttons(listed(rows, desk.places(lang), lang, whole=True), "interviews", lang, made_up)
    st.download_button(
        t("upload.issues.download", lang),
        data=lambda: write(desk.outstanding(rows["submission_id"].to_list()), desk.forms(), lang),
        file_name="issues.xlsx",
        mime=XLSX,
        key="review-issues",
        icon=":material/edit_note:",
        on_click="ignore",
        help=t("upload.issues.download.help", lang),
    )
    return [shown["submission_id"][at] for at in event.selection.rows if at < shown.height]


def listed(rows: pl.DataFrame, places: Mapping[str, str], lang: str, *, whole: bool = False) -> pl.DataFrame:
    """The queue for people, what a phone shows first; ``whole``: for a file, with the full id."""

    def named(codes: Sequence[str]) -> str:
        return ", ".join(t(f"{one}.name", lang) for one in codes)

    code = pl.col("commune_code")
    columns: dict[str, pl.Expr | pl.Series] = {
        "column.commune": pl.coalesce(code.replace_strict(dict(places), default=None, return_dtype=pl.String), code),
        "review.column.day": rows["interviewed_on"]
        if whole
        else in_words(rows["interviewed_on"], lambda value: day(value, lang)),
        "review.column.interviewer": pl.col("interviewer"),
        "review.column.state": pl.col("state").replace_strict(
            {state: t(f"review.state.{state}", lang) for state in STATES}
        ),
        "review.column.errors": pl.col("errors"),
        "review.column.codes": pl.col("codes").list.join(" ") if whole else in_words(rows["codes"], named),
        "review.column.warnings": pl.col("warnings"),
        "review.column.corrections": pl.col("corrections"),
        "review.column.file": pl.col("file"),
        "issue.submission": rows["submission_id"] if whole else in_words(rows["submission_id"], short),
    }
    return rows.select(expression.alias(t(key, lang)) for key, expression in columns.items())


def _several(desk: LiveReviews, chosen: pl.DataFrame, lang: str) -> None:
    if chosen.is_empty():
        st.info(t("review.pick.several", lang), icon=":material/check_box:")
        return
    with st.container(border=True):
        st.markdown(f"### {t('review.several', lang, count=number(chosen.height, lang))}")
        st.text_input(
            t("review.reason", lang),
            key="several-reason",
            max_chars=500,
            placeholder=t("review.reason.placeholder", lang),
        )
        with st.container(horizontal=True, gap="small"):
            decided = chosen["last_decision"].is_not_null().any()
            for decision in BULK if decided else BULK[:-1]:  # nothing to take back where nothing was decided
                st.button(
                    t(f"review.do.{decision}", lang),
                    icon=ICONS[decision],
                    key=f"several-{decision}",
                    type="primary" if decision == "accepted" else "secondary",
                    on_click=review_acts.decide,
                    args=(desk, chosen.to_dicts(), decision, "several-reason", lang),
                )
