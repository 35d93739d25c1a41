"""Overview: what to decide today, then every target of the plan: where the province stands and how its communes do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages import data, looks, tables
from collect.pages.data import Goal, Results
from collect.pages.layout import address, coded, header
from collect.pages.visitor import fragment
from collect.pages.words import as_text, counted, interval, number, percent, points, target_value
from collect.targets import Target
from collect.wording.weights import equal_warning

FURTHEST = 6  # rows shown; the map's table has them all
COLUMNS = ("name", "verdict", "value", "needed")
WAYS = {"not_met": "gaps", "undecided": "map", "no_data": "progress"}  # where each matter is settled
ICONS = {"gaps": ":material/download:", "map": ":material/map:", "progress": ":material/directions_walk:"}


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


def _attention(results: Results, lang: str, links: Mapping[str, st.Page]) -> None:
    """At most four things to decide, each with the way to do it."""
    st.subheader(t("overview.attention", lang), anchor=False)
    targets = data.measured(results, "commune")
    tallies = {target.target_id: data.counts(results, target) for target in targets}
    found = False
    for verdict in ("not_met", "undecided", "no_data"):
        worst = max(targets, key=lambda target: tallies[target.target_id][verdict], default=None)
        if worst is None or not tallies[worst.target_id][verdict]:
            continue
        found = True
        said = counted(f"overview.attention.{verdict}", tallies[worst.target_id][verdict], lang)
        _matter(verdict, said, results, worst, lang, links)
    found = _worse(results, lang, links) or found
    names = dict(results.units.select("code", data.name_in(lang)).iter_rows())
    warning = equal_warning(results.weighing, names, lang)
    if warning:
        st.warning(as_text(warning), icon=":material/balance:")
    elif not found:
        st.success(t("overview.attention.none", lang), icon=":material/check_circle:")


def _matter(verdict: str, said: str, results: Results, worst: Target, lang: str, links: Mapping[str, st.Page]) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"{looks.flag(verdict)} **{said}**")
        st.caption(as_text(data.name_of(results, worst, lang)))
        to = WAYS[verdict] if links[WAYS[verdict]].visibility == "visible" else "gaps"
        named = {
            "gaps": {"gap_target": worst.target_id, "gap_verdict": verdict},
            "map": {"target": worst.target_id},
            "progress": {},
        }
        query = address(lang, **named[to])
        st.page_link(links[to], label=t(f"overview.to_{to}", lang), icon=ICONS[to], query_params=query)


def _worse(results: Results, lang: str, links: Mapping[str, st.Page]) -> bool:
    """Communes that became worse since the round before, in the indicator where most did; whether there are any."""
    counts = {
        target.target_id: data.changes_of(results, target.indicator, "commune").filter(verdict="worse").height
        for target in data.measured(results, "commune")
    }
    worst = max(counts, key=lambda target_id: counts[target_id], default=None)
    if worst is None or not counts[worst]:
        return False
    target = next(target for target in results.targets if target.target_id == worst)
    with st.container(border=True, gap="xsmall"):
        st.markdown(f":red[:material/trending_down:] **{counted('overview.attention.worse', counts[worst], lang)}**")
        st.caption(as_text(data.name_of(results, target, lang)))
        query = address(lang, target=worst, show="value")
        st.page_link(links["map"], label=t("overview.to_map", lang), icon=":material/map:", query_params=query)
    return True


@fragment()
def _furthest(results: Results, lang: str, links: Mapping[str, st.Page]) -> None:
    st.subheader(t("overview.furthest", lang), anchor=False)
    by_id = {target.target_id: target for target in data.measured(results, "commune")}
    if not by_id:
        return
    chosen = coded(
        st.selectbox,
        t("overview.furthest.of", lang),
        list(by_id),
        key="furthest",
        default=data.first_to_show(results),
        format_func=lambda code: data.name_of(results, by_id[code], lang),
        label_visibility="collapsed",
    )
    short = data.communes(results, by_id[chosen], lang).filter(pl.col("verdict").is_in(["not_met", "undecided"]))
    rows = short.filter(pl.col("value").is_not_null()).sort("value", "name").head(FURTHEST)
    if rows.is_empty():
        st.caption(t("overview.furthest.none" if short.is_empty() else "overview.furthest.withheld", lang))
        return
    event = st.dataframe(
        tables.communes(rows, tables.unit_of(results, by_id[chosen]), lang, COLUMNS),
        hide_index=True,
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        key=f"furthest-rows-{chosen}",
        alt=t("overview.furthest", lang),
        column_config=tables.widths(lang),
    )
    st.caption(t("overview.furthest.help", lang))
    if event.selection.rows:
        st.switch_page(links["commune"], query_params=address(lang, id=rows["place"][event.selection.rows[0]]))


def _card(results: Results, goal: Goal, lang: str, links: Mapping[str, st.Page]) -> None:
    target = goal.target
    indicator = data.indicator_of(results, target)
    with st.container(border=True, height="stretch", gap="small"):
        helped = as_text(indicator.definitions[lang]) if indicator else None
        st.markdown(f"**{as_text(target.labels[lang])}**", help=helped)
        _province(results, target, lang)
        if goal.commune is None:
            return
        looks.share_bar(data.counts(results, goal.commune), lang)
        query = address(lang, target=goal.commune.target_id)
        st.page_link(links["map"], label=t("overview.to_map", lang), icon=":material/map:", query_params=query)


def _province(results: Results, target: Target, lang: str) -> None:
    asks = t("overview.target", lang, number=as_text(target.number), value=target_value(target, lang))
    whole = data.province(results, target)
    if whole is None:
        st.caption(asks)
        st.markdown(t("overview.no_estimate", lang))
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.metric(asks, percent(whole["value"], lang), width="content")
        if whole["verdict"] is not None:
            looks.badge(whole["verdict"], lang)
    span = interval(whole["ci_low"], whole["ci_high"], lang)
    said = t("overview.province", lang, interval=span, n=number(whole["n"], lang))
    st.caption(f"{said}  \n{_change(results, target, lang)}")


def _change(results: Results, target: Target, lang: str) -> str:
    """What became of the province since the round before, in words and points."""
    rows = data.changes_of(results, target.indicator, "province")
    if rows.is_empty():
        return t("change.none", lang)
    row: Mapping[str, Any] = rows.row(0, named=True)
    said = f"{looks.CHANGES[row['verdict']]} {t('change.' + row['verdict'], lang)}"
    if row["difference"] is None:
        return said
    return f"{said}: {t('change.points', lang, points=points(row['difference'], lang))}"


def _not_measured(targets: Sequence[Target], lang: str) -> None:
    if not targets:
        return
    label = counted("overview.not_measured", len(targets), lang)
    with st.expander(label, icon=":material/visibility_off:"):
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
        st.dataframe(rows, hide_index=True, alt=label)
