"""One commune and one target, told in words: where it stands, how sure we are, and what would change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from collect.i18n import t
from collect.pages import looks
from collect.pages.words import as_text, chance, day, interval, number, percent, target_value
from collect.publish import next_step
from collect.targets import Target


def card(row: Mapping[str, Any], target: Target, counted_in: str, lang: str) -> None:
    """Draw what the card holds. ``row`` is one row of `collect.pages.data.communes`."""
    st.subheader(as_text(row["name"]), anchor=False)
    before = t("commune.formerly", lang, district=as_text(row["district"])) if row.get("district") else ""
    st.caption(" · ".join(filter(None, (t("commune.code", lang, code=row["place"], vintage=row["vintage"]), before))))
    looks.badge(row["verdict"], lang)
    st.markdown(sentence(row, target, lang))
    _figures(row, counted_in, lang)
    dates = (row["first_interview_on"], row["last_interview_on"])
    if dates[1]:
        st.caption(t("commune.dates", lang, first=day(dates[0], lang), last=day(dates[1], lang)))


def sentence(row: Mapping[str, Any], target: Target, lang: str) -> str:
    """The verdict in words, with its probability and its reason."""
    words = {"target": target_value(target, lang), "p": chance(row["p_meets"], lang)}
    key = f"commune.says.{row['verdict']}"
    if row["verdict"] != "no_data" and row["p_meets"] is None:
        key += ".no_p"
    reason = t(f"reason.{row['reason']}", lang)
    return f"{t(key, lang, **words)} {reason}"


def _figures(row: Mapping[str, Any], counted_in: str, lang: str) -> None:
    if row["suppressed"]:
        st.caption(t("commune.suppressed", lang))
    for name, value in (_estimate(row, counted_in, lang) | _needed(row, counted_in, lang)).items():
        with st.container(horizontal=True, horizontal_alignment="distribute", gap="small", wrap=False):
            st.markdown(f":gray[{t(f'commune.{name}', lang)}]", width="stretch")
            st.markdown(f"**{value}**", width="content")
    step = next_step(row, lang) if row["verdict"] in ("undecided", "no_data") else ""
    if step:
        st.markdown(f"→ {step}")


def _estimate(row: Mapping[str, Any], counted_in: str, lang: str) -> dict[str, str]:
    if row["value"] is None:
        return _modelled(row, lang)
    found = {"estimate": percent(row["value"], lang), "interval": interval(row["ci_low"], row["ci_high"], lang)}
    found |= _modelled(row, lang)
    return found if counted_in == "communes" else found | {"interviewed": number(row["n_households"], lang)}


def _modelled(row: Mapping[str, Any], lang: str) -> dict[str, str]:
    """The model-based share, never without its label, and its root mean squared error."""
    if row.get("model_value") is None:
        return {}
    return {"model_based": f"{percent(row['model_value'], lang)} ± {percent(row['root_mse'], lang)}"}


def _needed(row: Mapping[str, Any], counted_in: str, lang: str) -> dict[str, str]:
    found = {}
    if row["households_needed"]:
        low, high = row["households_needed_low"], row["households_needed_high"]
        spread = "" if low is None or low == high else f" ({number(low, lang)}\u2009–\u2009{number(high, lang)})"
        found[f"needed.{counted_in}"] = number(row["households_needed"], lang) + spread
    return found
