"""How often verdicts are wrong and intervals miss the truth, in made-up communes whose truth is known.

Each replicate is a commune of one big made-up survey, so that the product's own weigh, estimate and judge are what is
tried. Run ``python -m benchmarks.coverage`` for the table of docs/method.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import polars as pl
from numpy.typing import NDArray

from collect import tables
from collect.estimate import estimate, weigh
from collect.indicators import Indicator
from collect.judge import judge
from collect.targets import Target

FOUR_FIFTHS = Fraction(4, 5)
TARGET = Target(
    "S2-2025-commune", "S2", "S2", "commune", 2025, ">=", FOUR_FIFTHS, "share", "made up", date(2022, 7, 12), {}
)
INDICATOR = Indicator("S2", "household", "/data", "", "", "", "build", "households", {}, {}, "made up")
Drawn = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]  # commune, hamlet, holds: one per interview


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of replicates. ``wrong``: met below the target, or not met at or above it."""

    wrong: float
    decided: float
    covered: float


def try_out(draw: Callable[[np.random.Generator, int], Drawn], truth: float, *, replicates: int, seed: int,
            frame: tables.Frame | None = None) -> Rates:  # fmt: skip
    """Judge ``replicates`` communes whose true share is ``truth`` (of an endless population, or of ``frame``)."""
    commune, hamlet, holds = draw(np.random.default_rng(seed), replicates)
    made = _tables(commune, hamlet, holds)
    places = _places(replicates)
    weights = weigh(made[0], frame)
    estimates = estimate(made[1], weights, places, levels=("commune",))
    verdicts = judge(estimates, [TARGET], [INDICATOR], places)["verdict"]
    wrong = (verdicts == "met") if truth < FOUR_FIFTHS else (verdicts == "not_met")
    inside = estimates.select((pl.col("ci_low") <= truth + 1e-12) & (pl.col("ci_high") >= truth - 1e-12)).to_series()
    return Rates(_mean(wrong), _mean(verdicts.is_in(["met", "not_met"])), _mean(inside))


def _mean(flags: pl.Series) -> float:
    return float(flags.cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]


def simple(truth: float, interviews: int) -> Callable[[np.random.Generator, int], Drawn]:
    """Households drawn one by one, no hamlets."""

    def draw(rng: np.random.Generator, replicates: int) -> Drawn:
        commune = np.repeat(np.arange(replicates), interviews)
        return commune, np.full(commune.size, -1), (rng.random(commune.size) < truth).astype(float)

    return draw


def clustered(truth: float, hamlets: int, each: int, rho: float) -> Callable[[np.random.Generator, int], Drawn]:
    """Hamlets drawn from very many, whose shares are beta with intra-hamlet correlation ``rho``."""

    def draw(rng: np.random.Generator, replicates: int) -> Drawn:
        a = (1 - rho) / rho
        shares = rng.beta(truth * a, (1 - truth) * a, size=replicates * hamlets)
        holds = (rng.random((replicates * hamlets, each)) < shares[:, None]).astype(float)
        hamlet = np.repeat(np.arange(replicates * hamlets), each)
        return hamlet // hamlets, hamlet, holds.ravel()

    return draw


def nearly_all(holding: int, households: int, asked: int) -> Callable[[np.random.Generator, int], Drawn]:
    """``asked`` of the ``households`` of a listed commune, ``holding`` of whom hold."""

    def draw(rng: np.random.Generator, replicates: int) -> Drawn:
        everybody = np.arange(households) < holding
        order = rng.permuted(np.tile(everybody, (replicates, 1)), axis=1)[:, :asked]
        commune = np.repeat(np.arange(replicates), asked)
        return commune, commune, order.ravel().astype(float)

    return draw


def listing(replicates: int, households: int) -> tables.Frame:
    """A frame in which every commune is one hamlet that is to be enumerated."""
    names = [str(10_000 + i) for i in range(replicates)]
    frame = pl.DataFrame({"cluster": [str(i) for i in range(replicates)], "commune_code": names, "stratum": names})
    return tables.Frame(tables.FRAME.check(frame.with_columns(
        vintage=pl.lit("made up"), households=pl.lit(households), probability=pl.lit(1.0), selected=pl.lit(True)
    )))  # fmt: skip


def _tables(
    commune: NDArray[np.int64], hamlet: NDArray[np.int64], holds: NDArray[np.float64]
) -> tuple[tables.Households, tables.Measures]:
    rows = pl.DataFrame({"commune": commune, "hamlet": hamlet, "numerator": holds}).with_row_index("row")
    rows = rows.with_columns(submission_id=pl.format("uuid:{}", "row"))
    households = rows.select(
        "submission_id", upload_id=pl.lit("made up"), status=pl.lit("accepted"), vintage=pl.lit("made up"),
        commune_code=(pl.col("commune") + 10_000).cast(pl.String),
        cluster=pl.when(pl.col("hamlet") >= 0).then(pl.col("hamlet").cast(pl.String)),
    )  # fmt: skip
    measures = rows.select(
        "submission_id",
        "numerator",
        indicator=pl.lit("S2"),
        units=pl.lit(1),
        unknown=pl.lit(0),
        denominator=pl.lit(1.0),
    )
    return (
        tables.Households(tables.HOUSEHOLDS.check(households)), tables.Measures(tables.MEASURES.check(measures))
    )  # fmt: skip


def _places(replicates: int) -> tables.Units:
    names = pl.DataFrame({"code": [str(10_000 + i) for i in range(replicates)]})
    blank = {name: pl.lit("made up") for name in ("vintage", "name_vi", "name_en", "province_code", "source")}
    return tables.Units(tables.UNITS.check(names.with_columns(type=pl.lit("xã"), **blank)))


def designs(truth: float) -> Mapping[str, Callable[[np.random.Generator, int], Drawn]]:
    """The designs of the table, at one true share."""
    return {
        "simple, 60 households": simple(truth, 60),
        "simple, 300 households": simple(truth, 300),
        "4 hamlets x 15, rho 0.1": clustered(truth, 4, 15, 0.1),
        "8 hamlets x 15, rho 0.1": clustered(truth, 8, 15, 0.1),
        "15 hamlets x 10, rho 0.1": clustered(truth, 15, 10, 0.1),
        "30 hamlets x 7, rho 0.1": clustered(truth, 30, 7, 0.1),
        "8 hamlets x 15, rho 1/3": clustered(truth, 8, 15, 1 / 3),
        "4 hamlets x 15, rho 0.6": clustered(truth, 4, 15, 0.6),
    }


def main(replicates: int = 4000) -> None:
    """Print the table."""
    print("| design | truth | wrong verdicts | decided | interval covers |\n|---|---|---|---|---|")
    for truth in (0.70, 0.799, 0.80, 0.90):
        for name, draw in designs(truth).items():
            _print(name, truth, try_out(draw, truth, replicates=replicates, seed=1))
    frame = listing(replicates, 300)
    for holding in (239, 240, 255):
        found = try_out(nearly_all(holding, 300, 270), holding / 300, replicates=replicates, seed=1, frame=frame)
        _print("270 of 300 listed households", holding / 300, found)


def _print(name: str, truth: float, found: Rates) -> None:
    print(f"| {name} | {truth:.3f} | {found.wrong:.3f} | {found.decided:.3f} | {found.covered:.3f} |")


if __name__ == "__main__":
    main()
