"""Quality: rules, interviewers, hours, places and duplicates; every chart with its table and a file to take away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl
import streamlit as st

from collect import fieldwork
from collect.forms import Form
from collect.i18n import t
from collect.pages import field_charts
from collect.pages.layout import address, header, made_up_banner, to_upload
from collect.pages.live_field import Quality
from collect.pages.picking import section_and_form
from collect.pages.review_words import short
from collect.pages.tables import in_words
from collect.pages.twins import Formats, framed, table
from collect.pages.words import NOTHING, as_text, day, number, percent

SEVERITY_COLOURS = {"error": "#b5402c", "warning": "#f2a65a", "repaired": "#9aa5b1"}
DAYLIGHT = range(6, 21)  # hours in which interviews are usual
PER = 100  # errors are told per so many interviews
HURRIED, HEAPED, OFTEN = 0.25, 175, 2.0  # from where an interviewer stands out: see each column's help
MOST_RULES = 15
ICONS = {
    "rules": ":material/rule:",
    "interviewers": ":material/groups:",
    "times": ":material/schedule:",
    "places": ":material/wrong_location:",
    "pairs": ":material/content_copy:",
}


def render(
    forms: Sequence[Form], quality: Callable[[str], Quality], lang: str, links: Mapping[str, st.Page], all_teams: bool
) -> None:
    """Draw the page; ``quality`` gives a form's field work as far as this person may see it."""
    header(t("quality.title", lang), lang)
    st.caption(t("quality.about" if all_teams else "quality.about.own", lang))
    words = {code: f"{icon} {t(f'quality.section.{code}', lang)}" for code, icon in ICONS.items()}
    section, form = section_and_form("section", t("quality.section", lang), words, forms, lang)
    found = quality(form.form_id)
    if found.field.interviews.is_empty():
        with st.container(border=True, width=640):
            st.markdown(f"### :material/inbox: {t('quality.empty', lang)}\n\n{t('quality.empty.about', lang)}")
            to_upload(links, lang)
        return
    made_up_banner(found.made_up, lang)
    rounds = found.field.interviews["round"].unique().sort().to_list()
    if len(rounds) > 1:  # Progress counts one
        st.caption(t("quality.rounds", lang, rounds=", ".join(as_text(one or NOTHING) for one in rounds)))
    _figures(found, lang)
    st.subheader(t(f"quality.{section}", lang), anchor=False)
    st.caption(t(f"quality.{section}.about", lang))
    {"rules": _rules, "interviewers": _interviewers, "times": _times, "places": _places, "pairs": _pairs}[section](
        found, lang
    )
    if section in ("rules", "places", "pairs"):
        codes = {"view": "pairs"} if section == "pairs" else {"code": "LOC-05"} if section == "places" else {}
        st.page_link(
            links["review"],
            label=t("quality.to_review", lang),
            icon=":material/arrow_forward:",
            query_params=address(lang, **codes),
        )


def heading(name: str, lang: str) -> str:
    """What a column is called."""
    return t(f"quality.column.{name}", lang)


def _figures(found: Quality, lang: str) -> None:
    field = found.field
    wrong = field.issues.filter(severity="error")["submission_id"].n_unique()
    usual = field.interviews.filter(pl.col("minutes") >= 0)["minutes"].median()
    figures = {
        "interviews": number(field.interviews.height, lang),
        "interviewers": number(field.interviews["interviewer"].n_unique(), lang),
        "wrong": percent(wrong / field.interviews.height, lang),
        "minutes": number(round(float(usual), 1), lang) if isinstance(usual, float) else NOTHING,
    }
    with st.grid(4, min_column_width=150, gap="small"):
        for name, value in figures.items():
            st.metric(t(f"quality.figure.{name}", lang), value, border=True, height="stretch")


def _rules(found: Quality, lang: str) -> None:
    rows = fieldwork.rules(found.field)
    if rows.is_empty():
        st.success(t("upload.no_issues", lang), icon=":material/check_circle:")
        return
    words = {severity: t(f"severity.{severity}", lang) for severity in SEVERITY_COLOURS}
    shown = [
        {
            "name": t(f"{row['code']}.name", lang),
            "value": row["issues"],
            "said": number(row["issues"], lang),
            "kind": words[row["severity"]],
        }
        for row in rows.head(MOST_RULES).iter_rows(named=True)
    ]
    colours = {words[severity]: colour for severity, colour in SEVERITY_COLOURS.items()}
    framed(field_charts.bars(shown, t("quality.column.issues", lang), colours=colours), "quality-rules", lang)
    listed = rows.select(
        in_words(rows["code"], lambda code: t(f"{code}.name", lang)).alias(heading("rule", lang)),
        pl.col("issues").alias(heading("issues", lang)),
        pl.col("submissions").alias(heading("submissions", lang)),
        pl.col("share").alias(heading("share", lang)),
        pl.col("severity").replace_strict(words).alias(t("issue.severity", lang)),
        pl.col("code").alias(t("issue.code", lang)),
    )
    table(listed, "quality-rules", lang, found.made_up, {heading("share", lang): lambda value: percent(value, lang)})


def _interviewers(found: Quality, lang: str) -> None:
    rows = fieldwork.interviewers(found.field)
    if rows.is_empty():
        st.info(t("quality.interviewers.none", lang))
        return
    usual = [
        float(value) if isinstance(value, float) else 0.0 for value in (rows["minutes"].median(), rows["errors"].mean())
    ]
    rows = rows.with_columns(odd=_odd(usual[1]).fill_null(False))
    timed = rows.drop_nulls("minutes")
    points = [
        {
            "name": row["interviewer"],
            "x": round(row["minutes"], 1),
            "y": round(PER * row["errors"], 1),
            "odd": row["odd"],
        }
        for row in timed.iter_rows(named=True)
    ]
    x, y = heading("minutes", lang), heading("errors", lang)
    framed(field_charts.beside(points, x, y, (usual[0], PER * usual[1])), "quality-interviewers", lang)
    names = ("interviewer", "interviews", "errors", "minutes", "hurried", "heaping", "with_errors", "days")
    listed = rows.select(
        pl.when("odd")
        .then(pl.lit("▲ "))
        .otherwise(pl.lit(""))
        .add(pl.col("interviewer"))
        .alias(heading("interviewer", lang)),
        *((pl.col(name) * (PER if name == "errors" else 1)).alias(heading(name, lang)) for name in names[1:]),
    )
    shares: Formats = {heading(name, lang): lambda value: percent(value, lang) for name in ("hurried", "with_errors")}
    rounded: Formats = {
        heading("errors", lang): lambda value: number(round(value), lang),
        heading("minutes", lang): lambda value: number(round(value, 1), lang),
        heading("heaping", lang): lambda value: number(round(value), lang),
    }
    helped = {
        heading(name, lang): st.column_config.Column(help=t(f"quality.help.{name}", lang))
        for name in ("hurried", "heaping", "errors")
    }
    table(listed, "quality-interviewers", lang, found.made_up, {**shares, **rounded}, helped)


def _odd(usual_errors: float) -> pl.Expr:
    """Who stands out: far more errors than the others, many hurried interviews, or ages heaped on 0 and 5."""
    often = (pl.col("errors") > OFTEN * usual_errors) & (pl.col("errors") * pl.col("interviews") >= 3)
    return often | (pl.col("hurried") > HURRIED) | (pl.col("heaping") > HEAPED).fill_null(False)


def _times(found: Quality, lang: str) -> None:
    hours, lengths = fieldwork.started(found.field), fieldwork.minutes(found.field)
    if not hours["interviews"].sum():
        st.info(t("quality.times.none", lang))
        return
    left, right = st.columns(2, gap="medium")
    with left:
        rows = [
            {"at": f"{row['hour']:02d}", "value": row["interviews"], "odd": row["hour"] not in DAYLIGHT}
            for row in hours.iter_rows(named=True)
        ]
        framed(field_charts.columns(rows, heading("hour", lang), heading("interviews", lang)), "quality-hours", lang)
        listed = hours.select(pl.col(name).alias(heading(name, lang)) for name in ("hour", "interviews"))
        table(listed, "quality-hours", lang, found.made_up)
    with right:
        last = lengths["from"][-1]
        rows = [
            {
                "at": f"{row['from']}+" if row["from"] == last else f"{row['from']}–{row['from'] + 5}",
                "value": row["interviews"],
                "odd": row["from"] == 0,
            }
            for row in lengths.iter_rows(named=True)
        ]
        chart = field_charts.columns(rows, heading("length", lang), heading("interviews", lang))
        framed(chart, "quality-lengths", lang)
        listed = pl.DataFrame(
            {heading("length", lang): [row["at"] for row in rows], heading("interviews", lang): lengths["interviews"]}
        )
        table(listed, "quality-lengths", lang, found.made_up)


def _places(found: Quality, lang: str) -> None:
    rows = fieldwork.strayed(found.field)
    if rows.is_empty():
        st.success(t("quality.places.none", lang), icon=":material/check_circle:")
        return
    named = pl.col("commune").replace_strict(dict(found.places), default=pl.col("commune"))
    by_place = (
        rows.group_by(named.alias("commune"))
        .agg(pl.len().alias("count"))
        .sort("count", "commune", descending=[True, False])
    )
    shown = [
        {"name": row["commune"] or NOTHING, "value": row["count"], "said": number(row["count"], lang)}
        for row in by_place.head(MOST_RULES).iter_rows(named=True)
    ]
    framed(field_charts.bars(shown, heading("interviews", lang)), "quality-places", lang)
    listed = rows.select(
        named.alias(heading("answered", lang)),
        (pl.col("metres") / 1000).round(1).alias(heading("km", lang)),
        pl.col("seen")
        .replace_strict(dict(found.places), default=pl.col("seen"))
        .fill_null(t("quality.outside", lang))
        .alias(heading("seen", lang)),
        pl.col("interviewer").alias(heading("interviewer", lang)),
        pl.col("interviewed_on").alias(heading("day", lang)),
        pl.col("submission_id").alias(t("issue.submission", lang)),
    )
    formats: Formats = {heading("day", lang): lambda value: day(value, lang), t("issue.submission", lang): short}
    table(listed, "quality-places", lang, found.made_up, formats)


def _pairs(found: Quality, lang: str) -> None:
    rows = found.pairs
    if rows.is_empty():
        st.success(t("review.pairs.none", lang), icon=":material/check_circle:")
        return
    counts = rows.group_by("kind").agg(pl.len().alias("count")).sort("count", descending=True)
    shown = [
        {"name": t(f"review.pair.{row['kind']}", lang), "value": row["count"], "said": number(row["count"], lang)}
        for row in counts.iter_rows(named=True)
    ]
    framed(field_charts.bars(shown, heading("pairs", lang)), "quality-pairs", lang)
    people = dict(found.field.interviews.select("submission_id", "interviewer").iter_rows())
    verdicts = {verdict: t(f"review.pair.{verdict}", lang) for verdict in ("same", "different")}
    listed = rows.select(
        pl.col("kind")
        .replace_strict({kind: t(f"review.pair.{kind}", lang) for kind in ("answers", "begun", "nearly", "household")})
        .alias(t("review.pairs.kind", lang)),
        pl.col("share").alias(t("review.pairs.alike", lang)),
        *(
            pl.col(name).replace_strict(people, default=None).alias(f"{heading('interviewer', lang)} {place}")
            for place, name in enumerate(("one", "other"), 1)
        ),
        pl.col("verdict")
        .replace_strict(verdicts, default=t("review.pair.open", lang))
        .alias(t("review.column.state", lang)),
        *(
            pl.col(name).alias(f"{t('issue.submission', lang)} {place}")
            for place, name in enumerate(("one", "other"), 1)
        ),
    )
    ids: Formats = {f"{t('issue.submission', lang)} {place}": short for place in (1, 2)}
    shares: Formats = {t("review.pairs.alike", lang): lambda value: percent(value, lang)}
    table(listed, "quality-pairs", lang, found.made_up, ids | shares)
