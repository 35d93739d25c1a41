"""What a target is: a dated row with an operator and the decision that set it, never a constant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

Operator = Literal[">=", ">", "="]


@dataclass(frozen=True, slots=True)
class Target:
    """One row of ``forms/targets.csv``."""

    target_id: str  # "S2-2025"
    number: str  # "S2", as the plan numbers it
    indicator: str  # indicator_id, or "" where no form measures it yet
    level: str  # province, district, commune
    year: int
    operator: Operator
    value: Fraction  # a share, 0 to 1, exact; a rank or growth where ``unit`` says so
    unit: Literal["share", "rank", "growth"]
    decision: str
    decided_on: date
    labels: dict[str, str]  # vi, km, en
    note: str = ""

    def met_by(self, count: int, total: int) -> bool:
        """Whether ``count`` of ``total`` meets the target, in whole numbers: 80.0 % meets ``>=`` and fails ``>``."""
        have, need = Fraction(count, total), self.value
        return have > need if self.operator == ">" else have >= need

    def needed(self, total: int) -> int:
        """The least whole count out of ``total`` that meets the target; ``total + 1`` when nothing can."""
        exact = self.value * total
        whole = exact.numerator // exact.denominator
        return whole + 1 if self.operator == ">" or exact != whole else whole
