"""The gap list for spreadsheet programs: CSV that Excel opens with its accents, and a workbook that explains itself.

Text from outside is never a formula: what begins like one is written as text (XLSX) or after an apostrophe (CSV).
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from collect.csv_files import csv_of
from collect.i18n import t
from collect.publish.dictionary import data_dictionary
from collect.publish.release import Release

MADE_ON = datetime(2026, 1, 1)  # noqa: DTZ001  # a fixed day, so that the same rows give the same bytes
SHARES = ("estimate", "ci_low", "ci_high", "target", "p_meets_target")
WIDE = {"gap_id": 30, "decision": 20, "commune_name": 26, "households_source": 34, "suppression_rule": 24}


def write_csv(rows: pl.DataFrame, path: Path) -> None:
    """As `collect.csv_files` does; an empty cell is "not known"."""
    path.write_bytes(csv_of(rows))


def write_xlsx(rows: pl.DataFrame, path: Path, release: Release, language: str) -> None:
    """Three sheets: the gaps, what each column means, and what the release is."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": t("publish.title", language), "created": MADE_ON})
        head = book.add_format({"bold": True, "bg_color": "#1B4B7A", "font_color": "#FFFFFF", "valign": "top"})
        body = {
            "text": book.add_format({"num_format": "@"}),
            "date": book.add_format({"num_format": "yyyy-mm-dd"}),
            "share": book.add_format({"num_format": "0.0%"}),
            "plain": book.add_format({}),
            "wrapped": book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"}),
        }
        _sheet(book.add_worksheet(t("publish.sheet.gaps", language)), rows, head, body)
        columns = data_dictionary(language).filter(pl.col("column").is_in(rows.columns))
        named = columns.rename({name: t(f"publish.dictionary.{name}", language) for name in columns.columns})
        _words(book.add_worksheet(t("publish.sheet.columns", language)), named, head, body["wrapped"])
        _about(book.add_worksheet(t("publish.sheet.about", language)), release, language, body["wrapped"])


def _sheet(sheet: Any, rows: pl.DataFrame, head: Any, body: dict[str, Any]) -> None:
    for place, name in enumerate(rows.columns):
        sheet.set_column(place, place, WIDE.get(name, 15))
        sheet.write_string(0, place, name, head)
        for row, value in enumerate(rows[name].to_list(), start=1):
            _cell(sheet, row, place, name, value, body)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(rows.height, 1), rows.width - 1)
    sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})


def _cell(sheet: Any, row: int, place: int, name: str, value: Any, body: dict[str, Any]) -> None:
    match value:
        case None:
            return
        case str():
            sheet.write_string(row, place, value, body["text"])
        case bool():
            sheet.write_boolean(row, place, value)
        case date():
            sheet.write_datetime(row, place, value, body["date"])
        case _:
            sheet.write_number(row, place, value, body["share" if name in SHARES else "plain"])


def _words(sheet: Any, rows: pl.DataFrame, head: Any, wrapped: Any) -> None:
    for place, (name, width) in enumerate(zip(rows.columns, (24, 14, 26, 70, 40, 12), strict=True)):
        sheet.set_column(place, place, width)
        sheet.write_string(0, place, name, head)
        for row, value in enumerate(rows[name].to_list(), start=1):
            sheet.write_string(row, place, ("✓" if value else "") if isinstance(value, bool) else value, wrapped)
    sheet.freeze_panes(1, 0)


def _about(sheet: Any, release: Release, language: str, wrapped: Any) -> None:
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 1, 90)
    lines = [("", notice) for notice in release.notices(language)]
    lines += [
        (t("publish.about.release", language), release.release),
        (t("publish.about.as_of", language), release.as_of),
        (t("publish.about.licence", language), f"{t('publish.licence', language)} ({release.licence})"),
        (t("publish.about.boundaries", language), release.boundaries_source),
    ]
    for row, pair in enumerate(lines):
        for place, words in enumerate(pair):
            sheet.write_string(row, place, words, wrapped)
