"""A commune's targets under one another: estimate and interval against the target, verdict, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from collect.i18n import t
from collect.pages import looks
from collect.publish import LOOKS

STYLE = """<style>
.bullets{list-style:none;margin:0!important;padding:0!important}
.bullets li{display:grid;margin:0!important;gap:.15rem 1.25rem;
grid-template-columns:minmax(0,1.5fr) minmax(0,1.3fr) 8.5rem 10rem;
align-items:center;padding:.7rem 0;border-top:1px solid #8883}
.bullets li:first-child{border-top:0}
.bullets .asks,.bullets .span{font-size:.8125rem;opacity:.75}
.bullets .label{font-weight:600;line-height:1.35}
.bullets .value{font-weight:700;font-size:1.125rem;font-variant-numeric:tabular-nums}
.bullets .do{grid-column:1/-1;font-size:.9rem;line-height:1.45}
.bullets .badge{justify-self:start;display:inline-flex;gap:.4rem;align-items:center;font-size:.875rem;font-weight:600}
.track{position:relative;height:26px;background:#8882;border-radius:4px}
.track .ci{position:absolute;top:9px;height:8px;border-radius:4px;opacity:.55}
.track .dot{position:absolute;top:6px;width:14px;height:14px;margin-left:-7px;border-radius:50%;border:2px solid #fff;
box-shadow:0 0 0 1px #0004}
.track .need{position:absolute;top:-3px;bottom:-3px;width:3px;margin-left:-1.5px;background:currentColor;
border-radius:2px}
@media (max-width:768px){.bullets li{grid-template-columns:minmax(0,1fr) auto;gap:.4rem .75rem}
.bullets .track{grid-column:1/-1;order:3}.bullets .figures{order:2;text-align:right}.bullets .badge{order:4}
.bullets .do{order:5}}
</style>"""


@dataclass(frozen=True, slots=True)
class Bullet:
    """One target: its words, its figures as shares (None where nothing is shown) and as text, and what to do."""

    label: str
    asks: str
    need: float
    verdict: str
    value: float | None
    ci: tuple[float, float] | None
    value_text: str
    interval_text: str
    deeds: Sequence[str]


def draw(bullets: Sequence[Bullet], lang: str) -> None:
    """Draw the list; the picture is hidden from screen readers, which have every figure as text."""
    items = "".join(_item(bullet, lang) for bullet in bullets)
    st.html(f"{STYLE}<ul class='bullets'>{items}</ul>")


def _item(bullet: Bullet, lang: str) -> str:
    badge = f"{looks.swatch(LOOKS[bullet.verdict])}{escape(t(f'verdict.{bullet.verdict}', lang))}"
    deeds = f"<div class='do'>→ {escape(' · '.join(bullet.deeds))}</div>" if bullet.deeds else ""
    return (
        f"<li><div><div class='label'>{escape(bullet.label)}</div><div class='asks'>{escape(bullet.asks)}</div></div>"
        f"{_track(bullet)}<div class='figures'><div class='value'>{escape(bullet.value_text)}</div>"
        f"<div class='span'>{escape(bullet.interval_text)}</div></div><div class='badge'>{badge}</div>{deeds}</li>"
    )


def _track(bullet: Bullet) -> str:
    colour = LOOKS[bullet.verdict].colour
    parts = [f"<span class='need' style='left:{min(bullet.need, 0.995):.1%}'></span>"]
    if bullet.ci is not None:
        low, high = bullet.ci
        parts.append(f"<span class='ci' style='left:{low:.1%};width:{high - low:.1%};background:{colour}'></span>")
    if bullet.value is not None:
        parts.append(f"<span class='dot' style='left:{bullet.value:.1%};background:{colour}'></span>")
    return f"<div class='track' aria-hidden='true'>{''.join(parts)}</div>"
