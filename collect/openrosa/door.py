"""The door through which submissions come: many at once, each answered only when it is on disk and in the registry.

Whoever sends waits while others are written; when the disk is done, all that came meanwhile is taken together: one
decision about each, one sync of the journal, one transaction of the registry. So eight who send cost little more than
one, and the answer is true through a power cut.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from collect.keeping import attachments
from collect.keeping.attachments import Piece
from collect.keeping.journal import Journal
from collect.keeping.sent import SEALED
from collect.migrations import alone
from collect.openrosa.deleted import deleted_among
from collect.problems import CollectError, StoreError
from collect.registry import SENT
from collect.store import Store

Outcome = Literal["new", "edit", "again", "conflict", "unknown_original", "stale", "deleted"]
ACCEPTED: frozenset[Outcome] = frozenset({"new", "edit", "again"})
MOST_AT_ONCE = 256  # submissions in one transaction
LINGER_SECONDS = 0.004  # for as many as came last time: about one sync, which a second round would cost twice
CLOSE = None


@dataclass(frozen=True, slots=True)
class Sending:
    """One submission as a phone sent it, with the form it names and who sent it."""

    form: str
    instance_id: str
    form_version: str
    replaces: str  # deprecatedID; "" for a submission that edits none
    data: bytes
    received_by: str = ""
    person: str = ""
    complete: bool = True
    pieces: tuple[Piece, ...] = ()
    original_known: bool = False  # the submission it edits came another way than through this door
    sealed: bool = False  # it waits for the project's key

    @property
    def key(self) -> tuple[str, str]:
        """What names it among all submissions."""
        return self.form, self.instance_id


@dataclass(slots=True)
class _Waiting:
    sending: Sending
    sha256: str
    answer: Future[Outcome]


class Door:
    """Takes submissions from any thread; one thread of its own writes them down.

    ``store`` is asked for once the first submission is there: a server that nobody sends to opens no registry for it.
    """

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def send(self, sending: Sending) -> Future[Outcome]:
        """Hand a submission in. The answer comes when it is durable, or names why it is not accepted.

        The future raises StoreError STO-09 or STO-21 when registry or disk refused: then it may be sent again.
        """
        waiting = _Waiting(sending, hashlib.sha256(sending.data).hexdigest(), Future())
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="openrosa-door", daemon=True)
                self._thread.start()
            self._queue.put(waiting)
        return waiting.answer

    def close(self) -> None:
        """Write what is waiting and stop; the next submission opens the door again."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._queue.put(CLOSE)
                thread.join()

    def _work(self) -> None:
        journal: Journal | None = None
        going_on, usual = True, 1
        while going_on and (first := self._queue.get()) is not CLOSE:
            group, going_on = self._with_those_waiting(first, usual)
            usual = len(group)
            try:
                journal = journal or Journal(self._store().folder)
                outcomes = write_down(self._store(), journal, group)
            except Exception as error:
                for one in group:
                    one.answer.set_exception(_in_our_words(error))
            else:
                for one, outcome in zip(group, outcomes, strict=True):
                    one.answer.set_result(outcome)
        if journal is not None:
            journal.close()

    def _with_those_waiting(self, first: _Waiting, usual: int) -> tuple[list[_Waiting], bool]:
        """Those who wait already; and, for a moment, those who were just answered and send their next."""
        group, until = [first], time.monotonic() + LINGER_SECONDS
        while len(group) < MOST_AT_ONCE:
            patience = until - time.monotonic() if len(group) < usual else 0.0
            try:
                more = self._queue.get(timeout=patience) if patience > 0 else self._queue.get_nowait()
            except queue.Empty:
                break
            if more is CLOSE:
                return group, False
            group.append(more)
        return group, True


def _in_our_words(error: Exception) -> Exception:
    return error if isinstance(error, CollectError) else StoreError("STO-21", reason=type(error).__name__)


def write_down(store: Store, journal: Journal, group: Sequence[_Waiting]) -> list[Outcome]:
    """Decide of each submission, and keep what is accepted: bytes first, then the registry, nothing in between."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    with alone(store.engine) as connection:
        known = _Known(connection, [one.sending for one in group])
        outcomes, fresh = [], []
        for one in group:
            outcome = known.decide(one.sending, one.sha256)
            outcomes.append(outcome)
            if outcome in ("new", "edit"):
                facts = _facts(one, at)
                known.rows[one.sending.key] = facts
                known.edited.add((one.sending.form, one.sending.replaces))
                fresh.append((facts, one.sending.data))
        places = journal.append(fresh)
        if fresh:
            rows = [
                {**facts, "segment": name, "start": start}
                for (facts, _), (name, start) in zip(fresh, places, strict=True)
            ]
            connection.execute(SENT.insert(), rows)
        accepted = [one.sending for one, outcome in zip(group, outcomes, strict=True) if outcome in ACCEPTED]
        _complete(connection, [one for one in accepted if one.complete and not known.rows[one.key]["complete"]])
        for sending in accepted:
            attachments.record(connection, *sending.key, sending.pieces, at)
    return outcomes


def _facts(one: _Waiting, at: str) -> dict[str, Any]:
    sending = one.sending
    return {
        "form": sending.form,
        "instance_id": sending.instance_id,
        "form_version": sending.form_version,
        "replaces": sending.replaces,
        "sha256": one.sha256,
        "size_bytes": len(sending.data),
        "received_at": at,
        "received_by": sending.received_by,
        "person": sending.person,
        "complete": sending.complete,
        "refused": SEALED if sending.sealed else "",
    }


class _Known:
    """What the registry knows of the submissions of one group, the group's own included as they are decided."""

    def __init__(self, connection: sa.Connection, sendings: Iterable[Sending]) -> None:
        names = {name for one in sendings for name in (one.instance_id, one.replaces) if name}
        columns = (SENT.c.form, SENT.c.instance_id, SENT.c.replaces, SENT.c.sha256, SENT.c.complete)
        query = sa.select(*columns).where(SENT.c.instance_id.in_(names) | SENT.c.replaces.in_(names))
        found = [dict(row._mapping) for row in connection.execute(query)]
        self.rows: dict[tuple[str, str], dict[str, Any]] = {(row["form"], row["instance_id"]): row for row in found}
        self.edited = {(row["form"], row["replaces"]) for row in found}
        self._deleted = deleted_among(connection, names, found)

    def decide(self, sending: Sending, sha256: str) -> Outcome:
        """What is to be done with a submission, as ODK Central decides it.

        What a reviewer deleted stays so: neither it nor an edit of it comes back through this door.
        """
        if {(sending.form, sending.instance_id), (sending.form, sending.replaces)} & self._deleted:
            return "deleted"
        there = self.rows.get(sending.key)
        if there is not None:
            return "again" if there["sha256"] == sha256 else "conflict"
        if not sending.replaces:
            return "new"
        if (sending.form, sending.replaces) in self.edited:
            return "stale"
        known = (sending.form, sending.replaces) in self.rows or sending.original_known
        return "edit" if known else "unknown_original"


def _complete(connection: sa.Connection, sendings: Sequence[Sending]) -> None:
    for one in sendings:
        chosen = (SENT.c.form == one.form) & (SENT.c.instance_id == one.instance_id)
        connection.execute(SENT.update().where(chosen).values(complete=True))
