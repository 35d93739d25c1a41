"""Each indicator asked of each unit it speaks of, added up per submission; the unknown is counted, not guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import polars as pl

from collect.check.planner import Planner, Unplanned
from collect.check.shape import ancestors, innermost
from collect.forms import Form, Question
from collect.indicators import Indicator
from collect.problems import DefinitionError
from collect.tables import MEASURES, Issues, Measures


def measure(
    tables: Mapping[str, pl.DataFrame],
    form: Form,
    indicators: Iterable[Indicator],
    issues: Issues | None = None,
    partial: frozenset[str] = frozenset(),
) -> Measures:
    """Sums per submission and indicator of this form, over the typed ``tables`` of `check` or of the store.

    A unit (a household, or a roster row) is unknown, and leaves numerator and denominator, when a question that the
    indicator reads, directly or through a calculation of the form, holds an answer meaning "not known", is blank though
    the form asked it (or did not ask it for want of an answer that is not known), or has an issue of severity error.
    A unit whose universe reads such a question is unknown too: it cannot be told whether the target speaks of it.
    When the question stands in a repeat under the unit, one such row is enough. This holds even where a known answer
    would decide alone (one operator's 4G, the others not known): to keep those units would keep the yeses among the
    doubtful and drop the noes. An indicator that knows better says so itself (``unknown``). Whose submissions count is
    the caller's choice: pass the rows of those.

    Where an export left out its repeats (``partial``: those submissions), what looks at their rows is unknown too: that
    nobody is there does not mean that nobody lives there (docs/decisions/0110).

    Raises `DefinitionError` DEF-13 for an indicator that cannot be evaluated.
    """
    scene = _Scene(tables, form, issues, partial)
    parts = [scene.measure(indicator) for indicator in indicators if indicator.form == form.form_id]
    return Measures(MEASURES.check(pl.concat(parts) if parts else MEASURES.empty()))


def answers_read(form: Form, indicators: Iterable[Indicator]) -> frozenset[str]:
    """The questions that measuring these indicators looks at: a table needs no other column.

    Those the expressions read, those that calculations and relevance behind them read in turn, the times of the
    interview, which say what today() means, and age and sex where weights are made to fit known people.
    """
    planner, design = Planner(form, {}), form.design
    waiting: list[tuple[str, str]] = [
        (text, one.unit)
        for one in indicators
        if one.form == form.form_id
        for text in (one.universe, one.numerator, one.denominator, one.unknown)
        if text
    ]
    people = {design.age, design.weights.sex} if design.weights.people else set()
    found: set[str] = {design.started_at, design.ended_at, design.interviewed_on, *people} & form.by_path.keys()
    while waiting:
        for path in planner.reads(*waiting.pop()) - found:
            question = form.by_path.get(path)
            found.add(path)
            if question is not None:
                waiting += relevances(form, question) + ([(question.calculate, path)] if question.calculate else [])
    return frozenset(found)


def relevances(form: Form, question: Question) -> list[tuple[str, str]]:
    """The rules that decide whether a question is asked, outermost first, each with its node."""
    rules = {section.path: section.relevant for section in form.sections}
    rules[question.path] = question.relevant
    nodes = (*ancestors(form, question.path), question.path)
    return [(rule, node) for node in nodes if (rule := rules[node])]


class _Scene:
    """The tables of one form while its indicators are read: what was worked out for one serves the next."""

    def __init__(
        self, tables: Mapping[str, pl.DataFrame], form: Form, issues: Issues | None, partial: frozenset[str]
    ) -> None:
        self.tables, self.form, self.partial = tables, form, sorted(partial)
        self.planner = Planner(form, tables)
        self.errors = None if issues is None else issues.filter(pl.col("severity") == "error")
        self._unknown: dict[str, pl.Series] = {}
        self._holds: dict[tuple[str, str], pl.Series] = {}

    def measure(self, indicator: Indicator) -> pl.DataFrame:
        """One row per submission that has units in the universe."""
        unit = indicator.unit
        belongs, numerator, denominator = (self._value(indicator, p) for p in ("universe", "numerator", "denominator"))
        doubtful = self._unknown_units(unit, (indicator.universe,)) | self._left_out(unit, (indicator.universe,))
        unknown = doubtful | self._not_known(indicator)
        unknown |= self._left_out(unit, (indicator.numerator, indicator.denominator, indicator.unknown))
        unknown |= numerator.is_null() | denominator.is_null()
        units = pl.DataFrame(
            {
                "submission_id": self.tables[unit]["submission_id"],
                "known": ~unknown,
                "numerator": numerator.set(unknown, 0.0),
                "denominator": denominator.set(unknown, 0.0),
            }
        ).filter(belongs | doubtful)
        return units.group_by("submission_id", maintain_order=True).agg(
            pl.lit(indicator.indicator_id).first().alias("indicator"),
            pl.col("known").sum().cast(pl.Int64).alias("units"),
            (~pl.col("known")).sum().cast(pl.Int64).alias("unknown"),
            pl.col("numerator", "denominator").sum(),
        )

    def _not_known(self, indicator: Indicator) -> pl.Series:
        """The indicator's own word on it, where it has one; else whatever it reads must be known."""
        if not indicator.unknown:
            return self._unknown_units(indicator.unit, (indicator.numerator, indicator.denominator))
        return self._value(indicator, "unknown") | self._unknown_units(indicator.unit, (indicator.denominator,))

    def _value(self, indicator: Indicator, part: str) -> pl.Series:
        text = getattr(indicator, part)
        try:
            if part in ("universe", "unknown"):
                return self.planner.truth(text, indicator.unit).fill_null(False)
            return self.planner.column(text, indicator.unit, "number")
        except Unplanned as reason:
            named = {"file": indicator.indicator_id, "where": part, "expression": text, "reason": str(reason)}
            raise DefinitionError("DEF-13", **named) from reason

    def _unknown_units(self, unit: str, texts: Iterable[str], at: str = "") -> pl.Series:
        """Where one of the expressions, read at the unit or at a node ``at`` of its rows, reads an unknown answer."""
        nothing = pl.zeros(self.tables[unit].height, dtype=pl.Boolean, eager=True)
        paths = {path for text in texts for path in self.planner.reads(text, at or unit)}
        for path in sorted(self._through_calculations(paths)):
            unknown = self._unknown_answers(path)
            if unknown.any():
                nothing |= self.planner.lifted(unknown, self.form.by_path[path].repeat, unit)
        return nothing

    def _left_out(self, unit: str, texts: Iterable[str]) -> pl.Series:
        """Where one of the expressions looks at rows below the unit that an export left out."""
        submissions = self.tables[unit]["submission_id"]
        paths = {path for text in texts if text and self.partial for path in self.planner.reads(text, unit)}
        if not any(self._table_of(path).startswith(f"{unit}/") for path in paths):
            return pl.zeros(len(submissions), dtype=pl.Boolean, eager=True)
        return submissions.is_in(self.partial)

    def _table_of(self, path: str) -> str:
        """The repeat of a question, or the repeat itself."""
        return self.form.by_path[path].repeat if path in self.form.by_path else path

    def _through_calculations(self, paths: set[str]) -> set[str]:
        """The questions among ``paths``, and those their calculations read in turn."""
        found: set[str] = set()
        waiting = [path for path in paths if path in self.form.by_path]
        while waiting:
            path = waiting.pop()
            if path in found:
                continue
            found.add(path)
            calculation = self.form.by_path[path].calculate
            if calculation:
                read = self.planner.reads(calculation, path)
                waiting += [other for other in read if other in self.form.by_path]
        return found

    def _unknown_answers(self, path: str) -> pl.Series:
        """In each row of the question's table: asked and blank, not asked for want of another answer, or not known."""
        if path not in self._unknown:
            question = self.form.by_path[path]
            column = self.tables[question.repeat][path]
            self._unknown[path] = pl.zeros(len(column), dtype=pl.Boolean, eager=True)  # where a rule reads itself
            unknown = self._says_unknown(column, question) | self._in_error(question)
            if column.null_count():
                unknown |= column.is_null() & (self._asked(question) | self._in_doubt(question))
            self._unknown[path] = unknown
        return self._unknown[path]

    def _says_unknown(self, column: pl.Series, question: Question) -> pl.Series:
        names = list(self.form.design.unknown)
        if question.type in ("select_multiple", "rank") and names:
            among = "|".join(re.escape(name) for name in names)
            return column.str.contains(rf"(?:^|\s)(?:{among})(?:\s|$)").fill_null(False)
        texts = column.cast(pl.String) if column.dtype.is_integer() or column.dtype == pl.String() else None
        if not names or texts is None:
            return pl.zeros(len(column), dtype=pl.Boolean, eager=True)
        return texts.is_in(names).fill_null(False)

    def _in_error(self, question: Question) -> pl.Series:
        table = self.tables[question.repeat]
        marks = pl.zeros(table.height, dtype=pl.Boolean, eager=True)
        if self.errors is None:
            return marks
        design = self.form.design
        here = pl.col("question") == question.path
        if question.path == design.birth_year:
            here |= (pl.col("code") == "ROS-02") & (pl.col("question") == design.age)  # either of the two may be wrong
        # the stored root has one row per submission and no need of row ids
        keys = ["submission_id", "row_id"] if "row_id" in table.columns else ["submission_id"]
        wrong = self.errors.filter(here).select(keys).drop_nulls().unique()
        near = table["submission_id"].is_in(wrong["submission_id"].unique().to_list()).arg_true()
        if not len(near):
            return marks
        rows = table.select(keys)[near].with_columns(near.alias("row")).join(wrong, on=keys, how="semi")
        return marks.scatter(rows["row"], True)

    def _asked(self, question: Question) -> pl.Series:
        """Where the form asks a question; where a rule cannot be evaluated, blanks count as unknown."""
        asked = pl.ones(self.tables[question.repeat].height, dtype=pl.Boolean, eager=True)
        for rule, node in relevances(self.form, question):
            asked &= self.planner.lifted(self._rule_holds(rule, node), innermost(self.form, node), question.repeat)
        return asked

    def _in_doubt(self, question: Question) -> pl.Series:
        """Where an answer that decides whether the question is asked is itself not known."""
        doubt = pl.zeros(self.tables[question.repeat].height, dtype=pl.Boolean, eager=True)
        for rule, node in relevances(self.form, question):
            table = innermost(self.form, node)
            doubt |= self.planner.lifted(self._unknown_units(table, (rule,), node), table, question.repeat)
        return doubt

    def _rule_holds(self, rule: str, path: str) -> pl.Series:
        if (rule, path) not in self._holds:
            try:
                holds = self.planner.truth(rule, path).fill_null(True)
            except Unplanned:
                holds = pl.ones(self.tables[innermost(self.form, path)].height, dtype=pl.Boolean, eager=True)
            self._holds[rule, path] = holds
        return self._holds[rule, path]
