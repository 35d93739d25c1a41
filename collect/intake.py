"""Taking files in: bytes first, then the journey's first half, then the registry; and making every table again.

An upload is answered with a receipt. The same bytes twice change nothing; a submission seen before is a duplicate when
its answers are the same and a change when they are not; the newest counts, the older ones stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import polars as pl

from collect import registry
from collect.journey import Definitions, take
from collect.lacking import Before, Tried, held_before
from collect.passing import FRAME, Arrival, Progress, Taken, silent
from collect.places import places_of
from collect.problems import CollectError, ExportError, StoreError, fault_of
from collect.receipts import COUNTS, NO_SUBMISSIONS, SUBMISSION, Part, Receipt, alike, count, news_of
from collect.receive.apart import DIED, UNREADABLE
from collect.receive.manner import Manner
from collect.receive.refusals import reasons_of
from collect.receive.sealed import STAYS_CLOSED, Keys, holds_sealed, unsealed
from collect.review.duplicates import drafts
from collect.store import (
    Store,
    Stored,
    aside,
    begin,
    cannot_write,
    content_hashes,
    forget,
    held,
    in_hand,
    kept,
    note,
    noted,
    safe_name,
    sha256_of,
    sweep,
)

__all__ = ["COUNTS", "Asked", "Part", "Rebuilt", "Receipt", "add_bytes", "add_file", "rebuild"]

WANTS_KEY = (*STAYS_CLOSED, "IN-16")
ENDS_ALL = ("STO-01", "STO-03", "STO-09")  # the disk's or the registry's trouble, and not one upload's


@dataclass(frozen=True, slots=True)
class Asked:
    """What the team said with the upload: who they are; form, source, what to insist on; a key.

    ``after``: what the dry runs of files handed in with it came to. It is tried as though they were stored.
    """

    by: str = ""
    form: str | None = None
    source: str | None = None
    encoding: str = ""
    dates: str = ""  # "dmy" or "mdy"
    decimals: str = ""  # "comma" or "point"
    name: str | None = None  # the file's name as the team knows it, where the path is only a temporary one
    key: Keys | None = field(default=None, repr=False)  # opens encrypted submissions; kept nowhere
    after: Sequence[Receipt] = field(default=(), repr=False)


NOTHING_ASKED = Asked()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to: uploads whose tables were ``made`` again, and those ``taken_up`` for the first time.

    ``left``: why others stay as they are, the gravest first. STO-07: originals that are gone or altered; STO-11: those
    that could not be read again; STO-12: bytes in no upload that cannot be read either; IN-35: a key is wanted.
    """

    made: tuple[Receipt, ...]
    taken_up: tuple[Receipt, ...]
    left: tuple[CollectError, ...]


class _Read(NamedTuple):
    """What was read of an upload, what of it is news, and by form the index that tells."""

    taken: tuple[Taken, ...]
    parts: tuple[Part, ...]
    indexes: dict[str, pl.DataFrame]


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
            return _read_anew(store, stored, before, definitions, asked, dry_run=dry_run) or _seen_before(store, stored)
        twin = next((one for one in asked.after if one.upload_id == stored.upload_id), None)
        if twin is not None:
            return twin.once_more()
        at, earlier = _moment(store), _before(store, stored.upload_id, asked.after)
        if dry_run:
            read = _read(earlier, stored, definitions, asked, at, progress)
            return Receipt(stored.name, stored.upload_id, again=False, stored=False, parts=_tried(read))
        begin(stored, _row(stored, asked, at))
        try:
            read = _read(earlier, stored, definitions, asked, at, progress)
            progress("step.store", 0.9)  # a page that is left meanwhile ends us here
        except BaseException as error:
            _turn_away(stored, store, asked, at, error)
            raise
        receipt = _recorded(store, stored, asked, at, read)
        progress("step.done", 1.0)
        return receipt


def _recorded(store: Store, stored: Stored, asked: Asked, at: datetime, read: _Read) -> Receipt:
    """Write the tables of an upload, then its row: from then on it counts."""
    files, upload = _write(store, stored.upload_id, read.taken, read.indexes), _row(stored, asked, at)
    note(stored, {**upload, "after": registry.last_sequence(store.engine)})
    if not registry.record_upload(store.engine, upload, [part.counts() for part in read.parts], files):
        return _seen_before(store, stored)
    return Receipt(stored.name, stored.upload_id, again=False, stored=True, parts=read.parts)


def keep_unread(store: Store, path: Path, asked: Asked, error: ExportError) -> None:
    """Keep and mark the bytes of a file that brought its reader down in a dry run, as `add_file` else does."""
    if error.code in UNREADABLE:
        with in_hand(store, path, asked.name) as stored:
            _turn_away(stored, store, asked, _moment(store), error)


def add_bytes(store: Store, data: bytes, definitions: Definitions, asked: Asked) -> Receipt:
    """Take in bytes that lie in no file yet, under the name that ``asked`` gives them. Raises as `add_file` does."""
    try:
        with TemporaryDirectory(prefix=".incoming-", dir=store.folder) as folder:
            path = Path(folder) / safe_name(asked.name or "")
            path.write_bytes(data)
            return add_file(store, path, definitions, asked)
    except OSError as error:
        raise cannot_write(store.folder, error) from error


def _moment(store: Store) -> datetime:
    """Now, on the clock of where the survey is; never before what was received last, should the clock jump back.

    Runs as of a moment ask what had been received by then, so the order of arrival and these moments must agree.
    """
    now = datetime.now(UTC).astimezone()
    last = registry.last_received_at(store.engine)
    return now if last is None else max(now, datetime.fromisoformat(last))


def _before(store: Store, upload_id: str, after: Sequence[Receipt]) -> Before:
    """What a file is counted against: what is stored, then what was tried before it."""
    tried = (Tried(one.upload_id, part.form, part.tried) for one in after for part in one.parts if part.tried)
    return Before(store, upload_id, tuple(tried))


def _tried(read: _Read) -> tuple[Part, ...]:
    """The parts of a dry run with what a file after it would find stored."""
    found = []
    for part, one in zip(read.parts, read.taken, strict=True):
        rows = {table: frame for table, frame in one.frames.items() if table.startswith("answers/")}
        index = read.indexes.get(one.form)
        found.append(part if index is None else replace(part, tried={"index": index, **rows}))
    return tuple(found)


def _read(
    before: Before, stored: Stored, definitions: Definitions, asked: Asked, at: datetime, progress: Progress
) -> _Read:
    """What is in an upload, and what of it is news."""
    folder, arrival = before.store.folder, _arrival(before, stored, asked, at)
    with _costs_only(stored):
        with unsealed(stored.path, asked.key, folder, arrival.manner) as readable:
            taken = take(readable, definitions, places_of(folder), arrival, progress)
        return _Read(taken, *_compare(before, taken, definitions))


@contextmanager
def _costs_only(stored: Stored) -> Iterator[None]:
    """A fault of ours costs the upload it befalls, which is refused as one whose reader died, and no other.

    Raises ExportError IN-46.
    """
    try:
        yield
    except (CollectError, OSError):  # said already, or the machine's and not this upload's
        raise
    except Exception as error:
        raise ExportError(DIED, file=stored.name, reason=fault_of(error)) from error


def _row(stored: Stored, asked: Asked, at: datetime) -> dict[str, object]:
    """What the registry knows of an upload."""
    return {
        "upload_id": stored.upload_id,
        "sha256": stored.sha256,
        "file_name": stored.name,
        "size_bytes": stored.size_bytes,
        "forced_form": asked.form or "",
        "forced_source": asked.source or "",
        "forced_encoding": asked.encoding,
        "forced_dates": asked.dates,
        "forced_decimals": asked.decimals,
        "received_at": at.isoformat(),
        "received_by": asked.by,
    }


def _arrival(before: Before, stored: Stored, asked: Asked, at: datetime) -> Arrival:
    settings = before.store.settings
    manner, held = Manner(asked.encoding, settings.limits), held_before(before)
    return Arrival(
        stored.upload_id,
        at.date(),
        asked.form,
        asked.source,
        asked.dates,
        asked.decimals,
        manner,
        settings.apart,
        held,
    )


def _turn_away(stored: Stored, store: Store, asked: Asked, at: datetime, error: BaseException) -> None:
    """Forget bytes that are no export; keep and mark those that only brought their reader down."""
    if isinstance(error, ExportError) and error.code in UNREADABLE:
        _mark(stored, store, asked, at, error)
    else:
        forget(stored, store)


def _mark(stored: Stored, store: Store, asked: Asked, at: datetime, error: ExportError) -> None:
    """Keep bytes that cannot be read, and say so of them."""
    begin(stored, _row(stored, asked, at))
    refusal = {
        "sha256": stored.sha256,
        "file_name": stored.name,
        "size_bytes": stored.size_bytes,
        "code": error.code,
        "reason": str(error.values.get("reason") or "")[:255],
        "received_at": at.isoformat(),
        "received_by": asked.by,
    }
    registry.record_refusal(store.engine, refusal)
    error.values["kept"] = True


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
    return add_file(store, stored.path, definitions, _asked_then({**said, **(noted(stored) or {})}), progress=progress)


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
    closed += [name for name, error in unread.items() if error.code == "IN-35"]
    unread = {name: error for name, error in unread.items() if error.code != "IN-35"}
    return Rebuilt(tuple(made), tuple(taken_up), _left(lost, broken, unread, closed))


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
    asked = replace(_asked_then(noted(stored) or {}), key=key)
    with held(stored.path.parent) as there:
        if not (there and stored.path.is_file()) or registry.find_upload(store.engine, stored.sha256) is not None:
            return None
        at = _moment(store)
        try:
            read = _read(Before(store, stored.upload_id), stored, definitions, asked, at, silent)
        except ExportError as error:
            if error.code in WANTS_KEY and holds_sealed(stored.path):
                raise ExportError("IN-35", upload=stored.name) from error
            _mark(stored, store, asked, at, error)
            raise
        return _recorded(store, stored, asked, at, read)


def _asked_then(upload: Mapping[str, Any]) -> Asked:
    """What was said with an upload, from its row or its note."""
    return Asked(
        upload.get("received_by", ""),
        upload.get("forced_form") or None,
        upload.get("forced_source") or None,
        upload.get("forced_encoding", ""),
        upload.get("forced_dates", ""),
        upload.get("forced_decimals", ""),
    )


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
    sealed = holds_sealed(stored.path)
    if sealed and key is None:
        return None
    try:
        with _costs_only(stored), held(stored.path.parent):
            taken = _taken_again(store, stored, upload, definitions, key)
            if sealed and not _open_now(store, stored) <= _named_in(
                _compare(Before(store, stored.upload_id), taken, definitions)[1]
            ):
                return None
            return _replaced(store, stored, upload, taken, definitions)
    except OSError as error:
        raise cannot_write(store.folder, error) from error
    except (ExportError, StoreError) as error:
        if error.code in STAYS_CLOSED or (error.code == "STO-02" and after):
            return None
        raise


def _named_in(indexes: Mapping[str, pl.DataFrame]) -> set[tuple[str, str]]:
    """Form and name of every submission of these indexes."""
    return {(form, name) for form, index in indexes.items() for name in index["submission_id"]}


def _open_now(store: Store, stored: Stored) -> set[tuple[str, str]]:
    """Form and name of every submission that the tables of an upload hold; a lost or damaged table holds none."""
    indexes: dict[str, pl.DataFrame] = {}
    for part in registry.parts_of(store.engine, stored.upload_id):
        if part["form"] != FRAME:
            with suppress(StoreError):
                indexes[part["form"]] = store.read_part(part["form"], "index", stored.upload_id)
    return _named_in(indexes)


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

    That is another order of days, decimal sign or encoding than was said before, or a key that opens more. What another
    key opened stays open: nothing is made again unless all that was read then is read now.

    Raises
    ------
    ExportError
        It cannot be read as is said now, or (IN-35) needs the key for that too; everything stays as it was.
    """
    sealed, said = holds_sealed(stored.path), {**upload, **_said_now(asked)}
    if said == upload and (asked.key is None or not sealed):
        return None
    try:
        taken = _taken_again(store, stored, said, definitions, asked.key)
    except ExportError:
        if said == upload:
            return None
        raise
    shown, indexes = _compare(Before(store, None), taken, definitions)
    opened = _named_in(indexes)
    if sealed and not _open_now(store, stored) <= opened:
        if said == upload:
            return None
        raise ExportError("IN-35", upload=stored.name)
    if said == upload and _open_now(store, stored) == opened:
        return None
    shown = tuple(_by_meaning(store, stored, part, taken) for part in shown)
    if not dry_run:
        _replaced(store, stored, said, taken, definitions)
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


def _taken_again(
    store: Store, stored: Stored, upload: Mapping[str, Any], definitions: Definitions, key: Keys | None
) -> tuple[Taken, ...]:
    """What an upload holds, read as somebody asked when it came."""
    before = Before(store, stored.upload_id)
    arrival = _arrival(before, stored, _asked_then(upload), datetime.fromisoformat(upload["received_at"]))
    with _costs_only(stored), unsealed(stored.path, key, store.folder, arrival.manner) as readable:
        return take(readable, definitions, places_of(store.folder), arrival)


def _replaced(
    store: Store, stored: Stored, upload: Mapping[str, Any], taken: Sequence[Taken], definitions: Definitions
) -> Receipt:
    """Put the tables of an upload in the place of those it had."""
    parts, indexes = _compare(Before(store, stored.upload_id), taken, definitions)
    files = _write(store, stored.upload_id, taken, indexes)
    told = {name: value for name, value in upload.items() if name != "sequence"}
    if not told.items() <= (noted(stored) or {}).items():
        note(stored, {**told, "after": upload["sequence"] - 1})
    registry.replace_parts(store.engine, told, [part.counts() for part in parts], files)
    return Receipt(stored.name, stored.upload_id, again=False, stored=True, parts=parts)


def _compare(
    before: Before, taken: Sequence[Taken], definitions: Definitions
) -> tuple[tuple[Part, ...], dict[str, pl.DataFrame]]:
    """Count what is new, changed and known already, against the uploads before this one."""
    parts, indexes = [], {}
    for one in taken:
        news, rows, again = {"new": one.read, "changed": 0, "duplicate": 0}, NO_SUBMISSIONS, 0
        broken = one.with_issues
        if "answers" in one.frames:
            index, earlier = _index(one, definitions), _index_before(before, one.form)
            indexes[one.form] = index
            rows = _submissions(one, index, news_of(index, earlier))
            broken = rows.filter(status="with_issues").height  # who consented: the others count nowhere
            news, again = count(rows["news"], one.repeated), alike(index, rows["news"], earlier)
        part = Part(
            form=one.form,
            form_version=one.form_version,
            source=one.source,
            read=one.read,
            rows=one.rows,
            with_issues=broken,
            unreadable=one.unreadable,
            issues=one.issues,
            alike=again,
            submissions=rows,
            new=news["new"],
            changed=news["changed"],
            duplicate=news["duplicate"],
        )
        parts.append(part)
    return tuple(parts), indexes


def _index(taken: Taken, definitions: Definitions) -> pl.DataFrame:
    """One row per submission: hashes of what it holds, and what decides which of several versions counts."""
    texts = {table: frame for table, frame in taken.frames.items() if table.startswith("answers")}
    order = texts["answers"].select("submission_id", "replaces", "submitted_at", "edits")
    order = order.with_columns(whole=~pl.col("submission_id").is_in(list(taken.partial)))
    index = order.join(content_hashes(texts), on="submission_id", how="left", maintain_order="left")
    form = next(one for one in definitions.forms if one.form_id == taken.form)
    return index.with_columns(draft=drafts(texts["answers"], form.to_read, index["content"]))


def _index_before(before: Before, form: str) -> pl.DataFrame:
    columns = ("submission_id", "content", "draft")
    nothing = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return pl.concat([nothing, *(index.select(columns) for index in before.indexes(form))])


def _submissions(taken: Taken, index: pl.DataFrame, news: pl.Series) -> pl.DataFrame:
    """What the receipt remembers of each submission."""
    status = taken.frames["households"].select("submission_id", "status")
    rows = index.with_columns(news).join(status, on="submission_id", how="left", maintain_order="left")
    return rows.select(*SUBMISSION)


def _write(
    store: Store, upload_id: str, taken: Sequence[Taken], indexes: Mapping[str, pl.DataFrame]
) -> list[dict[str, object]]:
    """Write the parts; what the registry must record of each."""
    files = []
    for one in taken:
        tables = {**one.frames, **({"index": indexes[one.form]} if one.form in indexes else {})}
        files += [store.write_part(one.form, table, upload_id, frame) for table, frame in tables.items()]
    return files


def _seen_before(store: Store, stored: Stored) -> Receipt:
    parts = tuple(
        Part(
            **{name: row[name] for name in COUNTS if name not in ("new", "changed", "duplicate")},
            new=0,
            changed=0,
            duplicate=row["read"],
            issues=store.read_part(row["form"], "issues", stored.upload_id),
        )
        for row in registry.parts_of(store.engine, stored.upload_id)
    )
    return Receipt(stored.name, stored.upload_id, again=True, stored=True, parts=parts)
