"""How a verdict looks, the same on every page: colour, hatch, mark and words, so that colour is never alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Literal

import streamlit as st

from collect.i18n import t
from collect.publish import LOOKS, Look, Scale
from collect.tables import VERDICTS

Badge = Literal["blue", "red", "orange", "gray"]
BADGES: Mapping[str, tuple[Badge, str]] = {  # colour and icon
    "met": ("blue", ":material/check_circle:"),
    "not_met": ("red", ":material/cancel:"),
    "undecided": ("orange", ":material/help:"),
    "no_data": ("gray", ":material/do_not_disturb_on:"),
}
NBSP = "\u00a0"
CHANGES = {"better": "▲", "worse": "▼", "same": "＝", "cannot_tell": "≈"}  # beside their words, never alone
HATCHES = {
    "": "none",
    "/": "repeating-linear-gradient(135deg, {ink} 0 1px, transparent 1px 5px)",
    "\\": "repeating-linear-gradient(45deg, {ink} 0 1px, transparent 1px 5px)",
    "x": "repeating-linear-gradient(45deg, {ink} 0 1px, transparent 1px 5px), "
    "repeating-linear-gradient(135deg, {ink} 0 1px, transparent 1px 5px)",
    ".": "radial-gradient({ink} 1px, transparent 1.4px) 0 0 / 5px 5px",
}


def badge(verdict: str, lang: str) -> None:
    """The verdict as a badge."""
    colour, icon = BADGES[verdict]
    st.badge(t(f"verdict.{verdict}", lang), icon=icon, color=colour)


def flag(verdict: str) -> str:
    """The verdict's icon in its colour, for running text."""
    colour, icon = BADGES[verdict]
    return f":{colour}[{icon}]"


def verdict_text(verdict: str, lang: str) -> str:
    """Mark and word, for a table cell."""
    return f"{LOOKS[verdict].mark} {t(f'verdict.{verdict}', lang)}"


def _fill(look: Look) -> str:
    return f"{HATCHES[look.hatch].format(ink=look.ink)}, {look.colour}".removeprefix("none, ")


def missing(row: Mapping[str, Any], lang: str) -> str | None:
    """Why a commune has no figure, or no interval, in a few words; None where it has both."""
    if row["suppressed"]:
        reason = "withheld"
    elif row["value"] is None:
        reason = row["reason"] if row["reason"] in ("not_visited", "too_few") else "no_answers"
    elif row["ci_low"] is None:
        reason = "no_interval"
    else:
        return None
    return t(f"scale.none.{reason}", lang)


def legend(scale: Scale, counts: Mapping[str, int], lang: str, reasons: Sequence[str] = ()) -> None:
    """Every class with its colour, hatch, mark and number of communes, those of zero included.

    ``reasons``: why there is no figure, of each commune without one.
    """
    why = ", ".join(f"{reason} {count}" for reason, count in Counter(reasons).most_common())
    told = {"none": f" ({why})"} if why and counts.get("none") else {}
    items = "".join(
        f"<li style='display:inline-flex;align-items:center;gap:.4rem'>{swatch(look)}"
        f"<span>{escape(scale.label(code, lang).replace(' ', NBSP))}{NBSP}<b>{counts.get(code, 0)}</b>"
        f"{escape(told.get(code, ''))}</span></li>"
        for code, look in scale.looks.items()
    )
    style = "display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;list-style:none;margin:0;padding:0;font-size:.875rem"
    st.html(f"<ul aria-label='{escape(t('map.legend', lang), quote=True)}' style='{style}'>{items}</ul>")


def swatch(look: Look) -> str:
    """A class as a small square with its colour, hatch and mark."""
    return (
        f"<span aria-hidden='true' style='width:20px;height:20px;border-radius:4px;background:{_fill(look)};"
        f"border:1px solid #0003;color:{'#1c2733' if look.dark_mark else '#fff'};font-size:.7rem;font-weight:700;"
        f"display:inline-flex;align-items:center;justify-content:center'>{look.mark}</span>"
    )


def share_bar(counts: Mapping[str, int], lang: str) -> None:
    """One bar split by verdict, with the number of communes in each part and the words under it."""
    shown = [verdict for verdict in VERDICTS if counts.get(verdict)]
    parts = "".join(
        f"<span style='flex:{counts[verdict]} 0 1.6rem;background:{_fill(LOOKS[verdict])}'></span>" for verdict in shown
    )
    each = (f"{t(f'verdict.{verdict}', lang)} {counts.get(verdict, 0)}" for verdict in VERDICTS)
    words = f"{t('overview.communes', lang)}: " + " · ".join(part.replace(" ", NBSP) for part in each)
    st.html(
        f"<div role='img' aria-label='{escape(words, quote=True)}' style='display:flex;gap:2px;height:12px;"
        f"border-radius:4px;overflow:hidden'>{parts}</div>"
        f"<div style='font-size:.8125rem;line-height:1.5;margin-top:.4rem'>{escape(words)}</div>"
    )
