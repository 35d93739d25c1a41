"""Where a browser would have let pass what ODK Collect refuses: such an answer is a warning that says who says what."""

from __future__ import annotations

import re

import polars as pl

from collect import xpath
from collect.check.report import Rule
from collect.check.sheets import Sheets

ALIKE = frozenset(
    {"selected", "true", "false", "string-length", "count-selected", "starts-with", "contains", "ends-with"}
)
DAY = re.compile(r"\d{4}-\d")


def web_says_otherwise(sheets: Sheets, rule: Rule, wrong: pl.Series) -> pl.Series:
    """Of the rows in which Collect's reading of a rule condemns an answer, those in which a browser's does not.

    Rows are worked out one by one, so only rules that can depend on the engine are asked, for those submissions.
    """
    nowhere = pl.zeros(len(wrong), dtype=pl.Boolean, eager=True)
    schema = sheets.planner.schema
    try:
        if not wrong.any() or not _may_depend(xpath.parse(rule.text)):
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


def _may_depend(tree: xpath.Expression) -> bool:
    """Whether engines could differ at all: comparisons of answers with numbers and words, and choices, never do."""
    for node in xpath.walk(tree):
        if isinstance(node, xpath.Call) and not (node.name in ALIKE or _whole_pattern(node)):
            return True
        if isinstance(node, xpath.Text) and DAY.match(node.value):
            return True
    return isinstance(tree, xpath.Path) or any(_bare(node) for node in xpath.walk(tree))


def _whole_pattern(call: xpath.Call) -> bool:
    pattern = call.arguments[1] if call.name == "regex" and len(call.arguments) == 2 else None
    return isinstance(pattern, xpath.Text) and pattern.value.startswith("^") and pattern.value.endswith("$")


def _bare(node: xpath.Expression) -> bool:
    """A question where a truth is wanted, a date-time or a row number: a path that no comparison makes plain."""
    if isinstance(node, xpath.Path):
        return any(step.predicates for step in node.steps)
    if not isinstance(node, xpath.Chain):
        return False
    operands = (node.first, *(operand for _, operand in node.rest))
    signs = {sign for sign, _ in node.rest}
    if signs & {"and", "or"}:
        return any(isinstance(operand, xpath.Path) for operand in operands)
    return all(isinstance(operand, xpath.Path | xpath.Call) for operand in operands)
