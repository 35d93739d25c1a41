"""A power cut at any moment: `strace` writes down what a writer asked of the disk, and each moment is played again.

What survives a cut is what was fsynced: of a file its bytes at its last fsync, of a folder its names at its own last
fsync. Everything else is dropped (``strict``), or each thing is dropped or kept by chance, as a disk that writes back
in its own order would. An acknowledgement is a line written to another file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos.ground import Ground

CALLS = (
    "openat,creat,write,writev,pwrite64,fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir,"
    "ftruncate,sendfile,copy_file_range"
)
LINE = re.compile(rb"^(\d+) +(.*)$")
CALL = re.compile(rb"^(\w+)\((.*)\) += +(-?\d+)(?:<(.*)>)?")
PATH = re.compile(rb"^-?\w+<([^>]*)>")
TEXT = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"')
AT_ONCE = 4  # phones that send at the same moment
WRITES = ("write", "writev", "pwrite64", "sendfile", "copy_file_range")


@dataclass
class Node:
    """A file or folder. ``now`` and ``kept``: bytes, or the names in a folder; kept is what survives."""

    folder: bool
    names: dict[str, Node] = field(default_factory=dict)
    kept_names: dict[str, Node] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)
    kept_data: bytes = b""

    def sync(self) -> None:
        self.kept_names, self.kept_data = dict(self.names), bytes(self.data)


@dataclass(frozen=True)
class Step:
    """One thing asked of the disk: its name, the paths it is about, its bytes and where they go."""

    call: str
    paths: tuple[str, ...]
    data: bytes = b""
    at: int | None = None
    flags: str = ""


def can_trace() -> bool:
    """Whether there is an strace, and this machine lets it look."""
    found = shutil.which("strace")
    if found is None:
        return False
    return subprocess.run([found, "-f", "true"], capture_output=True, check=False).returncode == 0


def traced(program: list[str], log: Path) -> None:
    """Run a Python program, and write down all it asks of the disk."""
    command = ["strace", "-f", "-y", "-xx", "-s", "4000000", "-o", str(log), "-e", f"trace={CALLS}", sys.executable]
    here = Path(__file__).resolve().parents[1]  # where `chaos` stands
    subprocess.run([*command, *program], check=True, stdout=subprocess.DEVNULL, cwd=here)


def steps(log: Path) -> Iterator[Step]:
    """The calls that succeeded, in the order in which they ended."""
    begun: dict[bytes, bytes] = {}
    for line in log.read_bytes().splitlines():
        found = LINE.match(line)
        if not found:
            continue
        thread, text = found.groups()
        if text.endswith(b"<unfinished ...>"):
            begun[thread] = text.removesuffix(b"<unfinished ...>").rstrip()
            continue
        if text.startswith(b"<..."):
            text = begun.pop(thread, b"") + text.split(b"resumed>", 1)[-1]
        step = _step(text)
        if step is not None:
            yield step


def _step(text: bytes) -> Step | None:
    found = CALL.match(text)
    if not found or int(found[3]) < 0:
        return None
    call, inside = found[1].decode(), found[2]
    if call in WRITES or call in ("fsync", "fdatasync", "ftruncate"):
        target = PATH.match(inside)
        path = _plain(target[1]) if target else ""
        count = int(found[3])
        last = inside.rsplit(b",", 1)[-1].strip()
        if call == "ftruncate":
            return Step(call, (path,), at=int(last))
        if call in ("sendfile", "copy_file_range"):
            source = PATH.match(inside.split(b", ")[1 if call == "sendfile" else 2])
            return Step(call, (path, _plain(source[1]) if source else ""), at=count)
        data = b"".join(_bytes(one) for one in TEXT.findall(inside))[:count]
        return Step(call, (path,), data, int(last) if call == "pwrite64" else None)
    paths = tuple(_bytes(one).decode() for one in TEXT.findall(inside))
    return Step(call, paths, flags=inside.decode(errors="replace"))


def _bytes(text: bytes) -> bytes:
    return bytes.fromhex(text.replace(b"\\x", b"").decode())


def _plain(text: bytes) -> str:
    return _bytes(text).decode() if text.startswith(b"\\x") else text.decode()


class Disk:
    """The data folder as the steps make it, and as a cut would leave it."""

    def __init__(self, top: Path) -> None:
        self.top = str(top)
        self.root = Node(folder=True)

    def take(self, step: Step) -> bool:
        """Do one step; False when it is not about this folder."""
        if not step.paths or not step.paths[0].startswith(self.top + "/"):
            return step.paths[:1] == (self.top,) and self._sync(step)
        if step.call == "openat":
            return self._open(step)
        if step.call in WRITES or step.call == "ftruncate":
            return self._write(step)
        if step.call in ("fsync", "fdatasync"):
            return self._sync(step)
        return self._names(step)

    def _open(self, step: Step) -> bool:
        above, name = self._above(step.paths[0])
        if "O_CREAT" in step.flags and name not in above.names:
            above.names[name] = Node(folder=False)
            return True
        if "O_TRUNC" in step.flags:
            above.names[name].data.clear()
            return True
        return False

    def _write(self, step: Step) -> bool:
        node = self._node(step.paths[0])
        if node is None:  # a name that is gone: nobody will read it
            return False
        if step.call == "ftruncate":
            del node.data[step.at or 0 :]
            return True
        data = Path(step.paths[1]).read_bytes()[: step.at] if len(step.paths) > 1 else step.data
        begin = len(node.data) if step.at is None or len(step.paths) > 1 else step.at
        node.data.extend(bytes(max(0, begin - len(node.data))))
        node.data[begin : begin + len(data)] = data
        return True

    def _sync(self, step: Step) -> bool:
        node = self.root if step.paths[0] == self.top else self._node(step.paths[0])
        if node is None or step.call not in ("fsync", "fdatasync"):
            return False
        node.sync()
        return True

    def _names(self, step: Step) -> bool:
        above, name = self._above(step.paths[0])
        if step.call.startswith("mkdir"):
            above.names[name] = Node(folder=True)
        elif step.call.startswith("rename"):
            other, new = self._above(step.paths[1])
            other.names[new] = above.names.pop(name)
        else:
            above.names.pop(name, None)
        return True

    def _above(self, path: str) -> tuple[Node, str]:
        *folders, name = path[len(self.top) + 1 :].split("/")
        node = self.root
        for one in folders:
            node = node.names[one]
        return node, name

    def _node(self, path: str) -> Node | None:
        above, name = self._above(path)
        return above.names.get(name)

    def after_cut(self, folder: Path, chance: Random | None = None) -> None:
        """Write what is left: only what was synced, or by chance some of the rest too."""
        _lay(self.root, folder, chance)


def _lay(node: Node, folder: Path, chance: Random | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = node.names if chance is not None and chance.random() < 0.5 else node.kept_names
    for name, one in names.items():
        if one.folder:
            _lay(one, folder / name, chance)
        else:
            late = chance is not None and chance.random() < 0.5
            (folder / name).write_bytes(bytes(one.data) if late else one.kept_data)


def main() -> None:
    """What is traced; a line in ``acks`` says that a submission was acknowledged."""
    from chaos.ground import Ground

    where, count = Ground(Path(sys.argv[2])), int(sys.argv[3])
    {"uploads": bring, "phones": send}[sys.argv[1]](where, count)


def bring(where: Ground, count: int) -> None:
    """Bring some submissions as files, one after the other."""
    told = _acks(where)
    with where.store() as store:
        for number in range(count):
            if where.bring(f"p{number}", store) == "":
                os.write(told, f"p{number}\n".encode())


def send(where: Ground, count: int) -> None:
    """Send some submissions as phones do, four at a time; after each four, have tables made of what waits."""
    from field_office import submission

    from chaos.ground import definitions
    from collect.openrosa.door import ACCEPTED, Door, Sending
    from collect.openrosa.fold import fold

    told = _acks(where)
    shutil._USE_CP_SENDFILE = False  # type: ignore[attr-defined]  # so that the bytes stand in the trace

    def one(name: str) -> None:
        data = submission({"id": name, "size": "1", "remark": f"remark of {name}"}).encode()
        assert door.send(Sending("hh", f"uuid:{name}", "1", "", data, "team")).result() in ACCEPTED
        os.write(told, f"{name}\n".encode())

    with where.store() as store:
        for begin in range(0, count, AT_ONCE):
            door = Door(lambda: store)
            senders = [threading.Thread(target=one, args=(f"p{number}",)) for number in range(begin, begin + AT_ONCE)]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            door.close()
            fold(store, definitions())


def _acks(where: Ground) -> int:
    return os.open(where.folder / "acks", os.O_CREAT | os.O_WRONLY | os.O_APPEND)


if __name__ == "__main__":
    main()
