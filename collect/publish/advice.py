"""What would change a commune's verdict, in words: households still needed, interviews to hold, lists to finish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collect.i18n import t
from collect.i18n.figures import counted, number


def advice(row: Mapping[str, Any], counted_in: str, lang: str) -> list[str]:
    """Sentences for one row of `collect.publish.standings`; none where the target is met.

    ``counted_in``: what the indicator counts, households, people or communes.
    """
    if row["verdict"] == "met":
        return []
    if row["verdict"] == "not_met":
        return _needed(row, counted_in, lang)
    said = next_step(row, lang)
    return [said, *_certain(row, lang)] if said else _certain(row, lang)


def next_step(row: Mapping[str, Any], lang: str) -> str:
    """What would settle a verdict, as an instruction; "" where nothing is known.

    ``row``: ``interviews_reason``, ``interviews_needed`` and ``hamlets_needed``. More hamlets are named before more
    interviews: hamlets alike in themselves put a ceiling on what any number of interviews in the same ones can tell.
    """
    reason, interviews, hamlets = row["interviews_reason"], row["interviews_needed"], row["hamlets_needed"]
    if not reason:
        return ""
    if reason == "every_hamlet":
        return _every_hamlet(interviews, hamlets, lang)
    if reason == "enumerate" and interviews:
        return t("step.enumerate", lang, households=counted("needed.households", interviews, lang))
    more, time = {}, "first_" if reason == "planned" else ""  # where nobody was yet, nothing is "more"
    if hamlets and reason in ("more_hamlets", "planned", "computed"):
        more["hamlets"] = counted(f"step.{time}hamlets", hamlets, lang)
    if interviews and reason in ("planned", "computed", "listed"):
        more["interviews"] = counted(f"step.{time}interviews", interviews, lang)
    if not more:
        return t(f"interviews_reason.{reason}", lang) + "."
    if set(more) == {"interviews"}:
        return t("step.only.interviews", lang, **more)
    return t(f"step.{reason}" if len(more) == 2 or reason == "more_hamlets" else "step.only.hamlets", lang, **more)


def _every_hamlet(interviews: int, hamlets: int | None, lang: str) -> str:
    asked = counted("step.interviews", interviews, lang)
    if not hamlets:
        return t("step.every_hamlet", lang, interviews=asked)
    return t("step.every_hamlet.more", lang, interviews=asked, hamlets=counted("step.hamlets", hamlets, lang))


def _needed(row: Mapping[str, Any], counted_in: str, lang: str) -> list[str]:
    if not row["households_needed"]:
        return []
    low, high = row["households_needed_low"], row["households_needed_high"]
    spread = ""
    if low is not None and high is not None and low != high:
        spread = t("commune.do.spread", lang, low=number(low, lang), high=number(high, lang))
    return [counted(f"commune.do.{counted_in}", row["households_needed"], lang, spread=spread)]


def _certain(row: Mapping[str, Any], lang: str) -> list[str]:
    found = {"met": row["certainly_met_from"], "missed": row["certainly_missed_from"]}
    if row["suppressed"]:
        return []
    return [
        t(f"commune.certain.{name}", lang, count=number(count, lang)) + "." for name, count in found.items() if count
    ]
