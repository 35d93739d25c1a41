"""The printed sheet and the picture of the map: one page, in three languages, the same bytes for the same results."""

from __future__ import annotations

import contextlib
import re
import zlib
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest
from app_tables import INDICATORS, TARGETS, VINTAGE, MadeResults, make_results

import geo
from collect.i18n import LANGUAGES, t
from collect.problems import CollectError
from collect.publish import LOOKS
from collect.publish.sheet import Facts, content, sheet
from collect.publish.svg_map import Painted, svg_of
from collect.publish.typeset import typeset

FACTS = Facts(
    geo.units(VINTAGE), TARGETS, INDICATORS, geo.boundaries(VINTAGE), geo.lineage(), geo.units("2024")
)  # without a folder the outlines are schematic
CODE = next(code for code in geo.units(VINTAGE)["code"] if len(geo.former_units(code, VINTAGE, "2024")) > 3)


@dataclass(frozen=True)
class Finished:
    made: MadeResults

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made, name)

    def meta(self) -> dict[str, object]:
        return {"release": "20260930-ab", "as_of": "2026-09-30", "made_up": True, "boundaries": "schematic"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_sheet_is_one_page_in_every_language_with_every_target_made_long(lang: str) -> None:
    held = content(Finished(make_results()), CODE, FACTS, lang)
    assert len(held["rows"]) == 4
    crowded = {**held, "rows": held["rows"] * 2}  # eight targets, more than the plan has for communes
    assert isinstance(typeset("sheet", crowded, "png"), bytes), "typst gives a list where there are several pages"
    made = sheet(Finished(make_results()), CODE, FACTS, lang)
    assert made.startswith(b"%PDF-")
    assert made == sheet(Finished(make_results()), CODE, FACTS, lang)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_sign_of_the_sheet_is_in_a_font_of_ours(lang: str) -> None:
    names = fonts_of(sheet(Finished(make_results()), CODE, FACTS, lang))
    assert any("PhuSigns" in name for name in names), "≥ and the thin blank of an interval"
    assert {name.partition("-")[0] for name in names} <= {"PhuSans", "PhuSigns"}


def unpacked(pdf: bytes) -> bytes:
    """A PDF with its compressed streams opened behind it."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    text = pdf
    for stream in streams:
        with contextlib.suppress(zlib.error):
            text += zlib.decompress(stream)
    return text


def fonts_of(pdf: bytes) -> set[str]:
    """The fonts a PDF is set in."""
    return {name.decode() for name in re.findall(rb"/BaseFont\s*/(?:[A-Z]{6}\+)?([\w-]+)", unpacked(pdf))}


def test_the_sheet_says_its_day_its_revision_its_method_and_that_data_are_made_up() -> None:
    held = content(Finished(make_results()), CODE, FACTS, "en")
    assert "30 Sep 2026" in held["revision"]
    assert "20260930-ab" in held["revision"]
    assert "95%" in held["method"]
    assert len(held["notices"]) == 2
    assert f"/commune?id={CODE}" in held["link"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_file_bears_its_title_its_language_and_the_day_of_its_data(lang: str) -> None:
    made, unit = (
        sheet(Finished(make_results()), CODE, FACTS, lang),
        geo.units(VINTAGE).row(by_predicate=pl.col("code") == CODE, named=True),
    )
    said = unpacked(made).decode("utf-8", errors="replace")
    (title,) = re.findall(r"<dc:title>.*?<rdf:li[^>]*>(.*?)</rdf:li>", said, re.DOTALL)
    assert title.startswith({"en": unit["name_en"], "km": unit["name_km"]}.get(lang) or unit["name_vi"])
    assert title.endswith(f"({CODE}) · {t('sheet.title', lang)}")
    assert f"/Lang({lang})" in said
    assert set(re.findall(r"/CreationDate\(D:(\d{8})", said)) == {"20260930"}
    assert "2000" not in "".join(re.findall(r"<xmp:\w+Date>.*?<", said))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_estimate_stands_with_the_households_behind_it(lang: str) -> None:
    held = content(Finished(make_results()), CODE, FACTS, lang)
    assert all(re.fullmatch(r"n\xa0=\xa0\d+", row["answered"]) for row in held["rows"])
    assert held["legend"].endswith(t("sheet.answered", lang))
    unvisited = geo.units(VINTAGE)["code"][11]
    assert {row["answered"] for row in content(Finished(make_results()), unvisited, FACTS, lang)["rows"]} == {""}


def test_a_code_of_no_commune_is_refused_with_what_to_do() -> None:
    with pytest.raises(CollectError) as refused:
        sheet(Finished(make_results()), "99999", FACTS, "en")
    assert refused.value.code == "PUB-06"


def test_what_is_withheld_is_not_printed() -> None:
    made = make_results()
    hidden = made.estimates.with_columns(
        n_households=pl.when(pl.col("place") == CODE).then(9).otherwise("n_households")
    )
    held = content(
        Finished(MadeResults(hidden, made.verdicts, made.gaps, units=made.units, shapes=None)), CODE, FACTS, "en"
    )
    assert {row["value_text"] for row in held["rows"]} == {"–"}
    assert {row["value"] for row in held["rows"]} == {None}


def test_every_commune_of_the_picture_has_the_colour_of_its_class_its_hatch_above_and_the_chosen_one_an_outline() -> (
    None
):
    shapes = FACTS.outlines.simplified()
    classes = dict(zip(shapes["code"], ["met", "not_met", "undecided", "no_data"] * 20, strict=False))
    drawn = svg_of(shapes, Painted(classes, LOOKS, dict.fromkeys(classes, "✓"), chosen=CODE))
    for kind, look in LOOKS.items():
        count = list(classes.values()).count(kind)
        assert drawn.count(f'Z" fill="{look.colour}"') == count, "tiles that hold the colour too show seams in print"
        assert drawn.count(f'fill="url(#k-{kind})"') == (count if look.hatch else 0)
    assert drawn.count('stroke="#111"') == 1
