"""One cause, told once: what a wrong clock or a missing column makes look wrong names its cause, which counts it.

No issue is dropped. Whoever shows issues to people shows the cause, and what follows from it below or as a number.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from collect.check.planner import ALWAYS, NEVER, Unplanned
from collect.check.shape import ancestors
from collect.check.sheets import Sheets
from collect.forms import Question
from collect.tables import FOLLOWS, ISSUES, Issues

CLOCK, LOST_COLUMN = "DAT-02", "FIL-16"  # the causes
BLANK = "REQ-01"
JUDGED = ("CON-01", BLANK, "CAL-01", "REL-01")  # what a rule that reads a clock may hold against an answer
OF_THE_CLOCK = ("DAT-01",)


def of_the_clock(issues: Issues, sheets: Sheets, days: pl.DataFrame | None) -> Issues:
    """Say of what was judged by a clock that was wrong (DAT-02) that it follows from that.

    These are the rules that read the device's clock, or the day, start or end of the interview, be it through
    calculations. Some may be wrong by themselves: that shows once the day is right.
    """
    if days is None or not days["wrong"].any():
        return issues
    ids = sheets.text[sheets.form.root].filter(days["wrong"])["submission_id"]
    mine = pl.col("submission_id").is_in(ids.implode()).fill_null(False)
    clocked = _Clocked(sheets, _paths_of_the_clock(sheets))
    rules = issues.filter(mine & pl.col("code").is_in(JUDGED)).select("code", "question").unique()
    judged = rules.filter([clocked.judges(code, question) for code, question in rules.rows()])
    named = pl.struct("code", "question").is_in(judged.to_struct().implode())
    return _named(issues, mine & (named | pl.col("code").is_in(OF_THE_CLOCK)), CLOCK, "submission_id")


def of_lost_columns(issues: pl.DataFrame) -> pl.DataFrame:
    """Say of required answers that are missing for want of their column (FIL-16) that they follow from that.

    A column whose answers nobody demands was left out by a form that does not ask them: FIL-16 is taken back.
    """
    lost = issues.filter(code=LOST_COLUMN)["question"].unique()
    if lost.is_empty():
        return issues
    follows = (pl.col("code") == BLANK) & pl.col("question").is_in(lost.implode())
    demanded = issues.filter(follows)["question"].unique()
    idle = (pl.col("code") == LOST_COLUMN) & ~pl.col("question").is_in(demanded.implode())
    return _named(Issues(issues.filter(~idle)), follows, LOST_COLUMN, "question")


def _named(issues: Issues, follows: pl.Expr, cause: str, by: str) -> Issues:
    """Write the cause into the issues that follow from it, and their number (by submission or question) into it."""
    mine = follows & ~FOLLOWS  # the first cause is enough
    named = pl.when(mine).then(_with("follows", f'"{cause}"')).otherwise("details").alias("details")
    marked = issues.with_columns(named, mine=mine)
    numbers = marked.filter("mine").group_by(by).agg(followed=pl.len().cast(pl.String))
    counted = marked.join(numbers, on=by, how="left", maintain_order="left")
    is_cause = (pl.col("code") == cause) & pl.col("followed").is_not_null()
    told = pl.when(is_cause).then(_with("followed", pl.col("followed"))).otherwise("details").alias("details")
    return Issues(ISSUES.check(counted.with_columns(told).drop("followed", "mine")))


def _with(name: str, value: str | pl.Expr) -> pl.Expr:
    """Details that begin with one value more."""
    rest = pl.col("details").fill_null("{}").str.slice(1)
    more = pl.when(rest == "}").then(pl.lit("")).otherwise(pl.lit(", "))
    return pl.concat_str(pl.lit(f'{{"{name}": '), pl.lit(value) if isinstance(value, str) else value, more, rest)


@dataclass(frozen=True, slots=True)
class _Clocked:
    """Which rules hang on the clock; ``paths``: the questions that do."""

    sheets: Sheets
    paths: Collection[str]

    def judges(self, code: str, path: str) -> bool:
        """Whether what an issue says of a question was judged by the clock."""
        form = self.sheets.form
        question = form.by_path.get(path)
        if code == "REL-01":
            around = {section.path: section.relevant for section in form.sections}
            asked = [(one, around.get(one) or "") for one in (*ancestors(form, path), path)]
            return any(_hangs(self.sheets, rule, at, self.paths) for at, rule in [*asked, *_own(question, "relevant")])
        own = {"CON-01": "constraint", BLANK: "required", "CAL-01": "calculate"}[code]
        return any(_hangs(self.sheets, rule, at, self.paths) for at, rule in _own(question, own))


def _own(question: Question | None, kind: str) -> list[tuple[str, str]]:
    return [] if question is None else [(question.path, getattr(question, kind) or "")]


def _paths_of_the_clock(sheets: Sheets) -> set[str]:
    """The day, start and end of an interview, and everything computed from them or from the clock itself."""
    design = sheets.form.design
    found = {path for path in (design.interviewed_on, design.started_at, design.ended_at) if path}
    waiting = {question.path: question.calculate for question in sheets.form.questions if question.calculate}
    while more := {path for path, rule in waiting.items() if _hangs(sheets, rule, path, found)}:
        found |= more
        waiting = {path: rule for path, rule in waiting.items() if path not in more}
    return found


def _hangs(sheets: Sheets, rule: str, at: str, paths: Collection[str]) -> bool:
    """Whether a rule reads the clock, or one of the ``paths``."""
    if not rule or rule in ALWAYS or rule in NEVER:
        return False
    try:
        clock = sheets.planner.plan(rule, at).reads_clock
    except Unplanned:
        return False
    return clock or not sheets.planner.reads(rule, at).isdisjoint(paths)
