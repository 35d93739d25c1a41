"""How far somebody sees, in words: provinces and communes by name, indicators by code."""

from __future__ import annotations

from collections.abc import Mapping

import geo
from collect.access import Scope
from collect.i18n import t
from collect.pages.words import NOTHING
from collect.places import name_by_code

MOST_NAMED = 8  # more are counted


def scope_words(scope: Scope, lang: str) -> str:
    """One line; "–" where somebody sees nothing of a kind."""
    communes = name_by_code(geo.LATEST, lang)
    limits: tuple[tuple[str, frozenset[str] | None, Mapping[str, str]], ...] = (
        ("provinces", scope.provinces, geo.PROVINCES),
        ("communes", scope.communes, communes),
        ("indicators", scope.indicators, {}),
    )
    said = [
        f"{t(f'scope.{name}', lang)}: {_some(sorted(words.get(code, code) for code in codes), lang)}"
        for name, codes, words in limits
        if codes is not None
    ]
    return "; ".join(said) or t("scope.everything", lang)


def _some(names: list[str], lang: str) -> str:
    shown = ", ".join(names[:MOST_NAMED]) or NOTHING
    more = len(names) - MOST_NAMED
    return f"{shown} {t('scope.more', lang, count=more)}" if more > 0 else shown
