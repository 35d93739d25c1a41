"""Every fault that is tried, one function each: it makes the trouble, then asks `judged` what is left."""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import sqlalchemy as sa
from databases import Server

from chaos import powercut
from chaos.doors import kill_door
from chaos.ground import Ground, Verdict, definitions, found_in_tables, ground, in_no_upload, judged, taken_up
from chaos.writers import Crowd, acknowledged, kill_alone, under_way
from collect import contents, registry
from collect.keeping.mending import open_mended
from collect.keeping.verify import verify
from collect.openrosa.fold import fold
from collect.rebuild import rebuild
from collect.review.identity import known_uploads
from collect.store import open_as_it_is, sha256_of

SURE_TO_LEAVE = 10  # kills of a writer, of which some must have met it over a file


@dataclass(frozen=True)
class Outcome:
    """What was tried and what happened, in words for the table; ``holds`` is what a machine asks."""

    fault: str
    on: str
    happened: str
    holds: bool


def outcome(fault: str, where: Ground, verdict: Verdict, also: str = "", *, holds: bool = True) -> Outcome:
    on = "PostgreSQL" if where.database else "SQLite"
    tried = verdict.acknowledged > 0  # where nothing was acknowledged nothing was tried
    return Outcome(
        fault, on, "; ".join(one for one in (also, verdict.words()) if one), holds and tried and verdict.holds
    )


def killed(database: str, kills: int, seed: int = 9) -> Outcome:
    """Kill -9 of writers at random moments, eight at work at a time."""
    chance = random.Random(seed)

    def act(crowd: Crowd) -> None:
        for _ in range(kills):
            crowd.kill_one(chance)

    with ground(database) as where:
        received, fallen = under_way(where, act)
        verdict = judged(where, received)
        return outcome(
            f"`kill -9` at {kills} random moments, 8 writers, three of them with the same files",
            where,
            verdict,
            f"{len(fallen)} writers ended by themselves" if fallen else "",
            holds=not fallen,
        )


def cut_off(database: str, kills: int, seed: int = 7) -> Outcome:
    """Kill -9 of a lone writer: what it leaves in no upload is told, then taken up by a rebuild, or brought again."""
    chance, left, wrong = random.Random(seed), 0, set[str]()
    with ground(database) as where:
        for number in range(kills):
            kill_alone(where, chance)
            with where.store() as store:
                if number % 2:  # the next writer begins with the file this one was killed over
                    left += len(in_no_upload(store))
                    continue
                found, not_so = taken_up(store)
                left, wrong = left + found, wrong.union(not_so)
        words = f"{left} files in no upload then, told by `collect verify`, taken up by `collect rebuild` or sent again"
        verdict = judged(where, set(acknowledged(where)))
        return outcome(
            f"`kill -9` at {kills} random moments of a lone writer",
            where,
            verdict,
            "; ".join([words, *sorted(wrong)]),
            holds=not wrong and (left > 0 or kills < SURE_TO_LEAVE),
        )


def door_killed(database: str, kills: int, seed: int = 4) -> Outcome:
    """Kill -9 of the process that takes submissions from phones."""
    with ground(database) as where:
        received = kill_door(where, kills, random.Random(seed))
        return outcome(
            f"`kill -9` at {kills} random moments of the process that takes submissions, 8 senders",
            where,
            judged(where, received),
        )


def restarted(server: Server, database: str, times: int) -> Outcome:
    """PostgreSQL stopped without warning and started again while eight write."""

    def act(_crowd: Crowd) -> None:
        for _ in range(times):
            time.sleep(1.0)
            server.control("-m", "immediate", "restart")

    with ground(database) as where:
        received, fallen = under_way(where, act)
        return outcome(
            f"PostgreSQL stopped at once and started again {times} times, 8 writers",
            where,
            judged(where, received),
            f"{len(fallen)} writers ended by themselves" if fallen else "",
            holds=not fallen,
        )


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path | None]:
    """A file system of its own where that may be mounted (as root on Linux); None where not."""
    with TemporaryDirectory(prefix="chaos-disk-") as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder]
        mounted = os.name == "posix" and subprocess.run(command, capture_output=True, check=False).returncode == 0
        try:
            yield Path(folder) if mounted else None
        finally:
            if mounted:
                subprocess.run(["umount", "-l", folder], check=False)


def disk_full(database: str, step_kb: int) -> Outcome:
    """The disk runs full at every point of an upload: each time a little more is left free."""
    fault = "disk full at every point of an upload"
    with small_disk(8) as disk:
        if disk is None:
            return _files_too_large(database, step_kb)
        with ground(database, inside=disk) as where:
            received, refused = {"before"}, dict[str, int]()
            assert where.bring("before") == ""
            ballast, number, free_kb, taken = where.folder / "ballast", 0, 0, 0
            while taken < 3:
                where.file(f"n{number}")
                _leave_free(disk, ballast, free_kb)
                code = where.bring(f"n{number}")
                ballast.unlink()
                refused[code] = refused.get(code, 0) + 1
                received |= set() if code else {f"n{number}"}
                taken += not code
                number, free_kb = number + 1, free_kb + step_kb
            for again in range(number):
                assert where.bring(f"n{again}") == "", "there is room again"
                received.add(f"n{again}")
            refusals = {code: count for code, count in refused.items() if code}
            said = ", ".join(f"{count} × {code}" for code, count in sorted(refusals.items()))
            words = f"{sum(refusals.values())} uploads refused in words ({said}), all taken once there was room"
            return outcome(
                fault, where, judged(where, received), words, holds=set(refusals) <= {"STO-01", "STO-03", "STO-09"}
            )


def _leave_free(disk: Path, ballast: Path, kilobytes: int) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    free = os.statvfs(disk)
    os.truncate(ballast, max(0, ballast.stat().st_size + free.f_bavail * free.f_frsize - kilobytes * 1024))


def _files_too_large(database: str, step_kb: int) -> Outcome:
    """Without a disk of our own: files that may not grow further, which writes meet in the same way."""
    with ground(database) as where:
        received, refused = {"before"}, 0
        assert where.bring("before") == ""
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        for number, kilobytes in enumerate(range(0, 64, step_kb)):
            where.file(f"n{number}")
            resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, usual[1]))
            code = where.bring(f"n{number}")
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
            refused += bool(code)
            assert where.bring(f"n{number}") == ""
            received.add(f"n{number}")
        words = f"{refused} uploads refused in words, all taken once there was room"
        return outcome("files that may not grow, in the place of a full disk", where, judged(where, received), words)


def power_cut(every: int, uploads: int = 3, seed: int = 5) -> Outcome:
    """Cut the power while files are brought."""
    return _cut("uploads", uploads, every, random.Random(seed))


def power_cut_on_phones(every: int, submissions: int = 12, seed: int = 6) -> Outcome:
    """Cut the power while phones send and tables are made of what they sent."""
    return _cut("phones", submissions, every, random.Random(seed))


def _cut(what: str, count: int, every: int, chance: random.Random) -> Outcome:
    """Cut the power after every (``every``-th) thing asked of the disk: all that was not synced is gone."""
    fault = f"power cut, {what}: everything not fsynced at that moment is dropped, or each thing by chance"
    if not powercut.can_trace():
        return Outcome(fault, "SQLite", "not tried: there is no strace here", holds=True)
    cuts, lost, damaged, whole = 0, 0, 0, 0
    with TemporaryDirectory(prefix="chaos-cut-") as folder:
        top, log = Path(folder) / "traced", Path(folder) / "strace"
        top.mkdir()
        for number in range(count):
            Ground(top).file(f"p{number}")
        powercut.traced(["-m", "chaos.powercut", what, str(top), str(count)], log)
        disk, received = powercut.Disk(top / "data"), set[str]()
        for step in powercut.steps(log):
            if step.paths[:1] == (str(top / "acks"),) and step.data:
                received |= set(step.data.decode().split())
            elif not disk.take(step):
                continue
            whole += 1
            if whole % every and step.paths[:1] != (str(top / "acks"),):
                continue
            for how in (None, chance):
                after = Path(folder) / "cut"
                disk.after_cut(after / "data", how)
                cuts += 1
                found = LEFT[what](Ground(after), received)
                lost, damaged = lost + found[0], damaged + found[1]
                shutil.rmtree(after)
        assert received == {f"p{number}" for number in range(count)}
    words = (
        f"{cuts} cuts over {whole} writes, syncs and renames of {count} {what if what == 'uploads' else 'submissions'}"
    )
    words += f": {lost} acknowledged lost, {damaged} stores damaged"
    return Outcome(fault, "SQLite", words, holds=not (lost or damaged))


def _uploads_left(where: Ground, received: set[str]) -> tuple[int, int]:
    """How many acknowledged uploads are gone after a cut, and whether anything is damaged, or in no upload untold."""
    digests = {hashed(name) for name in received}
    with where.store() as store:
        there = {one["sha256"] for one in registry.uploads(store.engine)}
        damaged = bool(verify(store).damage)
        return len(digests - there), damaged or bool(taken_up(store)[1])


def _sent_left(where: Ground, received: set[str]) -> tuple[int, int]:
    """The same of submissions from phones; what still waits in the journal must go into tables, each once."""
    with where.store() as store:
        damaged = bool(verify(store).damage)
        fold(store, definitions())
        counts = found_in_tables(store)
        damaged |= bool(verify(store).damage)
    return sum(1 for name in received if counts[f"uuid:{name}"] != 1), damaged


LEFT = {"uploads": _uploads_left, "phones": _sent_left}


def hashed(name: str) -> str:
    """The SHA-256 of the file of a submission."""
    with TemporaryDirectory() as folder:
        return sha256_of(Ground(Path(folder)).file(name))


def locked(database: str) -> Outcome:
    """Somebody holds the registry longer than a writer waits."""
    with ground(database) as where, patch.object(registry, "PATIENCE_MS", 200):
        assert where.bring("before") == ""
        holder = sa.create_engine(where.settings.database)
        with holder.connect() as connection:
            lock = "LOCK TABLE uploads IN ACCESS EXCLUSIVE MODE" if database else "BEGIN EXCLUSIVE"
            connection.exec_driver_sql(lock)
            codes = {where.bring("meanwhile") for _ in range(3)}
        holder.dispose()
        after = where.bring("meanwhile")
        words = f"refused in words ({', '.join(sorted(codes))}), taken once it was free"
        return outcome(
            "registry locked by somebody else",
            where,
            judged(where, {"before", "meanwhile"}),
            words,
            holds=codes <= {"STO-01", "STO-09"} and not after,
        )


def corrupted_page() -> Outcome:
    """Half of the registry's pages overwritten."""
    with ground() as where:
        names = {f"n{number}" for number in range(5)}
        assert {where.bring(name) for name in sorted(names)} == {""}
        file = where.folder / "data" / "collect.db"
        with where.store() as store, store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            page = connection.exec_driver_sql("SELECT rootpage FROM sqlite_master WHERE name = 'uploads'").scalar_one()
            size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        with file.open("r+b") as raw:
            raw.seek((page - 1) * size)
            raw.write(b"\xde\xad" * (size // 2))
        store = open_as_it_is(where.settings)
        found = [one.kind for one in verify(store).damage]
        store.engine.dispose()
        store = open_mended(where.settings)
        rebuild(store, definitions())
        store.engine.dispose()
        return outcome(
            "a page of the registry overwritten",
            where,
            judged(where, names),
            "found by `collect verify`; `collect rebuild` set the file aside and made a new registry",
            holds=found == ["registry"],
        )


HARMS: dict[str, Callable[[Path], object]] = {
    "cut short": lambda path: os.truncate(path, path.stat().st_size - 7),
    "deleted": lambda path: path.unlink(),
    "one byte changed": lambda path: path.write_bytes(b"PAR2" + path.read_bytes()[4:]),
}


def harmed_parts(database: str) -> Outcome:
    """Parts cut short, deleted, changed: found by verify, mended by rebuild, to the byte."""
    with ground(database) as where:
        names = {f"n{number}" for number in range(4)}
        assert {where.bring(name) for name in sorted(names)} == {""}
        with where.store() as store:
            before = {one["path"]: one["sha256"] for one in registry.files(store.engine)}
            harmed = list(before)[::3]
            for number, path in enumerate(harmed):
                list(HARMS.values())[number % len(HARMS)](store.folder / path)
            found = {one.where for one in verify(store).damage}
            rebuild(store, definitions())
            mended = {path for path in harmed if sha256_of(store.folder / path) == before[path]}
        return outcome(
            "Parquet parts cut short, deleted, with a byte changed",
            where,
            judged(where, names),
            f"{len(found)} of {len(harmed)} found by `collect verify`, {len(mended)} made again to the byte",
            holds=found == set(harmed) == mended,
        )


def clock_back(database: str) -> Outcome:
    """The clock jumps back by a year between uploads; what was known at a moment must stay what was known."""
    with ground(database) as where:
        names, known = [f"n{number}" for number in range(6)], []
        for number, name in enumerate(names):
            with patch.object(contents, "datetime", _Clock.behind(timedelta(days=365 * (number % 2)))):
                assert where.bring(name) == ""
            with where.store() as store:
                known.append([one["received_at"] for one in registry.uploads(store.engine)])
        with where.store() as store:
            moments = [datetime.fromisoformat(one) for one in known[-1]]
            as_of = [len(known_uploads(store, moment)) for moment in moments]
        ordered = moments == sorted(moments) and all(count >= place for place, count in enumerate(as_of, 1))
        return outcome(
            "clock jumping back a year, three times",
            where,
            judged(where, set(names)),
            "the order of arrival and of moments is the same" if ordered else "moments go back",
            holds=ordered,
        )


class _Clock(datetime):
    """A clock that goes wrong by some time."""

    wrong = timedelta()

    @classmethod
    def behind(cls, time_: timedelta) -> type[datetime]:
        return type("Clock", (cls,), {"wrong": time_})

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) - cls.wrong
