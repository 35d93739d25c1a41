"""Where a browser and ODK Collect do not agree on an answer: such an issue is a warning that says who says what."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from collect import xpath
from collect.check.planner import Unplanned
from collect.check.report import Rule
from collect.check.sheets import Sheets
from collect.forms import Question

ALIKE = frozenset(
    {"selected", "true", "false", "string-length", "count-selected", "starts-with", "contains", "ends-with"}
)
DIGITS = frozenset(
    {"format-date", "string-length", "count-selected", "position"}
)  # number() of these is a whole number
TIMELY = frozenset({"date", "dateTime", "time", "boolean", "decimal"})  # answers that engines compare differently
MOST = 20_000  # rows worked out one by one at most, where Collect refuses nothing
SAID = {True: {"collect": "true", "web": "false"}, False: {"collect": "false", "web": "true"}}  # by what Collect says
TRUTHS = frozenset({"and", "or", "=", "!=", "<", "<=", ">", ">="})
DAY = re.compile(r"\d{4}-\d")


def disputed(sheets: Sheets, rule: Rule, among: pl.Series, refused: pl.Series) -> pl.Series:
    """Of the rows ``among``, those in which a browser's truth of a rule is not Collect's; ``refused`` are those in
    which Collect's condemns an answer.

    Answers alike are worked out once, one by one, so only rules that can depend on the engine are asked. Where no two
    rows need be alike (a rule that looks into a repeat) and they are more than `MOST`, only the refused ones are.
    """
    nowhere = pl.zeros(len(among), dtype=pl.Boolean, eager=True)
    if among.sum() > MOST and not _alike(sheets, rule):
        among = among & refused
    found = differing(sheets, rule, among, "boolean")
    return nowhere if found is None else nowhere.scatter(found["place"], True)


def differing(sheets: Sheets, rule: Rule, among: pl.Series, as_: str) -> pl.DataFrame | None:
    """Where engines differ: ``place`` (a row number), ``collect`` and ``web`` as text; None where none of them can."""
    try:
        tree = sheets.planner.plan(rule.text, rule.path).expression
        if not among.any() or not (_may_depend(tree, _kinds(sheets, rule)) or _around(tree, sheets, rule)):
            return None
        rows, tables = _asked(sheets, sheets.repeat_of(rule.path), among)
        schema, clock = sheets.planner.schema, sheets.planner.clock
        found = xpath.differences(rule.text, schema, tables, rule.path, as_=as_, clock=clock)
    except (Unplanned, xpath.XPathError):
        return None
    said = found.select("collect", "web", place=rows.gather(found["row"])).filter(pl.col("web") != "error")
    return said.filter(among.gather(said["place"]))


def disputed_choices(sheets: Sheets, question: Question, offered: pl.Series) -> pl.Series:
    """The rows in which a browser leaves all choices made where Collect does not (``offered``), or the other way."""
    nowhere = pl.zeros(len(offered), dtype=pl.Boolean, eager=True)
    among = sheets.typed[question.repeat][question.path].is_not_null()
    among = among if among.sum() <= MOST else ~offered
    items = sheets.planner.schema.lists[question.choice_list or ""]
    rule = Rule("choice_filter", question.path, question.choice_filter or "")
    kinds = dict.fromkeys(items.columns, "string") | _kinds(sheets, rule)
    if not among.any() or not _may_depend(xpath.parse(rule.text), kinds):
        return nowhere
    rows, tables = _asked(sheets, question.repeat, among)
    plan = xpath.plan_choices(rule.text, sheets.planner.schema, question.path, items)
    web = plan.allowed(tables, clock=sheets.planner.clock if plan.reads_clock else None, profile="web")
    return nowhere.scatter(rows.filter((web != offered.gather(rows)).fill_null(False)), True) & among


def _asked(sheets: Sheets, table: str, among: pl.Series) -> tuple[pl.Series, dict[str, pl.DataFrame]]:
    """The typed tables of the submissions ``among`` whose rows of ``table`` are, and what places those rows have."""
    rows = sheets.typed[table].select("submission_id").with_row_index("place")
    asked = pl.col("submission_id").is_in(rows.filter(among)["submission_id"].unique().implode())
    return rows.filter(asked)["place"], {name: frame.filter(asked) for name, frame in sheets.typed.items()}


def _alike(sheets: Sheets, rule: Rule) -> bool:
    """Whether rows that hold the same answers come to the same, wherever they stand."""
    try:
        plan = sheets.planner.plan(rule.text, rule.path)
    except Unplanned:
        return False
    return not (plan.repeats - {sheets.form.root} or plan.functions & {"position", "indexed-repeat"})


def _kinds(sheets: Sheets, rule: Rule) -> dict[str, str]:
    """The types of the questions a rule reads, by their last step; "." is the question the rule stands at."""
    questions = sheets.form.by_path
    read = {path: questions[path] for path in sheets.planner.reads(rule.text, rule.path) if path in questions}
    kinds: dict[str, str] = {path.rsplit("/", 1)[-1]: question.type for path, question in read.items()}
    return kinds | {".": questions[rule.path].type if rule.path in questions else "boolean"}


def _may_depend(tree: xpath.Expression, kinds: Mapping[str, str]) -> bool:
    """Whether engines could differ at all: comparisons of whole numbers and words, and choices, never do."""
    calls = [node for node in xpath.walk(tree) if isinstance(node, xpath.Call)]
    plain = {id(call.arguments[0]) for call in calls if _counts(call) or _day(call)}
    rest = [node for node in xpath.walk(tree) if id(node) not in plain]
    for node in rest:
        if isinstance(node, xpath.Call) and not _same_everywhere(node):
            return True
        if isinstance(node, xpath.Text) and DAY.match(node.value):
            return True
    return isinstance(tree, xpath.Path) or any(_bare(node, kinds) for node in rest)


def _around(tree: xpath.Expression, sheets: Sheets, rule: Rule) -> bool:
    """Whether a full path leads into a repeat around the rule: Collect stays in its row, a browser sees them all."""
    own = sheets.planner.schema.chain(sheets.repeat_of(rule.path))[1:]
    full = [str(node) for node in xpath.walk(tree) if isinstance(node, xpath.Path) and node.start == "/"]
    return any(f"{path}/".startswith(f"{repeat}/") for path in full for repeat in own)


def _day(node: xpath.Expression) -> bool:
    """A day written out."""
    return isinstance(node, xpath.Call) and node.name == "date" and isinstance(node.arguments[0], xpath.Text)


def _counts(node: xpath.Expression) -> bool:
    """How many rows there are, all or those that a comparison chooses, is the same to all."""
    path = node.arguments[0] if isinstance(node, xpath.Call) and node.name == "count" else None
    if not isinstance(path, xpath.Path):
        return False
    chosen_by = [predicate for step in path.steps for predicate in step.predicates]
    return all((isinstance(one, xpath.Chain) and one.rest[0][0] in TRUTHS) or _same_truth(one) for one in chosen_by)


def _same_truth(node: xpath.Expression) -> bool:
    return isinstance(node, xpath.Call) and node.name in ("selected", "not", "true", "false")


def _same_everywhere(call: xpath.Call) -> bool:
    """Functions that mean the same to all engines, as they are called here."""
    if call.name == "not":
        return not isinstance(call.arguments[0], xpath.Path)
    if call.name == "position" and not call.arguments:
        return False  # a place among the rows of one parent, or of all
    return call.name in ALIKE or _day(call) or _whole_pattern(call) or _digits(call) or _counts(call)


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
    found = [kinds.get(_last(path), "dateTime") for path in paths]
    days = set(found) == {"date"} and all(isinstance(one, xpath.Path) or _day(one) for one in operands)
    return plain and not days and any(kind in TIMELY for kind in found)  # whole days compare the same everywhere


def _last(path: xpath.Path) -> str:
    return (path.steps[-1].name or ".") if path.steps and path.steps[-1].axis != "parent" else ".."
