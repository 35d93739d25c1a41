"""Reads submissions as JSON documents: ODK Central's OData with repeats expanded, and KoboToolbox's API v2.

Numbers are kept as the digits that stand in the file. OData nests groups as objects and gives places as GeoJSON or WKT;
Kobo's keys are whole paths. Both put the rows of a repeat into an array.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from collect.forms import Form
from collect.harmless import HALF, whole
from collect.limits import DEFAULT, Limits
from collect.problems import ExportError
from collect.receive.geometry import WKT_STARTS, is_geometry, written_by_device
from collect.receive.letters import utf8_of
from collect.receive.received import IssueBook, Received
from collect.receive.recognise import NOT_AN_IDENTIFIER, form_by_paths
from collect.receive.refusals import none_read
from collect.receive.trays import (
    NO_TABLE,
    PASSED_OVER,
    Node,
    Row,
    Tray,
    fresh_root,
    fresh_row,
    lay_down,
    received_of,
    refuse_too_many,
    tray_of,
)

ODATA_SOURCE, KOBO_SOURCE = "central-odata", "kobo-json"
ODATA_CONTEXT = re.compile(r"/forms/([^/]+)\.svc/\$metadata#Submissions$")
NAVIGATION = "@odata.navigationLink"  # "here are more rows": without an array beside it, they are not in the file
PLATFORM = ("_", "meta/", "formhub/", "__")
REVIEW_PREFIX = "validation_status_"
CLOSED = ("notDecrypted", "missingEncryptedFormData")  # encrypted, and the server was given no passphrase
LISTED_UNDER = ("value", "results", "data")  # the last: as other programs hand rows of Kobo on
OF_ONE = {"_uuid", "__system"}  # keys of a submission itself, whose repeats may be called anything
PLACES = ("geopoint", "geotrace", "geoshape")
MOST_LEVELS = 100  # objects and arrays inside one another
LOOKED_AT = 200  # submissions whose keys say which form it is
TELL_EVERY = 500

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """Submissions that stand in one file. ``form_id``: what the file itself says, "" where it does not.

    ``halves``: halves of letters in it, U+FFFD now.
    """

    place: str
    source: str
    form_id: str
    rows: Sequence[Document]
    halves: int = 0


def page_of(data: bytes, place: str) -> Page | None:
    """What a JSON file holds; None when it holds no submissions. Raises ExportError IN-30 for broken JSON."""
    try:
        content, halves = _content_of(utf8_of(data, place).data)
    except (ValueError, RecursionError) as error:
        raise ExportError("IN-30", file=place, line=getattr(error, "lineno", 1)) from error
    context = str(content.get("@odata.context", "")) if isinstance(content, dict) else ""
    rows = content
    if isinstance(content, dict):
        lists = (content.get(name) for name in LISTED_UNDER if not OF_ONE & content.keys())
        rows = next((one for one in lists if isinstance(one, list)), [content])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    if any(_too_deep(row, MOST_LEVELS) for row in rows):
        raise ExportError("IN-30", file=place, line=1)
    named = ODATA_CONTEXT.search(context)
    if named or (rows and all("__system" in row for row in rows)):
        return Page(place, ODATA_SOURCE, named[1] if named else "", rows, halves)
    is_kobo = isinstance(content, dict) and {"count", "results"} <= content.keys()
    if is_kobo or (rows and all("_uuid" in row and "_submission_time" in row for row in rows)):
        return Page(place, KOBO_SOURCE, str(rows[0].get("_xform_id_string", "")) if rows else "", rows, halves)
    return None


def _content_of(data: bytes) -> tuple[Any, int]:
    """JSON with numbers as digits and U+FFFD for halves of letters, and how many these are; ValueError when broken."""
    content = json.loads(data, parse_float=str, parse_int=str)
    if b"\\ud" not in data.lower():
        return content, 0
    text = json.dumps(content, ensure_ascii=False)
    return json.loads(whole(text)), len(HALF.findall(text))


def _too_deep(value: object, levels: int) -> bool:
    """Whether objects stand inside objects further than any form nests groups."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_too_deep(one, levels - 1) for one in inner if isinstance(one, dict | list))


def read(
    pages: Sequence[Page],
    file: str,
    forms: Sequence[Form],
    forced: Form | None,
    progress: Callable[[str, float], None],
    limits: Limits = DEFAULT,
) -> tuple[Received, ...]:
    """Read all pages, one `Received` per form.

    Raises
    ------
    ExportError
        IN-07 when no form fits any page (where one fits another, such a page is an issue), IN-16 when all is encrypted,
        IN-31 when there is nothing in any, IN-47 when a table has too many rows.
    """
    trays: dict[str, tuple[Tray, str, IssueBook]] = {}
    closed, homeless, strange = Counter[str](), IssueBook(), list[ExportError]()
    for page in pages:
        if all(_is_closed(document) for document in page.rows):  # nothing in it says which form it is
            for number, document in enumerate(page.rows, 1):
                _note_closed(document, f"{page.place}:{number}", homeless)
            continue
        try:
            form = forced or form_by_paths(page.place, page.form_id, _paths(page), forms)
        except ExportError as error:
            strange.append(error)
            homeless.note_unread(page.place, error)
            continue
        tray, _, issues = trays.setdefault(form.form_id, (tray_of(form), page.source, IssueBook()))
        closed[form.form_id] += _read_page(page, tray, issues, progress)
        refuse_too_many(tray, page.place, limits)
    if not trays and strange:
        raise none_read(file, strange)
    if not trays:
        if homeless.rows:
            raise ExportError("IN-16", file=file, submissions=len(homeless.rows))
        raise ExportError("IN-31", file=file)
    first = next(iter(trays))
    trays[first][2].rows += homeless.rows
    closed[first] += len(homeless.rows)
    return tuple(
        received_of(tray, source, file, issues, closed[form_id]) for form_id, (tray, source, issues) in trays.items()
    )


def _read_page(page: Page, tray: Tray, issues: IssueBook, progress: Callable[[str, float], None]) -> int:
    """Lay out the submissions of a page; how many of them are encrypted, each with its issue."""
    if page.halves:
        issues.note("FIL-07", found_in=page.place, file=page.place, letters=page.halves)
    closed = 0
    for number, document in enumerate(page.rows, 1):
        if number % TELL_EVERY == 0:
            progress("step.receive", number / len(page.rows))
        place = f"{page.place}:{number}"
        if _is_closed(document):
            _note_closed(document, place, issues)
            closed += 1
        else:
            _take(document, place, tray, page.source, issues)
    return closed


def _note_closed(document: Document, place: str, issues: IssueBook) -> None:
    """Write down that a submission is still encrypted."""
    issues.note("FIL-03", found_in=place, submission_id=document.get("__id"), file=place, reason="IN-16", submissions=1)


def _is_closed(document: Document) -> bool:
    """Whether the answers are encrypted: only what the server itself says of the submission stands there."""
    return _system(document).get("status") in CLOSED


def _paths(page: Page) -> tuple[str, ...]:
    """The paths below the root that the first submissions answer, in the order they are met."""
    found: dict[str, None] = {}
    for document in islice((one for one in page.rows if not _is_closed(one)), LOOKED_AT):
        found |= dict.fromkeys(_keys(document, ""))
    return tuple(NOT_AN_IDENTIFIER.sub("_", path) for path in found if not path.startswith(PLATFORM))


def _keys(document: Document, above: str) -> Iterator[str]:
    for key, value in document.items():
        if key.endswith(NAVIGATION) or key.startswith("__"):
            continue
        if isinstance(value, dict) and not is_geometry(value):
            yield from _keys(value, f"{above}{key}/")
        else:
            yield above + key


def _take(document: Document, place: str, tray: Tray, source: str, issues: IssueBook) -> None:
    """Lay one submission out: its answers, then the platform's facts about it."""
    row = fresh_root(tray, place)
    _Walk(tray, issues).put(document, tray.top, row, tray.form.root)
    facts, name = _odata_facts(document) if source == ODATA_SOURCE else _kobo_facts(document)
    for slot, value in facts.items():
        row[slot] = value
    lay_down(row, tray, name)


def _text(value: object) -> str | None:
    return str(value) if value not in (None, "") else None


def _system(document: Document) -> Document:
    """What the server says of a submission; nothing where it is not what it should be."""
    system = document.get("__system")
    return system if isinstance(system, dict) else {}


def _odata_facts(document: Document) -> tuple[dict[int, str | int | None], str | None]:
    """By slot of a root row: version, dates, people, review. The name a submission keeps through its edits is __id."""
    system = _system(document)
    said = ("formVersion", "submissionDate", "submitterName", "deviceId", "reviewState")
    facts: dict[int, str | int | None] = {slot: _text(system.get(key)) for slot, key in enumerate(said, 3)}
    edits = str(system.get("edits"))
    return facts | {8: None, 11: int(edits) if edits.isdecimal() else None}, _text(document.get("__id"))


def _kobo_facts(document: Document) -> tuple[dict[int, str | int | None], str | None]:
    """As the XLSX reader takes them; the name a submission keeps through its edits is meta/rootUuid."""
    status = document.get("_validation_status")
    review = _text(status.get("uid") if isinstance(status, dict) else status)
    given = (_text(document.get(key)) for key in ("meta/rootUuid", "_uuid", "meta/instanceID"))
    facts: dict[int, str | int | None] = {
        3: _text(document.get("__version__") or document.get("_version_") or document.get("_version")),
        4: _text(document.get("_submission_time")),
        5: _text(document.get("_submitted_by")),
        6: _text(document.get("deviceid") or document.get("device_id")),
        7: review.removeprefix(REVIEW_PREFIX) if review else None,
        8: _prefixed(_text(document.get("meta/deprecatedID"))),
    }
    return facts, _prefixed(next((name for name in given if name), None))


def _prefixed(uuid: str | None) -> str | None:
    return f"uuid:{uuid.removeprefix('uuid:')}" if uuid else None


@dataclass(frozen=True, slots=True)
class _Walk:
    """One submission's way through the form."""

    tray: Tray
    issues: IssueBook

    def put(self, document: Document, node: Node, row: Row, row_id: str) -> None:
        """Put every answer of ``document`` into its row; each object of a repeat's array begins a row of its own."""
        for key, value in document.items():
            if value is None or value == "":
                continue
            below = node.children.get(key) or self._meet(key, node, document)
            if below.slot >= 0:
                row[below.slot] = self._answer(value, below)
            elif below.table >= 0 and isinstance(value, list):
                for number, each in enumerate(value, 1):
                    fresh = fresh_row(self.tray, below, row_id, number)
                    self.put(each if isinstance(each, dict) else {}, below, fresh, str(fresh[2]))
            elif below.table == NO_TABLE and isinstance(value, dict):
                self.put(value, below, row, row_id)

    def _answer(self, value: object, node: Node) -> str | None:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            asked = self.tray.form.by_path.get(node.path) if value[0] in WKT_STARTS else None
            if asked is not None and asked.type in PLACES:
                return self._place(value, node)
            return None if value.isspace() else value
        if isinstance(value, dict) and is_geometry(value):
            return self._place(value, node)
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return " ".join(value) or None
        self.tray.unknown.setdefault(node.path, self.tray.place)
        return None

    def _place(self, value: Document | str, node: Node) -> str | None:
        with suppress(TypeError, ValueError, AttributeError):
            return written_by_device(value)
        self.tray.unknown.setdefault(node.path, self.tray.place)  # it looks like a place and is none
        return value if isinstance(value, str) else None

    def _meet(self, key: str, node: Node, document: Document) -> Node:
        """Remember a key seen for the first time here: a child (also by its OData name), a whole path, or none."""
        if key.endswith(NAVIGATION):
            return self._rows_elsewhere(key, node, document)
        found = _by_path(self.tray.top, key) if "/" in key else None
        for name, child in () if found else tuple(node.children.items()):
            if NOT_AN_IDENTIFIER.sub("_", name) == key:
                found = child
        if found is None:
            above = self.tray.form.root if "/" in key else node.path
            found = Node(f"{above}/{key}", table=PASSED_OVER)
            if not key.startswith(PLATFORM) and key != "meta" and not node.path.endswith("/meta"):
                self.tray.unknown.setdefault(found.path, self.tray.place)
        node.children[key] = found
        return found

    def _rows_elsewhere(self, key: str, node: Node, document: Document) -> Node:
        """A link to rows: nothing to say when they stand beside it, a word when they do not."""
        passed = Node(f"{node.path}/{key}", table=PASSED_OVER)
        if key.removesuffix(NAVIGATION) in document:
            return passed  # not remembered: the next submission may be without
        node.children[key] = passed
        self.issues.note("FIL-04", found_in=self.tray.place, file=self.tray.place.rsplit(":", 1)[0])
        return passed


def _by_path(top: Node, path: str) -> Node | None:
    node: Node | None = top
    for step in path.split("/"):
        node = node.children.get(step) if node else None
    return node if node and node.table != PASSED_OVER else None
