"""Reads an upload in a process of its own: when that process dies, hangs or swells, only the upload is refused."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from collect.forms import Form
from collect.problems import ExportError
from collect.receive import Progress, Received, receive, silent
from collect.receive.handed import AT, Job, order, sheet_taken_over, taken_over
from collect.receive.manner import USUAL, Manner
from collect.receive.returned import Returned, may_be_returned, returned

MOST_LEFT_OUT = 3  # members of one upload that may bring a reader down before all of it is refused
ENDED_BY = {"time": "IN-44", "memory": "IN-45"}
DIED = "IN-46"
UNREADABLE = frozenset({*ENDED_BY.values(), DIED})  # the bytes may be good and the reader wrong: they are kept


class _Workshop:
    """The process that forks readers, started when the first upload comes and shared by every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._owner = 0
        self._process: subprocess.Popen[bytes] | None = None

    def open_line(self, folder: Path) -> socket.socket:
        """Have the job in ``folder`` read; what the socket tells ends with how it went."""
        ours, theirs = socket.socketpair()
        with self._lock, theirs:
            for control in (self._running, self._started):
                try:
                    socket.send_fds(control(), [os.fsencode(folder)], [theirs.fileno()])
                except OSError:
                    continue
                return ours
        raise ExportError(DIED, file=folder.name, reason="no process")

    def warm(self) -> None:
        """Start the process ahead of the first upload: it takes its half second while others work."""
        with self._lock:
            self._running()

    def _running(self) -> socket.socket:
        """The socket to the process; a fork of ours starts its own, because two must not share it."""
        return self._control if self._control is not None and self._owner == os.getpid() else self._started()

    def _started(self) -> socket.socket:
        self._control, theirs = socket.socketpair()
        self._owner = os.getpid()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", "collect.receive.workshop", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(place or str(Path.cwd()) for place in sys.path)},
            )
        return self._control


_WORKSHOP = _Workshop()


def warm() -> None:
    """Have a reading process ready before it is needed."""
    if hasattr(os, "fork"):
        _WORKSHOP.warm()


def receive_apart(
    path: Path | str,
    forms: Sequence[Form],
    *,
    form: str | None = None,
    source: str | None = None,
    progress: Progress | None = None,
    manner: Manner = USUAL,
) -> tuple[Received, ...]:
    """Read a file, a folder or a zip like `receive`, in another process.

    A member that brings the reader down is left out and told (FIL-03), and the rest is read. A reader that was ended
    from outside (by the system, short of memory, or by a person) says nothing of a member: all is read once more.

    Raises
    ------
    ExportError
        Like `receive`; IN-44 when the time is up, IN-45 when memory ran out, IN-46 when the reader died.
    """
    if not hasattr(os, "fork"):  # no such system call on Windows: read here, within the same limits on size
        return receive(path, forms, form=form, source=source, progress=progress, manner=manner)
    tell, struck = progress or silent, False
    while True:
        with TemporaryDirectory(prefix="collect-") as name:
            folder = Path(name)
            order(Job(Path(path).resolve(), forms, form, source, manner), folder)
            ended = _followed(_WORKSHOP.open_line(folder), tell)
            if ended.get("ended") == "done":
                return taken_over(folder, forms)
            member = _member_at(folder)
        code = ENDED_BY.get(str(ended.get("ended")), DIED)
        if _from_outside(ended) and not struck:
            struck = True
            continue
        if _from_outside(ended) or not member or code == ENDED_BY["time"] or len(manner.skip) >= MOST_LEFT_OUT:
            raise _refusal(code, Path(path).name, ended, manner)
        manner = replace(manner, skip={**manner.skip, member: (code, _reason(ended))})


def returned_apart(path: Path, manner: Manner = USUAL) -> Returned | None:
    """Read a sheet that comes back like `returned`, in another process; raises like `receive_apart`."""
    if not may_be_returned(path):
        return None
    if not hasattr(os, "fork"):
        return returned(path, manner)
    with TemporaryDirectory(prefix="collect-") as name:
        folder = Path(name)
        order(Job(path.resolve(), (), None, None, manner, sheet=True), folder)
        ended = _followed(_WORKSHOP.open_line(folder), silent)
        if ended.get("ended") == "done":
            return sheet_taken_over(folder)
    raise _refusal(ENDED_BY.get(str(ended.get("ended")), DIED), path.name, ended, manner)


def _followed(line: socket.socket, tell: Progress) -> dict[str, object]:
    """Pass progress on until the reader has ended; says how. Whoever stops listening ends the reader."""
    fault: dict[str, object] = {}
    with line, line.makefile("rb") as lines:
        for text in lines:
            said = json.loads(text)
            if "step" in said:
                tell(said["step"], said["share"])
            elif "fault" in said:
                fault = said
            else:
                return {**said, **fault}
    return {"ended": "lost", **fault}


def _from_outside(ended: dict[str, object]) -> bool:
    """Whether something else than what was read ended the reader or its guard."""
    return ended.get("signal") == signal.SIGKILL or ended.get("ended") == "lost"


def _member_at(folder: Path) -> str:
    """The member that was being read when the reader ended; "" where it was busy with something else."""
    try:
        return (folder / AT).read_bytes().rstrip(b"\0").decode(errors="replace")
    except OSError:
        return ""


def _refusal(code: str, file: str, ended: dict[str, object], manner: Manner) -> ExportError:
    limits, reason = manner.limits, _reason(ended)
    return ExportError(code, file=file, seconds=limits.seconds, megabytes=limits.memory_megabytes, reason=reason)


def _reason(ended: dict[str, object]) -> str:
    """What is known of how a reader ended, for the maintainers."""
    return str(ended.get("fault") or (f"signal {ended['signal']}" if "signal" in ended else ended.get("ended")))
