"""The ODK XPath language on its own: text, tree, columns over typed tables. It imports nothing else of this project.

Expressions mean what ODK Collect (JavaRosa 5.1) says they mean: a blank answer is the empty text, ``=`` compares
numbers when either side is one, ``<`` compares numbers only, dates are whole days, ``regex`` matches the whole text,
paths inside a repeat keep to the row they stand in. ::

    schema = Schema(
        root="/data",
        tables={
            "/data": {"/data/size": "int", "/data/province": "select_one", "/data/commune": "select_one"},
            "/data/roster/member": {"/data/roster/member/age": "int", "/data/roster/member/sex": "select_one"},
        },
        lists={"commune": communes},                     # pl.DataFrame: name, label, province, ... all text
        list_of={"/data/commune": "commune"},            # only jr:choice-name() asks
    )
    rule = plan(". >= 0 and . <= 120", schema, at="/data/roster/member/age")
    rule.table                                           # "/data/roster/member": its rows are the rows of the result
    rule.dependencies                                    # frozenset({"/data/roster/member/age"})
    links = link(schema, tables)                         # once per set of tables; rows must keep their order
    holds = rule.column(tables, as_="boolean", links=links)             # pl.Series, never null

    size = plan("count(/data/roster/member[age >= 15])", schema, at="/data/size")
    size.column(tables, as_="number", links=links)       # Float64, null for NaN

    clock = pl.DataFrame({"submission_id": [...], "now": ["2026-11-20T08:30:00.000+07:00", ...]})
    plan(". <= today()", schema, at="/data/visit").column(tables, "boolean", clock, links)  # null: "now" not known

    offered = plan_choices("province = /data/province", schema, "/data/commune", communes)
    offered.allowed(tables, links=links)                 # false where a chosen item was hidden by the filter

One submission, one node, no tables: what a tool for form authors asks. ::

    root = lxml.etree.fromstring(submission)              # any element tree will do; values are cast by the schema
    found = evaluate("count(../../member[age >= 15])", schema, root, "/data/roster/member[2]/age",
                     profile="collect", now="2026-11-20T08:30:00.000+07:00")
    found.type, found.value, found.text                  # "number", 2.0, "2"; also string, boolean, date, nodeset

Two engines, one rule: in which rows of given tables a browser comes to something else than Collect. ::

    differences(". > '2026-01-01'", schema, tables, "/data/visit", as_="boolean")   # submission_id, row, collect, web

`plan` and `plan_choices` raise `XPathError` (``code``, ``position``, text) when the expression is wrong, and
`XPathUnsupported`, a kind of it, when it is lawful but no server can know its value (`DEVICE` says which functions,
and what those of the device mean here). What no column can say is worked out row by row, with the same results.
`parse` and `check_calls` need no schema. Nothing here reads a clock or a file.

A null answer is a blank one, also to count-non-empty(): typed tables hold null where a question was not relevant, and
count() of a question's path counts the rows that could hold it.

Where JavaRosa stops with an error in a single row (a text that is no date, two rows where one was meant), the value is
blank, or the first row's.
"""

from collect.xpath.choices import ChoicePlan, choice_allowed, plan_choices
from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.evaluate import Result, evaluate
from collect.xpath.functions import ARITY, DEVICE, UNSUPPORTED, check_calls, functions_used
from collect.xpath.instance import from_element
from collect.xpath.links import Links, link
from collect.xpath.parse import parse
from collect.xpath.planning import Plan, plan
from collect.xpath.profiles import differences
from collect.xpath.schema import Schema
from collect.xpath.tree import Call, Chain, Expression, Filtered, Negate, Number, Path, Step, Text, walk

__all__ = [
    "ARITY",
    "DEVICE",
    "UNSUPPORTED",
    "Call",
    "Chain",
    "ChoicePlan",
    "Expression",
    "Filtered",
    "Links",
    "Negate",
    "Number",
    "Path",
    "Plan",
    "Result",
    "Schema",
    "Step",
    "Text",
    "XPathError",
    "XPathUnsupported",
    "check_calls",
    "choice_allowed",
    "differences",
    "evaluate",
    "from_element",
    "functions_used",
    "link",
    "parse",
    "plan",
    "plan_choices",
    "walk",
]
