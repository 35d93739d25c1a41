"""What an indicator is: who counts, and what they must have, said in the form's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["province", "commune", "hamlet"]
GapType = Literal["build", "sell", "device", "account", "measure"]


@dataclass(frozen=True, slots=True)
class Indicator:
    """A share: of those in the universe, how many hold. The three expressions are XPath, read at each ``unit``."""

    indicator_id: str  # "S2"; "S2b" where one target has two readings
    form: str  # form_id
    unit: str  # path of what is counted: the form's root, or a repeat such as "/data/roster/member"
    universe: str  # boolean: does this unit belong to those the target speaks of
    numerator: str  # number: 1 when it holds; may be more than 1 (residents covered)
    denominator: str  # number: 1, or what the unit stands for (its residents)
    gap_type: GapType  # who can close the gap: build, sell, device, account
    counted_in: Literal["households", "people", "communes"]  # what the denominator counts
    labels: Mapping[str, str]  # vi, km, en
    definitions: Mapping[str, str]  # vi, km, en: one sentence each
    source: str  # the decision or standard the definition follows
    unknown: str = ""  # boolean: the unit's answer is not known; "": when any answer it looks at is not known
