"""What an upload holds, what of it is news, and how that is put on record: for files that come and for rebuilds.

A submission seen before is a duplicate when its answers are the same and a change when they are not; the newest counts,
the older ones stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import polars as pl

from collect import registry
from collect.journey import Definitions, take
from collect.lacking import Before, held_before
from collect.passing import FRAME, Arrival, Progress, Taken
from collect.places import places_of
from collect.problems import CollectError, ExportError, StoreError, fault_of
from collect.receipts import COUNTS, NO_SUBMISSIONS, SUBMISSION, Part, Receipt, alike, count, news_of
from collect.receive.apart import DIED
from collect.receive.manner import Manner
from collect.receive.sealed import Keys, holds_sealed, unsealed
from collect.review.duplicates import drafts
from collect.store import Store, Stored, begin, content_hashes, note, noted


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


class Read(NamedTuple):
    """What was read of an upload, what of it is news, and by form the index that tells."""

    taken: tuple[Taken, ...]
    parts: tuple[Part, ...]
    indexes: dict[str, pl.DataFrame]


def asked_then(upload: Mapping[str, Any]) -> Asked:
    """What was said with an upload, from its row or its note."""
    return Asked(
        upload.get("received_by", ""),
        upload.get("forced_form") or None,
        upload.get("forced_source") or None,
        upload.get("forced_encoding", ""),
        upload.get("forced_dates", ""),
        upload.get("forced_decimals", ""),
    )


def moment_of_receipt(store: Store) -> datetime:
    """Now, on the clock of where the survey is; never before what was received last, should the clock jump back.

    Runs as of a moment ask what had been received by then, so the order of arrival and these moments must agree.
    """
    now = datetime.now(UTC).astimezone()
    last = registry.last_received_at(store.engine)
    return now if last is None else max(now, datetime.fromisoformat(last))


def read_contents(
    before: Before, stored: Stored, definitions: Definitions, asked: Asked, at: datetime, progress: Progress
) -> Read:
    """What is in an upload, and what of it is news."""
    folder, arrival = before.store.folder, _arrival(before, stored, asked, at)
    with costs_only(stored):
        with unsealed(stored.path, asked.key, folder, arrival.manner) as readable:
            taken = take(readable, definitions, places_of(folder), arrival, progress)
        return Read(taken, *compare(before, taken, definitions))


def taken_again(
    store: Store, stored: Stored, upload: Mapping[str, Any], definitions: Definitions, key: Keys | None
) -> tuple[Taken, ...]:
    """What an upload holds, read as somebody asked when it came."""
    before = Before(store, stored.upload_id)
    arrival = _arrival(before, stored, asked_then(upload), datetime.fromisoformat(upload["received_at"]))
    with costs_only(stored), unsealed(stored.path, key, store.folder, arrival.manner) as readable:
        return take(readable, definitions, places_of(store.folder), arrival)


@contextmanager
def costs_only(stored: Stored) -> Iterator[None]:
    """A fault of ours costs the upload it befalls, which is refused as one whose reader died, and no other.

    Raises ExportError IN-46.
    """
    try:
        yield
    except (CollectError, OSError):  # said already, or the machine's and not this upload's
        raise
    except Exception as error:
        raise ExportError(DIED, file=stored.name, reason=fault_of(error)) from error


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


def compare(
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


def named_in(indexes: Mapping[str, pl.DataFrame]) -> set[tuple[str, str]]:
    """Form and name of every submission of these indexes."""
    return {(form, name) for form, index in indexes.items() for name in index["submission_id"]}


def open_now(store: Store, stored: Stored) -> set[tuple[str, str]]:
    """Form and name of every submission that the tables of an upload hold; a lost or damaged table holds none."""
    indexes: dict[str, pl.DataFrame] = {}
    for part in registry.parts_of(store.engine, stored.upload_id):
        if part["form"] != FRAME:
            with suppress(StoreError):
                indexes[part["form"]] = store.read_part(part["form"], "index", stored.upload_id)
    return named_in(indexes)


def recorded(store: Store, stored: Stored, asked: Asked, at: datetime, read: Read) -> Receipt:
    """Write the tables of an upload, then its row: from then on it counts."""
    files, upload = write(store, stored.upload_id, read.taken, read.indexes), row_of(stored, asked, at)
    first = registry.record_upload(store.engine, upload, [part.counts() for part in read.parts], files)
    note_upload(store, stored)
    if not first:
        return seen_before(store, stored)
    return Receipt(stored.name, stored.upload_id, again=False, stored=True, parts=read.parts)


def replaced(
    store: Store, stored: Stored, upload: Mapping[str, Any], taken: Sequence[Taken], definitions: Definitions
) -> Receipt:
    """Put the tables of an upload in the place of those it had."""
    parts, indexes = compare(Before(store, stored.upload_id), taken, definitions)
    files = write(store, stored.upload_id, taken, indexes)
    registry.replace_parts(store.engine, upload, [part.counts() for part in parts], files)
    note_upload(store, stored)
    return Receipt(stored.name, stored.upload_id, again=False, stored=True, parts=parts)


def note_upload(store: Store, stored: Stored) -> None:
    """Have the note beside the bytes say what the registry knows of them, should it be lost; never before it does."""
    upload = registry.find_upload(store.engine, stored.sha256)
    if upload is not None:
        told = {**upload, "after": upload["sequence"] - 1}
        del told["sequence"]
        if noted(stored) != told:
            note(stored, told)


def whole(store: Store, upload_id: str) -> bool:
    """Whether an upload has its tables: on record, and each of them there. `collect.keeping.verify` reads them too."""
    places = [(store.folder / one["path"], one["size_bytes"]) for one in registry.files(store.engine, upload_id)]
    there = all(path.is_file() and path.stat().st_size == size for path, size in places)
    return there and bool(registry.parts_of(store.engine, upload_id))


def made_again(
    store: Store, stored: Stored, upload: Mapping[str, Any], definitions: Definitions, key: Keys | None
) -> Receipt | None:
    """The tables of an upload made again as ``upload`` now says; None where this key opens less than is open now."""
    taken = taken_again(store, stored, upload, definitions, key)
    if holds_sealed(stored.path):
        opened = named_in(compare(Before(store, stored.upload_id), taken, definitions)[1])
        if not open_now(store, stored) <= opened:
            return None
    return replaced(store, stored, upload, taken, definitions)


def seen_before(store: Store, stored: Stored) -> Receipt:
    """The receipt of bytes that are in an upload already."""
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


def mark(stored: Stored, store: Store, asked: Asked, at: datetime, error: ExportError) -> None:
    """Keep bytes that cannot be read, and say so of them."""
    begin(stored, row_of(stored, asked, at))
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


def row_of(stored: Stored, asked: Asked, at: datetime) -> dict[str, object]:
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


def write(
    store: Store, upload_id: str, taken: Sequence[Taken], indexes: Mapping[str, pl.DataFrame]
) -> list[dict[str, object]]:
    """Write the parts; what the registry must record of each."""
    files = []
    for one in taken:
        tables = {**one.frames, **({"index": indexes[one.form]} if one.form in indexes else {})}
        files += [store.write_part(one.form, table, upload_id, frame) for table, frame in tables.items()]
    return files
