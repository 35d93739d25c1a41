"""Map: one target at a time, every commune by colour, hatch and mark; beside it all in order, or the one chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import polars as pl
import streamlit as st

import geo
from collect.i18n import t
from collect.pages import (
    commune_card,
    data,
    finding,
    link_codes,
    looks,
    making,
    map_component,
    tables,
    take_away,
    trouble,
)
from collect.pages.data import Results, Since
from collect.pages.layout import address, coded, header, made_up_banner
from collect.pages.making import Progress
from collect.pages.visitor import fragment
from collect.pages.words import as_text, number
from collect.publish import SHOWS, Scale, Show, ground_lines, source_words
from collect.targets import Target

RANKING = 370  # pixels: the communes in order end where the map beside them does
FILES = {"png": ("image/png", ":material/image:"), "html": ("text/html", ":material/download:")}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the page gets what it draws: a run per list of communes, the files people take, the pages it leads to."""

    vintage: str  # of the run that the other pages show
    vintages: list[str]  # those with results
    results: Callable[[str], Results | None]
    map_file: Callable[..., bytes]  # results, target, what is shown, html or png; whether with water and roads
    links: Mapping[str, st.Page]
    make: Callable[[str, Progress], str] | None = None  # results for a list; None where that is not for the reader
    since: Callable[[str], Since] = lambda _vintage: ""  # what came that a list's results do not know

    @property
    def offered(self) -> list[str]:
        """The lists to choose from: whoever may make results for one is offered those without any, too."""
        return self.vintages if self.make is None else list(geo.VINTAGES)


def render(results: Results, lang: str, sources: Sources) -> None:
    """Draw the page over ``results``, or over the run of another list of communes where the reader chose one."""
    vintage = _chosen(results, sources)
    found = results if vintage == results.units["vintage"][0] else sources.results(vintage)
    header(t("map.title", lang), lang, found, offered=sources.make is not None)
    link_codes.tell("vintage", t("map.vintage", lang))
    if found is None:
        made_up_banner(results.made_up, lang)  # what they are made from is the same
    asked = _controls(results if found is None else found, lang, sources)
    if sources.make is not None:
        since = "" if found is None else sources.since(vintage)
        if found is None or since:
            making.offer(vintage, since, partial(sources.make, vintage), lang)
    if found is None:
        return
    if asked is None:
        st.info(t("map.nothing", lang))
        return
    target, show = asked
    _map_and_beside(found, target, show, lang, sources, data.communes(found, target, lang))


def _controls(results: Results, lang: str, sources: Sources) -> tuple[Target, Show] | None:
    """Which target of ``results``, what of it, in which list of communes; None where no target was judged."""
    asked = None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if data.measured(results, "commune"):
            with st.container(width="stretch"):
                target = _target(results, lang)
            with st.container(width="content"):
                asked = target, _show(lang)
        if len(sources.offered) > 1:
            with st.container(width="content"):
                _vintage(results, sources, lang)
    return asked


def _target(results: Results, lang: str) -> Target:
    by_id = {target.target_id: target for target in data.measured(results, "commune")}
    chosen: str = coded(
        st.selectbox,
        t("map.target", lang),
        list(by_id),
        key="target",
        default=data.first_to_show(results),
        format_func=lambda code: data.name_of(results, by_id[code], lang),
    )
    if st.query_params.get("target") != chosen:
        st.query_params["target"] = chosen  # another reader of the link may begin with another target
    return by_id[chosen]


def _show(lang: str) -> Show:
    chosen: Show = coded(
        st.segmented_control,
        t("map.show", lang),
        list(SHOWS),
        key="show",
        default="verdict",
        format_func=lambda code: t(f"map.show.{code}", lang),
        required=True,
        help="\n\n".join(f"**{t(f'map.show.{code}', lang)}**: {t(f'map.show.{code}.help', lang)}" for code in SHOWS),
    )
    return chosen


def _chosen(results: Results, sources: Sources) -> str:
    """The list of communes that was chosen before, on this page or in the address; else that of the other pages."""
    own = str(results.units["vintage"][0])
    chosen = link_codes.settle("vintage", sources.offered, [own])[0]
    if st.session_state.get("map-vintage", chosen) != chosen:
        link_codes.drop("commune")  # the same code is another commune there
    if st.query_params.get("vintage") != chosen:
        st.query_params["vintage"] = chosen  # a code of a commune never travels without its list
    st.session_state["vintage"] = st.session_state["map-vintage"] = chosen
    return chosen


def _vintage(results: Results, sources: Sources, lang: str) -> None:
    coded(
        st.segmented_control,
        t("map.vintage", lang),
        sources.offered,
        key="vintage",
        default=results.units["vintage"][0],
        format_func=str,
        required=True,
    )


@fragment()
def _map_and_beside(
    results: Results, target: Target, show: Show, lang: str, sources: Sources, rows: pl.DataFrame
) -> None:
    """The map, and beside it the commune that was chosen, or all of them in order until one is."""
    scale, names = Scale(show, target), dict(rows.select("place", "name").iter_rows())
    clicked = map_component.picked()
    if clicked is not None and clicked in names:
        _choose(clicked)
    found = map_component.figures(rows).values()
    kinds = [scale.of(figures) for figures in found]
    reasons = [why for why in (looks.missing(row, lang) for row in rows.iter_rows(named=True)) if why]
    looks.legend(scale, {code: kinds.count(code) for code in scale.looks}, lang, reasons)
    left, right = st.columns([1.9, 1], gap="medium")
    with right:
        chosen = _search(names, lang)
    with left:
        _drawn(results, target, rows, scale, chosen, lang)
        _files(results, target, show, lang, sources)
    ranked = rows.sort("value", "name", nulls_last=True)
    with right:
        if chosen is None:
            _ranking(results, target, lang, ranked)
        else:
            everything, icon = t("map.table", lang), ":material/format_list_numbered:"
            st.button(everything, type="tertiary", icon=icon, on_click=_choose, args=(None,))
            _card(results, target, ranked, chosen, lang, sources)


def _choose(commune: str | None) -> None:
    st.session_state["commune"] = commune
    link_codes.chose("commune")


def _search(names: Mapping[str, str], lang: str) -> str | None:
    chosen: str | None = coded(
        st.selectbox,
        t("map.commune", lang),
        list(names),
        key="commune",
        default=None,
        format_func=lambda code: finding.commune(names[code], code) if code in names else code,
        placeholder=t("map.commune.placeholder", lang),
    )
    return chosen


def _drawn(results: Results, target: Target, rows: pl.DataFrame, scale: Scale, chosen: str | None, lang: str) -> None:
    shapes = results.shapes
    if shapes is None:
        if results.missing is None:
            st.info(t("map.no_outlines", lang))
        else:
            trouble.damaged(results.missing, lang)
        return
    ground = bool(st.session_state.setdefault("ground", True))
    said = t("map.alt", lang, target=data.name_of(results, target, lang), **data.counts(results, target))
    map_component.draw(shapes, rows, map_component.View(scale, chosen, said, ground), lang)
    for said in ground_lines(shapes.ground, lang):
        st.warning(said, icon=":material/layers_clear:")
    if shapes.schematic:
        st.info(t("map.schematic", lang), icon=":material/polyline:")
    st.caption(t("map.source", lang, source=as_text(source_words(shapes.source, lang))))


def _files(results: Results, target: Target, show: Show, lang: str, sources: Sources) -> None:
    if results.shapes is None:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        ground = bool(st.session_state["ground"])
        for kind, (mime, icon) in FILES.items():
            st.download_button(
                t(f"map.download.{kind}", lang),
                data=partial(sources.map_file, results, target, show, kind, ground=ground),
                file_name=f"map_{target.target_id}_{show}_{results.run_id}.{kind}",
                mime=mime,
                icon=icon,
                key=f"map-{kind}",
                on_click="ignore",
                help=t(f"map.download.{kind}.help", lang),
            )
        if results.shapes.ground.layers:
            st.toggle(t("map.ground", lang), key="ground")


def _card(results: Results, target: Target, ranked: pl.DataFrame, chosen: str, lang: str, sources: Sources) -> None:
    indicator = data.indicator_of(results, target)
    row = ranked.row(by_predicate=pl.col("place") == chosen, named=True)
    with st.container(border=True, gap="small"):
        commune_card.card(row, target, indicator.counted_in if indicator else "households", lang)
        known = ranked.filter(pl.col("value").is_not_null())["place"].to_list()
        if chosen in known:
            place = number(known.index(chosen) + 1, lang)
            st.caption(t("map.rank", lang, rank=place, all=number(len(known), lang)))
        today = geo.recode(pl.Series([chosen]), results.units["vintage"][0], sources.vintage)[0]
        if today is not None:
            st.page_link(
                sources.links["commune"],
                label=t("commune.open", lang),
                icon=":material/arrow_forward:",
                query_params=address(lang, id=today),
            )


def _ranking(results: Results, target: Target, lang: str, ranked: pl.DataFrame) -> None:
    st.subheader(t("map.table", lang), anchor=False)
    key = f"ranking-{target.target_id}"
    columns = [name for name in tables.EVERYTHING if name != "n_households" or not data.asks_communes(results, target)]

    def open_row() -> None:
        lines = st.session_state[key]["selection"]["rows"]
        if lines and lines[0] < ranked.height:
            _choose(ranked["place"][lines[0]])

    st.dataframe(
        tables.communes(ranked, tables.unit_of(results, target), lang, columns),
        hide_index=True,
        placeholder="–",
        alt=t("map.table", lang),
        height=RANKING,
        on_select=open_row,
        selection_mode="single-row",
        key=key,
        column_config=tables.widths(lang),
    )
    st.caption(t("map.pick", lang))
    take_away.buttons(tables.named(ranked, lang, ["code", *columns]), f"map-{target.target_id}", lang, results.made_up)
