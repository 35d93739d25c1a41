"""The dirt of real fieldwork, put in on purpose and written down, so that a test can say which of it was found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from collect.demo.answers import MEMBER, Answers, uuids
from collect.demo.ground import VINTAGE, Ground
from geo import former_units

OLD_VINTAGE = "2024"
OLD_VERSION = "2025050601"  # the form some phones still carried, with the communes of before the reform

Whole = npt.NDArray[np.int64]

# share of the interviews, and the problems the dirt must raise (each may raise others besides)
KINDS: dict[str, tuple[float, tuple[str, ...]]] = {
    "duplicate": (0.005, ("ID-02",)),  # the same submission stands twice in the export
    "edited": (0.005, ()),  # corrected after it was sent: the later version counts
    "point_outside": (0.003, ("LOC-06",)),  # taken at the office, or 0 0
    "point_in_wrong_commune": (0.006, ("LOC-05",)),  # taken on the way home
    "old_code": (0.006, ("LOC-02",)),  # commune as it was before July 2025
    "age_impossible": (0.003, ("CON-01",)),  # 134 years old
    "age_contradicts_birth_year": (0.003, ("ROS-02",)),
    "answer_missing": (0.005, ("REQ-01",)),  # a required answer is blank
    "ends_before_it_starts": (0.002, ("DAT-01",)),
    "wrong_day": (0.002, ("DAT-02",)),  # the phone's clock stood a year ahead, or in 2016
}


@dataclass(frozen=True)
class Soiled:
    """Answers with their dirt, and the list of it: ``row`` (interview), ``kind``."""

    answers: Answers
    found: pl.DataFrame


def soil(answers: Answers, ground: Ground, rng: np.random.Generator) -> Soiled:
    """Spoil the shares of `KINDS`, each interview in one way at most. Refused interviews stay as they are."""
    root = answers.root.with_columns(pl.lit("").alias("version"), pl.lit(None, pl.String).alias("edited_as"))
    members = answers.members
    willing = np.flatnonzero((root["/data/consent"] == "yes").to_numpy())
    order = rng.permutation(willing)
    found = []
    for kind, (share, _) in KINDS.items():
        fit = order[_possible(kind, order, root, members, ground)][: max(1, round(share * root.height))]
        order = rng.permutation(order[~np.isin(order, fit)])  # what this kind could not use must not pile up in front
        rows = np.sort(fit).astype(np.int64)
        root, members = _spoil(kind, rows, root, members, ground, rng)
        found.append(
            pl.DataFrame({"row": rows, "kind": [kind] * len(rows)}, schema={"row": pl.Int64, "kind": pl.String})
        )
    return Soiled(Answers(root, members), pl.concat(found))


def _possible(
    kind: str, rows: Whole, root: pl.DataFrame, members: pl.DataFrame, ground: Ground
) -> npt.NDArray[np.bool_]:
    """Which of the interviews can be spoilt in this way."""
    if kind.startswith("point"):
        return root["point0"].is_not_null().gather(rows).to_numpy()
    if kind == "old_code":
        has = pl.Series([bool(codes) for codes in _old_codes(ground)])
        return has.gather(root["commune"].gather(rows)).to_numpy()
    if kind.startswith("age"):
        return np.isin(rows, _adults(members)["row"].to_numpy())
    return np.ones(len(rows), dtype=bool)


def _spoil(
    kind: str, rows: Whole, root: pl.DataFrame, members: pl.DataFrame, ground: Ground, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    if kind.startswith("age"):
        return root, _wrong_age(kind, rows, members)
    if kind == "answer_missing":
        return _missing(rows, root, members)
    changes = {
        "edited": lambda: {"edited_as": uuids(len(rows), rng)},
        "point_outside": lambda: _outside(len(rows)),
        "point_in_wrong_commune": lambda: _elsewhere(rows, root, ground, rng),
        "old_code": lambda: _old(rows, root, ground, rng),
        "ends_before_it_starts": lambda: {"/data/end": _hour_before(root["/data/start"].gather(rows))},
        "wrong_day": lambda: _other_year(rows, root),
    }
    found = changes.get(kind, dict)()
    places = pl.Series(rows.astype(np.uint32))
    for name, values in found.items():
        root = root.with_columns(root[name].scatter(places, pl.Series(values, dtype=pl.String)).alias(name))
    return root, members


def _outside(count: int) -> dict[str, list[str]]:
    """Every second point is the survey office far away; the others are a phone that never got a fix and wrote zeros."""
    office = [number % 2 == 0 for number in range(count)]
    return {
        "point0": ["10.7769" if here else "0.0" for here in office],
        "point1": ["106.7009" if here else "0.0" for here in office],
        "point3": ["12.0" if here else "0.0" for here in office],
    }


def _elsewhere(rows: Whole, root: pl.DataFrame, ground: Ground, rng: np.random.Generator) -> dict[str, list[str]]:
    """The centre of a hamlet of another commune."""
    communes, hamlets = root["commune"].to_numpy()[rows], ground.hamlets
    of = hamlets["commune"].to_numpy()
    picks = [int(rng.choice(np.flatnonzero(of != commune))) for commune in communes]
    return {
        "point0": [f"{hamlets['latitude'][pick]:.7f}" for pick in picks],
        "point1": [f"{hamlets['longitude'][pick]:.7f}" for pick in picks],
    }


def _old_codes(ground: Ground) -> list[list[str]]:
    """Per commune: the codes its ground had in 2024 that no commune has now."""
    now = set(ground.communes["code"])
    return [
        [old for old in former_units(code, VINTAGE, OLD_VINTAGE) if old not in now] for code in ground.communes["code"]
    ]


def _old(rows: Whole, root: pl.DataFrame, ground: Ground, rng: np.random.Generator) -> dict[str, list[str]]:
    codes = _old_codes(ground)
    picked = [str(rng.choice(codes[commune])) for commune in root["commune"].to_numpy()[rows]]
    return {"/data/place/commune": picked, "version": [OLD_VERSION] * len(rows)}


def _hour_before(start: pl.Series) -> list[str]:
    earlier = start.str.slice(0, 23).str.to_datetime("%Y-%m-%dT%H:%M:%S%.3f").dt.offset_by("-1h")
    return (earlier.dt.to_string("%Y-%m-%dT%H:%M:%S%.3f") + "+07:00").to_list()


def _other_year(rows: Whole, root: pl.DataFrame) -> dict[str, list[str]]:
    years = ["2027" if number % 2 == 0 else "2016" for number in range(len(rows))]
    return {
        name: [year + value[4:] for year, value in zip(years, root[name].gather(rows).to_list(), strict=True)]
        for name in ("/data/start", "/data/end", "/data/today")
    }


def _adults(members: pl.DataFrame) -> pl.DataFrame:
    """The first person of each interview who is 20 to 60 and knows the year of birth: ``row``, and ``place`` here."""
    age = pl.col(f"{MEMBER}/age").cast(pl.Int64)
    told = pl.col(f"{MEMBER}/birth_year").is_not_null()
    return (
        members.with_row_index("place")
        .filter(age.is_between(20, 60) & told)
        .group_by("row", maintain_order=True)
        .first()
        .select("row", "place")
    )


def _wrong_age(kind: str, rows: Whole, members: pl.DataFrame) -> pl.DataFrame:
    name = f"{MEMBER}/age"
    places = _adults(members).filter(pl.col("row").is_in(rows.tolist()))["place"]
    age = members[name].gather(places).cast(pl.Int64)
    wrong = (age + (100 if kind == "age_impossible" else 20)).cast(pl.String)
    return members.with_columns(members[name].scatter(places, wrong).alias(name))


def _missing(rows: Whole, root: pl.DataFrame, members: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """In turn: fibre passed; the head's sex; the head's accounts (the next question is then not asked)."""
    for column in ("/data/household/fibre_passed",):
        root = root.with_columns(_blank(root[column], rows[0::3]))
    heads = members.with_row_index("place").filter(pl.col("index") == 1)
    for turn, columns in ((1, ("sex",)), (2, ("account", "account_used_12_months"))):
        places = heads.filter(pl.col("row").is_in(rows[turn::3].tolist()))["place"].to_numpy()
        members = members.with_columns([_blank(members[f"{MEMBER}/{name}"], places) for name in columns])
    return root, members


def _blank(values: pl.Series, places: npt.NDArray[np.generic]) -> pl.Series:
    return values.scatter(
        pl.Series(places.astype(np.uint32)), pl.repeat(None, len(places), dtype=pl.String, eager=True)
    )
