"""Taking files in: bytes first, then the journey's first half, then the registry.

An upload is answered with a receipt. The same bytes twice change nothing, unless something new is said of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from collect import registry
from collect.contents import (
    NOTHING_ASKED,
    Asked,
    Read,
    asked_then,
    compare,
    made_again,
    mark,
    moment_of_receipt,
    named_in,
    note_upload,
    open_now,
    read_contents,
    recorded,
    replaced,
    row_of,
    seen_before,
    taken_again,
    whole,
)
from collect.journey import Definitions
from collect.lacking import Before, Tried
from collect.passing import Progress, Taken, silent
from collect.problems import ExportError, StoreError
from collect.receipts import COUNTS, Part, Receipt
from collect.receive.apart import UNREADABLE
from collect.receive.sealed import holds_sealed
from collect.store import (
    Store,
    Stored,
    aside,
    begin,
    cannot_write,
    content_hashes,
    forget,
    in_hand,
    kept,
    noted,
    safe_name,
    sha256_of,
)

__all__ = ["COUNTS", "Asked", "Part", "Receipt", "add_bytes", "add_file"]


def add_file(
    store: Store,
    path: Path,
    definitions: Definitions,
    asked: Asked = NOTHING_ASKED,
    *,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Receipt:
    """Take in one file, or one folder of submissions as a whole; a dry run keeps nothing, whatever becomes of it.

    Raises
    ------
    ExportError
        The file is no export of a known form; the store is as it was.
    StoreError
        STO-03 or STO-09: the disk or the registry did not take it. It was not received; it may be sent again.
    """
    progress("step.keep", 0.0)
    with (aside if dry_run else in_hand)(store, path, asked.name) as stored:
        before = registry.find_upload(store.engine, stored.sha256)
        if before is not None:
            return _received_before(store, stored, before, definitions, asked, dry_run=dry_run)
        twin = next((one for one in asked.after if one.upload_id == stored.upload_id), None)
        if twin is not None:
            return twin.once_more()
        at, earlier = moment_of_receipt(store), _before(store, stored.upload_id, asked.after)
        if dry_run:
            read = read_contents(earlier, stored, definitions, asked, at, progress)
            return Receipt(stored.name, stored.upload_id, again=False, stored=False, parts=_tried(read))
        begin(stored, row_of(stored, asked, at))
        try:
            read = read_contents(earlier, stored, definitions, asked, at, progress)
            progress("step.store", 0.9)  # a page that is left meanwhile ends us here
        except BaseException as error:
            _turn_away(stored, store, asked, at, error)
            raise
        receipt = recorded(store, stored, asked, at, read)
        progress("step.done", 1.0)
        return receipt


def keep_unread(store: Store, path: Path, asked: Asked, error: ExportError) -> None:
    """Keep and mark the bytes of a file that brought its reader down in a dry run, as `add_file` else does."""
    if error.code in UNREADABLE:
        with in_hand(store, path, asked.name) as stored:
            _turn_away(stored, store, asked, moment_of_receipt(store), error)


def add_bytes(store: Store, data: bytes, definitions: Definitions, asked: Asked) -> Receipt:
    """Take in bytes that lie in no file yet, under the name that ``asked`` gives them. Raises as `add_file` does."""
    try:
        with TemporaryDirectory(prefix=".incoming-", dir=store.folder) as folder:
            path = Path(folder) / safe_name(asked.name or "")
            path.write_bytes(data)
            return add_file(store, path, definitions, asked)
    except OSError as error:
        raise cannot_write(store.folder, error) from error


def read_again(store: Store, sha256: str, definitions: Definitions, progress: Progress = silent) -> Receipt:
    """Take in bytes that brought their reader down before and were kept, signed by who sent them then.

    Raises
    ------
    ExportError
        They still cannot be read, and stay where they are.
    StoreError
        STO-07 when they are gone, or no longer what was sent.
    """
    said = next((row for row in registry.refused(store.engine) if row["sha256"] == sha256), None)
    stored = next((one for one in kept(store) if one.sha256 == sha256), None)
    if said is None or stored is None or sha256_of(stored.path) != sha256:
        raise StoreError("STO-07", upload=str(said["file_name"]) if said else sha256[:16])
    return add_file(store, stored.path, definitions, asked_then({**said, **(noted(stored) or {})}), progress=progress)


def _before(store: Store, upload_id: str, after: Sequence[Receipt]) -> Before:
    """What a file is counted against: what is stored, then what was tried before it."""
    tried = (Tried(one.upload_id, part.form, part.tried) for one in after for part in one.parts if part.tried)
    return Before(store, upload_id, tuple(tried))


def _tried(read: Read) -> tuple[Part, ...]:
    """The parts of a dry run with what a file after it would find stored."""
    found = []
    for part, one in zip(read.parts, read.taken, strict=True):
        rows = {table: frame for table, frame in one.frames.items() if table.startswith("answers/")}
        index = read.indexes.get(one.form)
        found.append(part if index is None else replace(part, tried={"index": index, **rows}))
    return tuple(found)


def _turn_away(stored: Stored, store: Store, asked: Asked, at: datetime, error: BaseException) -> None:
    """Forget bytes that are no export; keep and mark those that only brought their reader down, or lay here before."""
    if isinstance(error, ExportError) and (error.code in UNREADABLE or stored.here):
        mark(stored, store, asked, at, error)
    elif not stored.here:
        forget(stored, store)


def _received_before(
    store: Store,
    stored: Stored,
    upload: Mapping[str, Any],
    definitions: Definitions,
    asked: Asked,
    *,
    dry_run: bool,
) -> Receipt:
    """The receipt of bytes that are in an upload: they are read once more where something new is said, or tables lack.

    Raises
    ------
    ExportError
        Its tables are lost, or something new is said of it, and so it cannot be read.
    StoreError
        STO-02 when the tables of an upload it rests on are lost too.
    """
    if whole(store, stored.upload_id):
        if not dry_run:
            note_upload(store, stored)  # whoever brought them may have been cut off just before
        return _read_anew(store, stored, upload, definitions, asked, dry_run=dry_run) or seen_before(store, stored)
    said = {**upload, **_said_now(asked)}
    if dry_run:
        taken = taken_again(store, stored, said, definitions, asked.key)
        parts, _ = compare(Before(store, stored.upload_id), taken, definitions)
        return Receipt(stored.name, stored.upload_id, again=False, stored=False, parts=parts)
    receipt = made_again(store, stored, said, definitions, asked.key)
    if receipt is None:
        raise ExportError("IN-35", upload=stored.name)
    return receipt


def _read_anew(
    store: Store,
    stored: Stored,
    upload: Mapping[str, Any],
    definitions: Definitions,
    asked: Asked,
    *,
    dry_run: bool,
) -> Receipt | None:
    """An upload received before, read with what is said only now; None where nothing new is said of it.

    That is another order of days, decimal sign or encoding than was said before, or a key that opens more; or, where
    something inside could not be read, a form that was added meanwhile. What was open stays open: nothing is made again
    unless all that was read then is read now.

    Raises
    ------
    ExportError
        It cannot be read as is said now, or (IN-35) needs the key for that too; everything stays as it was.
    """
    sealed, said = holds_sealed(stored.path), {**upload, **_said_now(asked)}
    unread = any(part["unreadable"] for part in registry.parts_of(store.engine, stored.upload_id))
    if said == upload and (asked.key is None or not sealed) and not unread:
        return None
    try:
        taken = taken_again(store, stored, said, definitions, asked.key)
    except ExportError:
        if said == upload:
            return None
        raise
    shown, indexes = compare(Before(store, None), taken, definitions)
    opened = named_in(indexes)
    if sealed and not open_now(store, stored) <= opened:
        if said == upload:
            return None
        raise ExportError("IN-35", upload=stored.name)
    if said == upload and not open_now(store, stored) < opened:
        return None
    shown = tuple(_by_meaning(store, stored, part, taken) for part in shown)
    if not dry_run:
        replaced(store, stored, said, taken, definitions)
    return Receipt(stored.name, stored.upload_id, again=False, stored=not dry_run, parts=shown)


def _by_meaning(store: Store, stored: Stored, part: Part, taken: Sequence[Taken]) -> Part:
    """A part read anew, in which submissions are changed too where the same text now is another number or day."""
    frames = next(one.frames for one in taken if one.form == part.form)
    typed = ["households", *(name for name in frames if name == "persons" or name.startswith("rows/"))]
    try:
        before = {table: store.read_part(part.form, table, stored.upload_id) for table in typed}
    except StoreError:  # it is a sampling frame, or its tables are lost: they are made again
        return part
    root = pl.lit("").alias("row_id")  # households have no rows beside them
    was, now = (
        content_hashes({**tables, "households": tables["households"].with_columns(root)})
        for tables in (before, {name: frames[name] for name in typed})
    )
    kept = now.join(was, on=["submission_id", "content"], how="semi")["submission_id"]
    moved = (pl.col("news") == "duplicate") & ~pl.col("submission_id").is_in(kept.implode())
    rows = part.submissions.with_columns(news=pl.when(moved).then(pl.lit("changed")).otherwise("news"))
    more = rows.filter(news="changed").height - part.submissions.filter(news="changed").height
    return replace(part, changed=part.changed + more, duplicate=part.duplicate - more, submissions=rows)


def _said_now(asked: Asked) -> dict[str, str]:
    """What of an upload's row is said now; what is left out stays as it was said before."""
    said = dict(zip(registry.SAID_LATER, (asked.encoding, asked.dates, asked.decimals), strict=True))
    return {name: value for name, value in said.items() if value}
