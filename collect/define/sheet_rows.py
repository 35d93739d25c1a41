"""Leads from a node of the XForm back to the row and column of the XLSForm in which its author wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collect.define.findings import Place
from collect.define.twin import Sheets, read_markdown, sheets_of_xlsx

# our name of a column: the headings authors give it
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "type": ("type", "command"),
    "name": ("name", "value"),
    "relevant": ("relevant", "relevance"),
    "required": ("required",),
    "constraint": ("constraint",),
    "calculate": ("calculation", "calculate"),
    "readonly": ("readonly", "read_only"),
    "choice_filter": ("choice_filter",),
    "count": ("repeat_count", "count"),
    "labels": ("label", "caption"),
    "hints": ("hint",),
    "constraint_messages": ("constraint_message", "constraint_msg", "constraintmsg"),
    "required_messages": ("required_message", "requiredmsg"),
    "list": ("list_name",),
}
BEGIN, END = "begin_", "end_"


@dataclass(frozen=True)
class SheetRows:
    """Where things stand in a workbook; empty for a form that is no XLSForm."""

    survey: Mapping[str, int] = field(default_factory=dict)  # by node path: the row, the heading being row 1
    choices: Mapping[tuple[str, str], int] = field(default_factory=dict)  # by list and name; name "": the list's first
    cells: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)

    def of_node(self, path: str, rule: str) -> Place | None:
        """The place of a node's rule, or of its row's name where the sheet has no such column."""
        row = self.survey.get(path) or self.survey.get(path.removesuffix("_other"))
        return None if row is None else self._place("survey", row, rule)

    def of_choice(self, list_name: str, name: str = "", column: str = "name") -> Place | None:
        """The place of a choice, or of the first row of its list."""
        row = self.choices.get((list_name, name))
        return None if row is None else self._place("choices", row, column)

    def _place(self, sheet: str, row: int, column: str) -> Place:
        rows = self.cells[sheet]
        number = _column(rows[0], column)
        number = _column(rows[0], "name") if number is None else number
        if number is None:
            return Place(sheet, row, column)
        cell = rows[row - 1][number] if number < len(rows[row - 1]) else ""
        return Place(sheet, row, rows[0][number], cell)


def sheet_rows(source: Path, root: str) -> SheetRows:
    """Read where things stand in a form's file; ``root`` is the path of its root node."""
    if source.suffix.lower() in (".xlsx", ".xlsm", ".xls"):
        sheets: Sheets = sheets_of_xlsx(source)
    elif source.suffix.lower() == ".md":
        sheets = read_markdown(source)
    else:
        return SheetRows()
    cells = {name.strip().lower(): rows for name, rows in sheets.items() if rows}
    return SheetRows(_survey(cells.get("survey", []), root), _choices(cells.get("choices", [])), cells)


def _survey(rows: Sequence[Sequence[str]], root: str) -> dict[str, int]:
    kind, name = (_column(rows[0], column) if rows else None for column in ("type", "name"))
    found: dict[str, int] = {}
    if kind is None or name is None:
        return found
    around = [root]
    for number, row in enumerate(rows[1:], 2):
        does = "_".join(_cell(row, kind).lower().split())
        if does.startswith(END) and len(around) > 1:
            around.pop()
            continue
        path = f"{around[-1]}/{_cell(row, name)}"
        if does.startswith(BEGIN):
            around.append(path)
        if does and _cell(row, name):
            found.setdefault(path, number)
    return found


def _choices(rows: Sequence[Sequence[str]]) -> dict[tuple[str, str], int]:
    lists, name = (_column(rows[0], column) if rows else None for column in ("list", "name"))
    found: dict[tuple[str, str], int] = {}
    if lists is None or name is None:
        return found
    for number, row in enumerate(rows[1:], 2):
        if _cell(row, lists):
            found.setdefault((_cell(row, lists), ""), number)
            found.setdefault((_cell(row, lists), _cell(row, name)), number)
    return found


def _cell(row: Sequence[str], column: int) -> str:
    return row[column].strip() if column < len(row) else ""


def _column(header: Sequence[str], wanted: str) -> int | None:
    names = HEADINGS.get(wanted, (wanted,))
    return next((place for place, title in enumerate(header) if _plain(title) in names), None)


def _plain(title: str) -> str:
    """A heading without its language, its "bind::" and its spaces."""
    bare = title.strip().lower().removeprefix("bind::").removeprefix("bind:").removeprefix("jr:")
    return "_".join(bare.split("::")[0].split(":")[0].replace(" ", "_").replace("-", "_").split())
