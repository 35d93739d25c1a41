"""Put every household in its commune: what the answer means, what its point says, and whether the two agree.

The answer comes first: a point contradicts it only in outlines that may decide (``places.decides``), and only from
further away than its own accuracy and the outlines' generalisation allow. Both are kept; a contradiction is an issue.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from collect.problems import PROBLEMS
from collect.tables import HOUSEHOLDS, ISSUES, Households, Issues

USABLE_ACCURACY_M = 1_000.0  # a point less sure than this, in metres, does not stand in for a missing answer
COUNTED = ("accepted", "with_issues")  # issues are told of these only: the others are not looked into
REPAIRS = {
    "padded": "LOC-04", "spacing": "LOC-04", "name": "LOC-03", "name_without_diacritics": "LOC-03",
    "older_vintage": "LOC-02", "ambiguous": "LOC-09", "unknown": "LOC-01",
}  # fmt: skip


class Places(Protocol):
    """What is known of places; `geo.Gazetteer` is one. ``vintage`` is that of the outlines."""

    @property
    def vintage(self) -> str: ...  # noqa: D102
    @property
    def decides(self) -> bool: ...  # noqa: D102
    @property
    def floor_m(self) -> float: ...  # noqa: D102
    def recode(self, codes: pl.Series, from_vintage: str, to_vintage: str) -> pl.Series: ...  # noqa: D102
    def recognise(self, texts: pl.Series, vintage: str) -> pl.DataFrame: ...  # noqa: D102
    def locate(self, longitude: pl.Series, latitude: pl.Series) -> pl.Series: ...  # noqa: D102
    def metres_to(  # noqa: D102
        self, codes: pl.Series, longitude: pl.Series, latitude: pl.Series
    ) -> NDArray[np.float64]: ...
    def metres_to_ground(self, longitude: pl.Series, latitude: pl.Series) -> NDArray[np.float64]: ...  # noqa: D102


def locate(
    households: Households,
    places: Places,
    *,
    vintage_of_form: str,
    tolerance_m: float | None = None,
    questions: tuple[str, str] = ("", ""),
) -> tuple[Households, Issues]:
    """Fill ``commune_code``, ``vintage`` and ``placed_by``, and say what had to be repaired or does not fit.

    Parameters
    ----------
    households
        ``declared_commune`` as answered; ``longitude``, ``latitude``, ``accuracy_m`` of the point, empty where none.
    places
        Names, lineage and outlines.
    vintage_of_form
        Vintage whose codes the form offers, and of the codes returned, save where a point in newer outlines stands in
        for an answer and cannot tell which old commune it was: ``vintage`` says so row by row. "" is the outlines' own.
    tolerance_m
        Metres beyond its own accuracy that a point may be off; None for what the outlines call for.
    questions
        Paths of the commune and the point question, named in the issues.

    Returns
    -------
    tuple[Households, Issues]
        ``placed_by`` is "both" where the point lies in the answered commune or within its tolerance, "point" where the
        answer was missing or no use, "answer" otherwise; empty, like ``commune_code``, where neither helps.
    """
    vintage = vintage_of_form or places.vintage
    floor = places.floor_m if tolerance_m is None else tolerance_m
    read = places.recognise(households["declared_commune"], vintage)
    work = households.select(
        "submission_id",
        "upload_id",
        "status",
        "longitude",
        "latitude",
        "declared_commune",
        pl.col("accuracy_m").clip(0).fill_null(0.0).fill_nan(0.0).alias("accuracy_m"),
    ).hstack(read)
    work = _compare(_with_points(work, places, vintage), places, floor)
    placed = work.select(
        pl.coalesce("code", "stand_in").alias("commune_code"),
        pl.when(pl.col("code").is_null())
        .then(pl.when(pl.col("stand_in").is_not_null()).then(pl.lit("point")))
        .when("agrees")
        .then(pl.lit("both"))
        .otherwise(pl.lit("answer"))
        .alias("placed_by"),
        pl.coalesce("stand_vintage", pl.lit(vintage)).alias("vintage"),
    )
    done = households.with_columns(placed)
    return Households(HOUSEHOLDS.check(done)), _issues(work, floor, questions, places.vintage)


def _with_points(work: pl.DataFrame, places: Places, vintage: str) -> pl.DataFrame:
    """Add ``seen``, the point's commune, ``declared``, the answer's, both in the outlines' vintage, and stand-ins."""
    seen = places.locate(work["longitude"], work["latitude"]).alias("seen")
    work = work.with_columns(seen, _moved(work["code"], places, vintage, places.vintage).alias("declared"))
    work = work.with_row_index("_row")
    return work.join(_stand_ins(work, places, vintage), on="_row", how="left", maintain_order="left")


def _moved(codes: pl.Series, places: Places, old: str, new: str) -> pl.Series:
    return codes if old == new else places.recode(codes, old, new)


def _stand_ins(work: pl.DataFrame, places: Places, vintage: str) -> pl.DataFrame:
    """What a point says in place of an answer that names no commune, or several: ``stand_in`` and its vintage.

    A point picks among several candidates, never a commune beside them. Where the form is older than the outlines and
    the new commune had several old ones, the stand-in stays in the outlines' vintage: they cannot tell which it was.
    """
    sure = pl.col("seen").is_not_null() & (pl.col("accuracy_m") <= USABLE_ACCURACY_M) & pl.lit(places.decides)
    lost = work.filter(pl.col("code").is_null() & sure)
    told = lost.filter(pl.col("how") == "ambiguous").select("_row", "seen", "candidates").explode("candidates")
    told = told.filter(_moved(told["candidates"], places, vintage, places.vintage).eq(told["seen"]).fill_null(False))
    told = told.group_by("_row").agg(
        pl.col("seen").first(), pl.when(pl.len() == 1).then(pl.col("candidates").first()).alias("exact")
    )
    plain = lost.filter(pl.col("how").ne_missing("ambiguous")).select("_row", "seen")
    plain = plain.with_columns(_moved(plain["seen"], places, places.vintage, vintage).alias("exact"))
    return pl.concat([plain, told]).select(
        "_row",
        pl.coalesce("exact", "seen").alias("stand_in"),
        pl.when(pl.col("exact").is_null())
        .then(pl.lit(places.vintage))
        .otherwise(pl.lit(vintage))
        .alias("stand_vintage"),
    )


def _compare(work: pl.DataFrame, places: Places, floor: float) -> pl.DataFrame:
    """Add ``metres`` from the point to the answered commune (to any, where there is no telling), and what follows.

    Only points that are not plainly inside are measured.
    """
    has_point = pl.col("longitude").is_not_nan() & pl.col("latitude").is_not_nan()
    work = work.with_columns(has_point=has_point.fill_null(False))
    same = pl.col("seen").eq(pl.col("declared")).fill_null(False)
    apart = work.filter(pl.col("has_point") & ~same)
    compares = pl.col("declared").is_not_null() & pl.lit(places.decides)
    apart = pl.concat([apart.filter(compares), apart.filter(~compares & pl.col("seen").is_null())])
    measurable = apart.select(compares.sum()).item()
    one, other = apart[:measurable], apart[measurable:]
    away = np.concatenate(
        [
            places.metres_to(one["declared"], one["longitude"], one["latitude"]),
            places.metres_to_ground(other["longitude"], other["latitude"]),
        ]
    )
    measured = apart.select("_row").with_columns(pl.Series("metres", away).fill_nan(None))
    work = work.join(measured, on="_row", how="left", maintain_order="left").drop("_row")
    near = (pl.col("metres") <= pl.col("accuracy_m") + floor).fill_null(False)
    agrees = pl.lit(places.decides) & pl.col("has_point") & pl.col("declared").is_not_null() & (same | near)
    strays = pl.col("has_point") & ~same & ~near
    return work.with_columns(
        agrees=agrees,
        elsewhere=strays & compares & pl.col("seen").is_not_null(),
        outside=strays & pl.col("seen").is_null(),
    )


def _issues(work: pl.DataFrame, floor: float, questions: tuple[str, str], outlines: str) -> Issues:
    counted = work.filter(pl.col("status").is_in(COUNTED))
    commune, point = questions
    final = pl.coalesce("code", "stand_in")
    read = counted.filter(pl.col("how").is_in(list(REPAIRS)))
    taken = counted.filter(pl.col("code").is_null() & pl.col("stand_in").is_not_null())
    lost = counted.filter(pl.col("code").is_null() & pl.col("stand_in").is_null())
    tolerance = (pl.col("accuracy_m") + floor).round(0).cast(pl.Int64)
    off = {"metres": pl.col("metres").round(0).cast(pl.Int64), "tolerance": tolerance}
    candidates = pl.col("candidates").list.join(", ")
    said: dict[str, dict[str, pl.Expr]] = {
        "LOC-01": {"candidates": candidates},
        "LOC-02": {"commune": final, "former": candidates},
        "LOC-09": {"candidates": candidates},
    }
    frames = [
        _rows(part, code, commune, said.get(code, {"commune": final}))
        for how, code in REPAIRS.items()
        if (part := read.filter(pl.col("how") == how)).height
    ]
    frames += [
        _rows(
            counted.filter("elsewhere"),
            "LOC-05",
            point,
            {"commune": final, "seen": pl.col("seen"), "vintage": pl.lit(outlines)} | off,
        ),
        _rows(counted.filter("outside"), "LOC-06", point, off),
        _rows(lost, "LOC-07", commune, {}),
        _rows(taken, "LOC-08", commune, {"commune": final, "vintage": pl.col("stand_vintage")}),
    ]
    return Issues(ISSUES.check(pl.concat(frames).sort("submission_id", maintain_order=True)))


def _rows(part: pl.DataFrame, code: str, question: str, details: dict[str, pl.Expr]) -> pl.DataFrame:
    """One issue a row; no value for points: where a house stands never enters the issues table."""
    named = [value.alias(name) for name, value in details.items()]
    said = pl.struct(named).struct.json_encode() if named else pl.lit("{}")
    answered = code not in ("LOC-05", "LOC-06", "LOC-07", "LOC-08")
    return part.select(
        pl.col("upload_id"),
        pl.col("submission_id"),
        pl.lit(None, pl.String).alias("row_id"),
        pl.lit(question or None, pl.String).alias("question"),
        pl.lit(code).alias("code"),
        pl.lit(PROBLEMS[code].severity).alias("severity"),
        (pl.col("declared_commune") if answered else pl.lit(None, pl.String)).alias("value"),
        said.alias("details"),
        pl.lit(None, pl.String).alias("found_in"),
    )


def move(households: Households, places: Places) -> Households:
    """Put placed households in the vintage of ``places``: exactly by lineage, else by their point.

    A commune that went whole into one new one moves exactly. Back to an older vintage most communes have several
    candidates: the point picks one, if it lies in a commune that lineage leads here from. Where neither tells,
    ``commune_code`` is empty and the household speaks for no commune of that vintage.
    """
    parts = []
    for (vintage,), part in households.with_row_index("_row").group_by("vintage", maintain_order=True):
        if vintage is None or vintage == places.vintage:
            parts.append(part)
            continue
        exact = places.recode(part["commune_code"], str(vintage), places.vintage)
        seen = places.locate(part["longitude"], part["latitude"])
        fits = places.recode(seen, places.vintage, str(vintage)) == part["commune_code"]
        code = pl.select(pl.coalesce(exact, pl.when(fits).then(seen))).to_series()
        parts.append(part.with_columns(commune_code=code, vintage=pl.lit(places.vintage)))
    whole = pl.concat(parts).sort("_row").drop("_row") if parts else households
    return Households(HOUSEHOLDS.check(whole))
