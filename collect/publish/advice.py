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
    reason = row["interviews_reason"]
    said = _interviews(row, lang) or ([t(f"interviews_reason.{reason}", lang) + "."] if reason else [])
    return said + _certain(row, lang)


def _needed(row: Mapping[str, Any], counted_in: str, lang: str) -> list[str]:
    if not row["households_needed"]:
        return []
    low, high = row["households_needed_low"], row["households_needed_high"]
    spread = ""
    if low is not None and high is not None and low != high:
        spread = t("commune.do.spread", lang, low=number(low, lang), high=number(high, lang))
    return [counted(f"commune.do.{counted_in}", row["households_needed"], lang, spread=spread)]


def _interviews(row: Mapping[str, Any], lang: str) -> list[str]:
    said = []
    if row["interviews_needed"]:
        said.append(counted("commune.do.interviews", row["interviews_needed"], lang))
        if row["hamlets_needed"] and row["interviews_reason"] in ("more_hamlets", "planned"):
            said.append(counted("commune.do.hamlets", row["hamlets_needed"], lang))
    return [" ".join(said)] if said else []


def _certain(row: Mapping[str, Any], lang: str) -> list[str]:
    found = {"met": row["certainly_met_from"], "missed": row["certainly_missed_from"]}
    if row["suppressed"]:
        return []
    return [
        t(f"commune.certain.{name}", lang, count=number(count, lang)) + "." for name, count in found.items() if count
    ]
