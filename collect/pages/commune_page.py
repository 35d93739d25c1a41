"""Commune: one place against every target, what is behind its verdicts, where it comes from, and a sheet to print."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import streamlit as st

import geo
from collect.i18n import t
from collect.pages import data, finding, link_codes, looks
from collect.pages.bullets import Bullet, draw
from collect.pages.data import Results, ShownBehind
from collect.pages.layout import address, coded, header
from collect.pages.visitor import fragment
from collect.pages.words import as_text, counted, day, interval, number, percent, points, target_value, whole_percent
from collect.publish import advice
from collect.targets import Target

AROUND = 190  # pixels of title, axis and legend, which Streamlit takes from a chart's own height


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the page gets what it draws beyond the finished tables: pictures behind a verdict, the printed sheet."""

    behind: Callable[[Target, str], ShownBehind]
    sheet: Callable[[str], bytes]
    links: Mapping[str, st.Page]


def render(results: Results, lang: str, sources: Sources) -> None:
    """Draw the page of the commune that the address names (``?id=``), or a search where it names none."""
    names = dict(results.units.sort("name_vi").select("code", data.name_in(lang)).iter_rows())
    asked = st.query_params.get("id")
    code = next(iter(link_codes.settle("id", names)), None)
    st.session_state["id"] = code
    header(names[code] if code else t("commune.title", lang), lang, results)
    if code:
        st.set_page_config(f"{names[code]} · Phủ")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = coded(
            st.selectbox,
            t("commune.choose", lang),
            list(names),
            key="id",
            default=None,
            format_func=lambda one: finding.commune(names[one], one) if one in names else one,
            placeholder=t("map.commune.placeholder", lang),
            width=360,
        )
        if chosen is not None:
            _take_away(results, chosen, lang, sources)
    if asked and asked not in names:
        _unknown(asked, results, names, lang)
    if chosen is None:
        st.info(t("commune.none", lang), icon=":material/search:")
        return
    rows = data.commune(results, chosen, lang)
    _who(results, chosen, rows, lang)
    _targets(results, rows, lang)
    _behind(results, chosen, rows, lang, sources)
    st.subheader(t("commune.history", lang), anchor=False)
    _rounds(results, chosen, rows, lang)
    _former(results, chosen, lang)


def _take_away(results: Results, code: str, lang: str, sources: Sources) -> None:
    vintage = results.units["vintage"][0]  # the map may have shown another list, where the code is another commune
    st.download_button(
        t("commune.sheet", lang),
        data=lambda: sources.sheet(code),
        file_name=f"commune_{code}_{lang}_{results.run_id}.pdf",
        mime="application/pdf",
        icon=":material/print:",
        type="primary",
        on_click="ignore",
        help=t("commune.sheet.help", lang),
    )
    st.page_link(
        sources.links["map"],
        label=t("commune.back", lang),
        icon=":material/map:",
        query_params=address(lang, commune=code, vintage=vintage),
    )


def _unknown(code: str, results: Results, names: Mapping[str, str], lang: str) -> None:
    vintage = results.units["vintage"][0]
    for old in geo.VINTAGES:
        now = _now(code, old, vintage) if old != vintage else None
        if now is not None and now in names:
            st.warning(f"{t('commune.unknown.former', lang, code=as_text(code))} **{as_text(names[now])}** ({now})")
            return
    st.warning(t("commune.unknown", lang, code=as_text(code), vintage=vintage))


def _now(code: str, old: str, vintage: str) -> str | None:
    try:
        found = geo.recode(pl.Series([code]), old, vintage)[0]
    except geo.GeoError:
        return None
    return None if found is None else str(found)


def _who(results: Results, code: str, rows: pl.DataFrame, lang: str) -> None:
    unit = results.units.row(by_predicate=pl.col("code") == code, named=True)
    said = [t("commune.code", lang, code=code, vintage=unit["vintage"])]
    if unit["district"]:
        said.append(t("commune.formerly", lang, district=as_text(unit["district"])))
    if unit["households_2019"]:
        said.append(t("sheet.households", lang, households=number(unit["households_2019"], lang)))
    st.caption(" · ".join(said))
    now = data.latest(rows).filter(pl.col("verdict") != "no_data")
    if now.height:
        met = now.filter(verdict="met").height
        st.markdown(f"**{counted('commune.summary', met, lang, all=number(now.height, lang))}**")


def _targets(results: Results, rows: pl.DataFrame, lang: str) -> None:
    st.subheader(t("commune.targets", lang), anchor=False)
    st.caption(t("commune.bullet.help", lang))
    with st.container(border=True):
        draw(bullets(results, data.latest(rows), lang), lang)


def bullets(results: Results, rows: pl.DataFrame, lang: str) -> list[Bullet]:
    """The targets of one commune in the plan's order; ``rows`` are those of `collect.pages.data.commune`, one round."""
    by_id = {row["target_id"]: row for row in rows.iter_rows(named=True)}
    targets = [target for target in data.measured(results, "commune") if target.target_id in by_id]
    return [_bullet(results, target, by_id[target.target_id], lang) for target in targets]


def _bullet(results: Results, target: Target, row: Mapping[str, Any], lang: str) -> Bullet:
    indicator = data.indicator_of(results, target)
    low, high = row["ci_low"], row["ci_high"]
    span = interval(low, high, lang) if row["value"] is not None else t(f"reason.{row['reason']}", lang)
    return Bullet(
        label=indicator.labels[lang] if indicator else target.labels[lang],
        asks=f"{target.number} · {target_value(target, lang)} · {target.year}",
        need=float(target.value),
        verdict=row["verdict"],
        value=row["value"],
        ci=None if low is None or high is None else (low, high),
        value_text=percent(row["value"], lang),
        interval_text=t("commune.suppressed.short", lang) if row["suppressed"] else span,
        deeds=advice(row, indicator.counted_in if indicator else "households", lang),
    )


@fragment()
def _behind(results: Results, code: str, rows: pl.DataFrame, lang: str, sources: Sources) -> None:
    """Hamlets and interviewers of the commune, when somebody asks; never where its figures are withheld."""
    open_ones = data.latest(rows).filter(~pl.col("suppressed"), pl.col("value").is_not_null())["target_id"].to_list()
    by_id = {x.target_id: x for x in data.measured(results, "commune") if x.target_id in open_ones}
    by_id = {target_id: x for target_id, x in by_id.items() if not data.asks_communes(results, x)}
    if not by_id:
        return
    st.subheader(t("commune.hamlets", lang), anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = coded(
            st.selectbox,
            t("map.target", lang),
            list(by_id),
            key="behind-target",
            default=next(iter(by_id)),
            format_func=lambda one: data.name_of(results, by_id[one], lang),
        )
        asked = st.toggle(t("picture.behind", lang), key=f"behind-{code}")
    if asked:
        with st.spinner(t("commune.hamlets", lang)):
            found = sources.behind(by_id[chosen], code)
        if found.hamlets is not None and found.hamlets.height:
            _hamlets(found.hamlets, lang)
        with st.container(horizontal=True, gap="large"):
            for chart in found.pictures:
                height = int(chart.height) + AROUND
                st.altair_chart(chart, width="content", height=height, alt=t("picture.behind", lang))


def _hamlets(hamlets: pl.DataFrame, lang: str) -> None:
    withheld = t("commune.suppressed.short", lang)
    rows = [
        {
            t("column.hamlet", lang): row["hamlet"],
            t("column.interviewed", lang): number(row["interviewed"], lang),
            t("column.estimate", lang): withheld if row["share"] is None else f"≈ {whole_percent(row['share'], lang)}",
        }
        for row in hamlets.iter_rows(named=True)
    ]
    st.dataframe(rows, hide_index=True, width=520, alt=t("picture.behind", lang))


def _former(results: Results, code: str, lang: str) -> None:
    st.markdown(f"**{t('commune.former', lang)}**")
    vintage = results.units["vintage"][0]
    first = next(iter(geo.VINTAGES))
    codes = geo.former_units(code, vintage, first)
    units = geo.units(first).filter(pl.col("code").is_in(codes))
    decrees = geo.lineage().filter(new_code=code, new_vintage=vintage, old_vintage=first)["decree"].unique().sort()
    words = {name: t(f"column.{name}", lang) for name in ("commune", "code", "district", "households_2019")}
    counts = [number(count, lang) for count in units["households_2019"]]
    frame = units.select(
        data.name_in(lang).alias(words["commune"]), pl.col("code").alias(words["code"]),
        pl.col("district").alias(words["district"]), pl.Series(words["households_2019"], counts, pl.String),
    )  # fmt: skip
    st.dataframe(frame, hide_index=True, width="content", alt=t("commune.former", lang))
    last = geo.VINTAGES[first].valid_to
    said = [t("commune.former.until", lang, day=day(last, lang))] if last else []
    named = (decree.replace("unchanged", t("commune.unchanged", lang)) for decree in decrees)
    st.caption(" · ".join([*said, *(f"{t('column.decree', lang)} {decree}" for decree in named)]))


def _rounds(results: Results, code: str, rows: pl.DataFrame, lang: str) -> None:
    st.markdown(f"**{t('commune.rounds', lang)}**")
    rounds = sorted(rows["round"].unique().to_list())
    if len(rounds) < 2:
        st.caption(t("commune.rounds.one", lang, round=as_text(rounds[0] if rounds else results.round)))
        return
    lines = []
    for target in data.measured(results, "commune"):
        mine = rows.filter(target_id=target.target_id).sort("round")
        if mine.is_empty():
            continue
        line = {t("column.target", lang): data.name_of(results, target, lang)}
        shares = dict(mine.select("round", "value").iter_rows())
        line |= {name: percent(shares[name], lang) if name in shares else "–" for name in rounds}
        lines.append(line | {t("column.change", lang): _change(results, target, code, mine, lang)})
    width = {t("column.target", lang): st.column_config.Column(width=280)}
    st.dataframe(lines, hide_index=True, alt=t("commune.rounds", lang), column_config=width)


def _change(results: Results, target: Target, code: str, rows: pl.DataFrame, lang: str) -> str:
    """The last change in points and what can be said of it; nothing where a round's figures are withheld."""
    found = data.changes_of(results, target.indicator, "commune").filter(place=code)
    if found.is_empty() or rows.tail(2)["suppressed"].any():
        return "–"
    row = found.row(0, named=True)
    return f"{looks.CHANGES[row['verdict']]} {points(row['difference'], lang)} · {t('change.' + row['verdict'], lang)}"
