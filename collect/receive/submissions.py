"""Reads OpenRosa submission XML: one file, a folder or a zip of them, of one form or of several.

Entities, document types and the network are off. Elements are matched by their local names below the root, whatever the
root is called: platforms rename it and add namespaces.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lxml import etree

from collect.forms import Form
from collect.problems import ExportError
from collect.receive.lanes import in_lanes
from collect.receive.letters import UTF16_MARKS, wide_of
from collect.receive.received import IssueBook, Received
from collect.receive.recognise import form_named
from collect.receive.refusals import none_read
from collect.receive.trays import (
    NO_TABLE,
    PASSED_OVER,
    Node,
    Row,
    Share,
    Tray,
    fresh_root,
    fresh_row,
    lay_down,
    received_of,
    refuse_too_many,
    tray_of,
)
from collect.receive.unpack import Member, Upload

SOURCE = "submission-xml"
QUIET = frozenset({"meta", "formhub", "__version__", "_version", "_version_", "_xform_id_string", "uuid"})
ENCODING = re.compile(rb"\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']*)")
PLAIN_ENCODINGS = (b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1")  # in which "<!DOCTYPE" is these very bytes
OTHER_ENCODINGS = re.compile(  # as Python names them; the rest (utf-7, punycode ...) no device writes
    r"utf-(16|32)(-[bl]e)?|iso8859-\d+|cp125\d|cp874|tis-620|koi8-[ru]|gb18030|gbk|gb2312|big5|shift_jis|euc_(jp|kr)"
)
COMBINING = "cp1258"  # writes tones apart from their vowels
UNSIGNED = "collect-unsigned"  # on the root of a submission whose envelope's signature does not bear it out
CLOSED = "collect-closed"  # on the root of an envelope that the key given did not open: why
STAYS_CLOSED = ("IN-32", "IN-37")  # it is for another key; damaged, or a file of it missing
STILL_SEALED = ("IN-16", *STAYS_CLOSED)
SEALED = ".enc"  # what an envelope's files are called
DEEPEST = 256  # elements inside elements that libxml2 reads
PART = 1_000  # members worked at a time: rows as lists are bulky, so they become tables as they come


def parser() -> etree.XMLParser:
    """A parser that trusts nothing: no entities, no document type, no network, no giant texts."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True, collect_ids=False,
    )  # fmt: skip


def parse(data: bytes, place: str, how: etree.XMLParser) -> etree._Element:
    """The root element of a submission; raises like `parsed`."""
    return parsed(data, place, how)[0]


def parsed(data: bytes, place: str, how: etree.XMLParser) -> tuple[etree._Element, str]:
    """The root element of a submission, and the encoding it had, "" where that was UTF-8 already.

    A document type is refused by its bytes, before parsing: the parser would read the outside file it names even when
    told to load none. So another encoding becomes UTF-8 first. Raises ExportError IN-02 where nothing is in it, IN-06
    for an encoding nobody can tell, IN-13 for broken XML, IN-14 for a document type, IN-50 where it is nested too deep.
    """
    if not data:
        raise ExportError("IN-02", file=place)
    encoding = _encoding_of(data, place)
    if encoding:
        data = _in_utf8(data, encoding, place)
    if b"<!" in data and (b"<!DOCTYPE" in data or b"<!ENTITY" in data):
        raise ExportError("IN-14", file=place)
    try:
        return etree.fromstring(data, how), encoding
    except etree.XMLSyntaxError as error:
        code = "IN-50" if "depth" in str(error.msg) else "IN-13"
        raise ExportError(code, file=place, line=error.lineno or 1, limit=DEEPEST) from error


def _encoding_of(data: bytes, place: str) -> str:
    """The encoding of a submission that must become UTF-8 first, as Python names it; "" for nearly all.

    Raises ExportError IN-06.
    """
    if data.startswith(UTF16_MARKS) or b"\x00" in data:
        wide = wide_of(data)
        if wide is None:
            raise ExportError("IN-06", file=place, line=1)
        return wide
    declared = ENCODING.match(data)
    if declared is None or declared.group(1).lower() in PLAIN_ENCODINGS:
        return ""
    try:
        name = codecs.lookup(declared.group(1).decode("ascii", "replace")).name
    except LookupError as error:
        raise ExportError("IN-06", file=place, line=1) from error
    if name.startswith(("utf-8", "utf-16")):  # "utf-16" declared over bytes of 8 bits: whoever saved it again forgot
        return "utf-8"
    if not OTHER_ENCODINGS.fullmatch(name):
        raise ExportError("IN-06", file=place, line=1)
    return name


def _in_utf8(data: bytes, encoding: str, place: str) -> bytes:
    """The submission without its declaration, which named the encoding it had."""
    try:
        text = data.decode(encoding).lstrip("\ufeff \t\r\n")
    except UnicodeDecodeError as error:
        raise ExportError("IN-06", file=place, line=data.count(b"\n", 0, error.start) + 1) from error
    if text.startswith("<?xml"):
        text = text.partition("?>")[2]
    return (unicodedata.normalize("NFC", text) if encoding == COMBINING else text).encode()


def local(tag: object) -> str:
    """An element's name without its namespace."""
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def read(
    upload: Upload, forms: Sequence[Form], forced: Form | None, progress: Callable[[str, float], None]
) -> tuple[Received, ...]:
    """Read every member as a submission; one `Received` per form.

    Raises
    ------
    ExportError
        Of a single file, what is wrong with it; of many, when none could be read, what is wrong with them (IN-59
        for several reasons), IN-15 when none is a submission.
    """
    members = upload.members
    parts = [members[begin : begin + PART] for begin in range(0, len(members), PART)]
    desk = _Desk(forms, forced, parser(), upload.single)
    by_id = {form.form_id: form for form in reversed([forced] if forced else forms)}
    trays: dict[str, Tray] = {}
    issues, errors, ignored = IssueBook(), list[ExportError](), 0
    for number, pile in enumerate(in_lanes(desk.work, parts, upload.manner.lanes), 1):
        for form_id, share in pile.shares:
            tray = trays.get(form_id)
            if tray is None:
                tray = trays[form_id] = tray_of(by_id[form_id])
            tray.add(share)
            refuse_too_many(tray, upload.name, upload.manner.limits)
        issues.rows += pile.issues
        errors += [ExportError(code, **values) for code, values in pile.errors]
        ignored += pile.ignored
        progress("step.receive", number / len(parts))
    if not trays:
        raise none_read(upload.name, errors) if errors else ExportError("IN-15", file=upload.name, members=len(members))
    first, *others = trays.values()
    return (
        received_of(first, SOURCE, upload.name, issues, len(errors), ignored),
        *(received_of(tray, SOURCE, upload.name, IssueBook()) for tray in others),
    )


@dataclass(frozen=True, slots=True)
class _Pile:
    """What one part of the members came to: by form in the order in which they were met, and what was wrong."""

    shares: list[tuple[str, Share]]
    issues: list[dict[str, str | None]]
    errors: list[tuple[str, dict[str, object]]]
    ignored: int


@dataclass
class _Desk:
    """Where submissions are laid out by form, part after part."""

    forms: Sequence[Form]
    forced: Form | None
    how: etree.XMLParser
    single: bool
    trays: dict[str, Tray] = field(default_factory=dict)
    issues: IssueBook = field(default_factory=IssueBook)
    errors: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    ignored: int = 0

    def work(self, members: Sequence[Member]) -> _Pile:
        """Read some members and clear the desk. What comes of a part does not depend on the parts before it."""
        for member in members:
            try:
                self.take(member)
            except ExportError as error:
                self.errors.append((error.code, {**error.values, "file": member.name}))
                self.issues.note_unread(member.name, error)
        shares = [(form_id, tray.emptied()) for form_id, tray in self.trays.items() if tray.read]
        pile = _Pile(shares, self.issues.rows, self.errors, self.ignored)
        self.issues, self.errors, self.ignored = IssueBook(), [], 0
        return pile

    def take(self, member: Member) -> None:
        """Read one member into its form's tray. Raises ExportError naming what is wrong with it."""
        whole, encoding = parsed(member.read(), member.name, self.how)
        root = _submission(whole, member.name)
        if root is None and self.single:
            raise ExportError("IN-22", file=member.name)
        if root is None:
            self.ignored += 1
            return
        form_id = self.forced.form_id if self.forced else root.get("id", "")
        tray = self.trays.get(form_id)
        if tray is None:
            form = self.forced or form_named(member.name, form_id, self.forms)
            tray = self.trays[form_id] = tray_of(form)
        if root.get(UNSIGNED):
            self.issues.note("FIL-20", found_in=member.name, file=member.name)
        if encoding:
            self.issues.note("FIL-06", found_in=member.name, file=member.name, encoding=encoding)
        name = _take(root, tray, member.name)
        for path in dict.fromkeys(tray.mixed):
            self.issues.note("FIL-14", found_in=member.name, submission_id=name, question=path, file=member.name)


def is_one(data: bytes, place: str) -> bool:
    """Whether XML is a submission; a form, a list and whatever else there is are none. Raises ExportError."""
    return _submission(parse(data, place, parser()), place) is not None


def _submission(root: etree._Element, place: str) -> etree._Element | None:
    """The element that holds the answers, out of whatever wraps it; None for a form, a list, a media file."""
    name = local(root.tag)
    if name == "submission":
        inner = [child for data in root if local(data.tag) == "data" for child in data if child.get("id")]
        return inner[0] if inner else None
    if root.get("encrypted") == "yes":
        why = root.get(CLOSED, "")
        raise ExportError(why if why in STAYS_CLOSED else "IN-16", file=place, submissions=1)
    return root if root.get("id") and name not in ("html", "manifest", "xforms") else None


def _take(root: etree._Element, tray: Tray, place: str) -> str | None:
    """Read one submission into the tray; the name it has."""
    tray.mixed.clear()
    row = fresh_root(tray, place)
    _walk(root, tray.top, row, tray.form.root, tray)
    row[1] = row[1] or root.get("instanceID")
    row[3] = root.get("version") or next((value for key, value in root.attrib.items() if local(key) == "version"), None)
    row[4] = root.get("submissionDate")
    lay_down(row, tray)
    return None if row[1] is None else str(row[1])


def _walk(element: etree._Element, node: Node, row: Row, row_id: str, tray: Tray) -> None:
    """Put every answer below ``element`` into its row; each repeat begins a row of its own.

    Text that stands beside elements is noted (FIL-14): inside an answer all of it is the answer, elsewhere nobody asks.
    """
    children = node.children
    counts: dict[int, int] = {}
    beside = element.text
    for child in element:
        beside = child.tail or beside if beside is None or beside.isspace() else beside
        tag = child.tag
        below = children.get(tag) or _meet(tag, node, tray)
        if below.slot >= 0:
            text = child.text
            if len(child):
                text = "".join(map(str, child.itertext()))  # <note>a <b>word</b></note>: all of it was the answer
                tray.mixed.append(below.path)
            if text and not text.isspace():
                row[below.slot] = text
        elif below.table >= 0:
            count = counts[below.table] = counts.get(below.table, 0) + 1
            fresh = fresh_row(tray, below, row_id, count)
            _walk(child, below, fresh, str(fresh[2]), tray)
        elif below.table == NO_TABLE:
            _walk(child, below, row, row_id, tray)
    if beside and not beside.isspace():
        tray.mixed.append(node.path)


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
