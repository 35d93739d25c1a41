"""The charts of field work: one colour for counts, one more for what stands out, words beside every bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import altair as alt

from collect.i18n.figures import axis_figures

LETTER = 7.2  # pixels, about: how wide a letter of a label is
NARROWEST, WIDEST = 60, 210  # pixels for the names beside bars; a phone has 390 in all
ACROSS, UP = 220, 280  # pixels between a phone's axes, where names must not lie over one another either
LINE, DOT = 13, 6  # pixels that a name is high, and half a point is wide
BLUE, ORANGE, GREY = "#1f6fb4", "#b5402c", "#7b8794"
INK: Any = alt.ExprRef(expr="luminance(background) < 0.5 ? '#e8edf2' : '#1c2733'")  # as the browser's theme is
ROW = 26  # pixels a bar with its name
TALL = 260
SIDES: Mapping[Literal["left", "right"], int] = {"left": 8, "right": -8}  # where a name begins: pixels from its point
NAMED = 5  # points that have their name beside them: more would lie over one another
LEGEND = alt.Legend(orient="top", title=None, direction="vertical")  # one below the other: a phone cuts a row of them
FEW = alt.Axis(tickCount=6)
BARE: Mapping[str, Any] = {"ticks": False, "domain": False}


def bars(rows: Sequence[Mapping[str, Any]], title: str, *, colours: Mapping[str, str] | None = None) -> alt.LayerChart:
    """Lying bars with names and figures. ``rows``: ``name, value, said``, and ``kind`` where colours tell kinds."""
    names = [str(row["name"]) for row in rows]
    y = alt.Y("name:N", sort=names, title=None, axis=_names(names))
    base = alt.Chart(_data(rows)).encode(y=y)
    kinds = list(colours or {})
    colour: Any = (
        alt.Color(
            "kind:N",
            scale=alt.Scale(domain=kinds, range=list((colours or {}).values())),
            legend=LEGEND,
        )
        if kinds
        else alt.value(BLUE)
    )
    drawn = base.mark_bar(cornerRadiusEnd=3, height=ROW - 10).encode(
        x=alt.X("value:Q", title=title, axis=alt.Axis(tickCount=5), scale=_over(0, *(row["value"] for row in rows))),
        color=colour,
    )
    said = base.mark_text(align="left", dx=5, fontSize=12, color=INK).encode(x="value:Q", text="said:N")
    room = 140 if kinds else 100  # of axis, title and legend, which are part of the height
    made = alt.layer(drawn, said).properties(height=max(len(rows), 2) * ROW + room)
    return cast("alt.LayerChart", made)


def columns(rows: Sequence[Mapping[str, Any]], x: str, y: str) -> alt.Chart:
    """Standing bars over an ordered axis. ``rows``: ``at`` (as it is written), ``value``, and whether it is ``odd``."""
    order = [str(row["at"]) for row in rows]
    made: alt.Chart = (
        alt.Chart(_data(rows))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("at:O", sort=order, title=x, axis=alt.Axis(labelAngle=0, labelOverlap="greedy")),
            y=alt.Y("value:Q", title=y, axis=alt.Axis(tickMinStep=1), scale=_over(0, *(row["value"] for row in rows))),
            color=alt.condition("datum.odd", alt.value(ORANGE), alt.value(BLUE)),
        )
        .properties(height=TALL)
    )
    return made


def beside(rows: Sequence[Mapping[str, Any]], x: str, y: str, usual: tuple[float, float]) -> alt.LayerChart:
    """Interviewers as points against what is usual. ``rows``: ``name, x, y, odd``; the oddest bear names."""
    base = alt.Chart(_data(rows)).encode(
        x=alt.X("x:Q", title=x, axis=FEW, scale=_over(usual[0], *(row["x"] for row in rows), zero=False)),
        y=alt.Y("y:Q", title=y, scale=_over(0, usual[1], *(row["y"] for row in rows))),
    )
    points = base.mark_circle(size=90, opacity=0.75).encode(
        color=alt.condition("datum.odd", alt.value(ORANGE), alt.value(BLUE)), tooltip=["name:N", "x:Q", "y:Q"]
    )
    named = readable(rows, usual)
    names = [
        alt.Chart(_data([row for row in named if row["side"] == side]))
        .encode(x="x:Q", y="y:Q", text="name:N")
        .mark_text(align=side, dx=dx, fontSize=12, color=INK)
        for side, dx in SIDES.items()
    ]
    lines = [
        alt.Chart(_data([{"at": at}])).mark_rule(color=GREY, strokeDash=[4, 3]).encode(**{axis: alt.datum(at)})
        for axis, at in zip("xy", usual, strict=True)
    ]
    made = alt.layer(*lines, points, *names).properties(height=TALL + 80)
    return cast("alt.LayerChart", made)


def readable(rows: Sequence[Mapping[str, Any]], usual: tuple[float, float]) -> list[dict[str, Any]]:
    """The oddest rows whose names lie apart from one another, the oddest first, each with the side its name begins at.

    The names of the others are in the table and in the tooltips.
    """
    xs = [usual[0], *(row["x"] for row in rows)]
    low, high = min(xs), max(xs)
    across = ACROSS / ((high - low) or 1)
    up = UP / (max([usual[1], *(row["y"] for row in rows)]) or 1)
    taken = [(at - DOT, at + DOT, row["y"] * up) for row in rows for at in [(row["x"] - low) * across]]
    named: list[dict[str, Any]] = []
    for row in sorted((row for row in rows if row["odd"]), key=lambda row: -row["y"]):
        at, height, room = (row["x"] - low) * across, row["y"] * up, len(row["name"]) * LETTER
        sides = {"left": (at + DOT + 1, at + DOT + room), "right": (at - DOT - room, at - DOT - 1)}
        for side, (begin, end) in sides.items():
            inside = begin >= 0 and end <= ACROSS
            if inside and all(
                begin > right or end < left or abs(height - level) > LINE for left, right, level in taken
            ):
                taken.append((begin, end, height))
                named.append({**row, "side": side})
                break
    return named[:NAMED]


def stacked(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str], longest: float) -> alt.Chart:
    """Parts of a whole beside one another. ``rows``: ``name, kind, value``; ``names``: colours by kind, in order.

    ``longest``: the largest whole, here and in charts that stand beside this one.
    """
    order = list(dict.fromkeys(str(row["name"]) for row in rows))
    made: alt.Chart = (
        alt.Chart(_data([{**row, "place": list(names).index(row["kind"])} for row in rows]))
        .mark_bar(height=ROW - 10)
        .encode(
            y=alt.Y("name:N", sort=order, title=None, axis=_names(order)),
            x=alt.X("value:Q", title=None, axis=alt.Axis(tickMinStep=1), scale=_over(0, longest)),
            order="place:Q",
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=list(names), range=list(names.values())),
                legend=LEGEND,
            ),
        )
        .properties(height=max(len(order), 2) * ROW + 80)
    )
    return made


def in_language(chart: alt.Chart | alt.LayerChart, lang: str) -> alt.Chart | alt.LayerChart:
    """The chart with its axes' figures as the language writes them."""
    spoken: alt.Chart | alt.LayerChart = chart.configure(locale=alt.Locale(number=axis_figures(lang)))
    return spoken


def _names(names: Sequence[str]) -> alt.Axis:
    """Room for the longest name: what Vega measures before our fonts are there would cut it."""
    room = min(max(max(map(len, names), default=0) * LETTER, NARROWEST), WIDEST)
    return alt.Axis(labelLimit=room, minExtent=room, **BARE)


def _over(*values: float | None, zero: bool = True) -> alt.Scale:
    """A scale over these values, said beforehand: Streamlit brings a chart its rows only after it is first drawn."""
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    return alt.Scale(domain=[low, high if high > low else low + 1], nice=True, zero=zero)


def _data(rows: Sequence[Mapping[str, Any]]) -> alt.Data:
    return alt.Data(values=[dict(row) for row in rows])  # type: ignore[no-untyped-call]
