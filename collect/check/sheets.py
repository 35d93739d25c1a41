"""One upload on its way through the checks: its tables as text, the same typed, and where each question was asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from collect.check.planner import Planner
from collect.check.report import Rule
from collect.check.shape import innermost
from collect.check.spelling import WHOLE, LeftOut
from collect.forms import Form
from collect.tables import ROOT_ANSWERS, ROW_ANSWERS, Issues


@dataclass(frozen=True)
class Checked:
    """What `check` hands on: typed tables by repeat path, shaped like the answers, and every broken rule."""

    tables: dict[str, pl.DataFrame]
    issues: Issues


@dataclass
class Sheets:
    """``text`` and ``typed`` always have the same rows in the same order.

    ``absent``: repeats the export cannot hold (their tables are there, empty). ``relevant``: by path of a question or
    section, true where the form asks it; a path without an entry is asked everywhere. ``unreadable`` and ``repaired``:
    by question, the cells that could not be read, and those that could after tidying; no entry where there are none.
    ``zeroed``: by question, the choices that a spreadsheet took zeros off, which are put back.
    ``proper``: questions of one choice whose answers are all choices. ``left_out``: what the export does not hold; what
    reads a repeat from outside knows nothing of submissions whose rows it left out.
    """

    form: Form
    text: dict[str, pl.DataFrame]
    typed: dict[str, pl.DataFrame]
    planner: Planner
    absent: frozenset[str] = frozenset()
    relevant: dict[str, pl.Series] = field(default_factory=dict)
    unreadable: dict[str, pl.Series] = field(default_factory=dict)
    repaired: dict[str, pl.Series] = field(default_factory=dict)
    zeroed: dict[str, pl.Series] = field(default_factory=dict)
    proper: set[str] = field(default_factory=set)
    left_out: LeftOut = WHOLE

    def repeat_of(self, path: str) -> str:
        """The table in which a question, group or repeat has its rows (a repeat: its own)."""
        question = self.form.by_path.get(path)
        return innermost(self.form, path) if question is None else question.repeat

    def asked(self, path: str) -> pl.Series:
        """True in each row of its table where the form asks a question."""
        if path in self.relevant:
            return self.relevant[path]
        return pl.ones(self.typed[self.repeat_of(path)].height, dtype=pl.Boolean, eager=True)

    def unsure(self, rule: Rule) -> pl.Series:
        """True in each row of the rule's table where it reads an answer that could not be read, or rows left out."""
        table, reads = self.repeat_of(rule.path), self.planner.reads(rule.text, rule.path)
        unsure = self.rows_unknown(table, reads)
        for path in sorted(reads & self.unreadable.keys()):
            unsure |= self.planner.lifted(self.unreadable[path], self.repeat_of(path), table)
        return unsure

    def rows_unknown(self, table: str, reads: Collection[str]) -> pl.Series:
        """True in each row of a table where some of ``reads`` lies in rows of a repeat that the export left out."""
        outer = self.planner.schema.chain(table)
        if not self.left_out.rows or all(self.repeat_of(path) in outer for path in reads):
            return pl.zeros(self.typed[table].height, dtype=pl.Boolean, eager=True)
        return self.typed[table]["submission_id"].is_in(list(self.left_out.rows))

    def lose(self, paths: Sequence[str]) -> None:
        """Take the answers to questions that the export left out for unreadable: no rule is held against anybody.

        One that was put right since is there.
        """
        for path in paths:
            self.unreadable[path] = self.text[self.repeat_of(path)][path].is_null()

    def drop_rows(self, repeat: str, keep: pl.Series) -> None:
        """Take whole rows out of a repeat, and whatever hangs under them in the repeats inside it."""
        inside = [s.path for s in self.form.sections if s.repeats and s.parent_repeat == repeat]
        kept_inside = {path: keep.gather(self.planner.parents(path)).fill_null(True) for path in inside}
        for tables in (self.text, self.typed):
            tables[repeat] = tables[repeat].filter(keep)
        for marks in (self.relevant, self.unreadable, self.repaired, self.zeroed):
            here = [path for path in marks if self.repeat_of(path) == repeat]
            marks.update({path: marks[path].filter(keep) for path in here})
        for path, kept in kept_inside.items():
            if not kept.all():
                self.drop_rows(path, kept)
        self.planner.rows_dropped()


def sheets_of(answers: Mapping[str, pl.DataFrame], form: Form, left_out: LeftOut = WHOLE) -> Sheets:
    """Start the checks of an upload: every table and question of the form, those the export left out empty."""
    absent = frozenset(repeat for repeat in form.repeats if repeat not in answers)
    typed: dict[str, pl.DataFrame] = {}
    text = {repeat: _complete(answers.get(repeat), form, repeat) for repeat in form.repeats}
    return Sheets(form, text, typed, Planner(form, typed, absent), absent, left_out=left_out)


def _complete(table: pl.DataFrame | None, form: Form, repeat: str) -> pl.DataFrame:
    declared = ROOT_ANSWERS if repeat == form.root else ROW_ANSWERS
    table = declared.empty() if table is None else table
    missing = [column.name for column in declared.columns if column.name not in table.columns]
    missing += [question.path for question in form.questions_in(repeat) if question.path not in table.columns]
    types = {name: declared.schema.get(name, pl.String()) for name in missing}
    return table.with_columns(pl.lit(None, kind).alias(name) for name, kind in types.items())
