"""Method: what stands between interviews and a verdict, in plain words, with one target's communes to look at."""

from __future__ import annotations

from collections.abc import Callable

import altair as alt
import polars as pl
import streamlit as st

from collect.i18n import t
from collect.pages import data, looks
from collect.pages.data import Results
from collect.pages.layout import coded, header
from collect.pages.words import as_text
from collect.publish import LOOKS
from collect.tables import VERDICTS
from collect.targets import Target

PARTS = (
    "weights", "estimate", "verdict", "hamlets", "together", "looking", "needed", "change", "small", "honest",
)  # fmt: skip
WORDS = (
    "commune", "hamlet", "vintage", "target", "verdict", "interval", "weight", "gap", "gap_type", "suppressed", "run",
    "release",
)  # fmt: skip
READABLE = 760  # pixels: longer lines tire the eye
FORMULAS = {
    "estimate": r"\begin{gathered}\hat p=\frac{\sum w\,y}{\sum w\,x}\\"
    r"\mathrm{Var}\,\hat p=\sum_h\frac{k_h}{k_h-1}\sum_i(e_{hi}-\bar e_h)^2\end{gathered}",
    "hamlets": r"\mathrm{deff}=\frac{d\cdot\mathrm{deff}_{own}+d'\,(1+(m-1)\rho)}{d+d'}",
    "change": r"\begin{gathered}"
    r"\mathrm{Var}(\hat p_2-\hat p_1)=\mathrm{Var}\,\hat p_1+\mathrm{Var}\,\hat p_2-2\,\mathrm{Cov}\\"
    r"\mathrm{Cov}=\sum_h\frac{k_h}{k_h-1}\sum_i(z_{1hi}-\bar z_{1h})(z_{2hi}-\bar z_{2h})\end{gathered}",
    "small": r"\hat\theta_d=x_d\hat\beta+\frac{A}{A+D_d}\,(\hat p_d-x_d\hat\beta)",
    "needed": r"\begin{gathered}n_{eff}=\left(\frac{z\sqrt{T(1-T)}+z'\sqrt{p(1-p)}}{p-T}\right)^2\\"
    r"n_{eff}<\frac{k}{\rho}\end{gathered}",
}


def render(results: Results | None, lang: str, picture: Callable[[Target], alt.LayerChart] | None = None) -> None:
    """Draw the page. ``picture`` makes the chart of all communes against a target."""
    header(t("method.title", lang), lang, results)
    with st.container(width=READABLE):
        _verdicts(lang)
        for part in PARTS:
            st.subheader(t(f"method.{part}", lang), anchor=False)
            st.markdown(t(f"method.{part}.text", lang))
            if part in FORMULAS:
                st.latex(FORMULAS[part])
    if results is not None:
        _indicators(results, lang)
        if picture is not None:
            _communes(results, lang, picture)
    with st.container(width=READABLE):
        _glossary(lang)
        st.caption(t("method.sources", lang))


def _verdicts(lang: str) -> None:
    """The four answers there are, as they look on every page, in one plain sentence each."""
    with st.container(border=True, gap="small"):
        st.markdown(f"**{t('method.plain', lang)}**")
        for verdict in VERDICTS:
            with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
                st.html(looks.swatch(LOOKS[verdict]), width="content")
                st.markdown(f"**{t(f'verdict.{verdict}', lang)}**: {t(f'method.plain.{verdict}', lang)}")


def _indicators(results: Results, lang: str) -> None:
    """What each indicator counts, and who says so."""
    st.subheader(t("method.indicators", lang), anchor=False)
    with st.container(border=True, width=READABLE):
        for indicator in results.indicators:
            label, definition = as_text(indicator.labels[lang]), as_text(indicator.definitions[lang])
            st.markdown(f"**{as_text(indicator.indicator_id)} · {label}**  \n{definition}")
            st.caption(f"{t('method.indicators.source', lang)}: {as_text(indicator.source)}")


def _glossary(lang: str) -> None:
    """The words every page uses, each in one sentence."""
    with st.expander(t("method.glossary", lang), icon=":material/menu_book:"):
        for word in WORDS:
            st.markdown(f"**{t(f'glossary.{word}', lang)}**: {t(f'glossary.{word}.means', lang)}")


def _communes(results: Results, lang: str, picture: Callable[[Target], alt.LayerChart]) -> None:
    by_id = {target.target_id: target for target in data.measured(results, "commune")}
    if not by_id:
        return
    chosen = coded(
        st.selectbox,
        t("map.target", lang),
        list(by_id),
        key="target",
        default=data.first_to_show(results),
        format_func=lambda code: data.name_of(results, by_id[code], lang),
    )
    st.altair_chart(picture(by_id[chosen]), width="stretch", alt=data.name_of(results, by_id[chosen], lang))
    tallies = results.tallies.filter(pl.col("target_id") == chosen)
    if tallies.height:
        row = tallies.sort("round").row(-1, named=True)
        words = {"low": row["meeting_low"], "high": row["meeting_high"], "communes": row["communes"]}
        st.markdown(t("tally.meeting", lang, **words))
