"""The ground of a scope in the codes of another list of communes: a code never travels without its vintage."""

from __future__ import annotations

from dataclasses import replace

import geo
from collect.access import Scope


def scope_in(scope: Scope, vintage: str) -> Scope:
    """The same ground in the codes of ``vintage``; scopes are written in those of the list in force.

    Every former commune went whole into one of today's, so nobody sees ground that their scope does not name.
    """
    if vintage == geo.LATEST or (scope.provinces is None and scope.communes is None):
        return scope
    provinces = dict(geo.units(geo.LATEST).select("code", "province_code").iter_rows())
    codes = geo.units(vintage)["code"]
    today = geo.recode(codes, vintage, geo.LATEST)
    inside = (
        code
        for code, now in zip(codes, today, strict=True)
        if now is not None and scope.holds_commune(now, provinces[now])
    )
    return replace(scope, provinces=None, communes=frozenset(inside))


def has_ground(scope: Scope) -> bool:
    """Whether any commune of the survey's ground lies inside: a login's claims may be missing, or name none of it."""
    if scope.provinces is None and scope.communes is None:
        return True
    return any(scope.holds_commune(*row) for row in geo.units(geo.LATEST).select("code", "province_code").iter_rows())
