"""Three pictures behind the verdicts: communes against the target, hamlets of a commune, and each interviewer left out.

Each is an Altair chart, which the app draws and `collect.publish.picture_files` writes; the first two follow the
inchworm and organ pipe plots of the WHO 2018 cluster survey manual's program, VCQI.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import altair as alt
import numpy as np
import polars as pl
from scipy.special import ndtri

from collect.i18n import t
from collect.i18n.figures import axis_figures
from collect.publish.scales import LOOKS
from collect.tables import VERDICTS
from collect.targets import Target

FONT = "Phu Sans, Be Vietnam Pro, Noto Sans Khmer, sans-serif"
INK, GREY = "#1c2733", "#7b8794"
NESTED = (0.95, 0.9, 0.8, 0.65, 0.5, 0.35, 0.2)  # intervals within one another: where the truth likely lies
TITLE, SUBTITLE = 60, 78  # letters on a line, so that a title is no wider than its chart
WIDTH, ROW = 560, 18


def inchworm(rows: pl.DataFrame, target: Target, lang: str) -> alt.LayerChart:
    """All communes against the target.

    ``rows``: ``name, verdict, value, n_judged, regime, ci_low, ci_high, lower_bound, upper_bound``; the bounds are
    those judged by. Communes without a value stand last, with a square of their verdict's colour: silence is seen, and
    so is a verdict whose figures are withheld.
    """
    ordered = rows.sort(pl.col("value").fill_null(-1.0), "name", descending=[True, False])
    names = ordered["name"].to_list()
    y = alt.Y("name:N", sort=names, title=None, axis=_names())
    x = alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), title=None, axis=alt.Axis(format="%", grid=True))
    colour = _colour(lang)
    shades = _nested(ordered, lang)
    worms = alt.Chart(_data(shades)).mark_bar(opacity=0.28).encode(
        x=x, x2="high:Q", y=y, color=colour, size=alt.Size("size:Q", scale=None, legend=None)
    )  # fmt: skip
    points = _data(_plain(ordered, lang))
    values = alt.Chart(points).mark_point(filled=True, size=28, color=INK).encode(x="value:Q", y=y)
    silent = [row | {"at": 0.0} for row in shades if row["low"] is None]
    squares = _squares(silent, y, lang)
    ends = [
        alt.Chart(points).mark_tick(thickness=2, size=ROW - 6, color=INK).encode(x=f"{end}:Q", y=y)
        for end in ("lower", "upper")
    ]
    title = t("picture.inchworm", lang, target=_named(target, lang))
    layers = [worms, squares, *ends, values, _line(target, "x")]
    return _dressed(layers, (title, t("picture.inchworm.help", lang)), len(names), lang)


def _nested(rows: pl.DataFrame, lang: str) -> list[dict[str, Any]]:
    found = []
    for row in rows.iter_rows(named=True):
        word = t(f"verdict.{row['verdict']}", lang)
        size, value = row["n_judged"], row["value"]
        if value is None:
            found.append({"name": row["name"], "low": None, "high": None, "size": 0.0, "verdict": word})
            continue
        spans = [(row["ci_low"], row["ci_high"])] * 2
        if size:
            spans = [_wilson(value, size, level) for level in NESTED]
        for index, (low, high) in enumerate(spans):
            thick = 3 + (ROW - 6) * index / len(spans)
            found.append({"name": row["name"], "low": low, "high": high, "size": thick, "verdict": word})
    return found


def _squares(rows: Sequence[dict[str, Any]], y: alt.Y, lang: str) -> alt.Chart:
    """Verdicts without figures, at the left end."""
    marks = alt.Chart(_data(rows)).mark_point(shape="square", filled=True, size=90, opacity=1, xOffset=8)
    drawn: alt.Chart = marks.encode(x="at:Q", y=y, color=_colour(lang))
    return drawn


def _wilson(value: float, size: float, level: float) -> tuple[float, float]:
    z = float(ndtri((1 + level) / 2))
    middle, scale = value + z * z / (2 * size), 1 + z * z / size
    reach = z * float(np.sqrt(value * (1 - value) / size + z * z / (4 * size * size)))
    return max((middle - reach) / scale, 0.0), min((middle + reach) / scale, 1.0)


def _plain(rows: pl.DataFrame, lang: str) -> list[dict[str, Any]]:
    names = {"name": "name", "value": "value", "lower": "lower_bound", "upper": "upper_bound"}
    return [{to: row[of] for to, of in names.items()} for row in rows.iter_rows(named=True)]


def organ_pipe(hamlets: pl.DataFrame, target: Target, commune: str, lang: str) -> alt.LayerChart:
    """The hamlets of a commune: width is the share of households each speaks for, height the share that holds.

    ``hamlets``: ``weight, share``; without a share the pipe is grey and full: who gives the rows withholds what would
    tell of single households, and rounds. Hamlets have no names here.
    """
    pipes = hamlets.sort("share", "weight", descending=True, nulls_last=True)
    pipes = pipes.with_columns(width=pl.col("weight") / pl.col("weight").sum())
    pipes = pipes.with_columns(right=pl.col("width").cum_sum()).with_columns(left=pl.col("right") - pl.col("width"))
    told = pipes.with_columns(top=pl.col("share").fill_null(1.0), told=pl.col("share").is_not_null(), floor=pl.lit(0.0))
    x = alt.X(
        "left:Q", title=t("picture.organ_pipe.x", lang), scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")
    )
    y = alt.Y("top:Q", title=t("picture.organ_pipe.y", lang), scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))
    base = alt.Chart(_data(told.to_dicts()))
    frames = base.mark_rect(fill="#eef1f4", stroke="#ffffff", strokeWidth=1.5).encode(
        x=x, x2="right:Q", y=alt.Y("floor:Q"), y2=alt.datum(1)
    )
    bars = base.transform_filter("datum.told").mark_rect(fill=LOOKS["met"].colour, stroke="#ffffff").encode(
        x=x, x2="right:Q", y=y, y2="floor:Q"
    )  # fmt: skip
    hidden = base.transform_filter("!datum.told").mark_rect(fill=LOOKS["no_data"].colour, stroke="#ffffff").encode(
        x=x, x2="right:Q", y=y, y2="floor:Q"
    )  # fmt: skip
    title = t("picture.organ_pipe", lang, commune=commune, target=_named(target, lang))
    layers = [frames, bars, hidden, _line(target, "y")]
    return _dressed(layers, (title, t("picture.organ_pipe.help", lang)), 16, lang)


def interviewers(rows: pl.DataFrame, target: Target, commune: str, lang: str) -> alt.LayerChart:
    """How a commune's verdict stands when each interviewer's work is left out.

    ``rows``: ``interviewer`` (empty: nobody left out), ``interviews, verdict, value, lower_bound, upper_bound``; where
    the figures are withheld, a square has the verdict's colour.
    """
    everybody = t("picture.interviewers.all", lang)
    named = [
        {
            "name": f"{row['interviewer'] or everybody} ({row['interviews']})", "value": row["value"],
            "low": row["lower_bound"], "high": row["upper_bound"], "verdict": t(f"verdict.{row['verdict']}", lang),
        }
        for row in rows.sort("interviewer", nulls_last=False).iter_rows(named=True)
    ]  # fmt: skip
    names = [row["name"] for row in named]
    y = alt.Y("name:N", sort=names, title=None, axis=_names())
    x = alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), title=None, axis=alt.Axis(format="%"))
    base = alt.Chart(_data(named))
    spans = base.mark_bar(size=8).encode(x=x, x2="high:Q", y=y, color=_colour(lang))
    values = base.mark_point(filled=True, size=45, color=INK).encode(x="value:Q", y=y)
    silent = [row | {"at": 0.0} for row in named if row["value"] is None]
    title = t("picture.interviewers", lang, commune=commune, target=_named(target, lang))
    layers = [spans, values, _squares(silent, y, lang), _line(target, "x")]
    return _dressed(layers, (title, t("picture.interviewers.help", lang)), len(names), lang)


def _named(target: Target, lang: str) -> str:
    return f"{target.labels.get(lang, target.target_id)} ({target.year})"


def _line(target: Target, axis: str) -> alt.Chart:
    rule = alt.Chart(_data([{"need": float(target.value)}])).mark_rule(color=INK, strokeDash=[5, 3], strokeWidth=1.5)
    drawn: alt.Chart = rule.encode(x="need:Q") if axis == "x" else rule.encode(y="need:Q")
    return drawn


def _names() -> alt.Axis:
    return alt.Axis(labelLimit=190, ticks=False, domain=False, labelOverlap=False)


def _colour(lang: str) -> alt.Color:
    words = [t(f"verdict.{verdict}", lang) for verdict in VERDICTS]
    scale = alt.Scale(domain=words, range=[LOOKS[verdict].colour for verdict in VERDICTS])
    return alt.Color(
        "verdict:N", scale=scale, legend=alt.Legend(orient="bottom", title=None, symbolType="square", symbolOpacity=1)
    )


def _data(rows: Sequence[dict[str, Any]]) -> alt.Data:
    return alt.Data(values=list(rows))  # type: ignore[no-untyped-call]


def _dressed(layers: Sequence[alt.Chart], words: tuple[str, str], rows: int, lang: str) -> alt.LayerChart:
    said = alt.TitleParams(
        text=wrap(words[0], TITLE, break_long_words=False),
        subtitle=wrap(words[1], SUBTITLE, break_long_words=False),
        fontWeight="normal",
        anchor="start",
        fontSize=15,
        color=INK,
        subtitleColor=GREY,
        subtitlePadding=7,
        offset=14,
    )
    chart = alt.layer(*layers).properties(width=WIDTH, height=max(rows, 4) * ROW, title=said, background="#ffffff")
    chart = chart.configure(font=FONT, locale=alt.Locale(number=axis_figures(lang))).configure_mark(
        aria=False
    )  # marks without names say nothing to who listens
    chart = chart.configure_axis(grid=True, gridColor="#e4e8ec", labelColor=INK, titleColor=INK)
    chart = chart.configure_legend(labelColor=INK)  # white paper in a dark room too: a theme changes none of its ink
    dressed: alt.LayerChart = chart.configure_view(stroke=None)
    return dressed
