"""A reason to stop in people's words: what was found, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from collect.i18n import t
from collect.wording.issues import filled, grouped

NO_COUNTS = ("port", "free", "line")
Shown = Callable[[str], str]  # how a text from outside is shown: as it is, or escaped for a screen


def words_of_error(code: str, values: Mapping[str, Any], lang: str, show: Shown = str) -> tuple[str, str]:
    """What was found, and what to do.

    Of bytes that were ``kept`` though nobody could read them that is said.
    Several reasons in one (IN-59) are told one by one: how often each was met, its first example, and what to do.
    """
    safe = {name: value if name in NO_COUNTS else _said(value, lang, show) for name, value in values.items()}
    if "reasons" in values:
        safe["reasons"] = " ".join(_told(one, lang, show) for one in values["reasons"])
    found, mend = filled(f"{code}.found", lang, safe), filled(f"{code}.mend", lang, safe)
    return found, f"{t('intake.kept', lang)} {mend}" if values.get("kept") else mend


def _said(value: Any, lang: str, show: Shown) -> Any:
    """Texts as they are shown; counts too long to be read at a glance in groups."""
    return show(value) if isinstance(value, str) else grouped(value, lang)


def _told(reason: Mapping[str, Any], lang: str, show: Shown) -> str:
    found, mend = words_of_error(reason["code"], reason["values"], lang, show)
    return t("refused.each", lang, count=reason["count"], found=found, mend=mend)
