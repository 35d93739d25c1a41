"""What phones sent becomes tables, many submissions at a time: an upload for each team, taken in like any file.

Before an upload is taken in, its name is written beside its submissions. Whoever is cut off in between is followed by
somebody who makes the same zip of the same submissions, so each comes into the tables once.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from collect.intake import Asked, Receipt, add_bytes
from collect.journey import Definitions
from collect.keeping.attachments import files_of
from collect.keeping.journal import bytes_of, discard, segments
from collect.keeping.sent import PREFIX, pack, pack_sealed, pending, sealed, unfolded
from collect.openrosa.media import lists_for
from collect.problems import CollectError, ExportError
from collect.receive import submissions
from collect.receive.sealed import Keys, needed_of
from collect.registry import SENT, in_parts
from collect.store import Store

WAIT_FOR_PIECES = timedelta(days=1)  # a photo that never comes does not cost the interview
MOST_IN_ONE = 20_000  # submissions in an upload
MOST_BYTES = 64 << 20  # of the encrypted answers in an upload
EVERY_SECONDS = 300.0  # each time makes an upload, and every upload has its price in every run
Row = dict[str, Any]

log = logging.getLogger(__name__)


def fold(store: Store, definitions: Definitions) -> list[Receipt]:
    """Take everything that waits into the tables; a receipt for each upload made.

    A submission that cannot be read keeps its bytes and is marked with the reason; the others of its upload go on.
    """
    receipts: list[Receipt] = []
    for rows in _groups(store):
        receipts += _take(store, definitions, rows)
    _clear(store)
    return receipts


def open_sealed(store: Store, definitions: Definitions, key: Keys) -> list[Receipt]:
    """Take what was encrypted for this key into the tables; what it does not open goes on waiting for its own.

    The key is used and forgotten: uploads hold the answers as phones sent them, still encrypted. Photos stay where they
    lie; what the signature says of each goes along in their place.
    """
    receipts: list[Receipt] = []
    for rows in _opened_by(store, key):
        receipts += _take(store, definitions, rows, key)
    _clear(store)
    return receipts


def _opened_by(store: Store, key: Keys) -> Iterator[list[Row]]:
    """What this key opens and whose answers have arrived, by team, as much at a time as an upload may hold."""
    with store.engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(sealed(store))]
    group, size = list[Row](), 0
    for row in sorted(rows, key=lambda row: str(row["received_by"])):
        came = files_of(store, row["form"], row["instance_id"]).get(row["instance_id"], {})
        row["files"] = needed_of(bytes_of(store.folder, row), came, key) if _is_whole(row) else None
        if row["files"] is None:
            continue
        bytes_more = sum(map(len, row["files"].values()))
        if group and (group[0]["received_by"] != row["received_by"] or size + bytes_more > MOST_BYTES):
            yield group
            group, size = [], 0
        group.append(row)
        size += bytes_more
    if group:
        yield group


def _groups(store: Store) -> list[list[Row]]:
    """What goes into one upload: what somebody began to take in before, then what is whole, by team."""
    with store.engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(pending(store))]
    ready = [row for row in rows if row["upload_id"] or _is_whole(row)]

    def of(row: Row) -> tuple[str, str]:
        return str(row["upload_id"]), str(row["received_by"])

    groups = [list(group) for _, group in groupby(sorted(ready, key=of), key=of)]
    return [group[begin : begin + MOST_IN_ONE] for group in groups for begin in range(0, len(group), MOST_IN_ONE)]


def _is_whole(row: Row) -> bool:
    """Whether all its pieces came, or none will come any more."""
    late = (datetime.now(UTC) - WAIT_FOR_PIECES).isoformat(timespec="milliseconds")
    return bool(row["complete"] or row["received_at"] < late)


def _take(store: Store, definitions: Definitions, rows: Sequence[Row], key: Keys | None = None) -> list[Receipt]:
    forms = {row["form"] for row in rows}
    beside = lists_for(store, [form for form in definitions.forms if form.form_id in forms])
    data = (pack if key is None else pack_sealed)(store.folder, rows, beside)
    if not _claim(store, rows, hashlib.sha256(data).hexdigest()[:16]):
        return []  # somebody else was quicker
    name = f"{PREFIX}{rows[0]['sequence']}-{rows[-1]['sequence']}.zip"
    try:
        asked = Asked(rows[0]["received_by"], source=submissions.SOURCE, key=key, name=name)
        return [add_bytes(store, data, definitions, asked)]
    except ExportError as error:
        if len(rows) == 1:
            _mark(store, rows[0], error.code)
            return []
    half = len(rows) // 2
    return [receipt for part in (rows[:half], rows[half:]) for receipt in _take(store, definitions, part, key)]


def _claim(store: Store, rows: Sequence[Row], upload_id: str) -> bool:
    """Write the upload's name beside its submissions; False when somebody named another meanwhile."""
    if all(row["upload_id"] == upload_id for row in rows):
        return True
    with store.engine.connect() as connection:
        changed = 0
        for part in in_parts(rows):
            chosen = SENT.c.sequence.in_([row["sequence"] for row in part])
            as_seen = SENT.c.upload_id.in_({row["upload_id"] for row in part})
            changed += connection.execute(SENT.update().where(chosen, as_seen).values(upload_id=upload_id)).rowcount
        if changed != len(rows):
            connection.rollback()
            return False
        connection.commit()
    for row in rows:
        row["upload_id"] = upload_id
    return True


def _mark(store: Store, row: Row, code: str) -> None:
    with store.engine.begin() as connection:
        connection.execute(SENT.update().where(SENT.c.sequence == row["sequence"]).values(refused=code))


def _clear(store: Store) -> None:
    """Delete the files of the journal whose submissions all lie in uploads."""
    needed = unfolded(store).with_only_columns(SENT.c.segment).order_by(None)
    with store.engine.connect() as connection:
        still = set(connection.execute(needed).scalars())
    for segment in segments(store.folder):
        if segment not in still:
            discard(store.folder, segment)


class Folding:
    """Folds now and then in a thread of its own, for as long as submissions come; nobody presses a button."""

    def __init__(self, store: Callable[[], Store], definitions: Callable[[], Definitions]) -> None:
        self._store = store
        self._definitions = definitions
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def soon(self, seconds: float = EVERY_SECONDS) -> None:
        """See to it that what waits is folded, at the latest in so many seconds."""
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(seconds, self._fold)
                self._timer.daemon = True
                self._timer.start()

    def _fold(self) -> None:
        with self._lock:
            self._timer = None
        try:
            fold(self._store(), self._definitions())
        except CollectError as error:
            log.warning("what phones sent waits on: %s", error.code)
            self.soon()
