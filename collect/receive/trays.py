"""Lays nested submissions (XML, JSON) out by form: each answer in its row, each repeat row in its table."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from collect.forms import Form
from collect.limits import Limits
from collect.receive.identify import OF, identify
from collect.receive.received import IssueBook, Received, checked_answers
from collect.receive.workbook import refuse_too_large

FLUSH_EVERY = 2_000  # submissions: rows as lists are bulky, so they become tables as they come

ROOT_SLOTS = {OF: 0, "submission_id": 1, "row_id": 2, "form_version": 3, "submitted_at": 4, "submitted_by": 5,
              "device_id": 6, "review_state": 7, "replaces": 8, "found_in": 9, "edits": 11}  # fmt: skip
FIRST_SLOT, ROOT_ANSWERS_FROM = 10, 12  # rootUuid: Kobo's name for the first version of an edited submission
ROW_SLOTS = {OF: 0, "submission_id": 1, "row_id": 2, "parent_row_id": 3, "index": 4, "found_in": 5}
ROW_ANSWERS_FROM = 6
NO_TABLE, PASSED_OVER = -1, -2
META_SLOTS = {"instanceID": 1, "deprecatedID": 8, "rootUuid": FIRST_SLOT, "deviceID": 6}
KINDS: dict[str, pl.DataType] = {OF: pl.UInt32(), "index": pl.Int64(), "edits": pl.Int64()}

Row = list[object]


@dataclass(slots=True)
class Node:
    """What stands at one place of the form: ``slot`` in its row for a question, ``table`` for a repeat, or a group."""

    path: str
    slot: int = -1
    table: int = NO_TABLE
    below: str = ""  # of a repeat: its path from the repeat around it
    children: dict[str, Node] = field(default_factory=dict)  # by local name, then also by the tag as it comes


@dataclass(frozen=True, slots=True)
class Share:
    """What one part of an upload put into a tray, to be added to another."""

    frames: list[list[pl.DataFrame]]
    read: int
    unknown: dict[str, str]


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
    mixed: list[str] = field(default_factory=list)  # questions of the submission being read with elements inside

    def emptied(self) -> Share:
        """Take out what was read so far; the tray goes on with what comes next."""
        flush(self)
        share = Share(self.frames, self.read, self.unknown)
        self.frames, self.read, self.unknown = [[] for _ in self.frames], 0, {}
        return share

    def add(self, share: Share) -> None:
        """Put what was read elsewhere behind what is here."""
        moved = pl.col(OF) + pl.lit(self.read, pl.UInt32)
        for frames, more in zip(self.frames, share.frames, strict=True):
            frames += [frame.with_columns(moved) if self.read else frame for frame in more]
        self.read += share.read
        self.unknown = {**self.unknown, **{path: at for path, at in share.unknown.items() if path not in self.unknown}}


def tray_of(form: Form) -> Tray:
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


def flush(tray: Tray) -> None:
    """Make tables of the rows read so far."""
    for number, rows in enumerate(tray.rows):
        columns = tray.columns[number]
        if rows:
            values = list(zip(*rows, strict=True))
            series = [pl.Series(name, values[slot], KINDS.get(name, pl.String())) for name, slot in columns.items()]
            tray.frames[number].append(pl.DataFrame(series))
        rows.clear()


def fresh_root(tray: Tray, place: str) -> Row:
    """The row of the next submission, its answers still to come."""
    row: Row = [None] * (ROOT_ANSWERS_FROM + len(tray.columns[0]) - len(ROOT_SLOTS))
    row[0], row[2], row[9] = tray.read, tray.form.root, place
    tray.place = place
    return row


def fresh_row(tray: Tray, node: Node, parent_row_id: str, number: int) -> Row:
    """The row of a repeat's ``number``-th answer set, already in its table."""
    row: Row = [None] * len(tray.columns[node.table])
    row_id = f"{parent_row_id}{node.below}[{number}]"
    row[0], row[2], row[3], row[4], row[5] = tray.read, row_id, parent_row_id, number, tray.place
    tray.rows[node.table].append(row)
    return row


def refuse_too_many(tray: Tray, file: str, limits: Limits) -> None:
    """Raise ExportError IN-47 when what was read so far of one table has more rows than a table may have."""
    for frames, rows in zip(tray.frames, tray.rows, strict=True):
        refuse_too_large(file, sum(frame.height for frame in frames) + len(rows), 0, limits)


def lay_down(row: Row, tray: Tray, name: str | None = None) -> None:
    """Put a whole submission's row into the tray: an edit whose first name is known replaces that.

    ``name``: what the platform calls the submission through all its edits, whatever the last edit is called.
    """
    if row[8] is None and row[FIRST_SLOT] != row[1]:
        row[8] = row[FIRST_SLOT]
    for source, target in tray.copies:
        row[target] = row[source]
    if name is not None:
        row[1], row[8] = name, row[8] if row[8] != row[FIRST_SLOT] else None
    tray.rows[0].append(row)
    tray.read += 1
    if len(tray.rows[0]) >= FLUSH_EVERY:
        flush(tray)


def received_of(
    tray: Tray, source: str, file: str, issues: IssueBook, unreadable: int = 0, ignored: int = 0
) -> Received:
    """Everything in the tray as what a reader hands over."""
    flush(tray)
    form = tray.form
    for path, place in tray.unknown.items():
        issues.note("FIL-02", found_in=place, column=path)
    tables = {path: pl.concat(frames) for path, frames in zip(form.repeats, tray.frames, strict=True) if frames}
    tables = identify(tables, form, issues)
    return Received(source, file, form, checked_answers(tables, form), issues.table(), unreadable, ignored)
