"""The ground the made-up round stands on: communes as they are, hamlets and house positions made up inside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import shapely

from collect.forms import Form
from geo import boundaries, units

VINTAGE = "2025-07"
LANDSCAPES = Path(__file__).with_name("landscapes.csv")
SPREAD_M = {"town": 250.0, "market": 350.0, "canal": 600.0, "coast": 600.0, "island": 500.0}
METRES = 111_195.0  # per degree of latitude
INSIDE_M = 40.0  # houses stay this far from the commune's line, beyond what a phone's error moves them
HAMLETS_WITHIN = 0.7  # without outlines: part of the commune's reach (a circle inside it) where hamlets lie

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ground:
    """``communes``: one row each, with its landscape. ``hamlets``: one row each, ``commune`` its commune's row."""

    communes: pl.DataFrame
    hamlets: pl.DataFrame


def lay_out(form: Form, rng: np.random.Generator, outlines: Path | None) -> Ground:
    """The communes of the official list and the hamlets that the form offers, with made-up sizes and centres.

    The hamlets of a commune add up to its households of the 2019 census. ``outlines`` is the folder `geo.fetch` filled.
    """
    places = pl.read_csv(LANDSCAPES, schema_overrides={"code": pl.String}).select(
        "code", "landscape", "khmer", "reach_m", centre_longitude="longitude", centre_latitude="latitude"
    )
    communes = units(VINTAGE).join(places, on="code", maintain_order="left").with_row_index("commune")
    offered = pl.DataFrame(
        [
            (choice.name, choice.columns.get("commune", ""), next(iter(choice.labels.values()), ""))
            for choice in form.choices["hamlet"]
        ],
        schema=["cluster", "code", "hamlet_name"],
        orient="row",
    )
    hamlets = offered.join(communes.select("code", "commune"), on="code", maintain_order="left").sort("cluster")
    sizes = np.concatenate(
        [
            _split(total, count, rng)
            for (count,), total in zip(
                hamlets.group_by("code", maintain_order=True).len().select("len").iter_rows(),
                communes["households_2019"].to_list(),
                strict=True,
            )
        ]
    )
    longitude, latitude = _centres(communes, hamlets["commune"].to_numpy(), rng, outlines)
    hamlets = hamlets.with_columns(
        pl.Series("households", sizes), pl.Series("longitude", longitude), pl.Series("latitude", latitude)
    ).with_row_index("hamlet")
    return Ground(communes, hamlets)


def _split(total: int, parts: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """``total`` households over ``parts`` hamlets of unequal size, none below 40, exactly."""
    shares = rng.dirichlet(np.full(parts, 12.0)) * (total - 40 * parts)
    whole = np.floor(shares).astype(np.int64)
    whole[np.argsort(whole - shares)[: total - 40 * parts - int(whole.sum())]] += 1
    return whole + 40


def _outlines(outlines: Path | None) -> dict[str, shapely.Geometry] | None:
    shapes = boundaries(VINTAGE, outlines)
    if shapes.kind == "schematic":
        return None
    inner = shapely.buffer(shapes.frame.geometry.to_numpy(), -INSIDE_M / METRES)
    return dict(zip(shapes.frame["code"], inner, strict=True))


def _centres(
    communes: pl.DataFrame, of: npt.NDArray[np.uint32], rng: np.random.Generator, outlines: Path | None
) -> tuple[Floats, Floats]:
    shapes = _outlines(outlines)
    longitude, latitude = np.empty(len(of)), np.empty(len(of))
    for commune in communes.iter_rows(named=True):
        mine = np.flatnonzero(of == commune["commune"])
        if shapes is None:
            found = _in_circle(commune, len(mine), rng)
        else:
            found = _in_shape(shapes[commune["code"]], len(mine), rng)
        longitude[mine], latitude[mine] = found
    return longitude, latitude


def _in_shape(shape: shapely.Geometry, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    west, south, east, north = shapely.bounds(shape)
    x, y = rng.uniform(west, east, 400 * count), rng.uniform(south, north, 400 * count)
    inside = np.flatnonzero(shapely.contains_xy(shape, x, y))[:count]
    if len(inside) < count:
        inside = np.resize(inside, count)
    return x[inside], y[inside]


def _in_circle(commune: dict[str, float], count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    radius = HAMLETS_WITHIN * commune["reach_m"] / METRES
    angle, away = rng.uniform(0, 2 * np.pi, count), radius * np.sqrt(rng.uniform(0, 1, count))
    latitude = commune["centre_latitude"] + away * np.sin(angle)
    return commune["centre_longitude"] + away * np.cos(angle), latitude


def houses(
    ground: Ground, hamlet: npt.NDArray[np.int64], rng: np.random.Generator, outlines: Path | None
) -> pl.DataFrame:
    """One house per entry of ``hamlet`` (row numbers), scattered around the hamlet's centre, inside its commune."""
    shapes = _outlines(outlines)
    near = ground.hamlets.join(ground.communes, on="commune", maintain_order="left")
    metres = near["landscape"].replace_strict(SPREAD_M, return_dtype=pl.Float64)
    if shapes is None:
        metres = pl.DataFrame([metres, (1 - HAMLETS_WITHIN) * near["reach_m"]]).min_horizontal()
    x0, y0 = ground.hamlets["longitude"].to_numpy()[hamlet], ground.hamlets["latitude"].to_numpy()[hamlet]
    angle, away = rng.uniform(0, 2 * np.pi, len(hamlet)), np.sqrt(rng.uniform(0, 1, len(hamlet)))
    away *= metres.to_numpy()[hamlet] / METRES
    x, y = x0 + away * np.cos(angle), y0 + away * np.sin(angle)
    if shapes is not None:
        of = ground.hamlets["commune"].to_numpy()[hamlet]
        for commune, code in ground.communes.select("commune", "code").iter_rows():
            mine = np.flatnonzero(of == commune)
            out = mine[~shapely.contains_xy(shapes[code], x[mine], y[mine])]
            x[out], y[out] = x0[out], y0[out]
    return pl.DataFrame({"longitude": x, "latitude": y})
