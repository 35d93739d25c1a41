"""A survey written as a table of hamlets, that a statistician can read and correct.

Each line: commune, hamlet, households listed, chance of being drawn ("1", "1/2"), households interviewed, how many of
them hold, and (optional) how many answered "do not know". "-" interviewed: the hamlet was not drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import polars as pl

from collect import tables
from collect.estimate import estimate, weigh
from collect.indicators import Indicator
from collect.targets import Operator, Target

VINTAGE, PROVINCE, ROUND = "2025-07", "86", "2025"
DAY = date(2025, 8, 20)


@dataclass(frozen=True)
class Survey:
    """The tables one text table stands for."""

    households: tables.Households
    measures: tables.Measures
    frame: tables.Frame
    places: tables.Units

    def weights(self) -> tables.Weights:
        return weigh(self.households, self.frame)

    def estimates(self) -> tables.Estimates:
        return estimate(self.measures, self.weights(), self.places)

    def of(self, place: str) -> dict[str, Any]:
        """The estimate of one place."""
        return self.estimates().filter(pl.col("place") == place).row(0, named=True)


def communes(*codes: str, households: int | None = 3000) -> tables.Units:
    rows = [
        {
            "vintage": VINTAGE, "code": code, "name_vi": f"Xã {code}", "name_en": f"Commune {code}", "type": "xã",
            "province_code": PROVINCE, "households_2019": households, "longitude": 106.3, "latitude": 9.9,
            "source": "made up",
        }
        for code in codes
    ]  # fmt: skip
    return tables.Units(tables.UNITS.check(pl.DataFrame(rows)))


def survey(text: str, *, also: Sequence[str] = (), indicator: str = "S2", people: int = 1) -> Survey:
    """Read the table. ``also``: communes with no hamlet in the frame. ``people``: units per household."""
    frame, households, measures = [], [], []
    for line in filter(str.strip, text.splitlines()):
        commune, hamlet, listed, chance, asked, holding, *rest = [cell.strip() for cell in line.strip(" |").split("|")]
        cluster, unknown = f"{commune}-{hamlet}", int(rest[0]) if rest else 0
        frame.append(
            {
                "cluster": cluster, "commune_code": commune, "vintage": VINTAGE, "hamlet": hamlet, "stratum": commune,
                "households": int(listed), "probability": float(Fraction(chance)), "selected": asked != "-",
            }
        )  # fmt: skip
        for index in range(0 if asked == "-" else int(asked)):
            submission, known = f"uuid:{cluster}-{index}", index >= unknown
            households.append(
                {
                    "submission_id": submission, "upload_id": "u", "status": "accepted", "round": ROUND,
                    "interviewed_on": DAY, "commune_code": commune, "vintage": VINTAGE, "hamlet": hamlet,
                    "cluster": cluster,
                }
            )  # fmt: skip
            holds = known and index - unknown < int(holding)
            measures.append(
                {
                    "submission_id": submission, "indicator": indicator, "units": people * known,
                    "unknown": people * (not known), "numerator": float(people * holds),
                    "denominator": float(people * known),
                }
            )  # fmt: skip
    codes = list(dict.fromkeys([str(row["commune_code"]) for row in frame] + list(also)))
    return Survey(
        tables.Households(tables.HOUSEHOLDS.check(pl.DataFrame(households, infer_schema_length=None))),
        tables.Measures(tables.MEASURES.check(pl.DataFrame(measures, infer_schema_length=None))),
        tables.Frame(tables.FRAME.check(pl.DataFrame(frame))),
        communes(*codes),
    )


def target(operator: Operator, value: str, *, level: str = "commune", indicator: str = "S2") -> Target:
    """A target as forms/targets.csv would state it."""
    return Target(
        target_id=f"{indicator}-2025-{level}", number=indicator, indicator=indicator, level=level, year=2025,
        operator=operator, value=Fraction(value), unit="share", decision="50/KH-UBND", decided_on=date(2022, 7, 12),
        labels={},
    )  # fmt: skip


def indicator(name: str = "S2", *, counted_in: str = "households", gap_type: str = "build") -> Indicator:
    """An indicator; estimating and judging never read its expressions."""
    return Indicator(name, "household", "/data", "", "", "", gap_type, counted_in, {}, {}, "made up")  # type: ignore[arg-type]
