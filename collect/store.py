"""Where everything lies: raw bytes in the inbox first, then Parquet parts, one per upload and table, then runs.

Nothing is parsed before its bytes are safe: written to a temporary name, fsynced, renamed, and every folder on the way
to it fsynced. A part counts only once its upload's registry row commits, so a torn upload leaves nothing behind that
anybody reads. One upload is in one pair of hands at a time: whoever brings the same bytes meanwhile waits.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
import unicodedata
import uuid
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pandas.util import hash_array
from sqlalchemy.engine import Engine

from collect import registry
from collect.harmless import spelt
from collect.problems import ExportError, StoreError
from collect.settings import Settings

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

CHUNK_BYTES = 1 << 20
NOTE = ".upload.json"  # beside the bytes: what the registry knows of them, in case it is lost
BEGUN = "begun"  # in a note: it knows nothing of them yet
LEFT_BEHIND = (".incoming-*", ".opened-*", ".*.part")  # files and folders in the making; whoever is killed leaves them
LEFT_BEHIND_AFTER = 86_400  # seconds: nobody writes one file for a day
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # what a disk says that takes no more
INSTANT = r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?$"  # its wall clock, to the second
COUNTED_SO = "2:"  # begins what `content_hashes` says; another way of counting takes another (docs/decisions/0121)
LONGEST_NAME = 80  # characters of a file name kept: systems stop at 255 bytes and a Khmer letter takes three


@dataclass(frozen=True, slots=True)
class Stored:
    """Raw bytes that are safe: ``path`` in the inbox, their SHA-256, and the name the team gave them.

    ``here``: they lay there before anybody brought them now; whoever brought them first may have been told so.
    """

    path: Path
    sha256: str
    name: str
    size_bytes: int
    here: bool = field(default=True, compare=False)

    @property
    def upload_id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256: the same bytes are the same upload everywhere."""
        return self.sha256[:16]


@dataclass(frozen=True, slots=True)
class Store:
    """An open data folder with its registry."""

    settings: Settings
    engine: Engine

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.settings.data

    def part(self, form: str, table: str, upload_id: str) -> Path:
        """Where the part of one upload and table lies. ``table`` may hold slashes; only its safe letters are kept."""
        names = (safe_name(form), safe_name(table.strip("/").replace("/", ".")))
        return self.folder.joinpath("tables", *names, f"{upload_id}.parquet")

    def write_part(self, form: str, table: str, upload_id: str, frame: pl.DataFrame) -> dict[str, object]:
        """Write one part durably, in the place of an older one; say what the registry must record of it."""
        path = self.part(form, table, upload_id)
        with written_whole(path) as temporary:
            frame.write_parquet(temporary, compression="zstd", compression_level=3)
            written = {"sha256": sha256_of(temporary), "size_bytes": temporary.stat().st_size}
        sync_up(path.parent, self.folder)
        return {"path": path.relative_to(self.folder).as_posix(), **written}

    def read_part(
        self, form: str, table: str, upload_id: str, questions: Collection[str] | None = None
    ) -> pl.DataFrame:
        """Read one part, or of the questions in it only some; our own columns always come along.

        Raises StoreError STO-02 when it is gone or damaged: `collect rebuild` makes it again.
        """
        path = self.part(form, table, upload_id)
        try:
            names = pl.read_parquet_schema(path)
            wanted = [name for name in names if questions is None or not name.startswith("/") or name in questions]
            return pl.read_parquet(path, columns=wanted)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StoreError("STO-02", part=str(path.relative_to(self.folder))) from error

    def run_folder(self, run_id: str) -> Path:
        """The folder of one run."""
        return self.folder / "runs" / run_id


def open_store(settings: Settings) -> Store:
    """Open (or begin) the data folder.

    Raises
    ------
    StoreError
        STO-01 or STO-03; STO-13 when its registry is lost: whatever was done then would be done without what it knew.
    """
    store = open_as_it_is(settings)
    try:
        lost = registry.last_sequence(store.engine) == 0 and any(once_recorded(stored) for stored in kept(store))
    except BaseException:
        store.engine.dispose()
        raise
    if lost:
        store.engine.dispose()
        raise StoreError("STO-13", folder=str(settings.data / "inbox"))
    return store


def open_as_it_is(settings: Settings) -> Store:
    """Open (or begin) the data folder, also where its registry is lost. Raises StoreError STO-01 or STO-03."""
    try:
        for name in ("inbox", "tables", "runs"):
            if not (settings.data / name).is_dir():
                (settings.data / name).mkdir(parents=True, exist_ok=True)
                sync_up(settings.data, settings.data.parent)
    except OSError as error:
        raise StoreError("STO-03", folder=str(settings.data), reason=error.strerror or str(error)) from error
    return Store(settings, registry.open_registry(settings.database))


@contextmanager
def in_hand(store: Store, path: Path, name: str | None = None) -> Iterator[Stored]:
    """Keep a file's bytes and hold them alone: others who bring the same ones wait until the block has ended.

    Raises like `keep`.
    """
    while True:
        stored = keep(store, path, name)
        with held(stored.path.parent) as there:
            if there and stored.path.is_file():  # nobody found meanwhile that it is no export, and forgot it
                yield stored
                return


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold a folder's lock, which its system gives back should we be killed. False where the folder went meanwhile."""
    if fcntl is None:  # Windows
        yield folder.is_dir()
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder.is_dir() and folder.stat().st_ino == os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)


def in_hands(folder: Path) -> bool:
    """Whether somebody holds a folder just now."""
    if fcntl is None:  # Windows
        return False
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def aside(store: Store, path: Path, name: str | None = None) -> Iterator[Stored]:
    """A file's bytes in a folder of their own while the block lasts: for a dry run, after which nothing may be stored.

    Who is killed meanwhile leaves the folder to `sweep`. Raises like `keep`.
    """
    shown = safe_name(name or path.name)
    with ExitStack() as until_then:
        with _readable(store.folder, shown):
            folder = Path(until_then.enter_context(TemporaryDirectory(prefix=".incoming-", dir=store.folder)))
            copy = folder / (f"{shown}.zip" if path.is_dir() else shown)
            _copied(path, copy)
            found = Stored(copy, sha256_of(copy), copy.name, copy.stat().st_size)
        yield found


def keep(store: Store, path: Path, name: str | None = None) -> Stored:
    """Copy a file's bytes into the inbox under their SHA-256; a folder is packed into one zip first.

    Bytes that are there already stay as they are, unless they were damaged: then these take their place.

    Raises
    ------
    ExportError
        IN-01 when the path does not exist or cannot be read, IN-66 when it is neither a file nor a folder.
    StoreError
        STO-03 when the disk takes no more.
    """
    shown = safe_name(name or path.name)
    inbox = store.folder / "inbox"
    with _readable(inbox, shown):
        with NamedTemporaryFile(dir=inbox, prefix=".incoming-", delete=False) as temporary:
            waiting = Path(temporary.name)
        try:
            _copied(path, waiting)
            return _named(waiting, inbox, f"{shown}.zip" if path.is_dir() else shown)
        finally:
            waiting.unlink(missing_ok=True)


@contextmanager
def _readable(target: Path, shown: str) -> Iterator[None]:
    """Copying in: what goes wrong is said of the disk below ``target``, or of the file."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise cannot_write(target, error) from error
        raise ExportError("IN-01", file=shown, reason=error.strerror or type(error).__name__) from error


def _copied(path: Path, copy: Path) -> None:
    if path.is_dir():
        _pack(path, copy)
    elif path.is_file() or not path.exists():
        shutil.copyfile(path, copy)
    else:
        raise ExportError("IN-66", file=safe_name(path.name))


def _named(waiting: Path, inbox: Path, shown: str) -> Stored:
    """Give waiting bytes the place of their SHA-256."""
    sha256 = sha256_of(waiting)
    folder = inbox / sha256[:2] / sha256
    sync(waiting)
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with held(folder) as there:
            if not there:
                continue
            earlier = next((path for path in sorted(folder.glob("[!.]*"))), None)
            final = earlier or folder / shown
            if earlier is None or sha256_of(earlier) != sha256:
                waiting.replace(final)
            sync_up(folder, inbox)  # also where it lay here: whoever brought it may not have come that far
            return Stored(final, sha256, final.name, final.stat().st_size, here=earlier is not None)


def kept(store: Store) -> list[Stored]:
    """Everything in the inbox, by SHA-256."""
    files = sorted(path for path in (store.folder / "inbox").glob("??/*/[!.]*") if path.is_file())
    return [Stored(path, path.parent.name, path.name, path.stat().st_size) for path in files]


def forget(stored: Stored, store: Store) -> None:
    """Take bytes out of the inbox again: of a file that turned out not to be an export at all."""
    marked = {one["sha256"] for one in registry.refused(store.engine)}
    if stored.sha256 not in marked and registry.find_upload(store.engine, stored.sha256) is None:
        stored.path.unlink(missing_ok=True)
        stored.path.with_name(NOTE).unlink(missing_ok=True)
        with suppress(OSError):  # the temporary name of somebody who was killed lies there still
            stored.path.parent.rmdir()


def sweep(store: Store) -> int:
    """Remove what people who were cut off left half done, a day later; returns how many files and folders."""
    before = time.time() - LEFT_BEHIND_AFTER
    found = [path for pattern in LEFT_BEHIND for path in store.folder.rglob(pattern)]
    old = [path for path in found if path.stat().st_mtime < before]
    for path in old:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(old)


def begin(stored: Stored, upload: Mapping[str, object]) -> None:
    """Write beside bytes that are read next what was said with them, for whoever takes them up should we be cut off.

    A power cut may take it, for nobody was told of these bytes. What a registry once knew of them stays in its place.
    """
    if noted(stored) is None:
        text = json.dumps({**upload, BEGUN: True}, ensure_ascii=False)
        with suppress(OSError):  # a full disk is told by whoever writes the tables
            stored.path.with_name(NOTE).write_text(text, encoding="utf-8")


def note(stored: Stored, upload: Mapping[str, object]) -> None:
    """Write beside the bytes what the registry knows of them; `noted` reads it back."""
    with written_whole(stored.path.with_name(NOTE)) as temporary:
        temporary.write_text(json.dumps(upload, ensure_ascii=False), encoding="utf-8")


def noted(stored: Stored) -> dict[str, Any] | None:
    """What was noted beside the bytes; None where nothing was, or it cannot be read."""
    try:
        upload = json.loads(stored.path.with_name(NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return upload if isinstance(upload, dict) and upload.get("sha256") == stored.sha256 else None


def once_recorded(stored: Stored) -> dict[str, Any] | None:
    """The note of an upload that the registry knew; None of bytes that nobody came to record, or without a note."""
    upload = noted(stored)
    return None if upload is None or BEGUN in upload else upload


def safe_name(name: str) -> str:
    """A file name with nothing in it that a path, a terminal or another system could misread."""
    plain = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept_letters = "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in plain).strip(". ")
    if len(kept_letters) > LONGEST_NAME:
        stem, dot, suffix = kept_letters.rpartition(".")
        kept_letters = (stem or suffix)[: LONGEST_NAME - 8] + (dot + suffix)[:8] if stem else suffix[:LONGEST_NAME]
    return kept_letters or "file"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Ask the disk to keep a file, or a folder's list of names, through a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if path.is_file():  # some systems cannot sync a folder; a file that cannot be synced is not safe
            raise
    finally:
        os.close(descriptor)


def sync_up(folder: Path, top: Path) -> None:
    """Ask the disk to keep the names in a folder and in every one above it, as far as ``top``."""
    sync(folder)
    while folder != top and folder != folder.parent:
        folder = folder.parent
        sync(folder)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to; it takes the real name only once all of it is on disk.

    Raises StoreError STO-03 where the disk takes no more; what was there before stays.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise cannot_write(path.parent, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def cannot_write(folder: Path, error: Exception) -> StoreError:
    """The reason to stop for a disk that takes no more, or a folder that may not be written to."""
    return StoreError("STO-03", folder=str(folder), reason=getattr(error, "strerror", None) or type(error).__name__)


def _pack(folder: Path, target: Path) -> None:
    """Zip a folder so that the same files give the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                inside = spelt(path.relative_to(folder).as_posix())
                entry = zipfile.ZipInfo(inside)  # dated 1980: the clock is not content
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())


def content_hashes(answers: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Say which submissions have the same content, whichever file or platform they came in.

    Returns
    -------
    DataFrame
        ``submission_id`` and ``content``: `COUNTED_SO` and 64 bits as hexadecimal digits. Every answer is hashed with
        its path (SipHash) and its row's place; the sums do not depend on the order of columns, and blank answers add
        nothing. What a server adds (dates of receipt, senders, review states) is not content, nor is the group
        ``meta``, which some exports leave out, nor what of an instant some round off; see docs/decisions/0110.
    """
    root, *_ = answers.values()
    ids = root.select("submission_id").with_row_index("_place")
    sums = np.zeros(root.height, np.uint64)
    for frame in answers.values():
        place = frame.select("submission_id").join(ids, on="submission_id", how="left", maintain_order="left")["_place"]
        known = place.is_not_null().to_numpy()
        np.add.at(sums, place.drop_nulls().to_numpy(), _row_hashes(frame)[known])
    written = [f"{COUNTED_SO}{value:016x}" for value in sums.tolist()]
    return root.select("submission_id", content=pl.Series(written, dtype=pl.String))


def _row_hashes(frame: pl.DataFrame) -> NDArray[np.uint64]:
    rows = np.zeros(frame.height, np.uint64)
    for path in frame.columns:
        if path.startswith("/") and path.split("/")[2:3] != ["meta"]:
            rows += value_hashes(frame[path], path)
    places = value_hashes(frame["row_id"], "")
    return (rows ^ places) * np.uint64(0x9E3779B97F4A7C15)  # so that rows cannot trade answers


def value_hashes(values: pl.Series, path: str) -> NDArray[np.uint64]:
    """64 bits per value, 0 for a blank one: each distinct value is hashed once, keyed by its path."""
    coded = values.cast(pl.String).to_arrow().dictionary_encode()
    key = hashlib.blake2b(path.encode(), digest_size=8).hexdigest()
    said = pl.Series(coded.dictionary.to_pylist(), dtype=pl.String).str.replace(INSTANT, "$1")
    distinct = np.array(said.to_list(), dtype=object)
    table = np.append(hash_array(distinct, hash_key=key, categorize=False), np.uint64(0))
    places: NDArray[np.int64] = coded.indices.fill_null(len(distinct)).to_numpy()
    return table[places]
