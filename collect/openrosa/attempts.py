"""Whoever guesses must wait: failures are counted by name and by address, and too many close the door for a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

BY_NAME, BY_ADDRESS = 5, 30  # failures before the door closes: a whole team may sit behind one address
FIRST_SECONDS, LONGEST_SECONDS = 60.0, 3_600.0  # each further failure doubles the wait
FORGOTTEN_SECONDS = 3_600.0  # without a failure
MOST_REMEMBERED = 10_000  # names and addresses


@dataclass(slots=True)
class _Failures:
    count: int
    last: float
    closed_until: float


class Attempts:
    """Failures in this process. ``clock`` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def wait(self, name: str, address: str) -> int:
        """For how many seconds nobody of this name or from this address is listened to; 0: now."""
        now = self._clock()
        with self._lock:
            known = [self._failures[key] for key in _keys(name, address) if key in self._failures]
            return max((int(one.closed_until - now) + 1 for one in known if one.closed_until > now), default=0)

    def failed(self, name: str, address: str) -> None:
        """Note that somebody showed what opens nothing."""
        now = self._clock()
        with self._lock:
            for (kind, what), most in zip(_keys(name, address), (BY_NAME, BY_ADDRESS), strict=True):
                self._note((kind, what), most, now)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of a name; those of the address stand, for others guess from there too."""
        with self._lock:
            self._failures.pop(_keys(name, address)[0], None)

    def _note(self, key: tuple[str, str], most: int, now: float) -> None:
        one = self._failures.pop(key, None)
        if one is None or now - one.last > FORGOTTEN_SECONDS:
            one = _Failures(0, now, 0.0)
        one.count, one.last = one.count + 1, now
        if one.count >= most:
            one.closed_until = now + min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** (one.count - most))
        self._failures[key] = one
        while len(self._failures) > MOST_REMEMBERED:
            self._failures.popitem(last=False)


def _keys(name: str, address: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("name", f"{name}@{address}"), ("address", address)
