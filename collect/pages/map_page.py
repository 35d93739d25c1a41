"""Map of verdicts: one target at a time, every commune by colour, hatch and mark, with its card and its table row."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence

import altair as alt
import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages import commune, data, looks, map_component
from collect.pages.data import Results
from collect.pages.layout import coded, header
from collect.pages.overview import EVERYTHING, shown
from collect.targets import Target

Behind = Callable[[Target, str], Sequence[alt.LayerChart]]  # target and commune in, pictures out


def render(results: Results, lang: str, html_map: Callable[[Target], bytes], behind: Behind | None = None) -> None:
    """Draw the page. ``html_map`` makes the file that people keep, ``behind`` the pictures, when they ask for it."""
    header(t("map.title", lang), lang, results)
    by_id = {target.target_id: target for target in data.measured(results, "commune")}
    if not by_id:
        st.info(t("map.nothing", lang))
        return
    chosen = coded(
        st.selectbox,
        t("map.target", lang),
        list(by_id),
        key="target",
        default=data.first_to_show(results),
        format_func=lambda code: data.name_of(results, by_id[code], lang),
    )
    target = by_id[chosen]
    rows = data.communes(results, target, lang)
    _map_and_card(results, target, rows, lang, None if data.asks_communes(results, target) else behind)
    st.download_button(
        t("map.download", lang),
        data=lambda: html_map(target),
        file_name=f"map_{target.target_id}_{results.run_id}.html",
        mime="text/html",
        icon=":material/download:",
        on_click="ignore",
        help=t("map.download.help", lang),
    )


def _behind(behind: Behind, target: Target, commune: str, withheld: Mapping[str, bool | None], lang: str) -> None:
    """Hamlets and interviewers of a commune, when somebody asks; never where its figures are withheld."""
    if commune not in withheld or withheld[commune]:
        return
    if not st.toggle(t("picture.behind", lang), key=f"behind-{target.target_id}-{commune}"):
        return
    for chart in behind(target, commune):
        st.altair_chart(chart, width="content")


@st.fragment
def _map_and_card(results: Results, target: Target, rows: pl.DataFrame, lang: str, behind: Behind | None) -> None:
    names = dict(rows.select("place", "name").iter_rows())
    clicked = map_component.picked()
    if clicked is not None and clicked in names:
        st.session_state["commune"] = clicked
        st.query_params["commune"] = clicked
    left, right = st.columns([2.2, 1], gap="medium")
    with right:
        chosen = coded(
            st.selectbox,
            t("map.commune", lang),
            list(names),
            key="commune",
            default=None,
            format_func=lambda code: findable(names.get(code, code)),
            placeholder=t("map.commune.placeholder", lang),
        )
    with left:
        if results.shapes is None:
            st.info(t("map.no_outlines", lang))
        else:
            counts = data.counts(results, target)
            alt = t("map.alt", lang, target=data.name_of(results, target, lang), **counts)
            map_component.draw(results.shapes, rows, chosen, alt, lang)
        looks.legend(data.counts(results, target), lang)
        if results.shapes is not None:
            st.caption(t("map.source", lang, source=results.shapes.source))
    with right:
        if chosen is None:
            st.caption(t("map.pick", lang))
        else:
            indicator = data.indicator_of(results, target)
            counted_in = indicator.counted_in if indicator else "households"
            commune.card(rows.row(by_predicate=pl.col("place") == chosen, named=True), target, counted_in, lang)
    if behind is not None and chosen is not None:
        _behind(behind, target, chosen, dict(rows.select("place", "suppressed").iter_rows()), lang)
    st.subheader(t("map.table", lang), anchor=False)
    ranked = rows.sort("value", "name", nulls_last=True)
    columns = [name for name in EVERYTHING if name != "n_households" or not data.asks_communes(results, target)]
    table = shown(ranked, lang, columns)
    st.dataframe(table, hide_index=True, placeholder="–", alt=t("map.table", lang), height=400)


def findable(name: str) -> str:
    """A name that is found with and without its diacritics: 'Xã Cầu Kè (Cau Ke)'."""
    letters = unicodedata.normalize("NFD", name.translate({ord("đ"): "d", ord("Đ"): "D"}))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    kind = next((word for word in ("Xa ", "Phuong ", "Thi tran ") if plain.startswith(word)), "")
    return name if plain == name else f"{name} ({plain.removeprefix(kind)})"
