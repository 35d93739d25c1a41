"""What is wrong in one form, or will surprise its author in the field, named by sheet, row and column.

pyxform without Java lets pass what phones then refuse: broken syntax, unknown functions, wrong numbers of arguments,
circles. All of that is found here, and what phones accept but no answer can ever satisfy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from collect import xpath
from collect.define.contradictions import contradictions, never_holds
from collect.define.cycles import circles
from collect.define.engines import engine_dependent
from collect.define.evaluable import schema_of
from collect.define.expressions import check_expression
from collect.define.findings import Finding, Place, Severity, finding_of
from collect.define.folder import read_form
from collect.define.sheet_rows import SheetRows, sheet_rows
from collect.define.xform import astray
from collect.define.xlsform import SHEETS, compile_file
from collect.forms import Form, Question, Section, Words
from collect.problems import DefinitionError
from collect.xpath import ARITY, Call, Expression, Number, XPathError, XPathUnsupported

RULES = ("relevant", "required", "constraint", "calculate", "readonly")
TRUTHS = ("relevant", "required", "constraint", "readonly")
WORDS = ("labels", "hints", "constraint_messages", "required_messages")
AROUND = 14  # characters shown on either side of the place where an expression breaks


def lint_file(source: Path) -> tuple[Finding, ...]:
    """Everything about one form's file, errors first; a form that cannot be read at all is a finding too."""
    file = f"{source.parent.name}/{source.name}" if source.parent.name else source.name
    try:
        form = read_form(source, lenient=True)
    except DefinitionError as error:
        return (replace(finding_of(error, file), file=file),)
    except OSError as error:
        return (Finding(file, "", "DEF-03", values={"reason": str(error.strerror)}),)
    found = list(lint(form, source, file))
    try:
        read_form(source)
    except DefinitionError as error:
        found.append(replace(finding_of(error, file), severity="warning"))
    return tuple(sorted(found, key=lambda finding: finding.severity != "error"))


def lint(form: Form, source: Path, file: str) -> Iterator[Finding]:
    """Findings about a form read from ``source``, which messages call ``file``."""
    desk = _Desk(form, file, sheet_rows(source, form.root), schema_of(form))
    for rule in _rules(form):
        yield from desk.rule(rule)
    yield from desk.astray()
    yield from desk.circles()
    yield from desk.unreachable()
    yield from desk.unsaid()
    yield from desk.untranslated()
    yield from desk.unused_lists()
    if source.suffix.lower() in SHEETS:
        for warning in compile_file(source).warnings:
            yield Finding(file, "", "DEF-19", "warning", {"reason": warning})


@dataclass(frozen=True, slots=True)
class Rule:
    """One expression of the form: the node it stands at, its kind, its text; ``once`` when the phone alone runs it."""

    at: str
    kind: str
    text: str
    once: bool = False


def _rules(form: Form) -> Iterator[Rule]:
    for question in form.questions:
        for kind in RULES:
            text = getattr(question, kind)
            if text:
                yield Rule(question.path, kind, text)
        if question.choice_filter:
            yield Rule(question.path, "choice_filter", question.choice_filter)
        yield from (Rule(question.path, kind, text, once=True) for kind, text in question.fills.items())
    for section in form.sections:
        yield from (Rule(section.path, kind, text) for kind in ("relevant", "count")
                    if (text := getattr(section, kind)))  # fmt: skip


@dataclass(frozen=True)
class _Desk:
    form: Form
    file: str
    rows: SheetRows
    schema: xpath.Schema

    def rule(self, rule: Rule) -> Iterator[Finding]:
        """One expression: can it be read, does it call what exists, can it be planned, can it ever hold."""
        try:
            tree = xpath.parse(rule.text)
        except XPathError as error:
            yield self._at(rule, "DEF-13", why=error.code, snippet=_snippet(rule.text, error.position))
            return
        calls = list(_calls(tree))
        for code, values in calls:
            yield self._at(rule, code, "error", **values)
        if rule.kind == "choice_filter":
            yield from () if calls else self._planned(rule)
            return
        paths = [self._placed(finding, rule) for finding in
                 check_expression(rule.text, self.form, at=rule.at, file=self.file, where=rule.at)]  # fmt: skip
        yield from paths
        if rule.once:
            return
        if not calls and not paths:
            yield from self._planned(rule)
        for path in dict.fromkeys(contradictions(tree, self.form, rule.at)):
            yield self._at(rule, "DEF-32", path=path)
        for engine in engine_dependent(tree, self.form, rule.at, truth=rule.kind in TRUTHS):
            yield self._at(rule, "DEF-33", "warning", engine=engine)

    def _placed(self, finding: Finding, rule: Rule) -> Finding:
        """The finding at its cell. Types that do not go together are no error: phones cast one to the other."""
        severity: Severity = "warning" if finding.code == "DEF-16" else finding.severity
        return replace(finding, place=self.rows.of_node(rule.at, rule.kind), severity=severity)

    def _planned(self, rule: Rule) -> Iterator[Finding]:
        """What the language refuses: a question of many rows where one is wanted, or what it cannot evaluate."""
        try:
            if rule.kind == "choice_filter":
                items = self.schema.lists.get(self.form.by_path[rule.at].choice_list or "")
                if items is not None:
                    xpath.plan_choices(rule.text, self.schema, rule.at, items)
            else:
                xpath.plan(rule.text, self.schema, rule.at)
        except XPathUnsupported as error:
            yield self._at(rule, "DEF-26", "warning", reason=str(error))
        except XPathError as error:
            if error.code == "repeated":
                yield self._at(rule, "DEF-31", path=error.values.get("path", ""))
            elif error.code in ("unknown_path", "unknown_instance"):
                named = str(error.values.get("path") or error.values.get("name", ""))
                near = ", ".join(self.form.choices) if error.code == "unknown_instance" else self._columns(rule, named)
                yield self._at(rule, "DEF-14", path=named, near=near)
            else:
                yield self._at(rule, "DEF-13", "warning", why=error.code, snippet=_snippet(rule.text, error.position))

    def _columns(self, rule: Rule, named: str) -> str:
        """Columns of the question's list that are called like ``named``, else all of them."""
        question = self.form.by_path.get(rule.at)
        items = self.schema.lists.get((question.choice_list if question else None) or "")
        if rule.kind != "choice_filter" or items is None:
            return "-"
        return ", ".join(get_close_matches(named, items.columns, n=3, cutoff=0.6) or items.columns)

    def _at(self, rule: Rule, code: str, severity: Severity = "error", **values: object) -> Finding:
        place = self.rows.of_node(rule.at, rule.kind)
        return Finding(self.file, rule.at, code, severity, {"expression": rule.text, **values}, place)

    def astray(self) -> Iterator[Finding]:
        """What binds and questions of an XForm name that the form does not have."""
        nodes = [question.path for question in self.form.questions] + [section.path for section in self.form.sections]
        for path, where in astray(self.form.xform).items():
            near = ", ".join(get_close_matches(path, nodes, n=3, cutoff=0.5)) or "-"
            yield Finding(self.file, f"<{where}>", "DEF-14", values={"expression": path, "path": path, "near": near})

    def circles(self) -> Iterator[Finding]:
        """Nodes that wait for themselves."""
        for ring, kind in circles(self.form):
            code = "DEF-30" if len(ring) == 1 else "DEF-29"
            names = " → ".join(path.rsplit("/", 1)[-1] for path in (*ring, ring[0]))
            place = self.rows.of_node(ring[0], kind)
            yield Finding(self.file, ring[0], code, "error", {"path": names}, place)

    def unreachable(self) -> Iterator[Finding]:
        """Rules nobody can meet: inside what is never shown, or on a node that nobody answers."""
        nodes: list[Section | Question] = [*self.form.sections, *self.form.questions]
        hidden = [(node.path, node.relevant) for node in nodes if never_holds(node.relevant)]
        for path, text in hidden:
            place = self.rows.of_node(path, "relevant")
            yield Finding(self.file, path, "DEF-35", "warning", {"never": "hidden", "expression": text or ""}, place)
        for question in self.form.questions:
            inside = any(question.path.startswith(path + "/") for path, _ in hidden)
            for kind in RULES:
                text = getattr(question, kind)
                reason = "inside" if inside else _unasked(question, kind)
                if text and reason and kind != "readonly":
                    place = self.rows.of_node(question.path, kind)
                    values = {"never": reason, "expression": text}
                    yield Finding(self.file, question.path, "DEF-35", "warning", values, place)

    def unsaid(self) -> Iterator[Finding]:
        """Constraints that do not tell the interviewer what is wrong."""
        for question in self.form.questions:
            if question.constraint and question.appears and not any(question.constraint_messages.values()):
                place = self.rows.of_node(question.path, "constraint_messages")
                values = {"expression": question.constraint}
                plain = place if place is None or "message" in place.column else replace(place, cell="")
                yield Finding(self.file, question.path, "DEF-34", "warning", values, plain)

    def untranslated(self) -> Iterator[Finding]:
        """Words people see that lack one of the form's languages."""
        for question in self.form.questions:
            for kind in WORDS:
                missing = self._missing(getattr(question, kind))
                if missing:
                    place = _in_language(self.rows.of_node(question.path, kind), missing)
                    yield Finding(self.file, question.path, "DEF-23", "warning", {"missing": missing}, place)
        for name, choices in self.form.choices.items():
            for choice in choices:
                missing = self._missing(choice.labels)
                if missing:
                    place = _in_language(self.rows.of_choice(name, choice.name, "labels"), missing)
                    yield Finding(self.file, f"{name}: {choice.name}", "DEF-23", "warning", {"missing": missing}, place)

    def _missing(self, words: Words) -> str:
        return ", ".join(language for language in self.form.languages if words and not words.get(language))

    def unused_lists(self) -> Iterator[Finding]:
        """Lists of choices that no question offers and no rule reads."""
        text = self.form.xform.decode(errors="replace")
        offered = {(question.choice_list or "").split(":")[0] for question in self.form.questions}
        for name, first in self.rows.choices:
            if not first and name not in offered and not re.search(rf"instance\(\s*['\"]{re.escape(name)}['\"]", text):
                place = self.rows.of_choice(name, column="list")
                yield Finding(self.file, name, "DEF-35", "warning", {"never": "list", "expression": name}, place)


def _in_language(place: Place | None, missing: str) -> Place | None:
    """The cell to fill: the same column in the first of the languages that are missing."""
    language = missing.split(", ")[0]
    return place and replace(place, column=f"{place.column.split(':')[0].strip()}::{language}", cell="")


def _unasked(question: Question, kind: str) -> str:
    """Why nobody meets a rule of this question; "" when somebody does."""
    if kind in ("constraint", "required") and question.calculate and not question.appears:
        return "calculated"
    return ""


def _calls(tree: Expression) -> Iterator[tuple[str, dict[str, object]]]:
    """Every function that does not exist, or takes another number of arguments."""
    for node in xpath.walk(tree):
        if not isinstance(node, Call):
            continue
        try:
            xpath.check_calls(replace(node, arguments=tuple(Number(0) for _ in node.arguments)))
        except XPathError as error:
            if error.code == "unknown_function":
                near = ", ".join(f"{name}()" for name in get_close_matches(node.name, ARITY, n=3, cutoff=0.6))
                yield "DEF-27", {"name": node.name, "near": near or "-"}
            else:
                counts = {key: error.values.get(key, "") for key in ("expected", "found")}
                yield "DEF-28", {"name": node.name, **counts}


def _snippet(text: str, position: int) -> str:
    return f"«{text[max(0, position - AROUND) : position + AROUND]}»"
