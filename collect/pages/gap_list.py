"""Gap list: filter it, look at it, take it away as a file; every column is explained below."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
import streamlit as st

from collect.i18n import t, unbroken
from collect.pages import data, looks, tables, wrapped
from collect.pages.data import Results
from collect.pages.finding import communes, findable
from collect.pages.layout import address, header
from collect.pages.picking import Kind, several
from collect.pages.visitor import fragment
from collect.pages.words import as_text, chance, day, interval, number, percent
from collect.publish import has_outlines, next_step
from collect.sharing.releases import SOME
from collect.tables import GAP_TYPES, VERDICTS

FILES = {  # suffix and media type of each download, in the order of the buttons
    "parquet": ("parquet", "application/vnd.apache.parquet"),
    "geoparquet": ("geo.parquet", "application/vnd.apache.parquet"),
    "csv": ("csv", "text/csv"),
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
PRIORITY = 64  # pixels: its heading and three digits


@dataclass(frozen=True, slots=True)
class Sources:
    """What the page reaches beyond the gap list: files made on request, the dictionary, pages, the partners' panel."""

    write: Callable[[pl.DataFrame, str], bytes]  # rows and a suffix of FILES
    dictionary: Callable[[], pl.DataFrame]
    links: Mapping[str, st.Page]
    release: str | None = None  # the name of a partner's own release; None for the office
    partners: Callable[[], None] | None = None  # draws the administrator's panel


def render(results: Results, lang: str, sources: Sources) -> None:
    """Draw the page."""
    theirs = None if sources.release is None else results.gaps["commune_code"].n_unique()
    header(t("gap_list.title", lang), lang, results, communes=theirs)
    if sources.release is not None:
        st.markdown(t("gap_list.release", lang, release=as_text(sources.release)))
        st.caption(t("gap_list.release.part", lang))
        st.caption(t("gap_list.release.api", lang))
    if results.gaps.is_empty():
        st.success(t("gap_list.none", lang), icon=":material/check_circle:")
    else:
        _list(results, lang, sources)
    with st.expander(t("gap_list.dictionary", lang), icon=":material/menu_book:"):
        st.caption(t("gap_list.dictionary.help", lang))
        columns = sources.dictionary()
        always = tables.in_words(columns["required"], lambda required: t(f"table.{'yes' if required else 'no'}", lang))
        described = tables.in_words(columns["description"], unbroken)
        columns = columns.with_columns(always, described, pl.col("unit", "allowed").replace("", None))
        words = {name: t(f"publish.dictionary.{name}", lang) for name in columns.columns}
        wrapped.draw(
            columns.rename(words), "dictionary", t("gap_list.dictionary", lang), lang,
            strong=words["column"], long=(words["description"],),
        )  # fmt: skip
    if sources.partners is not None:
        sources.partners()


@fragment()
def _list(results: Results, lang: str, sources: Sources) -> None:
    rows = _filtered(results, lang)
    st.caption(t("gap_list.count", lang, rows=number(rows.height, lang), all=number(results.gaps.height, lang)))
    if rows.is_empty():
        st.info(t("gap_list.filtered_out", lang), icon=":material/filter_alt_off:")
        return
    _downloads(rows, results, lang, sources)
    openable = "commune" in sources.links and sources.release is None
    steps = _steps(results, lang)
    names = {target.target_id: data.name_of(results, target, lang) for target in results.targets}
    event: Any = st.dataframe(
        _shown(rows, steps, results, lang),
        hide_index=True,
        height=460,
        placeholder="–",
        alt=t("gap_list.title", lang),
        on_select="rerun" if openable else "ignore",
        selection_mode="single-row",
        key="gap-rows",
        column_config=_widths([names[code] for code in rows["target_id"].unique()], steps.values(), lang),
    )
    st.caption(t("gap_list.privacy", lang))
    if openable and event.selection.rows and event.selection.rows[0] < rows.height:
        code = rows["commune_code"][event.selection.rows[0]]
        st.switch_page(sources.links["commune"], query_params=address(lang, id=code))


def _filtered(results: Results, lang: str) -> pl.DataFrame:
    rows = results.gaps.sort("priority", "commune_code")
    names = {target.target_id: findable(data.name_of(results, target, lang)) for target in data.measured(results)}
    labels = {
        "gap_target": ("target_id", names),
        "gap_verdict": ("verdict", {v: t(f"verdict.{v}", lang) for v in VERDICTS if v != "met"}),
        "gap_type": ("gap_type", {kind: t(f"gap_type.{kind}", lang) for kind in GAP_TYPES}),
        "gap_district": ("district", _districts(results)),
        "gap_commune": ("commune_code", communes(results.units, lang)),
    }
    everything = t("gap_list.filter.all", lang)
    with st.container(border=True), st.grid(5, min_column_width=150, gap="small"):
        for key, (field, words) in labels.items():
            present = list(words) if field == "district" else [x for x in words if x in set(rows[field].unique())]
            kind = Kind(key, t(f"gap_list.filter.{field}", lang), {code: words[code] for code in present})
            chosen = several(kind, everything)
            if chosen and field == "district":
                rows = rows.filter(pl.col("commune_code").is_in(_codes_in(results, chosen)))
            elif chosen:
                rows = rows.filter(pl.col(field).is_in(chosen))
    return rows


def _districts(results: Results) -> dict[str, str]:
    """The districts that the communes lay in, or lie in, by name, in words to find them by."""
    named = results.units["district"].drop_nulls().str.split("; ").explode().unique().sort()
    return {name: findable(name) for name in named}


def _codes_in(results: Results, districts: list[str]) -> list[str]:
    inside = pl.col("district").str.split("; ").list.set_intersection(districts).list.len() > 0
    return results.units.filter(inside)["code"].to_list()


def _shown(rows: pl.DataFrame, steps: Mapping[tuple[str, str], str], results: Results, lang: str) -> object:
    names = dict(results.units.select("code", data.name_in(lang)).iter_rows())
    names |= {target.target_id: data.name_of(results, target, lang) for target in results.targets}
    frame = pl.DataFrame(
        [
            _line(row, steps.get((row["target_id"], row["commune_code"])), names, lang)
            for row in rows.iter_rows(named=True)
        ],
        infer_schema_length=None,
    )
    if frame["hamlet"].null_count() == frame.height:
        frame = frame.drop("hamlet")
    words = {name: t(f"column.{name}", lang) for name in frame.columns}
    styled = frame.to_pandas().rename(columns=words).style
    for unit in rows["needed_unit"].unique():  # a number of what stands beside it, and the column still sorts
        mine = [at for at, one in enumerate(rows["needed_unit"]) if one == unit]
        styled = styled.format(partial(tables.with_unit, unit=unit, lang=lang), subset=(mine, [words["needed"]]))
    return styled


def _steps(results: Results, lang: str) -> dict[tuple[str, str], str]:
    """What would settle what is open, by target and commune."""
    rows = data.latest(results.verdicts.filter(pl.col("verdict").is_in(["undecided", "no_data"]), level="commune"))
    return {(row["target_id"], row["place"]): next_step(row, lang) for row in rows.iter_rows(named=True)}


def _line(row: Mapping[str, Any], step: str | None, names: Mapping[str, str | None], lang: str) -> dict[str, Any]:
    """One row for people; what a phone shows without scrolling comes first."""
    withheld = t("gap_list.suppressed", lang) if row["suppressed"] else None
    return {
        "priority": row["priority"],
        "commune": names.get(row["commune_code"]) or row["commune_name"],
        "needed": row["households_needed"],
        "verdict": looks.verdict_text(row["verdict"], lang),
        "target": names[row["target_id"]],
        "step": None if row["suppressed"] else step,
        "gap_type": t(f"gap_type.{row['gap_type']}", lang),
        "hamlet": row["hamlet"],
        "estimate": withheld or percent(row["estimate"], lang),
        "interval": withheld or interval(row["ci_low"], row["ci_high"], lang),
        "p_meets": withheld or chance(row["p_meets_target"], lang),
        "last_interview": day(row["last_interview_on"], lang),
    }


def _room(words: Iterable[str]) -> int:
    """Pixels that show the longest of some words whole; one letter takes about seven."""
    return 7 * max((len(one) for one in words), default=8) + 16


def _widths(targets: Iterable[str], steps: Iterable[str], lang: str) -> dict[str, Any]:
    """As wide as the words: at 1440 pixels the edge comes after the target, and scrolling shows the rest whole."""
    return {
        t("column.priority", lang): st.column_config.Column(width=PRIORITY),
        t("column.commune", lang): st.column_config.Column(width=tables.name_width(lang)),
        t("column.verdict", lang): st.column_config.Column(width=tables.VERDICT[lang]),
        t("column.needed", lang): st.column_config.Column(width=tables.needed_width(lang)),
        t("column.target", lang): st.column_config.Column(width=_room(targets)),
        t("column.gap_type", lang): st.column_config.Column(width=_room(t(f"gap_type.{x}", lang) for x in GAP_TYPES)),
        t("column.step", lang): st.column_config.Column(width=_room(steps)),
    }


def _downloads(rows: pl.DataFrame, results: Results, lang: str, sources: Sources) -> None:
    outlined = has_outlines(rows)
    name = "gaps" if rows.height == results.gaps.height else SOME
    with st.container(horizontal=True, gap="small"):
        for kind, (suffix, mime) in FILES.items():
            st.download_button(
                t(f"gap_list.download.{kind}", lang),
                data=partial(sources.write, rows, suffix),
                file_name=f"{sources.release or results.run_id}_{name}.{suffix}",
                mime=mime,
                key=f"download-{kind}",
                icon=":material/download:",
                on_click="ignore",
                type="primary" if kind == "parquet" else "secondary",
                help=t(f"gap_list.download.{kind}.help", lang),
                disabled=kind == "geoparquet" and not outlined,
            )
    if not outlined:
        st.caption(_why_no_outlines(results, lang, sources))


def _why_no_outlines(results: Results, lang: str, sources: Sources) -> str:
    """Why there is no GeoParquet and who can mend it; where outlines have come since, the page's head says how."""
    if sources.release is not None:
        return f"{t('PUB-08.found', lang)} {t('PUB-08.mend', lang)}"
    found = t("PUB-07.found", lang)
    return found if data.outlines_at_hand(results) else f"{found} {t('PUB-07.mend', lang)}"
