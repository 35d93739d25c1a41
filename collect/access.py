"""Who may see what, said once: the table that the navigation, every data function and every route ask.

Deny by default: a role that is not named beside a thing may not have it, and a person without a role may have nothing.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from collect.problems import CollectError

ROLES = ("admin", "planner", "survey", "partner")  # the first wins where a person has several
NOBODY = "none"
COMMUNE_DIGITS = 5
PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")  # headers that only a proxy writes

_OFFICE = frozenset({"admin", "planner"})
_INSIDE = _OFFICE | {"survey"}
_EVERYONE = _INSIDE | {"partner"}
_ADMIN = frozenset({"admin"})

PERMISSIONS: Mapping[str, frozenset[str]] = {
    # pages, by their code in the address
    "overview": _OFFICE,
    "map": _OFFICE,
    "commune": _OFFICE,
    "gaps": _OFFICE | {"partner"},
    "upload": frozenset({"admin", "survey"}),
    "review": _INSIDE,  # a survey team: its own submissions alone
    "quality": _INSIDE,  # likewise
    "progress": _INSIDE,
    "forms": _INSIDE,
    "method": _EVERYONE,
    # what data functions and routes hand out or do
    "results": _OFFICE,  # estimates, verdicts, outlines
    "gap_files": _OFFICE | {"partner"},
    "households": _INSIDE,  # anything about single households, issues included: never a partner
    "all_households": _OFFICE,  # of every team; without it, only what one sent oneself
    "decide": _OFFICE,  # accept, send back, reject a submission; say which two are one
    "correct": _INSIDE,  # put an answer right: a survey team in its own submissions alone
    "run": _INSIDE,  # make the results again
    "try_out": _ADMIN,  # fill an empty installation with made-up data
    "partners": _ADMIN,  # names, tokens, ledger of downloads
}


@dataclass(frozen=True, slots=True)
class Scope:
    """How far somebody sees. None is no limit; an empty set is nothing at all."""

    provinces: frozenset[str] | None = None
    communes: frozenset[str] | None = None
    indicators: frozenset[str] | None = None

    def of_gaps(self, gaps: pl.DataFrame) -> pl.DataFrame:
        """The rows of a gap list inside this scope."""
        limits = (("province_code", self.provinces), ("commune_code", self.communes), ("indicator", self.indicators))
        for column, allowed in limits:
            if allowed is not None:
                gaps = gaps.filter(pl.col(column).is_in(sorted(allowed)))
        return gaps

    def of_places(self, rows: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
        """The rows of estimates or verdicts inside this scope, and those of the provinces around it as a whole.

        ``place`` begins with its commune's code, or is a province's; ``units``: ``code, province_code``.
        """
        if self.provinces is not None or self.communes is not None:
            known = units.select("code", "province_code").rows()
            inside = [(code, province) for code, province in known if self.holds_commune(code, province)]
            places = sorted({place for pair in inside for place in pair})
            rows = rows.filter(pl.col("place").str.slice(0, COMMUNE_DIGITS).is_in(places))
        return rows if self.indicators is None else rows.filter(pl.col("indicator").is_in(sorted(self.indicators)))

    def holds_commune(self, commune: str, province: str) -> bool:
        """Whether a commune lies inside."""
        inside_province = self.provinces is None or province in self.provinces
        return inside_province and (self.communes is None or commune in self.communes)

    def and_also(self, other: Scope) -> Scope:
        """What lies inside both."""
        return Scope(*(_both(getattr(self, name), getattr(other, name)) for name in self.__slots__))


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return other if one is None else one if other is None else one & other


EVERYWHERE = Scope()


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody: how the ledger names them, what they are, how far they see.

    ``local`` is somebody at a machine that asks no name, ``partner`` the code of the partner somebody belongs to, and
    ``token`` names the token that a program showed.
    """

    name: str
    role: str
    scope: Scope = EVERYWHERE
    local: bool = False
    partner: str = ""
    token: str = ""
    subject: str = ""  # what the provider calls them: two people may share a name
    until: float = math.inf  # when the login ends, in seconds since 1970

    @property
    def signature(self) -> str:
        """How what they did is signed; no two people sign alike."""
        return f"{self.name} <{self.subject}>" if self.subject else self.name

    @property
    def sees_all_teams(self) -> bool:
        """Whether submissions of every team are theirs to see, or only those they sent themselves."""
        return may(self, "all_households")


LOCAL = Who("local", "admin", local=True)
ANYBODY = Who("anybody", "admin", local=True)  # where the office opened the app to its network without logins


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"


def came_as(headers: Mapping[str, str]) -> str:
    """The name or address by which a browser asked for this server, without the port; "" where it does not say."""
    try:
        return (urlsplit(f"//{headers.get('host', '')}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def from_here(headers: Mapping[str, str]) -> bool:
    """Whether a request was made on this machine: not by a name that was made to point at it, and through no proxy."""
    return is_loopback(came_as(headers)) and not any(name in headers for name in PROXIED)


def is_own_name(host: str, names: Collection[str]) -> bool:
    """Whether a server may answer to ``host`` where it asks nobody who they are.

    Any page that a colleague opens may belong to a name that was made to point here, never to an address: so addresses
    pass, and of names those in ``names``; ``*.office.example`` stands for every name below.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        known = {"localhost", *(name.strip().lower().rstrip(".") for name in names)}
        return bool({host, "*"} & known) or any(name[:2] == "*." and host.endswith(name[1:]) for name in known)
    return True


class Forbidden(CollectError):  # noqa: N818 - an answer to who asks, not a fault: it reads as what it says
    """Somebody asked for what their role may not have (ACC-01), or nobody knows who asks (ACC-02, ACC-10)."""


def may(who: Who | None, what: str) -> bool:
    """Whether somebody may have or do a thing; a thing that PERMISSIONS does not name is a fault of ours: KeyError."""
    allowed = PERMISSIONS[what]
    return who is not None and who.role in allowed


def require(who: Who | None, what: str) -> Who:
    """Go on only when somebody may.

    Raises
    ------
    Forbidden
        ACC-02 where nobody is logged in, ACC-10 where the login has ended, ACC-01 where the role does not allow it.
    """
    if who is None:
        raise Forbidden("ACC-02")
    if who.until < time.time():
        raise Forbidden("ACC-10")
    if not may(who, what):
        raise Forbidden("ACC-01", what=what, role=who.role)
    return who


@dataclass(frozen=True, slots=True)
class Claims:
    """Where a provider's ID token says what somebody is: paths such as ``groups`` or ``realm_access.roles``.

    ``roles`` turns the provider's names into ours; a name it does not hold gives no role.
    """

    role: str = "groups"
    roles: Mapping[str, str] = field(default_factory=lambda: {role: role for role in ROLES})
    province: str = ""
    commune: str = ""
    operator: str = ""
    hours: float = 0  # how long a login lasts from its issue; 0: as long as the token itself says
    leeway: float = 60  # seconds by which the clocks of provider and app may differ

    def who(self, token: Mapping[str, Any]) -> Who:
        """Read a person from an ID token's claims; ``until`` says whether the login still holds.

        A claim that is configured and missing leaves nothing in scope, except for an administrator.
        """
        theirs = {self.roles[name] for name in _texts(token, self.role) if name in self.roles}
        role = next((role for role in ROLES if role in theirs), NOBODY)
        name = str(token.get("name") or token.get("email") or token.get("sub") or "")
        partner = next(iter(_texts(token, self.operator)), "") if self.operator else ""
        scope = EVERYWHERE if role == "admin" else self._scope(token)
        until = self._ends(token) + self.leeway
        return Who(name, role, scope, partner=partner, subject=str(token.get("sub") or ""), until=until)

    def _ends(self, token: Mapping[str, Any]) -> float:
        """When the login ends; one that does not say has ended."""
        issued, expires = token.get("iat"), token.get("exp")
        if self.hours:
            return float(issued) + self.hours * 3600 if isinstance(issued, int | float) else 0.0
        return float(expires) if isinstance(expires, int | float) else 0.0

    def _scope(self, token: Mapping[str, Any]) -> Scope:
        limits = [frozenset(_texts(token, path)) if path else None for path in (self.province, self.commune)]
        return Scope(provinces=limits[0], communes=limits[1])


def claims_from(section: Mapping[str, Any]) -> Claims:
    """Read the ``[access]`` section of the settings; what it leaves out keeps its default."""
    usual = Claims()
    named = section.get("roles")
    ours = {str(theirs): str(role) for theirs, role in dict(named or {}).items() if role in ROLES}
    role, province, commune, operator = (
        str(section.get(name, getattr(usual, name))) for name in ("role", "province", "commune", "operator")
    )
    times = (float(section.get(name, getattr(usual, name))) for name in ("hours", "leeway"))
    return Claims(role, usual.roles if named is None else ours, province, commune, operator, *times)


def _texts(token: Mapping[str, Any], path: str) -> list[str]:
    """The values at a path of an ID token, as text: one value or a list."""
    found: Any = token
    for step in [path] if path in token else path.split("."):  # some providers' names are web addresses, dots and all
        found = found.get(step) if isinstance(found, Mapping) else None
    values: Iterable[Any] = found if isinstance(found, list | tuple) else [] if found is None else [found]
    return [str(value) for value in values]
