"""Works parts of one upload in several processes at once; nobody can tell from what comes back, or from its order.

A lane is a fork, so it needs nothing handed over. It is only made where nothing has computed yet: the threads of
Polars' pool do not come along into a fork, which would wait for them without end. What a lane that fell did not bring
is worked here: a part that brought its lane down brings this process down too, and that its guard sees.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

Part = TypeVar("Part")
Done = TypeVar("Done")
THREADS = Path("/proc/self/task")
POOL = re.compile(r"polars-\d")  # what Polars calls the threads that compute


def in_lanes(work: Callable[[Part], Done], parts: Sequence[Part], lanes: int) -> Iterator[Done]:
    """``work`` of each part, in order. Each lane takes every ``lanes``-th part; what it makes must be picklable."""
    lanes = min(lanes, len(parts)) if _may_fork() else 1
    if lanes < 2:
        yield from map(work, parts)
        return
    with ExitStack() as stack:
        lines: list[BinaryIO] = []
        for lane in range(lanes):
            lines.append(_lane(work, parts[lane::lanes], lines, stack))
        fallen: set[int] = set()
        for number, part in enumerate(parts):
            lane = number % lanes
            if lane not in fallen:
                try:
                    yield pickle.load(lines[lane])  # noqa: S301  # a fork of this process wrote it, with no more rights
                    continue
                except (EOFError, pickle.UnpicklingError):
                    fallen.add(lane)
            yield work(part)


def _may_fork() -> bool:
    """Whether no thread is here that a fork would miss; False where the system does not say."""
    try:
        names = [(thread / "comm").read_text() for thread in THREADS.iterdir()]
    except OSError:
        return False
    return threading.active_count() == 1 and not any(POOL.match(name) for name in names)


def _lane(
    work: Callable[[Part], Done], parts: Sequence[Part], others: Sequence[BinaryIO], stack: ExitStack
) -> BinaryIO:
    """Start a process that works these parts, and have it ended with the stack. Returns the line it writes to."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        stack.callback(_ended, child)
        return stack.enter_context(os.fdopen(reading, "rb", buffering=1 << 20))
    code = 1
    try:
        os.close(reading)
        for other in others:
            other.close()
        with os.fdopen(writing, "wb") as line:
            for part in parts:
                pickle.dump(work(part), line, protocol=pickle.HIGHEST_PROTOCOL)
                line.flush()
        code = 0
    finally:
        os._exit(code)  # never through the interpreter's end: it belongs to the process that forked


def _ended(child: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)  # whatever it still does, nobody asks for any more
    os.waitpid(child, 0)
