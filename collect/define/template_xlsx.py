"""The template as a workbook: drop-down lists, comments that explain each column, text cells so that zeros survive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from collect.define.template import (
    HEADER_ROW,
    LABEL_SEPARATOR,
    TemplateTable,
    mark_row,
    template_tables,
)
from collect.forms import Form
from collect.i18n import LANGUAGES, t
from collect.speech import said

READ_ME, LISTS = "read me", "lists"
LONGEST_NAME = 31  # Excel allows no longer sheet names
LONGEST_PROMPT = 255  # nor longer prompts
MADE_ON = datetime(2026, 1, 1)  # noqa: DTZ001  # a fixed day, so that the same form gives the same bytes
Ranges = Mapping[str, str]  # list name to its cells on the lists sheet


@dataclass(frozen=True, slots=True)
class _Looks:
    mark: Any
    label: Any
    header: Any
    key: Any
    body: Any
    title: Any
    text: Any


def write_workbook(form: Form, path: Path, lang: str, blank_rows: int) -> None:
    """Write the workbook; see `collect.define.template` for its layout."""
    tables = template_tables(form, lang)
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": form.title, "created": MADE_ON})
        looks = _looks(book)
        read_me = book.add_worksheet(READ_ME)
        names = _sheet_names(tables)
        sheets = [book.add_worksheet(name) for name in names]
        ranges = _write_lists(book.add_worksheet(LISTS), form, tables, lang, looks)
        _write_read_me(read_me, form, dict(zip(names, tables, strict=True)), looks)
        for sheet, table in zip(sheets, tables, strict=True):
            _write_table(sheet, form, table, lang, looks)
            _add_lists(sheet, table, ranges, lang, blank_rows)
        sheets[0].activate()


def _looks(book: Any) -> _Looks:
    wrapped = {"text_wrap": True, "valign": "top", "num_format": "@"}
    return _Looks(
        mark=book.add_format({"font_color": "#7A828A", "font_size": 9, "num_format": "@"}),
        label=book.add_format({**wrapped, "bold": True, "bg_color": "#E8EEF4"}),
        header=book.add_format(
            {**wrapped, "font_name": "Consolas", "font_size": 9, "bg_color": "#CFDBE6", "bottom": 2}
        ),
        key=book.add_format({**wrapped, "font_name": "Consolas", "font_size": 9, "bg_color": "#F3DFA8", "bottom": 2}),
        body=book.add_format({"num_format": "@"}),
        title=book.add_format({"bold": True, "font_size": 14, "num_format": "@"}),
        text=book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"}),
    )


def _sheet_names(tables: tuple[TemplateTable, ...]) -> list[str]:
    names: list[str] = []
    for table in tables:
        name, number = table.title[-LONGEST_NAME:], 1
        while name.lower() in {READ_ME, LISTS, *(other.lower() for other in names)}:
            number += 1
            name = f"{table.title[-LONGEST_NAME + 4 :]}~{number}"
        names.append(name)
    return names


def _write_table(sheet: Any, form: Form, table: TemplateTable, lang: str, looks: _Looks) -> None:
    sheet.set_column(0, len(table.columns) - 1, 22, looks.body)
    for place, cell in enumerate(mark_row(form, table, lang)):
        sheet.write_string(0, place, cell, looks.mark)
    for place, column in enumerate(table.columns):
        sheet.write_string(HEADER_ROW - 2, place, column.label, looks.label)
        sheet.write_string(HEADER_ROW - 1, place, column.header, looks.header if column.question else looks.key)
        if column.help:
            sheet.write_comment(HEADER_ROW - 2, place, column.help, {"x_scale": 2.4, "y_scale": 1.8, "author": ""})
    sheet.set_row(HEADER_ROW - 2, 60)
    sheet.freeze_panes(HEADER_ROW, 1)
    sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})


def _add_lists(sheet: Any, table: TemplateTable, ranges: Ranges, lang: str, blank_rows: int) -> None:
    for place, column in enumerate(table.columns):
        source = ranges.get(column.question.choice_list or "") if column.question else None
        if source is None or column.question is None or blank_rows < 1:
            continue
        rule: dict[str, object] = {"validate": "any", "input_message": _short(column.help)}
        if column.question.type == "select_one":
            rule = {
                "validate": "list",
                "source": source,
                "error_type": "warning",  # a bare name may be typed too
                "error_title": t("template.not_in_list.title", lang)[:32],
                "error_message": _short(t("template.not_in_list", lang)),
            }
        sheet.data_validation(HEADER_ROW, place, HEADER_ROW + blank_rows - 1, place, rule)


def _write_lists(sheet: Any, form: Form, tables: tuple[TemplateTable, ...], lang: str, looks: _Looks) -> Ranges:
    """One column per list that a column of the template offers."""
    ranges: dict[str, str] = {}
    for place, name in enumerate(_lists_used(form, tables)):
        letter, choices = xl_col_to_name(place), form.choices[name]
        sheet.write_string(0, place, name, looks.header)
        for row, choice in enumerate(choices, start=1):
            sheet.write_string(row, place, f"{choice.name}{LABEL_SEPARATOR}{said(choice.labels, lang)}", looks.body)
        ranges[name] = f"={LISTS}!${letter}$2:${letter}${len(choices) + 1}"
        sheet.set_column(place, place, 34, looks.body)
    sheet.freeze_panes(1, 0)
    return ranges


def _lists_used(form: Form, tables: tuple[TemplateTable, ...]) -> list[str]:
    questions = [column.question for table in tables for column in table.columns if column.question]
    named = dict.fromkeys(question.choice_list for question in questions if question.choice_list)
    return [name for name in named if name and form.choices.get(name)]


def _write_read_me(sheet: Any, form: Form, tables: Mapping[str, TemplateTable], looks: _Looks) -> None:
    sheet.set_column(0, 0, 24, looks.text)
    sheet.set_column(1, 1, 96, looks.text)
    row = 0
    for lang, language in LANGUAGES.items():
        sheet.write_string(row, 0, language, looks.title)
        sheet.write_string(row, 1, f"{form.title} · {form.form_id} · {form.version}", looks.title)
        steps = ["fill", "keys", "lists", "several", "dates", "points", "zeros", "blank", "header", "send"]
        for number, step in enumerate(steps, start=1):
            row += 1
            sheet.write_string(row, 0, str(number), looks.text)
            sheet.write_string(row, 1, t(f"template.read_me.{step}", lang), looks.text)
        for name, table in tables.items():
            row += 1
            sheet.write_string(row, 0, name, looks.header)
            sheet.write_string(row, 1, _sheet_words(form, table, lang), looks.text)
        row += 2


def _sheet_words(form: Form, table: TemplateTable, lang: str) -> str:
    if table.path == form.root:
        return t("template.sheet.root", lang)
    section = next(section for section in form.sections if section.path == table.path)
    label = said(section.labels, lang) or table.title
    return t("template.sheet.repeat", lang, label=label)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_PROMPT else text[: LONGEST_PROMPT - 1] + "…"
