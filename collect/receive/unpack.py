"""Opens what was handed in (a file, a folder, a zip) without trusting it: sizes, names and damage come first."""

from __future__ import annotations

import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from mmap import ACCESS_READ, mmap
from pathlib import Path

from collect.harmless import spelt
from collect.limits import Limits
from collect.problems import ExportError
from collect.receive.manner import USUAL, Manner

MOST_RATIO = 200  # unpacked to packed; survey exports come to 10 to 40
RATIO_MATTERS_FROM = 32 << 20  # bytes: small members may well be very even
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
START_BYTES = 4_096  # that tell what a member is
LEFT_BY_SYSTEMS = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", ".ds_store",
                             ".localized", ".spotlight-v100", ".fseventsd", ".trashes", ".nomedia", ".thumbnails",
                             ".directory", "system volume information"})  # fmt: skip
BESIDE_OTHERS = ("._", "~$", ".~lock.")  # what macOS keeps of a file; an office program has it open
XLSX_MEMBER = "xl/workbook.xml"
DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, OverflowError,
          RuntimeError)  # fmt: skip  # what zipfile and what it calls say of bytes that are no zip


@dataclass(frozen=True)
class Member:
    """One file of an upload; ``read`` gives its bytes, or raises ExportError IN-05 when they are damaged.

    ``begin`` gives the first of them and reads no more, where there is a way to.
    """

    name: str  # with its folders, '/' between
    read: Callable[[], bytes]
    begin: Callable[[], bytes] | None = None

    def start(self) -> bytes:
        """The first bytes, which tell what it is."""
        return (self.begin or self.read)()[:START_BYTES]

    @property
    def folder(self) -> str:
        """The folders it lies in, with "/" at the end; "" for none."""
        return self.name[: len(self.name) - len(self.base)]

    @property
    def base(self) -> str:
        """The name without its folders."""
        return self.name.rsplit("/", 1)[-1]

    @property
    def stem(self) -> str:
        """The name without folders and without its last suffix."""
        return self.base.rsplit(".", 1)[0]

    @cached_property
    def suffix(self) -> str:
        """The last suffix in small letters, with its dot; "" where there is none."""
        stem, dot, last = self.base.rpartition(".")
        return f".{last.lower()}" if stem and dot else ""


@dataclass(frozen=True)
class Upload:
    """What was handed in: its name, whether it is a single file, and its members in the order of their names."""

    name: str
    single: bool
    members: tuple[Member, ...]
    manner: Manner = USUAL


@contextmanager
def unpacked(path: Path, manner: Manner = USUAL) -> Iterator[Upload]:
    """Open a file, a folder or a zip for as long as the block lasts.

    Raises
    ------
    ExportError
        IN-01 not there, IN-02 empty, IN-04 a password, IN-05 damaged, IN-10 unsafe names, IN-11 too large unpacked,
        IN-40 too large, IN-43 members that overlap, IN-61 too many of them, IN-62 one far larger than packed,
        IN-66 neither a file nor a folder.
    """
    name = spelt(path.name)
    try:
        if path.is_dir():
            yield Upload(name, False, _noted(_in_folder(path), manner), manner)
            return
        if not path.is_file() and path.exists():
            raise ExportError("IN-66", file=name)
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise ExportError("IN-01", file=name, reason=error.strerror or type(error).__name__) from error
    if size == 0:
        raise ExportError("IN-02", file=name)
    if size > manner.limits.upload_megabytes << 20:
        raise ExportError("IN-40", file=name, megabytes=size >> 20, limit=manner.limits.upload_megabytes)
    if start[:2] != b"PK":
        yield Upload(name, True, (Member(name, path.read_bytes),), manner)
        return
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as memory:
        infos = _members_of(path, manner.limits)
        if any(info.filename == XLSX_MEMBER for info in infos):
            yield Upload(name, True, (Member(name, path.read_bytes),), manner)
            return
        members = (_in_zip(info, memory, name) for info in infos if _wanted(info, manner))
        yield Upload(name, False, _noted(members, manner), manner)


def _noted(members: Iterable[Member], manner: Manner) -> tuple[Member, ...]:
    """Members that say when they are read, where somebody listens."""
    return tuple(members) if manner.note is None else tuple(_telling(member, manner) for member in members)


def _telling(member: Member, manner: Manner) -> Member:
    def read() -> bytes:
        manner.at(member.name)
        return member.read()

    return Member(member.name, read, member.begin)


def is_left_over(name: str) -> bool:
    """Whether a file or a folder of this name is the system's, and nobody handed it in; a dot alone says nothing."""
    return name.startswith(BESIDE_OTHERS) or name.lower() in LEFT_BY_SYSTEMS


def on_disk(name: str, place: str) -> Member:
    """A file on this machine as a member called ``name``."""

    def read(most: int = -1) -> bytes:
        try:
            with Path(place).open("rb") as file:
                return file.read(most)
        except OSError as error:
            raise ExportError("IN-01", file=name, reason=error.strerror or type(error).__name__) from error

    return Member(name, read, lambda: read(START_BYTES))


def _in_folder(folder: Path) -> tuple[Member, ...]:
    return tuple(on_disk(name, place) for name, place in sorted(_files_below(str(folder), "")))


def _files_below(folder: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Name within the upload and place on disk of every file; links are not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_left_over(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(entry.path, f"{prefix}{spelt(entry.name)}/")
            elif entry.is_file(follow_symlinks=False):
                yield f"{prefix}{spelt(entry.name)}", entry.path


def _members_of(path: Path, limits: Limits) -> list[zipfile.ZipInfo]:
    """The members of a zip, once all of them are seen to be harmless."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except DAMAGE as error:
        raise ExportError("IN-05", file=path.name) from error
    if any(info.flag_bits & 0x1 for info in infos):
        raise ExportError("IN-04", file=path.name)
    for info in infos:
        parts = info.filename.replace("\\", "/").split("/")
        drive = parts[0][1:2] == ":"  # C:
        if ".." in parts or parts[0] == "" or drive or stat.S_ISLNK(info.external_attr >> 16):
            raise ExportError("IN-10", file=path.name, member=info.filename)
    _refuse_bombs(infos, path.name, limits)
    _refuse_overlaps(infos, path.name)
    return sorted(infos, key=lambda info: info.filename)


def _refuse_bombs(infos: list[zipfile.ZipInfo], name: str, limits: Limits) -> None:
    """Say which limit is broken: how often one member is larger than packed, what all come to, how many they are."""
    for info in infos:
        if info.file_size > RATIO_MATTERS_FROM and info.file_size > MOST_RATIO * max(1, info.compress_size):
            megabytes, times = info.file_size >> 20, info.file_size // max(1, info.compress_size)
            raise ExportError(
                "IN-62", file=name, member=info.filename, megabytes=megabytes, times=times, limit=MOST_RATIO
            )
    total = sum(info.file_size for info in infos)
    if total > limits.unpacked_megabytes << 20:
        raise ExportError("IN-11", file=name, megabytes=-(-total >> 20), limit=limits.unpacked_megabytes)
    if len(infos) > limits.members:
        raise ExportError("IN-61", file=name, members=len(infos), limit=limits.members)


def _refuse_overlaps(infos: list[zipfile.ZipInfo], name: str) -> None:
    """Members that share bytes: one small file unpacks to thousands of large ones (D. Fifield 2019)."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise ExportError("IN-43", file=name, member=info.filename)
        end = info.header_offset + LOCAL_HEADER.size + len(info.orig_filename) + info.compress_size


def _wanted(info: zipfile.ZipInfo, manner: Manner) -> bool:
    name = info.filename
    return not info.is_dir() and name not in manner.skip and not any(map(is_left_over, name.split("/")))


def _in_zip(info: zipfile.ZipInfo, memory: mmap, archive: str) -> Member:
    name = info.filename.replace("\\", "/")
    return Member(name, lambda: _inflate(info, memory, archive), lambda: _begun(info, memory, archive))


def _inflate(info: zipfile.ZipInfo, memory: mmap, archive: str) -> bytes:
    """The bytes of one member, never more than the directory promised, checked against its CRC.

    Ten times faster than `ZipFile.read` on the many small members of a zip of submissions.
    """
    data = _first_of(info, memory, archive, info.compress_size, info.file_size + 1)
    if len(data) != info.file_size or zlib.crc32(data) != info.CRC:
        raise ExportError("IN-05", file=f"{archive}/{info.filename}")
    return data


def _begun(info: zipfile.ZipInfo, memory: mmap, archive: str) -> bytes:
    """The first bytes of one member, and what lies behind them left alone."""
    return _first_of(info, memory, archive, min(info.compress_size, START_BYTES), START_BYTES)


def _first_of(info: zipfile.ZipInfo, memory: mmap, archive: str, packed_bytes: int, most: int) -> bytes:
    """At most so many bytes, out of the first ``packed_bytes`` of a member as it lies in the zip. Raises IN-05."""
    try:
        header = LOCAL_HEADER.unpack_from(memory, info.header_offset)
        begin = info.header_offset + LOCAL_HEADER.size + header[9] + header[10]
        packed = memory[begin : begin + packed_bytes]
        if header[0] != b"PK\x03\x04" or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zlib.error
        return packed if info.compress_type == zipfile.ZIP_STORED else zlib.decompressobj(-15).decompress(packed, most)
    except (struct.error, zlib.error) as error:
        raise ExportError("IN-05", file=f"{archive}/{info.filename}") from error
