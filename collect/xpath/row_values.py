"""What one value becomes: JavaRosa's casts, a row at a time."""

from __future__ import annotations

import re
from datetime import date

from collect.xpath.errors import XPathError
from collect.xpath.instance import Moment, Node, Scalar, day_of
from collect.xpath.java import double_as_text
from collect.xpath.values import EPSILON

NAN = float("nan")
_EPOCH = date(1970, 1, 1)
_JAVA = re.compile(r"[-.0-9]*")
_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2}(?:\.[0-9]+)?))?")
_ZONE = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})?$")


class Nodes(list[Node]):
    """A node-set in document order. ``free``: the path leaves open which row is meant."""

    free = False
    position = 0


Value = Scalar | Nodes


def days(day: date) -> float:
    """Whole days since 1970-01-01."""
    return float((day - _EPOCH).days)


def day_share(lexical: str) -> float:
    """The clock in a lexical time or date-time as a share of the day; NaN where there is none."""
    found = _CLOCK.search(lexical)
    if found is None:
        return NAN
    hours, minutes, seconds = found.groups()
    return (float(hours) * 3600 + float(minutes) * 60 + float(seconds or 0)) / 86400.0


def zone_share(lexical: str) -> float:
    """The written distance from UTC as a share of the day; 0 where there is none."""
    found = _ZONE.search(lexical[10:])
    if found is None:
        return 0.0
    sign, hours, minutes = found.groups()
    size = (float(hours) * 60 + float(minutes or 0)) / 1440.0
    return -size if sign == "-" else size


def instant(lexical: str) -> float:
    """Days since 1970-01-01T00:00Z with their fraction; NaN where the text is no date."""
    day = day_of(lexical)
    if day is None:
        return NAN
    share = day_share(lexical)
    return days(day) + (0.0 if share != share else share) - zone_share(lexical)


class Casts:
    """JavaRosa's casts."""

    web = False

    def at(self, now: str | None) -> Casts:
        """The casts of a device whose clock shows ``now``: here always the same."""
        return self

    def single(self, value: Value) -> Scalar:
        """The one value that is meant; blank for none."""
        if not isinstance(value, Nodes):
            return value
        if len(value) > 1 and value.free:
            path = value[0].path
            raise XPathError(
                "repeated",
                f"{path} is repeated: count(), sum() or indexed-repeat() must say which is meant.",
                value.position,
                path=path,
            )
        return self.of(value[0]) if value else ""

    def of(self, node: Node) -> Scalar:
        """The value of one node."""
        return node.value

    def number(self, value: Value) -> float:
        """toNumeric."""
        found = self.single(value)
        if isinstance(found, bool):
            return 1.0 if found else 0.0
        if isinstance(found, float):
            return found
        if isinstance(found, str):
            return self.read(found)
        day = found if isinstance(found, date) else day_of(found.lexical)
        return NAN if day is None else days(day)

    def read(self, text: str) -> float:
        """A number in a text."""
        plain = text.replace(",", ".").strip()
        if not _JAVA.fullmatch(plain):
            return NAN
        try:
            return float(plain)
        except ValueError:
            return NAN

    def text(self, value: Value) -> str:
        """toString."""
        found = self.single(value)
        if isinstance(found, str):
            return found
        if isinstance(found, bool):
            return "true" if found else "false"
        if isinstance(found, float):
            return self.written(found)
        return found.isoformat() if isinstance(found, date) else self.moment(found)

    def written(self, number: float) -> str:
        """A number as text."""
        return "NaN" if number != number else double_as_text(number)

    def moment(self, moment: Moment) -> str:
        """A date-time as text: JavaRosa drops its time."""
        return moment.lexical[:10]

    def truth(self, value: Value) -> bool:
        """toBoolean."""
        found = self.single(value)
        if isinstance(found, bool):
            return found
        if isinstance(found, float):
            return abs(found) > EPSILON  # NaN is not
        return found != "" if isinstance(found, str) else True

    def empty(self, value: Value) -> bool:
        """isNull: the empty text, or NaN."""
        found = self.single(value)
        return found == "" or (isinstance(found, float) and found != found)

    def same(self, left: Value, right: Value) -> bool:
        """``=``: truths if either is one, else numbers (to 1e-12) if either is one, else texts."""
        a, b = self.single(left), self.single(right)
        if isinstance(a, bool) or isinstance(b, bool):
            return self.truth(a) == self.truth(b)
        if isinstance(a, float) or isinstance(b, float):
            return abs(self.number(a) - self.number(b)) < EPSILON
        return self.text(a) == self.text(b)

    def differs(self, left: Value, right: Value) -> bool:
        """``!=``."""
        return not self.same(left, right)

    def ordered(self, operator: str, left: Value, right: Value) -> bool:
        """<, <=, > and >= are between numbers, always."""
        return ordered(operator, self.number(left), self.number(right))


def ordered(operator: str, a: float, b: float) -> bool:
    """Whether a comparison holds between two numbers."""
    if operator == "<":
        return a < b
    if operator == "<=":
        return a <= b
    return a > b if operator == ">" else a >= b
