"""What a statistician asks of a table, and what each domain of it answers: declarations that every step here shares."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from collect.estimate.linearised import Lonely

Method = Literal[
    "auto", "mean", "logit", "xlogit", "asin", "beta", "likelihood", "wilson", "modified-wilson", "korn-graubard",
    "clopper-pearson", "jeffreys", "agresti-coull", "modified-logit", "hypergeometric",
]  # fmt: skip
Calibration = Literal["auto", "poststratify", "rake", "greg"]
ReplicateKind = Literal["JK1", "JKn", "BRR", "Fay", "bootstrap", "other"]


@dataclass(frozen=True, slots=True)
class Margin:
    """A known total of the population: of the rows whose ``column`` is ``value``, or of a number (``value`` None)."""

    column: str
    value: str | None
    total: float


@dataclass(frozen=True, slots=True)
class Replicates:
    """Columns of replicate weights and how their estimates become a variance, as R ``svrepdesign`` takes them.

    ``scale`` and ``rscales`` are needed where the kind does not settle them (JKn: ``rscales``). ``mse``: spread about
    the full-sample estimate, not about the mean of the replicates. ``combined``: the columns hold whole weights.
    """

    columns: tuple[str, ...]
    kind: ReplicateKind = "BRR"
    scale: float | None = None
    rscales: tuple[float, ...] = ()
    rho: float = 0.0
    mse: bool = False
    combined: bool = True


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Which columns of a table mean what.

    ``clusters`` and ``fpc`` hold one name per stage of drawing. ``where`` keeps the whole design and reports the rows
    whose columns have these values. ``nest``: names of clusters may come again in other strata. ``who_df``: degrees of
    freedom as the WHO manual and Stata count them (all clusters of the strata a domain touches), not as R does.
    """

    y: str
    x: str | None = None
    total: bool = False
    weight: str | None = None
    stratum: str | None = None
    clusters: tuple[str, ...] = ()
    fpc: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    nest: bool = False
    lonely: Lonely = "fail"
    domain_lonely: bool = False
    margins: tuple[Margin, ...] = ()
    calibration: Calibration = "auto"
    replicates: Replicates | None = None
    method: Method = "auto"
    level: float = 0.95
    who_df: bool = False


@dataclass(frozen=True, slots=True)
class Estimated:
    """One domain's answer; None where it cannot be known. ``se`` is 0 only where nothing was left to chance."""

    domain: dict[str, Any]
    est: float | None
    se: float | None
    df: float | None
    deff_wor: float | None
    deff_wr: float | None
    n: int
    n_psu: int
    ci_low: float | None
    ci_high: float | None
    regime: str

    def data(self) -> dict[str, Any]:
        """As a JSON object, by the names of the fields."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
