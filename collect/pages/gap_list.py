"""Gap list: filter it, look at it, take it away as a file; every column is explained below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages import data, looks
from collect.pages.data import Results
from collect.pages.layout import header
from collect.pages.words import Formats, chance, day, interval, known, number, percent
from collect.tables import GAP_TYPES, VERDICTS

FILES = {  # suffix and name of each download, in the order of the buttons
    "parquet": ("parquet", "application/vnd.apache.parquet"),
    "geoparquet": ("parquet", "application/vnd.apache.parquet"),
    "csv": ("csv", "text/csv"),
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
Writer = Callable[[pl.DataFrame, str], bytes]  # rows and a key of FILES


def render(results: Results, lang: str, write: Writer, dictionary: Callable[[], pl.DataFrame]) -> None:
    """Draw the page. ``write`` makes a file when it is asked for."""
    header(t("gap_list.title", lang), lang, results)
    if results.gaps.is_empty():
        st.success(t("gap_list.none", lang), icon=":material/check_circle:")
        return
    rows = _filtered(results, lang)
    st.caption(t("gap_list.count", lang, rows=number(rows.height, lang), all=number(results.gaps.height, lang)))
    if rows.is_empty():
        st.info(t("gap_list.filtered_out", lang))
    else:
        table = _shown(rows, results, lang)
        st.dataframe(table, hide_index=True, height=460, placeholder="–", alt=t("gap_list.title", lang))
        _downloads(rows, results, lang, write)
    with st.expander(t("gap_list.dictionary", lang), icon=":material/menu_book:"):
        st.caption(t("gap_list.dictionary.help", lang))
        columns = dictionary()
        columns = columns.rename({name: t(f"publish.dictionary.{name}", lang) for name in columns.columns})
        st.dataframe(columns, hide_index=True, alt=t("gap_list.dictionary", lang))


def _filtered(results: Results, lang: str) -> pl.DataFrame:
    rows = results.gaps
    names = {target.target_id: data.name_of(results, target, lang) for target in data.measured(results)}
    labels = {
        "gap_target": ("target_id", names),
        "gap_verdict": ("verdict", {v: t(f"verdict.{v}", lang) for v in VERDICTS if v != "met"}),
        "gap_type": ("gap_type", {kind: t(f"gap_type.{kind}", lang) for kind in GAP_TYPES}),
    }
    with st.container(border=True):
        for column, (key, (field, words)) in zip(st.columns([1.6, 1, 1.2]), labels.items(), strict=True):
            present = [code for code in words if code in set(rows[field].unique())]
            with column:
                chosen = _choose(
                    t(f"gap_list.filter.{field}", lang), present, key, words, t("gap_list.filter.all", lang)
                )
            if chosen:
                rows = rows.filter(pl.col(field).is_in(chosen))
    return rows.sort("priority", "commune_code")


def _choose(label: str, options: list[str], key: str, words: Mapping[str, str], everything: str) -> list[str]:
    if key not in st.session_state:
        st.session_state[key] = [code for code in st.query_params.get_all(key) if code in options]
    st.session_state[key] = [code for code in st.session_state[key] if code in options]

    def push() -> None:
        st.query_params[key] = st.session_state[key]

    picked: list[str] = st.multiselect(
        label,
        options,
        key=key,
        format_func=lambda code: words[code],
        placeholder=everything,
        on_change=push,
        persist_state="session",
    )
    return picked


def _shown(rows: pl.DataFrame, results: Results, lang: str) -> object:
    names = dict(results.units.select("code", data.name_in(lang)).iter_rows())
    names |= {target.target_id: data.name_of(results, target, lang) for target in results.targets}
    frame = pl.DataFrame(
        [_line(row, names, lang) for row in rows.iter_rows(named=True)],
        infer_schema_length=None,
    )
    if frame["hamlet"].null_count() == frame.height:
        frame = frame.drop("hamlet")
    words = {name: t(f"column.{name}", lang) for name in frame.columns}
    counts: Formats = {words[name]: lambda cell: number(known(cell), lang) for name in ("needed", "interviews_needed")}
    return frame.to_pandas().rename(columns=words).style.format(counts)


def _line(row: Mapping[str, Any], names: Mapping[str, str | None], lang: str) -> dict[str, Any]:
    withheld = t("gap_list.suppressed", lang) if row["suppressed"] else None
    return {
        "priority": row["priority"],
        "commune": names.get(row["commune_code"]) or row["commune_name"],
        "hamlet": row["hamlet"],
        "verdict": looks.verdict_text(row["verdict"], lang),
        "needed": row["households_needed"],
        "needed_unit": t(f"counted_in.{row['needed_unit']}", lang),
        "target": names[row["target_id"]],
        "interviews_needed": row["interviews_needed"],
        "gap_type": t(f"gap_type.{row['gap_type']}", lang),
        "estimate": withheld or percent(row["estimate"], lang),
        "interval": withheld or interval(row["ci_low"], row["ci_high"], lang),
        "p_meets": withheld or chance(row["p_meets_target"], lang),
        "last_interview": day(row["last_interview_on"], lang),
    }


def _downloads(rows: pl.DataFrame, results: Results, lang: str, write: Writer) -> None:
    with st.container(horizontal=True):
        for kind, (suffix, mime) in FILES.items():
            stem = f"gaps_{results.run_id}" + ("_geo" if kind == "geoparquet" else "")
            st.download_button(
                t(f"gap_list.download.{kind}", lang),
                data=lambda kind=kind: write(rows, kind),  # type: ignore[misc]
                file_name=f"{stem}.{suffix}",
                mime=mime,
                key=f"download-{kind}",
                icon=":material/download:",
                on_click="ignore",
                type="primary" if kind == "parquet" else "secondary",
                help=t(f"gap_list.download.{kind}.help", lang),
            )
    st.caption(t("gap_list.privacy", lang))
