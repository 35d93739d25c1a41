"""Reads XForm XML, the one thing every platform agrees on, into our model of a form.

The XML may come from anyone: entities, document types and the network are refused, whatever the file asks for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from lxml import etree

from collect.define.itext import Itext, read_itext, text_of
from collect.define.lists import Itemset, inline_choices, itemset_of, read_lists
from collect.forms import Choice, Design, Form, Question, QuestionType, Section, Words
from collect.problems import DefinitionError

JAVAROSA = "{http://openrosa.org/javarosa}"
TEMPLATE = f"{JAVAROSA}template"
CONTROLS = frozenset({"input", "select1", "select", "rank", "upload", "trigger", "range", "secret"})
SELECTS: Mapping[str, QuestionType] = {"select1": "select_one", "select": "select_multiple", "rank": "rank"}
OLD_TYPES: Mapping[str, QuestionType] = {"select1": "select_one", "select": "select_multiple"}  # as bind types
KNOWN_TYPES = frozenset(get_args(QuestionType))
ACTIONS = frozenset({"setvalue", "setgeopoint", "recordaudio"})
NOT_ASKED = frozenset({"instanceID", "deprecatedID"})  # identity of the submission: a column of every table already


def form_from_xform(
    xml: bytes,
    design: Design | None = None,
    *,
    folder: Path | None = None,
    file: str = "",
    lenient: bool = False,
) -> Form:
    """Read a form from its XForm XML.

    Parameters
    ----------
    xml
        The XForm as pyxform writes it or as a server hands it out.
    design
        Which question plays which part. Where it is silent, the interview's start, end and day are taken from the
        questions that the device fills in itself.
    folder
        Where CSV lists named by the form lie. Without it those lists are absent from ``Form.choices``: not known,
        which is not the same as empty.
    file
        Name used in messages.
    lenient
        A CSV list that is not in ``folder`` is absent from ``Form.choices`` too, instead of an error.

    Raises
    ------
    DefinitionError
        DEF-02 when this is no XForm, DEF-12 when a list named by the form is not in ``folder``.
    """
    page = _parse(xml, file)
    model = _child(page, "model", deep=True)
    body = next((child for child in page if _local(child) == "body"), None)
    if model is None or body is None:
        raise DefinitionError("DEF-02", file=file or "XForm", reason="no <model> and <body>")
    root = _primary_instance(model, file)
    itext = read_itext(model)
    reader = _Reader("/" + _local(root), itext, _binds(model), _controls(body, "/" + _local(root), _bind_ids(model)))
    reader.worked_out = _set_by_actions(page, reader.root)
    reader.walk(root, reader.root, reader.root)
    lists = read_lists(model, itext, [i for i in reader.itemsets if i.source], folder, lenient=lenient)
    questions = _with_other(tuple(reader.questions))
    return Form(
        form_id=root.get("id") or _namespace(root) or _local(root),
        version=_version(root),
        title=_title(page) or root.get("id") or _local(root),
        root=reader.root,
        languages=itext.languages,
        questions=questions,
        sections=tuple(reader.sections),
        choices={**lists, **reader.inline},
        design=_filled(design or Design(), questions),
        xform=xml,
        sha256=hashlib.sha256(xml).hexdigest(),
    )


def astray(xml: bytes) -> Mapping[str, str]:
    """Nodes that a bind or a question names and the primary instance does not have, each with where it is named.

    ODK Collect does not open such a form.
    """
    page = _parse(xml, "")
    model, body = _child(page, "model", deep=True), next(child for child in page if _local(child) == "body")
    if model is None:
        return {}
    root = _primary_instance(model, "")
    there = {f"/{_local(root)}", *_nodes(root, f"/{_local(root)}")}
    named = dict.fromkeys(_binds(model), "bind")
    named |= {path: _local(c.element) for path, c in _controls(body, f"/{_local(root)}", _bind_ids(model)).items()}
    return {path: where for path, where in named.items() if path.startswith("/") and path not in there}


def _nodes(node: etree._Element, path: str) -> Iterator[str]:
    for child in _elements(node):
        here = f"{path}/{_local(child)}"
        yield here
        yield from _nodes(child, here)


@dataclass
class _Control:
    """What the body says of one node: the element that asks it, or the group or repeat that shows it."""

    element: etree._Element
    repeat: etree._Element | None = None


@dataclass
class _Reader:
    """Walks the primary instance once, joining each node with its bind and its control."""

    root: str
    itext: Itext
    binds: Mapping[str, etree._Element]
    controls: Mapping[str, _Control]
    questions: list[Question] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    itemsets: list[Itemset] = field(default_factory=list)
    inline: dict[str, tuple[Choice, ...]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    worked_out: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # nodes that actions of the form fill in

    def walk(self, node: etree._Element, path: str, repeat: str) -> None:
        """Add everything under ``node``; a repeat's template and its first row are the same nodes."""
        for child in _elements(node):
            here = f"{path}/{_local(child)}"
            inner = repeat
            if self._is_section(child, here):
                inner = here if self._repeats(child, here) else repeat
                self._add_section(child, here, repeat)
                self.walk(child, here, inner)
            elif here not in self.seen and not self._is_identity(here):
                self.seen.add(here)
                default = None if here in self.worked_out else (child.text or "").strip()
                fills = self.worked_out.get(here, {})
                self.questions.append(replace(self._question(here, repeat), default=default, fills=fills))

    def _is_section(self, node: etree._Element, path: str) -> bool:
        control = self.controls.get(path)
        shown = control is not None and (control.repeat is not None or _local(control.element) == "group")
        return shown or self._repeats(node, path) or next(_elements(node), None) is not None

    def _is_identity(self, path: str) -> bool:
        return path.startswith(f"{self.root}/meta/") and path.rsplit("/", 1)[-1] in NOT_ASKED

    def _repeats(self, node: etree._Element, path: str) -> bool:
        control = self.controls.get(path)
        return node.get(TEMPLATE) is not None or (control is not None and control.repeat is not None)

    def _add_section(self, node: etree._Element, path: str, parent: str) -> None:
        if path in self.seen or path == f"{self.root}/meta":
            return
        self.seen.add(path)
        control = self.controls.get(path)
        count = control.repeat.get(f"{JAVAROSA}count") if control is not None and control.repeat is not None else None
        bind = self.binds.get(path)
        self.sections.append(
            Section(
                path=path,
                repeats=self._repeats(node, path),
                parent_repeat=parent,
                labels=self._words(control.element, "label") if control is not None else {},
                relevant=_rule(bind, "relevant"),
                count=count.strip() if count else None,
            )
        )

    def _words(self, element: etree._Element, tag: str) -> Words:
        child = _child(element, tag)
        return {} if child is None else self.itext.words_of(child)

    def _question(self, path: str, repeat: str) -> Question:
        bind, control = self.binds.get(path), self.controls.get(path)
        plain = Question(
            path=path,
            type=_type(bind, control),
            repeat=repeat,
            relevant=_rule(bind, "relevant"),
            required=_rule(bind, "required"),
            constraint=_rule(bind, "constraint"),
            calculate=_rule(bind, "calculate"),
            readonly=_rule(bind, "readonly"),
            constraint_messages=self._message(bind, "constraintMsg"),
            required_messages=self._message(bind, "requiredMsg"),
            appears=control is not None,
            preload=_preload(bind),
        )
        return plain if control is None else self._asked(plain, control.element)

    def _asked(self, question: Question, element: etree._Element) -> Question:
        asked = replace(question, labels=self._words(element, "label"), hints=self._words(element, "hint"))
        itemset = itemset_of(element)
        if itemset is not None:
            self.itemsets.append(itemset)
            return replace(asked, choice_list=itemset.list_name, choice_filter=itemset.filter)
        choices = inline_choices(element, self.itext)
        if choices:
            self.inline[question.path] = choices
            return replace(asked, choice_list=question.path)
        return asked

    def _message(self, bind: etree._Element | None, name: str) -> Words:
        text = None if bind is None else bind.get(JAVAROSA + name)
        return self.itext.words_of_text(text) if text else {}


def _parse(xml: bytes, file: str) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        page = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DefinitionError("DEF-02", file=file or "XForm", reason=str(error)) from error
    if getattr(page.getroottree().docinfo, "doctype", ""):  # lxml-stubs do not know it
        raise DefinitionError("DEF-02", file=file or "XForm", reason="<!DOCTYPE> is not allowed")
    return page


def _primary_instance(model: etree._Element, file: str) -> etree._Element:
    instance = _child(model, "instance")
    root = None if instance is None else next(_elements(instance), None)
    if root is None:
        raise DefinitionError("DEF-02", file=file or "XForm", reason="the primary <instance> is empty")
    return root


def _binds(model: etree._Element) -> dict[str, etree._Element]:
    return {bind.get("nodeset", "").strip(): bind for bind in model if _local(bind) == "bind"}


def _set_by_actions(page: etree._Element, root: str) -> dict[str, dict[str, str]]:
    """Nodes that ``setvalue`` and its like write to, and what: a calculation with a trigger or a default worked out."""
    found: dict[str, dict[str, str]] = {}
    for element in page.iter():
        target = element.get("ref", "").strip() if _local(element) in ACTIONS else ""
        if target:
            filled = found.setdefault(target if target.startswith("/") else f"{root}/{target}", {})
            value = element.get("value", "").strip()
            if value:
                triggered = "xforms-value-changed" in element.get("event", "")
                filled["calculate" if triggered else "default"] = value
    return found


def _bind_ids(model: etree._Element) -> dict[str, str]:
    return {bind.get("id", ""): bind.get("nodeset", "").strip() for bind in model if _local(bind) == "bind"}


def _controls(body: etree._Element, root: str, bind_ids: Mapping[str, str]) -> dict[str, _Control]:
    found: dict[str, _Control] = {}
    _collect_controls(body, root, bind_ids, found)
    return found


def _collect_controls(
    element: etree._Element, context: str, bind_ids: Mapping[str, str], found: dict[str, _Control]
) -> None:
    for child in _elements(element):
        name, path = _local(child), _reference(child, context, bind_ids)
        if name == "repeat" and path:
            label = element if _local(element) == "group" else child
            found[path] = _Control(label, repeat=child)
            _collect_controls(child, path, bind_ids, found)
        elif name == "group":
            if path and path not in found:
                found[path] = _Control(child)
            _collect_controls(child, path or context, bind_ids, found)
        elif name in CONTROLS and path:
            found[path] = _Control(child)


def _reference(element: etree._Element, context: str, bind_ids: Mapping[str, str]) -> str:
    named = bind_ids.get(element.get("bind", "\0"), "")
    text = (element.get("ref") or element.get("nodeset") or named).strip()
    return text if text.startswith("/") or not text else f"{context}/{text}"


def _type(bind: etree._Element | None, control: _Control | None) -> QuestionType:
    if control is not None:
        name = _local(control.element)
        if name in SELECTS:
            return SELECTS[name]
        if name == "input" and control.element.get("query"):
            return "select_one"  # an external select: its list lies in itemsets.csv
    stated = ("string" if bind is None else bind.get("type", "string")).split(":")[-1]
    if stated in KNOWN_TYPES:
        return stated  # type: ignore[return-value]  # the set holds exactly the literals
    return OLD_TYPES.get(stated, "string")


def _rule(bind: etree._Element | None, name: str) -> str | None:
    text = "" if bind is None else bind.get(name, "").strip()
    return text or None


def _preload(bind: etree._Element | None) -> str:
    kind = "" if bind is None else bind.get(f"{JAVAROSA}preload", "")
    parameters = "" if bind is None else bind.get(f"{JAVAROSA}preloadParams", "")
    return "/".join(part for part in (kind, parameters) if part)


def _with_other(questions: tuple[Question, ...]) -> tuple[Question, ...]:
    """Mark selects whose "other" opens a question of their own: XLSForm's ``or_other``."""
    by_path = {question.path: question for question in questions}

    def other_is_asked(question: Question) -> bool:
        asked = by_path.get(f"{question.path}_other")
        rule = None if asked is None else asked.relevant
        return rule is not None and f"{question.name}, 'other')" in rule and rule.lstrip().startswith("selected(")

    return tuple(
        replace(question, or_other=True) if question.choice_list and other_is_asked(question) else question
        for question in questions
    )


def _filled(design: Design, questions: tuple[Question, ...]) -> Design:
    """Let the device's own questions play start, end and day of the interview where the design names none."""
    parts = {"started_at": "timestamp/start", "ended_at": "timestamp/end", "interviewed_on": "date/today"}
    by_preload = {question.preload: question.path for question in reversed(questions)}
    known = {part: by_preload.get(preload, "") for part, preload in parts.items() if not getattr(design, part)}
    return replace(design, **known)  # type: ignore[arg-type]  # all three are text


def _version(root: etree._Element) -> str:
    return next((str(value) for name, value in root.attrib.items() if etree.QName(name).localname == "version"), "")


def _namespace(root: etree._Element) -> str:
    space = etree.QName(root).namespace or ""
    return "" if "w3.org" in space else space


def _title(page: etree._Element) -> str:
    title = _child(page, "title", deep=True)
    return "" if title is None else text_of(title)


def _child(element: etree._Element, name: str, *, deep: bool = False) -> etree._Element | None:
    among = element.iter() if deep else iter(element)
    return next((child for child in among if _local(child) == name), None)


def _elements(element: etree._Element) -> Iterator[etree._Element]:
    return (child for child in element if isinstance(child.tag, str))


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
