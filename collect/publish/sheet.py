"""A commune on one A4 page: where it stands against every target, what to do, how we know, and of what day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import polars as pl

from collect.i18n import t
from collect.i18n.figures import counted, day, interval, number, percent, whole_percent
from collect.indicators import Indicator
from collect.problems import CollectError
from collect.publish.advice import advice
from collect.publish.maps import Outlines
from collect.publish.release import release_of, source_words
from collect.publish.scales import LOOKS, Look
from collect.publish.standings import standings
from collect.publish.svg_map import Painted, svg_of, swatch
from collect.publish.typeset import typeset
from collect.targets import Target

SIGNS = {">=": "≥", ">": ">", "=": "="}
GROUND = {"here": Look("#1f6fb4", "", "#ffffff", "", False), "other": Look("#dfe4ea", "", "#ffffff", "", True)}
ADDRESS = "/commune?id={code}"


class Finished(Protocol):
    """What the sheet needs of a run."""

    @property
    def estimates(self) -> pl.DataFrame:
        """Estimates table."""

    @property
    def verdicts(self) -> pl.DataFrame:
        """Verdicts table."""

    @property
    def gaps(self) -> pl.DataFrame:
        """Gap list."""

    @property
    def small_areas(self) -> pl.DataFrame:
        """Model-based shares."""

    @property
    def as_of(self) -> date:
        """Last day of interviews that counted."""

    def meta(self) -> Mapping[str, object]:
        """What every published file says of its release."""


@dataclass(frozen=True)
class Facts:
    """What is known of places and of the plan: communes of the run's vintage and of the one before the reform."""

    units: pl.DataFrame
    targets: Sequence[Target]
    indicators: Sequence[Indicator]
    outlines: Outlines
    lineage: pl.DataFrame
    former: pl.DataFrame


def sheet(run: Finished, code: str, facts: Facts, lang: str) -> bytes:
    """The commune's page as PDF; the same run gives the same bytes. Raises CollectError PUB-06 for another code."""
    return typeset("sheet", content(run, code, facts, lang), "pdf")


def content(run: Finished, code: str, facts: Facts, lang: str) -> dict[str, Any]:
    """What stands on the page. Figures withheld elsewhere are withheld here."""
    rows = standings(run.estimates, run.verdicts, run.gaps, run.small_areas).filter(place=code)
    known = facts.units.filter(code=code)
    if rows.is_empty() or known.is_empty():
        raise CollectError("PUB-06", commune=code)
    rows = rows.filter(pl.col("round") == rows["round"].max())
    unit, release = known.row(0, named=True), release_of(run.meta())
    by_target = {row["target_id"]: row for row in rows.iter_rows(named=True)}
    judged = sorted((x for x in facts.targets if x.target_id in by_target), key=lambda x: (x.year, x.number))
    told = [row for row in by_target.values() if row["verdict"] != "no_data"]
    met = sum(row["verdict"] == "met" for row in told)
    revision = {"day": day(run.as_of, lang), "release": release.release, "vintage": unit["vintage"]}
    return {
        "lang": lang,
        "title": f"{_name(unit, lang)} ({code}) · {t('sheet.title', lang)}",
        "date": {"year": run.as_of.year, "month": run.as_of.month, "day": run.as_of.day},
        "heading": t("sheet.title", lang),
        "name": _name(unit, lang),
        "about": _about(unit, lang),
        "former": _former(code, unit["vintage"], facts, lang),
        "summary": counted("commune.summary", met, lang, all=number(len(told), lang)) if told else "",
        "notices": [t("publish.made_up", lang)] * release.made_up
        + [t("publish.schematic", lang)] * (release.boundaries == "schematic"),
        "map": _locator(code, facts.outlines),
        "legend": f"{t('commune.bullet.help', lang)} {t('sheet.answered', lang)}",
        "rows": [_row(target, by_target[target.target_id], facts, lang) for target in judged],
        "revision": t("sheet.revision", lang, **revision),
        "method": t("sheet.method", lang),
        "link": t("sheet.page", lang, link=ADDRESS.format(code=code)),
        "source": t("publish.map.source", lang, source=source_words(facts.outlines.source, lang)),
    }


def _name(unit: Mapping[str, Any], lang: str) -> str:
    return str({"en": unit["name_en"], "km": unit["name_km"]}.get(lang) or unit["name_vi"])


def _about(unit: Mapping[str, Any], lang: str) -> str:
    said = [t("commune.code", lang, code=unit["code"], vintage=unit["vintage"])]
    if unit["district"]:
        said.append(t("commune.formerly", lang, district=unit["district"]))
    if unit["households_2019"]:
        said.append(t("sheet.households", lang, households=number(unit["households_2019"], lang)))
    return " · ".join(said)


def _former(code: str, vintage: str, facts: Facts, lang: str) -> str:
    first = facts.former["vintage"][0]
    came = facts.lineage.filter(new_code=code, new_vintage=vintage, old_vintage=first)["old_code"].to_list()
    if vintage == first or not came:
        return ""
    names = [_name(unit, lang) for unit in facts.former.filter(pl.col("code").is_in(came)).iter_rows(named=True)]
    return t("sheet.former", lang, names=", ".join(names))


def _locator(code: str, outlines: Outlines) -> str:
    shapes = outlines.simplified(150.0)
    classes = {one: "here" if one == code else "other" for one in shapes["code"]}
    return svg_of(shapes, Painted(classes, GROUND, chosen=code))


def _row(target: Target, row: Mapping[str, Any], facts: Facts, lang: str) -> dict[str, Any]:
    indicator = next((x for x in facts.indicators if x.indicator_id == target.indicator), None)
    counted_in = indicator.counted_in if indicator else "households"
    shown = row["value"] is not None and row["ci_low"] is not None
    instead = t("commune.suppressed.short", lang) if row["suppressed"] else t(f"reason.{row['reason']}", lang)
    return {
        "label": indicator.labels[lang] if indicator else target.labels[lang],
        "asks": f"{target.number} · {SIGNS[target.operator]} {whole_percent(float(target.value), lang)} · {target.year}"
        f" · {target.decision}",
        "need": float(target.value),
        "value": row["value"],
        "low": row["ci_low"],
        "high": row["ci_high"],
        "value_text": percent(row["value"], lang),
        "interval": interval(row["ci_low"], row["ci_high"], lang) if shown else instead,
        "answered": _answered(row, counted_in, lang),
        "verdict": t(f"verdict.{row['verdict']}", lang),
        "colour": LOOKS[row["verdict"]].colour,
        "swatch": swatch(LOOKS[row["verdict"]]),
        "deeds": " · ".join(advice(row, counted_in, lang)),
    }


def _answered(row: Mapping[str, Any], counted_in: str, lang: str) -> str:
    """How many households an estimate rests on; nothing beside none, and of communes' own returns."""
    if row["value"] is None or counted_in == "communes":
        return ""
    return f"n\u00a0=\u00a0{number(row['n_households'], lang)}"
