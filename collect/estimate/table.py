"""Any table and the names of its columns become estimates with errors, intervals and regimes, domain by domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from collect.estimate.calibration import Calibrated, calibrate
from collect.estimate.cells import DOMAIN, ROWS, Cells, cells_of, facts_of
from collect.estimate.linearised import NOTHING_LEFT, Kind, Rule, Sample, Strata, linearise, score_of, variance_of
from collect.estimate.methods import Facts, interval
from collect.estimate.reading import INSIDE, W, X, Y, as_designed, numbers
from collect.estimate.replicated import spread_of
from collect.estimate.spec import Estimated, Method, TableSpec
from collect.estimate.weights import NEARLY_ALL
from collect.problems import CollectError

Numbers = NDArray[np.float64]
NO_ERROR = 1e-10  # an error below this share of the estimate is rounding, not knowledge


@dataclass(frozen=True, slots=True)
class Drawn:
    """A table ready to be estimated from: its rows, its design, and the domains to report."""

    rows: pl.DataFrame
    sample: Sample
    cells: Cells
    spec: TableSpec
    calibrated: Calibrated | None

    @property
    def strata(self) -> Strata:
        """Of the whole design."""
        return self.cells.strata

    @property
    def domains(self) -> pl.DataFrame:
        """Columns ``by`` and the number of each domain."""
        return self.cells.domains

    def placed(self) -> pl.DataFrame:
        """The rows with the number of their domain; none where a ``by`` column is blank."""
        if not self.spec.by:
            return self.rows.with_columns(pl.lit(0, pl.Int64).alias(DOMAIN))
        return self.rows.join(self.domains, on=list(self.spec.by), how="left", maintain_order="left")

    @property
    def kind(self) -> Kind:
        """What is estimated."""
        return "total" if self.spec.total else "ratio"


def estimate_table(frame: pl.DataFrame, spec: TableSpec) -> tuple[Estimated, ...]:
    """Estimate ``spec.y`` (its mean or share; over ``x`` a ratio; or its total) in each domain of ``frame``.

    Domains are the combinations of ``by`` found anywhere in the table, in order; one outside ``where`` is ``empty``.
    Rows where a ``by`` column is blank are in no domain, as in R ``svyby``. Without ``by`` the one domain is named by
    what ``where`` asks for.

    Raises
    ------
    CollectError
        USE-10 to USE-16: a column that is not there or cannot be read as what it is said to be.
    """
    drawn = design_of(frame, spec)
    found = linearise(drawn.cells.totals, drawn.strata, by=[DOMAIN], kind=drawn.kind,
                      rule=Rule(spec.lonely, spec.domain_lonely), variance=_another_variance(drawn))  # fmt: skip
    found = found.join(facts_of(drawn.cells, spec), on=DOMAIN, how="left")
    rows = drawn.domains.join(found, on=DOMAIN, how="left", maintain_order="left")
    whole = {name: _as_typed(frame[name], value) for name, value in spec.where}
    return tuple(
        _answer(row, spec, {name: row[name] for name in spec.by} or whole) for row in rows.iter_rows(named=True)
    )


def _as_typed(column: pl.Series, value: str) -> Any:
    if column.dtype.is_integer():
        return int(float(value))
    return float(value) if column.dtype.is_float() else value


def design_of(frame: pl.DataFrame, spec: TableSpec) -> Drawn:
    """Read ``frame`` as ``spec`` says, calibrate its weights, and number its domains. Raises CollectError."""
    if spec.total and spec.x:
        raise CollectError("USE-12", column="--x", value="--total")
    rows, sample = as_designed(frame, spec)
    calibrated = calibrate(rows, rows[W].to_numpy(), spec.margins, spec.calibration) if spec.margins else None
    if calibrated is not None:
        rows = rows.with_columns(pl.Series(W, calibrated.weights))
    return Drawn(rows, sample, cells_of(rows, sample, spec), spec, calibrated)


def _another_variance(drawn: Drawn) -> Any:
    if drawn.spec.replicates:
        return lambda values: _replicated(drawn, values)
    if drawn.calibrated:
        return lambda values: _after_calibration(drawn, values)
    return None


def known_rows(rows: pl.DataFrame) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
    """Values, bases and whether both are known and in the subpopulation; unknown ones as 0."""
    known = (rows[INSIDE] & rows[Y].is_not_null() & rows[X].is_not_null()).to_numpy()
    return rows[Y].fill_null(0.0).to_numpy() * known, rows[X].fill_null(0.0).to_numpy() * known, known


def _after_calibration(drawn: Drawn, values: pl.DataFrame) -> pl.DataFrame:
    """Variance of what the calibration leaves unexplained; rows outside the domain score too."""
    assert drawn.calibrated is not None
    rows, weights = drawn.placed(), drawn.calibrated.weights
    y, x, known = known_rows(rows)
    of_row = rows[DOMAIN].fill_null(-1).to_numpy()
    stages = drawn.sample.stages
    keys = rows.select(*stages)
    parts = []
    for domain, value, universe in values.select(DOMAIN, "value", "universe").drop_nulls().iter_rows():
        mine = weights * (known & (of_row == domain))
        facts = pl.DataFrame({"y": y * mine, "x": x * mine}).with_columns(
            value=pl.lit(value), universe=pl.lit(universe)
        )
        scores = facts.select(score=score_of(drawn.kind))["score"].to_numpy()
        left = keys.with_columns(pl.Series("score", drawn.calibrated.residual(scores)), pl.lit(domain).alias(DOMAIN))
        parts.append(
            left.group_by([DOMAIN, *keys.columns], maintain_order=True).agg(pl.col("score").implode().list.sum())
        )
    if not parts:
        return values.select(DOMAIN, variance=pl.lit(None, pl.Float64))
    rule = Rule(drawn.spec.lonely, drawn.spec.domain_lonely)
    return variance_of(pl.concat(parts), drawn.strata, [DOMAIN], rule)


def _replicated(drawn: Drawn, values: pl.DataFrame) -> pl.DataFrame:
    given = drawn.spec.replicates
    assert given is not None
    y, x, _ = known_rows(drawn.rows)
    weights = drawn.rows[W].to_numpy()
    matrix = np.column_stack([numbers(drawn.rows, name).fill_null(float("nan")).to_numpy() for name in given.columns])
    if np.isnan(matrix).any():
        raise CollectError("USE-11", column=given.columns[0], rows=int(np.isnan(matrix).any(axis=1).sum()),
                           need="complete")  # fmt: skip
    if not given.combined:
        matrix = matrix * weights[:, None]
    if drawn.calibrated is not None:
        old = as_designed(drawn.rows.drop(W), drawn.spec)[0][W].to_numpy()
        base = matrix if given.combined else matrix / np.where(weights == 0, 1, weights)[:, None] * old[:, None]
        each = [calibrate(drawn.rows, base[:, k], drawn.spec.margins, drawn.spec.calibration).weights
                for k in range(base.shape[1])]  # fmt: skip
        matrix = np.column_stack(each)
    of_row = drawn.placed()[DOMAIN].fill_null(-1).to_numpy()
    inside = drawn.rows[INSIDE].to_numpy()
    found = []
    for domain in values[DOMAIN]:
        mine = inside & (of_row == domain)
        part = spread_of(y[mine], None if drawn.spec.total else x[mine], weights[mine], matrix[mine], given)
        found.append({DOMAIN: domain, "variance": part.variance, "df_given": part.df})
    return pl.DataFrame(found, schema={DOMAIN: pl.Int64, "variance": pl.Float64, "df_given": pl.Int64})


def _regime(row: dict[str, Any], spec: TableSpec) -> str:
    if not row["n"]:
        return "empty"
    plain = not spec.margins and spec.replicates is None
    if plain and row["listed"] and row["left_out"] < NOTHING_LEFT and row["all_known"]:
        return "census"
    alone = row["clusters"] == 1 and not spec.total  # the residuals of a single cluster always add up to 0
    if row["std_error"] is None or row["df"] < 1 or alone:
        return "one_cluster"
    if row["listed"] and not row["clustered"] and row["share_drawn"] * row["n"] / row[ROWS] >= NEARLY_ALL:
        return "near_census"
    return "clusters" if row["clustered"] or spec.replicates else "simple"


def _answer(row: dict[str, Any], spec: TableSpec, domain: dict[str, Any]) -> Estimated:
    if not row["n"]:
        return Estimated(domain, None, None, None, None, None, 0, 0, None, None, "empty")
    if not np.isfinite(row["value"]):  # nobody in the base of a ratio
        return Estimated(domain, None, None, None, None, None, row["n"], row["clusters"], None, None, "empty")
    if spec.who_df and not spec.replicates:
        row["df"] = row["df_of_strata"]
    regime = _regime(row, spec)
    value, error = row["value"], row["std_error"]
    if regime != "census" and error is not None and error <= NO_ERROR * abs(value):
        error = None
    told = error is not None and error > 0
    deff_wor, deff_wr = (row["deff_finite"], row["deff"]) if told else (None, None)
    if deff_wor is not None and not np.isfinite(deff_wor):
        deff_wor = None
    ends = _interval(row, spec, regime, error)
    low, high = ends if ends else (None, None)
    clusters = row["clusters"]
    return Estimated(domain, value, error, float(row["df"]), deff_wor, deff_wr, row["n"], clusters, low, high, regime)


def _interval(row: dict[str, Any], spec: TableSpec, regime: str, error: float | None) -> tuple[float, float] | None:
    value = row["value"]
    if regime == "census":
        return value, value
    if regime == "one_cluster":
        return None
    share = not spec.total and row["share"]
    countable = share and not spec.x and not row["clustered"] and row["alike"] and row["population"] is not None
    population = round(row["population"]) if countable else None
    method: Method = spec.method
    if method == "auto":
        near = regime == "near_census" and countable
        method = "hypergeometric" if near else "modified-wilson" if share else "mean"
    if (not share and method != "mean") or (error is None and method == "mean"):
        return None
    undrawn = 1.0
    if spec.method == "auto" and row["listed"] and not row["clustered"]:
        undrawn = max(1e-9, 1 - row["share_drawn"] * row["n"] / row[ROWS])
    facts = Facts(
        value=value,
        error=error if error is not None else float("nan"),
        df=float(row["df"]),
        n=float(row["base"]) if spec.x else float(row["n"]),
        rows=row["answered"],
        level=spec.level,
        undrawn=undrawn,
        holding=round(row["holding"]) if countable else None,
        population=population,
    )
    return interval(method, facts)
