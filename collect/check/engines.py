"""Where a browser would have let pass what ODK Collect refuses: such an answer is a warning that says who says what."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from collect import xpath
from collect.check.report import Rule
from collect.check.sheets import Sheets

ALIKE = frozenset(
    {"selected", "true", "false", "string-length", "count-selected", "starts-with", "contains", "ends-with"}
)
DIGITS = frozenset(
    {"format-date", "string-length", "count-selected", "position"}
)  # number() of these is a whole number
TIMELY = frozenset({"date", "dateTime", "time", "boolean", "decimal"})  # answers that engines compare differently
DAY = re.compile(r"\d{4}-\d")


def web_says_otherwise(sheets: Sheets, rule: Rule, wrong: pl.Series) -> pl.Series:
    """Of the rows in which Collect's reading of a rule condemns an answer, those in which a browser's does not.

    Rows are worked out one by one, so only rules that can depend on the engine are asked, for those submissions.
    """
    nowhere = pl.zeros(len(wrong), dtype=pl.Boolean, eager=True)
    schema = sheets.planner.schema
    try:
        if not wrong.any() or not _may_depend(xpath.parse(rule.text), _kinds(sheets, rule)):
            return nowhere
        table = sheets.repeat_of(rule.path)
        rows = sheets.typed[table].select("submission_id").with_row_index("place")
        asked = rows.filter(wrong)["submission_id"].unique().implode()
        tables = {name: frame.filter(pl.col("submission_id").is_in(asked)) for name, frame in sheets.typed.items()}
        found = xpath.differences(rule.text, schema, tables, rule.path, as_="boolean", clock=sheets.planner.clock)
    except xpath.XPathError:
        return nowhere
    places = rows.filter(pl.col("submission_id").is_in(asked))["place"].gather(found["row"])
    return nowhere.scatter(places, found["web"].is_in(["true", "false"])) & wrong


def _kinds(sheets: Sheets, rule: Rule) -> dict[str, str]:
    """The types of the questions a rule reads, by their last step; "." is the question the rule stands at."""
    questions = sheets.form.by_path
    read = {path: questions[path] for path in sheets.planner.reads(rule.text, rule.path) if path in questions}
    kinds: dict[str, str] = {path.rsplit("/", 1)[-1]: question.type for path, question in read.items()}
    return kinds | {".": questions[rule.path].type if rule.path in questions else "boolean"}


def _may_depend(tree: xpath.Expression, kinds: Mapping[str, str]) -> bool:
    """Whether engines could differ at all: comparisons of whole numbers and words, and choices, never do."""
    for node in xpath.walk(tree):
        if isinstance(node, xpath.Call) and not (node.name in ALIKE or _whole_pattern(node) or _digits(node)):
            return True
        if isinstance(node, xpath.Text) and DAY.match(node.value):
            return True
    return isinstance(tree, xpath.Path) or any(_bare(node, kinds) for node in xpath.walk(tree))


def _digits(call: xpath.Call) -> bool:
    """A number made of digits, or what makes them."""
    inner = call.arguments[0] if call.name == "number" and len(call.arguments) == 1 else call
    return isinstance(inner, xpath.Call) and inner.name in DIGITS


def _whole_pattern(call: xpath.Call) -> bool:
    pattern = call.arguments[1] if call.name == "regex" and len(call.arguments) == 2 else None
    return isinstance(pattern, xpath.Text) and pattern.value.startswith("^") and pattern.value.endswith("$")


def _bare(node: xpath.Expression, kinds: Mapping[str, str]) -> bool:
    """A question where a truth is wanted, a time, a fraction or a row number: a path no comparison makes plain."""
    if isinstance(node, xpath.Path):
        return any(step.predicates for step in node.steps)
    if not isinstance(node, xpath.Chain):
        return False
    operands = (node.first, *(operand for _, operand in node.rest))
    signs = {sign for sign, _ in node.rest}
    paths = [operand for operand in operands if isinstance(operand, xpath.Path)]
    if signs & {"and", "or"}:
        return bool(paths)
    plain = all(isinstance(operand, xpath.Path | xpath.Call) for operand in operands)
    return plain and any(kinds.get(_last(path), "dateTime") in TIMELY for path in paths)


def _last(path: xpath.Path) -> str:
    return (path.steps[-1].name or ".") if path.steps and path.steps[-1].axis != "parent" else ".."
