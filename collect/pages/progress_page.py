"""Progress: how far the sample is covered, what each day brought, and where to go next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from collect.fieldwork.progress import STATES
from collect.i18n import t
from collect.pages import field_charts, wrapped
from collect.pages.layout import header, made_up_banner, to_upload
from collect.pages.live_field import Coverage
from collect.pages.picking import section
from collect.pages.tables import in_words
from collect.pages.take_away import buttons
from collect.pages.twins import framed, table
from collect.pages.words import NOTHING, as_text, counted, day, number
from collect.publish import next_step

COLOURS = {"done": "#1f6fb4", "begun": "#9cc9e8", "missing": "#b5402c"}
BY_COMMUNE = "by-commune"  # a phone scrolls inside it
SECTIONS = ("next", "communes", "clusters", "days")


def render(found: Coverage, lang: str, links: Mapping[str, st.Page]) -> None:
    """Draw the page."""
    header(t("progress.title", lang), lang)
    st.caption(t("progress.about", lang))
    if found.communes.is_empty():
        with st.container(border=True, width=640):
            st.markdown(f"### :material/inbox: {t('progress.empty', lang)}\n\n{t('progress.empty.about', lang)}")
            to_upload(links, lang)
        return
    made_up_banner(found.made_up, lang)
    if found.round:
        st.caption(t("progress.round", lang, round=as_text(found.round)), width="stretch")
    if not found.all_teams:
        st.caption(t("progress.whole_round", lang), width="stretch")
    _figures(found, lang)
    if found.clusters.is_empty():
        st.info(t("progress.no_frame", lang), icon=":material/info:")
    words = {code: t(f"progress.section.{code}", lang) for code in SECTIONS}
    chosen = section("progress", t("progress.section", lang), words)
    {"next": _next, "communes": _communes, "clusters": _clusters, "days": _days}[chosen](found, lang)


def _figures(found: Coverage, lang: str) -> None:
    counts = {state: found.clusters.filter(state=state).height for state in STATES}
    planned = found.clusters.height
    figures = {
        "interviews": number(int(found.communes["interviews"].sum()), lang),
        "done": number(counts["done"], lang) if planned else NOTHING,
        "begun": number(counts["begun"], lang),
        "missing": number(counts["missing"], lang),
    }
    with st.grid(4, min_column_width=150, gap="small"):
        for name, value in figures.items():
            words, helped = t(f"progress.figure.{name}", lang), t(f"progress.help.{name}", lang)
            st.metric(words, value, border=True, help=helped, height="stretch")
    if planned:
        st.progress(
            counts["done"] / planned,
            text=t("progress.bar", lang, done=number(counts["done"], lang), planned=number(planned, lang)),
        )


def _next(found: Coverage, lang: str) -> None:
    st.caption(t("progress.next.about", lang))
    rows = found.nearby
    if rows.is_empty():
        st.success(t("progress.next.none", lang), icon=":material/check_circle:")
        return
    planned = set(found.clusters["commune_code"])
    outside = rows["commune_code"].is_in(planned).not_() & bool(planned)
    steps = [_step(row, beyond, lang) for row, beyond in zip(rows.iter_rows(named=True), outside, strict=True)]
    settles = [_settles(row, found.targets, lang) for row in rows.iter_rows(named=True)]
    commune, step = t("column.commune", lang), _c("step", lang)
    listed = rows.select(
        _named(found.places).alias(commune),
        pl.Series(step, steps, pl.String),
        pl.Series(_c("settles", lang), settles, pl.String),
        pl.col("commune_code").alias(t("progress.column.code", lang)),
    )
    wrapped.draw(listed, "next", t("progress.alt.next", lang), lang, strong=commune, long=(step,))
    counts = rows.select(
        pl.col(name).alias(_c(name, lang)) for name in ("missing", "begun", "hamlets_needed", "interviews_needed")
    )
    buttons(pl.concat([listed, counts], how="horizontal"), "progress-next", lang, found.made_up)


def _step(row: Mapping[str, Any], beyond: bool, lang: str) -> str:
    """What to do in a commune: the plan first, then what would settle a target; ``beyond``: no plan names it."""
    left = [counted(f"progress.{kind}", row[kind], lang) for kind in ("missing", "begun") if row[kind]]
    if left:
        return t("progress.finish", lang, hamlets=", ".join(left))
    step = next_step(row, lang)
    return t("progress.beyond", lang, step=step) if beyond else step


def _settles(row: Mapping[str, Any], names: Mapping[str, str], lang: str) -> str | None:
    """The targets its step is for, by name, and how many of the open ones these are."""
    if row["missing"] or row["begun"] or not row["targets"]:
        return None
    settles, named = row["targets"], ", ".join(names.get(target, target) for target in row["targets"])
    return t(
        "progress.settles", lang, targets=named, settles=number(len(settles), lang), open=number(row["open"], lang)
    )


def _communes(found: Coverage, lang: str) -> None:
    rows = found.communes.with_columns(name=_named(found.places))
    if not found.clusters.is_empty():
        with st.container(key=BY_COMMUNE):
            _bars(rows, lang)
    listed = rows.select(
        pl.col("name").alias(t("column.commune", lang)),
        *(pl.col(name).alias(_c(name, lang)) for name in ("interviews", "planned", *STATES)),
        in_words(rows["last_on"], lambda value: day(value, lang)).alias(_c("last_on", lang)),
        pl.col("commune_code").alias(t("progress.column.code", lang)),
    )
    table(listed, "progress-communes", lang, found.made_up, columns=_name_width(lang))


def _bars(rows: pl.DataFrame, lang: str) -> None:
    """The hamlets of every commune by state, the second half of the communes beside the first."""
    words = {t(f"progress.state.{state}", lang): colour for state, colour in COLOURS.items()}
    longest = max(sum(row) for row in rows.select(STATES).iter_rows())
    half = -(-rows.height // 2)
    for at, column in enumerate(st.columns(2, gap="medium")):
        part = rows.slice(at * half, half)
        if part.is_empty():  # of one commune alone
            break
        shown = [
            {"name": row["name"], "kind": t(f"progress.state.{state}", lang), "value": row[state]}
            for row in part.iter_rows(named=True)
            for state in STATES
        ]
        with column:
            framed(field_charts.stacked(shown, words, longest), "progress-communes", lang, str(at))


def _clusters(found: Coverage, lang: str) -> None:
    st.caption(t("progress.clusters.about", lang))
    if found.clusters.is_empty():
        return
    order = pl.col("state").replace_strict({"missing": 0, "begun": 1, "done": 2})
    ordered = found.clusters.sort(order, "commune_code", "cluster")
    listed = ordered.select(
        _named(found.places).alias(t("column.commune", lang)),
        pl.coalesce("hamlet_name", "cluster").alias(_c("hamlet", lang)),
        pl.col("state")
        .replace_strict({state: t(f"progress.state.{state}", lang) for state in STATES})
        .alias(_c("state", lang)),
        pl.col("interviews").alias(_c("interviews", lang)),
        pl.col("expected").alias(_c("expected", lang)),
        in_words(ordered["last_on"], lambda value: day(value, lang)).alias(_c("last_on", lang)),
        pl.col("cluster").alias(_c("cluster", lang)),
    )
    table(listed, "progress-clusters", lang, found.made_up, columns=_name_width(lang))


def _days(found: Coverage, lang: str) -> None:
    st.caption(t("progress.days.about" if found.all_teams else "progress.days.own", lang))
    rows = found.by_day
    if rows.is_empty():
        st.info(t("progress.days.none", lang))
        return
    days = rows.group_by("interviewed_on").agg(pl.col("interviews").sum()).sort("interviewed_on")
    whole = days.upsample("interviewed_on", every="1d").with_columns(pl.col("interviews").fill_null(0)).tail(60)
    shown = [
        {"at": f"{row['interviewed_on']:%d/%m}", "value": row["interviews"], "odd": False}
        for row in whole.iter_rows(named=True)
    ]
    framed(field_charts.columns(shown, _c("day", lang), _c("interviews", lang)), "progress-days", lang)
    newest = rows.sort("interviewed_on", "interviewer", descending=[True, False])
    listed = newest.select(
        in_words(newest["interviewed_on"], lambda value: day(value, lang)).alias(_c("day", lang)),
        pl.col("interviewer").alias(_c("interviewer", lang)),
        pl.col("interviews").alias(_c("interviews", lang)),
    )
    table(listed, "progress-days", lang, found.made_up)


def _named(places: Mapping[str, str]) -> pl.Expr:
    code = pl.col("commune_code")
    return pl.coalesce(code.replace_strict(dict(places), default=None, return_dtype=pl.String), code)


def _c(name: str, lang: str) -> str:
    return t(f"progress.column.{name}", lang)


def _name_width(lang: str) -> dict[str, Any]:
    return {t("column.commune", lang): st.column_config.Column(width=170)}
