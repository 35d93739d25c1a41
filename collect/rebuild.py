"""Making every table again from the inbox, and taking up what was cut off before it was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from collect import registry
from collect.contents import (
    asked_then,
    costs_only,
    made_again,
    mark,
    moment_of_receipt,
    read_contents,
    recorded,
)
from collect.journey import Definitions
from collect.keeping import downloads, ledger
from collect.lacking import Before
from collect.passing import Progress, silent
from collect.problems import CollectError, ExportError, StoreError
from collect.receipts import Receipt
from collect.receive.refusals import reasons_of
from collect.receive.sealed import STAYS_CLOSED, Keys, holds_sealed
from collect.store import Store, Stored, cannot_write, held, kept, noted, sha256_of, sweep

WANTS_KEY = (*STAYS_CLOSED, "IN-16")
ENDS_ALL = ("STO-01", "STO-03", "STO-09")  # the disk's or the registry's trouble, and not one upload's


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to: uploads whose tables were ``made`` again, and those ``taken_up`` for the first time.

    ``left``: why others stay as they are, the gravest first. STO-07: originals that are gone or altered; STO-11: those
    that could not be read again; STO-12: bytes in no upload that cannot be read either; IN-35: a key is wanted. STO-14
    before all of them: a ledger and its copy part ways.
    """

    made: tuple[Receipt, ...]
    taken_up: tuple[Receipt, ...]
    left: tuple[CollectError, ...]


def rebuild(store: Store, definitions: Definitions, progress: Progress = silent, key: Keys | None = None) -> Rebuilt:
    """Make every table again from the inbox, in the order of arrival; then take in bytes the registry never recorded.

    The same forms, places and bytes give identical parts. What cannot be made again keeps the tables it has and stops
    nobody else; no bytes are forgotten.

    Raises
    ------
    StoreError
        STO-03 or STO-09: the disk or the registry takes no more.
    """
    sweep(store)
    known = registry.uploads(store.engine)  # before the inbox is looked at: what comes meanwhile is missed by nobody
    there = kept(store)
    intact = {stored.sha256: stored for stored in there if _is_intact(stored)}
    made, lost, broken, closed = list[Receipt](), list[str](), dict[str, CollectError](), list[str]()
    for number, upload in enumerate(known):
        progress("step.rebuild", number / max(1, len(known)))
        original, name = intact.get(upload["sha256"]), f"{upload['upload_id']} ({upload['file_name']})"
        if original is None:
            lost.append(name)
            continue
        try:
            receipt = _make_again(store, original, upload, definitions, key, after=closed)
        except CollectError as error:
            if error.code in ENDS_ALL:
                raise
            broken[name] = error
            continue
        if receipt is None:
            closed.append(name)
        else:
            made.append(receipt)
    shas = {upload["sha256"] for upload in known}
    others = sorted((stored for stored in there if stored.sha256 not in shas), key=_when_begun)
    taken_up, unread = _take_up_all(store, others, intact, definitions, key)
    closed += [f"{one.upload_id} ({one.file})" for one in taken_up if _partly_closed(one)]
    closed += [name for name, error in unread.items() if error.code == "IN-35"]
    unread = {name: error for name, error in unread.items() if error.code != "IN-35"}
    return Rebuilt(tuple(made), tuple(taken_up), (*_parted(store), *_left(lost, broken, unread, closed)))


def _parted(store: Store) -> Iterator[StoreError]:
    """The ledgers that say another thing than their copies: only people can tell which of the two is right."""
    for chain in (ledger.CHAIN, downloads.CHAIN):
        with suppress(StoreError):  # a copy that cannot be read: `collect verify` tells it
            number = chain.parted(store)
            if number is not None:
                yield StoreError("STO-14", file=chain.copy, number=number)


def _partly_closed(receipt: Receipt) -> bool:
    """Whether submissions of an upload are encrypted still."""
    left_out = (pl.col("code") == "FIL-03") & pl.col("details").str.contains(rf'"reason": "(?:{"|".join(WANTS_KEY)})"')
    return any(part.issues.select(left_out.any()).item() for part in receipt.parts)


def _is_intact(stored: Stored) -> bool:
    """Whether an original is still what came; one that the disk does not give is not."""
    try:
        return sha256_of(stored.path) == stored.sha256
    except OSError:
        return False


def _when_begun(stored: Stored) -> str:
    """When bytes that are in no upload came, as far as anybody noted it."""
    return str((noted(stored) or {}).get("received_at", ""))


def _left(
    lost: Sequence[str],
    broken: Mapping[str, CollectError],
    unread: Mapping[str, CollectError],
    closed: Sequence[str],
) -> tuple[CollectError, ...]:
    """What a rebuild leaves as it is, each kind with the names of its uploads and why."""
    found = list[CollectError]()
    if lost:
        found.append(StoreError("STO-07", upload=", ".join(lost)))
    for code, errors in (("STO-11", broken), ("STO-12", unread)):
        if errors:
            names = ", ".join(f"{name}: {error.code}" for name, error in errors.items())
            found.append(StoreError(code, upload=names, reasons=reasons_of([*errors.values()])))
    if closed:
        found.append(ExportError("IN-35", upload=", ".join(closed)))
    return tuple(found)


def _take_up_all(
    store: Store, others: Sequence[Stored], intact: Mapping[str, Stored], definitions: Definitions, key: Keys | None
) -> tuple[list[Receipt], dict[str, CollectError]]:
    """Take in bytes that are in no upload; by name, why some cannot be. Marks of bytes that are gone are taken off."""
    receipts, unread = list[Receipt](), dict[str, CollectError]()
    for stored in others:
        name = f"{stored.upload_id} ({stored.name})"
        try:
            if stored.sha256 not in intact and stored.path.is_file():  # else whoever brought it has forgotten it
                raise StoreError("STO-07", upload=name)
            if (receipt := _take_up(store, stored, definitions, key)) is not None:
                receipts.append(receipt)
        except CollectError as error:
            if error.code in ENDS_ALL:
                raise
            unread[name] = error
        except OSError as error:
            raise cannot_write(store.folder, error) from error
    marked = {str(row["sha256"]) for row in registry.refused(store.engine)}
    registry.forget_refusals(store.engine, marked.difference(stored.sha256 for stored in kept(store)))
    return receipts, unread


def _take_up(store: Store, stored: Stored, definitions: Definitions, key: Keys | None) -> Receipt | None:
    """Take in bytes that were kept and never recorded; None where somebody else did, or forgot them, meanwhile.

    Raises ExportError where they cannot be read, IN-35 where a key is all they lack. They stay, for the registry may be
    one of before they came.
    """
    asked = replace(asked_then(noted(stored) or {}), key=key)
    with held(stored.path.parent) as there:
        if not (there and stored.path.is_file()) or registry.find_upload(store.engine, stored.sha256) is not None:
            return None
        at = moment_of_receipt(store)
        try:
            read = read_contents(Before(store, stored.upload_id), stored, definitions, asked, at, silent)
        except ExportError as error:
            if error.code in WANTS_KEY and holds_sealed(stored.path):
                raise ExportError("IN-35", upload=stored.name) from error
            mark(stored, store, asked, at, error)
            raise
        return recorded(store, stored, asked, at, read)


def _make_again(
    store: Store,
    stored: Stored,
    upload: Mapping[str, Any],
    definitions: Definitions,
    key: Keys | None,
    *,
    after: Sequence[str],
) -> Receipt | None:
    """The tables of an upload made again; None where they must stay as they are for want of a key.

    That is where this key would open less than is open now; and where the tables of one before it (``after``: those
    left) are lost, so that nobody can say what is news in this one. Raises CollectError where it cannot be read.
    """
    if key is None and holds_sealed(stored.path):
        return None
    try:
        with costs_only(stored), held(stored.path.parent):
            return made_again(store, stored, upload, definitions, key)
    except OSError as error:
        raise cannot_write(store.folder, error) from error
    except (ExportError, StoreError) as error:
        if error.code in STAYS_CLOSED or (error.code == "STO-02" and after):
            return None
        raise
