"""Hands that bring files, each a process that may be killed at any moment; another then takes its work over."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from chaos.ground import Ground, definitions
from collect.intake import Asked, add_file
from collect.journey import Definitions
from collect.problems import CollectError
from collect.store import open_store

HANDS = 8
PATIENCE_SECONDS = 60
SHARED = 2  # hands that bring the same files as another: bytes that arrive twice at the same moment
CONTEXT = multiprocessing.get_context("forkserver")
# So that a new hand is there soon. Nothing that computes: the threads of Polars' pool do not come along into a fork.
READY = ("receive", "check", "estimate", "judge", "define", "store", "publish")
CONTEXT.set_forkserver_preload([*(f"collect.{name}" for name in READY), "check_tables", "psycopg"])


def bring_all(where: Ground, forms: Definitions, hand: int, share: int, begin: int) -> None:
    """Bring one file after the other, and write each name down only once `add_file` has returned."""
    told = os.open(acks(where, hand), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    store = None
    number = begin
    while is_watched():
        name = f"h{share}n{number}"
        try:
            store = store or open_store(where.settings)
            add_file(store, where.file(name), forms, Asked(by=f"hand {hand}"))
        except CollectError as error:
            if error.code not in ("STO-01", "STO-03", "STO-09"):
                raise
            time.sleep(0.05)  # told that it was not received: brought again
            continue
        os.write(told, f"{name}\n".encode())
        number += 1


def is_watched() -> bool:
    """Whether whoever began this process is still there to end it; else it must end by itself."""
    beginner = multiprocessing.parent_process()
    return beginner is not None and beginner.is_alive()


def acks(where: Ground, hand: int) -> Path:
    return where.folder / f"acks-{hand}"


def acknowledged(where: Ground, hand: int | None = None) -> list[str]:
    """Names that hands were told are received, in order."""
    files = [acks(where, hand)] if hand is not None else sorted(where.folder.glob("acks-*"))
    return [line for file in files if file.is_file() for line in file.read_text().split()]


class Crowd:
    """Eight hands at work."""

    def __init__(self, where: Ground) -> None:
        self.where = where
        self.begun = [0] * HANDS  # how much each hand had brought when it began
        self.hands: list[ForkServerProcess] = [self._begin(hand) for hand in range(HANDS)]

    def _begin(self, hand: int) -> ForkServerProcess:
        share = min(hand, HANDS - SHARED - 1)
        self.begun[hand] = len(acknowledged(self.where, hand))
        begin = max(0, self.begun[hand] - 1)  # the last one again: who can know that it was told?
        process = CONTEXT.Process(target=bring_all, args=(self.where, definitions(), hand, share, begin), daemon=True)
        process.start()
        return process

    def kill_one(self, chance: random.Random) -> None:
        """Kill -9 one of the hands, and have another go on where its list of receipts ends."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (at_work := [hand for hand in range(HANDS) if self._has_brought(hand)]):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no hand has brought anything for {PATIENCE_SECONDS} seconds")
            time.sleep(0.01)
        hand = chance.choice(at_work)
        time.sleep(chance.uniform(0.0, 0.1))
        self.hands[hand].kill()
        self.hands[hand].join()
        self.hands[hand] = self._begin(hand)

    def _has_brought(self, hand: int) -> bool:
        """Whether it is in the midst of its work by now, and not still starting."""
        return len(acknowledged(self.where, hand)) > self.begun[hand]

    def stop(self) -> list[int]:
        """Kill all; returns how those ended that had ended by themselves."""
        fallen = [hand.exitcode for hand in self.hands if hand.exitcode is not None]
        for hand in self.hands:
            hand.kill()
            hand.join()
        return fallen


def under_way(where: Ground, act: Callable[[Crowd], None], least: int = HANDS) -> tuple[set[str], list[int]]:
    """Let the hands begin, act on them, stop them. Returns what was acknowledged, and hands that fell by themselves."""
    crowd = Crowd(where)
    try:
        deadline = time.monotonic() + 60
        while len(acknowledged(where)) < least and time.monotonic() < deadline:
            time.sleep(0.02)
        act(crowd)
    finally:
        fallen = crowd.stop()
    return set(acknowledged(where)), fallen


def kill_alone(where: Ground, chance: random.Random) -> None:
    """Have one hand bring files, and kill -9 it at a random moment once it is at work."""
    begun = len(acknowledged(where))
    process = CONTEXT.Process(target=bring_all, args=(where, definitions(), 0, 0, begun), daemon=True)
    process.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(acknowledged(where)) == begun and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(chance.uniform(0.0, 0.1))
    process.kill()
    process.join()
