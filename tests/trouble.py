"""Ways in which a reading process can come to grief; the tests have it meet them by the names of files."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any


def segfault() -> None:
    ctypes.string_at(0)


def hang() -> None:
    time.sleep(60)


def spin() -> None:
    while True:
        pass


def swell() -> None:
    held = []
    while True:
        held.append(b"x" * (32 << 20))


def swell_at_once() -> None:
    bytes(1 << 50)


def fault() -> None:
    raise KeyError("a secret answer")


def leave() -> None:
    os._exit(7)


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_once(path: Path) -> None:
    mark = path.with_suffix(".struck")
    if not mark.exists():
        mark.touch()
        killed()


def into_trouble(read: Callable[..., Any]) -> Callable[..., Any]:
    """A reader that meets the trouble a file is named after: hang.xml, or the member b.xml of segfault.zip."""

    def wrapped(path: Path, *arguments: Any, **named: Any) -> Any:
        manner, trouble = named["manner"], globals().get(path.stem)
        if trouble is killed_once:
            manner.at("b.xml")
            trouble = partial(killed_once, path)
        if trouble is not None and "b.xml" not in manner.skip:
            if path.suffix == ".zip":
                manner.at("b.xml")
            trouble()
        return read(path, *arguments, **named)

    return wrapped


def met_by_name(take: Callable[..., Any]) -> Callable[..., Any]:
    """A reader of one member that meets the trouble the member's folder is named after: segfault/b.xml.

    In "once/", only whoever is no group's leader, that is a lane, falls.
    """

    def wrapped(desk: Any, member: Any) -> Any:
        folder, _, name = member.name.rpartition("/")
        if name == "b.xml" and (folder != "once" or os.getpid() != os.getpgid(0)):
            member.read()  # so that it is known who is at work
            globals().get(folder, segfault)()
        return take(desk, member)

    return wrapped
