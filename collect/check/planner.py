"""Between the form and the XPath language: each rule is planned once, and one that cannot be is told, never dropped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import polars as pl

from collect import xpath
from collect.check.shape import above, innermost
from collect.forms import Form, Question

Wanted = Literal["number", "string"]
ALWAYS = ("true()", "true")
NEVER = ("false()", "false")


class Unplanned(Exception):  # noqa: N818 - not a fault: the reason becomes an EXP-01 issue
    """A rule that cannot be evaluated: ``why`` is a code, ``rule.WHY`` in the catalogue; the text says it in full."""

    def __init__(self, why: str, reason: str) -> None:
        super().__init__(reason)
        self.why = why


class Planner:
    """Plans and evaluates the expressions of one form over its typed tables, which may change their values under it.

    ``absent`` are repeats the export cannot hold: a rule that reads them has no answer.
    """

    def __init__(self, form: Form, tables: Mapping[str, pl.DataFrame], absent: frozenset[str] = frozenset()) -> None:
        self.form, self.tables, self.absent = form, tables, absent
        self.schema = schema_of(form)
        self._plans: dict[tuple[str, str], xpath.Plan | Unplanned] = {}
        self._links: xpath.Links | None = None

    @property
    def links(self) -> xpath.Links:
        """Which row belongs to which; found once, and again after rows were dropped."""
        if self._links is None:
            self._links = xpath.link(self.schema, self.tables)
        return self._links

    def rows_dropped(self) -> None:
        """Say that tables lost rows."""
        self._links = None

    def parents(self, repeat: str) -> pl.Series:
        """For each row of a repeat, the place of its parent row in the table one level up; null for an orphan."""
        rows = self.links.up(repeat, above(self.form, repeat))
        assert rows is not None  # a repeat is never its own parent
        return rows

    def lifted(self, marks: pl.Series, table: str, unit: str) -> pl.Series:
        """Marks of the rows of one table, for the rows of ``unit`` beneath them, or above them (one mark is enough)."""
        down, up = self.schema.chain(unit), self.schema.chain(table)
        shared = [repeat for repeat in up if repeat in down][-1]
        for repeat in up[:0:-1]:
            if repeat == shared:
                break
            rows = self.parents(repeat).filter(marks).drop_nulls().unique()
            height = self.tables[above(self.form, repeat)].height
            marks = pl.zeros(height, dtype=pl.Boolean, eager=True).scatter(rows, True)
        for repeat in down[down.index(shared) + 1 :]:
            marks = marks.gather(self.parents(repeat)).fill_null(False)
        return marks

    @cached_property
    def clock(self) -> pl.DataFrame:
        """When each submission was made, by its own device: what today() and now() mean in its rules."""
        root, design = self.tables[self.form.root], self.form.design
        instants = [pl.col(path) for path in (design.ended_at, design.started_at) if _is(self.form, path, "dateTime")]
        if _is(self.form, design.interviewed_on, "date"):
            instants.append(pl.col(design.interviewed_on).dt.to_string("%Y-%m-%dT12:00:00.000"))
        return root.select("submission_id", pl.coalesce(*instants, pl.lit(None, pl.String)).alias("now"))

    def plan(self, text: str, at: str) -> xpath.Plan:
        """The plan of an expression read at a node. Raises `Unplanned` when there can be none."""
        if (text, at) not in self._plans:
            self._plans[text, at] = self._plan(text, at)
        plan = self._plans[text, at]
        if isinstance(plan, Unplanned):
            raise plan
        return plan

    def _plan(self, text: str, at: str) -> xpath.Plan | Unplanned:
        try:
            plan = xpath.plan(text, self.schema, at)
        except xpath.XPathError as error:
            return Unplanned(error.code, str(error))
        return self._without(self._reads(plan)) or plan

    def _without(self, paths: frozenset[str]) -> Unplanned | None:
        """The reason not to answer, when a rule reads a repeat that the export cannot hold."""
        missing = sorted({innermost(self.form, path) for path in paths} & self.absent)
        return Unplanned("absent", f"the export does not hold {', '.join(missing)}") if missing else None

    def reads(self, text: str, at: str) -> frozenset[str]:
        """Questions the expression reads and repeats whose rows it counts; none when it cannot be planned."""
        try:
            return self._reads(self.plan(text, at))
        except Unplanned:
            return frozenset()

    def _reads(self, plan: xpath.Plan) -> frozenset[str]:
        return plan.dependencies | (plan.repeats - {self.form.root})

    def column(self, text: str, at: str, as_: Wanted) -> pl.Series:
        """The value of an expression in each row of the table ``at`` lives in. Raises `Unplanned`.

        A number is null where it is not a number; a string is "" where it is blank.
        """
        plan = self.plan(text, at)
        return plan.column(self.tables, as_, self.clock if plan.reads_clock else None, self.links)

    def truth(self, text: str, at: str) -> pl.Series:
        """Whether an expression holds, by row; null where it asks for a clock the submission does not have."""
        if text in ALWAYS or text in NEVER:
            height = self.tables[innermost(self.form, at)].height
            return pl.repeat(text in ALWAYS, height, dtype=pl.Boolean, eager=True)
        plan = self.plan(text, at)
        return plan.column(self.tables, "boolean", self.clock if plan.reads_clock else None, self.links)

    def offered(self, question: Question) -> tuple[pl.Series, frozenset[str]]:
        """Whether the choice filter of a question leaves every choice made, by row; and what the filter reads."""
        items = self.schema.lists[question.choice_list or ""]
        try:
            plan = xpath.plan_choices(question.choice_filter or "", self.schema, question.path, items)
        except xpath.XPathError as error:
            raise Unplanned(error.code, str(error)) from error
        missing = self._without(plan.dependencies)
        if missing is not None:
            raise missing
        clock = self.clock if plan.reads_clock else None
        return plan.allowed(self.tables, None, clock, self.links), plan.dependencies


def beside(repeat: str) -> str:
    """A node next to a repeat, in the rows of the table above: where its own rules are read once, not by row."""
    return f"{repeat}.beside"


def _is(form: Form, path: str, kind: str) -> bool:
    return path in form.by_path and form.by_path[path].type == kind and form.by_path[path].repeat == form.root


def schema_of(form: Form) -> xpath.Schema:
    """What the XPath language must know of a form: its tables with their question types, and its lists of choices."""
    return xpath.Schema(
        form.root,
        {repeat: {q.path: q.type for q in form.questions_in(repeat)} for repeat in form.repeats},
        {name: _choices(form, name) for name in form.choices},
        {q.path: q.choice_list for q in form.questions if q.choice_list},
        frozenset(beside(section.path) if section.repeats else section.path for section in form.sections),
        form.version,
    )


def _choices(form: Form, name: str) -> pl.DataFrame:
    rows = [{"name": c.name, "label": next(iter(c.labels.values()), None), **c.columns} for c in form.choices[name]]
    columns = dict.fromkeys(key for row in rows for key in row) or {"name": None, "label": None}
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String()))
