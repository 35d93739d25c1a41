"""Reads OpenRosa submission XML: one file, a folder or a zip of them, of one form or of several.

Entities, document types and the network are off. Elements are matched by their local names below the root, whatever the
root is called: platforms rename it and add namespaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl
from lxml import etree

from collect.forms import Form
from collect.problems import ExportError
from collect.receive.identify import OF, identify
from collect.receive.received import IssueBook, Received, checked_answers
from collect.receive.unpack import Member, Upload

SOURCE = "submission-xml"
QUIET = frozenset({"meta", "formhub", "__version__", "_version", "_version_", "_xform_id_string", "uuid"})
ENCODING = re.compile(rb"\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']*)")
PLAIN_ENCODINGS = (b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1")  # in which "<!DOCTYPE" is these very bytes
TELL_EVERY = 500  # members
FLUSH_EVERY = 2_000  # submissions: rows as lists are bulky, so they become tables as they come

ROOT_SLOTS = {OF: 0, "submission_id": 1, "row_id": 2, "form_version": 3, "submitted_at": 4, "submitted_by": 5,
              "device_id": 6, "review_state": 7, "replaces": 8, "found_in": 9}  # fmt: skip
FIRST_SLOT, ROOT_ANSWERS_FROM = 10, 11  # rootUuid: Kobo's name for the first version of an edited submission
ROW_SLOTS = {OF: 0, "submission_id": 1, "row_id": 2, "parent_row_id": 3, "index": 4, "found_in": 5}
ROW_ANSWERS_FROM = 6
NO_TABLE, PASSED_OVER = -1, -2
META_SLOTS = {"instanceID": 1, "deprecatedID": 8, "rootUuid": FIRST_SLOT, "deviceID": 6}
KINDS: dict[str, pl.DataType] = {OF: pl.UInt32(), "index": pl.Int64()}

Row = list[object]


@dataclass(slots=True)
class Node:
    """What stands at one place of the form: ``slot`` in its row for a question, ``table`` for a repeat, or a group."""

    path: str
    slot: int = -1
    table: int = NO_TABLE
    below: str = ""  # of a repeat: its path from the repeat around it
    children: dict[str, Node] = field(default_factory=dict)  # by local name, then also by the tag as it comes


@dataclass
class Tray:
    """What was read so far of one form. ``rows``: by table, not yet made into ``frames``."""

    form: Form
    top: Node
    columns: list[dict[str, int]]  # by table: column name to its place in a row
    copies: list[tuple[int, int]]  # meta questions that the form itself knows: from slot to slot
    rows: list[list[Row]]
    frames: list[list[pl.DataFrame]]
    read: int = 0
    place: str = ""  # where the submission being read comes from
    unknown: dict[str, str] = field(default_factory=dict)  # path -> where it was first seen


def parser() -> etree.XMLParser:
    """A parser that trusts nothing: no entities, no document type, no network, no giant texts."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True, collect_ids=False,
    )  # fmt: skip


def parse(data: bytes, place: str, how: etree.XMLParser) -> etree._Element:
    """The root element of a submission.

    A document type is refused by its bytes, before parsing: the parser would read the outside file it names even when
    told to load none. Raises ExportError IN-06 for an encoding that could hide one, IN-13 for broken XML, IN-14 for it.
    """
    declared = ENCODING.match(data)
    if b"\x00" in data or (declared and declared.group(1).lower() not in PLAIN_ENCODINGS):
        raise ExportError("IN-06", file=place, line=1)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ExportError("IN-14", file=place)
    try:
        return etree.fromstring(data, how)
    except etree.XMLSyntaxError as error:
        raise ExportError("IN-13", file=place, line=error.lineno or 1) from error


def local(tag: object) -> str:
    """An element's name without its namespace."""
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def read(
    upload: Upload, forms: Sequence[Form], forced: Form | None, progress: Callable[[str, float], None]
) -> tuple[Received, ...]:
    """Read every submission; one `Received` per form.

    Raises
    ------
    ExportError
        Of a single file, what is wrong with it; of many, what is wrong with the first when none could be read, IN-15
        when none is a submission.
    """
    desk = _Desk(forms, forced, parser())
    members = [member for member in upload.members if member.suffix == ".xml" or upload.single]
    for number, member in enumerate(members):
        if number % TELL_EVERY == 0:
            progress("step.receive", number / len(members))
        try:
            desk.take(member, single=upload.single)
        except ExportError as error:
            desk.errors.append(error)
            desk.issues.note("FIL-03", found_in=member.name, file=member.name, reason=error.code)
    if not desk.trays:
        raise desk.errors[0] if desk.errors else ExportError("IN-15", file=upload.name, members=len(members))
    ignored = desk.ignored + len(upload.members) - len(members)
    first, *others = desk.trays.values()
    return (
        _received(first, upload.name, desk.issues, len(desk.errors), ignored),
        *(_received(tray, upload.name, IssueBook(), 0, 0) for tray in others),
    )


@dataclass
class _Desk:
    """Where submissions are laid out by form."""

    forms: Sequence[Form]
    forced: Form | None
    how: etree.XMLParser
    trays: dict[str, Tray] = field(default_factory=dict)
    issues: IssueBook = field(default_factory=IssueBook)
    errors: list[ExportError] = field(default_factory=list)
    ignored: int = 0

    def take(self, member: Member, *, single: bool) -> None:
        """Read one member into its form's tray. Raises ExportError naming what is wrong with it."""
        root = _submission(parse(member.read(), member.name, self.how), member.name)
        if root is None and single:
            raise ExportError("IN-22", file=member.name)
        if root is None:
            self.ignored += 1
            return
        form_id = self.forced.form_id if self.forced else root.get("id", "")
        tray = self.trays.get(form_id)
        if tray is None:
            form = self.forced or next((form for form in self.forms if form.form_id == form_id), None)
            if form is None:
                raise _unknown_form(member.name, form_id, self.forms)
            tray = self.trays.setdefault(form.form_id, _tray(form))
        _take(root, tray, member.name)


def _unknown_form(file: str, form_id: str, forms: Sequence[Form]) -> ExportError:
    return ExportError("IN-17", file=file, form=form_id, forms=", ".join(form.form_id for form in forms) or "-")


def _submission(root: etree._Element, place: str) -> etree._Element | None:
    """The element that holds the answers, out of whatever wraps it; None for a form, a list, a media file."""
    name = local(root.tag)
    if name == "submission":
        inner = [child for data in root if local(data.tag) == "data" for child in data if child.get("id")]
        return inner[0] if inner else None
    if root.get("encrypted") == "yes":
        raise ExportError("IN-16", file=place)
    return root if root.get("id") and name not in ("html", "manifest", "xforms") else None


def _tray(form: Form) -> Tray:
    """A trie of the form's elements, with the place in a row that each answer goes to."""
    top = Node(form.root)
    columns: list[dict[str, int]] = []
    copies: list[tuple[int, int]] = []
    parents = {section.path: section.parent_repeat for section in form.sections}
    for number, path in enumerate(form.repeats):
        slots, begin = (ROOT_SLOTS, ROOT_ANSWERS_FROM) if number == 0 else (ROW_SLOTS, ROW_ANSWERS_FROM)
        columns.append(dict(slots))
        if number:
            node = _node(top, path, form.root)
            node.table, node.below = number, path[len(parents[path]) :]
        for place, question in enumerate(form.questions_in(path), begin):
            columns[number][question.path] = place
            _node(top, question.path, form.root).slot = place
    for name, slot in META_SLOTS.items():
        node = _node(top, f"{form.root}/meta/{name}", form.root)
        copies += [(slot, node.slot)] if node.slot >= 0 else []
        node.slot = slot
    return Tray(form, top, columns, copies, [[] for _ in form.repeats], [[] for _ in form.repeats])


def _node(top: Node, path: str, root: str) -> Node:
    node = top
    for step in path[len(root) :].split("/")[1:]:
        name = step.rsplit(":", 1)[-1]
        node = node.children.setdefault(name, Node(f"{node.path}/{name}"))
    return node


def _take(root: etree._Element, tray: Tray, place: str) -> None:
    """Read one submission into the tray."""
    row: Row = [None] * (ROOT_ANSWERS_FROM + len(tray.columns[0]) - len(ROOT_SLOTS))
    row[0], row[2], row[9] = tray.read, tray.form.root, place
    tray.place = place
    _walk(root, tray.top, row, tray.form.root, tray)
    row[1] = row[1] or root.get("instanceID")
    row[3] = root.get("version") or next((value for key, value in root.attrib.items() if local(key) == "version"), None)
    row[4] = root.get("submissionDate")
    if row[8] is None and row[FIRST_SLOT] != row[1]:
        row[8] = row[FIRST_SLOT]
    for source, target in tray.copies:
        row[target] = row[source]
    tray.rows[0].append(row)
    tray.read += 1
    if len(tray.rows[0]) >= FLUSH_EVERY:
        _flush(tray)


def _walk(element: etree._Element, node: Node, row: Row, row_id: str, tray: Tray) -> None:
    """Put every answer below ``element`` into its row; each repeat begins a row of its own."""
    children = node.children
    counts: dict[int, int] = {}
    for child in element:
        tag = child.tag
        below = children.get(tag) or _meet(tag, node, tray)
        if below.slot >= 0:
            text = child.text
            if text and not text.isspace():
                row[below.slot] = text
        elif below.table >= 0:
            count = counts[below.table] = counts.get(below.table, 0) + 1
            own = f"{row_id}{below.below}[{count}]"
            fresh: Row = [None] * len(tray.columns[below.table])
            fresh[0], fresh[2], fresh[3], fresh[4], fresh[5] = tray.read, own, row_id, count, tray.place
            tray.rows[below.table].append(fresh)
            _walk(child, below, fresh, own, tray)
        elif below.table == NO_TABLE:
            _walk(child, below, row, row_id, tray)


def _meet(tag: str, node: Node, tray: Tray) -> Node:
    """Remember a tag seen for the first time here: the form's element of that local name, or one to pass over."""
    name = local(tag)
    found = node.children.get(name)
    if found is None:
        found = Node(f"{node.path}/{name}", table=PASSED_OVER)
        if name and name not in QUIET and node.path != f"{tray.form.root}/meta":
            tray.unknown.setdefault(found.path, tray.place)
    node.children[tag] = found
    return found


def _flush(tray: Tray) -> None:
    """Make tables of the rows read so far."""
    for number, rows in enumerate(tray.rows):
        columns = tray.columns[number]
        if rows:
            values = list(zip(*rows, strict=True))
            series = [pl.Series(name, values[slot], KINDS.get(name, pl.String())) for name, slot in columns.items()]
            tray.frames[number].append(pl.DataFrame(series))
        rows.clear()


def _received(tray: Tray, file: str, issues: IssueBook, unreadable: int, ignored: int) -> Received:
    _flush(tray)
    form = tray.form
    for path, place in tray.unknown.items():
        issues.note("FIL-02", found_in=place, column=path)
    tables = {path: pl.concat(frames) for path, frames in zip(form.repeats, tray.frames, strict=True) if frames}
    tables = identify(tables, form, issues)
    names = tables[form.root].select(OF, "submission_id")
    for path, frame in tables.items():
        if path != form.root:
            named = frame.drop("submission_id").join(names, on=OF, how="inner", maintain_order="left")
            tables[path] = named
    return Received(SOURCE, file, form, checked_answers(tables, form), issues.table(), unreadable, ignored)
