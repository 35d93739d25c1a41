"""How often verdicts are wrong and intervals miss the truth, in made-up communes whose truth is known.

Each replicate is a commune of one big made-up survey, so that the product's own weigh, estimate and judge are what is
tried. Run ``python -m benchmarks.coverage`` for the table of docs/method.md.
"""

from __future__ import annotations

import sys
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
from collect.judge import judge, tally
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
    return float(np.mean(flags.drop_nulls().to_numpy())) if flags.count() else 0.0


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


TRUTHS = (0.70, 0.799, 0.80, 0.90)  # the communes of a province take them in turn
COMMUNES = 41
AT_ONCE = 100  # provinces in memory
Province = Callable[[np.random.Generator, NDArray[np.float64]], Drawn]  # true share of each commune in, interviews out


def simple_communes(interviews: int) -> Province:
    """Households drawn one by one."""

    def draw(rng: np.random.Generator, truths: NDArray[np.float64]) -> Drawn:
        commune = np.repeat(np.arange(truths.size), interviews)
        return commune, np.full(commune.size, -1), (rng.random(commune.size) < truths[commune]).astype(float)

    return draw


def clustered_communes(hamlets: int, each: int, rho: float) -> Province:
    """Hamlets whose shares are beta about the commune's, with intra-hamlet correlation ``rho``."""

    def draw(rng: np.random.Generator, truths: NDArray[np.float64]) -> Drawn:
        a, truth = (1 - rho) / rho, np.repeat(truths, hamlets)
        shares = rng.beta(truth * a, (1 - truth) * a)
        holds = (rng.random((truth.size, each)) < shares[:, None]).astype(float)
        hamlet = np.repeat(np.arange(truth.size), each)
        return hamlet // hamlets, hamlet, holds.ravel()

    return draw


def listed_communes(households: int, asked: int) -> Province:
    """``asked`` of the ``households`` of each listed commune."""

    def draw(rng: np.random.Generator, truths: NDArray[np.float64]) -> Drawn:
        everybody = np.arange(households)[None, :] < np.floor(truths * households + 1e-9)[:, None]
        order = rng.permuted(everybody, axis=1)[:, :asked]
        commune = np.repeat(np.arange(truths.size), asked)
        return commune, commune, order.ravel().astype(float)

    return draw


DESIGNS: Mapping[str, tuple[Province, int | None]] = {  # and households listed, where they are
    "simple, 60 households": (simple_communes(60), None),
    "simple, 300 households": (simple_communes(300), None),
    "4 hamlets x 15, rho 0.1": (clustered_communes(4, 15, 0.1), None),
    "8 hamlets x 15, rho 0.1": (clustered_communes(8, 15, 0.1), None),
    "30 hamlets x 7, rho 0.1": (clustered_communes(30, 7, 0.1), None),
    "8 hamlets x 15, rho 1/3": (clustered_communes(8, 15, 1 / 3), None),
    "4 hamlets x 15, rho 0.6": (clustered_communes(4, 15, 0.6), None),
    "8 hamlets x 15, rho 0.6": (clustered_communes(8, 15, 0.6), None),
    "270 of 300 listed": (listed_communes(300, 270), 300),
}


def try_provinces(draw: Province, listed: int | None, *, provinces: int, seed: int) -> pl.DataFrame:
    """Judge ``provinces`` of `COMMUNES` communes each; one row per commune with its truth and what was said of it."""
    size = provinces * COMMUNES
    commune = np.arange(size)
    truths = np.array(TRUTHS)[commune % COMMUNES % len(TRUTHS)]
    if listed:
        truths = np.floor(truths * listed + 1e-9) / listed
    made = _tables(*draw(np.random.default_rng(seed), truths))
    vintages = pl.DataFrame(
        {"commune_code": [str(10_000 + i) for i in commune], "vintage": [f"province {i // COMMUNES}" for i in commune]}
    )
    households = made[0].drop("vintage").join(vintages, on="commune_code", maintain_order="left")
    places = _places(size).drop("vintage").with_columns(vintages["vintage"])
    places = tables.Units(tables.UNITS.check(places))
    frame = None if listed is None else _framed(listing(size, listed), vintages)
    weights = weigh(tables.Households(tables.HOUSEHOLDS.check(households)), frame)
    estimates = estimate(made[1], weights, places, levels=("commune",))
    verdicts = judge(estimates, [TARGET], [INDICATOR], places, weights)
    known = vintages.with_columns(truth=pl.Series(truths)).rename({"commune_code": "place"})
    return verdicts.join(known, on=["vintage", "place"]).join(
        estimates.select("vintage", "place", "ci_low", "ci_high"), on=["vintage", "place"]
    )


def _framed(frame: tables.Frame, vintages: pl.DataFrame) -> tables.Frame:
    moved = frame.drop("vintage").join(vintages, on="commune_code", maintain_order="left")
    return tables.Frame(tables.FRAME.check(moved))


def _wrong(column: str) -> pl.Expr:
    meets = pl.col("truth") >= float(FOUR_FIFTHS) - 1e-12
    return ((pl.col(column) == "met") & ~meets) | ((pl.col(column) == "not_met") & meets)


def summary(found: pl.DataFrame) -> dict[str, float]:
    """Rates over communes, and over provinces for what is said of all communes at once."""
    meets = pl.col("truth") >= float(FOUR_FIFTHS) - 1e-12
    rates = {}
    for truth in found["truth"].unique().sort():
        part = found.filter(pl.col("truth") == truth)
        rates[f"wrong {truth:.3f}"] = _mean(part.select(_wrong("verdict")).to_series())
        rates[f"decided {truth:.3f}"] = _mean(part["verdict"].is_in(["met", "not_met"]))
    inside = (pl.col("ci_low") <= pl.col("truth") + 1e-12) & (pl.col("ci_high") >= pl.col("truth") - 1e-12)
    rates["covered"] = _mean(found.select(inside).to_series())
    rates["wrong at any look"] = _mean(found.select(_wrong("verdict_always")).to_series())
    said = found.group_by("vintage").agg(
        _wrong("verdict").any().alias("plain"),
        _wrong("verdict_holm").any().alias("holm"),
        _wrong("verdict_bh").sum().alias("wrong_bh"),
        pl.col("verdict_bh").is_in(["met", "not_met"]).sum().alias("said_bh"),
        meets.sum().alias("meeting"),
    )
    rates["a province has a wrong verdict"] = _mean(said["plain"])
    rates["after Holm"] = _mean(said["holm"])
    share = said["wrong_bh"] / said["said_bh"].clip(1)
    rates["share wrong after BH"] = _mean(share)
    bounds = tally(tables.Verdicts(tables.VERDICTS_TABLE.check(found))).select("vintage", "meeting_low", "meeting_high")
    both = said.join(bounds, on="vintage")
    rates["number of communes covered"] = _mean(
        both.select(pl.col("meeting").is_between(pl.col("meeting_low"), pl.col("meeting_high"))).to_series()
    )
    return rates


def main(provinces: int = 1000) -> None:
    """Print the tables of docs/method.md: verdicts commune by commune, and all communes of a province at once."""
    print(f"{provinces} provinces of {COMMUNES} communes per design; target >= 80 %\n")
    rows = {}
    for name, (draw, listed) in DESIGNS.items():
        parts = range(0, provinces, AT_ONCE)
        found = [try_provinces(draw, listed, provinces=min(AT_ONCE, provinces - at), seed=1 + at) for at in parts]
        named = [part.with_columns(pl.col("vintage") + f" of {at}") for at, part in zip(parts, found, strict=True)]
        rows[name] = summary(pl.concat(named))
        print(f"| {name} | " + " | ".join(f"{100 * value:.1f}" for value in rows[name].values()) + " |", flush=True)
    print("| design | " + " | ".join(next(iter(rows.values()))) + " |")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
