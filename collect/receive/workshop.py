"""The process that reads files, so that a bad one takes nothing else down: ``python -m collect.receive.workshop FD``.

It is started once, imports everything, and then forks two processes for every upload: a reader, and a guard that
watches its time and memory, ends it when it goes past them or when nobody waits for it any more, and says how it ended.
Forking is safe here and only here: this process never computes, so no thread of Polars' pool is there to be lost. A
reader may fork lanes (`collect.receive.lanes`): they are of its process group, and its guard counts and ends them all.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from collect.problems import ExportError, fault_of
from collect.receive import receive
from collect.receive.handed import AT, STDERR, Job, hand_over, hand_over_refusal, hand_over_sheet, ordered
from collect.receive.manner import Manner
from collect.receive.returned import returned

AT_BYTES = 1_024  # of the name of the member being read
LOOK_EVERY = 0.02  # seconds between two looks at a reader's memory
OUT_OF_MEMORY = 3  # exit code of a reader that noticed itself
NO_MEMORY_WORDS = b"memory allocation of"  # what Rust says before it gives up
ADDRESS_SPACE = 3  # times the memory allowed: files are mapped, allocators reserve more than they touch


def main(control: socket.socket) -> None:
    """Fork a guard for every folder named on the socket, until the other side hangs up."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guards are nobody's to wait for
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the other side's to answer: it hangs up
    gc.collect()
    gc.freeze()  # so that readers share these pages
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(control, 4_096, 1)
        if not message:
            return
        if os.fork() == 0:
            try:
                control.close()
                with socket.socket(fileno=descriptors[0]) as line, suppress(FileNotFoundError):  # nobody waits any more
                    _guard(Path(os.fsdecode(message)), line)
            finally:
                os._exit(0)  # never through the interpreter's end, which waits for threads that a fork has not
        os.close(descriptors[0])


def _guard(folder: Path, line: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    job = ordered(folder)
    reader = os.fork()
    with suppress(OSError):  # whichever of the two comes first
        os.setpgid(reader, reader)
    if reader == 0:
        _read(job, folder, line)
    ended = _watched(reader, job.manner.limits.seconds, job.manner.limits.memory_megabytes << 20, line)
    if ended.get("signal") == signal.SIGABRT and NO_MEMORY_WORDS in _tail(folder / STDERR):
        ended = {"ended": "memory"}
    with suppress(OSError):
        line.sendall(json.dumps(ended).encode() + b"\n")


def _watched(reader: int, seconds: float, most_bytes: int, line: socket.socket) -> dict[str, object]:
    """Wait for a reader, or end it. Returns how it ended: done, time, memory, nobody, exit or signal."""
    deadline = time.monotonic() + seconds
    alive = os.pidfd_open(reader) if hasattr(os, "pidfd_open") else None
    watched: list[int] = [line.fileno(), *([] if alive is None else [alive])]
    while True:
        ready, _, _ = select.select(watched, [], [], LOOK_EVERY)
        ended, status = os.waitpid(reader, os.WNOHANG)
        if ended:
            _end(os.killpg, reader)  # lanes of a reader that fell
            return _said_by(os.waitstatus_to_exitcode(status))
        held = _held_by(reader)
        swollen = sum(held.values()) > most_bytes
        biggest = max(held, key=lambda process: held[process])
        if swollen and biggest != reader:
            _end(os.kill, biggest)  # the reader itself takes up what a lane leaves
            continue
        reasons = (
            ("nobody", line.fileno() in ready),  # nothing is ever sent this way: the other side is gone
            ("time", time.monotonic() > deadline),
            ("memory", swollen),
        )
        reason = next((name for name, holds in reasons if holds), None)
        if reason is not None:
            _end(os.killpg, reader)
            os.waitpid(reader, 0)
            return {"ended": reason}


def _end(kill: Callable[[int, int], None], which: int) -> None:
    with suppress(ProcessLookupError):  # it ended by itself
        kill(which, signal.SIGKILL)


def _said_by(code: int) -> dict[str, object]:
    if code < 0:
        return {"ended": "signal", "signal": -code}
    return {"ended": {0: "done", OUT_OF_MEMORY: "memory"}.get(code, "exit")}


def _held_by(reader: int) -> dict[int, int]:
    """Memory that a reader and each of its lanes hold, in bytes."""
    try:
        lanes = _lanes_of(reader).read_text().split()
    except OSError:
        lanes = []
    return {process: _resident_bytes(process) for process in (reader, *map(int, lanes))}


def _lanes_of(reader: int) -> Path:
    """Where Linux lists the processes that a reader forked."""
    return Path(f"/proc/{reader}/task/{reader}/children")


def _resident_bytes(process: int) -> int:
    """Memory a process holds; 0 where the system does not say, and then `resource.RLIMIT_AS` alone stands guard.

    Pages mapped from files are left out: the system takes them back when it needs them.
    """
    try:
        _size, resident, shared, *_ = Path(f"/proc/{process}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * mmap.PAGESIZE


def _tail(path: Path) -> bytes:
    try:
        return path.read_bytes()[-4_096:]
    except OSError:
        return b""


def _read(job: Job, folder: Path, line: socket.socket) -> None:
    """Read the upload and leave the process."""
    code, reader = 1, os.getpid()
    gc.disable()  # rows are many and in no circles; the guard watches memory
    try:
        _stay_within(job.manner)
        errors = os.open(folder / STDERR, os.O_CREAT | os.O_WRONLY, 0o600)
        os.dup2(errors, sys.stderr.fileno())
        (folder / AT).write_bytes(bytes(AT_BYTES))
        with (folder / AT).open("r+b") as file:
            place = mmap.mmap(file.fileno(), AT_BYTES)

        def note(member: str) -> None:
            if os.getpid() == reader:  # a lane that falls leaves its part to the reader, which then says where it is
                place[:] = member.encode()[:AT_BYTES].ljust(AT_BYTES, b"\0")

        def tell(step: str, share: float) -> None:
            line.sendall(json.dumps({"step": step, "share": share}).encode() + b"\n")

        manner = replace(job.manner, note=note, lanes=_lanes(job.manner))
        if job.sheet:
            hand_over_sheet(returned(job.path, manner), folder)
            os._exit(0)
        received = receive(job.path, job.forms, form=job.form, source=job.source, progress=tell, manner=manner)
        hand_over(received, job.forms, folder)
        code = 0
    except ExportError as error:
        hand_over_refusal(error, folder)
        code = 0
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException as error:  # whatever it is: it is told, and ends here
        _tell_fault(error, line)
    finally:
        os._exit(code)


def _lanes(manner: Manner) -> int:
    """How many processes may read this upload at once: none beside the reader where its guard could not see them."""
    if not _lanes_of(os.getpid()).exists():
        return 1
    return min(manner.limits.processes, len(os.sched_getaffinity(0)))


def _stay_within(manner: Manner) -> None:
    memory = manner.limits.memory_megabytes << 20
    for what, limit in (
        (resource.RLIMIT_CORE, 0),  # a core file would hold answers
        (resource.RLIMIT_AS, ADDRESS_SPACE * memory + (4 << 30)),
        (resource.RLIMIT_CPU, (os.cpu_count() or 1) * manner.limits.seconds + 1),
    ):
        with suppress(ValueError, OSError):  # a stricter limit is set already
            resource.setrlimit(what, (limit, limit))


def _tell_fault(error: BaseException, line: socket.socket) -> None:
    with suppress(OSError):
        line.sendall(json.dumps({"fault": fault_of(error)}).encode() + b"\n")


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as asking:
        main(asking)
