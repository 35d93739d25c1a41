"""What one value becomes in a browser: XPath 1.0 with dates, as ODK Web Forms casts, a row at a time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from collect.xpath.instance import Moment, Node, Scalar
from collect.xpath.row_values import NAN, Casts, Nodes, Value, ordered, zone_share

SPACE = " \t\r\n"  # what XML counts as space
_DAY = 86_400_000.0  # milliseconds
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DATED = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(\.[0-9]+)?)?)?(Z|[-+][0-9]{2}:[0-9]{2})?)?"
)
_MIDNIGHT = re.compile(r"T00:00:00(\.0+)?(Z|[-+][0-9]{2}:[0-9]{2})?")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local clocks, their zone is counted apart


@dataclass(frozen=True, slots=True)
class Dated(Moment):
    """A date in a browser: ``lexical`` is its text, ``days`` are counted from 1970-01-01T00:00Z, NaN for no date.

    ``counted``: number() of a text made it, whose text is whole days and whose truth is certain.
    """

    days: float = NAN
    counted: bool = False


NO_DATE = Dated("Invalid Date")


class WebCasts(Casts):
    """Nodes are texts, a node that exists is true, times count, and days begin at the device's midnight."""

    web = True

    def __init__(self, zone: float = 0.0) -> None:
        self.zone = zone  # the device's distance from UTC as a share of the day

    def at(self, now: str | None) -> Casts:
        """The casts of a device whose clock shows ``now``; in UTC when that is not known."""
        return _casts(zone_share(now)) if now else self

    def of(self, node: Node) -> Scalar:
        """A node is its text."""
        return node.text

    def single(self, value: Value) -> Scalar:
        """The first node's text; blank for none."""
        if isinstance(value, Nodes):
            return value[0].text if value else ""
        return value

    def read(self, text: str) -> float:
        """JavaScript's numbers, and dates as days with the fraction of their time."""
        plain = text.strip()
        if _NUMBER.fullmatch(plain):
            return float(plain)
        known = {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}
        return known[plain] if plain in known else self.dated(text).days

    def number(self, value: Value) -> float:
        """A date-time keeps its time."""
        found = self.single(value)
        return found.days if isinstance(found, Dated) else super().number(found)

    def dated(self, text: str) -> Dated:
        """The date or date-time that a whole text is."""
        found = _DATED.fullmatch(text)
        if found is None:
            return NO_DATE
        day, hour, minute, second, part, zone = found.groups()
        if zone and minute is None:
            return NO_DATE
        try:
            clock = datetime.fromisoformat(f"{day}T{hour or '00'}:{minute or '00'}:{second or '00'}")
        except ValueError:
            return NO_DATE
        away = self.zone if zone is None else zone_share(f"{'':10}{zone}")
        since = (clock - _EPOCH) / timedelta(milliseconds=1)
        return self.shown(since + math.floor(float(part or 0) * 1000 + 1e-9) - round(away * _DAY))

    def shown(self, milliseconds: float) -> Dated:
        """A moment as the device writes it: a day alone at midnight."""
        if not math.isfinite(milliseconds):
            return NO_DATE
        since = math.floor(milliseconds + 0.5)
        away = round(self.zone * 1440)
        try:
            local = _EPOCH + timedelta(milliseconds=since, minutes=away)
        except OverflowError:
            return NO_DATE
        part = f".{local.microsecond // 1000:03}".rstrip("0") if local.microsecond else ".000"
        zone = f"{'-' if away < 0 else '+'}{abs(away) // 60:02}:{abs(away) % 60:02}"
        text = f"{local.isoformat(timespec='seconds')}{part}{zone}"
        return Dated(_MIDNIGHT.sub("", text, count=1), since / _DAY)

    def written(self, number: float) -> str:
        """JavaScript's notation; what is no number is blank."""
        if number != number or math.isinf(number):
            return "" if number != number else "Infinity" if number > 0 else "-Infinity"
        if number == int(number) and abs(number) < 1e21:
            return str(int(number))
        if 1e-6 <= abs(number) < 1e21:
            return format(Decimal(repr(number)), "f")
        return re.sub(r"e([+-])0+", r"e\1", repr(number))

    def moment(self, moment: Moment) -> str:
        """In full."""
        return moment.lexical

    def truth(self, value: Value) -> bool:
        """A node-set is true when it holds a node, whatever the answer; a number when it is not 0."""
        if isinstance(value, Nodes):
            return bool(value)
        if isinstance(value, Dated):
            return value.counted or (value.days == value.days and value.days != 0.0)
        if isinstance(value, float):
            return value == value and value != 0.0
        return super().truth(value)

    def same(self, left: Value, right: Value) -> bool:
        """XPath 1.0: some node of a node-set equals; no tolerance."""
        return self._some(left, right, self._equal)

    def differs(self, left: Value, right: Value) -> bool:
        """XPath 1.0: some node differs."""
        return self._some(left, right, lambda a, b: not self._equal(a, b))

    def ordered(self, operator: str, left: Value, right: Value) -> bool:
        """XPath 1.0: some node is less, or more."""
        sides = [[node.text for node in side] if isinstance(side, Nodes) else [side] for side in (left, right)]
        return any(ordered(operator, self.number(a), self.number(b)) for a in sides[0] for b in sides[1])

    def _some(self, left: Value, right: Value, test: Callable[[Scalar, Scalar], bool]) -> bool:
        if isinstance(left, bool) or isinstance(right, bool):
            return test(self.truth(left), self.truth(right))
        a, b = ([node.text for node in side] if isinstance(side, Nodes) else [side] for side in (left, right))
        return any(test(one, other) for one in a for other in b)

    def _equal(self, a: Scalar, b: Scalar) -> bool:
        if isinstance(a, bool) or isinstance(b, bool):
            return self.truth(a) == self.truth(b)
        if isinstance(a, (float, Moment)) or isinstance(b, (float, Moment)):
            return self.number(a) == self.number(b)
        return self.text(a) == self.text(b)


@lru_cache(maxsize=64)
def _casts(zone: float) -> WebCasts:
    return WebCasts(zone)
