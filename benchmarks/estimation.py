"""How fast a clustered share is estimated in every commune, beside peers on the same table in the same run.

``python -m benchmarks.estimation --rows N``: 106 communes of 20 hamlets, weights that differ, one stratum per commune.
Peers are asked for the same values and standard errors, and a peer that disagrees beyond 1e-9 is named as wrong.
"""

from __future__ import annotations

import argparse
import importlib
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import polars as pl

from collect.estimate import TableSpec, estimate_table
from collect.estimate.linearised import CLUSTER, STRATUM, Sample, linearise, strata_of, totals_of

COMMUNES, HAMLETS, SEED = 106, 20, 2026
ROWS = 1_000_000
SLOW = 100_000  # rows for peers that take minutes on a million
Answers = tuple[np.ndarray, np.ndarray]


def survey(rows: int) -> pl.DataFrame:
    """A made-up survey: hamlets of one commune differ, so do weights."""
    chance = np.random.default_rng(SEED)
    hamlet = chance.integers(0, COMMUNES * HAMLETS, rows)
    share = chance.beta(4, 2, COMMUNES * HAMLETS)
    return pl.DataFrame(
        {
            "commune": hamlet // HAMLETS,
            "hamlet": hamlet,
            "weight": chance.uniform(1, 5, rows),
            "has": (chance.random(rows) < share[hamlet]).astype(np.float64),
        }
    )


def core(data: pl.DataFrame) -> Answers:
    """The linearised core alone: cluster totals in one pass, everything else from them."""
    sample = Sample("weight", "commune", "hamlet")
    keyed = data.with_columns(place="commune")
    totals = totals_of(keyed, sample, y="has", by=["place"])
    strata = strata_of(totals, Sample("w", STRATUM, CLUSTER))  # every cluster is among the totals
    found = linearise(totals, strata, by=["place"])
    return found["value"].to_numpy(), found["std_error"].to_numpy()


def whole(data: pl.DataFrame) -> Answers:
    """`estimate_table`: columns checked, regimes named, modified Wilson intervals."""
    found = estimate_table(
        data, TableSpec("has", weight="weight", stratum="commune", clusters=("hamlet",), by=("commune",))
    )
    return np.array([row.est for row in found]), np.array([row.se for row in found])


def in_pandas(data: pd.DataFrame) -> Answers:
    """The same formula as a careful analyst writes it in pandas."""
    rows = data.assign(wy=data["weight"] * data["has"])
    sums = rows.groupby("commune")[["wy", "weight"]].sum()
    value = sums["wy"] / sums["weight"]
    part = rows.groupby(["commune", "hamlet"])[["wy", "weight"]].sum().reset_index()
    score = (part["wy"] - part["commune"].map(value) * part["weight"]) / part["commune"].map(sums["weight"])
    spread = score.groupby(part["commune"]).agg(["count", "var"])
    return value.to_numpy(), np.sqrt((spread["count"] * spread["var"]).to_numpy())


def in_samplics(data: pd.DataFrame) -> Answers:
    """samplics' TaylorEstimator over domains."""
    kit = importlib.import_module("samplics")
    estimator = kit.TaylorEstimator(kit.PopParam.mean)
    estimator.estimate(y=data["has"], samp_weight=data["weight"], stratum=data["commune"], psu=data["hamlet"],
                       domain=data["commune"])  # fmt: skip
    names = sorted(estimator.point_est)
    return np.array([estimator.point_est[k] for k in names]), np.array([estimator.stderror[k] for k in names])


def in_svy(data: pl.DataFrame) -> Answers:
    """svy's Taylor means over domains."""
    kit = importlib.import_module("svy")
    design = kit.Design(stratum="commune", psu="hamlet", wgt="weight")
    found = kit.Sample(data=data, design=design).estimation.mean("has", by="commune").to_polars().sort("commune")
    return found["est"].to_numpy(), found["se"].to_numpy()


def timed(run: Callable[[], Answers], times: int) -> tuple[float, Answers]:
    """The best of ``times``, and the answer."""
    best, answer = float("inf"), (np.array([]), np.array([]))
    for _ in range(times):
        start = time.perf_counter()
        answer = run()
        best = min(best, time.perf_counter() - start)
    return best, answer


def main() -> None:
    """Print one line per way and size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| rows | what | seconds | agrees |\n|---|---|---|---|")
    for rows in sorted({min(SLOW, asked.rows), asked.rows}):
        data = survey(rows)
        frame = data.to_pandas()
        _, truth = timed(partial(core, data), 1)
        ways: dict[str, tuple[Callable[[], Answers], int]] = {
            "collect, core": (partial(core, data), 5),
            "collect, estimate_table": (partial(whole, data), 5),
            "pandas, by hand": (partial(in_pandas, frame), 5),
            "svy": (partial(in_svy, data), 2),
        }
        if rows <= SLOW:
            ways["samplics"] = (partial(in_samplics, frame), 1)
        for name, (run, times) in ways.items():
            try:
                seconds, answer = timed(run, times)
            except ImportError:
                print(f"| {rows:,} | {name} | not installed | |", flush=True)
                continue
            same = all(np.allclose(a, b, rtol=1e-9) for a, b in zip(answer, truth, strict=True))
            print(f"| {rows:,} | {name} | {seconds:.3f} | {'yes' if same else 'no'} |", flush=True)


if __name__ == "__main__":
    main()
