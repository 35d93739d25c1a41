"""How often a change is said that is not there, and found where it is, in made-up provinces judged as a run does.

`python -m benchmarks.change [PROVINCES]`. Each province has 41 communes of hamlets that resemble themselves; a hamlet
asked in both rounds keeps its own share, so the truth changes by the stated points everywhere.
"""

from __future__ import annotations

import sys
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from collect import tables
from collect.estimate import estimate, shared
from collect.judge import changes

COMMUNES, SHARE = 41, 0.6
DESIGNS = (  # hamlets, households in each, hamlets asked in both rounds, likeness
    (6, 12, 0, 0.15), (6, 12, 3, 0.15), (6, 12, 6, 0.15), (15, 10, 0, 0.15), (15, 10, 8, 0.15), (15, 10, 15, 0.15),
    (6, 12, 6, 1 / 3),
)  # fmt: skip
ROUNDS = ("2025", "2026")


def province(design: tuple[int, int, int, float], gained: float, draws: np.random.Generator) -> pl.DataFrame:
    """Changes of one made-up province."""
    hamlets, households, kept, rho = design
    spread = (1 - rho) / rho
    first, second = (draws.beta(SHARE * spread, (1 - SHARE) * spread, (COMMUNES, hamlets)) for _ in ROUNDS)
    second[:, :kept] = first[:, :kept]
    second = second + gained * (1 - second) / (1 - SHARE)  # the mean moves by ``gained``, no share leaves 0 to 1
    rows = [_round(name, draws.binomial(households, chance), households, kept) for name, chance in
            zip(ROUNDS, (first, second), strict=True)]  # fmt: skip
    found = pl.concat(rows)
    drawn = found.with_columns(
        unit=pl.lit("household"), vintage=pl.lit("2025-07"), weight=pl.lit(1.0), weighting=pl.lit("frame"),
        stratum="commune_code", drawn_stratum=pl.format("{}|{}", "round", "commune_code"), drawn_unit="cluster",
        households_interviewed=pl.lit(hamlets * households), fully_listed=pl.lit(False),
    )  # fmt: skip
    counted = found.with_columns(indicator=pl.lit("S2"), unknown=pl.lit(0), denominator=pl.lit(float(households)))
    weights = tables.Weights(tables.WEIGHTS.check(drawn))
    measures = tables.Measures(tables.MEASURES.check(counted.with_columns(units=pl.lit(households))))
    places = tables.Units(_places())
    estimates = estimate(measures, weights, places, levels=("commune",))
    return changes(estimates, shared(measures, weights, places, levels=("commune",)))


def _round(name: str, holding: Any, households: int, kept: int) -> pl.DataFrame:
    communes, hamlets = np.indices(holding.shape).reshape(2, -1)
    again = [f"{at}" if at < kept else f"{name}-{at}" for at in hamlets]
    return pl.DataFrame(
        {
            "submission_id": [f"{name}-{c}-{h}" for c, h in zip(communes, hamlets, strict=True)],
            "round": name,
            "commune_code": [f"{c:05}" for c in communes],
            "cluster": again,
            "interviewed_on": date(int(name), 8, 1),
            "numerator": holding.reshape(-1).astype(float),
        }
    )


def _places() -> pl.DataFrame:
    rows = [{"vintage": "2025-07", "code": f"{at:05}", "name_vi": "-", "name_en": "-", "type": "xã",
             "province_code": "86", "source": "made up"} for at in range(COMMUNES)]  # fmt: skip
    return tables.UNITS.check(pl.DataFrame(rows))


def _percent(flags: pl.Series) -> float:
    return 100 * float(flags.sum()) / flags.len()


def main(provinces: int) -> None:
    """Print a row per design: percent of communes said to have changed without change, found at +10 points, covered."""
    print("| design | said changed, nothing did | better, at +10 points | worse, at +10 | interval covers +10 |")
    print("|---|---|---|---|---|")
    for design in DESIGNS:
        draws = np.random.default_rng(2026)
        still = pl.concat([province(design, 0.0, draws) for _ in range(provinces)])
        moved = pl.concat([province(design, 0.1, draws) for _ in range(provinces)])
        told = _percent(still["verdict"] != "cannot_tell")
        better, worse = (_percent(moved["verdict"] == said) for said in ("better", "worse"))
        covered = _percent(moved.select(pl.lit(0.1).is_between("ci_low", "ci_high")).to_series())
        hamlets, households, kept, rho = design
        design_name = f"{hamlets} hamlets x {households}, {kept} asked again, rho {rho:.2f}"
        print(f"| {design_name} | {told:.1f} | {better:.1f} | {worse:.1f} | {covered:.1f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
