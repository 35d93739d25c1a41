"""Households and their design become estimates: what share holds, and how far the truth may lie from it.

`estimate` serves the journey. `estimate_table(frame, spec) -> tuple[Estimated, ...]` serves statisticians: any table
and a `TableSpec` that names its columns, one `Estimated` per domain (``domain``, ``est``, ``se``, ``df``, ``deff_wor``,
``deff_wr``, ``n``, ``n_psu``, ``ci_low``, ``ci_high``, ``regime``; None where not estimable; ``.data()`` for JSON).
One-sided 95 % bounds are the ends of the interval at ``TableSpec(level=0.90)``.
"""

from collect.estimate.adjusting import Adjusting, adjust, effective_interviews
from collect.estimate.contrast import Between, Contrast, contrast_table
from collect.estimate.estimates import estimate
from collect.estimate.likeness import likeness
from collect.estimate.reading import values_of
from collect.estimate.righting import Righted, makeup, put_right
from collect.estimate.shared import shared
from collect.estimate.spec import Estimated, Margin, Replicates, TableSpec
from collect.estimate.table import estimate_table
from collect.estimate.weights import weigh

__all__ = [
    "Adjusting",
    "Between",
    "Contrast",
    "Estimated",
    "Margin",
    "Replicates",
    "Righted",
    "TableSpec",
    "adjust",
    "contrast_table",
    "effective_interviews",
    "estimate",
    "estimate_table",
    "likeness",
    "makeup",
    "put_right",
    "shared",
    "values_of",
    "weigh",
]
