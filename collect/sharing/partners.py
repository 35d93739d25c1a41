"""Partners outside the office: how far each may see, and the tokens their programs show.

A token is 256 random bits. The registry keeps only its SHA-256: whoever reads the database learns no token, and since
nobody can guess 256 bits, no slow hash is needed.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import geo
from collect.access import EVERYWHERE, Forbidden, Scope, Who
from collect.problems import CollectError
from collect.registry import PARTNERS, TOKENS

PREFIX = "phu_"  # so that people and scanners of leaked secrets recognise one
VALID_DAYS = 365
LONGEST_DAYS = 3650  # ten years: what nobody remembers having handed out should not open for ever
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # as a provider's claim may name it, and never blank
USED_EVERY = timedelta(minutes=1)  # how finely the last use is noted: reading must not mean writing each time


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the registry knows it: never the secret itself. Instants in UTC."""

    token_id: str
    created_at: str
    expires_at: str
    revoked_at: str | None
    last_used_at: str | None

    def works(self, instant: datetime) -> bool:
        """Whether it still opens the door."""
        return self.revoked_at is None and self.expires_at > _text(instant)


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner, how far it may see, and its tokens, the newest first."""

    partner: str
    name: str
    scope: Scope
    created_at: str
    tokens: tuple[Token, ...]

    def who(self, token_id: str = "") -> Who:
        """The partner as somebody who asks."""
        return Who(self.name, "partner", self.scope, partner=self.partner, token=token_id)


def save(engine: Engine, partner: str, name: str, scope: Scope, by: str = "") -> None:
    """Note a partner, or change the name and scope of one that is known; from then on its tokens open the new scope.

    Raises
    ------
    CollectError
        ACC-06 for a scope without any limit: a partner sees its own release, never everything. ACC-12 for a code that
        cannot be one, ACC-14 for a province or commune that the list in force does not know, ACC-18 for communes that
        lie in none of its provinces.
    """
    _may_be_saved(partner, scope)
    values = {"name": name, "scope": _as_lists(scope)}
    with engine.begin() as connection:
        changed = connection.execute(PARTNERS.update().where(PARTNERS.c.partner == partner).values(values))
        if not changed.rowcount:
            created = {"partner": partner, "created_at": _text(now()), "created_by": by}
            connection.execute(PARTNERS.insert().values(**created, **values))


def add(engine: Engine, partner: str, name: str, scope: Scope, by: str = "") -> None:
    """Note a partner that is new. Raises what `save` raises, and ACC-13 where the code is another's."""
    _may_be_saved(partner, scope)
    if partner in {one.partner for one in listed(engine)}:
        raise CollectError("ACC-13", partner=partner)
    save(engine, partner, name, scope, by)


def _may_be_saved(partner: str, scope: Scope) -> None:
    if not CODE.fullmatch(partner):
        raise CollectError("ACC-12", partner=partner)
    if scope == EVERYWHERE:
        raise CollectError("ACC-06", partner=partner)
    provinces = set(geo.units(geo.LATEST)["province_code"])
    known = pl.concat([geo.units(geo.LATEST, province) for province in sorted(provinces)])
    unknown = (scope.provinces or frozenset()) - provinces | (scope.communes or frozenset()) - set(known["code"])
    if unknown:
        raise CollectError("ACC-14", codes=", ".join(sorted(unknown)), vintage=geo.LATEST)
    if not any(scope.holds_commune(*row) for row in known.select("code", "province_code").iter_rows()):
        outside, around = (", ".join(sorted(codes or ())) for codes in (scope.communes, scope.provinces))
        raise CollectError("ACC-18", communes=outside, provinces=around)


def may_live(days: int) -> int:
    """The days a token is to work, where they can be allowed. Raises CollectError ACC-17."""
    if not 1 <= days <= LONGEST_DAYS:
        raise CollectError("ACC-17", days=days, longest=LONGEST_DAYS)
    return days


def new_token(engine: Engine, partner: str, days: int = VALID_DAYS) -> str:
    """Make a token and return it: this once, for nobody can show it again. Raises CollectError ACC-07, ACC-17."""
    may_live(days)
    of(engine, partner)
    secret = PREFIX + secrets.token_urlsafe(32)
    instant = now()
    with engine.begin() as connection:
        connection.execute(
            TOKENS.insert().values(
                token_id=secrets.token_hex(4),
                sha256=_hash(secret),
                partner=partner,
                created_at=_text(instant),
                expires_at=_text(instant + timedelta(days=days)),
            )
        )
    return secret


def revoke(engine: Engine, partner: str, token_id: str | None = None) -> int:
    """Close the door to one token of a partner, or to all; how many worked until now. Raises CollectError ACC-07."""
    of(engine, partner)
    chosen = (TOKENS.c.partner == partner) & TOKENS.c.revoked_at.is_(None)
    if token_id is not None:
        chosen &= TOKENS.c.token_id == token_id
    with engine.begin() as connection:
        return connection.execute(TOKENS.update().where(chosen).values(revoked_at=_text(now()))).rowcount


def listed(engine: Engine) -> list[Partner]:
    """Every partner by code."""
    with engine.connect() as connection:
        rows = connection.execute(PARTNERS.select().order_by(PARTNERS.c.partner)).mappings().all()
        tokens = connection.execute(TOKENS.select().order_by(TOKENS.c.created_at.desc())).mappings().all()
    return [_partner(row, [token for token in tokens if token["partner"] == row["partner"]]) for row in rows]


def of(engine: Engine, partner: str) -> Partner:
    """One partner. Raises CollectError ACC-07 for one nobody noted."""
    found = listed(engine)
    for one in found:
        if one.partner == partner:
            return one
    raise CollectError("ACC-07", partner=partner, known=", ".join(one.partner for one in found) or "–")


def recognise(engine: Engine, secret: str) -> Who:
    """Who shows this token, with its last use noted. Raises Forbidden ACC-05 when it opens nothing (any more)."""
    with engine.connect() as connection:
        row = connection.execute(TOKENS.select().where(TOKENS.c.sha256 == _hash(secret))).mappings().one_or_none()
    instant = now()
    if row is None or not _token(row).works(instant):
        raise Forbidden("ACC-05")
    if row["last_used_at"] is None or row["last_used_at"] < _text(instant - USED_EVERY):
        used = TOKENS.update().where(TOKENS.c.token_id == row["token_id"]).values(last_used_at=_text(instant))
        with engine.begin() as connection:
            connection.execute(used)
    return of(engine, row["partner"]).who(row["token_id"])


def with_scope(engine: Engine, who: Who) -> Who:
    """A partner who logged in, with the registry's scope for it inside what the login says; others as they are.

    Raises Forbidden ACC-01 for a partner that the registry does not know.
    """
    if who.role != "partner":
        return who
    known = {one.partner: one for one in listed(engine)}
    if who.partner not in known:
        raise Forbidden("ACC-01", what="gaps", role=who.role)
    return replace(who, scope=known[who.partner].scope.and_also(who.scope))


def _partner(row: sa.RowMapping, tokens: Sequence[sa.RowMapping]) -> Partner:
    scope = Scope(**{name: frozenset(values) for name, values in row["scope"].items()})
    return Partner(row["partner"], row["name"], scope, row["created_at"], tuple(_token(token) for token in tokens))


def _token(row: sa.RowMapping) -> Token:
    return Token(*(row[name] for name in Token.__slots__))


def as_data(partner: Partner) -> dict[str, Any]:
    """A partner for a script or a table: codes, instants, and no secret."""
    tokens = [asdict(token) for token in partner.tokens]
    return {"partner": partner.partner, "name": partner.name, "scope": _as_lists(partner.scope), "tokens": tokens}


def _as_lists(scope: Scope) -> dict[str, list[str]]:
    limits = {name: getattr(scope, name) for name in Scope.__slots__}
    return {name: sorted(values) for name, values in limits.items() if values is not None}


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def now() -> datetime:
    """This instant, in UTC."""
    return datetime.now(UTC)


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")
