"""Finds the same interview under two ids: a copied row, a draft sent again, one household asked on two tablets.

Interviews with the same answers are found by a hash. Nearly the same ones are found by what their agreement is worth:
that two households answer "yes" says nothing, that their members were born in the same four years says much. Agreement
on an answer that a share p of all interviews gave is worth -log2(p) bits, as in record linkage (Fellegi and Sunter
1969); pairs worth comparing are found by MinHash with bands (Broder 1997) over the rarer answers, so that a province is
searched without comparing all with all. Nothing is merged: a reviewer says whether two are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
import polars as pl
from numpy.typing import NDArray

from collect.forms import Form
from collect.store import value_hashes

LEAST_SHARE = 0.6  # of what both answered, weighed by bits, that must agree; see docs/decisions/0082
MARGIN_BITS = 4  # by chance fewer than one pair in 2 to this power, in all pairs there are
RARE = 0.1  # answers given by more than this share of interviews say too little to look for pairs by
BANDS, ROWS = 12, 4
LIKENESS_TO_COMPARE = 0.3  # of the signatures: below it a pair is not looked at further
MIX = np.uint64(0x9E3779B97F4A7C15)  # an odd number with its bits well spread
SLICE = 200_000  # pairs whose signatures are compared at once
NEIGHBOURS = 12  # within a bucket of equal bands, each is compared with so many that follow
PAIRS = {
    "one": pl.String(),
    "other": pl.String(),
    "kind": pl.String(),  # answers, nearly, or household
    "share": pl.Float64(),  # of what both answered, weighed by bits, 0 to 1
    "bits": pl.Float64(),  # what the agreement is worth
}
Words = NDArray[np.uint64]
Wholes = NDArray[np.int64]


@dataclass(frozen=True)
class Traits:
    """What one upload's interviews are compared by: hashes, no answers.

    ``interviews``: submission_id, ``round``, ``household`` (a hash, null where the form names no household), ``whole``
    (a hash of all answers), ``placed`` (whether a point is among them). ``features``: ``place`` in ``interviews`` and
    ``feature``, a hash of question and answer; each once.
    """

    interviews: pl.DataFrame
    features: pl.DataFrame


def traits(answers: Mapping[str, pl.DataFrame], form: Form) -> Traits:
    """Hash one upload's answers. What a device fills in, what is calculated, and who asked when is left out."""
    root = answers[form.root]
    design = form.design
    ids = root.select("submission_id").with_row_index("place")
    unweighed = _told_by_others(form)
    whole = np.zeros(root.height, np.uint64)
    features: list[pl.DataFrame] = []
    for repeat, table in answers.items():
        places = table.select("submission_id").join(ids, on="submission_id", how="left", maintain_order="left")["place"]
        at = places.to_numpy()
        row = value_hashes(table["row_id"], "")
        for path in _compared(form, repeat, table):
            hashes = value_hashes(table[path], path)
            np.add.at(whole, at, hashes ^ np.where(hashes == 0, np.uint64(0), row))
            if path not in unweighed:
                told = hashes != 0
                features.append(pl.DataFrame({"place": places.filter(pl.Series(told)), "feature": hashes[told]}))
    nothing = pl.DataFrame(schema={"place": pl.UInt32, "feature": pl.UInt64})
    point = design.point if design.point in root.columns else ""
    household = design.household_id if design.household_id in root.columns else ""
    interviews = root.select(
        "submission_id",
        round=pl.col(design.round) if design.round in root.columns else pl.lit(None, pl.String),
        household=pl.col(household) if household else pl.lit(None, pl.String),
        placed=pl.col(point).is_not_null() if point else pl.lit(False),
    ).with_columns(whole=pl.Series(whole))
    return Traits(interviews, pl.concat([nothing, *features]).unique())


def _told_by_others(form: Form) -> set[str]:
    """Questions whose answers others imply: they would be counted twice. And the point, which never comes again."""
    design = form.design
    implied = {design.point, *((design.commune, design.cluster, design.stratum) if design.hamlet else ())}
    return implied | ({design.age} if design.birth_year else set())


def _compared(form: Form, repeat: str, table: pl.DataFrame) -> list[str]:
    design = form.design
    aside = {design.started_at, design.ended_at, design.interviewed_on, design.interviewer, design.round}
    return [
        question.path
        for question in form.questions_in(repeat)
        if question.path in table.columns
        and question.path not in aside
        and not (question.preload or question.calculate or question.path.startswith(f"{form.root}/meta/"))
    ]


def pairs(found: Sequence[Traits]) -> pl.DataFrame:
    """All pairs that may be one interview, as `PAIRS`, most alike first; each once, for its strongest reason.

    Two interviews of different survey rounds are never a pair.
    """
    interviews = pl.concat([one.interviews for one in found])
    starts = np.cumsum([0, *(one.interviews.height for one in found)])
    moved = [pl.col("place").cast(pl.Int64) + int(start) for start in starts]
    features = pl.concat([one.features.with_columns(place) for one, place in zip(found, moved, strict=False)])
    features = features.sort("place", "feature")
    count = max(interviews.height, 2)
    enough = log2(count * (count - 1) / 2) + MARGIN_BITS
    weighed = features.join(
        features.group_by("feature").agg(shared_by=pl.len()), on="feature", maintain_order="left"
    ).with_columns(bits=(count / pl.col("shared_by")).log(2))
    worth = np.zeros(interviews.height)
    np.add.at(worth, weighed["place"].to_numpy(), weighed["bits"].to_numpy())
    near = _scored(_candidates(weighed, interviews.height, count), weighed, worth)
    near = near.filter((pl.col("share") >= LEAST_SHARE) & (pl.col("bits") >= enough))
    telling = pl.Series((worth >= enough) | interviews["placed"].to_numpy())
    same = _equal(interviews, "whole", "answers", telling, worth)
    everything = pl.concat([same, near, _households(interviews, worth)])
    return _named(everything, interviews)


def _equal(rows: pl.DataFrame, column: str, kind: str, which: pl.Series, worth: NDArray[np.float64]) -> pl.DataFrame:
    """Each interview with the one before it that is equal in a column."""
    numbered = rows.with_row_index("at").filter(which & rows[column].is_not_null())
    tied = numbered.with_columns(first=pl.col("at").shift(1).over(column, "round")).drop_nulls("first")
    return tied.select(
        first=pl.col("first").cast(pl.Int64),
        second=pl.col("at").cast(pl.Int64),
        kind=pl.lit(kind),
        share=pl.lit(1.0 if kind == "answers" else None, pl.Float64),
        bits=pl.Series(worth).gather(tied["at"]) if kind == "answers" else pl.lit(None, pl.Float64),
    )


def _households(interviews: pl.DataFrame, worth: NDArray[np.float64]) -> pl.DataFrame:
    every = pl.repeat(True, interviews.height, dtype=pl.Boolean, eager=True)
    return _equal(interviews, "household", "household", every, worth)


def _candidates(weighed: pl.DataFrame, height: int, count: int) -> pl.DataFrame:
    """Pairs of places whose rarer answers look alike, by MinHash."""
    rare = weighed.filter(pl.col("shared_by") <= max(2, RARE * count))
    places, features = rare["place"].to_numpy(), rare["feature"].to_numpy()
    owners, begin = np.unique(places, return_index=True)
    chance = np.random.default_rng(1997)  # fixed: the same answers give the same pairs
    signature = np.empty((len(owners), BANDS * ROWS), np.uint32)
    for column in range(BANDS * ROWS):
        odd, shift = chance.integers(0, 2**63, 2, dtype=np.uint64)
        mixed = ((features * (odd * np.uint64(2) + np.uint64(1)) + shift) >> np.uint64(32)).astype(np.uint32)
        signature[:, column] = np.minimum.reduceat(mixed, begin) if len(owners) else 0
    found = [_in_one_band(signature[:, band * ROWS : (band + 1) * ROWS]) for band in range(BANDS)]
    both = np.stack(np.divmod(np.unique(np.concatenate(found)), max(len(owners), 1)), axis=1)
    slices = np.array_split(both, len(both) // SLICE + 1)
    alike = np.concatenate([(signature[part[:, 0]] == signature[part[:, 1]]).mean(axis=1) for part in slices])
    kept = owners[both[alike >= LIKENESS_TO_COMPARE]].reshape(-1, 2).astype(np.int64)
    return pl.DataFrame({"first": kept[:, 0], "second": kept[:, 1]})


def _in_one_band(band: NDArray[np.uint32]) -> Wholes:
    """Pairs of rows that are equal in a band, each with the few that follow among its equals: first * rows + second."""
    keys = np.zeros(len(band), np.uint64)
    for column in band.T:
        keys = (keys ^ column.astype(np.uint64)) * MIX
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    found = [np.empty(0, np.int64)]
    for step in range(1, min(NEIGHBOURS, len(order) - 1) + 1):
        equal = ordered[:-step] == ordered[step:]
        first, second = order[:-step][equal], order[step:][equal]
        found.append(np.minimum(first, second) * len(band) + np.maximum(first, second))
    return np.concatenate(found)


def _scored(candidates: pl.DataFrame, weighed: pl.DataFrame, worth: NDArray[np.float64]) -> pl.DataFrame:
    """What each pair's agreement is worth, in bits and as a share of all that either answered."""
    looked_at = pl.concat([candidates["first"], candidates["second"]]).unique()
    own = weighed.filter(pl.col("place").is_in(looked_at.implode()))
    agreed = (
        candidates.with_row_index("pair")
        .join(own.select(first="place", feature="feature", bits="bits"), on="first")
        .join(own.select(second="place", feature="feature"), on=["second", "feature"], how="semi")
        .group_by("first", "second")
        .agg(pl.col("bits").sum())
    )
    either = pl.Series(worth).gather(agreed["first"]) + pl.Series(worth).gather(agreed["second"]) - agreed["bits"]
    return agreed.select("first", "second", kind=pl.lit("nearly"), share=pl.col("bits") / either, bits="bits")


def _named(places: pl.DataFrame, interviews: pl.DataFrame) -> pl.DataFrame:
    """Places become submissions; pairs of different rounds and repetitions are left out."""
    ids, rounds = interviews["submission_id"], interviews["round"]
    named = places.with_columns(
        one=ids.gather(places["first"]),
        other=ids.gather(places["second"]),
        apart=(rounds.gather(places["first"]) != rounds.gather(places["second"])).fill_null(False),
    )
    together = named.filter(~pl.col("apart")).unique(["one", "other"], keep="first", maintain_order=True)
    return together.select(*PAIRS).sort("share", "bits", "one", descending=[True, True, False], nulls_last=True)
