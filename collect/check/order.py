"""Rules in the order in which they depend on each other, so that each is asked once and sees settled answers."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from collect.check.planner import Planner
from collect.check.report import Rule
from collect.check.shape import ancestors
from collect.forms import Form


def settling_rules(form: Form) -> list[Rule]:
    """What decides the answers other rules read: relevance of sections and questions, and calculations."""
    rules = [Rule("relevant", s.path, s.relevant) for s in form.sections if s.relevant]
    for question in form.questions:
        if question.relevant:
            rules.append(Rule("relevant", question.path, question.relevant))
        if question.calculate:
            rules.append(Rule("calculation", question.path, question.calculate))
    return rules


def in_order(form: Form, planner: Planner) -> tuple[list[Rule], list[Rule]]:
    """The settling rules, each after those it depends on; and apart, those that depend on themselves."""
    rules = {(rule.kind, rule.path): rule for rule in settling_rules(form)}
    before = {key: _before(rule, rules, form, planner) for key, rule in rules.items()}
    cyclic: list[tuple[str, str]] = []
    while True:
        try:
            order = list(TopologicalSorter(before).static_order())
        except CycleError as error:
            ring = set(error.args[1])
            cyclic += [key for key in rules if key in ring]
            before = {key: [k for k in keys if k not in ring] for key, keys in before.items() if key not in ring}
        else:
            return [rules[key] for key in order], [rules[key] for key in cyclic]


def _before(rule: Rule, rules: dict[tuple[str, str], Rule], form: Form, planner: Planner) -> list[tuple[str, str]]:
    """Keys of the rules that must be settled before this one."""
    wanted = {("relevant", path) for path in ancestors(form, rule.path)}
    if rule.kind == "calculation":
        wanted.add(("relevant", rule.path))
    for path in planner.reads(rule.text, rule.path):
        wanted |= {("relevant", path), ("calculation", path)}
        wanted |= {("relevant", above) for above in ancestors(form, path)}
    return [key for key in rules if key in wanted]
