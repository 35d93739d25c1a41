"""Overview: every target of the plan at a glance, what needs attention, and where it is furthest away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages import data, looks, tables
from collect.pages.data import Goal, Results
from collect.pages.layout import address, coded, header
from collect.pages.words import Formats, interval, known, number, percent, target_value
from collect.targets import Target

FURTHEST = 8  # rows shown; the map's table has them all


def render(results: Results, lang: str, links: Mapping[str, st.Page]) -> None:
    """Draw the page. ``links`` are the pages it leads to, by name."""
    header(t("overview.title", lang), lang, results)
    goals = data.goals(results)
    left, right = st.columns([1, 1.25], gap="medium")
    with left:
        _attention(results, lang, links)
    with right:
        _furthest(results, lang, links)
    for year in sorted({goal.target.year for goal in goals}):
        st.subheader(t("overview.by_year", lang, year=year), anchor=False)
        with st.grid(3, min_column_width=300, gap="small"):
            for goal in goals:
                if goal.target.year == year:
                    _card(results, goal, lang, links)
    _not_measured(data.unmeasured(results), lang)


def _card(results: Results, goal: Goal, lang: str, links: Mapping[str, st.Page]) -> None:
    target = goal.target
    indicator = data.indicator_of(results, target)
    with st.container(border=True, height="stretch", gap="small"):
        st.markdown(f"**{target.labels[lang]}**", help=indicator.definitions[lang] if indicator else None)
        asks = t("overview.target", lang, number=target.number, value=target_value(target, lang))
        st.caption(asks)
        _province(results, target, lang)
        if goal.commune is None:
            return
        st.caption(t("overview.communes", lang))
        looks.share_bar(data.counts(results, goal.commune), lang)
        query = address(lang, target=goal.commune.target_id)
        st.page_link(links["map"], label=t("overview.to_map", lang), icon=":material/map:", query_params=query)


def _province(results: Results, target: Target, lang: str) -> None:
    whole = data.province(results, target)
    if whole is None:
        st.markdown(t("overview.no_estimate", lang))
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.metric(t("overview.whole", lang), percent(whole["value"], lang), width="content")
        if whole["verdict"] is not None:
            looks.badge(whole["verdict"], lang)
    span = interval(whole["ci_low"], whole["ci_high"], lang)
    st.caption(t("overview.province", lang, interval=span, n=number(whole["n"], lang)))


def _attention(results: Results, lang: str, links: Mapping[str, st.Page]) -> None:
    st.subheader(t("overview.attention", lang), anchor=False)
    targets = data.measured(results, "commune")
    tallies = {target.target_id: data.counts(results, target) for target in targets}
    for verdict in ("not_met", "undecided", "no_data"):
        worst = max(targets, key=lambda target: tallies[target.target_id][verdict], default=None)
        if worst is None or not tallies[worst.target_id][verdict]:
            continue
        words = {"communes": tallies[worst.target_id][verdict], "target": data.name_of(results, worst, lang)}
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"{looks.flag(verdict)} {t(f'overview.attention.{verdict}', lang, **words)}")
            if verdict == "not_met":
                to, label, icon = "gaps", "overview.to_gaps", ":material/download:"
                query = address(lang, gap_target=worst.target_id)
            else:
                to, label, icon = "map", "overview.to_map", ":material/map:"
                query = address(lang, target=worst.target_id)
            st.page_link(links[to], label=t(label, lang), icon=icon, query_params=query)


def _furthest(results: Results, lang: str, links: Mapping[str, st.Page]) -> None:
    st.subheader(t("overview.furthest", lang), anchor=False)
    by_id = {target.target_id: target for target in data.measured(results, "commune")}
    if not by_id:
        return
    chosen = coded(
        st.selectbox,
        t("overview.furthest.of", lang),
        list(by_id),
        key="target",
        default=data.first_to_show(results),
        format_func=lambda code: data.name_of(results, by_id[code], lang),
    )
    rows = data.communes(results, by_id[chosen], lang).filter(pl.col("value").is_not_null())
    rows = rows.filter(pl.col("verdict") != "met").sort("value", "name").head(FURTHEST)
    if rows.is_empty():
        st.caption(t("overview.furthest.none", lang))
        return
    st.caption(t("overview.furthest.help", lang))
    event = st.dataframe(
        tables.communes(rows, lang, ("name", "verdict", "value", "needed", "n_households")),
        hide_index=True,
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        key=f"furthest-{chosen}",
        alt=t("overview.furthest", lang),
    )
    if event.selection.rows:
        code = rows["place"][event.selection.rows[0]]
        st.switch_page(links["map"], query_params=address(lang, target=chosen, commune=code))





def _not_measured(targets: list[Target], lang: str) -> None:
    if not targets:
        return
    with st.expander(t("overview.not_measured", lang, targets=len(targets)), icon=":material/visibility_off:"):
        st.caption(t("overview.not_measured.help", lang))
        rows = [
            {
                t("column.number", lang): target.number,
                t("column.target", lang): target.labels[lang],
                t("column.value", lang): target_value(target, lang),
                t("column.year", lang): str(target.year),
                t("column.decision", lang): target.decision,
            }
            for target in targets
        ]
        st.dataframe(rows, hide_index=True, alt=t("overview.not_measured", lang, targets=len(targets)))
